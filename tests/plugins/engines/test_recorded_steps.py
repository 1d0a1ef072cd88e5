"""A recorded step does what a step does.

There is no GPU here. Kernels are recorded as a CUDA graph records them, below autograd and
vectorising: each with its arguments as they were, numbers as numbers and tensors as places in
memory. A repetition runs them again and writes each result where the first one was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from bionic_core import Layer, Mechanism, hookimpl
from bionic_core.training.loop import train_members
from bionic_plugins.engines.stacked import study as stacked_study
from bionic_plugins.engines.stacked.groups import group
from bionic_plugins.engines.stacked.recorded import RecordedSteps, steps_of
from bionic_plugins.engines.stacked.steps import Steps
from tests.plugins.engines.test_stacked_studies import near, run, study
from tests.support.operations import Operations
from tests.support.stacks import LIGHT, PLANS, changed, lacking, light, spec, stacked, tasks_of

FORBIDDEN = (
    *("_local_scalar_dense", "nonzero", "masked_select", "equal", "lift_fresh"),
    *(
        "rand",
        "randn",
        "normal_",
        "uniform_",
        "bernoulli",
        "bernoulli_",
        "randperm",
        "native_dropout",
    ),
)
"""What a CUDA graph cannot hold, or would not repeat: reading, copying to the device, drawing."""


class Kernels(Operations):  # type: ignore[no-untyped-call]
    """Records the kernels of some work while it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Any, Any, Any, list[Tensor]]] = []

    def about_to(self, name: str) -> None:
        if name in FORBIDDEN:
            raise RuntimeError(f"operation not permitted when stream is capturing: {name}")

    def done(self, name: str, call: Any, args: Any, kwargs: Any, results: list[Tensor]) -> None:
        self.seen.append((call, args, kwargs, results))

    @torch.no_grad()
    def repeat(self) -> None:
        """Run all kernels again, in the same memory."""
        for func, args, kwargs, results in self.seen:
            aliases = [r.alias_info for r in func._schema.returns]
            if any(alias is not None and not alias.is_write for alias in aliases):
                continue  # a view: the memory is there
            found = tree_leaves(func(*args, **kwargs))
            if not func._schema.is_mutable:
                fresh = [leaf for leaf in found if isinstance(leaf, Tensor)]
                for there, new in zip(results, fresh, strict=True):
                    there.copy_(new)


def recorder(work: Callable[[], None]) -> Callable[[], object]:
    """Record work as a GPU does."""
    with Kernels() as kernels:
        work()
    repeat: Callable[[], object] = kernels.repeat
    return repeat


def test_kernels_repeat_on_other_numbers_in_the_same_memory() -> None:
    source, total = torch.ones(3), torch.zeros(3)

    results: list[Tensor] = []

    def work() -> None:
        results.append((2 * source).view(3, 1) + 1)
        total.add_(results[0][:, 0])

    repeat = recorder(work)
    source.fill_(5)
    repeat()
    assert results[0].flatten().tolist() == [11, 11, 11]
    assert total.tolist() == [14, 14, 14]
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        recorder(lambda: print(source.sum().item()))


def both(tasks: Sequence[Any], epochs: int = 3) -> tuple[list[Any], list[Any], list[str]]:
    """The members, trained as usual and by repetition, and what was said."""
    said: list[str] = []
    trained = []
    for recorded in (False, True):
        stack, members, _ = stacked(group(tasks, PLANS))
        steps = (
            RecordedSteps(stack, members, recorder, said.append)
            if recorded
            else Steps(stack, members)
        )
        for _ in range(epochs):
            ended = train_members(steps)
            assert all(end.error is None for end in ended)
        trained.append(members)
        if recorded and not said:
            assert steps._recording is not None  # type: ignore[attr-defined]
    return trained[0], trained[1], said


def assert_alike(one: Any, other: Any, tolerance: float = 0.0) -> None:
    for mine, theirs in zip(one, other, strict=True):
        ours, others = mine.state.network.state_dict(), theirs.state.network.state_dict()
        for name, value in ours.items():
            torch.testing.assert_close(others[name], value, rtol=tolerance, atol=tolerance)
        for key in ("loss", "accuracy"):
            found = [[r["train"][key] for r in m.state.history] for m in (mine, theirs)]
            assert found[0] == pytest.approx(found[1], rel=tolerance or 1e-12)
        states = [m.state.optimizer.state_dict() for m in (mine, theirs)]
        assert states[0]["param_groups"] == states[1]["param_groups"]


