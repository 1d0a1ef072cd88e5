"""The forms of FER-2013, each to the same images and labels, by class name."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core import RequestError, Split
from bionic_core.files import read_arrays
from bionic_plugins.images import class_folders, read_classes, split_folders
from bionic_plugins.pictures import Shape

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

USAGES = {"training": "train", "publictest": "public", "privatetest": "private"}

SIDE = 48
TRAIN, PUBLIC, PRIVATE = 28709, 3589, 3589
"""Images of the published splits; strips hold them in this order."""

SHOWN = 5

Parts = tuple[dict[str, Split], tuple[str, ...]]
"""Splits by name (train, public, private, validation, test), and the class names."""

DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError)


def canonical(names: Sequence[str], where: str) -> npt.NDArray[np.int64]:
    """Return the label of each class name.

    Raises:
        RequestError: a name is none of FER-2013's, or one is there twice.
    """
    unknown = [name for name in names if name.lower() not in ALIASES]
    if unknown:
        raise RequestError(
            f"'{unknown[0]}' is no class of FER-2013; classes are {', '.join(CLASSES)}", where=where
        )
    labels = [CLASSES.index(ALIASES[name.lower()]) for name in names]
    if len(set(labels)) < len(labels):
        raise RequestError(f"a class is there twice among {', '.join(names)}", where=where)
    return np.array(labels, np.int64)


def read_csv(path: Path) -> Parts:
    """Read ``emotion,pixels,Usage`` in any order of columns, blanks in the header or not."""
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    usages: list[str] = []
    wrong: list[str] = []
    code_label = canonical(CODES, str(path))
    for line, row, places in _rows(path):
        try:
            images.append(_pixels(row[places["pixels"]]))
            labels.append(int(code_label[_code(row[places["emotion"]])]))
            usages.append(_usage(row[places["usage"]]))
        except IndexError:
            wrong.append(f"line {line}: has {len(row)} columns, fewer than the header")
        except ValueError as error:
            wrong.append(f"line {line}: {error}")
    if wrong:
        more = [f"{len(wrong) - SHOWN:,} more lines are wrong"] if len(wrong) > SHOWN else []
        raise RequestError([*wrong[:SHOWN], *more], where=str(path))
    if not images:
        raise RequestError("there are no rows below the header", where=str(path))
    pixels = np.stack(images)[:, None]
    label = np.array(labels, np.int64)
    usage = np.array(usages)
    return {
        split: Split(pixels[usage == split], label[usage == split])
        for split in ("train", "public", "private")
        if (usage == split).any()
    }, CLASSES


def _rows(path: Path) -> Iterator[tuple[int, list[str], dict[str, int]]]:
    """Yield line number, fields, and the place of each column."""
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file, warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in ("emotion", "pixels", "usage") if name not in header]
            if missing:
                found = ", ".join(header) or "nothing"
                raise RequestError(
                    f"the header lacks {', '.join(missing)}; found {found}, "
                    "expected emotion, pixels, Usage",
                    where=str(path),
                )
            places = {name: header.index(name) for name in ("emotion", "pixels", "usage")}
            for row in reader:
                if row:
                    yield reader.line_num, row, places
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise RequestError(f"damaged, or not a CSV ({error})", where=str(path)) from error


def _pixels(text: str) -> npt.NDArray[np.uint8]:
    try:
        values = np.fromstring(text, np.int64, sep=" ")
    except DeprecationWarning:
        raise ValueError("pixels are not whole numbers between blanks") from None
    if len(values) != SIDE * SIDE:
        raise ValueError(f"{len(values):,} pixels, expected {SIDE} × {SIDE} = {SIDE * SIDE:,}")
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 255:
        raise ValueError(f"a pixel is {low if low < 0 else high}, expected 0 to 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _code(text: str) -> int:
    if not text.strip().isdecimal() or int(text) >= len(CODES):
        meanings = ", ".join(f"{code} {name}" for code, name in enumerate(CODES))
        raise ValueError(f"emotion is {text.strip()!r}, expected {meanings}")
    return int(text)


def _usage(text: str) -> str:
    split = USAGES.get(text.strip().lower())
    if split is None:
        raise ValueError(f"Usage is {text.strip()!r}, expected Training, PublicTest or PrivateTest")
    return split


def read_npz(path: Path) -> Parts:
    """Read ``<split>_images`` and ``<split>_labels``, and the ``class_names`` of the labels."""
    arrays = read_arrays(path)
    splits = ("train", "public", "private", "validation", "test")
    found = [s for s in splits if f"{s}_images" in arrays or f"{s}_labels" in arrays]
    lacking = [
        name
        for split in found or ["train"]
        for name in (f"{split}_images", f"{split}_labels")
        if name not in arrays
    ]
    if "class_names" not in arrays:
        lacking.append("class_names")
    if lacking:
        raise RequestError(
            f"lacks {', '.join(lacking)}; it has {', '.join(arrays) or 'nothing'}", where=str(path)
        )
    names = [str(name) for name in arrays["class_names"].tolist()]
    label = canonical(names, str(path))
    return {split: _split(arrays, split, label, path) for split in found}, CLASSES


def _split(
    arrays: dict[str, npt.NDArray[Any]], split: str, label: npt.NDArray[np.int64], path: Path
) -> Split:
    images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    if images.ndim == 3:
        images = images[:, None]
    if images.dtype != np.uint8 or images.ndim != 4:
        raise RequestError(
            f"{split}_images is {images.dtype} {images.shape}, expected uint8 (N, 48, 48)",
            where=str(path),
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise RequestError(
            f"{split}_labels is {labels.dtype} {labels.shape}, "
            f"expected {len(images)} whole numbers",
            where=str(path),
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(label):
        raise RequestError(
            f"{split}_labels goes from {labels.min()} to {labels.max()}, but there are "
            f"{len(label)} class names",
            where=str(path),
        )
    return Split(images, label[labels.astype(np.int64)])


def read_strips(path: Path) -> Parts:
    """Read lossless WebP strips, 48 pixels wide, images below one another, and ``labels.npy``."""
    from PIL import Image

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "labels.npy" not in names:
                raise RequestError("not a .zip of strips: it lacks labels.npy", where=str(path))
            labels = np.load(io.BytesIO(archive.read("labels.npy")), allow_pickle=False)
            strips = []
            for name in sorted(name for name in names if name.endswith(".webp")):
                with Image.open(io.BytesIO(archive.read(name))) as strip:
                    strips.append(np.asarray(strip.convert("L")).reshape(-1, SIDE, SIDE))
    except DAMAGE as error:
        raise RequestError(
            f"damaged, or not a .zip of strips ({error})", where=str(path)
        ) from error
    images = np.concatenate([np.empty((0, SIDE, SIDE), np.uint8), *strips])[:, None]
    known = {TRAIN + PUBLIC, TRAIN + PUBLIC + PRIVATE}
    if len(images) != len(labels) or len(labels) not in known:
        expected = " or ".join(f"{number:,}" for number in sorted(known))
        raise RequestError(
            f"{len(images):,} images and {len(labels):,} labels, expected {expected} of both",
            where=str(path),
        )
    ends = [0, TRAIN, TRAIN + PUBLIC, len(labels)]
    parts = {
        split: Split(images[start:end], labels[start:end].astype(np.int64))
        for split, start, end in zip(("train", "public", "private"), ends, ends[1:], strict=False)
        if end > start
    }
    return parts, CLASSES


def read_folders(path: Path, image: Shape) -> Parts:
    """Read ``train/<class>/*.png`` and ``test/<class>/…``, by either set of class names."""
    parts = {}
    for split, folder in split_folders(path).items():
        names = class_folders(folder)
        label = dict(zip(names, canonical(names, str(folder)).tolist(), strict=True))
        parts[split] = read_classes(folder, label, image)
    return parts, CLASSES
