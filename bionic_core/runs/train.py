"""Runs: trained once each, in folders named by what decides their numbers; nothing is lost.

What is in a folder is told in :mod:`bionic_core.runs.folder`. Files are written whole or not at
all, in an order in which a process may be killed between any two of them: the state before the
records that it holds too, the sums before the result, whose presence says that the run is
complete, and the state removed last.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from safetensors.torch import save as to_safetensors

from bionic_core.base import failures
from bionic_core.base.checksums import sha256
from bionic_core.base.files import present, remove_temporaries, write_atomically, write_text
from bionic_core.base.locks import Claim
from bionic_core.base.records import to_document
from bionic_core.base.strict_json import json_text
from bionic_core.base.unwritten import WriteError
from bionic_core.errors import RequestError
from bionic_core.model.assembly import build
from bionic_core.model.network import Network
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry
from bionic_core.runs import checkpoint as checkpoints
from bionic_core.runs.checkpoint import Checkpoint, Files, portable, resume, save_state, to_lines
from bionic_core.runs.failures import record_failure
from bionic_core.runs.files import (
    FAILURE,
    LOCK,
    MANIFEST,
    METRICS,
    MODEL,
    PREDICTIONS,
    RESULT,
    SPEC,
    STATE,
    SUMMED,
    SUMS,
)
from bionic_core.runs.folder import Run
from bionic_core.runs.images_and_wiring import InputCache, Inputs
from bionic_core.runs.manifest import circumstances, told
from bionic_core.runs.observer import Observer
from bionic_core.runs.planned import PlannedRun, Plans
from bionic_core.runs.result import Result, Seen
from bionic_core.runs.sending import write_finished
from bionic_core.runs.steps import choose_steps, said_of
from bionic_core.runs.task import Task
from bionic_core.runs.wiring import keep_wiring
from bionic_core.spec.spec import Spec
from bionic_core.training.data import TrainingData
from bionic_core.training.epochs import train_epoch
from bionic_core.training.evaluation import evaluate
from bionic_core.training.loop import State, finished, start
from bionic_core.training.memory import check_training
from bionic_core.training.metrics import full_metrics
from bionic_core.training.precision import taken_in
from bionic_core.training.recipe import recipe_of
from bionic_core.training.void import check_heard


def train(
    spec: Spec,
    *,
    seed: int = 0,
    root: Path,
    device: str = "auto",
    cache: InputCache | None = None,
    observer: Observer | None = None,
    wait: float = math.inf,
) -> Run:
    """Train one run, or go on with it, or return it if it is complete.

    A run that goes on does so with the thread count with which it began, whatever the process has:
    sums, and so all numbers, differ between thread counts.

    Args:
        spec: what to train.
        seed: of the initial weights, the order of images, views, and everything drawn.
        root: the folder that holds the run's folder.
        device: ``cpu``, ``cuda``, or ``auto`` for cuda where there is one.
        cache: inputs that other runs have read already.
        observer: told how the run gets on; of its beginning and its end, the caller knows.
        wait: seconds to wait for another process that trains the same run.

    Raises:
        RequestError: the spec or its data cannot be used; nothing has been written then.
        DamagedError: what is in the run's folder is not what was written there.
        BusyError: another process trains the run, and has not ended in time.
        WriteError: the disk is full, or cannot be written; what is finished is kept.
        BionicError: training diverged.
    """
    task, plans = Task(0, spec, seed), Plans(root, cache)
    return train_task(task, plans, device=device, observer=observer or Observer(), wait=wait)


def train_task(
    task: Task, plans: Plans, *, device: str, observer: Observer, wait: float = math.inf
) -> Run:
    """Train a task as :func:`train` does, with the plans and the inputs of its study.

    Raises:
        BionicError: as :func:`train`.
    """
    place = device_of(device)
    planned = plans.of(task.spec, task.seed)
    run = Run(planned.folder)
    if run.done:
        return reused(run)
    if not run.folder.is_dir():  # one that an earlier version has begun goes on
        check_heard(task.spec)
    inputs = plans.inputs.get(task.spec)
    with Claim(run.folder / LOCK, partial(observer.note, task)) as claim:
        if claim.contested:
            claim.take(wait)
        state, course = prepare(task.spec, task.seed, inputs, place)
        choose_steps(run, state, course, partial(observer.note, task))
        claim.take(wait)  # from here on, something is written
        if run.done:
            claim.remove()
            return reused(run)
        observer.claimed(task, run.folder)
        more = told(task.spec, state.network, inputs, partial(observer.note, task))
        more |= said_of(state)
        texts = texts_of(planned, inputs, place, more)
        try:
            _go_on(run, state, course, inputs, texts, task, observer)
        except (RequestError, WriteError):
            raise
        except Exception as error:
            record_failure(run.folder, failures.reason(error), error)
            raise
        claim.remove()
    return run


def prepare(
    spec: Spec, seed: int, inputs: Inputs, place: torch.device, like: TrainingData | None = None
) -> tuple[State, TrainingData]:
    """Return a run's state before its first epoch, and its course, on their device.

    ``like`` is a course of the same splits on that device, whose images serve this one too.

    Raises:
        RequestError: the spec cannot be trained with, or not in the memory that there is.
    """
    network = build(spec, seed=seed, connectome=inputs.connectome)
    network = network.to(place).to(memory_format=torch.channels_last)  # convolves faster
    plan = recipe_of(spec)
    if place.type == "cpu":
        check_training(network, plan)
    state = start(network, plan, len(inputs.splits.train))
    return state, TrainingData.prepare(plan, inputs.splits, seed, place, like)


def _go_on(
    run: Run,
    state: State,
    course: TrainingData,
    inputs: Inputs,
    texts: dict[str, str],
    task: Task,
    observer: Observer,
) -> None:
    """Train from where a run stands to its end; ``texts`` are its spec and its manifest."""
    checkpoint = take_up(run, state)
    with _as_before(run, checkpoint, course, partial(observer.note, task)):
        sums = write_texts(run, state, checkpoint, texts, course)
        observer.saved(task, run.folder)
        kept = time.monotonic()
        while not finished(state, course.recipe):
            record = train_epoch(state, course, partial(observer.progress, task))
            if time.monotonic() - kept >= checkpoints.SAVES_EVERY:
                save_state(run, state, sums)
                observer.saved(task, run.folder)
                kept = time.monotonic()
            observer.epoch(task, record)
        keep_wiring(run.folder, task.spec, inputs.connectome)
        complete(run, state, inputs, texts, course.recipe.smoothing)


def take_up(run: Run, state: State) -> Checkpoint | None:
    """Go to where a run stopped, and clear away what a process that was killed left behind.

    Raises:
        DamagedError: what is there is not what was written.
    """
    (run.folder / FAILURE).unlink(missing_ok=True)
    remove_temporaries(run.folder, (*SUMMED, STATE, SUMS, FAILURE))
    if present(run.folder / STATE):
        run.check_identity()
    return resume(run, state)


def write_texts(
    run: Run,
    state: State,
    checkpoint: Checkpoint | None,
    texts: dict[str, str],
    course: TrainingData,
    more: Mapping[str, Any] | None = None,
) -> Files:
    """Write spec and manifest, which says if the run goes on; return their checksums.

    ``texts`` is brought up to date; ``more`` is what else to say of how it goes on.
    """
    if checkpoint is not None:
        texts[MANIFEST] = _resumed(run, checkpoint, course, {**said_of(state), **(more or {})})
        old_and_new = {
            name: [sha256(run.read(name)), sha256(text.encode())] for name, text in texts.items()
        }
        save_state(run, state, old_and_new)  # killed in what follows, it fits either
    for name, text in texts.items():
        write_text(run.folder / name, text)
    return {name: [sha256(text.encode())] for name, text in texts.items()}


def reused(run: Run) -> Run:
    """Return a complete run, once it is what was written; tidy up after a kill at its very end."""
    run.verify()
    run.check_identity()
    with suppress(OSError):  # of a folder that cannot be written, nothing is wanted
        for name in (STATE, LOCK):
            (run.folder / name).unlink(missing_ok=True)
    return attrs.evolve(run, reused=True)


@contextmanager
def _as_before(
    run: Run, checkpoint: Checkpoint | None, course: TrainingData, tell: Callable[[str], None]
) -> Iterator[None]:
    """Train with the thread count of the checkpoint, and say what cannot be as it was."""
    if checkpoint is None:
        yield
        return
    threads = torch.get_num_threads()
    if checkpoint.threads != threads:
        tell(
            f"goes on with {checkpoint.threads} threads, as it began, not with {threads}: numbers "
            "differ between thread counts"
        )
    place = course.images.device
    if checkpoint.device not in (None, place.type):
        tell(
            f"began on {checkpoint.device} and goes on on {place.type}, so its numbers will be "
            "those of neither alone"
        )
    before = [run.manifest, *run.manifest.get("resumed", ())][-1].get("products")
    now = taken_in(course.recipe.training.precision, place)
    if before not in (None, now):
        tell(
            f"began with products in {before} and goes on in {now}, so its numbers will be those "
            "of neither alone"
        )
    torch.set_num_threads(checkpoint.threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def texts_of(
    planned: PlannedRun,
    inputs: Inputs,
    place: torch.device,
    more: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return the spec and the manifest of a run that begins; ``more`` is what else to say."""
    manifest = _manifest(planned, inputs, place, more or {})
    return {SPEC: planned.spec.to_toml(), MANIFEST: manifest}


