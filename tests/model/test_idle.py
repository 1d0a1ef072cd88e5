"""Mechanisms that a network has nothing of, or that its wiring makes void, are said and refused."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

import bionic_core as bionic
from bionic_core import Layer, Mechanism, Registry, RequestError, hookimpl
from bionic_core.model.notes import idle, notes
from bionic_core.studies.ablation import plan_ablation
from bionic_core.studies.experiment import plan_factorial
from bionic_core.studies.factors import factor_of
from bionic_core.training.describe import describe
from bionic_core.training.void import of_classes
from tests.support import toys

NOWHERE = "none of its hooks (surround) answers anywhere in this network"
NO_INPUT = "no neuron of layer 'C' has an inhibitory input"


@attrs.frozen(eq=False)
class Never(Mechanism):
    """Answers nowhere."""

    name = "never"
    kind = "functional"

    @hookimpl
    def rate(self, layer: Layer) -> None:
        return None


def demo(*settings: str, with_: tuple[str, ...] = ()) -> bionic.Spec:
    return bionic.load("demo", set=list(settings), with_=list(with_))


LATE = ("residual_blocks.first=2", "residual_blocks.groups=1")


def test_a_mechanism_that_answers_nowhere_is_said_with_its_hooks() -> None:
    spec = toys.spec({"never": {}, "noise": {}}, (Never,))
    network = bionic.build(spec)
    why = "none of its hooks (rate) answers anywhere in this network"
    assert idle(spec, network) == {"never": why}
    assert notes(network, spec) == (f"mechanism 'never' does nothing here: {why}",)
    assert network.answered == {"noise"}


def test_what_acts_by_a_recipe_a_rule_or_wiring_alone_does_something() -> None:
    for name in ("full", "fast", "recurrent", "reservoir", "as-written", "baseline"):
        spec = bionic.load(name, data="schematic")
        network = bionic.build(spec)
        assert idle(spec, network) == {}, name


def test_build_train_and_studies_tell_of_residual_blocks_after_the_last_stage() -> None:
    spec = demo(*LATE, with_=("residual_blocks",))
    description, _ = describe(spec)
    assert f"mechanism 'residual_blocks' does nothing here: {NOWHERE}" in description.notes
    registry = Registry.installed()
    with pytest.raises(
        RequestError, match="'residual_blocks' does nothing, so that a study would find"
    ):
        plan_factorial(spec, ["residual_blocks", "noise"], [0], registry)
    with pytest.raises(
        RequestError, match=r"factor residual_blocks\.blocks does nothing, so that a study"
    ):
        plan_factorial(spec, [], [0], registry, keys=[factor_of("residual_blocks.blocks=1,2")])
    with pytest.raises(RequestError, match="'residual_blocks' does nothing"):
        plan_ablation(spec, ["residual_blocks"], [0], registry)
    ablation = plan_ablation(spec, (), [0], registry)
    assert "residual_blocks" not in ablation.kinds
    assert any(
        "'residual_blocks' does nothing, so that it is not left out" in n for n in ablation.notes
    )


def test_a_mechanism_that_acts_in_some_combinations_may_be_a_factor() -> None:
    spec = demo("residual_blocks.groups=1", with_=("residual_blocks",))
    keys = [factor_of("residual_blocks.first=1,2")]
    planned = plan_factorial(spec, ["noise"], [0], Registry.installed(), keys=keys)
    assert len(planned.specs) == 4


def test_inhibition_where_no_inhibitory_cell_reaches_does_nothing() -> None:
    spec = toys.spec({"inhibition": {}})
    column = toys.column()
    kept = np.isin(column.broad_type[column.pre], ["inhibitory"])
    to_c = np.isin(column.cell_type[column.post], ["c"])
    some = _without(column, kept & to_c)
    found = bionic.build(spec, connectome=some)
    assert idle(spec, found) == {}
    assert f"mechanism 'inhibition': {NO_INPUT}" in notes(found, spec)
    none = bionic.build(spec, connectome=_without(column, kept))
    assert NO_INPUT in idle(spec, none)["inhibition"]


def _without(
    connectome: bionic.Connectome, gone: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> bionic.Connectome:
    return attrs.evolve(
        connectome,
        **{key: getattr(connectome, key)[~gone] for key in ("pre", "post", "count", "size")},
    )


def test_a_class_without_an_image_weighs_1_and_that_is_said() -> None:
    spec = toys.spec({"class_weights": {}})
    (words,) = of_classes(spec, [4, 0, 2])
    assert "'class_weights': without a training image there is no weight" in words
    assert "for class 1 (counted from 0); it weighs 1" in words
    assert of_classes(spec, [4, 1, 2]) == []
    assert of_classes(toys.spec({}), [4, 0, 2]) == []


def test_training_says_it(tmp_path: Path) -> None:
    with pytest.warns(bionic.BionicWarning, match="'residual_blocks' does nothing here"):
        run = bionic.train(
            demo(
                *LATE,
                "data.train=70",
                "data.test=35",
                "training.max_epochs=1",
                with_=("residual_blocks",),
            ),
            out=tmp_path,
            device="cpu",
        )
    assert run.history.shape[0] == 1  # said, and trained all the same
