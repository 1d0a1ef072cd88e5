"""Laws about gradients, gates and local learning."""

from __future__ import annotations

import torch
from torch import Tensor

from bionic_core.conformance.bed import Bed, Call, images_for, learned, watched
from bionic_core.conformance.laws import Broken, NotJudged, shown, smallest
from bionic_core.data.splits import split
from bionic_core.errors import RequestError
from bionic_core.model.combination import harmless
from bionic_core.model.network import Network
from bionic_core.training.data import TrainingData
from bionic_core.training.loop import start, step_once
from bionic_core.training.plasticity import activity
from bionic_core.training.recipe import recipe_of
from bionic_core.training.views import unit_range

CLOSE = 1e-12
"""Absolute difference in float64 up to which numbers count as the same."""

STEPS = 3


def gradients(bed: Bed) -> None:
    """Gradients and local changes are finite, also where a layer is silent or all are equal."""
    network = bed.network()
    with watched(network, bed.name) as calls:
        learned(network, images_for(network))
    for call in calls:
        _finite(bed, call)
    rules = _finite_rules(bed, network)
    if not calls and not rules:
        raise NotJudged("it puts no module and no rule into a model")


def _finite(bed: Bed, call: Call) -> None:
    given: Tensor = call.inputs[0].detach()
    whole = call.piece.hook == "weight"  # whose rows are no images
    for x in (given, torch.zeros_like(given), torch.ones_like(given)):
        if _bad(call, x):
            small = x if whole else smallest(x, lambda tried: bool(_bad(call, tried)))
            raise Broken(
                f"Its module for {call.piece.label} gives {_bad(call, small)} that is not finite. "
                "Keep divisors, roots and logarithms away from 0, for example by adding a "
                "constant under them",
                bed.example(f"{call.piece.label}, input {shown(small)}"),
            )


def _bad(call: Call, x: Tensor) -> str:
    """Return what is not finite at an input: a value, or a gradient; empty if all is."""
    x = x.clone().requires_grad_()
    parameters = [p for p in call.piece.module.parameters() if p.requires_grad]
    output = call.piece.module(x, *call.inputs[1:])
    if isinstance(output, tuple):  # of a state, with what it keeps
        output = output[0]
    if not torch.isfinite(output).all():
        return "a value"
    if not output.requires_grad:
        return ""
    found = torch.autograd.grad(
        (output * harmless(output)).sum(), [x, *parameters], allow_unused=True
    )
    if not all(torch.isfinite(g).all() for g in found if g is not None):
        return "a gradient"
    return ""


def _finite_rules(bed: Bed, network: Network) -> bool:
    with torch.no_grad():
        record = network.trace(images_for(network))
    rules = [plastic for plastic in network.plastic if plastic.mechanism == bed.name]
    for plastic in rules:
        values = plastic.projection.values.detach()
        pre, post = activity(plastic, record)
        for factor, word in ((1, "active"), (0, "silent")):
            change = plastic.rule(values.clone(), factor * pre, factor * post, plastic.projection)
            if not torch.isfinite(change).all():
                raise Broken(
                    "Its rule gives a change that is not finite",
                    bed.example(
                        f"{plastic.projection.label}, {word} layers: pre {shown(factor * pre)}; "
                        f"post {shown(factor * post)}"
                    ),
                )
    return bool(rules)


def _gated(bed: Bed) -> Network:
    """Return a network with the mechanism behind a gate, with weights where it may mask them."""
    try:
        network = bed.network(gated=True)
    except RequestError as error:
        raise NotJudged(f"it cannot stand behind a gate: {error}") from error
    try:
        network.set_gates(**{bed.name: False})
    except RequestError:
        raise NotJudged("it acts in training only and has no gate") from None
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for projection in network.projections:
            projection.values.normal_(generator=generator)
    return network


def gate_gradients(bed: Bed) -> None:
    """Behind a closed gate, gradients are finite, whatever the layer does."""
    network = _gated(bed)
    for silent in (False, True):
        if silent:
            with torch.no_grad():
                network.bridge.bias.fill_(-100)  # every rate of the first layer is 0
        with watched(network, bed.name) as calls:
            _, found = learned(network, images_for(network, 1))
        wrong = [name for name, gradient in found.items() if not torch.isfinite(gradient).all()]
        if wrong:
            call = calls[0] if calls else None
            seen = f"{call.piece.label}, input {shown(call.inputs[0].detach())}" if call else ""
            raise Broken(
                f"With its gate closed, the gradient of {wrong[0]} is not finite: the module is "
                "evaluated all the same, on numbers from 0.5 to 1.5, and must have no pole there",
                bed.example(seen),
            )


def gate_absent(bed: Bed) -> None:
    """A closed gate equals leaving it out, an open one equals no gate, with the same parameters."""
    for present in (False, True):
        network = _gated(bed)
        network.set_gates(**{bed.name: present})
        plain = bed.network(present=present)
        parameters = network.state_dict()
        plain.load_state_dict({name: parameters[name] for name in plain.state_dict()})
        _equal(bed, network, plain, present=present)


def _equal(bed: Bed, gated: Network, plain: Network, *, present: bool) -> None:
    images = images_for(gated)
    for training in (True, False):
        gated.train(training)
        plain.train(training)
        logits, slopes = learned(gated, images, step=9)
        expected, wanted = learned(plain, images, step=9)
        pairs = {"logits": (logits, expected)}
        pairs |= {f"gradient of {name}": (slopes[name], wanted[name]) for name in wanted}
        for what, (one, other) in pairs.items():
            if not torch.allclose(one, other, rtol=0, atol=CLOSE):
                state = "open" if present else "closed"
                against = "the model without a gate" if present else "the model without it"
                mode = "training" if training else "evaluation"
                raise Broken(
                    f"With its gate {state}, the {what} differ from those of {against}, by "
                    f"{(one - other).abs().max().item():.3g}. A module must change nothing but "
                    "what it returns: not its input, and nothing of other mechanisms",
                    bed.example(f"{mode} mode, images {shown(images)}"),
                )


def masked(bed: Bed) -> None:
    """A weight where no pair exists stays exactly zero, through the optimiser and local rules."""
    spec = bed.spec()
    network = bed.network(dtype=torch.float32)
    recipe = recipe_of(spec)
    parts = split(spec.data.read(spec.model.image), "paper", 0)
    course = TrainingData.prepare(recipe, parts, 1, torch.device("cpu"))
    state = start(network, recipe, len(course.labels))
    for step in range(STEPS):
        network.seek(step)
        step_once(network, state.optimizer, unit_range(course.images), course.labels, course.loss)
        for projection in network.projections:
            values = projection.values.detach()
            outside = (values != projection.wired(values)).nonzero()
            if len(outside):
                post, pre = outside[0].tolist()
                raise Broken(
                    f"The weight of the pair {pre} → {post}, which does not exist, is "
                    f"{values[post, pre].item():.3g}. A rule returns its change, and writes into "
                    "nothing that it is given",
                    bed.example(
                        f"{projection.label}, {projection.site.pre.size} → "
                        f"{projection.site.post.size} neurons, after {step + 1} steps"
                    ),
                )
