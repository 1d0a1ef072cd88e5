"""Images whose labels are shares of classes: what several people said of each."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.dataset import Split
from bionic_core.errors import RequestError


@attrs.frozen(eq=False)
class SoftSplit(Split):
    """Images, the class of each, and the share of each class in what it is.

    Networks are trained towards the shares, and evaluated by the classes.

    Attributes:
        targets: float32 (N, classes), each row of sum 1.

    Raises:
        RequestError: rows are no shares, or not as many as images.
    """

    targets: npt.NDArray[np.float32] = attrs.field(kw_only=True)

    def __attrs_post_init__(self) -> None:
        shares = self.targets
        fit = shares.ndim == 2 and len(shares) == len(self.labels)
        if not fit or (shares < 0).any() or not np.allclose(shares.sum(1), 1, atol=1e-4):
            raise RequestError(
                f"targets of shape {shares.shape}: expected a row of shares, of sum 1, for each "
                f"of {len(self.labels)} images"
            )

    def take(self, rows: npt.NDArray[np.int64]) -> SoftSplit:
        """Return the given rows, in the given order."""
        part = Split(self.images, self.labels, self.files).take(rows)
        return SoftSplit(part.images, part.labels, part.files, targets=self.targets[rows])

    @property
    def beside_labels(self) -> bytes:
        """What goes into a dataset's fingerprint beside the labels."""
        return self.targets.astype("<f4").tobytes()
