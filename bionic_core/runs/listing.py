"""The runs in a folder: which are finished, which go on, which failed, and which are damaged."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bionic_core.base.files import present
from bionic_core.base.locks import held
from bionic_core.errors import RequestError
from bionic_core.runs.checkpoint import look
from bionic_core.runs.folder import LOCK, METRICS, Run

FINISHED, RUNNING, INTERRUPTED = "finished", "running", "interrupted"
FAILED, DAMAGED = "failed", "damaged"
STATES = (FINISHED, RUNNING, INTERRUPTED, FAILED, DAMAGED)

_NAME = re.compile(r"[0-9a-f]{16}")


def list_runs(
    folder: Path, watch: Callable[[int, int], None] | None = None
) -> list[dict[str, Any]]:
    """Return what is known of every run in a folder, oldest first; every file is checked.

    Args:
        folder: which ``--out`` names, or one run's own folder.
        watch: called with how many runs have been looked at, and their number.

    Returns:
        For each run ``run`` (its folder), ``hash``, ``name`` (the spec's), ``seed``, ``state``
        (one of :data:`STATES`), ``epoch`` (epochs done), ``accuracy`` (on test, a fraction; None
        unless finished), ``seconds`` (of training so far), ``started``, ``reason`` (why it failed,
        or what is damaged) and ``checksums`` (whether its files could be checked against any).
        What cannot be told is None.

    Raises:
        RequestError: there is no such folder, or there are no runs in it.
    """
    if not folder.is_dir():
        raise RequestError(
            "no such folder; name the one that --out of the commands that train names",
            where=str(folder),
        )
    found = [folder] if _NAME.fullmatch(folder.resolve().name) else []
    found = found or [p for p in folder.iterdir() if p.is_dir() and _NAME.fullmatch(p.name)]
    if not found:
        raise RequestError(
            "there are no runs in this folder; runs are in folders named by 16 hexadecimal digits",
            where=str(folder),
        )
    documents = []
    for number, place in enumerate(sorted(found)):
        if watch is not None:
            watch(number, len(found))
        documents.append(state_of(Run(place)))
    return sorted(documents, key=lambda document: document["started"] or "")


def state_of(run: Run) -> dict[str, Any]:
    """Return what is known of a run, as :func:`list_runs` does; never an error."""
    document: dict[str, Any] = {
        "run": str(run.folder),
        "hash": run.hash,
        **dict.fromkeys(("name", "seed", "state", "epoch", "accuracy", "seconds", "started")),
        "reason": None,
        "checksums": None,
    }
    running = held(run.folder / LOCK)
    try:
        if not run.done:
            document |= _unfinished(run, running)
        document |= _manifest(run)
        if run.done:
            document |= _finished(run)
    except RequestError as error:
        if running:  # its process writes one file after another
            return document | {"state": RUNNING}
        words = [problem.removeprefix(f"{run.folder}/") for problem in error.problems]
        if error.where and Path(error.where) != run.folder:
            words = [f"{Path(error.where).name}: {word}" for word in words]
        return document | {"state": DAMAGED, "reason": "; ".join(words)}
    return document


def _manifest(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    return {key: manifest.get(key) for key in ("name", "seed", "started")}


def _finished(run: Run) -> dict[str, Any]:
    checked = run.verify()
    result = run.result
    return {
        "state": FINISHED,
        "epoch": result["epochs"],
        "accuracy": result["test"]["accuracy"],
        "seconds": result["seconds"],
        "checksums": checked,
    }


def _unfinished(run: Run, running: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"state": RUNNING if running else INTERRUPTED, "epoch": 0}
    if not running:
        document["reason"] = run.failure
        if document["reason"] is not None:
            document["state"] = FAILED
        checkpoint = look(run)
        document["checksums"] = checkpoint.sealed if checkpoint else None
    if present(run.folder / METRICS):
        history = run.history
        document["epoch"] = len(history)
        document["seconds"] = sum(record.get("seconds", 0.0) for record in history)
    return document
