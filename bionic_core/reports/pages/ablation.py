"""The page of a leave-one-out study: what each mechanism contributes, and the paper beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bionic_core.registry import Registry
from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.pages.origin import origin
from bionic_core.reports.pages.study import (
    TEST_SELECTED,
    conditions,
    first_run,
    link,
    missing,
    repeat,
)
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
)
from bionic_core.reports.tables.ablation import by_accuracy, by_difference, mean_sd, seen
from bionic_core.reports.words import (
    interval,
    listed,
    number,
    numeric,
    p_cell,
    p_words,
)
from bionic_core.statistics.lenth import LEVEL
from bionic_core.studies.publication import Figure, Published, Variant, publications

Document = Mapping[str, Any]

KINDS = {"structural": "Structural mechanisms", "functional": "Functional mechanisms"}

ALIKE = 2
"""A paper is set beside a study if so many left-out mechanisms are both's."""


def page_of_ablation(found: Found, out: Path) -> Page:
    """Return a study's page.

    Args:
        found: the study.
        out: where the page will be, for its links.
    """
    document = found.document
    rows = document["rows"]
    whole = {factor["name"]: True for factor in document["design"]["factors"]}
    run = first_run(found, whole)
    command, note = repeat(found, run)
    beside = [
        section
        for published in publications(Registry.installed())
        if (section := _beside(document, published)) is not None
    ]
    return Page(
        title=f"What {document['name']} is without its mechanisms: a leave-one-out study",
        kicker=f"A leave-one-out study of {document['name']}, {document['design']['runs']} runs",
        question=f"What does each of {len(rows) - 1} mechanisms of {document['name']} contribute "
        "to its test accuracy?",
        answer=[*_answer(document), " ".join(conditions(document))],
        warnings=[
            *([TEST_SELECTED] if document.get("selected_on") == "test" else []),
            *missing(document),
        ],
        sections=[
            _changes(document),
            *(beside or [_alone(document)]),
            *_tables(document),
            _variants(document),
            _design(document),
            _cells(found, out),
            Section("Notes", (), [Points([str(note) for note in document["notes"]])]),
            *origin(command, run, note),
        ],
    )


def _certain(row: Document) -> bool:
    p = row["difference"]["p_adjusted"]
    return p is not None and p < LEVEL


def _answer(document: Document) -> list[str]:
    rows = [row for row in document["rows"] if row["difference"]]
    known = [row for row in rows if row["difference"]["estimate"] is not None]
    judged = [row for row in known if row["difference"]["p_adjusted"] is not None]
    lines = []
    if not judged:
        lines.append(
            "The runs leave nothing to judge chance by, so the differences below are estimates "
            "without intervals; more seeds would give them."
        )
    sure = sorted(filter(_certain, judged), key=lambda row: -abs(row["difference"]["estimate"]))
    for row in sure[:4]:
        change = row["difference"]
        verb = "loses" if change["estimate"] > 0 else "gains"
        size = f"{number(abs(change['estimate']))} points of test accuracy"
        bounds = f"95 % interval {interval(change['low'], change['high'])}"
        lines.append(
            f"Without {row['term']} the model {verb} {size} (full − without: {bounds}, "
            f"{p_words(change['p_adjusted'])} after correction)."
        )
    if sure[4:]:
        lines.append(f"{len(sure) - 4} further differences are certain; the tables have them.")
    rest = [row["term"] for row in judged if not _certain(row)]
    if rest:
        lines.append(
            f"For {listed(rest)} no difference is certain at the {100 * LEVEL:.0f} % level."
        )
    return [*lines, *(f"{line[0].upper()}{line[1:]}." for line in seen(document["detectable"]))]


