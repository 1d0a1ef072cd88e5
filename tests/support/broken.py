"""Toy mechanisms, one that keeps all laws and others that each break one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from bionic_core import (
    Layer,
    Mechanism,
    ProjectionSite,
    Stream,
    Synapses,
    hookimpl,
)


@attrs.frozen(eq=False)
class Toy(Mechanism):
    """Rates BQ → BQ."""

    name = "toy"
    kind = "functional"
    source = "a test"

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return nn.Identity()


class Says(nn.Module):
    """Acts on rates BQ as a function says."""

    def __init__(self, act: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.act = act
        self.calls = 0

    def forward(self, h: Tensor) -> Tensor:
        return self.act(self, h)


def rates(act: Callable[[Any, Tensor], Tensor], **members: Any) -> type[Mechanism]:
    """A toy whose module on the rates is a function."""

    def rate(self: Mechanism, layer: Layer) -> nn.Module:
        return Says(act)

    return toy(rate=hookimpl(rate), **members)


def toy(**members: Any) -> type[Mechanism]:
    """A toy with other members than those of the one that keeps all laws."""
    body = {"__doc__": Toy.__doc__, "__module__": __name__, **members}
    if "rate" not in members and any(hasattr(m, "bionic_impl") for m in members.values()):
        body["rate"] = None
    return attrs.frozen(eq=False)(type("Broken", (Toy,), body))


def constant(value: object) -> Any:
    """A hook that answers the same everywhere."""

    def rate(self: Mechanism, layer: Layer) -> Any:
        return value() if callable(value) else value

    return hookimpl(rate)


def refuses() -> nn.Module:
    raise KeyError("no such thing")


def rule(act: Callable[..., Any]) -> type[Mechanism]:
    """A toy with a local rule."""

    def plasticity(self: Mechanism, projection: ProjectionSite) -> Any:
        return act

    return toy(plasticity=hookimpl(plasticity))


def in_place(values: Tensor, pre: Tensor, post: Tensor, synapses: Synapses) -> Tensor:
    values.add_(0.25)
    return torch.zeros_like(values)


def as_if_dense(values: Tensor, pre: Tensor, post: Tensor, synapses: Synapses) -> Tensor:
    return post.T @ pre / len(pre)


def endless(values: Tensor, pre: Tensor, post: Tensor, synapses: Synapses) -> Tensor:
    return values / post.max()


def fixed_draw(_: nn.Module, h: Tensor) -> Tensor:
    return h + torch.randn(h.shape, dtype=h.dtype, generator=torch.Generator().manual_seed(0))


class Scaled(nn.Module):
    """Rates BQ times learned gains (Q,)."""

    def __init__(self, gain: Tensor) -> None:
        super().__init__()
        self.gain = nn.Parameter(gain)

    def forward(self, h: Tensor) -> Tensor:
        return h * self.gain


def drawn(self: Mechanism, layer: Layer) -> nn.Module:
    torch.manual_seed(0)  # instead of the seed that it is given
    return Scaled(torch.rand(layer.size))


def unseeded(self: Mechanism, layer: Layer) -> nn.Module:
    return Scaled(torch.as_tensor(np.random.default_rng().random(layer.size)))


class Always(nn.Module):
    """Noise on rates BQ, in evaluation too."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def forward(self, h: Tensor) -> Tensor:
        return h + self.stream.normal(h)


def always(self: Mechanism, layer: Layer) -> nn.Module:
    return Always(layer.stream())


def counting(module: Any, h: Tensor) -> Tensor:
    if module.training:
        module.calls += 1
        return h
    return h * (1 + 0.1 * float(module.calls))


