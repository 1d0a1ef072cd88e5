"""Labelled images in memory: what a data source gives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError

Protocol = Literal["honest", "paper"]

SPLITS = ("train", "validation", "test")


@attrs.frozen(eq=False)
class Split:
    """Images and their labels.

    Attributes:
        images: uint8 (N, C, H, W), 0 black to 255 white.
        labels: int64 (N,), indices into the dataset's class names.
        files: str (N,), where each image is, in the source; None where files hold many.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    files: npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.int64]) -> Split:
        """Return the given rows, in the given order."""
        files = None if self.files is None else self.files[rows]
        return Split(self.images[rows], self.labels[rows], files)

    def counts(self, classes: int) -> npt.NDArray[np.int64]:
        """Return the number of images of each class, int64 (classes,)."""
        return np.bincount(self.labels, minlength=classes)


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
        from bionic_core.checks import dataset_problems

        parts = {split: (part.images, part.labels) for split, part in self.splits.items()}
        problems = dataset_problems(self.class_names, parts)
        if problems:
            raise RequestError(problems, where=self.name)

    @property
    def splits(self) -> Mapping[str, Split]:
        """The source's own splits by name, in the order train, validation, test."""
        return {name: part for name in SPLITS if (part := getattr(self, name)) is not None}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over class names, pixels and labels of every split, as hexadecimal."""
        digest = hashlib.sha256("\0".join(self.class_names).encode())
        for name, part in self.splits.items():
            digest.update(f"{name}{part.images.shape}".encode())
            digest.update(np.ascontiguousarray(part.images).data)
            digest.update(part.labels.astype("<i8").data)  # the same bytes on every machine
            digest.update(getattr(part, "beside_labels", b""))  # of SoftSplit
        return digest.hexdigest()
