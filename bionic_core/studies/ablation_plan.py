"""What a leave-one-out study will be able to see, before it is trained or while it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from bionic_core.base.records import OMITTED
from bionic_core.errors import BionicError
from bionic_core.registry import Registry
from bionic_core.runs.probe import in_all, told
from bionic_core.statistics.comparisons import ASSUMPTIONS
from bionic_core.statistics.designs import Design, Layout
from bionic_core.statistics.power import Detectable, ImageError, detectable_differences
from bionic_core.statistics.until import Until
from bionic_core.statistics.verdicts import decides, margin_of
from bionic_core.studies.ablation import ONE_SEED, Ablation, compared, layout
from bionic_core.studies.cell import Cell
from bionic_core.studies.image_plan import about_images, assumed_images, measured_error
from bionic_core.studies.over_images import JUDGING, Judging, tested_on
from bionic_core.studies.plan import Estimate
from bionic_core.studies.publication import PublishedSpread, published_spread
from bionic_core.studies.results import ACCURACY


@attrs.frozen
class AblationPlan:
    """A study before it is trained.

    Attributes:
        detectable: the smallest effects that it can be expected to see, in points.
        estimate: of its time, where that is known.
        notes: what a reader must know, a sentence each.
        done: how many runs are complete already; None where nothing tells.
        until: when the study will end, if it goes on until its effects are decided.
    """

    name: str
    design: Layout
    detectable: Detectable
    estimate: Estimate | None
    notes: tuple[str, ...]
    done: int | None = None
    until: Until | None = attrs.field(default=None, metadata={OMITTED: True})


def ablation_plan(
    ablation: Ablation,
    test_images: int | None = None,
    seconds: float | None = None,
    jobs: int = 1,
    judging: Judging = JUDGING,
    cells: Sequence[Cell] | None = None,
) -> AblationPlan:
    """Return the plan, with the smallest effect that it can be expected to see.

    Args:
        ablation: the plan.
        test_images: how many the data has, where that is known.
        seconds: that a run of the full model takes, where that is known.
        jobs: runs side by side.
        judging: as for :func:`bionic_core.studies.ablation.results`.
        cells: those whose runs are finished, which tell how runs and images vary; None where
            nothing tells which are.
    """
    design, done = ablation.experiment.design, list(cells or [])
    measured = _measured_sd(ablation, done)
    published = None if measured else published_spread(test_images, Registry.installed())
    sd = measured[0] if measured else published.value if published else None
    seeds = len(design.seeds)
    images = measured_differences(done, design) or assumed_images(ACCURACY, test_images)
    found = detectable_differences(sd, len(design.factors), seeds, judging.error, images)
    notes = [*ablation.notes, f"intervals will be by {found.error}: {ASSUMPTIONS[found.error]}"]
    notes += _about_sd(measured, published, found)
    if images is not None and sd is not None and found.over_images is not None:
        notes += about_images(images, sd * (2 / seeds) ** 0.5, seeds, "points")
        most = " at most" if images.bound else ""
        notes.append(f"so a 95 % interval over both is ±{found.over_images:.2g}{most}")
    if found.margin is not None:
        margin = margin_of("percentage points", judging.margin)
        notes.append(decides(found.margin, margin, "points"))
    if seeds == 1:
        notes.append(ONE_SEED)
    estimate = None
    left = design.runs - len(done)
    if seconds is not None and left:
        estimate = Estimate(seconds, in_all(seconds * left, left, jobs))
        notes.append(told({"the full model": seconds}, seconds * left, left, jobs))
    return AblationPlan(
        ablation.experiment.spec.name,
        layout(ablation),
        found,
        estimate,
        tuple(notes),
        None if cells is None else len(done),
    )


def measured_differences(done: Sequence[Cell], design: Design) -> ImageError | None:
    """Return what images add to the error of a difference, by finished runs; None if none tell."""
    if not done:
        return None
    try:
        found = compared(done, design, Judging(images=True))
    except BionicError:  # a plan does without what the runs do not tell
        return None
    errors = [one.image_error for one in found.differences if one.image_error is not None]
    return measured_error(errors, len(done), tested_on(done, ACCURACY))


def _measured_sd(ablation: Ablation, done: Sequence[Cell]) -> tuple[float, int] | None:
    """Return the SD of a run by finished runs, in points, and its degrees; None if none tell."""
    if not done:
        return None
    found = compared(done, ablation.experiment.design)
    return (found.sd, found.degrees) if found.sd and found.degrees >= 2 else None


def _about_sd(
    measured: tuple[float, int] | None, published: PublishedSpread | None, found: Detectable
) -> Iterator[str]:
    if measured is not None:
        sd, degrees = measured
        yield (
            f"measured on finished runs: a run's test accuracy has an SD of {sd:.2f} points, on "
            f"{degrees} degrees of freedom"
        )
    elif published is not None:
        yield (
            f"assumed before training: a run's test accuracy has an SD of {published.value:.2f} "
            f"points, {published.scaled}"
        )
        yield published.doubt(found.half_width)
