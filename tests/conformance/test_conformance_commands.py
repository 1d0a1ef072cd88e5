"""Laws of commands: each is broken by a command that breaks no other."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from bionic_core import Command
from bionic_core.cli.laws import COMMANDS
from bionic_core.conformance.judge import LawBrokenError, judge
from bionic_core.testing import COMMAND_LAWS, check_command
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support import commands

__all__ = ["bionic"]

QUICK = [law for law in COMMAND_LAWS if law != "light"]
"""The laws that start no process."""

BROKEN: Mapping[str, tuple[str, type[Command], str]] = {
    "capitals": ("named", commands.Shouting, "words of small letters"),
    "no help": ("help", commands.Silent, "file says nothing in --help"),
    "wrong example": ("example", commands.Misled, "No such option: --most"),
    "no json": ("json", commands.Unread, "no flag --json"),
    "Python's error": ("refuses", commands.Surprised, "FileNotFoundError"),
    "half written": ("refuses", commands.Hasty, "leaves files"),
}


def test_a_good_command_keeps_all_laws() -> None:
    check_command(commands.Wordcount)
    check_command(commands.Wordcount(), *QUICK)


@pytest.mark.parametrize("case", BROKEN)
def test_a_law_is_broken(case: str) -> None:
    law, command, words = BROKEN[case]
    broken = [verdict for verdict in judge(command, *QUICK, roles=(COMMANDS,)) if verdict.broken]
    assert [verdict.law for verdict in broken] == [law]
    assert words in str(broken[0])


def test_a_help_that_imports_what_is_heavy_breaks_a_law(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "from tests.support.commands import Wordcount"
    code = f"import sklearn\n{base}\n\nclass Slow(Wordcount):\n    pass\n"
    (tmp_path / "slow_command.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LawBrokenError, match=r"help imports.* sklearn"):
        check_command(import_module("slow_command").Slow, "light")


def test_every_law_can_be_broken() -> None:
    assert {*(law for law, _, _ in BROKEN.values()), "light"} == set(COMMAND_LAWS)


def test_the_built_in_commands_keep_them() -> None:
    points = sorted(entry_points(group="bionic.command"), key=lambda point: point.name)
    assert len(points) > 20
    for point in points:
        check_command(point.load(), *QUICK)


def test_check_judges_a_command_by_its_name(bionic: Bionic) -> None:
    said = bionic("check", "connectome.info", "--laws", "named,json,light", "--json")
    assert said.code == 0, said.out
    assert said.document["role"] == "command"
    assert {law["state"] for law in said.document["laws"]} == {"kept"}
    refused(bionic("check", "bionic2025"), "it is a publication", "commands")
