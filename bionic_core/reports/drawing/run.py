"""Figures of a trained run: confusion matrix, ROC curves, learning curves (§4, Appendix A).

Drawn without pyplot, so nothing global is set and no display is needed. Colours are those of
Okabe & Ito (https://jfly.uni-koeln.de/color/), told apart by colour-blind readers; line styles
tell them apart in grey.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bionic_core.base.files import write_atomically
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from bionic_core.runs.evaluate import Evaluation
    from bionic_core.training.metrics import Figures

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", (0, (1, 1.2)))
FORMATS = ("png", "svg")
DPI = 200

STYLE: Mapping[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",  # words stay words: searchable, and edited in any drawing program
    "svg.hashsalt": "bionic",  # the same figure is the same file
    "text.parse_math": False,  # a "$" in somebody's name is a dollar sign
}


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """Open a figure of inches; the style is in force only until it is drawn."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = dict(STYLE)  # matplotlib's type lists every key there is
    with mpl.rc_context(style):
        yield Figure(figsize=(width, height), layout="constrained")


def rendered(figure: Figure) -> dict[str, bytes]:
    """Return the figure in each format; called while the style is in force."""
    found = {}
    for form in FORMATS:
        file = io.BytesIO()
        # a date would make every file differ
        figure.savefig(file, format=form, dpi=DPI, metadata={"Date": None} if form == "svg" else {})
        found[form] = file.getvalue()
    return found


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
    figures = evaluation.figures
    names = list(figures.classes)
    side = max(4.2, 0.66 * len(names) + 1.5)
    with canvas(side + 0.9, side) as figure:
        axes = figure.subplots()
        shades = draw_confusion(axes, names, figures.confusion)
        figure.suptitle(heading(evaluation), fontsize=9, x=0.02, ha="left")
        bar = figure.colorbar(shades, ax=axes, fraction=0.046, pad=0.03)
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_major_formatter(percent())
        bar.set_label("share of the true class")
        return rendered(figure)


def draw_confusion(
    axes: Axes, names: Sequence[str], confusion: Sequence[Sequence[int]]
) -> AxesImage:
    """Draw a confusion matrix; return its shades, the shares of each row.

    Args:
        axes: drawn into.
        names: of the C classes.
        confusion: (C, C) counts, a row for each true class.
    """
    size = len(names)
    counts = np.array(confusion)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    shades = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(share):
        count = counts[row, column]
        axes.text(
            column,
            row,
            f"{value:.0%}\n{count:,}" if count else "0",
            ha="center",
            va="center",
            fontsize=7.5,
            linespacing=1.25,
            color="white" if value > 0.7 else "black" if count else "0.6",
        )
    axes.set_xticks(range(size), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), names)
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return shades


def errors(
    confusion: Sequence[Sequence[int]],
    areas: Mapping[str, float | None],
    probability: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
) -> bytes:
    """Draw a confusion matrix and the ROC curves beside it, for a page; return a PNG.

    Args:
        confusion: (C, C) counts, a row for each true class.
        areas, probability, labels: as :func:`draw_roc` takes them.
    """
    with canvas(11, 4.6) as figure:
        left, right = figure.subplots(1, 2)
        draw_confusion(left, list(areas), confusion)
        draw_roc(right, areas, probability, labels)
        right.legend(
            title="area, class", loc="upper left", bbox_to_anchor=(1.02, 1.0), handlelength=2.8
        )
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=90, metadata={"Software": None})
        return file.getvalue()


def roc(
    evaluation: Evaluation,
    probability: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
) -> dict[str, bytes]:
    """Draw a one-vs-rest ROC curve for each class, its area in the legend.

    Fawcett 2006, doi:10.1016/j.patrec.2005.10.010. A class that has no images, or all of them,
    has no curve; the legend says so.

    Args:
        evaluation: of the split.
        probability: (N, C).
        labels: (N,).
    """
    with canvas(6.6, 4.6) as figure:
        axes = figure.subplots()
        draw_roc(axes, areas_of(evaluation.figures), probability, labels)
        mean = "–" if evaluation.figures.auc is None else f"{evaluation.figures.auc:.3f}"
        axes.legend(
            title=f"area under the curve,\none class against the rest\n(mean {mean})",
            title_fontsize=8,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.02, 1.0),
            handlelength=2.8,
        )
        figure.suptitle(heading(evaluation), fontsize=9, x=0.02, ha="left")
        return rendered(figure)


def areas_of(figures: Figures) -> dict[str, float | None]:
    """Return the area under each class's ROC curve."""
    return {name: part.auc for name, part in figures.classes.items()}


