"""Stacked members train as they would by themselves, and leave the same folders behind."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import bionic_core as bionic_api
from bionic_core import (
    Layer,
    Mechanism,
    Stream,
    hookimpl,
    stacked_study,
    stacked_training,
    training,
)
from bionic_core.assembly import hooks_of
from bionic_core.engine import Outcome, Task, Work
from bionic_core.identity import identity
from bionic_core.inputs import InputCache
from bionic_core.locks import Claim
from bionic_core.run_folder import STATE, Run
from bionic_core.runs import prepare, run_of, train
from bionic_core.spec import compose
from bionic_core.stacked_groups import Grouping, group
from bionic_core.stacked_study import train_stacked
from bionic_core.stacked_training import Member
from bionic_core.stacking import Rows, Stack, stacked_cross_entropy
from bionic_core.training import Moment
from tests import killing
from tests.benchmarks.stacked import main as benchmark
from tests.core.test_cli import SMALL, Bionic, bionic, refused
from tests.killing import numbers

__all__ = ["bionic"]

CPU = torch.device("cpu")
CACHE = InputCache()
STEPS = 20

EVERYTHING = killing.EVERYTHING | {"convolution": {"filters": [2, 16]}, "lateral": {"kernel": 3}}


def spec(
    mechanisms: Mapping[str, Any] = EVERYTHING,
    plugins: Sequence[type[Mechanism]] = (),
    *,
    storage: str = "auto",
    train: int = 140,
    **keys: Any,
) -> bionic_api.Spec:
    """Everything that is built in, on small drawn faces: 8 × 8 features as there are pixels."""
    document = {
        "model": {
            "layers": {"A": ["5P-NP"], "B": ["6P-CT"]},
            "projections": ["A->B"],
            "image": [1, 16, 16],
            "storage": storage,
        },
        "connectome": {"source": "column"},
        "data": {"source": "schematic", "train": train, "test": 70},
        "training": {"max_epochs": 3, "lr": 2e-3, "patience": 0, "batch_size": 12} | keys,
        "mechanisms": {name: dict(table) for name, table in mechanisms.items()},
    }
    registry = bionic_api.Registry.installed().including(*plugins)
    return compose(document, name="small", registry=registry)


def changed(**tables: Mapping[str, Any]) -> bionic_api.Spec:
    """Everything, with other keys of some mechanisms."""
    return spec({name: {**table, **tables.get(name, {})} for name, table in EVERYTHING.items()})


def lacking(*names: str) -> bionic_api.Spec:
    return spec().without(names)


def tasks_of(specs: Sequence[bionic_api.Spec], seeds: Sequence[int] = (0, 1)) -> list[Task]:
    pairs = [(one, seed) for seed in seeds for one in specs]
    return [Task(number, one, seed) for number, (one, seed) in enumerate(pairs)]


class EnoughError(Exception):
    """So many steps have been taken."""


def first_steps(patch: pytest.MonkeyPatch, module: Any, name: str, run: Any) -> list[Tensor]:
    """The losses of the first steps, from the function that takes one."""
    losses: list[Tensor] = []
    step = getattr(module, name)

    def stepped(*arguments: Any, **options: Any) -> Any:
        found = step(*arguments, **options)
        losses.append(found[0])
        if len(losses) == STEPS:
            raise EnoughError
        return found

    with patch.context() as patched:
        patched.setattr(module, name, stepped)
        try:
            while True:
                run()
        except EnoughError:
            pass
    return losses


def stacked(grouping: Grouping) -> tuple[Stack, list[Member], list[Task]]:
    """The only group of a study as a stack, before its first step."""
    (one,) = grouping.groups
    pairs = [prepare(t.spec, t.seed, CACHE.get(t.spec), CPU) for t in one.tasks]
    members = [Member(state, course) for state, course in pairs]
    networks = [member.state.network for member in members]
    mechanisms = [set(task.spec.mechanisms) for task in one.tasks]
    return Stack(one.frame, networks, mechanisms), members, one.tasks


def distance(one: nn.Module, other: nn.Module) -> float:
    """The relative difference of all weights, as one vector.

    Not of each tensor: where a gradient is zero but for rounding, Adam's steps are of full length.
    """
    ours, theirs = (torch.cat([p.detach().flatten() for p in n.parameters()]) for n in (one, other))
    return float((ours - theirs).norm() / ours.norm())


def agree(patch: pytest.MonkeyPatch, tasks: Sequence[Task], tolerance: float = 1e-5) -> None:
    """The losses of the first steps, and the weights after them, are those of single runs."""
    grouping = group(tasks, CACHE)
    assert not grouping.alone
    stack, members, order = stacked(grouping)
    assert len(order) == len(tasks)
    together = first_steps(
        patch,
        stacked_training,
        "step_together",
        lambda: stacked_training.train_epoch(stack, members),
    )
    for row, (task, member) in enumerate(zip(order, members, strict=True)):
        state, course = prepare(task.spec, task.seed, CACHE.get(task.spec), CPU)
        alone = first_steps(
            patch,
            training,
            "step_once",
            lambda state=state, course=course: training.train_epoch(state, course),
        )
        losses = torch.stack([losses[row] for losses in together])
        torch.testing.assert_close(losses, torch.stack(alone), rtol=tolerance, atol=0)
        assert len(set(losses.tolist())) == STEPS, "and they change"
        assert distance(state.network, member.state.network) < 100 * tolerance


def test_each_members_first_steps_are_those_of_the_single_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every mechanism left out, other keys of the recipe, other wirings, several seeds."""
    every = [spec(), *(lacking(name) for name in EVERYTHING)]
    others = [
        spec(lr=5e-4),
        changed(masks={"wiring": "random"}),
        changed(masks={"wiring": "dense"}),
        changed(weight_decay={"strength": 1e-2}, label_smoothing={"alpha": 0.3}),
        changed(augmentation={"rotation": 40.0, "flip": 0.0}),
        changed(lr_schedule={"policy": "one-cycle"}),
        spec(optimizer="sgd", averaging=0.9),
    ]
    more = tasks_of([*every[2:], *others], (2,))
    agree(monkeypatch, [*tasks_of(every[:2]), *more])


