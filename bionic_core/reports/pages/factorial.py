"""The page of a factorial study: what acts, alone or together, and how sure that is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.pages.effects import (
    anova_section,
    effects_section,
    half_normal_section,
    left_out_section,
    table_section,
    trend_section,
)
from bionic_core.reports.pages.origin import origin
from bionic_core.reports.pages.study import (
    PERCENT,
    TEST_SELECTED,
    Measure,
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
from bionic_core.reports.words import (
    crossed,
    interval,
    level,
    levels,
    listed,
    number,
    p_words,
)
from bionic_core.statistics.designs import same_level
from bionic_core.statistics.lenth import LEVEL, certain, judged

Document = Mapping[str, Any]

PAIRS = 15
"""So many interactions are drawn at most, the largest ones."""

LISTED = 12
"""So many terms that cannot be told apart are listed at most; the table has all."""

DOTS = 200
"""Above so many runs their dots would be a smear, and only means are drawn."""


def page_of_factorial(found: Found, out: Path) -> Page:
    """Return a study's page.

    Sections on what an analysis does not offer are left out.

    Args:
        found: the study.
        out: where the page will be, for its links.
    """
    document = found.document
    measure = Measure.of(document)
    effects = judged(document)
    factors = document["design"]["factors"]
    everything = {factor["name"]: factor["levels"][-1] for factor in factors}
    run = first_run(found, everything)
    command, note = repeat(found, run)
    sections = [
        effects_section(document, effects, measure),
        _design(document),
        _interactions(document, measure),
        *(trend_section(trend, measure) for trend in document.get("trends") or ()),
        half_normal_section(document, measure),
        table_section(document, effects, measure),
        anova_section(document),
        left_out_section(document, measure),
        _diagnostics(document),
        _cells(found, out, measure),
        *origin(command, run, note),
    ]
    return Page(
        title=f"{listed([factor['name'] for factor in factors])}: a factorial study",
        kicker=f"A factorial study of {document['name']}, {document['design']['runs']} runs",
        question=_question(document, measure),
        answer=[*_answer(effects, measure), " ".join(conditions(document))],
        warnings=[
            *([TEST_SELECTED] if document.get("selected_on") == "test" else []),
            *missing(document),
        ],
        sections=[section for section in sections if section is not None],
    )


def _question(document: Document, measure: Measure) -> str:
    names = [factor["term"] for factor in document["design"]["factors"]]
    if len(names) == 1:
        return f"Does {names[0]} change the {measure.words} of {document['name']}?"
    together = "together with the other" if len(names) == 2 else "together with others"
    return (
        f"Do {listed(names)} change the {measure.words} of {document['name']}, and does each act "
        f"alone or {together}?"
    )


def _answer(effects: Sequence[Document], measure: Measure) -> list[str]:
    tested = [effect for effect in effects if effect["p_adjusted"] is not None]
    if not tested:
        return [
            "The runs leave nothing to judge chance by, so the effects below are estimates without "
            "intervals; more seeds would give them."
        ]
    sure = sorted(filter(certain, tested), key=lambda effect: -abs(effect["estimate"]))
    lines = [_finding(effect, measure) for effect in sure[:4]]
    if sure[4:]:
        lines.append(f"{len(sure) - 4} further terms are certain; the table has them.")
    rest = [effect for effect in tested if not certain(effect)]
    half = [(effect["high"] - effect["low"]) / 2 for effect in rest]
    if half:
        which = f"The other {len(rest)} are not certain" if sure else "No effect is certain"
        which = "The other one is not certain" if sure and len(rest) == 1 else which
        lines.append(
            f"{which} at the {100 * LEVEL:.0f} % level, corrected for {len(tested)} tests; with "
            f"intervals of about ±{measure.said(float(np.median(half)))}, smaller effects would go "
            "unseen."
        )
    return lines


def _finding(effect: Document, measure: Measure) -> str:
    estimate, term = effect["estimate"], effect["term"]
    sure = (
        f"95 % interval {interval(effect['low'], effect['high'])}, "
        f"{p_words(effect['p_adjusted'])} after correction"
    )
    if ":" in term:
        size = f"{number(estimate, signed=True)} {measure.unit}".strip()
        return f"{crossed(term)} act together: {size} ({sure})."
    verb = "raises" if estimate > 0 else "lowers"
    return f"{term} {verb} {measure.words} by {measure.said(abs(estimate))} ({sure})."


def _design(document: Document) -> Section:
    design = document["design"]
    whole = design.get("resolution") is None
    kind = str(design.get("kind") or ("full factorial" if whole else "fraction"))
    pairs = [("kind", kind)]
    pairs += [
        (factor["term"], " / ".join(level(value) for value in factor["levels"]))
        for factor in design["factors"]
    ]
    pairs += [
        ("combinations", str(len(design.get("cells", ())))),
        ("seeds (blocks)", ", ".join(map(str, design["seeds"]))),
        ("runs", str(design["runs"])),
    ]
    if not whole:
        pairs.append(("resolution", str(design["resolution"])))
    if design.get("words"):
        relation = " = ".join(crossed(word) for word in design["words"])
        pairs.append(("defining relation", f"I = {relation}"))
    if design.get("folded"):
        pairs.append(("folded over", ", ".join(design["folded"])))
    blocks: list[Block] = [Facts(pairs)]
    out = [f"{levels(cell['levels'])}: {cell['reason']}" for cell in design.get("impossible", ())]
    if out:
        blocks.append(Points(out, "Combinations that cannot exist, and were left out"))
    lost = [
        effect for effect in document["effects"] if effect["estimate"] is None and effect["aliases"]
    ]
    aliases = [
        f"{crossed(effect['term'])} cannot be told from "
        f"{listed(list(map(crossed, effect['aliases'])))}"
        for effect in lost[:LISTED]
    ]
    if lost[LISTED:]:
        aliases.append(f"and {len(lost) - LISTED} more; the table has them")
    if aliases:
        blocks.append(Points(aliases, "Terms that these runs cannot tell apart"))
    text = (
        "Every combination is trained once with each seed. A seed is a block: its runs share their "
        "initial weights and the order of images, so what it does to all of them cancels.",
    )
    return Section("Design", text, blocks)


def _interactions(document: Document, measure: Measure) -> Section | None:
    factors = document["design"]["factors"]
    responses = ((cell["levels"], measure.of_cell(cell)) for cell in document["cells"])
    runs = [(cell, value) for cell, value in responses if value is not None]
    if len(factors) < 2 or not runs:
        return None
    sizes: dict[tuple[str, ...], float] = {}
    for effect in document["effects"]:
        if effect["estimate"] is not None:
            names = tuple(part.partition("=")[0] for part in effect["term"].split(":"))
            sizes[names] = max(sizes.get(names, 0.0), abs(effect["estimate"]))

    def size(pair: tuple[Document, Document]) -> float:
        return sizes.get((pair[0]["term"], pair[1]["term"]), 0.0)

    pairs = list(itertools.combinations(factors, 2))
    chosen = sorted(pairs, key=size, reverse=True)[:PAIRS]
    drawings = [
        Drawing(
            plots.interaction(_crossing(one, other, runs), measure.mean, dots=len(runs) <= DOTS),
            f"{one['name']} × {other['name']}",
        )
        for one, other in pairs
        if (one, other) in chosen
    ]
    reading = [
        "Means over all other settings and seeds; small signs are single runs.",
        "Parallel lines: the two factors act independently of each other.",
        "Lines that open, close or cross: they act together, as far as the spread of the runs lets "
        "one say; the intervals above say how far.",
    ]
    if len(chosen) < len(pairs):
        reading.append(f"The {len(chosen)} largest of {len(pairs)} pairs are drawn.")
    if len(drawings) == 1:
        return Section("Interactions", (), [Row([*drawings, Points(reading, "Reading it")])])
    return Section("Interactions", (), [Points(reading), Row(drawings)])


def _crossing(
    one: Document, other: Document, runs: Sequence[tuple[Document, float]]
) -> plots.Crossing:
    values: dict[tuple[int, int], list[float]] = {}
    for cell, response in runs:
        place = (_place(one, cell), _place(other, cell))
        values.setdefault(place, []).append(response)
    words = ([level(v) for v in one["levels"]], [level(v) for v in other["levels"]])
    return plots.Crossing(one["name"], other["name"], words, values)


def _place(factor: Document, cell: Document) -> int:
    value = cell[factor["name"]]
    return next(n for n, known in enumerate(factor["levels"]) if same_level(known, value))


def _diagnostics(document: Document) -> Section | None:
    notes = [str(note) for note in document["notes"]]
    return Section("Diagnostics", (), [Points(notes)]) if notes else None


def _cells(found: Found, out: Path, measure: Measure) -> Section:
    document = found.document
    names = [factor["name"] for factor in document["design"]["factors"]]
    percent = measure.scale == PERCENT
    rows: list[list[Cell]] = []
    for cell in document["cells"]:
        value = measure.of_cell(cell)
        shown = number(value, 2) + " %" if percent and value is not None else number(value, 4)
        row = [Cell(str(len(rows) + 1), len(rows) + 1)]
        row += [Cell(level(cell["levels"][name])) for name in names]
        row += [Cell(str(cell["seed"]), cell["seed"]), Cell(shown, value), link(found, cell, out)]
        rows.append(row)
    columns = ["run", *names, "seed", measure.words, "folder"]
    words = (*range(1, len(names) + 1), len(columns) - 1)
    table = Table("Runs", columns, rows, words, quiet=True)
    return Section("Runs", ("Each folder has the run's spec, weights and predictions.",), [table])
