"""Each value of each command, named after something that is no file: refused, never opened."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bionic_core.cli import app
from bionic_core.runs.folder import Run
from tests.cli.test_cli import Bionic, bionic
from tests.runs.test_hostile_runs import good

__all__ = ["bionic", "good"]  # fixtures

SECONDS = 60
"""More than any refusal takes: a pipe that is opened would be waited for without end."""

GOOD = {
    "activity": "RUN --out a.parquet",
    "build": "baseline",
    "capacity": "RUN",
    "compare": "RUN --with a.npz",
    "explain": "demo",
    "lesion": "RUN --by layer",
    "train": "demo",
    "evaluate": "RUN",
    "predict": "RUN picture.png",
    "export": "RUN",
    "factorial": "demo --plan --probe 0 --mechanisms masks",
    "analyse": "table.csv --response y",
    "ablate": "demo --plan",
    "report": "RUN",
    "reproduce": "--plan",
    "runs": "",
    "check": "noise",
    "new": "a_name",
    "data info": "schematic",
    "data check": "schematic",
    "connectome info": "surrogate",
    "connectome import": "synapses.csv --cells cells.csv --out o.npz --overwrite",
    "connectome plot": "surrogate",
    "connectome surrogate": "--neurons 20 --overwrite",
    "connectome export": "surrogate --to csv --overwrite",
    "connectome fetch": "larva --overwrite",
}
"""A request of each command, to be changed in one value."""

WORDS = {
    *("--seed", "--seeds", "--epochs", "--device", "--split", "--margin", "--format", "--without"),
    *("--mechanisms", "--factor", "--resolution", "--foldover", "--probe", "--response", "--order"),
    *("--error", "--over", "--jobs", "--engine", "--track", "--factors", "--block", "--laws"),
    *("--protocol", "--near", "--layers", "--table", "--cells-table", "--column", "--excitatory"),
    *("--inhibitory", "--sign-unknown", "--kind", "--drop", "--refuse", "--keep", "--voxel"),
    *("--values", "--separator", "--cells-separator", "--encoding", "--label", "--tilt", "--pia"),
    *("--until", "--max-seeds", "--part", "--by", "--top", "--state", "--spec", "--variant"),
    *("--covariate", "--random", "--ignore"),
    *("--neurons", "--source", "--to", "--set", "--track-to", "--draws", "--unit", "paper", "name"),
}
"""Arguments and options that name no file: they are looked up, counted, or shown."""

KINDS = ("pipe", "socket", "device", "folder")

UNREAD = {("factorial", "--data"), ("ablate", "--data")}
"""A plan looks into no folder of data."""

ELSEWHERE = {("activity", "--out"), ("factorial", "--figures"), ("reproduce", "--recorded")} | {
    ("compare", name) for name in ("--images", "--data")
}
"""What a request without a suffix, with a plan, or without other files is refused for before."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if not hasattr(group, "list_commands"):
        yield " ".join(path), group
        return
    context = typer.Context(group)
    for name in group.list_commands(context):
        yield from commands(group.get_command(context, name), (*path, name))


def places() -> list[tuple[str, str]]:
    """Return each command with each of its arguments and options that may name a file or folder."""
    return [
        (name, parameter.opts[0])
        for name, command in commands(typer.main.get_command(app))
        for parameter in command.params
        if not getattr(parameter, "is_flag", False) and parameter.opts[0] not in WORDS
        if (name, parameter.opts[0]) != ("connectome fetch", "source")  # a fetcher's name
        if parameter.opts[0] != "--with" or name == "compare"  # else mechanisms
    ]


def request(command: str, parameter: str, value: str, run: str) -> list[str]:
    """Return the words of a request with that value, as another argument or option of it."""
    words = [run if word == "RUN" else word for word in GOOD[command].split()]
    if parameter in words:
        words[words.index(parameter) + 1] = value
    elif parameter.startswith("-"):
        rest = words[: words.index("--mechanisms")] if parameter == "--design" else words
        words = [*rest, parameter, value]
    elif parameter == "images":
        words[1] = value
    elif words and not words[0].startswith("-"):
        words[0] = value
    else:
        words.insert(0, value)
    return [*command.split(), *words]


def made(kind: str, path: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))


def stuck(*_: object) -> None:
    raise TimeoutError("it waits")


@pytest.mark.parametrize(
    "kind", ["pipe", *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:])]
)
def test_what_is_no_file_is_named_and_not_opened(
    bionic: Bionic, good: Run, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("BIONIC_DATA", "data")
    Path("cells.csv").write_text("id,cell_type,ei\n1,a,e\n2,b,i\n3,a,e\n")
    Path("synapses.csv").write_text("pre,post\n1,2\n2,3\n")
    Path("table.csv").write_text("a,b,y\n0,0,1\n0,1,2\n1,0,3\n1,1,5\n")
    shutil.copytree(good.folder, good.hash)
    before = signal.signal(signal.SIGALRM, stuck)
    wrong = []
    try:
        for number, (command, parameter) in enumerate(places()):
            if (command, parameter) in ELSEWHERE:
                continue
            if kind == "folder" and (
                parameter in ("--out", "--save", "--figures") or (command, parameter) in UNREAD
            ):
                continue
            name = f"thing{number}"
            made(kind, Path(name))
            signal.alarm(SECONDS)
            said = bionic(*request(command, parameter, name, good.hash))
            signal.alarm(0)
            named = name in said.err and (kind in said.err or kind == "folder")
            if said.code != 2 or not named or Path(name).is_file():
                wrong.append((command, parameter, said.code, said.err[-200:]))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert not wrong, "\n".join(map(str, wrong))
    assert len(places()) > 30
