"""``bionic.train`` and its like: the command line's commands as functions of Python.

Arguments have the names of the options. Errors are those whose words the command line prints
(:class:`bionic_core.BionicError`); what a reader must know is a :class:`bionic_core.BionicWarning`.
Bars are shown in a notebook and in a terminal; ``progress=True`` prints lines elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

from bionic_core.actions import arguments
from bionic_core.actions.arguments import PathLike, Settings, SpecLike, count, names
from bionic_core.actions.notices import called, warn
from bionic_core.actions.objects import AblationStudy, FactorialStudy, Plan, Run
from bionic_core.actions.work import Workplace

if TYPE_CHECKING:
    import pandas as pd

    from bionic_core.actions.studies import Asked
    from bionic_core.runs.engine import Engine
    from bionic_core.runs.evaluate import Evaluation
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.journal import Tracker
    from bionic_core.studies.over_images import Judging
    from bionic_core.studies.reproduced import Reproduced

RunLike = Union[Run, str, "os.PathLike[str]"]


def train(
    spec: SpecLike,
    *,
    data: PathLike | None = None,
    seed: int = 0,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
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
        set: keys of the spec and their values, ``{"noise.sigma": 0.1}``.
        without: mechanisms to leave out, with those that require them.
        with_: mechanisms to put in, by their defaults.
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
    from bionic_core.actions.watch import display_for
    from bionic_core.actions.work import train_run

    with called(trains=True):
        loaded = arguments.spec_of(
            spec, data=data, epochs=epochs, set=set, without=without, with_=with_
        )
        where = _workplace(out, device, 1, None, track, track_to)
        run = train_run(
            loaded, count("seed", seed, least=0), where, display_for(progress, alone=True)
        )
        return Run(run.folder.absolute(), run.reused)


def factorial(
    spec: SpecLike = "demo",
    *,
    mechanisms: Sequence[str] = (),
    factors: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 3,
    resolution: int | str | None = None,
    foldover: bool | Sequence[str] = False,
    design: PathLike | None = None,
    response: str = "accuracy",
    order: int | None = None,
    error: str | None = None,
    over: str = "seeds",
    margin: float | None = None,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
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
        spec: as for :func:`train`, as ``data``, ``epochs``, ``set``, ``without``, ``with_``,
            ``device``, ``out``, ``track``, ``track_to`` and ``progress``.
        mechanisms: on and off.
        factors: keys of the spec and their values, ``{"training.lr": [1e-4, 1e-3]}``.
        seeds: runs of each cell, seeds 0, 1, ….
        resolution: of a fraction, III, IV or V, or 3, 4, 5; all combinations if None.
        foldover: True, or factors, to add the fraction with these reversed.
        design: a CSV file with a column for each factor and a row for each cell, instead.
        response: the figure that is analysed, such as ``test.macro_f1`` or ``epochs``.
        order: interactions of at most so many factors; higher ones are error.
        error: what tells how sure effects are: ``seeds``, ``pooled`` or ``cells``.
        over: what intervals generalise over: ``seeds``, or ``seeds,images``.
        margin: effects no larger are as good as none; in the effects' units.
        jobs: runs side by side, each a process of one thread if several.
        engine: what trains the runs, by name or as an object.

    Raises:
        RequestError: what was asked is wrong; nothing has been trained.
        BionicError: every run failed. Where some did, the caller is warned, and ``cells`` has why.
    """
    from bionic_core.actions import studies
    from bionic_core.actions.watch import display_for

    with called(trains=True):
        asked_jobs = count("jobs", jobs)
        trainer = _engine(engine, asked_jobs)  # first: it makes ready beside what follows
        loaded = arguments.spec_of(
            spec, data=data, epochs=epochs, set=set, without=without, with_=with_
        )
        asked = _asked(
            loaded, mechanisms, factors, seeds, resolution, foldover, design, response, order,
            _judging(error, over, margin),
        )  # fmt: skip
        where = _workplace(out, device, asked_jobs, trainer, track, track_to)
        display = display_for(progress, asked.experiment.design.runs)
        results = studies.factorial(asked, where, display, _CALL)
        _warn_of_failures(studies.failures(results))
        return FactorialStudy(Path(results.file).absolute(), results)


