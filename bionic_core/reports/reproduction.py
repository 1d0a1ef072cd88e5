"""A paper's study, trained anew, as a page: each of the paper's tables beside ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from bionic_core.reports.drawing.run import errors as draw_errors
from bionic_core.reports.sections import Block, Cell, Page, Picture, Points, Section, Table
from bionic_core.reports.words import count, interval, mean_sd, number, numeric, p_cell, whole
from bionic_core.runs.folder import Run
from bionic_core.studies.publication import (
    ChangeTable,
    ClassTable,
    Column,
    ErrorTable,
    Published,
    VariantTable,
)
from bionic_core.studies.reproduced import (
    Beside,
    ChangeBeside,
    ChangesBeside,
    ClassBeside,
    Errors,
    ErrorsBeside,
    Judged,
    Reproduced,
    VariantBeside,
)
from bionic_core.studies.reproduction import Plan
from bionic_core.training.metrics import probabilities

COLUMNS = ("published", "ours", "difference", "z")


def planned(plan: Plan) -> Section:
    """Return what will be trained, and how long it will take."""
    rows = [(row.label, row.spec, count(len(plan.seeds))) for row in plan.rows]
    table = Table("Rows to be trained", ("row", "spec", "runs"), rows, words=(1,), quiet=True)
    return Section(plan.paper, (), [table, Points(plan.lines)])


def page(published: Published, parts: Sequence[Section]) -> Page:
    """Return the report's sections as a page."""
    first, *rest = parts
    return Page(
        title=f"Reproduction: {published.title}",
        kicker=published.title,
        question=first.title,
        answer=first.text,
        sections=rest,
    )


def report(published: Published, found: Reproduced) -> list[Section]:
    """Return the whole report: conditions, the paper's tables by what they hold, notes."""
    images = _images(found)
    return [
        _answer(published, found),
        _conditions(published, found),
        *(_classes(t, found.classes[key], images) for key, t in published.classes.items()),
        *(
            _variants(t, found.variants[key], f"{images}. {found.formula}")
            for key, t in published.variants.items()
        ),
        *(
            _changes(t, found.changes[key], published, images)
            for key, t in published.changes.items()
        ),
        *(_errors(t, found.errors[key]) for key, t in published.errors.items()),
        Section("Notes", (), [Points((*found.failed, *found.notes))]),
    ]


def _answer(published: Published, found: Reproduced) -> Section:
    text = [f"{published.title} ({published.authors}), {published.code}."]
    if found.selected_on.ours == "test":
        text.append("test-selected: the test images chose each run's epoch, which flatters ours.")
    text.append(
        "Other test images of the same kind and number would move an accuracy of ours by "
        f"{number(found.sampling_error)} points (one standard error); z leaves that out."
    )
    return Section("Reproduction", text)


def _conditions(published: Published, found: Reproduced) -> Section:
    rows = [
        ("data", published.data, found.data.ours),
        ("test images", *map(count, (published.test_images, found.test_images.ours))),
        ("seeds", *map(count, (published.seeds, found.seeds.ours))),
        ("epochs selected on", published.selection, found.selected_on.ours),
        ("recipe", published.training, found.recipe.text),
        ("connectome", published.connectome, found.connectome or "none"),
    ]
    columns = ("", *COLUMNS[:2])
    table = Table("Conditions", columns, rows, words=(1, 2), sortable=False, quiet=True)
    return Section("Conditions", (), [table])


def _images(found: Reproduced) -> str:
    images, selected = found.test_images, found.selected_on.ours
    text = f"{count(images.ours)} test images, the paper's {count(images.published)}"
    return f"{text}; test-selected" if selected == "test" else f"{text}; selected on {selected}"


def _classes(table: ClassTable, rows: Sequence[ClassBeside], images: str) -> Section:
    text = f"The last seed's run; {images}. {table.note}".rstrip()
    columns = ["class"]
    for name in table.columns:
        columns += [f"{name}: published", *COLUMNS[1:3]]
    blocks = [
        Table(model, columns, [_of_class(table, row, row.models[model]) for row in rows])
        for model in table.models
    ]
    return Section(table.heading, (text,), blocks)


def _of_class(table: ClassTable, row: ClassBeside, figures: Mapping[str, Beside]) -> list[Cell]:
    cells = [Cell(row.label)]
    others = [figure for name, figure in figures.items() if name not in table.columns]
    for place, name in enumerate(table.columns):
        # What is no column, such as an accuracy, stands in the first, as papers print it.
        figure = figures.get(name) or (others[0] if others and not place else None)
        if figure is None:
            cells += [Cell("")] * 3
        else:
            cells += [numeric(figure.published), numeric(figure.ours)]
            cells.append(numeric(figure.difference, signed=True))
    return cells


