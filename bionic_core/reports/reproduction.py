"""The reproduction as Markdown, as one self-contained HTML page, and for the terminal."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bionic_core.reports import sections as page
from bionic_core.reports.html import render
from bionic_core.reports.tables.ablation import interval, points, probability

Document = Mapping[str, Any]

COLUMNS = ("published", "ours", "difference", "z")

FIGURES = (
    ("accuracy", "Test accuracy, %", 2),
    ("macro_f1", "Macro F1", 4),
    ("loss", "Test loss", 4),
    ("train_accuracy", "Train accuracy, %", 2),
    ("train_loss", "Train loss", 4),
)


@attrs.frozen
class Grid:
    """A table of words, with what is said above it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    text: str = ""


@attrs.frozen
class Section:
    """A heading, and what is under it."""

    title: str
    text: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()


def planned(document: Document) -> RenderableType:
    """Show what will be trained, and how long it will take."""
    table = Table(title=document["paper"], title_justify="left")
    for name in ("row", "spec", "runs"):
        table.add_column(name)
    for row in document["rows"]:
        table.add_row(row["label"], row["spec"], str(len(document["seeds"])))
    return Group(table, Text("\n".join(document["lines"])))


def shown(document: Document) -> RenderableType:
    """Show all tables on the terminal."""
    parts: list[RenderableType] = []
    for section in sections(document):
        parts.append(Text(f"\n{section.title}", style="bold"))
        parts += [Text(line) for line in section.text]
        if section.title.startswith("Appendix"):
            continue
        for grid in section.grids:
            table = Table(title=grid.title or None, title_justify="left")
            for place, column in enumerate(grid.columns):
                table.add_column(column, justify="right" if place else "left", overflow="fold")
            for row in grid.rows:
                table.add_row(*row)
            parts.append(table)
    return Group(*parts)


def sections(document: Document) -> Iterator[Section]:
    """Give the report in words: conditions, Tables 3 to 6, Appendix A, notes."""
    yield _conditions(document)
    yield Section(
        "Table 3: each class",
        (f"The last seed's run; {_images(document)}. Published figures have two digits.",),
        tuple(_table3(document["table3"], model) for model in document["table3"][0]["models"]),
    )
    yield Section(
        "Table 4: all models",
        (f"Mean ± SD over seeds; {_images(document)}. {document['formula']}; none on losses.",),
        (*(_table4(document["table4"], *figure) for figure in FIGURES), _sizes(document["table4"])),
    )
    for number in (5, 6):
        yield _changes(number, document)
    appendix = document["appendix"]
    variants = [variant for variant in appendix["variants"] if variant["run"]]
    yield Section(
        "Appendix A: confusion matrices and ROC curves",
        (f"As in the paper: “{appendix['title']}”.",),
        (_auc(variants), *map(_confusion, variants)),
    )
    yield Section("Notes", (*document["failed"], *document["notes"]))


def _conditions(document: Document) -> Section:
    paper, sides = document["paper"], ("published", "ours")
    rows = [
        ("data", *(document["data"][side] for side in sides)),
        ("test images", *(f"{document['test_images'][side]:,}" for side in sides)),
        ("seeds", *(str(document["seeds"][side]) for side in sides)),
        ("epochs selected on", *(document["selected_on"][side] for side in sides)),
        ("recipe", "the paper's §3.6", document["recipe"]["text"]),
        ("connectome", "MICrONS, minnie65_public", document["connectome"] or "none"),
    ]
    text = [f"{paper['title']} ({paper['authors']}), {paper['code']}."]
    if document["selected_on"]["ours"] == "test":
        text.append("test-selected: the test images chose each run's epoch, which flatters ours.")
    text.append(
        f"Other test images of the same kind and number would move an accuracy of ours by "
        f"{document['sampling_error']:.2f} points (one standard error); z leaves that out."
    )
    return Section("Reproduction", tuple(text), (Grid(("", *sides), tuple(rows)),))


def _images(document: Document) -> str:
    images, selected = document["test_images"], document["selected_on"]["ours"]
    text = f"{images['ours']:,} test images, the paper's {images['published']:,}"
    return f"{text}; test-selected" if selected == "test" else f"{text}; selected on {selected}"


