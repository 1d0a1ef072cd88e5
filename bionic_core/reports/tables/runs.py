"""The runs of a folder for the eye: the document that ``--json`` prints, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bionic_core.base.words import duration
from bionic_core.runs.listing import DAMAGED, FINISHED, STATES


def listed(document: Mapping[str, Any]) -> RenderableType:
    """Show a row for each run, then why some failed or cannot be used."""
    table = Table()
    table.add_column("run", no_wrap=True)
    table.add_column("spec", overflow="fold")
    for name in ("seed", "state", "epochs", "accuracy", "time"):
        table.add_column(name, justify="left" if name == "state" else "right")
    for run in document["runs"]:
        table.add_row(
            run["hash"],
            _known(run["name"]),
            _known(run["seed"]),
            run["state"],
            _known(run["epoch"]),
            "–" if run["accuracy"] is None else f"{run['accuracy']:.2%}",
            "–" if run["seconds"] is None else duration(run["seconds"]),
            style="red" if run["state"] in (DAMAGED, "failed") else None,
        )
    counts = Counter(run["state"] for run in document["runs"])
    lines = [", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])]
    lines += [f"{run['hash']}: {run['reason']}" for run in document["runs"] if run["reason"]]
    unsummed = [run for run in document["runs"] if run["checksums"] is False]
    if unsummed:
        names = ", ".join(run["hash"] for run in unsummed[:4])
        more = f" and {len(unsummed) - 4} more" if len(unsummed) > 4 else ""
        lines.append(f"written before checksums, so not checked against any: {names}{more}")
    if any(run["state"] not in (FINISHED, DAMAGED) for run in document["runs"]):
        lines.append("the command that began a run goes on with it, after its finished epochs")
    return Group(table, Text("\n".join(lines)))


def _known(value: object) -> str:
    return "–" if value is None else str(value)
