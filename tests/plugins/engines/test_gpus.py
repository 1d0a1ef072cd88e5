"""What only a GPU can show; elsewhere these tests are skipped, and others stand in for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from bionic_core.runs.engine import Task
from bionic_core.runs.train import prepare, train
from bionic_core.training.epochs import train_epoch
from bionic_core.training.loop import (
    Member,
    Progress,
    Single,
    pass_once,
    train_members,
)
from bionic_plugins.engines.stacked.groups import group
from bionic_plugins.engines.stacked.recorded import RecordedSteps, cuda_graph
from bionic_plugins.engines.stacked.steps import Steps
from tests.plugins.engines.test_stacked_studies import near, run, study
from tests.support.stacks import CACHE, CPU, LIGHT, PLANS, changed, lacking, spec, stacked, tasks_of

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device here"
)

GPU = torch.device("cuda")


def test_steps_do_not_wait() -> None:
    """Torch itself raises where something waits."""
    one = spec(train=70)
    state, course = prepare(one, 0, CACHE.get(one), GPU)
    pass_once(Single(state, course))
    try:

        def arm(member: Member, moment: Progress) -> None:
            last = moment.done + 12 >= moment.total  # then the sums are read
            torch.cuda.set_sync_debug_mode("default" if last else "error")

        pass_once(Single(state, course), arm)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_model_without_draws_learns_as_on_the_cpu() -> None:
    """A GPU draws other numbers of the same seed."""
    names = ("noise", "augmentation")
    one = spec(train=70).without(names)
    records = []
    for device in (CPU, GPU):
        state, course = prepare(one, 0, CACHE.get(one), device)
        records.append([train_epoch(state, course)["train"]["loss"] for _ in range(3)])
    assert records[0] == pytest.approx(records[1], rel=1e-3)


def losses(tasks: Sequence[Task], *, recorded: bool) -> list[list[float]]:
    """Each member's training losses over three epochs, kernel by kernel or by repetition."""
    stack, members, _ = stacked(group(tasks, PLANS), GPU)
    steps = Steps(stack, members)
    if recorded:
        steps = RecordedSteps(stack, members, cuda_graph, pytest.fail)
    for _ in range(3):
        train_members(steps)
    return [[record["train"]["loss"] for record in m.state.history] for m in members]


def agree(tasks: Sequence[Task], tolerance: float) -> None:
    both = (losses(tasks, recorded=recorded) for recorded in (False, True))
    for one, other in zip(*both, strict=True):
        assert one == pytest.approx(other, rel=tolerance)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_repeated_steps_are_the_steps(precision: str) -> None:
    whole = spec(precision=precision)
    variants = [whole, *(whole.without([name]) for name in ("noise", "convolution", "masks"))]
    others = [spec(precision=precision, averaging=0.9), spec(precision=precision, optimizer="sgd")]
    agree(tasks_of([*variants, *others]), 5e-2 if precision == "bfloat16" else 2e-3)


def test_repeated_steps_have_the_rates_of_their_schedule() -> None:
    agree(tasks_of([changed(lr_schedule={"policy": "one-cycle"})]), 2e-3)


def test_a_study_leaves_the_folders_of_single_runs(tmp_path: Path) -> None:
    tasks = tasks_of([spec(), lacking("convolution"), spec(lr=1e-3, max_epochs=2)], (0,))
    found, said = study(tasks, tmp_path / "stacked", device="cuda")
    assert [words for _, words in said] == ["trains as one model with 2 other runs of the study"]
    for number, task in enumerate(tasks):
        one = train(task.spec, seed=0, root=tmp_path / "alone", device="cuda", cache=CACHE)
        near(one, run(found[number]))


def test_optimisers_that_cannot_be_recorded(tmp_path: Path) -> None:
    tasks = tasks_of([spec(LIGHT, optimizer="muon", max_epochs=1)])
    found, said = study(tasks, tmp_path, device="cuda")
    assert all(outcome.folder for outcome in found.values())
    assert said[1][1].startswith("steps are not recorded, and take longer: muon")
