"""A paper's study from its plan to the report beside the runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from bionic_core.actions.work import run_study

if TYPE_CHECKING:
    from bionic_core.actions.progress import Display
    from bionic_core.actions.work import Workplace
    from bionic_core.reports.sections import Section
    from bionic_core.runs.planned import Plans
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.cell import Cell
    from bionic_core.studies.reproduced import Reproduced
    from bionic_core.studies.reproduction import Plan, Reproduction


def plan(
    paper: str | None, *, quick: bool, seeds: int | None, open_spec: Callable[[str], Spec]
) -> Reproduction:
    """Return what a paper's tables need to be trained.

    Args:
        paper: an installed publication; the only one if None.
        quick: take its quick recipe.
        seeds: how many runs of each row; the paper's number if None.
        open_spec: returns the spec of a name, with data and what else was asked for.

    Raises:
        RequestError: there is no such paper, or a spec cannot be built.
    """
    from bionic_core.registry import Registry
    from bionic_core.studies.publication import open_publication
    from bionic_core.studies.reproduction import plan_reproduction

    registry = Registry.installed()
    published = open_publication(paper, registry)
    recipe = "quick" if quick else next(iter(published.recipes))
    runs = range(seeds or published.seeds)
    return plan_reproduction(published, recipe, open_spec, runs, registry)


def described(planned: Reproduction, plans: Plans, where: Workplace) -> Plan:
    """Return the plan with the time that it will take, after a few steps of each model."""
    from bionic_core.studies.reproduction import describe_plan, estimate

    duration = estimate(planned, plans, device=where.device, jobs=where.jobs)
    return describe_plan(planned, duration, where.jobs)


def train(
    planned: Reproduction, plans: Plans, where: Workplace, display: Display
) -> list[list[Cell]]:
    """Train what is missing of every experiment, as one study.

    Raises:
        BionicError: as :func:`bionic_core.actions.work.run_study`.
    """
    from bionic_core.studies.reproduction import study_name

    return run_study(study_name(planned), planned.experiments, where, display, plans=plans)


def report(
    planned: Reproduction, cells: Sequence[Sequence[Cell]], out: Path, to_json: Callable[..., str]
) -> tuple[Reproduced, list[Section]]:
    """Set what came out beside the paper, and write it as JSON, Markdown and HTML.

    Each file is whole or not there at all; all are made before any is written. ``to_json`` makes
    the first. Returns the results, with their files, and what is shown of them.

    Raises:
        BionicError: every run failed.
    """
    from bionic_core.base.files import write_text
    from bionic_core.reports import html, markdown
    from bionic_core.reports.reproduction import page
    from bionic_core.reports.reproduction import report as sections
    from bionic_core.studies.comparison import compare_with_paper

    found = compare_with_paper(planned, cells)
    parts = sections(planned.published, found)
    texts = {
        "json": to_json(found),
        "md": markdown.render(parts),
        "html": html.render(page(planned.published, parts)),
    }
    for suffix, text in texts.items():
        write_text(out / f"reproduction.{suffix}", text)
    files = tuple(str(out / f"reproduction.{suffix}") for suffix in texts)
    return attrs.evolve(found, files=files), parts
