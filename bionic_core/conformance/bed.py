"""A test bed: the smallest networks that have every site at which a mechanism may act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bionic_core.base.strict import plain, structure
from bionic_core.conformance.laws import as_toml
from bionic_core.connectome import Connectome
from bionic_core.dataset import Dataset, Split
from bionic_core.errors import RequestError
from bionic_core.hookspecs import COMBINATION
from bionic_core.markers import PROJECT, hookimpl
from bionic_core.model.assembly import build
from bionic_core.model.combination import Pieces
from bionic_core.model.network import Network
from bionic_core.plugin import ConnectomeSource, DataSource, Mechanism
from bionic_core.registry import Registry
from bionic_core.sites import Features, Layer, ProjectionSite, Stage, Wiring
from bionic_core.spec.spec import Spec, compose

IMAGES = 5
"""Images of a batch: a number that is no layer's size, so that axes cannot be mistaken."""

CLASSES = 3


@attrs.frozen(eq=False)
class BedColumn(ConnectomeSource):
    """Cells of three excitatory types and an inhibitory one; with autapses, asymmetric."""

    name = "bed_column"

    def read(self) -> Connectome:
        """Return the wiring, the same each time."""
        return _column()


@cache
def _column() -> Connectome:
    types = ["a"] * 3 + ["b"] * 4 + ["c"] * 2 + ["i"] * 2
    rng = np.random.default_rng(0)
    wired = rng.random((len(types), len(types))) < 0.6
    wired[0, 0] = wired[3, 3] = True
    pre, post = np.nonzero(wired)
    return Connectome.of(
        cell_id=np.arange(len(types)),
        broad_type=["inhibitory" if kind == "i" else "excitatory" for kind in types],
        cell_type=types,
        position=rng.normal(size=(len(types), 3)),
        pre=pre,
        post=post,
        count=rng.integers(1, 6, len(pre)),
        size=rng.integers(10, 900, len(pre)).astype(float),
        provenance={"label": "test bed"},
    )


@attrs.frozen(eq=False)
class BedImages(DataSource):
    """Random images, twelve of them."""

    name = "bed_images"

    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the images, the same each time."""
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (4 * CLASSES, *image), np.uint8)
        part = Split(pixels, np.arange(4 * CLASSES) % CLASSES)
        return Dataset("test bed", tuple(map(str, range(CLASSES))), part, part)


@attrs.frozen(eq=False)
class BedFront(Mechanism):
    """A stage, for mechanisms that act on one; BCHW → BCHW."""

    name = "bed_front"
    kind = "functional"

    @hookimpl
    def features(self, stage: Stage) -> Features | None:
        """Answer for the first stage."""
        if stage.index > 0:
            return None
        return Features(nn.Conv2d(stage.shape[0], 2, 3, padding=1), nn.MaxPool2d(2))


@attrs.frozen(eq=False)
class BedRecurrent(Mechanism):
    """Projections within layers, for mechanisms that act on projections; BQ → BQ."""

    name = "bed_recurrent"
    kind = "structural"

    @hookimpl
    def current(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return layer.projection_to(layer)


@attrs.frozen(eq=False)
class BedWiring(Mechanism):
    """About half of the pairs, for mechanisms that could write where there is none."""

    name = "bed_wiring"
    kind = "structural"

    @hookimpl
    def wiring(self, projection: ProjectionSite) -> Wiring:
        """Answer for every projection."""
        sizes = projection.post.size, projection.pre.size
        return Wiring.of_mask(np.random.default_rng(sizes).random(sizes) < 0.5)


@attrs.frozen
class Place:
    """A kind of model that a mechanism may find itself in."""

    name: str
    model: Mapping[str, Any]
    cells: bool


def _place(name: str, *, cells: bool, image: tuple[int, int, int], **model: Any) -> Place:
    layers: dict[str, Any] = {"A": ["a"], "B": ["b"], "C": ["c"]}
    if not cells:
        layers = {"A": 3, "B": 4, "C": 2}
    graph = {"layers": layers, "projections": ["A->B", "B->C", "A->C"]}
    return Place(name, {**graph, "image": list(image), "classes": CLASSES, **model}, cells)


CELLS = _place("layers of cells", cells=True, image=(1, 16, 16))
SPARSE = _place("sparse storage", cells=True, image=(1, 16, 16), storage="sparse")
NUMBERS = _place("layers that are numbers, colour images", cells=False, image=(3, 16, 24))
SMALL = _place(
    "two layers",
    cells=True,
    image=(1, 16, 16),
    layers={"A": ["a"], "B": ["b"]},
    projections=["A->B"],
)


@attrs.frozen(eq=False)
class Piece:
    """A module that the mechanism put into a network."""

    hook: str
    site: str
    module: nn.Module

    @property
    def label(self) -> str:
        """``rate at A``."""
        return f"'{self.hook}' at {self.site}" if self.site else f"'{self.hook}'"


@attrs.define(eq=False)
class Call:
    """What a piece was given, and what it returned; None where it did not return."""

    piece: Piece
    inputs: tuple[Any, ...]
    output: Any = None


@attrs.frozen(eq=False)
class Bed:
    """A mechanism, what it needs, and networks with and without it.

    Attributes:
        cls, keys: the mechanism and its keys, as in a spec.
        others: further mechanisms in every network: what it requires, and what it acts on.
        registry: all of them.
    """

    cls: type[Mechanism]
    keys: Mapping[str, Any]
    others: tuple[str, ...]
    registry: Registry

    @classmethod
    def of(cls, mechanism: type[Mechanism] | Mechanism, registry: Registry | None = None) -> Bed:
        """Return the test bed of a mechanism, by class (with its defaults) or with its keys.

        Raises:
            RequestError: a key has no default, or what it requires is not installed.
        """
        kind = mechanism if isinstance(mechanism, type) else type(mechanism)
        keys = {} if isinstance(mechanism, type) else plain(mechanism)
        if not hasattr(kind, "name"):
            raise RequestError(f"{kind.__name__} has no name; give it the class attribute 'name'")
        _, problems = structure(keys, kind, kind.name)
        if problems:
            raise RequestError(problems)
        required = _required(kind, registry)
        hooks = {hook for one in (kind, *required) for hook in hooks_of(one)}
        others: list[type[Mechanism]] = [*required]
        if "features" not in hooks and hooks & {"surround", "modulate"}:
            others.append(BedFront)
        if hooks & {"wiring", "weight", "begin", "plasticity"}:
            others.append(BedRecurrent)
        if not hooks & {"wiring", "begin"}:  # half of the pairs may close no cycle
            others.append(BedWiring)
        known = Registry(()).including(kind, *others, BedColumn, BedImages)
        return cls(kind, keys, tuple(other.name for other in others), known)

    @property
    def name(self) -> str:
        """The mechanism's."""
        return self.cls.name

    @property
    def table(self) -> str:
        """The mechanism's table in a spec, as TOML."""
        return as_toml({"mechanisms": {self.name: dict(self.keys)}})

    def spec(self, place: Place = CELLS, *, present: bool = True) -> Spec:
        """Return the spec of a place, with the mechanism or without it."""
        document: dict[str, Any] = {
            "model": {**place.model, **({"steps": 3} if "state" in hooks_of(self.cls) else {})},
            "data": {"source": BedImages.name},
            "mechanisms": {other: {} for other in self.others},
        }
        if place.cells:
            document["connectome"] = {"source": BedColumn.name}
        if present:
            document["mechanisms"][self.name] = dict(self.keys)
        return compose(document, name=self.name, where=place.name, registry=self.registry)

    def network(
        self,
        place: Place = CELLS,
        *,
        present: bool = True,
        gated: bool = False,
        seed: int = 1,
        dtype: torch.dtype = torch.float64,
    ) -> Network:
        """Return a network in training mode, its random numbers at step 0."""
        spec = self.spec(place, present=present)
        network = build(spec, seed=seed, gated=(self.name,) if gated else (), tried=False)
        return network.to(dtype).train()

    def example(self, *lines: str) -> str:
        """Return an example as text: the mechanism's table, and what shows the fault."""
        return "\n".join([self.table, *(line for line in lines if line)])


