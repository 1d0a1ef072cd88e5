"""A leave-one-out study as sections: what a terminal shows, and its page, a paper beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bionic_core.registry import Registry
from bionic_core.reports import study as shared
from bionic_core.reports import words
from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.drawing.svg import Plot
from bionic_core.reports.findings import verdicts
from bionic_core.reports.plans import looks, seen
from bionic_core.reports.reading import explained, said
from bionic_core.reports.sections import Cell, Columns, Drawing, Page, Points, Row, Section, Table
from bionic_core.statistics.lenth import LEVEL
from bionic_core.studies.found import Found
from bionic_core.studies.publication import Published, publications
from bionic_core.studies.results import AblationResults, Variant

KINDS = {"structural": "Structural mechanisms", "functional": "Functional mechanisms"}

ALIKE = 2
"""A paper is set beside a study if so many left-out mechanisms are both's."""


FIGURES: Columns[Variant] = {
    "variant": lambda row: Cell(row.variant, strong=not row.term),
    "test accuracy, %": lambda row: words.mean_cell(row.accuracy, 2, 100),
    "macro F1": lambda row: words.mean_cell(row.macro_f1, 4),
    "test loss": lambda row: words.mean_cell(row.loss, 4),
    "train accuracy, %": lambda row: words.mean_cell(row.train_accuracy, 2, 100),
    "train loss": lambda row: words.mean_cell(row.train_loss, 4),
    "epochs": lambda row: words.mean_cell(row.epochs, 0),
    "parameters": lambda row: words.whole(row.parameters.allocated),
    "of them wired": lambda row: words.whole(row.parameters.effective),
}
TESTED = ("variant", "test accuracy, %", "test loss", "macro F1", "epochs")
OTHERS = ("variant", "train accuracy, %", "train loss", "parameters", "of them wired")
"""Columns of the table of variants; a terminal has them in two tables."""

CHANGES: Columns[Variant] = {
    "mechanism": lambda row: str(row.term),
    "change": lambda row: words.numeric(row.change.estimate, signed=True),
    "95 % interval": lambda row: words.interval_cell(row.change.low, row.change.high),
    "simultaneous": lambda row: words.interval_cell(
        row.change.simultaneous_low, row.change.simultaneous_high
    ),
    "p": lambda row: words.p_cell(row.change.p),
    "p (corrected)": lambda row: words.p_cell(row.change.p_adjusted),
    "variance": lambda row: row.change.method or words.NONE,
}
"""Columns of the tables of changes; only a page has room for how the variance is known."""

HEADING = "What each mechanism changes"


def ablated(study: AblationResults) -> list[Section]:
    """Return a study for a terminal: its variants, then what each mechanism changes, by kind."""
    title = f"Variants by test accuracy{' (test-selected)' * (study.selected_on == 'test')}"
    kinds = {row.kind for row in study.rows}
    missing = [f"no {kind} mechanism was left out" for kind in KINDS if kind not in kinds]
    lines = [*shared.conditions(study), *seen(study.detectable), *study.notes]
    others = _variants(study, "Training images, and size", OTHERS)
    return [
        Section("", shared.caveats(study), [_variants(study, title, TESTED), others]),
        Section("", missing, _by_kind(study, page=False)),
        *verdicts(study),
        *looks(study.until),
        Section("", (), [Points(lines)]),
    ]


def page_of_ablation(found: Found, study: AblationResults, out: Path) -> Page:
    """Return the page of a study found there, whose links are from ``out``."""
    beside = [_beside(study, paper) for paper in publications(Registry.installed())]
    ours = Section("Accuracy and F1", (), [Row(_pair(_ours(study), "ours"))])
    by_kind = _by_kind(study, page=True)
    variants, errors = {"variants": str(len(study.rows))}, {}
    if study.pool is not None and study.pool.sd is not None:
        errors["SD of a run, pooled"] = f"{words.number(study.pool.sd)} points"
        errors["degrees of freedom"] = str(study.pool.degrees)
    page = Page(
        title=f"What {study.name} is without its mechanisms: a leave-one-out study",
        kicker="A leave-one-out study",
        question=f"What does each of {len(study.rows) - 1} mechanisms of {study.name} contribute "
        "to its test accuracy?",
        answer=[*shared.caveats(study), *answer(study)],
        sections=[
            _changes(study),
            *([section for section in beside if section] or [ours]),
            *([Section("Changes by kind", (), by_kind)] if by_kind else []),
            *verdicts(study),
            *looks(study.until),
            Section("All variants", (), [_variants(study, "All variants", tuple(FIGURES))]),
            Section("Design", (), [shared.design_facts(study, variants, errors)]),
            shared.runs_section(found, study, out, "test accuracy", words.share),
            Section("Notes", (), [Points(study.notes)]),
        ],
    )
    return shared.whole(found, study, page, {f.name: True for f in study.design.factors})


