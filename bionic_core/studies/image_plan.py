"""What new images will add to a study's errors, before it is trained or while it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bionic_core.errors import BionicError
from bionic_core.statistics.designs import Draws, Factor
from bionic_core.statistics.effects import estimate_effects
from bionic_core.statistics.power import ImageError
from bionic_core.studies.cell import Cell
from bionic_core.studies.over_images import BOTH, images_of
from bionic_core.studies.responses import PERCENT, figure, response_of
from bionic_core.studies.results import ACCURACY

DIFFER = 0.178
"""Share of test images that one run gets right and another wrong: of runs of ``full`` and its
variants on FER-2013's 3,589 private test images."""


def planned_images(
    factors: Sequence[Factor],
    cells: Sequence[Cell],
    response: str,
    images: int | None,
    order: int | None = None,
    draws: Draws | None = None,
) -> ImageError | None:
    """Return what images will add to the standard error of an effect; None if nothing tells it.

    From the predictions of finished runs, as the root of the mean square over all effects; of the
    accuracy before there are such, the most that :data:`DIFFER` allows: an effect is a mean of
    differences of pairs of runs, and no mean varies more than they do.

    Args:
        factors: of the design.
        cells: finished runs.
        response: the figure that is analysed.
        images: how many test images there are, where that is known.
        order: of interactions, the highest that is estimated.
        draws: of a factor's levels.
    """
    measured = _measured(factors, cells, response, order, draws)
    return measured or assumed_images(response, images)


def assumed_images(response: str, images: int | None) -> ImageError | None:
    """Return the most that images can add to an effect on accuracy; None of another figure."""
    if response != ACCURACY or not images or images < 2:
        return None
    share = f"two runs differ on {PERCENT * DIFFER:.1f} % of them"
    source = f"assumed: {share}, as measured on FER-2013, whatever their mechanisms"
    return ImageError(PERCENT * math.sqrt(DIFFER / images), images, source, bound=True)


def measured_error(errors: Sequence[float], runs: int, images: int | None) -> ImageError | None:
    """Return the root of the mean square of what images add to each effect; None if none tell."""
    if not errors or not images:
        return None
    source = f"measured on the predictions of {runs} finished runs"
    return ImageError(float(np.sqrt(np.mean(np.square(errors)))), images, source)


def _measured(
    factors: Sequence[Factor],
    cells: Sequence[Cell],
    response: str,
    order: int | None,
    draws: Draws | None,
) -> ImageError | None:
    known = [(cell, value) for cell in cells if (value := figure(cell, response)) is not None]
    about = response_of(response)
    try:
        images = images_of([cell for cell, _ in known], response)
        rows = [(cell.levels, cell.seed, value) for cell, value in known]
        found = estimate_effects(
            factors, rows, scale=about.scale, order=order, images=images, draws=draws
        )
    except BionicError:  # a plan does without what the runs do not tell
        return None
    errors = [e.image_error for e in found.effects if e.image_error is not None]
    return measured_error(errors, len(rows), images.count)


def about_images(images: ImageError, size: float, seeds: int, unit: str) -> Iterator[str]:
    """Say what images add to the width of an interval, and when more seeds no longer help.

    Args:
        images: what they add.
        size: standard error of an effect over seeds, in its units.
        seeds: of the plan.
        unit: of effects.
    """
    most = "at most " if images.bound else ""
    alone = f"{1.96 * images.error:.2g} {unit}".strip()
    yield (
        f"over new images too (--over {BOTH}): {images.count:,} images alone leave {most}"
        f"±{alone} of an effect, however many seeds ({images.source})"
    )
    if not size > 0 or not images.error > 0:
        return
    enough = math.ceil(seeds * (size / images.error) ** 2)
    if enough <= seeds:
        yield (
            f"more seeds hardly help there: seeds add ±{1.96 * size:.2g}, so that images are what "
            "is missing; test on more of them"
        )
    else:
        yield (
            f"from about {enough} seeds on, images are what is missing there, and more seeds "
            "hardly help"
        )