def draw_roc(
    axes: Axes,
    areas: Mapping[str, float | None],
    probability: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
) -> None:
    """Draw a curve for each class, named by its area and the class.

    Args:
        axes: drawn into.
        areas: by class, in the order of the labels; None where there is no curve.
        probability: (N, C).
        labels: (N,).
    """
    from sklearn.metrics import roc_curve

    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.9, linestyle=(0, (4, 3)))
    for cls, (name, area) in enumerate(areas.items()):
        style: dict[str, Any] = {
            "color": COLOURS[cls % len(COLOURS)],
            "linestyle": STYLES[cls % len(STYLES)],
        }
        if area is None:
            axes.plot([], [], label=f"    –    {name}", **style)
            continue
        false, true, _ = roc_curve(labels == cls, probability[:, cls])
        axes.plot(false, true, label=f"{area:.3f}  {name}", **style)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")


def learning(
    history: Sequence[Mapping[str, Any]], best_epoch: int, selected_on: str, title: str
) -> dict[str, bytes]:
    """Draw loss and accuracy by epoch, the selected epoch marked.

    Training figures are those seen while training: of varied images, with the training loss,
    in training mode. The selecting split's are of plain images and plain cross entropy, so the
    two losses are on different scales.

    Args:
        history: records of ``metrics.jsonl``.
        best_epoch: from 1.
        selected_on: ``validation`` or ``test``.
        title: what run it is.
    """
    with canvas(7.4, 3.3) as figure:
        panels: Sequence[Axes] = figure.subplots(1, 2)
        for axes, key in zip(panels, ("loss", "accuracy"), strict=True):
            draw_learning(axes, key, history, best_epoch, selected_on)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        figure.suptitle(title, fontsize=9, x=0.02, ha="left")
        return rendered(figure)


def course(history: Sequence[Mapping[str, Any]], split: str, key: str) -> list[float]:
    """Return a figure of a split by epoch."""
    return [record[split][key] for record in history]


def draw_learning(
    axes: Axes,
    key: str,
    history: Sequence[Mapping[str, Any]],
    best_epoch: int,
    selected_on: str,
) -> None:
    """Draw ``loss`` or ``accuracy`` by epoch, of training and of the selecting split."""
    epochs = range(1, len(history) + 1)
    note = " (test-selected)" if selected_on == "test" else ""
    alone = "o" if len(epochs) == 1 else None
    for split, words, colour, style in (
        ("train", "train, as seen (training loss)", COLOURS[0], "--"),
        (selected_on, f"{selected_on}, in evaluation{note}", COLOURS[1], "-"),
    ):
        values = course(history, split, key)
        axes.plot(epochs, values, color=colour, linestyle=style, label=words, marker=alone)
    chosen = course(history, selected_on, key)[best_epoch - 1]
    axes.axvline(best_epoch, color="0.6", linewidth=0.9, linestyle=":")
    axes.plot(
        best_epoch,
        chosen,
        marker="o",
        markersize=6,
        color=COLOURS[1],
        markeredgecolor="white",
        linestyle="none",
        label=f"selected: epoch {best_epoch}",
        zorder=3,
    )
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (nats)" if key == "loss" else key)
    axes.xaxis.set_major_locator(_whole_numbers())
    if key != "loss":
        axes.yaxis.set_major_formatter(percent())
    axes.grid(axis="y", color="0.9", linewidth=0.7)
    axes.set_axisbelow(True)


def check_folder(folder: Path, option: str = "--figures") -> None:
    """Check that figures can be put into a folder, before the work of making them.

    Raises:
        RequestError: there is a file in its place.
    """
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise RequestError(
                f"is a file; {option} names the folder that figures are written into",
                where=str(place),
            )


def write(folder: Path, drawn: Mapping[str, Mapping[str, bytes]]) -> list[str]:
    """Write figures, ``{name: {format: content}}``, into a folder; return their paths.

    Raises:
        RequestError: a file cannot be written there.
    """
    paths = []
    for name, forms in drawn.items():
        for form, content in forms.items():
            path = folder / f"{name}.{form}"
            try:
                with write_atomically(path) as file:
                    file.write(content)
            except OSError as error:
                raise RequestError(
                    f"cannot be written ({error.strerror}); give --figures another folder",
                    where=str(path),
                ) from error
            paths.append(str(path))
    return paths


def percent() -> Any:
    """Return what writes a share on an axis as per cent."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda share, _: f"{100 * share:.4g}%")


def _whole_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True, nbins=8)
