"""Stacked studies leave the folders of single runs behind, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bionic_core import Layer, Mechanism, Stream, hookimpl
from bionic_core.base.locks import Claim
from bionic_core.runs.engine import Outcome, Task, Work
from bionic_core.runs.files import STATE
from bionic_core.runs.folder import Run
from bionic_core.runs.planned import Plans
from bionic_core.runs.train import train
from bionic_core.training.loop import Progress, train_members
from bionic_plugins.engines.stacked import study as stacked_study
from bionic_plugins.engines.stacked.steps import Steps
from bionic_plugins.engines.stacked.study import train_stacked
from tests.benchmarks.stacked import main as benchmark
from tests.cli.test_cli import SMALL, Bionic, bionic, refused
from tests.support.killing import numbers
from tests.support.observers import told
from tests.support.stacks import CACHE, LIGHT, lacking, light, spec, tasks_of

__all__ = ["bionic"]


def study(
    tasks: Sequence[Task], root: Path, **options: Any
) -> tuple[dict[int, Outcome], list[tuple[int, str]]]:
    """Outcomes by number, the last of each, and what was said."""
    said: list[tuple[int, str]] = []
    begun: list[int] = []
    calls: dict[str, Any] = {
        "begun": lambda task: begun.append(task.number),
        "note": lambda task, words: said.append((task.number, words)),
    }
    most, device = options.pop("most", 0), options.pop("device", "cpu")
    work = Work(tasks, root, device, observer=told(**calls | options))
    outcomes = {outcome.task.number: outcome for outcome in train_stacked(work, most=most)}
    if "begun" not in options:
        assert sorted(begun) == sorted({task.number for task in tasks})
    return outcomes, said


def run(outcome: Outcome) -> Run:
    assert outcome.folder is not None, outcome.error
    return Run(outcome.folder)


def near(one: Run, other: Run) -> None:
    """The same folder but for rounding: identity, files, records, weights and predictions."""
    assert one.hash == other.hash
    assert {p.name for p in one.folder.iterdir()} == {p.name for p in other.folder.iterdir()}
    ours, theirs = numbers(one), numbers(other)
    assert list(ours) == list(theirs)
    weights = [
        np.concatenate([found[key].ravel() for key in ours if key.startswith("weights")])
        for found in (ours, theirs)
    ]
    assert np.linalg.norm(weights[0] - weights[1]) < 1e-2 * np.linalg.norm(weights[0])
    for split in ("validation", "test"):
        logits = [found[f"predictions {split}_logits"] for found in (ours, theirs)]
        assert np.linalg.norm(logits[0] - logits[1]) < 1e-2 * np.linalg.norm(logits[0])
        labels = f"predictions {split}_labels"
        assert np.array_equal(ours[labels], theirs[labels])


STUDY = [spec(), lacking("noise"), lacking("convolution"), spec(lr=1e-3, max_epochs=2)]
"""The last leaves the stack before the others."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    root = tmp_path_factory.mktemp("alone")
    return [
        train(task.spec, seed=task.seed, root=root, device="cpu", cache=CACHE)
        for task in tasks_of(STUDY, (0,))
    ]


def test_a_stacked_study_leaves_ordinary_folders(tmp_path: Path, alone: list[Run]) -> None:
    tasks = tasks_of(STUDY, (0,))
    places: list[Progress] = []
    found, said = study(tasks, tmp_path, progress=lambda task, moment: places.append(moment))
    assert said == [(0, "trains as one model with 3 other runs of the study")]
    assert places
    for number, single in enumerate(alone):
        one = run(found[number])
        near(single, one)
        one.verify()
        assert one.manifest["engine"] == "stacked"
        assert "engine" not in single.manifest
        assert one.manifest["identity"] == single.manifest["identity"]
        task = tasks[number]
        network = one.network(one.spec(), CACHE.get(task.spec).connectome)
        assert network(torch.rand(1, 1, 16, 16)).shape == (1, 7)
    again, said = study(tasks, tmp_path)
    assert all(outcome.reused for outcome in again.values())
    assert not said


