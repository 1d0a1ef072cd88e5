"""The drawings of reports: intervals, interactions, half-normal plots, scatters, wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from bionic_core.reports.drawing.svg import (
    GRID,
    MARKERS,
    MUTED,
    PAPER,
    SERIES,
    STYLES,
    WIDTH,
    drawn,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 0.40
"""Inches that a line of an interval plot takes, its name above it."""

LETTERS = 46
"""As many letters of a name fit above a line."""

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
    lines: Sequence[Interval], axis: str, alt: str, *, zero: bool = True, digits: int = 2
) -> Markup:
    """Draw estimates with their intervals, one below the other, each name above its line.

    Args:
        lines: from top to bottom.
        axis: what is measured, and in what.
        alt: what the drawing is; the numbers are added to it.
        zero: whether a line at zero says where nothing changes.
        digits: of the numbers that are told.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        if zero:
            axes.axvline(0, color=MUTED, linewidth=1)
        for place, line in enumerate(lines):
            colour = SERIES[0] if line.sure is zero else (MUTED if zero else SERIES[1])
            if line.low is not None and line.high is not None:
                axes.plot([line.low, line.high], [place, place], color=colour, linewidth=2.2)
            axes.plot(
                line.estimate,
                place,
                marker=MARKERS[1] if line.sure and not zero else MARKERS[0],
                markersize=7,
                markerfacecolor=colour if line.sure or not zero else PAPER,
                markeredgecolor=colour,
                markeredgewidth=1.6,
            )
            _above(axes, place, line.name, _number(line.estimate, digits, signed=zero))
        axes.set_ylim(len(lines) - 0.55, -0.8)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        axes.grid(axis="x")
        axes.set_xlabel(fill(axis, LETTERS))

    told = "; ".join(_told(line, digits, signed=zero) for line in lines[:SPOKEN])
    more = f"; and {len(lines) - SPOKEN} more" if len(lines) > SPOKEN else ""
    return drawn(draw, f"{alt}: {told}{more}", LINE * len(lines) + 0.65)


def _above(axes: Axes, place: float, name: str, number: str) -> None:
    across = axes.get_yaxis_transform()
    style: dict[str, Any] = {"transform": across, "va": "bottom", "fontsize": 9.5}
    axes.text(0.0, place - 0.14, shortened(name), ha="left", **style)
    axes.text(1.0, place - 0.14, number, ha="right", **{**style, "fontsize": 9}, color=MUTED)


def shortened(name: str, letters: int = LETTERS) -> str:
    """Return a name that fits, its end cut off where it does not."""
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _number(value: float, digits: int, *, signed: bool) -> str:
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def _told(line: Interval, digits: int, *, signed: bool) -> str:
    text = f"{line.name} {_number(line.estimate, digits, signed=signed)}"
    if line.low is None or line.high is None:
        return text
    low, high = (_number(value, digits, signed=signed) for value in (line.low, line.high))
    return f"{text} ({low} to {high})"


@attrs.frozen
class Crossing:
    """Two factors' levels, and the responses of the runs at each pair of them.

    Attributes:
        first, second: the factors' names.
        levels: of each, in words.
        values: responses by (level of the first, level of the second), by their numbers.
    """

    first: str
    second: str
    levels: tuple[Sequence[str], Sequence[str]]
    values: Mapping[tuple[int, int], Sequence[float]]

    def mean(self, one: int, other: int) -> float | None:
        """Return the mean response of a pair of levels; None where no run has it."""
        values = self.values.get((one, other), ())
        return float(np.mean(values)) if len(values) else None


