"""A paper's study, trained anew: what is planned, and what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from bionic_core.errors import RequestError
from bionic_core.model.assembly import build
from bionic_core.model.sizes import ParameterCounts, parameter_counts
from bionic_core.registry import Registry
from bionic_core.runs.folder import Run
from bionic_core.runs.identity import as_before
from bionic_core.runs.planned import Plans
from bionic_core.runs.probe import in_all, probe, told
from bionic_core.runs.task import Task
from bionic_core.spec.spec import Spec, digest
from bionic_core.statistics.designs import Design, Layout
from bionic_core.studies.ablation import Ablation, layout, plan_ablation
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment
from bionic_core.studies.publication import Published
from bionic_core.studies.shapes import connectome_of
from bionic_core.training.recipe import recipe_of


@attrs.frozen(eq=False)
class Reproduction:
    """What is trained for a paper.

    Attributes:
        ablation: of the main model.
        others: the paper's other models, an experiment of one cell each.
        parameters: of the others.
    """

    published: Published
    recipe: str
    ablation: Ablation
    others: Mapping[str, Experiment]
    parameters: Mapping[str, ParameterCounts]

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """All experiments, in the order in which they run."""
        return (*self.others.values(), self.ablation.experiment)

    @property
    def runs(self) -> int:
        """The number of runs."""
        return sum(experiment.design.runs for experiment in self.experiments)


@attrs.frozen
class Estimate:
    """How long the missing runs will take.

    Attributes:
        seconds_per_run: by the name of a spec, all epochs.
    """

    runs: int
    seconds_per_run: Mapping[str, float]
    seconds: float


@attrs.frozen
class PlannedRow:
    """A variant of the paper, and the spec that it is trained with."""

    label: str
    spec: str
    without: str


@attrs.frozen
class Plan:
    """What will be trained; ``lines`` say how long it takes."""

    paper: str
    recipe: str
    seeds: tuple[int, ...]
    rows: tuple[PlannedRow, ...]
    design: Layout
    estimate: Estimate
    lines: tuple[str, ...]


def study_name(reproduction: Reproduction) -> str:
    """Return a name that is the same for the same request."""
    decides = [(as_before(e.spec), e.design.to_json()) for e in reproduction.experiments]
    return f"{reproduction.recipe}-reproduction-{digest(decides)}"


def plan_reproduction(
    published: Published,
    recipe: str,
    open_spec: Callable[[str], Spec],
    seeds: Sequence[int],
    registry: Registry,
) -> Reproduction:
    """Return what a paper's tables need to be trained.

    Args:
        published: the paper.
        recipe: one of its recipes.
        open_spec: returns the spec of a name, with data and what else was asked for.
        seeds: all different.
        registry: the plugins that can be named.

    Raises:
        RequestError: there is no such recipe, or a spec cannot be built.
    """
    if recipe not in published.recipes:
        allowed = ", ".join(published.recipes)
        raise RequestError(f"the paper has no recipe '{recipe}'; it has {allowed}")
    specs = {}
    for name, model in published.recipes[recipe].models.items():
        spec = open_spec(model.spec)
        if model.like:
            spec = _alike(spec, open_spec(model.like))
        specs[name] = spec
    mechanisms = published.mechanisms
    ablation = plan_ablation(specs[published.main], mechanisms, seeds, registry, void=True)
    others, parameters = {}, {}
    for name, spec in specs.items():
        if name != published.main:
            recipe_of(spec)
            network = build(spec, connectome=connectome_of(spec))
            parameters[name] = parameter_counts(network)
            design = Design((), ({},), (), tuple(seeds))
            others[name] = Experiment(spec, design, (spec,), (name,))
    return Reproduction(published, recipe, ablation, others, parameters)


def _alike(spec: Spec, other: Spec) -> Spec:
    """Return a spec with the training of another, and its tables of the mechanisms of both."""
    mechanisms = {name: other.mechanisms.get(name, own) for name, own in spec.mechanisms.items()}
    return attrs.evolve(spec, training=other.training, mechanisms=mechanisms)


def estimate(reproduction: Reproduction, plans: Plans, *, device: str, jobs: int) -> Estimate:
    """Return how long the missing runs will take, from a few seconds of each model's training.

    Every variant is taken to cost what the whole model costs, and every run to train for all its
    epochs; early stopping makes it less.
    """
    total, todo, each = 0.0, 0, {}
    for experiment in reproduction.experiments:
        missing = sum(not run.done for _, run in _runs(experiment, plans))
        if not missing:
            continue
        inputs = plans.inputs.get(experiment.spec)
        seconds = probe(experiment.spec, inputs, device=device, jobs=jobs)
        each[experiment.spec.name] = seconds
        total += seconds * missing
        todo += missing
    return Estimate(todo, each, in_all(total, todo, jobs))


def describe_plan(reproduction: Reproduction, duration: Estimate, jobs: int) -> Plan:
    """Return what will be trained, with ``jobs`` runs side by side."""
    published = reproduction.published
    line = f"{reproduction.runs} runs, {duration.runs} of them to be trained"
    if duration.runs:
        total = duration.seconds * min(jobs, duration.runs)
        line += f": {told(duration.seconds_per_run, total, duration.runs, jobs)}"
    specs = {name: experiment.spec.name for name, experiment in reproduction.others.items()}
    specs[published.main] = reproduction.ablation.experiment.spec.name
    return Plan(
        published.title,
        reproduction.recipe,
        reproduction.ablation.experiment.design.seeds,
        tuple(
            PlannedRow(row.label, specs[row.model or published.main], row.without)
            for row in published.rows
        ),
        layout(reproduction.ablation),
        duration,
        (line,),
    )


def collect(reproduction: Reproduction, root: Path) -> list[list[Cell]]:
    """Return the finished runs of every experiment, without training any.

    Raises:
        RequestError: runs are missing; it names them.
    """
    plans = Plans(root)
    missing: list[str] = []
    found: list[list[Cell]] = []
    for experiment in reproduction.experiments:
        runs = _runs(experiment, plans)
        missing += [_in_words(task, experiment) for task, run in runs if not run.done]
        found.append(
            [
                Cell(experiment.levels(place), task.seed, run)
                for place, (task, run) in enumerate(runs)
            ]
        )
    if missing:
        shown = "; ".join(missing[:6]) + (f"; and {len(missing) - 6} more" if missing[6:] else "")
        raise RequestError(
            f"the study is not finished: {len(missing)} of {reproduction.runs} runs are missing "
            f"({shown}). Run the same command without --report-only to train them; nothing has "
            "been written",
            where=str(root),
        )
    return found


def _runs(experiment: Experiment, plans: Plans) -> list[tuple[Task, Run]]:
    """Return the runs of an experiment, complete or not."""
    return [
        (task, Run(plans.of(task.spec, task.seed).folder, reused=True))
        for task in experiment.tasks()
    ]


def _in_words(task: Task, experiment: Experiment) -> str:
    out = sorted(set(experiment.spec.mechanisms) - set(task.spec.mechanisms))
    name = experiment.spec.name + (f" without {', '.join(out)}" if out else "")
    return f"{name}, seed {task.seed}"
