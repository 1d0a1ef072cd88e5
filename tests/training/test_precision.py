"""A spec allows less precise products; where the device gains nothing by them, they are exact."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bionic_core.actions.work import say_precision
from bionic_core.runs.files import MODEL
from bionic_core.training import optimizers, precision
from bionic_core.training.precision import has_bfloat16, in_words, lowered, taken_in
from tests.runs.test_runs import Stop, cut_after, run, small
from tests.support.observers import told
from tests.support.stacks import spec

CPU, GPU = torch.device("cpu"), torch.device("cuda")

Having = Callable[[bool], None]


@pytest.fixture
def having(monkeypatch: pytest.MonkeyPatch) -> Having:
    """Have, or lack, bfloat16 on this machine, whatever it has."""

    def pretend(there: bool) -> None:
        monkeypatch.setattr(precision, "has_bfloat16", lambda device: there)

    return pretend


def test_what_products_are_taken_in(having: Having, monkeypatch: pytest.MonkeyPatch) -> None:
    for there in (True, False):
        having(there)
        for device in (CPU, GPU):
            assert taken_in("bfloat16", device) == ("bfloat16" if there else "float32")
            assert taken_in("float32", device) == "float32"
            assert in_words("float32", device) == ""
        assert taken_in("tf32", CPU) == "float32"
        with lowered("bfloat16", CPU, cached=True):
            found = torch.ones(2, 2) @ torch.ones(2, 2)
        assert found.dtype is (torch.bfloat16 if there else torch.float32)
    for capability, name in (((7, 5), "float32"), ((8, 0), "tf32"), ((9, 0), "tf32")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, c=capability: c)
        assert taken_in("tf32", GPU) == name


@pytest.mark.parametrize(
    ("machine", "there", "expected"),
    [
        ("x86_64", ["_is_avx512_bf16_supported"], True),
        ("AMD64", ["_is_amx_tile_supported"], True),
        ("x86_64", ["_is_avx512_supported"], False),
        ("x86_64", [], False),
    ],
)
def test_processors_with_instructions_for_bfloat16(
    monkeypatch: pytest.MonkeyPatch, machine: str, there: list[str], expected: bool
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_avx512_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name in there)
    has_bfloat16.cache_clear()
    assert has_bfloat16("cpu") is expected
    has_bfloat16.cache_clear()


def test_other_processors_and_gpus_answer_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    has_bfloat16.cache_clear()
    assert not has_bfloat16("cuda"), "a GPU that only emulates it has none"
    assert isinstance(has_bfloat16("cpu"), bool)
    has_bfloat16.cache_clear()


def lower(epochs: int = 2, **training: Any) -> Any:
    return small(epochs=epochs, training={"precision": "bfloat16"} | training)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_runs_are_trained_in_float32_where_the_processor_lacks_bfloat16(
    tmp_path: Path, having: Having, optimizer: str
) -> None:
    having(False)
    exact = run(small(training={"optimizer": optimizer}), tmp_path)
    other = run(lower(optimizer=optimizer), tmp_path / "lacking")
    having(True)
    rounded = run(lower(optimizer=optimizer), tmp_path / "having")
    assert [r.manifest["products"] for r in (exact, other, rounded)] == [
        "float32",
        "float32",
        "bfloat16",
    ]
    assert other.hash == rounded.hash, "one name wherever it is trained"
    weights = [load_file(r.folder / MODEL)["readout.weight"] for r in (exact, other, rounded)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


def test_a_run_that_goes_on_with_other_products_says_so(tmp_path: Path, having: Having) -> None:
    having(True)
    with pytest.raises(Stop):
        run(lower(), tmp_path, observer=cut_after(1))
    having(False)
    said: list[str] = []
    resumed = run(lower(), tmp_path, observer=told(note=lambda task, words: said.append(words)))
    assert said == [
        "began with products in bfloat16 and goes on in float32, so its numbers will be those of "
        "neither alone"
    ]
    assert resumed.manifest["products"] == "bfloat16"
    assert resumed.manifest["resumed"][-1]["products"] == "float32"


def test_a_command_says_once_that_products_are_exact(having: Having) -> None:
    said: list[str] = []
    specs = [spec(precision="bfloat16"), spec(precision="bfloat16", lr=1e-3), spec()]
    having(True)
    say_precision(specs, "cpu", said.append)
    assert not said
    having(False)
    say_precision(specs, "cpu", said.append)
    assert said == [
        "products are taken in float32 here, not in bfloat16, for which this processor has no "
        "instructions"
    ]
    assert "this GPU has no" in in_words("bfloat16", GPU)


# --- Muon


@pytest.mark.parametrize("shape", [(40, 96), (96, 40)])
def test_muons_iterations_in_float32_are_newtons_and_schulzs(
    having: Having, shape: tuple[int, int]
) -> None:
    """Three steps against NumPy in float64, and torch's in bfloat16."""
    drawn = torch.Generator().manual_seed(3)
    gradients = [torch.randn(shape, generator=drawn) for _ in range(3)]
    start = torch.randn(shape, generator=drawn)
    found = []
    for there in (False, True):
        having(there)
        weights = nn.Parameter(start.clone())
        optimizer = optimizers.Muon([weights], 0.02, 3, wide_decay=0.4)
        for gradient in gradients:
            weights.grad = gradient.clone()
            optimizer.step()
        found.append(weights.detach().double().numpy())
        assert set(optimizer.state[weights]) == {"momentum_buffer"}
    expected, buffer = start.double().numpy(), np.zeros(shape)
    for one in gradients:
        gradient64 = one.double().numpy()
        buffer = 0.95 * buffer + 0.05 * gradient64
        update = 0.05 * gradient64 + 0.95 * buffer
        x = update / np.linalg.norm(update)
        x = x.T if shape[0] > shape[1] else x
        for _ in range(3):
            gram = x @ x.T
            x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
        x = x.T if shape[0] > shape[1] else x
        expected = expected * (1 - 0.02 * 0.4) - 0.02 * 0.2 * np.sqrt(max(shape)) * x
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=2e-6)
    assert 1e-4 < np.abs(found[1] - expected).max() < 5e-3, "bfloat16 has three digits"
