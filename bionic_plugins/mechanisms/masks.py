"""Connectivity masks: only connections that the connectome has (§3.4.2 (3)), and their controls."""

from __future__ import annotations

from typing import Any, Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field
from attrs.validators import ge, in_, optional

from bionic_core import (
    DRAWS,
    LADDER,
    NEUTRAL,
    NUMERICS,
    UNIT,
    Block,
    Connectome,
    Layer,
    Mechanism,
    ProjectionSite,
    RequestError,
    Wiring,
    hookimpl,
)
from bionic_plugins.mechanisms import rewiring

Level = Literal[
    "real", "rewired", "type-shuffled", "distance", "random", "reciprocal", "signs", "dense"
]
LEVELS: tuple[Level, ...] = tuple(level for level in get_args(Level) if level != "signs")
"""Those that say where connections are; ``signs`` leaves them where they are."""

DRAWN: tuple[Level, ...] = tuple(one for one in get_args(Level) if one not in ("real", "dense"))
"""Those that are one draw of many."""

STEPS: tuple[Level, ...] = (
    "dense",
    "random",
    "distance",
    "type-shuffled",
    "rewired",
    "reciprocal",
    "real",
)
"""Each keeps more of the real wiring than the one before (the table of :class:`Masks`)."""


_REDRAWN = ("rewired", "type-shuffled", "reciprocal")


class _Required:
    """What a mechanism requires whose wiring may shuffle signs: then, one that gives them."""

    def __get__(self, masks: Masks | None, kind: type[Masks]) -> tuple[str, ...]:
        return ("signs",) if masks is not None and masks.wiring_ == "signs" else ()


