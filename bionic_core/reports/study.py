"""What studies' pages share: links to runs, what is missing, conditions, how to repeat them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import attrs

from bionic_core.errors import RequestError
from bionic_core.reports.origin import origin
from bionic_core.reports.reading import said
from bionic_core.reports.results import Found
from bionic_core.reports.sections import Cell, Page, Section, Table
from bionic_core.reports.words import capital, level, levels
from bionic_core.runs.train import SPEC, Run
from bionic_core.statistics.designs import Level
from bionic_core.studies.results import AblationResults, StudyResults, StudyRun

TEST_SELECTED = "Test-selected: the test images chose each run's epoch, so all figures flatter."


def whole(found: Found, study: StudyResults, page: Page, wanted: Mapping[str, Level]) -> Page:
    """Return a study's page with what every one has around its own sections.

    Args:
        found: where it was read.
        study: the study.
        page: what is its own; the kicker is its kind.
        wanted: levels of the run, if there is one, whose spec and circumstances are told.
    """
    run = _run_with(found, study, wanted)
    own = [line for line in conditions(study) if not line.startswith("test-selected")]
    return attrs.evolve(
        page,
        kicker=f"{page.kicker} of {study.name}, {study.design.runs} runs",
        answer=[*page.answer, " ".join(f"{capital(line)}." for line in own)],
        warnings=_warnings(study),
        sections=[*page.sections, *_origin(found, study, run)],
    )


def _run_with(found: Found, study: StudyResults, wanted: Mapping[str, Level]) -> Run | None:
    """Return a run of the study that is still there, with those levels if there is one."""
    for cell in sorted(study.cells, key=lambda cell: cell.levels != wanted):
        folder = found.run(cell)
        if folder is not None:
            try:
                return Run.open(folder)
            except RequestError:
                continue
    return None


def _warnings(study: StudyResults) -> list[str]:
    """Say what a reader must know first: how epochs were chosen, which runs a study lacks."""
    lines = [TEST_SELECTED] if study.selected_on == "test" else []
    failed = [cell for cell in study.cells if not cell.run]
    if failed:
        told = [
            f"{cell.variant or levels(cell.levels)}, seed {cell.seed} "
            f"({cell.error or 'no reason noted'})"
            for cell in failed[:6]
        ]
        told += [f"and {len(failed) - 6} more"] if failed[6:] else []
        lines.append(
            f"{len(failed)} of {len(study.cells)} runs failed, and every figure here is of the "
            f"others: {'; '.join(told)}."
        )
    planned = study.design.runs
    if planned > len(study.cells):
        lines.append(f"{planned - len(study.cells)} of {planned} planned runs are not there yet.")
    return lines


def conditions(study: StudyResults) -> Iterator[str]:
    """Say what a study was measured on, a line each."""
    images = study.test_images if isinstance(study, AblationResults) else None
    if study.data:
        yield f"data: {study.data}" + (f", {images:,} test images" if images else "")
    if study.connectome:
        yield f"connectome: {study.connectome}"
    if study.selected_on == "test":
        yield "test-selected: the test images chose each run's epoch"


def _link(found: Found, cell: StudyRun, out: Path) -> Cell:
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


def runs_section(
    found: Found, study: StudyResults, out: Path, column: str, told: Callable[[float | None], Cell]
) -> Section:
    """Return the table of a study's runs, what is measured being told in a column, by a cell."""
    factors = [factor.name for factor in study.design.factors]
    alone = isinstance(study, AblationResults)
    first = ["variant"] if alone else ["run", *factors]
    rows = []
    for place, run in enumerate(study.cells, 1):
        what = [Cell(run.variant)] if alone else [Cell(str(place), place)]
        what += [] if alone else [Cell(level(run.levels[name])) for name in factors]
        seed = Cell(str(run.seed), run.seed)
        rows.append([*what, seed, told(run.measured), _link(found, run, out)])
    columns = (*first, "seed", column, "folder")
    table = Table("Runs", columns, rows, (*range(1, len(first)), len(first) + 2), quiet=True)
    return Section("Runs", ("Each folder has the run's spec, weights and predictions.",), [table])


def _origin(found: Found, study: StudyResults, run: Run | None) -> list[Section]:
    """Tell the command that began a study; else one from its design and a run's spec."""
    if study.command:
        return origin(study.command, run, *said("recorded"))
    design = study.design
    spec = str(run.folder / SPEC) if run is not None else study.name
    words = ["bionic", "ablate" if found.kind == "ablation" else found.kind, spec]
    words += ["--mechanisms", ",".join(factor.name for factor in design.factors)]
    words += ["--seeds", str(len(design.seeds)), "--out", str(found.path.parent)]
    return origin(shlex.join(words), run, *said("not-recorded"))
