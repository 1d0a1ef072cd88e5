"""What an analysis found, as sections: effects, trends, variance, leave-one-out.

A page and a terminal show the same tables; a page has figures too, and room for every term.
"""

from __future__ import annotations

from collections.abc import Sequence

from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.measure import Measure, decimals
from bionic_core.reports.sections import Block, Cell, Drawing, Points, Row, Section, Table
from bionic_core.reports.terms import Terms
from bionic_core.reports.words import (
    crossed,
    interval,
    level,
    listed,
    number,
    p_cell,
    p_words,
    rough,
)
from bionic_core.statistics.effects import Effect
from bionic_core.statistics.findings import Component, Findings, Trend
from bionic_core.statistics.lenth import error_slope

MOST = 32
"""Of longer tables, a terminal shows what is of one or two factors or certain; --json has all."""


def in_terminal(findings: Findings, terms: Terms, *, regular: bool = False) -> list[Section]:
    """Return the tables of an analysis, for a terminal.

    Args:
        findings: what was found.
        terms: how they are named.
        regular: whether the design is a fraction, whose lost terms are told by its relation.
    """
    found = [
        table_section(findings, terms, regular=regular),
        anova_section(findings, terms),
        left_out_section(findings),
        *(trend_section(findings, trend, terms) for trend in findings.trends),
    ]
    return [section for section in found if section is not None]


def analysed(findings: Findings) -> list[Section]:
    """Return the analysis of a table, for a terminal."""
    notes = Section("", (), [Points(findings.notes)])
    return [*in_terminal(findings, Terms(page=False)), notes]


def effects_section(findings: Findings) -> Section | None:
    """Return the plot of effects, and how to read it."""
    known = [effect for effect in findings.effects if effect.estimate is not None]
    if not known:
        return None
    left = len(known) - len(plots.drawn_effects(findings))
    caption = (
        "Each line is a 95 % interval, its dot the estimate; a filled blue dot is certain after "
        "correction for many tests, an empty grey one is not."
    )
    if findings.lenth:
        caption += " Intervals by Lenth's method, since no combination was repeated."
    elif findings.residual.robust:
        caption += " Spreads disagree, so intervals allow for it (HC3)."
    if left:
        caption += f" {left} terms of three factors or more: see the table."
    reading = [
        "A main effect is the mean with the factor on less the mean with it off, over all settings "
        "of the others.",
        "An interaction A × B is half of what A does with B on less what A does with B off: above "
        "zero, each does more with the other; at zero they act independently of each other.",
        "An interval that holds zero does not show that there is no effect: it says which effects "
        "remain possible.",
    ]
    drawing = Drawing(plots.effects(findings).svg(), "Effects, with 95 % intervals", caption)
    return Section("Effects", (), [Row([drawing, Points(reading, "Reading it")])])


def half_normal_section(findings: Findings) -> Section | None:
    """Return the half-normal plot, where effects are independent and equally certain."""
    if not findings.half_normal:
        return None
    reading = [
        "Absolute effects stand at the quantiles that equally many would have by chance alone "
        "(Daniel 1959).",
        "A filled dot is certain after correction for many tests, an empty one is not.",
    ]
    if error_slope(findings.half_normal, findings.certain_points) is not None:
        reading.append(
            "Effects of chance lie on a line through the origin, the dashed one being fitted to "
            "those that are not certain. One that acts lies far to the right of it."
        )
    if plots.margins(findings):
        reading.append(
            "An effect beyond the margin stands out by itself; one beyond the margin of all "
            "together stands out even among so many (Lenth 1989)."
        )
    drawing = Drawing(plots.half_normal(findings).svg())
    return Section("Half-normal plot", (), [Row([drawing, Points(reading, "Reading it")])])


def table_section(findings: Findings, terms: Terms, *, regular: bool = False) -> Section:
    """Return the table of effects; in a terminal, of many, those that a reader looks for."""
    effects = findings.judged
    shown = effects if terms.page else _looked_for(effects, regular)
    aliased = any(effect.aliases for effect in shown)
    names = terms.fitting([effect.term for effect in shown], aliased)
    digits = decimals(n for e in shown for n in (e.estimate, e.low, e.high))
    rows = [
        [
            Cell(names[effect.term]),
            *_judged(effect.estimate, effect.low, effect.high, digits),
            p_cell(effect.p),
            p_cell(effect.p_adjusted),
            *([Cell(terms.aliases(effect.aliases))] * aliased),
        ]
        for effect in shown
    ]
    columns = ["term", "effect", "95 % interval", "p", "p (Holm)"]
    columns += ["confounded with"] if aliased else []
    measure = Measure.of(findings.response)
    title = measure.with_unit(f"Effects on {measure.words}")
    note = ["Corrected for all terms (Holm). Bold: below 0.05."]
    if findings.residual.robust:
        note.append("Spreads disagree, so intervals and p allow for it (HC3).")
    if findings.lenth is not None:
        note.append(f"Intervals and p by Lenth's method: {_lenth(findings)}.")
    if left := len(effects) - len(shown):
        note.append(f"{left} more terms, confounded or of three factors or more, are in --json.")
    table = Table(title, columns, rows, (5,) if aliased else (), note=" ".join(note))
    return Section("All effects" if terms.page else "", (), [table])


