"""Readings of a paper: what its text leaves open, trained each way and set beside its tables.

A TOML file declares them, and by what they are compared, before anything is trained. Each figure of
the paper's model has

    z = (ours − published) / √(V_ours + V_published),

and a reading one sum, Σ z² over all figures: the smaller, the nearer to the paper. V holds

- on our side, of n seeds: s²/n and T. s² is the figure's variance over seeds, pooled over all
  readings with two seeds or more (the published one where there is none); T is what drawing as many
  test images anew would do to it (the jackknife over images), and 0 on training images, which are
  the paper's own.
- on the published side: SD²/n of the paper's seeds where its table has an SD, else s², a table of
  one run being as far from the mean as any run; T′, the same as T for the paper's number of images,
  of a class at its published precision and recall; and d²/12 of the last digit, for rounding.

Our test images may be among the paper's, and figures of one table go together, so that z is too
small rather than too large and Σ z² is no χ²: it orders readings, it tests none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import get_args

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError, listing
from bionic_core.statistics.designs import Level
from bionic_core.studies.experiment import Experiment
from bionic_core.studies.over_images import of_counts
from bionic_core.studies.publication import FigureName, Published, Variant
from bionic_core.studies.reading_records import Record
from bionic_core.studies.readings import Readings

ROUNDED = 0.01
"""The last digit of a table of classes."""


@attrs.frozen
class Claim:
    """A published figure.

    Attributes:
        title: in words.
        name: of ours, as :func:`measured` has it, less the class.
        classes: names of the class that it is of, one of which ours may have; empty for no class.
        rates: published precision and recall of the class.
        sd: over ``seeds`` published runs; None of a single one.
        digit: the last one that is printed.
        scale: what ours is multiplied by.
    """

    title: str
    name: str
    value: float
    sd: float | None
    seeds: int
    digit: float
    scale: float = 1.0
    classes: tuple[str, ...] = ()
    rates: tuple[float, float] = (0.0, 0.0)

    def of(self, record: Record) -> tuple[float, float]:
        """Return ours of a run, and its variance over images, as the paper scales it.

        Raises:
            RequestError: the run has no such figure.
        """
        name = self.name
        if self.classes:
            lowered = {own.lower(): own for own in record.classes}
            found = [lowered[word] for word in self.classes if word in lowered]
            name = f"{name}.{found[0] if found else self.classes[0]}"
        value, variance = measured(record, name)
        return self.scale * value, self.scale**2 * variance


@attrs.frozen
class Compared:
    """A published figure beside a reading's, mean over seeds."""

    title: str
    published: float
    ours: float
    z: float


@attrs.frozen
class Reading:
    """What a reading reached.

    Attributes:
        levels: of the keys.
        seeds: that it was trained with.
        sum: Σ z² over all figures; None without a run.
        by_seed: the same of each seed's run alone.
        accuracy: of the test images, mean over seeds, a fraction.
    """

    levels: Mapping[str, Level]
    seeds: tuple[int, ...]
    sum: float | None
    by_seed: Mapping[str, float]
    accuracy: float | None
    figures: tuple[Compared, ...]

    @property
    def name(self) -> str:
        """Its levels in words."""
        return ", ".join(f"{key} {value}" for key, value in self.levels.items())


@attrs.frozen
class ReadingsCompared:
    """All readings, the nearest to the paper first; those without a run last.

    Attributes:
        told: what of their order is decided, and what is not, in words.
    """

    title: str
    paper: str
    spec: str
    data: str
    test_images: int
    seeds_wanted: int
    formula: str
    readings: tuple[Reading, ...]
    told: tuple[str, ...]
    records: tuple[Record, ...]


FORMULA = (
    "z = (ours − published) / √(s²/n + T + S + T′ + d²/12), one sum of z² a reading: s is the SD "
    "over seeds (pooled over readings), n seeds, T the sampling of our test images and T′ of the "
    "paper's (none on training images), S the published SD²/n (s² for a table of one run), d the "
    "last digit of the published figure"
)


def claims(readings: Readings, published: Published) -> list[Claim]:
    """Return the published figures that count."""
    found: list[Claim] = []
    if readings.criterion.classes:
        for row in published.classes[readings.criterion.classes].rows:
            for name, value in row.figures.get(readings.model, {}).items() if row.names else ():
                title = f"{row.label} {name}"
                both = row.figures[readings.model]
                rates = both.get("precision", 0.0), both.get("recall", 0.0)
                found.append(Claim(title, name, value, None, 1, ROUNDED, 1.0, row.names, rates))
    if readings.criterion.variants:
        table = published.variants[readings.criterion.variants]
        (whole,) = (variant for variant in table.rows if variant.model == readings.model)
        found += [_claim(whole, c.figure, c.ours, published.seeds) for c in table.columns]
    return found