def _manifest(
    planned: PlannedRun, inputs: Inputs, place: torch.device, more: Mapping[str, Any]
) -> str:
    spec = planned.spec
    document = (
        {"name": spec.name, "seed": planned.seed, "identity": dict(planned.identity)}
        | circumstances(place, spec.training.precision)
        | dict(more)
    )
    if inputs.connectome is not None:
        document["connectome"] = inputs.connectome.label
    document["data"] = inputs.data.name
    if inputs.splits.dropped is not None:
        document["dropped"] = attrs.asdict(inputs.splits.dropped)
    document["class_names"] = list(inputs.data.class_names)
    installed = Registry.installed()
    document["plugins"] = {
        name: installed.distribution(name, Mechanism) for name in spec.mechanisms
    }
    document["checksums"] = SUMS
    return json_text(document, indent=1)


def _resumed(
    run: Run, checkpoint: Checkpoint, course: TrainingData, more: Mapping[str, Any]
) -> str:
    """Return the manifest with a further entry: when, where and after which epoch it goes on."""
    document = run.manifest
    where = circumstances(course.images.device, course.recipe.training.precision)
    entry = {"after_epoch": checkpoint.epoch} | where | dict(more)
    document["resumed"] = [*document.get("resumed", []), entry]
    document["checksums"] = SUMS
    return json_text(document, indent=1)


