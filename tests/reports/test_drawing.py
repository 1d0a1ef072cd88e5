"""What figures share: names and titles that are readable, and a place on a page of their own."""

from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from bionic_core.reports.drawing import svg
from bionic_core.reports.drawing.effects import Crossing, half_normal, interaction
from bionic_core.reports.drawing.run import draw_learning
from tests.statistics.test_analysis import FILTRATION, analysed, rows_of

VALUES = {(one, other): (1.0 + one, 2.0 + other) for one in (0, 1) for other in (0, 1)}
LEVELS = (("off", "on"), ("off", "on"))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn, as they are laid out."""
    figures: list[Figure] = []
    saved = svg.saved

    def watched(figure: Figure, *arguments: object, **options: object) -> bytes:
        figures.append(figure)
        return saved(figure, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(svg, "saved", watched)
    return figures


def test_a_files_title_stands_clear_of_the_names_of_its_lines(shown: list[Figure]) -> None:
    plot = half_normal(analysed("ABCD", rows_of("ABCD", FILTRATION)).findings)
    assert len(plot.title) > svg.TITLE, "it takes two lines"
    plot.files()
    (title,), (legend,) = shown[0].texts, shown[0].legends
    boxes = [part.get_window_extent() for part in (title, legend, shown[0].axes[0])]
    assert boxes[0].y0 > boxes[2].y1 > boxes[2].y0 > boxes[1].y1


@pytest.mark.parametrize("name", ["b", "structural masks of the column"])
def test_names_fit_into_the_width(name: str, shown: list[Figure]) -> None:
    interaction(Crossing("a", name, LEVELS, VALUES), "test accuracy, %").svg()
    (legend,) = shown[0].legends
    assert legend.get_window_extent().x1 <= shown[0].bbox.x1


def test_epochs_are_whole_even_if_there_is_but_one() -> None:
    axes = Figure().subplots()
    record = {"train": {"loss": 1.0}, "validation": {"loss": 2.0}}
    draw_learning(axes, "loss", [record], 1, "validation")
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_a_page_has_its_drawings_apart_in_its_own_colours_and_letters() -> None:
    plots = [interaction(Crossing("a", name, LEVELS, VALUES), "y") for name in "bc"]
    drawn = [str(plot.svg()) for plot in plots]
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in drawn]
    assert all(ids)
    assert not ids[0] & ids[1]
    for text, own in zip(drawn, ids, strict=True):
        assert own == set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
        assert not re.search("#[0-9a-f]{6}|DejaVu|<style|<metadata|xmlns", text)
        assert "var(--s0)" in text