def _claim(row: Variant, figure: FigureName, ours: str, seeds: int) -> Claim:
    assert figure in get_args(FigureName)
    mean, sd = getattr(row, figure)
    percent = figure.endswith("accuracy")
    digit = 0.01 if percent else 0.0001
    return Claim(figure, ours or figure, mean, sd, seeds, digit, 100.0 if percent else 1.0)


def compare(
    readings: Readings, published: Published, experiment: Experiment, records: Sequence[Record]
) -> ReadingsCompared:
    """Return all readings beside the paper, by the runs that there are.

    Args:
        readings: the file.
        published: the paper.
        experiment: the plan.
        records: of finished runs, of any of its cells and seeds.

    Raises:
        RequestError: there is no run, or runs were tested on different images.
    """
    if not records:
        raise RequestError("no run of these readings is finished, so there is nothing to compare")
    counts = {(record.data, record.test_images) for record in records}
    if len(counts) > 1:
        raise RequestError(
            "the runs were tested on different images "
            f"({listing(f'{n} of {d}' for d, n in counts)}); their sums cannot be compared"
        )
    wanted = claims(readings, published)
    cells = [
        [record for record in records if record.levels == dict(levels)]
        for levels in experiment.design.cells
    ]
    judge = Judge.of(wanted, cells, published.test_images)
    found = [
        _reading(judge, levels, rows)
        for levels, rows in zip(experiment.design.cells, cells, strict=True)
    ]
    found.sort(key=lambda reading: math.inf if reading.sum is None else reading.sum)
    ((data, images),) = counts
    return ReadingsCompared(
        title=readings.title,
        paper=published.title,
        spec=readings.spec,
        data=data,
        test_images=images,
        seeds_wanted=len(experiment.design.seeds),
        formula=FORMULA,
        readings=tuple(found),
        told=tuple(verdicts(found, readings.criterion.decided, len(experiment.design.seeds))),
        records=tuple(records),
    )


@attrs.frozen(eq=False)
class Judge:
    """Published figures, and what else decides z.

    Attributes:
        spread: s² of each figure, None where nothing tells.
        images: the paper's number of test images.
    """

    claims: Sequence[Claim]
    spread: Sequence[float | None]
    images: int

    @classmethod
    def of(cls, wanted: Sequence[Claim], cells: Sequence[Sequence[Record]], images: int) -> Judge:
        """Pool what seeds do to each figure over the readings with several."""
        several = [rows for rows in cells if len(rows) > 1]
        degrees = sum(len(rows) - 1 for rows in several)
        spread: list[float | None] = []
        for claim in wanted:
            groups = [[claim.of(record)[0] for record in rows] for rows in several]
            squares = sum(float(np.var(values)) * len(values) for values in groups)
            own = None if claim.sd is None else claim.sd**2
            spread.append(squares / degrees if degrees else own)
        return cls(wanted, spread, images)

    def beside(self, rows: Sequence[Record]) -> tuple[Compared, ...]:
        """Return the figures of runs, mean over them, beside the published ones."""
        found = []
        for claim, spread in zip(self.claims, self.spread, strict=True):
            pairs = [claim.of(record) for record in rows]
            ours = float(np.mean([value for value, _ in pairs]))
            sampled = float(np.mean([variance for _, variance in pairs]))
            s2 = spread or 0.0
            theirs = s2 if claim.sd is None else claim.sd**2 / claim.seeds
            theirs += self._sampled(claim, sampled, rows[0]) + claim.digit**2 / 12
            error = math.sqrt(s2 / len(rows) + sampled + theirs)
            z = (ours - claim.value) / error
            found.append(Compared(claim.title, claim.value, ours, z))
        return tuple(found)

    def _sampled(self, claim: Claim, ours: float, record: Record) -> float:
        """Return T′ of a figure: of a class at its published rates, else as ours, T, tells it."""
        scale = self.images / record.test_images
        if not claim.classes or not all(claim.rates):
            return ours / scale
        lowered = [own.lower() for own in record.classes]
        place = next((lowered.index(word) for word in claim.classes if word in lowered), 0)
        return of_rates(claim.name, *claim.rates, scale * sum(record.confusion[place]), self.images)


