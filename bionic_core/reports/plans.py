"""Plans of studies as sections, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bionic_core.reports.measure import Measure, Terms
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Cell, Columns, Points, Section, Table
from bionic_core.reports.words import NONE, capital, level, levels, number, rough
from bionic_core.statistics.designs import ROMAN, Layout, Level
from bionic_core.statistics.draws import shown
from bionic_core.statistics.power import Detectable, Sight
from bionic_core.statistics.until import Planned, Until
from bionic_core.studies.ablation_plan import AblationPlan
from bionic_core.studies.plan import FactorialPlan
from bionic_core.studies.results import ACCURACY

MOST_CELLS, MOST_TERMS = 64, 16
"""A terminal cuts longer tables, or tells them in groups; ``--json`` has all."""

ORDERS = {1: "main effects", 2: "pairs", 3: "triples"}


def factorial(plan: FactorialPlan) -> list[Section]:
    """Return a plan: the cells, what they will be able to see, what is done, how long it takes."""
    design = plan.design
    terms = Terms.in_terminal(design)
    kind = capital(design.kind)
    if design.resolution is not None:
        kind += f" of resolution {ROMAN.get(design.resolution, design.resolution)}"
    columns = ["cell", *(terms.letters.get(f.term, f.term) for f in design.factors)]
    found = _shown(design)[:MOST_CELLS]
    rows = [[str(n), *map(level, levels)] for n, levels in enumerate(found, 1)]
    done = f"; {plan.done} of them are done already" if plan.done is not None else ""
    lines = [*terms.legend, *cut(design), f"{_runs(design, 'cells')}{done}", *design_lines(design)]
    table = Table("", columns, rows, range(1, len(columns)))
    return [
        Section(f"{kind} over {plan.name}", (), [table, Points(lines)]),
        Section("", (), [_sights(plan, terms), Points(_plan_lines(plan))]),
        *looks(plan.until),
    ]


def _shown(design: Layout) -> list[tuple[Level, ...]]:
    """Return the cells' levels, draws of one level being one."""
    return list(dict.fromkeys(shown(cell, design.draws) for cell in design.cells))


def _runs(design: Layout, cells: str) -> str:
    seeds = ", ".join(map(str, design.seeds))
    nested = design.draws is not None and design.draws.nested
    return (
        f"{design.runs} runs: {len(design.cells)} {cells} × "
        f"{f'{len(design.seeds)} seeds, of each draw its own' if nested else f'seeds {seeds}'}"
    )


def _first(names: Sequence[str], most: int, joint: str) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{joint.join(names[:most])}{more}"


def cut(design: Layout) -> list[str]:
    """Say how many cells a terminal does not show; nothing where it shows all."""
    left = len(_shown(design)) - MOST_CELLS
    return [f"… and {left} more cells (--json has all)"] if left > 0 else []


def design_lines(design: Layout) -> Iterator[str]:
    """Say what a design is made of, and what it leaves out, a line each."""
    if design.words:
        yield f"defining relation: I = {_first(design.words, 6, ' = ')}"
    if design.folded:
        yield f"folded over: {', '.join(design.folded)} reversed in the second part"
    for cell in design.impossible[:8]:
        yield f"left out: {levels(cell.levels)}: {cell.reason}"
    if (left := len(design.impossible) - 8) > 0:
        yield f"… and {left} more combinations that cannot exist (--json has all)"


def _sights(plan: FactorialPlan, terms: Terms) -> Table:
    """Return half-widths and detectable effects, of each term or of each group of equals."""
    single = len(plan.effects) <= MOST_TERMS
    aliased = any(sight.aliases for sight in plan.effects)
    groups: dict[tuple[object, ...], list[Sight]] = {}
    for sight in plan.effects:
        numbers = (sight.half_width, sight.detectable, sight.detectable_adjusted)
        rounded = (None if n is None else round(n, 6) for n in numbers)
        groups.setdefault((sight.term if single else sight.order, *rounded), []).append(sight)
    names = terms.fitting([sight.term for sight in plan.effects], aliased)

    rows = []
    for first, *more in groups.values():
        name, others = names[first.term], terms.aliases(first.aliases)
        if more:
            name = f"{1 + len(more)} {ORDERS.get(first.order, f'interactions of {first.order}')}"
            others = "see --json"
        found = (_size(first.half_width, "±"), _size(first.detectable))
        row = [name, *found, _size(first.detectable_adjusted), others]
        rows.append(row if aliased else row[:-1])
    columns = ("effect", "95 % interval", "smallest found", "after Holm", "confounded with")
    what = "" if plan.response.name == ACCURACY else f" on {plan.response.name}"
    title = Measure.of(plan.response).with_unit(f"What it can see{what}")
    return Table(title, columns if aliased else columns[:-1], rows, words=(4,))


def _size(value: float | None, sign: str = "") -> str:
    if value is None:
        return NONE
    plain = value == 0 or 0.095 <= abs(value) < 1e5
    return f"{sign}{number(value) if plain else rough(value, 2)}"


def _plan_lines(plan: FactorialPlan) -> list[str]:
    other, plain = plan.leave_one_out, Terms(page=False)
    lost = () if plan.design.words else plan.lost
    names = [f"{one.term} (not told from {plain.aliases(one.aliases)})" for one in lost]
    lines = said(
        "factorial-plan",
        plan=plan,
        sd=plan.sd.value is not None,
        other=other,
        seeds="seed" if other.seeds == 1 else "seeds",
        half=other.half_width is not None,
        none=other.half_width is None,
        lost=_first(names, 8, "; "),
        selected=plan.selected_on == "test",
    )
    return [*lines, *plan.notes]


def ablation(plan: AblationPlan) -> list[Section]:
    """Return a planned leave-one-out study: its variants, and the smallest effect that it sees."""
    design = plan.design
    rows = [("nothing", ""), *((f.term, design.kinds[f.name]) for f in design.factors)]
    lines = [_runs(design, "variants"), *seen(plan.detectable), *plan.notes]
    table = Table("", ("left out", "kind"), rows, words=(1,))
    return [
        Section(f"Leave one out of {plan.name}", (), [table, Points(lines)]),
        *looks(plan.until),
    ]


def looks(until: Until | None) -> list[Section]:
    """Return when a study ends that goes on until its effects are decided; nothing of others."""
    if until is None:
        return []
    columns: Columns[Planned] = {
        "seeds": lambda look: Cell(str(look.seeds), look.seeds),
        "runs": lambda look: Cell(str(look.runs), look.runs),
        "spent": lambda look: f"{until.level * look.spent:.2g}",
        "larger: p below": lambda look: rough(look.larger, 2),
        "within: p below": lambda look: rough(look.within, 2),
        "decided": lambda look: NONE if look.decided is None else ", ".join(look.decided) or "none",
    }
    ended = any(look.decided is not None for look in until.looks)
    shown = {name: cell for name, cell in columns.items() if ended or name != "decided"}
    text = said("looks", it=until, ended=ended, planned=not ended, runs=until.looks[-1].runs)
    text += [line for one in until.expected for line in said("expected", it=one, of=until)]
    return [Section("Looks", text, [Table.of("Looks", shown, until.looks, words=(5,), quiet=True)])]


def seen(found: Detectable) -> list[str]:
    """Say the smallest effect that a leave-one-out study can see, if anything tells."""
    return said("detectable", found=found, alone=found.plain is not None)
