"""Any folder of class folders."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
from attrs import field
from attrs.validators import ge, gt, lt

from bionic_core import Dataset, DataSource, RequestError, Split
from bionic_plugins.pictures import SUFFIXES, Shape, read_picture

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing"),
}


@attrs.frozen(eq=False)
class Images(DataSource):
    """Pictures in class folders, ``<class>/*.png``, or these within ``train/`` and ``test/``.

    ``validation/`` may stand beside them. Class names are the folders', sorted. Pictures have
    any size and colour (see :func:`bionic_plugins.pictures.read_picture`); hidden files and
    files with no picture's suffix are passed over.

    Attributes:
        path: the folder.
        test_share: share of each class set apart for testing where there is no ``test/``.
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
        """Return the pictures, resized to ``image``."""
        root = Path(self.path)
        if not root.is_dir():
            raise RequestError("no such folder", where=self.path)
        found = split_folders(root)
        name = f"images ({root.name})"
        if "train" not in found:
            names = class_folders(root)
            everything = read_classes(root, {n: i for i, n in enumerate(names)}, image)
            train, test = self._divide(everything, len(names))
            return Dataset(name, tuple(names), train, test)
        names = class_folders(found["train"])
        label = {n: i for i, n in enumerate(names)}
        parts = {split: read_classes(folder, label, image) for split, folder in found.items()}
        if "test" not in parts:
            parts["train"], parts["test"] = self._divide(parts["train"], len(names))
        return Dataset(name, tuple(names), parts["train"], parts["test"], parts.get("validation"))

    def _divide(self, part: Split, classes: int) -> tuple[Split, Split]:
        """Return the images less a share of each class, and that share."""
        rng = np.random.Generator(np.random.PCG64(self.test_seed))
        taken = []
        for cls in range(classes):
            rows = np.flatnonzero(part.labels == cls)
            if len(rows) < 2:
                raise RequestError(
                    f"class {cls + 1} of {classes} (by name) has {len(rows)} picture; "
                    "two are needed, one to train and one to test",
                    where=self.path,
                )
            order = np.argsort(rng.random(len(rows)), kind="stable")
            taken.append(rows[order[: max(1, round(self.test_share * len(rows)))]])
        test = np.sort(np.concatenate(taken))
        return part.take(np.setdiff1d(np.arange(len(part)), test)), part.take(test)


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folders of train, validation and test, as far as they are there."""
    return {
        split: root / name
        for split, names in SPLIT_FOLDERS.items()
        for name in names
        if (root / name).is_dir()
    }


def class_folders(root: Path) -> list[str]:
    """Return the names of the folders within, sorted, hidden ones left out.

    Raises:
        RequestError: there are fewer than two.
    """
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(names) < 2:
        raise RequestError(
            f"found {len(names)} class folders ({', '.join(names) or 'none'}); expected one folder "
            "of pictures for each class",
            where=str(root),
        )
    return names


def read_classes(root: Path, label: dict[str, int], image: Shape) -> Split:
    """Return the pictures in the class folders of ``root``, labelled by folder name.

    Raises:
        RequestError: a folder is empty or no class, or a picture cannot be read.
    """
    files: list[tuple[Path, int]] = []
    problems = []
    for name in class_folders(root):
        if name not in label:
            problems.append(f"folder '{name}' is no class; classes are {', '.join(label)}")
            continue
        pictures = sorted(
            path
            for path in (root / name).iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
        if not pictures:
            problems.append(f"class folder '{name}' has no pictures ({', '.join(SUFFIXES)})")
        files += [(path, label[name]) for path in pictures]
    images = []
    for path, _ in files:
        try:
            images.append(read_picture(path, image))
        except RequestError as error:
            problems.append(str(error))
    if problems:
        more = f" … and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise RequestError([*problems[:5], *([more.strip()] if more else [])], where=str(root))
    return Split(np.stack(images), np.array([cls for _, cls in files], np.int64))
