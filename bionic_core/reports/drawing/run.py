"""Figures of a trained run: confusion matrix, ROC and learning curves (§4, Appendix A), wiring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from bionic_core.reports.drawing import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bionic_core.runs.evaluate import Evaluation
    from bionic_core.training.figures import Figures

Areas = Mapping[str, float | None]
"""Under each class's ROC curve, in the order of the labels; None where there is no curve."""

Probability = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
"""Of each image and class, (N, C); labels of images, or neurons of pairs, (N,)."""

COLOURS = (*svg.SERIES, "#000000")
STYLES = ("-", "--", "-.", (0, (1, 1.2)))
BESIDE: Mapping[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1), "alignment": "left"}
"""Where legends of files are that name many."""

MOST = 360
"""Pixels of a wiring's picture, at most, on a side."""


def heading(evaluation: Evaluation) -> str:
    """Return what a figure of an evaluation is about: run, split, images, accuracy.

    Says "test-selected" where the test images chose the epoch.
    """
    figures = evaluation.figures
    low, high = figures.interval
    about = f"{evaluation.name} ({evaluation.hash[:8]}), {evaluation.data}, {evaluation.split}"
    note = ", test-selected" if evaluation.selected_on == "test" else ""
    return (
        f"{about}: {figures.images:,} images\n"
        f"accuracy {figures.accuracy:.1%}, 95% interval {low:.1%} to {high:.1%}{note}"
    )


def confusion(evaluation: Evaluation) -> dict[str, bytes]:
    """Draw the confusion matrix: each row's shares as shades, counts below them."""
    names = list(evaluation.figures.classes)
    side = max(4.2, 0.66 * len(names) + 1.5)
    with svg.canvas(side + 0.9, side, heading(evaluation)) as figure:
        axes = figure.subplots()
        draw_confusion(axes, names, evaluation.figures.confusion)
        place: dict[str, Any] = {"ax": axes, "fraction": 0.046, "pad": 0.03}
        bar = figure.colorbar(axes.images[0], format="{x:.0%}", **place)
        bar.outline.set_visible(False)
        bar.set_label("share of the true class")
        return svg.rendered(figure)


def draw_confusion(axes: Axes, names: Sequence[str], confusion: Sequence[Sequence[int]]) -> None:
    """Draw (C, C) counts, a row for each true class, as shades that are shares of their row."""
    counts = np.array(confusion)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    style: dict[str, Any] = {**svg.CENTRED, "fontsize": 7.5, "linespacing": 1.25}
    for (row, column), value in np.ndenumerate(share):
        count = counts[row, column]
        words = f"{value:.0%}\n{count:,}" if count else "0"
        colour = "white" if value > 0.7 else "black" if count else "0.6"
        axes.text(column, row, words, color=colour, **style)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="predicted class", ylabel="true class")


def errors(
    confusion: Sequence[Sequence[int]], areas: Areas, probability: Probability, labels: Numbers
) -> bytes:
    """Draw a confusion matrix and the ROC curves beside it, for a page; return a PNG."""
    with svg.canvas(11, 4.6) as figure:
        left, right = figure.subplots(1, 2)
        draw_confusion(left, list(areas), confusion)
        draw_roc(right, areas, probability, labels, "area, class")
        return svg.saved(figure, "png", dpi=90, facecolor="white")


def roc(evaluation: Evaluation, probability: Probability, labels: Numbers) -> dict[str, bytes]:
    """Draw a one-vs-rest ROC curve for each class, its area in the legend.

    Fawcett 2006, doi:10.1016/j.patrec.2005.10.010. A class that has no images, or all of them,
    has no curve; the legend says so.
    """
    figures = evaluation.figures
    mean = "–" if figures.auc is None else f"{figures.auc:.3f}"
    legend = f"area under the curve,\none class against the rest\n(mean {mean})"
    with svg.canvas(6.6, 4.6, heading(evaluation)) as figure:
        draw_roc(figure.subplots(), areas_of(figures), probability, labels, legend)
        return svg.rendered(figure)


def areas_of(figures: Figures) -> Areas:
    """Return the area under each class's ROC curve."""
    return {name: part.auc for name, part in figures.classes.items()}


