"""Each law is broken by a toy that breaks it and no other, and says so with a small input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn

import bionic_core as bionic
from bionic_core import (
    Layer,
    Mechanism,
    NormSite,
    RequestError,
    hookimpl,
)
from bionic_core.conformance.judge import MECHANISM_LAWS, LawBrokenError, check_mechanism, judge
from bionic_core.conformance.laws import shown, smallest
from bionic_core.markers import DISTRIBUTION
from bionic_core.testing import Verdict
from tests.support.broken import (
    BROKEN,
    Says,
    Toy,
    otherwise_compiled,
    rates,
    toy,
)

BUILT_INS = [
    listed.cls
    for listed in bionic.Registry.installed().listing()
    if listed.cls is not None
    and issubclass(listed.cls, Mechanism)
    and listed.entry.distribution == DISTRIBUTION
]


COMPILED = ("attention",)
"""Built-ins that are compiled each time, which takes seconds; the others when slow."""


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
    with pytest.raises(
        RequestError, match="is a publication, and there are laws for connectome sources"
    ):
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
