"""Reports: one self-contained HTML page of a run, a leave-one-out study or a factorial study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

import bionic_core
from bionic_core.base.files import write_text
from bionic_core.base.unfinished import refused
from bionic_core.errors import BionicError, RequestError
from bionic_core.reports import ablation, factorial, run
from bionic_core.reports.html import render
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Page, Section
from bionic_core.reports.study import PAGE
from bionic_core.runs.folder import Run
from bionic_core.studies.found import Found, find_results
from bionic_core.studies.results import AblationResults, FactorialResults

LIMIT = 3_000_000
"""Bytes of a page: so much is still sent by mail without a thought."""


@attrs.frozen
class Written:
    """A page that was written: of what kind, what it is about, its file and size, what it says.

    ``within`` are studies in the same folder whose runs it holds.
    """

    kind: str
    source: str
    file: str
    bytes: int
    title: str
    question: str
    answer: Sequence[str]
    warnings: Sequence[str]
    sections: Sequence[str]
    within: Sequence[str] = ()


def write_report(path: Path, out: Path | None = None) -> Written:
    """Write the page of what a path holds; return what was written.

    Args:
        path: a run's folder, a study's folder, or a study's JSON file.
        out: the page's file; else ``report.html`` in a run's folder, or beside a study's file.

    Raises:
        RequestError: there is nothing to report on, or more than one study, it is not finished,
            or it is damaged; or the system refuses such a page. Nothing has been written then.
        WriteError: the disk is full or broken.
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
        raise refused(error, target, "--out", "another file") from error
    told = (page.title, page.question, page.answer, page.warnings)
    sections = [section.title for section in page.sections]
    within = [*map(str, found.within)]
    return Written(found.kind, str(found.path), str(target), size, *told, sections, within)


def written(page: Written) -> Section:
    """Show what a page says, and where it is."""
    lines = said("written", page=page, size=1e-3 * page.bytes, within=", ".join(page.within))
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
