"""Figures of what a study found, one function each, for pages and for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bionic_core.reports.drawing.intervals import SPOKEN, Interval, intervals, told_of
from bionic_core.reports.drawing.svg import (
    ABOVE,
    MARKERS,
    MUTED,
    PAPER,
    SERIES,
    STYLES,
    Plot,
    shortened,
    write,
)
from bionic_core.reports.measure import Measure, decimals
from bionic_core.reports.words import crossed, level, rough
from bionic_core.statistics.effects import Effect
from bionic_core.statistics.findings import Findings, Response, Trend
from bionic_core.statistics.lenth import error_slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALL = 16
"""Up to so many terms, all are drawn; of more, those of one or two factors."""

EMPTY = dict.fromkeys(("linestyle", "markerfacecolor"), "none")
DOT: Mapping[str, Any] = {**EMPTY, "markersize": 4, "markeredgewidth": 0.8, "alpha": 0.7}
"""How a run looks beside the means."""


def draw_effects(findings: Findings, folder: Path) -> tuple[str, ...]:
    """Draw what an analysis has into a folder, as PNG and SVG; return the paths.

    Raises:
        RequestError: a file cannot be written there.
    """
    plots = {"effects": effects(findings)}
    if findings.half_normal:
        plots["half_normal"] = half_normal(findings)
    for trend in findings.trends:
        plots[f"dose_{trend.factor.replace('.', '_')}"] = dose(findings.response, trend)
    return tuple(write(folder, {name: plot.files() for name, plot in plots.items()}))


def drawn_effects(findings: Findings) -> list[Effect]:
    """Return the effects that are drawn: estimated, and of many those that a reader looks for."""
    known = [effect for effect in findings.judged if effect.estimate is not None]
    if len(known) <= ALL:
        return known
    return [effect for effect in known if effect.order < 3 or effect.certain]


def effects(findings: Findings) -> Plot:
    """Draw each effect with its interval; filled where p is below 5 % after correction."""
    shown = drawn_effects(findings)
    lines = [
        Interval(crossed(e.term), e.estimate, e.low, e.high, e.certain)
        for e in shown
        if e.estimate is not None
    ]
    left = sum(effect.estimate is not None for effect in findings.effects) - len(shown)
    measure = Measure.of(findings.response)
    how = "Lenth's 95 % margins" if findings.lenth else "95 % intervals"
    title = f"Effects, {how}; filled: p < 5 % after Holm"
    title += f"; {left} of three factors or more left out" if left else ""
    return intervals(
        lines,
        measure.with_unit(f"effect on {measure.words}"),
        "Effects with their 95 % intervals",
        digits=decimals(n for e in shown for n in (e.estimate, e.low, e.high)),
        title=title,
    )


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


def interaction(crossing: Crossing, axis: str, *, dots: bool = True) -> Plot:
    """Draw mean responses by the first factor's level, a line for each level of the second.

    Parallel lines say that the factors act independently of each other. Dots are runs.
    """
    rows, columns = crossing.levels

    def draw(axes: Axes) -> None:
        places = np.arange(len(rows))
        for other, word in enumerate(columns):
            colour, marker = SERIES[other % len(SERIES)], MARKERS[other % len(MARKERS)]
            style: dict[str, Any] = {"color": colour, "marker": marker}
            shifted = places + 0.03 * (other - (len(columns) - 1) / 2)
            if dots:
                each = [crossing.values.get((one, other), ()) for one in range(len(rows))]
                across = np.repeat(shifted, list(map(len, each)))
                axes.plot(across, np.concatenate(each), **DOT, **style)
            means = [crossing.mean(one, other) for one in range(len(rows))]
            known = [
                (at, mean) for at, mean in zip(shifted, means, strict=True) if mean is not None
            ]
            style |= {"linestyle": STYLES[other % len(STYLES)], "markersize": 7}
            style["label"] = f"with {shortened(f'{crossing.second} {word}', 36)}"
            axes.plot([at for at, _ in known], [mean for _, mean in known], **style)
        axes.set_xticks(range(len(rows)), [shortened(word, 12) for word in rows])
        axes.set(xlim=(-0.3, len(rows) - 0.7), xlabel=shortened(crossing.first), ylabel=axis)
        axes.grid(axis="y")

    told = [
        f"{crossing.first} {first}, {crossing.second} {second}: {mean:.4g}"
        for one, first in enumerate(rows)
        for other, second in enumerate(columns)
        if (mean := crossing.mean(one, other)) is not None
    ]
    alt = f"Mean {axis} by {crossing.first} and {crossing.second}: {'; '.join(told[:SPOKEN])}"
    return Plot(draw, alt, 2.7, legend={**ABOVE, "ncols": min(len(columns), 2)})


def half_normal(findings: Findings) -> Plot:
    """Draw absolute effects against half-normal quantiles (Daniel 1959).

    doi:10.1080/00401706.1959.10489866. Filled where p is below 5 % after Holm; the dashed line is
    what error alone would give, fitted to the others; the other lines are Lenth's margins.
    """
    points, sure = findings.half_normal, findings.certain_points
    slope, limits = error_slope(points, sure), margins(findings)

    def draw(axes: Axes) -> None:
        largest = max(point.size for point in points)
        reach = 1.06 * max([largest, *(place for _, place in limits)]) or 1.0
        top = 1.12 * max(point.quantile for point in points)
        if slope:
            end = min(top, reach / slope)
            axes.plot([0, slope * end], [0, end], color=MUTED, linewidth=1, linestyle=(0, (5, 3)))
        for number, (name, place) in enumerate(limits, 1):
            style: dict[str, Any] = {"color": SERIES[number], "linestyle": STYLES[number]}
            axes.axvline(place, linewidth=1.2, label=name, **style)
        for point, filled in zip(points, sure, strict=True):
            face = SERIES[0] if filled else PAPER
            look: dict[str, Any] = {"color": SERIES[0], "markerfacecolor": face}
            axes.plot(point.size, point.quantile, marker="o", markersize=6, **look)
        for point in points[-6:]:
            left = point.size > reach / 2
            axes.annotate(
                shortened(crossed(point.term), 30),
                (point.size, point.quantile),
                xytext=(-8 if left else 8, 0),
                textcoords="offset points",
                ha="right" if left else "left",
                va="center",
                fontsize=9,
            )
        across = Measure.of(findings.response).with_unit("absolute effect")
        axes.set(xlim=(0, reach), ylim=(0, top), xlabel=across, ylabel="half-normal quantile")
        axes.grid()

    told = ", ".join(f"{crossed(p.term)} {rough(p.size, 3)}" for p in points[::-1][:SPOKEN])
    alt = f"Half-normal plot of {len(points)} absolute effects, largest first: {told}"
    line = "; the line is what error alone would give" if slope else ""
    title = f"Half-normal plot of effects{line}"
    return Plot(draw, alt, 3.2, title, legend={**ABOVE, "ncols": 2})


def margins(findings: Findings) -> list[tuple[str, float]]:
    """Return Lenth's margins: names and sizes; none where there are none."""
    lenth = findings.lenth
    if lenth is None or lenth.margin is None or lenth.simultaneous_margin is None:
        return []
    return [("margin", lenth.margin), ("margin of all together", lenth.simultaneous_margin)]


