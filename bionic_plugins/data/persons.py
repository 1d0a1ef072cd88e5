"""Pictures of persons who occur more than once: all of one person's are on one side of a split.

A model that has seen a face is not tested on it. Who is on a picture is told by published names:
``S010_004_00000017.png`` of the extended Cohn-Kanade faces (also as CK+48), ``KA.AN1.39.tiff`` of
JAFFE; or by folders of the same names within several classes' folders (``cat/anna/1.png``,
``dog/anna/1.png``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bionic_core import Split

VALIDATION = 0.1
"""Share of the training pictures that select, as elsewhere by default."""

NAMES = (
    re.compile(r"(S\d{3})_\d{3}_\d{8}(?:_.*)?", re.IGNORECASE),
    re.compile(r"([A-Z]{2})[.-](?:AN|DI|FE|HA|NE|SA|SU)\d[.-]\d+", re.IGNORECASE),
)
"""How published names say who it is."""


def persons_of(files: Sequence[Path], root: Path) -> list[str] | None:
    """Return who is on each picture; None where names do not tell it of all.

    Args:
        files: within class folders of ``root``.
        root: that holds these.
    """
    for name in NAMES:
        found = [name.fullmatch(file.stem) for file in files]
        if found and all(found):
            return [match[1].upper() for match in found if match]
    places = [file.relative_to(root).parts for file in files]
    if not places or any(len(parts) < 3 for parts in places):
        return None
    classes: dict[str, set[str]] = {}
    for parts in places:
        classes.setdefault(parts[1], set()).add(parts[0])
    # Folders that are one class's own may be anything: videos, days, batches.
    if all(len(found) < 2 for found in classes.values()):
        return None
    return [parts[1] for parts in places]


def by_person(
    persons: Sequence[str], labels: npt.NDArray[np.int64], share: float, seed: int
) -> npt.NDArray[np.int64]:
    """Return the rows of about a share of the pictures, ascending, each person's all or none.

    Persons are taken in random order as long as they fit in the share and leave each class a
    picture; the first may take up to twice the share, so that few persons give none. The share may
    have no picture of a class that few persons show.
    """
    names, who = np.unique(np.asarray(persons), return_inverse=True)
    left = np.bincount(labels)
    room = share * len(labels)
    chosen: list[int] = []
    for person in np.random.Generator(np.random.PCG64(seed)).permutation(len(names)).tolist():
        rows = np.flatnonzero(who == person)
        after = left - np.bincount(labels[rows], minlength=len(left))
        if len(rows) <= room * (1 if chosen else 2) and after[left > 0].min() > 0:
            chosen.append(person)
            left, room = after, room - len(rows)
    return np.flatnonzero(np.isin(who, chosen))


def of_parts(
    files: Mapping[str, Sequence[tuple[Path, int]]], roots: Mapping[str, Path]
) -> tuple[str, list[str]]:
    """Return what is to be said of persons in several splits, and who is on each training picture.

    Both are empty where names do not tell.
    """
    who = {
        split: persons_of([path for path, _ in pictures], roots[split])
        for split, pictures in files.items()
    }
    train = who["train"] or []
    said = ""
    for split, persons in who.items():
        shared = set(train) & set(persons or ()) if split != "train" else set()
        if shared:
            said += f"; {len(shared):,} persons of train are in {split}"
    return said, train


def apart(
    parts: Mapping[str, Split], persons: Sequence[str], share: float, seed: int
) -> tuple[dict[str, Split], str]:
    """Return splits of which those that are missing are drawn from train, by person; say so.

    Test takes ``share`` where it is missing, and then validation a tenth of the rest. Too few
    persons to draw from leave the splits as they are.
    """
    found, drawn = dict(parts), []
    for split, part in (("test", share), ("validation", VALIDATION)):
        rows = by_person(persons, found["train"].labels, part, seed)
        if split in found or not len(rows):
            continue
        rest = np.setdiff1d(np.arange(len(persons)), rows)
        found[split], found["train"] = found["train"].take(rows), found["train"].take(rest)
        persons = [persons[row] for row in rest]
        drawn.append(split)
    return found, f"; {' and '.join(drawn)} by person" if drawn else ""
