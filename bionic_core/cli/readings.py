"""``bionic reproduce --readings``: readings of a paper trained, and set beside its figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli.common import console, resumable, show, strict_json
from bionic_core.errors import BionicError, RequestError, shorten

if TYPE_CHECKING:
    from bionic_core.cli.study_options import StudyOptions
    from bionic_core.reports.sections import Section
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.experiment import Experiment
    from bionic_core.studies.reading_comparison import ReadingsCompared
    from bionic_core.studies.reading_records import Record

ALL = "readings"
"""Stem of the files that are written beside the runs."""


@attrs.frozen
class Asked:
    """What the command line asks for; ``file`` is None for the paper's own."""

    paper: str | None
    file: Path | None
    recorded: tuple[Path, ...]
    seeds: int | None
    plan: bool = False
    report_only: bool = False
    json: bool = False


@attrs.frozen
class Planned:
    """What will be trained, and what is there.

    Attributes:
        done: runs in the folder; ``recorded``: elsewhere.
        seconds: of training a run, timed; None where nothing is missing.
    """

    title: str
    spec: str
    runs: int
    done: int
    recorded: int
    missing: int
    seconds: float | None
    lines: tuple[str, ...]


def compare_readings(asked: Asked, options: StudyOptions, context: typer.Context) -> None:
    """Train what is missing of a file of readings, and show and write what came out."""
    from bionic_core.registry import Registry
    from bionic_core.reports import terminal
    from bionic_core.runs.planned import Plans
    from bionic_core.studies import readings as study
    from bionic_core.studies.publication import open_publication, publication_of
    from bionic_core.studies.reading_comparison import compare
    from bionic_core.studies.reading_records import read_records

    registry = Registry.installed()
    published = open_publication(asked.paper, registry)
    path = asked.file or publication_of(asked.paper, registry).readings()
    if path is None:
        raise RequestError("--readings: the paper has no file of readings; name one")
    declared = study.open_readings(path, published)
    seeds = range(asked.seeds or declared.seeds)
    experiment = study.plan_readings(declared, options.load(declared.spec), seeds, registry)
    plans = Plans(options.out)
    known = read_records(asked.recorded)
    check_known(experiment, plans, known)
    if asked.plan:
        planned = _plan(declared.title, experiment, plans, known, options)
        shown = to_document(planned)
        show(shown, asked.json, lambda _: "\n".join(planned.lines))
        return
    failed = [] if asked.report_only else _train(experiment, plans, known, options, context)
    records = _finished(experiment, plans, known)
    found = compare(declared, published, experiment, records)
    parts = sections(found)
    files = _write(options.out, found, parts)
    show(to_document(found), asked.json, lambda _: terminal.render(parts))
    typer.echo(f"written: {', '.join(files)}", err=True)
    if failed:
        raise BionicError(
            f"{len(failed)} runs failed ({failed[0]}); the report is of the others. The same "
            "command trains them again"
        )


def check_known(experiment: Experiment, plans: Plans, known: dict[str, Record]) -> None:
    """Check that records of planned runs say of themselves what is planned.

    Raises:
        RequestError: one says another seed or other levels.
    """
    problems = []
    for seed in experiment.design.seeds:
        for levels, spec in zip(experiment.design.cells, experiment.specs, strict=True):
            record = known.get(plans.of(spec, seed).hash)
            if record is not None and (record.seed != seed or not record.agrees(levels)):
                problems.append(
                    f"of the run {record.hash[:16]}, which is {dict(levels)} with seed {seed}, the "
                    f"record says {dict(record.levels)} with seed {record.seed}"
                )
    if problems:
        raise RequestError(shorten(problems), where="--recorded")


def _missing(
    experiment: Experiment, plans: Plans, known: dict[str, Record], seed: int
) -> Experiment | None:
    """Return the experiment's cells of a seed that have no record elsewhere; None if none."""
    kept = [
        place
        for place, spec in enumerate(experiment.specs)
        if plans.of(spec, seed).hash not in known
    ]
    if not kept:
        return None
    cells = tuple(experiment.design.cells[place] for place in kept)
    design = attrs.evolve(experiment.design, cells=cells, seeds=(seed,))
    specs = tuple(experiment.specs[place] for place in kept)
    titles = tuple(experiment.titles[place] for place in kept)
    return attrs.evolve(experiment, design=design, specs=specs, titles=titles)


