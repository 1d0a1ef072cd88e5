"""The commit of a folder's repository, read from git's files: git itself would run what it says.

A repository may name programs that ``git status`` and ``git describe --dirty`` start
(``core.fsmonitor``, filters), so whether files were changed since the commit is not asked.
"""

from __future__ import annotations

import re
from pathlib import Path

from bionic_core.base.files import read_own
from bionic_core.errors import RequestError

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT, _LONG = 2**12, 2**26
"""Bytes of a file of one line, and of one of all references."""

_DEEPEST = 5
"""References that lead to each other."""


def commit_of(folder: Path) -> str | None:
    """Return the commit that is checked out where a folder is; None where there is none."""
    try:
        for place in (folder, *folder.parents):
            found = _repository(place / ".git")
            if found is not None:
                return _resolved(found, "HEAD")
    except (RequestError, OSError, ValueError):  # damaged, or not to be read: it decides nothing
        return None
    return None


def _repository(path: Path) -> Path | None:
    """Return git's folder; the working trees of one repository have a file that names theirs."""
    if path.is_dir():
        return path
    if not path.is_file():
        return None
    words, _, place = _line(path).partition("gitdir: ")
    return None if words or not place else path.parent / place


def _resolved(folder: Path, name: str) -> str | None:
    """Return the commit that a reference stands for."""
    common = folder
    if (folder / "commondir").is_file():
        common = folder / _line(folder / "commondir")
    for _ in range(_DEEPEST):
        place = next((p / name for p in (folder, common) if (p / name).is_file()), None)
        word = _packed(common, name) if place is None else _line(place)
        if word is None or _HASH.fullmatch(word):
            return word
        name = word.removeprefix("ref: ")
        if name == word or not name.startswith("refs/") or ".." in name.split("/"):
            return None
    return None


def _packed(folder: Path, name: str) -> str | None:
    path = folder / "packed-refs"
    if not path.is_file():
        return None
    for line in read_own(path, _LONG).decode(errors="replace").splitlines():
        commit, _, reference = line.partition(" ")
        if reference == name and _HASH.fullmatch(commit):
            return commit
    return None


def _line(path: Path) -> str:
    return read_own(path, _SHORT).decode(errors="replace").strip()
