"""Runs: one folder each, named by what decides its numbers; finished work is never lost.

::

    <hash>/spec.toml          the resolved spec
           manifest.json      identity, versions, machine, threads, git
           metrics.jsonl      a line for each epoch
           state.safetensors  where training stands; gone when it is done
           model.safetensors  the weights of the selected epoch
           predictions.npz    logits and labels of what was selected and tested on
           result.json        the figures; its presence says that the run is complete
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors

from bionic_core.assembly import build, recipe_of
from bionic_core.circumstances import circumstances
from bionic_core.connectome import Connectome
from bionic_core.errors import RequestError, listing
from bionic_core.evaluation import evaluate
from bionic_core.files import write_atomically, write_text
from bionic_core.forecast import check_training
from bionic_core.inputs import InputCache, Inputs
from bionic_core.metrics import full_metrics
from bionic_core.model import Network
from bionic_core.numerics import check_numerics
from bionic_core.registry import Registry
from bionic_core.spec import Spec, compose, digest, read
from bionic_core.training import Course, State, Watch, finished, start, train_epoch

CORE_NUMERICS = 1
"""Raised when a change to the core changes the numbers of runs."""

MANIFEST, SPEC, METRICS, RESULT = "manifest.json", "spec.toml", "metrics.jsonl", "result.json"
STATE, MODEL, PREDICTIONS = "state.safetensors", "model.safetensors", "predictions.npz"


def identity(spec: Spec, seed: int, inputs: Inputs) -> dict[str, Any]:
    """Return everything that decides the numbers of a run, as JSON-ready data.

    The resolved spec, with data and connectome by fingerprint instead of by place; the seed;
    and the ``numerics`` of the core and of each mechanism, not package versions.
    """
    document = spec.document()
    # Said only where it applies, so that runs from before the key keep their names.
    leaks = {"drop_leaks": True} if spec.data_choice.drop_leaks else {}
    model = document["model"]
    if model["storage"] == "auto":
        del model["storage"]
    return {
        "model": model,
        "training": document["training"],
        "mechanisms": document["mechanisms"],
        "data": {
            "fingerprint": inputs.data.fingerprint,
            "protocol": spec.data_choice.protocol,
            "split_seed": spec.data_choice.split_seed,
        }
        | leaks,
        "connectome": inputs.connectome.fingerprint if inputs.connectome else None,
        "seed": seed,
        "numerics": {"core": CORE_NUMERICS}
        | {name: mechanism.numerics for name, mechanism in spec.mechanisms.items()},
    }


@attrs.frozen(eq=False)
class Run:
    """A run's folder.

    Attributes:
        reused: whether it was complete when it was asked for.
    """

    folder: Path
    reused: bool = False

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Return the run in a folder.

        Raises:
            RequestError: the folder is not one of a run.
        """
        if not folder.is_dir():
            raise RequestError("no such run folder", where=str(folder))
        missing = [name for name in (SPEC, MANIFEST) if not (folder / name).is_file()]
        if missing:
            raise RequestError(
                f"not a run folder: it lacks {listing(missing)}. Give a folder that "
                "'bionic train' made, named by 16 hexadecimal digits",
                where=str(folder),
            )
        return cls(folder)

    @property
    def hash(self) -> str:
        """The run's identity, 16 hexadecimal digits."""
        return self.folder.name

    @property
    def manifest(self) -> dict[str, Any]:
        """What was written before training began."""
        return self._json(MANIFEST)

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return (self.folder / RESULT).is_file()

    @property
    def result(self) -> dict[str, Any]:
        """The figures of a complete run.

        Raises:
            RequestError: the run is not complete.
        """
        if not self.done:
            raise RequestError(
                "this run is not finished; 'bionic train' with the same spec, seed and data "
                "goes on where it stopped",
                where=str(self.folder),
            )
        return self._json(RESULT)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The record of each epoch so far."""
        path = self.folder / METRICS
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return [json.loads(line) for line in lines]
        except (OSError, ValueError) as error:
            raise RequestError(f"damaged: {error}", where=str(path)) from error

    def spec(self, registry: Registry | None = None) -> Spec:
        """Return the spec that the run was trained with.

        Raises:
            RequestError: a plugin that it was trained with is not installed, or computes
                other numbers by now, or so does the core.
        """
        path, registry = self.folder / SPEC, registry or Registry.installed()
        manifest = self.manifest
        check_numerics(manifest, registry, CORE_NUMERICS, where=str(self.folder))
        name = str(manifest.get("name", self.hash))
        return compose(read(path), name=name, where=str(path), registry=registry)

    def network(self, spec: Spec, connectome: Connectome | None) -> Network:
        """Return the trained network, in evaluation mode.

        Args:
            spec: the run's own.
            connectome: what the spec's ``[connectome]`` gives; None without one.

        Raises:
            RequestError: the run is not complete, its weights are damaged, or the connectome
                is not the one that it was trained with.
        """
        _ = self.result
        trained_with = self.manifest["identity"]["connectome"]
        found = connectome.fingerprint if connectome is not None else None
        if found != trained_with:
            raise RequestError(
                f"trained with a connectome of fingerprint {_short(trained_with)}, but the "
                f"spec's [connectome] now gives {_short(found)}. Put the former back, or train "
                "anew",
                where=str(self.folder),
            )
        network = build(spec, seed=int(self.manifest["seed"]), connectome=connectome)
        path = self.folder / MODEL
        try:
            with safe_open(path, framework="pt") as file:
                network.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, RuntimeError) as error:
            raise RequestError(f"damaged, or of another model: {error}", where=str(path)) from error
        return network.eval()

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RequestError(f"damaged: {error}", where=str(path)) from error
        if not isinstance(document, dict):
            raise RequestError("damaged: expected a JSON object", where=str(path))
        return document


Epochs = Callable[[dict[str, Any]], None]


def train(
    spec: Spec,
    *,
    seed: int = 0,
    root: Path,
    device: str = "auto",
    cache: InputCache | None = None,
    watch: Watch | None = None,
    epochs: Epochs | None = None,
) -> Run:
    """Train one run, or go on with it, or return it if it is complete.

    Args:
        spec: what to train.
        seed: of the initial weights, the order of images, views, and everything drawn.
        root: the folder that holds the run's folder.
        device: ``cpu``, ``cuda``, or ``auto`` for cuda where there is one.
        cache: inputs that other runs have read already.
        watch, epochs: called after each step and each epoch.

    Raises:
        RequestError: the spec or its data cannot be used; nothing has been written then.
        BionicError: training diverged.
    """
    place = device_of(device)
    inputs = (cache or InputCache()).get(spec)
    network = build(spec, seed=seed, connectome=inputs.connectome)
    network = network.to(place).to(memory_format=torch.channels_last)  # convolves faster
    plan = recipe_of(spec)
    if place.type == "cpu":
        check_training(network, plan)
    state = start(network, plan, len(inputs.splits.train))
    course = Course.prepare(plan, inputs.splits, seed, place)
    decides = identity(spec, seed, inputs)
    run = Run(root / digest(decides))
    if run.done:
        return attrs.evolve(run, reused=True)
    resume(run, state)
    write_text(run.folder / SPEC, spec.to_toml())
    document = {"name": spec.name, "seed": seed, "identity": decides} | circumstances(place)
    if inputs.connectome is not None:
        document["connectome"] = inputs.connectome.label
    document["data"] = inputs.data.name
    if inputs.splits.dropped is not None:
        document["dropped"] = attrs.asdict(inputs.splits.dropped)
    document["class_names"] = list(inputs.data.class_names)
    installed = Registry.installed()
    document["plugins"] = {name: installed.distribution(name) for name in spec.mechanisms}
    write_text(run.folder / MANIFEST, json.dumps(document, indent=1))
    while not finished(state, plan):
        record = train_epoch(state, course, watch)
        save_state(run, state)
        if epochs is not None:
            epochs(record)
    complete(run, state, inputs)
    return run


def save_model(folder: Path, spec: Spec, network: Network) -> None:
    """Write a spec, resolved, and a network's weights into a folder."""
    write_text(folder / SPEC, spec.to_toml())
    with write_atomically(folder / MODEL) as file:
        file.write(to_safetensors(_portable(network.state_dict())))


