"""What studies' pages share: where one was found, what is missing, links, how to repeat it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import attrs

from bionic_core.errors import RequestError
from bionic_core.reports.origin import origin
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Cell, Facts, Page, Section, Table
from bionic_core.reports.words import capital, level, levels
from bionic_core.runs.files import SPEC
from bionic_core.runs.folder import Run
from bionic_core.statistics.designs import Level
from bionic_core.studies.found import Found
from bionic_core.studies.results import AblationResults, StudyResults, StudyRun

PAGE = "report.html"


def whole(found: Found, study: StudyResults, page: Page, wanted: Mapping[str, Level]) -> Page:
    """Return a study's page with what every one has around its own sections.

    The page's kicker is its kind; of a run with the wanted levels, if there is one, spec and
    circumstances are told.
    """
    own = [line for line in conditions(study) if not line.startswith("test-selected")]
    failed = [cell for cell in study.cells if not cell.run]
    told = [
        f"{cell.variant or levels(cell.levels)}, seed {cell.seed} "
        f"({cell.error or 'no reason noted'})"
        for cell in failed[:6]
    ]
    told += [f"and {len(failed) - 6} more"] if failed[6:] else []
    planned, known = study.design.runs, len(study.cells)
    numbers = {"planned": planned, "known": known, "missing": max(planned - known, 0)}
    gone, selected = {"failed": "; ".join(told), "gone": len(failed)}, study.selected_on == "test"
    return attrs.evolve(
        page,
        kicker=f"{page.kicker} of {study.name}, {planned} runs",
        answer=[*page.answer, " ".join(f"{capital(line)}." for line in own)],
        warnings=said("study-warnings", selected=selected, **gone, **numbers),
        sections=[*page.sections, *_origin(found, study, _run_with(found, study, wanted))],
    )


def _run_with(found: Found, study: StudyResults, wanted: Mapping[str, Level]) -> Run | None:
    """Return a run of the study that is still there, with those levels if there is one."""
    for cell in sorted(study.cells, key=lambda cell: cell.levels != wanted):
        if folder := found.run(cell):
            with suppress(RequestError):
                return Run.open(folder)
    return None


def caveats(study: StudyResults) -> list[str]:
    """Return what the study's answer cannot be read without, as sentences."""
    return [f"{capital(line)}." for line in study.caveats]


def conditions(study: StudyResults) -> list[str]:
    """Say what a study was measured on, a line each."""
    images = study.test_images if isinstance(study, AblationResults) else None
    told = {"data": study.data, "images": f", {images:,} test images" if images else ""}
    selected = study.selected_on == "test"
    return said("conditions", connectome=study.connectome, selected=selected, **told)


def _link(found: Found, cell: StudyRun, out: Path) -> Cell:
    """Return a cell that leads from a page to a run: to its own page where it has one."""
    folder, name = found.run(cell), Path(cell.run).name if cell.run else "failed"
    if folder is None:
        return Cell(name)
    target = folder / PAGE if (folder / PAGE).is_file() else folder
    path = Path(os.path.relpath(target, out.parent)).as_posix()
    return Cell(name, href=f"./{quote(path)}{'' if target != folder else '/'}")


def runs_section(
    found: Found, study: StudyResults, out: Path, column: str, told: Callable[[float | None], Cell]
) -> Section:
    """Return the table of a study's runs, what is measured being told in a column, by a cell."""
    factors = [factor.name for factor in study.design.factors]
    factors += [study.design.draws.column] if study.design.draws else []
    alone = isinstance(study, AblationResults)
    rows = [
        [
            *([run.variant] if alone else [Cell(str(place), place)]),
            *([] if alone else [level(run.levels.get(name, "")) for name in factors]),
            *(Cell(str(run.seed), run.seed), told(run.measured), _link(found, run, out)),
        ]
        for place, run in enumerate(study.cells, 1)
    ]
    first = ["variant"] if alone else ["run", *factors]
    words = (*range(1, len(first)), len(first) + 2)
    table = Table("Runs", (*first, "seed", column, "folder"), rows, words, quiet=True)
    return Section("Runs", ("Each folder has the run's spec, weights and predictions.",), [table])


def design_facts(study: StudyResults, first: Mapping[str, str], then: Mapping[str, str]) -> Facts:
    """Return what a study's design is, in facts before and after its seeds and runs."""
    seeds = ", ".join(map(str, study.design.seeds))
    facts = {**first, "seeds (blocks)": seeds, "runs": str(study.design.runs), **then}
    return Facts([(name, value) for name, value in facts.items() if value])


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