def _train(
    experiment: Experiment,
    plans: Plans,
    known: dict[str, Record],
    options: StudyOptions,
    context: typer.Context,
) -> list[str]:
    """Train what is missing, all readings of a seed before the next; return what failed."""
    from bionic_core.actions.progress import Display
    from bionic_core.actions.work import run_study
    from bionic_core.studies.experiment import study_name

    seeds = experiment.design.seeds
    parts = [part for s in seeds if (part := _missing(experiment, plans, known, s)) is not None]
    if not parts:
        return []
    where = options.workplace(context, options.trainer(context))
    runs = sum(part.design.runs for part in parts)
    with resumable():
        display = Display(console(sys.stderr), runs=runs)
        found = run_study(study_name(experiment, ALL), parts, where, display, plans=plans)
    return [f"seed {c.seed}: {c.error}" for cells in found for c in cells if c.run is None]


def _finished(experiment: Experiment, plans: Plans, known: dict[str, Record]) -> list[Record]:
    """Return the records of all runs that are finished, here or elsewhere, seed by seed."""
    from bionic_core.runs.folder import Run
    from bionic_core.studies.reading_records import record_of

    found = []
    for seed in experiment.design.seeds:
        for levels, spec in zip(experiment.design.cells, experiment.specs, strict=True):
            planned = plans.of(spec, seed)
            run = Run(planned.folder)
            if run.done:
                found.append(record_of(levels, run))
            elif planned.hash in known:
                found.append(attrs.evolve(known[planned.hash], levels=dict(levels)))
    return found


def _plan(
    title: str,
    experiment: Experiment,
    plans: Plans,
    known: dict[str, Record],
    options: StudyOptions,
) -> Planned:
    """Return what will be trained and how long it takes, from a few seconds of training."""
    from bionic_core.runs.folder import Run
    from bionic_core.runs.probe import probe, told

    runs = [plans.of(spec, seed) for seed in experiment.design.seeds for spec in experiment.specs]
    done = sum(Run(run.folder).done for run in runs)
    away = sum(run.hash in known and not Run(run.folder).done for run in runs)
    missing = len(runs) - done - away
    seconds = None
    lines = [
        f"{title}: {len(experiment.specs)} readings × {len(experiment.design.seeds)} seeds = "
        f"{len(runs)} runs of {experiment.spec.name}; {done} are done, {away} recorded elsewhere"
    ]
    if missing:
        inputs = plans.inputs.get(experiment.spec)
        seconds = probe(experiment.spec, inputs, device=options.device, jobs=options.jobs)
        each = {experiment.spec.name: seconds}
        lines.append(told(each, seconds * missing, missing, options.jobs))
    name = experiment.spec.name
    return Planned(title, name, len(runs), done, away, missing, seconds, tuple(lines))


def sections(found: ReadingsCompared) -> list[Section]:
    """Return what readings came to, as sections of a report."""
    from bionic_core.reports import words
    from bionic_core.reports.sections import Cell, Points, Section, Table

    trained = [reading for reading in found.readings if reading.sum is not None]
    rows = [
        (
            reading.name,
            ", ".join(map(str, reading.seeds)) or "none",
            words.numeric(reading.sum, 1),
            ", ".join(words.number(value, 1) for value in reading.by_seed.values()) or words.NONE,
            words.percent(reading.accuracy),
        )
        for reading in found.readings
    ]
    columns = ("reading", "seeds", "Σ z²", "by seed", "test accuracy")
    table = Table("Sums", columns, rows, words=(1, 3), quiet=True)
    about = (
        f"{found.paper}. {found.spec}, {found.data}, {words.count(found.test_images)} test images. "
        f"{found.formula}."
    )
    parts = [Section(found.title, (about,), [table, Points(found.told)])]
    for reading in trained:
        lines = [
            [
                Cell(figure.title),
                words.numeric(figure.published, 4),
                words.numeric(figure.ours, 4),
                words.numeric(figure.z, 1, signed=True),
            ]
            for figure in reading.figures
        ]
        figures = Table(reading.name, ("figure", "published", "ours", "z"), lines, quiet=True)
        parts.append(Section(reading.name, (), [figures]))
    return parts


def _write(out: Path, found: ReadingsCompared, parts: Sequence[Section]) -> tuple[str, ...]:
    """Write the comparison as JSON and Markdown beside the runs, each whole or not at all."""
    from bionic_core.base.files import write_text
    from bionic_core.reports import markdown

    texts = {"json": strict_json(found), "md": markdown.render(parts)}
    for suffix, text in texts.items():
        write_text(out / f"{ALL}.{suffix}", text)
    return tuple(str(out / f"{ALL}.{suffix}") for suffix in texts)
