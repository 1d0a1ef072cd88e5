"""Dale's law: every neuron's outgoing weights have the sign of its cell."""

from __future__ import annotations

from typing import Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt
import torch
from attrs import field
from attrs.validators import in_
from torch import Tensor, nn

from bionic_core import (
    EARLIER,
    Connectome,
    Layer,
    Mechanism,
    PlasticityRule,
    ProjectionSite,
    RequestError,
    Synapses,
    Wiring,
    hookimpl,
)

Unknown = Literal["free", "excitatory", "inhibitory", "drawn"]


class Signed(nn.Module):
    """``|w| · s`` of the pre neuron, w itself where s is 0; values → values, in any storage.

    ``sign`` is s, float (P,): 1, −1, or 0 where it is not known. The slope at w = 0 is that of
    w > 0, so that a weight of zero can grow.
    """

    def __init__(self, sign: Tensor, note: str = "") -> None:
        super().__init__()
        self.note = note  # what must be said of it
        self.sign: Tensor
        self.register_buffer("sign", sign, persistent=False)

    def forward(self, values: Tensor, synapses: Synapses) -> Tensor:
        """Return the weights as they act, (Q, P) or one for each pair."""
        sign = self.sign.to(values.dtype)
        free = sign == 0
        above, below = torch.where(free, 1, sign), torch.where(free, 1, -sign)
        # One product, whose slope is the factor: as |w| · s, in half the time.
        return values * torch.where(values < 0, below[synapses.pre], above[synapses.pre])


@attrs.frozen(eq=False)
class Signs(Mechanism):
    """Dale's law: ``w = |v| · s``, s the sign of the pre cell; values QP, or one for each pair.

    Weights begin as positive as they would be large: the size of each is that of the weight that
    the model without the mechanism draws, and the optimiser goes on with v freely. A clamp after
    each step would leave half the weights dead from the beginning, since their draws have the
    wrong sign; with |v| every weight has a gradient always, and passes from the one side of zero to
    the other without changing its sign. Local rules act on sizes: what strengthens a synapse makes
    it more excitatory or more inhibitory, so after each step v is replaced by |v|, which changes no
    weight. Signs are those of all projections of the model, those within a layer included. The
    bridge (from features to the first layer) and the readout have no cells before them and stay
    free, as does a layer that is a plain integer.

    Where the wiring says that other cells' signs are taken (``masks.wiring = "signs"``), they are.

    Attributes:
        unknown: what holds for cells whose sign the connectome does not know (``sign``), most often
            for want of a known transmitter: ``free``, weights of either sign; ``excitatory`` or
            ``inhibitory``, all of them; ``drawn`` with the run's seed, each inhibitory with the
            share that inhibitory cells have among the known ones of its layer, or of the
            connectome where its layer has none.
    """

    name = "signs"
    kind = "structural"
    source = (
        "Dale's law, Strata & Harvey 1999, doi:10.1016/S0361-9230(99)00100-8; in networks Song "
        "et al. 2016, doi:10.1371/journal.pcbi.1004792, and Cornford et al. 2021, ICLR"
    )

    unknown: Unknown = field(
        default="free", validator=in_(get_args(Unknown)), metadata={EARLIER: "free"}
    )

    @hookimpl
    def weight(
        self, projection: ProjectionSite, connectome: Connectome | None, wiring: Wiring | None
    ) -> nn.Module:
        """Answer for every projection; from a layer without cells, with what changes nothing."""
        if connectome is None:
            raise RequestError(
                "there is no connectome, and so no cell whose sign is known; add a [connectome] "
                "table to the spec, or leave the mechanism out"
            )
        sign, note = signs_of(projection.pre, connectome, self.unknown)
        if wiring is not None and wiring.sender is not None:
            sign = sign[wiring.sender]
        return Signed(torch.as_tensor(sign, dtype=torch.get_default_dtype()), note)

    @hookimpl
    def plasticity(self, projection: ProjectionSite) -> PlasticityRule | None:
        """Keep sizes positive where the pre neurons are cells."""
        if projection.pre.indices is None:
            return None

        def change(values: Tensor, pre: Tensor, post: Tensor, synapses: Synapses) -> Tensor:
            return values.abs() - values

        return change


def signs_of(
    layer: Layer, connectome: Connectome, unknown: Unknown = "free"
) -> tuple[npt.NDArray[np.int64], str]:
    """Return the sign of each neuron, (P,), 0 where it is free, and what must be said."""
    if layer.indices is None:
        return np.zeros(layer.size, np.int64), (
            f"mechanisms.signs does nothing after layer '{layer.name}': it is the plain integer "
            f"{layer.size} and has no cells, so its weights may have either sign"
        )
    every = known_signs(connectome)
    sign = every[layer.indices]
    open_ = np.flatnonzero(sign == 0)
    if not len(open_):
        idle = unknown != "free" and bool(every.all())
        return sign, f'signs.unknown = "{unknown}" does nothing: all signs are known' * idle
    cells = f"{len(open_)} of {layer.size} cells of layer '{layer.name}'"
    if unknown == "free":
        return sign, (
            f"mechanisms.signs leaves the weights of {cells} free: their signs are not known"
        )
    if unknown != "drawn":
        sign[open_] = 1 if unknown == "excitatory" else -1
        return sign, f"mechanisms.signs takes {cells} for {unknown}: their signs are not known"
    told = sign[sign != 0] if sign.any() else every[every != 0]
    if not len(told):
        raise RequestError(
            'unknown = "drawn": the connectome knows no cell\'s sign, and so no share to draw '
            'with; set signs.unknown = "excitatory", "inhibitory" or "free"'
        )
    share = float((told < 0).mean())
    # The same for all projections from the layer: it is the cell whose sign is drawn.
    drawn = np.random.default_rng(layer.stream().seed).random(len(open_)) < share
    sign[open_] = np.where(drawn, -1, 1)
    return sign, (
        f"mechanisms.signs draws the signs of {cells}, which are not known: {drawn.sum()} are "
        f"inhibitory, drawn with a share of {share:.1%}"
    )


def known_signs(connectome: Connectome) -> npt.NDArray[np.int64]:
    """Return the sign of each cell, (N,), 0 where it is not known."""
    sign = np.where(connectome.broad_type == "inhibitory", -1, 1)
    sign[connectome.sign == "unknown"] = 0
    return sign
