"""What a dataset holds, as JSON-ready data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from bionic_core.data.splits import Splits
from bionic_core.dataset import Dataset, Split


def summarise(data: Dataset, splits: Splits | None = None) -> dict[str, Any]:
    """Return the images of each class in the source's own splits, and in those that runs use.

    Keys: ``name``, ``fingerprint``, ``class_names``, ``image`` [C, H, W], ``source_splits``
    {split: {``images``, ``classes``: {name: count}}}; given ``splits``, also ``splits`` (the
    same of the parts that runs use; no validation where they select on test) and
    ``selected_on``; where leaks were dropped, ``dropped`` {``exact``, ``near``}, the number of
    images taken out of train.
    """
    document: dict[str, Any] = {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "class_names": list(data.class_names),
        "image": list(data.train.images.shape[1:]),
        "source_splits": _counts(data, data.splits),
    }
    if splits is not None:
        used = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        if splits.selected_on == "test":
            del used["validation"]
        document |= {"splits": _counts(data, used), "selected_on": splits.selected_on}
        if splits.dropped is not None:
            document["dropped"] = attrs.asdict(splits.dropped)
    return document


def _counts(data: Dataset, splits: Mapping[str, Split]) -> dict[str, Any]:
    return {
        name: {
            "images": len(part),
            "classes": dict(
                zip(data.class_names, part.counts(len(data.class_names)).tolist(), strict=True)
            ),
        }
        for name, part in splits.items()
    }