def complete(run: Run, state: State, inputs: Inputs) -> None:
    """Write the selected weights, their predictions and figures; the test set is touched here."""
    network, splits = state.network, inputs.splits
    network.load_state_dict(state.best_weights)
    seconds = sum(record["seconds"] for record in state.history)
    images = len(splits.train) * len(state.history)
    names = inputs.data.class_names
    test_logits, _ = evaluate(network, splits.test)
    test = full_metrics(test_logits, splits.test.labels, names)
    logits, figures = test_logits, test
    if splits.selected_on != "test":
        logits, _ = evaluate(network, splits.validation)
        figures = full_metrics(logits, splits.validation.labels, names)
    with write_atomically(run.folder / MODEL) as file:
        file.write(to_safetensors(_portable(state.best_weights)))
    with write_atomically(run.folder / PREDICTIONS) as file:
        np.savez_compressed(
            file,
            validation_logits=logits.numpy(),
            validation_labels=splits.validation.labels,
            test_logits=test_logits.numpy(),
            test_labels=splits.test.labels,
            class_names=np.array(names),
        )
    result = {
        "run": str(run.folder),
        "hash": run.hash,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "selected_on": splits.selected_on,
        "train": state.history[state.best_epoch - 1]["train"],
        "train_evaluated": evaluate(network, splits.train)[1],
        "validation": figures,
        "test": test,
        "seconds": seconds,
        "images_per_second": images / seconds,
    }
    write_text(run.folder / RESULT, json.dumps(result, indent=1))
    (run.folder / STATE).unlink(missing_ok=True)


