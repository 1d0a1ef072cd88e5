"""Pictures of a connectome: adjacency, column, degrees, layers; as PNG and SVG.

Layers are groups of cell types; a layer's colour is one of Okabe & Ito's, and its cell types are
shades of it. Inhibitory cells are triangles, or vermillion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from functools import cached_property
from itertools import product
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import Collection, EllipseCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from bionic_core.connectome import EXCITATORY, INHIBITORY, Connectome
from bionic_core.connectomes.summary import Grouping
from bionic_core.errors import RequestError
from bionic_core.reports.drawing.run import BESIDE, COLOURS, STYLES
from bionic_core.reports.drawing.svg import CENTRED, canvas, percent, rendered

Floats = npt.NDArray[np.float64]

HUES = ("#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#7F7F00", "#000000")
INTERNEURONS = "Inh"
"""The layer of the inhibitory cell types that no layer names."""

BROAD = {EXCITATORY: COLOURS[0], INHIBITORY: COLOURS[1]}

PIXELS, SOMA = 1400, 9.0
"""Cells beyond which they share picture elements; diameter of a soma in µm, which is to scale."""

TRIANGLE = SOMA * 0.62 * np.array([[0, -1.15], [1, 0.6], [-1, 0.6]])
"""Corners of an inhibitory soma, around its centre."""

BOXED = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}


@attrs.frozen(eq=False)
class View:
    """A connectome, its cells grouped into layers, and how its tissue lies.

    Attributes:
        layers: the cell types of each layer, from the first to the last.
        inhibitory: the cell types of inhibitory cells.
        tilt: degrees between the depth axis and y, about z (5 in MICrONS' V1).
        pia: where depth is 0, in µm along the depth axis.
    """

    connectome: Connectome
    layers: Mapping[str, Sequence[str]]
    inhibitory: Set[str]
    tilt: float
    pia: float

    @classmethod
    def of(
        cls, connectome: Connectome, layers: Mapping[str, object], *, tilt: float, pia: float
    ) -> View:
        """Take what the layers of a spec say of these cells; other types get their own layers."""
        there = {*connectome.cell_type.tolist()}
        found: dict[str, list[str]] = {}
        for name, types in layers.items():
            if isinstance(types, (list, tuple)) and (listed := [t for t in types if t in there]):
                found[name] = listed
        named = {t for types in found.values() for t in types}
        inner = {*connectome.cell_type[connectome.of_broad_type(INHIBITORY)].tolist()}
        for t in sorted(there - named):
            found.setdefault(INTERNEURONS if t in inner else t, []).append(t)
        if INTERNEURONS in found:
            found[INTERNEURONS] = found.pop(INTERNEURONS)  # last
        return cls(connectome, found, inner, tilt, pia)

    @cached_property
    def depth(self) -> npt.NDArray[np.float64]:
        """Depth of each soma below the pia, µm."""
        return self._turned(90.0 - self.tilt) - self.pia

    @cached_property
    def across(self) -> npt.NDArray[np.float64]:
        """Place of each soma across the depth axis, µm."""
        return self._turned(-self.tilt)

    def _turned(self, degrees: float) -> npt.NDArray[np.float64]:
        """Return each soma's place along an axis that is so far from x towards y, µm."""
        axis = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0])
        return np.asarray(self.connectome.position @ axis / 1000, np.float64)

    @property
    def undrawn(self) -> dict[str, str]:
        """The kinds of pictures that the connectome has nothing for, and what it lacks."""
        place = self.connectome.position
        known = np.isfinite(place).all() and len(np.unique(place, axis=0)) > 1
        return {} if known else {"column": "it does not say where its somata are"}

    @cached_property
    def types(self) -> list[str]:
        """All cell types, layer by layer."""
        return [t for types in self.layers.values() for t in types]

    def cells(self, types: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the cells of some types: type by type, within a type from the pia down."""
        found = [self.connectome.of_type(t) for t in types]
        return np.concatenate([rows[np.argsort(self.depth[rows], kind="stable")] for rows in found])

    def hue(self, layer: str) -> str:
        """Return a layer's colour."""
        if layer == INTERNEURONS:
            return COLOURS[1]
        return HUES[list(self.layers).index(layer) % len(HUES)]

    @cached_property
    def shades(self) -> dict[str, str]:
        """Colour of each cell type: from its layer's colour, darkened, to it, lightened."""
        found = {}
        for layer, types in self.layers.items():
            base = np.array(to_rgb(self.hue(layer)))
            steps = np.linspace(-1, 1, len(types)).tolist() if len(types) > 1 else [0]
            for t, step in zip(types, steps, strict=True):
                mixed = base * (1 + 0.3 * step) if step < 0 else base + 0.65 * step * (1 - base)
                found[t] = to_hex(mixed)
        return found


def densities(view: View) -> npt.NDArray[np.float64]:
    """Return the share of connected pairs, of two cells each, from layer (row) to layer."""
    home = {t: layer for layer, types in view.layers.items() for t in types}
    names = list(view.layers)
    layers = Grouping.of([home[t] for t in view.connectome.cell_type.tolist()], names)
    found = np.zeros((len(names), len(names)))
    for entry in layers.table(view.connectome):
        found[names.index(entry.pre), names.index(entry.post)] = entry.density or 0
    return found


def draw(view: View, kind: str) -> dict[str, bytes]:
    """Return a picture's files by format.

    Raises:
        RequestError: the column is asked for and the somata's places are not known.
    """
    connectome = view.connectome
    joint = "\n" if kind == "column" else ": "  # a column may be narrow
    title = f"{connectome.label}{joint}{connectome.cells:,} cells, "
    title += f"{len(connectome.pre):,} connections, {int(connectome.count.sum()):,} synapses"
    with canvas(7.6, 6.2, title) as figure:
        DRAWINGS[kind](figure, view)
        return rendered(figure)


def adjacency(figure: Figure, view: View) -> None:
    """Draw who connects to whom, pre × post, sorted by layer, type and depth."""
    figure.set_size_inches(6.6, 6.9)
    draw_adjacency(figure.subplots(), view)
    figure.legend(loc="outside lower center", ncols=2)


def draw_adjacency(axes: Axes, view: View) -> None:
    """Draw the adjacency on axes, without a legend."""
    cells = view.connectome.cells
    axes.imshow(_ink(view), extent=(0, cells, cells, 0), interpolation="antialiased")
    ends = np.cumsum([len(view.cells(types)) for types in view.layers.values()])
    finer = np.cumsum([len(view.cells([t])) for t in view.types])
    for places, colour, width in ((finer, "0.75", 0.4), (ends, "black", 0.9)):
        for end in places[:-1].tolist():
            axes.axhline(end, color=colour, linewidth=width)
            axes.axvline(end, color=colour, linewidth=width)
    middles = (ends + np.concatenate([[0], ends[:-1]])) / 2
    axes.set_xticks(middles, _named(view), fontsize=7)
    axes.set_yticks(middles, _named(view), fontsize=7)
    axes.tick_params(length=0)
    axes.xaxis.set(ticks_position="top", label_position="top")
    axes.set(xlabel="post-synaptic cell", ylabel="pre-synaptic cell")
    axes.spines[:].set_visible(True)
    for broad, colour in BROAD.items():
        axes.plot([], [], "s", color=colour, label=f"{broad} connection")


def _ink(view: View) -> Floats:
    """Return the adjacency's picture elements, (P, P, 3): the more connections, the darker."""
    connectome = view.connectome
    place, cells = np.argsort(view.cells(view.types)), connectome.cells
    side = min(cells, PIXELS)
    shown = np.ones((side, side, 3))
    for broad, colour in BROAD.items():
        which = connectome.broad_type[connectome.pre] == broad
        pre, post = place[connectome.pre[which]], place[connectome.post[which]]
        number, _, _ = np.histogram2d(pre, post, side, ((0, cells), (0, cells)))
        if number.any():
            ink = np.minimum(1, number / np.quantile(number[number > 0], 0.98))
            shown *= 1 - ink[..., None] * (1 - np.array(to_rgb(colour)))
    return shown


def column(figure: Figure, view: View) -> None:
    """Draw the somata by depth, to scale, seen from two sides, and how many lie at each depth."""
    connectome, depth = view.connectome, view.depth
    place = connectome.position
    if words := view.undrawn.get("column"):
        raise RequestError(
            f"the connectome ({connectome.label}) cannot be drawn as a column: {words}. Take "
            "another --kind: adjacency, degrees, layers"
        )
    sides = {"across (µm)": view.across, "z (µm)": place[:, 2] / 1000}
    widths = [float(np.ptp(values)) + 30 for values in sides.values()]
    height = float(np.ptp(depth)) + 30
    inches = 6.2 / max(height, sum(widths) / 1.2)
    figure.set_size_inches(inches * sum(widths) + 4.2, max(inches * height, 3.2) + 1.0)
    ratios = [*widths, max(1.7 / inches, 60)]
    panels: Sequence[Axes] = figure.subplots(1, 3, sharey=True, width_ratios=ratios)
    for axes, (name, values) in zip(panels[:2], sides.items(), strict=True):
        _somata(axes, view, values)
        axes.set(aspect="equal", xlabel=name, xlim=(values.min() - 15, values.max() + 15))
    words = "depth below the pia (µm)" if view.pia else "depth (µm)"
    panels[0].set(ylim=(depth.max() + 15, depth.min() - 15), ylabel=words)
    _scale_bar(panels[1], height)
    depths = [depth[connectome.of_type(t)] for t in view.types]
    hues = [view.shades[t] for t in view.types]
    panels[2].hist(depths, 37, stacked=True, orientation="horizontal", color=hues)
    panels[2].set_xlabel("cells")
    for layer, t in ((layer, t) for layer, types in view.layers.items() for t in types):
        marker = "^" if t in view.inhibitory else "o"
        words = f"{layer}  {t}  ({len(connectome.of_type(t)):,})"
        panels[2].plot([], [], marker, color=view.shades[t], label=words)
    panels[2].legend(**BESIDE)


def _somata(axes: Axes, view: View, across: Floats) -> None:
    """Draw somata to scale: excitatory ones round, inhibitory ones triangular."""
    for t in view.types:
        rows = view.connectome.of_type(t)
        places = np.stack([across[rows], view.depth[rows]], axis=1)
        somata: Collection = EllipseCollection(
            SOMA, SOMA, 0, units="xy", offsets=places, offset_transform=axes.transData
        )
        if t in view.inhibitory:
            somata = PolyCollection(list(places[:, None] + TRIANGLE), zorder=3)
        somata.set(facecolors=[view.shades[t]], edgecolors="white", linewidth=0.2)
        axes.add_collection(somata)


def _scale_bar(axes: Axes, height: float) -> None:
    """Draw a bar of a round length, to the scale of the axes."""
    length = 10.0 ** math.floor(math.log10(height / 4))
    length *= 2 if height / length > 16 else 1
    right, top = axes.get_xlim()[1] - 4, axes.get_ylim()[1] + 8
    axes.plot([right, right], [top, top + length], color="black", linewidth=2.2, zorder=9)
    style: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "center", "bbox": BOXED}
    axes.text(right - 6, top + length / 2, f"{length:g} µm", zorder=9, **style)


