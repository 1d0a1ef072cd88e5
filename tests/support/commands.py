"""Commands that keep all laws, and that break one each; light, as their help must be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import typer

from bionic_core import Command, RequestError

Text = Annotated[Path, typer.Argument(help="A text.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@attrs.frozen(eq=False)
class Wordcount(Command):
    """Count the words of a text."""

    name = "wordcount"
    example = "bionic wordcount README.md --least 3"

    def run(
        self,
        file: Text,
        *,
        least: Annotated[int, typer.Option(help="Letters.")] = 1,
        json: Json = False,
    ) -> None:
        """Print the number."""
        if not file.is_file():
            raise RequestError(f"{file}: no such file")
        typer.echo(sum(len(word) >= least for word in file.read_text().split()))


@attrs.frozen(eq=False)
class Shouting(Wordcount):
    """Has a name in capitals."""

    name = "WORDCOUNT"
    example = "bionic WORDCOUNT README.md"


@attrs.frozen(eq=False)
class Silent(Wordcount):
    """Has an argument that says nothing."""

    example = "bionic wordcount README.md"

    def run(self, file: Path, *, json: Json = False) -> None:  # type: ignore[override]
        """Print nothing."""
        Wordcount.run(self, file)


@attrs.frozen(eq=False)
class Misled(Wordcount):
    """Has an example with an option that it lacks."""

    example = "bionic wordcount README.md --most 3"


@attrs.frozen(eq=False)
class Unread(Wordcount):
    """Has no --json."""

    example = "bionic wordcount README.md"

    def run(self, file: Text) -> None:  # type: ignore[override]
        """Print the number."""
        Wordcount.run(self, file)


@attrs.frozen(eq=False)
class Surprised(Wordcount):
    """Raises what Python raises where a file is not there."""

    example = "bionic wordcount README.md"

    def run(self, file: Text, *, json: Json = False) -> None:  # type: ignore[override]
        """Print the number."""
        typer.echo(len(file.read_text().split()))


@attrs.frozen(eq=False)
class Hasty(Wordcount):
    """Writes before it looks."""

    example = "bionic wordcount README.md"

    def run(self, file: Text, *, json: Json = False) -> None:  # type: ignore[override]
        """Print the number."""
        Path("counts.txt").write_text("words: ")
        Wordcount.run(self, file)
