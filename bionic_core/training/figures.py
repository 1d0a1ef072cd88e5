"""The figures of a split, as records: what a run has reached is read without torch."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from bionic_core.base.records import OMITTED


@attrs.frozen
class PlainFigures:
    """Figures of a split that any epoch has.

    Attributes:
        accuracy: a fraction.
        loss: mean plain cross entropy in nats, whatever the training loss.
        macro_f1: a fraction, the mean over the classes that occur in truth or prediction, as is
            scikit-learn's default; one of them that is never predicted has F1 0.
        images: how many there are.
        kl: see :func:`divergence`; None where it is not known what was trained towards, as in
            runs from before this figure.
    """

    accuracy: float
    loss: float
    macro_f1: float
    images: int
    kl: float | None = attrs.field(default=None, kw_only=True, metadata={OMITTED: True})


@attrs.frozen
class ClassFigures:
    """Figures of a class, all fractions but ``support``, the number of its images.

    ``auc`` is the area under its one-vs-rest ROC curve (Fawcett 2006,
    doi:10.1016/j.patrec.2005.10.010); None for a class that has no images, or all of them.
    """

    precision: float
    recall: float
    f1: float
    support: int
    auc: float | None


@attrs.frozen
class Figures(PlainFigures):
    """All figures of a split.

    A class that is never predicted has precision 0, one without images recall 0, as in
    scikit-learn; asked for by name, figures of a class without images are undefined.

    Attributes:
        macro_precision, macro_recall: means over the classes that occur in truth or prediction,
            as is scikit-learn's default.
        weighted_precision, weighted_recall, weighted_f1: means weighted by support (Table 3).
        classes: by name, in the order of the labels.
        confusion: counts, a row for each true class, a column for each predicted one.
        auc: mean of the classes' areas; None where no class has one.
        calibration_error: see :func:`calibration_error`.
        interval: of the accuracy, see :func:`wilson`.
    """

    macro_precision: float
    macro_recall: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    classes: Mapping[str, ClassFigures]
    confusion: tuple[tuple[int, ...], ...]
    auc: float | None
    calibration_error: float
    interval: tuple[float, float]
