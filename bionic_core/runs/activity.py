"""What every neuron of a trained network does when it is shown images, batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import torch

from bionic_core.connectome import Connectome
from bionic_core.dataset import SPLITS
from bionic_core.errors import RequestError
from bionic_core.model.network import Network
from bionic_core.pictures import read_picture
from bionic_core.runs.folder import Run
from bionic_core.runs.predict import find_pictures
from bionic_core.runs.subject import subject
from bionic_core.runs.wiring import with_wiring
from bionic_core.spec.spec import Spec
from bionic_core.training.precision import products_in
from bionic_core.training.views import unit_range

PARTS = ("projections", "gain", "rate", "out")
"""Signals of a layer, in the order of the pass, as the network's ``trace`` names them."""

BATCH = 256

Floats = npt.NDArray[np.float32]


@attrs.frozen(eq=False, slots=False)
class Shown:
    """Images that a network is shown.

    Attributes:
        source: what they are, in words.
        names: the number or the path of each.
        labels: the class of each, where that is known.
        images: NCHW, uint8 or floats in [0, 1]; None where they are pictures, read as they come.
        shape: (C, H, W) that pictures are brought to.
    """

    source: str
    names: list[int] | list[str]
    labels: list[str] | None
    images: npt.NDArray[Any] | None
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.names)

    def batches(self) -> Iterator[Floats]:
        """Yield them as floats in [0, 1], NCHW, so many at a time that they fit."""
        for start in range(0, len(self), BATCH):
            yield _unit(self.part(start))

    def part(self, start: int) -> npt.NDArray[Any]:
        """Return the batch that begins at an image, as it is stored."""
        if self.images is not None:
            return self.images[start : start + BATCH]
        paths = self.names[start : start + BATCH]
        return np.stack([read_picture(Path(str(path)), self.shape) for path in paths])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the pixels as the network gets them, float32, as hexadecimal."""
        digest = hashlib.sha256(str(self.shape).encode())
        for batch in self.batches():
            digest.update(np.ascontiguousarray(batch.astype("<f4")).data)
        return digest.hexdigest()


@attrs.frozen(eq=False)
class Neurons:
    """Which neuron is which, in the order of the rates.

    Attributes:
        labels: by name, each (neurons,): ``layer``, ``index`` in it, and where a layer has cells
            ``cell_id`` (−1 for neurons that are none), ``cell_type``, ``broad_type`` and the
            soma's ``x``, ``y`` and ``z`` in nm (NaN for neurons that are no cells).
    """

    labels: dict[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.labels["layer"])

    @classmethod
    def of(cls, spec: Spec, network: Network, connectome: Connectome | None) -> Neurons:
        """Return the neurons of a network."""
        sizes = [network.layer(name).size for name in network.order]
        found: dict[str, npt.NDArray[Any]] = {
            "layer": np.repeat(np.array(network.order), sizes),
            "index": np.concatenate([np.arange(size) for size in sizes]),
        }
        groups = [spec.model.layers[name] for name in network.order]
        if connectome is None or all(isinstance(group, int) for group in groups):
            return cls(found)
        rows = np.concatenate(
            [
                np.full(group, -1)
                if isinstance(group, int)
                else np.concatenate([connectome.of_type(one) for one in group])
                for group in groups
            ]
        )
        real = rows >= 0
        position = np.where(real[:, None], connectome.position[rows], np.nan)
        return cls(
            found
            | {
                "cell_id": np.where(real, connectome.cell_id[rows], -1),
                "cell_type": np.where(real, connectome.cell_type[rows], ""),
                "broad_type": np.where(real, connectome.broad_type[rows], ""),
                "x": position[:, 0],
                "y": position[:, 1],
                "z": position[:, 2],
            }
        )


@attrs.frozen(eq=False)
class Recording:
    """A trained network before the images that it is shown.

    Attributes:
        part: which signal of each layer is recorded, one of :data:`PARTS`.
    """

    run: Run
    spec: Spec
    network: Network
    neurons: Neurons
    shown: Shown
    part: str

    @property
    def steps(self) -> int:
        """How many steps an image is seen for; 1 of a network that does not run in time."""
        return self.spec.model.steps

    def batches(self) -> Iterator[tuple[int, Floats]]:
        """Yield the number of a batch's first image, and rates (images, steps, neurons)."""
        start = 0
        for images in self.shown.batches():
            with torch.inference_mode(), products_in("float32"):
                found = self.network.trace(torch.as_tensor(images))
            layers = [found[f"{name}.{self.part}"].float() for name in self.network.order]
            rates = torch.cat(layers, dim=-1).reshape(len(images), self.steps, len(self.neurons))
            yield start, rates.numpy()
            start += len(images)


