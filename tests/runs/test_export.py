"""Exported networks give the numbers of evaluation mode, in other programs too."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bionic_core import Registry, RequestError
from bionic_core.runs.export import METADATA, export
from bionic_core.runs.folder import Run
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose
from tests.cli.test_cli import Bionic, bionic  # noqa: F401
from tests.support.toys import STRUCTURE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small network with every mechanism that has a part in the forward pass."""
    document = {
        "model": {"layers": {"A": ["5P-NP"], "B": ["5P-ET"]}, "projections": ["A->B"]},
        "connectome": {"source": "column"},
        "data": {"source": "schematic", "train": 140, "test": 70},
        "training": {"max_epochs": 1, "patience": 0},
        "mechanisms": {name: {} for name in (*STRUCTURE, "hebbian")},
    }
    spec = compose(document, name="small", registry=Registry.installed())
    return train(spec, root=tmp_path_factory.mktemp("runs"), device="cpu")


def expected(run: Run, images: torch.Tensor) -> torch.Tensor:
    spec = run.spec()
    assert spec.connectome is not None
    with torch.no_grad():
        logits: torch.Tensor = run.network(spec, spec.connectome.read()).eval()(images)
    return logits


@pytest.mark.parametrize("batch", [1, 5])
def test_torch_gives_the_same_numbers_for_any_batch(run: Run, tmp_path: Path, batch: int) -> None:
    said = export(run, "torch-export", tmp_path / "model.pt2")
    extra = {METADATA: ""}
    program = torch.export.load(tmp_path / "model.pt2", extra_files=extra)
    images = torch.rand(batch, 1, 48, 48)
    torch.testing.assert_close(program.module()(images), expected(run, images), rtol=0, atol=1e-5)
    about = json.loads(extra[METADATA])
    assert about["class_names"] == run.manifest["class_names"]
    assert (about["run"], about["input"]) == (run.hash, said.input)


def test_onnxruntime_gives_the_same_numbers_for_any_batch(
    run: Run,
    tmp_path: Path,
    bionic: Bionic,  # noqa: F811
) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    pytest.importorskip("onnxscript", reason="needs bionic-connectome[onnx]")
    path = tmp_path / "model.onnx"
    said = bionic("export", str(run.folder), "--out", str(path), "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["bytes"] == path.stat().st_size
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        images = torch.rand(batch, 1, 48, 48)
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        np.testing.assert_allclose(logits, expected(run, images).numpy(), atol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["bionic.class_names"]) == run.manifest["class_names"]
    assert about["bionic.run"] == run.hash
    assert not [*tmp_path.glob(".*")], "nothing half-written is left"
    sides = [*session.get_inputs(), *session.get_outputs()]
    assert [side.shape[0] for side in sides] == ["batch", "batch"]
    beside = json.loads(next(tmp_path.glob("*.onnx.json")).read_text())
    assert beside["preprocessing"]["shape"] == [1, 48, 48]
    assert beside["class_names"] == list(run.manifest["class_names"])


def test_requests_that_cannot_be_met(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestError, match=r"--format tflite: must be one of onnx, torch-export"):
        export(run, "tflite")
    with pytest.raises(RequestError, match=r"--out .*: there is no folder"):
        export(run, "torch-export", tmp_path / "none" / "model.pt2")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "bionic_core.runs.export.find_spec", lambda name: None if name == "onnx" else find(name)
    )
    with pytest.raises(RequestError, match=r"needs onnx .*pip install 'bionic-connectome\[onnx\]'"):
        export(run, "onnx", tmp_path / "model.onnx")
    assert not [*tmp_path.iterdir()]


def test_sparse_storage_is_written_as_matrices(run: Run, tmp_path: Path) -> None:
    sparse = run.spec().document() | {"mechanisms": {"masks": {}}}
    sparse["model"] = sparse["model"] | {"storage": "sparse"}
    spec = compose(sparse, name="sparse", registry=Registry.installed())
    stored = train(spec, root=tmp_path, device="cpu")
    export(stored, "torch-export", tmp_path / "model.pt2")
    images = torch.rand(3, 1, 48, 48)
    logits = torch.export.load(tmp_path / "model.pt2").module()(images)
    torch.testing.assert_close(logits, expected(stored, images), rtol=0, atol=1e-5)
