"""What studies' pages and tables share: links to runs, what is missing, conditions, the design."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from bionic_core.errors import RequestError
from bionic_core.reports.results import Found
from bionic_core.reports.sections import Cell, Section, Table
from bionic_core.reports.words import levels
from bionic_core.runs.train import SPEC, Run
from bionic_core.statistics.designs import Level
from bionic_core.studies.results import StudyResults, StudyRun

TEST_SELECTED = "Test-selected: the test images chose each run's epoch, so all figures flatter."


def link(found: Found, cell: StudyRun, out: Path) -> Cell:
    """Return a cell that leads from a page to a run: to its own page where it has one."""
    if not cell.run:
        return Cell("failed")
    name = Path(cell.run).name
    folder = found.run(cell)
    if folder is None:
        return Cell(name)
    page = folder / "report.html"
    target = page if page.is_file() else folder
    path = Path(os.path.relpath(target, out.parent)).as_posix()
    return Cell(name, href=f"./{quote(path)}{'' if target == page else '/'}")


def first_run(found: Found, study: StudyResults, wanted: Mapping[str, Level]) -> Run | None:
    """Return a run of the study that is still there, with those levels if there is one."""
    for cell in sorted(study.cells, key=lambda cell: cell.levels != wanted):
        folder = found.run(cell)
        if folder is not None:
            try:
                return Run.open(folder)
            except RequestError:
                continue
    return None


def warnings(study: StudyResults) -> list[str]:
    """Say what a reader must know first: how epochs were chosen, which runs a study lacks."""
    lines = [TEST_SELECTED] if study.selected_on == "test" else []
    failed = [cell for cell in study.cells if not cell.run]
    if failed:
        told = [
            f"{cell.variant or levels(cell.levels)}, seed {cell.seed} "
            f"({cell.error or 'no reason noted'})"
            for cell in failed[:6]
        ]
        more = f"; and {len(failed) - 6} more" if failed[6:] else ""
        lines.append(
            f"{len(failed)} of {len(study.cells)} runs failed, and every figure here is of the "
            f"others: {'; '.join(told)}{more}."
        )
    planned = study.design.runs
    if planned > len(study.cells):
        lines.append(f"{planned - len(study.cells)} of {planned} planned runs are not there yet.")
    return lines


def conditions(study: StudyResults, images: int | None = None) -> Iterator[str]:
    """Say what a study was measured on, a line each."""
    if study.data:
        yield f"data: {study.data}" + (f", {images:,} test images" if images else "")
    if study.connectome:
        yield f"connectome: {study.connectome}"
    if study.selected_on == "test":
        yield "test-selected: the test images chose each run's epoch"


def conditions_sentence(study: StudyResults, images: int | None = None) -> str:
    """Say the same as one paragraph of a page, whose warnings tell of the selection."""
    lines = [line for line in conditions(study, images) if not line.startswith("test-selected")]
    return " ".join(f"{line[0].upper()}{line[1:]}." for line in lines)


def runs_section(table: Table) -> Section:
    """Return the table of a study's runs."""
    return Section("Runs", ("Each folder has the run's spec, weights and predictions.",), [table])


def repeat(found: Found, study: StudyResults, run: Run | None) -> tuple[str, str]:
    """Return the command that repeats a study, and a sentence about it.

    The one that began it, where the study tells; else one from its design and a run's spec.
    """
    if study.command:
        return study.command, (
            "This is what was typed. Runs that are there are not trained again: the same command "
            "finds them, and more seeds or factors train only what is missing."
        )
    design = study.design
    spec = str(run.folder / SPEC) if run is not None else study.name
    words = ["bionic", "ablate" if found.kind == "ablation" else found.kind, spec]
    words += ["--mechanisms", ",".join(factor.name for factor in design.factors)]
    words += ["--seeds", str(len(design.seeds)), "--out", str(found.path.parent)]
    return shlex.join(words), "What was typed is not on record; this asks for the same runs."
