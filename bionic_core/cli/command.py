"""Commands as plugins: what a command is, and how it becomes one of the command line's.

The built-in commands are announced as anybody's are, in the group ``bionic.command``::

    [project.entry-points."bionic.command"]
    histology = "my_package.commands:Histology"
    "connectome.prune" = "my_package.commands:Prune"

The second is ``bionic connectome prune``.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand

from bionic_core.base.steps import heard
from bionic_core.cli.options import taking_fields
from bionic_core.errors import BionicError, RequestError
from bionic_core.markers import COMMAND
from bionic_core.plugin import Plugin
from bionic_core.registry.announced import Entry


class Command(Plugin):
    """A command of the command line, ``bionic NAME``; its docstring is its help.

    Subclasses are ``@attrs.frozen(eq=False)`` and have a method ``run`` (or a function of that
    name), whose parameters are the command's arguments and options as typer reads them. One that
    has none is the head of a family: what is announced as ``NAME.OTHER`` is ``bionic NAME OTHER``.

    ``--help`` shows the docstring's first line and the group without importing the module, so
    ``group`` is given as a literal. What ``run`` needs beyond typer is imported where it is used.

    Attributes:
        group: under which heading ``--help`` lists it: study, run, wiring or plugins; any other
            word is a heading of its own.
        example: a command line that works, shown by ``--help``.
        reading: how the words after the command are read, where typer's own way does not do.
        run: what the command does; raises :class:`bionic_core.BionicError` where it cannot.
    """

    role = COMMAND
    group: ClassVar[str] = "other"
    example: ClassVar[str] = ""
    reading: ClassVar[type[TyperCommand]] = TyperCommand
    run: ClassVar[Callable[..., None] | None] = None


def command_of(entry: Entry) -> TyperCommand:
    """Return what the command line carries out for an announced command.

    Raises:
        RequestError: it cannot be loaded, or has nothing to carry out.
    """
    cls = entry.load()
    assert issubclass(cls, Command)  # as its group says, which has been judged
    word = cls.name.rpartition(".")[2]
    try:
        run = cls().run
        if run is None:
            raise TypeError("it has no method 'run'")
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        shown = inspect.getdoc(cls) or ""
        app.command(word, cls=_exampled(cls.reading, cls.example), help=shown)(
            taking_fields(_told(run))
        )
        made = typer.main.get_command(app)
    except (TypeError, ValueError, RuntimeError, NameError, AttributeError) as error:
        raise RequestError(
            f"command '{cls.name}' of {entry.distribution} {entry.version} cannot be made: {error}"
        ) from error
    assert isinstance(made, TyperCommand)
    made.name = word
    return made


def _exampled(reading: type[TyperCommand], example: str) -> type[TyperCommand]:
    """Return the way of reading, whose help ends with an example, and which overlooks no word."""

    class Exampled(reading):  # type: ignore[misc, valid-type]
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            words = [*args]  # the library takes them away as it reads
            rest: list[str] = super().parse_args(ctx, args)
            if not ctx.resilient_parsing:
                _check_once(self.get_params(ctx), words)
            return rest

        def format_epilog(self, ctx: Any, formatter: Any) -> None:
            if example:
                with formatter.section("Example"):
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")
            super().format_epilog(ctx, formatter)

    return Exampled


def _check_once(options: Iterable[Any], words: Sequence[str]) -> None:
    """Check that no option with one value has two, of which the library would drop the first.

    Raises:
        RequestError: one has, with what to give instead.
    """
    given = Counter(word.partition("=")[0] for word in itertools.takewhile("--".__ne__, words))
    problems = []
    for option in options:
        times = sum(given[name] for name in option.opts)
        single = option.param_type_name == "option" and not (option.multiple or option.is_flag)
        if single and times > 1:
            several = "…" in (option.metavar or "")
            problems.append(
                f"{option.opts[0]} is given {times} times; give it once"
                + (", with its values separated by commas" if several else "")
            )
    if problems:
        raise RequestError(problems)


def _say(line: str) -> None:
    """Show whoever waits what is being done; a display that draws shows it in its own way."""
    from bionic_core.cli.common import console

    console(sys.stderr).print(line, soft_wrap=True)


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command whose end of input or of a process is an error, and no wish to stop."""

    @functools.wraps(command)
    def told(*arguments: object, **options: object) -> None:
        try:
            with heard(_say):
                command(*arguments, **options)
        except EOFError as error:  # the library would say "Aborted!", as for Ctrl-C
            from bionic_core.base.failures import explained

            words, _ = explained(error) or ("", 1)
            raise BionicError(words) from error

    return told
