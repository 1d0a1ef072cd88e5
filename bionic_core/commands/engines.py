"""``--engine NAME``, and that engine's own options beside a command's."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from bionic_core.errors import RequestError, listing

if TYPE_CHECKING:
    from bionic_core.plugin import Engine

EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What trains the runs; bionic plugins lists engines, and --engine NAME --help shows "
        "the options of one.",
    ),
]

_CHOSEN = "bionic.engine"
"""Where a command's context keeps the engine."""


class StudyCommand(TyperCommand):
    """A command that takes the options of the engine that is named, beside its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the engine's options out, make the engine of them, and parse the rest."""
        name = _named(args)
        if name is None:
            return super().parse_args(ctx, args)
        from bionic_core.commands.options import described, from_options, option_names, split
        from bionic_core.plugin import Engine
        from bionic_core.registry import Registry

        cls = Registry.installed().get(name, Engine)
        own = {option for parameter in self.params for option in parameter.opts}
        if twice := own & option_names(cls):
            raise RequestError(
                f"--engine {name}: its option {listing(twice)} is one of '{self.name}' itself, so "
                f"it cannot be given; whoever makes {name} must name the field otherwise"
            )
        theirs, args = split(cls, args)
        if {"--help", "-h"} & {*args}:
            typer.echo(f"{self.get_help(ctx)}\n\n{described(cls)}")
            ctx.exit()
        ctx.meta[_CHOSEN] = from_options(cls, theirs)
        return super().parse_args(ctx, args)


def chosen(context: typer.Context, jobs: int = 1, plan: bool = False) -> Engine:
    """Return the engine that the command line names, which makes ready unless it is a plan."""
    from bionic_core.engine import default_engine

    engine: Engine = context.meta.get(_CHOSEN) or default_engine()
    if not plan:
        engine.prepare(jobs)
    return engine


def _named(words: list[str]) -> str | None:
    """Return the last value of ``--engine``; None where there is none."""
    name = None
    for word, after in pairwise([*words, ""]):
        option, equals, value = word.partition("=")
        if option == "--engine" and (equals or after):
            name = value if equals else after
    return name
