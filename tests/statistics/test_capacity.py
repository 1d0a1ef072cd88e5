"""Memory capacity against systems whose memory is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bionic_core.statistics.capacity import memory_capacity

Array = npt.NDArray[np.float64]


def sequences(number: int, steps: int = 30, seed: int = 0) -> Array:
    return np.random.default_rng(seed).random((number, steps))


def linear(inputs: Array, recurrent: Array, into: Array) -> Array:
    state = np.zeros((len(inputs), len(recurrent)))
    for u in inputs.T:
        state = state @ recurrent.T + np.outer(u, into)
    return state


def capacity(recurrent: Array, into: Array, steps: int = 30) -> tuple[float, float]:
    inputs = (sequences(600, steps), sequences(400, steps, 1))
    found = memory_capacity(
        (linear(inputs[0], recurrent, into), linear(inputs[1], recurrent, into)), inputs
    )
    assert found.total == pytest.approx(sum(found.by_delay))
    return found.total, found.now


@pytest.mark.parametrize("neurons", [1, 6, 12])
def test_a_delay_line_holds_one_input_a_neuron(neurons: int) -> None:
    total, now = capacity(np.eye(neurons, k=-1), np.eye(neurons)[0])
    assert total == pytest.approx(neurons - 1, abs=0.1)  # the first has the present input
    assert now == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_no_linear_network_holds_more_than_its_neurons(seed: int) -> None:
    rng = np.random.default_rng(seed)
    recurrent = rng.normal(size=(8, 8))
    recurrent *= 0.95 / np.abs(np.linalg.eigvals(recurrent)).max()
    total, now = capacity(recurrent, rng.normal(size=8))
    assert 2 < total + now <= 8.2


def test_what_remembers_nothing_has_no_capacity() -> None:
    total, now = capacity(np.zeros((5, 5)), np.ones(5))
    assert total == pytest.approx(0, abs=0.15)
    assert now == pytest.approx(1, abs=1e-6)
    inputs = (sequences(600), sequences(400, seed=1))
    nothing = memory_capacity((np.ones((600, 3)), np.ones((400, 3))), inputs)
    assert nothing.total == 0


def test_chance_is_nought_on_average() -> None:
    totals = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        inputs = (sequences(200, 20, seed), sequences(100, 20, seed + 100))
        states = (rng.normal(size=(200, 10)), rng.normal(size=(100, 10)))
        totals.append(memory_capacity(states, inputs).total)
    assert abs(np.mean(totals)) < 3 * np.std(totals) / np.sqrt(20)


def test_inputs_that_do_not_vary_are_refused() -> None:
    inputs = sequences(50)
    inputs[:, 3] = 0.5
    with pytest.raises(ValueError, match="vary"):
        memory_capacity((inputs, inputs), (inputs, inputs))
