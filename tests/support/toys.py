"""A toy column, toy specs, and toy mechanisms, small enough for arithmetic by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn

import bionic_core as bionic
from bionic_core import Connectome, ConnectomeSource, Layer, Mechanism, NormSite, hookimpl
from bionic_core.model.network import Network
from bionic_core.spec.spec import compose

TYPES = ["a"] * 5 + ["b"] * 4 + ["c"] * 6 + ["i"] * 3
BROAD = ["excitatory"] * 15 + ["inhibitory"] * 3

STRUCTURE = (
    "convolution",
    "lateral",
    "attention",
    "masks",
    "intra",
    "inhibition",
    "noise",
    "layernorm",
)


def column() -> Connectome:
    """18 cells; asymmetric, with autapses, with a cell that no inhibition reaches."""
    rng = np.random.default_rng(7)
    wired = rng.random((18, 18)) < 0.45
    wired[0, 0] = wired[10, 10] = True
    wired[15:, 2] = False
    pre, post = np.nonzero(wired)
    return Connectome.of(
        cell_id=np.arange(18) + 864691135000000000,
        broad_type=BROAD,
        cell_type=TYPES,
        position=rng.normal(size=(18, 3)),
        pre=pre,
        post=post,
        count=rng.integers(1, 6, len(pre)),
        size=rng.integers(10, 9000, len(pre)).astype(float),
        provenance={"label": "toy"},
    )


@attrs.frozen(eq=False)
class Toy(ConnectomeSource):
    """The toy column."""

    name = "toy"

    def read(self) -> Connectome:
        return column()


REGISTRY = bionic.Registry.installed().including(Toy)


def document(mechanisms: Mapping[str, Any], **model: Any) -> dict[str, Any]:
    """A spec of three layers of the toy column, with a projection that skips one."""
    return {
        "model": {
            "layers": {"A": ["a"], "B": ["b"], "C": ["c"]},
            "projections": ["A->B", "B->C", "A->C"],
            "image": [1, 8, 8],
            "classes": 3,
        }
        | model,
        "connectome": {"source": "toy"},
        "data": {"source": "schematic"},
        "mechanisms": {name: dict(keys) for name, keys in mechanisms.items()},
    }


def spec(
    mechanisms: Mapping[str, Any] | tuple[str, ...] = STRUCTURE,
    plugins: tuple[type[Mechanism], ...] = (),
    **model: Any,
) -> bionic.Spec:
    """A checked toy spec; ``plugins`` are further classes that it may name."""
    tables = mechanisms if isinstance(mechanisms, Mapping) else {name: {} for name in mechanisms}
    return compose(
        document(tables, **model), name="toy", where="toy", registry=REGISTRY.including(*plugins)
    )


def network(
    mechanisms: Mapping[str, Any] | tuple[str, ...] = STRUCTURE,
    plugins: tuple[type[Mechanism], ...] = (),
    *,
    seed: int = 3,
    gated: tuple[str, ...] = (),
    **model: Any,
) -> Network:
    """A toy network in float64, in evaluation mode."""
    built = bionic.build(spec(mechanisms, plugins, **model), seed=seed, gated=gated)
    return built.double().eval()


def images(count: int = 4, side: int = 8, seed: int = 0) -> Tensor:
    """Random images in [0, 1], float64."""
    values = np.random.default_rng(seed).random((count, 1, side, side))
    return torch.as_tensor(values)


def finite_difference(
    function: Callable[[], Tensor], parameter: Tensor, places: list[tuple[int, ...]]
) -> list[float]:
    """Central differences of a scalar function by single elements of a parameter."""
    step, slopes = 1e-6, []
    with torch.no_grad():
        for place in places:
            kept = parameter[place].item()
            values = []
            for sign in (1, -1):
                parameter[place] = kept + sign * step
                values.append(function().item())
            parameter[place] = kept
            slopes.append((values[0] - values[1]) / (2 * step))
    return slopes


class Plus(nn.Module):
    """Adds a constant, or multiplies by one."""

    def __init__(self, amount: float, *, times: bool = False) -> None:
        super().__init__()
        self.amount = amount
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return x * self.amount if self.times else x + self.amount


@attrs.frozen(eq=False)
class Add(Mechanism):
    """Adds 1 to rates and norms."""

    name = "add"
    kind = "functional"

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return Plus(1.0)

    @hookimpl
    def norm(self, site: NormSite) -> nn.Module | None:
        return Plus(1.0) if site.name == "readout" else None


@attrs.frozen(eq=False)
class Double(Mechanism):
    """Doubles rates."""

    name = "double"
    kind = "functional"

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return Plus(2.0, times=True)


def without_sums(folder: Path) -> None:
    """Make a complete run's folder one from before there were checksums."""
    (folder / "SHA256SUMS").unlink(missing_ok=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.pop("checksums", None)
    (folder / "manifest.json").write_text(json.dumps(manifest))
