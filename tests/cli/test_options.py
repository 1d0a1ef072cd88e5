"""Fields of attrs classes as options: a command's own, and those of plugins of every role."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest
import typer
from typer.testing import CliRunner

from bionic_core import Connectome, ConnectomeFetcher
from bionic_core.cli.families import command_named
from bionic_core.cli.options import Less, taking_fields
from bionic_core.cli.study_options import StudyOptions
from bionic_core.connectomes.roles import Compared, Surrogate, Watch
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support.announcing import announce

__all__ = ["bionic"]


@attrs.frozen
class Options:
    """Options of a command."""

    path: Annotated[Path, typer.Argument(metavar="PATH")]
    times: Annotated[int, typer.Option(min=1, help="So often.")] = 3
    loud: Annotated[bool, typer.Option("--loud", help="Not quiet.")] = False


@attrs.frozen(eq=False)
class Even(Surrogate):
    """A generator with a field of its own."""

    name = "even"

    neurons: int = 4
    seed: int = 0
    spread: float = 1.0
    flat: bool = False

    def read(self) -> Connectome:
        raise NotImplementedError

    def compare(self, seeds: Sequence[int]) -> list[Compared]:
        """Tell what the options were."""
        told = (self.neurons, self.seed, self.spread, float(self.flat))
        return [Compared(str(n), value, 0, value, None) for n, value in enumerate(told)]


@attrs.frozen(eq=False)
class Taken(ConnectomeFetcher):
    """Has an option that the command has."""

    name = "taken"

    overwrite: int = 0

    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, Even, Taken)


def run(command: Any, *words: str) -> tuple[int, str]:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(taking_fields(command))
    done = CliRunner().invoke(app, [*words])
    return done.exit_code, done.output


def test_the_fields_of_a_class_are_options_where_the_class_stands() -> None:
    def command(*, first: int = 1, options: Options, last: int = 2) -> None:
        """Do nothing."""
        typer.echo(f"{first} {options} {last}")

    said = run(command, "x", "--times", "5", "--loud", "--last=7")
    assert said == (0, f"1 {Options(Path('x'), 5, True)} 7\n")
    assert run(command, "x") == (0, f"1 {Options(Path('x'))} 2\n")
    shown = run(command, "--help")[1]
    places = [shown.index(word) for word in ("--first", "--times", "--loud", "--last")]
    assert places == sorted(places)
    assert "So often.  [default: 3; x>=1]" in shown
    for words in ((), ("x", "--times", "0"), ("x", "--times", "often")):
        assert run(command, *words)[0] == 2


def test_a_command_may_leave_fields_out() -> None:
    def command(options: Annotated[Options, Less(("times",))]) -> None:
        """Do nothing."""
        typer.echo(options)

    assert run(command, "x", "--loud") == (0, f"{Options(Path('x'), 3, True)}\n")
    assert "--times" not in run(command, "--help")[1]
    assert run(command, "x", "--times", "5")[0] == 2


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("factorial", set()),
        ("ablate", set()),
        ("reproduce", {"with_", "without"}),
        ("train", {"jobs", "engine"}),
    ],
)
def test_commands_that_train_have_all_shared_options(name: str, left_out: set[str]) -> None:
    given = {parameter.name: parameter for parameter in command_named(name).params}
    shared = {field.name: field.default for field in attrs.fields(StudyOptions)}
    assert {*shared} - {*given} == left_out
    for option in {*shared} & {*given}:
        assert given[option].default == shared[option]


def test_a_generators_fields_are_options(bionic: Bionic) -> None:
    even = ("connectome", "surrogate", "--source", "even", "--check", "--json")
    said = bionic(*even, "--spread", "-2.5", "--flat", "--neurons", "9")
    assert said.code == 0, said.err
    assert [row["mean"] for row in said.document["statistics"]] == [9, 0, -2.5, 1]
    assert said.document["neurons"] == 9
    refused(bionic(*even, "--spread"), "even: --spread: needs a value")
    refused(bionic(*even, "--spread", "much"), '--spread = "much": must be a number')
    refused(bionic("connectome", "surrogate", "--check", "--spread", "2"), "--spread")
    shown = bionic("connectome", "surrogate", "--source=even", "--help").out
    assert "A generator with a field of its own." in shown
    assert "--spread   [1.0]" in shown


def test_a_fetcher_cannot_have_an_option_of_the_command(bionic: Bionic) -> None:
    said = bionic("connectome", "fetch", "taken", "--out", "x.npz")
    refused(said, "taken: its option --overwrite is one of 'fetch' itself")


def test_all_that_is_wrong_with_a_fetchers_options_is_said(bionic: Bionic) -> None:
    words = ("--out", "x.npz", "--sever", "y", "--chunk", "-1", "z", "--view")
    said = bionic("connectome", "fetch", "microns", *words)
    refused(said, "microns: 4 problems")
    for problem in (
        "--view: needs a value",
        "--sever: there is no such option of 'microns'. Did you mean '--server'?",
        "z: belongs to no option",
        "--chunk = -1: must be >= 1",
    ):
        assert problem in said.err
