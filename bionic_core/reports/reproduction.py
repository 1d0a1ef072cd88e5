"""A paper's study, trained anew, as a page: each of the paper's tables beside ours."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from bionic_core.reports import words
from bionic_core.reports.drawing.run import errors as draw_errors
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Cell, Columns, Page, Picture, Points, Section, Table
from bionic_core.runs.folder import Run
from bionic_core.statistics.comparisons import Summary
from bionic_core.studies import publication as papers
from bionic_core.studies import reproduced as beside
from bionic_core.studies.reproduction import Plan
from bionic_core.training.metrics import probabilities

SIDES: Mapping[str, Callable[[beside.Judged, int], Cell]] = {
    "published": lambda it, n: words.mean_cell(Summary(it.published, it.published_sd, it.n), n),
    "ours": lambda it, digits: words.mean_cell(Summary(it.ours, it.ours_sd, it.n), digits),
    "difference": lambda it, digits: words.numeric(it.difference, digits, signed=True),
    "z": lambda it, _: words.numeric(it.z, 1, signed=True),
}
"""Columns of a figure of both studies, with so many digits."""

SIZES: Columns[beside.VariantBeside] = {
    "model": lambda row: row.label,
    "published": lambda row: words.whole(row.parameters.published),
    "ours": lambda row: words.whole(row.parameters.ours),
    "difference": lambda row: words.numeric(row.parameters.difference, 0, signed=True),
    "ours, unmasked": lambda row: words.whole(row.parameters.effective),
}
CHANGES: Columns[beside.ChangeBeside] = {
    "mechanism": lambda row: row.label if row.listed else f"{row.label} †",
    "published": lambda row: words.numeric(row.change.published, signed=True),
    "ours": lambda row: _change(row.change),
    "difference": lambda row: words.numeric(row.change.difference, signed=True),
    "z": lambda row: SIDES["z"](row.change, 1),
    "our 95 % interval": lambda row: words.interval_cell(row.low, row.high),
    "p (corrected)": lambda row: words.p_cell(row.p_adjusted),
}


def _change(change: beside.Judged) -> Cell:
    sd = "" if change.ours_sd is None else f" ± {words.number(change.ours_sd)}"
    return Cell(f"{words.number(change.ours, signed=True)}{sd}", change.ours)


def planned(plan: Plan) -> Section:
    """Return what will be trained, and how long it will take."""
    rows = [(row.label, row.spec, words.count(len(plan.seeds))) for row in plan.rows]
    table = Table("Rows to be trained", ("row", "spec", "runs"), rows, words=(1,), quiet=True)
    return Section(plan.paper, (), [table, Points(plan.lines)])


def page(published: papers.Published, parts: Sequence[Section]) -> Page:
    """Return the report's sections as a page."""
    title, (first, *rest) = published.title, parts
    return Page(f"Reproduction: {title}", title, first.title, first.text, sections=rest)


def report(published: papers.Published, found: beside.Reproduced) -> list[Section]:
    """Return the whole report: conditions, the paper's tables by what they hold, notes."""
    count, selected = words.count, found.selected_on.ours
    images, theirs = count(found.test_images.ours), count(found.test_images.published)
    selection = "test-selected" if selected == "test" else f"selected on {selected}"
    measured = f"{images} test images, the paper's {theirs}; {selection}"
    formula = f"{measured}. {found.formula}"
    text = said("reproduction", paper=published, found=found, selected=selected == "test")
    sections = [Section("Reproduction", text), _conditions(published, found)]
    sections += [_classes(t, found.classes[k], measured) for k, t in published.classes.items()]
    sections += [_variants(t, found.variants[k], formula) for k, t in published.variants.items()]
    levels = " or ".join(table.name for table in published.variants.values())
    sections += [
        _changes(t, found.changes[k], levels, measured) for k, t in published.changes.items()
    ]
    sections += [_errors(t, found.errors[k]) for k, t in published.errors.items()]
    return [*sections, Section("Notes", (), [Points((*found.failed, *found.notes))])]


def _conditions(published: papers.Published, found: beside.Reproduced) -> Section:
    rows = [
        ("data", published.data, found.data.ours),
        ("test images", *map(words.count, (published.test_images, found.test_images.ours))),
        ("seeds", *map(words.count, (published.seeds, found.seeds.ours))),
        ("epochs selected on", published.selection, found.selected_on.ours),
        ("recipe", published.training, found.recipe.text),
        ("connectome", published.connectome, found.connectome or "none"),
    ]
    title, columns = "Conditions", ("", "published", "ours")
    table = Table(title, columns, rows, words=(1, 2), sortable=False, quiet=True)
    return Section(title, (), [table])


