"""Training a study from a command: shown, tracked, and gone on with after an interruption."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from bionic_core.cli.common import console, resumable, say_precision
from bionic_core.cli.study_options import StudyOptions

if TYPE_CHECKING:
    from bionic_core.cli.progress import Display
    from bionic_core.runs.engine import Engine
    from bionic_core.runs.observer import Observer
    from bionic_core.statistics.until import Rule
    from bionic_core.studies.cell import Cell
    from bionic_core.studies.experiment import Experiment
    from bionic_core.studies.until import Ended, Study


@contextmanager
def _watched(
    experiment: Experiment, name: str, context: typer.Context, options: StudyOptions
) -> Iterator[tuple[Display, Observer]]:
    from bionic_core.cli.progress import Display
    from bionic_core.runs.observer import Observers

    tracks = options.tracks(context)
    with (
        resumable(),
        Display(console(sys.stderr), runs=experiment.design.runs) as display,
        tracks.open(f"{experiment.spec.name}-{name}", experiment.specs, display) as tracking,
    ):
        say_precision(experiment.specs, options.device, display.say)
        yield display, Observers(tracking, display)
        display.say("estimating effects")


def train(
    experiment: Experiment,
    kind: str,
    by: tuple[typer.Context, StudyOptions, Engine],
    warnings: Sequence[str] = (),
) -> Sequence[Cell]:
    """Train what is missing of a study with a fixed number of seeds, after what is warned of."""
    from bionic_core.studies.experiment import run_experiment, study_name

    context, options, engine = by
    name = study_name(experiment, kind)
    with _watched(experiment, name, context, options) as (display, observer):
        for words in warnings:
            display.say(f"warning: {words}")
        return run_experiment(experiment, **options.place, engine=engine, observer=observer)


def train_until(study: Study, rule: Rule, by: tuple[typer.Context, StudyOptions, Engine]) -> Ended:
    """Train a study look by look, until its effects are decided."""
    from bionic_core.reports.plans import looks
    from bionic_core.reports.terminal import render
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.experiment import run_experiment, study_name
    from bionic_core.studies.until import run_until

    context, options, engine = by
    experiment, plans = study.experiment, Plans(options.out)
    console(sys.stderr).print(render(looks(rule.planned)))
    name = study_name(experiment, study.kind, rule)
    with _watched(experiment, name, context, options) as (display, observer):

        def more(part: Experiment, first: int) -> Sequence[Cell]:
            return run_experiment(
                part, **options.place, engine=engine, observer=observer, first=first, plans=plans
            )

        return run_until(study, rule, options.out, more, display.say)
