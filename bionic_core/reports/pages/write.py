"""Reports: one self-contained HTML page of a run, a leave-one-out study or a factorial study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

import bionic_core
from bionic_core.base.files import write_text
from bionic_core.errors import BionicError, RequestError
from bionic_core.reports import ablation, factorial
from bionic_core.reports.html import render
from bionic_core.reports.pages import run
from bionic_core.reports.results import Found, find
from bionic_core.reports.sections import Page, Section
from bionic_core.reports.words import number
from bionic_core.runs.train import Run
from bionic_core.studies.results import AblationResults, FactorialResults

LIMIT = 3_000_000
"""Bytes of a page: so much is still sent by mail without a thought."""


@attrs.frozen
class Written:
    """A page that was written.

    Attributes:
        kind: of what it is about.
        source: the folder or file that that is in.
        file: the page's.
        bytes: its size.
        sections: their headings.
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


def write_report(path: Path, out: Path | None = None) -> Written:
    """Write the page of what a path holds; return what was written.

    Args:
        path: a run's folder, a study's folder, or a study's JSON file.
        out: the page's file; else ``report.html`` in a run's folder, or beside a study's file.

    Raises:
        RequestError: there is nothing to report on, it is not finished, or it is damaged; or the
            page cannot be written there. Nothing has been written then.
        BionicError: the page would be too large.
    """
    found = find(path)
    target = out or found.page
    if target.is_dir():
        raise RequestError("is a folder; --out names the HTML file to write", where=str(target))
    page = page_of(found, target)
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
    said = (page.title, page.question, page.answer, page.warnings)
    sections = [section.title for section in page.sections]
    return Written(found.kind, str(found.path), str(target), size, *said, sections)


def written(page: Written) -> Section:
    """Show what a page says, and where it is."""
    size = number(page.bytes, 0, scale=1e-3)
    lines = (page.question, *page.answer, *page.warnings)
    return Section("", (*lines, f"written: {page.file} ({size} kB)"))


def page_of(found: Found, out: Path) -> Page:
    """Return the page of what was found.

    Raises:
        RequestError: it is not finished, or not as bionic writes it.
    """
    study = found.study
    try:
        if isinstance(study, AblationResults):
            page = ablation.page_of_ablation(found, study, out)
        elif isinstance(study, FactorialResults):
            page = factorial.page_of_factorial(found, study, out)
        else:
            page = run.page_of_run(Run.open(found.path))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RequestError(
            f"damaged, or not written by this version of bionic ({type(error).__name__}: {error})",
            where=str(found.path),
        ) from error
    return attrs.evolve(page, foot=f"Written by bionic {bionic_core.__version__}.")
