"""Commands about studies: factorial, analyse."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli import completing
from bionic_core.cli import figures as folders
from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, console, resumable, show, typed
from bionic_core.cli.plugins import StudyCommand
from bionic_core.cli.study_options import ErrorName, JudgingOptions, MarginOf, StudyOptions
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.spec.spec import Spec
    from bionic_core.statistics.findings import Findings
    from bionic_core.studies.experiment import Experiment

Order = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Interactions of at most N factors; higher ones are error."
    ),
]
Figures = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Draw the effects there, as PNG and SVG.")
]

ALL = "all"


class FactorialCommand(StudyCommand):
    """Lets ``--foldover`` stand alone, for all factors, or name some."""

    alone: ClassVar[Mapping[str, str]] = {"--foldover": ALL}


@attrs.frozen
class DesignOptions:
    """Which cells a factorial experiment has; each field is an option."""

    mechanisms: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Mechanisms to switch on and off.",
            autocompletion=completing.plugins_of("mechanism"),
        ),
    ] = ""
    factor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=V1,V2",
            help="A key of the spec and its values; repeatable. V*N is N draws of a value.",
            autocompletion=completing.keys,
        ),
    ] = None
    draws: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Draws (V*N) and seeds: crossed, all draws with the same seeds, or nested, each "
            "with its own; else crossed.",
        ),
    ] = None
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each cell, seeds 0, 1, ….")] = 3
    resolution: Annotated[
        str | None, typer.Option(metavar="R", help="A fraction: III, IV or V (or 3, 4, 5).")
    ] = None
    foldover: Annotated[
        str | None,
        typer.Option(
            metavar="[NAME,…]",
            help="Add the fraction with these factors reversed, all if none is named.",
        ),
    ] = None
    design: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV: a column for each factor, a row for each cell."),
    ] = None

    @property
    def switched(self) -> str:
        """The mechanisms that the study puts in and out itself, so that they may be set."""
        from bionic_core.studies.factors import switched_in

        if self.design is None or self.mechanisms:  # both are refused, where all is known of them
            return self.mechanisms
        return ",".join(switched_in(self.design))

    def experiment(self, spec: Spec, most: int) -> Experiment:
        """Return the experiment over a spec that the options ask for, with so many seeds."""
        from bionic_core.actions.studies import design_factorial
        from bionic_core.statistics.fractions import resolution_of
        from bionic_core.studies.factors import factor_of

        folded = None
        if self.foldover is not None:
            folded = [] if self.foldover == ALL else _names(self.foldover)
        asked = None if self.resolution is None else resolution_of(self.resolution)
        return design_factorial(
            spec,
            _names(self.mechanisms),
            [factor_of(text) for text in self.factor or ()],
            most,
            resolution=asked,
            folded=folded,
            design=self.design,
            way=self.draws,
        )


def factorial_command(
    context: typer.Context,
    *,
    spec: Annotated[
        str,
        typer.Argument(
            metavar="[SPEC]",
            help="A TOML file or a shipped spec's name.",
            autocompletion=completing.spec_names,
        ),
    ] = "demo",
    design: DesignOptions,
    plan: Annotated[
        bool, typer.Option("--plan", help="Train nothing; show the design and what it can see.")
    ] = False,
    probe: Annotated[
        float | None,
        typer.Option(min=0, metavar="S", help="Seconds that --plan times (3); 0 for none."),
    ] = None,
    response: Annotated[
        str, typer.Option(metavar="METRIC", help="test.macro_f1, test.recall.CLASS, epochs ….")
    ] = "accuracy",
    order: Order = None,
    judged: JudgingOptions,
    options: StudyOptions,
    figures: Figures = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Factorial`."""
    # First the engine: what it makes ready takes longer than the rest.
    trainer = options.trainer(context, plan=plan)
    loaded = options.load(spec, switched=design.switched)
    from bionic_core.actions import studies
    from bionic_core.actions.progress import Display
    from bionic_core.reports import plans
    from bionic_core.reports.factorial import studied
    from bionic_core.reports.terminal import render

    judging = judged.judging(design.seeds)
    experiment = design.experiment(loaded, judging.seeds(design.seeds))
    _check_used(experiment, options, plan, probe, figures)
    folders.check_folder(figures)
    asked = studies.Asked.of(experiment, judging, response, order)
    where = options.workplace(context, trainer)
    if plan:
        planned = studies.factorial_plan(asked, where, probe)
        show(to_document(planned), json, lambda _: render(plans.factorial(planned)))
        return
    if asked.until is not None:
        console(sys.stderr).print(render(plans.looks(asked.until[1].planned)))
    display = Display(console(sys.stderr), runs=experiment.design.runs)
    with resumable():
        results = studies.factorial(asked, where, display, typed())
    results = attrs.evolve(results, figures=_draw(results, figures))
    show(to_document(results), json, lambda _: render(studied(results)))
    if failed := studies.failures(results):
        raise BionicError(failed)