def save_state(run: Run, state: State) -> None:
    """Write where training stands, and the epochs' records."""
    tensors = {f"model.{key}": value for key, value in state.network.state_dict().items()}
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
    counters = {
        "epoch": state.epoch,
        "best": state.best,
        "best_epoch": state.best_epoch,
        "history": state.history,
        "optimizer": scalars,
        "lr": [group["lr"] for group in state.optimizer.param_groups],
        "schedule": state.schedule.state_dict(),
        "threads": torch.get_num_threads(),
    }
    with write_atomically(run.folder / STATE) as file:
        file.write(to_safetensors(_portable(tensors), {"counters": json.dumps(counters)}))
    lines = "".join(json.dumps(record) + "\n" for record in state.history)
    write_text(run.folder / METRICS, lines)


def resume(run: Run, state: State) -> None:
    """Go to where the run stopped, if it has begun.

    Raises:
        RequestError: what is there cannot be read.
    """
    path = run.folder / STATE
    if not path.is_file():
        return
    try:
        with safe_open(path, framework="pt") as file:
            counters = json.loads(file.metadata()["counters"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f"damaged: {error}. Remove the folder to train anew", where=str(path)
        ) from error
    parts: dict[str, dict[str, torch.Tensor]] = {
        part: {} for part in ("model", "best", "average", "optimizer")
    }
    for key, tensor in tensors.items():
        part, _, rest = key.partition(".")
        parts[part][rest] = tensor
    state.network.load_state_dict(parts["model"])
    state.best_weights = parts["best"]
    optimizer = state.optimizer.state_dict()
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    for key, value in {**parts["optimizer"], **counters["optimizer"]}.items():
        number, _, name = key.partition(".")
        like = parameters[int(number)]
        fits = isinstance(value, torch.Tensor) and value.shape == like.shape
        kept = torch.empty_like(like).copy_(value) if fits else value  # the same memory format
        optimizer["state"].setdefault(int(number), {})[name] = kept
    state.optimizer.load_state_dict(optimizer)
    for group, rate in zip(state.optimizer.param_groups, counters["lr"], strict=True):
        group["lr"] = rate
    state.schedule.load_state_dict(counters["schedule"])
    if state.average is not None:
        state.average.load_state_dict(parts["average"])
    state.epoch, state.best = counters["epoch"], counters["best"]
    state.best_epoch, state.history = counters["best_epoch"], counters["history"]


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


def _short(fingerprint: str | None) -> str:
    return fingerprint[:16] if fingerprint else "none"


def _portable(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors as safetensors takes them: on the CPU, contiguous, each its own memory."""
    return {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