def _judged(
    estimate: float | None, low: float | None, high: float | None, digits: int
) -> tuple[Cell, Cell]:
    return (
        Cell(number(estimate, digits, signed=True), estimate),
        Cell(interval(low, high, digits), low),
    )


def _looked_for(effects: Sequence[Effect], regular: bool) -> Sequence[Effect]:
    """Leave out, of many terms, unsure ones of high order; of a fraction, those that are lost."""
    if len(effects) > MOST:
        effects = [effect for effect in effects if effect.order < 3 or effect.certain]
    return [e for e in effects if e.estimate is not None] if regular else effects


def _lenth(findings: Findings) -> str:
    margins = plots.margins(findings)
    if findings.lenth is None or not margins:
        return "most effects are nil, so there is nothing to judge by"
    one, together = (size for _, size in margins)
    return (
        f"pseudo standard error {rough(findings.lenth.pse, 3)}, margin ±{rough(one, 3)}, of all "
        f"together ±{rough(together, 3)}"
    )


def anova_section(findings: Findings, terms: Terms) -> Section | None:
    """Return the analysis of variance, where there is error to judge by.

    In a terminal, unsure terms of high order are left out where there are many.
    """
    lines = findings.anova
    if not any(line.p is not None for line in lines):
        return None
    if not terms.page and len(lines) > MOST:
        lines = tuple(r for r in lines if r.source.count(":") < 2 or (r.p or 1) < 0.05)
    rows = [
        [
            Cell(crossed(line.source) if terms.page else line.source),
            Cell(str(line.degrees), line.degrees),
            *(Cell(rough(n), n) for n in (line.sum_of_squares, line.mean_square, line.f)),
            p_cell(line.p),
        ]
        for line in lines
    ]
    ruled = [n for n, line in enumerate(lines) if line.source in ("residual", "total")]
    columns = ("source", "df", "sum of squares", "mean square", "F", "p")
    table = Table("Analysis of variance", columns, rows, ruled=ruled, quiet=True)
    text = (
        "Each source's share of the variation, after all others' (type III); F is its mean square "
        "over the residual's; df: degrees of freedom.",
    )
    return Section("Analysis of variance", text, [table])


def left_out_section(findings: Findings) -> Section | None:
    """Return what leaving one factor out of everything on shows, where there is error."""
    lines = findings.leave_one_out
    if not any(line.low is not None for line in lines):
        return None
    digits = decimals(n for line in lines for n in (line.estimate, line.low, line.high))
    rows = []
    for line in lines:
        along = f" (with {listed(line.along)})" if line.along else ""
        mark = " *" if line.predicted else ""
        numbers = _judged(line.estimate, line.low, line.high, digits)
        rows.append([Cell(f"{line.term}{along}{mark}"), *numbers, p_cell(line.p)])
    note = "Not corrected."
    if any(line.predicted for line in lines):
        note += " * not run: what the effects say, those that are confounded taken as nil."
    title = Measure.of(findings.response).with_unit("Everything on, less without")
    table = Table(title, ("factor", "difference", "95 % interval", "p"), rows, note=note)
    text = (
        "What a leave-one-out study would have seen in these runs: each factor taken out of "
        "everything on. It has two cells for each, where the effects above have all.",
    )
    return Section("Seen as leave-one-out", text, [table])


def trend_section(findings: Findings, trend: Trend, terms: Terms) -> Section:
    """Return the dose-response of an ordered factor."""
    measure = Measure.of(findings.response)
    rows = [
        [
            Cell(level(mean.level)),
            Cell(rough(mean.estimate), mean.estimate),
            Cell(_between(mean.low, mean.high, 4), mean.low),
        ]
        for mean in trend.means
    ]
    columns = (trend.factor, "mean", "95 % interval")
    table = Table(f"Mean {measure.mean} by {trend.factor}", columns, rows)
    lines = [_component(part) for part in trend.components]
    unit = findings.response.unit or "units"
    lines.append(f"The linear one is the slope: the change in {unit} for each 1 of {trend.factor}.")
    words = Points(lines, "Trend")
    blocks: list[Block] = [table, words]
    if terms.page:
        drawing = Drawing(
            plots.dose(findings.response, trend).svg(), "", "Lines are 95 % intervals."
        )
        blocks = [Row([drawing, words]), table]
    return Section(f"Dose and response: {trend.factor}", (), blocks)


def _component(part: Component) -> str:
    words = f"{part.name.capitalize()} component: {rough(part.estimate, signed=True)}"
    if part.low is None:
        return words
    return f"{words} (95 % interval {_between(part.low, part.high, 3)}, {p_words(part.p)})"


def _between(low: float | None, high: float | None, digits: int) -> str:
    if low is None or high is None:
        return "–"
    return f"{rough(low, digits)} to {rough(high, digits)}"
