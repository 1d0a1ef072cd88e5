"""The reference of the command line, written from its own tree of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bionic_core.cli.families import HEADINGS, Family
from bionic_core.markers import COMMAND
from bionic_core.registry import Registry

HELP = "--help"


def tree(root: Family | None = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield all commands by their words, as ``connectome fetch larva``."""
    root = root or Family()
    for word in root.list_commands(None):
        command = root.get_command(None, word)
        if isinstance(command, Family):
            yield from tree(command, (*words, word))
        else:
            yield " ".join((*words, word)), command


def titled(text: str, mark: str) -> list[str]:
    """Return a heading's lines."""
    return ["", text, mark * len(text), ""]


def plain(text: str) -> str:
    """Return words in which nothing is markup."""
    return re.sub(r"([\\*|`]|(?<=\w)_(?=\W|$))", r"\\\1", text)


def page() -> Iterator[str]:
    """Yield the page of every command with all its options."""
    yield from titled("Commands", "=")
    yield "Every command and option, as ``bionic COMMAND --help`` has them. Before the command,"
    yield "``bionic --traceback`` shows where in the code an error arose. Exit codes: 0 done, 1"
    yield "failed while running, 2 the request is wrong. Options of an engine, tracker or fetcher"
    yield "that a command takes beside its own are that plugin's keys (:doc:`engines`,"
    yield ":doc:`trackers`), with ``-`` for ``_``."
    yield ""
    offered = {
        entry.name.partition(".")[0]: entry.load().group
        for entry in sorted(Registry.installed().announced(COMMAND), key=lambda e: e.name)[::-1]
    }  # a family's own group, where it has a head, comes last and stays
    found = list(tree())
    for group in (*HEADINGS, *sorted({*offered.values()} - {*HEADINGS})):
        mine = [pair for pair in found if offered[pair[0].split()[0]] == group]
        if mine:
            yield from titled(HEADINGS.get(group, group.capitalize()), "-")
        for name, command in mine:
            yield from section(name, command)


def section(name: str, command: Any) -> Iterator[str]:
    """Yield what there is to say of one command."""
    context = command.make_context(name, [], resilient_parsing=True)
    yield f".. _command-{name.replace(' ', '-')}:"
    yield from titled(f"bionic {name}", "^")
    for paragraph in (command.help or "").split("\n\n"):
        yield from (plain(" ".join(paragraph.split())), "")
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (".. code-block:: text", "", f"   bionic {name} {usage}", "")
    if example := getattr(command, "example", ""):
        yield from ("For example:", "", ".. code-block:: console", "", f"   {example}", "")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and HELP not in parameter.opts:
            yield f"``{record[0]}``"
            yield f"    {plain(record[1]) or 'What it is, its name says.'}"
            yield ""