def of_rates(name: str, precision: float, recall: float, support: float, images: float) -> float:
    """Return the variance over images of a class's precision, recall or F1, by the delta method.

    Args:
        name: of the figure.
        precision, recall: of the class.
        support: its images, of ``images`` in all.
    """
    right = recall * support
    wrong = right / precision - right
    of_right = right * (1 - recall)
    of_wrong = wrong * (1 - wrong / (images - support))
    if name == "recall":
        return of_right / support**2
    if name == "precision":
        return (wrong**2 * of_right + right**2 * of_wrong) / (right + wrong) ** 4
    slopes = support + wrong, right
    whole = (support + right + wrong) ** 4
    return 4 * (slopes[0] ** 2 * of_right + slopes[1] ** 2 * of_wrong) / whole


def _reading(judge: Judge, levels: Mapping[str, Level], rows: Sequence[Record]) -> Reading:
    seeds = tuple(record.seed for record in rows)
    if not rows:
        return Reading(dict(levels), (), None, {}, None, ())
    figures = judge.beside(rows)
    alone = {str(record.seed): _sum(judge.beside([record])) for record in rows}
    accuracy = float(np.mean([measured(record, "accuracy")[0] for record in rows]))
    return Reading(dict(levels), seeds, _sum(figures), alone, accuracy, figures)


def _sum(figures: Sequence[Compared]) -> float:
    return sum(figure.z**2 for figure in figures)


def verdicts(found: Sequence[Reading], decided: int, wanted: int) -> list[str]:
    """Say which readings are told from the nearest one, and what is missing to say more."""
    trained = [reading for reading in found if reading.sum is not None]
    best, *others = trained
    said = [
        f"{reading.name}: {len(reading.seeds)} of {wanted} seeds are trained, so its place is "
        "not decided"
        for reading in found
        if len(reading.seeds) < wanted
    ]
    beyond: list[str] = []
    open_: list[str] = []
    for other in others:
        both = [seed for seed in best.by_seed if seed in other.by_seed]
        nearer = all(best.by_seed[seed] < other.by_seed[seed] for seed in both)
        (beyond if nearer and len(both) >= decided else open_).append(other.name)
    said.append(f"nearest to the paper by the sum over all its seeds: {best.name}")
    if beyond:
        said.append(
            f"with each of {decided} seeds or more it is nearer than {'; than '.join(beyond)}"
        )
    if open_:
        said.append(f"undecided between it and {'; '.join(open_)}")
    return said


def measured(record: Record, name: str) -> tuple[float, float]:
    """Return a figure of a run, and what drawing its test images anew would add to its variance.

    Args:
        record: of the run.
        name: ``accuracy``, ``macro_f1``, ``kl``, ``train_accuracy``, ``train_kl``, or
            ``precision.CLASS``, ``recall.CLASS``, ``f1.CLASS``.

    Raises:
        RequestError: the run has no such figure.
    """
    if name in ("train_accuracy", "train_kl"):
        value = getattr(record, name)
        if value is None:
            raise RequestError(f"run {record.hash}, seed {record.seed}, has no {name}")
        return value, 0.0
    if name == "kl":
        return record.kl, record.kl_sd**2 / record.test_images
    counts = np.array(record.confusion, np.float64)
    _, _, of_class = name.partition(".")
    if of_class and of_class not in record.classes:
        raise RequestError(
            f"run {record.hash} has no class '{of_class}'; it has {listing(record.classes)}"
        )
    return jackknifed(counts, name, record.classes)


def jackknifed(
    counts: npt.NDArray[np.float64], name: str, classes: Sequence[str]
) -> tuple[float, float]:
    """Return a figure of a confusion matrix, true × predicted, and its variance over images."""
    names = list(classes)
    if name == "accuracy":
        share = float(np.trace(counts) / counts.sum())
        return share, share * (1 - share) / float(counts.sum())
    size, images = len(names), counts.sum()
    kinds = np.flatnonzero(counts)
    without = np.repeat(counts[None], len(kinds), axis=0).reshape(len(kinds), -1)
    without[np.arange(len(kinds)), kinds] -= 1
    left = of_counts(name, without.reshape(-1, size, size), names)
    weight = counts.reshape(-1)[kinds]
    apart = left - (weight @ left) / images
    variance = (images - 1) / images * float(weight @ apart**2)
    return float(of_counts(name, counts, names)), variance
