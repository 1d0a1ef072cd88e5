"""FER+: ten people's votes on each FER-2013 image (doi:10.1145/2993148.2993165).

Votes are row by row those of the images' file. A single vote for an emotion is dropped, as its
authors do. An image has a majority if more than half of the votes that are left are for one of the
eight emotions; one without (no votes, a tie, or most for ``unknown`` or ``NF``, no face) is left
out, of every split and whichever the labels are, so that both kinds are of the same images. The
distribution is the votes for the eight emotions, divided by their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core import RequestError, Split
from bionic_core.base.arrays import read_arrays
from bionic_core.base.files import check_file
from bionic_core.data.soft import SoftSplit
from bionic_core.errors import listing

CLASSES = (
    "angry",
    "contempt",
    "disgusted",
    "fearful",
    "happy",
    "neutral",
    "sad",
    "surprised",
)
VOTED = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""What votes are for, in the order of the classes."""

OTHERS = ("unknown", "NF")
CSV = "fer2013new.csv"
USAGES = {"Training": "train", "PublicTest": "public", "PrivateTest": "private"}

Votes = Mapping[str, npt.NDArray[np.int64]]


def find_votes(given: str, images: Path) -> Path:
    """Return the file of votes: the one that is named, or the one beside the images.

    Raises:
        RequestError: there is none, or more than one.
    """
    if given:
        check_file(Path(given))
        return Path(given)
    folder = images if images.is_dir() else images.parent
    beside = [*sorted(folder.glob("ferplus*.npz")), *sorted(folder.glob(CSV))]
    if len(beside) != 1:
        found = f"{len(beside)}: {listing(p.name for p in beside)}" if beside else "none"
        raise RequestError(
            f"FER+ labels need the votes; beside the images there is {found}. Set data.votes to a "
            f"ferplus….npz with train_votes, public_votes … and vote_names, or to {CSV}",
            where=str(folder),
        )
    return beside[0]


def read_votes(path: Path) -> Votes:
    """Return votes (N, 10) by split, int64, in the order of :data:`VOTED` and :data:`OTHERS`.

    Raises:
        RequestError: the file is damaged, lacks a name, or votes are no counts.
    """
    if path.suffix.lower() == ".csv":
        names, parts = _of_csv(path)
    else:
        arrays = read_arrays(path)
        if "vote_names" not in arrays:
            raise RequestError("lacks vote_names, which say what votes are for", where=str(path))
        names = [str(name) for name in arrays["vote_names"].tolist()]
        parts = {n.removesuffix("_votes"): a for n, a in arrays.items() if n.endswith("_votes")}
    wanted = [*VOTED, *OTHERS]
    if lacking := [name for name in wanted if name not in names]:
        raise RequestError(
            f"no votes for {listing(lacking)}; it has {listing(names)}", where=str(path)
        )
    order = [names.index(name) for name in wanted]
    found = {}
    for split, array in parts.items():
        whole = array.ndim == 2 and array.shape[1] == len(names) and array.dtype.kind in "iu"
        if not whole or (array.size and array.min() < 0):
            raise RequestError(
                f"{split}_votes are {array.dtype} of shape {array.shape}; expected counts, "
                f"(images, {len(names)})",
                where=str(path),
            )
        found[split] = array[:, order].astype(np.int64)
    return found


def _of_csv(path: Path) -> tuple[list[str], dict[str, npt.NDArray[Any]]]:
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise RequestError(f"not a table that can be read: {error}", where=str(path)) from None
    if "Usage" not in table:
        raise RequestError(f"no column Usage, as {CSV} has", where=str(path))
    names = [str(name) for name in table.columns if name in (*VOTED, *OTHERS)]
    groups = {USAGES.get(str(usage), str(usage)): part for usage, part in table.groupby("Usage")}
    return names, {split: part[names].to_numpy() for split, part in groups.items()}


def relabelled(
    parts: Mapping[str, Split], votes: Votes, path: Path, *, soft: bool
) -> tuple[dict[str, Split], str]:
    """Return splits with FER+ labels, and what became of images without a majority, in words.

    Args:
        parts: splits in the order of their file.
        votes: as :func:`read_votes` gives them.
        path: of the votes, for errors.
        soft: whether training images have the distribution beside the majority.

    Raises:
        RequestError: a split has no votes, or not one row for each image.
    """
    found: dict[str, Split] = {}
    kept, total = 0, 0
    for name, part in parts.items():
        if name not in votes or len(votes[name]) != len(part):
            rows = f"{len(votes[name]):,} rows of votes" if name in votes else "no votes"
            raise RequestError(
                f"{rows} for the {len(part):,} {name} images; votes are row by row those of the "
                "images' file",
                where=str(path),
            )
        counts = np.where(votes[name] > 1, votes[name], 0)
        emotions = counts[:, : len(VOTED)]
        rows_kept = np.flatnonzero(2 * emotions.max(1) > counts.sum(1))
        chosen = part.take(rows_kept)
        labels = emotions[rows_kept].argmax(1).astype(np.int64)
        shares = emotions[rows_kept] / emotions[rows_kept].sum(1, keepdims=True)
        whole = Split(chosen.images, labels, chosen.files)
        found[name] = (
            SoftSplit(whole.images, labels, whole.files, targets=shares.astype(np.float32))
            if soft and name == "train"
            else whole
        )
        kept, total = kept + len(rows_kept), total + len(part)
    kind = "distribution" if soft else "majority"
    return found, f"FER+ {kind}, {total - kept:,} of {total:,} images without a majority left out"
