"""The graph of layers: which project to which, and in what order they are computed.

In one pass every projection brings the rates of the same pass, and they must feed forward. In time
:mod:`bionic_core.spec.timing` says what holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import attrs

from bionic_core.errors import listing, nearest

LayerCells = tuple[str, ...] | int
"""A layer in a spec: cell types, or a plain number of neurons."""


@attrs.frozen
class Topology:
    """A checked graph.

    Attributes:
        order: the layers as they are computed.
        inputs: for each layer the layers that project to it, in the order of the spec.
        delayed: those of them whose rates of the step before it takes, in time.
    """

    order: tuple[str, ...]
    inputs: Mapping[str, tuple[str, ...]]
    delayed: Mapping[str, frozenset[str]] = attrs.field(factory=dict)

    @property
    def ends(self) -> tuple[str, str]:
        """The layer that takes the bridge, and the one that feeds the readout."""
        return next(iter(self.inputs)), list(self.inputs)[-1]


def arrange(
    layers: Mapping[str, LayerCells], projections: Sequence[str]
) -> tuple[Topology | None, list[str]]:
    """Return the graph and no problems, or None and all that is wrong with the two tables."""
    edges, problems = edges_of(layers, projections)
    time = f"set model.steps above 1 ({2 * len(layers) - 1} is enough)"
    problems += [
        f"model.projections: '{pre}->{post}' leads from a layer to itself; projections must feed "
        f"forward, or take time: {time}"
        for pre, post in edges
        if pre == post
    ]
    if problems:
        return None, problems
    inputs = inputs_of(layers, edges)
    try:
        order = tuple(TopologicalSorter(inputs).static_order())
    except CycleError as error:
        cycle = "->".join(error.args[1])
        return None, [
            f"model.projections: {cycle} is a cycle; projections must feed forward, or take "
            f"time: {time}"
        ]
    # The bridge and the readout hang on the spec's order, not on the graph's.
    first = next(iter(layers))
    problems = [
        f"model.projections: '{pre}->{post}' leads into the first layer '{first}', which takes "
        f"the bridge; list first the layer that the image reaches first, or {time}"
        for pre, post in edges
        if post == first
    ]
    problems += off_path(edges, layers)
    return (None, problems) if problems else (Topology(order, inputs), [])


def edges_of(
    layers: Mapping[str, LayerCells], projections: Sequence[str]
) -> tuple[dict[tuple[str, str], bool], list[str]]:
    """Return the projections, and whether each is written ``"A=>B"``; and all that is wrong."""
    problems = _layer_problems(layers)
    edges: dict[tuple[str, str], bool] = {}
    for number, text in enumerate(projections):
        path = f'model.projections[{number}] = "{text}"'
        now = "=>" in text
        pre, arrow, post = (part.strip() for part in text.partition("=>" if now else "->"))
        if not (pre and arrow and post):
            problems.append(f'{path}: must be of the form "A->B", or in time "A=>B"')
            continue
        unknown = [name for name in (pre, post) if name not in layers]
        problems += [
            f"{path}: there is no layer '{name}'.{nearest(name, layers)} "
            f"Layers are {listing(layers)}"
            for name in unknown
        ]
        if (pre, post) in edges:
            problems.append(f"{path}: is there twice")
        elif not unknown:
            edges[pre, post] = now
    return edges, problems


def inputs_of(
    layers: Iterable[str], edges: Collection[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    """Return for each layer the layers that project to it, in their order."""
    return {name: tuple(pre for pre, post in edges if post == name) for name in layers}


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


def off_path(edges: Collection[tuple[str, str]], layers: Mapping[str, LayerCells]) -> list[str]:
    """Say which layers lie on no path from the first layer to the last."""
    first, last = next(iter(layers)), list(layers)[-1]
    down = _reachable(first, edges)
    up = _reachable(last, [(post, pre) for pre, post in edges])
    return [
        f"model.layers.{name}: lies on no path from the first layer '{first}' to the last "
        f"'{last}'; project to and from it, or take it out"
        for name in layers
        if name not in down or name not in up
    ]


def _reachable(start: str, edges: Collection[tuple[str, str]]) -> set[str]:
    found, frontier = {start}, [start]
    while frontier:
        here = frontier.pop()
        for pre, post in edges:
            if pre == here and post not in found:
                found.add(post)
                frontier.append(post)
    return found
