"""Class folders of pictures, and those of splits that they stand in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bionic_core import RequestError, Split
from bionic_core.data.splits import grouped_share
from bionic_core.errors import nearest, shorten
from bionic_core.pictures import SUFFIXES, Box, Shape, check_room, read_picture

SPLIT_FOLDERS = {
    "train": ("train", "training", "train_set", "training_set", "trainset"),
    "validation": (
        *("validation", "valid", "val", "validation_set", "valid_set", "val_set", "valset"),
        "publictest",
    ),
    "test": ("test", "testing", "test_set", "testing_set", "testset", "privatetest"),
}

SPLIT_WORD = re.compile(r"(?:^|[^a-z])(train|test|valid|val)(?:ing|ation|set)?(?:[^a-z]|$)")
"""What a folder's name has in it if it holds a split, and no class."""

LITTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin")
"""What operating systems leave behind; passed over like hidden files."""

SHOWN = 5


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folders of train, validation and test, as far as they are there.

    Empty where there is no folder of training images with folders in it: ``train`` is also a
    fair name for a class of pictures.

    Raises:
        RequestError: two folders are of the same split, or one beside train/ may be a split.
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
    if "train" not in found or not folders(found["train"]):
        return {}
    others = [folder.name for folder in folders(root) if folder not in found.values()]
    classes = {folder.name for folder in folders(found["train"])}
    if beside := [name for name in others if name in classes]:
        raise RequestError(
            f"the class folders {_first(beside)} stand beside train/, which has such too; they "
            "would not be read: put their pictures into train/ or test/, or take them out",
            where=str(root),
        )
    if unknown := [name for name in others if SPLIT_WORD.search(name.lower())]:
        raise RequestError(
            f"'{unknown[0]}' is named as a split, but is none that is known; call it train, "
            "validation or test, or take it out",
            where=str(root),
        )
    return found


def class_folders(root: Path, least: int = 2) -> list[str]:
    """Return the names of the folders within, sorted, hidden ones left out.

    Raises:
        RequestError: there are fewer than ``least``.
    """
    names = [folder.name for folder in folders(root)]
    if len(names) < least:
        found = f"{len(names)} class folder{'' if len(names) == 1 else 's'}"
        wanted = "two or more" if least > 1 else "of those that train/ has"
        if least > 1 and len(names) == 1 and len(folders(root / names[0])) > 1:
            wanted += f"; '{names[0]}' has several folders, so give that one"
        raise RequestError(
            f"found {found} ({', '.join(names) or 'none'}); expected one folder of pictures for "
            f"each class, {wanted}",
            where=str(root),
        )
    same = [name for name in names if [n.casefold() for n in names].count(name.casefold()) > 1]
    if same:
        raise RequestError(
            f"the class folders {_first(same)} differ in capitals alone; put them together, or "
            "rename one",
            where=str(root),
        )
    return names


Labelled = Sequence[tuple[Path, int]]
"""Pictures and their labels."""


def read_classes(
    root: Path, label: Mapping[str, int], image: Shape, *, whole: bool = True
) -> Split:
    """Return the pictures of :func:`class_files`, read in a shape.

    Raises:
        RequestError: as there, or a picture cannot be read.
    """
    return read_labelled(class_files(root, label, whole=whole), root, image)


def class_files(root: Path, label: Mapping[str, int], *, whole: bool = True) -> Labelled:
    """Return the pictures in the class folders of ``root``, labelled by folder name.

    Folders within a class's (a person's, a video's) belong to it.

    Args:
        root: that holds the folders.
        label: of each class.
        whole: whether each class there must have pictures; if not, one must.

    Raises:
        RequestError: a folder is empty or no class, or holds what is no picture.
    """
    files: list[tuple[Path, int]] = []
    problems = []
    for name in class_folders(root, 2 if whole else 1):
        if name not in label:
            known = ", ".join(label)
            problems.append(
                f"folder '{name}' is no class; classes are {known}.{nearest(name, label)}"
            )
            continue
        entries = list(_files(root / name))
        strays = [path for path in entries if path.suffix.lower() not in SUFFIXES]
        problems += _layout_problems(root, name)
        if strays:
            told = [path.relative_to(root / name).as_posix() for path in strays]
            problems.append(
                f"class folder '{name}' holds what is no picture: {_first(told)}; pictures end "
                f"in {' '.join(SUFFIXES)}. Take the rest out"
            )
        elif not entries and whole:
            problems.append(
                f"class folder '{name}' is empty; give it pictures, or take the folder out"
            )
        files += [(path, label[name]) for path in entries if path not in strays]
    if not (files or problems):
        problems = ["its class folders are empty; give them pictures, or take the folder out"]
    if problems:
        raise RequestError(shorten(problems), where=str(root))
    return files


def read_labelled(
    files: Labelled, root: Path, image: Shape, boxes: Mapping[Path, Box] | None = None
) -> Split:
    """Return pictures with their labels; of those that have a box, what lies in it.

    Raises:
        RequestError: some cannot be read.
    """
    check_room(len(files), image)
    images = []
    problems = []
    for path, _ in files:
        try:
            name, box = path.relative_to(root).as_posix(), (boxes or {}).get(path)
            images.append(read_picture(path, image, name, box))
        except RequestError as error:
            problems.append(str(error))
    if problems:
        raise RequestError(shorten(problems), where=str(root))
    places = np.array([path.relative_to(root).as_posix() for path, _ in files], np.str_)
    return Split(np.stack(images), np.array([cls for _, cls in files], np.int64), places)


def common_size(root: Path) -> Shape:
    """Return channels, height and width that all pictures below a folder have, by their headers.

    Raises:
        RequestError: there are none, or they differ in size.
    """
    from PIL import Image

    found: Counter[tuple[int, int]] = Counter()
    grey = True
    for path in _files(root) if root.is_dir() else ():
        if path.suffix.lower() in SUFFIXES:
            try:
                with Image.open(path) as picture:
                    found[picture.height, picture.width] += 1
                    grey = grey and picture.mode in ("1", "L", "LA", "I;16")
            except (OSError, ValueError, Image.DecompressionBombError):
                continue  # whoever reads it names it
    if len(found) == 1:
        ((height, width),) = found
        return 1 if grey else 3, height, width
    sizes = ", ".join(f"{w} × {h} ({n:,})" for (h, w), n in found.most_common(3))
    raise RequestError(
        f"the pictures have {len(found)} sizes (width × height: {sizes}), so that none is theirs; "
        "write one, for example image = [1, 48, 48]"
        if found
        else "there are no pictures in it",
        where=str(root),
    )


def _layout_problems(root: Path, name: str) -> list[str]:
    """Refuse what would mix splits: a split taken for a class, or splits within a class."""
    inside = [folder.name for folder in folders(root / name)]
    if inside and SPLIT_WORD.search(name.lower()):
        return [
            f"folder '{name}' is named as a split and holds folders, but is no split that is "
            "known; call it train, validation or test"
        ]
    splits = [word for word in inside if SPLIT_WORD.search(word.lower())]
    if splits:
        return [
            f"class folder '{name}' holds the folders {_first(splits)}, which are named as splits; "
            "put the class folders into train/ and test/ instead"
        ]
    return []


def _files(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Give the files of a folder, then those of folders within; a link that leads up is not gone.

    Names are sorted, so that all machines have the same order.
    """
    if (place := folder.resolve()) in above:
        return
    inside = _visible(folder)
    yield from (path for path in inside if not path.is_dir())
    for path in inside:
        if path.is_dir():
            yield from _files(path, above | {place})


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
