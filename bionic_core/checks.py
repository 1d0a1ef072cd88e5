"""What is wrong with the arrays of a connectome or of labelled images: all of it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.base.exact import Wanted, fitted
from bionic_core.errors import RequestError

EDGES = ("pre", "post", "count", "size")

TEXTS = ("cell_type", "layer", "name", "transmitter", "sign")
"""Arrays of words about cells."""


def connectome_arrays(
    given: Mapping[str, Any], broad_types: tuple[str, ...]
) -> dict[str, npt.NDArray[Any]]:
    """Return a connectome's arrays in their dtypes, frozen, connections sorted by pre, then post.

    Raises:
        RequestError: with everything that is wrong, and the first row where it is.
    """
    wanted = {
        "cell_id": Wanted(np.int64, ("cells",), unique=True),
        "broad_type": Wanted(np.str_, ("cells",), words=broad_types),
        **dict.fromkeys(TEXTS, Wanted(np.str_, ("cells",))),
        "position": Wanted(np.float64, ("cells", 3), nan=True),
        **dict.fromkeys(("pre", "post"), Wanted(np.int32, ("connections",), low=0, below="cells")),
        "count": Wanted(np.int32, ("connections",), low=1),
        "size": Wanted(np.float64, ("connections",), low=0),
    }
    arrays = fitted(given, wanted, "connectome")
    if not in_order(arrays["pre"], arrays["post"]):
        order = np.lexsort((arrays["post"], arrays["pre"]))
        arrays |= {key: arrays[key][order] for key in EDGES}
    pre, post = arrays["pre"], arrays["post"]
    twice = (pre[1:] == pre[:-1]) & (post[1:] == post[:-1])
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        raise RequestError(
            f"{int(twice.sum()):,} connections occur twice, the first from cell {pre[first]} to "
            f"cell {post[first]}; sum them first",
            where="connectome",
        )
    return {key: _frozen(array) for key, array in arrays.items()}


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array, or a copy if somebody else could change what it holds."""
    if array.flags.owndata and not array.flags.writeable:
        return array
    array = array.copy()
    array.setflags(write=False)
    return array


def in_order(pre: npt.NDArray[Any], post: npt.NDArray[Any]) -> bool:
    """Whether connections are sorted by pre, then post."""
    up = pre[1:] > pre[:-1]
    up |= (pre[1:] == pre[:-1]) & (post[1:] >= post[:-1])
    return bool(up.all())


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
