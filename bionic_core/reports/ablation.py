"""A leave-one-out study as sections: what a terminal shows, and its page, a paper beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bionic_core.registry import Registry
from bionic_core.reports.drawing import intervals as plots
from bionic_core.reports.origin import origin
from bionic_core.reports.plans import seen
from bionic_core.reports.results import Found
from bionic_core.reports.sections import (
    Block,
    Cell,
    Drawing,
    Facts,
    Page,
    Points,
    Row,
    Section,
    Table,
    cells,
)
from bionic_core.reports.study import (
    conditions,
    conditions_sentence,
    first_run,
    link,
    repeat,
    runs_section,
    warnings,
)
from bionic_core.reports.words import (
    interval,
    listed,
    mean_sd,
    number,
    numeric,
    p_cell,
    p_words,
    share,
    whole,
)
from bionic_core.statistics.comparisons import Difference, Summary
from bionic_core.statistics.lenth import LEVEL
from bionic_core.studies.publication import Published, publications
from bionic_core.studies.publication import Variant as PublishedVariant
from bionic_core.studies.results import AblationResults, Variant

KINDS = {"structural": "Structural mechanisms", "functional": "Functional mechanisms"}

ALIKE = 2
"""A paper is set beside a study if so many left-out mechanisms are both's."""


def _summary(figure: Summary, digits: int, scale: float = 1) -> Cell:
    return Cell(mean_sd(figure.mean, figure.sd, digits, scale=scale), figure.mean)


FIGURES: dict[str, Callable[[Variant], Cell]] = {
    "test accuracy, %": lambda row: _summary(row.accuracy, 2, 100),
    "macro F1": lambda row: _summary(row.macro_f1, 4),
    "test loss": lambda row: _summary(row.loss, 4),
    "train accuracy, %": lambda row: _summary(row.train_accuracy, 2, 100),
    "train loss": lambda row: _summary(row.train_loss, 4),
    "epochs": lambda row: _summary(row.epochs, 0),
    "parameters": lambda row: whole(row.parameters.allocated),
    "of them wired": lambda row: whole(row.parameters.effective),
}
"""Columns of the table of variants."""

TESTED = ("test accuracy, %", "test loss", "macro F1", "epochs")
"""Those that fit a terminal; the others are a table of their own."""


def ablated(study: AblationResults) -> list[Section]:
    """Return a study for a terminal: its variants, then what each mechanism changes, by kind."""
    title = "Variants by test accuracy"
    title += " (test-selected)" if study.selected_on == "test" else ""
    others = [name for name in FIGURES if name not in TESTED]
    variants = [_table_of_variants(study, title, TESTED)]
    variants.append(_table_of_variants(study, "Training images, and size", others))
    missing = [
        f"no {kind} mechanism was left out" for kind in KINDS if not _by_difference(study, kind)
    ]
    lines = [*conditions(study, study.test_images), *seen(study.detectable), *study.notes]
    return [
        Section("", (), variants),
        Section("", missing, _tables_by_kind(study, page=False)),
        Section("", (), [Points(lines)]),
    ]


def page_of_ablation(found: Found, study: AblationResults, out: Path) -> Page:
    """Return a study's page.

    Args:
        found: where it was read.
        study: the study.
        out: where the page will be, for its links.
    """
    run = first_run(found, study, {factor.name: True for factor in study.design.factors})
    command, note = repeat(found, study, run)
    beside = [
        section
        for published in publications(Registry.installed())
        if (section := _beside(study, published)) is not None
    ]
    by_kind = _tables_by_kind(study, page=True)
    return Page(
        title=f"What {study.name} is without its mechanisms: a leave-one-out study",
        kicker=f"A leave-one-out study of {study.name}, {study.design.runs} runs",
        question=f"What does each of {len(study.rows) - 1} mechanisms of {study.name} contribute "
        "to its test accuracy?",
        answer=[*_answer(study), conditions_sentence(study, study.test_images)],
        warnings=warnings(study),
        sections=[
            _changes(study),
            *(beside or [_alone(study)]),
            *([Section("Changes by kind", (), by_kind)] if by_kind else []),
            Section("All variants", (), [_table_of_variants(study, "All variants", list(FIGURES))]),
            _design(study),
            _runs(found, study, out),
            Section("Notes", (), [Points(study.notes)]),
            *origin(command, run, note),
        ],
    )


