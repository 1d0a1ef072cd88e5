"""Masks and their controls in models: levels of a factor, thresholds, initial weights."""

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
from bionic_core.model.network import Network
from bionic_core.runs.identity import identity
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.training.loop import start, step_once
from bionic_core.training.recipe import recipe_of
from bionic_plugins.mechanisms.masks import LEVELS
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support import toys

__all__ = ["bionic"]

SPARSE = [level for level in LEVELS if level != "dense"]
CONTROLS = SPARSE[1:]
FULL = ("convolution", "masks", "intra", "inhibition", "noise", "layernorm", "hebbian")


def toy(seed: int = 3, mechanisms: tuple[str, ...] = FULL, **keys: Any) -> Network:
    tables: dict[str, Any] = {name: {} for name in mechanisms}
    return toys.network(tables | {"masks": keys}, seed=seed)


@pytest.fixture(scope="module")
def column() -> core.Connectome:
    spec = core.load("demo")
    assert spec.connectome is not None
    return spec.connectome.read()


def wired(column: core.Connectome, seed: int = 0, **keys: Any) -> dict[str, core.Wiring]:
    """The wiring of the demo's projections on the column."""
    spec = core.load(
        "demo", set=[f"masks.{key}={value}" for key, value in keys.items()], without=["convolution"]
    )
    network = core.build(spec, seed=seed, connectome=column)
    found = {p.label: p.wiring for p in network.projections}
    return {label: wiring for label, wiring in found.items() if wiring is not None}


def test_every_control_is_as_dense_as_the_real_wiring(column: core.Connectome) -> None:
    real = wired(column)
    assert len(real) == 7
    for level in CONTROLS:
        found = wired(column, wiring=level)
        assert list(found) == list(real)
        for label, wiring in found.items():
            assert len(wiring) == len(real[label]), (level, label)
            assert wiring.count is not None
            kept = real[label].count
            assert kept is not None
            assert (np.sort(wiring.count) == np.sort(kept)).all(), (level, label)
            pairs = set(zip(wiring.pre.tolist(), wiring.post.tolist(), strict=True))
            same = pairs & set(
                zip(real[label].pre.tolist(), real[label].post.tolist(), strict=True)
            )
            assert len(same) < 0.3 * len(pairs), (level, label)
            assert "intra" not in label or (wiring.pre != wiring.post).all()


def test_rewiring_the_column_keeps_each_neurons_degrees(column: core.Connectome) -> None:
    real, found = wired(column), wired(column, wiring="rewired")
    for label, wiring in real.items():
        for side in ("pre", "post"):
            one, other = getattr(wiring, side), getattr(found[label], side)
            assert (np.bincount(one, minlength=400) == np.bincount(other, minlength=400)).all()


def test_type_shuffling_the_column_keeps_each_block(column: core.Connectome) -> None:
    types = core.load("demo").model.layers
    cells = {
        name: np.concatenate([column.of_type(t) for t in listed])
        for name, listed in types.items()
        if not isinstance(listed, int)
    }
    real, found = wired(column), wired(column, wiring="type-shuffled")
    moved = wired(column, wiring="random")
    pre, post = (column.cell_type[cells[name]] for name in "CD")

    def blocks(wiring: core.Wiring) -> Any:
        return np.unique(np.char.add(pre[wiring.pre], post[wiring.post]), return_counts=True)

    names, numbers = blocks(real["C->D"])
    assert len(names) > 6
    assert (blocks(found["C->D"])[1] == numbers).all()
    assert not np.array_equal(blocks(moved["C->D"])[1], numbers)


