"""A trained run's figures on a split, alone or beside other runs on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from bionic_core.runs.evaluate import Evaluation, Predicted
    from bionic_core.runs.folder import Run


@attrs.frozen(eq=False)
class Sides:
    """A run, and what it is compared with.

    Attributes:
        run: what is evaluated.
        against: other runs, on the same images.
        beside: runs like the first with other seeds, as many as ``against`` less one.
        margin: of the verdict on two designs, in points; the default if None.
    """

    run: Run
    against: Sequence[Run] = ()
    beside: Sequence[Run] = ()
    margin: float | None = None

    @classmethod
    def opened(
        cls, run: Path, against: Sequence[Path], beside: Sequence[Path], margin: float | None
    ) -> Sides:
        """Return the runs in these folders.

        Raises:
            RequestError: a folder is not one of a run, runs stand alone, or a margin is of nothing.
        """
        from bionic_core.runs.find import whole_run
        from bionic_core.statistics.verdicts import check_margin

        one = whole_run(run)
        others = [whole_run(folder) for folder in against]
        more = [whole_run(folder) for folder in beside]
        check_margin(margin)
        if margin is not None and not more and len(others) < 2:
            raise RequestError(
                "--margin is of two designs: give more runs, by --beside and --against"
            )
        if more and not others:
            raise RequestError("--beside: give what to compare these runs with, by --against")
        return cls(one, others, more, margin)


def evaluate(
    sides: Sides,
    split: str,
    data: str | None = None,
    *,
    flip: bool = False,
    wirings: Sequence[Path] = (),
) -> tuple[Evaluation, Predicted]:
    """Return a run's figures on a split, and the predictions that they are of.

    Args:
        sides: the run, and what it is compared with.
        split: train, validation or test.
        data: a data source or a path, instead of the run's own.
        flip: whether also averaged over each image and its mirror image.
        wirings: files in which the runs' own wiring may be, where it is not with them.

    Raises:
        RequestError: as :func:`bionic_core.runs.evaluate.predict_split` and ``compare_sides``.
    """
    from bionic_core.runs.evaluate import compare_sides, evaluation_of, predict_split
    from bionic_core.runs.images_and_wiring import InputCache

    cache = InputCache()
    predicted = predict_split(sides.run, split, data, cache, flip=flip, wirings=wirings)
    found = evaluation_of(predicted)
    if sides.against:
        parts = [
            [predict_split(run, split, data, cache, wirings=wirings) for run in side]
            for side in (sides.beside, sides.against)
        ]
        against = compare_sides([predicted, *parts[0]], parts[1], sides.margin)
        found = attrs.evolve(found, against=against)
    return found, predicted
