"""How much of its past inputs a system's present state holds: memory capacity.

Jaeger 2001 (Short term memory in echo state networks, GMD report 152): a linear readout of the
state at step t is trained for the input k steps before, u(t − k), and is scored by the square of
its correlation with it on inputs that it was not trained on::

    MC = Σ_k r²(u(t − k), ŷ_k(t)),  k = 1, 2, …

With independent inputs MC is at most the number of neurons, which a delay line of linear neurons
reaches; a system whose state depends on the present input alone has 0.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

PENALTIES = tuple(float(10.0**power) for power in range(-8, 5))
"""Of ridge regression, that are tried; states are brought to a standard deviation of 1."""

FEWEST = 20
"""Sequences, to train and to test."""


@attrs.frozen
class Capacity:
    """The memory of a system.

    Attributes:
        neurons: whose states are read.
        total: the sum of ``by_delay``.
        by_delay: r² of each delay, 1 first, less what chance gives on average, and so about 0,
            of either sign, where nothing is held.
        now: the same of the present input, delay 0, which is no part of the sum.
    """

    neurons: int
    total: float
    by_delay: tuple[float, ...]
    now: float


def memory_capacity(states: tuple[Matrix, Matrix], inputs: tuple[Matrix, Matrix]) -> Capacity:
    """Return the memory capacity of states that sequences end in.

    Args:
        states: (N, Q) of training and of test sequences, at their last steps.
        inputs: (N, T) of the same sequences, the last step last.

    Raises:
        ValueError: there are fewer than :data:`FEWEST` sequences of either, or inputs are constant.
    """
    from sklearn.linear_model import RidgeCV

    for one in inputs:
        if len(one) < FEWEST or (np.ptp(one, axis=0) == 0).any():
            raise ValueError(f"needs {FEWEST} sequences or more whose inputs vary at each step")
    centre, spread = states[0].mean(0), states[0].std(0)
    moved = spread > 1e-12 * np.abs(states[0]).max(0, initial=1e-300)
    if not moved.any():
        return Capacity(len(moved), 0.0, (0.0,) * (inputs[0].shape[1] - 1), 0.0)
    x, new = ((one - centre)[:, moved] / spread[moved] for one in states)
    readout = RidgeCV(alphas=PENALTIES, alpha_per_target=True).fit(x, inputs[0])
    found = np.array(
        [_explained(*pair) for pair in zip(readout.predict(new).T, inputs[1].T, strict=True)]
    )
    now, *past = found[::-1].tolist()
    return Capacity(len(moved), float(sum(past)), tuple(past), now)


def _explained(predicted: Matrix, true: Matrix) -> float:
    """Return the squared correlation less chance: 0 on average where there is none."""
    if np.ptp(predicted) <= 1e-9 * np.ptp(true):
        return 0.0
    r = float(np.corrcoef(predicted, true)[0, 1])
    return 1 - (1 - r * r) * (len(true) - 1) / (len(true) - 2)
