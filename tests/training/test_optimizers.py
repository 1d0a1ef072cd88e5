"""Optimisers: Muon on wide matrices and Adam on the rest, as one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from bionic_core import RequestError
from bionic_core.spec.tables import Training
from bionic_core.training import optimizers
from bionic_core.training.optimizers import FUSED, NARROW, Muon, make_optimizer


def parameters(seed: int = 0) -> list[nn.Parameter]:
    """Return a wide matrix, a narrow one, a vector and a kernel, each with a gradient."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for shape in ((NARROW, 2 * NARROW), (NARROW - 1, 64), (7,), (4, 1, 3, 3)):
        parameter = nn.Parameter(torch.randn(shape, generator=generator))
        parameter.grad = torch.randn(shape, generator=generator)
        made.append(parameter)
    return made


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam", "rmsprop", "sgd"])
def test_optimisers_are_torchs_with_their_hooks_and_state(name: str) -> None:
    """They are its classes without what keeps methods from a compiler that nobody has called."""
    ours, theirs = parameters(), parameters()
    options = {"weight_decay": 0.1, **({"momentum": 0.9} if name == "sgd" else {})}
    mine = make_optimizer(ours, Training(optimizer=name, lr=0.01), options)  # type: ignore[arg-type]
    kind = next(c for c in vars(torch.optim).values() if getattr(c, "__name__", "").lower() == name)
    plain = kind(theirs, lr=0.01, **options, **({"fused": True} if name in FUSED else {}))
    seen: list[str] = []
    mine.register_step_post_hook(lambda *_: seen.append("step"))
    for number in range(3):
        mine.step()
        plain.step()
        if number == 1:  # as a run that is taken up
            mine.load_state_dict(mine.state_dict())
    assert isinstance(mine, kind)
    assert seen == ["step"] * 3
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)
    mine.zero_grad(set_to_none=True)
    assert all(parameter.grad is None for parameter in ours)