RATE = 2.0**-9
"""Exact in float32, in which a device keeps rates."""


def test_repeated_steps_are_the_steps_to_the_bit() -> None:
    """Every mechanism, some left out, another optimiser, another rate, averages: three epochs."""
    whole = spec(lr=RATE)
    variants = [whole, *(whole.without([name]) for name in ("noise", "convolution", "masks"))]
    others = [spec(lr=RATE / 2, averaging=0.9), spec(lr=RATE, optimizer="sgd")]
    one, other, said = both(tasks_of([*variants, *others]))
    assert_alike(one, other)
    assert not said


def test_repeated_steps_have_the_rates_of_their_schedule() -> None:
    schedule = changed(lr_schedule={"policy": "one-cycle"})
    one, other, said = both(tasks_of([schedule]))
    assert_alike(one, other, 1e-4)
    assert not said
    rates = [record["lr"] for record in other[0].state.history]
    assert len(set(rates)) == 3


def test_a_batch_of_another_size_is_taken_as_it_is() -> None:
    """An epoch of 125 images ends with five."""
    stack, members, _ = stacked(group(tasks_of([light()]), PLANS))
    steps = RecordedSteps(stack, members, recorder, pytest.fail)
    sizes: list[int] = []
    step = steps.step

    def seen(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        sizes.append(labels.shape[1])
        return step(images, labels)

    steps.step = seen  # type: ignore[method-assign]
    train_members(steps)
    assert sizes == [12, 12, 12, 12, 5], (
        "two to begin with, one to compare, one to record, the last"
    )
    train_members(steps)
    assert sizes[5:] == [5]


def test_members_that_diverge_are_no_reason_against_recording() -> None:
    stack, members, _ = stacked(group(tasks_of([light(), spec(LIGHT, lr=1e30)], (0,)), PLANS))
    steps = RecordedSteps(stack, members, recorder, pytest.fail)
    ended = train_members(steps)
    assert [end.error is None for end in ended] == [True, False]
    assert "training diverged" in str(ended[1].error)


class Counting(nn.Module):
    """Counts its passes where a recording cannot see it."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, h: Tensor) -> Tensor:
        self.passes += 1
        return h + self.passes * h.square()


class Reading(nn.Module):
    """Waits for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("share", torch.tensor(0.5), persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        return h * self.get_buffer("share").item()


def answering(module: type[nn.Module]) -> type[Mechanism]:
    @attrs.frozen(eq=False)
    class Answers(Mechanism):
        name = "answers"
        kind = "functional"

        @hookimpl
        def rate(self, layer: Layer) -> nn.Module:
            return module()

    return Answers


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Counting, "a recorded step differs from a step, for 2 of 2 runs; does a mechanism count"),
        (Reading, "RuntimeError: operation not permitted when stream is capturing: _local_scalar"),
    ],
)
def test_what_cannot_be_recorded_is_taken_as_it_is(module: type[nn.Module], words: str) -> None:
    said: list[str] = []
    one = spec({"layernorm": {}, "answers": {}}, [answering(module)])
    stack, members, _ = stacked(group(tasks_of([one]), PLANS))
    steps = RecordedSteps(stack, members, recorder, said.append)
    train_members(steps)
    train_members(steps)
    assert len(said) == 1
    assert said[0].startswith(f"steps are not recorded, and take longer: {words}")


def test_a_recording_that_fails_changes_nothing() -> None:
    tasks = tasks_of([light()])
    trained = []

    def fails(work: Callable[[], None]) -> Callable[[], object]:
        work()
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    for recorded in (False, True):
        said: list[str] = []
        stack, members, _ = stacked(group(tasks, PLANS))
        plain = Steps(stack, members)
        steps = RecordedSteps(stack, members, fails, said.append) if recorded else plain
        train_members(steps)
        trained.append(members)
        assert len(said) == recorded
    assert_alike(trained[0], trained[1])


