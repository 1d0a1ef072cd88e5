"""What the commands share: their options, loading a spec, showing a result."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bionic_core.cli import completing
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bionic_core.reports.sections import Section
    from bionic_core.spec.spec import Spec

SpecName = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A TOML file, or the name of a shipped spec.",
        autocompletion=completing.spec_names,
    ),
]
RunFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="A run's folder, the beginning of its name (in ./runs, or DIR/…), or latest.",
        autocompletion=completing.runs,
    ),
]


def _files(paths: list[Path] | None) -> list[Path] | None:
    """Return paths that are files, whether or not a run then needs them."""
    from bionic_core.base.files import check_file

    for path in paths or ():
        check_file(path)
    return paths


Wirings = Annotated[
    list[Path] | None,
    typer.Option(
        "--connectome",
        metavar="FILE",
        callback=_files,
        help="Where the run's wiring is by now, if it is not with the run; found by fingerprint, "
        "so it may be repeated for several runs.",
    ),
]
Without = Annotated[
    str,
    typer.Option(
        metavar="NAME,…",
        help="Mechanisms to leave out, with what requires them.",
        autocompletion=completing.plugins_of("mechanism"),
    ),
]
With = Annotated[
    str,
    typer.Option(
        "--with",
        metavar="NAME,…",
        help="Mechanisms to put in, by their defaults.",
        autocompletion=completing.plugins_of("mechanism"),
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a key of the spec; may be repeated.",
        autocompletion=completing.keys,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SRC",
        help="A data source, a path, or SOURCE:PATH.",
        autocompletion=completing.plugins_of("data source"),
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]


def load(
    spec: str,
    *,
    without: str = "",
    with_: str = "",
    set_: Sequence[str] | None = None,
    data: str | None = None,
    epochs: int | None = None,
    switched: str = "",
) -> Spec:
    """Return the spec that a command's options ask for.

    ``switched`` are mechanisms that the command puts in and out itself, so that they may be set.
    """
    from bionic_core.spec.find import load as load_spec

    assignments = list(set_ or [])
    if epochs is not None:
        assignments.append(f"training.max_epochs={epochs}")
        if any(one.replace(" ", "").startswith("training.max_epochs=") for one in set_ or ()):
            raise RequestError("--epochs and --set training.max_epochs are one; give one of them")
    out, more = names_in(without), names_in(with_)
    if switched and assignments:
        from bionic_core.spec.assign import given_values

        more += given_values(assignments, names_in(switched), out)
    return load_spec(spec, set=assignments, without=out, with_=more, data=data)


def names_in(text: str) -> list[str]:
    """Return the names that an option lists by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


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
