"""The graph of layers in time: ``"A->B"`` takes a step, ``"A=>B"`` none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from bionic_core.spec.tables import Model
from bionic_core.spec.topology import Topology, edges_of, inputs_of, off_path

Delays = Mapping[tuple[str, str], int]
"""The steps that each projection takes, 0 or 1."""


def arrange_in_time(model: Model) -> tuple[Topology | None, list[str]]:
    """Return the graph and no problems, or None and all that is wrong with it."""
    layers = model.layers
    edges, problems = edges_of(layers, model.projections)
    problems += [] if problems else off_path(edges, layers)
    if problems:
        return None, problems
    within = inputs_of(layers, [edge for edge, now in edges.items() if now])
    try:
        found = tuple(TopologicalSorter(within).static_order())
    except CycleError as error:
        cycle = "=>".join(error.args[1])
        return None, [
            f"model.projections: {cycle} is a cycle within a step; one of its projections must "
            'take time: write "->" for it'
        ]
    delays = {edge: 0 if now else 1 for edge, now in edges.items()}
    problems = _late(model, delays)
    inputs = inputs_of(layers, edges)
    delayed = {name: frozenset(pre for pre in inputs[name] if delays[pre, name]) for name in layers}
    return (None, problems) if problems else (Topology(found, inputs, delayed), [])


def delay(model: Model) -> int:
    """Return the fewest steps from the first layer to the last."""
    edges, _ = edges_of(model.layers, model.projections)
    delays = {edge: 0 if now else 1 for edge, now in edges.items()}
    return _distances(next(iter(model.layers)), delays)[list(model.layers)[-1]]


def remains(model: Model) -> bool:
    """Return whether anything of the first step's input is in the last layer at the last step."""
    edges, _ = edges_of(model.layers, model.projections)
    slow = [edge for edge, now in edges.items() if not now]
    fast = [edge for edge, now in edges.items() if now]
    here = {next(iter(model.layers))}
    for step in range(model.steps):
        if step:
            here = {post for pre, post in slow if pre in here}
        while more := {post for pre, post in fast if pre in here} - here:
            here |= more
    return list(model.layers)[-1] in here


def _late(model: Model, delays: Delays) -> list[str]:
    """Say which layers have no effect on the readout within the steps that there are."""
    first, last = next(iter(model.layers)), list(model.layers)[-1]
    down = _distances(first, delays)
    up = _distances(last, {(post, pre): steps for (pre, post), steps in delays.items()})
    if down[last] + 1 > model.steps:
        return [
            f"model.steps = {model.steps}: what the first layer '{first}' gets reaches the last, "
            f"'{last}', in step {down[last] + 1} at the earliest; {_remedy(down[last] + 1)}"
        ]
    return [
        f"model.steps = {model.steps}: what layer '{name}' does reaches the readout in step "
        f"{down[name] + up[name] + 1} at the earliest; {_remedy(down[name] + up[name] + 1)}"
        for name in model.layers
        if down[name] + up[name] + 1 > model.steps
    ]


def _remedy(least: int) -> str:
    return (
        f'set model.steps to {least} or more, or write "=>" for projections that bring the rates '
        "of the same step"
    )


def _distances(start: str, delays: Delays) -> dict[str, int]:
    """Return the fewest steps from a layer to each that it reaches."""
    found = {start: 0}
    while True:
        shorter = dict(_shorter(found, delays))
        if not shorter:
            return found
        found |= shorter


def _shorter(found: Mapping[str, int], delays: Delays) -> Iterable[tuple[str, int]]:
    for (pre, post), steps in delays.items():
        if pre in found and found[pre] + steps < found.get(post, 1 << 30):
            yield post, found[pre] + steps
