"""Verdicts on a plugin for the eye."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]

STYLES = {"kept": "green", "broken": "bold red", "not judged": "dim"}


def judged(document: Document) -> RenderableType:
    """Show a verdict for each law, what shows each fault, and the cost."""
    title = f"{document['name']}, {document['role']} of {document['distribution']}"
    table = Table(title=title, title_justify="left")
    for name in ("law", "says", "verdict"):
        table.add_column(name)
    for law in document["laws"]:
        table.add_row(law["law"], law["says"], Text(law["state"], style=STYLES[law["state"]]))
    shown: list[RenderableType] = [table]
    for law in document["laws"]:
        if law["state"] != "broken":
            continue
        shown.append(Text.assemble((f"{law['law']}: ", STYLES["broken"]), law["why"]))
        if law["example"]:
            shown.append(Padding(Text(law["example"]), (0, 0, 0, 4)))
    reasons: dict[str, list[str]] = {}
    for law in document["laws"]:
        if law["state"] == "not judged":
            reasons.setdefault(law["why"], []).append(law["law"])
    shown += [Text(f"not judged: {', '.join(reasons[why])}: {why}", style="dim") for why in reasons]
    if document["cost"] is not None:
        shown.append(_cost(document["cost"]))
    count = sum(law["state"] == "broken" for law in document["laws"])
    words = f"{count} laws are broken" if count > 1 else "one law is broken"
    shown.append(Text(words if count else "no law is broken", style="bold"))
    return Group(*shown)


def _cost(cost: Document) -> Table:
    title = f"Cost on the layers of '{cost['model']}', a step of {cost['batch']} images"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in ("plain", "with it", "difference"):
        table.add_column(name, justify="right")
    plain, present = cost["plain"], cost["with"]
    for key, word in (
        ("parameters", "parameters"),
        ("effective", "effective ones (unmasked)"),
        ("macs", "multiply-adds per image"),
    ):
        change = present[key] - plain[key]
        table.add_row(word, f"{plain[key]:,}", f"{present[key]:,}", f"{change:+,}")
    times = [1000 * part["seconds"] for part in (plain, present)]
    change = f"{times[1] / times[0] - 1:+.0%}"
    table.add_row("time in ms", f"{times[0]:.1f}", f"{times[1]:.1f}", change)
    return table
