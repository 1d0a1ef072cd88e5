"""Class folders of pictures, and those of splits that they stand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bionic_core import RequestError, Split
from bionic_core.data.splits import grouped_share
from bionic_core.errors import nearest, shorten
from bionic_core.pictures import SUFFIXES, Shape, read_picture

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing"),
}

LITTER = ("thumbs.db", "desktop.ini", "__macosx")
"""What operating systems leave behind; passed over like hidden files."""

SHOWN = 5


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folders of train, validation and test, as far as they are there.

    Empty where there is no folder of training images with folders in it: ``train`` is also a
    fair name for a class of pictures.

    Raises:
        RequestError: two folders are of the same split.
    """
    found: dict[str, Path] = {}
    for folder in folders(root):
        for split, names in SPLIT_FOLDERS.items():
            if folder.name.lower() in names:
                if split in found:
                    raise RequestError(
                        f"'{found[split].name}' and '{folder.name}' are both for {split}; keep one",
                        where=str(root),
                    )
                found[split] = folder
    return found if "train" in found and folders(found["train"]) else {}


def class_folders(root: Path) -> list[str]:
    """Return the names of the folders within, sorted, hidden ones left out.

    Raises:
        RequestError: there are fewer than two.
    """
    names = [folder.name for folder in folders(root)]
    if len(names) < 2:
        found = f"{len(names)} class folder{'' if len(names) == 1 else 's'}"
        raise RequestError(
            f"found {found} ({', '.join(names) or 'none'}); expected one folder of pictures for "
            "each class, two or more",
            where=str(root),
        )
    return names


def read_classes(root: Path, label: Mapping[str, int], image: Shape) -> Split:
    """Return the pictures in the class folders of ``root``, labelled by folder name.

    Raises:
        RequestError: a folder is empty or no class, or a picture cannot be read.
    """
    files: list[tuple[Path, int]] = []
    problems = []
    for name in class_folders(root):
        if name not in label:
            known = ", ".join(label)
            problems.append(
                f"folder '{name}' is no class; classes are {known}.{nearest(name, label)}"
            )
            continue
        entries = _visible(root / name)
        strays = [p.name for p in entries if p.is_dir() or p.suffix.lower() not in SUFFIXES]
        if strays:
            problems.append(
                f"class folder '{name}' holds what is no picture: {_first(strays)}; pictures end "
                f"in {' '.join(SUFFIXES)}. Take the rest out"
            )
        elif not entries:
            problems.append(
                f"class folder '{name}' is empty; give it pictures, or take the folder out"
            )
        files += [(path, label[name]) for path in entries if path.name not in strays]
    images = []
    for path, _ in files:
        try:
            images.append(read_picture(path, image, f"{path.parent.name}/{path.name}"))
        except RequestError as error:
            problems.append(str(error))
    if problems:
        raise RequestError(shorten(problems), where=str(root))
    return Split(np.stack(images), np.array([cls for _, cls in files], np.int64))


def _first(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _visible(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name.lower() not in LITTER
    )


def folders(root: Path) -> list[Path]:
    """Return the folders within, sorted, hidden ones left out."""
    return [path for path in _visible(root) if path.is_dir()]


def divide(
    part: Split, names: Sequence[str], share: float, seed: int, where: str
) -> tuple[Split, Split]:
    """Return the images less a share of each class for testing, and that share.

    Raises:
        RequestError: a class has one picture, or its pictures are all the same.
    """
    lone = [name for name, n in zip(names, part.counts(len(names)), strict=True) if n < 2]
    if lone:
        raise RequestError(
            [
                f"class '{name}' has one picture; two are needed, one to train and one to "
                "test, as there is no test/"
                for name in lone
            ],
            where=where,
        )
    test = grouped_share(part, len(names), share, seed)
    if not len(test):
        raise RequestError(
            "the pictures of each class are all the same; give different ones, or a test/",
            where=where,
        )
    return part.take(np.setdiff1d(np.arange(len(part)), test)), part.take(test)
