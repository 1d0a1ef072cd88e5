"""Projections that keep their initial weights: a reservoir."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import field

from bionic_core import Mechanism, RequestError, hookimpl


def _named(_: object, attribute: object, value: tuple[str, ...]) -> None:
    """Each of the form "A->B"."""
    wrong = [text for text in value if not all(part.strip() for part in text.partition("->"))]
    if wrong:
        raise ValueError(f'"{wrong[0]}": must be of the form "A->B", "A->A" for those within A')


@attrs.frozen(eq=False)
class Frozen(Mechanism):
    """Chosen projections keep their initial weights (Q, P) and biases (Q,), in any storage.

    Neither the optimiser, weight decay included, nor local rules change them.

    Attributes:
        projections: which, as ``"A->B"``, those within a layer as ``"A->A"``; all where none is
            named. Bridge and readout are none, and are trained.
    """

    name = "frozen"
    kind = "structural"
    source = (
        "echo states, Jaeger 2001, GMD report 148; connectomes as reservoirs, Damicelli et al. "
        "2022, doi:10.1371/journal.pcbi.1010639"
    )

    projections: tuple[str, ...] = field(default=(), validator=_named)

    @hookimpl
    def begin(self, network: Any) -> None:
        """Take the projections from what is trained.

        Raises:
            RequestError: the model has no such projection, or none at all.
        """
        known = {projection.site.name for projection in network.projections}
        chosen = {"->".join(p.strip() for p in text.split("->")) for text in self.projections}
        unknown = sorted(chosen - known)
        if unknown or not known:
            raise RequestError(
                f"projections: the model has no projection {unknown[0]}; it has "
                f"{', '.join(sorted(known))}"
                if known
                else "the model has no projection that could keep its weights"
            )
        for projection in network.projections:
            if not chosen or projection.site.name in chosen:
                projection.requires_grad_(False)
