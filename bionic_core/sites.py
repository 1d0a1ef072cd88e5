"""The places where mechanisms act, and what they answer with: the nouns of the hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from bionic_core.seeds import Stream

STAGE_NAMES = ("retina", "lgn")
"""Names of the first two front-end stages (§3.4.1: retina, then dLGN); then ``stage3`` …"""


class Builder(Protocol):
    """What a layer asks of the assembly that made it."""

    def project(self, pre: Layer, post: Layer) -> nn.Module:
        """Make a projection for the mechanism that is being asked."""

    def stream(self, site: str) -> Stream:
        """Make a stream of random numbers for the mechanism that is being asked."""


@attrs.frozen(eq=False)
class Stage:
    """A front-end stage.

    Attributes:
        name: ``retina``, ``lgn``, then ``stage3`` …
        index: 0 for the first.
        shape: (C, H, W) of what the answer will be given.
    """

    name: str
    index: int
    shape: tuple[int, int, int]


@attrs.frozen(eq=False)
class Features:
    """A stage's answer: ``module`` BCHW → BCHW, and ``pool``, applied after the ReLU."""

    module: nn.Module
    pool: nn.Module | None = None


@attrs.frozen(eq=False)
class Layer:
    """A layer of neurons.

    Attributes:
        name: as in the spec.
        size: number of neurons.
        cell_types: of which it consists; empty for a layer given as a plain integer.
        indices: the connectome's index of each neuron, int64 (size,), None for an integer.
    """

    name: str
    size: int
    cell_types: tuple[str, ...]
    indices: npt.NDArray[np.int64] | None
    _builder: Builder

    @property
    def cells(self) -> npt.NDArray[np.int64]:
        """The connectome's index of each neuron, int64 (size,).

        Raises:
            RequestError: the layer is a plain integer and has no cells.
        """
        if self.indices is None:
            raise RequestError(
                f"layer '{self.name}' is the plain integer {self.size} and has no cells. "
                f'Give it cell types (model.layers.{self.name} = ["…"]), or leave the mechanism out'
            )
        return self.indices

    def projection_to(self, post: Layer) -> nn.Module:
        """Return a new projection from this layer, BP → BQ, wired like any other."""
        return self._builder.project(self, post)

    def stream(self) -> Stream:
        """Return random numbers for a module that draws while it runs."""
        return self._builder.stream(self.name)


@attrs.frozen(eq=False)
class ProjectionSite:
    """A projection, as the hooks see it; ``pre is post`` within a layer.

    Attributes:
        owner: name of the mechanism that asked for it, empty for those of the spec.
    """

    pre: Layer
    post: Layer
    owner: str = ""

    @property
    def name(self) -> str:
        """``A->B``."""
        return f"{self.pre.name}->{self.post.name}"


@attrs.frozen(eq=False)
class NormSite:
    """A place to normalise: ``bridge``, a layer, or ``readout``, and the number of its units."""

    name: str
    size: int


@attrs.frozen(eq=False)
class Wiring:
    """The pairs that exist between P pre and Q post neurons.

    Attributes:
        pre, post: int64 (E,), positions within the two layers; no pair twice.
        scale: float64 (E,), factor on each initial weight; None for 1.
        count: int64 (E,), biological synapses of each pair, for reports; None if unknown.
        sender: int64 (P,), the pre neuron whose sign each pre neuron takes; None for its own.
        drawn: how the pairs were drawn, JSON-ready, for the manifest; its ``warning`` is said.
    """

    pre: npt.NDArray[np.int64]
    post: npt.NDArray[np.int64]
    scale: npt.NDArray[np.float64] | None = None
    count: npt.NDArray[np.int64] | None = None
    sender: npt.NDArray[np.int64] | None = None
    drawn: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of_mask(cls, mask: npt.NDArray[np.bool_]) -> Wiring:
        """Return the wiring of a boolean matrix, post × pre (Q, P)."""
        post, pre = np.nonzero(mask)  # rows are post neurons, as in a matrix of weights
        return cls(pre=pre, post=post)

    def __len__(self) -> int:
        return len(self.pre)

    def key(self, size: int) -> npt.NDArray[np.int64]:
        """Return one number for each pair; ``size`` is the number of pre neurons P."""
        return self.post * size + self.pre

    def by_post(self) -> Wiring:
        """Return the same pairs sorted by post neuron, then by pre."""
        return self._taken(np.lexsort((self.pre, self.post)))

    def intersect(self, other: Wiring, size: int) -> Wiring:
        """Return the pairs in both; scales multiply, counts are the first known."""
        _, mine, theirs = np.intersect1d(self.key(size), other.key(size), return_indices=True)
        one, two = self._taken(mine), other._taken(theirs)
        scales = [wiring.scale for wiring in (one, two) if wiring.scale is not None]
        return attrs.evolve(
            one,
            scale=np.prod(scales, axis=0) if scales else None,
            count=two.count if one.count is None else one.count,
            sender=two.sender if one.sender is None else one.sender,
            drawn={**two.drawn, **one.drawn},
        )

    def _taken(self, rows: npt.NDArray[np.int64]) -> Wiring:
        """Return the pairs of these rows, in their order."""
        kept: Any = {key: getattr(self, key) for key in ("pre", "post", "scale", "count")}
        kept = {key: None if value is None else value[rows] for key, value in kept.items()}
        return attrs.evolve(self, **kept)


class Synapses(Protocol):
    """A projection's weights, whatever their storage.

    Attributes:
        pre, post: int64 index tensors that broadcast against the values.
    """

    @property
    def pre(self) -> Tensor:
        """Index of the pre neuron of each value."""
        ...

    @property
    def post(self) -> Tensor:
        """Index of the post neuron of each value."""
        ...

    def correlate(self, pre: Tensor, post: Tensor) -> Tensor:
        """Return the batch mean of pre (BP) times post (BQ) in the shape of the values."""
        ...


PlasticityRule = Callable[["Tensor", "Tensor", "Tensor", Synapses], "Tensor"]
"""``(values, pre BP, post BQ, synapses) → Δ values``."""