def degrees(figure: Figure, view: View) -> None:
    """Draw degrees by cell type, synapses per connection and sizes."""
    connectome = view.connectome
    panels = figure.subplots(2, 2)
    for axes, side in zip(panels[0], (connectome.pre, connectome.post), strict=True):
        _spread(axes, np.bincount(side, minlength=connectome.cells), view)
    panels[0, 0].set_xlabel("targets of a cell (out-degree)")
    panels[0, 1].set_xlabel("inputs of a cell (in-degree)")
    _connections(panels[1, 0], panels[1, 1], view)
    shown = [axes for axes in panels.ravel() if axes.has_data()]  # sizes are not always known
    panels[1, 1].set_visible(panels[1, 1] in shown)
    for axes, letter, along in zip(shown, "abcd", "xxyy", strict=False):
        axes.set_title(letter, fontweight="bold")
        axes.grid(axis=along, color="0.92", linewidth=0.7)
    words = "a, b: a dot is a cell; bars are from the lower to the upper quartile, lines are means"
    style: dict[str, Any] = {
        "title": words,
        "title_fontsize": 7.5,
        "ncols": 2,
        "loc": "outside lower center",
    }
    figure.legend(*panels[1, 0].get_legend_handles_labels(), **style)


def _spread(axes: Axes, numbers: npt.NDArray[np.int64], view: View) -> None:
    """Draw each type's cells as dots, its quartiles as a bar, its mean as a line."""
    rng = np.random.default_rng(0)
    for place, t in enumerate(view.types):
        values = numbers[view.connectome.of_type(t)]
        some = values if len(values) <= 400 else rng.choice(values, 400, replace=False)
        beside = place + 0.56 * (rng.random(len(some)) - 0.5)
        axes.plot(some, beside, ".", color=view.shades[t], markersize=2.2, rasterized=True)
        quartiles = np.quantile(values, [0.25, 0.75])
        axes.plot(quartiles, [place] * 2, color="black", linewidth=2.6, solid_capstyle="butt")
        axes.plot(values.mean(), place, "|", color="black", markersize=11, markeredgewidth=1.3)
    axes.set_yticks(range(len(view.types)), view.types, fontsize=7.5)
    axes.set(ylim=(len(view.types) - 0.4, -0.6), xlim=(0, None))