def test_first_steps_with_a_weight_for_each_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("masks", "intra", "layernorm", "hebbian", "noise")
    mechanisms = {name: EVERYTHING[name] for name in names}
    specs = [spec(mechanisms, storage="sparse", train=70, lr=lr) for lr in (2e-3, 5e-4)]
    grouping = group(tasks_of(specs), CACHE)
    assert all(p.storage == "sparse" for p in grouping.groups[0].frame.projections)
    agree(monkeypatch, tasks_of(specs))


@pytest.mark.parametrize(
    ("keys", "tolerance"),
    [
        ({"optimizer": "muon"}, 1e-4),
        ({"draws": "shared"}, 1e-5),
    ],
)
def test_first_steps_by_other_recipes(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any], tolerance: float
) -> None:
    """Muon iterates to near-orthogonal matrices."""
    whole = spec(train=70, **keys)
    agree(monkeypatch, tasks_of([whole, whole.without(["intra"])]), tolerance)


def test_first_steps_in_bfloat16_agree_to_its_three_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spec(train=70, precision="bfloat16")
    stack, members, tasks = stacked(group(tasks_of([whole, whole.without(["intra"])]), CACHE))
    step = functools.partial(stacked_training.train_epoch, stack, members)
    together = torch.stack(first_steps(monkeypatch, stacked_training, "step_together", step))
    for row, task in enumerate(tasks):
        state, course = prepare(task.spec, task.seed, CACHE.get(task.spec), CPU)
        single = functools.partial(training.train_epoch, state, course)
        alone = torch.stack(first_steps(monkeypatch, training, "step_once", single))
        found = together[:, row]
        assert not torch.allclose(found, alone, rtol=1e-6), "it is no float32"
        torch.testing.assert_close(found[0], alone[0], rtol=1e-2, atol=0)
        torch.testing.assert_close(found.mean(), alone.mean(), rtol=5e-2, atol=0)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_torchs(smoothing: float, weighted: bool) -> None:
    drawn = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 20, 5, generator=drawn, dtype=torch.float64)
    labels = torch.randint(5, (3, 20), generator=drawn)
    weight = torch.rand(3, 5, generator=drawn, dtype=torch.float64) if weighted else None
    ones = torch.ones(3, 5, dtype=torch.float64)
    found = stacked_cross_entropy(
        logits,
        labels,
        ones if weight is None else weight,
        torch.full((3,), smoothing, dtype=torch.float64),
    )
    for member in range(3):
        expected = functional.cross_entropy(
            logits[member],
            labels[member],
            weight=None if weight is None else weight[member],
            label_smoothing=smoothing,
        )
        torch.testing.assert_close(found[member], expected, rtol=1e-12, atol=1e-12)