@pytest.mark.parametrize("level", CONTROLS)
def test_each_seed_and_each_projection_draws_its_own_control(level: str) -> None:
    one, same, other = (toy(seed, wiring=level) for seed in (1, 1, 2))
    masks = [[p.get_buffer("mask") for p in network.projections] for network in (one, same, other)]
    assert all(torch.equal(a, b) for a, b in zip(masks[0], masks[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(masks[0], masks[2], strict=True))


def test_a_control_is_not_one_pattern_for_all_projections() -> None:
    spec = toys.spec(
        {"masks": {"wiring": "random"}},
        layers={"A": ["a"], "B": ["b"], "C": ["c"], "D": ["i"]},
        projections=["A->B", "A->C", "B->D", "C->D"],
    )
    network = core.build(spec, seed=0)
    keys = [p.wiring.key(p.site.pre.size) % 20 for p in network.projections if p.wiring is not None]
    assert len({tuple(key.tolist()) for key in keys}) == 4


def test_dense_is_masks_left_out() -> None:
    dense = toy(wiring="dense", threshold=3, weighting="count")
    absent = toy(mechanisms=tuple(name for name in FULL if name != "masks"))
    spec = toys.spec(tuple(name for name in FULL if name != "masks"))
    absent = core.build(spec, seed=3).double().eval()
    assert list(dense.state_dict()) == list(absent.state_dict())
    for one, other in zip(dense.state_dict().values(), absent.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(dense(toys.images()), absent(toys.images()))


@pytest.mark.parametrize("level", SPARSE)
def test_a_level_changes_no_other_draw(level: str) -> None:
    """A wired weight is the one that the dense model drew; all else is bit for bit the same."""
    dense, network = toy(init="dense", wiring="dense"), toy(init="dense", wiring=level)
    masks = {
        f"{path}.values": projection.get_buffer("mask")
        for path, projection in network.named_modules()
        if isinstance(projection, core.Projection)
    }
    assert len(masks) == 6
    for name, value in network.state_dict().items():
        drawn = dense.state_dict()[name]
        assert torch.equal(value, drawn * masks[name] if name in masks else drawn), name


@pytest.mark.parametrize("keys", [{"wiring": level} for level in SPARSE] + [{"weighting": "size"}])
def test_no_training_violates_a_control(keys: dict[str, Any]) -> None:
    tables: dict[str, Any] = {name: {} for name in FULL}
    spec = toys.spec(tables | {"masks": keys, "weight_decay": {"strength": 0.01}})
    spec = attrs.evolve(spec, training=attrs.evolve(spec.training, lr=0.01))
    network = core.build(spec, seed=1).train()
    first = [p.values.detach().clone() for p in network.projections]
    state = start(network, recipe_of(spec))
    for step in range(20):
        network.seek(step)
        step_once(
            network,
            state.optimizer,
            toys.images(seed=step).float(),
            torch.tensor([0, 1, 2, 0]),
            {},
        )
    for projection, before in zip(network.projections, first, strict=True):
        values, mask = projection.values.detach(), projection.get_buffer("mask").bool()
        assert not values[~mask].any()
        assert (values[mask] != before[mask]).all()
        assert int(mask.sum()) == projection.pairs < mask.numel()


@pytest.mark.parametrize("level", CONTROLS)
def test_behind_a_gate_a_control_is_itself_or_absent(level: str) -> None:
    tables: dict[str, Any] = {name: {} for name in ("masks", "intra")} | {
        "masks": {"wiring": level, "init": "dense"}
    }
    gated = toys.network(tables, gated=("masks",))
    plain = toys.network(tables)
    assert torch.equal(gated(toys.images()), plain(toys.images()))
    gated.set_gates(masks=False)
    dense = toys.network(("intra",))
    dense.load_state_dict(plain.state_dict())
    torch.testing.assert_close(gated(toys.images()), dense(toys.images()), rtol=0, atol=1e-12)


# --- threshold


@pytest.mark.parametrize("level", ["real", "rewired"])
def test_a_threshold_leaves_connections_of_at_least_so_many_synapses(level: str) -> None:
    column = toys.column()
    network = toy(wiring=level, threshold=3)
    for projection in network.projections:
        pre, post = projection.site.pre.cells, projection.site.post.cells
        strong = np.zeros((len(column.cell_id),) * 2, bool)
        strong[column.post, column.pre] = column.count >= 3
        np.fill_diagonal(strong, False)
        expected = strong[np.ix_(post, pre)]
        mask = projection.get_buffer("mask").numpy()
        assert mask.sum() == expected.sum()
        assert (mask.sum(0) == expected.sum(0)).all()
        assert level == "rewired" or (mask == expected).all()


def test_a_threshold_that_leaves_nothing_is_refused(bionic: Bionic) -> None:
    said = bionic("build", "demo", "--set", "masks.threshold=40")
    refused(
        said,
        "mechanisms.masks: threshold = 40: no connection",
        "the strongest has 4. Lower mechanisms.masks.threshold",
    )
    refused(bionic("build", "demo", "--set", "masks.threshold=0"), "mechanisms.masks.threshold = 0")


# --- weighting


@pytest.mark.parametrize("weighting", ["count", "size"])
@pytest.mark.parametrize("init", ["fan-in", "dense"])
def test_weights_are_scaled_by_strength_at_the_same_variance(weighting: str, init: str) -> None:
    """Each weight is the binary one times its strength over the r.m.s. of its neuron's inputs."""
    column = toys.column()
    strength = np.zeros((18, 18))
    strength[column.post, column.pre] = getattr(column, weighting)
    np.fill_diagonal(strength, 0)
    binary, network = toy(init=init), toy(init=init, weighting=weighting)
    for one, other in zip(binary.projections, network.projections, strict=True):
        block = strength[np.ix_(one.site.post.cells, one.site.pre.cells)]
        inputs = np.maximum((block > 0).sum(1, keepdims=True), 1)
        rms = np.sqrt((block**2).sum(1, keepdims=True) / inputs)
        expected = one.values.detach().numpy() * block / np.where(rms == 0, 1, rms)
        np.testing.assert_allclose(other.values.detach().numpy(), expected, rtol=1e-6)
        assert torch.equal(one.bias, other.bias)


def test_counts_of_one_weigh_as_binary(column: core.Connectome) -> None:
    ones = attrs.evolve(column, count=np.ones_like(column.count), size=np.zeros_like(column.size))
    for weighting in ("count", "size"):
        for label, wiring in wired(ones, weighting=weighting).items():
            binary = wired(ones)[label].scale
            assert wiring.scale is not None
            assert binary is not None
            np.testing.assert_allclose(wiring.scale, binary, rtol=1e-12)


# --- places


def test_distance_needs_places(column: core.Connectome) -> None:
    for position in (np.zeros_like(column.position), np.full_like(column.position, np.nan)):
        with pytest.raises(RequestError, match=r'wiring = "distance": needs the place of every'):
            wired(attrs.evolve(column, position=position), wiring="distance")


def test_distance_keeps_how_far_connections_reach(column: core.Connectome) -> None:
    """Mean soma distance by an independent sum; in a plain random control it is larger."""
    cells = column.of_type("23P")

    def reach(level: str) -> float:
        wiring = wired(column, wiring=level)["B->B (intra)"]
        one, other = column.position[cells[wiring.pre]], column.position[cells[wiring.post]]
        return float(np.sqrt(((one - other) ** 2).sum(1)).mean()) / 1000

    real, kept, lost = reach("real"), reach("distance"), reach("random")
    assert abs(kept - real) < 0.5  # µm: the width of a bin
    assert lost > real + 1


# --- as levels


def test_levels_are_set_on_the_command_line(bionic: Bionic, tmp_path: Path) -> None:
    documents = [
        bionic("build", "demo", "--set", f"masks.wiring={level}", "--json").document
        for level in ("real", "rewired", "distance")
    ]
    kept = ("density", "connections", "synapses")
    wirings = [[[one[key] for key in kept] for one in d["masks"]] for d in documents]
    assert all(wiring == wirings[0] for wiring in wirings), "density and synapses are kept"
    assert len({document["hash"] for document in documents}) == 3
    refused(
        bionic("build", "demo", "--set", "masks.wiring=rewire"),
        "mechanisms.masks.wiring",
        "Did you mean 'rewired'?",
    )
    small = ("--set", "data.train=70", "--set", "data.test=35", "--epochs", "1", "--seed", "2")
    said = bionic("train", "demo", "--set", "masks.wiring=rewired", *small, "--json")
    assert said.code == 0, said.err
    manifest = json.loads((Path(said.document["run"]) / "manifest.json").read_text())
    assert manifest["identity"]["mechanisms"]["masks"] == {"init": "fan-in", "wiring": "rewired"}


def test_runs_from_before_threshold_and_weighting_keep_their_names() -> None:
    """Neutral keys are part of a run's identity only where they are not at their defaults."""
    small = ["data.train=70", "data.test=35"]
    spec = core.load("demo", set=small)
    inputs = InputCache().get(spec)
    before = {"init": "fan-in", "wiring": "real"}
    assert identity(spec, 0, inputs)["mechanisms"]["masks"] == before
    resolved = spec.document()["mechanisms"]["masks"]
    assert resolved == before | {"threshold": 1, "weighting": "binary"}
    changed = core.load("demo", set=[*small, "masks.threshold=2"])
    assert identity(changed, 0, inputs)["mechanisms"]["masks"] == before | {"threshold": 2}