def _required(kind: type[Mechanism], registry: Registry | None) -> list[type[Mechanism]]:
    """Return the mechanisms that this one requires, directly or through others."""
    found: dict[str, type[Mechanism]] = {}
    missing = [kind]
    while missing:
        needs = missing.pop().requires
        for name in needs if isinstance(needs, tuple) else ():
            if name not in found and name != kind.name:
                registry = registry or Registry.installed()
                found[name] = registry.get(name, Mechanism)
                missing.append(found[name])
    return list(found.values())


def hooks_of(cls: type[Mechanism]) -> tuple[str, ...]:
    """Return the hooks that a class implements, in the order of the forward pass."""
    found = set()
    for name in dir(cls):
        options = getattr(getattr(cls, name, None), f"{PROJECT}_impl", None)
        if isinstance(options, dict):
            found.add(options.get("specname") or name)
    return tuple(hook for hook in COMBINATION if hook in found)


def pieces_of(network: Network, name: str) -> list[Piece]:
    """Return the modules that a mechanism put into a network."""
    return [
        Piece(module.hook, module.site, module.get_submodule(name))
        for module in network.modules()
        if isinstance(module, Pieces) and name in module.mechanisms
    ]


@contextmanager
def watched(network: Network, name: str) -> Iterator[list[Call]]:
    """Note every call of a mechanism's modules within the block."""
    calls: list[Call] = []
    handles = []

    def watch(piece: Piece) -> None:
        def before(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            calls.append(Call(piece, inputs))

        def after(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            call = next(c for c in reversed(calls) if c.piece is piece and c.output is None)
            call.output = output

        handles.append(piece.module.register_forward_pre_hook(before))
        handles.append(piece.module.register_forward_hook(after))

    for piece in pieces_of(network, name):
        watch(piece)
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def images_for(network: Network, count: int = IMAGES) -> Tensor:
    """Return random images in [0, 1], B C H W, the same each time."""
    generator = torch.Generator().manual_seed(0)
    dtype = network.bridge.weight.dtype
    return torch.rand(count, *network.image, generator=generator, dtype=dtype)


def learned(network: Network, images: Tensor, step: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the logits in the network's mode, and the gradients, at a step."""
    network.seek(step)
    network.zero_grad()
    logits = network(images)
    labels = torch.arange(len(images)) % CLASSES
    torch.autograd.backward(functional.cross_entropy(logits, labels))
    found = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
    return logits.detach(), found