def interaction(crossing: Crossing, axis: str, *, dots: bool = True) -> Markup:
    """Draw mean responses by the first factor's level, a line for each level of the second.

    Parallel lines say that the factors act independently of each other. Dots are runs.
    """
    rows, columns = (range(len(levels)) for levels in crossing.levels)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for other in columns:
            colour = SERIES[other % len(SERIES)]
            marker = MARKERS[other % len(MARKERS)]
            known = [(one, m) for one in rows if (m := crossing.mean(one, other)) is not None]
            shift = 0.03 * (other - (len(columns) - 1) / 2)
            if dots:
                places = [(one, v) for one in rows for v in crossing.values.get((one, other), ())]
                axes.plot(
                    [one + shift for one, _ in places],
                    [value for _, value in places],
                    linestyle="none",
                    marker=marker,
                    markersize=4,
                    markerfacecolor="none",
                    markeredgecolor=colour,
                    markeredgewidth=0.8,
                    alpha=0.7,
                )
            axes.plot(
                [one + shift for one, _ in known],
                [mean for _, mean in known],
                color=colour,
                linestyle=STYLES[other % len(STYLES)],
                marker=marker,
                markersize=7,
                label=f"with {shortened(f'{crossing.second} {crossing.levels[1][other]}', 36)}",
            )
        axes.set_xticks(list(rows), [shortened(word, 12) for word in crossing.levels[0]])
        axes.set_xlim(-0.3, len(rows) - 0.7)
        axes.set_xlabel(shortened(crossing.first))
        axes.set_ylabel(axis)
        axes.grid(axis="y")
        figure.legend(loc="outside upper left", ncols=min(len(columns), 2))

    told = []
    for one, first in enumerate(crossing.levels[0]):
        for other, second in enumerate(crossing.levels[1]):
            mean = crossing.mean(one, other)
            if mean is not None:
                pair = f"{crossing.first} {first}, {crossing.second} {second}"
                told.append(f"{pair}: {mean:.4g}")
    alt = f"Mean {axis} by {crossing.first} and {crossing.second}: {'; '.join(told[:SPOKEN])}"
    return drawn(draw, alt, 2.7)


def half_normal(
    points: Sequence[tuple[str, float, float]],
    axis: str,
    slope: float | None,
    sure: Sequence[bool],
    limits: Sequence[tuple[str, float]] = (),
) -> Markup:
    """Draw absolute effects against half-normal quantiles (Daniel 1959).

    doi:10.1080/00401706.1959.10489866

    Args:
        points: term, absolute effect and quantile of each, the smallest first.
        axis: what is measured, and in what.
        slope: effect for each unit of the quantile that chance alone gives; None for no line.
        sure: of each point, whether it is certain, and filled.
        limits: names and places of lines that an effect beyond is more than chance.
    """
    size = np.array([effect for _, effect, _ in points])
    quantiles = np.array([quantile for *_, quantile in points])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        reach = 1.06 * max([float(size.max()), *(place for _, place in limits)]) or 1.0
        top = float(quantiles.max()) * 1.12
        if slope:
            end = min(top, reach / slope)
            axes.plot([0, slope * end], [0, end], color=MUTED, linewidth=1, linestyle=(0, (5, 3)))
        for number, (name, place) in enumerate(limits, 1):
            axes.axvline(
                place, color=SERIES[number], linewidth=1.2, linestyle=STYLES[number], label=name
            )
        for (_, x, y), filled in zip(points, sure, strict=True):
            axes.plot(
                x,
                y,
                marker="o",
                markersize=6,
                color=SERIES[0],
                markerfacecolor=SERIES[0] if filled else PAPER,
            )
        axes.set(xlim=(0, reach), ylim=(0, top))
        for name, x, y in points[-6:]:
            left = x > reach / 2
            axes.annotate(
                shortened(name, 30),
                (x, y),
                xytext=(-8 if left else 8, 0),
                textcoords="offset points",
                ha="right" if left else "left",
                va="center",
                fontsize=9,
            )
        axes.set_xlabel(axis)
        axes.set_ylabel("half-normal quantile")
        axes.grid()
        if limits:
            figure.legend(loc="outside upper left", ncols=2)

    told = ", ".join(f"{name} {size:.2f}" for name, size, _ in points[::-1][:SPOKEN])
    alt = f"Half-normal plot of {len(points)} absolute effects, largest first: {told}"
    return drawn(draw, alt, 3.2)


