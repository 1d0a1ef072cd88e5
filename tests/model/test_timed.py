"""Networks in time against plain NumPy, and the laws that hold for them as in one pass."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch

import bionic_core as bionic
from bionic_core.errors import RequestError
from bionic_core.model.network import Network
from bionic_core.model.timed import TimedLayer
from bionic_core.spec.spec import Spec, compose
from tests.support import toys

LOOPS = ["A->B", "B->C", "A->C", "C->A", "B->B"]

Array = npt.NDArray[np.float64]


def spec(
    mechanisms: dict[str, Any] | None = None,
    projections: list[str] | None = None,
    steps: int = 4,
    **model: Any,
) -> Spec:
    given = toys.document(mechanisms or {}, projections=projections or LOOPS, steps=steps, **model)
    return compose(given, name="timed", registry=toys.REGISTRY)


def built(*arguments: Any, gated: tuple[str, ...] = (), **model: Any) -> Network:
    return bionic.build(spec(*arguments, **model), gated=gated).double()


def pixels() -> torch.Tensor:
    return toys.images().double()


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def by_hand(
    network: Network, images: torch.Tensor, edges: list[str], steps: int
) -> list[dict[str, Array]]:
    """The layers' rates at each step, without mechanisms, written out."""
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    x = (images.numpy() - 0.5) / 0.5
    bridge = relu(x.reshape(len(x), -1) @ state["bridge.weight"].T + state["bridge.bias"])
    before = {name: np.zeros((len(x), network.layer(name).size)) for name in "ABC"}
    found = []
    for _ in range(steps):
        now: dict[str, Array] = {}
        for name in network.order:
            h = bridge.copy() if name == "A" else np.zeros_like(before[name])
            for edge in edges:
                pre, post = edge.replace("=>", "->").split("->")
                if post == name:
                    key = f"layers.{name}.projections.{pre}"
                    source = now[pre] if "=>" in edge else before[pre]
                    h = h + source @ state[f"{key}.values"].T + state[f"{key}.bias"]
            now[name] = relu(h)
        found.append(now)
        before = now
    return found


@pytest.mark.parametrize(
    "edges", [LOOPS, ["A=>B", "B=>C", "C->A", "A->A"], ["A->B", "B=>C", "C->B"]], ids=" ".join
)
def test_each_step_is_the_equations(edges: list[str]) -> None:
    network = built(projections=edges)
    record = network.trace(pixels())
    steps = by_hand(network, pixels(), edges, 4)
    for name in "ABC":
        expected = np.stack([step[name] for step in steps], axis=1)
        np.testing.assert_allclose(record[f"{name}.out"].detach(), expected, atol=1e-12)
    assert record["bridge.out"].ndim == 2  # it is the same at every step
    weight, bias = network.readout.weight, network.readout.bias
    logits = record["C.out"][:, -1] @ weight.T + bias
    torch.testing.assert_close(network(pixels()), logits)


def test_the_mean_of_all_steps_is_read() -> None:
    network = built(readout="mean")
    rates = network.trace(pixels())["C.out"].mean(1)
    torch.testing.assert_close(network(pixels()), network.readout(rates))


def test_one_step_of_projections_within_it_is_one_pass() -> None:
    forward = ["A->B", "B->C", "A->C"]
    mechanisms: dict[str, Any] = {name: {} for name in toys.STRUCTURE}
    one = built(mechanisms, forward, steps=1).eval()
    two = built(mechanisms, [edge.replace("-", "=") for edge in forward], steps=2)
    assert one.state_dict().keys() == two.state_dict().keys()
    assert torch.equal(one(pixels()), two.eval()(pixels()))


def test_the_onset_is_gone_at_the_second_step() -> None:
    network = built(projections=["A->B", "B->C", "C->A"], input="onset", steps=6)
    record = network.trace(pixels())
    onset = record["A.out"][:, 0]
    layer = cast(TimedLayer, network.layer("A"))
    later = layer.driven(layer.arriving({"C": record["C.out"][:, 0]}, {}))
    assert onset.std(0).max() > 0
    torch.testing.assert_close(record["A.out"][:, 1], later)


def test_rows_come_one_a_step() -> None:
    network = built(projections=["A=>B", "B=>C", "A->A"], steps=9, input="rows")
    assert network.bridge.in_features == 8
    images = pixels()
    record = network.trace(images)
    scaled = (images - 0.5) / 0.5
    third = torch.relu(network.bridge(scaled[:, 0, 2]))
    torch.testing.assert_close(record["bridge.out"][:, 2], third)
    assert record["bridge.out"].shape[1] == 8
    layer = cast(TimedLayer, network.layer("A"))
    last = layer.driven(layer.arriving({"A": record["A.out"][:, 7]}, {}))
    torch.testing.assert_close(record["A.out"][:, 8], last)


