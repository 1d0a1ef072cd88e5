"""Runs as people name them: a folder, the beginning of its name, or the latest one."""

from __future__ import annotations

import re
from pathlib import Path

from bionic_core.errors import RequestError, listing, shorten
from bionic_core.runs.folder import Run

RUNS = Path("runs")
"""Where the commands that train keep runs, unless they are told."""

LATEST = "latest"

_BEGINNING = re.compile(r"[0-9a-f]{1,16}")
_NAME = re.compile(r"[0-9a-f]{16}")


def find_run(given: Path) -> Run:
    """Return the run that is meant: ``runs/0123456789abcdef``, ``0123``, ``DIR/0123``, ``latest``.

    What is a folder is taken as it is. ``latest`` is the one that was begun last.

    Raises:
        RequestError: there is none, or several begin so.
    """
    if not means_a_run(given):
        return Run.open(given)
    root = given.parent if given.parent != Path() else RUNS
    if not root.is_dir():
        raise RequestError(
            f"there is no run '{given.name}': no folder of that name, and no folder {root} of runs",
            where=str(given),
        )
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and _NAME.fullmatch(p.name))
    if given.name == LATEST:
        begun = [(when, name) for name in names if (when := _begun(Run(root / name)))]
        if not begun:
            raise RequestError(f"no run in {root} has begun", where=str(given))
        return Run.open(root / max(begun)[1])
    found = [name for name in names if name.startswith(given.name)]
    if len(found) == 1:
        return Run.open(root / found[0])
    if found:
        words = f"{len(found)} runs in {root} begin so: {listing(shorten(found))}. Give more of it"
        raise RequestError(words, where=str(given))
    raise RequestError(
        f"no run in {root} begins so; 'bionic runs {root}' lists them", where=str(given)
    )


def whole_run(given: Path) -> Run:
    """Return the run that is meant, as :func:`find_run` does, once all of it is as it was written.

    Raises:
        RequestError: as :func:`find_run` and :meth:`Run.whole`.
    """
    return Run.whole(find_run(given).folder)


def means_a_run(given: Path) -> bool:
    """Whether a path is no file or folder, and may mean a run by the beginning of its name."""
    means = given.name == LATEST or _BEGINNING.fullmatch(given.name) is not None
    return means and not given.exists()


def _begun(run: Run) -> str:
    """Return when a run was begun; nothing where that cannot be told."""
    try:
        return str(run.manifest.get("started") or "")
    except RequestError:
        return ""