def dose(lines: Sequence[Interval], levels: Sequence[float], axes_names: tuple[str, str]) -> Markup:
    """Draw the mean response at each level of an ordered factor, with its interval.

    Args:
        lines: an interval for each level.
        levels: the numbers.
        axes_names: the factor, and what is measured.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        means = [line.estimate for line in lines]
        axes.plot(levels, means, color=SERIES[0], marker="o", markersize=6)
        for line, place in zip(lines, levels, strict=True):
            if line.low is not None and line.high is not None:
                axes.plot([place, place], [line.low, line.high], color=SERIES[0], linewidth=1.2)
        axes.set_xticks(list(levels), [line.name for line in lines])
        axes.set_xlabel(shortened(axes_names[0]))
        axes.set_ylabel(shortened(axes_names[1]))
        axes.grid(axis="y")

    told = "; ".join(_told(line, 2, signed=False) for line in lines[:SPOKEN])
    return drawn(draw, f"Mean {axes_names[1]} by {axes_names[0]}: {told}", 2.7)


@attrs.frozen
class Spot:
    """A named point, with the standard deviations of its two values."""

    name: str
    x: float
    y: float
    x_sd: float | None = None
    y_sd: float | None = None
    strong: bool = False


def scatter(spots: Sequence[Spot], axes_names: tuple[str, str], alt: str) -> Markup:
    """Draw points by their numbers, 1 first; the numbers keep clear of each other."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for spot in spots:
            colour = SERIES[1] if spot.strong else SERIES[0]
            axes.errorbar(
                spot.x,
                spot.y,
                xerr=spot.x_sd,
                yerr=spot.y_sd,
                fmt=MARKERS[1] if spot.strong else MARKERS[0],
                markersize=7 if spot.strong else 6,
                color=colour,
                ecolor=MUTED,
                elinewidth=0.8,
            )
        axes.margins(0.16)
        axes.grid()
        axes.set_xlabel(axes_names[0])
        axes.set_ylabel(axes_names[1])
        figure.draw_without_rendering()
        spots_at = axes.transData.transform([(spot.x, spot.y) for spot in spots])
        places = spots_at * 72 / figure.dpi  # in points, as letters are measured
        for number, (place, label) in enumerate(zip(places, _clear(places), strict=True), 1):
            note = axes.annotate(
                str(number),
                (spots[number - 1].x, spots[number - 1].y),
                xytext=tuple(label - place),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=8.5,
                arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkB": 2},
            )
            note.set_in_layout(False)

    told = "; ".join(f"{spot.name} {spot.x:.4g}, {spot.y:.4g}" for spot in spots)
    return drawn(draw, f"{alt}: {told}", 3.2)


def _clear(places: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Return a place for the number of each point, apart from points and other numbers."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    taken = list(places)
    found = []
    for place in places:
        best, widest = place, -1.0
        for radius in (12, 20, 30, 42, 56):
            for angle in angles:
                there = place + radius * np.array([np.cos(angle), np.sin(angle)])
                gap = min(float(np.hypot(*(there - other))) for other in taken)
                if gap > widest + 1e-9:
                    best, widest = there, gap
            if widest >= 11:
                break
        taken.append(best)
        found.append(best)
    return found


def curves(draw: Callable[[Axes], None], alt: str, height: float, columns: int = 1) -> Markup:
    """Draw what is drawn for files too, its legend below."""

    def on(figure: Figure) -> None:
        axes = figure.subplots()
        draw(axes)
        handles, labels = axes.get_legend_handles_labels()
        if handles:
            figure.legend(
                handles,
                list(map(shortened, labels)),
                loc="outside lower center",
                ncols=columns,
                handlelength=2.6,
            )

    return drawn(on, alt, height)


MOST = 360
"""Pixels of a wiring's picture, at most, on a side."""


def wiring(
    pre: npt.NDArray[np.int64],
    post: npt.NDArray[np.int64],
    shape: tuple[int, int],
    names: tuple[str, str],
    alt: str,
) -> Markup:
    """Draw which pairs of neurons are wired: post down, pre across, a dot for each pair.

    Where there are more neurons than pixels, a pixel's darkness is the share of its pairs, on a
    scale that ends at the densest.

    Args:
        pre, post: of each pair.
        shape: numbers of post and pre neurons.
        names: of the post and the pre layer.
        alt: what it shows.
    """
    bins = tuple(min(size, MOST) for size in shape)
    counts, _, _ = np.histogram2d(post, pre, bins, ((0, shape[0]), (0, shape[1])))
    dark = counts / max(counts.max(initial=0.0), 1.0)
    picture = np.zeros((*bins, 4))
    picture[..., 3] = np.sqrt(dark)
    ratio = min(max(shape[0] / shape[1], 0.35), 1.8)
    width = 2.6

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(
            picture,
            interpolation="none",
            aspect="auto",
            extent=(0, shape[1], shape[0], 0),
        )
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color(GRID)
        axes.set_xlabel(f"pre: {shortened(names[1], 20)}")
        axes.set_ylabel(f"post: {shortened(names[0], 20)}")
        axes.tick_params(length=2)
        axes.locator_params(nbins=4, integer=True)

    return drawn(draw, alt, min(width * ratio + 0.45, WIDTH), width)
