"""What a reproduction found: a paper's tables beside ours, as the JSON report holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import attrs
from attrs import field

from bionic_core.base.records import OMITTED, SPREAD
from bionic_core.statistics.power import Detectable
from bionic_core.studies.publication import FigureName

T = TypeVar("T")


@attrs.frozen
class Sides(Generic[T]):
    """A condition of both studies."""

    ours: T
    published: T


@attrs.frozen
class Paper:
    """Which paper it is."""

    title: str
    authors: str
    code: str


@attrs.frozen
class Recipe:
    """Which of the paper's recipes trained ours."""

    name: str
    text: str


@attrs.frozen
class Beside:
    """A published figure beside ours, which is None where the runs do not have it."""

    published: float
    ours: float | None
    difference: float | None


@attrs.frozen
class Judged:
    """A published mean beside ours of ``n`` seeds."""

    published: float
    published_sd: float | None
    ours: float | None
    ours_sd: float | None
    n: int
    difference: float | None
    z: float | None


@attrs.frozen
class Sizes:
    """Numbers of parameters; ours is what is allocated, ``effective`` what is wired of it."""

    published: int
    ours: int
    effective: int
    difference: int


@attrs.frozen
class ClassBeside:
    """A class's figures by model and name."""

    label: str
    models: Mapping[str, Mapping[str, Beside]]


@attrs.frozen
class VariantBeside:
    """A variant's figures by name."""

    label: str
    model: str
    without: str
    figures: Mapping[FigureName, Judged] = field(metadata={SPREAD: True})
    parameters: Sizes
    note: str = field(default="", metadata={OMITTED: True})


@attrs.frozen
class ChangeBeside:
    """What leaving out a mechanism changes; ``listed`` if the paper's own table has it."""

    label: str
    term: str
    listed: bool
    kind: str
    change: Judged = field(metadata={SPREAD: True})
    low: float | None
    high: float | None
    p_adjusted: float | None
    note: str = field(default="", metadata={OMITTED: True})


@attrs.frozen
class Range:
    """The smallest and the largest change of the paper's rows."""

    published: tuple[float, float]
    ours: tuple[float, float] | None


@attrs.frozen
class ChangesBeside:
    """A table of changes."""

    title: str
    rows: tuple[ChangeBeside, ...]
    range: Range


@attrs.frozen
class Errors:
    """What the last run of a variant confuses; ``run`` is None where it failed.

    Attributes:
        confusion: counts, a row for each true class.
        auc: of each class against the rest.
    """

    label: str
    run: str | None
    seed: int | None = field(default=None, metadata={OMITTED: True})
    classes: Sequence[str] = field(default=(), metadata={OMITTED: True})
    confusion: Sequence[Sequence[int]] = field(default=(), metadata={OMITTED: True})
    auc: Mapping[str, float | None] = field(factory=dict, metadata={OMITTED: True})


@attrs.frozen
class ErrorsBeside:
    """Errors of all variants."""

    title: str
    variants: tuple[Errors, ...]


@attrs.frozen
class Reproduced:
    """All of a paper's tables beside ours, each under its key in the paper's file.

    Attributes:
        sampling_error: of an accuracy, in points: one standard error of the test set's images.
    """

    paper: Paper
    recipe: Recipe
    test_images: Sides[int]
    seeds: Sides[int]
    data: Sides[str]
    connectome: str | None
    selected_on: Sides[str]
    sampling_error: float
    formula: str
    classes: Mapping[str, tuple[ClassBeside, ...]] = field(metadata={SPREAD: True})
    variants: Mapping[str, tuple[VariantBeside, ...]] = field(metadata={SPREAD: True})
    changes: Mapping[str, ChangesBeside] = field(metadata={SPREAD: True})
    errors: Mapping[str, ErrorsBeside] = field(metadata={SPREAD: True})
    detectable: Detectable
    notes: tuple[str, ...]
    failed: tuple[str, ...]
    files: tuple[str, ...] = field(default=(), metadata={OMITTED: True})
