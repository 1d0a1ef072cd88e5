"""A factorial study as sections: what a terminal shows, and its page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from bionic_core.reports import findings, words
from bionic_core.reports import study as shared
from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.measure import Measure, decimals
from bionic_core.reports.plans import MOST_CELLS, cut, design_lines
from bionic_core.reports.reading import said
from bionic_core.reports.results import Found
from bionic_core.reports.sections import Cell, Drawing, Facts, Page, Points, Row, Section, Table
from bionic_core.reports.terms import Terms
from bionic_core.reports.verdicts import decided
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
    lines = [*shared.conditions(study), *design_lines(study.design), *study.notes]
    return [
        Section("", (), [_combinations(study, terms), *([Points(legend)] if legend else [])]),
        *findings.in_terminal(study, terms, regular=bool(study.design.words)),
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
        row = [Cell(words.level(value)) for value in key] + [*map(measure.cell, values)]
        if len(values) > 1:
            known = [value for value in values if value is not None]
            mean = sum(known) / len(known) if known else None
            row.append(attrs.evolve(measure.cell(mean), strong=True))
        rows.append(row)
    columns = [terms.letters.get(f.term, f.name) for f in design.factors]
    columns += [f"seed {seed}" for seed in design.seeds]
    columns += ["mean"] if len(design.seeds) > 1 else []
    return Table(words.capital(measure.words), columns, rows, range(1, len(design.factors)))


def page_of_factorial(found: Found, study: FactorialResults, out: Path) -> Page:
    """Return the page of a study found there, whose links are from ``out``.

    Sections on what an analysis does not offer are left out.
    """
    measure, terms = Measure.of(study.response), Terms()
    factors = study.design.factors
    sections = [
        findings.effects_section(study),
        _design(study),
        _interactions(study, measure),
        *(findings.trend_section(study, trend, terms) for trend in study.trends),
        findings.half_normal_section(study),
        *findings.tables(study, terms),
        Section("Diagnostics", (), [Points(study.notes)]) if study.notes else None,
        shared.runs_section(found, study, out, measure.words, measure.cell),
    ]
    page = Page(
        title=f"{words.listed([factor.name for factor in factors])}: a factorial study",
        kicker="A factorial study",
        question=_question(study, measure),
        answer=[*_answer(study.judged, measure), *_decided(study)],
        sections=[section for section in sections if section is not None],
    )
    return shared.whole(found, study, page, {f.name: f.levels[-1] for f in factors})


def _question(study: FactorialResults, measure: Measure) -> str:
    names = [factor.term for factor in study.design.factors]
    change = f"{words.listed(names)} change the {measure.words} of {study.name}"
    if len(names) == 1:
        return f"Does {change}?"
    others = "the other" if len(names) == 2 else "others"
    return f"Do {change}, and does each act alone or together with {others}?"


def _answer(effects: Sequence[Effect], measure: Measure) -> list[str]:
    tested = [effect for effect in effects if effect.p_adjusted is not None]
    if not tested:
        return said("unjudged", estimates="effects")
    certain = [effect for effect in tested if effect.certain]
    sure = sorted(certain, key=lambda effect: -abs(effect.estimate or 0.0))
    lines = [_finding(effect, measure) for effect in sure[:4]]
    if sure[4:]:
        lines.append(f"{len(sure) - 4} further terms are certain; the table has them.")
    rest = [effect for effect in tested if not effect.certain]
    half = [(e.high - e.low) / 2 for e in rest if e.high is not None and e.low is not None]
    if half:
        other = "The other one is" if len(rest) == 1 else f"The other {len(rest)} are"
        which = f"{other} not certain" if sure else "No effect is certain"
        lines.append(
            f"{which} at the {100 * LEVEL:.0f} % level, corrected for {len(tested)} tests; with "
            f"intervals of about ±{measure.said(float(np.median(half)))}, smaller effects would go "
            "unseen."
        )
    return lines


def _decided(study: FactorialResults) -> list[str]:
    named = {words.crossed(effect.term): effect for effect in study.judged}
    return decided(named, study.margin, study.response.unit)


def _finding(effect: Effect, measure: Measure) -> str:
    estimate = effect.estimate or 0.0
    digits = decimals([estimate, effect.low, effect.high])
    between = words.interval(effect.low, effect.high, digits)
    sure = f"95 % interval {between}, {words.p_words(effect.p_adjusted)} after correction"
    if effect.order > 1:
        size = f"{words.number(estimate, digits, signed=True)} {measure.unit}".strip()
        return f"{words.crossed(effect.term)} act together: {size} ({sure})."
    verb = "raises" if estimate > 0 else "lowers"
    return f"{effect.term} {verb} {measure.words} by {measure.said(abs(estimate))} ({sure})."


def _design(study: FactorialResults) -> Section:
    design = study.design
    relation = f"I = {' = '.join(map(words.crossed, design.words))}" if design.words else ""
    pairs = [
        ("kind", design.kind or ("full factorial" if design.resolution is None else "fraction")),
        *((f.term, " / ".join(map(words.level, f.levels))) for f in design.factors),
        ("combinations", str(len(design.cells))),
        ("seeds (blocks)", ", ".join(map(str, design.seeds))),
        ("runs", str(design.runs)),
        ("resolution", "" if design.resolution is None else str(design.resolution)),
        ("defining relation", relation),
        ("folded over", ", ".join(design.folded)),
    ]
    out = [f"{words.levels(cell.levels)}: {cell.reason}" for cell in design.impossible]
    lost = [effect for effect in study.effects if effect.estimate is None and effect.aliases]
    aliases = [
        f"{words.crossed(effect.term)} cannot be told from "
        f"{words.listed([*map(words.crossed, effect.aliases)])}"
        for effect in lost[:LISTED]
    ]
    if lost[LISTED:]:
        aliases.append(f"and {len(lost) - LISTED} more; the table has them")
    lists = [
        Points(out, "Combinations that cannot exist, and were left out"),
        Points(aliases, "Terms that these runs cannot tell apart"),
    ]
    facts = Facts([(name, value) for name, value in pairs if value])
    return Section("Design", said("design"), [facts, *(points for points in lists if points.lines)])


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
    drawings = []
    for one, other in pairs:
        if (one, other) in chosen:
            crossing = _crossing(one, other, runs)
            plot = plots.interaction(crossing, measure.mean, dots=len(runs) <= DOTS)
            drawings.append(Drawing(plot.svg(), f"{one.name} × {other.name}"))
    some = f"{len(chosen)} largest of {len(pairs)}" if len(chosen) < len(pairs) else ""
    reading = said("interactions-reading", largest=some)
    if len(drawings) == 1:
        return Section("Interactions", (), [Row([*drawings, Points(reading, "Reading it")])])
    return Section("Interactions", (), [Points(reading), Row(drawings)])


def _crossing(
    one: FactorLayout, other: FactorLayout, runs: Sequence[tuple[Mapping[str, Level], float]]
) -> plots.Crossing:
    values: dict[tuple[int, int], list[float]] = {}
    for cell, response in runs:
        values.setdefault((_place(one, cell), _place(other, cell)), []).append(response)
    levels = ([*map(words.level, one.levels)], [*map(words.level, other.levels)])
    return plots.Crossing(one.name, other.name, levels, values)


def _place(factor: FactorLayout, cell: Mapping[str, Level]) -> int:
    value = cell[factor.name]
    return next(n for n, known in enumerate(factor.levels) if same_level(known, value))
