"""A readout solved in closed form: ridge regression on the rates, all else as it was drawn.

    W = argmin ‖Y − X Wᵀ − b‖² + λ ‖W‖²

X are the readout's inputs, images × neurons, in evaluation mode; Y one column a class, 1 for an
image's own and 0 for the others; λ is chosen among :data:`PENALTIES` by the error that each image
has when it is left out, of training images alone (Hoerl & Kennard 1970,
doi:10.1080/00401706.1970.10488634; Golub, Heath & Wahba 1979, doi:10.1080/00401706.1979.10489751).
Logits are the regression's figures: their order is what is learned, as probabilities they are flat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bionic_core.errors import RequestError
from bionic_core.training.data import TrainingData
from bionic_core.training.evaluation import metrics
from bionic_core.training.loop import Single, State

PENALTIES = tuple(float(10.0**power) for power in range(-6, 7))
"""Values of λ that are tried."""


class Solved(Single):
    """One network, whose readout is solved when all training images have been seen."""

    def __init__(self, state: State, course: TrainingData) -> None:
        super().__init__(state, course)
        check(course)
        self.rates: list[Tensor] = []
        self.labels: list[Tensor] = []

    def take(self, images: Tensor, labels: Tensor, now: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Note what the readout is given of images; nothing is learned from them yet."""
        self.network.seek(now[0])
        self.network.eval()
        noted = self.network.readout.register_forward_pre_hook(self._note)
        with torch.no_grad():
            logits = self.network(images)
        noted.remove()
        self.labels.append(labels)
        return torch.zeros((), device=images.device), logits

    def closed(
        self, losses: list[float], accuracies: list[float]
    ) -> tuple[list[float], list[float]]:
        """Solve the readout; return its loss and accuracy on the training images."""
        rates, labels = torch.cat(self.rates), torch.cat(self.labels)
        self.rates.clear()
        self.labels.clear()
        solve(self.network.readout, rates, labels)
        with torch.no_grad():
            logits = nn.functional.linear(
                rates, self.network.readout.weight, self.network.readout.bias
            )
        found = metrics(logits.cpu(), labels.cpu().numpy(), self.course.recipe.smoothing)
        return [found.loss], [found.accuracy]

    def _note(self, readout: nn.Module, given: tuple[Tensor]) -> None:
        self.rates.append(given[0].detach())


def solve(readout: nn.Linear, rates: Tensor, labels: Tensor) -> float:
    """Set a readout (classes, Q) by ridge regression of classes on rates NQ; return λ.

    Raises:
        RequestError: a rate is no number.
    """
    from sklearn.linear_model import RidgeCV

    x = rates.double().cpu().numpy()
    if not np.isfinite(x).all():
        raise RequestError('optimizer = "ridge": the readout is given what is no number')
    y = np.eye(readout.out_features)[labels.cpu().numpy()]
    found = RidgeCV(alphas=PENALTIES).fit(x, y)
    with torch.no_grad():
        readout.weight.copy_(torch.as_tensor(found.coef_))
        readout.bias.copy_(torch.as_tensor(found.intercept_))
    return float(found.alpha_)


def check(course: TrainingData) -> None:
    """Check that there is something to tell apart.

    Raises:
        RequestError: all training images are of one class.
    """
    if len(torch.bincount(course.labels).nonzero()) < 2:
        raise RequestError(
            'training.optimizer = "ridge": all training images are of one class, so that there is '
            "nothing to tell apart; add images of another"
        )
