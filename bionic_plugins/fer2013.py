"""FER-2013, in all the forms in which people have it (doi:10.1007/978-3-642-42051-1_16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from bionic_core import Dataset, DataSource, RequestError
from bionic_plugins.fer2013_forms import (
    ALIASES,
    Parts,
    read_csv,
    read_folders,
    read_npz,
    read_strips,
)
from bionic_plugins.images import class_folders, split_folders
from bionic_plugins.pictures import Shape, fit

FORMS: Mapping[str, Callable[[Path], Parts]] = {
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".npz": read_npz,
    ".zip": read_strips,
}

HELP = (
    "fer2013.csv or icml_face_data.csv (also .csv.gz), a folder with train/<class>/ and "
    "test/<class>/, an .npz with train_images …, or a .zip of strips"
)


@attrs.frozen(eq=False)
class Fer2013(DataSource):
    """FER-2013: 48 × 48 grey faces of seven expressions.

    Class names travel with labels: the CSV codes 0 … 6 are angry, disgust, fear, happy, sad,
    surprise, neutral, folders and archives sort by name; all become the same seven classes in
    alphabetical order. PublicTest is the validation split and PrivateTest the test split where
    both are there; where only one is, it is the test split.

    Attributes:
        path: the file or folder.
    """

    name = "fer2013"
    source = "Goodfellow et al. 2013, doi:10.1007/978-3-642-42051-1_16"

    path: str = ""

    @classmethod
    def claims(cls, path: Path) -> int:
        """Claim files of its forms, folders of its classes, and folders that hold one such file."""
        if path.is_file():
            return 2 if _form(path) else 0
        return 2 if _holds_classes(path) or len(_files(path)) == 1 else 0

    def read(self, image: Shape) -> Dataset:
        """Return the images, resized where ``image`` is not (1, 48, 48)."""
        if not self.path:
            raise RequestError(
                f"fer2013 needs its files: give --data PATH, or path in [data]. PATH is {HELP}"
            )
        path = Path(self.path)
        if not path.exists():
            raise RequestError("no such file or folder", where=self.path)
        if path.is_dir() and not _holds_classes(path):
            files = _files(path)
            if len(files) != 1:
                raise RequestError(
                    f"the folder holds {len(files)} files of FER-2013; expected {HELP}",
                    where=self.path,
                )
            path = files[0]
        if path.is_dir():
            parts, names = read_folders(path, image)
        else:
            form = _form(path)
            if not form:
                raise RequestError(f"not a form of FER-2013; expected {HELP}", where=str(path))
            parts, names = FORMS[form](path)
        parts = {split: attrs.evolve(p, images=fit(p.images, image)) for split, p in parts.items()}
        title = f"fer2013 ({path.name})"
        if "train" not in parts or len(parts) == 1:
            found = ", ".join(parts) or "none"
            raise RequestError(
                f"needs training images and test images; found {found}", where=str(path)
            )
        if "private" in parts:
            return Dataset(title, names, parts["train"], parts["private"], parts.get("public"))
        test = parts["test"] if "test" in parts else parts["public"]
        return Dataset(title, names, parts["train"], test, parts.get("validation"))


def _form(path: Path) -> str:
    name = path.name.lower()
    return next((suffix for suffix in sorted(FORMS, key=len)[::-1] if name.endswith(suffix)), "")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and _form(path))


def _holds_classes(folder: Path) -> bool:
    """Whether the folder has ``train/`` with class folders that have FER-2013's names."""
    train = split_folders(folder).get("train")
    if train is None:
        return False
    try:
        names = class_folders(train)
    except RequestError:
        names = [path.name for path in train.iterdir() if path.is_dir()]
    return bool(names) and sum(name.lower() in ALIASES for name in names) * 2 >= len(names)