def test_wide_matrices_take_orthogonal_steps_of_adams_size_and_the_rest_adams() -> None:
    ours, adams = parameters(), parameters()
    before = ours[0].detach().clone()
    muon = make_optimizer(ours, Training(optimizer="muon", lr=0.01), {"weight_decay": 0.1})
    adam = torch.optim.Adam(adams, lr=0.01, weight_decay=0.1)
    muon.step()
    adam.step()
    for one, other in zip(ours[1:], adams[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
    step = (before * (1 - 0.01 * 0.1) - ours[0].detach()).double().numpy() / 0.01
    gradient = ours[0].grad
    assert gradient is not None
    u, _, v = np.linalg.svd(gradient.double().numpy(), full_matrices=False)
    along = u.T @ step @ v.T / (0.2 * np.sqrt(2 * NARROW))
    assert np.diag(along).min() > 0.6
    assert np.diag(along).max() < 1.3
    assert np.abs(along - np.diag(np.diag(along))).max() < 0.1
    assert 0.1 < np.sqrt((step**2).mean()) < 0.25, "Adam's typical root mean square is 0.2"


def test_wide_matrices_can_decay_otherwise_than_the_rest() -> None:
    ours, plain = parameters(), parameters()
    before = ours[0].detach().clone()
    options = {"weight_decay": 0.1, "wide_decay": 0.3}
    make_optimizer(ours, Training(optimizer="muon", lr=0.01), options).step()
    make_optimizer(plain, Training(optimizer="muon", lr=0.01), {"weight_decay": 0.1}).step()
    for one, other in zip(ours[1:], plain[1:], strict=True):
        assert torch.equal(one, other)
    torch.testing.assert_close(ours[0], plain[0] - 0.01 * 0.2 * before, rtol=0, atol=1e-6)
    with pytest.raises(RequestError, match=r"the optimiser 'adam' does not take .*wide_decay"):
        make_optimizer(parameters(), Training(optimizer="adam"), options)


def test_one_rate_reaches_both_and_a_restored_optimiser_goes_on_alike() -> None:
    def go(optimizer: torch.optim.Optimizer, steps: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] *= 0.5
        for _ in range(steps):
            optimizer.step()

    whole, cut = parameters(), parameters()
    one, other = Muon(whole, 0.01), Muon(cut, 0.01)
    go(one, 5)
    go(other, 2)
    restored = Muon(cut, 0.01)
    restored.load_state_dict(other.state_dict())
    assert [group["lr"] for group in restored.param_groups] == [0.005, 0.005]
    for _ in range(3):
        restored.step()
    assert all(torch.equal(a, b) for a, b in zip(whole, cut, strict=True))


@pytest.mark.parametrize("left", [slice(0, 1), slice(1, None)])
def test_it_needs_neither_wide_matrices_nor_others(left: slice) -> None:
    some = parameters()[left]
    before = [p.detach().clone() for p in some]
    Muon(some, 0.01).step()
    assert all(not torch.equal(a, p) for a, p in zip(before, some, strict=True))


def test_an_option_that_the_optimiser_does_not_have_is_named() -> None:
    with pytest.raises(RequestError, match=r"the optimiser 'muon' does not take .*beta"):
        make_optimizer(parameters(), Training(optimizer="muon"), {"beta": 1.0})


def test_newton_schulz_iterations_are_muons_own() -> None:
    few, five = parameters(), parameters()
    make_optimizer(few, Training(optimizer="muon", newton_schulz=2), {}).step()
    make_optimizer(five, Training(optimizer="muon"), {}).step()
    assert any(not torch.equal(a, b) for a, b in zip(few, five, strict=True))
    with pytest.raises(ValueError, match="newton_schulz is muon's, and optimizer = 'adam'"):
        Training(newton_schulz=3)


def test_kernels_are_matrices_of_a_row_for_each_channel_out() -> None:
    """In either layout; narrow ones, and all without the key, stay Adam's."""
    generator = torch.Generator().manual_seed(3)
    shapes = ((2 * NARROW, NARROW, 3, 3), (NARROW - 1, NARROW, 3, 3), (NARROW, 1, 5, 5))
    values = [torch.randn(shape, generator=generator) for shape in shapes]
    gradients = [torch.randn(shape, generator=generator) for shape in shapes]

    def moved(kind: str, change: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        weights = [nn.Parameter(change(value)) for value in values]
        training = Training(optimizer="muon", lr=0.01, orthogonal=kind)  # type: ignore[arg-type]
        optimizer = make_optimizer(weights, training, {"weight_decay": 0.1})
        for _ in range(3):
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = change(gradient)
            optimizer.step()
        return [
            weight.detach().reshape(value.shape)
            for weight, value in zip(weights, values, strict=True)
        ]

    kernels = moved("kernels", torch.clone)
    flat = moved("matrices", lambda each: each.flatten(1).clone())
    last = moved("kernels", lambda each: each.to(memory_format=torch.channels_last))
    plain = moved("matrices", torch.clone)
    assert torch.equal(kernels[0], flat[0]), "the step of a matrix"
    assert torch.equal(kernels[0], last[0])
    assert not torch.allclose(kernels[0], plain[0])
    for number in (1, 2):
        assert torch.equal(kernels[number], plain[number])
    with pytest.raises(ValueError, match="orthogonal is muon's, and optimizer = 'adam'"):
        Training(orthogonal="kernels")


@pytest.mark.parametrize("shape", [(NARROW, 3 * NARROW), (2 * NARROW, NARROW)])
def test_steps_in_bfloat16_are_torchs_to_the_bit(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizers, "taken_in", lambda precision, _: precision)
    generator = torch.Generator().manual_seed(4)
    ours = nn.Parameter(torch.randn(shape, generator=generator))
    theirs = nn.Parameter(ours.detach().clone())
    one = Muon([ours], 0.01)
    other = torch.optim.Muon(
        [theirs], lr=0.01, weight_decay=0.0, adjust_lr_fn="match_rms_adamw", ns_steps=5
    )
    for _ in range(3):
        ours.grad = torch.randn(shape, generator=generator)
        theirs.grad = ours.grad.clone()
        one.step()
        other.step()  # type: ignore[no-untyped-call]
    assert torch.equal(ours, theirs)


def test_an_epoch_imports_neither_torchs_compiler_nor_what_only_a_runs_end_needs() -> None:
    """Each takes as long to import as torch; seconds are the machine's, modules are counted."""
    program = """
import sys
import bionic_core as bionic
from bionic_core.registry import Registry
from bionic_core.runs.images_and_wiring import load_inputs
from bionic_core.training.data import TrainingData
from bionic_core.training.epochs import train_epoch
from bionic_core.training.loop import start
from bionic_core.training.memory import check_training
from bionic_core.training.recipe import recipe_of
for name in ("demo", "fast"):
    spec = bionic.load(name, set=["data.train=70", "data.test=70"] if name == "demo" else [])
    network, recipe = bionic.build(spec), recipe_of(spec)
    check_training(network, recipe)
    state = start(network, recipe, 70)
    if name == "demo":
        splits = load_inputs(spec).splits
        train_epoch(state, TrainingData.prepare(recipe, splits, 0, "cpu"))
    else:
        (network.readout.weight.sum() + network.bridge.weight.sum()).backward()
        state.optimizer.step()
heavy = {"torch._dynamo", "sympy", "sklearn", "scipy.stats", "pandas", "statsmodels", "matplotlib"}
assert not heavy & {*sys.modules}, heavy & {*sys.modules}
"""
    subprocess.run([sys.executable, "-c", program], check=True)