@attrs.frozen(eq=False)
class Masks(Mechanism):
    """``W ⊙ M``: M is true where the connectome has at least one synapse (post × pre, Q × P).

    Between layers and, where a layer projects to itself, within (N_k; autapses dropped). A
    masked weight is zero and stays zero, whatever trains it.

    ``wiring`` asks what it is about the wiring that matters: every control has exactly as many
    connections as the real wiring, *in each projection*. Controls are drawn for each projection
    alone, from the cells of its two layers, so that no control changes how dense a projection is
    or how strongly a layer is inhibited: the connectome that other mechanisms read is the real
    one. Each seed of a study draws a control of its own, unless ``draw`` says which, and each
    projection from its own stream.

    ============= =========================================== ================================
    ``wiring``    kept exactly, in each projection            destroyed
    ============= =========================================== ================================
    real          everything
    rewired       each neuron's in- and out-degree            who connects to whom
    reciprocal    those, and how many of them are mutual      who connects to whom
    type-shuffled connections from each cell type to each     degrees, place, who to whom
    distance      connections at each soma distance (20 bins) degrees, types, who to whom
    random        number of connections                       degrees, types, place, who to whom
    signs         every connection, number of each sign       which pre neuron has which sign
    dense         nothing: all pairs, as without masks        sparseness too
    ============= =========================================== ================================

    ``rewired`` and ``reciprocal`` are mixed until their overlap with the real wiring has settled
    (:mod:`bionic_plugins.mechanisms.switching`); the overlap after each round is in ``bionic build
    --json`` and in a run's manifest, with a warning where it did not settle. Between two layers no
    connection is mutual, and ``reciprocal`` is ``rewired``. ``signs`` shuffles the signs of a
    layer's cells, the same for all its projections, and requires the mechanism that gives them.

    Attributes:
        wiring: as above. ``dense`` equals leaving the mechanism out: the other keys then have
            no meaning.
        init: initial weights uniform in ±1/√f, where f is a neuron's number of wired inputs
            (``fan-in``) or all P of them, as for a dense layer (``dense``).
        threshold: only connections of at least so many synapses; before the control is drawn.
        weighting: initial weights all on one scale (``binary``), or scaled by the connection's
            number of synapses (``count``) or summed synapse size (``size``), divided by its root
            mean square over the neuron's inputs, so that the variance of the neuron's input is
            that of ``binary``. Controls carry counts and sizes along with the connections.
        draw: number of the control, 0 or more, whatever the seed; None for one of each seed's own.
            Draw k is the control that seed k draws of its own. ``real`` and ``dense`` draw none.
    """

    name = "masks"
    kind = "structural"
    requires = _Required()
    source = (
        "BioNIC §3.4.2 (3)-(4), W ⊙ M and U ⊙ N; controls in bionic_plugins.mechanisms.rewiring"
    )

    wiring_: Level = field(
        default="real",
        alias="wiring",
        validator=in_(get_args(Level)),
        # Drawn otherwise than at first.
        metadata={NUMERICS: dict.fromkeys(_REDRAWN, 1), LADDER: STEPS},
    )
    init: Literal["fan-in", "dense"] = field(default="fan-in", validator=in_(("fan-in", "dense")))
    threshold: int = field(default=1, validator=ge(1), metadata={UNIT: "synapses", NEUTRAL: True})
    weighting: Literal["binary", "count", "size"] = field(
        default="binary", validator=in_(("binary", "count", "size")), metadata={NEUTRAL: True}
    )
    draw: int | None = field(
        default=None,
        validator=optional(ge(0)),
        metadata={UNIT: "1", NEUTRAL: True, DRAWS: {"wiring": DRAWN}},
    )

    def void(self, training: object) -> str:
        """Say why it does nothing, if so."""
        return "wiring is dense" if self.wiring_ == "dense" else ""

    @hookimpl
    def wiring(self, projection: ProjectionSite, connectome: Connectome | None) -> Wiring | None:
        """Answer for every projection."""
        if self.wiring_ == "dense":
            return None
        if connectome is None:
            raise RequestError("there is no connectome; add a [connectome] table to the spec")
        block = self._block(projection, connectome)
        (pre, post, origin), drawn = self._connections(block, projection, connectome)
        sender = None
        if self.wiring_ == "signs":
            sender, drawn = _shuffled(projection.pre, connectome, self.draw)
        count = block.count[origin]
        scale = self._strength(block, origin, post, projection.post.size)
        if self.init == "fan-in":
            inputs = np.bincount(post, minlength=projection.post.size)
            fan_in = np.sqrt(projection.pre.size / inputs[post])
            scale = fan_in if scale is None else scale * fan_in
        return Wiring(pre=pre, post=post, scale=scale, count=count, sender=sender, drawn=drawn)

    def _block(self, projection: ProjectionSite, connectome: Connectome) -> Block:
        """Return the projection's connections, less autapses and those below the threshold."""
        block = connectome.block(projection.pre.cells, projection.post.cells)
        kept = block.count >= self.threshold
        if not kept.any() and len(kept):
            raise RequestError(
                f"threshold = {self.threshold}: no connection {projection.name} has so many "
                f"synapses; the strongest has {block.count.max()}. Lower mechanisms.masks.threshold"
            )
        if projection.pre is projection.post:
            kept &= block.pre != block.post
        return attrs.evolve(
            block,
            pre=block.pre[kept],
            post=block.post[kept],
            count=block.count[kept],
            size=block.size[kept],
        )

    def _connections(
        self, block: Block, projection: ProjectionSite, connectome: Connectome
    ) -> tuple[rewiring.Connections, dict[str, Any]]:
        """Return the connections that this level has instead of the real ones, and how drawn."""
        pre, post = block.pre, block.post
        cells = projection.pre.cells, projection.post.cells
        within = projection.pre is projection.post
        if self.wiring_ in ("real", "signs"):
            return rewiring.Connections(pre, post, np.arange(len(pre))), {}
        rng = _generator(projection.name, self.draw)
        if self.wiring_ in ("rewired", "reciprocal"):
            if self.wiring_ == "reciprocal" and within:
                found, mixing = rewiring.reciprocal(pre, post, rng)
            else:
                found, mixing = rewiring.mixed(pre, post, rng, within=within)
            return found, _told(mixing, projection.name, self.wiring_)
        if self.wiring_ == "random":
            return rewiring.uniform(pre, post, block.shape, rng, within=within), {}
        if self.wiring_ == "type-shuffled":
            _, number = np.unique(connectome.cell_type, return_inverse=True)
            types = number[cells[0]], number[cells[1]]
            return rewiring.type_shuffled(pre, post, types, rng, within=within), {}
        positions = connectome.position[cells[0]], connectome.position[cells[1]]
        place = np.concatenate(positions)
        if not np.isfinite(place).all() or (place == place[0]).all():
            raise RequestError(
                'wiring = "distance": needs the place of every soma, and the connectome '
                f"({connectome.label}) lacks some of the layers {projection.name}. Take another "
                f"control: {', '.join(level for level in LEVELS[1:] if level != 'distance')}"
            )
        return rewiring.by_distance(pre, post, positions, rng, within=within), {}

    def _strength(
        self,
        block: Block,
        origin: npt.NDArray[np.int64],
        post: npt.NDArray[np.int64],
        neurons: int,
    ) -> npt.NDArray[np.float64] | None:
        """Return each connection's strength, of root mean square 1 over a neuron's inputs."""
        if self.weighting == "binary":
            return None
        strength = (block.count if self.weighting == "count" else block.size)[origin] * 1.0
        inputs = np.bincount(post, minlength=neurons)
        square = np.bincount(post, weights=strength**2, minlength=neurons)
        strength[square[post] == 0] = 1.0  # sizes that are all zero tell nothing apart
        square[square == 0] = inputs[square == 0]
        result: npt.NDArray[np.float64] = strength / np.sqrt(square / np.maximum(inputs, 1))[post]
        return result


