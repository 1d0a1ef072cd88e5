"""A trained network in a file that other programs run: ONNX, or torch's own export.

The exported graph is the network in evaluation mode: ``images``, float32 (B, C, H, W) in [0, 1], B
any number → ``logits``, float32 (B, classes). Scaling is inside. What the file is and what its
classes are called is written into it, and with the preprocessing into a ``.json`` beside it.
Weights that are stored one for each connection are written as matrices.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import torch

from bionic_core.base.files import write_atomically, write_text
from bionic_core.base.strict_json import json_text
from bionic_core.errors import RequestError, listing
from bionic_core.registry.extras import install
from bionic_core.runs.folder import Run
from bionic_core.runs.wiring import with_wiring

SUFFIXES = {"onnx": ".onnx", "torch-export": ".pt2"}
"""The formats, and the suffix of a file of each."""

PREPROCESSING: dict[str, Any] = {
    "orientation": "as EXIF says",
    "transparent": "laid over black",
    "crop": "the largest rectangle about the centre with the width to height of shape",
    "resize": "to shape, channels × height × width; 1 channel is grey",
    "values": "from 0, black, to 1, white; the graph itself scales them to −1 … 1",
}
"""What :func:`bionic_core.pictures.read_picture` does before a picture is the graph's input."""

METADATA = "bionic.json"
"""The name under which ``torch.export``'s archive holds what the file is about."""


@attrs.frozen
class Exported:
    """A network in a file.

    Attributes:
        run: the run's identity.
        name: its spec's.
        input, output: what goes in and comes out, in words.
        selected_on: the split that chose the weights.
    """

    run: str
    name: str
    class_names: tuple[str, ...]
    input: str
    output: str
    selected_on: str
    file: str
    format: str
    bytes: int


def export(run: Run, form: str, out: Path | None = None, wirings: Sequence[Path] = ()) -> Exported:
    """Write a trained network into a file; return what was written.

    Args:
        run: a complete run.
        form: ``onnx`` or ``torch-export``.
        out: the file; else ``model.onnx`` or ``model.pt2`` in the run's folder.
        wirings: files in which the run's own wiring may be, where it is not with the run.

    Raises:
        RequestError: there is no such format, an extra is missing, or the run is not complete or
            does not fit what is installed.
        WriteError: the disk is full, or writing is not allowed there.
    """
    if form not in SUFFIXES:
        raise RequestError(f"--format {form}: must be one of {listing(SUFFIXES)}")
    if form == "onnx" and not (find_spec("onnx") and find_spec("onnxscript")):
        raise RequestError(
            "--format onnx needs onnx and onnxscript, which are not installed here: "
            + install("onnx")
        )
    path = out or run.folder / f"model{SUFFIXES[form]}"
    if not path.parent.is_dir():
        raise RequestError(f"--out {path}: there is no folder {path.parent}")
    result, spec = run.result, with_wiring(run, run.spec(), wirings)
    connectome = spec.connectome.read() if spec.connectome is not None else None
    dense = attrs.evolve(spec, model=attrs.evolve(spec.model, storage="dense"))
    network = run.network(dense, connectome).eval()
    about: dict[str, Any] = {
        "run": run.hash,
        "name": run.manifest["name"],
        "class_names": run.manifest["class_names"],
        "input": f"images, float32 (batch, {', '.join(map(str, spec.model.image))}) in [0, 1]",
        "output": f"logits, float32 (batch, {spec.model.classes})",
        "selected_on": result.selected_on,
    }
    program = torch.export.export(
        network,
        (torch.zeros(2, *spec.model.image),),
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    with write_atomically(path) as file:
        if form == "onnx":
            file.write(_onnx(program, about))
        else:
            torch.export.save(program, file, extra_files={METADATA: json_text(about)})
    told = {**about, "preprocessing": PREPROCESSING | {"shape": list(spec.model.image)}}
    write_text(path.with_name(f"{path.name}.json"), json_text(told, indent=1))
    return Exported(**about, file=str(path), format=form, bytes=path.stat().st_size)


def _name_batch(graph: Any) -> None:
    """Call the first dimension of images, and all that equal it, ``batch``."""
    symbol = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*graph.input, *graph.output, *graph.value_info):
        for side in value.type.tensor_type.shape.dim:
            if side.dim_param == symbol:
                side.dim_param = "batch"


def _onnx(program: torch.export.ExportedProgram, about: dict[str, Any]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the exporter's own libraries
        made = torch.onnx.export(
            program, (), input_names=["images"], output_names=["logits"], dynamo=True, verbose=False
        )
    assert made is not None
    model = made.model_proto
    _name_batch(model.graph)
    for key, value in about.items():
        entry = model.metadata_props.add()
        entry.key = f"bionic.{key}"
        entry.value = value if isinstance(value, str) else json_text(value)
    data: bytes = model.SerializeToString()
    return data