def _classes(
    table: papers.ClassTable, rows: Sequence[beside.ClassBeside], measured: str
) -> Section:
    text = f"The last seed's run; {measured}. {table.note}".rstrip()
    names = ((f"{name}: published", "ours", "difference") for name in table.columns)
    columns = ("class", *(name for three in names for name in three))
    blocks = [
        Table(model, columns, [_of_class(table, row, row.models[model]) for row in rows])
        for model in table.models
    ]
    return Section(table.heading, (text,), blocks)


def _of_class(
    table: papers.ClassTable, row: beside.ClassBeside, figures: Mapping[str, beside.Beside]
) -> list[Cell]:
    cells = [Cell(row.label)]
    others = [figure for name, figure in figures.items() if name not in table.columns]
    for place, name in enumerate(table.columns):
        # What is no column, such as an accuracy, stands in the first, as papers print it.
        figure = figures.get(name) or (others[0] if others and not place else None)
        if figure is None:
            cells += [Cell("")] * 3
        else:
            cells += map(words.numeric, (figure.published, figure.ours))
            cells.append(words.numeric(figure.difference, signed=True))
    return cells


def _variants(
    table: papers.VariantTable, rows: Sequence[beside.VariantBeside], conditions: str
) -> Section:
    note = f"; {table.z_note}" if table.z_note else ""
    text = f"Mean ± SD over seeds; {conditions}{note}."
    blocks = []
    for column in table.columns:
        sides, what, digits = [*SIDES][: 4 if column.z else 3], column.figure, column.digits
        figures = [(row.label, row.figures[what]) for row in rows]
        lines = [[Cell(name), *(SIDES[s](it, digits) for s in sides)] for name, it in figures]
        blocks.append(Table(column.title, ("model", *sides), lines))
    told = " ".join(f"{row.label}: {row.note}" for row in rows if row.note)
    blocks.append(Table.of("Parameters", SIZES, rows, note=told))
    return Section(table.heading, (text,), blocks)


def _changes(
    table: papers.ChangeTable, found: beside.ChangesBeside, levels: str, measured: str
) -> Section:
    published, ours = (
        both and words.interval(*both, signed=False)
        for both in (found.range.published, found.range.ours)
    )
    also = f", ours {ours} over the same rows" if ours else ""
    told = {"measured": measured, "unlisted": not all(row.listed for row in found.rows) and levels}
    lines = said("changes-beside", **told, published=published, ours=also)
    moved = {row.label: row.term for row in found.rows if "(with" in row.term}
    lines += [f"{label}: ours leaves out {term}." for label, term in moved.items()]
    lines += [f"{row.label}: {row.note}" for row in found.rows if row.note]
    return Section(table.heading, lines, [Table.of(table.heading, CHANGES, found.rows, quiet=True)])


def _errors(table: papers.ErrorTable, found: beside.ErrorsBeside) -> Section:
    variants = [row for row in found.variants if row.run]
    classes = variants[0].classes if variants else ()
    rows = [[Cell(it.label), *(words.numeric(it.auc[n], 3) for n in classes)] for it in variants]
    areas = Table("Area under the ROC curve, class against rest", ("model", *classes), rows)
    text = f"As in the paper: “{table.caption}”."
    return Section(table.heading, (text,), [areas, *map(_picture, variants)])


def _picture(row: beside.Errors) -> Picture:
    """Return a variant's confusion matrix and ROC curves; for readers of text, the counts."""
    arrays = Run(Path(str(row.run))).predictions
    chances = probabilities(torch.as_tensor(arrays["test_logits"]))
    drawn = draw_errors(row.confusion, row.auc, chances, arrays["test_labels"])
    lines = zip(row.classes, row.confusion, strict=True)
    counts = [[Cell(name), *map(words.whole, line)] for name, line in lines]
    title = f"Confusion matrix: {row.label}, seed {row.seed}"
    return Picture(
        f"data:image/png;base64,{base64.b64encode(drawn).decode()}",
        f"Confusion matrix and ROC curves: {row.label}",
        row.label,
        Table(title, ("true \\ predicted", *row.classes), counts, dense=True),
    )
