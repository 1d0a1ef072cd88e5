"""Plans of studies as sections, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from bionic_core.reports.measure import Measure
from bionic_core.reports.sections import Cell, Points, Section, Table
from bionic_core.reports.terms import Terms
from bionic_core.reports.words import level, levels, number, rough
from bionic_core.statistics.designs import ROMAN, Layout
from bionic_core.statistics.power import Detectable, Sight
from bionic_core.studies.ablation import AblationPlan
from bionic_core.studies.plan import FactorialPlan
from bionic_core.studies.results import ACCURACY

MOST_CELLS, MOST_TERMS = 64, 16
"""A terminal cuts longer tables, or tells them in groups; ``--json`` has all."""

ORDERS = {1: "main effects", 2: "pairs", 3: "triples"}


def factorial(plan: FactorialPlan) -> list[Section]:
    """Return a plan: the cells, what they will be able to see, what is done, how long it takes."""
    design = plan.design
    terms = Terms.in_terminal(design)
    kind = f"{design.kind[:1].upper()}{design.kind[1:]}"
    if design.resolution is not None:
        kind += f" of resolution {ROMAN.get(design.resolution, design.resolution)}"
    columns = ["cell", *(terms.name(factor.term) for factor in design.factors)]
    rows = [
        [Cell(str(n)), *(Cell(level(value)) for value in cell.values())]
        for n, cell in enumerate(design.cells[:MOST_CELLS], 1)
    ]
    seeds = ", ".join(str(seed) for seed in design.seeds)
    runs = f"{design.runs} runs: {len(design.cells)} cells × seeds {seeds}"
    if plan.done is not None:
        runs += f"; {plan.done} of them are done already"
    lines = [*terms.legend, *cut(design), runs, *design_lines(design)]
    table = Table("", columns, rows, range(1, len(columns)))
    return [
        Section(f"{kind} over {plan.name}", (), [table, Points(lines)]),
        Section("", (), [_sights(plan, terms), Points(list(_plan_lines(plan)))]),
    ]


def cut(design: Layout) -> list[str]:
    """Say how many cells a terminal does not show; nothing where it shows all."""
    left = len(design.cells) - MOST_CELLS
    return [f"… and {left} more cells (--json has all)"] if left > 0 else []


def design_lines(design: Layout) -> Iterator[str]:
    """Say what a design is made of, and what it leaves out, a line each."""
    if design.words:
        more = f" and {len(design.words) - 6} more" if len(design.words) > 6 else ""
        yield f"defining relation: I = {' = '.join(design.words[:6])}{more}"
    if design.folded:
        yield f"folded over: {', '.join(design.folded)} reversed in the second part"
    for cell in design.impossible[:8]:
        yield f"left out: {levels(cell.levels)}: {cell.reason}"
    if len(design.impossible) > 8:
        left = len(design.impossible) - 8
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
    for members in groups.values():
        first, name = members[0], names[members[0].term]
        if len(members) > 1:
            name = f"{len(members)} {ORDERS.get(first.order, f'interactions of {first.order}')}"
        half = "–" if first.half_width is None else f"±{_size(first.half_width)}"
        row = [name, half, _size(first.detectable), _size(first.detectable_adjusted)]
        others = terms.aliases(first.aliases) if len(members) == 1 else "see --json"
        rows.append([*map(Cell, row), *([Cell(others)] * aliased)])
    columns = ["effect", "95 % interval", "smallest found", "after Holm"]
    columns += ["confounded with"] if aliased else []
    what = "" if plan.response.name == ACCURACY else f" on {plan.response.name}"
    title = Measure.of(plan.response).with_unit(f"What it can see{what}")
    return Table(title, columns, rows, (4,) if aliased else ())


def _size(value: float | None) -> str:
    if value is None or value == 0 or 0.095 <= abs(value) < 1e5:
        return number(value)
    return rough(value, 2)


def _plan_lines(plan: FactorialPlan) -> Iterator[str]:
    yield (
        f"smallest found: the true effect that is found with {plan.power:.0%} power at 5 %, "
        "and the same if corrected for all effects (Holm's first step)"
    )
    if plan.sd.value is not None:
        yield f"SD of a run {plan.sd.value:.2f}, {plan.sd.source}"
    other = plan.leave_one_out
    seeds = f"{other.seeds} {'seed' if other.seeds == 1 else 'seeds'}"
    compared = f"leave-one-out with as many runs ({other.variants} variants × {seeds})"
    if other.half_width is None:
        yield f"{compared} would give no interval at all"
    else:
        yield (
            f"{compared}: ±{number(other.half_width)}, smallest found {number(other.detectable)}, "
            f"after Holm {number(other.detectable_adjusted)}, and no interactions"
        )
    if plan.lost and not plan.design.words:
        plain = Terms(page=False)
        names = [f"{t.term} (not told from {plain.aliases(t.aliases)})" for t in plan.lost]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        yield f"cannot be estimated: {'; '.join(names[:8])}{more}"
    if plan.selected_on == "test":
        yield "test-selected: the test images will choose each run's epoch"
    yield from plan.notes


def ablation(plan: AblationPlan) -> list[Section]:
    """Return a planned leave-one-out study: its variants, and the smallest effect that it sees."""
    design = plan.design
    rows = [("nothing", ""), *((f.term, design.kinds[f.name]) for f in design.factors)]
    seeds = ", ".join(str(seed) for seed in design.seeds)
    lines = [f"{design.runs} runs: {len(design.cells)} variants × seeds {seeds}"]
    lines += [*seen(plan.detectable), *plan.notes]
    table = Table("", ("left out", "kind"), rows, words=(1,))
    return [Section(f"Leave one out of {plan.name}", (), [table, Points(lines)])]


def seen(found: Detectable) -> list[str]:
    """Say the smallest effect that a leave-one-out study can see, if anything tells."""
    if found.plain is None:
        return []
    return [
        f"smallest effect seen with {found.power:.0%} power: {number(found.plain)} points alone, "
        f"{number(found.adjusted)} after correction (SD of a run {number(found.sd)} points)"
    ]