def test_memory_that_lacks_is_the_studys_affair() -> None:
    def fails(work: Callable[[], None]) -> Callable[[], object]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    stack, members, _ = stacked(group(tasks_of([light()]), PLANS))
    steps = RecordedSteps(stack, members, fails, pytest.fail)
    with pytest.raises(torch.OutOfMemoryError):
        train_members(steps)


def test_what_is_recorded() -> None:
    """On GPUs only, and only where all optimisers read their rates there."""
    gpu, said = torch.device("cuda"), list[str]()
    stack, members, _ = stacked(group(tasks_of([light()]), PLANS))
    assert type(steps_of(stack, members, torch.device("cpu"), said.append)) is Steps
    assert type(steps_of(stack, members, gpu, said.append)) is RecordedSteps
    assert not said
    specs = [spec(LIGHT, optimizer=name) for name in ("muon", "adam", "rmsprop")]
    stack, members, _ = stacked(group(tasks_of(specs), PLANS))
    assert type(steps_of(stack, members, gpu, said.append)) is Steps
    assert said == [
        "steps are not recorded, and take longer: muon, rmsprop read their rates on the CPU"
    ]


STUDY = [spec(), lacking("convolution"), spec(lr=1e-3, max_epochs=2)]
"""The last leaves the stack before the others, which are recorded anew."""


def test_a_study_by_repeated_steps_leaves_the_folders_of_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, recordings = [], list[int]()

    def record(work: Callable[[], None]) -> Callable[[], object]:
        recordings.append(1)
        return recorder(work)

    for recorded in (False, True):
        if recorded:
            monkeypatch.setattr(
                stacked_study,
                "steps_of",
                lambda stack, members, place, say: RecordedSteps(stack, members, record, say),
            )
        found.append(study(tasks_of(STUDY, (0, 1)), tmp_path / str(recorded)))
    (one, _), (other, said) = found
    assert [words for _, words in said] == ["trains as one model with 5 other runs of the study"]
    for number in one:
        near(run(one[number]), run(other[number]))
    assert len(recordings) == 2


# --- everything that a step touches is on the device


class Places(Operations):  # type: ignore[no-untyped-call]
    """Notes where the results of operations are."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, set[str]] = {}

    def done(self, name: str, call: Any, args: Any, kwargs: Any, results: list[Tensor]) -> None:
        self.seen.setdefault(name, set()).update(result.device.type for result in results)


def test_a_step_makes_nothing_elsewhere_than_on_its_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On torch's device without memory, which mixes with the CPU no more than a GPU does."""
    there = torch.device("meta")
    specs = [spec(), *map(lacking, ("noise", "masks"))]
    stack, members, _ = stacked(group(tasks_of(specs), PLANS))
    steps = Steps(stack, members)
    images, labels = torch.rand(len(members), 4, 1, 16, 16), torch.zeros(len(members), 4).long()
    steps.take(images, labels, [0] * len(members))
    numbers = [[stream.draw(draw).to(there) for draw in stream.asked] for stream in stack.streams]
    assert sum(map(len, numbers)) == 2, "both layers draw"
    stack.frame.to(there)
    stack.parameters = {
        name: value.detach().to(there).requires_grad_() for name, value in stack.parameters.items()
    }
    for parameter in stack.parameters.values():
        parameter.grad = torch.zeros_like(parameter)
    stack.buffers = {name: value.to(there) for name, value in stack.buffers.items()}
    stack._numbers = stack._numbers.to(there)
    for options in ("weight", "smoothing", "by_image"):
        setattr(steps.loss, options, getattr(steps.loss, options).to(there))
    steps.members = ()  # the optimisers are torch's
    monkeypatch.setattr(
        torch, "autocast", lambda *given, **options: nullcontext()
    )  # which does not know the device
    with stack.given(numbers), Places() as places:
        losses, _ = steps.step(images.to(there), labels.to(there))
    assert losses.device == there
    assert {name: where for name, where in places.seen.items() if where - {"meta"}} == {}
    assert places.seen.keys() >= {"convolution", "native_layer_norm_backward", "_foreach_zero_"}
