"""Each law is broken by a toy that breaks it and no other, and says so with a small input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bionic_core as bionic
from bionic_core import (
    Layer,
    Mechanism,
    NormSite,
    ProjectionSite,
    RequestError,
    Stream,
    Synapses,
    hookimpl,
)
from bionic_core.conformance.judge import MECHANISM_LAWS, LawBrokenError, check_mechanism, judge
from bionic_core.conformance.laws import shown, smallest
from bionic_core.testing import Verdict

BUILT_INS = [
    listed.cls
    for listed in bionic.Registry.installed().listing()
    if listed.cls is not None
    and issubclass(listed.cls, Mechanism)
    and listed.entry.distribution == "bionic"
]


COMPILED = ("attention", "noise")
"""Built-ins that are compiled each time, which takes a second or two; the others when slow."""


@pytest.mark.parametrize("mechanism", BUILT_INS, ids=lambda cls: cls.name)
def test_built_ins_keep_every_law(mechanism: type[Mechanism]) -> None:
    check_mechanism(mechanism, *MECHANISM_LAWS[:-1])


@pytest.mark.parametrize(
    "mechanism",
    [
        pytest.param(cls, id=cls.name, marks=() if cls.name in COMPILED else pytest.mark.slow)
        for cls in BUILT_INS
    ],
)
def test_built_ins_can_be_compiled(mechanism: type[Mechanism]) -> None:
    check_mechanism(mechanism, "compile")


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


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_toy_breaks_its_law_alone(case: str) -> None:
    law, mechanism, words, example = BROKEN[case]
    laws = MECHANISM_LAWS if law == "compile" else MECHANISM_LAWS[:-1]  # compiling takes a second
    broken = [verdict for verdict in judge(mechanism, *laws) if verdict.broken]
    assert [verdict.law for verdict in broken] == [law], "\n".join(map(str, broken))
    assert words in broken[0].why
    assert example in broken[0].example


def test_every_law_has_a_toy_that_breaks_it() -> None:
    assert {law for law, *_ in BROKEN.values()} == set(MECHANISM_LAWS)


def test_the_whole_toy_keeps_them() -> None:
    found = list(judge(Toy, *MECHANISM_LAWS[:-1]))
    assert {verdict.state for verdict in found} == {"kept"}


def verdict(mechanism: type[Mechanism], law: str) -> Verdict:
    (found,) = judge(mechanism, law)
    return found


def writes(module: Any, h: Tensor) -> Tensor:
    if not module.training:
        module.mean.copy_(module.mean + h.mean(dim=0))
    return h


def kept_mean(self: Mechanism, layer: Layer) -> nn.Module:
    module = Says(writes)
    module.register_buffer("mean", torch.zeros(layer.size))
    return module


def test_evaluation_may_not_write() -> None:
    found = verdict(toy(rate=hookimpl(kept_mean)), "modes")
    assert "Evaluation changes layers.A.rate.toy.mean" in found.why


def test_a_declaration_takes_the_place_of_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = rates(otherwise_compiled, compiles=False)
    assert verdict(declared, "compile").why == "the class declares compiles = False"

    def refused(*_: Any, **__: Any) -> Callable[[Tensor], Tensor]:
        def forward(x: Tensor) -> Tensor:
            raise RuntimeError("no such operator")

        return forward

    monkeypatch.setattr(torch, "compile", refused)
    assert "declare compiles = False" in verdict(Toy, "compile").why


@attrs.frozen(eq=False)
class OnlyRecipe(Mechanism):
    """Sets a field of the recipe."""

    name = "only_recipe"
    kind = "functional"
    source = "a test"

    @hookimpl
    def recipe(self) -> dict[str, object]:
        return {"optimizer.weight_decay": 0.1}


def test_laws_about_modules_do_not_judge_a_recipe() -> None:
    found = {verdict.law: verdict for verdict in judge(OnlyRecipe)}
    assert not [v for v in found.values() if v.broken]
    assert found["gate-absent"].why == "it acts in training only and has no gate"
    assert found["shapes"].why == "it puts no module and no rule into a model"
    assert found["compile"].why == "it puts no module into a model"


def test_a_recipe_that_training_does_not_take_does_not_build() -> None:
    def recipe(self: Mechanism) -> dict[str, object]:
        return {"optimizer.speed": 2}

    found = verdict(toy(recipe=hookimpl(recipe)), "builds")
    assert found.broken
    assert "does not take its options" in found.why


def test_a_reshaping_front_end_is_not_judged_behind_a_gate() -> None:
    from bionic_plugins.mechanisms.convolution import Convolution

    (found,) = judge(Convolution(filters=(2, 2)), "gate-absent")
    assert found.state == "not judged"
    assert "it cannot stand behind a gate" in found.why


def test_faults_are_told_together_with_what_they_hinder() -> None:
    with pytest.raises(LawBrokenError, match=r"shapes: broken\. The law: modules and rules"):
        check_mechanism(rates(lambda _, h: h[:, :1]))
    found = {v.law: v for v in judge(rates(lambda _, h: h[:, :1]))}
    assert found["vmap"].why == "the law 'shapes' is broken"


def test_wrong_requests() -> None:
    with pytest.raises(RequestError, match=r"no law 'shape'\. Did you mean 'shapes'"):
        check_mechanism(Toy, "shape")
    with pytest.raises(RequestError, match="sigma: is missing"):
        check_mechanism(toy(sigma=attrs.field(type=float)))
    with pytest.raises(RequestError, match="give it the class attribute 'name'"):
        check_mechanism(Mechanism)
    with pytest.raises(RequestError, match="cannot be judged: there are laws for mechanisms"):
        list(judge(bionic.Registry.installed().get("bionic2025", bionic.Publication)))


def test_an_instance_is_judged_with_its_keys() -> None:
    from bionic_plugins.mechanisms.noise import Noise

    (found,) = judge(Noise(sigma=0.5), "toml")
    assert found.state == "kept"
    check_mechanism(toy(sigma=attrs.field(type=float))(sigma=0.5), "builds")  # type: ignore[call-arg]


def test_inputs_are_made_as_small_as_they_can_be() -> None:
    x = torch.tensor([[0.3, 0.7], [5.2, 0.123]])
    found = smallest(x, lambda tried: bool((tried > 5).any()))
    assert found.tolist() == [[pytest.approx(5.2), 0.0]]
    assert shown(found) == "1 × 2, [[5.2, 0.0]]"
    assert shown(torch.zeros(3)) == "3, all 0"
    assert shown(torch.arange(40.0)) == "40, from 0 to 39"


@attrs.frozen(eq=False)
class Norms(Mechanism):
    """Norms BQ → BQ at the readout only: acting at one site of many is acting."""

    name = "norms"
    kind = "functional"
    source = "a test"

    @hookimpl
    def norm(self, site: NormSite) -> nn.Module | None:
        return nn.LayerNorm(site.size) if site.name == "readout" else None


def test_one_site_is_enough() -> None:
    check_mechanism(Norms, "builds", "shapes", "gate-absent")
