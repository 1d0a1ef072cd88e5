"""What an analysis found, as sections: effects, trends, variance, leave-one-out.

A page and a terminal show the same tables; a page has figures too, and room for every term.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bionic_core.reports import words
from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.measure import Measure, Terms, decimals
from bionic_core.reports.reading import explained, said
from bionic_core.reports.sections import Cell, Columns, Drawing, Points, Row, Section, Table
from bionic_core.statistics.designs import Factor
from bionic_core.statistics.effect import Effect
from bionic_core.statistics.findings import Component, Findings, LeftOut, LevelMean, Source, Trend
from bionic_core.statistics.lenth import LEVEL, error_slope
from bionic_core.statistics.told import ROUGH, SIGNED, P, Told, Value, told

if TYPE_CHECKING:
    from bionic_core.studies.results import AblationResults

MOST = 32
"""Of longer tables, a terminal shows what is of one or two factors or certain; --json has all."""


def in_terminal(findings: Findings, terms: Terms, *, regular: bool = False) -> list[Section]:
    """Return the sections of an analysis, for a terminal; the design may be a regular fraction."""
    trends = (trend_section(findings, trend, terms) for trend in findings.trends)
    return [*tables(findings, terms, regular=regular), *trends]


def tables(findings: Findings, terms: Terms, *, regular: bool = False) -> list[Section]:
    """Return the tables of an analysis; of a regular fraction, the relation tells lost terms."""
    found = [_effects(findings, terms, regular), *verdicts(findings), _anova(findings, terms)]
    found += [
        *map(_told, told(findings)),
        _over_seeds(findings, terms),
        _leave_one_out(findings, terms),
    ]
    return [section for section in found if section is not None]


def analysed(findings: Findings, factors: Sequence[Factor] = ()) -> list[Section]:
    """Return the analysis of a table by its factors, for a terminal."""
    notes = Section("", (), [Points(findings.notes)])
    return [*in_terminal(findings, Terms(page=False).of(factors)), notes]


def effects_section(findings: Findings, terms: Terms) -> Section | None:
    """Return the plot of effects, and how to read it."""
    known = [effect for effect in findings.effects if effect.estimate is not None]
    if not known:
        return None
    left = len(known) - len(plots.drawn_effects(findings))
    shown = findings.judged
    ends = [(e.low, e.high) for e in shown if e.low is not None and e.high is not None]
    told = {"lines": bool(ends), "sure": any(e.certain for e in shown)}
    told["unsure"] = any(e.p_adjusted is not None and not e.certain for e in shown)
    caption = said("effects-caption", lenth=findings.lenth, by=findings.by, left=left, **told)
    title = "Effects, with 95 % intervals" if ends else "Effects"
    drawing = Drawing(plots.effects(findings).svg(), title, " ".join(caption))
    pairs = any(effect.order > 1 for effect in known)
    zero = any(low <= 0 <= high for low, high in ends)
    read = {"main": terms.switches, "levels": _compared(terms), "interaction": pairs, "zero": zero}
    return explained("Effects", drawing, "effects-reading", **read)


def _compared(terms: Terms) -> str:
    """Say what the levels of each factor are compared with."""
    return words.listed([f"{level} of {factor}" for factor, level in terms.references.items()])


def half_normal_section(findings: Findings) -> Section | None:
    """Return the half-normal plot, where effects are independent and equally certain."""
    if not findings.half_normal:
        return None
    line = error_slope(findings.half_normal, findings.certain_points) is not None
    sure = findings.certain_points
    told = {"line": line, "margins": findings.margins, "sure": any(sure), "unsure": not all(sure)}
    drawing = Drawing(plots.half_normal(findings).svg())
    return explained("Half-normal plot", drawing, "half-normal-reading", **told)


def _estimates(name: str, shown: Sequence[Effect] | Sequence[LeftOut]) -> Columns[Any]:
    """Return the columns of what all of these are: an estimate, its interval and its p."""
    digits = decimals(n for one in shown for n in (one.estimate, one.low, one.high))
    columns: Columns[Any] = {name: lambda one: words.numeric(one.estimate, digits, signed=True)}
    if any(one.low is not None for one in shown):
        columns["95 % interval"] = lambda one: words.interval_cell(one.low, one.high, digits)
    if any(one.p is not None for one in shown):
        columns["p"] = lambda one: words.p_cell(one.p)
    return columns


def _effects(findings: Findings, terms: Terms, regular: bool) -> Section | None:
    """Return the table of effects; in a terminal, of many, those that a reader looks for.

    Those are not unsure ones of high order, nor those that a fraction has lost.
    """
    shown = list(findings.judged)
    if not shown:
        return None
    if not terms.page:
        few, known = len(shown) <= MOST, not regular
        shown = [effect for effect in shown if few or effect.order < 3 or effect.certain]
        shown = [effect for effect in shown if known or effect.estimate is not None]
    aliased = any(effect.aliases for effect in shown)
    tested = [effect for effect in shown if effect.p_adjusted is not None]
    names = terms.fitting([effect.term for effect in shown], aliased)
    columns: Columns[Effect] = {
        "term": lambda effect: names[effect.term],
        **_estimates("effect", shown),
    }
    if tested:
        columns["p (Holm)"] = lambda effect: words.p_cell(effect.p_adjusted)
    if aliased:
        columns["confounded with"] = lambda effect: terms.aliases(effect.aliases)
    note = said(
        "effects-note",
        levels=_compared(terms),
        holm=len(tested) > 1,
        bold=any(min(e.p or 1, e.p_adjusted or 1) < LEVEL for e in tested),
        by=findings.by,
        lenth=findings.lenth and findings.lenth.said,
        left=len(findings.effects) - len(shown),
    )
    measure = Measure.of(findings.response)
    title = measure.with_unit(f"Effects on {measure.words}")
    table = Table.of(
        title, columns, shown, words=(len(columns) - 1,) * aliased, note=" ".join(note)
    )
    return Section("All effects" if terms.page else "", (), [table])


def _told(found: Told) -> Section:
    """Return a table of plain values as a section."""
    columns = range(len(found.columns))
    digits = [decimals(_numbers(row[n] for row in found.rows)) for n in columns]
    rows = [[_cell(row[n], found.columns[n][1], digits[n]) for n in columns] for row in found.rows]
    names = [name for name, _ in found.columns]
    of_words = [n for n in columns if any(isinstance(row[n], str) for row in found.rows)]
    return Section(found.heading, found.text, [Table(found.title, names, rows, words=of_words)])


def _numbers(values: Iterable[Value]) -> Iterator[float]:
    for value in values:
        pair = value if isinstance(value, tuple) else (value,)
        yield from (float(one) for one in pair if isinstance(one, float))


def _cell(value: Value, how: str, digits: int) -> Cell:
    if value is None or isinstance(value, str | int):
        return Cell(words.NONE if value is None else str(value))
    if how == ROUGH:
        ends = value if isinstance(value, tuple) else (value,)
        return Cell(words.NONE if None in ends else " to ".join(map(words.rough, ends)), ends[0])
    if isinstance(value, tuple):
        return Cell(words.interval(*value, digits, signed=how == SIGNED), value[0])
    return words.p_cell(value) if how == P else words.numeric(value, digits, signed=how == SIGNED)


def _over_seeds(findings: Findings, terms: Terms) -> Section | None:
    """Return how far each effect differs between seeds, where the runs tell."""
    known = [e for e in findings.effects if e.seed_sd is not None and (terms.page or e.order < 3)]
    columns: Columns[Effect] = {
        "term": lambda effect: words.crossed(effect.term) if terms.page else effect.term,
        "SD over seeds": lambda effect: words.rough_cell(effect.seed_sd),
        "p": lambda effect: words.p_cell(effect.seed_p),
    }
    title = Measure.of(findings.response).with_unit("Effects from seed to seed")
    tables, heading = [Table.of(title, columns, known)], "Do effects differ between seeds?"
    by = {"seeds": findings.residual.by == "seeds", "pooled": findings.residual.by == "pooled"}
    return Section(heading, said("over-seeds", **by), tables) if known else None


def verdicts(found: Findings | AblationResults) -> list[Section]:
    """Return the table of verdicts against a margin; nothing where there is none."""
    known = {k: (one.verdict, one.image_half) for k, one in found.named.items() if one.verdict}
    images = any(half is not None for _, half in known.values())
    columns: Columns[Any] = {
        "term": lambda name: name,
        "90 % interval": lambda name: words.interval_cell(*known[name][0].interval),
        "alone": lambda name: known[name][0].alone,
        "all together": lambda name: known[name][0].corrected,
        **({"images add ±": lambda name: words.numeric(known[name][1])} if images else {}),
    }
    table = Table.of("Verdicts", columns, known, words=(2, 3), quiet=True)
    about = said("verdicts", found=found, images=images) if known else []
    return [Section("Larger than the margin, or within it?", about, [table])] * bool(known)


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
        "sum of squares": lambda line: words.rough_cell(line.sum_of_squares),
        "mean square": lambda line: words.rough_cell(line.mean_square),
        "F": lambda line: words.rough_cell(line.f),
        "on": lambda line: ", ".join(words.rough(n, 3) for n in line.judged_on),
        "p": lambda line: words.p_cell(line.p),
    }
    if not any(line.judged_on for line in lines):
        del columns["on"]
    title, methods = "Analysis of variance", {line.method: None for line in lines if line.f}
    ruled = [n for n, line in enumerate(lines) if line.source in ("residual", "total")]
    table = Table.of(title, columns, lines, ruled=ruled, quiet=True)
    method = "; ".join(methods) or "F against the residual"
    told = said("variance", method=method, on="on" in columns)
    return Section(title, told, [table])


def _leave_one_out(findings: Findings, terms: Terms) -> Section | None:
    """Return what leaving a factor out shows, where there is error and one is on or off."""
    lines = findings.leave_one_out
    if all(line.low is None for line in lines) or not terms.switches:
        return None
    along = {line.term: f" (with {words.listed(line.along)})" * bool(line.along) for line in lines}
    columns: Columns[LeftOut] = {
        "factor": lambda line: f"{line.term}{along[line.term]}{' *' * line.predicted}",
        **_estimates("difference", lines),
    }
    if findings.margin is not None:
        columns["verdict"] = lambda line: line.verdict.alone if line.verdict else words.NONE
    told = {"by": findings.by, "predicted": any(line.predicted for line in lines)}
    note = said("leave-one-out-note", **told)
    title = Measure.of(findings.response).with_unit("Everything on, less without")
    table = Table.of(title, columns, lines, words=(4,), note=" ".join(note))
    return Section("Seen as leave-one-out", said("leave-one-out"), [table])


def trend_section(findings: Findings, trend: Trend, terms: Terms) -> Section:
    """Return the dose-response of an ordered factor."""
    rows = [
        (words.level(m.level), words.rough_cell(m.estimate), Cell(_between(m, 4), m.low))
        for m in trend.means
    ]
    title = f"Mean {Measure.of(findings.response).mean} by {trend.factor}"
    table = Table(title, (trend.factor, "mean", "95 % interval"), rows)
    unit = findings.response.unit or "units"
    slope = f"The linear one is the slope: the change in {unit} for each 1 of {trend.factor}."
    told = Points([*map(_component, trend.components), slope], "Trend")
    heading = f"Dose and response: {trend.factor}"
    if not terms.page:
        return Section(heading, (), [table, told])
    plot = plots.dose(findings.response, trend).svg()
    drawing = Drawing(plot, caption="Lines are 95 % intervals.")
    return Section(heading, (), [Row([drawing, told]), table])


def _component(part: Component) -> str:
    sure = f" (95 % interval {_between(part, 3)}, {words.p_words(part.p)})"
    estimate = words.rough(part.estimate, signed=True)
    return f"{part.name.capitalize()} component: {estimate}{'' if part.low is None else sure}"


def _between(part: Component | LevelMean, digits: int) -> str:
    if part.low is None or part.high is None:
        return words.NONE
    return f"{words.rough(part.low, digits)} to {words.rough(part.high, digits)}"
