"""FER-2013, in all the forms in which people have it (doi:10.1007/978-3-642-42051-1_16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from bionic_core import Dataset, DataSource, RequestError
from bionic_core.errors import listing
from bionic_core.pictures import Shape, fit
from bionic_plugins.data.fer2013_forms import (
    ALIASES,
    Parts,
    looks_like_csv,
    looks_like_npz,
    looks_like_strips,
    read_csv,
    read_folders,
    read_npz,
    read_strips,
)
from bionic_plugins.data.images import folders, split_folders


@attrs.frozen
class Form:
    """A kind of file: how it is told from others of its suffix, and how it is read."""

    looks: Callable[[Path], bool]
    read: Callable[[Path], Parts]


CSV = Form(looks_like_csv, read_csv)
FORMS: Mapping[str, Form] = {
    ".csv": CSV,
    ".csv.gz": CSV,
    ".npz": Form(looks_like_npz, read_npz),
    ".zip": Form(looks_like_strips, read_strips),
}

HELP = (
    "fer2013.csv or icml_face_data.csv (also .csv.gz), a folder with train/<class>/ and "
    "test/<class>/, an .npz with train_images …, a .zip of strips, or a folder with one of these"
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
        """Claim files of its suffixes, and folders that hold its classes or such files."""
        if path.is_file():
            return 2 if _form(path) else 0
        return 2 if _holds_classes(path) or _recognised(path) else 0

    def read(self, image: Shape) -> Dataset:
        """Return the images, resized where ``image`` is not (1, 48, 48).

        Raises:
            RequestError: the path is missing or none of the forms; or the file or folder is
                damaged, lacks training or test images or a class, or holds labels, pixels,
                usages or folders that FER-2013 has not. Lines are counted as in the file.
        """
        if not self.path:
            raise RequestError(
                f"fer2013 needs its files: give --data PATH, or path in [data]. PATH is {HELP}"
            )
        path = self._found()
        where = str(path)
        if path.is_dir():
            parts, names = read_folders(path, image)
        else:
            parts, names = FORMS[_form(path)].read(path)
        parts = {split: attrs.evolve(p, images=fit(p.images, image)) for split, p in parts.items()}
        if "train" not in parts or len(parts) == 1:
            found = ", ".join(parts) or "none"
            raise RequestError(f"needs training images and test images; found {found}", where=where)
        test = next(parts[split] for split in ("private", "test", "public") if split in parts)
        validation = parts.get("public") if "private" in parts else parts.get("validation")
        try:
            title = f"fer2013 ({path.resolve().name})"
            return Dataset(title, names, parts["train"], test, validation)
        except RequestError as error:
            raise RequestError(error.problems, where=where) from None

    def _found(self) -> Path:
        """Return the file, or the folder with ``train/``, that the path means."""
        path = Path(self.path)
        if not path.exists():
            raise RequestError(f"no such file or folder; expected {HELP}", where=self.path)
        if path.is_file() and not _form(path):
            raise RequestError(f"not a form of FER-2013; expected {HELP}", where=self.path)
        if path.is_file() or _holds_classes(path):
            return path
        files = _recognised(path) or _files(path)
        if len(files) == 1:
            return files[0]
        if split_folders(path):  # its folders say what is wrong with the class names
            return path
        found = f"{len(files)} such files: {listing(file.name for file in files)}"
        advice = "; name the one to read" if files else f"; expected {HELP}"
        raise RequestError(f"the folder holds {found}{advice}", where=self.path)


def _form(path: Path) -> str:
    """Return the suffix that says the form, or an empty string."""
    name = path.name.lower()
    return next((suffix for suffix in FORMS if name.endswith(suffix)), "")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and _form(path))


def _recognised(folder: Path) -> list[Path]:
    """Return the files whose content is FER-2013's, not only their suffix."""
    return [path for path in _files(folder) if FORMS[_form(path)].looks(path)]


def _holds_classes(folder: Path) -> bool:
    """Whether the folder has ``train/`` with class folders, mostly of FER-2013's names."""
    try:
        names = [path.name for path in folders(split_folders(folder)["train"])]
    except (RequestError, KeyError):
        return False
    return sum(name.lower() in ALIASES for name in names) * 2 >= len(names)
