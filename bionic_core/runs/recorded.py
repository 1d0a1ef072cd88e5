"""Recorded responses to images, in files of anybody's, and how like them a network responds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field

from bionic_core.base.arrays import read_arrays, reading
from bionic_core.base.exact import MismatchError, exact
from bionic_core.base.files import check_file
from bionic_core.base.hdf5 import opened_hdf
from bionic_core.base.records import OMITTED, SPREAD
from bionic_core.errors import RequestError, listing
from bionic_core.registry.extras import install
from bionic_core.runs.activity import Recording, recording
from bionic_core.runs.folder import Run
from bionic_core.statistics.fit import holm
from bionic_core.statistics.similarity import FEWEST, MEASURES, MOST, Similarity, similarity

HELD = (
    "'responses' (images, neurons) or (images, repeats, neurons), and if you have them 'images' "
    "(the images themselves, or their numbers or paths) and 'cell_id' (neurons)"
)


@attrs.frozen(eq=False)
class Recorded:
    """Responses to images.

    Attributes:
        responses: float64 (repeats, images, neurons).
        names: numbers or paths of the images, where the file has them.
        pixels: the images themselves, where the file has them.
        cells: ids of the neurons, where the file has them.
        sha256: of the images' pixels, where the file says it.
    """

    path: Path
    responses: npt.NDArray[np.float64]
    names: list[Any] | None = None
    pixels: npt.NDArray[Any] | None = None
    cells: npt.NDArray[np.int64] | None = None
    sha256: str | None = None


@attrs.frozen
class Likeness:
    """How like a recording a layer responds.

    Attributes:
        step: of a network in time; None of others.
        neurons: of the layer that are compared.
        recorded: neurons that they are compared with.
        p_adjusted: corrected for all comparisons by Holm.
        behind: value less that of the layer (and step) most like the recording by this measure.
        behind_low, behind_high: its 95 % interval over new images, paired: the same groups of
            images are left out of both. Which is the best, these images have said too.
    """

    layer: str
    step: int | None
    neurons: int
    recorded: int
    similarity: Similarity = field(metadata={SPREAD: True})
    p_adjusted: float | None
    behind: float | None = None
    behind_low: float | None = None
    behind_high: float | None = None


@attrs.frozen
class Compared:
    """A run's layers beside a recording.

    Attributes:
        file: of the recording.
        shown: what the images are.
        matched: whether neurons are paired by cell id, each layer with its own cells.
        notes: what a reader must know.
        drawn: paths of figures, where they were asked for.
    """

    run: str
    hash: str
    name: str
    file: str
    shown: str
    images: int
    repeats: int
    matched: bool
    likenesses: tuple[Likeness, ...]
    notes: tuple[str, ...] = field(default=(), metadata={OMITTED: True})
    drawn: tuple[str, ...] | None = None


def read_recorded(path: Path) -> Recorded:
    """Read responses from an ``.npz`` or a NetCDF file.

    Raises:
        RequestError: it is neither, has no responses, or they are no finite numbers or too few.
    """
    check_file(path)
    if path.suffix == ".npz":
        found = _of_npz(path)
    elif path.suffix == ".nc":
        found = _of_netcdf(path)
    else:
        raise RequestError("activity is read from .npz and .nc", where=str(path))
    it = found.responses
    problems = []
    if not np.isfinite(it).all():
        bad = int((~np.isfinite(it)).any((0, 1)).sum())
        problems.append(
            f"responses of {bad} of {it.shape[2]} neurons are not all finite; leave those out"
        )
    if it.shape[1] < FEWEST or it.shape[1] > MOST:
        problems.append(
            f"it has {it.shape[1]:,} images; from {FEWEST} to {MOST:,} are compared, all pairs "
            "of them"
        )
    if it.shape[2] < 2:
        problems.append("it has fewer than two neurons")
    if found.cells is not None and len(found.cells) != it.shape[2]:
        problems.append(f"it has {it.shape[2]} neurons and {len(found.cells)} cell ids")
    if problems:
        raise RequestError(problems, where=str(path))
    return found


def _of_npz(path: Path) -> Recorded:
    arrays = read_arrays(path)
    if "responses" not in arrays:
        raise RequestError(
            f"no array 'responses'; it has {listing(arrays) or 'none'}. An .npz of activity holds "
            + HELD,
            where=str(path),
        )
    strange = sorted({*arrays} - {"responses", "images", "cell_id"})
    if strange:
        raise RequestError(
            f"has {listing(strange)} beside the responses, which is not read; leave it out. An "
            f".npz of activity holds {HELD}",
            where=str(path),
        )
    images = arrays.get("images")
    if images is not None and not images.ndim:
        raise RequestError("images is one value; expected one for each image", where=str(path))
    pixels = images if images is not None and images.ndim > 1 else None
    names = images.tolist() if images is not None and images.ndim == 1 else None
    return Recorded(path, _shaped(arrays["responses"], path), names, pixels, _ids(arrays, path))


def _of_netcdf(path: Path) -> Recorded:
    missing = [name for name in ("xarray", "h5netcdf") if not find_spec(name)]
    if missing:
        raise RequestError(
            f"NetCDF takes {' and '.join(missing)}, not installed here: {install('xarray')}",
            where=str(path),
        )
    import xarray as xr

    with opened_hdf(path, "not a NetCDF file that can be read"):
        pass  # nothing in it leads elsewhere
    with (
        reading(path, "not a NetCDF file that can be read"),
        xr.open_dataset(path, engine="h5netcdf") as opened,
    ):
        data = opened.load()
    named = [name for name in ("responses", "rate") if name in data]
    if not named:
        raise RequestError(
            f"no variable 'responses' or 'rate'; it has {listing(map(str, data.data_vars))}",
            where=str(path),
        )
    values = data[named[0]]
    dims = [d for d in ("image", "repeat", "neuron") if d in values.dims]
    if set(values.dims) != set(dims) or not {"image", "neuron"} <= set(dims):
        raise RequestError(
            f"{named[0]} has the dimensions {listing(map(str, values.dims))}; allowed are image, "
            "neuron and repeat. Of activity in time take one step",
            where=str(path),
        )
    responses = _shaped(values.transpose(*dims).values, path)
    names = data["image"].values.tolist() if "image" in data.coords else None
    sha = data.attrs.get("images_sha256")
    if not isinstance(sha, str | None):
        raise RequestError(f"images_sha256 is {sha!r:.40}; a text is needed", where=str(path))
    return Recorded(path, responses, names, None, _ids(data.variables, path), sha)


def _shaped(array: npt.NDArray[Any], path: Path) -> npt.NDArray[np.float64]:
    if array.ndim not in (2, 3) or array.dtype.kind not in "fiu" or not array.size:
        raise RequestError(
            f"responses are {array.dtype} of shape {array.shape}; expected numbers, (images, "
            "neurons) or (images, repeats, neurons)",
            where=str(path),
        )
    try:
        found = exact(array, np.float64)
    except MismatchError as error:
        raise RequestError(f"responses {error}", where=str(path)) from error
    return found[None] if array.ndim == 2 else np.moveaxis(found, 1, 0)


def _ids(arrays: Mapping[Any, Any], path: Path) -> npt.NDArray[np.int64] | None:
    if "cell_id" not in arrays:
        return None
    found = np.asarray(arrays["cell_id"])
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise RequestError(
            f"cell_id is {found.dtype} of shape {found.shape}; a whole number is needed for each "
            "neuron: ids have 18 digits",
            where=str(path),
        )
    try:
        return exact(found, np.int64)
    except MismatchError as error:
        raise RequestError(f"cell_id {error}", where=str(path)) from error


def compare_with(
    run: Run,
    recorded: Recorded,
    images: object = None,
    part: str = "out",
    *,
    data: str | None = None,
    wirings: Sequence[Path] = (),
) -> Compared:
    """Return how like a recording each layer of a trained network responds.

    Args:
        run: a complete run.
        recorded: responses to images.
        images: what the network is shown, as :func:`bionic_core.runs.activity.recording` takes
            it; None for the images in the file, or where it has none for the test split.
        part: which signal of the layers is compared.
        data: a data source, the split's, instead of the run's own.
        wirings: files in which the run's own wiring may be, where it is not with the run.

    Raises:
        RequestError: the recording is of other images or of other cells.
    """
    if images is None:
        images = "test" if recorded.pixels is None else recorded.pixels
    elif recorded.pixels is not None:
        raise RequestError(
            "the file holds the images that were shown; leave --images out",
            where=str(recorded.path),
        )
    found = recording(run, images, part, data=data, wirings=wirings)
    order, notes = _order(found, recorded)
    columns = _columns(found, recorded)
    rates = np.concatenate([part for _, part in found.batches()]).astype(np.float64)[order]
    told = _likenesses(columns, rates, recorded, notes)
    repeats = len(recorded.responses)
    if repeats == 1:
        notes.append("without repeats nothing tells how like it any network could be")
    return Compared(
        run=str(run.folder),
        hash=run.hash,
        name=str(run.manifest["name"]),
        file=str(recorded.path),
        shown=found.shown.source,
        images=len(found.shown),
        repeats=repeats,
        matched=recorded.cells is not None,
        likenesses=told,
        notes=tuple(notes),
    )


def _likenesses(
    columns: Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
    rates: npt.NDArray[np.float64],
    recorded: Recorded,
    notes: list[str],
) -> tuple[Likeness, ...]:
    """Return how like the recording rates (images, steps, neurons) are; add to what is said."""
    found, steps = [], rates.shape[1]
    for layer, (mine, theirs) in columns.items():
        if min(len(mine), len(theirs)) < 2:
            notes.append(f"layer {layer}: fewer than two cells of it were recorded; left out")
            continue
        for step in range(steps):
            for measure in MEASURES:
                one = similarity(measure, rates[:, step, mine], recorded.responses[:, :, theirs])
                time = step if steps > 1 else None
                found.append(Likeness(layer, time, len(mine), len(theirs), one, None))
    if not found:
        raise RequestError("no layer has two recorded cells", where=str(recorded.path))
    if any(one.similarity.value is None for one in found):
        notes.append("where there is no value, a layer or the recording tells no images apart")
    found = _behind(found)
    p = holm(np.array([np.nan if (q := one.similarity.p) is None else q for one in found]))
    return tuple(
        attrs.evolve(one, p_adjusted=None if np.isnan(q) else float(q))
        for one, q in zip(found, p, strict=True)
    )


def _behind(found: Sequence[Likeness]) -> list[Likeness]:
    """Return likenesses with how far each is behind the best by the same measure."""
    best: dict[str, Similarity] = {}
    for one in found:
        it = one.similarity
        if it.value is not None and it.value > getattr(best.get(it.measure), "value", -np.inf):
            best[it.measure] = it
    told = []
    for one in found:
        it, first = one.similarity, best.get(one.similarity.measure)
        known = it.value is not None and first is not None and it is not first
        behind, low, high = it.beside(first) if known and first else (None, None, None)
        same = attrs.evolve(it, without=())
        told.append(
            attrs.evolve(one, similarity=same, behind=behind, behind_low=low, behind_high=high)
        )
    return told


def _order(found: Recording, recorded: Recorded) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the places of the recording's images among those shown, and what is to be said."""
    shown, path, count = found.shown, str(recorded.path), recorded.responses.shape[1]
    if count != len(shown):
        raise RequestError(
            f"responses to {count:,} images, and the network is shown {len(shown):,} "
            f"({shown.source}); say by --images which were shown",
            where=path,
        )
    if recorded.sha256 is not None and recorded.sha256 != shown.fingerprint:
        raise RequestError(
            f"responses to other images: theirs have the SHA-256 {recorded.sha256[:16]}, these "
            f"({shown.source}) {shown.fingerprint[:16]}; say by --images which were shown",
            where=path,
        )
    every = np.arange(count)
    if recorded.pixels is not None or recorded.sha256 is not None:
        return every, []
    if recorded.names is None:
        return every, ["the file does not say which images it is of: taken in their order"]
    places = {str(name): n for n, name in enumerate(shown.names)}
    unknown = [str(name) for name in recorded.names if str(name) not in places]
    if unknown or len(set(map(str, recorded.names))) != count:
        what = f"such as {unknown[0]}" if unknown else "and some are named twice"
        raise RequestError(
            f"responses to other images: {len(unknown):,} of its names are none of those shown "
            f"({shown.source}), {what}; say by --images which were shown",
            where=path,
        )
    notes = ["images are paired by their names; that they look alike is not known"]
    return np.array([places[str(name)] for name in recorded.names]), notes


