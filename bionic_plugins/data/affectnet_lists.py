"""AffectNet's manually annotated pictures as they are published: two lists, and folders of files.

``Manually_Annotated_file_lists/training.csv`` and ``validation.csv`` have the columns
``subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,
arousal``; the files are in ``Manually_Annotated_Images``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bionic_core import RequestError, Split
from bionic_core.base.files import check_file
from bionic_core.errors import shorten
from bionic_core.pictures import Box, Shape
from bionic_plugins.data.folders import read_labelled

FILE, EXPRESSION = "subDirectory_filePath", "expression"
FACE = ("face_x", "face_y", "face_width", "face_height")
SPLITS = {"train": "training.csv", "test": "validation.csv"}
LISTS = ("", "Manually_Annotated_file_lists", "Manually_Annotated")
IMAGES = (
    *("Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images"),
    *("Manually_Annotated", "images", ""),
)
WITHOUT = {"8": "none", "9": "uncertain", "10": "no face"}
"""Expressions that are none; pictures that have them are passed over, and counted."""


def listed(root: Path) -> Path | None:
    """Return the folder of the lists; None where there is none."""
    for inside in (*LISTS, "Manually_Annotated/Manually_Annotated_file_lists"):
        file = root / inside / SPLITS["train"]
        if file.is_file() and FILE.lower() in _header(file):
            return file.parent
    return None


def read_lists(root: Path, image: Shape, labels: Sequence[int]) -> tuple[dict[str, Split], str]:
    """Return the splits, and what is to be said of pictures that were passed over.

    A picture is cut to its face where the list says where that is.

    Args:
        root: that holds the lists and the pictures.
        image: the shape to read pictures in.
        labels: of each expression of the lists, from 0.

    Raises:
        RequestError: a list or a picture is missing, or a line is wrong.
    """
    lists = listed(root) or root
    parts, passed, total = {}, 0, 0
    for split, name in SPLITS.items():
        path = lists / name
        files: dict[Path, int] = {}
        boxes: dict[Path, Box] = {}
        problems: list[str] = []
        home: Path | None = None
        for line, row in _rows(path):
            total += 1
            home = home or _home(root, row[FILE])
            label = row[EXPRESSION].strip()
            file = (home or root) / row[FILE]
            if label in WITHOUT:
                passed += 1
            elif label not in [str(n) for n in range(len(labels))]:
                problems.append(f"line {line}: '{label}' is no expression, 0 to 10")
            elif not file.is_file():
                problems.append(f"line {line}: there is no picture {row[FILE]}")
            else:
                files[file] = labels[int(label)]
                if face := _face(row):
                    boxes[file] = face
        if problems or not files:
            raise RequestError(shorten(problems) or "it lists no expressions", where=str(path))
        parts[split] = read_labelled(list(files.items()), root, image, boxes)
    said = f"; {passed:,} of {total:,} pictures have no expression" if passed else ""
    return parts, said


def _header(path: Path) -> list[str]:
    try:
        check_file(path)
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return [name.strip(' "\r\n').lower() for name in file.readline(4096).split(",")]
    except (OSError, RequestError):
        return []


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield each row's line and its values by column.

    Raises:
        RequestError: the list is missing, lacks a column, or has a line of another length.
    """
    check_file(path)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        if missing := [name for name in (FILE, EXPRESSION) if name not in header]:
            raise RequestError(f"line 1: the header lacks {', '.join(missing)}", where=str(path))
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                raise RequestError(
                    f"line {reader.line_num} has {len(values)} values, the header {len(header)}",
                    where=str(path),
                )
            yield reader.line_num, dict(zip(header, values, strict=True))


def _home(root: Path, name: str) -> Path | None:
    """Return the folder that a listed picture is in."""
    return next((root / inside for inside in IMAGES if (root / inside / name).is_file()), None)


def _face(row: Mapping[str, str]) -> Box | None:
    """Return where the face is; None where the list does not say it."""
    try:
        left, top, width, height = (round(float(row[name])) for name in FACE)
    except (KeyError, ValueError, OverflowError):
        return None
    return (left, top, left + width, top + height) if width > 0 and height > 0 else None
