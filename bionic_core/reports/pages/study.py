"""What the pages of studies share: the response, links to runs, what is missing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from bionic_core.errors import RequestError
from bionic_core.reports.results import Found
from bionic_core.reports.sections import Cell
from bionic_core.reports.words import levels, number
from bionic_core.runs.train import SPEC, Run

Document = Mapping[str, Any]

PERCENT = 100

RESPONSE: Document = {"name": "test.accuracy", "scale": PERCENT, "unit": "percentage points"}
"""What is analysed where a study does not say."""


@attrs.frozen
class Measure:
    """A study's response: its words, what makes it readable, and the unit of its effects."""

    words: str
    scale: float
    unit: str

    @classmethod
    def of(cls, document: Document) -> Measure:
        """Return what a study says that it measured; the test accuracy if it says nothing."""
        said = document.get("response") or RESPONSE
        words = str(said["name"]).replace(".", " ").replace("_", " ")
        words = words.replace(" f1", " F1").replace(" auc", " AUC")
        return cls(words, float(said["scale"]), str(said["unit"]))

    @property
    def mean(self) -> str:
        """What an axis of responses is called."""
        return f"{self.words}, %" if self.scale == PERCENT else self.words

    @property
    def effect(self) -> str:
        """What an axis of effects is called."""
        return f"effect on {self.words}" + (f", {self.unit}" if self.unit else "")

    def of_cell(self, cell: Document) -> float | None:
        """Return a run's response, scaled; None where it has none."""
        value = cell.get("response", cell.get("accuracy"))
        return None if value is None else self.scale * float(value)

    def said(self, value: float) -> str:
        """Return a size in words, with its unit."""
        return f"{number(value)} {self.unit}".strip()


def link(found: Found, cell: Document, out: Path) -> Cell:
    """Return a cell that leads from a page to a run: to its own page where it has one."""
    noted = cell.get("run")
    if not noted:
        return Cell("failed")
    name = Path(str(noted)).name
    folder = found.run(cell)
    if folder is None:
        return Cell(name)
    page = folder / "report.html"
    target = page if page.is_file() else folder
    path = Path(os.path.relpath(target, out.parent)).as_posix()
    return Cell(name, href=f"./{quote(path)}{'' if target == page else '/'}")


def first_run(found: Found, wanted: Mapping[str, Any] | None = None) -> Run | None:
    """Return a run of the study that is still there, with those levels if there is one."""
    cells = sorted(found.document["cells"], key=lambda cell: cell.get("levels") != wanted)
    for cell in cells:
        folder = found.run(cell)
        if folder is not None:
            try:
                return Run.open(folder)
            except RequestError:
                continue
    return None


def missing(document: Document) -> list[str]:
    """Say which runs a study lacks, and why."""
    lines = []
    cells = document["cells"]
    failed = [cell for cell in cells if not cell.get("run")]
    if failed:
        lines.append(
            f"{len(failed)} of {len(cells)} runs failed, and every figure here is of the others: "
            + "; ".join(
                f"{cell.get('variant') or levels(cell['levels'])}, seed {cell['seed']} "
                f"({cell.get('error') or 'no reason noted'})"
                for cell in failed[:6]
            )
            + (f"; and {len(failed) - 6} more" if failed[6:] else "")
            + "."
        )
    planned = document["design"].get("runs")
    if isinstance(planned, int) and planned > len(cells):
        lines.append(f"{planned - len(cells)} of {planned} planned runs are not there yet.")
    return lines


def conditions(document: Document) -> list[str]:
    """Say what a study was measured on, a sentence each."""
    lines = []
    images = document.get("test_images")
    if document.get("data"):
        size = f", {images:,} test images" if images else ""
        lines.append(f"Data: {document['data']}{size}.")
    if document.get("connectome"):
        lines.append(f"Connectome: {document['connectome']}.")
    return lines


TEST_SELECTED = "Test-selected: the test images chose each run's epoch, so all figures flatter."


def repeat(found: Found, run: Run | None) -> tuple[str, str]:
    """Return the command that repeats a study, and a sentence about it.

    The one that began it, where the study tells; else one from its design and a run's spec.
    """
    document = found.document
    if document.get("command"):
        return str(document["command"]), (
            "This is what was typed. Runs that are there are not trained again: the same command "
            "finds them, and more seeds or factors train only what is missing."
        )
    design = document["design"]
    spec = str(run.folder / SPEC) if run is not None else str(document["name"])
    words = ["bionic", "ablate" if found.kind == "ablation" else found.kind, spec]
    words += ["--mechanisms", ",".join(factor["name"] for factor in design["factors"])]
    words += ["--seeds", str(len(design["seeds"])), "--out", str(found.path.parent)]
    return shlex.join(words), "What was typed is not on record; this asks for the same runs."
