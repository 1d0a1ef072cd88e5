"""A factorial study as sections: what a terminal shows, and its page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.findings import (
    anova_section,
    effects_section,
    half_normal_section,
    in_terminal,
    left_out_section,
    table_section,
    trend_section,
)
from bionic_core.reports.measure import Measure, decimals
from bionic_core.reports.origin import origin
from bionic_core.reports.plans import MOST_CELLS, cut, design_lines
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
from bionic_core.reports.study import (
    conditions,
    conditions_sentence,
    first_run,
    link,
    repeat,
    runs_section,
    warnings,
)
from bionic_core.reports.terms import Terms
from bionic_core.reports.words import (
    crossed,
    interval,
    level,
    levels,
    listed,
    number,
    p_words,
    percent,
    rough,
)
from bionic_core.statistics.designs import FactorLayout, Level, same_level
from bionic_core.statistics.effects import Effect
from bionic_core.statistics.lenth import LEVEL
from bionic_core.studies.results import FactorialResults

PAIRS = 15
"""So many interactions are drawn at most, the largest ones."""

LISTED = 12
"""So many terms that cannot be told apart are listed at most; the table has all."""

DOTS = 200
"""Above so many runs their dots would be a smear, and only means are drawn."""


def studied(study: FactorialResults) -> list[Section]:
    """Return an experiment for a terminal: its cells, then its effects with their intervals."""
    terms = Terms.in_terminal(study.design)
    legend = [*terms.legend, *cut(study.design)]
    lines = [*conditions(study), *design_lines(study.design), *study.notes]
    return [
        Section("", (), [_combinations(study, terms), *([Points(legend)] if legend else [])]),
        *in_terminal(study, terms, regular=bool(study.design.words)),
        Section("", (), [Points(lines)]),
    ]


def _combinations(study: FactorialResults, terms: Terms) -> Table:
    """Return the response of each combination, by seed, and its mean."""
    design, measure = study.design, Measure.of(study.response)
    found: dict[tuple[Level, ...], dict[int, float | None]] = {}
    for cell in study.cells:
        key = tuple(cell.levels[factor.name] for factor in design.factors)
        found.setdefault(key, {})[cell.seed] = cell.measured
    rows = []
    for key, of_seed in list(found.items())[:MOST_CELLS]:
        values = [of_seed.get(seed) for seed in design.seeds]
        row = [Cell(level(value)) for value in key] + [_response(v, measure) for v in values]
        if len(values) > 1:
            known = [value for value in values if value is not None]
            mean = sum(known) / len(known) if known else None
            row.append(Cell(_response(mean, measure).text, mean, strong=True))
        rows.append(row)
    columns = [terms.letters.get(f.term, f.name) for f in design.factors]
    columns += [f"seed {seed}" for seed in design.seeds]
    columns += ["mean"] if len(design.seeds) > 1 else []
    title = f"{measure.words[:1].upper()}{measure.words[1:]}"
    return Table(title, columns, rows, range(1, len(design.factors)))


def _response(value: float | None, measure: Measure) -> Cell:
    return Cell(percent(value) if measure.percent else rough(value), value)


def page_of_factorial(found: Found, study: FactorialResults, out: Path) -> Page:
    """Return a study's page.

    Sections on what an analysis does not offer are left out.

    Args:
        found: where it was read.
        study: the study.
        out: where the page will be, for its links.
    """
    measure, terms = Measure.of(study.response), Terms()
    factors = study.design.factors
    run = first_run(found, study, {factor.name: factor.levels[-1] for factor in factors})
    command, note = repeat(found, study, run)
    sections = [
        effects_section(study),
        _design(study),
        _interactions(study, measure),
        *(trend_section(study, trend, terms) for trend in study.trends),
        half_normal_section(study),
        table_section(study, terms),
        anova_section(study, terms),
        left_out_section(study),
        Section("Diagnostics", (), [Points(study.notes)]) if study.notes else None,
        _runs(found, study, out, measure),
        *origin(command, run, note),
    ]
    return Page(
        title=f"{listed([factor.name for factor in factors])}: a factorial study",
        kicker=f"A factorial study of {study.name}, {study.design.runs} runs",
        question=_question(study, measure),
        answer=[*_answer(study.judged, measure), conditions_sentence(study)],
        warnings=warnings(study),
        sections=[section for section in sections if section is not None],
    )


def _question(study: FactorialResults, measure: Measure) -> str:
    names = [factor.term for factor in study.design.factors]
    if len(names) == 1:
        return f"Does {names[0]} change the {measure.words} of {study.name}?"
    together = "together with the other" if len(names) == 2 else "together with others"
    return (
        f"Do {listed(names)} change the {measure.words} of {study.name}, and does each act "
        f"alone or {together}?"
    )


def _answer(effects: Sequence[Effect], measure: Measure) -> list[str]:
    tested = [effect for effect in effects if effect.p_adjusted is not None]
    if not tested:
        return [
            "The runs leave nothing to judge chance by, so the effects below are estimates without "
            "intervals; more seeds would give them."
        ]
    certain = [effect for effect in tested if effect.certain]
    sure = sorted(certain, key=lambda effect: -abs(effect.estimate or 0.0))
    lines = [_finding(effect, measure) for effect in sure[:4]]
    if sure[4:]:
        lines.append(f"{len(sure) - 4} further terms are certain; the table has them.")
    rest = [effect for effect in tested if not effect.certain]
    half = [(e.high - e.low) / 2 for e in rest if e.high is not None and e.low is not None]
    if half:
        which = f"The other {len(rest)} are not certain" if sure else "No effect is certain"
        which = "The other one is not certain" if sure and len(rest) == 1 else which
        lines.append(
            f"{which} at the {100 * LEVEL:.0f} % level, corrected for {len(tested)} tests; with "
            f"intervals of about ±{measure.said(float(np.median(half)))}, smaller effects would go "
            "unseen."
        )
    return lines


def _finding(effect: Effect, measure: Measure) -> str:
    estimate = effect.estimate or 0.0
    digits = decimals([estimate, effect.low, effect.high])
    sure = (
        f"95 % interval {interval(effect.low, effect.high, digits)}, "
        f"{p_words(effect.p_adjusted)} after correction"
    )
    if effect.order > 1:
        size = f"{number(estimate, digits, signed=True)} {measure.unit}".strip()
        return f"{crossed(effect.term)} act together: {size} ({sure})."
    verb = "raises" if estimate > 0 else "lowers"
    return f"{effect.term} {verb} {measure.words} by {measure.said(abs(estimate))} ({sure})."


def _design(study: FactorialResults) -> Section:
    design = study.design
    kind = design.kind or ("full factorial" if design.resolution is None else "fraction")
    pairs = [("kind", kind)]
    pairs += [(f.term, " / ".join(level(value) for value in f.levels)) for f in design.factors]
    pairs += [
        ("combinations", str(len(design.cells))),
        ("seeds (blocks)", ", ".join(map(str, design.seeds))),
        ("runs", str(design.runs)),
    ]
    if design.resolution is not None:
        pairs.append(("resolution", str(design.resolution)))
    if design.words:
        pairs.append(("defining relation", f"I = {' = '.join(map(crossed, design.words))}"))
    if design.folded:
        pairs.append(("folded over", ", ".join(design.folded)))
    blocks: list[Block] = [Facts(pairs)]
    out = [f"{levels(cell.levels)}: {cell.reason}" for cell in design.impossible]
    if out:
        blocks.append(Points(out, "Combinations that cannot exist, and were left out"))
    lost = [effect for effect in study.effects if effect.estimate is None and effect.aliases]
    aliases = [
        f"{crossed(effect.term)} cannot be told from {listed([*map(crossed, effect.aliases)])}"
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


def _interactions(study: FactorialResults, measure: Measure) -> Section | None:
    factors = study.design.factors
    found = [(cell.levels, cell.measured) for cell in study.cells]
    runs = [(cell, measure.scale * value) for cell, value in found if value is not None]
    if len(factors) < 2 or not runs:
        return None
    sizes: dict[tuple[str, ...], float] = {}
    for effect in study.effects:
        names = tuple(part.partition("=")[0] for part in effect.term.split(":"))
        sizes[names] = max(sizes.get(names, 0.0), abs(effect.estimate or 0.0))
    pairs = list(itertools.combinations(factors, 2))
    chosen = sorted(pairs, key=lambda pair: -sizes.get((pair[0].term, pair[1].term), 0.0))[:PAIRS]
    drawings = [
        Drawing(
            plots.interaction(
                _crossing(one, other, runs), measure.mean, dots=len(runs) <= DOTS
            ).svg(),
            f"{one.name} × {other.name}",
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
    one: FactorLayout, other: FactorLayout, runs: Sequence[tuple[Mapping[str, Level], float]]
) -> plots.Crossing:
    values: dict[tuple[int, int], list[float]] = {}
    for cell, response in runs:
        values.setdefault((_place(one, cell), _place(other, cell)), []).append(response)
    words = ([level(v) for v in one.levels], [level(v) for v in other.levels])
    return plots.Crossing(one.name, other.name, words, values)


def _place(factor: FactorLayout, cell: Mapping[str, Level]) -> int:
    value = cell[factor.name]
    return next(n for n, known in enumerate(factor.levels) if same_level(known, value))


def _runs(found: Found, study: FactorialResults, out: Path, measure: Measure) -> Section:
    names = [factor.name for factor in study.design.factors]
    rows = [
        [
            Cell(str(place), place),
            *(Cell(level(cell.levels[name])) for name in names),
            Cell(str(cell.seed), cell.seed),
            _response(cell.measured, measure),
            link(found, cell, out),
        ]
        for place, cell in enumerate(study.cells, 1)
    ]
    columns = ["run", *names, "seed", measure.words, "folder"]
    words = (*range(1, len(names) + 1), len(columns) - 1)
    return runs_section(Table("Runs", columns, rows, words, quiet=True))
