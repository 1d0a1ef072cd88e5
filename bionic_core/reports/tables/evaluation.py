"""Figures of runs: of splits, classes and errors, on a run's page and in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bionic_core.reports.reading import said
from bionic_core.reports.sections import Cell, Columns, Points, Section, Table, cells
from bionic_core.reports.tables.data import dropped
from bionic_core.reports.words import count, number, numeric, p_cell, percent, share, whole
from bionic_core.runs.evaluate import Against, Evaluation
from bionic_core.runs.export import Exported
from bionic_core.runs.predict import Prediction
from bionic_core.runs.result import Result
from bionic_core.training.figures import Figures

PLACES = ("prediction", "then", "then")
"""Of several pictures: so many classes each, best first."""

SPLITS: Columns[tuple[str, Any]] = {
    "split": lambda part: part[0],
    "images": lambda part: whole(part[1].images),
    "accuracy": lambda part: share(part[1].accuracy),
    "cross entropy, nats": lambda part: numeric(part[1].loss, 4),
    "macro F1": lambda part: numeric(part[1].macro_f1, 4),
    "mean AUC": lambda part: numeric(getattr(part[1], "auc", None), 3),
}


def trained(result: Result) -> Section:
    """Show the figures of a run."""
    lines = said("flattering", figures=result.selected_on == "test") + said(
        "trained",
        it=result,
        dropped=result.dropped and dropped(result.dropped),
        sure=isinstance(result.test, Figures) and between(result.test.interval),
    )
    return Section("", (), [splits(result, f"Run {result.hash}"), Points(lines)])


def splits(result: Result, title: str) -> Table:
    """Return a table of the figures of each split; validation's where it is not the test's."""
    chosen = result.selected_on
    validation = None if chosen == "test" else result.validation
    parts = {"test": result.test, "validation": validation, "train": result.train_evaluated}
    named = [(f"{n} (selected on)" if n == chosen else n, p) for n, p in parts.items() if p]
    return Table.of(title, SPLITS, named, sortable=False)


def between(interval: tuple[float, float], digits: int = 2) -> str:
    """Return an interval of shares."""
    low, high = (number(bound, digits, scale=100) for bound in interval)
    return f"{low} to {high} %"


def classes(figures: Figures, title: str, *, averages: bool = False) -> Table:
    """Return a table of the figures of each class, and of their averages if asked."""
    found: list[tuple[str, list[float | None], int]] = [
        (name, [part.precision, part.recall, part.f1, part.auc], part.support)
        for name, part in figures.classes.items()
    ]
    it, ruled, note = figures, (len(found),), [] if averages else said("classes")
    if averages:
        macro = [it.macro_precision, it.macro_recall, it.macro_f1, it.auc]
        weighted: list[float | None] = [it.weighted_precision, it.weighted_recall, it.weighted_f1]
        found += [("macro average", macro, it.images), ("weighted average", weighted, it.images)]
    columns, none = ("class", "precision", "recall", "F1", "AUC", "images"), Cell("")
    rows = [
        [Cell(name), *(numeric(n, 3) for n in ns), *[none] * (4 - len(ns)), whole(images)]
        for name, ns, images in found
    ]
    return Table(title, columns, rows, ruled=ruled, note="".join(note))


def confusion(figures: Figures, split: str) -> Table:
    """Return the confusion matrix of a split's images."""
    rows: list[list[Cell | str]] = []
    for place, (name, line) in enumerate(zip(figures.classes, figures.confusion, strict=True)):
        total = max(sum(line), 1)
        counts = [
            Cell(count(size), size, strong=place == column, share=size / total)
            for column, size in enumerate(line)
        ]
        rows.append([name, *counts])
    title = f"Confusion of the {split} images: rows true classes, columns predicted ones"
    return Table(title, ("true", *figures.classes), rows, sortable=False, dense=True)


def evaluated(evaluation: Evaluation) -> Section:
    """Show the figures of a run on a split, and its comparison with another run if any."""
    split, figures, against = evaluation.split, evaluation.figures, evaluation.against
    chosen = evaluation.selected_on
    title = f"Run {evaluation.hash} ({evaluation.name}), {evaluation.data}, {split}"
    title += " (selected on)" if split == chosen else ""
    tables = [_summary(evaluation), classes(figures, "Classes", averages=True)]
    tables += [confusion(figures, split), *([_against(figures, against)] if against else [])]
    lines = said("flattering", figures=chosen == "test") + said(
        "evaluation",
        it=evaluation,
        split=chosen == split != "test",
        other=against is not None and against.selected_on == "test",
        data=evaluation.other_data,
    )
    lines += said("against", it=against, designs=against.designs) if against else []
    lines += [f"written: {path}" for path in evaluation.drawn or ()]
    return Section(title, (), [*tables, Points(lines)])


def _summary(evaluation: Evaluation) -> Table:
    figures, averaged = evaluation.figures, evaluation.flip_averaged
    rows = [
        ("images", count(figures.images)),
        ("accuracy", percent(figures.accuracy)),
        ("  95 % interval (Wilson)", between(figures.interval)),
        ("cross entropy, nats", number(figures.loss, 4)),
        ("macro F1", number(figures.macro_f1, 4)),
        ("AUC, mean one-vs-rest", number(figures.auc, 3)),
        ("calibration error", percent(figures.calibration_error)),
    ]
    ruled = (len(rows),)
    if averaged is not None:
        rows += [
            ("accuracy, flip-averaged", percent(averaged.accuracy)),
            ("cross entropy, flip-averaged", number(averaged.loss, 4)),
            ("macro F1, flip-averaged", number(averaged.macro_f1, 4)),
        ]
    return Table("", ("figure", "value"), rows, ruled=ruled)


def _against(figures: Figures, against: Against) -> Table:
    outcome = against.outcome
    rows = [
        ("accuracy of this run", share(figures.accuracy)),
        ("accuracy of the other", share(against.accuracy)),
        ("difference, percentage points", Cell(number(outcome.difference, signed=True, scale=100))),
        ("right only in this run", whole(outcome.only_this_right)),
        ("right only in the other", whole(outcome.only_other_right)),
        ("right in both", whole(outcome.both_right)),
        ("wrong in both", whole(outcome.both_wrong)),
        (f"McNemar's p, {outcome.test}", p_cell(outcome.p)),
    ]
    return Table(f"Against run {against.hash}", ("figure", "value"), rows)


def predicted(pictures: Sequence[Prediction]) -> Section:
    """Show class probabilities of pictures, best first."""
    read = [one for one in pictures if one.error is None]
    first = read[0]
    if len(pictures) == 1:
        rows = [
            cells((name, share(value, 1)), strong=name == first.prediction)
            for name, value in first.probabilities.items()
        ]
        return Section("", (), [Table(first.image, ("class", "probability"), rows)])
    places = PLACES[: len(first.probabilities)]
    lost = [one.error for one in pictures if one.error is not None]
    told = [
        (one.image, *(f"{n} {percent(p, 0)}" for n, p in [*one.probabilities.items()][:3]))
        for one in read
    ]
    note = "all probabilities: --json, or one picture at a time"
    table = Table("", ("image", *places), told, words=(1, 2, 3), note=note)
    return Section("", (), [table, *([Points(lost, "Not read")] if lost else [])])


def exported(file: Exported) -> Section:
    """Show what was exported, and what goes in and comes out."""
    classes, size = ", ".join(file.class_names), 1e-6 * file.bytes
    return Section("", said("exported", it=file, classes=classes, size=size))