def recording(
    run: Run,
    images: object = "test",
    part: str = "out",
    *,
    data: str | None = None,
    wirings: Sequence[Path] = (),
) -> Recording:
    """Return a complete run's network before images, in evaluation mode.

    Args:
        run: a complete run.
        images: the name of a split; paths of pictures, or of folders of them; or an array NCHW or
            NHW, either uint8 or floats in [0, 1].
        part: one of :data:`PARTS`.
        data: a data source, the split's, instead of the run's own.
        wirings: files in which the run's own wiring may be, where it is not with the run.

    Raises:
        RequestError: there are no such images or no such signal, their shape is not the model's,
            or the run is not complete or does not fit what is installed.
    """
    if part not in PARTS:
        raise RequestError(f"part: '{part}' must be one of {', '.join(PARTS)}")
    if isinstance(images, str) and images in SPLITS:
        it = subject(run, images, data, wirings=wirings)
        labels = [it.class_names[n] for n in it.part.labels]
        numbers = list(range(len(it.part)))
        shown = Shown(f"{it.data}, {images}", numbers, labels, it.part.images, it.spec.model.image)
        neurons = Neurons.of(it.spec, it.network, it.connectome)
        return Recording(run, it.spec, it.network, neurons, shown, part)
    if data is not None:
        raise RequestError(
            f"--data {data}: it is for the images of a split, and --images names others; leave it "
            f"out, or let --images be one of {', '.join(SPLITS)}"
        )
    _ = run.result
    spec = with_wiring(run, run.spec(), wirings)
    shown = _given(images, spec.model.image)
    connectome = spec.connectome.read() if spec.connectome is not None else None
    network = run.network(spec, connectome)
    return Recording(run, spec, network, Neurons.of(spec, network, connectome), shown, part)


def _given(images: object, shape: tuple[int, int, int]) -> Shown:
    """Return images that are no split's: pictures, or an array."""
    if isinstance(images, str | Path):
        images = [images]
    if isinstance(images, Iterable) and not hasattr(images, "shape"):
        places = list(images)
        if places and all(isinstance(place, str | Path) for place in places):
            paths = [str(path) for path in find_pictures(map(Path, places))]
            return Shown(f"{len(paths):,} pictures", paths, None, None, shape)
        images = np.asarray(places)
    if not hasattr(images, "shape"):
        raise RequestError(
            f"images: must be a split ({', '.join(SPLITS)}), pictures or an array NCHW; this is "
            f"{type(images).__name__}"
        )
    array = np.asarray(images)
    array = array[:, None] if array.ndim == 3 and shape[0] == 1 else array
    if array.ndim != 4 or array.shape[1:] != tuple(shape) or not len(array):
        wanted = ", ".join(map(str, shape))
        raise RequestError(
            f"images: an array of shape {array.shape}; the model takes (N, {wanted})"
        )
    return Shown("an array", list(range(len(array))), None, array, shape)


def _unit(array: npt.NDArray[Any]) -> Floats:
    """Return images as floats in [0, 1]; bytes are scaled."""
    if array.dtype == np.uint8:
        scaled: Floats = unit_range(torch.as_tensor(array)).numpy()
        return scaled
    found = array.astype(np.float32)
    if not (np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1):
        raise RequestError(
            f"images: floats must lie in [0, 1]; these lie in [{found.min():.4g}, "
            f"{found.max():.4g}]. Bytes (uint8) are scaled as they are"
        )
    return found