def dose(response: Response, trend: Trend) -> Plot:
    """Draw the mean response at each level of an ordered factor, with its interval."""
    measure = Measure.of(response)
    places = [float(dose) for dose in trend.levels]
    lines = [Interval(level(m.level), m.estimate, m.low, m.high) for m in trend.means]

    def draw(axes: Axes) -> None:
        means = [line.estimate for line in lines]
        axes.plot(places, means, color=SERIES[0], marker="o", markersize=6)
        for line, place in zip(lines, places, strict=True):
            if line.low is not None and line.high is not None:
                axes.plot([place, place], [line.low, line.high], color=SERIES[0], linewidth=1.2)
        axes.set_xticks(places, [line.name for line in lines])
        axes.set(xlabel=shortened(trend.factor), ylabel=shortened(measure.mean))
        axes.grid(axis="y")

    told = "; ".join(told_of(line, 2, signed=False) for line in lines[:SPOKEN])
    slope = rough(trend.components[0].estimate, 3, signed=True)
    p = "" if trend.components[0].p is None else f", p = {trend.components[0].p:.2g}"
    title = f"{measure.mean} by {trend.factor}: linear trend {slope} for each 1{p}"
    return Plot(draw, f"Mean {measure.mean} by {trend.factor}: {told}", 2.7, title)
