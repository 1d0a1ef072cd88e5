"""A run's activity in a file, written as it is computed: Parquet, NetCDF or Zarr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.files import kind_of, write_atomically
from bionic_core.base.hdf5 import writing_hdf
from bionic_core.base.unfinished import made_beside
from bionic_core.errors import RequestError, listing
from bionic_core.registry.extras import install
from bionic_core.runs.activity import Recording

NEEDS: Mapping[str, tuple[str, ...]] = {
    ".parquet": (),
    ".nc": ("xarray", "h5netcdf"),
    ".zarr": ("xarray", "zarr"),
}
"""Suffixes of the formats, and the packages of the extra ``xarray`` that each takes."""

PACKED: Mapping[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


@attrs.frozen
class Written:
    """Activity in a file.

    Attributes:
        run, hash, name: of the run; ``name`` is its spec's.
        shown: what the images are.
        part: the signal of each layer that was recorded.
        layers: their names, and how many neurons each has.
        cells: how many neurons are cells of the connectome.
        mean: of all rates.
        silent: neurons that no image moved: the same rate throughout.
    """

    run: str
    hash: str
    name: str
    shown: str
    part: str
    images: int
    steps: int
    neurons: int
    layers: dict[str, int]
    cells: int
    mean: float
    silent: int
    file: str
    format: str
    bytes: int


def check_out(out: Path) -> None:
    """Check a file's name and what its format takes, before anything is computed.

    Raises:
        RequestError: there is no such format, its packages are missing, or its folder is.
    """
    if out.suffix not in NEEDS:
        raise RequestError(
            f"--out {out}: the suffix says the format; it must be one of {listing(NEEDS)}"
        )
    missing = [name for name in NEEDS[out.suffix] if not find_spec(name)]
    if missing:
        raise RequestError(
            f"--out {out}: {out.suffix} takes {' and '.join(missing)}, which "
            f"{'are' if len(missing) > 1 else 'is'} not installed here: {install('xarray')}. "
            "Or write .parquet, which needs nothing more"
        )
    if not out.parent.is_dir():
        raise RequestError(f"--out {out}: there is no folder {out.parent}")
    wanted = "folder" if out.suffix == ".zarr" else "file"
    if (kind := kind_of(out)) not in ("", wanted):
        raise RequestError(f"--out {out}: a {kind} is there, and {out.suffix} is a {wanted}")
    parts = {".zgroup", ".zattrs", ".zmetadata"}
    strange = [
        path.name
        for path in (out.iterdir() if kind == "folder" else ())
        if path.name not in parts and not (path / ".zarray").is_file()
    ]
    if strange:
        raise RequestError(
            f"--out {out}: a folder is there that is no Zarr store, for it has "
            f"{listing(strange[:3])}; it is kept"
        )


def write(recording: Recording, out: Path) -> Written:
    """Write every neuron's rate for every image, batch by batch; return what was written.

    Memory does not grow with the number of images. The file appears under its name when it is
    whole; one that is there before is replaced.

    Raises:
        RequestError: as :func:`check_out`, or an image cannot be read; then nothing is written.
        WriteError: the disk is full, or writing is not allowed there.
    """
    check_out(out)
    told = _Told.of(recording)
    _FORMATS[out.suffix](told, out)
    run, neurons, shown = recording.run, recording.neurons, recording.shown
    layers, sizes = recording.network.order, np.unique(neurons.labels["layer"], return_counts=True)
    counts = dict(zip(*(part.tolist() for part in sizes), strict=True))
    paths = [p for p in out.rglob("*") if p.is_file()] if out.is_dir() else [out]
    ids = neurons.labels.get("cell_id")
    return Written(
        run=str(run.folder),
        hash=run.hash,
        name=str(run.manifest["name"]),
        shown=shown.source,
        part=recording.part,
        images=len(shown),
        steps=recording.steps,
        neurons=len(neurons),
        layers={name: counts[name] for name in layers},
        cells=0 if ids is None else int((ids >= 0).sum()),
        mean=told.total / (len(shown) * recording.steps * len(neurons)),
        silent=int((told.low == told.high).sum()),
        file=str(out),
        format=out.suffix[1:],
        bytes=sum(path.stat().st_size for path in paths),
    )


@attrs.define(eq=False)
class _Told:
    """A recording, and what is told of it as it passes by."""

    recording: Recording
    low: Any
    high: Any
    total: float = 0.0

    @classmethod
    def of(cls, recording: Recording) -> _Told:
        count = len(recording.neurons)
        return cls(recording, np.full(count, np.inf), np.full(count, -np.inf))

    def batches(self) -> Any:
        """Yield the batches, and keep count."""
        for start, rates in self.recording.batches():
            self.total += float(rates.sum(dtype=np.float64))
            self.low = np.minimum(self.low, rates.min((0, 1)))
            self.high = np.maximum(self.high, rates.max((0, 1)))
            yield start, rates

    @property
    def about(self) -> dict[str, Any]:
        """What the file says of itself."""
        run, recording = self.recording.run, self.recording
        return {
            "title": "rate of each neuron for each image",
            "run": run.hash,
            "name": str(run.manifest["name"]),
            "images": recording.shown.source,
            "images_sha256": recording.shown.fingerprint,
            "part": recording.part,
        }


def _parquet(told: _Told, out: Path) -> None:
    """Write a row for each image, step and neuron; labels are dictionaries, so they take little."""
    import pyarrow
    import pyarrow.parquet

    it, neurons = told.recording, told.recording.neurons
    count, steps = len(neurons), it.steps
    labels = {
        name: pyarrow.array(values).dictionary_encode() for name, values in neurons.labels.items()
    }
    about = {f"bionic.{key}": str(value) for key, value in told.about.items()}
    writer = None
    with write_atomically(out) as file:
        for start, rates in told.batches():
            shown = len(rates)
            each = np.repeat(np.arange(shown), steps * count)
            names = pyarrow.array(it.shown.names[start : start + shown])
            columns: dict[str, Any] = {"image": names.dictionary_encode().take(each)}
            if it.shown.labels is not None:
                given = pyarrow.array(it.shown.labels[start : start + shown])
                columns["label"] = given.dictionary_encode().take(each)
            if steps > 1:
                columns["step"] = np.tile(np.repeat(np.arange(steps), count), shown)
            every = np.tile(np.arange(count), shown * steps)
            columns |= {name: values.take(every) for name, values in labels.items()}
            columns["rate"] = rates.reshape(-1)
            table = pyarrow.table(columns).replace_schema_metadata(about)
            writer = writer or pyarrow.parquet.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table)
        assert writer is not None  # there is an image at least
        writer.close()


def _netcdf(told: _Told, out: Path) -> None:
    """Write NetCDF 4, which xarray opens: h5netcdf writes a batch at a time, as xarray cannot."""
    import h5netcdf
    import h5py

    it = told.recording
    dims = ("image", "step", "neuron") if it.steps > 1 else ("image", "neuron")
    with (
        made_beside(out) as path,
        writing_hdf(path) as held_by,
        h5netcdf.File(held_by, "w") as file,
    ):
        file.dimensions = {"image": len(it.shown), "neuron": len(it.neurons)}
        if it.steps > 1:
            file.dimensions["step"] = it.steps
        for name, (dim, values) in _coordinates(told).items():
            texts = values.dtype.kind == "U"
            dtype: Any = h5py.string_dtype() if texts else values.dtype
            held = file.create_variable(name, (dim,), dtype)
            held[:] = values.astype(object) if texts else values
        # xarray takes these for labels, not for data
        rate = file.create_variable("rate", dims, "f4", chunks=None, **PACKED)
        rate.attrs["coordinates"] = " ".join(
            name for name in _coordinates(told) if name not in dims
        )
        for start, rates in told.batches():
            rate[start : start + len(rates)] = rates if it.steps > 1 else rates[:, 0]
            held_by.check()
        for key, value in told.about.items():
            file.attrs[key] = value


def _zarr(told: _Told, out: Path) -> None:
    """Write a Zarr store, batch after batch, beside its name; then give it its name."""
    import xarray as xr

    it = told.recording
    dims = ("image", "step", "neuron") if it.steps > 1 else ("image", "neuron")
    labels = _coordinates(told)
    with made_beside(out) as path:
        for start, rates in told.batches():
            part = slice(start, start + len(rates))
            coordinates = {
                name: (dim, values[part] if dim == "image" else values)
                for name, (dim, values) in labels.items()
            }
            found = xr.Dataset(
                {"rate": (dims, rates if it.steps > 1 else rates[:, 0])},
                coordinates,
                {} if start else told.about,
            )
            if start:
                found = found.drop_vars([n for n, (dim, _) in labels.items() if dim != "image"])
                found.to_zarr(path, append_dim="image", consolidated=True, zarr_format=2)
            else:
                found.to_zarr(path, consolidated=True, zarr_format=2)


def _coordinates(told: _Told) -> dict[str, tuple[str, npt.NDArray[Any]]]:
    """Return labels by name, and the dimension that each is of; texts as long as the longest."""
    it = told.recording
    found: dict[str, tuple[str, Any]] = {"image": ("image", np.asarray(it.shown.names))}
    if it.shown.labels is not None:
        found["label"] = ("image", np.asarray(it.shown.labels))
    if it.steps > 1:
        found["step"] = ("step", np.arange(it.steps))
    return found | {name: ("neuron", values) for name, values in it.neurons.labels.items()}


_FORMATS: Mapping[str, Callable[[_Told, Path], None]] = {
    ".parquet": _parquet,
    ".nc": _netcdf,
    ".zarr": _zarr,
}