def _variants(table: VariantTable, rows: Sequence[VariantBeside], conditions: str) -> Section:
    note = f"; {table.z_note}" if table.z_note else ""
    text = f"Mean ± SD over seeds; {conditions}{note}."
    blocks = [*(_column(column, rows) for column in table.columns), _sizes(rows)]
    return Section(table.heading, (text,), blocks)


def _column(column: Column, rows: Sequence[VariantBeside]) -> Table:
    names = COLUMNS if column.z else COLUMNS[:3]
    lines = []
    for row in rows:
        figure = row.figures[column.figure]
        line = [Cell(row.label), *_sides(figure, column.digits), _z(figure)]
        lines.append(line[: len(names) + 1])
    return Table(column.title, ("model", *names), lines)


def _sides(figure: Judged, digits: int) -> list[Cell]:
    """Return cells of what is published, ours and the difference."""
    published = mean_sd(figure.published, figure.published_sd, digits)
    return [
        Cell(published, figure.published),
        Cell(mean_sd(figure.ours, figure.ours_sd, digits), figure.ours),
        numeric(figure.difference, digits, signed=True),
    ]


def _z(figure: Judged) -> Cell:
    return numeric(figure.z, 1, signed=True)


def _sizes(rows: Sequence[VariantBeside]) -> Table:
    lines = [
        [
            Cell(row.label),
            *(whole(n) for n in (row.parameters.published, row.parameters.ours)),
            numeric(row.parameters.difference, 0, signed=True),
            whole(row.parameters.effective),
        ]
        for row in rows
    ]
    return Table("Parameters", ("model", *COLUMNS[:3], "ours, unmasked"), lines)


def _changes(
    table: ChangeTable, found: ChangesBeside, published: Published, images: str
) -> Section:
    columns = ("mechanism", *COLUMNS, "our 95 % interval", "p (Dunnett)")
    text = f"Percentage points of test accuracy, full − without; {images}. "
    text += f"Published range {_range(found.range.published)}"
    if found.range.ours:
        text += f", ours {_range(found.range.ours)} over the same rows"
    lines = [f"{text}."]
    if not all(row.listed for row in found.rows):
        levels = " or ".join(variants.name for variants in published.variants.values())
        lines.append(f"† not in the paper's table; its number here is the difference in {levels}.")
    moved = {row.label: row.term for row in found.rows if "(with" in row.term}
    lines += [f"{label}: ours leaves out {term}." for label, term in moved.items()]
    rows = [_change(row) for row in found.rows]
    return Section(table.heading, lines, [Table(table.heading, columns, rows, quiet=True)])


def _range(ends: tuple[float, float]) -> str:
    return interval(*ends, signed=False)


def _change(row: ChangeBeside) -> list[Cell]:
    change = row.change
    sd = "" if change.ours_sd is None else f" ± {number(change.ours_sd)}"
    return [
        Cell(row.label if row.listed else f"{row.label} †"),
        numeric(change.published, signed=True),
        Cell(f"{number(change.ours, signed=True)}{sd}", change.ours),
        numeric(change.difference, signed=True),
        _z(change),
        Cell(interval(row.low, row.high), row.low),
        p_cell(row.p_adjusted),
    ]


def _errors(table: ErrorTable, found: ErrorsBeside) -> Section:
    variants = [row for row in found.variants if row.run]
    classes = variants[0].classes if variants else ()
    rows = [[Cell(row.label), *(numeric(row.auc[name], 3) for name in classes)] for row in variants]
    title = "Area under the ROC curve, class against rest"
    blocks: list[Block] = [Table(title, ("model", *classes), rows)]
    text = f"As in the paper: “{table.caption}”."
    return Section(table.heading, (text,), [*blocks, *map(_picture, variants)])


def _picture(row: Errors) -> Picture:
    """Return a variant's confusion matrix and ROC curves; for readers of text, the counts."""
    arrays = Run(Path(str(row.run))).predictions
    drawn = draw_errors(
        row.confusion,
        row.auc,
        probabilities(torch.as_tensor(arrays["test_logits"])),
        arrays["test_labels"],
    )
    counts = [
        [Cell(name), *(whole(n) for n in line)]
        for name, line in zip(row.classes, row.confusion, strict=True)
    ]
    title = f"Confusion matrix: {row.label}, seed {row.seed}"
    return Picture(
        f"data:image/png;base64,{base64.b64encode(drawn).decode()}",
        f"Confusion matrix and ROC curves: {row.label}",
        row.label,
        Table(title, ("true \\ predicted", *row.classes), counts, dense=True),
    )
