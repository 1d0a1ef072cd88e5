"""Dale's law: its equation in every storage, what trains it, what is said; shuffled signs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

import bionic_core as core
from bionic_core import RequestError
from bionic_core.model.notes import drawn, notes
from bionic_core.training.loop import start, step_once
from bionic_core.training.recipe import recipe_of
from bionic_plugins.mechanisms.signs import Signed
from tests.cli.test_cli import Bionic, bionic
from tests.support import toys
from tests.support.gradients import LABELS, check_gradient

__all__ = ["bionic"]

LAYERS = {"A": ["a", "i"], "B": ["b"], "C": ["c"]}
"""The first layer has cells of both signs."""

STORAGES = ("dense", "packed", "sparse")


def network(tables: dict[str, Any], **model: Any) -> core.Network:
    return toys.network(tables, **{"layers": LAYERS, **model})


def sign(projection: core.Projection) -> Any:
    """Of each pre neuron, from the column."""
    broad = toys.column().broad_type[projection.site.pre.cells]
    return np.where(broad == "inhibitory", -1.0, 1.0)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_weight_is_its_size_times_its_pre_cells_sign(storage: str) -> None:
    """The size is that of the weight that the model without the mechanism draws."""
    tables: dict[str, Any] = {"masks": {}, "intra": {}}
    free = network(tables, storage=storage)
    signed = network(tables | {"signs": {}}, storage=storage)
    seen = set()
    for one, other in zip(free.projections, signed.projections, strict=True):
        drawn = one.matrix(one.values).detach().numpy()
        weights = other.matrix(other.effective()).detach().numpy()
        np.testing.assert_array_equal(weights, np.abs(drawn) * sign(other)[None, :])
        seen |= set(np.sign(weights[weights != 0]).tolist())
    assert seen == {-1.0, 1.0}
    assert signed.projections[0].storage == storage


def test_gradients_are_those_of_the_equation() -> None:
    signed = network({"masks": {}, "signs": {}, "intra": {}})
    name = "layers.B.projections.A.values"
    there = np.argwhere(dict(signed.named_parameters())[name].detach().numpy())
    check_gradient(signed, name, [(int(q), int(p)) for q, p in there[::3]])


def test_a_weight_of_zero_can_grow_and_an_unknown_sign_is_free() -> None:
    module = Signed(torch.tensor([1.0, -1.0, 0.0]))
    values = torch.tensor([[0.0, 0.0, -2.0], [-3.0, 4.0, 5.0]], requires_grad=True)

    class Here:
        pre = torch.arange(3)[None]

    found = module(values, Here())
    assert found.tolist() == [[0, 0, -2], [3, -4, 5]]
    found.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[1, -1, 1], [-1, -1, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_one_product_gives_the_equation_to_the_bit(dtype: torch.dtype) -> None:
    """``|v| · s``, spelled out, forward and backward: runs of that form stay what they are."""
    draw = torch.Generator().manual_seed(0)
    values = torch.randn(50, 40, generator=draw).to(dtype)
    values[::7, ::3], values[1::7, ::3], values[2, :3] = 0.0, -0.0, torch.inf
    values[3, :3], values[4, :3] = torch.nan, torch.finfo(dtype).tiny / 4
    sign = torch.randint(-1, 2, (40,), generator=draw).float()
    upstream = torch.randn(50, 40, generator=draw).to(dtype)

    class Here:
        pre = torch.arange(40)[None]

    def spelled(v: torch.Tensor) -> torch.Tensor:
        s = sign.to(dtype)[Here.pre]
        return torch.where(s == 0, v, torch.where(v < 0, -v, v) * s)

    found = []
    for formula in (lambda v: Signed(sign)(v, Here()), spelled):
        leaf = values.clone().requires_grad_()
        out = formula(leaf)
        out.backward(upstream)
        assert leaf.grad is not None
        found.append([bits(out.detach()), bits(leaf.grad)])
    assert found[0] == found[1]


def bits(values: torch.Tensor) -> bytes:
    """Every byte of it, so that zeros of both signs differ; one NaN is as good as another."""
    return (
        values.nan_to_num(1e9, posinf=torch.inf, neginf=-torch.inf)
        .contiguous()
        .view(torch.uint8)
        .numpy()
        .tobytes()
    )


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_no_training_and_no_local_rule_changes_a_sign(storage: str, optimizer: Any) -> None:
    tables: dict[str, Any] = {
        "masks": {},
        "intra": {},
        "signs": {},
        "hebbian": {},
        "weight_decay": {},
    }
    spec = toys.spec(tables, layers=LAYERS, storage=storage)
    spec = attrs.evolve(spec, training=attrs.evolve(spec.training, optimizer=optimizer, lr=0.02))
    trained = core.build(spec, seed=1).train()
    before = [p.effective().detach().clone() for p in trained.projections]
    state = start(trained, recipe_of(spec))
    for step in range(30):
        trained.seek(step)
        step_once(trained, state.optimizer, toys.images(seed=step).float(), LABELS, {})
    for projection, first in zip(trained.projections, before, strict=True):
        assert not torch.equal(projection.effective(), first)
        weights = projection.matrix(projection.effective()).detach().numpy()
        assert (weights * sign(projection)[None, :] >= 0).all()


def test_a_local_rule_acts_on_sizes() -> None:
    """What strengthens a synapse makes an inhibitory one more inhibitory."""
    tables = {"signs": {}, "hebbian": {"hebb": 1e-3, "home": 0.0}}
    spec = toys.spec(tables, layers=LAYERS)
    spec = attrs.evolve(spec, training=attrs.evolve(spec.training, optimizer="sgd", lr=1e-12))
    trained = core.build(spec, seed=1).train()
    before = [p.effective().detach().abs() for p in trained.projections]
    state = start(trained, recipe_of(spec))
    step_once(trained, state.optimizer, toys.images().float(), LABELS, {})
    for projection, size in zip(trained.projections, before, strict=True):
        grown = projection.effective().detach().abs() - size
        assert grown.min() >= -1e-6
        assert grown.max() > 1e-5


def test_behind_a_gate_signs_are_there_or_absent() -> None:
    tables: dict[str, Any] = {"masks": {}, "intra": {}, "signs": {}}
    gated = toys.network(tables, gated=("signs",), layers=LAYERS)
    plain = network(tables)
    assert torch.equal(gated(toys.images()), plain(toys.images()))
    gated.set_gates(signs=False)
    free = network({"masks": {}, "intra": {}})
    assert torch.equal(gated(toys.images()), free(toys.images()))


def test_layers_without_cells_are_left_free_and_that_is_said() -> None:
    some = toys.network({"signs": {}}, layers={"A": 5, "B": ["b"], "C": ["c"]})
    free = toys.network({}, layers={"A": 5, "B": ["b"], "C": ["c"]})
    one, other = (n.layer("B").projections.get_submodule("A") for n in (some, free))
    assert isinstance(one, core.Projection)
    assert isinstance(other, core.Projection)
    assert torch.equal(one.effective(), other.effective())
    assert len(notes(some)) == 1
    assert "signs does nothing after layer 'A': it is the plain integer 5" in notes(some)[0]
    document = toys.document({"signs": {}}, layers={"A": 5, "B": 4}, projections=["A->B"])
    del document["connectome"]
    plain = core.compose(document, name="plain", registry=toys.REGISTRY)
    with pytest.raises(RequestError, match="no cell whose sign is known"):
        core.build(plain)


def signs_by_layer(built: core.Network) -> dict[str, Any]:
    """The signs of each layer's cells, which are one for all projections from it."""
    found: dict[str, Any] = {}
    for projection in built.projections:
        own = projection.chain.get_submodule("signs").get_buffer("sign").numpy()
        assert (found.setdefault(projection.site.pre.name, own) == own).all()
    return found


