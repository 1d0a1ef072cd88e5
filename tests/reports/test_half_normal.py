"""The half-normal plot in files and on pages: one line, and the same points filled."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.colors
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bionic_core.reports.drawing.effects import half_normal
from bionic_core.reports.findings import half_normal_section
from bionic_core.statistics.effect import Effect
from bionic_core.statistics.findings import Findings, Response
from bionic_core.statistics.lenth import Judgement, Lenth, Point, error_slope
from tests.statistics.test_analysis import FILTRATION, analysed, rows_of

SIZES = {"a": 1.0, "b": 2.0, "c": 9.0, "a:b": 12.0}
QUANTILES = (0.2, 0.5, 1.0, 1.5)

SLOPE = (0.2 * 1.0 + 0.5 * 2.0) / (0.2**2 + 0.5**2)
"""Of the line through the origin, by least squares over a and b."""


def findings(*, alone: bool, adjusted: dict[str, float | None]) -> Findings:
    """An analysis of four effects; without replicates, the corrected p is Lenth's."""
    judged = tuple(Judgement(term, None, None, p, p) for term, p in adjusted.items())
    return Findings(
        response=Response("yield", "g"),
        effects=tuple(
            Effect(one.term, SIZES[one.term], p_adjusted=None if alone else one.p_adjusted)
            for one in judged
        ),
        half_normal=tuple(
            Point(term, size, quantile)
            for (term, size), quantile in zip(SIZES.items(), QUANTILES, strict=True)
        ),
        lenth=Lenth(7.0, 8.0, 20.0, 4 / 3, judged) if alone else None,
        notes=(),
    )


class Drawn:
    """What was plotted: slopes of lines from the origin, and which points are filled."""

    def __init__(self) -> None:
        self.slopes: list[float] = []
        self.filled: list[bool] = []

    def take(self, x: Any, y: Any, options: dict[str, Any]) -> None:
        if "marker" in options:
            face, edge = (
                matplotlib.colors.to_hex(options[k]) for k in ("markerfacecolor", "color")
            )
            self.filled.append(face == edge)
        else:
            assert (x[0], y[0]) == (0, 0)
            self.slopes.append(x[1] / y[1])


def drawings(found: Findings, monkeypatch: pytest.MonkeyPatch) -> tuple[Drawn, ...]:
    """What the plot in the files and the one on pages show."""
    plot = Axes.plot
    drawn: list[Drawn] = []

    def watched(self: Axes, x: Any, y: Any, **options: Any) -> Any:
        drawn[-1].take(x, y, options)
        return plot(self, x, y, **options)

    def subplots(self: Figure, *arguments: Any) -> Any:
        drawn.append(Drawn())
        return axes_of(self, *arguments)

    axes_of = Figure.subplots
    with monkeypatch.context() as patch:
        patch.setattr(Axes, "plot", watched)
        patch.setattr(Figure, "subplots", subplots)
        assert set(half_normal(found).files()) == {"png", "svg"}
        assert half_normal_section(found)
    assert len(drawn) == 2
    return tuple(drawn)


@pytest.mark.parametrize("alone", [True, False])
def test_all_drawings_have_the_line_of_the_inert_effects(
    alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: 1.2 / 0.29; a corrected p of exactly 0 is certain too."""
    found = findings(alone=alone, adjusted={"a": 0.9, "b": 0.05, "c": 0.01, "a:b": 0.0})
    for drawn in drawings(found, monkeypatch):
        assert drawn.slopes == [pytest.approx(SLOPE)]
        assert drawn.filled == [False, False, True, True]


@pytest.mark.parametrize(
    ("p", "slope"),
    [
        (None, sum(s * q for s, q in zip(SIZES.values(), QUANTILES, strict=True)) / 3.54),
        (0.001, None),
    ],
)
def test_where_nothing_or_everything_is_certain(
    p: float | None, slope: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any p all are taken as error; where all are certain, none shows it: no line."""
    found = findings(alone=False, adjusted=dict.fromkeys(SIZES, p))
    for drawn in drawings(found, monkeypatch):
        assert drawn.slopes == ([] if slope is None else [pytest.approx(slope)])
        assert drawn.filled == [slope is None] * 4
    section = half_normal_section(found)
    assert ("dashed" in str(section)) is (slope is not None)


def test_the_filtration_experiments_line_is_that_of_its_inert_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = analysed("ABCD", rows_of("ABCD", FILTRATION)).findings
    points = found.half_normal
    sure = {effect.term for effect in found.judged if effect.certain}
    assert 0 < len(sure) < len(points)
    inert = [point for point in points if point.term not in sure]
    wanted = math.fsum(p.size * p.quantile for p in inert) / math.fsum(p.quantile**2 for p in inert)
    assert error_slope(points, found.certain_points) == pytest.approx(wanted)
    for drawn in drawings(found, monkeypatch):
        assert drawn.slopes == [pytest.approx(wanted)]
        assert drawn.filled == [point.term in sure for point in points]
