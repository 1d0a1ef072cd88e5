"""Figures of runs: of splits, classes and errors, on a run's page and in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bionic_core.reports.sections import Cell, Points, Section, Table, cells
from bionic_core.reports.tables.data import dropped
from bionic_core.reports.words import (
    count,
    interval,
    number,
    numeric,
    p_cell,
    percent,
    share,
    whole,
)
from bionic_core.runs.evaluate import Against, Designs, Evaluation
from bionic_core.runs.export import Exported
from bionic_core.runs.predict import Prediction
from bionic_core.runs.result import Result
from bionic_core.training.metrics import Figures

PLACES = ("prediction", "then", "then")
"""Of several pictures: so many classes each, best first."""

TEST_SELECTED = "test-selected: the test images chose the epoch, so their figures flatter"


CLASSES = ("class", "precision", "recall", "F1", "AUC", "images")
CLASSES_NOTE = (
    "Precision: the share of its predictions that are right. Recall: the share of its images that "
    "are found. AUC: area under the ROC curve, this class against the rest."
)


def trained(result: Result) -> Section:
    """Show the figures of a run."""
    lines = [TEST_SELECTED] if result.selected_on == "test" else []
    if result.dropped is not None:
        lines.append(f"dropped from train as leaks: {dropped(result.dropped)}")
    if isinstance(result.test, Figures):
        sure = between(result.test.interval)
        lines.append(f"test accuracy: 95 % interval {sure} (of the images alone)")
    speed = f"{number(result.seconds, 1)} s, {number(result.images_per_second, 0)} images/s"
    lines.append(f"best epoch {result.best_epoch} of {result.epochs}, {speed}")
    lines.append(f"folder: {result.run}")
    return Section("", (), [splits(result, f"Run {result.hash}"), Points(lines)])


def splits(result: Result, title: str) -> Table:
    """Return a table of the figures of each split; validation's where it is not the test's."""
    chosen = result.selected_on
    validation = None if chosen == "test" else result.validation
    parts = {"test": result.test, "validation": validation, "train": result.train_evaluated}
    rows = [
        (
            f"{name} (selected on)" if name == chosen else name,
            whole(part.images),
            share(part.accuracy),
            numeric(part.loss, 4),
            numeric(part.macro_f1, 4),
            numeric(part.auc if isinstance(part, Figures) else None, 3),
        )
        for name, part in parts.items()
        if part is not None
    ]
    columns = ("split", "images", "accuracy", "cross entropy, nats", "macro F1", "mean AUC")
    return Table(title, columns, rows, sortable=False)


def between(interval: tuple[float, float], digits: int = 2) -> str:
    """Return an interval of shares."""
    low, high = (number(bound, digits, scale=100) for bound in interval)
    return f"{low} to {high} %"


def classes(figures: Figures, title: str, *, averages: bool = False) -> Table:
    """Return a table of the figures of each class, and of their averages if asked."""
    rows = [
        _class(name, (part.precision, part.recall, part.f1, part.auc), part.support)
        for name, part in figures.classes.items()
    ]
    if not averages:
        return Table(title, CLASSES, rows, note=CLASSES_NOTE)
    macro = (figures.macro_precision, figures.macro_recall, figures.macro_f1, figures.auc)
    weighted = (figures.weighted_precision, figures.weighted_recall, figures.weighted_f1)
    rows.append(_class("macro average", macro, figures.images))
    rows.append(_class("weighted average", weighted, figures.images))
    return Table(title, CLASSES, rows, ruled=(len(figures.classes),))


def _class(name: str, values: Sequence[float | None], images: int) -> list[Cell | str]:
    """Return a row of a class, or of an average, which may have no area."""
    empty = [""] * (len(CLASSES) - 2 - len(values))
    return [name, *(numeric(value, 3) for value in values), *empty, whole(images)]


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
    chosen = " (selected on)" if split == evaluation.selected_on else ""
    title = f"Run {evaluation.hash} ({evaluation.name}), {evaluation.data}, {split}{chosen}"
    tables = [_summary(evaluation), classes(figures, "Classes", averages=True)]
    tables.append(confusion(figures, split))
    if against is not None:
        tables.append(_against(figures, against))
    return Section(title, (), [*tables, Points(list(_notes(evaluation)))])


def _notes(evaluation: Evaluation) -> Iterator[str]:
    against = evaluation.against
    if evaluation.selected_on == "test":
        yield TEST_SELECTED
    elif evaluation.selected_on == evaluation.split:
        yield f"the {evaluation.split} images chose the epoch, so their figures flatter"
    if against is not None and against.selected_on == "test":
        yield f"test-selected too: the other run, {against.hash}"
    if against is not None:
        yield f"this interval and McNemar's p are {against.over}"
    if against is not None and against.designs is not None:
        yield from _designs(against.designs)
    if evaluation.other_data:
        yield f"the run was trained on other data than {evaluation.data} as it is now"
    for path in evaluation.drawn or ():
        yield f"written: {path}"


def _designs(designs: Designs) -> Iterator[str]:
    one, verdict = designs.difference, designs.difference.verdict
    yield (
        f"both designs, {len(designs.seeds)} seeds each: {number(one.estimate, signed=True)} "
        f"points (95 % interval {interval(one.low, one.high)}), {designs.over.words}"
    )
    if verdict is not None:
        yield f"against a margin of ±{designs.margin:g} points: {verdict.alone}"


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
    if averaged is None:
        return Table("", ("figure", "value"), rows)
    flipped = [
        ("accuracy, flip-averaged", percent(averaged.accuracy)),
        ("cross entropy, flip-averaged", number(averaged.loss, 4)),
        ("macro F1, flip-averaged", number(averaged.macro_f1, 4)),
    ]
    return Table("", ("figure", "value"), [*rows, *flipped], ruled=(len(rows),))


def _against(figures: Figures, against: Against) -> Table:
    outcome = against.outcome
    rows = [
        ("accuracy of this run", share(figures.accuracy)),
        ("accuracy of the other", share(against.accuracy)),
        ("difference, percentage points", Cell(number(outcome.difference, signed=True, scale=100))),
        ("  95 % interval", interval(100 * against.low, 100 * against.high)),
        ("right only in this run", whole(outcome.only_this_right)),
        ("right only in the other", whole(outcome.only_other_right)),
        ("right in both", whole(outcome.both_right)),
        ("wrong in both", whole(outcome.both_wrong)),
        (f"McNemar's p, {outcome.test}", p_cell(outcome.p)),
    ]
    return Table(f"Against run {against.hash}", ("figure", "value"), rows)


def predicted(pictures: Sequence[Prediction]) -> Section:
    """Show class probabilities of pictures, best first."""
    if len(pictures) == 1:
        return Section("", (), [_one_picture(pictures[0])])
    places = PLACES[: len(pictures[0].probabilities)]
    rows = [
        [one.image, *(f"{name} {percent(value, 0)}" for name, value in one.probabilities.items())]
        for one in pictures
    ]
    rows = [row[: 1 + len(places)] for row in rows]
    note = "all probabilities: --json, or one picture at a time"
    return Section("", (), [Table("", ("image", *places), rows, words=(1, 2, 3), note=note)])


def _one_picture(picture: Prediction) -> Table:
    rows = [
        cells((name, share(value, 1)), strong=name == picture.prediction)
        for name, value in picture.probabilities.items()
    ]
    return Table(picture.image, ("class", "probability"), rows)


def exported(file: Exported) -> Section:
    """Show what was exported, and what goes in and comes out."""
    size = number(file.bytes, 1, scale=1e-6)
    out = f"output: {file.output}, of the classes {', '.join(file.class_names)}"
    return Section("", (f"input: {file.input}", out, f"written: {file.file} ({size} MB)"))
