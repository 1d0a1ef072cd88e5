"""What an experiment will be able to see, before anything is trained, and how long it will take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from bionic_core.errors import RequestError
from bionic_core.runs.folder import Run
from bionic_core.runs.planned import Plans
from bionic_core.runs.probe import probe, words
from bionic_core.statistics.designs import Design
from bionic_core.statistics.dunnett import shift
from bionic_core.statistics.effects import estimate_effects
from bionic_core.statistics.lenth import FEWEST
from bionic_core.statistics.linear import Model
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment
from bionic_core.studies.responses import check_response, figure, response_of

POWER = 0.8
"""Of the smallest effect that a design can see."""

PAPERS_SD, PAPERS_IMAGES = 0.32, 7178
"""Before anything is trained: the pooled SD of a run's accuracy, in points, over those rows of the
paper's Table 4 whose spreads agree, on its number of test images; it scales with 1/√images."""


@attrs.frozen
class Spread:
    """The standard deviation of a single run, in the effects' units, and where it is from.

    Attributes:
        value: None where nothing is known.
        source: in words.
        degrees: of freedom that it was measured on; None where it is assumed.
    """

    value: float | None
    source: str
    degrees: int | None = None


def papers_spread(test_images: int | None) -> Spread:
    """Return the paper's SD of test accuracy, in points, on this number of test images."""
    images = test_images or PAPERS_IMAGES
    value = PAPERS_SD * math.sqrt(PAPERS_IMAGES / images)
    source = f"assumed: the paper's {PAPERS_SD} points on {PAPERS_IMAGES:,} test images"
    if images != PAPERS_IMAGES:
        source += f", scaled to {images:,}"
    return Spread(value, source)


def sights(design: Design, sd: float, order: int | None = None) -> dict[str, Any]:
    """Return what a design can be expected to see, as JSON-ready data.

    Of each effect: the half-width of its 95 % interval, and the smallest true effect that is found
    with 80 % power, alone at 5 % and at the first step of Holm's correction over all effects
    (noncentral t; Lehmann & Romano, Testing Statistical Hypotheses, 3rd ed., §5.3). Without a
    degree of freedom these are Lenth's, if few effects are real. Lists what cannot be estimated.

    Args:
        design: which runs.
        sd: of a single run.
        order: of interactions, the highest that is estimated; higher ones are taken as error.
    """
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells]
    model = Model.of(design.factors, [c for c, _ in runs], [s for _, s in runs], order)
    errors = sd * np.sqrt((model.effects**2).sum(1))
    degrees: float | None = float(model.degrees)
    method = "t"
    if model.degrees == 0:
        regular = model.orthogonal and len(model.kept) >= FEWEST
        degrees, method = (len(model.kept) / 3, "Lenth") if regular else (None, "none")
    half = alone = adjusted = None
    if degrees:
        half, alone, adjusted = _in_errors(degrees, len(model.kept))
    return {
        "degrees": model.degrees,
        "method": method,
        "power": POWER,
        "effects": [
            {
                "term": term.name,
                "order": len(term.factors),
                "half_width": _times(half, error),
                "detectable": _times(alone, error),
                "detectable_adjusted": _times(adjusted, error),
                "aliases": list(model.aliases[term.name]),
            }
            for term, error in zip(model.kept, errors.tolist(), strict=True)
        ],
        "lost": [
            {"term": term.name, "order": len(term.factors), "aliases": list(aliases)}
            for term in model.lost
            for aliases in [model.aliases[term.name]]
        ],
    }


def _in_errors(degrees: float, effects: int) -> tuple[float, float, float]:
    """Return half-width, detectable effect alone and after Holm, in standard errors."""
    from scipy import stats

    half = float(stats.t.ppf(0.975, degrees))
    first = float(stats.t.ppf(1 - 0.025 / effects, degrees))
    return half, shift(degrees, half, POWER), shift(degrees, first, POWER)


def _times(factor: float | None, error: float) -> float | None:
    return None if factor is None else factor * error


