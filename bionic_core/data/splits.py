"""Labelled images in memory, and how they are split for selecting and for testing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.data.duplicates import identical, occurring
from bionic_core.errors import RequestError

Protocol = Literal["honest", "paper"]
SPLITS = ("train", "validation", "test")


@attrs.frozen(eq=False)
class Split:
    """Images and their labels.

    Attributes:
        images: uint8 (N, C, H, W), 0 black to 255 white.
        labels: int64 (N,), indices into the dataset's class names.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.int64]) -> Split:
        """Return the given rows, in the given order."""
        return Split(self.images[rows], self.labels[rows])

    def counts(self, classes: int) -> npt.NDArray[np.int64]:
        """Return the number of images of each class, int64 (classes,)."""
        return np.bincount(self.labels, minlength=classes)

    @staticmethod
    def join(first: Split, second: Split) -> Split:
        """Return both, one after the other."""
        return Split(
            np.concatenate([first.images, second.images]),
            np.concatenate([first.labels, second.labels]),
        )


@attrs.frozen(eq=False)
class Dataset:
    """What a data source gives: its own splits, with the class names that the labels index.

    Attributes:
        name: for outputs, for example ``fer2013 (fer2013.csv)``.
        class_names: in label order.
        train, test: always there.
        validation: only where the source itself sets images apart for selecting.

    Raises:
        RequestError: class names are fewer than two or repeat, arrays have not the shapes and
            dtypes of :class:`Split`, splits differ in image shape, a split is empty, a label
            has no class name, or a class has no training images.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None

    def __attrs_post_init__(self) -> None:
        problems = _misnamed(self.class_names)
        for split, part in self.splits.items():
            problems += [f"{split}: {wrong}" for wrong in _wrong(part, len(self.class_names))]
        if not problems:
            shapes = {split: part.images.shape[1:] for split, part in self.splits.items()}
            if len(set(shapes.values())) > 1:
                found = ", ".join(f"{split} {shape}" for split, shape in shapes.items())
                problems.append(f"images differ in shape: {found}; expected one (C, H, W)")
            counts = self.train.counts(len(self.class_names))
            problems += [
                f"train: class '{name}' has no images; give it some, or take the class out"
                for name, count in zip(self.class_names, counts, strict=True)
                if count == 0
            ]
        if problems:
            raise RequestError(problems, where=self.name)

    @property
    def splits(self) -> Mapping[str, Split]:
        """The source's own splits by name, in the order train, validation, test."""
        named = {name: getattr(self, name) for name in SPLITS}
        return {name: part for name, part in named.items() if part is not None}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over class names, pixels and labels of every split, as hexadecimal."""
        digest = hashlib.sha256("\0".join(self.class_names).encode())
        for name, part in self.splits.items():
            digest.update(f"{name}{part.images.shape}".encode())
            digest.update(np.ascontiguousarray(part.images).data)
            digest.update(part.labels.astype("<i8").data)
        return digest.hexdigest()


def _misnamed(names: tuple[str, ...]) -> list[str]:
    problems = []
    if len(names) < 2:
        problems.append(f"class names are {', '.join(names) or 'none'}; expected two or more")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.append(f"class names are there twice: {', '.join(twice)}")
    return problems


def _wrong(part: Split, classes: int) -> list[str]:
    """Return what is wrong with a split; later checks need what earlier ones assure."""
    images, labels = part.images, part.labels
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
        return Split.join(self.validation, self.test)


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
        test = data.test if data.validation is None else Split.join(data.validation, data.test)
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
