"""A factorial study as sections: what a terminal shows, and its page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from bionic_core.reports import findings, words
from bionic_core.reports import study as shared
from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.measure import Measure, Terms, decimals, references
from bionic_core.reports.plans import MOST_CELLS, cut, design_lines, looks
from bionic_core.reports.reading import explained, said
from bionic_core.reports.sections import Drawing, Page, Points, Row, Section, Table, cells
from bionic_core.statistics.designs import FactorLayout, Level
from bionic_core.statistics.draws import shown
from bionic_core.statistics.effect import Effect
from bionic_core.statistics.lenth import LEVEL
from bionic_core.studies.found import Found
from bionic_core.studies.results import FactorialResults

PAIRS, LISTED, DOTS = 15, 12, 200
"""At most so many interactions are drawn, terms that are not told apart listed, runs as dots."""


def studied(study: FactorialResults) -> list[Section]:
    """Return an experiment for a terminal: its cells, then its effects with their intervals."""
    terms = Terms.in_terminal(study.design)
    legend = [*terms.legend, *cut(study.design)]
    listed = [Points(legend)] if legend else []
    lines = [*shared.conditions(study), *design_lines(study.design), *study.notes]
    return [
        Section("", shared.caveats(study), [_combinations(study, terms), *listed]),
        *findings.in_terminal(study, terms, regular=bool(study.design.words)),
        *looks(study.until),
        Section("", (), [Points(lines)]),
    ]


def _combinations(study: FactorialResults, terms: Terms) -> Table:
    design, measure = study.design, Measure.of(study.response)
    found: dict[tuple[Level, ...], dict[int, list[float]]] = {}
    for run in study.cells:
        levels = shown(run.levels, design.draws)
        of_seed = found.setdefault(levels, {}).setdefault(run.seed, [])
        of_seed += [] if run.measured is None else [run.measured]
    own = design.draws is not None and design.draws.nested
    seeds = () if own else design.seeds  # nested draws have seeds of their own
    rows, several = [], len(design.seeds) > 1
    for key, of in list(found.items())[:MOST_CELLS]:
        values = [_mean(of.get(seed, [])) for seed in seeds]
        mean = measure.cell(_mean([one for each in of.values() for one in each]))
        row = cells((*map(words.level, key), *map(measure.cell, values)))
        rows.append((*row, attrs.evolve(mean, strong=True)) if several else row)
    columns = [terms.letters.get(f.term, f.name) for f in design.factors]
    columns += [*(f"seed {seed}" for seed in seeds), *(["mean"] if several else [])]
    return Table(words.capital(measure.words), columns, rows, range(1, len(design.factors)))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def page_of_factorial(found: Found, study: FactorialResults, out: Path) -> Page:
    """Return the page of a study found there, whose links are from ``out``.

    Sections on what an analysis does not offer are left out.
    """
    measure, terms = Measure.of(study.response), Terms.on_a_page(study.design)
    factors = study.design.factors
    sections = [
        findings.effects_section(study, terms),
        _design(study),
        _interactions(study, measure) or _by_level(study, measure),
        *(findings.trend_section(study, trend, terms) for trend in study.trends),
        findings.half_normal_section(study),
        *findings.tables(study, terms),
        Section("Diagnostics", (), [Points(study.notes)]) if study.notes else None,
        *looks(study.until),
        shared.runs_section(found, study, out, measure.words, measure.cell),
    ]
    page = Page(
        title=f"{words.listed([factor.name for factor in factors])}: a factorial study",
        kicker="A factorial study",
        question=question(study, measure),
        answer=[*shared.caveats(study), *answer(study, measure), *study.decided],
        sections=[section for section in sections if section is not None],
    )
    return shared.whole(found, study, page, {f.name: f.levels[-1] for f in factors})


def question(study: FactorialResults, measure: Measure) -> str:
    """Return what a study asks."""
    names = [factor.term for factor in study.design.factors]
    change = f"{words.listed(names)} change the {measure.words} of {study.name}"
    if len(names) == 1:
        return f"Does {change}?"
    others = "the other" if len(names) == 2 else "others"
    return f"Do {change}, and does each act alone or together with {others}?"


def answer(study: FactorialResults, measure: Measure) -> list[str]:
    """Return what its effects answer, a sentence each."""
    tested = [effect for effect in study.judged if effect.p_adjusted is not None]
    against = references(study.design.factors)
    if not tested:
        return said("unjudged", estimates="effects")
    certain = [effect for effect in tested if effect.certain]
    sure = sorted(certain, key=lambda effect: -abs(effect.estimate or 0.0))
    rest = [effect for effect in tested if not effect.certain]
    half = [(e.high - e.low) / 2 for e in rest if e.high is not None and e.low is not None]
    other = "The other one is" if len(rest) == 1 else f"The other {len(rest)} are"
    others = said(
        "other-effects",
        further=len(sure[4:]),
        uncertain=half and measure.ranged(half),
        which=f"{other} not certain" if sure else "No effect is certain",
        level=100 * LEVEL,
        tests=len(tested),
    )
    return [*(_finding(effect, measure, against) for effect in sure[:4]), *others]


def _finding(effect: Effect, measure: Measure, against: Mapping[str, str]) -> str:
    estimate = effect.estimate or 0.0
    digits = decimals([estimate, effect.low, effect.high])
    between = words.interval(effect.low, effect.high, digits)
    sure = f"95 % interval {between}, {words.p_words(effect.p_adjusted)} after correction"
    if effect.order > 1:
        size = f"{words.number(estimate, digits, signed=True)} {measure.unit}".strip()
        return f"{words.crossed(effect.term)} act together: {size} ({sure})."
    verb = "raises" if estimate > 0 else "lowers"
    factor, _, level = effect.term.partition("=")
    whose = f"{factor} {level or 'at its second level'} instead of {against.get(factor)}"
    whose = whose if factor in against else effect.term
    return f"{whose} {verb} {measure.words} by {measure.ranged([abs(estimate)])} ({sure})."


def _design(study: FactorialResults) -> Section:
    design, crossed = study.design, words.crossed
    first = {
        "kind": design.kind or ("full factorial" if design.resolution is None else "fraction"),
        **{f.term: _levels(f) for f in design.factors},
        "combinations": str(len(design.cells)),
    }
    then = {
        "resolution": "" if design.resolution is None else str(design.resolution),
        "defining relation": f"I = {' = '.join(map(crossed, design.words))}" * bool(design.words),
        "folded over": ", ".join(design.folded),
    }
    out = [f"{words.levels(cell.levels)}: {cell.reason}" for cell in design.impossible]
    lost = [effect for effect in study.effects if effect.estimate is None and effect.aliases]
    aliases = [
        f"{crossed(e.term)} cannot be told from {words.listed([*map(crossed, e.aliases)])}"
        for e in lost[:LISTED]
    ]
    if lost[LISTED:]:
        aliases.append(f"and {len(lost) - LISTED} more; the table has them")
    lists = [
        Points(out, "Combinations that cannot exist, and were left out"),
        Points(aliases, "Terms that these runs cannot tell apart"),
    ]
    facts = shared.design_facts(study, first, then)
    nested = design.draws is not None and design.draws.nested
    blocks = said("design", blocks=len(design.seeds) > 1 and not nested)
    return Section("Design", blocks, [facts, *(points for points in lists if points.lines)])


def _levels(factor: FactorLayout) -> str:
    """Return a factor's levels, the one that others are compared with named as such."""
    first, *others = map(words.level, factor.levels)
    switch = factor.levels == (False, True)
    return " / ".join([first if switch else f"{first} (reference)", *others])


