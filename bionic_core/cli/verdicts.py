"""Verdicts on a plugin, as sections: what is judged stands beside reports, not below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bionic_core.conformance.check import Judgement
from bionic_core.conformance.cost import Cost
from bionic_core.reports.sections import Block, Cell, Code, Points, Section, Table, Tone, cells
from bionic_core.reports.words import count, number, percent

TONES: Mapping[str, Tone] = {"kept": "good", "broken": "bad", "not judged": "quiet"}


def judged(judgement: Judgement) -> Section:
    """Show a verdict for each law, what shows each fault, and the cost."""
    rows = [
        (law.law, law.says, Cell(law.state, tone=TONES[law.state], strong=law.broken))
        for law in judgement.laws
    ]
    title = f"{judgement.name}, {judgement.role} of {judgement.distribution}"
    blocks: list[Block] = [Table(title, ("law", "says", "verdict"), rows, words=(1, 2))]
    for law in judgement.laws:
        if law.broken:
            blocks.append(Points((f"{law.law}: {law.why}",)))
            blocks += [Code(law.example)] if law.example else []
    blocks.append(Points(list(_not_judged(judgement))))
    if judgement.cost is not None:
        blocks.append(_cost(judgement.cost))
    broken = sum(law.broken for law in judgement.laws)
    words = f"{broken} laws are broken" if broken > 1 else "one law is broken"
    return Section("", (), [*blocks, Points((words if broken else "no law is broken",))])


def _not_judged(judgement: Judgement) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for law in judgement.laws:
        if law.state == "not judged":
            reasons.setdefault(law.why, []).append(law.law)
    for why, laws in reasons.items():
        yield f"not judged: {', '.join(laws)}: {why}"


def _cost(cost: Cost) -> Table:
    plain, present = cost.plain, cost.present
    rows = [
        cells((word, count(before), count(after), count(after - before, signed=True)))
        for word, before, after in (
            ("parameters", plain.parameters, present.parameters),
            ("effective ones (unmasked)", plain.effective, present.effective),
            ("multiply-adds per image", plain.macs, present.macs),
        )
    ]
    times = [number(price.seconds, 1, scale=1000) for price in (plain, present)]
    change = percent(present.seconds / plain.seconds - 1, 0, signed=True)
    title = f"Cost on the layers of '{cost.model}', a step of {cost.batch} images"
    columns = ("", "plain", "with it", "difference")
    return Table(title, columns, [*rows, cells(("time in ms", *times, change))])
