"""What calls are asked for, made of their arguments: experiments, engines, workplaces, folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bionic_core.actions import arguments
from bionic_core.actions.arguments import PathLike, count, names
from bionic_core.actions.notices import warn
from bionic_core.actions.objects import Run
from bionic_core.actions.work import Workplace

if TYPE_CHECKING:
    from bionic_core.actions.studies import Asked
    from bionic_core.runs.engine import Engine
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.journal import Tracker
    from bionic_core.studies.over_images import Judging


def asked_of(
    spec: Spec,
    mechanisms: object,
    factors: object,
    draws: object,
    seeds: object,
    resolution: int | str | None,
    foldover: bool | Sequence[str],
    design: PathLike | None,
    response: str,
    order: int | None,
    judging: Judging,
) -> Asked:
    """Return the factorial experiment that arguments ask for."""
    from bionic_core.actions.studies import Asked, design_factorial
    from bionic_core.statistics.fractions import resolution_of

    folded = None
    if foldover is not False:
        folded = [] if foldover is True else names("foldover", foldover)
    if not isinstance(response, str):
        raise arguments.wrong("response", response, "a figure's name, such as 'test.macro_f1'")
    if draws is not None and not isinstance(draws, str):
        raise arguments.wrong("draws", draws, "'crossed' or 'nested'")
    experiment = design_factorial(
        spec,
        names("mechanisms", mechanisms),
        [] if factors is None else arguments.factors_of(factors),
        judging.seeds(count("seeds", seeds)),
        resolution=None if resolution is None else resolution_of(str(resolution)),
        folded=folded,
        design=None if design is None else arguments.path("design", design),
        way=draws,
    )
    highest = None if order is None else count("order", order)
    return Asked.of(experiment, judging, response, highest)


def judging_of(
    error: str | None, over: str, margin: float | None, looks: tuple[str | None, object, object]
) -> Judging:
    """Return how sure effects are asked to be; ``looks`` are ``until``, seeds, and most seeds."""
    from bionic_core.statistics.until import looks_of
    from bionic_core.studies.over_images import Judging, over_images

    if not isinstance(over, str):
        raise arguments.wrong("over", over, "'seeds' or 'seeds,images'")
    until, seeds, most = looks
    last = None if most is None else count("max_seeds", most)
    return Judging(error, over_images(over), margin, looks_of(until, count("seeds", seeds), last))


def engine_of(engine: str | Engine, jobs: int) -> Engine:
    """Return an engine, which makes ready for so many runs at a time."""
    from bionic_core.runs.engine import Engine

    found = arguments.plugin("engine", engine, Engine)
    found.prepare(jobs)
    return found


def workplace(
    out: PathLike,
    device: str,
    jobs: int,
    engine: Engine | None,
    track: Sequence[str | Tracker],
    track_to: PathLike | None,
) -> Workplace:
    """Return where runs are trained."""
    from bionic_core.studies.journal import Tracker

    given = [
        arguments.plugin(f"track[{n}]", one, Tracker)
        for n, one in enumerate(listed("track", track))
    ]
    to = None if track_to is None else arguments.path("track_to", track_to)
    return Workplace(arguments.path("out", out), device, jobs, engine, given, to)


def listed(argument: str, given: object) -> list[Any]:
    """Return what is given as a list.

    Raises:
        RequestError: it is one thing alone.
    """
    if isinstance(given, str | Run) or not isinstance(given, Iterable):
        raise arguments.wrong(argument, given, f"a list: {argument}=[…]")
    return list(given)


def folder_of(argument: str, run: object) -> Path:
    """Return the folder of a run."""
    return run.folder if isinstance(run, Run) else arguments.path(argument, run)


def warn_of_failures(words: str) -> None:
    """Warn the caller that runs failed, if any did."""
    if words:
        warn(f"{words}; .cells says why")
