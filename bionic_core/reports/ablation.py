"""A leave-one-out study as sections: what a terminal shows, and its page, a paper beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bionic_core.registry import Registry
from bionic_core.reports import study as shared
from bionic_core.reports import words
from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.plans import seen
from bionic_core.reports.reading import explained, said
from bionic_core.reports.results import Found
from bionic_core.reports.sections import Cell, Drawing, Facts, Page, Points, Row, Section, Table
from bionic_core.statistics.comparisons import Difference, Summary
from bionic_core.statistics.lenth import LEVEL
from bionic_core.studies.publication import Published, publications
from bionic_core.studies.results import AblationResults, Variant

KINDS = {"structural": "Structural mechanisms", "functional": "Functional mechanisms"}

ALIKE = 2
"""A paper is set beside a study if so many left-out mechanisms are both's."""


def _summary(figure: Summary, digits: int, scale: float = 1) -> Cell:
    return Cell(words.mean_sd(figure.mean, figure.sd, digits, scale=scale), figure.mean)


FIGURES: dict[str, Callable[[Variant], Cell]] = {
    "test accuracy, %": lambda row: _summary(row.accuracy, 2, 100),
    "macro F1": lambda row: _summary(row.macro_f1, 4),
    "test loss": lambda row: _summary(row.loss, 4),
    "train accuracy, %": lambda row: _summary(row.train_accuracy, 2, 100),
    "train loss": lambda row: _summary(row.train_loss, 4),
    "epochs": lambda row: _summary(row.epochs, 0),
    "parameters": lambda row: words.whole(row.parameters.allocated),
    "of them wired": lambda row: words.whole(row.parameters.effective),
}
"""Columns of the table of variants."""

TESTED = ("test accuracy, %", "test loss", "macro F1", "epochs")
"""Those that fit a terminal; the others are a table of their own."""

CHANGES: dict[str, Callable[[Difference], Cell]] = {
    "change": lambda change: words.numeric(change.estimate, signed=True),
    "95 % interval": lambda change: words.interval_cell(change.low, change.high),
    "simultaneous": lambda change: words.interval_cell(
        change.simultaneous_low, change.simultaneous_high
    ),
    "p": lambda change: words.p_cell(change.p),
    "p (Dunnett)": lambda change: words.p_cell(change.p_adjusted),
    "variance": lambda change: Cell(change.method or words.NONE),
}
"""Columns of the tables of changes; only a page has room for how the variance is known."""


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
    lines = [*shared.conditions(study), *seen(study.detectable), *study.notes]
    return [
        Section("", (), variants),
        Section("", missing, _tables_by_kind(study, page=False)),
        Section("", (), [Points(lines)]),
    ]


def page_of_ablation(found: Found, study: AblationResults, out: Path) -> Page:
    """Return the page of a study found there, whose links are from ``out``."""
    papers = publications(Registry.installed())
    beside = [section for paper in papers if (section := _beside(study, paper)) is not None]
    by_kind = _tables_by_kind(study, page=True)
    page = Page(
        title=f"What {study.name} is without its mechanisms: a leave-one-out study",
        kicker="A leave-one-out study",
        question=f"What does each of {len(study.rows) - 1} mechanisms of {study.name} contribute "
        "to its test accuracy?",
        answer=_answer(study),
        sections=[
            _changes(study),
            *(beside or [Section("Accuracy and F1", (), [Row(_pair(_ours(study), "ours"))])]),
            *([Section("Changes by kind", (), by_kind)] if by_kind else []),
            Section("All variants", (), [_table_of_variants(study, "All variants", list(FIGURES))]),
            _design(study),
            shared.runs_section(found, study, out, "test accuracy", words.share),
            Section("Notes", (), [Points(study.notes)]),
        ],
    )
    return shared.whole(found, study, page, {f.name: True for f in study.design.factors})


def _answer(study: AblationResults) -> list[str]:
    judged = [row for row in study.left_out if row.change.p_adjusted is not None]
    lines = [] if judged else said("unjudged", estimates="differences")
    certain = [row for row in judged if row.change.certain]
    sure = sorted(certain, key=lambda row: -abs(_size(row)))
    for row in sure[:4]:
        change = row.change
        lines.append(
            f"Without {row.term} the model {'loses' if _size(row) > 0 else 'gains'} "
            f"{words.number(abs(_size(row)))} points of test accuracy (full − without: 95 % "
            f"interval {words.interval(change.low, change.high)}, "
            f"{words.p_words(change.p_adjusted)} after correction)."
        )
    if sure[4:]:
        lines.append(f"{len(sure) - 4} further differences are certain; the tables have them.")
    rest = words.listed([str(row.term) for row in judged if not row.change.certain])
    if rest:
        lines.append(f"For {rest} no difference is certain at the {100 * LEVEL:.0f} % level.")
    return [*lines, *(f"{words.capital(line)}." for line in seen(study.detectable))]


def _size(row: Variant) -> float:
    return row.change.estimate or 0.0


def _changes(study: AblationResults) -> Section:
    heading = "What each mechanism changes"
    known = [row for row in study.left_out if row.change.estimate is not None]
    if not known:
        return Section(heading, ("No pair of runs is there to compare.",))
    lines = [
        plots.Interval(
            str(row.term), _size(row), row.change.low, row.change.high, row.change.certain
        )
        for row in sorted(known, key=lambda row: -_size(row))
    ]
    axis = "full − without, percentage points of accuracy"
    alt = f"{heading}, full model less the model without it, with 95 % intervals"
    plot, caption = plots.intervals(lines, axis, alt).svg(), " ".join(said("changes-caption"))
    drawing = Drawing(plot, "What each mechanism contributes", caption)
    return explained(heading, drawing, "changes-reading")


