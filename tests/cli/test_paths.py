"""Each value of each command, named after something that is no file: refused, never opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from bionic_core.cli import app

SECONDS = 20
"""More than any refusal takes; a pipe that is opened would be waited for without end."""

KINDS = ("pipe", "socket", "device", "folder")

GOOD = {
    "build": ["demo"],
    "train": ["demo", "--epochs", "1"],
    "evaluate": ["no-run"],
    "predict": ["no-run", "no-image"],
    "export": ["no-run"],
    "factorial": ["demo", "--plan", "--probe", "0"],
    "analyse": ["table.csv", "--response", "y"],
    "ablate": ["demo", "--plan"],
    "report": ["no-run"],
    "reproduce": ["--plan"],
    "runs": [],
    "check": ["noise", "--laws"],
    "new": ["a-name"],
    "data info": ["schematic"],
    "data check": ["schematic"],
    "connectome info": ["surrogate"],
    "connectome import": ["synapses.csv", "--cells", "cells.csv", "--out", "o.npz", "--overwrite"],
    "connectome plot": ["surrogate"],
    "connectome surrogate": ["--neurons", "20"],
    "connectome export": ["surrogate", "--to", "csv"],
    "connectome fetch": [],
}
"""A request of each command, to be changed in one value."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))
    if not hasattr(group, "commands"):
        yield " ".join(path), group


def values() -> Iterator[tuple[str, str]]:
    """Yield each command with each of its arguments and options that take a text or a path."""
    for name, command in commands(typer.main.get_command(app)):
        for parameter in command.params:
            kind = str(getattr(parameter.type_descriptor, "annotation", ""))
            if "str" in kind or "Path" in kind:
                yield name, parameter.opts[0]