def _connections(synapses: Axes, sizes: Axes, view: View) -> None:
    """Draw how many synapses connections have, and how large these are, by broad types."""
    connectome = view.connectome
    before, after = (connectome.broad_type[i] for i in (connectome.pre, connectome.post))
    # Where nobody measured sizes they are 0, or the counts again.
    sized = connectome.size.any() and not np.array_equal(connectome.size, connectome.count)
    logs = np.log10(np.maximum(connectome.size, 1))
    most = max(1, min(30, int(connectome.count.max(initial=1))))
    low, high = np.quantile(logs, [0.0005, 0.9995]) if len(logs) else (0.0, 1.0)
    bins = np.linspace(low, high + 1e-9, 41)
    hues = (COLOURS[0], COLOURS[5], COLOURS[1], COLOURS[4])
    for (pre, post), hue, line in zip(product(BROAD, BROAD), hues, STYLES, strict=True):
        rows = (before == pre) & (after == post)
        if not rows.any():
            continue
        style: dict[str, Any] = {"color": hue, "linestyle": line, "label": f"{pre} → {post}"}
        numbers, times = np.unique(np.minimum(connectome.count[rows], most), return_counts=True)
        synapses.plot(numbers, times / rows.sum(), marker="o", markersize=3, **style)
        if sized:
            sizes.stairs(np.histogram(logs[rows], bins)[0] / rows.sum(), bins, **style)
    words = "synapses per connection" + (f" ({most}: or more)" if most == 30 else "")
    synapses.set(xlabel=words, ylabel="share of connections", yscale="log")
    synapses.yaxis.set_major_formatter(percent)
    synapses.yaxis.set_minor_formatter("")
    sizes.set(xlabel="summed synapse size, log₁₀ of its unit", ylabel="share of connections")