def _table3(rows: Sequence[Document], model: str) -> Grid:
    names = ("precision", "recall", "f1")
    columns = ["class"]
    for name in names:
        columns += [f"{name}: published", "ours", "difference"]
    cells = []
    for row in rows:
        figures = row["models"][model]
        line = [row["label"]]
        for name in names:
            # The accuracy of the last row stands in the first column, as in the paper.
            one = figures.get(name) or (figures.get("accuracy") if name == names[0] else None)
            line += _three(one) if one else ["", "", ""]
        cells.append(tuple(line))
    return Grid(tuple(columns), tuple(cells), model)


def _three(figure: Document) -> list[str]:
    if figure["ours"] is None:
        return [f"{figure['published']:.2f}", "–", "–"]
    return [
        f"{figure['published']:.2f}",
        f"{figure['ours']:.2f}",
        f"{figure['difference']:+.2f}",
    ]


def _table4(rows: Sequence[Document], key: str, title: str, digits: int) -> Grid:
    judged = not key.endswith("loss")
    cells = []
    for row in rows:
        figure = row[key]
        line = [row["label"], *_sides(figure, digits), _signed(figure["difference"], digits)]
        cells.append((*line, *([_z(figure["z"])] if judged else [])))
    return Grid(("model", *COLUMNS[: 4 if judged else 3]), tuple(cells), title)


def _sides(figure: Document, digits: int) -> tuple[str, str]:
    sides = []
    for side in ("published", "ours"):
        mean, sd = figure[side], figure[f"{side}_sd"]
        text = "–" if mean is None else f"{mean:.{digits}f}"
        sides.append(text if sd is None else f"{text} ± {sd:.{digits}f}")
    return sides[0], sides[1]


def _signed(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:+.{digits}f}"


def _z(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f}"


def _sizes(rows: Sequence[Document]) -> Grid:
    cells = [
        (
            row["label"],
            f"{row['parameters']['published']:,}",
            f"{row['parameters']['ours']:,}",
            f"{row['parameters']['difference']:+,}",
            f"{row['parameters']['effective']:,}",
        )
        for row in rows
    ]
    columns = ("model", "published", "ours", "difference", "ours, unmasked")
    return Grid(columns, tuple(cells), "Parameters")


def _changes(number: int, document: Document) -> Section:
    table = document[f"table{number}"]
    rows = []
    for row in table["rows"]:
        ours = points(row["ours"])
        ours += f" ± {row['ours_sd']:.2f}" if row["ours_sd"] is not None else ""
        rows.append(
            (
                row["label"] if row["listed"] else f"{row['label']} †",
                f"{row['published']:+.2f}",
                ours,
                points(row["difference"]),
                _z(row["z"]),
                interval(row["low"], row["high"]),
                probability(row["p_adjusted"]),
            )
        )
    columns = ("mechanism", *COLUMNS, "our 95 % interval", "p (Dunnett)")
    low, high = table["range"]["published"]
    text = f"Percentage points of test accuracy, full − without; {_images(document)}. "
    text += f"Published range {low:.2f} to {high:.2f}"
    if table["range"]["ours"]:
        low, high = table["range"]["ours"]
        text += f", ours {low:.2f} to {high:.2f} over the same rows"
    lines = [f"{text}."]
    if not all(row["listed"] for row in table["rows"]):
        lines.append("† not in the paper's table; its number here is the difference in Table 4.")
    moved = {row["label"]: row["term"] for row in table["rows"] if "(with" in row["term"]}
    lines += [f"{label}: ours leaves out {term}." for label, term in moved.items()]
    return Section(f"Table {number}: {table['title']}", tuple(lines), (Grid(columns, tuple(rows)),))


def _auc(variants: Sequence[Document]) -> Grid:
    classes = variants[0]["classes"] if variants else []
    rows = [
        (
            variant["label"],
            *("–" if (a := variant["auc"][name]) is None else f"{a:.3f}" for name in classes),
        )
        for variant in variants
    ]
    return Grid(("model", *classes), tuple(rows), "Area under the ROC curve, class against rest")


def _confusion(variant: Document) -> Grid:
    rows = [
        (name, *(f"{count:,}" for count in counts))
        for name, counts in zip(variant["classes"], variant["confusion"], strict=True)
    ]
    title = f"Confusion matrix: {variant['label']}, seed {variant['seed']}"
    return Grid(("true \\ predicted", *variant["classes"]), tuple(rows), title)


