"""Which runs are stacked: those of the same shapes; the others say why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

import bionic_core as bionic_api
from bionic_core import Mechanism, hookimpl
from bionic_core.model.hooks import hooks_of
from bionic_core.runs.engine import Task
from bionic_plugins.engines.stacked.groups import group
from tests.support.stacks import LIGHT, PLANS, lacking, light, spec, stacked, tasks_of


def names_of(tasks: Sequence[Task]) -> list[int]:
    return [task.number for task in tasks]


def grouped(
    *specs: bionic_api.Spec, seeds: Sequence[int] = (0, 1)
) -> tuple[list[list[int]], list[Any]]:
    found = group(tasks_of(specs, seeds), PLANS)
    alone = [(task.number, why) for task, why in found.alone]
    return [names_of(one.tasks) for one in found.groups], alone


def test_keys_of_acting_mechanisms_part_groups_and_those_of_the_recipe_do_not() -> None:
    groups, alone = grouped(
        light(), light(noise={"sigma": 0.2}), light(weight_decay={}), spec(LIGHT, lr=1e-4)
    )
    assert groups == [[0, 2, 3, 4, 6, 7], [1, 5]]
    assert not alone


def test_wirings_and_shuffled_signs_of_one_shape_share_a_stack() -> None:
    """Which sign each pre neuron has is a buffer, which each member has of its own."""
    wirings = ("real", "signs", "rewired", "reciprocal")
    groups, alone = grouped(*(spec(LIGHT | {"masks": {"wiring": w}, "signs": {}}) for w in wirings))
    assert groups == [[*range(8)]]
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
    found = group([Task(0, base, 0), Task(1, base, 1), Task(2, other, 0)], PLANS)
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
        group(tasks_of([spec(), lacking("hebbian"), lacking("intra")]), PLANS)
    )
    has = {name: [name in task.spec.mechanisms for task in tasks] for name in ("hebbian", "intra")}
    gates = {name: buffer for name, buffer in stack.buffers.items() if "gate_" in name}
    assert {name.rpartition("gate_")[2] for name in gates} == {"hebbian", "intra"}
    for name, gate in gates.items():
        assert gate.tolist() == has[name.rpartition("gate_")[2]], name
    hooks = hooks_of(spec())
    assert hooks["hebbian"] == {"plasticity", "recipe"}
    assert hooks["masks"] == {"wiring"}
