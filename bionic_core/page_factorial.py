"""The page of a factorial study: what acts, alone or together, and how sure that is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bionic_core import plots
from bionic_core.designs import same_level
from bionic_core.found import Found
from bionic_core.page import Block, Cell, Drawing, Facts, Page, Points, Row, Section, Table
from bionic_core.page_origin import origin
from bionic_core.page_study import (
    TEST_SELECTED,
    conditions,
    first_run,
    link,
    measured,
    missing,
    repeat,
)
from bionic_core.page_words import (
    LEVEL,
    crossed,
    interval,
    level,
    levels,
    listed,
    number,
    numeric,
    p_cell,
    p_words,
)

Document = Mapping[str, Any]

ALL = 16
"""Up to so many terms, all are drawn; of more, those of one or two factors."""

PAIRS = 15
"""So many interactions are drawn at most, the largest ones."""

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
    words, scale, unit = measured(document)
    factors = document["design"]["factors"]
    everything = {factor["name"]: factor["levels"][-1] for factor in factors}
    run = first_run(found, everything)
    command, note = repeat(found, run)
    sections = [
        _effects(document, words, unit),
        _design(document),
        _interactions(document, words, scale),
        _half_normal(document, words, unit),
        _table(document, unit),
        _anova(document),
        _cells(found, out, words, scale),
        _diagnostics(document, words),
        *origin(command, run, note),
    ]
    return Page(
        title=f"{listed([factor['name'] for factor in factors])}: a factorial study",
        kicker=f"A factorial study of {document['name']}, {document['design']['runs']} runs",
        question=_question(document, words),
        answer=[*_answer(document, words, unit), " ".join(conditions(document))],
        warnings=[
            *([TEST_SELECTED] if document.get("selected_on") == "test" else []),
            *missing(document),
        ],
        sections=[section for section in sections if section is not None],
    )


def _question(document: Document, words: str) -> str:
    names = [factor["term"] for factor in document["design"]["factors"]]
    if len(names) == 1:
        return f"Does {names[0]} change the {words} of {document['name']}?"
    together = "together with the other" if len(names) == 2 else "together with others"
    return (
        f"Do {listed(names)} change the {words} of {document['name']}, and does each act alone or "
        f"{together}?"
    )


def _estimated(document: Document) -> list[Document]:
    return [effect for effect in document["effects"] if effect["estimate"] is not None]


def _certain(effect: Document) -> bool:
    return effect.get("p_adjusted") is not None and effect["p_adjusted"] < LEVEL


def _answer(document: Document, words: str, unit: str) -> list[str]:
    effects = _estimated(document)
    judged = [effect for effect in effects if effect.get("p_adjusted") is not None]
    if not judged:
        return [
            "The runs leave nothing to judge chance by, so the effects below are estimates without "
            "intervals; more seeds would give them."
        ]
    sure = sorted(filter(_certain, judged), key=lambda effect: -abs(effect["estimate"]))
    lines = [_finding(effect, words, unit) for effect in sure[:4]]
    if sure[4:]:
        lines.append(f"{len(sure) - 4} further terms are certain; the table has them.")
    rest = [effect for effect in judged if not _certain(effect)]
    half = [(effect["high"] - effect["low"]) / 2 for effect in rest if effect["low"] is not None]
    if half:
        wide = f"±{number(float(np.median(half)))} {unit}".strip()
        which = "No effect is certain" if not sure else f"The other {len(rest)} are not certain"
        which = "The other one is not certain" if sure and len(rest) == 1 else which
        lines.append(
            f"{which} at the {100 * LEVEL:.0f} % level, corrected for {len(judged)} tests; with "
            f"intervals of about {wide}, smaller effects would go unseen."
        )
    return lines


def _finding(effect: Document, words: str, unit: str) -> str:
    estimate, term = effect["estimate"], effect["term"]
    size = f"{number(abs(estimate))} {unit}".strip()
    sure = (
        f"95 % interval {interval(effect['low'], effect['high'])}, "
        f"{p_words(effect['p_adjusted'])} after correction"
    )
    if ":" in term:
        return f"{crossed(term)} interact: {number(estimate, signed=True)} {unit} ({sure})."
    verb = "raises" if estimate > 0 else "lowers"
    return f"{term} {verb} {words} by {size} ({sure})."


def _effects(document: Document, words: str, unit: str) -> Section | None:
    effects = _estimated(document)
    if not effects:
        return None
    shown = effects
    if len(effects) > ALL:
        shown = [effect for effect in effects if effect["term"].count(":") < 2]
    lines = [
        plots.Interval(
            crossed(effect["term"]),
            effect["estimate"],
            effect["low"],
            effect["high"],
            _certain(effect),
        )
        for effect in shown
    ]
    axis = f"effect on {words}" + (f", {unit}" if unit else "")
    svg = plots.intervals(lines, axis, "Effects with their 95 % intervals")
    caption = (
        "Each line is a 95 % interval, its dot the estimate; a filled blue dot is certain after "
        "correction for many tests, an empty grey one is not."
    )
    if len(shown) < len(effects):
        caption += f" {len(effects) - len(shown)} terms of three factors or more: see the table."
    reading = [
        "A main effect is the mean with the factor on less the mean with it off, over all settings "
        "of the others.",
        "An interaction A × B is half of what A does with B on less what A does with B off: above "
        "zero, each does more with the other; at zero they act independently of each other.",
        "An interval that holds zero does not show that there is no effect: it says which effects "
        "remain possible.",
    ]
    row = Row(
        [Drawing(svg, "Effects, with 95 % intervals", caption), Points(reading, "Reading it")]
    )
    return Section("Effects", (), [row])


def _design(document: Document) -> Section:
    design = document["design"]
    seeds = ", ".join(map(str, design["seeds"]))
    cells = len(design.get("cells", ()))
    kind = design.get("kind") or (
        "full factorial" if design.get("resolution") is None else "fractional factorial"
    )
    pairs = [("kind", str(kind))]
    pairs += [
        (factor["term"], " / ".join(level(value) for value in factor["levels"]))
        for factor in design["factors"]
    ]
    pairs += [
        ("combinations", f"{cells}"),
        ("seeds (blocks)", seeds),
        ("runs", f"{design['runs']}"),
    ]
    if design.get("resolution") is not None:
        pairs.append(("resolution", str(design["resolution"])))
    blocks: list[Block] = [Facts(pairs)]
    if design.get("words"):
        blocks.append(Facts([("defining relation", "I = " + " = ".join(design["words"]))]))
    out = [f"{levels(cell['levels'])}: {cell['reason']}" for cell in design.get("impossible", ())]
    if out:
        blocks.append(Points(out, "Combinations that cannot exist, and were left out"))
    aliases = [
        f"{crossed(effect['term'])} cannot be told from "
        f"{listed(list(map(crossed, effect['aliases'])))}"
        for effect in document["effects"]
        if effect["estimate"] is None and effect["aliases"]
    ]
    if aliases:
        blocks.append(Points(aliases, "Terms that these runs cannot tell apart"))
    text = (
        "Every combination is trained once with each seed. A seed is a block: its runs share their "
        "initial weights and the order of images, so what it does to all of them cancels.",
    )
    return Section("Design", text, blocks)


def _responses(document: Document, scale: float) -> list[tuple[Document, float]]:
    """Return levels and response of each run that has one."""
    found = []
    for cell in document["cells"]:
        value = cell.get("response", cell.get("accuracy"))
        if value is not None:
            found.append((cell["levels"], scale * float(value)))
    return found


def _interactions(document: Document, words: str, scale: float) -> Section | None:
    factors = document["design"]["factors"]
    runs = _responses(document, scale)
    if len(factors) < 2 or not runs:
        return None
    sizes = {effect["term"]: abs(effect["estimate"]) for effect in _estimated(document)}

    def size(pair: tuple[Document, Document]) -> float:
        names = [pair[0]["term"], pair[1]["term"]]
        parts = [
            value
            for term, value in sizes.items()
            if [part.partition("=")[0] for part in term.split(":")] == names
        ]
        return max(parts, default=0.0)

    pairs = list(itertools.combinations(factors, 2))
    chosen = sorted(pairs, key=size, reverse=True)[:PAIRS]
    axis = f"{words}, %" if scale != 1 else words
    drawings = [
        Drawing(
            plots.interaction(_crossing(one, other, runs), axis, dots=len(runs) <= DOTS),
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
    return Section("Interactions", reading, [Row(drawings)])


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


def _half_normal(document: Document, words: str, unit: str) -> Section | None:
    effects = {effect["term"]: effect["estimate"] for effect in _estimated(document)}
    if len(effects) < 3:
        return None
    lenth = document.get("lenth") or {}
    limits = [
        (name, lenth[key])
        for key, name in (("margin", "margin of error"), ("simultaneous", "simultaneous margin"))
        if lenth.get(key) is not None
    ]
    axis = f"absolute effect on {words}" + (f", {unit}" if unit else "")
    svg = plots.half_normal({crossed(k): v for k, v in effects.items()}, axis, limits)
    reading = [
        "Absolute effects stand at the quantiles that equally many would have by chance alone "
        "(Daniel 1959).",
        "Effects of chance lie on a line through the origin; the dashed one goes through the "
        "median effect. One that acts lies far to the right of it.",
    ]
    row = Row([Drawing(svg), Points(reading, "Reading it")])
    return Section("Half-normal plot", (), [row])


def _table(document: Document, unit: str) -> Section:
    aliased = any(effect["aliases"] for effect in document["effects"])
    rows = []
    for effect in document["effects"]:
        low, high = effect["low"], effect["high"]
        row = [
            Cell(crossed(effect["term"])),
            numeric(effect["estimate"], signed=True),
            Cell(interval(low, high), low),
            p_cell(effect["p"]),
            p_cell(effect["p_adjusted"]),
        ]
        rows.append(
            [*row, *([Cell(", ".join(map(crossed, effect["aliases"])))] if aliased else [])]
        )
    columns = ["term", "effect", "95 % interval", "p", "p, corrected"]
    columns += ["confounded with"] if aliased else []
    note = "Corrected for all terms of this table (Holm). Bold: below 0.05."
    table = Table(
        f"All effects{f', {unit}' if unit else ''}",
        columns,
        rows,
        words=(5,) if aliased else (),
        note=note,
    )
    return Section("All effects", (), [table])


def _anova(document: Document) -> Section | None:
    lines = document.get("anova")
    if not lines:
        return None
    keys = [key for key in lines[0] if key not in ("source", "term")]
    names = {"df": "degrees of freedom", "sum_squares": "sum of squares", "f": "F"}
    names |= {"mean_square": "mean square", "p": "p", "degrees": "degrees of freedom"}
    rows = [
        [
            Cell(str(line.get("source", line.get("term", "")))),
            *(p_cell(line[key]) if key == "p" else _figure(line[key]) for key in keys),
        ]
        for line in lines
    ]
    columns = ["source", *(names.get(key, key.replace("_", " ")) for key in keys)]
    return Section("Analysis of variance", (), [Table("Analysis of variance", columns, rows)])


def _figure(value: Any) -> Cell:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(f"{value:,.4g}".replace("-", "−"), float(value))
    return Cell("–" if value is None else str(value))


def _cells(found: Found, out: Path, words: str, scale: float) -> Section:
    document = found.document
    names = [factor["name"] for factor in document["design"]["factors"]]
    unit = " %" if scale != 1 else ""
    rows: list[list[Cell]] = []
    for cell in document["cells"]:
        value = cell.get("response", cell.get("accuracy"))
        shown = "–" if value is None else f"{scale * value:.{2 if scale != 1 else 4}f}{unit}"
        row = [Cell(str(len(rows) + 1), len(rows) + 1)]
        row += [Cell(level(cell["levels"][name])) for name in names]
        rows.append([*row, Cell(str(cell["seed"]), cell["seed"]), Cell(shown, value)])
        rows[-1].append(link(found, cell, out))
    columns = ["run", *names, "seed", words, "folder"]
    words_at = (*range(1, len(names) + 1), len(columns) - 1)
    table = Table("Runs", columns, rows, words=words_at, quiet=True)
    return Section("Runs", ("Each folder has the run's spec, weights and predictions.",), [table])


def _diagnostics(document: Document, words: str) -> Section | None:
    notes = [str(note) for note in document["notes"]]
    found = document.get("diagnostics") or {}
    if isinstance(found, list):
        notes += [str(note) for note in found]
        found = {}
    points = found.get("residuals") or document.get("residuals")
    blocks: list[Block] = [Points(notes)] if notes else []
    if points:
        fitted, rest = [p["fitted"] for p in points], [p["residual"] for p in points]
        svg = plots.residuals(fitted, rest, words)
        blocks.append(Drawing(svg, "Residuals by fitted values"))
    return Section("Diagnostics", (), blocks) if blocks else None
