"""Commands about studies: factorial, analyse."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli.common import (
    Data,
    Device,
    Epochs,
    Jobs,
    Json,
    Out,
    Set,
    Without,
    console,
    load,
    resumable,
    say_precision,
    show,
    train_shown,
    typed,
)
from bionic_core.cli.plugins import EngineName, StudyCommand, Track, Tracks, TrackTo, chosen
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

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give a bare ``--foldover`` its value."""
        words = [
            f"--foldover={ALL}"
            if word == "--foldover" and (not after or after[0].startswith("-"))
            else word
            for word, after in ((word, args[n + 1 :]) for n, word in enumerate(args))
        ]
        return super().parse_args(ctx, words)


def factorial_command(
    context: typer.Context,
    spec: Annotated[
        str, typer.Argument(metavar="[SPEC]", help="A TOML file or a shipped spec's name.")
    ] = "demo",
    mechanisms: Annotated[
        str, typer.Option(metavar="NAME,…", help="Mechanisms to switch on and off.")
    ] = "",
    factor: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V1,V2", help="A key of the spec and its values; repeatable."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each cell, seeds 0, 1, ….")] = 3,
    resolution: Annotated[
        str | None, typer.Option(metavar="R", help="A fraction: III, IV or V (or 3, 4, 5).")
    ] = None,
    foldover: Annotated[
        str | None,
        typer.Option(
            metavar="[NAME,…]",
            help="Add the fraction with these factors reversed, all if none is named.",
        ),
    ] = None,
    design: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV: a column for each factor, a row for each cell."),
    ] = None,
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
    data: Data = None,
    epochs: Epochs = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    engine: EngineName = "local",
    out: Out = Path("runs"),
    track: Track = None,
    track_to: TrackTo = None,
    without: Without = "",
    set_: Set = None,
    figures: Figures = None,
    json: Json = False,
) -> None:
    """Train combinations of mechanisms and of keys' values, and estimate their effects."""
    trainer = chosen(context, jobs, plan)  # first: what it makes ready takes longer than the rest
    loaded = load(spec, without=without, set_=set_, data=data, epochs=epochs)
    from bionic_core.cli.progress import Display
    from bionic_core.reports.factorial import studied
    from bionic_core.reports.terminal import render
    from bionic_core.studies import experiment as study
    from bionic_core.studies.responses import check_response, full_name

    name = full_name(response)
    experiment = _planned(loaded, mechanisms, factor or [], seeds, resolution, foldover, design)
    _check(figures)
    if plan:
        from bionic_core.reports.plans import factorial as plan_sections
        from bionic_core.studies.plan import planned

        planning = planned(
            experiment,
            root=out,
            response=name,
            order=order,
            device=device,
            jobs=jobs,
            seconds=probe,
        )
        show(to_document(planning), json, lambda _: render(plan_sections(planning)))
        return
    check_response(name, loaded)
    runs = experiment.design.runs
    from bionic_core.statistics.designs import in_words

    title, tracks = study.study_name(experiment), Tracks.of(context, out, track_to)
    with (
        resumable(),
        Display(console(sys.stderr), runs=runs) as display,
        tracks.open(f"{loaded.name}-{title}", experiment.specs, display) as tracking,
    ):
        say_precision(experiment.specs, device, display.say)
        cells = train_shown(
            experiment,
            display,
            lambda _, cell: in_words(cell.levels),
            root=out,
            device=device,
            jobs=jobs,
            engine=trainer,
            tracking=tracking,
        )
        display.say("estimating effects")
    analysis = study.analyse(experiment, cells, response=name, order=order)
    results = attrs.evolve(study.results(experiment, cells, analysis), command=typed())
    path = study.save_results(out, experiment, results)
    results = attrs.evolve(results, file=str(path), figures=_draw(results, figures))
    show(to_document(results), json, lambda _: render(studied(results)))
    failed = sum(cell.run is None for cell in cells)
    if failed:
        raise BionicError(f"{failed} of {runs} runs failed; the effects are of the others")


def _planned(
    spec: Spec,
    mechanisms: str,
    keys: list[str],
    seeds: int,
    resolution: str | None,
    foldover: str | None,
    table: Path | None,
) -> Experiment:
    """Return the experiment that the options ask for."""
    from bionic_core.registry import Registry
    from bionic_core.statistics.fractions import resolution_of
    from bionic_core.studies.experiment import plan_factorial
    from bionic_core.studies.factors import factor_of, read_design

    registry = Registry.installed()
    folded = None if foldover is None else [] if foldover == ALL else _names(foldover)
    asked = None if resolution is None else resolution_of(resolution)
    if table is not None:
        if mechanisms or keys or asked is not None:
            raise RequestError(
                "--design: the file names the factors and the cells; leave --mechanisms, --factor "
                "and --resolution out"
            )
        given = read_design(table, spec, registry)
        return plan_factorial(
            spec,
            given.mechanisms,
            range(seeds),
            registry,
            keys=given.keys,
            folded=folded,
            cells=given.cells,
        )
    return plan_factorial(
        spec,
        _names(mechanisms),
        range(seeds),
        registry,
        keys=[factor_of(text) for text in keys],
        resolution=asked,
        folded=folded,
    )


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
    order: Order = None,
    percent: Annotated[
        bool, typer.Option("--percent", help="Y is a fraction; tell effects in percentage points.")
    ] = False,
    figures: Figures = None,
    json: Json = False,
) -> None:
    """Analyse any table of factors and responses as a factorial experiment is."""
    from bionic_core.reports.findings import analysed
    from bionic_core.reports.terminal import render
    from bionic_core.statistics.tables import analyse

    found = analyse(
        table,
        response=response,
        factors=_names(factors),
        block=block,
        order=order,
        percent=percent,
    )
    _check(figures)
    document = {"table": str(table)} | found.to_json()
    if drawn := _draw(found.findings, figures):
        document["figures"] = list(drawn)
    show(document, json, lambda _: render(analysed(found.findings)))


def _check(folder: Path | None) -> None:
    if folder is not None:
        from bionic_core.reports.drawing.run import check_folder

        check_folder(folder)


def _draw(findings: Findings, folder: Path | None) -> tuple[str, ...]:
    """Draw the effects into a folder, and return where."""
    if folder is None:
        return ()
    from bionic_core.reports.drawing.effects import draw_effects

    return draw_effects(findings, folder)
