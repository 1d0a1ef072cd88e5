"""The forms of FER-2013, each to the same images and labels, by class name."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from bionic_core import RequestError, Split
from bionic_core.base.arrays import read_array, read_arrays, read_members, reading
from bionic_core.base.exact import MismatchError, exact
from bionic_core.base.files import check_file, limited_lines
from bionic_core.errors import listing, nearest, shorten
from bionic_core.pictures import Shape, opened_picture
from bionic_plugins.data.folders import class_folders, read_classes, split_folders

CLASSES = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")

ALIASES = {name: name for name in CLASSES} | {
    "disgust": "disgusted",
    "fear": "fearful",
    "surprise": "surprised",
    "anger": "angry",
    "happiness": "happy",
    "sadness": "sad",
}

CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The CSV's emotion 0 … 6: sad, surprise and neutral are not in alphabetical order."""

COLUMNS = ("emotion", "pixels", "usage")

USAGES = {"training": "train", "publictest": "public", "privatetest": "private"}

SPLITS = ("train", "public", "private", "validation", "test")

SIDE = 48
LABELS = "labels.npy"
TRAIN, PUBLIC, PRIVATE = 28709, 3589, 3589
"""Images of the published splits; strips hold them in this order."""

LINE, MOST = 2**20, 2**32
"""Letters of a line, and of a file: far more than 2,304 pixels and 35,887 lines have."""

Parts = tuple[dict[str, Split], tuple[str, ...]]
"""Splits by their names in ``SPLITS``, and the class names."""

DAMAGE = (
    *(OSError, ValueError, EOFError, KeyError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError),
)
"""What Python raises on archives that are cut off, encrypted, or no archives."""


def canonical(names: Sequence[str], where: str) -> npt.NDArray[np.int64]:
    """Return the label of each class name, int64.

    Raises:
        RequestError: a name is none of FER-2013's, or one is there twice.
    """
    problems = [
        f"'{name}' is no class of FER-2013; classes are {', '.join(CLASSES)}."
        f"{nearest(name, ALIASES)}"
        for name in names
        if name.lower() not in ALIASES
    ]
    labels = [CLASSES.index(ALIASES.get(name.lower(), CLASSES[0])) for name in names]
    if not problems and len(set(labels)) < len(labels):
        problems = [f"a class is there twice among {', '.join(names)}; keep one of them"]
    if problems:
        raise RequestError(shorten(problems), where=where)
    return np.array(labels, np.int64)


def looks_like_csv(path: Path) -> bool:
    """Whether the header names the columns."""
    try:
        with _text(path) as file:
            return set(COLUMNS) <= set(_header(file.readline(4096)))
    except (RequestError, *DAMAGE):
        return False


def read_csv(path: Path, codes: Sequence[str] = CODES, classes: Sequence[str] = CLASSES) -> Parts:
    """Read ``emotion,pixels,Usage`` in any order of columns, blanks in the header or not.

    Args:
        path: the file.
        codes: what each emotion is called, or another name of it.
        classes: the class names, in the order of labels.

    Raises:
        RequestError: the file is damaged, a column is missing, or lines are wrong: how many,
            and the first of them, each with its number in the file.
    """
    pixels = bytearray()  # a third of the memory that a list of rows and their stack take
    labels: list[int] = []
    usages: list[str] = []
    wrong: list[str] = []
    code_label = [classes.index(ALIASES[c] if classes is CLASSES else c) for c in codes]
    for line, (emotion, pixel, usage) in _rows(path):
        try:
            code, split, face = _code(emotion, codes), _usage(usage), _pixels(pixel)
        except ValueError as error:
            wrong.append(f"line {line:,}: {error}")
            continue
        pixels += face
        labels.append(code_label[code])
        usages.append(split)
    if wrong:
        total = f"{len(wrong):,} of {len(wrong) + len(labels):,} lines are wrong"
        raise RequestError([*shorten(wrong), total] if len(wrong) > 1 else wrong, where=str(path))
    if not labels:
        raise RequestError("there are no rows below the header", where=str(path))
    images = np.frombuffer(pixels, np.uint8).reshape(-1, 1, SIDE, SIDE)
    label, used = np.array(labels, np.int64), np.array(usages)
    return {
        split: Split(images[used == split], label[used == split])
        for split in SPLITS
        if (used == split).any()
    }, tuple(classes)