def _told(mixing: rewiring.Mixing, name: str, level: str) -> dict[str, Any]:
    """Return how a rewiring went, for the manifest, with a warning where it did not settle."""
    shares = {key: [round(x, 5) for x in getattr(mixing, key)] for key in ("overlap", "hubs")}
    told = {"rounds": len(mixing.overlap) - 1, **shares, "settled": mixing.settled}
    if not mixing.settled:
        told["warning"] = (
            f'the overlap of wiring = "{level}" {name} with the real wiring had not settled after '
            f"{told['rounds']} rounds, at {mixing.overlap[-1]:.1%} of all connections and "
            f"{mixing.hubs[-1]:.1%} of hubs': it may be nearer to the real one than chance"
        )
    return told


def _shuffled(
    layer: Layer, connectome: Connectome, draw: int | None
) -> tuple[npt.NDArray[np.int64], dict[str, Any]]:
    """Return whose sign each neuron of a layer takes, the same for all projections from it."""
    seed = layer.stream().seed if draw is None else _own(draw, layer.name, "stream")
    order = np.random.default_rng(seed).permutation(layer.size)
    told: dict[str, Any] = {}
    if len(np.unique(connectome.broad_type[layer.cells])) < 2:
        told["warning"] = (
            f"wiring = \"signs\" changes nothing from layer '{layer.name}': all of its cells are "
            f"{connectome.broad_type[layer.cells][0]}"
        )
    return order, told


def _own(draw: int, site: str, *more: str) -> int:
    """Return the seed of a numbered draw: what the core hands this hook where a run has it."""
    from bionic_core import derive

    return derive(draw, Masks.name, "wiring", site, *more)


def _generator(site: str, draw: int | None) -> np.random.Generator:
    """Return the generator of a draw, or one that continues the stream of what is being built."""
    import torch

    own = None if draw is None else torch.Generator().manual_seed(_own(draw, site))
    return np.random.Generator(np.random.PCG64(int(torch.randint(2**62, (1,), generator=own))))
