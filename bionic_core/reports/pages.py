"""Reports: one self-contained HTML page of a run, a leave-one-out study or a factorial study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import attrs

import bionic_core
from bionic_core.base.files import check_file, present, read_own, write_text
from bionic_core.base.records import from_document
from bionic_core.errors import BionicError, RequestError
from bionic_core.reports import ablation, factorial, run
from bionic_core.reports.html import printable, render
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Page, Section
from bionic_core.reports.study import PAGE, STUDIES, Found
from bionic_core.runs import files
from bionic_core.runs.find import find_run, means_a_run
from bionic_core.runs.folder import Run
from bionic_core.studies.results import AblationResults, FactorialResults

LIMIT = 3_000_000
"""Bytes of a page: so much is still sent by mail without a thought."""


@attrs.frozen
class Written:
    """A page that was written: of what kind, what it is about, its file and size, what it says."""

    kind: str
    source: str
    file: str
    bytes: int
    title: str
    question: str
    answer: Sequence[str]
    warnings: Sequence[str]
    sections: Sequence[str]


def write_report(path: Path, out: Path | None = None) -> Written:
    """Write the page of what a path holds; return what was written.

    Args:
        path: a run's folder, a study's folder, or a study's JSON file.
        out: the page's file; else ``report.html`` in a run's folder, or beside a study's file.

    Raises:
        RequestError: there is nothing to report on, or more than one study, it is not finished,
            or it is damaged; or the page cannot be written there. Nothing has been written then.
        BionicError: the page would be too large.
    """
    found = find_results(path)
    target = out or (path / PAGE if found.kind == "run" else found.path.with_suffix(".html"))
    if target.is_dir():
        raise RequestError("is a folder; --out names the HTML file to write", where=str(target))
    page = _page_of(found, target)
    text = render(page)
    size = len(text.encode())
    if size > LIMIT:
        raise BionicError(
            f"{found.path}: the page would have {size:,} bytes, more than {LIMIT:,}; nothing has "
            "been written"
        )
    try:
        write_text(target, text)
    except OSError as error:
        raise RequestError(
            f"cannot be written ({error.strerror}); give --out another file", where=str(target)
        ) from error
    told = (page.title, page.question, page.answer, page.warnings)
    sections = [section.title for section in page.sections]
    return Written(found.kind, str(found.path), str(target), size, *told, sections)


def written(page: Written) -> Section:
    """Show what a page says, and where it is."""
    lines = said("written", page=page, size=1e-3 * page.bytes)
    return Section("", (page.question, *page.answer, *page.warnings, *lines))


def _page_of(found: Found, out: Path) -> Page:
    try:
        if isinstance(found.study, AblationResults):
            page = ablation.page_of_ablation(found, found.study, out)
        elif isinstance(found.study, FactorialResults):
            page = factorial.page_of_factorial(found, found.study, out)
        else:
            page = run.page_of_run(Run.open(found.path))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RequestError(
            f"damaged, or not written by this version of bionic ({type(error).__name__}: {error})",
            where=str(found.path),
        ) from error
    return attrs.evolve(page, foot=f"Written by bionic {bionic_core.__version__}.")


def find_results(path: Path) -> Found:
    """Return what a path is: a run's folder, a study's folder, or a study's JSON file."""
    if means_a_run(path):
        return Found("run", find_run(path).folder)
    if not path.exists():
        raise RequestError("no such file or folder", where=str(path))
    if not path.is_dir():
        check_file(path)
        return _study(path)
    if present(path / files.SPEC) and present(path / files.MANIFEST):
        return Found("run", path)
    studies = sorted(file for kind in STUDIES for file in path.glob(f"{kind}-*.json"))
    if len(studies) == 1:
        return _study(studies[0])
    runs = sorted(file.parent for file in path.glob(f"*/{files.MANIFEST}"))
    done = [run for run in runs if (run / files.RESULT).is_file()]
    problem = said(
        "nothing-to-report",
        many="".join(f"\n    {file}" for file in studies),
        studies=len(studies),
        none=not studies and not runs,
        unfinished=not studies and len(runs),
        single=not studies and done,
        done=len(done),
        left=len(runs) - len(done),
    )
    raise RequestError(". ".join(problem), where=str(path))


def _study(path: Path) -> Found:
    kind, dash, _ = path.name.partition("-")
    if not (kind in STUDIES and dash and path.suffix == ".json"):
        names = " or ".join(f"{name}-*.json" for name in STUDIES)
        raise RequestError(
            f"not the results of a study, whose file is named {names}. Give such a file, the "
            "folder that it is in, or a run's folder",
            where=str(path),
        )
    try:
        document = json.loads(read_own(path).decode())
    except (ValueError, RecursionError) as error:
        raise RequestError(f"damaged: {error}", where=str(path)) from error
    cls = STUDIES[kind]
    wanted = [f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING]
    there = document if isinstance(document, dict) else {}
    if lacks := [key for key in wanted if key not in there]:
        raise RequestError(
            f"damaged, or not the results of a study: it lacks {', '.join(lacks)}", where=str(path)
        )
    return Found(kind, path, from_document(cls, printable(document), where=str(path)))