def _text(path: Path) -> TextIO:
    check_file(path)
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _header(line: str) -> list[str]:
    return [name.strip(' "\r\n').lower() for name in line.split(",")]


def _rows(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Yield each line's number and its emotion, pixels and usage; of short lines, blanks."""
    try:
        with _text(path) as file:
            header = _header(file.readline(LINE))
            if twice := [name for name in COLUMNS if header.count(name) > 1]:
                raise RequestError(
                    f"line 1: the header has {listing(twice)} twice; keep one", where=str(path)
                )
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                found = ", ".join(name[:20] for name in header[:8] if name) or "nothing"
                raise RequestError(
                    f"line 1: the header lacks {', '.join(missing)}; found {found}, "
                    "expected emotion, pixels, Usage",
                    where=str(path),
                )
            emotion, pixels, usage = (header.index(name) for name in COLUMNS)
            for number, line in enumerate(limited_lines(file, MOST, LINE), 2):
                # Few fields hold a comma, and this takes half of csv.reader's time.
                row = [field.strip(' "\r\n') for field in line.split(",")]
                if len(row) > len(header):
                    row = [field.strip(' "\r\n') for field in next(csv.reader([line]))]
                if row != [""]:
                    row += [""] * (len(header) - len(row))
                    yield number, (row[emotion], row[pixels], row[usage])
    except DAMAGE as error:
        raise RequestError(
            f"damaged, or not a CSV ({error}); get the file anew", where=str(path)
        ) from error


def _pixels(text: str) -> bytes:
    """Return 48 × 48 pixels, from numbers between blanks."""
    if not text.encode().translate(None, b"0123456789 "):
        values = np.fromstring(text, np.int64, sep=" ")
        if len(values) == SIDE * SIDE and values.max() <= 255:
            return values.astype(np.uint8).tobytes()
    words = text.split()
    wrong = [
        f"pixel {place:,} is '{word[:20]}', expected a whole number from 0 to 255"
        for place, word in enumerate(words, 1)
        if not (word.isascii() and word.isdecimal() and int(word) <= 255)
    ]
    if wrong:
        more = f", and so are {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        raise ValueError(wrong[0] + more)
    if len(words) != SIDE * SIDE:
        raise ValueError(f"{len(words):,} pixels, expected {SIDE} × {SIDE} = {SIDE * SIDE:,}")
    return bytes(int(word) for word in words)


def _code(text: str, codes: Sequence[str]) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < len(codes)):
        meanings = ", ".join(f"{code} {name}" for code, name in enumerate(codes))
        raise ValueError(f"emotion is '{text[:20]}', expected {meanings}")
    return int(text)


def _usage(text: str) -> str:
    split = USAGES.get(text.lower().replace(" ", ""))
    if split is None:
        raise ValueError(f"Usage is '{text[:20]}', expected Training, PublicTest or PrivateTest")
    return split


def looks_like_npz(path: Path) -> bool:
    """Whether the archive has training images."""
    return "train_images.npy" in _members(path)


def looks_like_strips(path: Path) -> bool:
    """Whether the archive has labels and WebP strips."""
    members = _members(path)
    return "labels.npy" in members and any(name.endswith(".webp") for name in members)


def _members(path: Path) -> list[str]:
    try:
        check_file(path)
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (RequestError, *DAMAGE):
        return []


def read_npz(path: Path) -> Parts:
    """Read ``<split>_images`` and ``<split>_labels``, and the ``class_names`` of the labels.

    Raises:
        RequestError: the file is damaged or needs pickle, or an array is missing or has not
            the shape, dtype or values that it should have.
    """
    arrays = read_arrays(path)
    splits = [s for s in SPLITS if f"{s}_images" in arrays or f"{s}_labels" in arrays]
    needed = [f"{s}_{what}" for s in splits or ["train"] for what in ("images", "labels")]
    lacking = [name for name in [*needed, "class_names"] if name not in arrays]
    if lacking:
        raise RequestError(
            f"lacks {', '.join(lacking)}; it has {', '.join(arrays) or 'nothing'}. Labels mean "
            "nothing without class_names: FER-2013 has two codings",
            where=str(path),
        )
    names = arrays["class_names"]
    try:
        if names.ndim != 1 or names.dtype.kind not in "US":
            raise MismatchError(f"is {names.dtype} {names.shape}, expected a list of strings")
        words: list[str] = exact(names, np.str_).tolist()
    except MismatchError as error:
        raise RequestError(f"class_names {error}", where=str(path)) from error
    label = canonical(words, str(path))
    return _labelled(
        {s: (arrays[f"{s}_images"], arrays[f"{s}_labels"]) for s in splits}, label, path
    )


