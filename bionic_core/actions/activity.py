"""A run's activity in memory, labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError
from bionic_core.runs.activity import Recording

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@attrs.frozen(eq=False)
class Activity:
    """Activity and its labels.

    Attributes:
        values: float32 (images, steps, neurons), the layers beside each other.
        recording: what it is of.
    """

    values: npt.NDArray[np.float32]
    recording: Recording

    @classmethod
    def of(cls, recording: Recording) -> Activity:
        """Return all of it at once."""
        return cls(np.concatenate([rates for _, rates in recording.batches()]), recording)

    def to_xarray(self) -> xr.DataArray:
        """Return an array of dimensions ``image``, ``step`` (in time) and ``neuron``.

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
        shown, timed = self.recording.shown, self.recording.steps > 1
        coordinates: dict[str, Any] = {"image": shown.names}
        labels = self.recording.neurons.labels
        coordinates |= {name: ("neuron", values) for name, values in labels.items()}
        if shown.labels is not None:
            coordinates["label"] = ("image", shown.labels)
        dims = ("image", "step", "neuron") if timed else ("image", "neuron")
        values = self.values if timed else self.values[:, 0]
        if timed:
            coordinates["step"] = np.arange(self.recording.steps)
        return xr.DataArray(values, coordinates, dims=dims, name=f"activity.{self.recording.part}")

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each image (and step, in time), a column for each neuron's labels."""
        import pandas as pd

        shown, steps = self.recording.shown, self.recording.steps
        every = self.recording.neurons.labels.items()
        labels = {name: values for name, values in every if name not in ("x", "y", "z")}
        columns = pd.MultiIndex.from_arrays(list(labels.values()), names=list(labels))
        names: dict[str, Any] = {"image": np.repeat(np.array(shown.names), steps)}
        if shown.labels is not None:
            names = {"label": np.repeat(np.array(shown.labels), steps)} | names
        if steps > 1:
            names["step"] = np.tile(np.arange(steps), len(shown))
        rows: Any = pd.Index(names["image"], name="image")
        if len(names) > 1:
            rows = pd.MultiIndex.from_arrays(list(names.values()), names=list(names))
        return pd.DataFrame(self.values.reshape(len(shown) * steps, -1), rows, columns)
