"""What a dataset holds."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs import field

from bionic_core.base.records import OMITTED
from bionic_core.data.splits import Dropped, Splits
from bionic_core.dataset import Dataset, Split


@attrs.frozen
class SplitCounts:
    """The images of a split, and of each class in it."""

    images: int
    classes: Mapping[str, int]


@attrs.frozen
class DataSummary:
    """What a dataset holds.

    Attributes:
        image: channels, height and width.
        source_splits: the source's own.
        splits: those that runs use, without validation where they select on test.
        selected_on: the split that they select on.
        dropped: images taken out of train as leaks, where asked for.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    image: tuple[int, ...]
    source_splits: Mapping[str, SplitCounts]
    splits: Mapping[str, SplitCounts] | None = field(default=None, metadata={OMITTED: True})
    selected_on: str | None = field(default=None, metadata={OMITTED: True})
    dropped: Dropped | None = field(default=None, metadata={OMITTED: True})


def summarise(data: Dataset, splits: Splits | None = None) -> DataSummary:
    """Return the images of each class in the source's own splits, and in those that runs use."""
    summary = DataSummary(
        name=data.name,
        fingerprint=data.fingerprint,
        class_names=tuple(data.class_names),
        image=data.train.images.shape[1:],
        source_splits=_counts(data, data.splits),
    )
    if splits is None:
        return summary
    used = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    if splits.selected_on == "test":
        del used["validation"]
    return attrs.evolve(
        summary,
        splits=_counts(data, used),
        selected_on=splits.selected_on,
        dropped=splits.dropped,
    )


def _counts(data: Dataset, splits: Mapping[str, Split]) -> dict[str, SplitCounts]:
    names = data.class_names
    return {
        name: SplitCounts(
            len(part), dict(zip(names, part.counts(len(names)).tolist(), strict=True))
        )
        for name, part in splits.items()
    }
