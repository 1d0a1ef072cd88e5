"""Studies for the eye: plans, results and analyses of tables, in 80 columns."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bionic_core.statistics.designs import ROMAN, in_words, word
from bionic_core.statistics.lenth import certain

Document = Mapping[str, Any]

WIDE = 44
"""Factors whose names take more characters than this side by side are shown by letters."""

MOST_CELLS, MOST_TERMS = 64, 16
"""Longer tables are cut, or told in groups; ``--json`` has all of them."""

LONG = 14
"""Interactions with longer names are shown by letters where a column of aliases takes the room."""

ORDERS = {1: "main effects", 2: "pairs", 3: "triples"}


def planned(document: Document) -> RenderableType:
    """Show a plan: the cells, what they will be able to see, what is done, how long it takes."""
    design = document["design"]
    letters = _letters(design)
    shown: list[RenderableType] = [Text(f"{_about(design)} over {document['name']}", "bold")]
    table = Table()
    table.add_column("cell", justify="right")
    for factor in design["factors"]:
        table.add_column(letters.get(factor["term"], factor["term"]))
    for number, cell in enumerate(design["cells"][:MOST_CELLS], 1):
        _row(table, str(number), *(word(level) for level in cell.values()))
    shown.append(table)
    lines = _legend(letters)
    if len(design["cells"]) > MOST_CELLS:
        lines.append(f"… and {len(design['cells']) - MOST_CELLS} more cells (--json has all)")
    seeds = ", ".join(str(seed) for seed in design["seeds"])
    runs = f"{design['runs']} runs: {len(design['cells'])} cells × seeds {seeds}"
    if document["done"] is not None:
        runs += f"; {document['done']} of them are done already"
    lines += [runs, *_design_lines(design)]
    shown += [Text("\n".join(lines)), _sights(document, letters)]
    shown.append(Text("\n".join(_plan_lines(document))))
    return Group(*shown)


def _about(design: Document) -> str:
    words = str(design["kind"])
    words = words[0].upper() + words[1:]
    if design["resolution"] is None:
        return words
    return f"{words} of resolution {ROMAN.get(design['resolution'], design['resolution'])}"


def _design_lines(design: Document) -> Iterator[str]:
    if design.get("words"):
        words = design["words"]
        more = f" and {len(words) - 6} more" if len(words) > 6 else ""
        yield f"defining relation: I = {' = '.join(words[:6])}{more}"
    if design.get("folded"):
        yield f"folded over: {', '.join(design['folded'])} reversed in the second part"
    impossible = design.get("impossible", [])
    for cell in impossible[:8]:
        yield f"left out: {in_words(cell['levels'])}: {cell['reason']}"
    if len(impossible) > 8:
        yield f"… and {len(impossible) - 8} more combinations that cannot exist (--json has all)"


def _sights(document: Document, letters: Mapping[str, str]) -> Table:
    """Show half-widths and detectable effects, of each term or of each group of equals."""
    unit = _unit(document)
    table = Table(title=f"What it can see{unit}", title_justify="left")
    table.add_column("effect", overflow="fold")
    for name in ("95 % interval", "smallest found", "after Holm"):
        table.add_column(name, justify="right", no_wrap=True)
    effects = document["effects"]
    aliased = any(effect["aliases"] for effect in effects)
    single = len(effects) <= MOST_TERMS
    if aliased:
        table.add_column("confounded with", overflow="fold")
    groups: dict[tuple[Any, ...], list[Document]] = {}
    for effect in effects:
        numbers = [effect[key] for key in ("half_width", "detectable", "detectable_adjusted")]
        rounded = tuple(None if n is None else round(n, 6) for n in numbers)
        groups.setdefault((effect["term"] if single else effect["order"], *rounded), []).append(
            effect
        )
    names = _fitting([effect["term"] for effect in effects], letters, aliased)
    for members in groups.values():
        first = members[0]
        name = names[first["term"]]
        if not single:
            kind = ORDERS.get(first["order"], f"interactions of {first['order']}")
            name = f"{len(members)} {kind}" if len(members) > 1 else first["term"]
        row = [name, _width(first["half_width"]), *map(_number, _found(first))]
        others = _few(first["aliases"], letters) if len(members) == 1 else "see --json"
        _row(table, *row, *([others] if aliased else []))
    return table


def _found(effect: Document) -> tuple[float | None, float | None]:
    return effect["detectable"], effect["detectable_adjusted"]


def _plan_lines(document: Document) -> Iterator[str]:
    design, sd = document["design"], document["sd"]
    yield (
        f"smallest found: the true effect that is found with {document['power']:.0%} power at 5 %, "
        "and the same if corrected for all effects (Holm's first step)"
    )
    if sd["value"] is not None:
        yield f"SD of a run {sd['value']:.2f}, {sd['source']}"
    other = document["leave_one_out"]
    compared = f"leave-one-out with as many runs ({other['variants']} variants × {other['seeds']} "
    compared += "seeds)" if other["seeds"] != 1 else "seed)"
    if other["half_width"] is None:
        yield f"{compared} would give no interval at all"
    else:
        yield (
            f"{compared}: ±{other['half_width']:.2f}, smallest found {other['detectable']:.2f}, "
            f"after Holm {other['detectable_adjusted']:.2f}, and no interactions"
        )
    if document["lost"] and not design["words"]:
        names = [f"{t['term']} (not told from {_few(t['aliases'], {})})" for t in document["lost"]]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        yield f"cannot be estimated: {'; '.join(names[:8])}{more}"
    if document["selected_on"] == "test":
        yield "test-selected: the test images will choose each run's epoch"
    yield from document["notes"]


def studied(document: Document) -> RenderableType:
    """Show an experiment: its cells, then its effects with their intervals."""
    letters = _letters(document["design"])
    cells = _cells(document, letters)
    lines = [f"data: {document['data']}"] if document.get("data") else []
    if document.get("connectome"):
        lines.append(f"connectome: {document['connectome']}")
    if document.get("selected_on") == "test":
        lines.append("test-selected: the test images chose each run's epoch")
    lines += _design_lines(document["design"])
    lines += document["notes"]
    legend = [Text(line) for line in _legend(letters)]
    if len(document["design"]["cells"]) > MOST_CELLS:
        left = len(document["design"]["cells"]) - MOST_CELLS
        legend.append(Text(f"… and {left} more cells (--json has all)"))
    return Group(cells, *legend, *_tables(document, letters), Text("\n".join(lines)))


def analysed(document: Document) -> RenderableType:
    """Show the analysis of a table."""
    return Group(*_tables(document, {}), Text("\n".join(document["notes"])))


def _tables(document: Document, letters: Mapping[str, str]) -> list[RenderableType]:
    shown: list[RenderableType] = list(_effects(document, letters))
    if document["residual"]["sd"]:
        shown += [_anova(document), *_left_out(document)]
    for trend in document["trends"]:
        shown += _trend(document, trend)
    return shown


def _cells(document: Document, letters: Mapping[str, str]) -> Table:
    response = document["response"]["name"]
    plain = response == "test.accuracy"
    table = Table(title="Test accuracy" if plain else response, title_justify="left")
    names = [factor["name"] for factor in document["design"]["factors"]]
    for factor in document["design"]["factors"]:
        table.add_column(letters.get(factor["term"], factor["name"]))
    seeds = document["design"]["seeds"]
    for seed in seeds:
        table.add_column(f"seed {seed}", justify="right")
    if len(seeds) > 1:
        table.add_column("mean", justify="right", style="bold")
    rows: dict[tuple[Any, ...], dict[int, float | None]] = {}
    for cell in document["cells"]:
        key = tuple(cell["levels"][name] for name in names)
        value = cell["accuracy"] if plain else cell["response"]
        rows.setdefault(key, {})[cell["seed"]] = value
    percent = document["response"]["unit"] == "percentage points"
    for key, found in list(rows.items())[:MOST_CELLS]:
        known = [value for value in found.values() if value is not None]
        values = [_value(found.get(seed), percent) for seed in seeds]
        if len(seeds) > 1:
            values.append(_value(sum(known) / len(known) if known else None, percent))
        _row(table, *(word(level) for level in key), *values)
    return table


def _effects(document: Document, letters: Mapping[str, str]) -> Iterator[RenderableType]:
    """Show effects; of many, those of up to two factors and those that stand out."""
    judged = {e["term"]: e for e in (document["lenth"] or {}).get("effects", [])}
    title = f"Effects{_unit(document)}"
    title += " (intervals and p by Lenth's method)" if judged else ""
    if document["residual"]["robust"]:
        title += " (HC3)"
    table = Table(title=title, title_justify="left")
    table.add_column("term", overflow="fold")
    for name in ("effect", "95 % interval", "p", "p (Holm)"):
        table.add_column(name, justify="right", no_wrap=True)
    effects = document["effects"]
    shown = [
        effect
        for effect in effects
        if len(effects) <= 2 * MOST_TERMS
        or effect["term"].count(":") < 2
        or certain(judged.get(effect["term"], effect))
    ]
    if regular := bool(document.get("design", {}).get("words")):
        shown = [effect for effect in shown if effect["estimate"] is not None]
    aliased = any(effect["aliases"] for effect in shown)
    if aliased:
        table.add_column("confounded with", overflow="fold")
    names = _fitting([effect["term"] for effect in shown], letters, aliased)
    digits = _decimals([effect | judged.get(effect["term"], {}) for effect in shown])
    for effect in shown:
        by = judged.get(effect["term"], effect)
        interval = (
            "–"
            if by["low"] is None
            else f"{_signed(by['low'], digits)} … {_signed(by['high'], digits)}"
        )
        estimate = "–" if effect["estimate"] is None else _signed(effect["estimate"], digits)
        row = [names[effect["term"]], estimate, interval, _p(by["p"]), _p(by["p_adjusted"])]
        _row(table, *row, *([_few(effect["aliases"], letters)] if aliased else []))
    yield table
    if left := len(effects) - len(shown):
        what = "confounded, or of" if regular else "of"
        yield Text(f"… {left} more terms, {what} three factors or more, are in --json")
    if judged:
        of = document["lenth"]
        yield Text(
            f"Lenth: pseudo standard error {of['pse']:.3g}, margin ±{of['margin']:.3g}, of all "
            f"together ±{of['simultaneous_margin']:.3g}"
            if of["margin"] is not None
            else "Lenth: most effects are nil, so there is nothing to judge by"
        )


def _anova(document: Document) -> Table:
    """Show the analysis of variance; many interactions of high order as one line."""
    table = Table(title="Analysis of variance", title_justify="left")
    table.add_column("source", overflow="fold")
    for name in ("df", "sum of squares", "mean square", "F", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = document["anova"]
    for row in rows:
        if len(rows) > 2 * MOST_TERMS and row["source"].count(":") > 1 and (row["p"] or 1) >= 0.05:
            continue
        if row["source"] in ("residual", "total"):
            table.add_section()
        _row(
            table,
            row["source"],
            str(row["degrees"]),
            _number(row["sum_of_squares"]),
            _number(row["mean_square"]),
            "–" if row["f"] is None else f"{row['f']:.2f}",
            _p(row["p"]),
        )
    return table


def _left_out(document: Document) -> Iterator[RenderableType]:
    table = Table(title=f"Seen as leave-one-out{_unit(document)}", title_justify="left")
    table.add_column("everything on, less without", overflow="fold")
    for name in ("difference", "95 % interval", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    predicted, digits = False, _decimals(document["leave_one_out"])
    for row in document["leave_one_out"]:
        term = row["term"] + (f" (with {', '.join(row['with'])})" if row["with"] else "")
        if row["predicted"]:
            predicted, term = True, f"{term} *"
        interval = (
            "–"
            if row["low"] is None
            else f"{_signed(row['low'], digits)} … {_signed(row['high'], digits)}"
        )
        _row(table, term, _signed(row["estimate"], digits), interval, _p(row["p"]))
    yield table
    if predicted:
        yield Text("* not run: what the effects say, those that are confounded taken as nil")


def _trend(document: Document, trend: Document) -> Iterator[RenderableType]:
    response = document["response"]
    table = Table(title=f"{response['name']} by {trend['factor']}", title_justify="left")
    table.add_column(trend["factor"])
    for name in ("mean", "95 % interval"):
        table.add_column(name, justify="right")
    for mean in trend["means"]:
        interval = "–" if mean["low"] is None else f"{mean['low']:.4g} … {mean['high']:.4g}"
        _row(table, word(mean["level"]), f"{mean['estimate']:.4g}", interval)
    yield table
    unit = response["unit"] or "units"
    words = []
    for part in trend["components"]:
        if part["degree"] == 1:
            interval = "" if part["low"] is None else f" ({part['low']:+.3g} … {part['high']:+.3g})"
            text = f"linear trend: {part['estimate']:+.3g}{interval} {unit} for each 1 of "
            words.append(f"{text}{trend['factor']}, p {_p(part['p'])}")
        else:
            words.append(f"{part['name']} p {_p(part['p'])}")
    yield Text("; ".join(words))


def _row(table: Table, *cells: str) -> None:
    """Add a row of words as they stand: ``a:b:c`` is no emoji, ``[x]`` no style."""
    table.add_row(*map(Text, cells))


def _letters(design: Document) -> dict[str, str]:
    """Return a letter for each factor's term where their names are too wide for columns."""
    terms = [factor["term"] for factor in design["factors"]]
    if sum(len(term) + 3 for term in terms) <= WIDE:
        return {}
    return dict(zip(terms, string.ascii_uppercase, strict=False))