def _answer(study: AblationResults) -> list[str]:
    judged = [row for row in study.left_out if row.change.p_adjusted is not None]
    lines = []
    if not judged:
        lines.append(
            "The runs leave nothing to judge chance by, so the differences below are estimates "
            "without intervals; more seeds would give them."
        )
    certain = [row for row in judged if row.change.certain]
    sure = sorted(certain, key=lambda row: -abs(_size(row)))
    for row in sure[:4]:
        change = row.change
        lines.append(
            f"Without {row.term} the model {'loses' if _size(row) > 0 else 'gains'} "
            f"{number(abs(_size(row)))} points of test accuracy (full − without: 95 % interval "
            f"{interval(change.low, change.high)}, {p_words(change.p_adjusted)} after correction)."
        )
    if sure[4:]:
        lines.append(f"{len(sure) - 4} further differences are certain; the tables have them.")
    rest = [str(row.term) for row in judged if not row.change.certain]
    if rest:
        lines.append(
            f"For {listed(rest)} no difference is certain at the {100 * LEVEL:.0f} % level."
        )
    return [*lines, *(f"{line[0].upper()}{line[1:]}." for line in seen(study.detectable))]


def _size(row: Variant) -> float:
    return row.change.estimate or 0.0


def _changes(study: AblationResults) -> Section:
    known = [row for row in study.left_out if row.change.estimate is not None]
    if not known:
        return Section("What each mechanism changes", ("No pair of runs is there to compare.",))
    lines = [
        plots.Interval(
            str(row.term), _size(row), row.change.low, row.change.high, row.change.certain
        )
        for row in sorted(known, key=lambda row: -_size(row))
    ]
    plot = plots.intervals(
        lines,
        "full − without, percentage points of accuracy",
        "What each mechanism changes, full model less the model without it, with 95 % intervals",
    )
    caption = (
        "Right of zero: the mechanism helps. Each line is a 95 % interval, its dot the estimate; "
        "a filled blue dot is certain after correction for all comparisons (Dunnett)."
    )
    reading = [
        "Each mechanism is taken out of the full model alone, with what requires it; the seeds of "
        "both are paired.",
        "So it shows what a mechanism does beside all others, not what it does alone: one that "
        "others stand in for looks idle here. A factorial study tells these apart.",
    ]
    drawing = Drawing(plot.svg(), "What each mechanism contributes", caption)
    return Section(
        "What each mechanism changes", (), [Row([drawing, Points(reading, "Reading it")])]
    )


def _by_difference(study: AblationResults, kind: str) -> list[Variant]:
    """Return the left-out mechanisms of a kind, the one that matters most first."""
    return sorted((row for row in study.rows if row.kind == kind), key=lambda row: -_size(row))


def _tables_by_kind(study: AblationResults, *, page: bool) -> list[Table]:
    """Return what each mechanism changes; a page has room for how its variance is known."""
    tables = []
    columns = ("mechanism", "change", "95 % interval", "simultaneous", "p", "p (Dunnett)")
    note = "Percentage points of test accuracy, full model less the model without it."
    for kind, title in KINDS.items():
        rows, apart = [], False
        for row in _by_difference(study, kind):
            alone = not page and row.change.method not in (None, "pooled")
            apart |= alone
            row_cells = [Cell(f"{row.term}{' *' * alone}"), *_judged(row.change)]
            rows.append([*row_cells, *([Cell(row.change.method or "–")] * page)])
        if rows:
            told = f"{note} * its variance is not pooled with the others'." if apart else note
            names = (*columns, *(("variance",) * page))
            tables.append(Table(title, names, rows, (6,) if page else (), note=told))
    return tables


def _judged(change: Difference) -> list[Cell]:
    low, high = change.simultaneous_low, change.simultaneous_high
    return [
        numeric(change.estimate, signed=True),
        Cell(interval(change.low, change.high), change.low),
        Cell(interval(low, high), low),
        p_cell(change.p),
        p_cell(change.p_adjusted),
    ]


def _table_of_variants(study: AblationResults, title: str, columns: Sequence[str]) -> Table:
    """Return figures of all variants, by falling accuracy, those without any last."""
    ordered = sorted(study.rows, key=lambda row: -(row.accuracy.mean or -1.0))
    rows = []
    for row in ordered:
        name = Cell(row.variant, strong=not row.term)
        rows.append([name, *(FIGURES[column](row) for column in columns)])
    note = "Mean ± standard deviation over seeds."
    return Table(title, ("variant", *columns), rows, note=note, quiet=len(columns) == len(FIGURES))