def leave_one_out_sights(design: Design, sd: float) -> dict[str, Any]:
    """Return what leave-one-out would see with as many runs, or one fewer for each seed.

    Every variant lacks one factor, or has another level of it, and is compared with the whole by
    t on pooled variances, seeds being blocks: ±t · SD · √(2/seeds).
    """
    variants = 1 + sum(len(factor.levels) - 1 for factor in design.factors)
    seeds = design.runs // variants
    found: dict[str, Any] = {"variants": variants, "seeds": seeds, "runs": variants * seeds}
    degrees = (variants - 1) * (seeds - 1)
    if degrees <= 0:
        return found | {"half_width": None, "detectable": None, "detectable_adjusted": None}
    error = sd * math.sqrt(2 / seeds)
    half, alone, adjusted = (n * error for n in _in_errors(degrees, variants - 1))
    return found | {"half_width": half, "detectable": alone, "detectable_adjusted": adjusted}


def factorial_plan(
    experiment: Experiment,
    *,
    root: Path,
    response: str = "test.accuracy",
    order: int | None = None,
    device: str = "auto",
    jobs: int = 1,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Return the plan as JSON-ready data; nothing is trained but a probe's steps, for its time.

    Args:
        experiment: the plan.
        root: folder of the runs, which may hold some already.
        response: what will be analysed.
        order: of interactions, the highest that will be estimated.
        device: as for training.
        jobs: runs side by side.
        seconds: of the probe; 0 for none, None for :data:`bionic_core.runs.probe.PROBE`.
    """
    design, spec = experiment.design, experiment.spec
    notes: list[str] = []
    cells: list[Cell] | None = None
    images = estimate = None
    plans = Plans(root)
    try:
        inputs = plans.inputs.get(spec)
        images = len(inputs.splits.test)
        cells = finished_cells(experiment, plans)
    except RequestError as error:
        notes.append(
            f"the data cannot be read ({error}), so neither what is done nor the time is known"
        )
    else:
        check_response(response, spec, inputs)
        left = design.runs - len(cells)
        if seconds != 0 and left:
            each = probe(spec, inputs, device=device, jobs=jobs, seconds=seconds)
            estimate = {"seconds_per_run": each, "seconds": each * left / min(jobs, left)}
            notes.append(_duration(estimate, left, jobs))
    spread = _spread(experiment, cells or [], response, images, order)
    seen = sights(design, spread.value or 1.0, order)
    notes += _about(spread, seen["method"])
    return {
        "name": spec.name,
        "design": design.to_json(),
        "selected_on": "test" if spec.data_choice.protocol == "paper" else "validation",
        "response": attrs.asdict(response_of(response)),
        "done": None if cells is None else len(cells),
        "sd": attrs.asdict(spread),
        **seen,
        "leave_one_out": leave_one_out_sights(design, spread.value or 1.0),
        "estimate": estimate,
        "notes": notes,
    }


def _duration(estimate: Mapping[str, float], left: int, jobs: int) -> str:
    return (
        f"about {words(estimate['seconds'])} for the {left} runs that are left, {jobs} at "
        f"a time, from a timed probe with everything on ({words(estimate['seconds_per_run'])} a "
        "run, all epochs)"
    )


def _about(spread: Spread, method: str) -> list[str]:
    """Say what a reader must know about the widths that are expected."""
    notes = []
    if spread.value is None:
        notes.append(f"{spread.source}: widths are in units of the SD of a run")
    if method == "Lenth":
        notes.append(
            "one run of each combination leaves nothing to estimate error from: widths are those "
            "that Lenth's method gives if few effects are real. More seeds, or interactions of "
            "high order taken as error (--order 2), make them surer"
        )
    elif method == "none":
        notes.append("nothing is left to estimate error from, so there are no intervals: add seeds")
    return notes


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
) -> Spread:
    """Return the SD of a run: measured where finished runs tell it, else the paper's."""
    about = response_of(response)
    rows = [
        (cell.levels, cell.seed, value)
        for cell in cells
        if (value := figure(cell, response)) is not None
    ]
    if rows:
        effects = estimate_effects(experiment.design.factors, rows, scale=about.scale, order=order)
        if effects.residual_sd and effects.degrees >= 2:
            source = f"measured on {len(rows)} finished runs, {effects.degrees} degrees of freedom"
            return Spread(effects.residual_sd, source, effects.degrees)
    if response == "test.accuracy":
        return papers_spread(images)
    return Spread(None, f"nothing tells yet how much {response} varies")
