"""``bionic.evaluate``, ``predict`` and ``open``: what is there already, from Python."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Union

from bionic_core.actions import arguments
from bionic_core.actions.arguments import PathLike
from bionic_core.actions.asked import folder_of, listed
from bionic_core.actions.notices import called, warn
from bionic_core.actions.objects import AblationStudy, FactorialStudy, Run
from bionic_core.actions.own_plugins import Plugins, own_plugins

if TYPE_CHECKING:
    import pandas as pd

    from bionic_core.runs.evaluate import Evaluation

RunLike = Union[Run, str, "os.PathLike[str]"]


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

    with called(
        plugins=own_plugins((), run, *listed("against", against), *listed("beside", beside))
    ):
        source = None if data is None else os.fspath(arguments.path("data", data))
        others, more = (
            [folder_of(f"{name}[{n}]", one) for n, one in enumerate(listed(name, given))]
            for name, given in (("against", against), ("beside", beside))
        )
        sides = evaluation.Sides.opened(folder_of("run", run), others, more, margin)
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

    with called(plugins=own_plugins((), run)):
        opened = RunFolder.open(folder_of("run", run))
        places = [images] if isinstance(images, str | os.PathLike) else listed("images", images)
        paths = [arguments.path(f"images[{n}]", place) for n, place in enumerate(places)]
        found = probabilities(opened, paths)
        for one in found:
            if one.error is not None:
                warn(f"{one.error}; it has no prediction")
        return frames.probabilities(found, opened.manifest["class_names"])


def open(path: PathLike, *, plugins: Plugins = ()) -> Run | FactorialStudy | AblationStudy:
    """Return what a path holds: a run's folder, a study's folder, or a study's JSON file.

    Args:
        path: of either.
        plugins: classes of this program that runs were trained with, and nobody announces.

    Raises:
        RequestError: it holds none, more than one study, or a run that is not finished.
    """
    from bionic_core.studies.found import find_results
    from bionic_core.studies.results import AblationResults

    with called(plugins=(own := own_plugins(plugins))):
        found = find_results(arguments.path("path", path))
        file = found.path.absolute()
        if found.study is None:
            run = Run(file, True, own)
            _ = run.result
            return run
        if isinstance(found.study, AblationResults):
            return AblationStudy(file, found.study, plugins=own)
        return FactorialStudy(file, found.study, plugins=own)