def _labelled(
    arrays: Mapping[str, tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]],
    label: npt.NDArray[np.int64],
    path: Path,
) -> Parts:
    """Return checked images and labels of each split, labels by way of ``label``."""
    problems = []
    parts = {}
    for split, (given, labels) in arrays.items():
        images = given[:, None] if given.ndim == 3 else given
        if images.dtype != np.uint8 or images.shape[1:] != (1, SIDE, SIDE):
            problems.append(
                f"{split}_images is {given.dtype} {given.shape}, expected uint8 (N, {SIDE}, {SIDE})"
            )
        elif labels.shape != (len(images),) or labels.dtype.kind not in "iu":
            problems.append(
                f"{split}_labels is {labels.dtype} {labels.shape}, "
                f"expected {len(images):,} whole numbers"
            )
        else:
            index = labels.astype(np.int64)  # one beyond 63 bits becomes negative, and is refused
            wrong = np.flatnonzero((index < 0) | (index >= len(label)))
            if len(wrong):
                problems.append(
                    f"{split}_labels: {len(wrong):,} are not from 0 to {len(label) - 1}, the "
                    f"first is {index[wrong[0]]}, at index {wrong[0]:,}"
                )
            else:
                parts[split] = Split(images.astype(np.uint8, copy=False), label[index])
    if problems:
        raise RequestError(problems, where=str(path))
    return parts, CLASSES


def read_strips(path: Path) -> Parts:
    """Read lossless WebP strips, 48 pixels wide, images below one another, and ``labels.npy``.

    Strips follow each other by name, train before public (before private); labels index the
    class names in alphabetical order.

    Raises:
        RequestError: the file is damaged, or its strips or labels are not as many as they
            should be.
    """
    what = "not a .zip of strips"
    with reading(path, what):
        members = read_members(path, lambda name: name == LABELS or name.endswith(".webp"), what)
        if LABELS not in members:
            raise RequestError(
                "not a .zip of strips: it lacks labels.npy. Unpack a .zip of folders and "
                "give the folder",
                where=str(path),
            )
        labels = read_array(members.pop(LABELS), path, what)
        names = sorted(members)
        images = np.concatenate(
            [np.empty((0, SIDE, SIDE), np.uint8)] + [_strip(name, members[name]) for name in names]
        )
    known = (TRAIN + PUBLIC, TRAIN + PUBLIC + PRIVATE)
    if labels.shape != (len(images),) or len(images) not in known:
        raise RequestError(
            f"{len(images):,} images in {len(names)} strips, labels {labels.shape}; expected "
            f"{known[0]:,} (train, public) or {known[1]:,} (and private) of both",
            where=str(path),
        )
    ends = {"train": (0, TRAIN), "public": (TRAIN, known[0]), "private": known}
    return _labelled(
        {
            split: (images[start:end], labels[start:end])
            for split, (start, end) in ends.items()
            if len(images) >= end
        },
        np.arange(len(CLASSES)),
        path,
    )


def _strip(name: str, content: bytes) -> npt.NDArray[np.uint8]:
    """Return the images of a strip, uint8 (n, 48, 48)."""
    with opened_picture(io.BytesIO(content)) as strip:
        if strip.width != SIDE or strip.height % SIDE:
            raise ValueError(
                f"{name} is {strip.width} × {strip.height}, expected {SIDE} wide and a multiple "
                f"of {SIDE} high"
            )
        return np.asarray(strip.convert("L")).reshape(-1, SIDE, SIDE)


def read_folders(path: Path, image: Shape) -> Parts:
    """Read ``train/<class>/*.png`` and ``test/<class>/…``, by either set of class names.

    Raises:
        RequestError: a folder is no class of FER-2013 or is empty, or a file is no picture.
    """
    parts = {}
    for split, folder in split_folders(path).items():
        whole = split == "train"
        names = class_folders(folder, 2 if whole else 1)
        label = dict(zip(names, canonical(names, str(folder)).tolist(), strict=True))
        parts[split] = read_classes(folder, label, image, whole=whole)
    return parts, CLASSES
