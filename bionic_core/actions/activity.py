"""What every neuron of a trained network does when it is shown images, labelled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.actions.arguments import wrong
from bionic_core.dataset import SPLITS
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bionic_core.connectome import Connectome
    from bionic_core.model.network import Network
    from bionic_core.runs.folder import Run
    from bionic_core.spec.spec import Spec

PARTS = ("projections", "gain", "rate", "out")
"""Signals of a layer, in the order of the pass, as the network's ``trace`` names them."""

BATCH = 256


@attrs.frozen(eq=False)
class Activity:
    """Activity and its labels.

    Attributes:
        values: float32 (images, neurons), the layers beside each other.
        images: the number or the path of each.
        labels: the class of each image, where that is known.
        neurons: labels of the neurons by name: ``layer``, ``index`` in it, and where the layer has
            cells, ``cell_id``, ``cell_type`` and ``broad_type``.
        part: which signal it is.
    """

    values: npt.NDArray[np.float32]
    images: list[int] | list[str]
    labels: list[str] | None
    neurons: dict[str, npt.NDArray[Any]]
    part: str

    def to_xarray(self) -> xr.DataArray:
        """Return an array of dimensions ``image`` and ``neuron``.

        Raises:
            RequestError: xarray is not installed.
        """
        from bionic_core.registry.extras import install

        try:
            import xarray as xr
        except ImportError as error:
            raise RequestError(
                f"labelled arrays are xarray's, which is not installed: {install('xarray')}; or "
                "take a data frame: activity(images, frame=True)"
            ) from error
        coordinates: dict[str, Any] = {"image": self.images}
        coordinates |= {name: ("neuron", values) for name, values in self.neurons.items()}
        if self.labels is not None:
            coordinates["label"] = ("image", self.labels)
        return xr.DataArray(
            self.values, coordinates, dims=("image", "neuron"), name=f"activity.{self.part}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each image, and a column for each neuron, by its labels."""
        import pandas as pd

        columns = pd.MultiIndex.from_arrays(list(self.neurons.values()), names=list(self.neurons))
        rows: Any = pd.Index(self.images, name="image")
        if self.labels is not None:
            rows = pd.MultiIndex.from_arrays([self.labels, self.images], names=["label", "image"])
        return pd.DataFrame(self.values, rows, columns)


def record(run: Run, network: Network, images: object, part: str) -> Activity:
    """Return the activity of a run's network.

    Args:
        run: a complete run.
        network: its own.
        images: the name of a split; paths of pictures; or an array NCHW or NHW, either uint8 or
            floats in [0, 1].
        part: one of :data:`PARTS`.

    Raises:
        RequestError: there are no such images or no such signal, or their shape is not the model's.
    """
    import torch

    from bionic_core.training.precision import products_in

    if part not in PARTS:
        raise RequestError(f"part: '{part}' must be one of {', '.join(PARTS)}")
    spec = run.spec()
    given, names, labels = _images(run, spec, images)
    rows = []
    with torch.inference_mode(), products_in("float32"):
        for start in range(0, len(given), BATCH):
            found = network.trace(torch.as_tensor(given[start : start + BATCH]))
            rows.append(torch.cat([found[f"{name}.{part}"] for name in network.order], dim=1))
    connectome = spec.connectome.read() if spec.connectome is not None else None
    values = torch.cat(rows).numpy()
    return Activity(values, names, labels, _neurons(spec, network, connectome), part)


def _images(
    run: Run, spec: Spec, images: object
) -> tuple[npt.NDArray[np.float32], list[int] | list[str], list[str] | None]:
    """Return images NCHW in [0, 1], what each is called, and its class where that is known."""
    from bionic_core.pictures import read_picture
    from bionic_core.runs.evaluate import split_of
    from bionic_core.runs.predict import find_pictures

    shape = spec.model.image
    if isinstance(images, str) and images in SPLITS:
        part, names = split_of(run, images)
        return _unit(part.images), list(range(len(part))), [names[n] for n in part.labels]
    if isinstance(images, str | Path):
        images = [images]
    if isinstance(images, Iterable) and not hasattr(images, "shape"):
        places = list(images)
        if places and all(isinstance(place, str | Path) for place in places):
            paths = find_pictures(map(Path, places))
            pictures = np.stack([read_picture(path, shape) for path in paths])
            return _unit(pictures), [str(path) for path in paths], None
        images = np.asarray(places)
    if not hasattr(images, "shape"):
        raise wrong("images", images, f"a split ({', '.join(SPLITS)}), pictures or an array NCHW")
    array = np.asarray(images)
    array = array[:, None] if array.ndim == 3 and shape[0] == 1 else array
    if array.ndim != 4 or array.shape[1:] != tuple(shape) or not len(array):
        wanted = ", ".join(map(str, shape))
        raise RequestError(
            f"images: an array of shape {array.shape}; the model takes (N, {wanted})"
        )
    return _unit(array), list(range(len(array))), None


def _unit(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return images as floats in [0, 1]; bytes are scaled."""
    import torch

    from bionic_core.training.views import unit_range

    if array.dtype == np.uint8:
        scaled: npt.NDArray[np.float32] = unit_range(torch.as_tensor(array)).numpy()
        return scaled
    found = array.astype(np.float32)
    if not (np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1):
        raise RequestError(
            f"images: floats must lie in [0, 1]; these lie in [{found.min():.4g}, "
            f"{found.max():.4g}]. Bytes (uint8) are scaled as they are"
        )
    return found


def _neurons(
    spec: Spec, network: Network, connectome: Connectome | None
) -> dict[str, npt.NDArray[Any]]:
    sizes = [network.layer(name).size for name in network.order]
    found: dict[str, npt.NDArray[Any]] = {
        "layer": np.repeat(np.array(network.order), sizes),
        "index": np.concatenate([np.arange(size) for size in sizes]),
    }
    types = [spec.model.layers[name] for name in network.order]
    if connectome is None or any(isinstance(cells, int) for cells in types):
        return found
    cells = np.concatenate(
        [connectome.of_type(one) for group in types if isinstance(group, tuple) for one in group]
    )
    return found | {
        name: getattr(connectome, name)[cells] for name in ("cell_id", "cell_type", "broad_type")
    }