def _check_used(
    experiment: Experiment,
    options: StudyOptions,
    plan: bool,
    probe: float | None,
    figures: Path | None,
) -> None:
    """Refuse options that would change nothing."""
    from bionic_core.spec.assign import check_overridden

    check_overridden(options.set_ or (), (f.name for f in experiment.design.factors))
    if probe is not None and not plan:
        raise RequestError("--probe: it is --plan that times; give both, or neither")
    if figures is not None and plan:
        raise RequestError("--figures: a plan has no effects to draw; give --plan or --figures")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@attrs.frozen
class ColumnOptions:
    """What a table's columns are; each field is an option."""

    factors: Annotated[
        str, typer.Option(metavar="NAME,…", help="Columns that were varied; else all that repeat.")
    ] = ""
    factor: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A factor, whatever it looks like. Repeatable."),
    ] = None
    covariate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A column of numbers, with a slope of its own beside the factors; else those "
            "that hardly repeat. Repeatable.",
        ),
    ] = None
    random: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A column whose levels are random effects: an intercept each, in a mixed model. "
            "Repeatable.",
        ),
    ] = None
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A column to leave out. Repeatable.")
    ] = None
    block: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A column of blocks; else seed or block, if there."),
    ] = None
    no_blocks: Annotated[
        bool, typer.Option("--no-blocks", help="Take runs of different seeds as comparable.")
    ] = False

    def asked(self) -> dict[str, Any]:
        """Return the arguments of an analysis that they are.

        Raises:
            RequestError: two of them exclude each other.
        """
        if self.no_blocks and self.block:
            raise RequestError("--block and --no-blocks exclude each other; give one of them")
        return {
            "factors": _names(self.factors),
            "factor": self.factor or (),
            "covariate": self.covariate or (),
            "random": self.random or (),
            "ignore": self.ignore or (),
            "block": "" if self.no_blocks else self.block,
        }


def analyse_command(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE.csv", help="A row for each run, with a header.")
    ],
    *,
    response: Annotated[str, typer.Option(metavar="Y", help="The column that is analysed.")],
    columns: ColumnOptions,
    order: Order = None,
    error: ErrorName = None,
    margin: MarginOf = None,
    percent: Annotated[
        bool, typer.Option("--percent", help="Y is a fraction; tell effects in percentage points.")
    ] = False,
    unit: Annotated[
        str, typer.Option(metavar="UNIT", help="Of Y, told beside effects: ms, mV, % ….")
    ] = "",
    figures: Figures = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Analyse`."""
    from bionic_core.reports.findings import analysed
    from bionic_core.reports.sections import Section
    from bionic_core.reports.terminal import render
    from bionic_core.statistics.tables import analyse
    from bionic_core.studies.draws import known_of

    if not unit.isprintable() or len(unit) > 40:
        raise RequestError("--unit: must be at most 40 printed letters on one line, such as ms")
    found = analyse(
        table,
        response=response,
        **columns.asked(),
        order=order,
        error=error,
        percent=percent,
        margin=margin,
        unit=unit,
        known=known_of(table),
    )
    folders.check_folder(figures)
    document = {"table": str(table)} | found.to_json()
    if drawn := _draw(found.findings, figures):
        document["figures"] = list(drawn)
    taken, factors = Section("", found.taken), found.effects.fit.model.factors
    show(document, json, lambda _: render([taken, *analysed(found.findings, factors)]))


def _draw(findings: Findings, folder: Path | None) -> tuple[str, ...]:
    """Draw the effects into a folder, and return where."""
    if folder is None:
        return ()
    from bionic_core.reports.drawing.effects import drawn

    return tuple(folders.write(folder, drawn(findings)))


@attrs.frozen(eq=False)
class Factorial(Command):
    """Train combinations of mechanisms and of keys' values, and estimate their effects."""

    name = "factorial"
    group = "study"
    example = "bionic factorial demo --factor training.lr=0.001,0.003 --plan"
    reading = FactorialCommand
    run = staticmethod(factorial_command)


@attrs.frozen(eq=False)
class Analyse(Command):
    """Analyse any table of factors and responses as a factorial experiment is."""

    name = "analyse"
    group = "study"
    example = "bionic analyse table.csv --response yield"
    run = staticmethod(analyse_command)
