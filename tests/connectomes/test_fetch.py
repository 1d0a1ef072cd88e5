"""``bionic connectome fetch``: a plugin's fields are options; a file is whole or absent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import attrs
import numpy as np
import pytest

from bionic_core import BionicError, Connectome, ConnectomeFetcher, RequestError, cli
from bionic_core.connectomes.fetch import Parts, fetch_connectome, parts_folder
from bionic_core.connectomes.roles import Unwatched, Watch
from tests.support.options import from_options


@attrs.frozen(eq=False)
class Toy(ConnectomeFetcher):
    """Two cells from nowhere.

    Attributes:
        how_many: synapses between them.
    """

    name = "toy"
    failure: ClassVar[BaseException | None] = None

    how_many: int = 2
    scale: float = 1.0
    title: str = "two cells"
    cell_types: tuple[str, ...] = ("23P", "4P")
    place: tuple[float, ...] = ()
    loud: bool = False

    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        kept = Parts(parts, {"how_many": self.how_many})
        watch.step("cells", 0, 2)
        if kept.read("cells") is None:
            kept.write("cells", {"id": np.array([1, 2])})
        if Toy.failure is not None:
            raise Toy.failure
        watch.step("cells", 2, 2)
        watch.say("said")
        return Connectome.of(
            cell_id=np.array([1, 2]),
            broad_type=["excitatory"] * 2,
            cell_type=list(self.cell_types),
            position=np.zeros((2, 3)),
            pre=np.array([0]),
            post=np.array([1]),
            count=np.array([self.how_many]),
            provenance={"label": self.title},
        )


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def bionic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Said]:
    """Run a command with the toy installed, in an empty folder, in this process."""
    points = entry_points(group="bionic")
    toy = EntryPoint(name="toy", value=f"{__name__}:Toy", group="bionic")
    monkeypatch.setattr("bionic_core.registry.entry_points", lambda group: [*points, toy])
    monkeypatch.setattr(Toy, "failure", None)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["bionic", "connectome", "fetch", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return command


Bionic = Callable[..., Said]


def test_options_become_fields() -> None:
    toy = from_options(
        Toy,
        ["--how-many", "5", "--scale=-0.5", "--title", "12", "--cell-types", "BC, MC", "--loud"],
    )
    assert (toy.how_many, toy.scale, toy.title, toy.loud) == (5, -0.5, "12", True)
    assert toy.cell_types == ("BC", "MC")
    assert from_options(Toy, ["--place", "-1,2.5,3"]).place == (-1.0, 2.5, 3.0)
    assert from_options(Toy, ["--cell-types", ""]).cell_types == ()
    assert from_options(Toy, []).how_many == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--how-man", "5"], "--how-man: there is no such option of 'toy'. Did you mean '--how-m"),
        (["--how-many"], "--how-many: needs a value"),
        (["--how-many", "--loud"], "--how-many: needs a value"),
        (["--how-many", "1.5"], "--how-many = 1.5: must be a whole number"),
        (["--how-many", "five"], '--how-many = "five": must be a whole number'),
        (["--place", "1,b"], '--place[1] = "b": must be a number'),
        (["--loud=maybe"], '--loud = "maybe": must be true or false'),
        (["stray"], "stray: belongs to no option"),
    ],
)  # fmt: skip
def test_options_that_are_wrong(words: list[str], problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        from_options(Toy, words)
    assert str(caught.value).startswith(f"toy: {problem}")


def test_fetch_writes_and_shows(bionic: Bionic) -> None:
    said = bionic("toy", "--how-many", "3", "--out", "toy.npz", "--json")
    assert said.code == 0
    document = json.loads(said.out)
    assert document["synapses"] == 3
    assert document["label"] == "two cells"
    assert document["file"] == "toy.npz"
    assert said.err.splitlines() == ["cells: 0 of 2", "cells: 2 of 2", "said"]
    assert Connectome.load(Path("toy.npz")).count.tolist() == [3]
    assert [path.name for path in Path.cwd().iterdir()] == ["toy.npz"]
    shown = bionic("toy", "--out=other.npz")
    assert "two cells" in shown.out
    assert "2 cells, 1 connections" in shown.out


def test_what_exists_is_kept(bionic: Bionic) -> None:
    Path("toy.npz").write_text("mine")
    said = bionic("toy", "--out", "toy.npz")
    assert said.code == 2
    assert "toy.npz: exists already" in said.err
    assert "--overwrite" in said.err
    assert Path("toy.npz").read_text() == "mine"
    assert bionic("toy", "--out", "toy.npz", "--overwrite").code == 0
    assert Connectome.load(Path("toy.npz")).cells == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["toy"], "--out: name the file to write"),
        ([], "NAME: name what to fetch from first"),
        (["--how-many", "3", "toy"], "--how-many: name what to fetch from first"),
        (["toyy", "--out", "x.npz"], "there is no connectome fetcher 'toyy'. Did you mean 'toy'?"),
        (["column", "--out", "x.npz"], "'column' is a connectome source, not a connectome fetcher"),
        (["toy", "--out", "."], ".: is a folder; name a file"),
        (["toy", "--out", "/proc/none/x.npz"], "/proc/none/x.npz: cannot be written"),
        (["toy", "--how-many", "x", "--out", "x.npz"], "--how-many"),
    ],
)
def test_requests_that_are_wrong(bionic: Bionic, words: list[str], problem: str) -> None:
    said = bionic(*words)
    assert said.code == 2
    assert problem in said.err
    assert said.out == ""
    assert list(Path.cwd().iterdir()) == []


def test_a_failure_keeps_what_is_finished(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "failure", BionicError("the server is away"))
    said = bionic("toy", "--out", "toy.npz")
    assert said.code == 1
    assert "bionic: the server is away" in said.err
    assert not Path("toy.npz").exists()
    assert {path.name for path in Path("toy.npz.parts").iterdir()} == {"query.json", "cells.npz"}
    monkeypatch.setattr(Toy, "failure", None)
    assert bionic("toy", "--out", "toy.npz").code == 0
    assert [path.name for path in Path.cwd().iterdir()] == ["toy.npz"]


def test_ctrl_c_says_how_to_go_on(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "failure", KeyboardInterrupt())
    said = bionic("toy", "--out", "toy.npz")
    assert said.code == 1
    assert "stopped; what is finished is kept in toy.npz.parts, and the same command" in said.err


def test_help_shows_a_fetchers_options(bionic: Bionic) -> None:
    said = bionic("toy", "--help")
    assert said.code == 0
    for word in ("Two cells from nowhere.", "--how-many   [2]", "--cell-types   [23P,4P]", "--out"):
        assert word in said.out
    assert "Options of" not in bionic("--help").out


def test_the_built_in_fetchers_are_listed() -> None:
    from bionic_core import Registry

    listed = {item.entry.name: item for item in Registry.installed().listing()}
    for name in ("microns", "microns-dump"):
        assert listed[name].role == "connectome fetcher"
        assert not listed[name].error


def test_parts_belong_to_one_query(tmp_path: Path) -> None:
    folder = tmp_path / "x.parts"
    one = Parts(folder, {"version": 1})
    one.write("a", {"values": np.arange(3)})
    found: Any = Parts(folder, {"version": 1}).read("a")
    assert found["values"].tolist() == [0, 1, 2]
    assert one.read("b") is None
    assert Parts(folder, {"version": 2}).read("a") is None


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "toy.npz"
    folder = parts_folder(out)
    folder.mkdir()
    (folder / "diary.txt").write_text("mine")
    with pytest.raises(RequestError, match="is in the way"):
        fetch_connectome(Toy(), out, watch=Unwatched())
    assert (folder / "diary.txt").read_text() == "mine"
