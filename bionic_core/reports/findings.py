"""What an analysis found, as sections: effects, trends, variance, leave-one-out.

A page and a terminal show the same tables; a page has figures too, and room for every term.
"""

from __future__ import annotations

from collections.abc import Sequence

from bionic_core.reports import words
from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.measure import Measure, decimals
from bionic_core.reports.reading import explained, said
from bionic_core.reports.sections import Cell, Columns, Drawing, Points, Row, Section, Table
from bionic_core.reports.terms import Terms
from bionic_core.reports.verdicts import verdicts
from bionic_core.statistics.effects import Effect
from bionic_core.statistics.findings import Component, Findings, LeftOut, Source, Trend
from bionic_core.statistics.lenth import error_slope

MOST = 32
"""Of longer tables, a terminal shows what is of one or two factors or certain; --json has all."""


def in_terminal(findings: Findings, terms: Terms, *, regular: bool = False) -> list[Section]:
    """Return the sections of an analysis, for a terminal; arguments as :func:`tables`'."""
    trends = (trend_section(findings, trend, terms) for trend in findings.trends)
    return [*tables(findings, terms, regular=regular), *trends]


def tables(findings: Findings, terms: Terms, *, regular: bool = False) -> list[Section]:
    """Return the tables of an analysis: effects, and where there is error to judge by, more.

    Args:
        findings: what was found.
        terms: how they are named.
        regular: whether the design is a fraction, whose lost terms are told by its relation.
    """
    found = [_effects(findings, terms, regular)]
    found += [_anova(findings, terms), _over_seeds(findings, terms), _leave_one_out(findings)]
    named = {words.crossed(e.term) if terms.page else e.term: e for e in findings.judged}
    found[1:1] = verdicts(named, findings.margin, findings.response.unit)
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
    caption = said(
        "effects-caption",
        lenth=findings.lenth,
        by="" if findings.lenth else findings.by,
        left=len(known) - len(plots.drawn_effects(findings)),
    )
    title = "Effects, with 95 % intervals"
    drawing = Drawing(plots.effects(findings).svg(), title, " ".join(caption))
    return explained("Effects", drawing, "effects-reading")


def half_normal_section(findings: Findings) -> Section | None:
    """Return the half-normal plot, where effects are independent and equally certain."""
    if not findings.half_normal:
        return None
    line = error_slope(findings.half_normal, findings.certain_points) is not None
    told = {"line": line, "margins": plots.margins(findings)}
    drawing = Drawing(plots.half_normal(findings).svg())
    return explained("Half-normal plot", drawing, "half-normal-reading", **told)


def _effects(findings: Findings, terms: Terms, regular: bool) -> Section:
    """Return the table of effects; in a terminal, of many, those that a reader looks for."""
    effects = findings.judged
    shown = effects if terms.page else _looked_for(effects, regular)
    aliased = any(effect.aliases for effect in shown)
    names = terms.fitting([effect.term for effect in shown], aliased)
    digits = decimals(n for e in shown for n in (e.estimate, e.low, e.high))
    columns: Columns[Effect] = {
        "term": lambda effect: names[effect.term],
        "effect": lambda effect: words.numeric(effect.estimate, digits, signed=True),
        "95 % interval": lambda effect: words.interval_cell(effect.low, effect.high, digits),
        "p": lambda effect: words.p_cell(effect.p),
        "p (Holm)": lambda effect: words.p_cell(effect.p_adjusted),
    }
    if aliased:
        columns["confounded with"] = lambda effect: terms.aliases(effect.aliases)
    note = said(
        "effects-note",
        by="" if findings.lenth else findings.by,
        lenth=findings.lenth and _lenth(findings),
        left=len(effects) - len(shown),
    )
    measure = Measure.of(findings.response)
    title = measure.with_unit(f"Effects on {measure.words}")
    table = Table.of(title, columns, shown, words=(5,), note=" ".join(note))
    return Section("All effects" if terms.page else "", (), [table])