class Thief(nn.Module):
    """A current BQ that halves the rates it is given."""

    def forward(self, h: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            h.data.mul_(0.5)
        return torch.zeros_like(h)


def thief(self: Mechanism, layer: Layer) -> nn.Module:
    return Thief()


def branching(_: nn.Module, h: Tensor) -> Tensor:
    return h * 0 if bool((h < -1e9).any()) else h


def otherwise_mapped(_: nn.Module, h: Tensor) -> Tensor:
    return h * (1.01 if torch._C._functorch.maybe_current_level() else 1.0)


def otherwise_compiled(_: nn.Module, h: Tensor) -> Tensor:
    return h * (1.5 if torch.compiler.is_compiling() else 1.0)


class Pole(nn.Module):
    """Rates BQ with a learned strength, endless where the greatest is 1.5."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.ones(()))

    def forward(self, h: Tensor) -> Tensor:
        return self.strength * h / (h.amax(dim=1, keepdim=True) - 1.5)


class Lazy(nn.Module):
    """Rates BQ; makes a buffer when it is first used."""

    def forward(self, h: Tensor) -> Tensor:
        if not hasattr(self, "seen"):
            self.register_buffer("seen", torch.zeros(()))
        return h


@attrs.define(eq=False)
class Thawed(Mechanism):
    """Rates BQ → BQ."""

    name = "toy"
    kind = "functional"
    source = "a test"

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return nn.Identity()


COMPLEX = attrs.field(default=1j, type=complex)
TEXT = attrs.field(default=1.0, type=float, converter=str)
DOUBLED = attrs.field(default=1.0, type=float, converter=lambda value: 2 * value)

BROKEN: Mapping[str, tuple[str, type[Mechanism], str, str]] = {
    "no kind": ("declaration", toy(kind="magical"), 'must be "structural"', "class Broken"),
    "a string": ("declaration", toy(requires="noise"), "must be a tuple", "class Broken"),
    "no hook": ("declaration", toy(rate=None), "implements no hook", "class Broken"),
    "not frozen": ("declaration", Thawed, "use @attrs.frozen(eq=False)", "class Thawed"),
    "no docstring": ("docstring", toy(__doc__=None), "has no docstring", "class Broken"),
    "no shapes": ("docstring", toy(__doc__="Acts."), "says a shape", '"""Acts."""'),
    "no source": ("docstring", toy(source=" "), "'source' is empty", "class Broken"),
    "a converter": ("toml", toy(sigma=DOUBLED), "sigma = 2.0 comes back as 4.0", "toy"),
    "no TOML": ("toml", toy(sigma=COMPLEX), "cannot be written as TOML", "toy"),
    "silence": ("builds", toy(rate=constant(None)), "'rate' but answers None", "A = ['a']"),
    "an exception": ("builds", toy(rate=constant(refuses)), "KeyError", "A = ['a']"),
    "no module": ("builds", toy(rate=constant(3)), "answered with int at 'A'", "A = ['a']"),
    "a column": ("shapes", rates(lambda _, h: h[:, :1]), "(5, 1); expected (5, 3)", "5 × 3"),
    "a dtype": ("shapes", rates(lambda _, h: h.float()), "returns torch.float32", "float64"),
    "a tuple": ("shapes", rates(lambda _, h: (h, h)), "a tuple, no tensor", "'rate' at A"),  # type: ignore[arg-type, return-value]
    "nothing": ("shapes", rates(lambda _, h: None), "'rate' at A fails", "'rate' at A"),  # type: ignore[arg-type, return-value]
    "a fault": ("shapes", rates(lambda _, h: h @ h), "RuntimeError", "'rate' at A"),
    "a dense rule": ("shapes", rule(as_if_dense), "fit any storage", "sparse storage: values"),
    "no change": ("shapes", rule(lambda *_: None), "returns NoneType", "A->A"),
    "a faulty rule": ("shapes", rule(lambda: None), "rule fails. It raises TypeError", "A->A"),
    "a root": ("gradients", rates(lambda _, h: h.sqrt()), "a gradient", "1 × 3, all 0"),
    "a logarithm": ("gradients", rates(lambda _, h: h + h.abs().log()), "a value", "all 0"),
    "an endless rule": ("gradients", rule(endless), "not finite", "silent layers"),
    "global draws": (
        "seeds",
        rates(lambda m, h: h + torch.randn_like(h) if m.training else h),
        "numbers when it is repeated",
        "step 0",
    ),
    "a fixed seed": ("seeds", rates(fixed_draw), "same with seed 1 and with seed 2", "step 0"),
    "torch's seed": ("seeds", toy(rate=hookimpl(drawn)), "same with seed 1 and with", "step 0"),
    "no seed": ("seeds", toy(rate=hookimpl(unseeded)), "Built twice with seed 1", "toy"),
    "noise": ("modes", toy(rate=hookimpl(always)), "at another step", "evaluation mode"),
    "a batch mean": (
        "modes",
        rates(lambda _, h: h - h.mean(dim=0)),
        "depend on the images beside it",
        "2 images against the first alone",
    ),
    "a counter": ("state", rates(counting), "other logits in evaluation", "after 2 steps"),
    "a lazy one": ("state", toy(rate=constant(Lazy)), "does not load", "toy"),
    "a pole": ("gate-gradients", toy(rate=constant(Pole)), "finite", "1 × 3, [[0.5, 1.0, 1.5]]"),
    "a thief": ("gate-absent", toy(current=hookimpl(thief)), "gate open, the logits", "training"),
    "a writing rule": ("masked", rule(in_place), "which does not exist, is 0.25", "after 1 steps"),
    "a branch": ("vmap", rates(branching), "are not possible. It raises", "3 models"),
    "a cheat": ("vmap", rates(otherwise_mapped), "than each alone for the model", "3 models"),
    "a secret": ("compile", rates(otherwise_compiled), "Compiled, the logits differ", "two layers"),
}
