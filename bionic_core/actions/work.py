"""Runs trained, shown and tracked: what everything that trains has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from bionic_core.actions.progress import Display
    from bionic_core.runs.engine import Engine
    from bionic_core.runs.folder import Run
    from bionic_core.runs.planned import Plans
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.cell import Cell
    from bionic_core.studies.experiment import Experiment
    from bionic_core.studies.journal import Tracker


@attrs.frozen(eq=False)
class Workplace:
    """Where runs are trained and kept, by what, and which tools are told of them.

    Attributes:
        out: folder in which runs have their folders.
        device: ``auto``, ``cpu`` or ``cuda``.
        jobs: runs at a time.
        engine: what trains them; the default one if None.
        trackers: that show them in other tools.
        track_to: folder of what trackers write; ``tracking`` in ``out`` if None.
    """

    out: Path
    device: str = "auto"
    jobs: int = 1
    engine: Engine | None = None
    trackers: Sequence[Tracker] = ()
    track_to: Path | None = None

    @property
    def place(self) -> dict[str, Any]:
        """Where runs are kept and computed, and how many at a time."""
        return {"root": self.out, "device": self.device, "jobs": self.jobs}

    @property
    def tracking(self) -> Path:
        """The folder of what trackers write."""
        return self.track_to or self.out / "tracking"


def say_precision(specs: Iterable[Spec], device: str, say: Callable[[str], None]) -> None:
    """Say, once for all runs, if their products are more exact than their specs ask for."""
    from bionic_core.runs.train import device_of
    from bionic_core.training.precision import in_words

    place = device_of(device)
    for words in {in_words(spec.training.precision, place) for spec in specs} - {""}:
        say(words)


def train_run(spec: Spec, seed: int, where: Workplace, display: Display) -> Run:
    """Train one run that is no study, or go on with it, or return it if it is complete.

    Raises:
        BionicError: as :func:`bionic_core.runs.train.train`.
    """
    from bionic_core.base.failures import reason
    from bionic_core.runs.observer import Observers
    from bionic_core.runs.planned import Plans
    from bionic_core.runs.task import Task
    from bionic_core.runs.train import train_task
    from bionic_core.studies.tracking import tracking
    from bionic_core.training.void import said

    task = Task(0, spec, seed)
    with (
        display,
        tracking(where.trackers, spec.name, [spec], where.tracking, display.tell) as told,
    ):
        observer = Observers(told, display)
        observer.begun(task)
        say_precision([spec], where.device, display.tell)
        try:
            run = train_task(task, Plans(where.out), device=where.device, observer=observer)
        except Exception as error:
            observer.failed(task, reason(error))
            raise
        observer.finished(task, run)
        for words in said(spec):
            display.tell(words)
    return run


def run_study(
    name: str,
    experiments: Sequence[Experiment],
    where: Workplace,
    display: Display,
    *,
    plans: Plans | None = None,
    then: str = "",
) -> list[list[Cell]]:
    """Train what is missing of experiments, as one study, and return the cells of each.

    Args:
        name: of the study, for trackers.
        experiments: one after the other.
        where: they are trained.
        display: shows how the runs get on, and is entered here.
        plans: of runs that are planned, and inputs that are read already.
        then: what is said once all have ended.

    Raises:
        BionicError: as :func:`bionic_core.studies.experiment.run_experiment`.
    """
    from bionic_core.studies.experiment import run_experiment

    with at_work(name, experiments, where, display) as how:
        first, found = 0, []
        for experiment in experiments:
            found.append(run_experiment(experiment, **how, plans=plans, first=first))
            first += experiment.design.runs
        if then:
            display.say(then)
    return found


@contextmanager
def at_work(
    name: str, experiments: Sequence[Experiment], where: Workplace, display: Display
) -> Iterator[dict[str, Any]]:
    """Show and track what is trained inside, and give where and by what that is.

    Arguments are those of :func:`run_study`.
    """
    from bionic_core.runs.observer import Observers
    from bionic_core.statistics.draws import said_before
    from bionic_core.studies.tracking import tracking

    specs = [spec for experiment in experiments for spec in experiment.specs]
    with (
        display,
        tracking(where.trackers, name, specs, where.tracking, display.tell) as told,
    ):
        for line in (line for experiment in experiments for line in said_before(experiment.design)):
            display.tell(line)
        say_precision(specs, where.device, display.tell)
        yield {**where.place, "engine": where.engine, "observer": Observers(told, display)}
