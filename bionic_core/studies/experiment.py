"""Experiments: factors × seeds, trained run by run, then effects; finished runs are reused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from bionic_core.base.process import import_beside
from bionic_core.errors import BionicError, RequestError
from bionic_core.registry import Registry
from bionic_core.runs.engine import Engine, Outcome, Task, Work
from bionic_core.runs.folder import Run
from bionic_core.runs.identity import as_before
from bionic_core.runs.observer import Observer
from bionic_core.runs.planned import Plans
from bionic_core.spec.requirements import dependents
from bionic_core.spec.spec import Spec, digest
from bionic_core.spec.variants import Variants, with_mechanisms
from bionic_core.statistics.analysis import Analysis, analyse_rows
from bionic_core.statistics.designs import (
    Design,
    Factor,
    Level,
    check_size,
    from_table,
    full_factorial,
    in_words,
)
from bionic_core.statistics.draws import seed_of
from bionic_core.statistics.fractions import described, foldover, fractional
from bionic_core.statistics.looks import Look
from bionic_core.statistics.power import sights
from bionic_core.statistics.until import Rule
from bionic_core.statistics.verdicts import check_margin, margin_of
from bionic_core.studies.cell import Cell
from bionic_core.studies.draws import expanded, ladders
from bionic_core.studies.factors import cell_spec, requirements, study_factors
from bionic_core.studies.idle import Idle, check_with_images
from bionic_core.studies.over_images import (
    JUDGING,
    Judging,
    about_images_left,
    check_over_images,
    images_of,
    tested_on,
)
from bionic_core.studies.responses import about_runs, figure, learned_nothing, response_of
from bionic_core.studies.results import ACCURACY, FactorialResults, StudyRun, save_factorial
from bionic_core.studies.shapes import check_cells

DEFAULT = "local"
"""The engine of those who name none."""


@attrs.frozen(eq=False)
class Experiment:
    """A design, and the spec of each of its cells.

    Attributes:
        spec: the base, with every factor on.
        specs: a spec for each of the design's cells, in their order.
        titles: what each cell is called for those who watch.
    """

    spec: Spec
    design: Design
    specs: tuple[Spec, ...]
    titles: tuple[str, ...] = attrs.field(
        default=attrs.Factory(
            lambda self: tuple(in_words(cell) for cell in self.design.cells), takes_self=True
        )
    )

    def tasks(self, first: int = 0) -> list[Task]:
        """Return the runs, seed by seed in the order of the cells, numbered from ``first``."""
        cells = list(zip(self.specs, self.titles, strict=True))
        runs = [
            (spec, seed_of(self.design, place, seed), title)
            for seed in self.design.seeds
            for place, (spec, title) in enumerate(cells)
        ]
        return [Task(number, *run) for number, run in enumerate(runs, first)]

    @property
    def idle(self) -> list[str]:
        """What does nothing in some of the cells, a sentence each."""
        return Idle(self.design.factors, self.design.cells, self.specs).notes()

    def levels(self, place: int) -> Mapping[str, Level]:
        """Return the levels of the run at a place among :meth:`tasks`."""
        return self.design.cells[place % len(self.design.cells)]


def plan_factorial(
    spec: Spec,
    mechanisms: Sequence[str],
    seeds: Sequence[int],
    registry: Registry,
    *,
    keys: Sequence[Factor] = (),
    resolution: int | None = None,
    folded: Sequence[str] | None = None,
    cells: Sequence[Mapping[str, Level]] | None = None,
    way: str | None = None,
) -> Experiment:
    """Return a factorial design of mechanisms, on and off, and of keys' values, over a spec.

    "On" is the spec's table, or the mechanism's defaults where the spec has none. What requires
    a factor and is none itself goes out with it. Cells in which a factor is on and another that
    it requires is off are left out and named. Every shape of model is built once, so that a spec
    that cannot be built is found before anything is trained.

    Args:
        spec: the base.
        mechanisms: on and off.
        seeds: all different; every cell is run once with each.
        registry: the plugins that can be named.
        keys: of the spec, such as ``training.lr``, with their values.
        resolution: of a fraction; all combinations if None.
        folded: factors of a fraction or table that a second one reverses; all of two levels if
            empty, no second one if None.
        cells: the combinations to run, of all these factors; if None, what ``resolution`` says.
        way: of draws and seeds, ``crossed`` or ``nested``; crossed if None.

    Raises:
        RequestError: a mechanism is unknown, a factor does nothing, a value is not allowed, or a
            cell cannot be built.
    """
    if not mechanisms and not keys:
        raise RequestError(
            "--mechanisms: name at least one mechanism, or give a key's values, for example "
            "--factor training.lr=1e-4,1e-3"
        )
    # How many cells a fraction has is found, and checked, with it.
    count = len(cells) if cells is not None else None if resolution is None else 1
    check_size([*map(Factor, mechanisms), *keys], seeds, count)
    spec = with_mechanisms(spec, mechanisms, registry)
    variants = Variants(spec, registry)
    factors = study_factors(variants, mechanisms, keys)
    possible = requirements(spec.mechanisms)
    design = _design(factors, tuple(seeds), resolution, cells, possible)
    if folded is not None:
        if cells is None and not design.words:
            raise RequestError(
                "--foldover: all combinations are run, so nothing is confounded; it is for "
                "fractions (--resolution) and tables (--design)"
            )
        design = foldover(design, folded, possible)
    specs = tuple(cell_spec(variants, cell) for cell in design.cells)
    unused = check_cells(specs)
    Idle(design.factors, design.cells, specs, unused).check(lambda cell: cell_spec(variants, cell))
    design, specs = expanded(variants, design, specs, way)
    return Experiment(spec, design, specs)


def _design(
    factors: Sequence[Factor],
    seeds: tuple[int, ...],
    resolution: int | None,
    cells: Sequence[Mapping[str, Level]] | None,
    possible: Callable[[Mapping[str, Level]], str | None],
) -> Design:
    """Return the design of given cells, of a resolution, or of all combinations."""
    if cells is not None:
        return described(from_table(factors, cells, seeds, possible))
    if resolution is not None:
        return fractional(factors, seeds, resolution, possible)
    return full_factorial(factors, seeds, possible)


def run_experiment(
    experiment: Experiment,
    *,
    root: Path,
    device: str = "auto",
    jobs: int = 1,
    engine: Engine | None = None,
    observer: Observer | None = None,
    first: int = 0,
    plans: Plans | None = None,
) -> list[Cell]:
    """Train what is missing, seed by seed, and return every cell's run, in the design's order.

    A run that fails while it runs (divergence, memory, an error in a plugin, a damaged folder) is
    recorded with its reason, and the rest goes on. Several processes may be given the same
    experiment and root: each trains what no other has begun, and waits for the rest at the end.

    Args:
        experiment: the plan.
        root: folder of the runs.
        device: as for training.
        jobs: runs at a time; of the local engine, several are processes of one thread each.
        engine: what trains the runs; the local one if None.
        observer: told how the runs get on.
        first: the number of the first run, where the experiment is one of several in a study.
        plans: of runs in ``root``, where some are planned or their inputs read already.

    Raises:
        RequestError: what was asked cannot be done, for any run.
        WriteError: the disk is full; what is finished is kept.
    """
    if jobs > 1:
        import_beside("scipy.stats")  # the analysis needs it, and the workers do the work till then
    told, tasks = observer or Observer(), experiment.tasks(first)
    plans = plans or Plans(root)
    check_with_images(experiment.design.factors, experiment.spec, experiment.specs, plans.inputs)
    work = Work(tasks, root, device, jobs, told, plans)
    cells: dict[int, Cell] = {}
    elsewhere: set[int] = set()
    for outcome in (engine or default_engine()).train(work):
        number = outcome.task.number
        if not outcome.busy:
            cells[number] = _ended(experiment.levels(number - first), outcome, told)
        elif number not in elsewhere:
            elsewhere.add(number)
            told.note(outcome.task, "another process trains it")
    return [cells[task.number] for task in tasks]


def _ended(levels: Mapping[str, Level], outcome: Outcome, observer: Observer) -> Cell:
    """Return the cell of a run that has ended, and tell of it."""
    task = outcome.task
    if outcome.folder is None:
        observer.failed(task, outcome.error)
        return Cell(levels, task.seed, None, outcome.error)
    run = Run(outcome.folder, outcome.reused)
    observer.finished(task, run)
    return Cell(levels, task.seed, run, outcome.error)


def check_judging(
    experiment: Experiment,
    judging: Judging,
    *,
    response: str = ACCURACY,
    order: int | None = None,
) -> None:
    """Check, before anything is trained, that an experiment's runs can be judged as asked.

    Raises:
        RequestError: there is no such error, or the runs will not tell it, or nothing of images.
    """
    check_margin(judging.margin)
    design, error = experiment.design, judging.error
    if error is not None:
        sights(design, 1.0, order, error)
    if judging.images:
        check_over_images(design, experiment.specs, response, order, error)


def analyse(
    experiment: Experiment,
    cells: Sequence[Cell],
    *,
    response: str = ACCURACY,
    order: int | None = None,
    judging: Judging = JUDGING,
) -> Analysis:
    """Return the analysis of a figure of the runs, with seeds as blocks.

    Args:
        experiment: the plan.
        cells: its runs.
        response: the figure, as :func:`bionic_core.training.metrics.figure_of` names it.
        order: of interactions, the highest that is estimated; higher ones are taken as error.
        judging: how sure effects are, by what, over what, and against which margin.

    Raises:
        RequestError: no run has such a figure, the runs cannot tell such an error, or nothing of
            their images.
        BionicError: every run failed.
    """
    if all(cell.run is None for cell in cells):
        raise BionicError(f"every run failed, the first with: {cells[0].error}")
    known = [(cell, figure(cell, response)) for cell in cells]
    design, mechanisms = experiment.design, experiment.spec.mechanisms
    names = [factor.name for factor in design.factors]
    about, looks = response_of(response), judging.looks
    rows = [(cell, value) for cell, value in known if value is not None]
    judged = [cell for cell, _ in rows]
    return analyse_rows(
        design.factors,
        [(cell.levels, cell.seed, value) for cell, value in rows],
        response=about,
        order=order,
        error=judging.error,
        images=images_of(judged, response) if judging.images else None,
        margin=margin_of(about.unit, judging.margin),
        look=None if looks is None else Look(looks, looks.seeds.index(len(design.seeds))),
        tested=tested_on(judged, response),
        along={name: sorted(dependents([name], mechanisms) & {*names}) for name in names},
        said=[*about_images_left(response, judging), *experiment.idle, *about_runs(known)],
        draws=design.draws,
        ladders=ladders(experiment.spec, design.factors),
    )


def results(experiment: Experiment, cells: Sequence[Cell], analysis: Analysis) -> FactorialResults:
    """Return the whole experiment."""
    finished = [cell.run for cell in cells if cell.run is not None]
    findings = analysis.findings
    name = findings.response.name
    return FactorialResults.of(
        findings,
        experiment.spec.name,
        experiment.design.layout,
        (
            StudyRun.of(cell, **({} if name == ACCURACY else {"response": figure(cell, name)}))
            for cell in cells
        ),
        selected_on=finished[0].result.selected_on if finished else None,
        data=finished[0].manifest["data"] if finished else None,
        connectome=finished[0].manifest.get("connectome") if finished else None,
        caveats=tuple(learned_nothing(cells)),
    )


def study_name(experiment: Experiment, kind: str = "factorial", rule: Rule | None = None) -> str:
    """Return what an experiment's results are called, by the design and the base spec.

    And by the rule, of a study that goes on until its effects are decided.
    """
    by = [as_before(experiment.spec), experiment.design.to_json()]
    return f"{kind}-{digest(by if rule is None else [*by, attrs.asdict(rule)])}"


def save_results(
    root: Path, experiment: Experiment, results: FactorialResults, rule: Rule | None = None
) -> Path:
    """Write the experiment's JSON and its table of runs (CSV) beside the runs; return the former.

    The file is named as :func:`study_name` says, so that the same request finds it again.
    """
    path = root / f"{study_name(experiment, rule=rule)}.json"
    save_factorial(path, results)
    return path


def default_engine() -> Engine:
    """Return the engine of those who name none."""
    return Registry.installed().get(DEFAULT, Engine)()
