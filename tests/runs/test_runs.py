"""Runs: named by what decides their numbers, resumable, refused when damaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import bionic_core as bionic
from bionic_core.base.records import to_document
from bionic_core.runs import checkpoint as checkpoints
from bionic_core.runs import train as runs
from bionic_core.runs.evaluate import evaluate_run
from bionic_core.runs.files import MODEL, PREDICTIONS, RESULT, STATE
from bionic_core.runs.folder import Run
from bionic_core.runs.identity import identity
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.observer import Observer, Observers
from bionic_core.runs.task import Task
from bionic_core.runs.train import device_of, train
from bionic_core.spec.spec import compose
from bionic_core.training.averaging import WeightAverage
from tests.support.observers import told

CACHE = InputCache()


def small(epochs: int = 2, seed: int = 0, **tables: Any) -> bionic.Spec:
    """A network of plain layers on a few drawn faces, with everything that draws."""
    document: dict[str, Any] = {
        "model": {"layers": {"A": 12, "B": 8}, "projections": ["A->B"]},
        "data": {"source": "schematic", "train": 210, "test": 70},
        "training": {"max_epochs": epochs, "lr": 3e-3, "patience": 0},
        "mechanisms": {
            "convolution": {"filters": [4, 4]},
            "noise": {},
            "augmentation": {},
            "weight_decay": {},
        },
    }
    for table, keys in tables.items():
        document[table] = document[table] | keys
    return compose(document, name="small", registry=bionic.Registry.installed())


def run(spec: bionic.Spec, root: Path, **options: Any) -> Run:
    return train(spec, root=root, device="cpu", cache=CACHE, **options)


class Stop(Exception):
    """The run is cut off."""


def cut_after(epoch: int) -> Observer:
    def stop(task: Task, record: Mapping[str, Any]) -> None:
        if record["epoch"] == epoch:
            raise Stop

    return told(epoch=stop)


def test_a_run_leaves_its_folder_complete(tmp_path: Path) -> None:
    done = run(small(), tmp_path)
    assert done.folder == tmp_path / done.hash
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(
        [MODEL, PREDICTIONS, RESULT, "SHA256SUMS", "manifest.json", "metrics.jsonl", "spec.toml"]
    )
    result = done.result
    assert result.selected_on == "validation"
    assert result.epochs == 2
    lines = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    best = max(line["validation"]["accuracy"] for line in lines)
    assert result.validation.accuracy == best
    with np.load(done.folder / PREDICTIONS, allow_pickle=False) as file:
        accuracy = (file["test_logits"].argmax(1) == file["test_labels"]).mean()
        assert len(file["class_names"]) == 7
    assert accuracy == result.test.accuracy
    assert done.spec().hash == small().hash
    assert done.manifest["versions"]["torch"] == torch.__version__.partition("+")[0]


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    first = run(small(), tmp_path)
    before = (first.folder / MODEL).stat().st_mtime_ns
    again = run(small(), tmp_path, observer=cut_after(1))
    assert again.folder == first.folder
    assert (again.folder / MODEL).stat().st_mtime_ns == before


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam", "muon"])
def test_a_run_cut_off_goes_on_to_the_same_numbers(tmp_path: Path, optimizer: str) -> None:
    spec = small(epochs=3, training={"optimizer": optimizer})
    whole = run(spec, tmp_path / "whole")
    with pytest.raises(Stop):
        run(spec, tmp_path / "cut", observer=cut_after(1))
    cut = Run.open(tmp_path / "cut" / whole.hash)
    assert (cut.folder / STATE).is_file()
    assert not cut.done
    resumed = run(spec, tmp_path / "cut")
    one, other = load_file(whole.folder / MODEL), load_file(resumed.folder / MODEL)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
    for figure in ("validation", "test", "best_epoch", "epochs"):
        assert getattr(whole.result, figure) == getattr(resumed.result, figure)


EVERYTHING = {
    "convolution": {"filters": [4, 4]},
    "lateral": {},
    "attention": {},
    "intra": {},
    "noise": {},
    "layernorm": {},
    "hebbian": {},
    "augmentation": {},
    "weight_decay": {},
    "label_smoothing": {},
    "class_weights": {},
}


def test_short_epochs_are_not_each_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, kept = small(epochs=6), list[Path]()
    whole = run(spec, tmp_path / "whole")
    ticks = count(step=1.5)
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr(checkpoints, "SAVES_EVERY", 2.0)
    monkeypatch.setattr(runs, "time", clock)
    with pytest.raises(Stop):
        run(spec, tmp_path / "cut", observer=cut_after(1))
    assert not (tmp_path / "cut" / whole.hash / STATE).exists()
    keeper = told(saved=lambda task, folder: kept.append(folder))
    with pytest.raises(Stop):
        run(spec, tmp_path / "cut", observer=Observers(cut_after(5), keeper))
    cut = Run.open(tmp_path / "cut" / whole.hash)
    assert len(kept) == 1 + 2  # spec and manifest; the second and the fourth epoch
    assert [record["epoch"] for record in cut.history] == [1, 2, 3, 4]
    resumed = run(spec, tmp_path / "cut")
    assert resumed.manifest["resumed"][-1]["after_epoch"] == 4
    one, other = load_file(whole.folder / MODEL), load_file(resumed.folder / MODEL)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "schedule", [{"policy": "one-cycle"}, {"policy": "plateau", "patience": 0, "factor": 0.5}]
)
def test_every_mechanism_of_training_goes_on_to_the_same_numbers(
    tmp_path: Path, schedule: dict[str, Any], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bionic_core.training.precision.has_bfloat16", lambda device: True)
    training = {"averaging": 0.9, "precision": precision, "batch_size": 32, "patience": 4}
    mechanisms = EVERYTHING | {"lr_schedule": schedule}
    spec = small(epochs=5, training=training, mechanisms=mechanisms)
    whole = run(spec, tmp_path / "whole")
    for epoch in (1, 2, 4):
        with pytest.raises(Stop):
            run(spec, tmp_path / "cut", observer=cut_after(epoch))
    resumed = run(spec, tmp_path / "cut")
    one, other = load_file(whole.folder / MODEL), load_file(resumed.folder / MODEL)
    assert all(torch.equal(one[name], other[name]) for name in one)
    rates = [[line["lr"] for line in r.history] for r in (whole, resumed)]
    assert rates[0] == rates[1]
    assert len(set(rates[0])) > 1
    assert (whole.folder / "metrics.jsonl").exists()
    figures = [[line["train"] for line in r.history] for r in (whole, resumed)]
    assert figures[0] == figures[1]


def test_the_average_of_the_weights_is_what_is_evaluated_and_kept(tmp_path: Path) -> None:
    averaged = run(small(epochs=1, training={"averaging": 0.97}), tmp_path)
    plain = run(small(epochs=1), tmp_path)
    one, other = load_file(averaged.folder / MODEL), load_file(plain.folder / MODEL)
    assert averaged.result.train == plain.result.train, "the weights that learn are the same"
    assert not torch.equal(one["bridge.weight"], other["bridge.weight"])


def test_the_average_is_the_exponential_one_of_at_most_a_third_of_the_steps() -> None:
    network = torch.nn.Linear(2, 1, bias=False)
    average = WeightAverage(network, 0.75)
    assert average.state_dict() == {}
    values = [torch.randn(1, 2) for _ in range(14)]
    expected = torch.full((1, 2), torch.nan)
    for n, value in enumerate(values, 1):
        with torch.no_grad():
            network.weight.copy_(value)
        average.update()
        decay = 0.75 if n >= 10 else (n - 1) / (n + 2)
        expected = value if n == 1 else decay * expected + (1 - decay) * value
        if n == 8:
            goes_on = WeightAverage(network, 0.75)
            goes_on.load_state_dict(average.state_dict())
            average = goes_on
    with average.applied():
        torch.testing.assert_close(network.weight.detach(), expected)
    assert torch.equal(network.weight.detach(), values[-1])


def test_early_stopping_waits_for_its_patience(tmp_path: Path) -> None:
    spec = small(epochs=40, training={"lr": 1e-9, "patience": 3})
    stopped = run(spec, tmp_path).result
    assert stopped.epochs == stopped.best_epoch + 3
    assert stopped.epochs < 40


def test_equal_seeds_give_equal_runs_and_others_do_not(tmp_path: Path) -> None:
    one = run(small(), tmp_path / "one", seed=1)
    same = run(small(), tmp_path / "same", seed=1)
    other = run(small(), tmp_path / "other", seed=2)
    assert one.hash == same.hash != other.hash
    weights, again = load_file(one.folder / MODEL), load_file(same.folder / MODEL)
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    assert not torch.equal(
        weights["bridge.weight"], load_file(other.folder / MODEL)["bridge.weight"]
    )


def test_the_identity_holds_what_decides_the_numbers_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = small()
    inputs = CACHE.get(spec)
    plain = identity(spec, 0, inputs)
    assert identity(small(), 0, inputs) == plain
    assert identity(spec, 1, inputs) != plain
    assert identity(small(epochs=3), 0, inputs) != plain
    other = small(data={"train": 217})
    assert identity(other, 0, CACHE.get(other)) != plain
    assert "version" not in json.dumps(plain)
    monkeypatch.setattr(type(spec.mechanisms["noise"]), "numerics", 2)
    assert identity(spec, 0, inputs) != plain


def test_training_learns(tmp_path: Path) -> None:
    spec = small(epochs=12, data={"train": 700}, mechanisms={"augmentation": {"rotation": 0.0}})
    result = run(spec, tmp_path).result
    lines = (tmp_path / result.hash / "metrics.jsonl").read_text().splitlines()
    train = [json.loads(line)["train"] for line in lines]
    assert train[-1]["loss"] < 0.95 * train[0]["loss"]
    assert train[-1]["accuracy"] > train[0]["accuracy"] + 0.05


def test_patience_stops_and_the_best_epoch_is_kept(tmp_path: Path) -> None:
    spec = small(epochs=40, training={"patience": 2, "lr": 1e-9})
    result = run(spec, tmp_path).result
    assert result.best_epoch == 1
    assert result.epochs == 3


def test_the_latest_epoch_is_kept_where_nothing_is_to_be_selected(tmp_path: Path) -> None:
    spec = small(epochs=4, training={"monitor": "epoch", "patience": 1, "lr": 1e-9})
    result = run(spec, tmp_path).result
    assert (result.epochs, result.best_epoch) == (4, 4)
    chosen = run(small(epochs=4, training={"patience": 0, "lr": 1e-9}), tmp_path).result
    assert chosen.best_epoch == 1, "the same accuracy every time: the first is the best"


def test_weights_that_are_the_latest_and_the_best_are_saved_once(tmp_path: Path) -> None:
    whole = {
        monitor: run(small(epochs=3, training={"monitor": monitor, "lr": lr}), tmp_path / "whole")
        for monitor, lr in (("epoch", 3e-3), ("accuracy", 1e-9))
    }
    sizes = {}
    for monitor, lr in (("epoch", 3e-3), ("accuracy", 1e-9)):
        spec = small(epochs=3, training={"monitor": monitor, "lr": lr})
        with pytest.raises(Stop):
            run(spec, tmp_path, observer=cut_after(2))
        (state,) = tmp_path.glob(f"{whole[monitor].hash}/{STATE}")
        saved = load_file(state)
        sizes[monitor] = {name.partition(".")[0] for name in saved}
        resumed = run(spec, tmp_path)
        weights, again = (load_file(r.folder / MODEL) for r in (whole[monitor], resumed))
        assert all(torch.equal(weights[name], again[name]) for name in weights)
        assert resumed.result.best_epoch == whole[monitor].result.best_epoch
    assert sizes["epoch"] == {"model", "optimizer"}
    assert sizes["accuracy"] == {"model", "best", "optimizer"}


def test_the_paper_protocol_says_test_selected(tmp_path: Path) -> None:
    result = run(small(data={"protocol": "paper"}), tmp_path).result
    assert result.selected_on == "test"
    assert result.validation == result.test


def test_divergence_is_an_error_in_words_and_writes_no_result(tmp_path: Path) -> None:
    spec = small(training={"lr": 1e30})
    with pytest.raises(bionic.BionicError, match=r"training diverged. A smaller training.lr"):
        run(spec, tmp_path)
    assert not list(tmp_path.glob(f"*/{RESULT}"))


def test_a_bad_request_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(bionic.RequestError, match=r"model.classes = 5, but schematic.* 7 classes"):
        run(small(model={"classes": 5}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_evaluate_gives_the_figures_of_the_run(tmp_path: Path) -> None:
    done = run(small(), tmp_path)
    for split in ("validation", "test"):
        figures = to_document(evaluate_run(done, split))
        for name, value in to_document(done.result)[split].items():
            if name == "classes":
                for cls, of_class in value.items():
                    assert figures[name][cls] == pytest.approx(of_class, abs=1e-6)
            else:
                assert np.array(figures[name]) == pytest.approx(np.array(value), abs=1e-6)
    whole = to_document(evaluate_run(done, "train"))
    train_figures = to_document(done.result.train_evaluated)
    assert set(train_figures) == {"accuracy", "loss", "macro_f1", "images", "kl"}
    assert train_figures["images"] == 210 - done.result.validation.images
    for name, value in train_figures.items():
        assert whole[name] == pytest.approx(value, abs=1e-6)
    with pytest.raises(bionic.RequestError, match="--split tset: must be one of train"):
        evaluate_run(done, "tset")


def test_folders_that_are_no_finished_runs(tmp_path: Path) -> None:
    with pytest.raises(bionic.RequestError, match="no such run folder"):
        Run.open(tmp_path / "nowhere")
    with pytest.raises(bionic.RequestError, match=r"lacks manifest.json, spec.toml"):
        Run.open(tmp_path)
    with pytest.raises(Stop):
        run(small(), tmp_path, observer=cut_after(1))
    (folder,) = tmp_path.iterdir()
    with pytest.raises(bionic.RequestError, match="this run is not finished"):
        evaluate_run(Run.open(folder), "test")
    state = folder / STATE
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(bionic.RequestError, match=r"damaged.*Remove the folder to train anew"):
        run(small(), tmp_path)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    done = run(small(), tmp_path)
    path = done.folder / MODEL
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(bionic.RequestError, match=r"model.safetensors: damaged: it is not"):
        evaluate_run(done, "test")
    (done.folder / RESULT).write_text("{")
    with pytest.raises(bionic.RequestError, match="damaged"):
        _ = done.result


def test_devices() -> None:
    assert device_of("cpu").type == "cpu"
    with pytest.raises(bionic.RequestError, match="must be auto, cpu or cuda"):
        device_of("gpu")
    if not torch.cuda.is_available():
        assert device_of("auto").type == "cpu"
        with pytest.raises(bionic.RequestError, match="finds no CUDA device"):
            device_of("cuda")
