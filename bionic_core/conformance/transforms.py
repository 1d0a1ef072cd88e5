"""Laws about torch's function transforms: many models at once, and compiled ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from bionic_core.conformance.bed import SMALL, Bed, images_for, learned, pieces_of
from bionic_core.conformance.laws import Broken, NotJudged, raised, shown
from bionic_core.model.network import Network
from bionic_core.training.plasticity import activity

TOLERANCE = 1e-5
"""Largest difference, relative to the greatest number."""

MODELS = 3


def vmap(bed: Bed) -> None:
    """Many models at once (torch.vmap) give what each gives alone, to 1e-5 relative."""
    network = bed.network(dtype=torch.float32)
    images = images_for(network)
    rules = [plastic for plastic in network.plastic if plastic.mechanism == bed.name]
    if not pieces_of(network, bed.name) and not rules:
        raise NotJudged("it puts no module and no rule into a model")
    several = _several(bed, network)
    for training in (True, False):
        network.train(training)
        word = "training" if training else "evaluation"
        example = bed.example(f"{word} mode, {MODELS} models, images {shown(images)}")

        def forward(parameters: Mapping[str, Tensor]) -> Tensor:
            network.seek(0)
            logits: Tensor = functional_call(network, dict(parameters), (images,))
            return logits

        _compare(forward, several, "the model", example)
    with torch.no_grad():
        record = network.trace(images)
    for plastic in rules:
        pre, post = activity(plastic, record)

        def change(given: Mapping[str, Tensor]) -> Tensor:
            return plastic.rule(given["values"].clone(), pre, post, plastic.projection)  # noqa: B023

        values = plastic.projection.values.detach()
        stacked = {"values": torch.stack([values * (1 + n) for n in range(MODELS)])}
        label = plastic.projection.label
        _compare(change, stacked, "its rule", bed.example(f"{label}, {MODELS} models"))


def _several(bed: Bed, network: Network) -> dict[str, Tensor]:
    """Return the parameters of several seeds, M first."""
    others = [bed.network(seed=seed, dtype=torch.float32) for seed in range(1, MODELS + 1)]
    found = [dict(other.named_parameters()) for other in others]
    return {name: torch.stack([f[name].detach() for f in found]) for name in found[0]}


def _compare(
    function: Callable[[Mapping[str, Tensor]], Tensor],
    stacked: Mapping[str, Tensor],
    what: str,
    example: str,
) -> None:
    with torch.no_grad():
        alone = torch.stack(
            [function({name: v[at] for name, v in stacked.items()}) for at in range(MODELS)]
        )
        try:
            together = torch.vmap(function, randomness="same")(dict(stacked))
        except Exception as error:
            raise Broken(
                f"Many models at once are not possible. {raised(error)}. A module may not branch "
                "on the values of tensors, nor write into what it is given",
                example,
            ) from error
    difference = (together - alone).abs().max() / alone.abs().max().clamp_min(1e-30)
    if not difference <= TOLERANCE:
        raise Broken(
            f"Many models at once give other numbers than each alone for {what}: by "
            f"{difference.item():.3g} of the greatest",
            example,
        )


def compiles(bed: Bed) -> None:
    """Compiled (backend aot_eager) it gives the same numbers, or says compiles = False."""
    if not bed.cls.compiles:
        raise NotJudged("the class declares compiles = False")
    network = bed.network(SMALL, dtype=torch.float32)
    if not pieces_of(network, bed.name):
        raise NotJudged("it puts no module into a model")
    images = images_for(network)
    expected, slopes = learned(network, images)
    example = bed.example(f"training mode, two layers, images {shown(images)}")
    torch.compiler.reset()
    compiled = torch.compile(network, backend="aot_eager")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a graph breaks, the rest is compiled all the same
        try:
            network.seek(0)
            network.zero_grad()
            logits = compiled(images)
            labels = torch.arange(len(images)) % logits.shape[1]
            torch.autograd.backward(torch.nn.functional.cross_entropy(logits, labels))
        except Exception as error:
            raise Broken(
                f"It cannot be compiled. {raised(error)}. If that is meant, declare "
                "compiles = False in the class",
                example,
            ) from error
    found = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    pairs = [("logits", logits.detach(), expected)]
    pairs += [(f"gradient of {name}", found[name], slopes[name]) for name in slopes]
    for what, one, other in pairs:
        difference = (one - other).abs().max() / other.abs().max().clamp_min(1e-6)
        if not difference <= TOLERANCE:
            raise Broken(
                f"Compiled, the {what} differ by {difference.item():.3g} of the greatest", example
            )