def answer(study: AblationResults) -> list[str]:
    """Return what a study answers, a sentence each."""
    judged = [row for row in study.left_out if row.change.p_adjusted is not None]
    lines = [] if judged else said("unjudged", estimates="differences")
    sure = sorted((row for row in judged if row.change.certain), key=lambda row: -abs(_size(row)))
    for row in sure[:4]:
        does = "loses" if _size(row) > 0 else "gains"
        lines += said("certain-change", row=row, does=does, size=abs(_size(row)))
    rest = words.listed([str(row.term) for row in judged if not row.change.certain])
    lines += said("other-changes", further=len(sure[4:]), uncertain=rest, level=100 * LEVEL)
    lines += study.decided
    return [*lines, *(f"{words.capital(line)}." for line in seen(study.detectable))]


def _size(row: Variant) -> float:
    return row.change.estimate or 0.0


def changes(study: AblationResults) -> Plot | None:
    """Draw what each mechanism changes, the largest first; None where no pair can be compared."""
    known = [(row, row.change) for row in study.left_out if row.change.estimate is not None]
    lines = [
        plots.Interval(str(row.term), _size(row), it.low, it.high, it.certain)
        for row, it in sorted(known, key=lambda pair: -_size(pair[0]))
    ]
    axis = "full − without, percentage points of accuracy"
    alt = f"{HEADING}, full model less the model without it, with 95 % intervals"
    return plots.intervals(lines, axis, alt) if lines else None


def _changes(study: AblationResults) -> Section:
    if (plot := changes(study)) is None:
        return Section(HEADING, ("No pair of runs is there to compare.",))
    changes_ = [row.change for row in study.left_out]
    certain = [one.certain for one in changes_ if one.p_adjusted is not None]
    told = {"lines": any(one.low is not None for one in changes_), "sure": any(certain)}
    caption = " ".join(said("changes-caption", **told))
    drawing = Drawing(plot.svg(), "What each mechanism contributes", caption)
    return explained(HEADING, drawing, "changes-reading")


def _by_kind(study: AblationResults, *, page: bool) -> list[Table]:
    """Return what each mechanism changes."""
    columns = {name: CHANGES[name] for name in CHANGES if page or name != "variance"}
    note = said("changes-note", by=study.by)
    tables = []
    for kind, title in KINDS.items():
        rows = sorted((row for row in study.rows if row.kind == kind), key=lambda row: -_size(row))
        tables.append(Table.of(title, columns, rows, words=(6,), note=" ".join(note)))
    return [table for table in tables if table.rows]


def _variants(study: AblationResults, title: str, columns: Sequence[str]) -> Table:
    """Return figures of all variants, by falling accuracy, those without any last."""
    rows = sorted(study.rows, key=lambda row: -(row.accuracy.mean or -1.0))
    told, quiet = {name: FIGURES[name] for name in columns}, len(columns) == len(FIGURES)
    return Table.of(title, told, rows, note="Mean ± standard deviation over seeds.", quiet=quiet)


def _ours(study: AblationResults) -> list[plots.Spot]:
    """Return variants by accuracy, in per cent, and macro F1, with their SD over seeds."""
    return [
        plots.Spot(
            row.variant,
            *(100 * row.accuracy.mean, row.macro_f1.mean),
            *(row.accuracy.sd and 100 * row.accuracy.sd, row.macro_f1.sd),
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
    every = len(published.mechanisms)
    text = said("beside-the-paper", paper=published, shared=len(common), all=every)
    text += [f"{row.label}: {row.note}" for row in common if row.note]
    whole, _ = published.whole.accuracy
    theirs_of = {row.without: words.numeric(whole - row.accuracy[0], signed=True) for row in common}
    columns: Columns[Variant] = {
        "mechanism": CHANGES["mechanism"],
        "published": lambda row: theirs_of[str(row.mechanism)],
        "ours": CHANGES["change"],
        "our 95 % interval": CHANGES["95 % interval"],
    }
    title = "Full − without, percentage points of test accuracy"
    table = Table.of(title, columns, [ours[row.without] for row in common])
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
