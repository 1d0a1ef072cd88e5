"""Commands about studies: factorial, analyse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli import figures as folders
from bionic_core.cli.common import (
    Json,
    show,
    typed,
)
from bionic_core.cli.plugins import StudyCommand
from bionic_core.cli.study_options import (
    ErrorName,
    JudgingOptions,
    MarginOf,
    StudyOptions,
    UntilOptions,
)
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.runs.engine import Engine
    from bionic_core.spec.spec import Spec
    from bionic_core.statistics.findings import Findings
    from bionic_core.statistics.until import Rule
    from bionic_core.studies.experiment import Experiment
    from bionic_core.studies.over_images import Judging
    from bionic_core.studies.plan import FactorialPlan
    from bionic_core.studies.results import FactorialResults
    from bionic_core.studies.until import FactorialStudy

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
        str, typer.Option(metavar="NAME,…", help="Mechanisms to switch on and off.")
    ] = ""
    factor: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V1,V2", help="A key of the spec and its values; repeatable."),
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

    def experiment(self, spec: Spec, most: int) -> Experiment:
        """Return the experiment over a spec that the options ask for, with so many seeds."""
        from bionic_core.registry import Registry
        from bionic_core.statistics.fractions import resolution_of
        from bionic_core.studies.experiment import plan_factorial
        from bionic_core.studies.factors import factor_of, read_design

        registry, seeds = Registry.installed(), range(most)
        folded = None
        if self.foldover is not None:
            folded = [] if self.foldover == ALL else _names(self.foldover)
        asked = None if self.resolution is None else resolution_of(self.resolution)
        if self.design is None:
            return plan_factorial(
                spec,
                _names(self.mechanisms),
                seeds,
                registry,
                keys=[factor_of(text) for text in self.factor or ()],
                resolution=asked,
                folded=folded,
            )
        if self.mechanisms or self.factor or asked is not None:
            raise RequestError(
                "--design: the file names the factors and the cells; leave --mechanisms, --factor "
                "and --resolution out"
            )
        given = read_design(self.design, spec, registry)
        return plan_factorial(
            spec,
            given.mechanisms,
            seeds,
            registry,
            keys=given.keys,
            folded=folded,
            cells=given.cells,
        )


def factorial_command(
    context: typer.Context,
    *,
    spec: Annotated[
        str, typer.Argument(metavar="[SPEC]", help="A TOML file or a shipped spec's name.")
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
    going_on: UntilOptions,
    options: StudyOptions,
    figures: Figures = None,
    json: Json = False,
) -> None:
    """Train combinations of mechanisms and of keys' values, and estimate their effects."""
    # First the engine: what it makes ready takes longer than the rest.
    trainer = options.trainer(context, plan=plan)
    loaded = options.load(spec)
    from bionic_core.reports import plans
    from bionic_core.reports.factorial import studied
    from bionic_core.reports.terminal import render
    from bionic_core.studies import experiment as study
    from bionic_core.studies.responses import check_response, full_name

    most = going_on.seeds(design.seeds)
    name, experiment = full_name(response), design.experiment(loaded, most)
    folders.check_folder(figures)
    judging = going_on.judging(judged.judging, design.seeds)
    study.check_judging(experiment, judging, response=name, order=order)
    until = _until(experiment, judging, name, order)
    if plan:
        shown = _planned(experiment, judging, name, order, options, probe, until)
        show(to_document(shown), json, lambda _: render(plans.factorial(shown)))
        return
    check_response(name, loaded)
    rule = until[1] if until else None
    results = _trained(experiment, judging, name, order, until, (context, options, trainer))
    path = study.save_results(options.out, experiment, results, rule)
    results = attrs.evolve(results, file=str(path), figures=_draw(results, figures))
    show(to_document(results), json, lambda _: render(studied(results)))
    if failed := sum(cell.run is None for cell in results.cells):
        raise BionicError(
            f"{failed} of {len(results.cells)} runs failed; the effects are of the others"
        )


