"""Checkpoints: where training stands, so that it goes on to the same numbers, bit for bit.

One file holds all of it, so that a process killed between two files cannot tear it: weights, those
of the best epoch, their average, the optimiser's moments, and as JSON the schedule, the counters,
the epochs' records, the thread count and the device. Random numbers need no state: those of a
step depend on the seed and the step alone (:class:`bionic_core.seeds.Stream`). The file carries
its own checksum, and those of the spec and the manifest beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core.base.checksums import seal, sha256, unseal
from bionic_core.base.files import present, write_atomically, write_text
from bionic_core.base.records import to_document
from bionic_core.base.strict_json import in_numbers, json_text, replaced
from bionic_core.errors import DamagedError
from bionic_core.runs.documents import Counters
from bionic_core.runs.files import ANEW, MANIFEST, METRICS, SPEC, STATE, checked
from bionic_core.runs.folder import Run

if TYPE_CHECKING:
    from torch import Tensor

    from bionic_core.training.loop import State

SAVES_EVERY = 5.0
"""Seconds between two checkpoints of a run, at least: shorter epochs need not each be kept."""

Files = Mapping[str, Sequence[str]]
"""Of files beside the state, the checksums that they may have."""


@attrs.frozen
class Checkpoint:
    """What a checkpoint says beside the numbers of training.

    Attributes:
        epoch: epochs done.
        threads: of torch, when it was written; sums differ between thread counts.
        device: cpu or cuda; None in files of older versions.
        sealed: whether the file has a checksum, which those of older versions lack.
    """

    epoch: int
    threads: int
    device: str | None
    sealed: bool


def save_state(run: Run, state: State, files: Files | None = None) -> None:
    """Write where training stands, then the epochs' records.

    Args:
        run: its folder.
        state: at the end of an epoch.
        files: checksums of the spec and the manifest.
    """
    import torch
    from safetensors.torch import save as to_safetensors

    tensors = {f"model.{key}": value for key, value in state.network.state_dict().items()}
    if not _alike(state.best_weights, state.network.state_dict()):
        tensors |= {f"best.{key}": value for key, value in state.best_weights.items()}
    if state.average is not None:
        tensors |= {f"average.{key}": value for key, value in state.average.state_dict().items()}
    scalars: dict[str, Any] = {}
    for number, values in state.optimizer.state_dict()["state"].items():
        for key, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{number}.{key}"] = value
            else:
                scalars[f"{number}.{key}"] = value
    counters = Counters(
        epoch=state.epoch,
        best=state.best,
        best_epoch=state.best_epoch,
        history=tuple(state.history),
        optimizer=scalars,
        lr=tuple(group["lr"] for group in state.optimizer.param_groups),
        schedule=state.schedule.state_dict(),
        threads=torch.get_num_threads(),
        device=next(state.network.parameters()).device.type,
        files={name: tuple(sums) for name, sums in (files or {}).items()},
    )
    data = to_safetensors(portable(tensors), {"counters": json_text(to_document(counters))})
    with write_atomically(run.folder / STATE) as file:
        file.writelines(seal(data))
    write_text(run.folder / METRICS, to_lines(state.history))


def look(run: Run) -> Checkpoint | None:
    """Return what a run's checkpoint says, with all that is beside it checked; None without one.

    Raises:
        DamagedError: the checkpoint, or a file that belongs to it, is not what was written.
    """
    if not _there(run):
        return None
    return _said(*_open(run, run.read(STATE)))


def resume(run: Run, state: State) -> Checkpoint | None:
    """Go to where the run stopped; return what its checkpoint says, None if it has not begun.

    Raises:
        DamagedError: what is there is not what was written, or cannot be read.
    """
    from bionic_core.base.arrays import load_tensors

    if not _there(run):
        return None
    path, data = run.folder / STATE, run.read(STATE)
    counters, sealed = _open(run, data)
    try:
        _restore(state, counters, load_tensors(data, path))
    except DamagedError as error:
        raise DamagedError(f"{error.problems[0]}. {ANEW}", where=str(path)) from error
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DamagedError(f"damaged: {error}. {ANEW}", where=str(path)) from error
    return _said(counters, sealed)


def _alike(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(bool((one[k] == other[k]).all()) for k in one)


def portable(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors as safetensors takes them: on the CPU, contiguous, each its own memory."""
    return {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}


