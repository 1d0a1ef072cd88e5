"""Steps through torch's compiler: one graph, the same numbers, and a choice that is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import bionic_core as bionic
from bionic_core import RequestError
from bionic_core.model.network import Network
from bionic_core.runs import checkpoint
from bionic_core.runs.files import MODEL
from bionic_core.runs.identity import as_before
from bionic_core.runs.images_and_wiring import load_inputs
from bionic_core.runs.observer import Observer
from bionic_core.runs.task import Task
from bionic_core.runs.train import prepare, train
from bionic_core.spec.spec import Spec
from bionic_core.training import compiled, precision
from bionic_core.training.compiled import CompiledStep, choose
from bionic_core.training.loop import start, step_once
from bionic_core.training.recipe import recipe_of
from tests.support import toys

EVERYTHING: dict[str, dict[str, Any]] = {
    name: {} for name in (*toys.STRUCTURE, "hebbian", "weight_decay", "label_smoothing")
}
PLAIN: dict[str, Any] = {"backend": "aot_eager"}
"""Everything but the code: graphs, their gradients, and what draws in them."""


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def both(spec: Spec, gated: tuple[str, ...] = (), **options: Any) -> list[tuple[Tensor, Tensor]]:
    """Take three steps each way, the last of a shorter batch; return losses and weights."""
    found, recipe = [], recipe_of(spec)
    for way in (step_once, CompiledStep):
        network = bionic.build(spec, seed=0, gated=gated).double().train()
        if gated:
            network.set_gates(**dict.fromkeys(gated[:1], False))
        state = start(network, recipe, 16)
        step = CompiledStep(network, 8, **options) if way is CompiledStep else step_once
        for number, count in enumerate((8, 8, 5)):
            network.seek(number)
            labels = torch.arange(count) % spec.model.classes
            pixels = images(network, count)
            loss, _ = step(network, state.optimizer, pixels, labels, dict(recipe.loss))
        found.append((loss, torch.cat([p.detach().flatten() for p in network.parameters()])))
    return found


def images(network: Network, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, *network.image, generator=generator, dtype=torch.float64)


CASES: Mapping[str, tuple[Mapping[str, Any], tuple[str, ...]]] = {
    "everything": ({}, ()),
    "packed": ({"storage": "packed"}, ()),
    "gates": ({}, ("inhibition", "noise")),
    "in time": ({"steps": 4, "projections": ["A->B", "B->C", "C->A"]}, ()),
}


@pytest.mark.parametrize(
    "case", ["everything", *(pytest.param(c, marks=pytest.mark.slow) for c in [*CASES][1:])]
)
def test_a_step_is_one_graph_and_its_numbers_are_the_plain_ones(case: str) -> None:
    """By ``fullgraph``: a call that cannot be traced is an error."""
    model, gated = CASES[case]
    (loss, weights), (other, others) = both(toys.spec(EVERYTHING, **model), gated, **PLAIN)
    torch.testing.assert_close(other, loss, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(others, weights, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full", "fast"])
def test_the_papers_model_is_one_graph_and_learns_the_same_numbers(name: str) -> None:
    spec = bionic.load(name)
    (loss, weights), (other, others) = both(spec, **PLAIN)
    torch.testing.assert_close(other, loss, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(others, weights, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
def test_products_may_be_rounded_in_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda _: True)
    spec = toys.spec(EVERYTHING)
    network = bionic.build(spec).train()
    step, pixels = CompiledStep(network, 8, **PLAIN), images(network, 8).float()
    exact, *_ = step.gradients(pixels, torch.arange(8) % 3, {}, "float32")
    network.seek(0)
    rounded, *_ = step.gradients(pixels, torch.arange(8) % 3, {}, "bfloat16")
    assert 0 < abs(float(exact - rounded)) < 0.1


@pytest.mark.slow
@pytest.mark.skipif(compiled.compiler() is None, reason="there is no C++ compiler")
def test_what_is_compiled_learns_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code and all, in float64."""
    monkeypatch.setenv(compiled.FOLDER, str(tmp_path))
    (loss, weights), (other, others) = both(toys.spec(EVERYTHING))
    torch.testing.assert_close(other, loss, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(others, weights, rtol=1e-10, atol=1e-10)
    assert [*tmp_path.iterdir()], "torch keeps it where it is told"


# --- the choice


def small(way: object, epochs: int = 2) -> Spec:
    keys = ["data.train=70", "data.test=70", f"training.max_epochs={epochs}"]
    chosen = json.dumps(way)
    keys += ["training.batch_size=20", f"training.compile={chosen}", "data.source=schematic"]
    return bionic.load("baseline", set=[*keys, "model.layers.H1=8", "model.layers.H2=8"])


@pytest.fixture
def graphs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the code out, which takes a minute."""

    def __init__(self: CompiledStep, network: Network, size: int) -> None:
        made(self, network, size, **PLAIN)

    made = CompiledStep.__init__
    monkeypatch.setattr(CompiledStep, "__init__", __init__)
    monkeypatch.setattr(compiled, "compiler", lambda: "g++")


def said(way: object, before: bool | None = None, epochs: int = 2) -> tuple[bool | None, list[str]]:
    spec = small(way, epochs)
    state, course = prepare(spec, 0, load_inputs(spec), torch.device("cpu"))
    kept = {name: value.clone() for name, value in state.network.state_dict().items()}
    told: list[str] = []
    choose(state, course, before, told.append)
    for name, value in state.network.state_dict().items():
        assert torch.equal(value, kept[name]), "trying leaves the network as it is"
    assert (state.step is not step_once) is bool(state.compiled)
    return state.compiled, told


def test_nothing_is_compiled_unasked(graphs_alone: None) -> None:
    assert said(False) == (None, [])


def test_auto_compiles_only_what_repays_it(
    graphs_alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, (words,) = said("auto")
    assert chosen is False
    assert "8 steps of" in words
    assert "could be saved, and compiling may take 60 s" in words
    monkeypatch.setattr(compiled, "COST", 0.0)
    for times, wanted, saying in (
        ([0.03, 0.02], True, "1.50 times as fast as plain ones (20 ms); kept in "),
        ([0.02, 0.03], False, "not compiled: compiled, they are 0.67 times as fast"),
    ):
        clock = iter([0.03, *times * compiled.PROBED])
        monkeypatch.setattr(compiled, "_seconds", lambda *_, c=clock: next(c))
        chosen, (words,) = said("auto")
        assert chosen is wanted
        assert saying in words


def test_what_cannot_be_compiled_is_refused_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "compiler", lambda: None)
    with pytest.raises(RequestError, match=r"training.compile = true: no C\+\+ compiler is found"):
        said(True)
    chosen, (words,) = said("auto")
    assert chosen is False
    assert words.startswith("steps are not compiled: no C++ compiler is found")
    chosen, (words,) = said("auto", before=True)
    assert chosen is False
    assert words.startswith("began with compiled steps and goes on without: steps are not")
    assert said("auto", before=False) == (False, [])
    monkeypatch.setattr(compiled, "compiler", lambda: "g++")
    monkeypatch.setattr(CompiledStep, "gradients", lambda *_: 1 / 0)
    with pytest.raises(RequestError, match=r"compiler fails on this model \(division by zero\)"):
        said(True)


def test_a_run_tells_how_its_steps_are_taken_and_goes_on_so(
    graphs_alone: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after an epoch and taken up, it ends with the same bits as one never stopped."""
    whole = train(small(True), seed=0, root=tmp_path / "whole", device="cpu")
    assert whole.manifest["compiled"] is True

    class Stopping(Observer):
        def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
            raise KeyError("stopped")

    monkeypatch.setattr(checkpoint, "SAVES_EVERY", 0.0)
    with pytest.raises(KeyError):
        train(small(True), seed=0, root=tmp_path / "cut", device="cpu", observer=Stopping())
    end = train(small(True), seed=0, root=tmp_path / "cut", device="cpu")
    assert [part["compiled"] for part in (end.manifest, *end.manifest["resumed"])] == [True, True]
    assert end.read(MODEL) == whole.read(MODEL)
    assert end.history[1]["train"] == whole.history[1]["train"]


def test_runs_and_studies_without_it_keep_their_names() -> None:
    spec, other = small(False), small(True)
    assert "compile" not in as_before(spec)["training"]
    assert as_before(other)["training"]["compile"] is True
    assert spec.training.compile is False
    for wrong in ("1", '"yes"'):
        with pytest.raises(RequestError, match=r"training\.compile"):
            bionic.load("demo", set=[f"training.compile={wrong}"])