def _by_difference(study: AblationResults, kind: str) -> list[Variant]:
    """Return the left-out mechanisms of a kind, the one that matters most first."""
    return sorted((row for row in study.rows if row.kind == kind), key=lambda row: -_size(row))


def _tables_by_kind(study: AblationResults, *, page: bool) -> list[Table]:
    """Return what each mechanism changes; a terminal marks whose variance is not pooled."""
    tables = []
    columns = [name for name in CHANGES if page or name != "variance"]
    for kind, title in KINDS.items():
        rows, apart = [], False
        for row in _by_difference(study, kind):
            alone = not page and row.change.method not in (None, "pooled")
            apart |= alone
            name = Cell(f"{row.term}{' *' * alone}")
            rows.append([name, *(CHANGES[column](row.change) for column in columns)])
        note = " ".join(said("changes-note", apart=apart))
        tables.append(Table(title, ("mechanism", *columns), rows, (6,), note=note))
    return [table for table in tables if table.rows]


def _table_of_variants(study: AblationResults, title: str, columns: Sequence[str]) -> Table:
    """Return figures of all variants, by falling accuracy, those without any last."""
    rows = [
        [Cell(row.variant, strong=not row.term), *(FIGURES[column](row) for column in columns)]
        for row in sorted(study.rows, key=lambda row: -(row.accuracy.mean or -1.0))
    ]
    note = "Mean ± standard deviation over seeds."
    return Table(title, ("variant", *columns), rows, note=note, quiet=len(columns) == len(FIGURES))


def _design(study: AblationResults) -> Section:
    pairs = [
        ("variants", str(len(study.rows))),
        ("seeds (blocks)", ", ".join(map(str, study.design.seeds))),
        ("runs", str(study.design.runs)),
    ]
    if study.pool is not None and study.pool.sd is not None:
        pairs.append(("SD of a run, pooled", f"{words.number(study.pool.sd)} points"))
        pairs.append(("degrees of freedom", str(study.pool.degrees)))
    return Section("Design", (), [Facts(pairs)])


def _ours(study: AblationResults) -> list[plots.Spot]:
    """Return variants by accuracy, in per cent, and macro F1, with their SD over seeds."""
    return [
        plots.Spot(
            row.variant,
            100 * row.accuracy.mean,
            row.macro_f1.mean,
            row.accuracy.sd and 100 * row.accuracy.sd,
            row.macro_f1.sd,
            strong=not row.term,
        )
        for row in study.rows
        if row.accuracy.mean is not None and row.macro_f1.mean is not None
    ]


def _beside(study: AblationResults, published: Published) -> Section | None:
    """Return a paper's two figures beside ours; None where they have too little in common."""
    ours = {str(row.mechanism): row for row in study.left_out}
    common = [row for row in published.rows if row.without in ours]
    theirs = [
        plots.Spot(
            f"without {row.without}" if row.without else row.label,
            *(row.accuracy[0], row.macro_f1[0], row.accuracy[1], row.macro_f1[1]),
            strong=row.model == published.main,
        )
        for row in published.rows
        if row.macro_f1 is not None
    ]
    if len(common) < ALIKE or len(theirs) < len(published.rows):
        return None
    source = (
        f"{published.title} ({published.authors}), {published.data}, {published.test_images:,} "
        f"test images, {published.seeds} seeds; {published.selection}"
    )
    mechanisms = f"{len(common)} of the paper's {len(published.mechanisms)}"
    text = said("beside-the-paper", source=source, common=mechanisms)
    whole, _ = published.whole.accuracy
    rows = []
    for row in common:
        own, change = ours[row.without], words.numeric(whole - row.accuracy[0], signed=True)
        judged = [CHANGES[name](own.change) for name in ("change", "95 % interval")]
        rows.append([Cell(str(own.term)), change, *judged])
    columns = ("mechanism", "published", "ours", "our 95 % interval")
    table = Table("Full − without, percentage points of test accuracy", columns, rows)
    pairs = [Row(_pair(theirs, "published")), Row(_pair(_ours(study), "ours"))]
    return Section("Beside the paper", text, [*pairs, table])


def _pair(spots: Sequence[plots.Spot], whose: str) -> list[Drawing]:
    """Return accuracy against F1, and accuracies by rank; its numbers are those of the former."""
    ranked = sorted(spots, key=lambda spot: -spot.x)
    lines = []
    for rank, spot in enumerate(ranked, 1):
        sd = spot.x_sd
        low, high = (None, None) if sd is None else (spot.x - sd, spot.x + sd)
        lines.append(plots.Interval(f"{rank}  {spot.name}", spot.x, low, high, spot.strong))
    axes = ("test accuracy, %", "macro F1")
    scatter = plots.scatter(ranked, axes, f"Accuracy against macro F1, {whose}").svg()
    alt = f"Test accuracy by rank, {whose}, with standard deviations over seeds"
    bars = plots.intervals(lines, "test accuracy, % (± SD over seeds)", alt, zero=False).svg()
    caption = " ".join(said("variants-caption"))
    return [
        Drawing(scatter, f"Accuracy against F1, {whose}", caption),
        Drawing(bars, f"Accuracy by rank, {whose}"),
    ]