def layers(figure: Figure, view: View) -> None:
    """Draw the layers and how densely each connects to each: as arrows, and as a matrix."""
    figure.set_size_inches(9.2, 4.9)
    share = densities(view)
    diagram, matrix = figure.subplots(1, 2, width_ratios=[1.12, 1])
    _arrows(diagram, view, share)
    matrix.imshow(share, cmap="Blues", vmin=0, vmax=share.max() or 1)
    for (row, place), value in np.ndenumerate(share):
        words = f"{100 * value:.2g}%" if value < 0.1 else f"{100 * value:.3g}%"
        colour = "white" if value > 0.6 * share.max() else "black"
        matrix.text(place, row, words, fontsize=8, color=colour, **CENTRED)
    matrix.set_xticks(range(len(share)), list(view.layers))
    matrix.set_yticks(range(len(share)), _named(view), fontsize=7.5)
    matrix.tick_params(length=0)
    matrix.spines[:].set_visible(False)
    matrix.set(xlabel="post-synaptic layer", ylabel="pre-synaptic layer")
    matrix.set_title("share of pairs that are connected")


def _arrows(axes: Axes, view: View, share: Floats) -> None:
    """Draw layers from the pia down, and arrows as wide as the connections are dense."""
    names = list(view.layers)
    depth = [float(np.median(view.depth[view.cells(types)])) for types in view.layers.values()]
    known = np.nan_to_num(depth)
    ring = sorted(range(len(names)), key=lambda n: (names[n] == INTERNEURONS, known[n]))
    angle = math.pi / 2 - 2 * math.pi * np.argsort(ring) / len(ring)
    centre = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    most = float(share.max()) or 1.0
    for (one, other), value in sorted(np.ndenumerate(share), key=lambda item: item[1]):
        if value > 0:
            hue = view.hue(names[one])
            place = _arrow(axes, centre[one], centre[other], value / most, hue)
            if value > most / 5:
                style: dict[str, Any] = {"fontsize": 7.5, "zorder": 5, "bbox": BOXED, **CENTRED}
                axes.text(place[0], place[1], f"{100 * value:.2g}%", **style)
    style = {"color": "white", "weight": "bold", "size": 9, "zorder": 7, **CENTRED}
    for (x, y), (name, types) in zip(centre.tolist(), view.layers.items(), strict=True):
        disc = Circle((x, y), 0.19, zorder=6, facecolor=view.hue(name), edgecolor="white")
        axes.add_patch(disc)
        words = f"{name}\n{len(view.cells(types)):,}".replace(" ", "\n")
        fits = min(9.0, 44 / max(map(len, words.split("\n"))))  # points, within the disc
        axes.text(x, y, words, **(style | {"size": fits}))
    axes.set(xlim=(-1.65, 1.65), ylim=(-1.65, 1.65), aspect="equal")
    axes.set_axis_off()
    axes.set_title(f"arrows as wide as dense; figures from {100 * most / 5:.2g}%", loc="center")


