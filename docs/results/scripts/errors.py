"""Sets every error that intervals can be by beside others, over kinds of runs: errors.md's tables.

``uv run python docs/results/scripts/errors.py [DIR]`` simulates 4,000 studies of each design and
kind of runs, without effects, in about a minute, writes ``errors.json`` to DIR (docs/results/data)
and prints the tables.

``seeds``, ``pooled`` and ``cells`` are the library's own. Beside them are two that it does not
have: ``moderated``, the seeds' variances of a study's effects shrunk to each other (Smyth 2004,
doi:10.2202/1544-6115.1027, as limma does), and ``mixed``, a mixed model by REML with a variance
over seeds of each main effect and Satterthwaite's degrees of freedom, which in these balanced
designs is a pooling of mean squares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special, stats

import bionic_core as bionic
from bionic_core.statistics.designs import Design, Factor, full_factorial
from bionic_core.statistics.dunnett import critical_value
from bionic_core.statistics.errors import ERRORS, Seeds
from bionic_core.statistics.fit import intervals
from bionic_core.statistics.fractions import fractional
from bionic_core.statistics.lenth import lenth_scale
from bionic_core.statistics.linear import Matrix, Model
from bionic_core.studies.publication import open_publication

STUDIES = 4000
FAMILIES = 20_000
"""Simulated studies of leave-one-out."""

Numbers = tuple[Matrix, Matrix]
"""Standard errors and degrees of freedom, (T, S)."""


def letters(count: int) -> list[Factor]:
    """Return so many factors, off and on."""
    return [Factor(name) for name in "abcdefg"[:count]]


DESIGNS = {
    "2² × 3": full_factorial(letters(2), range(3)),
    "2³ × 3": full_factorial(letters(3), range(3)),
    "2³ × 5": full_factorial(letters(3), range(5)),
    "2⁵⁻¹ × 2": fractional(letters(5), range(2), 5),
    "2⁵ × 1": full_factorial(letters(5), range(1)),
}
KINDS = {
    "iid": "independent, normal, alike",
    "seeds ×4": "a seed shifts all its runs by 4 SD",
    "seed × A 0.5": "the effect of A varies between seeds by 0.5 of a run's variance",
    "seed × A 1": "by as much as a run's variance",
    "cells ×3": "half of the combinations spread three times as much",
    "one cell ×10": "one combination spreads ten times as much",
    "t3": "t on three degrees of freedom",
    "outlier": "one run lies 8 SD off",
}


def model_of(design: Design, *, blocks: bool = True) -> Model:
    """Return the model of a design, with seeds as blocks or without."""
    runs = [(cell, seed if blocks else 0) for seed in design.seeds for cell in design.cells]
    return Model.of(design.factors, [c for c, _ in runs], [s for _, s in runs])


def simulated(kind: str, design: Design, model: Model, rng: np.random.Generator) -> Matrix:
    """Return studies (R, S) without effects."""
    cells, seeds = len(design.cells), len(design.seeds)
    shape = cells * seeds, STUDIES
    noise = rng.standard_t(3, shape) if kind == "t3" else rng.normal(size=shape)
    cell, by_seed = np.tile(np.arange(cells), seeds), rng.normal(size=(seeds, STUDIES))
    shift = np.repeat(by_seed, cells, axis=0)
    if kind == "cells ×3":
        noise *= np.where(cell % 2, 3.0, 1.0)[:, None]
    elif kind == "one cell ×10":
        noise *= np.where(cell == 0, 10.0, 1.0)[:, None]
    elif kind == "seeds ×4":
        noise += 4 * shift
    elif kind.startswith("seed × A"):
        noise += np.sqrt(float(kind.rsplit(maxsplit=1)[-1])) * model.kept[0].column[:, None] * shift
    elif kind == "outlier":
        noise[rng.integers(shape[0], size=STUDIES), np.arange(STUDIES)] += 8
    return np.asarray(noise)


def moderated(model: Model, responses: Matrix) -> Numbers:
    """Return errors by variances shrunk to each other, as limma's eBayes does."""
    errors, degrees = Seeds(model).judge(model.effects, responses)
    return shrunk(errors, float(degrees[0, 0]))


