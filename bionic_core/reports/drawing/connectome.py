"""Pictures of a connectome: adjacency, column, degrees, layers; as PNG and SVG.

Layers and their colours are those of the view. Inhibitory cells are triangles, or vermillion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bionic_core.connectome import EXCITATORY, INHIBITORY
from bionic_core.errors import RequestError
from bionic_core.reports.drawing.connectome_view import INTERNEURONS, Rgb, View, densities
from bionic_core.reports.drawing.run import COLOURS, STYLES, canvas, percent, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("adjacency", "column", "degrees", "layers")

BLUE, VERMILLION = COLOURS[0], COLOURS[1]
PIXELS = 1400
"""More cells than this share the picture elements of the adjacency."""

SOMA = 9.0
"""Diameter of a drawn soma in µm; the column is to scale."""


def draw(view: View, kind: str) -> dict[str, bytes]:
    """Return a picture's files by format.

    Raises:
        RequestError: the column is asked for and the somata's places are not known.
    """
    drawing = {"adjacency": adjacency, "column": column, "degrees": degrees, "layers": layers}
    return drawing[kind](view)


def title(view: View) -> str:
    """Return what connectome it is, and how large."""
    connectome = view.connectome
    return (
        f"{connectome.label}: {connectome.cells:,} cells, {len(connectome.pre):,} connections, "
        f"{int(connectome.count.sum()):,} synapses"
    )


def adjacency(view: View) -> dict[str, bytes]:
    """Draw who connects to whom, pre × post, sorted by layer, type and depth."""
    connectome = view.connectome
    order = view.cells(view.types)
    place = np.empty(connectome.cells, np.int64)
    place[order] = np.arange(len(order))
    side = min(connectome.cells, PIXELS)
    share = side / connectome.cells
    rows, columns = ((place[i] * share).astype(int) for i in (connectome.pre, connectome.post))
    inhibitory = connectome.broad_type[connectome.pre] == INHIBITORY
    shown = np.ones((side, side, 3))
    for which, colour in ((~inhibitory, BLUE), (inhibitory, VERMILLION)):
        number = np.zeros((side, side))
        np.add.at(number, (rows[which], columns[which]), 1)
        if number.any():
            ink = np.minimum(1, number / np.quantile(number[number > 0], 0.98))
            shown *= 1 - ink[..., None] * (1 - np.array(_rgb(colour)))
    with canvas(6.6, 6.9) as figure:
        axes = figure.subplots()
        axes.imshow(shown, extent=(0, len(order), len(order), 0), interpolation="antialiased")
        ends = np.cumsum([len(view.cells(types)) for types in view.layers.values()])
        for end in np.cumsum([len(view.cells([t])) for t in view.types])[:-1].tolist():
            axes.axhline(end, color="0.75", linewidth=0.4)
            axes.axvline(end, color="0.75", linewidth=0.4)
        for end in ends[:-1].tolist():
            axes.axhline(end, color="black", linewidth=0.9)
            axes.axvline(end, color="black", linewidth=0.9)
        middles = (ends + np.concatenate([[0], ends[:-1]])) / 2
        words = [f"{name}\n{_listed(types)}" for name, types in view.layers.items()]
        axes.set_xticks(middles, words, fontsize=7)
        axes.set_yticks(middles, words, fontsize=7)
        axes.tick_params(length=0)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("post-synaptic cell")
        axes.set_ylabel("pre-synaptic cell")
        axes.spines[:].set_visible(True)
        for colour, words_ in ((BLUE, "excitatory"), (VERMILLION, "inhibitory")):
            axes.plot([], [], "s", color=colour, label=f"{words_} connection")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        figure.suptitle(title(view), fontsize=9, x=0.02, ha="left")
        return rendered(figure)


def column(view: View) -> dict[str, bytes]:
    """Draw the somata by depth, to scale, seen from two sides, and how many lie at each depth."""
    connectome, depth = view.connectome, view.depth
    place = connectome.position
    if not np.isfinite(place).all() or len(np.unique(place, axis=0)) < min(2, connectome.cells):
        raise RequestError(
            f"the connectome ({connectome.label}) does not say where its somata are, so that its "
            "column cannot be drawn. Take another --kind: adjacency, degrees, layers"
        )
    sides = (("across (µm)", view.across), ("z (µm)", place[:, 2] / 1000))
    widths = [float(np.ptp(values)) + 30 for _, values in sides]
    height = float(np.ptp(depth)) + 30
    inches = 6.2 / max(height, sum(widths) / 1.2)
    shades = view.shades
    with canvas(inches * sum(widths) + 4.2, max(inches * height, 3.2) + 1.0) as figure:
        panels: Sequence[Axes] = figure.subplots(
            1, 3, sharey=True, width_ratios=[*widths, max(1.7 / inches, 60)]
        )
        for axes, (name, values) in zip(panels[:2], sides, strict=True):
            _somata(axes, view, values)
            axes.set(aspect="equal", xlabel=name)
            axes.set_xlim(float(values.min()) - 15, float(values.max()) + 15)
        panels[0].set_ylim(float(depth.max()) + 15, float(depth.min()) - 15)
        panels[0].set_ylabel("depth below the pia (µm)" if view.pia else "depth (µm)")
        _scale_bar(panels[1], height)
        edges = np.linspace(float(depth.min()), float(depth.max()) + 1e-6, 38)
        below = np.zeros(len(edges) - 1)
        for t in view.types:
            number = np.histogram(depth[connectome.of_type(t)], edges)[0]
            panels[2].barh(
                edges[:-1], number, np.diff(edges), left=below, align="edge", color=shades[t]
            )
            below += number
        panels[2].set_xlabel("cells")
        for layer, types in view.layers.items():
            for t in types:
                marker = "^" if t in _inhibitory(view) else "o"
                words = f"{layer}  {t}  ({len(connectome.of_type(t)):,})"
                panels[2].plot([], [], marker, color=shades[t], label=words)
        panels[2].legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), alignment="left")
        figure.suptitle(title(view).replace(": ", "\n", 1), fontsize=9, x=0.02, ha="left")
        return rendered(figure)


def degrees(view: View) -> dict[str, bytes]:
    """Draw degrees by cell type, synapses per connection and sizes."""
    connectome, types = view.connectome, view.types
    with canvas(7.6, 6.2) as figure:
        panels = figure.subplots(2, 2)
        for axes, side, words in (
            (panels[0, 0], connectome.pre, "targets of a cell (out-degree)"),
            (panels[0, 1], connectome.post, "inputs of a cell (in-degree)"),
        ):
            number = np.bincount(side, minlength=connectome.cells)
            _spread(axes, [number[connectome.of_type(t)] for t in types], view)
            axes.set_xlabel(words)
        inhibitory = connectome.broad_type == INHIBITORY
        logs = np.log10(np.maximum(connectome.size, 1))
        most = max(1, min(30, int(connectome.count.max(initial=1))))
        low, high = np.quantile(logs, [0.0005, 0.9995]) if len(logs) else (0.0, 1.0)
        bins = np.linspace(low, high + 1e-9, 41)
        for pair, (one, other) in enumerate(
            ((False, False), (False, True), (True, False), (True, True))
        ):
            rows = (inhibitory[connectome.pre] == one) & (inhibitory[connectome.post] == other)
            if not rows.any():
                continue
            label = f"{_broad(one)} → {_broad(other)}"
            hue = (BLUE, COLOURS[5], VERMILLION, COLOURS[4])[pair]
            style: dict[str, Any] = {"color": hue, "linestyle": STYLES[pair], "label": label}
            share = np.bincount(np.minimum(connectome.count[rows], most), minlength=most + 1)[1:]
            known = share > 0
            panels[1, 0].plot(
                np.arange(1, most + 1)[known],
                (share / share.sum())[known],
                marker="o",
                markersize=3,
                **style,
            )
            panels[1, 1].stairs(np.histogram(logs[rows], bins)[0] / rows.sum(), bins, **style)
        panels[1, 0].set_yscale("log")
        panels[1, 0].yaxis.set_major_formatter(percent())
        panels[1, 0].yaxis.set_minor_formatter("")
        panels[1, 0].set_xlabel(
            "synapses per connection" + (f" ({most}: or more)" if most == 30 else "")
        )
        panels[1, 1].set_xlabel("summed synapse size, log₁₀ voxels")
        for axes in panels[1]:
            axes.set_ylabel("share of connections")
            axes.grid(axis="y", color="0.92", linewidth=0.7)
            axes.set_axisbelow(True)
        handles, labels = panels[1, 0].get_legend_handles_labels()
        panels[1, 0].legend(handles, labels, loc="upper right", handlelength=3)
        for axes, letter in zip(panels.ravel(), "abcd", strict=True):
            axes.set_title(letter, fontweight="bold")
        figure.suptitle(title(view), fontsize=9, x=0.02, ha="left")
        return rendered(figure)


def layers(view: View) -> dict[str, bytes]:
    """Draw the layers and how densely each connects to each: as arrows, and as a matrix."""
    names = list(view.layers)
    share = densities(view)
    with canvas(9.2, 4.9) as figure:
        diagram, matrix = figure.subplots(1, 2, width_ratios=[1.12, 1])
        _arrows(diagram, view, share)
        matrix.imshow(share, cmap="Blues", vmin=0, vmax=share.max() or 1)
        for (row, place), value in np.ndenumerate(share):
            matrix.text(
                place,
                row,
                f"{100 * value:.2g}%" if value < 0.1 else f"{100 * value:.3g}%",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if value > 0.6 * share.max() else "black",
            )
        matrix.set_xticks(range(len(names)), names)
        matrix.set_yticks(range(len(names)), [f"{n}\n{_listed(view.layers[n])}" for n in names])
        matrix.tick_params(length=0)
        matrix.tick_params(axis="y", labelsize=7.5)
        matrix.spines[:].set_visible(False)
        matrix.set_xlabel("post-synaptic layer")
        matrix.set_ylabel("pre-synaptic layer")
        matrix.set_title("share of pairs that are connected")
        figure.suptitle(title(view), fontsize=9, x=0.02, ha="left")
        return rendered(figure)


def _arrows(axes: Axes, view: View, share: npt.NDArray[np.float64]) -> None:
    """Draw layers from the pia down, and arrows as wide as the connections are dense."""
    from matplotlib.patches import Circle

    names = list(view.layers)
    depth = [float(np.median(view.depth[view.cells(t)])) for t in view.layers.values()]
    angle = {}
    ring = sorted(range(len(names)), key=lambda n: (names[n] == INTERNEURONS, depth[n]))
    for place, n in enumerate(ring):
        angle[n] = math.pi / 2 - 2 * math.pi * place / len(ring)
    centre = {n: np.array([math.cos(a), math.sin(a)]) for n, a in angle.items()}
    radius, most = 0.19, float(share.max()) or 1.0
    for (one, other), value in sorted(np.ndenumerate(share), key=lambda item: item[1]):
        if value > 0:
            colour = view.hue(names[one])
            middle = _arrow(axes, centre[one], centre[other], value / most, colour)
            if value > most / 5:
                _figure(axes, middle, value)
    for n, name in enumerate(names):
        axes.add_patch(
            Circle(
                centre[n].tolist(), radius, facecolor=view.hue(name), edgecolor="white", zorder=6
            )
        )
        number = len(view.cells(view.layers[name]))
        axes.text(
            *_point(centre[n]),
            f"{name}\n{number:,}",
            ha="center",
            va="center",
            color="white",
            fontweight="bold",
            zorder=7,
            fontsize=9,
        )
    axes.set(xlim=(-1.65, 1.65), ylim=(-1.65, 1.65), aspect="equal")
    axes.set_axis_off()
    axes.set_title(f"arrows as wide as dense; figures from {100 * most / 5:.2g}%", loc="center")


def _arrow(
    axes: Axes,
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    dense: float,
    colour: str,
) -> npt.NDArray[np.float64]:
    """Draw an arrow, as wide as ``dense`` of the widest, or a loop; return where its middle is."""
    from matplotlib.patches import Circle, FancyArrowPatch

    wide = 0.4 + 5.5 * dense
    common: dict[str, Any] = {"color": colour, "linewidth": wide, "zorder": 1 + dense}
    if start is end:
        axes.add_patch(Circle(_point(start * 1.24), 0.13, fill=False, **common))
        return start * 1.5
    bend = 0.16
    arrow = FancyArrowPatch(
        _point(start),
        _point(end),
        connectionstyle=f"arc3,rad={bend}",
        arrowstyle=f"-|>,head_length={2.5 + wide},head_width={1.2 + 0.6 * wide}",
        shrinkA=22,
        shrinkB=24,
        joinstyle="miter",
        **common,
    )
    axes.add_patch(arrow)
    ahead = end - start
    side = np.array([ahead[1], -ahead[0]])
    return start + 0.42 * ahead + side * bend * 0.48


def _figure(axes: Axes, place: npt.NDArray[np.float64], share: float) -> None:
    """Write a share where an arrow is."""
    axes.text(
        *_point(place),
        f"{100 * share:.2g}%",
        fontsize=7.5,
        ha="center",
        va="center",
        zorder=5,
        bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"},
    )


def _somata(axes: Axes, view: View, across: npt.NDArray[np.float64]) -> None:
    """Draw somata to scale: excitatory ones round, inhibitory ones triangular."""
    from matplotlib.collections import EllipseCollection, PolyCollection

    connectome, depth, shades = view.connectome, view.depth, view.shades
    corners = SOMA * 0.62 * np.array([[0, -1.15], [1, 0.6], [-1, 0.6]])
    for t in view.types:
        rows = connectome.of_type(t)
        places = np.stack([across[rows], depth[rows]], axis=1)
        common: dict[str, Any] = {
            "facecolors": [shades[t]],
            "edgecolors": "white",
            "linewidths": 0.2,
        }
        if t in _inhibitory(view):
            axes.add_collection(PolyCollection(list(places[:, None] + corners), zorder=3, **common))
            continue
        size = np.full(len(rows), SOMA)
        axes.add_collection(
            EllipseCollection(
                size, size, 0 * size, units="xy", offsets=places,
                offset_transform=axes.transData, **common,
            )
        )  # fmt: skip


def _scale_bar(axes: Axes, height: float) -> None:
    """Draw a bar of a round length, to the scale of the axes."""
    length = 10.0 ** math.floor(math.log10(height / 4))
    length *= 2 if height / length > 16 else 1
    right, top = axes.get_xlim()[1] - 4, axes.get_ylim()[1] + 8
    axes.plot([right, right], [top, top + length], color="black", linewidth=2.2, zorder=9)
    axes.text(
        right - 6,
        top + length / 2,
        f"{length:g} µm",
        rotation=90,
        ha="right",
        va="center",
        zorder=9,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"},
    )


def _spread(axes: Axes, values: Sequence[npt.NDArray[np.int64]], view: View) -> None:
    """Draw each type's cells as dots, its quartiles as a bar, its mean as a line."""
    rng = np.random.default_rng(0)
    shades, types = view.shades, view.types
    for place, (t, numbers) in enumerate(zip(types, values, strict=True)):
        some = numbers if len(numbers) <= 400 else rng.choice(numbers, 400, replace=False)
        axes.plot(
            some,
            place + 0.56 * (rng.random(len(some)) - 0.5),
            ".",
            color=shades[t],
            markersize=2.2,
            rasterized=True,
        )
        low, high = np.quantile(numbers, [0.25, 0.75])
        axes.plot([low, high], [place, place], color="black", linewidth=2.6, solid_capstyle="butt")
        axes.plot(numbers.mean(), place, "|", color="black", markersize=11, markeredgewidth=1.3)
    axes.set_yticks(range(len(types)), types, fontsize=7.5)
    axes.set_ylim(len(types) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)


def _point(place: npt.NDArray[np.float64]) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _listed(types: Sequence[str]) -> str:
    return types[0] if len(types) == 1 else f"{types[0]} … {types[-1]}"


def _inhibitory(view: View) -> set[str]:
    chosen = view.connectome.broad_type == INHIBITORY
    return set(view.connectome.cell_type[chosen].tolist())


def _broad(inhibitory: bool) -> str:
    return INHIBITORY if inhibitory else EXCITATORY


def _rgb(colour: str) -> Rgb:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