def test_what_members_share_is_made_once_and_spread() -> None:
    rows = Rows()
    assert rows.find(["a", "b", "a"]) == ["a", "b"]
    assert rows.spread([torch.tensor([1.0]), torch.tensor([2.0])]).tolist() == [[1], [2], [1]]
    assert rows.find(["b", "b", "b"]) == ["b"]
    assert rows.spread([torch.tensor([3.0])]).tolist() == [[3], [3], [3]]
    assert rows.find(["a", "b", "c"]) == ["a", "b", "c"]
    assert rows.spread([torch.tensor(n) for n in (4, 5, 6)]).tolist() == [4, 5, 6]
    assert rows.find(["x", "y", "y"]) == ["x", "y"]
    assert rows.spread([torch.tensor(n) for n in (4, 5)]).tolist() == [4, 5, 5]


# --- groups


def names_of(tasks: Sequence[Task]) -> list[int]:
    return [task.number for task in tasks]


def grouped(
    *specs: bionic_api.Spec, seeds: Sequence[int] = (0, 1)
) -> tuple[list[list[int]], list[Any]]:
    found = group(tasks_of(specs, seeds), CACHE)
    alone = [(task.number, why) for task, why in found.alone]
    return [names_of(one.tasks) for one in found.groups], alone


LIGHT = {name: EVERYTHING[name] for name in ("layernorm", "noise", "intra")}


def light(plugins: Sequence[type[Mechanism]] = (), **tables: Any) -> bionic_api.Spec:
    """Three mechanisms and these."""
    return spec(LIGHT | tables, plugins)


def test_keys_of_acting_mechanisms_part_groups_and_those_of_the_recipe_do_not() -> None:
    groups, alone = grouped(
        light(), light(noise={"sigma": 0.2}), light(weight_decay={}), spec(LIGHT, lr=1e-4)
    )
    assert groups == [[0, 2, 3, 4, 6, 7], [1, 5]]
    assert not alone


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (spec(LIGHT, batch_size=8), "others read other data or wiring, or differ in"),
        (spec(LIGHT, train=70), "others read other data or wiring, or differ in"),
        (light(noise={"sigma": 0.2}), "others have other keys of noise"),
        (
            light(convolution={"filters": [2, 2]}),
            "the front end of convolution gives 32 features and the image has 256 pixels",
        ),
        (light(masks={}), r"its layers\.\S+ is \[[\d, ]+\], others' is \["),
    ],
)
def test_a_run_of_other_shapes_trains_by_itself_and_says_why(
    other: bionic_api.Spec, why: str
) -> None:
    base = light()
    if "masks" in other.mechanisms:  # whose pairs are stored one by one, where others have all
        base, other = (
            spec(one.document()["mechanisms"], storage="sparse") for one in (base, other)
        )
    found = group([Task(0, base, 0), Task(1, base, 1), Task(2, other, 0)], CACHE)
    assert [names_of(one.tasks) for one in found.groups] == [[0, 1]]
    ((task, reason),) = found.alone
    assert task.number == 2
    assert reason.startswith("no other run has its shapes (")
    assert re.search(why, reason), reason


