"""``--engine NAME`` and ``--track NAME``, and those plugins' own options beside a command's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer
from typer.core import TyperCommand

from bionic_core.errors import RequestError, listing

if TYPE_CHECKING:
    from bionic_core.cli.progress import Display
    from bionic_core.plugin import Plugin
    from bionic_core.runs.engine import Engine
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.journal import Tracker
    from bionic_core.studies.tracking import Tracking

EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What trains the runs; bionic plugins lists engines, and --engine NAME --help shows "
        "the options of one.",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="NAME",
        help="Show the runs in another tool too; bionic plugins lists trackers. Repeatable.",
    ),
]
TrackTo = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of what trackers write, instead of OUT/tracking."),
]

_CHOSEN = "bionic.plugins"
"""Where a command's context keeps the plugins that were chosen."""


class StudyCommand(TyperCommand):
    """A command that takes the options of the plugins that are named, beside its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the plugins' options out, make the plugins of them, and parse the rest."""
        own = {option for parameter in self.params for option in parameter.opts}
        named = [
            (option, name)
            for option in ("--engine", "--track")
            if option in own
            for name in _named(args, option)
        ]
        if not named:
            return super().parse_args(ctx, args)
        from bionic_core.cli.options import described, from_options, option_names, split
        from bionic_core.registry import Registry
        from bionic_core.runs.engine import Engine
        from bionic_core.studies.journal import Tracker

        registry = Registry.installed()
        classes: list[type[Plugin]] = []
        words: list[list[str]] = []
        for option, name in named:
            cls: type[Plugin]
            cls = registry.get(name, Engine if option == "--engine" else Tracker)
            if twice := own & option_names(cls):
                raise RequestError(
                    f"{option} {name}: its option {listing(twice)} is one of '{self.name}' itself, "
                    f"so it cannot be given; whoever makes {name} must name the field otherwise"
                )
            for other in classes:
                if twice := option_names(other) & option_names(cls):
                    raise RequestError(
                        f"{option} {name}: its option {listing(twice)} is one of {other.name} too, "
                        "so they cannot be chosen together"
                    )
            theirs, args = split(cls, args)
            classes.append(cls)
            words.append(theirs)
        if {"--help", "-h"} & {*args}:
            typer.echo("\n\n".join([self.get_help(ctx), *(described(cls) for cls in classes)]))
            ctx.exit()
        ctx.meta[_CHOSEN] = [from_options(*pair) for pair in zip(classes, words, strict=True)]
        return super().parse_args(ctx, args)


def chosen(context: typer.Context, jobs: int = 1, plan: bool = False) -> Engine:
    """Return the engine that the command line names, which makes ready unless it is a plan."""
    from bionic_core.runs.engine import Engine
    from bionic_core.studies.experiment import default_engine

    named = (p for p in context.meta.get(_CHOSEN, ()) if isinstance(p, Engine))
    engine = next(named, None) or default_engine()
    if not plan:
        engine.prepare(jobs)
    return engine


@attrs.frozen
class Tracks:
    """The trackers that the command line names, and where they write."""

    trackers: Sequence[Tracker]
    folder: Path

    @classmethod
    def of(cls, context: typer.Context, out: Path, to: Path | None) -> Tracks:
        """Return those of a command whose runs are in ``out``."""
        from bionic_core.studies.journal import Tracker

        found = [p for p in context.meta.get(_CHOSEN, ()) if isinstance(p, Tracker)]
        return cls(found, to or out / "tracking")

    @contextmanager
    def open(self, name: str, specs: Sequence[Spec], display: Display) -> Iterator[Tracking]:
        """Open a study of these cells in the trackers."""
        from bionic_core.studies.tracking import tracking

        with tracking(self.trackers, name, specs, self.folder, display.say) as told:
            yield told


def _named(words: list[str], option: str) -> list[str]:
    """Return the values of ``--track``, each once, or the last one of ``--engine``."""
    names = []
    for word, after in pairwise([*words, ""]):
        found, equals, value = word.partition("=")
        if found == option and (equals or after):
            names.append(value if equals else after)
    return names[-1:] if option == "--engine" else list(dict.fromkeys(names))
