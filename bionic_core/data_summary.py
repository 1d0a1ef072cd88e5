"""What a dataset holds, as JSON-ready data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bionic_core.data import Dataset, Split, Splits


def summarise(data: Dataset, splits: Splits) -> dict[str, Any]:
    """Return the images of each class in the source's own splits, and in those that runs use."""
    used = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    if splits.selected_on == "test":
        del used["validation"]
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "class_names": list(data.class_names),
        "image": list(data.train.images.shape[1:]),
        "source_splits": _counts(data, data.splits),
        "splits": _counts(data, used),
        "selected_on": splits.selected_on,
    }


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