def save_model(folder: Path, spec: Spec, network: Network) -> None:
    """Write a spec, resolved, and a network's weights into a folder."""
    write_text(folder / SPEC, spec.to_toml())
    with write_atomically(folder / MODEL) as file:
        file.write(to_safetensors(portable(network.state_dict())))


def complete(
    run: Run, state: State, inputs: Inputs, texts: Mapping[str, str], smoothing: float
) -> None:
    """Write the selected weights, their predictions and figures; the test set is touched here.

    ``smoothing`` is that of the labels in training.
    """
    network, splits = state.network, inputs.splits
    network.load_state_dict(state.best_weights)
    seconds = sum(record["seconds"] for record in state.history)
    images = len(splits.train) * len(state.history)
    names = inputs.data.class_names
    test_logits, _ = evaluate(network, splits.test)
    test = full_metrics(test_logits, splits.test.labels, names, smoothing)
    logits, figures = test_logits, test
    if splits.selected_on != "test":
        logits, _ = evaluate(network, splits.validation)
        figures = full_metrics(logits, splits.validation.labels, names, smoothing)
    predictions = io.BytesIO()
    np.savez_compressed(
        predictions,
        validation_logits=logits.numpy(),
        validation_labels=splits.validation.labels,
        test_logits=test_logits.numpy(),
        test_labels=splits.test.labels,
        class_names=np.array(names),
    )
    result = Result(
        run=str(run.folder),
        hash=run.hash,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        selected_on=splits.selected_on,
        train=Seen(**state.history[state.best_epoch - 1]["train"]),
        train_evaluated=evaluate(network, splits.train, smoothing)[1],
        validation=figures,
        test=test,
        seconds=seconds,
        images_per_second=images / seconds,
        dropped=splits.dropped,
    )
    contents = {name: text.encode() for name, text in texts.items()} | {
        METRICS: to_lines(state.history).encode(),
        MODEL: to_safetensors(portable(state.best_weights)),
        PREDICTIONS: predictions.getvalue(),
        RESULT: json_text(to_document(result), indent=1).encode(),
    }
    write_finished(run.folder, contents)


def device_of(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is cuda where there is one.

    Raises:
        RequestError: there is no such device here.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise RequestError(f"--device {name}: must be auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: torch finds no CUDA device here; use cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