def _over_seeds(findings: Findings, terms: Terms) -> Section | None:
    """Return how far each effect differs between seeds, where the runs tell."""
    known = [effect for effect in findings.effects if effect.seed_sd is not None]
    if not known:
        return None
    columns: Columns[Effect] = {
        "term": lambda effect: terms.fitting([effect.term], aliased=False)[effect.term],
        "SD over seeds": lambda effect: _rough(effect.seed_sd),
        "p": lambda effect: words.p_cell(effect.seed_p),
    }
    title = Measure.of(findings.response).with_unit("Effects from seed to seed")
    shown = known if terms.page else _looked_for(known, regular=False)
    return Section(
        "Do effects differ between seeds?", said("over-seeds"), [Table.of(title, columns, shown)]
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
    pse, one, together = (
        words.rough(size, 3) for size in (findings.lenth.pse, *(size for _, size in margins))
    )
    return f"pseudo standard error {pse}, margin ±{one}, of all together ±{together}"


def _anova(findings: Findings, terms: Terms) -> Section | None:
    """Leave out, in a terminal, unsure terms of high order where there are many."""
    lines = findings.anova
    if all(line.p is None for line in lines):
        return None
    if not terms.page and len(lines) > MOST:
        lines = tuple(r for r in lines if r.source.count(":") < 2 or (r.p or 1) < 0.05)
    columns: Columns[Source] = {
        "source": lambda line: words.crossed(line.source) if terms.page else line.source,
        "df": lambda line: Cell(str(line.degrees), line.degrees),
        "sum of squares": lambda line: _rough(line.sum_of_squares),
        "mean square": lambda line: _rough(line.mean_square),
        "F": lambda line: _rough(line.f),
        "on": lambda line: ", ".join(words.rough(n, 3) for n in line.judged_on),
        "p": lambda line: words.p_cell(line.p),
    }
    if all(line.numerator is None for line in lines):
        del columns["on"]
    title, methods = "Analysis of variance", {line.method: None for line in lines if line.f}
    ruled = [n for n, line in enumerate(lines) if line.source in ("residual", "total")]
    table = Table.of(title, columns, lines, ruled=ruled, quiet=True)
    by = "; ".join(methods) or "F against the residual"
    return Section(title, said("variance", method=by), [table])


def _rough(value: float | None) -> Cell:
    return Cell(words.rough(value), value)


def _leave_one_out(findings: Findings) -> Section | None:
    """Return what leaving one factor out of everything on shows, where there is error."""
    lines = findings.leave_one_out
    if all(line.low is None for line in lines):
        return None
    digits = decimals(n for line in lines for n in (line.estimate, line.low, line.high))
    columns: Columns[LeftOut] = {
        "factor": _left_out,
        "difference": lambda line: words.numeric(line.estimate, digits, signed=True),
        "95 % interval": lambda line: words.interval_cell(line.low, line.high, digits),
        "p": lambda line: words.p_cell(line.p),
    }
    told = {"by": findings.by, "predicted": any(line.predicted for line in lines)}
    note = said("leave-one-out-note", **told)
    title = Measure.of(findings.response).with_unit("Everything on, less without")
    table = Table.of(title, columns, lines, note=" ".join(note))
    return Section("Seen as leave-one-out", said("leave-one-out"), [table])


def _left_out(line: LeftOut) -> str:
    along = f" (with {words.listed(line.along)})" if line.along else ""
    return f"{line.term}{along}{' *' if line.predicted else ''}"


def trend_section(findings: Findings, trend: Trend, terms: Terms) -> Section:
    """Return the dose-response of an ordered factor."""
    rows = [
        (words.level(m.level), _rough(m.estimate), Cell(_between(m.low, m.high, 4), m.low))
        for m in trend.means
    ]
    title = f"Mean {Measure.of(findings.response).mean} by {trend.factor}"
    table = Table(title, (trend.factor, "mean", "95 % interval"), rows)
    lines = [_component(part) for part in trend.components]
    unit = findings.response.unit or "units"
    lines.append(f"The linear one is the slope: the change in {unit} for each 1 of {trend.factor}.")
    told = Points(lines, "Trend")
    heading = f"Dose and response: {trend.factor}"
    if not terms.page:
        return Section(heading, (), [table, told])
    plot = plots.dose(findings.response, trend).svg()
    drawing = Drawing(plot, caption="Lines are 95 % intervals.")
    return Section(heading, (), [Row([drawing, told]), table])


def _component(part: Component) -> str:
    text = f"{part.name.capitalize()} component: {words.rough(part.estimate, signed=True)}"
    if part.low is None:
        return text
    between = _between(part.low, part.high, 3)
    return f"{text} (95 % interval {between}, {words.p_words(part.p)})"


def _between(low: float | None, high: float | None, digits: int) -> str:
    if low is None or high is None:
        return words.NONE
    return f"{words.rough(low, digits)} to {words.rough(high, digits)}"
