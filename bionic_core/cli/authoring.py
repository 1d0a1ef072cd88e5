"""Commands for those who write plugins: check, new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from bionic_core.cli import completing
from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, console, names_in, show
from bionic_core.cli.figures import check_folder


def check_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An installed plugin.", autocompletion=completing.to_check
        ),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a key of it; may be repeated."),
    ] = None,
    law: Annotated[
        str, typer.Option("--laws", metavar="LAW,…", help="Judge by these laws only.")
    ] = "",
    json: Json = False,
) -> None:
    """Carry out :class:`Check`."""
    from bionic_core.actions.progress import Download
    from bionic_core.cli.laws import COMMANDS
    from bionic_core.conformance.check import Subject

    subject = Subject.named(name, set_ or [])
    chosen = [word.strip() for word in law.split(",") if word.strip()]

    def step(done: int, total: int) -> None:
        if display.live:
            display.step("laws judged", done, total)

    with Download(console(sys.stderr)) as display:
        judgement = subject.judged(chosen, step, [COMMANDS])

    def render(_: Any) -> Any:
        from bionic_core.cli.verdicts import judged

        return judged(judgement)

    show(judgement, json, render)
    if not judgement.passed:
        raise typer.Exit(1)


def new_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The plugin's name, as in specs.")],
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND,…",
            help="mechanism, rule, data, connectome, tracker, engine or command; several make a "
            "package of several plugins.",
        ),
    ] = "mechanism",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder in which the package's folder is made.")
    ] = Path(),
    json: Json = False,
) -> None:
    """Carry out :class:`New`."""
    from bionic_core.conformance.scaffold import write_package

    check_folder(out, "--out", "the package's folder is made in")
    document = write_package(name, out, kinds=names_in(kind))

    def render(_: Any) -> Any:
        from rich.text import Text

        lines = [*(f"  {file}" for file in document["files"]), "", "Next:"]
        lines += [f"  {step}" for step in document["next"]]
        return Text("\n".join([f"{document['folder']}:", *lines]))

    show(document, json, render)


@attrs.frozen(eq=False)
class Check(Command):
    """Judge a plugin by the laws of its role, and say what a mechanism costs."""

    name = "check"
    group = "plugins"
    example = "bionic check schematic"
    run = staticmethod(check_command)


@attrs.frozen(eq=False)
class New(Command):
    """Write a plugin package to start from: one plugin or several, tests, README and licence."""

    name = "new"
    group = "plugins"
    example = "bionic new divisive --kind mechanism,data"
    run = staticmethod(new_command)
