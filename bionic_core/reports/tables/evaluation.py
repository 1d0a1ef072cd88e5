"""Figures of runs: of splits, classes and errors, on a run's page and in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bionic_core.reports.sections import Block, Cell, Points, Section, Table, cells
from bionic_core.reports.tables.data import dropped
from bionic_core.reports.words import (
    count,
    number,
    numeric,
    p_cell,
    percent,
    share,
    whole,
)
from bionic_core.runs.evaluate import Against, Evaluation
from bionic_core.runs.export import Exported
from bionic_core.runs.predict import Prediction
from bionic_core.runs.result import Result
from bionic_core.training.metrics import Figures

PLACES = ("prediction", "then", "then")
"""Of several pictures: so many classes each, best first."""

TEST_SELECTED = "test-selected: the test images chose the epoch, so their figures flatter"


def trained(result: Result) -> Section:
    """Show the figures of a run."""
    lines = [
        f"best epoch {result.best_epoch} of {result.epochs}, {number(result.seconds, 1)} s, "
        f"{number(result.images_per_second, 0)} images/s",
        f"folder: {result.run}",
    ]
    if isinstance(result.test, Figures):
        sure = between(result.test.interval)
        lines.insert(0, f"test accuracy: 95 % interval {sure} (of the images alone)")
    if result.dropped is not None:
        lines.insert(0, f"dropped from train as leaks: {dropped(result.dropped)}")
    if result.selected_on == "test":
        lines.insert(0, TEST_SELECTED)
    return Section("", (), [splits(result, f"Run {result.hash}"), Points(lines)])


def splits(result: Result, title: str) -> Table:
    """Return a table of the figures of each split; validation's where it is not the test's."""
    parts = (
        ("test", result.test),
        ("validation", None if result.selected_on == "test" else result.validation),
        ("train", result.train_evaluated),
    )
    rows = [
        (
            f"{name} (selected on)" if name == result.selected_on else name,
            whole(part.images),
            share(part.accuracy),
            numeric(part.loss, 4),
            numeric(part.macro_f1, 4),
            numeric(part.auc if isinstance(part, Figures) else None, 3),
        )
        for name, part in parts
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
        cells(
            (
                name,
                *(numeric(n, 3) for n in (part.precision, part.recall, part.f1, part.auc)),
                whole(part.support),
            )
        )
        for name, part in figures.classes.items()
    ]
    macro = (figures.macro_precision, figures.macro_recall, figures.macro_f1, figures.auc)
    weighted = (figures.weighted_precision, figures.weighted_recall, figures.weighted_f1)
    images = whole(figures.images)
    more = [
        cells(("macro average", *(numeric(n, 3) for n in macro), images)),
        cells(("weighted average", *(numeric(n, 3) for n in weighted), "", images)),
    ]
    columns = ("class", "precision", "recall", "F1", "AUC", "images")
    note = (
        "Precision: the share of its predictions that are right. Recall: the share of its "
        "images that are found. AUC: area under the ROC curve, this class against the rest."
    )
    if averages:
        return Table(title, columns, [*rows, *more], ruled=(len(rows),))
    return Table(title, columns, rows, note=note)


def confusion(figures: Figures, split: str) -> Table:
    """Return the confusion matrix of a split's images."""
    names = list(figures.classes)
    rows = []
    for place, (name, line) in enumerate(zip(names, figures.confusion, strict=True)):
        total = max(sum(line), 1)
        counts = [
            Cell(count(size), size, strong=place == column, share=size / total)
            for column, size in enumerate(line)
        ]
        rows.append(cells((name, *counts)))
    return Table(
        f"Confusion of the {split} images: rows true classes, columns predicted ones",
        ("true", *names),
        rows,
        sortable=False,
        dense=True,
    )


def evaluated(evaluation: Evaluation) -> Section:
    """Show the figures of a run on a split, and its comparison with another run if any."""
    split, figures, against = evaluation.split, evaluation.figures, evaluation.against
    chosen = " (selected on)" if split == evaluation.selected_on else ""
    title = f"Run {evaluation.hash} ({evaluation.name}), {evaluation.data}, {split}{chosen}"
    blocks: list[Block] = [
        _summary(evaluation),
        classes(figures, "Classes", averages=True),
        confusion(figures, split),
    ]
    if against is not None:
        blocks.append(_against(figures, against))
    return Section(title, (), [*blocks, Points(list(_notes(evaluation)))])


def _notes(evaluation: Evaluation) -> Iterator[str]:
    against = evaluation.against
    if evaluation.selected_on == "test":
        yield TEST_SELECTED
    elif evaluation.selected_on == evaluation.split:
        yield f"the {evaluation.split} images chose the epoch, so their figures flatter"
    if against is not None and against.selected_on == "test":
        yield f"test-selected too: the other run, {against.hash}"
    if evaluation.other_data:
        yield f"the run was trained on other data than {evaluation.data} as it is now"
    for path in evaluation.drawn or ():
        yield f"written: {path}"


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
    ruled = () if averaged is None else (len(rows),)
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
        (
            "difference, percentage points",
            Cell(number(outcome.difference, signed=True, scale=100)),
        ),
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
    rows = []
    for picture in pictures:
        best = list(picture.probabilities.items())[: len(places)]
        rows.append((picture.image, *(f"{name} {percent(value, 0)}" for name, value in best)))
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
    return Section(
        "",
        (
            f"input: {file.input}",
            f"output: {file.output}, of the classes {', '.join(file.class_names)}",
            f"written: {file.file} ({number(file.bytes, 1, scale=1e-6)} MB)",
        ),
    )