@pytest.mark.parametrize(
    ("unknown", "allowed", "said"),
    [
        ("free", {0}, "leaves the weights of 3 of 8 cells of layer 'A' free"),
        ("excitatory", {1}, "takes 3 of 8 cells of layer 'A' for excitatory"),
        ("inhibitory", {-1}, "takes 4 of 4 cells of layer 'B' for inhibitory"),
        ("drawn", {-1, 1}, "drawn with a share of 60.0%"),  # of A's known ones, 2 and 3
    ],
)
def test_unknown_signs_are_free_or_set_or_drawn(
    unknown: str, allowed: set[int], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = toys.column()
    open_ = (np.arange(18) < 3) | (whole.cell_type == "b")  # three of A's, all of B's
    partly = attrs.evolve(whole, sign=np.where(open_, "unknown", ""))
    monkeypatch.setattr(toys, "column", lambda: partly)
    tables: dict[str, Any] = {"signs": {"unknown": unknown}, "intra": {}}
    one = network(tables)
    found = signs_by_layer(one)
    assert found["A"][3:].tolist() == [1, 1, -1, -1, -1]
    assert {*found["A"][:3], *found["B"]} <= allowed
    assert any(said in note for note in notes(one)), notes(one)
    for name, own in signs_by_layer(network(tables)).items():
        assert (own == found[name]).all()
    drawn = [signs_by_layer(network(tables, seed=seed))["B"].tolist() for seed in range(12)]
    assert (len({*map(tuple, drawn)}) > 1) == (unknown == "drawn")


def test_signs_that_are_all_known_need_no_rule_and_none_known_no_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert any("does nothing" in note for note in notes(network({"signs": {"unknown": "drawn"}})))
    nothing = attrs.evolve(toys.column(), sign=np.full(18, "unknown"))
    monkeypatch.setattr(toys, "column", lambda: nothing)
    with pytest.raises(RequestError, match=r"no cell's sign.*signs\.unknown = \"excitatory\""):
        network({"signs": {"unknown": "drawn"}})


# --- signs, shuffled


def test_shuffled_signs_keep_the_wiring_and_go_with_the_cell() -> None:
    tables: dict[str, Any] = {"signs": {}, "intra": {}}
    real = network(tables | {"masks": {}})
    moved = network(tables | {"masks": {"wiring": "signs"}})
    taken: dict[str, list[Any]] = {}
    for one, other in zip(real.projections, moved.projections, strict=True):
        assert torch.equal(one.values, other.values)
        assert torch.equal(one.get_buffer("mask"), other.get_buffer("mask"))
        piece = other.chain.get_submodule("signs")
        taken.setdefault(other.site.pre.name, []).append(piece.get_buffer("sign").numpy())
        assert sorted(taken[other.site.pre.name][-1]) == sorted(sign(other))
    assert len(taken["A"]) == 3, "to B, to C, and within"
    assert all((one == taken["A"][0]).all() for one in taken["A"])
    assert not (taken["A"][0] == [1] * 5 + [-1] * 3).all()
    again = toys.network(tables | {"masks": {"wiring": "signs"}}, layers=LAYERS, seed=8)
    piece = again.projections[0].chain.get_submodule("signs")
    assert not (piece.get_buffer("sign").numpy() == taken["A"][0]).all()


def test_shuffling_signs_that_are_all_alike_is_said() -> None:
    shuffled = toys.network({"signs": {}, "masks": {"wiring": "signs"}})
    assert any('wiring = "signs" changes nothing from layer' in words for words in notes(shuffled))


def test_shuffled_signs_need_signs(bionic: Bionic) -> None:
    said = bionic("build", "demo", "--set", "masks.wiring=signs")
    assert said.code == 2
    assert "mechanisms.masks: requires 'signs', which is not in the spec" in said.err


# --- what controls say


def test_how_a_control_was_drawn_is_in_the_description_and_the_manifest(
    bionic: Bionic, tmp_path: Path
) -> None:
    options = ("--set", "masks.wiring=rewired")
    built = bionic("build", "demo", *options, "--json").document["drawn"]
    assert set(built["A->B"]) == {"rounds", "overlap", "hubs", "settled"}
    assert len(built["A->B"]["overlap"]) == built["A->B"]["rounds"] + 1
    small = ("--set", "data.train=70", "--set", "data.test=35", "--epochs", "1")
    said = bionic("train", "demo", *options, *small, "--json")
    manifest = json.loads((Path(said.document["run"]) / "manifest.json").read_text())
    assert manifest["wiring"] == built


def test_what_has_not_settled_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    from bionic_plugins.mechanisms import switching

    monkeypatch.setattr(switching.Watch, "settled", property(lambda self: False))
    monkeypatch.setattr(switching, "MOST", 3)
    found = toys.network({"masks": {"wiring": "rewired"}})
    assert "had not settled after 3 rounds" in notes(found)[0]
    assert not drawn(found)["A->B"]["settled"]


def test_reciprocal_keeps_what_is_mutual_within_a_layer() -> None:
    real = toys.network(
        {"masks": {}, "intra": {}}, layers={"A": ["a", "b", "c"], "B": ["i"]}, projections=["A->B"]
    )
    found = toys.network(
        {"masks": {"wiring": "reciprocal"}, "intra": {}},
        layers={"A": ["a", "b", "c"], "B": ["i"]},
        projections=["A->B"],
    )
    for one, other in zip(real.projections, found.projections, strict=True):
        masks = [p.get_buffer("mask").numpy() for p in (one, other)]
        if one.site.pre is one.site.post:
            assert ((masks[0] * masks[0].T).sum(0) == (masks[1] * masks[1].T).sum(0)).all()
            assert (masks[0] != masks[1]).any()
        for axis in (0, 1):
            assert (masks[0].sum(axis) == masks[1].sum(axis)).all()
