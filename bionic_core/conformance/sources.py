"""Laws of data sources and connectome sources."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs
import tomli_w

from bionic_core.base.strict import plain, structure
from bionic_core.conformance.building import described, same_fields
from bionic_core.conformance.laws import Broken, as_toml, raised
from bionic_core.connectome import Connectome
from bionic_core.dataset import Dataset
from bionic_core.errors import RequestError
from bionic_core.plugin import ConnectomeSource, DataSource, Plugin
from bionic_core.spec.spec import parse

S = TypeVar("S", bound=Plugin)

SHAPES = ((1, 48, 48), (3, 16, 24))


@attrs.frozen(eq=False)
class SourceBed(Generic[S]):
    """A source, and what it has given so far."""

    source: S

    @classmethod
    def of(cls, source: type[S] | S) -> SourceBed[S]:
        """Return the test bed of a source, by class (with its defaults) or with its keys.

        Raises:
            RequestError: a key has no default.
        """
        if not isinstance(source, type):
            return cls(source)
        found, problems = structure({}, source, source.name)
        if found is None:
            raise RequestError(problems)
        return cls(found)

    @property
    def keys(self) -> Mapping[str, Any]:
        """The source's keys, as in a spec."""
        keys: Mapping[str, Any] = plain(self.source)
        return keys

    @property
    def table(self) -> str:
        """The source's keys as TOML."""
        return as_toml({"source": self.source.name, **self.keys})


def docstring(bed: SourceBed[Any]) -> None:
    """The docstring says what it is, and the source where it comes from."""
    described(type(bed.source))


def toml(bed: SourceBed[Any]) -> None:
    """Its keys are the same after being written as TOML and read."""
    try:
        text = tomli_w.dumps(dict(bed.keys))
    except (TypeError, ValueError) as error:
        raise Broken(f"Its fields cannot be written as TOML: {error}", bed.table) from error
    again, problems = structure(parse(text, where="round trip"), type(bed.source), "round trip")
    if again is None:
        raise Broken("; ".join(problems), bed.table)
    same_fields(bed.source, again, bed.table)


def reads_images(bed: SourceBed[DataSource]) -> None:
    """It gives a Dataset whose images have the shape that is asked for, grey or in colour."""
    for shape in SHAPES:
        data = _images(bed, shape)
        found = data.train.images.shape[1:]
        if found != shape:
            raise Broken(
                f"Asked for images {shape} it gives {found}; bionic_core.pictures.fit turns arrays "
                "of images into any shape",
                f"{bed.table}\nread({shape})",
            )


def _images(bed: SourceBed[DataSource], shape: tuple[int, int, int]) -> Dataset:
    example = f"{bed.table}\nread({shape})"
    try:
        data = bed.source.read(shape)
    except Exception as error:
        raise Broken(f"It cannot be read. {raised(error)}", example) from error
    if not isinstance(data, Dataset):
        raise Broken(f"read() returns a {type(data).__name__}, no Dataset", example)
    return data


def same_images(bed: SourceBed[DataSource]) -> None:
    """Read twice, it gives the same images, labels and class names."""
    first, second = _images(bed, SHAPES[0]), _images(bed, SHAPES[0])
    if first.fingerprint != second.fingerprint:
        raise Broken(
            "Read twice it gives other data, so that no run could be repeated. Draw from a "
            "generator with a fixed seed, and sort what a folder lists",
            f"{bed.table}\nread({SHAPES[0]})",
        )


def reads_wiring(bed: SourceBed[ConnectomeSource]) -> None:
    """It gives a Connectome with a label, which every output shows."""
    connectome = _wiring(bed)
    if not str(connectome.provenance.get("label", "")).strip():
        raise Broken(
            "Its connectome has no label; give provenance the key 'label', which every output "
            "shows",
            f"{bed.table}\nprovenance = {dict(connectome.provenance)}",
        )
    if not len(connectome.pre):
        raise Broken("Its connectome has no connection", bed.table)


def _wiring(bed: SourceBed[ConnectomeSource]) -> Connectome:
    try:
        connectome = bed.source.read()
    except Exception as error:
        raise Broken(f"It cannot be read. {raised(error)}", bed.table) from error
    if not isinstance(connectome, Connectome):
        raise Broken(f"read() returns a {type(connectome).__name__}, no Connectome", bed.table)
    return connectome


def same_wiring(bed: SourceBed[ConnectomeSource]) -> None:
    """Read twice, it gives the same wiring."""
    if _wiring(bed).fingerprint != _wiring(bed).fingerprint:
        raise Broken(
            "Read twice it gives other wiring, so that no run could be repeated. Draw from a "
            "generator with a fixed seed",
            bed.table,
        )


def kept_wiring(bed: SourceBed[ConnectomeSource]) -> None:
    """Written to a file and read, the wiring is the same."""
    connectome = _wiring(bed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connectome.npz"
        try:
            connectome.save(path)
            again = Connectome.load(path)
        except Exception as error:
            raise Broken(
                f"Its connectome cannot be written and read. {raised(error)}",
                f"{bed.table}\nprovenance = {dict(connectome.provenance)}",
            ) from error
    if again.fingerprint != connectome.fingerprint or again.provenance != connectome.provenance:
        raise Broken(
            "Its connectome is another one once it was written to a file and read; provenance "
            "holds texts, numbers, lists and tables only",
            f"{bed.table}\nprovenance = {dict(connectome.provenance)}",
        )
