"""``bionic.train`` and its like: the command line's commands as functions of Python.

Arguments have the names of the options. Errors are those whose words the command line prints
(:class:`bionic_core.BionicError`); what a reader must know is a :class:`bionic_core.BionicWarning`.
Bars are shown in a notebook and in a terminal; ``progress=True`` prints lines elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from bionic_core.actions import arguments, studies
from bionic_core.actions.arguments import (
    PathLike,
    Settings,
    SpecLike,
    count,
    names,
    spec_of,
    switched_by,
)
from bionic_core.actions.asked import (
    asked_of,
    engine_of,
    judging_of,
    warn_of_failures,
    workplace,
)
from bionic_core.actions.notices import called, warn
from bionic_core.actions.objects import AblationStudy, FactorialStudy, Plan, Run
from bionic_core.actions.own_plugins import (
    Plugins,
    complete_in,
    own_plugins,
    warn_of_earlier,
)
from bionic_core.actions.watch import display_for

if TYPE_CHECKING:
    from bionic_core.actions.work import Workplace
    from bionic_core.runs.engine import Engine
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.journal import Tracker
    from bionic_core.studies.reproduced import Reproduced

S = TypeVar("S", FactorialStudy, AblationStudy)


def train(
    spec: SpecLike,
    *,
    data: PathLike | None = None,
    seed: int = 0,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
    plugins: Plugins = (),
    device: str = "auto",
    out: PathLike = "runs",
    track: Sequence[str | Tracker] = (),
    track_to: PathLike | None = None,
    progress: bool | None = None,
) -> Run:
    """Train one run, or go on with it where it stopped, or return it if it is complete.

    Args:
        spec: a shipped spec's name, the path of a TOML file, or what ``bionic.load`` returns.
        data: a data source's name, a path, or ``SOURCE:PATH``, instead of the spec's.
        seed: of all that is drawn.
        epochs: at most so many.
        set: keys of the spec and their values, ``{"training.lr": 1e-3}``.
        without: mechanisms to leave out, with those that require them.
        with_: mechanisms to put in, by their defaults.
        plugins: classes of this program that may be named, such as a mechanism of this notebook.
        device: ``auto``, ``cpu`` or ``cuda``.
        out: folder in which runs have their folders.
        track: trackers, by name or as objects.
        track_to: folder of what they write; ``tracking`` in ``out`` if None.
        progress: None for bars in a notebook or a terminal; True for lines elsewhere too; False
            for nothing.

    Raises:
        RequestError: the spec, its data or an argument is wrong; nothing has been written.
        BionicError: training diverged, or the machine failed; finished epochs are kept.
    """
    from bionic_core.actions.work import train_run

    with called(trains=True, plugins=(own := own_plugins(plugins, spec))):
        loaded = spec_of(spec, data=data, epochs=epochs, set=set, without=without, with_=with_)
        where = workplace(out, device, 1, None, track, track_to)
        run = train_run(
            loaded, count("seed", seed, least=0), where, display_for(progress, alone=True)
        )
        warn_of_earlier(own, [run.folder], {run.folder.name} if run.reused else {*()})
        return Run(run.folder.absolute(), run.reused, own)


def factorial(
    spec: SpecLike = "demo",
    *,
    mechanisms: Sequence[str] = (),
    factors: Mapping[str, Sequence[Any]] | None = None,
    draws: Literal["crossed", "nested"] | None = None,
    seeds: int = 3,
    resolution: int | str | None = None,
    foldover: bool | Sequence[str] = False,
    design: PathLike | None = None,
    response: str = "accuracy",
    order: int | None = None,
    error: str | None = None,
    over: str = "seeds",
    margin: float | None = None,
    until: str | None = None,
    max_seeds: int | None = None,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
    plugins: Plugins = (),
    device: str = "auto",
    jobs: int = 1,
    engine: str | Engine = "local",
    out: PathLike = "runs",
    track: Sequence[str | Tracker] = (),
    track_to: PathLike | None = None,
    progress: bool | None = None,
) -> FactorialStudy:
    """Train combinations of mechanisms and of keys' values, and estimate their effects.

    Args:
        spec: as for :func:`train`, as is what is not named here.
        mechanisms, seeds: what is on and off, and the runs of each cell.
        factors: keys and their values, ``{"training.lr": [1e-4, 1e-3]}``; ``"v*20"`` is 20 draws.
        draws: draws and seeds crossed (also if None), or nested, each draw with seeds of its own.
        resolution, foldover: of a fraction, III to V; True, or factors, to add it reversed.
        design: a CSV of factors (columns) and cells (rows) instead.
        response, order: the figure, such as ``test.macro_f1``, and the highest interactions.
        error, over: ``seeds``, ``pooled`` or ``cells``; ``seeds``, or ``seeds,images``.
        margin: effects no larger are as good as none.
        until, max_seeds: ``"decided"`` trains on until all verdicts are told, or to so many.
        jobs, engine: runs side by side, and what trains them, by name or as an object.

    Raises:
        RequestError: what was asked is wrong; nothing has been trained.
        BionicError: every run failed; where some did, the caller is warned.
    """
    with called(trains=True, plugins=(own := own_plugins(plugins, spec))):
        trainer = engine_of(engine, count("jobs", jobs))  # first: it makes ready beside the rest
        loaded = spec_of(spec, data, epochs, set, without, with_, switched_by(mechanisms, design))
        judging = judging_of(error, over, margin, (until, seeds, max_seeds))
        wanted = (mechanisms, factors, draws, seeds, resolution, foldover, design, response, order)
        asked = asked_of(loaded, *wanted, judging)
        where = workplace(out, device, jobs, trainer, track, track_to)
        display = display_for(progress, asked.experiment.design.runs)
        return _told(FactorialStudy, own, where, studies.factorial, asked, display)


def _told(
    study: type[S], own: Plugins, where: Workplace, train: Any, asked: object, display: object
) -> S:
    """Train a study, and return it; warn of what its reader must know."""
    before = complete_in(where.out)
    results = train(asked, where, display)
    warn_of_failures(studies.failures(results))
    found = study(Path(results.file).absolute(), results, plugins=own)
    warn_of_earlier(own, [run.folder for run in found.runs], before)
    return found


def ablate(
    spec: SpecLike,
    *,
    mechanisms: Sequence[str] = (),
    seeds: int = 3,
    error: str | None = None,
    over: str = "seeds",
    margin: float | None = None,
    until: str | None = None,
    max_seeds: int | None = None,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
    plugins: Plugins = (),
    device: str = "auto",
    jobs: int = 1,
    engine: str | Engine = "local",
    out: PathLike = "runs",
    track: Sequence[str | Tracker] = (),
    track_to: PathLike | None = None,
    progress: bool | None = None,
) -> AblationStudy:
    """Leave each mechanism out in turn, and say what it changes and how sure that is.

    Arguments and errors are those of :func:`factorial`; ``mechanisms`` are those that are left
    out, one at a time, all if none is named.
    """
    with called(trains=True, plugins=(own := own_plugins(plugins, spec))):
        asked_jobs = count("jobs", jobs)
        trainer = engine_of(engine, asked_jobs)
        loaded = spec_of(spec, data=data, epochs=epochs, set=set, without=without, with_=with_)
        out_of_it, runs = names("mechanisms", mechanisms), count("seeds", seeds)
        judging = judging_of(error, over, margin, (until, runs, max_seeds))
        asked = studies.AskedAblation.of(loaded, out_of_it, runs, judging)
        where = workplace(out, device, asked_jobs, trainer, track, track_to)
        display = display_for(progress, asked.ablation.experiment.design.runs)
        return _told(AblationStudy, own, where, studies.ablate, asked, display)


def plan(
    spec: SpecLike = "demo",
    *,
    study: Literal["factorial", "ablation"] = "factorial",
    mechanisms: Sequence[str] = (),
    factors: Mapping[str, Sequence[Any]] | None = None,
    draws: Literal["crossed", "nested"] | None = None,
    seeds: int = 3,
    resolution: int | str | None = None,
    foldover: bool | Sequence[str] = False,
    design: PathLike | None = None,
    response: str = "accuracy",
    order: int | None = None,
    error: str | None = None,
    over: str = "seeds",
    margin: float | None = None,
    until: str | None = None,
    max_seeds: int | None = None,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
    plugins: Plugins = (),
    device: str = "auto",
    jobs: int = 1,
    out: PathLike = "runs",
    seconds: float | None = None,
) -> Plan:
    """Return what a study will be able to see, and how long it takes; nothing is trained.

    Arguments are those of :func:`factorial`, or of :func:`ablate` with ``study="ablation"``.

    Args:
        seconds: of training steps that are timed, 3 if None; 0 for none.

    Raises:
        RequestError: what was asked is wrong.
    """
    with called(plugins=own_plugins(plugins, spec)):
        switched = switched_by(mechanisms, design) if study == "factorial" else ()
        loaded = spec_of(spec, data, epochs, set, without, with_, switched)
        judging = judging_of(error, over, margin, (until, seeds, max_seeds))
        where = workplace(out, device, count("jobs", jobs), None, (), None)
        if study == "ablation":
            asked = names("mechanisms", mechanisms), count("seeds", seeds)
            found = studies.AskedAblation.of(loaded, *asked, judging)
            return Plan(studies.ablation_plan(found, where))
        if study != "factorial":
            raise arguments.wrong("study", study, "'factorial' or 'ablation'")
        wanted = (mechanisms, factors, draws, seeds, resolution, foldover, design, response, order)
        return Plan(studies.factorial_plan(asked_of(loaded, *wanted, judging), where, seconds))


def reproduce(
    paper: str | None = None,
    *,
    quick: bool = False,
    seeds: int | None = None,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    device: str = "auto",
    jobs: int = 1,
    engine: str | Engine = "local",
    out: PathLike = "runs",
    track: Sequence[str | Tracker] = (),
    track_to: PathLike | None = None,
    report_only: bool = False,
    progress: bool | None = None,
) -> Reproduced:
    """Train all that a paper's tables need, set its numbers beside ours, and write the report.

    Args:
        paper: an installed publication; the only one if None.
        quick: the paper's quick recipe.
        seeds: runs of each row; the paper's number if None.
        report_only: train nothing; report on finished runs.

    Other arguments and errors are those of :func:`factorial`. The files are named in ``files``.
    """
    from bionic_core.actions import reproduction as study
    from bionic_core.actions.written import finite_json
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.reproduction import collect

    def load(name: str) -> Spec:
        return arguments.spec_of(name, data=data, epochs=epochs, set=set)

    with called(trains=True):
        number = None if seeds is None else count("seeds", seeds)
        planned = study.plan(paper, quick=quick, seeds=number, open_spec=load)
        asked_jobs = count("jobs", jobs)
        where = workplace(out, device, asked_jobs, None, track, track_to)
        if report_only:
            cells = collect(planned, where.out)
        else:
            trainer = engine_of(engine, asked_jobs)
            where = workplace(out, device, asked_jobs, trainer, track, track_to)
            cells = study.train(
                planned, Plans(where.out), where, display_for(progress, planned.runs)
            )
        found, _ = study.report(planned, cells, where.out, lambda it: finite_json(it)[0])
        if failed := len(found.failed):
            warn(f"{failed} runs failed; the report is of the others")
        return found
