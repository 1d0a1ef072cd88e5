"""Any folder of class folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
from attrs import field
from attrs.validators import ge, gt, lt

from bionic_core import Dataset, DataSource, RequestError, Split
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


@attrs.frozen(eq=False)
class Images(DataSource):
    """Pictures in class folders, ``<class>/*.png``, or these within ``train/`` and ``test/``.

    ``validation/`` (or ``val/``, ``valid/``) may stand beside them. Class names are the folders',
    sorted. Pictures have any size and colour, see :func:`bionic_core.pictures.read_picture`.
    Hidden files are passed over; anything else in a class folder that is not a picture is an
    error, so that no image is lost unnoticed.

    Attributes:
        path: the folder.
        test_share: share of each class set apart for testing where there is no ``test/``;
            identical pictures stay on one side.
        test_seed: of the choice of those.
    """

    name = "images"
    source = "a folder"

    path: str
    test_share: float = field(default=0.2, validator=[gt(0), lt(1)])
    test_seed: int = field(default=0, validator=ge(0))

    @classmethod
    def claims(cls, path: Path) -> int:
        """Claim any folder, but weakly."""
        return 1 if path.is_dir() else 0

    def read(self, image: Shape) -> Dataset:
        """Return the pictures, resized to ``image`` = (1 or 3, height, width).

        Raises:
            RequestError: there is no such folder, it has no class folders, a class folder is
                empty or unknown to ``train/``, or files in it are not pictures.
        """
        root = Path(self.path)
        if not self.path or not root.is_dir():
            raise RequestError(
                "no such folder; images needs one with a folder of pictures for each class, or "
                "with these in train/ and test/",
                where=self.path or "path",
            )
        found = split_folders(root) or {"train": root}
        names = class_folders(found["train"])
        label = {name: index for index, name in enumerate(names)}
        parts = {split: read_classes(folder, label, image) for split, folder in found.items()}
        if "test" not in parts:
            parts["train"], parts["test"] = self._divide(parts["train"], names)
        title = f"images ({root.resolve().name})"
        return Dataset(title, tuple(names), parts["train"], parts["test"], parts.get("validation"))

    def _divide(self, part: Split, names: list[str]) -> tuple[Split, Split]:
        """Return the images less a share of each class, and that share."""
        lone = [name for name, n in zip(names, part.counts(len(names)), strict=True) if n < 2]
        if lone:
            raise RequestError(
                [
                    f"class '{name}' has one picture; two are needed, one to train and one to "
                    "test, as there is no test/"
                    for name in lone
                ],
                where=self.path,
            )
        test = grouped_share(part, len(names), self.test_share, self.test_seed)
        if not len(test):
            raise RequestError(
                "the pictures of each class are all the same; give different ones, or a test/",
                where=self.path,
            )
        return part.take(np.setdiff1d(np.arange(len(part)), test)), part.take(test)


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
