"""The shipped specs in time: they build, and all that holds for networks holds for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bionic_core as bionic
from bionic_core.connectome import Connectome
from bionic_core.model.network import Network
from bionic_core.runs.observer import Observer
from bionic_core.spec.find import find, read
from bionic_core.spec.spec import Spec, compose
from tests.plugins.engines.test_stacked_steps import agree
from tests.support.killing import assert_same, trained
from tests.support.stacks import tasks_of

NAMES = ("areas", "worm")

SMALL = {"train": 70, "test": 35}


def worm() -> Connectome:
    """As the worm's: three types, GABA's among inter- and motor neurons, unknown signs."""
    rng = np.random.default_rng(0)
    types = np.repeat(["sensory", "inter", "motor"], (8, 9, 10))
    inhibitory = (types != "sensory") & (rng.random(27) < 0.3)
    pre, post = np.nonzero(rng.random((27, 27)) < 0.3)
    return Connectome.of(
        cell_id=np.arange(27),
        broad_type=np.where(inhibitory, "inhibitory", "excitatory"),
        cell_type=types,
        position=np.full((27, 3), np.nan),
        pre=pre,
        post=post,
        count=rng.integers(1, 5, len(pre)),
        sign=["unknown" if n in (1, 10) else "" for n in range(27)],
        provenance={"label": "a worm"},
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The specs of some minutes, with small wiring and few images."""
    path = tmp_path_factory.mktemp("wiring") / "worm.npz"
    worm().save(path)
    wiring: Mapping[str, dict[str, Any]] = {
        "areas": {"source": "areas", "areas": {"V1": 160, "LM": 80, "AL": 80}, "up": 0.2},
        "worm": {"source": str(path)},
    }
    found = {}
    for name in NAMES:
        document = read(find(name))
        document["model"]["image"] = [1, 16, 16]
        document["mechanisms"]["convolution"] = {"filters": [2, 2]}
        document["connectome"] = wiring[name]
        document["data"] |= SMALL
        document["training"] |= {"max_epochs": 2, "batch_size": 16}
        found[name] = document
    return found


def spec(document: Mapping[str, Any], **model: Any) -> Spec:
    registry = bionic.Registry.installed()
    whole = {**document, "model": {**document["model"], **model}}
    return compose(whole, name="small", registry=registry)


def built(document: Mapping[str, Any], gated: tuple[str, ...] = (), **model: Any) -> Network:
    return bionic.build(spec(document, **model), gated=gated).double().eval()


def pixels() -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.as_tensor(rng.random((5, 1, 16, 16)))


@pytest.mark.parametrize("name", ["recurrent", "reservoir", "memory"])
def test_they_are_built(name: str) -> None:
    network = bionic.build(bionic.load(name))
    assert network(torch.zeros(2, *bionic.load(name).model.image)).shape == (2, 7)


def test_the_worm_is_wired_in_all_directions_with_the_signs_of_its_cells(
    small: dict[str, dict[str, Any]],
) -> None:
    network = built(small["worm"])
    assert len(network.projections) == 9
    known = worm()
    for projection in network.projections:
        sign = np.where(known.broad_type == "inhibitory", -1, 1)[projection.site.pre.cells]
        weight = projection.matrix(projection.effective()).detach().numpy()
        assert (weight * sign >= 0).all(), "pre cells are columns"
        assert (weight != 0).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("storage", ["packed", "sparse"])
def test_storages_agree(name: str, storage: str, small: dict[str, dict[str, Any]]) -> None:
    dense, other = (built(small[name], storage=kind) for kind in ("dense", storage))
    other.load_state_dict(dense.state_dict())
    torch.testing.assert_close(dense(pixels()), other(pixels()))


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        *(("areas", gone) for gone in ("leak", "inhibition", "masks")),
        *(("worm", gone) for gone in ("signs", "leak", "layernorm", "masks")),
    ],
)
def test_a_gate_that_is_off_is_a_mechanism_left_out(
    name: str, gone: str, small: dict[str, dict[str, Any]]
) -> None:
    gated = built(small[name], (gone,))
    rest = {key: table for key, table in small[name]["mechanisms"].items() if key != gone}
    plain = built({**small[name], "mechanisms": rest})
    state = gated.state_dict()
    plain.load_state_dict({key: state[key] for key in plain.state_dict()})
    gated.set_gates(**{gone: False})
    torch.testing.assert_close(gated(pixels()), plain(pixels()))


@pytest.mark.parametrize("name", NAMES)
def test_stacked_members_take_their_own_steps(
    name: str, small: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {**small[name], "data": {**small[name]["data"], "train": 180}}
    whole = spec(document)
    gone = [whole.without([one]) for one in ("leak", "layernorm")]
    agree(monkeypatch, tasks_of([whole, *gone], (0,)))


class Stopped(Observer):
    """Ends a run after its first epoch."""

    def saved(self, *_: object) -> None:
        """Say that it is enough."""
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_is_stopped_goes_on_to_the_same_numbers(
    name: str, small: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    whole = trained(spec(small[name]), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(spec(small[name]), tmp_path / "parts", observer=Stopped())
    assert_same(whole, trained(spec(small[name]), tmp_path / "parts"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "least"), [("areas", 0.55), ("recurrent", 0.55), ("reservoir", 0.35), ("memory", 0.6)]
)
def test_they_learn(name: str, least: float, tmp_path: Path) -> None:
    run = trained(bionic.load(name), tmp_path)
    assert run.result.test.accuracy > least


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "least"), [("worm", 0.55), ("larva", 0.5)])
def test_real_wiring_learns(name: str, least: float, tmp_path: Path) -> None:
    """Where the package index can be reached, as its wiring is fetched from there."""
    try:
        run = trained(bionic.load(name), tmp_path)
    except bionic.BionicError as error:
        pytest.skip(str(error))
    assert run.result.test.accuracy > least
