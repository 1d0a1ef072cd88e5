"""What the commands share: their options, loading a spec, showing a result."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bionic_core.errors import BionicError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bionic_core.reports.sections import Section
    from bionic_core.spec.spec import Spec

SpecName = Annotated[
    str, typer.Argument(metavar="SPEC", help="A TOML file, or the name of a shipped spec.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")]
Without = Annotated[
    str, typer.Option(metavar="NAME,…", help="Mechanisms to leave out, with what requires them.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the spec; may be repeated."),
]
Data = Annotated[
    str | None, typer.Option(metavar="SRC", help="A data source, a path, or SOURCE:PATH.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]


def load(
    spec: str,
    *,
    without: str = "",
    set_: Sequence[str] | None = None,
    data: str | None = None,
    epochs: int | None = None,
) -> Spec:
    """Return the spec that a command's options ask for."""
    from bionic_core.spec.find import load as load_spec

    assignments = list(set_ or [])
    if epochs is not None:
        assignments.append(f"training.max_epochs={epochs}")
    names = [name.strip() for name in without.split(",") if name.strip()]
    return load_spec(spec, set=assignments, without=names, data=data)


@contextmanager
def resumable() -> Iterator[None]:
    """Say what Ctrl-C, or a failure of the machine, leaves behind."""
    try:
        yield
    except KeyboardInterrupt:
        raise BionicError(
            "stopped; finished epochs are kept, and the same command goes on after them"
        ) from None
    except BionicError:
        raise
    except Exception as error:
        from bionic_core.base.failures import of_the_machine, reason

        if not of_the_machine(error):
            raise
        raise BionicError(
            f"{reason(error)}. Finished epochs are kept, and the same command goes on after them"
        ) from error


def typed() -> str:
    """Return the command line that is being carried out, as a shell takes it."""
    return shlex.join(["bionic", *sys.argv[1:]])


def console(stream: Any) -> Any:
    """Return a rich console on a stream, which prints text and obeys none of it."""
    from bionic_core.actions.console import PlainConsole

    return PlainConsole(file=stream, stderr=stream is sys.stderr)


class _Reports:
    """The report functions, imported when one is asked for: they bring torch."""

    def __getattr__(self, name: str) -> Any:
        from bionic_core.reports.tables import build

        return getattr(build, name)


def strict_json(result: Any) -> str:
    """Return a result as JSON, whose numbers are finite; say where null stands for others."""
    from bionic_core.actions.written import finite_json

    text, lost = finite_json(result)
    if lost:
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        typer.echo(
            f"bionic: JSON has no infinite numbers, no NaN; null stands for {', '.join(lost[:5])}"
            f"{more}",
            err=True,
        )
    return text


def show(
    result: Any,
    json: bool,
    render: Callable[[Any], Section | Sequence[Section] | RenderableType],
) -> None:
    """Print a result, as JSON or as the sections that its report function makes of it."""
    if json:
        typer.echo(strict_json(result))
        return
    from bionic_core.reports import terminal
    from bionic_core.reports.sections import Section

    shown: Any = render(_Reports())
    if isinstance(shown, Section | list | tuple):
        shown = terminal.render(shown)
    console(sys.stdout).print(shown)