def _columns(
    found: Recording, recorded: Recorded
) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return which neurons of each layer are compared with which recorded ones."""
    labels, path = found.neurons.labels, str(recorded.path)
    theirs = np.arange(recorded.responses.shape[2])
    own = {name: np.flatnonzero(labels["layer"] == name) for name in found.network.order}
    if recorded.cells is None:
        return {name: (mine, theirs) for name, mine in own.items()}
    ids = labels.get("cell_id", np.full(len(found.neurons), -1))
    place = {int(one): n for n, one in enumerate(ids) if one >= 0}
    unknown = [int(one) for one in recorded.cells if int(one) not in place]
    if unknown or len(set(recorded.cells.tolist())) != len(recorded.cells):
        what = (
            f"{len(unknown):,} of {len(theirs):,} ids, such as {unknown[0]}, are no cell of this "
            "network"
            if unknown
            else "some ids occur twice"
        )
        raise RequestError(
            f"activity of other cells: {what}. Leave out 'cell_id' to compare each layer with all "
            "of them, whichever they are",
            where=path,
        )
    mine = np.array([place[int(one)] for one in recorded.cells])
    return {
        name: (mine[inside], theirs[inside])
        for name, inside in ((n, np.isin(mine, rows)) for n, rows in own.items())
    }
