"""A surrogate of the MICrONS V1 column, drawn from statistics.

Cells have the counts of the paper's Table 1. A connection i → j exists with probability
``c · P[type i, type j] · a_i · b_j · exp(−d²/2σ²)``, where a and b are gamma-distributed
propensities that make degrees as overdispersed as the measured ones, d is the lateral distance,
and c keeps the mean of each type pair at P. The two directions of a pair share their random
number with a probability that gives the measured reciprocity, which leaves P as it is.

``python -m bionic_plugins.surrogate FILE.npz`` writes the file that bionic ships.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtr, ndtri

from bionic_core import Connectome
from bionic_plugins import column_statistics as known

VERSION = 1
"""Raised when the generator draws something else from the same seed."""

SHARED = 0.305
"""Probability that the two directions of a pair share their random number; gives RECIPROCAL."""

Floats = npt.NDArray[Any]
Texts = npt.NDArray[np.str_]


def draw_column(seed: int = 1300) -> Connectome:
    """Return a column drawn from the statistics; the same for the same seed.

    Only uniform numbers are drawn, and transformed here, so that the stream does not depend
    on a library's algorithms for other distributions.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    cell_type = np.repeat(list(known.COUNTS), list(known.COUNTS.values()))
    inhibitory = np.isin(cell_type, known.INHIBITORY)
    depth, lateral, z = _positions(cell_type, rng)
    probability = _probabilities(cell_type, inhibitory, lateral, z, rng)
    pre, post = np.nonzero(_connect(probability, rng))
    count = _counts(inhibitory[pre], inhibitory[post], rng)
    size = _sizes(inhibitory[pre], inhibitory[post], count, rng)
    return Connectome.of(
        cell_id=np.arange(1, len(cell_type) + 1),
        broad_type=np.where(inhibitory, "inhibitory", "excitatory"),
        cell_type=cell_type,
        position=_nanometres(depth, lateral, z),
        pre=pre,
        post=post,
        count=count,
        size=size,
        provenance={
            "label": "surrogate of the MICrONS V1 column",
            "surrogate": True,
            "about": "drawn from statistics of the real column; no connection is a real one",
            "generator": f"bionic_plugins.surrogate {VERSION}, seed {seed}",
            "sources": "doi:10.1038/s41586-025-08790-w, doi:10.1038/s41586-024-07780-8, "
            "doi:10.1126/science.abj5861; statistics of materialization 1718",
        },
    )