def test_leak_and_adaptation_are_their_equations() -> None:
    tables = {
        "leak": {"tau": 3.0, "by_type": {"a": 2.0}},
        "adaptation": {"strength": 0.7, "tau": 2.5},
    }
    network = built(tables, steps=5)
    record = {key: value.detach().numpy() for key, value in network.trace(pixels()).items()}
    for name, tau in (("A", 2.0), ("B", 3.0), ("C", 3.0)):
        x, h = record[f"{name}.gain"], record[f"{name}.state"]
        before, level = np.zeros_like(x[:, 0]), np.zeros_like(x[:, 0])
        for step in range(5):
            level = level + (before - level) / 2.5
            leaky = before + (x[:, step] - before) / tau
            before = relu(leaky - 0.7 * level)
            np.testing.assert_allclose(h[:, step], before, atol=1e-6)


def test_a_threshold_lets_pass_what_is_above_it() -> None:
    network = built({"adaptation": {"form": "threshold", "strength": 1.5, "tau": 1.0}})
    record = network.trace(pixels())
    x, h = record["A.gain"], record["A.state"]
    bar = 1.5 * h[:, 0]
    torch.testing.assert_close(h[:, 1], torch.where(x[:, 1] > bar, x[:, 1], 0))


def test_learned_time_constants_are_learned_by_cell_type() -> None:
    network = built({"leak": {"tau": 2.0, "by_type": {"b": 5.0}, "learned": True}})
    leak: Any = network.layer("B").get_submodule("state.leak")
    torch.testing.assert_close(leak.tau.detach(), torch.tensor([5.0]).double())
    network(pixels()).sum().backward()
    grads = {n: p.grad for n, p in network.named_parameters() if n.endswith("leak.logit")}
    assert len(grads) == 3
    assert all(grad is not None and grad.abs().max() > 0 for grad in grads.values())


def test_the_winners_are_k_also_among_equals() -> None:
    network = built({"kwta": {"share": 0.5}})
    rate = network.layer("A").rate
    found = rate(torch.tensor([[1.0, 3.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0, 2.0]]).double())
    expected = [[0, 3, 3, 3, 0], [2, 2, 2, 0, 0]]  # ⌈0.5 · 5⌉ = 3
    assert found.tolist() == expected


def test_the_spectral_radius_is_what_is_asked_for() -> None:
    tables = {"masks": {}, "spectral": {"radius": 0.8}}
    for storage in ("dense", "packed", "sparse"):
        network = built(tables, [*LOOPS[:-1], "C->C"], storage=storage)
        (block,) = [p for p in network.projections if p.site.pre is p.site.post]
        matrix = block.matrix(block.effective()).detach().numpy()
        assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(0.8, rel=1e-5)


MECHANISMS: dict[str, Any] = {
    name: {} for name in (*toys.STRUCTURE, "leak", "adaptation", "kwta", "hebbian", "signs")
}


@pytest.mark.parametrize("gone", ["leak", "adaptation", "masks", "intra", "inhibition", "kwta"])
def test_a_gate_that_is_off_is_a_mechanism_left_out(gone: str) -> None:
    order = {"rate": ["noise", "kwta"]}
    gated = built(MECHANISMS, gated=(gone,), order=order)
    rest = {name: keys for name, keys in MECHANISMS.items() if name != gone}
    plain = built(rest, order=order)
    parameters = gated.state_dict()
    plain.load_state_dict({name: parameters[name] for name in plain.state_dict()})
    gated.set_gates(**{gone: False})
    for network in (gated, plain):
        network.seek(3)
    torch.testing.assert_close(gated(pixels()), plain(pixels()))


@pytest.mark.parametrize("storage", ["packed", "sparse"])
def test_storages_agree(storage: str) -> None:
    dense, other = built(MECHANISMS, storage="dense"), built(MECHANISMS, storage=storage)
    other.load_state_dict(dense.state_dict())
    torch.testing.assert_close(dense.eval()(pixels()), other.eval()(pixels()))


def test_multiply_adds_grow_by_the_layers_alone() -> None:
    from bionic_core.model.sizes import multiply_adds

    counts = [multiply_adds(built(steps=steps).float()) for steps in (3, 4, 5)]
    assert counts[2] - counts[1] == counts[1] - counts[0] == 5 * 4 + 4 * 6 + 5 * 6 + 6 * 5 + 4 * 4


