"""What is wrong with the arrays of a connectome or of labelled images: all of it, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.errors import listing


def in_order(pre: npt.NDArray[Any], post: npt.NDArray[Any]) -> bool:
    """Whether connections are sorted by pre, then post."""
    up = pre[1:] > pre[:-1]
    up |= (pre[1:] == pre[:-1]) & (post[1:] >= post[:-1])
    return bool(up.all())


def connectome_problems(
    arrays: Mapping[str, npt.NDArray[Any]], optional: Sequence[str], broad_types: Sequence[str]
) -> list[str]:
    """Return everything that is wrong with the arrays, in words."""
    cells, edges = len(arrays["cell_id"]), len(arrays["pre"])
    problems = [
        f"{key} has shape {arrays[key].shape}, expected {shape}"
        for keys, shape in (
            (("broad_type", "cell_type", *optional), (cells,)),
            (("position",), (cells, 3)),
            (("post", "count", "size"), (edges,)),
        )
        for key in keys
        if arrays[key].shape != shape
    ]
    if problems:
        return problems
    if len(np.unique(arrays["cell_id"])) < cells:
        problems.append(f"{cells - len(np.unique(arrays['cell_id']))} cell ids occur twice")
    strange = set(np.unique(arrays["broad_type"]).tolist()) - set(broad_types)
    if strange:
        problems.append(
            f"broad_type has {listing(strange)}; allowed are {' and '.join(broad_types)}"
        )
    if edges == 0:
        return problems
    for key in ("pre", "post"):
        low, high = int(arrays[key].min()), int(arrays[key].max())
        if low < 0 or high >= cells:
            problems.append(f"{key} has indices {low} … {high}, but there are {cells} cells")
    twice = arrays["pre"][1:] == arrays["pre"][:-1]
    twice &= arrays["post"][1:] == arrays["post"][:-1]
    if twice.any():
        problems.append(f"{int(twice.sum())} connections occur twice; sum them first")
    if arrays["count"].min() < 1:
        problems.append(f"{int((arrays['count'] < 1).sum())} connections have a count below 1")
    if not np.all(arrays["size"] >= 0):
        problems.append(f"{int((~(arrays['size'] >= 0)).sum())} sizes are negative or not a number")
    return problems


def dataset_problems(
    names: tuple[str, ...], parts: Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]
) -> list[str]:
    """Return everything that is wrong with class names, and images and labels by split."""
    problems = _misnamed(names)
    for split, (images, labels) in parts.items():
        problems += [f"{split}: {wrong}" for wrong in _wrong(images, labels, len(names))]
    if problems:
        return problems
    shapes = {split: images.shape[1:] for split, (images, _) in parts.items()}
    if len(set(shapes.values())) > 1:
        found = ", ".join(f"{split} {shape}" for split, shape in shapes.items())
        problems.append(f"images differ in shape: {found}; expected one (C, H, W)")
    counts = np.bincount(parts["train"][1], minlength=len(names))
    return problems + [
        f"train: class '{name}' has no images; give it some, or take the class out"
        for name, count in zip(names, counts, strict=True)
        if count == 0
    ]


def _misnamed(names: tuple[str, ...]) -> list[str]:
    problems = []
    if len(names) < 2:
        problems.append(f"class names are {', '.join(names) or 'none'}; expected two or more")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.append(f"class names are there twice: {', '.join(twice)}")
    return problems


def _wrong(images: npt.NDArray[Any], labels: npt.NDArray[Any], classes: int) -> list[str]:
    """Return what is wrong with a split; later checks need what earlier ones assure."""
    if images.dtype != np.uint8 or images.ndim != 4:
        return [f"images are {images.dtype} {images.shape}, expected uint8 (N, C, H, W)"]
    if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
        return [f"{len(images)} images, labels are {labels.dtype} {labels.shape}, expected int64"]
    if images.size == 0:
        return ["there are no images"]
    if not 0 <= labels.min() <= labels.max() < classes:
        found = f"{labels.min()} … {labels.max()}"
        return [f"labels are {found}, but there are {classes} classes: 0 … {classes - 1}"]
    return []
