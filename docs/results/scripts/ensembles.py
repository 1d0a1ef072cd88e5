"""Coverage of intervals over draws and seeds, for docs/results/ensembles.md.

    uv run python docs/results/scripts/ensembles.py

One wiring against an ensemble of N draws, S seeds; an SD of 1 is that of a run's own error. Seeds
shift all their runs by an SD of 1. Each line is over draws that differ by an SD of 0, 0.5, 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import stats

from bionic_core.statistics.designs import Draws, Factor, full_factorial
from bionic_core.statistics.drawn_errors import drawn_error
from bionic_core.statistics.draws import seed_of, with_draws
from bionic_core.statistics.linear import Model

STUDIES = 4000
FACTOR = Factor("w", ("real", "rewired"))
Found = tuple[float, float]


def simulated(
    size: tuple[int, int], draws_sd: float, wiring_sd: float, error: str, *, nested: bool
) -> Found:
    """Return coverage and mean half-width of 95 % intervals of the difference."""
    rng = np.random.default_rng(8)
    draws, seeds = size
    told = Draws("w", "", {"rewired": draws}, nested)
    design = with_draws(full_factorial([FACTOR], range(seeds)), told)
    places = range(len(design.cells))
    runs = [(design.cells[n], seed_of(design, n, s)) for n in places for s in range(seeds)]
    cells, own = [cell for cell, _ in runs], [seed for _, seed in runs]
    model = Model.of([FACTOR], cells, [0] * len(own) if nested else own)
    shift = {seed: rng.normal(size=STUDIES) for seed in own}
    more = {seed: wiring_sd * rng.normal(size=STUDIES) for seed in own}
    of_draw = draws_sd * rng.normal(size=(draws, STUDIES))
    y = np.stack(
        [
            shift[seed]
            + (of_draw[cell["w.draw"]] if "w.draw" in cell else more[seed])
            + rng.normal(size=STUDIES)
            for cell, seed in runs
        ]
    )
    errors, degrees = drawn_error(model, told, cells, own, error).judge(model.effects, y)
    half = stats.t.ppf(0.975, degrees) * errors
    return float((np.abs(model.effects @ y) <= half).mean()), float(half.mean())


def lines() -> Iterator[str]:
    """Give the table."""
    yield "| draws × seeds | seeds × wiring | crossed, by seeds | crossed, pooled | nested |"
    yield "|---|---:|---:|---:|---:|"
    for size in ((5, 3), (20, 2), (20, 3), (10, 5), (20, 10)):
        for wiring in (0.0, 1.0):
            told = [f"{size[0]} × {size[1]}", f"{wiring:g}"]
            for error, nested in (("seeds", False), ("pooled", False), ("seeds", True)):
                found = [simulated(size, sd, wiring, error, nested=nested) for sd in (0, 0.5, 1, 2)]
                share = [100 * one for one, _ in found]
                told.append(f"{min(share):.1f}–{max(share):.1f} %, ±{found[2][1]:.2f}")
            yield f"| {' | '.join(told)} |"


if __name__ == "__main__":
    print("\n".join(lines()))
