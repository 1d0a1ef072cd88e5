"""Optimisers: torch's own, by the names that a spec uses."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bionic_core.errors import RequestError
from bionic_core.model.network import Network
from bionic_core.spec.tables import Training
from bionic_core.training.plasticity import keep_wiring
from bionic_core.training.precision import taken_in

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)

UNCOMPILED = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
"""Methods that torch keeps from its compiler, for which it imports it."""


def uncompiled(cls: type[Kind]) -> type[Kind]:
    """Return an optimiser whose methods do not import torch's compiler, which they keep away.

    It takes as long to import as torch itself does, in every process that trains. What torch's
    wrappers do is nothing where nothing is compiled, but for gradients through a step
    (``differentiable``), which nobody can ask for here.
    """
    own = {name: inspect.unwrap(getattr(cls, name)) for name in UNCOMPILED}
    own["step"] = torch.no_grad()(inspect.unwrap(cls.step))
    return type(cls.__name__, (cls,), own)


Adam = uncompiled(torch.optim.Adam)
SGD = uncompiled(torch.optim.SGD)

CLASSES: Mapping[str, type[torch.optim.Optimizer]] = {
    "adam": Adam,
    "adamw": uncompiled(torch.optim.AdamW),
    "nadam": uncompiled(torch.optim.NAdam),
    "ridge": SGD,  # which takes no step: see :mod:`bionic_core.training.ridge`
    "rmsprop": uncompiled(torch.optim.RMSprop),
    "sgd": SGD,
}

FUSED = ("adam", "adamw", "sgd")
"""Optimisers that torch can run as one kernel on the CPU and on GPUs."""

MIXING = ("muon",)
"""Optimisers that move weights whose gradient is zero, where no pair exists too."""

NARROW = 32
"""A matrix with fewer rows or columns is Adam's: orthogonal updates are for wide ones."""

ADAMS_SIZE = 0.2
"""Root mean square of Adam's steps in units of its rate (Liu et al. 2025), as in torch's Muon."""


@uncompiled
class _Orthogonal(torch.optim.Muon):
    """``torch.optim.Muon`` with steps of Adam's size, and iterations in what the device has.

    torch's iterate in bfloat16, which takes twenty times as long as float32 on a processor without
    instructions for it. And it takes matrices alone, which a kernel (out, in, k, k) is if it has a
    row for each channel out, (out, in · k · k).
    """

    def __init__(self, weights: list[nn.Parameter], **options: Any) -> None:
        super().__init__([nn.Parameter(torch.zeros(1, 1))], **options)  # checks the options
        self.param_groups[0]["params"] = weights

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step."""
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for weights in (p for p in group["params"] if p.grad is not None):
                state = self.state[weights]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weights.grad)
                buffer = state["momentum_buffer"].lerp_(weights.grad, 1 - momentum)
                update = weights.grad.lerp(buffer, momentum) if group["nesterov"] else buffer
                update = update.flatten(1)
                size = ADAMS_SIZE * math.sqrt(max(update.shape))
                kind = getattr(torch, taken_in("bfloat16", weights.device))
                update = orthogonal(
                    update.to(kind), group["ns_coefficients"], group["ns_steps"], group["eps"]
                )
                weights.mul_(1 - rate * group["weight_decay"])
                weights.add_(update.view(weights.shape), alpha=-rate * size)


def orthogonal(
    matrix: Tensor, coefficients: tuple[float, float, float], steps: int, epsilon: float
) -> Tensor:
    """Return a matrix whose singular values are brought near one, in its own precision.

    Newton and Schulz's iteration with a quintic polynomial, as ``torch.optim.Muon`` has it.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=epsilon)
    a, b, c = coefficients
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


@uncompiled
class Muon(torch.optim.Optimizer):
    """``torch.optim.Muon`` for wide matrices and ``torch.optim.Adam`` for all other parameters.

    With ``kernels`` those of convolutions with so many channels are wide matrices too.

    Muon's updates are orthogonalised (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/)
    and have Adam's root mean square (Liu et al. 2025, arXiv:2502.16982), so both take one rate.
    Both work on this optimiser's groups and state: what reads or restores an optimiser need not
    know that there are two.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        ns_steps: int = 5,
        wide_decay: float | None = None,
        kernels: bool = False,
        **options: Any,
    ) -> None:
        parameters = list(parameters)
        shapes = (2, 4) if kernels else (2,)
        wide = [p for p in parameters if p.ndim in shapes and min(p.flatten(1).shape) >= NARROW]
        known = {id(p) for p in wide}
        others = [p for p in parameters if id(p) not in known]
        adams = inspect.signature(torch.optim.Adam).parameters
        muons = inspect.signature(torch.optim.Muon).parameters
        # An option that both have is Adam's, whose defaults leave a spec's silence silent.
        shared = {key: adams[key].default for key in adams if key in muons and key != "params"}
        shared |= {"lr": lr, **options}
        self.parts: list[torch.optim.Optimizer] = []
        if wide:
            own: dict[str, Any] = {"adjust_lr_fn": "match_rms_adamw", "ns_steps": ns_steps}
            if wide_decay is not None:
                own["weight_decay"] = wide_decay
            self.parts.append(_Orthogonal(wide, **(shared | own)))
        if others:
            self.parts.append(Adam(others, fused=True, **shared))
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        groups = iter(self.param_groups)
        for part in self.parts:
            part.param_groups = [next(groups)]
            part.state = self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step of both."""
        for part in self.parts:
            part.step()


def make_optimizer(
    parameters: Iterable[nn.Parameter], training: Training, options: Mapping[str, float]
) -> torch.optim.Optimizer:
    """Return the recipe's optimiser of the parameters.

    Raises:
        RequestError: it has no such option.
    """
    name = training.optimizer
    try:
        if name == "muon":
            kernels = training.orthogonal == "kernels"
            return Muon(parameters, training.lr, training.newton_schulz, kernels=kernels, **options)
        if name in FUSED:
            options = {"fused": True, **options}
        return CLASSES[name](parameters, lr=training.lr, **options)  # type: ignore
    except (TypeError, ValueError) as error:
        raise RequestError(f"the optimiser '{name}' does not take its options: {error}") from error


def optimizer_of(
    network: Network, training: Training, options: Mapping[str, float]
) -> torch.optim.Optimizer:
    """Return the recipe's optimiser of a network, after whose steps no weight is without a pair.

    Raises:
        RequestError: it has no such option.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = make_optimizer(parameters, training, options)
    if training.optimizer in MIXING:
        optimizer.register_step_post_hook(lambda *_: keep_wiring(network))
    return optimizer