@pytest.mark.parametrize("engine", ["stacked", "alone"])
def test_an_interrupted_study_goes_on_either_way(
    tmp_path: Path, alone: list[Run], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tasks_of(STUDY, (0,))
    monkeypatch.setattr(stacked_study, "SAVES_EVERY", 0.0)
    monkeypatch.setattr(stacked_study, "TELLS_EVERY", 0.0)

    def stop(task: Task, moment: Progress) -> None:
        if moment.epoch == 2 and moment.done > 36:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(tasks, tmp_path, progress=stop)
    assert len(list(tmp_path.glob(f"*/{STATE}"))) == 4
    if engine == "stacked":
        runs = [run(outcome) for _, outcome in sorted(study(tasks, tmp_path)[0].items())]
    else:
        runs = [
            train(task.spec, seed=0, root=tmp_path, device="cpu", cache=CACHE) for task in tasks
        ]
    for single, one in zip(alone, runs, strict=True):
        near(single, one)
        (entry,) = one.manifest["resumed"]
        assert entry["after_epoch"] == 1
        assert entry.get("engine") == ("stacked" if engine == "stacked" else None)


def test_a_member_that_diverges_ends_and_the_others_go_on(tmp_path: Path) -> None:
    specs = [light(), spec(LIGHT, lr=1e30), spec(LIGHT, lr=1e-3)]
    found, _ = study(tasks_of(specs, (0,)), tmp_path)
    assert found[1].folder is None
    assert "training diverged. A smaller training.lr may help" in found[1].error
    for number in (0, 2):
        single = train(specs[number], root=tmp_path / "alone", device="cpu", cache=CACHE)
        near(single, run(found[number]))


def test_a_run_that_another_process_has_and_one_that_is_damaged(tmp_path: Path) -> None:
    tasks = tasks_of([light()], (0, 1, 2, 3))
    plans = Plans(tmp_path, CACHE)
    folders = [plans.of(task.spec, task.seed).folder for task in tasks]
    folders[1].mkdir(parents=True)
    (folders[1] / STATE).write_bytes(b"no state")
    held = Claim(folders[2] / ".lock").take(0)
    outcomes, said = [], list[str]()
    observer = told(note=lambda task, words: said.append(words))
    work = Work(tasks, tmp_path, "cpu", observer=observer)
    for outcome in train_stacked(work):
        outcomes.append(outcome)
        if outcome.busy and len(outcomes) > 2:
            held.__exit__(None, None, None)
    assert "trains as one model with 1 other run of the study" in said
    busy = [outcome.task.number for outcome in outcomes if outcome.busy]
    assert set(busy) == {2}
    last = {outcome.task.number: outcome for outcome in outcomes}
    assert "damaged" in last[1].error
    assert [last[number].folder for number in (0, 2, 3)] == [folders[n] for n in (0, 2, 3)]


class Remembers(nn.Module):
    """Holds a number that depends on the seed where nobody looks."""

    def __init__(self) -> None:
        super().__init__()
        self.amount = float(torch.rand(()))

    def forward(self, h: Tensor) -> Tensor:
        return h + self.amount * h.square()


@attrs.frozen(eq=False)
class Hidden(Mechanism):
    name = "hidden"
    kind = "functional"

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return Remembers()


class Draws(nn.Module):
    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def forward(self, h: Tensor) -> Tensor:
        generator = self.stream.generator(h.device)
        return h + torch.rand(h.shape, generator=generator, device=h.device)


@attrs.frozen(eq=False)
class OwnDraws(Mechanism):
    name = "own-draws"
    kind = "functional"

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return Draws(layer.stream())


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (Hidden, "run 2 would give other numbers in a stack than by itself"),
        (OwnDraws, "they cannot be stacked ('own-draws/rate/A' draws from the generator of its"),
    ],
)
def test_what_cannot_be_stacked_trains_one_after_another_and_says_why(
    plugin: type[Mechanism], words: str, tmp_path: Path
) -> None:
    one = spec({"layernorm": {}, plugin.name: {}}, [plugin], max_epochs=1, train=70)
    found, said = study(tasks_of([one]), tmp_path)
    assert said[0][1].startswith(f"one after another from here on: {words}"), said
    for number, outcome in found.items():
        single = train(one, seed=number, root=tmp_path / "alone", device="cpu", cache=CACHE)
        assert torch.equal(
            torch.as_tensor(run(outcome).predictions["test_logits"]),
            torch.as_tensor(single.predictions["test_logits"]),
        )


def test_where_memory_is_short_the_stack_is_parted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = spec({"layernorm": {}}, max_epochs=1, train=70)
    sizes: list[int] = []
    whole = train_members

    def small(steps: Steps, *rest: Any) -> Any:
        sizes.append(len(steps.members))
        if len(steps.members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return whole(steps, *rest)

    monkeypatch.setattr(stacked_study, "train_members", small)
    found, said = study(tasks_of([one], range(4)), tmp_path)
    assert sizes == [4, 2, 2]
    assert all(outcome.folder for outcome in found.values())
    assert said[1] == (
        0,
        "in two parts from here on: out of memory (OutOfMemoryError: CUDA out of memory. Tried to "
        "allocate 2.00 GiB); fewer --jobs, or a smaller training.batch_size, need less",
    )
    sizes.clear()
    study(tasks_of([one], range(10, 14)), tmp_path, most=2)
    assert sizes == [2, 2]


def test_factorial_by_the_stacked_engine(bionic: Bionic) -> None:
    asked = ("factorial", "--mechanisms", "masks,noise", "--seeds", "2", *SMALL, "--json")
    said = bionic(*asked, "--engine", "stacked", "--most", "6")
    assert said.code == 0, said.err
    assert "run 1: trains as one model with 3 other runs of the study" in said.err
    assert "8 of 8 done" in said.err
    cells = said.document["cells"]
    assert len(cells) == 8
    assert len(said.document["effects"]) == 3
    folder = cells[0]["run"]
    assert Run(Path(folder)).manifest["engine"] == "stacked"
    evaluated = bionic("evaluate", folder, "--json")
    assert evaluated.code == 0, evaluated.err
    assert evaluated.document["accuracy"] == pytest.approx(cells[0]["accuracy"], abs=1e-9)
    again = bionic(*asked)
    assert again.document["cells"] == cells, "the local engine finds them done"


def test_jobs_are_refused(bionic: Bionic) -> None:
    refused(
        bionic("factorial", "--mechanisms", "masks", "--jobs", "2", "--engine", "stacked", *SMALL),
        "--jobs 2: the stacked engine trains all runs at once in one process",
    )


def test_the_benchmark_runs_at_tiny_size(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark(["--small", "--device", "cpu", "--seeds", "2", "--steps", "1", "--readings", "1"])
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["members"] == 26
    assert found["groups"] == [26], "the twelve ablations and the full model are one stack"
    assert not found["alone"]
    assert {"convolution", "layernorm", "noise"} < {*found["gated"][0]}
    assert len(found["single_step_ms"]) == 13
    after = 2 * sum(found["single_step_ms"].values())
    assert found["one_after_another_ms"] == pytest.approx(after)
    assert not found["unrecorded"], "all optimisers can be recorded"
    assert 10 * found["host_step_ms"][0] < found["stacked_step_ms"][0]
    assert found["speed_up"] == pytest.approx(after / found["stacked_ms"])
    assert max(len(line) for line in err.splitlines()) <= 80