def _until(
    experiment: Experiment, judging: Judging, response: str, order: int | None
) -> tuple[FactorialStudy, Rule] | None:
    """Return the study as looks see it, with its rule; None of one with a fixed number of seeds."""
    if judging.looks is None:
        return None
    from bionic_core.studies.until import FactorialStudy, rule_of

    found = FactorialStudy(experiment, judging, response, order)
    return found, rule_of(experiment, judging, len(found.terms), response)


def _planned(
    experiment: Experiment,
    judging: Judging,
    response: str,
    order: int | None,
    options: StudyOptions,
    seconds: float | None,
    until: tuple[FactorialStudy, Rule] | None,
) -> FactorialPlan:
    """Return the plan, with its looks, or with what is said of seeds that are added."""
    from bionic_core.studies.plan import factorial_plan
    from bionic_core.studies.stopping import about_added_seeds
    from bionic_core.studies.until import planned_until

    found = factorial_plan(
        experiment,
        **options.place,
        response=response,
        order=order,
        judging=judging,
        seconds=seconds,
    )
    if until is not None:
        return attrs.evolve(found, until=planned_until(*until, found.sd.value))
    added = about_added_seeds(options.out, experiment, "factorial")
    return attrs.evolve(found, notes=(*found.notes, *added))


def _trained(
    experiment: Experiment,
    judging: Judging,
    response: str,
    order: int | None,
    until: tuple[FactorialStudy, Rule] | None,
    by: tuple[typer.Context, StudyOptions, Engine],
) -> FactorialResults:
    """Train what is missing of an experiment, and return what it says."""
    from bionic_core.cli.study_training import train, train_until
    from bionic_core.studies import experiment as study
    from bionic_core.studies.stopping import about_added_seeds, part_of
    from bionic_core.studies.until import with_decisions

    if until is not None:
        ended = train_until(*until, by)
        analysis = until[0].analysis(ended.cells, ended.seeds)
        part = part_of(experiment, experiment.design.seeds[: ended.seeds])
        found = study.results(part, ended.cells, analysis)
        return attrs.evolve(with_decisions(found, ended), command=typed())
    _, options, _ = by
    added = about_added_seeds(options.out, experiment, "factorial")
    cells = train(experiment, "factorial", by, warnings=added)
    analysis = study.analyse(experiment, cells, response=response, order=order, judging=judging)
    found = study.results(experiment, cells, analysis)
    return attrs.evolve(found, notes=(*added, *found.notes), command=typed())


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def analyse_command(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE.csv", help="A row for each run, with a header.")
    ],
    response: Annotated[str, typer.Option(metavar="Y", help="The column that is analysed.")],
    factors: Annotated[
        str, typer.Option(metavar="NAME,…", help="Columns that were varied; else all that repeat.")
    ] = "",
    block: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A column of blocks; else seed or block, if there."),
    ] = None,
    no_blocks: Annotated[
        bool, typer.Option("--no-blocks", help="Take runs of different seeds as comparable.")
    ] = False,
    order: Order = None,
    error: ErrorName = None,
    margin: MarginOf = None,
    percent: Annotated[
        bool, typer.Option("--percent", help="Y is a fraction; tell effects in percentage points.")
    ] = False,
    figures: Figures = None,
    json: Json = False,
) -> None:
    """Analyse any table of factors and responses as a factorial experiment is."""
    from bionic_core.reports.findings import analysed
    from bionic_core.reports.sections import Section
    from bionic_core.reports.terminal import render
    from bionic_core.statistics.tables import analyse

    if no_blocks and block:
        raise RequestError("--block and --no-blocks exclude each other; give one of them")
    found = analyse(
        table,
        response=response,
        factors=_names(factors),
        block="" if no_blocks else block,
        order=order,
        error=error,
        percent=percent,
        margin=margin,
    )
    folders.check_folder(figures)
    document = {"table": str(table)} | found.to_json()
    if drawn := _draw(found.findings, figures):
        document["figures"] = list(drawn)
    taken = Section("", found.taken)
    show(document, json, lambda _: render([taken, *analysed(found.findings)]))


def _draw(findings: Findings, folder: Path | None) -> tuple[str, ...]:
    """Draw the effects into a folder, and return where."""
    if folder is None:
        return ()
    from bionic_core.reports.drawing.effects import drawn

    return tuple(folders.write(folder, drawn(findings)))