def shrunk(errors: Matrix, degrees: float) -> Numbers:
    """Return errors (T, S) shrunk within each study; the prior by moments of log F (fitFDist)."""
    logs = 2 * np.log(np.maximum(errors, 1e-12))
    logs += np.log(degrees / 2) - special.digamma(degrees / 2)
    excess = logs.var(0, ddof=1) - special.polygamma(1, degrees / 2)
    half = 0.5 + 1 / np.maximum(excess, 1e-6)  # Newton's inverse of the trigamma function
    for _ in range(40):
        value = special.polygamma(1, half)
        half += value * (1 - value / np.maximum(excess, 1e-6)) / special.polygamma(2, half)
    prior = np.where(excess > 1e-6, 2 * half, 1e6)
    common = np.exp(logs.mean(0) + special.digamma(prior / 2) - np.log(prior / 2))
    variances = (prior * common + degrees * errors**2) / (prior + degrees)
    free = np.minimum(prior + degrees, degrees * len(errors))
    return np.sqrt(variances), np.broadcast_to(free, errors.shape)


def mixed(model: Model, responses: Matrix) -> Numbers:
    """Return errors of a mixed model: a mean square is pooled with the residual's if smaller.

    That is REML where variances may not be negative: the strata are pooled, smallest first, until
    each that is left is larger than what is pooled.
    """
    errors, degrees = Seeds(model).judge(model.effects, responses)
    own = float(degrees[0, 0])
    squares = errors**2 / (model.effects**2).sum(1)[:, None]  # mean squares of term × seed
    main = np.array([len(term.factors) == 1 for term in model.kept])
    total = (model.residuals(responses) ** 2).sum(0)
    free = np.full(total.shape, model.degrees - own * main.sum())
    rest = total - own * squares[main].sum(0)
    pooled = np.zeros(squares.shape, bool)
    pooled[~main] = True
    for _ in range(int(main.sum())):
        open_ = np.where(pooled, np.inf, squares)
        lowest, columns = open_.argmin(0), np.arange(squares.shape[1])
        joins = open_[lowest, columns] < rest / free
        rest = rest + np.where(joins, own * squares[lowest, columns], 0)
        free = free + np.where(joins, own, 0)
        pooled[lowest[joins], columns[joins]] = True
    variances = np.where(pooled, rest / free, squares)
    size = (model.effects**2).sum(1)[:, None]
    return np.sqrt(size * variances), np.where(pooled, free, own)


def methods(design: Design, responses: Matrix) -> Iterator[tuple[str, Numbers]]:
    """Give each method's errors of a design's effects."""
    model = model_of(design)
    if len(design.seeds) == 1:
        estimates = model.effects @ responses
        scale = np.broadcast_to(lenth_scale(estimates), estimates.shape)
        yield "Lenth", (scale, np.full(scale.shape, len(estimates) / 3))
        return
    for name, error in ERRORS.items():
        own = model_of(design, blocks=name != "cells")
        yield name, error(own).judge(own.effects, responses)
    yield "moderated", moderated(model, responses)
    yield "mixed", mixed(model, responses)


def grid() -> list[dict[str, Any]]:
    """Return coverage of A and of all effects, and the mean half-width of A, of each method."""
    rows = []
    for name, design in DESIGNS.items():
        model = model_of(design)
        for kind in KINDS:
            if len(design.seeds) == 1 and kind.startswith("seed"):
                continue  # of one seed, neither is to be told from the mean and from A
            rng = np.random.default_rng(12)
            responses = simulated(kind, design, model, rng)
            estimates = model.effects @ responses
            for method, (errors, degrees) in methods(design, responses):
                low, high, _ = intervals(estimates, errors, degrees, 0.95)
                covered = (low <= 0) & (high >= 0)
                rows.append(
                    {
                        "design": name,
                        "runs": kind,
                        "method": method,
                        "covered": round(float(covered[0].mean()), 4),
                        "covered_all": round(float(covered.mean()), 4),
                        "half_width": round(float((high[0] - low[0]).mean() / 2), 3),
                    }
                )
    return rows


