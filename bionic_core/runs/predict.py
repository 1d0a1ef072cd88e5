"""Class probabilities of ordinary pictures, of any size and colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import torch

from bionic_core.base.records import OMITTED
from bionic_core.errors import RequestError, shorten
from bionic_core.pictures import SUFFIXES, read_picture
from bionic_core.runs.folder import Run
from bionic_core.runs.wiring import with_wiring
from bionic_core.training.evaluation import logits_of
from bionic_core.training.metrics import probabilities


def find_pictures(places: Iterable[Path]) -> list[Path]:
    """Return pictures by path; of a folder those in it, sorted, by their suffix.

    Raises:
        RequestError: there is no such file, or a folder has no pictures.
    """
    found: list[Path] = []
    problems = []
    for place in places:
        if place.is_dir():
            try:
                inside = _inside(place)
            except OSError as error:
                problems.append(f"{place}: cannot be looked into ({error.strerror})")
                continue
            found += inside
            if not inside:
                problems.append(
                    f"{place}: there are no pictures in this folder itself; pictures end in "
                    f"{' '.join(SUFFIXES)}. Name the folder that holds them, or the files"
                )
        elif place.exists():
            found.append(place)
        else:
            problems.append(f"{place}: no such file or folder")
    if problems:
        raise RequestError(shorten(problems))
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()
    )


@attrs.frozen
class Prediction:
    """What a run says of a picture.

    Attributes:
        image: its path.
        prediction: the likeliest class; None where it could not be read.
        probabilities: by class name, the softmax of the logits, best first.
        error: why it could not be read.
    """

    image: str
    prediction: str | None
    probabilities: Mapping[str, float]
    error: str | None = attrs.field(default=None, metadata={OMITTED: True})


def predict(run: Run, places: Iterable[Path], wirings: Sequence[Path] = ()) -> list[Prediction]:
    """Return what a trained run says of pictures; the data it was trained on is not needed.

    Each picture is read as :func:`bionic_core.pictures.read_picture` does: the face should be
    centred and fill most of it, as in the images that the run was trained on.

    Args:
        run: a complete run.
        places: picture files, and folders of them.
        wirings: files in which the run's own wiring may be, where it is not with the run.

    A picture that a folder holds and that cannot be read is passed over, and says so in its place.

    Raises:
        RequestError: the run is not complete or does not fit what is installed, or a picture that
            is named itself is missing or cannot be read, or none can; then nothing is predicted.
    """
    _ = run.result
    places = list(places)
    paths = find_pictures(places)
    spec = with_wiring(run, run.spec(), wirings)
    names: list[str] = run.manifest["class_names"]
    images, problems = [], {}
    for path in paths:
        try:
            images.append(read_picture(path, spec.model.image))
        except RequestError as error:
            problems[path] = str(error)
    if problems and (not images or any(path in places for path in problems)):
        raise RequestError(shorten(list(problems.values())))
    connectome = spec.connectome.read() if spec.connectome is not None else None
    network = run.network(spec, connectome)
    rows = probabilities(logits_of(network, torch.as_tensor(np.stack(images))))
    told = iter(rows.tolist())
    found = []
    for path in paths:
        if path in problems:
            found.append(Prediction(str(path), None, {}, problems[path]))
            continue
        ranked = sorted(zip(names, next(told), strict=True), key=lambda pair: -pair[1])
        found.append(Prediction(str(path), ranked[0][0], dict(ranked)))
    return found
