"""The graph of layers: which project to which, and in what order they are computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import attrs

from bionic_core.errors import listing, nearest

LayerCells = tuple[str, ...] | int
"""A layer in a spec: cell types, or a plain number of neurons."""


@attrs.frozen
class Topology:
    """A checked feed-forward graph.

    Attributes:
        order: the layers as they are computed; the first takes the bridge, the last feeds
            the readout.
        inputs: for each layer the layers that project to it, in the order of the spec.
    """

    order: tuple[str, ...]
    inputs: Mapping[str, tuple[str, ...]]


def arrange(
    layers: Mapping[str, LayerCells], projections: Sequence[str]
) -> tuple[Topology | None, list[str]]:
    """Return the graph and no problems, or None and all that is wrong with the two tables."""
    problems = _layer_problems(layers)
    edges: list[tuple[str, str]] = []
    for number, text in enumerate(projections):
        path = f'model.projections[{number}] = "{text}"'
        pre, arrow, post = (part.strip() for part in text.partition("->"))
        if not (pre and arrow and post):
            problems.append(f'{path}: must be of the form "A->B"')
            continue
        unknown = [name for name in (pre, post) if name not in layers]
        problems += [
            f"{path}: there is no layer '{name}'.{nearest(name, layers)} "
            f"Layers are {listing(layers)}"
            for name in unknown
        ]
        if pre == post:
            problems.append(f"{path}: a layer cannot project forward to itself")
        elif (pre, post) in edges:
            problems.append(f"{path}: is there twice")
        elif not unknown:
            edges.append((pre, post))
    if problems:
        return None, problems
    inputs = {name: tuple(pre for pre, post in edges if post == name) for name in layers}
    try:
        order = tuple(TopologicalSorter({name: inputs[name] for name in layers}).static_order())
    except CycleError as error:
        cycle = "->".join(reversed(error.args[1]))
        return None, [f"model.projections: {cycle} is a cycle; projections must feed forward"]
    # The bridge and the readout hang on the spec's order, not on the graph's.
    first, last = next(iter(layers)), list(layers)[-1]
    problems = _path_problems(edges, layers, first, last)
    return (None, problems) if problems else (Topology(order, inputs), [])


def _layer_problems(layers: Mapping[str, LayerCells]) -> list[str]:
    problems = [] if layers else ["model.layers: there must be at least one layer"]
    homes: dict[str, str] = {}
    for name, cells in layers.items():
        path = f"model.layers.{name}"
        if not name.isidentifier():
            problems.append(f"{path}: a layer's name must be letters, digits and underscores")
        if isinstance(cells, int):
            if cells < 1:
                problems.append(f"{path} = {cells}: must be at least 1 neuron")
            continue
        if not cells:
            problems.append(f"{path} = []: a layer with no cells; name at least one cell type")
        for cell_type in cells:
            if homes.get(cell_type) == name:
                problems.append(f"{path}: cell type '{cell_type}' is there twice")
            elif cell_type in homes:
                problems.append(
                    f"{path}: cell type '{cell_type}' is in layer '{homes[cell_type]}' already; "
                    "a cell type belongs to one layer"
                )
            homes.setdefault(cell_type, name)
    return problems


def _path_problems(
    edges: Sequence[tuple[str, str]], layers: Mapping[str, LayerCells], first: str, last: str
) -> list[str]:
    down = _reachable(first, edges)
    up = _reachable(last, [(post, pre) for pre, post in edges])
    problems = [
        f"model.projections: '{pre}->{post}' leads into the first layer '{first}', which takes "
        "the bridge; list first the layer that the image reaches first"
        for pre, post in edges
        if post == first
    ]
    return problems + [
        f"model.layers.{name}: lies on no path from the first layer '{first}' to the last "
        f"'{last}'; project to and from it, or take it out"
        for name in layers
        if name not in down or name not in up
    ]


def _reachable(start: str, edges: Sequence[tuple[str, str]]) -> set[str]:
    found, frontier = {start}, [start]
    while frontier:
        here = frontier.pop()
        for pre, post in edges:
            if pre == here and post not in found:
                found.add(post)
                frontier.append(post)
    return found