def _positions(cell_type: Texts, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return soma depth, lateral place and z in µm: a column 100 µm wide, slanting in layer 6."""
    mean, sd, low, high = np.array([known.DEPTH[t] for t in cell_type.tolist()], np.float64).T
    least, most = ndtr((low - mean) / sd), ndtr((high - mean) / sd)
    depth: Floats = mean + sd * ndtri(least + (most - least) * rng.random(len(cell_type)))
    lateral: Floats = 664 + 100 * (rng.random(len(cell_type)) - 0.5)
    slant = 0.45 * np.maximum(0, depth - 450)
    z: Floats = 856 + slant + 100 * (rng.random(len(cell_type)) - 0.5)
    return depth, lateral, z


def _nanometres(depth: Floats, lateral: Floats, z: Floats) -> Floats:
    """Return x, y, z in nm, the inverse of depth = (sin 5°·x + cos 5°·y − 396671)/1000."""
    sin, cos = math.sin(math.radians(5)), math.cos(math.radians(5))
    down = 1000 * depth + 396671
    x = cos * 1000 * lateral + sin * down
    y = cos * down - sin * 1000 * lateral
    place: Floats = np.round(np.stack([x, y, 1000 * z], axis=1))
    return place


def _probabilities(
    cell_type: Texts,
    inhibitory: npt.NDArray[np.bool_],
    lateral: Floats,
    z: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Return the probability of each connection, pre × post."""
    distance2 = (lateral[:, None] - lateral) ** 2 + (z[:, None] - z) ** 2
    letters = np.where(inhibitory, "i", "e")
    pairs = np.char.add(letters[:, None], letters[None, :])
    sigma = np.vectorize(known.FALL_OFF.__getitem__, otypes=[float])(pairs)
    out = _gamma([known.OUT_DEGREE_CV[t] for t in cell_type.tolist()], rng)
    spread = [
        next((cv for start, cv in known.IN_DEGREE_CV.items() if t.startswith(start)), 0.3)
        for t in cell_type.tolist()
    ]
    into = np.where(inhibitory[:, None], _gamma(spread, rng), _gamma([0.25] * len(out), rng))
    weight = out[:, None] * into * np.exp(-distance2 / (2 * sigma**2))
    np.fill_diagonal(weight, 0)
    result: Floats = np.zeros_like(weight)
    for pre in known.COUNTS:
        for post in known.COUNTS:
            rows, columns = cell_type == pre, cell_type == post
            block = np.ix_(rows, columns)
            wanted = _mean_probability(pre, post) * (weight[block] > 0).sum()
            result[block] = _scaled(weight[block], wanted)
    return result


def _mean_probability(pre: str, post: str) -> float:
    """Return P of a type pair; types without statistics take their pool's weighted mean."""
    rows, columns = known.POOLED.get(pre, {pre: 1}), known.POOLED.get(post, {post: 1})
    place = {name: number for number, name in enumerate(known.MEASURED)}
    total = sum(rows.values()) * sum(columns.values())
    return (
        sum(
            n * m * float(known.PROBABILITY[place[i], place[j]])
            for i, n in rows.items()
            for j, m in columns.items()
        )
        / total
    )


def _scaled(weight: Floats, wanted: float) -> Floats:
    """Return the weights times a constant, cut at 1, so that they sum to what is wanted."""
    result: Floats = np.zeros_like(weight)
    if wanted == 0:
        return result
    factor = wanted / weight.sum()
    for _ in range(100):
        result = np.minimum(1, factor * weight)
        factor *= wanted / result.sum()
    return result


def _gamma(cv: list[float], rng: np.random.Generator) -> Floats:
    """Return gamma-distributed numbers of mean 1 and the given coefficients of variation."""
    shape: Floats = 1 / np.square(cv)
    values: Floats = gammaincinv(shape, rng.random(len(cv))) / shape
    return values


def _connect(probability: Floats, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which connections exist, pre × post."""
    own = rng.random(probability.shape)
    share = np.triu(rng.random(probability.shape) < SHARED, 1)
    draw = np.where(share.T, own.T, own)  # below the diagonal, some take the number above it
    connected: npt.NDArray[np.bool_] = draw < probability
    return connected


def _counts(
    pre: npt.NDArray[np.bool_], post: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return the synapses of each connection; ``pre`` and ``post`` say which are inhibitory."""
    number, ratio, most = known.TAIL_IE
    tail = ratio ** np.arange(most - len(known.SYNAPSES_IE))
    inhibitory = np.concatenate([known.SYNAPSES_IE, number * tail / tail.sum()])
    geometric = (1 - 1 / known.MEAN_EI) ** np.arange(30)
    draw = rng.random(len(pre))
    count = np.ones(len(pre), np.int64)
    for rows, weights in (
        (pre, inhibitory),
        (~pre & ~post, np.array(known.SYNAPSES_EE, float)),
        (~pre & post, geometric),
    ):
        count[rows] = 1 + np.searchsorted(np.cumsum(weights) / weights.sum(), draw[rows])
    return count


def _sizes(
    pre: npt.NDArray[np.bool_],
    post: npt.NDArray[np.bool_],
    count: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    """Return summed sizes in voxels: log-normal for each pair of broad types, growing with k."""
    normal = ndtri(rng.random(len(pre)))
    logs = np.log(count)
    size = np.zeros(len(pre))
    for key, (mean, sd) in known.LN_SIZE.items():
        rows = (pre == (key[0] == "i")) & (post == (key[1] == "i"))
        spread = math.sqrt(max(sd**2 - logs[rows].var(), 0.01))
        size[rows] = np.exp(mean + logs[rows] - logs[rows].mean() + spread * normal[rows])
    return np.maximum(1, np.round(size))


if __name__ == "__main__":
    draw_column().save(Path(sys.argv[1]))