def draw_roc(
    axes: Axes, areas: Areas, probability: Probability, labels: Numbers, legend: str = ""
) -> None:
    """Draw a curve for each class, named by area and class, in a legend that has a title."""
    from sklearn.metrics import roc_curve

    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.9, linestyle=(0, (4, 3)))
    for cls, (name, area) in enumerate(areas.items()):
        colour, style = COLOURS[cls % len(COLOURS)], STYLES[cls % len(STYLES)]
        curve: Any = ((), ())
        if area is not None:
            curve = roc_curve(labels == cls, probability[:, cls])[:2]
        label = f"    –    {name}" if area is None else f"{area:.3f}  {name}"
        axes.plot(*curve, color=colour, linestyle=style, label=label)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.grid(color="0.92", linewidth=0.7)
    if legend:
        axes.legend(title=legend, handlelength=2.8, **BESIDE)


def learning(
    history: Sequence[Mapping[str, Any]], best_epoch: int, selected_on: str, title: str
) -> dict[str, bytes]:
    """Draw loss and accuracy by epoch, the selected epoch marked, under what run it is.

    Training figures are those seen while training: of varied images, with the training loss,
    in training mode. The selecting split's are of plain images and plain cross entropy, so the
    two losses are on different scales.
    """
    with svg.canvas(7.4, 3.3, title) as figure:
        panels: Sequence[Axes] = figure.subplots(1, 2)
        for axes, key in zip(panels, ("loss", "accuracy"), strict=True):
            draw_learning(axes, key, history, best_epoch, selected_on)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return svg.rendered(figure)


def course(history: Sequence[Mapping[str, Any]], split: str, key: str) -> list[float]:
    """Return a figure of a split by epoch."""
    return [record[split][key] for record in history]


def draw_learning(
    axes: Axes, key: str, history: Sequence[Mapping[str, Any]], best_epoch: int, selected_on: str
) -> None:
    """Draw ``loss`` or ``accuracy`` by epoch from 1, of training and of the selecting split."""
    from matplotlib.ticker import MaxNLocator

    epochs = range(1, len(history) + 1)
    note = " (test-selected)" if selected_on == "test" else ""
    alone = "o" if len(epochs) == 1 else None
    for split, words, colour, style in (
        ("train", "train, as seen (training loss)", COLOURS[0], "--"),
        (selected_on, f"{selected_on}, in evaluation{note}", COLOURS[1], "-"),
    ):
        values = course(history, split, key)
        axes.plot(epochs, values, color=colour, linestyle=style, label=words, marker=alone)
    axes.axvline(best_epoch, color="0.6", linewidth=0.9, linestyle=":")
    dot: dict[str, Any] = {"marker": "o", "markersize": 6, "markeredgecolor": "white", "zorder": 3}
    dot |= {"linestyle": "none", "label": f"selected: epoch {best_epoch}"}
    axes.plot([best_epoch], [values[best_epoch - 1]], color=COLOURS[1], **dot)
    axes.set(xlabel="epoch", ylabel="loss (nats)" if key == "loss" else key)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    if key != "loss":
        axes.yaxis.set_major_formatter(svg.percent)
    axes.grid(axis="y", color="0.9", linewidth=0.7)


def wiring(
    pre: Numbers, post: Numbers, shape: tuple[int, int], names: tuple[str, str], alt: str
) -> Markup:
    """Draw which pairs of neurons are wired: post down, pre across, a dot for each pair.

    Where there are more neurons than pixels, a pixel's darkness is the share of its pairs, on a
    scale that ends at the densest. Shape and names are those of the post and of the pre layer.
    """
    down, across = shape
    bins = (min(down, MOST), min(across, MOST))
    counts, _, _ = np.histogram2d(post, pre, bins, ((0, down), (0, across)))
    picture = np.zeros((*bins, 4))
    picture[..., 3] = np.sqrt(counts / max(counts.max(initial=0.0), 1.0))

    def draw(axes: Axes) -> None:
        axes.imshow(picture, interpolation="none", aspect="auto", extent=(0, across, down, 0))
        axes.spines[:].set(visible=True, color=svg.GRID)
        of_post, of_pre = (svg.shortened(name, 20) for name in names)
        axes.set(xlabel=f"pre: {of_pre}", ylabel=f"post: {of_post}")
        axes.tick_params(length=2)
        axes.locator_params(nbins=4, integer=True)

    width = 2.6
    height = width * min(max(down / across, 0.35), 1.8) + 0.45
    return svg.Plot(draw, alt, min(height, svg.WIDTH), width=width).svg()