@attrs.frozen(eq=False)
class Ignored(Mechanism):
    """Leaves a class out of the loss."""

    name = "ignored"
    kind = "functional"

    @hookimpl
    def recipe(self) -> dict[str, object]:
        return {"loss.ignore_index": 2}


def test_an_option_of_the_loss_that_stacks_lack_is_said() -> None:
    groups, alone = grouped(light(), light([Ignored], ignored={}), seeds=(0, 1))
    assert groups == [[0, 2]]
    assert alone == [(n, "a stack's loss has no ignore_index") for n in (1, 3)]


def test_gates_open_for_those_that_have_the_mechanism_only() -> None:
    stack, _, tasks = stacked(
        group(tasks_of([spec(), lacking("hebbian"), lacking("intra")]), CACHE)
    )
    has = {name: [name in task.spec.mechanisms for task in tasks] for name in ("hebbian", "intra")}
    gates = {name: buffer for name, buffer in stack.buffers.items() if "gate_" in name}
    assert {name.rpartition("gate_")[2] for name in gates} == {"hebbian", "intra"}
    for name, gate in gates.items():
        assert gate.tolist() == has[name.rpartition("gate_")[2]], name
    hooks = hooks_of(spec())
    assert hooks["hebbian"] == {"plasticity"}
    assert hooks["masks"] == {"wiring"}


# --- studies


def study(
    tasks: Sequence[Task], root: Path, **options: Any
) -> tuple[dict[int, Outcome], list[tuple[int, str]]]:
    """Outcomes by number, the last of each, and what was said."""
    said: list[tuple[int, str]] = []
    begun: list[int] = []
    calls: dict[str, Any] = {
        "started": lambda task: begun.append(task.number),
        "watch": lambda task, moment: None,
        "say": lambda task, words: said.append((task.number, words)),
    }
    most = options.pop("most", 0)
    work = Work(tasks, root, "cpu", **calls | options)
    outcomes = {outcome.task.number: outcome for outcome in train_stacked(work, most=most)}
    if "started" not in options:
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
    places: list[Moment] = []
    found, said = study(tasks, tmp_path, watch=lambda task, moment: places.append(moment))
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

    def stop(task: Task, moment: Moment) -> None:
        if moment.epoch == 2 and moment.done > 36:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(tasks, tmp_path, watch=stop)
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
    folders = [
        run_of(task.spec, task.seed, CACHE.get(task.spec), tmp_path).folder for task in tasks
    ]
    folders[1].mkdir(parents=True)
    (folders[1] / STATE).write_bytes(b"no state")
    held = Claim(folders[2] / ".lock").take(0)
    outcomes = []
    for outcome in train_stacked(Work(tasks, tmp_path, "cpu")):
        outcomes.append(outcome)
        if outcome.busy and len(outcomes) > 2:
            held.__exit__(None, None, None)
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
    whole = stacked_training.train_epoch

    def small(stack: Stack, members: Any, *rest: Any) -> Any:
        sizes.append(len(members))
        if len(members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return whole(stack, members, *rest)

    monkeypatch.setattr(stacked_study, "train_epoch", small)
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


# --- the command line, and what is measured by hand


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
    assert found["speed_up"] == pytest.approx(after / found["stacked_ms"])
    assert max(len(line) for line in err.splitlines()) <= 80


# --- draws that seeds share


def test_seeds_that_share_draws_differ_in_their_beginnings_only() -> None:
    names: dict[str, str] = {}
    for draws in ("own", "shared"):
        one = spec(LIGHT | {"augmentation": {}}, draws=draws)
        states = [prepare(one, seed, CACHE.get(one), CPU) for seed in (0, 1)]
        streams = [
            [course.order.seed, course.views.seed, *(s.seed for s in state.network.streams)]
            for state, course in states
        ]
        assert (streams[0] == streams[1]) is (draws == "shared")
        first, second = (state.network.bridge.weight for state, _ in states)
        assert not torch.equal(first, second)
        names[draws] = json.dumps(identity(one, 0, CACHE.get(one)))
    assert '"draws"' not in names["own"], "runs from before the key keep their names"
    assert '"draws": "shared"' in names["shared"]