def markdown(document: Document) -> str:
    """Return the report as Markdown, every number in tables."""
    lines: list[str] = []
    for level, section in enumerate(sections(document)):
        lines += [f"{'##' if level else '#'} {section.title}", ""]
        if section.title == "Notes":
            lines += [f"- {_plain(line)}" for line in section.text]
            continue
        for line in section.text:
            lines += [_plain(line), ""]
        for grid in section.grids:
            lines += [f"**{_plain(grid.title)}**", ""] if grid.title else []
            lines.append(_line(grid.columns))
            lines.append("|---" + "|---:" * (len(grid.columns) - 1) + "|")
            lines += [*map(_line, grid.rows), ""]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Return text that Markdown does not take for markup or for a cell's end."""
    for sign in ("\\", "|", "*", "_", "<", "`"):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")


def html(document: Document) -> str:
    """Return the report as one HTML page that needs nothing else, figures included."""
    first, *rest = sections(document)
    pages = []
    for section in rest:
        grids, blocks = section.grids, []
        if section.title.startswith("Appendix"):
            variants = [v for v in document["appendix"]["variants"] if v["run"]]
            grids = grids[:1]
            blocks = [_picture(variant) for variant in variants]
        tables = [_table(grid, section.title) for grid in grids]
        if section.title == "Notes":
            pages.append(page.Section(section.title, (), [page.Points(section.text)]))
        else:
            pages.append(page.Section(section.title, section.text, [*tables, *blocks]))
    return render(
        page.Page(
            title=f"Reproduction: {document['paper']['title']}",
            kicker=document["paper"]["title"],
            question=first.title,
            answer=first.text,
            sections=[
                page.Section("Conditions", (), [_table(g, "Conditions") for g in first.grids]),
                *pages,
            ],
        )
    )


def _table(grid: Grid, title: str) -> page.Table:
    """Return a table of words for a page, sorted by the numbers that begin them."""
    rows = [
        [page.Cell(cell, _value(cell) if place else None) for place, cell in enumerate(row)]
        for row in grid.rows
    ]
    return page.Table(grid.title or title, grid.columns, rows, quiet=not grid.title)


def _value(text: str) -> float | None:
    try:
        return float(text.partition(" ")[0].replace(",", ""))
    except ValueError:
        return None


def _picture(variant: Document) -> page.Picture:
    """Return a variant's confusion matrix and ROC curves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = variant["classes"]
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    counts = variant["confusion"]
    shares = [[c / max(sum(row), 1) for c in row] for row in counts]
    left.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            dark = shares[row][column] > 0.5
            left.text(
                column, row, str(count), ha="center", va="center", fontsize=7,
                color="white" if dark else "black",
            )  # fmt: skip
    left.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=7)
    left.set_yticks(range(len(names)), names, fontsize=7)
    left.set_xlabel("predicted", fontsize=8)
    left.set_ylabel("true", fontsize=8)
    for name, false, true in _curves(variant):
        auc = variant["auc"][name]
        right.plot(false, true, linewidth=1.2, label=f"{name} ({auc:.2f})")
    right.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    right.set_xlabel("false positive rate", fontsize=8)
    right.set_ylabel("true positive rate", fontsize=8)
    right.tick_params(labelsize=7)
    if right.get_legend_handles_labels()[0]:
        right.legend(fontsize=7, loc="lower right", title="class (AUC)", title_fontsize=7)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90, metadata={"Software": None})
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    alt = f"Confusion matrix and ROC curves: {variant['label']}"
    return page.Picture(source, alt, variant["label"])


def _curves(variant: Document) -> Iterator[tuple[str, Any, Any]]:
    """Give false and true positive rates of each class that has an AUC, at every threshold."""
    import numpy as np
    from sklearn.metrics import roc_curve

    from bionic_core.runs.folder import Run
    from bionic_core.studies.per_class import probabilities

    arrays = Run(Path(variant["run"])).predictions
    chances = probabilities(arrays["test_logits"].astype(np.float64))
    for number, name in enumerate(variant["classes"]):
        if variant["auc"][name] is not None:
            false, true, _ = roc_curve(arrays["test_labels"] == number, chances[:, number])
            yield name, false, true
