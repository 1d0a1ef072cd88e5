"""Figures of an analysis: effects with intervals, half-normal plot, dose-response curves.

In the style of :mod:`bionic_core.reports.drawing.run`; what stands out differs in shape as well as
in colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bionic_core.reports.drawing.run import COLOURS, canvas, rendered, write
from bionic_core.statistics.lenth import certain, certain_points, error_slope, judged

MOST = 24
"""Of more effects than this, the smallest are left out of the plot of effects; it says so."""

Document = Mapping[str, Any]


def draw_effects(document: Document, folder: Path) -> list[str]:
    """Draw what an analysis has into a folder; return the paths.

    Raises:
        RequestError: a file cannot be written there.
    """
    drawn = {"effects": effects(document)}
    if document["half_normal"]:
        drawn["half_normal"] = half_normal(document)
    for trend in document["trends"]:
        drawn[f"dose_{trend['factor'].replace('.', '_')}"] = dose(document, trend)
    return write(folder, drawn)


def effects(document: Document) -> dict[str, bytes]:
    """Draw each effect with its interval; filled where p is below 5 % after Holm.

    Args:
        document: an analysis, as ``--json`` gives it.

    Returns:
        The file's content by format.
    """
    known = [effect for effect in judged(document) if effect["estimate"] is not None]
    kept = sorted(known, key=lambda effect: -abs(effect["estimate"]))[:MOST]
    shown = [effect for effect in known if effect in kept][::-1]
    with canvas(6.4, 0.9 + 0.26 * len(shown)) as figure:
        axes = figure.subplots()
        axes.axvline(0, color="0.5", linewidth=0.8)
        for place, effect in enumerate(shown):
            sure = certain(effect)
            colour = COLOURS[1] if sure else COLOURS[0]
            if effect["low"] is not None:
                axes.plot([effect["low"], effect["high"]], [place] * 2, color=colour)
            axes.plot(
                effect["estimate"],
                place,
                marker="D" if sure else "o",
                markersize=5,
                color=colour,
                markerfacecolor=colour if sure else "white",
            )
        axes.set_yticks(range(len(shown)), [effect["term"] for effect in shown])
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.grid(axis="x", color="0.92", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_xlabel(_label(document))
        left = f"; {len(known) - len(shown)} smaller ones left out" if len(known) > MOST else ""
        how = "Lenth's 95 % margins" if document["lenth"] else "95 % intervals"
        title = f"Effects, {how}; filled: p < 5 % after Holm{left}"
        figure.suptitle(title, fontsize=9, x=0.02, ha="left")
        return rendered(figure)


def half_normal(document: Document) -> dict[str, bytes]:
    """Draw |effects| against half-normal quantiles; error alone lies on the line.

    Filled where p is below 5 % after Holm; the line is fitted to the others.
    """
    points = document["half_normal"]
    sure = certain_points(document)
    slope = error_slope(points, sure)
    size = np.array([point["size"] for point in points])
    quantile = np.array([point["quantile"] for point in points])
    with canvas(5.6, 4.2) as figure:
        axes = figure.subplots()
        if slope:
            axes.plot([0, slope * quantile[-1]], [0, quantile[-1]], color="0.6", linewidth=0.9)
        for place, point in enumerate(points):
            active = sure[place]
            axes.plot(
                size[place],
                quantile[place],
                marker="D" if active else "o",
                color=COLOURS[1] if active else COLOURS[0],
                markerfacecolor=COLOURS[1] if active else "white",
                linestyle="none",
            )
            if active or place >= len(points) - 2:
                right = size[place] < size.max() / 2
                axes.annotate(
                    point["term"],
                    (size[place], quantile[place]),
                    xytext=(7, -3) if right else (-7, -3),
                    fontsize=8,
                    textcoords="offset points",
                    ha="left" if right else "right",
                )
        axes.set(xlim=(0, 1.08 * size.max() or 1), ylim=(0, 1.12 * quantile.max()))
        axes.set_xlabel(f"|{_label(document)}|")
        axes.set_ylabel("half-normal quantile")
        axes.set_title("Half-normal plot; the line is what error alone would give", fontsize=9)
        return rendered(figure)


def dose(document: Document, trend: Document) -> dict[str, bytes]:
    """Draw the mean response at each level of a factor, with its interval."""
    x = [mean["level"] for mean in trend["means"]]
    y = [mean["estimate"] for mean in trend["means"]]
    with canvas(4.8, 3.4) as figure:
        axes = figure.subplots()
        axes.plot(x, y, color=COLOURS[0], marker="o")
        if trend["means"][0]["low"] is not None:
            for mean in trend["means"]:
                axes.plot([mean["level"]] * 2, [mean["low"], mean["high"]], color=COLOURS[0])
        axes.set_xticks(x, [str(level) for level in x])
        axes.grid(axis="y", color="0.92", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_xlabel(trend["factor"])
        response = document["response"]
        unit = " (%)" if response["unit"] == "percentage points" else ""
        axes.set_ylabel(f"{response['name']}{unit}")
        slope = trend["components"][0]
        p = "" if slope["p"] is None else f", p = {slope['p']:.2g}"
        axes.set_title(f"linear trend {slope['estimate']:+.3g} for each 1{p}", fontsize=9)
        return rendered(figure)


def _label(document: Document) -> str:
    response = document["response"]
    unit = f", {response['unit']}" if response["unit"] else ""
    return f"effect on {response['name']}{unit}"
