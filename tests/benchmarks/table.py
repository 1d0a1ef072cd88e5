"""Results for people, in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from tests.benchmarks.goals import GOALS, figures


def shown(results: Mapping[str, Any]) -> str:
    """Return results as a table, and what stands beside them."""
    return "\n".join(_lines(results["parts"]))


def markdown(results: Mapping[str, Any]) -> str:
    """Return the table of goals as Markdown."""
    values = figures(results["parts"])
    rows = ["| | measured | aim | floor | |", "|---|---|---|---|---|"]
    for goal in GOALS:
        if goal.name in values:
            value = values[goal.name]
            judged = [goal.reaches(value, limit) for limit in (goal.aim, goal.floor)]
            word = "aim" if judged[0] else "floor" if judged[1] else "**missed**"
            shown = [goal.show(number) for number in (value, goal.aim, goal.floor)]
            shown[0] = _least(results["parts"][goal.part]) + shown[0]
            rows.append(f"| {goal.words} | {' | '.join(shown)} | {word} |")
        elif goal.part in results["parts"]:
            limits = f"{goal.show(goal.aim)} | {goal.show(goal.floor)}"
            rows.append(f"| {goal.words} | not reached | {limits} | **missed** |")
    return "\n".join(rows)


def _lines(parts: Mapping[str, Any]) -> Iterator[str]:
    values = figures(parts)
    yield f"{'':<39}{'measured':>13}{'aim':>13}{'floor':>13}"
    for goal in GOALS:
        value = values.get(goal.name)
        missing = "not reached" if goal.part in parts else "not measured"
        found = missing if value is None else _least(parts[goal.part]) + goal.show(value)
        judged = "" if value is None else _judged(goal.reaches(value, goal.aim), goal, value)
        limits = "".join(f"{goal.show(limit):>13}" for limit in (goal.aim, goal.floor))
        yield f"{goal.words:<39}{found:>13}{limits}{judged}"
    for name, lines in (
        ("training", _rates),
        ("target", _target),
        ("start", _start),
        ("study", _study),
        ("equal-work", _equal_work),
        ("limit", _limit),
    ):
        if name in parts:
            yield ""
            yield from lines(parts[name])
    yield ""
    for name, part in parts.items():
        machine = part["machine"]
        quick = ", QUICK: says nothing" if part["quick"] else ""
        yield (
            f"{name}: {machine['date'][:16]}, {_processor(machine)}, {machine['cores']} cores, "
            f"{machine['threads']} threads,"
        )
        load = machine["load"][0]
        yield f"  load {load}, torch {machine['torch']}, {part['took']:.0f} s{quick}"


def _processor(machine: Mapping[str, Any]) -> str:
    parts = [machine["processor"], machine.get("instructions")]
    return " ".join([*filter(None, parts), *(["bf16"] if machine.get("bfloat16") else [])])


def _least(part: Mapping[str, Any]) -> str:
    return "≥ " if part.get("bound") else ""


def _judged(aim: bool, goal: Any, value: float) -> str:
    return "" if aim else " *" if goal.reaches(value, goal.floor) else " !"


def _rates(part: Mapping[str, Any]) -> Iterator[str]:
    yield f"images/s, medians of {part['rounds']} rounds of {part['images']:,} images"
    for name, rate in part["images_per_second"].items():
        mark = "  ← the reference" if name == part["reference"] else ""
        yield f"  {name:<36}{rate:>9,.0f}{mark}"


def _start(part: Mapping[str, Any]) -> Iterator[str]:
    times = ", ".join(f"{name} {value:.2f} s" for name, value in part["seconds"].items())
    yield f"processes, medians of {part['rounds']}: {times}"


def _target(part: Mapping[str, Any]) -> Iterator[str]:
    best = part["best"]
    if not part["reached"]:
        yield (
            f"the target, {part['target']:.1%}, is not reached by both: fast {best['fast']:.2%}, "
            f"full {best['full']:.2%}"
        )
    seconds, epochs = part["seconds"], part["epochs"]
    yield f"to {part['level']:.2%}: fast {epochs['fast']} epochs, {seconds['fast']:,.0f} s;"
    if part.get("bound"):
        yield (
            f"  the reference's recipe is over after {epochs['reference']} epochs, at best "
            f"{best['full']:.2%},"
        )
        yield (
            f"  {seconds['reference']:,.0f} s, extrapolated; at least {part['ratio']:.1f} times as "
            "long"
        )
        return
    yield f"  reference {epochs['reference']} epochs,"
    yield f"  {seconds['reference']:,.0f} s, extrapolated; {part['ratio']:.1f} times as long"


def _study(part: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{part['runs']} runs, {part['jobs']} jobs: {part['wall']:.1f} s, training "
        f"{part['training']:.1f} s; all processes together:"
    )
    for name, seconds in part["seconds"].items():
        yield f"  {name:<28}{seconds:>8.2f} s in {part['calls'][name]:>4} calls"


def _equal_work(part: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"equal work: {part['epochs']} epochs of {part['images']:,} images, {part['seeds']} seeds"
    )
    for figure, found in part["compared"].items():
        ours, theirs = (found[name] for name in ("ours", "reference"))
        yield (
            f"  {figure:<11} ours {ours['mean']:.4f} ± {ours['sd']:.4f}, reference "
            f"{theirs['mean']:.4f} ± {theirs['sd']:.4f};"
        )
        yield (
            f"    difference {found['difference']:+.4f} ({found['low']:+.4f} to "
            f"{found['high']:+.4f}), p = {found['p']:.2f}"
        )


def _limit(part: Mapping[str, Any]) -> Iterator[str]:
    speed = part["machine_speed"]
    yield (
        f"this machine, {part['threads']} threads: products {speed['gemm_float32'] / 1e9:,.0f} "
        f"GFLOP/s float32, {speed['gemm_bfloat16'] / 1e9:,.0f} bfloat16;"
    )
    yield f"  copying {speed['copy'] / 1e9:.1f} GB/s; a call {speed['call'] * 1e6:.2f} µs"
    for name, found in part["recipes"].items():
        count = found["count"]
        yield (
            f"{name}, a step of {found['batch']}: {count['products'] / 1e6:,.0f} MFLOP in "
            f"products, {count['elementwise'] / 1e6:,.0f} elsewhere,"
        )
        yield (
            f"  {count['bytes'] / 1e6:,.0f} MB moved, {count['calls']} calls; "
            f"{found['images_per_second']:,.0f} images/s, "
            f"{found['share_of_limit']:.0%} of the limit"
        )
        yield from textwrap.wrap(found["sentence"], 78, initial_indent="  ", subsequent_indent="  ")