def _by_level(study: FactorialResults, measure: Measure) -> Section | None:
    """Return the runs of a study of one factor, by its levels."""
    if len(study.design.factors) > 1 or study.trends:
        return None
    (factor,) = study.design.factors
    found = study.at_pairs(factor, factor)
    runs = [(words.level(level), found.get((n, n), [])) for n, level in enumerate(factor.levels)]
    drawing = Drawing(plots.levels(factor.name, runs, measure.mean).svg(), f"Runs by {factor.name}")
    return explained(f"Runs by {factor.name}", drawing, "runs-reading")


def _interactions(study: FactorialResults, measure: Measure) -> Section | None:
    runs = sum(cell.measured is not None for cell in study.cells)
    pairs = list(itertools.combinations(study.design.factors, 2))
    if not pairs or not runs:
        return None
    sizes: dict[tuple[str, ...], float] = {}
    for effect in study.effects:
        names = tuple(part.partition("=")[0] for part in effect.term.split(":"))
        sizes[names] = max(sizes.get(names, 0.0), abs(effect.estimate or 0.0))
    chosen = sorted(pairs, key=lambda pair: -sizes.get((pair[0].term, pair[1].term), 0.0))[:PAIRS]
    drawings = []
    for one, other in filter(chosen.__contains__, pairs):
        plot = plots.interaction(crossing(study, one, other), measure.mean, dots=runs <= DOTS)
        drawings.append(Drawing(plot.svg(), f"{one.name} × {other.name}"))
    some = f"{len(chosen)} largest of {len(pairs)}" if len(chosen) < len(pairs) else ""
    seen = any(effect.low is not None for effect in study.judged)
    reading = said("interactions-reading", largest=some, runs=runs <= DOTS, intervals=seen)
    if len(drawings) == 1:
        return Section("Interactions", (), [Row([*drawings, Points(reading, "Reading it")])])
    return Section("Interactions", (), [Points(reading), Row(drawings)])


def crossing(study: FactorialResults, one: FactorLayout, other: FactorLayout) -> plots.Crossing:
    """Return two factors' levels, and the responses at each pair of them in the effects' units."""
    levels = ([*map(words.level, one.levels)], [*map(words.level, other.levels)])
    return plots.Crossing(one.name, other.name, levels, study.at_pairs(one, other))