def families() -> list[dict[str, Any]]:
    """Return the share of leave-one-out studies, nothing having an effect, that find any."""
    paper = open_publication("bionic2025", bionic.Registry.installed())
    variants = [paper.whole, *(row for row in paper.rows if row.without)]
    table = np.array([row.accuracy[1] for row in variants])
    spreads = {
        "all alike": np.full(len(table), 0.32),
        "the paper's Table 4": table,
        "the full model ×3": np.array([0.96] + [0.32] * (len(table) - 1)),
        "t3": np.full(len(table), 0.32),
    }
    rows = []
    for seeds in (3, 5):
        for kind, sds in spreads.items():
            rng = np.random.default_rng(13)
            shape = len(sds), seeds, FAMILIES
            noise = rng.standard_t(3, shape) if kind == "t3" else rng.normal(size=shape)
            noise *= sds[:, None, None]
            for method, p in corrected(noise):
                rows.append(
                    {
                        "seeds": seeds,
                        "spreads": kind,
                        "method": method,
                        "any_found": round(float((p.min(0) < 0.05).mean()), 4),
                    }
                )
    return rows


def corrected(noise: Matrix) -> Iterator[tuple[str, Matrix]]:
    """Give p of the smallest p of each study, corrected, by each method; noise is (V, n, S)."""
    differences = noise[0] - noise[1:]
    count, seeds = differences.shape[:2]
    means, errors = differences.mean(1), differences.std(1, ddof=1) / np.sqrt(seeds)
    yield "seeds", count * 2 * stats.t.sf(np.abs(means) / errors, seeds - 1)
    rest = noise - noise.mean(1, keepdims=True)
    rest -= rest.mean(0)
    size = np.sqrt((rest**2).sum((0, 1)) / (count * (seeds - 1)) * 2 / seeds)
    bound = critical_value(count, float(count * (seeds - 1)))
    yield "pooled", np.where(np.abs(means) / size > bound, 0.0, 1.0)
    variances = noise.var(1, ddof=1) / seeds
    total = variances[0] + variances[1:]
    free = total**2 * (seeds - 1) / (variances[0] ** 2 + variances[1:] ** 2)
    yield "cells", count * 2 * stats.t.sf(np.abs(means) / np.sqrt(total), free)
    smoothed, free = shrunk(errors, seeds - 1)
    yield "moderated", count * 2 * stats.t.sf(np.abs(means) / smoothed, free)


def table(rows: list[dict[str, Any]], across: str, down: tuple[str, str], cell: Any) -> str:
    """Return rows as Markdown, a column for each value of a key."""
    columns = list(dict.fromkeys(row[across] for row in rows))
    lines = [f"| {' | '.join([*down, *columns])} |", "|---" * (len(columns) + 2) + "|"]
    for key in dict.fromkeys(tuple(row[name] for name in down) for row in rows):
        found = {r[across]: cell(r) for r in rows if tuple(r[name] for name in down) == key}
        lines.append(f"| {' | '.join([*map(str, key), *(found.get(c, '') for c in columns)])} |")
    return "\n".join(lines)


def main() -> None:
    """Write the figures, and print the tables."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/results/data")
    found = {"studies": STUDIES, "grid": grid(), "families": families()}
    text = json.dumps(found, indent=0, ensure_ascii=False)
    (folder / "errors.json").write_text(text + "\n", encoding="utf-8")
    print(
        table(
            found["grid"],
            "method",
            ("design", "runs"),
            lambda r: f"{100 * r['covered']:.1f} ±{r['half_width']:.2f}",
        )
    )
    print()
    print(
        table(
            found["families"],
            "method",
            ("seeds", "spreads"),
            lambda r: f"{100 * r['any_found']:.1f}",
        )
    )


if __name__ == "__main__":
    main()
