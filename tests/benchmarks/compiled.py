"""Plain and compiled steps of a spec, in turns in one process with one thread; by hand.

``python -m tests.benchmarks.compiled full 80`` prints medians of CPU time, and their ratio.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch

import bionic_core as bionic
from bionic_core.training.compiled import CompiledStep
from bionic_core.training.loop import State, start, step_once
from bionic_core.training.recipe import Recipe, recipe_of

LEAD = 4
"""Steps that are not counted."""


def main(name: str, steps: int) -> None:
    """Take so many steps each way, and print what they took."""
    torch.set_num_threads(1)
    (plain, recipe), (other, _) = made(name), made(name)
    size, precision = recipe.training.batch_size, recipe.training.precision
    images, labels = torch.rand(size, *plain.network.image), torch.randint(0, 7, (size,))
    compiled = CompiledStep(other.network, size)
    times: list[list[float]] = []
    for number in range(LEAD + steps):
        times.append([])
        for state, take in ((plain, step_once), (other, compiled)):
            state.network.seek(number)
            begun = time.process_time()
            take(state.network, state.optimizer, images, labels, recipe.loss, precision=precision)
            times[-1].append(time.process_time() - begun)
        if not number:
            print(f"first step: {times[0][0]:.1f} s, compiled {times[0][1]:.1f} s of CPU")
    counted = times[LEAD:]
    slow, quick = (1000 * statistics.median(each) for each in zip(*counted, strict=True))
    quartiles = statistics.quantiles([one / two for one, two in counted], n=4)
    print(f"{name}: {slow:.2f} and {quick:.2f} ms, ratio {slow / quick:.2f}", quartiles)


def made(name: str) -> tuple[State, Recipe]:
    """Return the state of a spec's model before its first step."""
    spec = bionic.load(name)
    network = bionic.build(spec).to(memory_format=torch.channels_last)
    recipe = recipe_of(spec)
    return start(network.train(), recipe, 3_200), recipe


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