def _design(study: AblationResults) -> Section:
    pairs = [
        ("variants", str(len(study.rows))),
        ("seeds (blocks)", ", ".join(map(str, study.design.seeds))),
        ("runs", str(study.design.runs)),
    ]
    if study.pool is not None and study.pool.sd is not None:
        pairs.append(("SD of a run, pooled", f"{number(study.pool.sd)} points"))
        pairs.append(("degrees of freedom", str(study.pool.degrees)))
    return Section("Design", (), [Facts(pairs)])


def _runs(found: Found, study: AblationResults, out: Path) -> Section:
    rows = [
        cells((c.variant, Cell(str(c.seed), c.seed), share(c.accuracy), link(found, c, out)))
        for c in study.cells
    ]
    columns = ("variant", "seed", "test accuracy", "folder")
    return runs_section(Table("Runs", columns, rows, words=(3,), quiet=True))


Row3 = tuple[str, tuple[float, float | None], tuple[float, float | None], bool]
"""A variant: its name, mean and SD of accuracy in per cent and of macro F1, whether all is on."""


def _ours(study: AblationResults) -> list[Row3]:
    return [
        (
            row.variant,
            (100 * row.accuracy.mean, _times(row.accuracy.sd, 100)),
            (row.macro_f1.mean, row.macro_f1.sd),
            not row.term,
        )
        for row in study.rows
        if row.accuracy.mean is not None and row.macro_f1.mean is not None
    ]


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


def _alone(study: AblationResults) -> Section:
    """Return the two figures of a study that no installed paper has a counterpart of."""
    return Section("Accuracy and F1", (), [Row(_pair(_ours(study), "ours"))])


def _beside(study: AblationResults, published: Published) -> Section | None:
    """Return a paper's two figures beside ours; None where they have too little in common."""
    ours = {row.mechanism for row in study.left_out}
    common = [row for row in published.rows if row.without in ours]
    theirs = [
        (
            f"without {row.without}" if row.without else row.label,
            row.accuracy,
            row.macro_f1,
            row.model == published.main,
        )
        for row in published.rows
        if row.macro_f1 is not None
    ]
    if len(common) < ALIKE or len(theirs) < len(published.rows):
        return None
    text = [
        f"Published: {published.title} ({published.authors}), {published.data}, "
        f"{published.test_images:,} test images, {published.seeds} seeds; {published.selection}. "
        "The numbers of the points are their ranks on the right.",
        f"{len(common)} of the paper's {len(published.mechanisms)} left-out mechanisms are in "
        "this study, whose data and recipe may be others: compare orders and differences, not "
        "levels.",
    ]
    blocks: list[Block] = [
        Row(_pair(theirs, "published")),
        Row(_pair(_ours(study), "ours")),
        _changes_beside(study, published, common),
    ]
    return Section("Beside the paper", text, blocks)


def _pair(rows: Sequence[Row3], whose: str) -> list[Drawing]:
    """Return accuracy against F1, and accuracies by rank; its numbers are those of the former."""
    ranked = sorted(rows, key=lambda row: -row[1][0])
    spots = [
        plots.Spot(name, accuracy[0], f1[0], accuracy[1], f1[1], whole)
        for name, accuracy, f1, whole in ranked
    ]
    lines = [
        plots.Interval(
            f"{rank}  {name}",
            mean,
            None if sd is None else mean - sd,
            None if sd is None else mean + sd,
            whole,
        )
        for rank, (name, (mean, sd), _, whole) in enumerate(ranked, 1)
    ]
    axes = ("test accuracy, %", "macro F1")
    scatter = plots.scatter(spots, axes, f"Accuracy against macro F1, {whose}").svg()
    alt = f"Test accuracy by rank, {whose}, with standard deviations over seeds"
    bars = plots.intervals(lines, "test accuracy, % (± SD over seeds)", alt, zero=False).svg()
    return [
        Drawing(
            scatter,
            f"Accuracy against F1, {whose}",
            "Crosses are ± one standard deviation over seeds; the square is the full model.",
        ),
        Drawing(bars, f"Accuracy by rank, {whose}"),
    ]


def _changes_beside(
    study: AblationResults, published: Published, common: Sequence[PublishedVariant]
) -> Table:
    ours = {row.mechanism: row for row in study.left_out}
    rows = []
    for variant in common:
        row = ours[variant.without]
        theirs = published.whole.accuracy[0] - variant.accuracy[0]
        rows.append([Cell(str(row.term)), numeric(theirs, signed=True), *_judged(row.change)[:2]])
    return Table(
        "Full − without, percentage points of test accuracy",
        ("mechanism", "published", "ours", "our 95 % interval"),
        rows,
    )
