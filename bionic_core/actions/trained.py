"""Activity, lesions and likeness of trained runs: what tables and figures show of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from bionic_core.reports.drawing.effects import Interval, intervals
from bionic_core.reports.drawing.svg import GRID
from bionic_core.reports.sections import Cell, Points, Section, Table
from bionic_core.reports.words import count, interval_cell, number, numeric, p_cell, share, whole
from bionic_core.runs.lesions import GROUPS, Lesion, Lesions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bionic_core.reports.drawing.svg import Plot
    from bionic_core.runs.activity_files import Written
    from bionic_core.runs.capacity import Capacities
    from bionic_core.runs.recorded import Compared, Likeness

TOP = 20
"""Groups that a table or figure shows unless it is asked for others: the rest is in ``--json``."""


def written_section(found: Written) -> Section:
    """Show what activity was written."""
    layers = ", ".join(f"{name} {count(size)}" for name, size in found.layers.items())
    time = f" × {count(found.steps)} steps" if found.steps > 1 else ""
    lines = [
        f"run {found.hash} ({found.name}), signal '{found.part}' of each layer",
        f"{count(found.images)} images ({found.shown}){time} × {count(found.neurons)} neurons "
        f"({layers}); {count(found.cells)} of them cells with ids",
        f"mean rate {number(found.mean, 4)}; {count(found.silent)} neurons that no image moves",
        f"written: {found.file} ({found.bytes / 1e6:.1f} MB)",
    ]
    return Section("", (), [Points(lines)])


def lesions_section(found: Lesions, top: int = TOP) -> Section:
    """Show the groups whose silence changes most, ranked."""
    shown = found.lesions[:top]
    of_cells = found.by == "cell"
    rows = [
        [
            Cell(one.group, strong=one.certain),
            one.layer,
            *([one.cell_type or ""] if of_cells else [whole(one.neurons)]),
            numeric(one.effect, signed=True),
            interval_cell(one.low, one.high),
            p_cell(one.p),
            p_cell(one.p_adjusted),
            share(one.flipped, 1),
        ]
        for one in shown
    ]
    columns = (
        found.by.replace("_", " "),
        "layer",
        "type" if of_cells else "neurons",
        "effect, points",
        "95 % interval",
        "p",
        "p, Holm",
        "predictions changed",
    )
    words = (1, 2) if of_cells else (1,)
    title = f"Silencing {GROUPS[found.by]} of {found.name}, {found.data}, {found.split}"
    seeds = f"{len(found.seeds)} seeds" if len(found.seeds) > 1 else f"seed {found.seeds[0]}"
    lines = [
        f"accuracy of the whole network {share(found.accuracy).text} ({seeds}, "
        f"{count(found.images)} images)",
        f"intervals generalise {found.over}; p: {found.test}, corrected for all "
        f"{count(len(found.lesions))} {GROUPS[found.by]} by Holm",
        *found.notes,
    ]
    if len(shown) < len(found.lesions):
        rest = count(len(found.lesions) - len(shown))
        lines.append(f"{rest} more {GROUPS[found.by]}: --top N, or all of them by --json")
    lines += [f"written: {path}" for path in found.drawn or ()]
    return Section("", (), [Table(title, columns, rows, words=words), Points(lines)])


def lesions_plot(found: Lesions, top: int = TOP) -> Plot:
    """Draw what silencing each group changes, with intervals; filled where p after Holm < 5 %."""

    def line(one: Lesion) -> Interval:
        inside = f"{one.layer}, " if found.by != "layer" else ""
        many = one.cell_type or f"{one.neurons} neurons"
        name = f"{one.group} ({inside}{many})"
        return Interval(name, one.effect, one.low, one.high, one.certain)

    seeds = f"{len(found.seeds)} seeds" if len(found.seeds) > 1 else "one seed"
    return intervals(
        [line(one) for one in found.lesions[:top]],
        f"Change of accuracy when silenced, points ({seeds}; 95 % interval; filled: p < 5 % "
        "after Holm)",
        f"Change of accuracy in points when each of {GROUPS[found.by]} is silenced",
        title=f"{found.name}, {found.data}, {found.split}",
    )


def compared_section(found: Compared) -> Section:
    """Show how like a recording each layer responds."""
    timed = any(one.step is not None for one in found.likenesses)
    bounded = found.repeats > 1
    rows: list[list[Cell | str]] = [
        [
            _where(one),
            one.similarity.measure,
            whole(one.neurons),
            whole(one.recorded),
            numeric(one.similarity.value, 3, signed=True),
            interval_cell(one.similarity.low, one.similarity.high, 3),
            p_cell(one.similarity.p),
            p_cell(one.p_adjusted),
            interval_cell(one.behind_low, one.behind_high, 3),
            *([interval_cell(one.similarity.floor, one.similarity.ceiling, 3)] * bounded),
        ]
        for one in found.likenesses
    ]
    columns = (
        "layer" + ", step" * timed,
        "measure",
        "neurons",
        "recorded",
        "likeness",
        "95 % interval",
        "p",
        "p, Holm",
        "behind the best, 95 %",
        *(["noise ceiling"] * bounded),
    )
    title = f"Layers of {found.name} ({found.hash[:8]}) beside {found.file}"
    cells = "each layer with its own cells, by id" if found.matched else "each layer with all"
    lines = [
        f"{count(found.images)} images ({found.shown}), {count(found.repeats)} "
        f"repeat{'s' * (found.repeats > 1)}; {cells}",
        "RSA: Spearman's ρ of 1 − r of all pairs of images; CKA: linear, debiased; intervals by "
        "the jackknife over groups of images, paired where a layer is set behind the best of its "
        "measure; p against shuffled images, corrected by Holm",
        *found.notes,
        *(f"written: {path}" for path in found.drawn or ()),
    ]
    return Section("", (), [Table(title, columns, rows, words=(1,)), Points(lines)])


def _where(one: Likeness) -> str:
    return one.layer if one.step is None else f"{one.layer}, step {one.step}"


def compared_plot(found: Compared) -> Plot:
    """Draw how like a recording each layer is by each measure, with intervals and ceilings."""
    shown = [(one, one.similarity) for one in found.likenesses]
    told = [
        (Interval(f"{_where(one)}: {it.measure}", it.value, it.low, it.high, sure), it)
        for one, it in shown
        if it.value is not None
        for sure in [one.p_adjusted is not None and one.p_adjusted < 0.05]
    ]
    grey = "; grey: noise ceiling" if found.repeats > 1 else ""
    plot = intervals(
        [line for line, _ in told],
        f"likeness to the recording (95 % interval; filled: p < 5 % after Holm{grey})",
        "How like the recording each layer responds",
        title=f"{found.name} beside {found.file}",
    )

    def draw(axes: Axes) -> None:
        for place, (_, it) in enumerate(told):
            if it.floor is not None and it.ceiling is not None:
                axes.fill_betweenx([place - 0.12, place + 0.12], it.floor, it.ceiling, color=GRID)
        plot.draw(axes)

    return attrs.evolve(plot, draw=draw)


def capacities_section(found: Capacities) -> Section:
    """Show how much of its past inputs each layer holds."""
    rows: list[list[Cell | str]] = []
    for one in found.layers:
        it = one.capacity
        held = [k for k, r2 in enumerate(it.by_delay, 1) if r2 >= 0.5]
        rows.append(
            [
                one.layer,
                whole(it.neurons),
                numeric(it.total, 2),
                numeric(it.now, 3),
                *(numeric(r2, 3) for r2 in it.by_delay[:3]),
                whole(max(held, default=0)),
            ]
        )
    past = [f"{k} ago" for k in range(1, 4)][: found.steps - 1]
    columns = ("layer", "neurons", "capacity", "r², now", *past, "last of ½ or more")
    lines = [
        f"{found.data}: {count(found.test)} sequences of {count(found.steps)} steps, readouts by "
        f"ridge regression on {count(found.train)} others",
        f"capacity: Σ r² of the inputs 1 to {found.steps - 1} steps ago, less chance; at most the "
        "number of neurons; each delay is in --json",
    ]
    title = f"Memory capacity of {found.name} ({found.hash[:8]})"
    return Section("", (), [Table(title, columns, rows), Points(lines)])
