"""What an experiment will be able to see, before anything is trained, and how long it will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from bionic_core.base.records import OMITTED
from bionic_core.errors import RequestError
from bionic_core.registry import Registry
from bionic_core.runs.folder import Run
from bionic_core.runs.planned import Plans
from bionic_core.runs.probe import in_all, probe, told
from bionic_core.statistics.designs import Layout
from bionic_core.statistics.drawn_plan import DrawnSight, about_draws, draws_sd, planned_draws
from bionic_core.statistics.effects import estimate_effects
from bionic_core.statistics.findings import Response
from bionic_core.statistics.power import (
    LeaveOneOutSights,
    Sights,
    Spread,
    leave_one_out_sights,
    planned_error,
    sights,
)
from bionic_core.statistics.spreads import SPREADS
from bionic_core.statistics.until import Until
from bionic_core.statistics.verdicts import decides, margin_of
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment
from bionic_core.studies.idle import check_with_images
from bionic_core.studies.image_plan import about_images, planned_images
from bionic_core.studies.over_images import JUDGING, Judging
from bionic_core.studies.publication import PublishedSpread, published_spread
from bionic_core.studies.responses import check_response, figure, response_of
from bionic_core.studies.results import ACCURACY

UNKNOWN = "neither what is done nor the time is known"


@attrs.frozen
class Estimate:
    """How long runs take: one of them, and all together."""

    seconds_per_run: float
    seconds: float


@attrs.frozen(kw_only=True, slots=False)  # two bases with slots cannot be joined
class FactorialPlanHead:
    """What stands before what a plan can see."""

    name: str
    design: Layout
    selected_on: str
    response: Response
    done: int | None
    sd: Spread


@attrs.frozen(kw_only=True)
class FactorialPlan(Sights, FactorialPlanHead):  # in the document's order: the head's fields first
    """An experiment before it is trained, and what it can be expected to see.

    Attributes:
        selected_on: the images that will choose each run's epoch.
        done: how many runs are complete already; None where nothing tells.
        sd: of a run.
        leave_one_out: what that design would see with as many runs.
        estimate: of its time, where that is known.
        ensembles: of each level against an ensemble, where there are draws.
        notes: what a reader must know, a sentence each.
        until: when the study will end, if it goes on until its effects are decided.
    """

    leave_one_out: LeaveOneOutSights
    estimate: Estimate | None
    ensembles: tuple[DrawnSight, ...] = attrs.field(default=(), metadata={OMITTED: True})
    notes: tuple[str, ...]
    until: Until | None = attrs.field(default=None, metadata={OMITTED: True})


def factorial_plan(
    experiment: Experiment,
    *,
    root: Path,
    response: str = "test.accuracy",
    order: int | None = None,
    judging: Judging = JUDGING,
    device: str = "auto",
    jobs: int = 1,
    seconds: float | None = None,
) -> FactorialPlan:
    """Return the plan; nothing is trained but a probe's steps, for its time.

    Args:
        experiment: the plan.
        root: folder of the runs, which may hold some already.
        response: what will be analysed.
        order, judging: as for ``experiment.analyse``.
        device, jobs: as for ``experiment.run_experiment``.
        seconds: of the probe; 0 for none, None for its default.
    """
    design, spec = experiment.design, experiment.spec
    cells: list[Cell] | None = None
    notes, images, estimate, plans = list(experiment.idle), None, None, Plans(root)
    try:
        inputs = plans.inputs.get(spec)
        images = len(inputs.splits.test)
        cells = finished_cells(experiment, plans)
    except RequestError as unread:
        notes.append(f"the data cannot be read ({unread}), so {UNKNOWN}")
    else:
        check_with_images(design.factors, spec, experiment.specs, plans.inputs)
        check_response(response, spec, inputs)
        if seconds != 0 and (left := design.runs - len(cells)):
            each = probe(spec, inputs, device=device, jobs=jobs, seconds=seconds)
            estimate, duration = _duration(each, left, jobs)
            notes.append(duration)
    about, error = response_of(response), judging.error
    spread, between, of_draws = _spread(experiment, cells or [], response, images, order, error)
    adds = planned_images(design.factors, cells or [], response, images, order, design.draws)
    sd, adds = spread.value or 1.0, adds if spread.value else None
    seen = sights(design, sd, order, error, between, adds, judging.images)
    drawn = planned_draws(design, planned_error(design, order, error), sd, of_draws)
    notes += [*about_draws(design, drawn, about.unit), *_about(spread, seen, between)]
    notes += _about_verdicts(seen, judging, about.unit)
    if adds is not None and seen.error:
        notes += about_images(adds, sd * 2 / design.runs**0.5, len(design.seeds), about.unit)
    return FactorialPlan(
        name=spec.name,
        design=design.layout,
        selected_on="test" if spec.data_choice.protocol == "paper" else "validation",
        response=about,
        done=None if cells is None else len(cells),
        sd=spread,
        **{f.name: getattr(seen, f.name) for f in attrs.fields(Sights)},
        leave_one_out=leave_one_out_sights(design, sd, error),
        estimate=estimate,
        ensembles=drawn,
        notes=tuple(notes),
    )


def _duration(each: float, left: int, jobs: int) -> tuple[Estimate, str]:
    """Return how long runs take that are left, also in words."""
    estimate = Estimate(each, in_all(each * left, left, jobs))
    return estimate, told({"with everything on": each}, each * left, left, jobs)


def _about(spread: Spread, seen: Sights, between: Mapping[str, float]) -> list[str]:
    """Say what a reader must know about the widths that are expected."""
    notes = []
    if seen.error:
        notes.append(f"intervals will be by {seen.error}: {seen.assumption}")
    if spread.value is None:
        notes.append(f"{spread.source}: widths are in units of the SD of a run")
    if spread.value and spread.other:
        half = next((sight.half_width for sight in seen.effects), None)
        notes.append(PublishedSpread(spread.value, "", "", spread.other).doubt(half))
    if between and seen.error == "seeds":
        told = ", ".join(f"{name} (SD {sd:.2g})" for name, sd in between.items())
        notes.append(f"planned as they differ between the seeds that are done: {told}")
    if between and seen.error == "pooled":
        notes.append(
            f"{', '.join(between)} differ between the seeds that are done, so that pooled "
            "intervals are too narrow for them"
        )
    if seen.method == "Lenth":
        notes.append(
            "one run of each combination leaves nothing to estimate error from: widths are those "
            "that Lenth's method gives if no other effect is real, by simulation. More seeds, or "
            "interactions of high order taken as error (--order 2), make them surer"
        )
    elif seen.method == "none":
        notes.append("nothing is left to estimate error from, so there are no intervals: add seeds")
    return notes


def _about_verdicts(seen: Sights, judging: Judging, unit: str) -> list[str]:
    """Say against which margin effects will be judged, and which the design can decide."""
    margin = margin_of(unit, judging.margin)
    known = [sight.margin for sight in seen.effects if sight.margin is not None]
    if not known:
        return []
    return [decides(max(known), margin, unit)]


def finished_cells(experiment: Experiment, plans: Plans) -> list[Cell]:
    """Return those cells of an experiment whose runs are complete already."""
    found = []
    for place, task in enumerate(experiment.tasks()):
        run = Run(plans.of(task.spec, task.seed).folder, reused=True)
        if run.done:
            found.append(Cell(experiment.levels(place), task.seed, run))
    return found


def _spread(
    experiment: Experiment,
    cells: Sequence[Cell],
    response: str,
    images: int | None,
    order: int | None,
    error: str | None,
) -> tuple[Spread, Mapping[str, float], float | None]:
    """Return the SD of a run: measured where finished runs tell it, else the paper's.

    And the SDs between seeds of those effects that finished runs show to differ between them, and
    the largest SD of an ensemble's draws; None where finished runs do not tell it.
    """
    about = response_of(response)
    rows = [
        (cell.levels, 0 if error == "cells" else cell.seed, value)
        for cell in cells
        if (value := figure(cell, response)) is not None
    ]
    if rows:
        design = experiment.design
        effects = estimate_effects(
            design.factors, rows, scale=about.scale, order=order, draws=design.draws
        )
        if effects.residual_sd and effects.degrees >= 2:
            source = f"measured on {len(rows)} finished runs, {effects.degrees} degrees of freedom"
            between = {
                effect.term: effect.seed_sd
                for effect in effects.effects
                if effect.seed_sd and (effect.seed_p or 1) < SPREADS
            }
            of_draws = draws_sd(effects.fit, design.draws, rows)
            return Spread(effects.residual_sd, source, effects.degrees), between, of_draws
    if response == ACCURACY and (paper := published_spread(images, Registry.installed())):
        return Spread(paper.value, paper.source, other=paper.other), {}, None
    return Spread(None, f"nothing tells yet how much {response} varies"), {}, None
