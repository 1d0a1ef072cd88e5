"""Which storage a projection takes, what is refused in words, and wide layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

import bionic_core
import bionic_core as bionic
from bionic_core import Mechanism, RequestError, Wiring, hookimpl
from bionic_core.model import wired
from bionic_core.model.sizes import parameter_counts
from bionic_core.runs.identity import identity
from bionic_core.runs.task import Task
from bionic_core.training.describe import describe
from bionic_core.training.memory import check_training, training_memory
from bionic_core.training.recipe import recipe_of
from tests.support import toys
from tests.support.observers import told

PAIRED = ("packed", "sparse")


# --- which storage


def test_auto_is_sparse_for_wide_projections_of_few_pairs() -> None:
    assert wired.suited(10, 383 * 383) == "dense"  # the paper's layers keep their numbers
    assert wired.suited(20_000_000, 20_000**2) == "sparse"
    assert wired.suited(399_000_000, 20_000**2) == "dense"
    for network in (toys.network(), *(toys.network(("intra",), storage=kind) for kind in PAIRED)):
        assert {p.storage for p in network.projections} == {"dense"}


def test_a_spec_names_a_storage_that_exists() -> None:
    with pytest.raises(RequestError, match=r'model.storage = "csr": must be one of "auto"'):
        toys.spec((), storage="csr")


def test_runs_from_before_the_key_keep_their_names() -> None:
    from bionic_core.runs.images_and_wiring import InputCache

    def model(**keys: Any) -> Any:
        spec = toys.spec((), image=[1, 48, 48], classes=7, **keys)
        return identity(spec, 0, inputs.get(spec))["model"]

    inputs = InputCache()
    assert "storage" not in model()
    assert model(storage="auto") == model()
    assert model(storage="sparse")["storage"] == "sparse"
    assert toys.spec(()).document()["model"]["storage"] == "auto"


def test_build_tells_storage_parameters_and_memory() -> None:
    counts = {}
    for kind in ("dense", *PAIRED):
        found, network = describe(toys.spec(("masks", "intra"), storage=kind))
        assert {wired.storage for wired in found.masks} == {kind}
        counts[kind] = found.parameters, found.macs, found.memory
        weights = sum(p.nbytes for p in network.parameters())
        copies = 1 + 2 + 1 + 2 * 4  # gradient, Adam's two, best; weights and those kept, on disk
        assert found.memory.training == found.memory.model + weights * copies
    (dense, dense_macs, _), (packed, packed_macs, _), (sparse, sparse_macs, _) = counts.values()
    assert (packed, packed_macs) == (dense, dense_macs)
    assert sparse.effective == dense.effective == sparse.allocated
    gone = dense.allocated - sparse.allocated
    assert gone == dense.allocated - dense.effective > 0
    assert dense_macs - sparse_macs == gone
    assert parameter_counts(toys.network(("masks",))).effective < dense.effective


# --- what is wrong, in words


@attrs.frozen(eq=False)
class Wired(Mechanism):
    """A wiring that is given in the spec."""

    name = "wired"
    kind = "structural"
    pre: tuple[int, ...] = ()
    post: tuple[int, ...] = ()

    @hookimpl
    def wiring(self, projection: bionic.ProjectionSite) -> Wiring:
        return Wiring(pre=np.array(self.pre), post=np.array(self.post))


WRONG = [
    ([0, 5], [0, 1], "has pre neurons 0 … 5, but layer 'A' has 5, from 0 to 4"),
    ([0, 1], [-1, 1], "has post neurons -1 … 1, but layer 'B' has 4, from 0 to 3"),
    ([2, 1, 2], [3, 1, 3], "has 1 pairs more than once; a pair exists or does not"),
]


@pytest.mark.parametrize(("pre", "post", "words"), WRONG, ids=["pre", "post", "twice"])
@pytest.mark.parametrize("kind", ["dense", *PAIRED])
def test_a_wrong_wiring_is_named(pre: Any, post: Any, words: str, kind: str) -> None:
    with pytest.raises(RequestError) as caught:
        toys.network({"wired": {"pre": pre, "post": post}}, (Wired,), storage=kind)
    assert f"mechanisms.wired: its wiring of A->B {words}" in str(caught.value)


def test_what_cannot_fit_into_memory_is_refused_before_it_is_allocated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bionic_core.base.memory.machine_memory", lambda: 8 * 2**30)
    with pytest.raises(RequestError) as caught:
        toys.network((), layers={"A": 30_000, "B": 80_000}, projections=["A->B"])
    assert (
        "the projection A->B, 30,000 × 80,000 neurons stored dense, would take 8.94 GiB of memory, "
        "and this machine has 8.00 GiB. A mechanism that wires it leaves only the pairs that exist"
    ) in str(caught.value)
    with pytest.raises(RequestError, match=r"the bridge, 64 × 40,000,000 weights, would take 9.54"):
        toys.network((), layers={"A": 40_000_000}, projections=[])


def test_what_a_mechanism_would_allocate_is_refused_before_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bionic_core.base.memory.machine_memory", lambda: 2**27)
    spec = bionic_core.load("demo", set=["convolution.filters=[3000,3000]"])
    words = r"mechanisms\.convolution: a tensor of \(3000, 3000, 3, 3\) would take 0\.30 GiB"
    with pytest.raises(RequestError, match=words):
        bionic_core.build(spec)


def test_training_that_cannot_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network, spec = toys.network(), toys.spec()
    needed = training_memory(network, recipe_of(spec))
    monkeypatch.setattr("bionic_core.training.memory.machine_memory", lambda: needed)
    check_training(network, recipe_of(spec))
    monkeypatch.setattr("bionic_core.training.memory.machine_memory", lambda: needed - 1)
    with pytest.raises(RequestError, match=r"training would take 0\.00 GiB of memory, images and"):
        check_training(network, recipe_of(spec))


# --- wide layers


def test_a_wide_model_trains_stops_and_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    from bionic_core.runs.files import MODEL
    from bionic_core.runs.train import train
    from tests.benchmarks.sparse import wide_spec

    spec = wide_spec(1000, 9000, train=70)

    def stop(task: Task, record: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt

    whole = train(spec, root=tmp_path / "whole", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        train(spec, root=tmp_path / "cut", device="cpu", observer=told(epoch=stop))
    again = train(spec, root=tmp_path / "cut", device="cpu")
    assert not again.reused
    one, other = load_file(whole.folder / MODEL), load_file(again.folder / MODEL)
    sparse = [name for name in one if name.endswith(".values")]
    assert {one[name].ndim for name in sparse} == {1}
    assert all(torch.equal(one[name], other[name]) for name in one)
    network = again.network(spec, spec.connectome.read() if spec.connectome else None)
    assert {p.storage for p in network.projections} == {"sparse"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_layers_of_20000_neurons_train_in_6_gib() -> None:
    from tests.benchmarks.sparse import train_wide

    found = train_wide(neurons=20_000, pairs=2_000_000, train=96)
    assert all(pairs >= 1_990_000 for pairs in found["pairs"])
    assert found["storages"] == ["sparse"] * 5
    assert found["peak_gib"] < 6