WITHOUT_STEPS = (
    "model.steps = 0",
    "is a cycle within a step",
    "A=>A is a cycle",
    "lies on no path",
)
"""Refusals whose remedy is no number of steps."""


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"steps": 1}, r"set model.steps above 1 \(5 is enough\)"),
        ({"steps": 0}, "model.steps = 0"),
        ({"projections": ["A=>B", "B=>C", "C=>A"]}, "is a cycle within a step"),
        ({"projections": ["A=>A", "A->B", "B->C"]}, "A=>A is a cycle"),
        ({"projections": ["A->B", "B->C"], "steps": 2}, "set model.steps to 3 or more"),
        ({"projections": ["A->C", "A->B", "B->C"], "steps": 2}, "what layer 'B' does"),
        ({"projections": ["A->B", "C->A"]}, "lies on no path"),
        ({"projections": ["A->B", "B->C"], "input": "onset"}, "nothing of the image is left"),
        ({"projections": ["A->B", "B->C"], "input": "rows"}, "set model.steps to 10 or more"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_the_advice_holds(model: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"projections": ["A->B", "B->C", "C->A"], "steps": 4} | model
    with pytest.raises(RequestError, match=words) as refused:
        bionic.build(spec(**given))
    advised = re.search(r"set model.steps .*?(?:above 1 \(|to )(\d+)", str(refused.value))
    assert (advised is None) == (words in WITHOUT_STEPS)
    if advised:
        bionic.build(spec(**given | {"steps": int(advised[1])}))


@pytest.mark.parametrize(("steps", "arrow"), [(1, "->"), (4, "=>")])
def test_a_cycle_is_told_by_its_own_projections(steps: int, arrow: str) -> None:
    edges = [f"{pair[0]}{arrow}{pair[1]}" for pair in ("AB", "BC", "CD", "DB", "DE")]
    layers = dict.fromkeys("ABCDE", 3)
    with pytest.raises(RequestError, match="is a cycle") as refused:
        bionic.build(spec({}, edges, steps, layers=layers))
    cycle = re.search(rf"projections: ((?:\w{arrow})+\w) is a cycle", str(refused.value))
    assert cycle
    names = cycle[1].split(arrow)
    assert {f"{one}{arrow}{other}" for one, other in pairwise(names)} == set(edges[1:4])


@pytest.mark.parametrize(
    ("mechanisms", "model", "words"),
    [
        ({"leak": {}}, {"steps": 1, "projections": ["A->B", "B->C"]}, "model.steps is 1"),
        ({"leak": {"by_type": {"zz": 2.0}}}, {}, "no such cell type"),
        ({"leak": {"tau": 0.5}}, {}, "mechanisms.leak"),
        ({"leak": {"tau": 1.0, "learned": True}}, {}, "above 1"),
        ({"spectral": {}}, {"projections": ["A->B", "B->C"]}, "no layer projects to itself"),
        ({"frozen": {"projections": ["A->Z"]}}, {}, "no projection A->Z"),
        ({"frozen": {"projections": ["A"]}}, {}, "of the form"),
    ],
    ids=str,
)
def test_mechanisms_in_time_say_what_they_lack(
    mechanisms: dict[str, Any], model: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        bionic.build(spec(mechanisms, **model))


def test_a_block_without_a_cycle_has_no_radius() -> None:
    from bionic_plugins.mechanisms.spectral import spectral_radius

    chain = np.triu(np.ones((5, 5)), 1)
    assert spectral_radius(chain) == 0
    assert spectral_radius(np.eye(3)[[1, 2, 0]]) == pytest.approx(1)


def test_frozen_projections_keep_their_weights_and_the_rest_learns() -> None:
    from bionic_core.training.loop import start
    from bionic_core.training.plasticity import learn_locally
    from bionic_core.training.recipe import recipe_of

    tables: dict[str, Any] = {
        "frozen": {"projections": ["B->B", "A->B"]},
        "hebbian": {},
        "weight_decay": {},
    }
    given = spec(tables)
    network = bionic.build(given)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = start(network, recipe_of(given)).optimizer
    record: dict[str, torch.Tensor] = {}
    network(toys.images().float(), record).logsumexp(1).sum().backward()
    optimizer.step()
    learn_locally(network, record)
    changed = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    kept = {f"layers.B.projections.{pre}.{part}" for pre in "AB" for part in ("values", "bias")}
    assert not kept & changed
    assert "layers.C.projections.B.values" in changed
    assert "readout.weight" in changed


def test_a_rule_is_given_what_a_projection_read_a_step_before() -> None:
    from bionic_core.training.plasticity import activity

    network = built({"hebbian": {}}, ["A->B", "B=>C", "C->A"])
    record = network.trace(pixels())
    plastic = {p.projection.site.name: p for p in network.plastic}
    pre, post = activity(plastic["A->B"], record)
    assert torch.equal(pre, record["A.out"][:, :-1].flatten(0, 1))
    assert torch.equal(post, record["B.gain"][:, 1:].flatten(0, 1))
    pre, post = activity(plastic["B->C"], record)
    assert torch.equal(pre, record["B.out"].flatten(0, 1))
    assert torch.equal(post, record["C.gain"].flatten(0, 1))


@pytest.mark.parametrize("storage", ["dense", "packed", "sparse"])
def test_weights_made_once_for_all_steps_give_the_same_bits(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learnt() -> list[torch.Tensor]:
        network = bionic.build(spec({"masks": {}, "leak": {}}, storage=storage))
        logits = network(toys.images().float())
        torch.autograd.backward(logits.square().sum())
        return [logits, *(p.grad for p in network.parameters() if p.grad is not None)]

    known = bionic.build(spec({"masks": {}, "leak": {}}, storage=storage))
    shared = [p for n in "ABC" for p in cast(TimedLayer, known.layer(n)).shared()]
    assert len(shared) == (0 if storage == "sparse" else len(LOOPS))
    once = learnt()
    monkeypatch.setattr(TimedLayer, "shared", lambda self: {})
    for one, other in zip(once, learnt(), strict=True):
        assert torch.equal(one, other)