def _arrow(axes: Axes, start: Floats, end: Floats, dense: float, colour: str) -> Floats:
    """Draw an arrow, as wide as ``dense`` of the widest, or a loop; return where its middle is."""
    wide = 0.4 + 5.5 * dense
    common: dict[str, Any] = {"color": colour, "linewidth": wide, "zorder": 1 + dense}
    if (start == end).all():
        axes.add_patch(Circle((start * 1.24).tolist(), 0.13, fill=False, **common))
        return start * 1.5
    bend = 0.16
    head = f"-|>,head_length={2.5 + wide},head_width={1.2 + 0.6 * wide}"
    common |= {"arrowstyle": head, "connectionstyle": f"arc3,rad={bend}", "joinstyle": "miter"}
    arrow = FancyArrowPatch(start.tolist(), end.tolist(), shrinkA=22, shrinkB=24, **common)
    axes.add_patch(arrow)
    ahead = end - start
    side = np.array([ahead[1], -ahead[0]])
    return start + 0.42 * ahead + side * bend * 0.48


def _named(view: View) -> list[str]:
    """Return each layer's name and, below it, its cell types, the first and the last."""
    return [
        f"{name}\n{types[0] if len(types) == 1 else f'{types[0]} … {types[-1]}'}"
        for name, types in view.layers.items()
    ]


DRAWINGS = {drawn.__name__: drawn for drawn in (adjacency, column, degrees, layers)}
KINDS = tuple(DRAWINGS)
