"""FER-2013's files: which are its own, which form they have, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from bionic_core import Dataset, RequestError, Split
from bionic_core.errors import listing
from bionic_core.pictures import Shape, fit
from bionic_plugins.data.fer2013_forms import (
    ALIASES,
    CLASSES,
    Parts,
    looks_like_csv,
    looks_like_npz,
    looks_like_strips,
    read_csv,
    read_folders,
    read_npz,
    read_strips,
)
from bionic_plugins.data.folders import folders, split_folders


@attrs.frozen
class Form:
    """A kind of file: how it is told from others of its suffix, and how it is read."""

    looks: Callable[[Path], bool]
    read: Callable[[Path], Parts]


CLASSIC = "fer2013"
"""Whose labels they are unless it is asked for others."""

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


def claims(path: Path) -> int:
    """Return 2 for what is surely FER-2013's: its files by content, folders of its seven classes.

    Return 1 for other files of the forms' suffixes: what is wrong with them is said.
    """
    if path.is_file():
        form = _form(path)
        return (2 if FORMS[form].looks(path) else 1) if form else 0
    return 2 if _holds_classes(path, every=True) or _recognised(path) else 0


def read(given: str, image: Shape, labels: str = CLASSIC, votes: str = "") -> Dataset:
    """Return the images at a path, see :meth:`bionic_plugins.data.fer2013.Fer2013.read`."""
    if not given:
        raise RequestError(
            f"fer2013 needs its files: give --data PATH, or path in [data]. PATH is {HELP}"
        )
    if votes and labels == CLASSIC:
        raise RequestError(
            'data.votes is of FER+ labels; set data.labels to "ferplus" or "ferplus-soft", or '
            "leave data.votes out"
        )
    path = _found(given)
    where = str(path)
    if path.is_dir():
        parts, names = read_folders(path, image)
    else:
        parts, names = FORMS[_form(path)].read(path)
    parts = {split: attrs.evolve(p, images=fit(p.images, image)) for split, p in parts.items()}
    title = f"fer2013 ({path.resolve().name})"
    if labels != CLASSIC:
        parts, names, said = _voted(parts, path, votes, soft=labels == "ferplus-soft")
        title += f", {said}"
    test, validation = held_out(parts, where)
    try:
        return Dataset(title, names, parts["train"], test, validation)
    except RequestError as error:
        raise RequestError(error.problems, where=where) from None


def _voted(
    parts: Mapping[str, Split], path: Path, votes: str, *, soft: bool
) -> tuple[dict[str, Split], tuple[str, ...], str]:
    """Return splits with FER+ labels, their class names, and what was left out, in words."""
    from bionic_plugins.data import ferplus

    if path.is_dir():
        raise RequestError(
            "FER+ votes are row by row those of a file of FER-2013, and pictures in folders have "
            "another order; give the .csv, .npz or .zip",
            where=str(path),
        )
    file = ferplus.find_votes(votes, path)
    found, said = ferplus.relabelled(parts, ferplus.read_votes(file), file, soft=soft)
    return found, ferplus.CLASSES, said


def held_out(parts: Mapping[str, Split], where: str) -> tuple[Split, Split | None]:
    """Return the test split and the one that selects; where only one is there, it is the test."""
    if "train" not in parts or len(parts) == 1:
        found = ", ".join(parts) or "none"
        raise RequestError(f"needs training images and test images; found {found}", where=where)
    held = [name for name in ("private", "test", "public", "validation") if name in parts]
    if len(held) > 2:
        raise RequestError(
            f"has {len(held)} splits beside train: {', '.join(held)}; keep one to test, and "
            "perhaps one to select by",
            where=where,
        )
    return parts[held[0]], parts[held[1]] if len(held) > 1 else None


def _found(given: str) -> Path:
    """Return the file, or the folder with ``train/``, that the path means."""
    path = Path(given)
    if not path.exists():
        raise RequestError(f"no such file or folder; expected {HELP}", where=given)
    if path.is_file() and not _form(path):
        raise RequestError(f"not a form of FER-2013; expected {HELP}", where=given)
    if path.is_file() or _holds_classes(path):
        return path
    files = _recognised(path) or _files(path)
    if len(files) == 1:
        return files[0]
    if split_folders(path):  # its folders say what is wrong with the class names
        return path
    found = f"{len(files)} such files: {listing(file.name for file in files)}"
    advice = "; name the one to read" if files else f"; expected {HELP}"
    raise RequestError(f"the folder holds {found}{advice}", where=given)


def _form(path: Path) -> str:
    """Return the suffix that says the form, or an empty string."""
    name = path.name.lower()
    return next((suffix for suffix in FORMS if name.endswith(suffix)), "")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and _form(path))


def _recognised(folder: Path) -> list[Path]:
    """Return the files whose content is FER-2013's, not only their suffix."""
    return [path for path in _files(folder) if FORMS[_form(path)].looks(path)]


def _holds_classes(folder: Path, *, every: bool = False) -> bool:
    """Whether the folder has ``train/`` with class folders, mostly of FER-2013's names.

    Of ``every`` class one, if asked, and no other: fewer are somebody's choice of classes, and
    ``images`` reads them.
    """
    try:
        names = [path.name.lower() for path in folders(split_folders(folder)["train"])]
    except (RequestError, KeyError, OSError):
        return False
    known = [ALIASES[name] for name in names if name in ALIASES]
    if every:
        return len(names) == len(known) == len(set(known)) == len(CLASSES)
    return len(known) * 2 >= len(names)
