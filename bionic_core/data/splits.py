"""Labelled images in memory, and how they are split for selecting and for testing."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.data.duplicates import identical, occurring
from bionic_core.dataset import Dataset, Protocol, Split
from bionic_core.errors import RequestError


@attrs.frozen
class Dropped:
    """How many training images were dropped since they occur in validation or test.

    Attributes:
        exact: those with the same pixels as an image there.
        near: the others, near copies.
    """

    exact: int
    near: int


@attrs.frozen(eq=False)
class Splits:
    """The three parts that a run uses.

    Attributes:
        selected_on: ``validation``, or ``test`` where the protocol selects on the test set;
            then ``validation`` and ``test`` are the same images, and every output says so.
        dropped: what was taken out of train, where leaks were to be dropped.
    """

    train: Split
    validation: Split
    test: Split
    selected_on: Literal["validation", "test"]
    dropped: Dropped | None = None

    @property
    def held_out(self) -> Split:
        """Everything outside train, each image once: validation, then test."""
        if self.selected_on == "test":
            return self.test
        return together(self.validation, self.test)


def split(
    data: Dataset,
    protocol: Protocol,
    split_seed: int,
    *,
    share: float = 0.1,
    drop_leaks: bool = False,
) -> Splits:
    """Split as the protocol says (§3.6 names no validation split).

    ``honest``: select on validation, touch test once. The source's own validation split
    serves where there is one; otherwise a stratified ``share`` of train, in groups of identical
    images, drawn with ``split_seed``. ``paper``: train on all of train, select on test, which
    is then everything outside train.

    ``drop_leaks`` takes out of train, last, every image that occurs in validation or test,
    exactly or as a near copy (:func:`bionic_core.data.duplicates.occurring`), whatever its label.

    Raises:
        RequestError: no class has two different images to set some apart, or dropping leaks
            leaves a class without training images.
    """
    parts = _split(data, protocol, split_seed, share)
    return _without_leaks(parts, data) if drop_leaks else parts


def _split(data: Dataset, protocol: Protocol, split_seed: int, share: float) -> Splits:
    if protocol == "paper":
        test = data.test if data.validation is None else together(data.validation, data.test)
        return Splits(data.train, test, test, selected_on="test")
    if data.validation is not None:
        return Splits(data.train, data.validation, data.test, selected_on="validation")
    held_out = grouped_share(data.train, len(data.class_names), share, split_seed)
    if not len(held_out):
        raise RequestError("too few images to set some apart for selecting; give a test split")
    rest = np.setdiff1d(np.arange(len(data.train)), held_out)
    return Splits(
        data.train.take(rest), data.train.take(held_out), data.test, selected_on="validation"
    )


def _without_leaks(parts: Splits, data: Dataset) -> Splits:
    exact, near = occurring(parts.train.images, parts.held_out.images)
    kept = np.setdiff1d(np.arange(len(parts.train)), np.concatenate([exact, near]))
    train = parts.train.take(kept)
    counts = zip(data.class_names, train.counts(len(data.class_names)), strict=True)
    emptied = [name for name, count in counts if count == 0]
    if emptied:
        raise RequestError(
            [
                f"data.drop_leaks = true leaves class '{name}' without training images: all of "
                "them occur in validation or test. 'bionic data check' lists them; take the "
                "copies out of there, or leave drop_leaks out"
                for name in emptied
            ],
            where=data.name,
        )
    return attrs.evolve(parts, train=train, dropped=Dropped(len(exact), len(near)))


def grouped_share(part: Split, classes: int, share: float, seed: int) -> npt.NDArray[np.int64]:
    """Return the rows of a share of each class, identical images together, ascending.

    A group of identical images counts for the class of its first row; within a class, groups
    are taken in random order as long as they fit in the share, so that a group that would
    overshoot is passed over. A class of at least two groups gives at least one and keeps at
    least one.
    """
    group = identical(part.images)
    rng = np.random.Generator(np.random.PCG64(seed))
    _, first, sizes = np.unique(group, return_index=True, return_counts=True)
    label = part.labels[first]
    taken: list[int] = []
    for cls in range(classes):
        members = np.flatnonzero(label == cls)
        members = members[np.argsort(rng.random(len(members)), kind="stable")]
        if len(members) < 2:
            continue
        room = max(1, round(share * int(sizes[members].sum())))
        chosen: list[int] = []
        for member in members[:-1].tolist():
            if sizes[member] <= room:
                chosen.append(member)
                room -= int(sizes[member])
        taken += chosen or [int(members[np.argmin(sizes[members])])]
    return np.flatnonzero(np.isin(group, taken))


def together(first: Split, second: Split) -> Split:
    """Return the images of both, one after the other."""
    return Split(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
    )
