"""The layer pipeline, as hooks: what a mechanism may answer while a model is built.

The forward pass that the core owns, with the hooks in brackets::

    image [C,H,W] → each stage that exists: ReLU([surround]([features])) → pool
          → [modulate] → flatten
          → bridge: Linear → [norm] → ReLU
          → each layer:  h = ReLU(Σ projections into it)     # weights: [wiring], [weight]
                         h = ReLU([gain] · (h + Σ [current](h)))
                         h = [state](h, h of the step before)    # in time alone
                         h = [norm]([rate](h))
          → readout: [norm] → Linear

Each hook is asked once for every site while the model is built, never in the forward pass; an
answer of ``None`` means "not here". Shapes: B batch, C channels, H × W pixels, P pre-synaptic
and Q post-synaptic neurons. An implementation may leave out arguments that it does not need.
The layers that an answer draws initial weights for are seeded by (seed, mechanism, hook, site),
so that taking one mechanism out changes no draw of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bionic_core.markers import hookspec

if TYPE_CHECKING:
    from torch import nn

    from bionic_core.connectome import Connectome
    from bionic_core.sites import (
        Features,
        Layer,
        NormSite,
        PlasticityRule,
        ProjectionSite,
        Stage,
        Wiring,
    )

CHAIN, SUM, PRODUCT, FIRST, ALL = "chain", "sum", "product", "first", "all"

COMBINATION: Mapping[str, str] = {
    "features": FIRST,
    "surround": CHAIN,
    "modulate": CHAIN,
    "wiring": ALL,
    "weight": CHAIN,
    "current": SUM,
    "gain": PRODUCT,
    "state": CHAIN,
    "rate": CHAIN,
    "norm": CHAIN,
    "begin": ALL,
    "recipe": ALL,
    "plasticity": ALL,
}
"""How several answers combine; those of a chain, and the first, need an order."""


@hookspec
def features(stage: Stage) -> Features | None:
    """Give a front-end stage its module BCHW → BCHW and its pooling (§3.4.2 (1)).

    Stages are asked for one after another, ``stage.shape`` being what comes in, until nobody
    answers; a stage exists only if somebody does. Several answers: the first in order.
    """


@hookspec
def surround(stage: Stage) -> nn.Module | None:
    """Act on a stage's features before their ReLU; module BCHW → BCHW, shape kept (§3.4.2 (1)).

    ``stage.shape`` is the shape of the features. Several answers: a chain.
    """


@hookspec
def modulate(shape: tuple[int, int, int]) -> nn.Module | None:
    """Act on the last stage's pooled features; module BCHW → BCHW, shape kept (§3.4.2 (2)).

    Asked only where there is a stage. Several answers: a chain.
    """


@hookspec
def wiring(projection: ProjectionSite, connectome: Connectome | None) -> Wiring | None:
    """Say which pre → post pairs exist, and the scale of their initial weights (§3.4.2 (3)).

    Without an answer the projection is dense. Several answers: a pair exists if all say so,
    and its scales multiply.
    """


@hookspec
def weight(
    projection: ProjectionSite, connectome: Connectome | None, wiring: Wiring | None
) -> nn.Module | None:
    """Act on the values of a projection's weights before they are used.

    Module ``(values, synapses) → values``: the values come as the storage holds them (dense
    QP, or one for each synapse); ``synapses.pre`` and ``synapses.post`` are index tensors that
    broadcast against them, so that ``sign[synapses.pre]`` fits either. ``wiring`` is the pairs
    that exist, None for all. Several answers: a chain.
    """


@hookspec
def current(layer: Layer) -> nn.Module | None:
    """Give a layer a current from its own rates; module BQ → BQ (§3.4.2 (4)).

    ``layer.projection_to(layer)`` makes a projection that wiring, weight and plasticity find
    like any other. Several answers: their sum.
    """


@hookspec
def gain(layer: Layer, connectome: Connectome | None) -> nn.Module | None:
    """Give each neuron of a layer a gain; module BQ → BQ or Q (§3.4.2 (5)).

    Several answers: their product.
    """


@hookspec
def state(layer: Layer, connectome: Connectome | None) -> nn.Module | None:
    """Let rates depend on those of the step before, in time alone; module (BQ, BQ) → BQ.

    Given the rates after the gain's ReLU, and what the states made of them a step before, zero at
    first. One with an attribute ``variables`` = V > 0 is given what it keeps besides, BVQ, as a
    third argument, and returns it beside the rates. Several answers: a chain.
    """


@hookspec
def rate(layer: Layer) -> nn.Module | None:
    """Act on a layer's rates after the gain's ReLU; module BQ → BQ (§3.4.2 (8)).

    A module that draws while running takes its numbers from ``layer.stream()``, never from
    the global generator. Several answers: a chain.
    """


@hookspec
def norm(site: NormSite) -> nn.Module | None:
    """Normalise at the bridge, after each layer, and before the readout (§3.4.2 (9)).

    Module BQ → BQ. Several answers: a chain.
    """


@hookspec
def begin(network: nn.Module) -> None:
    """Set up the ``Network`` before its first step: initial weights, what ``requires_grad``."""


@hookspec
def recipe() -> Mapping[str, object] | None:
    """Give fields of the training recipe, as numbers and names (§3.4.2 (6, 7, 10), §3.6).

    Field names are listed in :class:`bionic_core.training.recipe.Recipe`. Several answers: merged;
    the same field from two mechanisms is an error.
    """


@hookspec
def plasticity(projection: ProjectionSite) -> PlasticityRule | None:
    """Give a local learning rule for a projection, those within a layer included (§3.4.2 (12)).

    Rule ``(values, pre BP, post BQ, synapses) → Δ values``, applied in training after each of
    the optimiser's steps, through the wiring: a pair that does not exist stays at zero. ``pre``
    is what the projection reads, ``post`` the rates after the gain's ReLU, both of the batch
    that was just learned; ``synapses.correlate(pre, post)`` is the batch mean of pre · post in
    the shape of the values. Several answers: all applied, each to the values before any.
    """
