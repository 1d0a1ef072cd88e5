"""What an analysis found, as sections of a page: effects, trends, variance, leave-one-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bionic_core.reports.drawing import effects as plots
from bionic_core.reports.pages.study import Measure
from bionic_core.reports.sections import Cell, Drawing, Points, Row, Section, Table
from bionic_core.reports.words import crossed, interval, level, listed, numeric, p_cell, p_words
from bionic_core.statistics.lenth import certain, certain_points, error_slope

Document = Mapping[str, Any]

ALL = 16
"""Up to so many terms, all are drawn; of more, those of one or two factors."""


def effects_section(
    document: Document, effects: Sequence[Document], measure: Measure
) -> Section | None:
    """Return the plot of effects, and how to read it."""
    known = [effect for effect in effects if effect["estimate"] is not None]
    if not known:
        return None
    shown = known
    if len(known) > ALL:
        shown = [effect for effect in known if effect["term"].count(":") < 2 or certain(effect)]
    lines = [
        plots.Interval(
            crossed(effect["term"]),
            effect["estimate"],
            effect["low"],
            effect["high"],
            certain(effect),
        )
        for effect in shown
    ]
    svg = plots.intervals(lines, measure.effect, "Effects with their 95 % intervals")
    caption = (
        "Each line is a 95 % interval, its dot the estimate; a filled blue dot is certain after "
        "correction for many tests, an empty grey one is not."
    )
    if document.get("lenth"):
        caption += " Intervals by Lenth's method, since no combination was repeated."
    elif (document.get("residual") or {}).get("robust"):
        caption += " Spreads disagree, so intervals allow for it (HC3)."
    if len(shown) < len(known):
        caption += f" {len(known) - len(shown)} terms of three factors or more: see the table."
    reading = [
        "A main effect is the mean with the factor on less the mean with it off, over all settings "
        "of the others.",
        "An interaction A × B is half of what A does with B on less what A does with B off: above "
        "zero, each does more with the other; at zero they act independently of each other.",
        "An interval that holds zero does not show that there is no effect: it says which effects "
        "remain possible.",
    ]
    drawing = Drawing(svg, "Effects, with 95 % intervals", caption)
    return Section("Effects", (), [Row([drawing, Points(reading, "Reading it")])])


def trend_section(trend: Document, measure: Measure) -> Section:
    """Return the dose-response of an ordered factor."""
    lines = [
        plots.Interval(level(mean["level"]), mean["estimate"], mean["low"], mean["high"])
        for mean in trend["means"]
    ]
    name = str(trend["factor"])
    svg = plots.dose(lines, [float(v) for v in trend["levels"]], (name, measure.mean))
    words = []
    for part in trend["components"]:
        sure = f"95 % interval {interval(part['low'], part['high'])}, {p_words(part['p'])}"
        words.append(
            f"{str(part['name']).capitalize()} component: {part['estimate']:+.4g}".replace("-", "−")
            + (f" ({sure})" if part["low"] is not None else "")
        )
    words.append("The linear one is the slope: the change for each 1 of the factor.")
    row = Row([Drawing(svg, "", "Lines are 95 % intervals."), Points(words, "Trend")])
    return Section(f"Dose and response: {name}", (), [row])


def half_normal_section(document: Document, measure: Measure) -> Section | None:
    """Return the half-normal plot, where effects are independent and equally certain."""
    points = document.get("half_normal")
    if not points:
        return None
    lenth = document.get("lenth") or {}
    limits = [
        (name, lenth[key])
        for key, name in (("margin", "margin"), ("simultaneous_margin", "margin of all together"))
        if lenth.get(key) is not None
    ]
    told = [(crossed(point["term"]), point["size"], point["quantile"]) for point in points]
    sure = certain_points(document)
    slope = error_slope(points, sure)
    svg = plots.half_normal(
        told,
        "absolute effect" + (f", {measure.unit}" if measure.unit else ""),
        slope,
        sure,
        limits,
    )
    reading = [
        "Absolute effects stand at the quantiles that equally many would have by chance alone "
        "(Daniel 1959).",
        "A filled dot is certain after correction for many tests, an empty one is not.",
    ]
    if slope is not None:
        reading.append(
            "Effects of chance lie on a line through the origin, the dashed one being fitted to "
            "those that are not certain. One that acts lies far to the right of it."
        )
    if limits:
        reading.append(
            "An effect beyond the margin stands out by itself; one beyond the margin of all "
            "together stands out even among so many (Lenth 1989)."
        )
    return Section("Half-normal plot", (), [Row([Drawing(svg), Points(reading, "Reading it")])])


def table_section(document: Document, effects: Sequence[Document], measure: Measure) -> Section:
    """Return the table of all effects."""
    aliased = any(effect["aliases"] for effect in effects)
    rows = []
    for effect in effects:
        low, high = effect["low"], effect["high"]
        row = [
            Cell(crossed(effect["term"])),
            numeric(effect["estimate"], signed=True),
            Cell(interval(low, high), low),
            p_cell(effect["p"]),
            p_cell(effect["p_adjusted"]),
        ]
        rows.append([*row, *([Cell(", ".join(map(crossed, effect["aliases"])))] * aliased)])
    columns = ["term", "effect", "95 % interval", "p", "p, corrected"]
    columns += ["confounded with"] if aliased else []
    title = f"Effects on {measure.words}" + (f", {measure.unit}" if measure.unit else "")
    note = "Corrected for all terms of this table (Holm). Bold: below 0.05."
    if document.get("lenth"):
        note += " Intervals and p by Lenth's method."
    words = (5,) if aliased else ()
    return Section("All effects", (), [Table(title, columns, rows, words, note=note)])


def anova_section(document: Document) -> Section | None:
    """Return the analysis of variance, where there is error to judge by."""
    lines = document.get("anova")
    if not lines or not any(line["p"] is not None for line in lines):
        return None
    rows = [
        [
            Cell(crossed(line["source"])),
            Cell(str(line["degrees"]), line["degrees"]),
            *(_figure(line[key]) for key in ("sum_of_squares", "mean_square", "f")),
            p_cell(line["p"]),
        ]
        for line in lines
    ]
    columns = ("source", "degrees of freedom", "sum of squares", "mean square", "F", "p")
    table = Table("Analysis of variance", columns, rows, quiet=True)
    text = (
        "Each source's share of the variation, after all others' (type III); F is its mean square "
        "over the residual's.",
    )
    return Section("Analysis of variance", text, [table])


def _figure(value: float | None) -> Cell:
    return Cell("–" if value is None else f"{value:,.4g}".replace("-", "−"), value)


def left_out_section(document: Document, measure: Measure) -> Section | None:
    """Return what leaving one factor out of everything on shows, from the same runs."""
    lines = document.get("leave_one_out")
    if not lines or not any(line["low"] is not None for line in lines):
        return None
    rows = []
    for line in lines:
        along = f" (with {listed(line['with'])})" if line["with"] else ""
        mark = " *" if line["predicted"] else ""
        rows.append(
            [
                Cell(f"{line['term']}{along}{mark}"),
                numeric(line["estimate"], signed=True),
                Cell(interval(line["low"], line["high"]), line["low"]),
                p_cell(line["p"]),
            ]
        )
    note = "Not corrected."
    if any(line["predicted"] for line in lines):
        note += " * not run: what the effects say, those that are confounded taken as nil."
    title = "Everything on, less without" + (f", {measure.unit}" if measure.unit else "")
    table = Table(title, ("factor", "difference", "95 % interval", "p"), rows, note=note)
    text = (
        "What a leave-one-out study would have seen in these runs: each factor taken out of "
        "everything on. It has two cells for each, where the effects above have all.",
    )
    return Section("Seen as leave-one-out", text, [table])
