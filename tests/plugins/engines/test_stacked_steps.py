"""Stacked members take the steps that they would take by themselves."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bionic_core.runs.engine import Task
from bionic_core.runs.identity import identity
from bionic_core.runs.train import prepare
from bionic_core.training import epochs, precision, views
from bionic_core.training import loop as training
from bionic_core.training.loss import training_loss
from bionic_plugins.engines.stacked.groups import group
from bionic_plugins.engines.stacked.stack import stacked_cross_entropy
from bionic_plugins.engines.stacked.steps import Steps
from bionic_plugins.engines.stacked.streams import Rows
from tests.support.stacks import (
    CACHE,
    CPU,
    EVERYTHING,
    LIGHT,
    PLANS,
    changed,
    lacking,
    spec,
    stacked,
    tasks_of,
)

STEPS = 10


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
            for _ in range(STEPS):  # epochs, each of a step at least
                run()
        except EnoughError:
            return losses
    raise AssertionError(f"{name} was not asked for")


def distance(one: nn.Module, other: nn.Module) -> float:
    """The relative difference of all weights, as one vector.

    Not of each tensor: where a gradient is zero but for rounding, Adam's steps are of full length.
    """
    ours, theirs = (torch.cat([p.detach().flatten() for p in n.parameters()]) for n in (one, other))
    return float((ours - theirs).norm() / ours.norm())


def agree(patch: pytest.MonkeyPatch, tasks: Sequence[Task], tolerance: float = 1e-5) -> None:
    """The losses of the first steps, and the weights after them, are those of single runs."""
    grouping = group(tasks, PLANS)
    assert not grouping.alone
    stack, members, order = stacked(grouping)
    assert len(order) == len(tasks)
    together = first_steps(
        patch,
        Steps,
        "take",
        functools.partial(training.train_members, Steps(stack, members)),
    )
    for row, (task, member) in enumerate(zip(order, members, strict=True)):
        state, course = prepare(task.spec, task.seed, CACHE.get(task.spec), CPU)
        alone = first_steps(
            patch,
            state,
            "step",
            lambda state=state, course=course: epochs.train_epoch(state, course),
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


@pytest.mark.parametrize("storage", ["packed", "sparse"])
def test_first_steps_with_a_weight_for_each_pair(
    monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    names = ("masks", "intra", "layernorm", "hebbian", "noise")
    mechanisms = {name: EVERYTHING[name] for name in names}
    specs = [spec(mechanisms, storage=storage, train=70, lr=lr) for lr in (2e-3, 5e-4)]
    grouping = group(tasks_of(specs), PLANS)
    assert all(p.storage == storage for p in grouping.groups[0].frame.projections)
    agree(monkeypatch, tasks_of(specs))


def test_first_steps_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without what acts from step to step, loops and local rules included."""
    model = {"projections": ["A->B", "B->A", "A->A"], "steps": 3}
    names = ("masks", "intra", "layernorm", "hebbian", "noise", "convolution")
    mechanisms = {name: EVERYTHING[name] for name in names} | {"leak": {}, "adaptation": {}}
    whole = spec(mechanisms, model=model, train=70)
    gone = [whole.without([name]) for name in ("leak", "adaptation", "hebbian", "intra")]
    agree(monkeypatch, tasks_of([whole, *gone], (0,)))


def test_a_readout_that_is_solved_and_weights_that_are_kept_train_alone() -> None:
    mechanisms = {name: EVERYTHING[name] for name in ("masks", "intra")}
    solved = spec(mechanisms, optimizer="ridge", max_epochs=1)
    kept = spec({**mechanisms, "frozen": {}})
    for one, why in ((solved, "solved at once"), (kept, "is not trained")):
        grouping = group(tasks_of([one]), PLANS)
        assert not grouping.groups
        assert all(why in reason for _, reason in grouping.alone)


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


def test_first_steps_where_the_views_of_some_batches_are_made_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "AHEAD", 36)  # of three batches; a short batch ends an epoch
    agree(monkeypatch, tasks_of([spec(), changed(augmentation={"rotation": 40.0})]))


def test_first_steps_in_bfloat16_agree_to_its_three_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)  # emulated where it is not
    whole = spec(train=70, precision="bfloat16")
    stack, members, tasks = stacked(group(tasks_of([whole, whole.without(["intra"])]), PLANS))
    step = functools.partial(training.train_members, Steps(stack, members))
    together = torch.stack(first_steps(monkeypatch, Steps, "take", step))
    for row, task in enumerate(tasks):
        state, course = prepare(task.spec, task.seed, CACHE.get(task.spec), CPU)
        single = functools.partial(epochs.train_epoch, state, course)
        alone = torch.stack(first_steps(monkeypatch, state, "step", single))
        found = together[:, row]
        assert not torch.allclose(found, alone, rtol=1e-6), "it is no float32"
        torch.testing.assert_close(found[0], alone[0], rtol=1e-2, atol=0)
        torch.testing.assert_close(found.mean(), alone.mean(), rtol=5e-2, atol=0)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_that_of_single_runs(smoothing: float, weighted: bool) -> None:
    """Of three members, the last of which weighs images by their own class only."""
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
        torch.tensor([False, False, True]),
    )
    for member in range(3):
        expected = training_loss(
            logits[member],
            labels[member],
            by_image=member == 2,
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
