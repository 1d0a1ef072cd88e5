"""The drawings of named numbers: intervals one below the other, and points by their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.reports.drawing.svg import LETTERS, MARKERS, MUTED, PAPER, SERIES, Plot, shortened
from bionic_core.reports.words import interval, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 0.40
"""Inches that a line of an interval plot takes, its name above it."""

SPOKEN = 12
"""As many lines are told in an alternative text; the tables have all."""


@attrs.frozen
class Interval:
    """A line of an interval plot.

    Attributes:
        low, high: None where there is no interval.
        sure: whether it stands out: filled beside empty ones, or a square among dots.
    """

    name: str
    estimate: float
    low: float | None = None
    high: float | None = None
    sure: bool = False


def intervals(
    lines: Sequence[Interval],
    axis: str,
    alt: str,
    *,
    zero: bool = True,
    digits: int = 2,
    title: str = "",
) -> Plot:
    """Draw estimates with their intervals, one below the other, each name above its line.

    Args:
        lines: from top to bottom.
        axis: what is measured, and in what.
        alt: what the drawing is; the numbers are added to it.
        zero: whether a line at zero says where nothing changes.
        digits: of the numbers that are told.
        title: of the file.
    """

    def draw(axes: Axes) -> None:
        if zero:
            axes.axvline(0, color=MUTED, linewidth=1)
        for place, line in enumerate(lines):
            colour = SERIES[0] if line.sure is zero else (MUTED if zero else SERIES[1])
            if line.low is not None and line.high is not None:
                axes.plot([line.low, line.high], [place, place], color=colour, linewidth=2.2)
            face = colour if line.sure or not zero else PAPER
            marker = MARKERS[1] if line.sure and not zero else MARKERS[0]
            look: dict[str, Any] = {"color": colour, "markerfacecolor": face, "marker": marker}
            axes.plot(line.estimate, place, markersize=7, markeredgewidth=1.6, **look)
            style: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "bottom"}
            said = number(line.estimate, digits, signed=zero)
            axes.text(0, place - 0.14, shortened(line.name), ha="left", fontsize=9.5, **style)
            axes.text(1, place - 0.14, said, ha="right", fontsize=9, color=MUTED, **style)
        axes.set(ylim=(len(lines) - 0.55, -0.8), yticks=[], xlabel=fill(axis, LETTERS))
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        axes.grid(axis="x")

    told = "; ".join(told_of(line, digits, signed=zero) for line in lines[:SPOKEN])
    more = f"; and {len(lines) - SPOKEN} more" if len(lines) > SPOKEN else ""
    return Plot(draw, f"{alt}: {told}{more}", LINE * len(lines) + 0.65, title)


def told_of(line: Interval, digits: int, *, signed: bool) -> str:
    """Return a line in words."""
    around = f" ({interval(line.low, line.high, digits, signed=signed)})"
    known = line.low is not None and line.high is not None
    return f"{line.name} {number(line.estimate, digits, signed=signed)}{around if known else ''}"


@attrs.frozen
class Spot:
    """A named point, with the standard deviations of its two values."""

    name: str
    x: float
    y: float
    x_sd: float | None = None
    y_sd: float | None = None
    strong: bool = False


def scatter(spots: Sequence[Spot], axes_names: tuple[str, str], alt: str) -> Plot:
    """Draw points by their numbers, 1 first; the numbers keep clear of each other."""

    def draw(axes: Axes) -> None:
        for spot in spots:
            axes.errorbar(
                spot.x,
                spot.y,
                xerr=spot.x_sd,
                yerr=spot.y_sd,
                fmt=MARKERS[spot.strong],
                markersize=6 + spot.strong,
                color=SERIES[spot.strong],
                ecolor=MUTED,
                elinewidth=0.8,
            )
        axes.margins(0.16)
        axes.grid()
        axes.set(xlabel=axes_names[0], ylabel=axes_names[1])
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.draw_without_rendering()
        spots_at = axes.transData.transform([(spot.x, spot.y) for spot in spots])
        places = spots_at * 72 / figure.dpi  # in points, as letters are measured
        for rank, (place, label) in enumerate(zip(places, _clear(places), strict=True), 1):
            note = axes.annotate(
                str(rank),
                (spots[rank - 1].x, spots[rank - 1].y),
                xytext=tuple(label - place),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=8.5,
                arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkB": 2},
            )
            note.set_in_layout(False)

    told = "; ".join(f"{spot.name} {spot.x:.4g}, {spot.y:.4g}" for spot in spots)
    return Plot(draw, f"{alt}: {told}", 3.2)


def _clear(places: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Return a place for the number of each point, apart from points and other numbers."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    taken = list(places)
    for place in places:
        best, widest = place, -1.0
        for radius in (12, 20, 30, 42, 56):
            there = place + radius * ring
            gaps = np.hypot(*(there[:, None] - np.array(taken)).T).min(0)
            first = int(gaps.round(9).argmax())
            if gaps[first] > widest + 1e-9:
                best, widest = there[first], gaps[first]
            if widest >= 11:
                break
        taken.append(best)
    return taken[len(places) :]
