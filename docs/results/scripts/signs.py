"""What Dale's law costs: steps of ``demo`` with the mechanism `signs` and without, in turn.

``uv run python docs/results/scripts/signs.py`` prints the ratio of seconds of processor (one
thread), median and quartiles over the turns; ``spelled`` is the equation written out, ``|v| · s``,
instead of the one product that is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import bionic_core as bionic
from bionic_core.training.loop import start, step_once
from bionic_core.training.recipe import recipe_of
from bionic_plugins.mechanisms.signs import Signed

TURNS, STEPS, BATCH = 40, 4, 32


class Spelled(nn.Module):
    """``|v| · s``, v itself where s is 0."""

    def __init__(self, sign: Tensor) -> None:
        super().__init__()
        self.sign: Tensor
        self.register_buffer("sign", sign)

    def forward(self, values: Tensor, synapses: Any) -> Tensor:
        """Return the weights as they act."""
        sign = self.sign[synapses.pre]
        size = torch.where(values < 0, -values, values)
        return torch.where(sign == 0, values, size * sign)


def spell(module: nn.Module) -> None:
    """Put the equation written out in the place of the product."""
    for name, child in module.named_children():
        if isinstance(child, Signed):
            setattr(module, name, Spelled(child.sign))
        else:
            spell(child)


def stepper(spec: Any, *, spelled: bool = False) -> Callable[[], float]:
    """Return what makes some steps and gives the seconds of processor of one."""
    model = bionic.build(spec, seed=1).train()
    if spelled:
        spell(model)
    state = start(model, recipe_of(spec))
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, *spec.model.image, generator=draw)
    labels = torch.randint(spec.model.classes, (BATCH,), generator=draw)
    step = 0

    def some() -> float:
        nonlocal step
        begun = time.process_time()
        for _ in range(STEPS):
            model.seek(step)
            step_once(model, state.optimizer, images, labels, {})
            step += 1
        return (time.process_time() - begun) / STEPS

    return some


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    free = bionic.load("demo")
    signed = bionic.load("demo", set=["mechanisms.signs={}"])
    each = [stepper(free), stepper(signed), stepper(signed, spelled=True)]
    for one in each:
        one()
    took = np.array([[one() for one in each] for _ in range(TURNS)])
    print(f"{np.median(took[:, 0]) * 1e3:.1f} ms a step without")
    for name, column in (("one product", 1), ("spelled", 2)):
        low, middle, high = np.quantile(took[:, column] / took[:, 0], [0.25, 0.5, 0.75])
        print(f"{name}: {middle:.2f} times as long, quartiles {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