def _changes(document: Document) -> Section:
    rows = [row for row in document["rows"] if row["difference"]]
    known = [row for row in rows if row["difference"]["estimate"] is not None]
    known.sort(key=lambda row: -row["difference"]["estimate"])
    lines = [
        plots.Interval(
            row["term"],
            row["difference"]["estimate"],
            row["difference"]["low"],
            row["difference"]["high"],
            _certain(row),
        )
        for row in known
    ]
    if not lines:
        return Section("What each mechanism changes", ("No pair of runs is there to compare.",))
    svg = plots.intervals(
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
    drawing = Drawing(svg, "What each mechanism contributes", caption)
    return Section(
        "What each mechanism changes", (), [Row([drawing, Points(reading, "Reading it")])]
    )


def _tables(document: Document) -> list[Section]:
    blocks: list[Block] = []
    for kind, title in KINDS.items():
        rows = [
            [
                Cell(row["term"]),
                numeric(row["difference"]["estimate"], signed=True),
                *(
                    Cell(
                        interval(row["difference"][low], row["difference"][high]),
                        row["difference"][low],
                    )
                    for low, high in (("low", "high"), ("simultaneous_low", "simultaneous_high"))
                ),
                p_cell(row["difference"]["p"]),
                p_cell(row["difference"]["p_adjusted"]),
                Cell(row["difference"]["method"] or "–"),
            ]
            for row in by_difference(document["rows"], kind)
        ]
        if rows:
            columns = ("mechanism", "change", "95 % interval", "simultaneous", "p", "p, Dunnett")
            note = "Percentage points of test accuracy, full model less the model without it."
            table = Table(title, (*columns, "variance"), rows, words=(6,), note=note)
            blocks.append(table)
    return [Section("Changes by kind", (), blocks)] if blocks else []


def _variants(document: Document) -> Section:
    rows = [
        [
            Cell(row["variant"], strong=not row["term"]),
            *(
                Cell(mean_sd(row[key], digits, scale), row[key]["mean"])
                for key, digits, scale in (
                    ("accuracy", 2, 100),
                    ("macro_f1", 4, 1),
                    ("loss", 4, 1),
                    ("train_accuracy", 2, 100),
                    ("train_loss", 4, 1),
                    ("epochs", 0, 1),
                )
            ),
            *(
                Cell(f"{row['parameters'][key]:,}", row["parameters"][key])
                for key in ("allocated", "effective")
            ),
        ]
        for row in by_accuracy(document["rows"])
    ]
    columns = ("variant", "test accuracy, %", "macro F1", "test loss", "train accuracy, %")
    more = ("train loss", "epochs", "parameters", "of them wired")
    note = "Mean ± standard deviation over seeds."
    return Section(
        "All variants", (), [Table("All variants", (*columns, *more), rows, note=note, quiet=True)]
    )


def _design(document: Document) -> Section:
    design = document["design"]
    pool = document.get("pool", {})
    pairs = [
        ("variants", str(len(document["rows"]))),
        ("seeds (blocks)", ", ".join(map(str, design["seeds"]))),
        ("runs", str(design["runs"])),
    ]
    if pool.get("sd") is not None:
        pairs.append(("SD of a run, pooled", f"{pool['sd']:.2f} points"))
        pairs.append(("degrees of freedom", str(pool["degrees"])))
    return Section("Design", (), [Facts(pairs)])


def _cells(found: Found, out: Path) -> Section:
    rows = [
        [
            Cell(cell["variant"]),
            Cell(str(cell["seed"]), cell["seed"]),
            Cell(
                "–" if cell["accuracy"] is None else f"{100 * cell['accuracy']:.2f} %",
                cell["accuracy"],
            ),
            link(found, cell, out),
        ]
        for cell in found.document["cells"]
    ]
    columns = ("variant", "seed", "test accuracy", "folder")
    text = ("Each folder has the run's spec, weights and predictions.",)
    return Section("Runs", text, [Table("Runs", columns, rows, words=(3,), quiet=True)])


Row3 = tuple[str, tuple[float, float | None], tuple[float, float | None], bool]
"""A variant: its name, mean and SD of accuracy in per cent and of macro F1, whether all is on."""


def _ours(rows: Sequence[Document]) -> list[Row3]:
    return [
        (
            row["variant"],
            (100 * row["accuracy"]["mean"], _times(row["accuracy"]["sd"], 100)),
            (row["macro_f1"]["mean"], row["macro_f1"]["sd"]),
            not row["term"],
        )
        for row in rows
        if row["accuracy"]["mean"] is not None
    ]


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


def _alone(document: Document) -> Section:
    """Return the two figures of a study that no installed paper has a counterpart of."""
    return Section("Accuracy and F1", (), [Row(_pair(_ours(document["rows"]), "ours"))])


def _beside(document: Document, published: Published) -> Section | None:
    """Return a paper's two figures beside ours; None where they have too little in common."""
    ours = {row["mechanism"]: row for row in document["rows"]}
    common = [row for row in published.rows if row.without in ours and row.without]
    theirs = [_theirs(row, row.macro_f1, published) for row in published.rows if row.macro_f1]
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
        Row(_pair(_ours(document["rows"]), "ours")),
        _changes_beside(document, published, common),
    ]
    return Section("Beside the paper", text, blocks)


def _theirs(row: Variant, f1: Figure, published: Published) -> Row3:
    name = f"without {row.without}" if row.without else row.label
    return name, row.accuracy, f1, row.model == published.main


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
    scatter = plots.scatter(spots, axes, f"Accuracy against macro F1, {whose}")
    alt = f"Test accuracy by rank, {whose}, with standard deviations over seeds"
    bars = plots.intervals(lines, "test accuracy, % (± SD over seeds)", alt, zero=False)
    return [
        Drawing(
            scatter,
            f"Accuracy against F1, {whose}",
            "Crosses are ± one standard deviation over seeds; the square is the full model.",
        ),
        Drawing(bars, f"Accuracy by rank, {whose}"),
    ]


def _changes_beside(document: Document, published: Published, common: Sequence[Variant]) -> Table:
    ours = {row["mechanism"]: row for row in document["rows"]}
    rows = []
    for variant in common:
        row = ours[variant.without]
        theirs = published.whole.accuracy[0] - variant.accuracy[0]
        mine = row["difference"]["estimate"]
        low, high = row["difference"]["low"], row["difference"]["high"]
        rows.append(
            [
                Cell(row["term"]),
                numeric(theirs, signed=True),
                numeric(mine, signed=True),
                Cell(interval(low, high), low),
            ]
        )
    return Table(
        "Full − without, percentage points of test accuracy",
        ("mechanism", "published", "ours", "our 95 % interval"),
        rows,
    )
