"""The half-normal plot in files and on pages: one line, and the same points filled."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.colors
import pytest
from matplotlib.axes import Axes

from bionic_core.reports.drawing.effect_figures import half_normal
from bionic_core.reports.pages.effects import half_normal_section
from bionic_core.reports.pages.study import Measure
from bionic_core.statistics.lenth import certain, certain_points, error_slope
from tests.statistics.test_analysis import FILTRATION, analysed, rows_of

SIZES = {"a": 1.0, "b": 2.0, "c": 9.0, "a:b": 12.0}
QUANTILES = (0.2, 0.5, 1.0, 1.5)

SLOPE = (0.2 * 1.0 + 0.5 * 2.0) / (0.2**2 + 0.5**2)
"""Of the line through the origin, by least squares over a and b."""


def table(*, alone: bool, adjusted: dict[str, float | None]) -> dict[str, Any]:
    """An analysis of four effects; without replicates, the corrected p is Lenth's."""
    judged: list[dict[str, Any]] = [
        {"term": term, "low": None, "high": None, "p": p, "p_adjusted": p}
        for term, p in adjusted.items()
    ]
    unknown = dict.fromkeys(("low", "high", "p", "p_adjusted"))
    lenth = {"pse": 7.0, "margin": 8.0, "simultaneous_margin": 20.0, "effects": judged}
    return {
        "response": {"name": "yield", "scale": 1.0, "unit": "g"},
        "effects": [
            {"estimate": SIZES[one["term"]], "aliases": [], **(one | unknown if alone else one)}
            for one in judged
        ],
        "half_normal": [
            {"term": term, "size": size, "quantile": quantile}
            for (term, size), quantile in zip(SIZES.items(), QUANTILES, strict=True)
        ],
        "lenth": lenth if alone else None,
    }


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


def drawings(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Drawn, Drawn]:
    """What the plot in files and the one on pages show."""
    plot = Axes.plot
    found = []
    for draw in (
        lambda: half_normal(document),
        lambda: half_normal_section(document, Measure.of(document)),
    ):
        drawn = Drawn()

        def watched(self: Axes, x: Any, y: Any, *, drawn: Drawn = drawn, **options: Any) -> Any:
            drawn.take(x, y, options)
            return plot(self, x, y, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Axes, "plot", watched)
            assert draw()
        found.append(drawn)
    return found[0], found[1]


@pytest.mark.parametrize("alone", [True, False])
def test_both_drawings_have_the_line_of_the_inert_effects(
    alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: 1.2 / 0.29; a corrected p of exactly 0 is certain too."""
    document = table(alone=alone, adjusted={"a": 0.9, "b": 0.05, "c": 0.01, "a:b": 0.0})
    for drawn in drawings(document, monkeypatch):
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
    document = table(alone=False, adjusted=dict.fromkeys(SIZES, p))
    for drawn in drawings(document, monkeypatch):
        assert drawn.slopes == ([] if slope is None else [pytest.approx(slope)])
        assert drawn.filled == [slope is None] * 4
    section = half_normal_section(document, Measure.of(document))
    assert ("dashed" in str(section)) is (slope is not None)


def test_the_filtration_experiments_line_is_that_of_its_inert_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = analysed("ABCD", rows_of("ABCD", FILTRATION)).to_json()
    points = document["half_normal"]
    sure = {e["term"] for e in document["lenth"]["effects"] if certain(e)}
    assert 0 < len(sure) < len(points)
    inert = [point for point in points if point["term"] not in sure]
    wanted = math.fsum(p["size"] * p["quantile"] for p in inert) / math.fsum(
        p["quantile"] ** 2 for p in inert
    )
    assert error_slope(points, certain_points(document)) == pytest.approx(wanted)
    for drawn in drawings(document, monkeypatch):
        assert drawn.slopes == [pytest.approx(wanted)]
        assert drawn.filled == [point["term"] in sure for point in points]
