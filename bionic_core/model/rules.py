"""Local learning rules: which projections have one, and what each is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from bionic_core.model.answers import SAMPLES, try_answer
from bionic_core.model.asking import Asking
from bionic_core.model.combination import harmless
from bionic_core.model.network import LayerModule, Plastic
from bionic_core.model.projection import Projection


def local_rules(asking: Asking, layers: Iterable[LayerModule]) -> list[Plastic]:
    """Return the rules of each projection into these layers, and within them, that may learn.

    Raises:
        RequestError: a mechanism answers with what is no rule, or with one that fails.
    """
    found = []
    for layer in layers:
        for projection in layer.modules():
            if not isinstance(projection, Projection) or not projection.values.requires_grad:
                continue
            site = projection.site
            pre = f"{site.post.name}.projections" if site.owner else f"{site.pre.name}.out"
            post = f"{site.post.name}.gain"
            rules = asking.answers("plasticity", site.name, kind=Callable, projection=site)  # type: ignore[arg-type]
            for name, rule in rules if asking.tried else ():
                try_rule(name, rule, projection)
            late = asking.spec.topology.delayed.get(site.post.name, ())
            delayed = not site.owner and site.pre.name in late
            found += [Plastic(projection, name, rule, pre, post, delayed) for name, rule in rules]
    return found


def try_rule(name: str, rule: Callable[..., object], projection: Projection) -> None:
    """Try a local rule; what it returns must fit the values.

    Raises:
        RequestError: it fails, or returns something else.
    """
    site, values = projection.site, projection.values.detach().clone()
    pre, post = (harmless(torch.empty(SAMPLES, end.size)) for end in (site.pre, site.post))

    def answer() -> object:
        with torch.no_grad():
            return rule(values, pre, post, projection)

    try_answer(name, "plasticity", site.name, answer, values, broadcast=True)
