"""How a run's steps are taken: compiled or not, as its spec says, or as it began."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from bionic_core.runs.checkpoint import look
from bionic_core.runs.folder import Run
from bionic_core.training.data import TrainingData
from bionic_core.training.loop import State

COMPILED = "compiled"


def choose_steps(run: Run, state: State, course: TrainingData, say: Callable[[str], None]) -> None:
    """Have the steps of a run compiled where its spec says so; one that goes on, as it began.

    Raises:
        RequestError: they must be compiled, and cannot.
    """
    if course.recipe.training.compile is False:
        return
    from bionic_core.training.compiled import choose

    threads = torch.get_num_threads()
    checkpoint = look(run)
    before = None if checkpoint is None else _before(run.manifest)
    if checkpoint is not None:  # code is made for a number of threads
        torch.set_num_threads(checkpoint.threads)
    try:
        choose(state, course, before, say)
    finally:
        torch.set_num_threads(threads)


def _before(manifest: Mapping[str, Any]) -> bool | None:
    parts = (manifest, *manifest.get("resumed", ()))
    known = [part[COMPILED] for part in parts if COMPILED in part]
    return bool(known[-1]) if known else None


def said_of(state: State) -> dict[str, Any]:
    """Return what a manifest says of it."""
    return {} if state.compiled is None else {COMPILED: state.compiled}