def _legend(letters: Mapping[str, str]) -> list[str]:
    return [", ".join(f"{letter} {term}" for term, letter in letters.items())] if letters else []


def _fitting(terms: Sequence[str], letters: Mapping[str, str], aliased: bool) -> dict[str, str]:
    """Return terms as they are shown: interactions in letters where one is too long to fit."""
    pairs = [term for term in terms if ":" in term]
    long = aliased and any(len(term) > LONG for term in pairs)
    return {term: _short(term, letters) if long and term in pairs else term for term in terms}


def _short(term: str, letters: Mapping[str, str]) -> str:
    """Return a term in letters: ``A:B``, ``C=0.5``."""
    parts = [part.partition("=") for part in term.split(":")]
    return ":".join(f"{letters.get(name, name)}{eq}{level}" for name, eq, level in parts)


def _unit(document: Document) -> str:
    response = document["response"]
    what = "" if response["name"] == "test.accuracy" else f" on {response['name']}"
    return f"{what}, {response['unit']}" if response["unit"] else what


def _few(names: Sequence[str], letters: Mapping[str, str], most: int = 2) -> str:
    more = f" +{len(names) - most}" if len(names) > most else ""
    return ", ".join(_short(name, letters) for name in names[:most]) + more


def _width(value: float | None) -> str:
    return "–" if value is None else f"±{_number(value)}"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if 0.095 <= abs(value) < 1e5 or value == 0 else f"{value:.2g}"


def _decimals(rows: Sequence[Document]) -> int:
    """Return how many decimals a column of estimates and bounds is shown with."""
    sizes = [abs(row[key] or 0.0) for row in rows for key in ("estimate", "low", "high")]
    largest = max(sizes, default=0.0)
    return 2 if largest >= 1 or largest == 0 else min(2 - math.floor(math.log10(largest)), 8)


def _signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text[1:] if not float(text) else text


def _value(value: float | None, percent: bool) -> str:
    if value is None:
        return "–"
    return f"{value:.2%}" if percent else f"{value:.4g}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"