def to_lines(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the epochs' records as they are written, a line of JSON each."""
    return "".join(json_text(record) + "\n" for record in history)


def _there(run: Run) -> bool:
    return present(run.folder / STATE)


def _said(counters: Counters, sealed: bool) -> Checkpoint:
    return Checkpoint(counters.epoch, counters.threads, counters.device, sealed)


def _open(run: Run, data: bytes) -> tuple[Counters, bool]:
    """Return a checkpoint's counters, and whether it is sealed; check what is beside it."""
    path = run.folder / STATE
    try:
        metadata, sealed = unseal(data, where=path)
        document = json.loads(metadata["counters"])
    except DamagedError as error:
        raise DamagedError(f"{error.problems[0]}. {ANEW}", where=str(path)) from error
    except (ValueError, KeyError, RecursionError) as error:
        raise DamagedError(f"damaged: {error!r}. {ANEW}", where=str(path)) from error
    counters = checked(Counters, document, path)
    _check_beside(run, counters)
    return counters, sealed


def _check_beside(run: Run, counters: Counters) -> None:
    """Check the files that belong to a checkpoint; its records may be one epoch ahead of theirs."""
    for name in (SPEC, MANIFEST):
        allowed = counters.files.get(name)
        if allowed and sha256(run.read(name)) not in allowed:
            raise DamagedError(_OTHER, where=str(run.folder / name))
    history = counters.history
    written = run.read(METRICS) if present(run.folder / METRICS) or len(history) > 1 else b""
    # Older versions wrote numbers that JSON lacks without quotes.
    older = ["".join(json.dumps(r) + "\n" for r in part) for part in (history, history[:-1])]
    if written not in [t.encode() for t in (to_lines(history), to_lines(history[:-1]), *older)]:
        raise DamagedError(_OTHER, where=str(run.folder / METRICS))


_OTHER = (
    "damaged: it is not what was written (the checkpoint knows it otherwise). Nothing of the run "
    f"has been used. {ANEW}"
)


def _restore(state: State, counters: Counters, tensors: Mapping[str, Tensor]) -> None:
    import torch

    parts: dict[str, dict[str, Tensor]] = {
        part: {} for part in ("model", "best", "average", "optimizer")
    }
    for key, tensor in tensors.items():
        part, _, rest = key.partition(".")
        parts[part][rest] = tensor
    state.network.load_state_dict(parts["model"])
    best = parts["best"] or state.network.state_dict()  # kept once where it is the latest
    state.best_weights = {key: value.clone() for key, value in best.items()}
    optimizer = state.optimizer.state_dict()
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    kept_by: dict[str, Any] = {**parts["optimizer"], **counters.optimizer}
    for key, value in kept_by.items():
        number, _, name = key.partition(".")
        like = parameters[int(number)]
        kept = value
        if isinstance(value, torch.Tensor) and value.shape == like.shape:
            kept = torch.empty_like(like).copy_(value)  # the same memory format
        optimizer["state"].setdefault(int(number), {})[name] = kept
    state.optimizer.load_state_dict(optimizer)
    for group, rate in zip(state.optimizer.param_groups, counters.lr, strict=True):
        group["lr"] = rate
    state.schedule.load_state_dict(dict(counters.schedule))
    if state.average is not None:
        state.average.load_state_dict(parts["average"])
    state.epoch, state.best = counters.epoch, counters.best
    state.best_epoch, state.history = (
        counters.best_epoch,
        [replaced(record, in_numbers) for record in counters.history],
    )
