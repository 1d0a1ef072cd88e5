"""The paper's equations in plain NumPy, with loops where that is plainest."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core import Connectome

Array = npt.NDArray[np.float64]


def relu(x: Array) -> Array:
    return np.where(x > 0, x, 0.0)


def sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def convolve(x: Array, w: Array, b: Array) -> Array:
    """Correlation with zero padding that keeps the size; x BCHW, w OCkk; a loop over the kernel."""
    pad = w.shape[2] // 2
    height, width = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((len(x), len(w), height, width)) + b[None, :, None, None]
    for i in range(2 * pad + 1):
        for j in range(2 * pad + 1):
            part = padded[:, :, i : i + height, j : j + width]
            out += np.einsum("nchw,oc->nohw", part, w[:, :, i, j])
    return out


def neighbourhood_mean(x: Array, kernel: int) -> Array:
    """Mean over kernel × kernel, zeros outside the image counted."""
    pad = kernel // 2
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros_like(x)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            out[:, :, i, j] = padded[:, :, i : i + kernel, j : j + kernel].sum((2, 3)) / kernel**2
    return out


def pool(x: Array, size: int = 2) -> Array:
    """Maximum over size × size, without overlap."""
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, channels, height // size, size, width // size, size)
    result: Array = parts.max(axis=(3, 5))
    return result


def attend(x: Array, w1: Array, w2: Array, place: Array, bias: Array) -> Array:
    """Channel, then spatial attention."""
    z = x.mean(axis=(2, 3))
    s = sigmoid(relu(z @ w1.T) @ w2.T)
    x = x * s[:, :, None, None]
    return x * sigmoid(convolve(x, place, bias))


def normalise(x: Array, w: Array, b: Array, epsilon: float = 1e-5) -> Array:
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    result: Array = (x - mean) / np.sqrt(variance + epsilon) * w + b
    return result


def mask(connectome: Connectome, pre: list[int], post: list[int]) -> npt.NDArray[np.bool_]:
    """M, post × pre: true where there is at least one synapse, but not from a cell to itself."""
    existing = np.zeros((len(connectome.broad_type), len(connectome.broad_type)), bool)
    existing[connectome.post, connectome.pre] = True
    np.fill_diagonal(existing, False)
    return existing[np.ix_(post, pre)]


def inhibition(connectome: Connectome, post: list[int], weighting: str = "count") -> Array:
    """I: what each cell receives from all inhibitory cells."""
    amounts: Any = getattr(connectome, weighting)
    total = np.zeros(len(connectome.broad_type))
    for p, q, amount in zip(connectome.pre, connectome.post, amounts, strict=True):
        if connectome.broad_type[p] == "inhibitory":
            total[q] += amount
    return total[post]


Cells = dict[str, list[int]]

CELLS: Cells = {"A": [0, 1, 2, 3, 4], "B": [5, 6, 7, 8], "C": [9, 10, 11, 12, 13, 14]}
INPUTS: dict[str, list[str]] = {"A": [], "B": ["A"], "C": ["B", "A"]}


@attrs.frozen(eq=False)
class Model:
    """A state dict, the wiring, and what acts."""

    state: dict[str, Array]
    connectome: Connectome
    mechanisms: set[str]
    cells: Cells


def front_end(
    state: dict[str, Array], mechanisms: set[str], x: Array, out: dict[str, Array]
) -> Array:
    """Both stages and attention; fills ``out``."""
    for number, stage in enumerate(("retina", "lgn")):
        key = f"stages.{number}.features.convolution"
        out[f"{stage}.features"] = x = convolve(x, state[f"{key}.weight"], state[f"{key}.bias"])
        if stage == "retina" and "lateral" in mechanisms:
            x = x - 0.5 * neighbourhood_mean(x, 5)
        out[f"{stage}.surround"] = x
        out[f"{stage}.out"] = x = pool(relu(x))
    if "attention" in mechanisms:
        keys = ("squeeze.weight", "excite.weight", "place.weight", "place.bias")
        x = attend(x, *(state[f"modulate.attention.{key}"] for key in keys))
    out["modulate"] = x
    return x


def norm(state: dict[str, Array], mechanisms: set[str], key: str, value: Array) -> Array:
    if "layernorm" not in mechanisms:
        return value
    return normalise(value, state[f"{key}.layernorm.weight"], state[f"{key}.layernorm.bias"])


def project(model: Model, key: str, value: Array, pre: str, post: str) -> Array:
    weight = model.state[f"{key}.values"]
    if "masks" in model.mechanisms:
        weight = weight * mask(model.connectome, model.cells[pre], model.cells[post])
    return value @ weight.T + model.state[f"{key}.bias"]


def through(
    model: Model,
    layer: str,
    before: list[str],
    h: Array,
    noise: Array | None,
    out: dict[str, Array],
) -> Array:
    """A layer's output; ``h`` is the bridge's, for the layer with none before. Fills ``out``."""
    key = f"layers.{layer}"
    if before:
        terms = [
            project(model, f"{key}.projections.{pre}", out[f"{pre}.out"], pre, layer)
            for pre in before
        ]
        h = relu(np.sum(terms, axis=0))
    out[f"{layer}.projections"] = h
    total = h
    if "intra" in model.mechanisms:
        current = project(model, f"{key}.current.intra", h, layer, layer)
        out[f"{layer}.current.intra"] = current
        total = h + current
    if "inhibition" in model.mechanisms:
        amount = inhibition(model.connectome, model.cells[layer])
        alpha = sigmoid(model.state[f"{key}.gain.inhibition.logit"])
        gain = 1 - alpha * amount / (amount.max() + 1e-8)
        out[f"{layer}.gain.inhibition"] = gain
        total = total * gain
    out[f"{layer}.gain"] = h = relu(total)
    if noise is not None:
        h = h + noise
    out[f"{layer}.rate"] = h
    out[f"{layer}.norm"] = out[f"{layer}.out"] = h = norm(
        model.state, model.mechanisms, f"{key}.norm", h
    )
    return h


def trace(
    state: dict[str, Array],
    connectome: Connectome,
    mechanisms: set[str],
    pixels: Array,
    noise: dict[str, Array] | None = None,
    *,
    cells: Cells = CELLS,
    inputs: dict[str, list[str]] = INPUTS,
) -> dict[str, Array]:
    """Every intermediate from the state dict, of the toy network (tests/support/toys.py) by
    default.

    ``cells`` are the layers' indices in the connectome, ``inputs`` the layers that project to each.
    """
    out: dict[str, Array] = {}
    out["image"] = x = (pixels - 0.5) / 0.5
    if "convolution" in mechanisms:
        x = front_end(state, mechanisms, x, out)
    h = x.reshape(len(x), -1)
    out["bridge"] = h = h @ state["bridge.weight"].T + state["bridge.bias"]
    out["bridge.norm"] = h = norm(state, mechanisms, "bridge_norm", h)
    out["bridge.out"] = h = relu(h)
    model = Model(state, connectome, mechanisms, cells)
    for layer, before in inputs.items():
        h = through(model, layer, before, h, None if noise is None else noise[layer], out)
    out["readout.norm"] = h = norm(state, mechanisms, "readout_norm", h)
    out["readout"] = h @ state["readout.weight"].T + state["readout.bias"]
    return out
