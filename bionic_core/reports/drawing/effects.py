"""Figures of what a study found, one function each, for pages and for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.reports import words
from bionic_core.reports.drawing import svg
from bionic_core.reports.drawing.svg import MARKERS, MUTED, PAPER, SERIES, STYLES, Plot, shortened
from bionic_core.reports.measure import Measure, decimals
from bionic_core.statistics.effect import Effect
from bionic_core.statistics.findings import Findings, Response, Trend
from bionic_core.statistics.lenth import error_slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALL, SPOKEN, LINE = 16, 12, 0.40
"""Terms that are all drawn, of more those of one or two factors; lines that an alternative text
tells; inches that a line of an interval plot takes, its name above it."""

EMPTY = dict.fromkeys(("linestyle", "markerfacecolor"), "none")
DOT: Mapping[str, Any] = {**EMPTY, "markersize": 4, "markeredgewidth": 0.8, "alpha": 0.7}
"""How a run looks beside the means."""


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

    def told(self, digits: int, *, signed: bool) -> str:
        """Return it in words."""
        said = f"{self.name} {words.number(self.estimate, digits, signed=signed)}"
        around = words.interval(self.low, self.high, digits, signed=signed)
        return said if around == words.NONE else f"{said} ({around})"


def intervals(
    lines: Sequence[Interval],
    axis: str,
    alt: str,
    *,
    zero: bool = True,
    digits: int = 2,
    title: str = "",
) -> Plot:
    """Draw estimates with their intervals, one below the other, with a line at ``zero`` if asked.

    ``axis`` says what is measured; ``alt`` what is drawn, to which the numbers are added.
    """

    def draw(axes: Axes) -> None:
        if zero:
            axes.axvline(0, color=MUTED, linewidth=1)
        style: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "bottom"}
        for place, line in enumerate(lines):
            colour = SERIES[0] if line.sure is zero else (MUTED if zero else SERIES[1])
            if line.low is not None and line.high is not None:
                axes.plot([line.low, line.high], [place, place], color=colour, linewidth=2.2)
            face = colour if line.sure or not zero else PAPER
            marker = MARKERS[1] if line.sure and not zero else MARKERS[0]
            look: dict[str, Any] = {"color": colour, "markerfacecolor": face, "marker": marker}
            axes.plot(line.estimate, place, markersize=7, markeredgewidth=1.6, **look)
            said = words.number(line.estimate, digits, signed=zero)
            axes.text(0, place - 0.14, shortened(line.name), ha="left", fontsize=9.5, **style)
            axes.text(1, place - 0.14, said, ha="right", fontsize=9, color=MUTED, **style)
        axes.set(ylim=(len(lines) - 0.55, -0.8), yticks=[], xlabel=fill(axis, svg.LETTERS))
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        axes.grid(axis="x")

    told = "; ".join(line.told(digits, signed=zero) for line in lines[:SPOKEN])
    more = f"; and {len(lines) - SPOKEN} more" if len(lines) > SPOKEN else ""
    return Plot(draw, f"{alt}: {told}{more}", LINE * len(lines) + 0.65, title)


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
            bars: dict[str, Any] = {"xerr": spot.x_sd, "yerr": spot.y_sd, "elinewidth": 0.8}
            bars |= {"fmt": MARKERS[spot.strong], "markersize": 6 + spot.strong, "ecolor": MUTED}
            axes.errorbar(spot.x, spot.y, color=SERIES[spot.strong], **bars)
        axes.margins(0.16)
        axes.grid()
        axes.set(xlabel=axes_names[0], ylabel=axes_names[1])
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.draw_without_rendering()
        spots_at = axes.transData.transform([(spot.x, spot.y) for spot in spots])
        places = spots_at * 72 / figure.dpi  # in points, as letters are measured
        style: dict[str, Any] = {**svg.CENTRED, "textcoords": "offset points", "fontsize": 8.5}
        arrow = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkB": 2}
        for rank, (spot, step) in enumerate(zip(spots, _clear(places), strict=True), 1):
            at = (spot.x, spot.y)
            note = axes.annotate(str(rank), at, xytext=tuple(step), arrowprops=arrow, **style)
            note.set_in_layout(False)

    told = "; ".join(f"{spot.name} {words.rough(spot.x)}, {words.rough(spot.y)}" for spot in spots)
    return Plot(draw, f"{alt}: {told}", 3.2)


def _clear(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how far off the number of each point is clear of points and other numbers."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings = np.multiply.outer((12, 20, 30, 42, 56), around)
    taken = list(places)
    for place in places:
        there = place + rings[:, :, None]
        gaps = np.hypot(*np.moveaxis(there - np.array(taken), -1, 0)).min(2).round(9)
        ring = np.minimum(gaps.max(1), 11).argmax()  # the first with room, else that with most
        taken.append(place + rings[ring, gaps[ring].argmax()])
    return np.array(taken[len(places) :]) - places


def drawn(findings: Findings) -> dict[str, dict[str, bytes]]:
    """Draw what an analysis has; return the content of files, ``{name: {format: content}}``."""
    plots = {"effects": effects(findings)}
    if findings.half_normal:
        plots["half_normal"] = half_normal(findings)
    for trend in findings.trends:
        plots[f"dose_{trend.factor.replace('.', '_')}"] = dose(findings.response, trend)
    return {name: plot.files() for name, plot in plots.items()}


def drawn_effects(findings: Findings) -> list[Effect]:
    """Return the effects that are drawn: estimated, and of many those that a reader looks for."""
    known = [effect for effect in findings.judged if effect.estimate is not None]
    few = len(known) <= ALL
    return [effect for effect in known if few or effect.order < 3 or effect.certain]


def effects(findings: Findings) -> Plot:
    """Draw each effect with its interval; filled where p is below 5 % after correction."""
    shown = drawn_effects(findings)
    sides = [(words.crossed(e.term), e.estimate or 0.0, e.low, e.high, e.certain) for e in shown]
    lines = [Interval(*side) for side in sides]
    left = sum(effect.estimate is not None for effect in findings.effects) - len(shown)
    measure = Measure.of(findings.response)
    how = "Lenth's 95 % margins" if findings.lenth else "95 % intervals"
    title = f"Effects, {how}; filled: p < 5 % after Holm"
    title += f"; {left} of three factors or more left out" if left else ""
    axis, alt = measure.with_unit(f"effect on {measure.words}"), "Effects with their 95 % intervals"
    digits = decimals(n for line in lines for n in (line.estimate, line.low, line.high))
    return intervals(lines, axis, alt, digits=digits, title=title)


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


def interaction(crossing: Crossing, axis: str, *, dots: bool = True) -> Plot:
    """Draw mean responses by the first factor's level, a line for each level of the second.

    Parallel lines say that the factors act independently of each other. Dots are runs.
    """
    rows, columns = crossing.levels
    means = {pair: float(np.mean(values)) for pair, values in crossing.values.items()}
    ends = [shortened(word, 12) for word in columns]
    names = [f"with {shortened(crossing.second, 35 - len(end))} {end}" for end in ends]

    def draw(axes: Axes) -> None:
        for other, name in enumerate(names):
            colour, marker = SERIES[other % len(SERIES)], MARKERS[other % len(MARKERS)]
            style: dict[str, Any] = {"color": colour, "marker": marker}
            known = [one for one in range(len(rows)) if (one, other) in means]
            places = np.array(known) + 0.03 * (other - (len(columns) - 1) / 2)
            if dots:
                each = zip(known, places, strict=True)
                runs = [(at, value) for one, at in each for value in crossing.values[one, other]]
                axes.plot([at for at, _ in runs], [value for _, value in runs], **DOT, **style)
            style |= {"linestyle": STYLES[other % len(STYLES)], "markersize": 7, "label": name}
            axes.plot(places, [means[one, other] for one in known], **style)
        axes.set_xticks(range(len(rows)), [shortened(word, 12) for word in rows])
        axes.set(xlim=(-0.3, len(rows) - 0.7), xlabel=shortened(crossing.first), ylabel=axis)
        axes.grid(axis="y")

    told = [
        f"{crossing.first} {rows[one]}, {crossing.second} {columns[other]}: {words.rough(mean)}"
        for (one, other), mean in sorted(means.items())
    ]
    alt = f"Mean {axis} by {crossing.first} and {crossing.second}: {'; '.join(told[:SPOKEN])}"
    beside = 2 if all(len(name) < svg.LETTERS / 2 for name in names) else 1
    return Plot(draw, alt, 2.7, legend={**svg.ABOVE, "ncols": min(len(columns), beside)})


def levels(factor: str, runs: Sequence[tuple[str, Sequence[float]]], axis: str) -> Plot:
    """Draw what runs measured at each level of a factor, and their mean at each, as a bar."""

    def draw(axes: Axes) -> None:
        for place, (_, values) in enumerate(runs):
            spread = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else [0.0]
            look = {**DOT, "markersize": 6, "markeredgewidth": 1.4, "alpha": 1}
            axes.plot(place + np.asarray(spread), values, color=SERIES[0], marker="o", **look)
            if values:
                mean = [float(np.mean(values))] * 2
                axes.plot([place - 0.25, place + 0.25], mean, color=SERIES[0], linewidth=2.2)
        axes.set_xticks(range(len(runs)), [shortened(name, 12) for name, _ in runs])
        axes.set(xlim=(-0.5, len(runs) - 0.5), xlabel=shortened(factor), ylabel=axis)
        axes.grid(axis="y")

    told = "; ".join(f"{name} {words.rough(float(np.mean(v)))}" for name, v in runs[:SPOKEN] if v)
    return Plot(draw, f"{axis.capitalize()} of each run by {factor}; means: {told}", 2.7)


def half_normal(findings: Findings) -> Plot:
    """Draw absolute effects against half-normal quantiles (Daniel 1959).

    doi:10.1080/00401706.1959.10489866. Filled where p is below 5 % after Holm; the dashed line is
    what error alone would give, fitted to the others; the other lines are Lenth's margins.
    """
    points, sure = findings.half_normal, findings.certain_points
    slope, limits = error_slope(points, sure), findings.margins

    def draw(axes: Axes) -> None:
        reach = 1.06 * max([*(p.size for p in points), *(place for _, place in limits)]) or 1.0
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
        style = {"textcoords": "offset points", "va": "center", "fontsize": 9}
        for point in points[-6:]:
            side, step = ("right", -8) if point.size > reach / 2 else ("left", 8)
            name, at = shortened(words.crossed(point.term), 30), (point.size, point.quantile)
            axes.annotate(name, at, xytext=(step, 0), ha=side, **style)
        across = Measure.of(findings.response).with_unit("absolute effect")
        axes.set(xlim=(0, reach), ylim=(0, top), xlabel=across, ylabel="half-normal quantile")
        axes.grid()

    most = points[::-1][:SPOKEN]
    told = ", ".join(f"{words.crossed(p.term)} {words.rough(p.size, 3)}" for p in most)
    alt = f"Half-normal plot of {len(points)} absolute effects, largest first: {told}"
    line = "; the line is what error alone would give" if slope else ""
    title = f"Half-normal plot of effects{line}"
    return Plot(draw, alt, 3.2, title, legend={**svg.ABOVE, "ncols": 2})


def dose(response: Response, trend: Trend) -> Plot:
    """Draw the mean response at each level of an ordered factor, with its interval."""
    measure = Measure.of(response)
    places = [float(dose) for dose in trend.levels]
    lines = [Interval(words.level(m.level), m.estimate, m.low, m.high) for m in trend.means]

    def draw(axes: Axes) -> None:
        means = [line.estimate for line in lines]
        axes.plot(places, means, color=SERIES[0], marker="o", markersize=6)
        for line, place in zip(lines, places, strict=True):
            if line.low is not None and line.high is not None:
                axes.plot([place, place], [line.low, line.high], color=SERIES[0], linewidth=1.2)
        axes.set_xticks(places, [line.name for line in lines])
        axes.set(xlabel=shortened(trend.factor), ylabel=shortened(measure.mean))
        axes.grid(axis="y")

    told = "; ".join(line.told(2, signed=False) for line in lines[:SPOKEN])
    slope = words.rough(trend.components[0].estimate, 3, signed=True)
    p = "" if trend.components[0].p is None else f", p = {trend.components[0].p:.2g}"
    title = f"{measure.mean} by {trend.factor}: linear trend {slope} for each 1{p}"
    return Plot(draw, f"Mean {measure.mean} by {trend.factor}: {told}", 2.7, title)