def ablate(
    spec: SpecLike,
    *,
    mechanisms: Sequence[str] = (),
    seeds: int = 3,
    error: str | None = None,
    over: str = "seeds",
    margin: float | None = None,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
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
    from bionic_core.actions import studies
    from bionic_core.actions.watch import display_for

    with called(trains=True):
        asked_jobs = count("jobs", jobs)
        trainer = _engine(engine, asked_jobs)
        loaded = arguments.spec_of(
            spec, data=data, epochs=epochs, set=set, without=without, with_=with_
        )
        out_of_it, runs = names("mechanisms", mechanisms), count("seeds", seeds)
        asked = studies.AskedAblation.of(loaded, out_of_it, runs, _judging(error, over, margin))
        where = _workplace(out, device, asked_jobs, trainer, track, track_to)
        display = display_for(progress, asked.ablation.experiment.design.runs)
        results = studies.ablate(asked, where, display, _CALL)
        _warn_of_failures(studies.failures(results))
        return AblationStudy(Path(results.file).absolute(), results)


def plan(
    spec: SpecLike = "demo",
    *,
    study: Literal["factorial", "ablation"] = "factorial",
    mechanisms: Sequence[str] = (),
    factors: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 3,
    resolution: int | str | None = None,
    foldover: bool | Sequence[str] = False,
    design: PathLike | None = None,
    response: str = "accuracy",
    order: int | None = None,
    error: str | None = None,
    over: str = "seeds",
    margin: float | None = None,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
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
    from bionic_core.actions import studies

    with called():
        loaded = arguments.spec_of(
            spec, data=data, epochs=epochs, set=set, without=without, with_=with_
        )
        judging = _judging(error, over, margin)
        where = _workplace(out, device, count("jobs", jobs), None, (), None)
        if study == "ablation":
            asked = names("mechanisms", mechanisms), count("seeds", seeds)
            found = studies.AskedAblation.of(loaded, *asked, judging)
            return Plan(studies.ablation_plan(found, where))
        if study != "factorial":
            raise arguments.wrong("study", study, "'factorial' or 'ablation'")
        return Plan(
            studies.factorial_plan(
                _asked(
                    loaded, mechanisms, factors, seeds, resolution, foldover, design, response,
                    order, judging,
                ),
                where,
                seconds,
            )
        )  # fmt: skip


def evaluate(
    run: RunLike,
    *,
    split: str = "test",
    data: PathLike | None = None,
    against: Sequence[RunLike] = (),
    beside: Sequence[RunLike] = (),
    margin: float | None = None,
    flip: bool = False,
) -> Evaluation:
    """Compute a run's figures on a split, and compare it with others on the same images.

    Args:
        run: a finished run, or its folder.
        split: ``train``, ``validation`` or ``test``.
        data: a data source or a path, instead of the run's own.
        against: other runs, for McNemar's test; several, with ``beside``, for two designs.
        beside: runs like the first with other seeds.
        margin: of the verdict on two designs, in points.
        flip: also, apart, averaged over each image and its mirror image.

    Raises:
        RequestError: a folder is no run's, the data is not there, or images differ.
    """
    from bionic_core.actions import evaluation

    with called():
        source = None if data is None else os.fspath(arguments.path("data", data))
        others, more = (
            [_folder(f"{name}[{n}]", one) for n, one in enumerate(_list(name, given))]
            for name, given in (("against", against), ("beside", beside))
        )
        sides = evaluation.Sides.opened(_folder("run", run), others, more, margin)
        return evaluation.evaluate(sides, split, source, flip=flip)[0]


def predict(run: RunLike, images: PathLike | Iterable[PathLike]) -> pd.DataFrame:
    """Return class probabilities of pictures, of any size and colour, the face in the middle.

    Args:
        run: a finished run, or its folder.
        images: a picture, a folder of pictures, or several.

    Returns:
        A row for each picture, by its path: ``prediction``, and each class's probability; nothing
        in them where a picture that a folder holds cannot be read, of which the caller is warned.

    Raises:
        RequestError: the run is not finished, or a picture is missing or cannot be read.
    """
    from bionic_core.actions import frames
    from bionic_core.runs.folder import Run as RunFolder
    from bionic_core.runs.predict import predict as probabilities

    with called():
        opened = RunFolder.open(_folder("run", run))
        places = [images] if isinstance(images, str | os.PathLike) else _list("images", images)
        paths = [arguments.path(f"images[{n}]", place) for n, place in enumerate(places)]
        found = probabilities(opened, paths)
        for one in found:
            if one.error is not None:
                warn(f"{one.error}; it has no prediction")
        return frames.probabilities(found, opened.manifest["class_names"])


def open(path: PathLike) -> Run | FactorialStudy | AblationStudy:
    """Return what a path holds: a run's folder, a study's folder, or a study's JSON file.

    Raises:
        RequestError: it holds none, more than one study, or a run that is not finished.
    """
    from bionic_core.reports.pages import find_results
    from bionic_core.studies.results import AblationResults

    with called():
        found = find_results(arguments.path("path", path))
        file = found.path.absolute()
        if found.study is None:
            run = Run(file, reused=True)
            _ = run.result
            return run
        if isinstance(found.study, AblationResults):
            return AblationStudy(file, found.study)
        return FactorialStudy(file, found.study)


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
    from bionic_core.actions.watch import display_for
    from bionic_core.actions.written import finite_json
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.reproduction import collect

    def load(name: str) -> Spec:
        return arguments.spec_of(name, data=data, epochs=epochs, set=set)

    with called(trains=True):
        number = None if seeds is None else count("seeds", seeds)
        planned = study.plan(paper, quick=quick, seeds=number, open_spec=load)
        asked_jobs = count("jobs", jobs)
        where = _workplace(out, device, asked_jobs, None, track, track_to)
        if report_only:
            cells = collect(planned, where.out)
        else:
            trainer = _engine(engine, asked_jobs)
            where = _workplace(out, device, asked_jobs, trainer, track, track_to)
            cells = study.train(
                planned, Plans(where.out), where, display_for(progress, planned.runs)
            )
        found, _ = study.report(planned, cells, where.out, lambda it: finite_json(it)[0])
        if failed := len(found.failed):
            warn(f"{failed} runs failed; the report is of the others")
        return found


_CALL = ""
"""The command of a study that no command asked for."""


def _asked(
    spec: Spec,
    mechanisms: object,
    factors: object,
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
    experiment = design_factorial(
        spec,
        names("mechanisms", mechanisms),
        [] if factors is None else arguments.factors_of(factors),
        count("seeds", seeds),
        resolution=None if resolution is None else resolution_of(str(resolution)),
        folded=folded,
        design=None if design is None else arguments.path("design", design),
    )
    highest = None if order is None else count("order", order)
    return Asked.of(experiment, judging, response, highest)


def _judging(error: str | None, over: str, margin: float | None) -> Judging:
    from bionic_core.studies.over_images import Judging, over_images

    if not isinstance(over, str):
        raise arguments.wrong("over", over, "'seeds' or 'seeds,images'")
    return Judging(error, over_images(over), margin)


def _engine(engine: str | Engine, jobs: int) -> Engine:
    from bionic_core.runs.engine import Engine

    found = arguments.plugin("engine", engine, Engine)
    found.prepare(jobs)
    return found


def _workplace(
    out: PathLike,
    device: str,
    jobs: int,
    engine: Engine | None,
    track: Sequence[str | Tracker],
    track_to: PathLike | None,
) -> Workplace:
    from bionic_core.studies.journal import Tracker

    given = [
        arguments.plugin(f"track[{n}]", one, Tracker) for n, one in enumerate(_list("track", track))
    ]
    to = None if track_to is None else arguments.path("track_to", track_to)
    return Workplace(arguments.path("out", out), device, jobs, engine, given, to)


def _list(argument: str, given: object) -> list[Any]:
    if isinstance(given, str | Run) or not isinstance(given, Iterable):
        raise arguments.wrong(argument, given, f"a list: {argument}=[…]")
    return list(given)


def _folder(argument: str, run: object) -> Path:
    return run.folder if isinstance(run, Run) else arguments.path(argument, run)


def _warn_of_failures(words: str) -> None:
    if words:
        warn(f"{words}; .cells says why")
