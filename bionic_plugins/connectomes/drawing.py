"""Wiring drawn from the column's statistics, for a sheet of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from bionic_core import Connectome
from bionic_plugins.connectomes import column_statistics as known
from bionic_plugins.connectomes.sheet import (
    COLUMN,
    REACH,
    SIDE,
    Floats,
    Indices,
    Sheet,
    numbers,
    to_nanometres,
)

VERSION = 2
"""Raised when the generator draws something else from the same seed."""

SHARED, SHARED_SPARSE = 0.309, 0.426
"""Share of events common to both directions of a pair, in the column, and where density is low
and chance gives no reciprocity; gives RECIPROCAL."""

OUT_STRETCH = {
    "23P": 1.11,
    "4P": 1.06,
    "5P-IT": 1.08,
    "6P": 1.1,
    "WM": 1.1,
    "BC": 1.11,
    "MC": 1.33,
}

IN_STRETCH = {"4P": 1.45, "23P": 1.24, "5P": 1.24, "6P": 1.18, "WM": 1.18}
"""In the column, spread of a propensity over that of the degree: dense connections saturate."""

WIDER = {"ee": 0.98, "ei": 0.99, "ie": 0.925, "ii": 0.95}
"""In the column, σ of λ over σ of the probability, which saturates where it is high."""

EXCITED_CV, INHIBITED_CV = 0.25, 0.3
"""Spread of excitatory input beyond chance, and of inhibitory where no figure is known."""


def draw(neurons: int = COLUMN, seed: int = 1300) -> Connectome:
    """Return a surrogate of so many neurons."""
    rng = np.random.Generator(np.random.PCG64(seed))
    sheet = Sheet(neurons)
    cell_type = np.repeat(np.array(list(known.COUNTS)), numbers(neurons))
    inhibitory = np.isin(cell_type, known.INHIBITORY)
    depth, place = _somata(cell_type, sheet, rng)
    pre, post = _Wiring(sheet, cell_type, place, rng).draw()
    count = _counts(inhibitory[pre], inhibitory[post], rng)
    size = _sizes(inhibitory[pre], inhibitory[post], count, rng)
    what = "column" if neurons == COLUMN else f"cortex, {neurons:,} neurons"
    return Connectome.of(
        cell_id=np.arange(1, neurons + 1),
        broad_type=np.where(inhibitory, "inhibitory", "excitatory"),
        cell_type=cell_type,
        position=to_nanometres(depth, place),
        pre=pre,
        post=post,
        count=count,
        size=size,
        provenance={
            "label": f"surrogate of the MICrONS V1 {what}",
            "surrogate": True,
            "about": "drawn from statistics of the real column; no connection is a real one",
            "generator": f"bionic_plugins.surrogate {VERSION}, {neurons} neurons, seed {seed}",
            "sources": "doi:10.1038/s41586-025-08790-w, doi:10.1038/s41586-024-07780-8, "
            "doi:10.1126/science.abj5861; statistics of materialization 1718",
        },
    )


def _somata(
    cell_type: npt.NDArray[np.str_], sheet: Sheet, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return soma depth (N,) and place in the sheet (N, 2), µm."""
    from scipy.special import ndtr, ndtri

    names, number = np.unique(cell_type, return_inverse=True)
    table = np.array([known.DEPTH[t] for t in names.tolist()], np.float64)
    mean, sd, low, high = table[number].T
    least, most = ndtr((low - mean) / sd), ndtr((high - mean) / sd)
    depth: Floats = mean + sd * ndtri(least + (most - least) * rng.random(len(cell_type)))
    return depth, sheet.side * rng.random((len(cell_type), 2))


class _Wiring:
    """Draws the connections between cells that are ordered by type."""

    def __init__(
        self,
        sheet: Sheet,
        cell_type: npt.NDArray[np.str_],
        place: Floats,
        rng: np.random.Generator,
    ) -> None:
        self.sheet, self.place, self.rng = sheet, place, rng
        self.types = list(known.COUNTS)
        self.kind = np.repeat(np.arange(len(self.types)), numbers(sheet.neurons))
        self.inhibitory = np.isin(self.types, known.INHIBITORY)
        self.sigma, self.constant = _widths(sheet), _constants(sheet)
        self.shared = SHARED_SPARSE + (SHARED - SHARED_SPARSE) * sheet.filling
        self.out = self._propensity([_out_cv(t, sheet) for t in self.types])
        excited = self._propensity([EXCITED_CV] * len(self.types))
        inhibited = self._propensity(
            [_in_cv(t, sheet) for t in self.types],
            np.array([_prefixed(known.NO_INHIBITION, t, 0.0) for t in self.types]),
        )
        self.into = np.stack([excited, inhibited])  # by whether the pre cell is inhibitory

    def _propensity(self, cv: Sequence[float], none: Floats | None = None) -> Floats:
        """Return gamma-distributed numbers of mean 1 in each type; some are 0."""
        from scipy.special import gammaincinv

        shape = 1 / np.square(cv)[self.kind]
        values: Floats = gammaincinv(shape, self.rng.random(len(shape))) / shape
        if none is not None:
            values *= self.rng.random(len(shape)) >= none[self.kind]
        number = np.bincount(self.kind)
        mean = np.bincount(self.kind, weights=values) / number
        return values / np.where(mean > 0, mean, 1)[self.kind]

    def draw(self) -> tuple[Indices, Indices]:
        """Return the connections, ordered by pre, then post."""
        tiles = max(1, int(self.sheet.side // SIDE)) if self.sheet.closed else 1
        width = self.sheet.side / tiles
        where = np.minimum((self.place // width).astype(np.int64), tiles - 1)
        tile = where[:, 0] * tiles + where[:, 1]
        group = tile * len(self.types) + self.kind
        order = np.argsort(group, kind="stable")
        groups = tiles * tiles * len(self.types)
        a = _Urn(self.out, group, order, groups)
        b = [_Urn(into, group, order, groups) for into in self.into]
        reach = math.ceil(REACH * self.sigma.max() / width)
        steps = np.arange(tiles) if tiles <= 2 * reach + 1 else np.arange(-reach, reach + 1)
        keys = []
        for dx in steps.tolist():
            for dz in steps.tolist():
                gap = [max(0, min(d % tiles, -d % tiles) - 1) * width for d in (dx, dz)]
                keys.append(self._events(a, b, tiles, (dx, dz), gap[0] ** 2 + gap[1] ** 2))
        key = np.sort(np.concatenate(keys))  # NumPy's own unique hashes, and takes ten times longer
        key = key[np.diff(key, prepend=-1) > 0]
        pre, post = np.divmod(key, len(self.kind))
        return pre, post

    def _events(
        self, a: _Urn, b: Sequence[_Urn], tiles: int, step: tuple[int, int], nearest2: float
    ) -> Indices:
        """Return the keys of the connections from each tile to the one that is a step away."""
        kinds = len(self.types)
        x, z = np.divmod(np.arange(tiles * tiles), tiles)
        target = (x + step[0]) % tiles * tiles + (z + step[1]) % tiles
        into = np.where(
            self.inhibitory[:, None],
            b[1].total.reshape(-1, 1, kinds)[target],
            b[0].total.reshape(-1, 1, kinds)[target],
        )
        bound = self.constant * np.exp(-nearest2 / (2 * self.sigma**2))
        rate = bound * a.total.reshape(-1, kinds, 1) * into
        number = self.rng.poisson(rate).ravel()
        cell = np.repeat(np.arange(len(number)), number)
        source, u = np.divmod(cell, kinds)
        t = source % kinds
        goal = target[source // kinds] * kinds + u
        i = a.pick(source, self.rng)
        j = np.where(self.inhibitory[t], b[1].pick(goal, self.rng), b[0].pick(goal, self.rng))
        distance2 = self.sheet.apart(self.place[i], self.place[j])
        fall = np.exp(-(distance2 - nearest2) / (2 * self.sigma[t, u] ** 2))
        kept = (self.rng.random(len(i)) < fall) & (i != j)
        return self._shared(i[kept], j[kept], distance2[kept])

    def _shared(self, i: Indices, j: Indices, distance2: Floats) -> Indices:
        """Let some events be common to both directions; each keeps its rate."""
        forth, back = self._rate(i, j, distance2), self._rate(j, i, distance2)
        common = self.rng.random(len(i)) * forth < self.shared * np.minimum(forth, back)
        both, alone = common & (i < j), ~common
        n = len(self.kind)
        return np.concatenate([(i * n + j)[alone | both], (j * n + i)[both]])

    def _rate(self, i: Indices, j: Indices, distance2: Floats) -> Floats:
        t, u = self.kind[i], self.kind[j]
        into = self.into[self.inhibitory[t].astype(int), j]
        rate: Floats = self.constant[t, u] * self.out[i] * into
        rate *= np.exp(-distance2 / (2 * self.sigma[t, u] ** 2))
        return rate


class _Urn:
    """Cells in groups, drawn from a group in proportion to their weights."""

    def __init__(self, weight: Floats, group: Indices, order: Indices, groups: int) -> None:
        self.order = order
        self.up_to = np.cumsum(weight[order])
        self.total = np.bincount(group, weights=weight, minlength=groups)
        size = np.bincount(group, minlength=groups)
        self.last = np.cumsum(size) - 1
        self.first = self.last - size + 1
        self.before = np.concatenate([[0.0], self.up_to])[self.first]

    def pick(self, group: Indices, rng: np.random.Generator) -> Indices:
        """Return a cell of each group; groups of weight 0 must not be asked."""
        level = self.before[group] + rng.random(len(group)) * self.total[group]
        place = np.searchsorted(self.up_to, level, side="right")
        chosen: Indices = self.order[np.clip(place, self.first[group], self.last[group])]
        return chosen


def _out_cv(cell_type: str, sheet: Sheet) -> float:
    stretch = _prefixed(OUT_STRETCH, cell_type, 1.0)
    return known.OUT_DEGREE_CV[cell_type] * (1 + (stretch - 1) * sheet.filling)


def _in_cv(cell_type: str, sheet: Sheet) -> float:
    stretch = _prefixed(IN_STRETCH, cell_type, 1.0)
    cv = _prefixed(known.IN_DEGREE_CV, cell_type, INHIBITED_CV)
    return cv * (1 + (stretch - 1) * sheet.filling)


def _widths(sheet: Sheet) -> Floats:
    """Return σ of λ for each pair of types, µm."""
    letters = ["i" if t in known.INHIBITORY else "e" for t in known.COUNTS]
    width = {
        pair: sigma * (1 + (WIDER[pair] - 1) * sheet.filling)
        for pair, sigma in known.FALL_OFF.items()
    }
    return np.array([[width[one + other] for other in letters] for one in letters])


@cache
def _constants(sheet: Sheet) -> Floats:
    """Return c for each pair of types, by bisection of E[1 − exp(−λ)] = P."""
    from scipy.special import gammaincinv

    distance2, weight = sheet.distances()
    sigma = _widths(sheet)
    levels = (np.arange(16) + 0.5) / 16
    found = np.zeros_like(sigma)
    for place, (t, u) in zip(np.ndindex(found.shape), product(known.COUNTS, repeat=2), strict=True):
        chance = mean_probability(t, u) * sheet.dilution
        if chance == 0:
            continue
        inhibited = t in known.INHIBITORY
        cv = _in_cv(u, sheet) if inhibited else EXCITED_CV
        share = 1 - (_prefixed(known.NO_INHIBITION, u, 0.0) if inhibited else 0.0)
        into = gammaincinv(1 / cv**2, levels)
        lam = np.outer(into / into.mean() / share, np.exp(-distance2 / (2 * sigma[place] ** 2)))
        variance = _out_cv(t, sheet) ** 2
        low, high = 0.0, 1000.0
        for _ in range(45):
            middle = (low + high) / 2
            # over gamma-distributed a, E exp(−λ) is its Laplace transform
            hit = 1 - (1 + middle * variance * lam) ** (-1 / variance)
            enough = share * float(hit.mean(0) @ weight) > chance
            low, high = (low, middle) if enough else (middle, high)
        found[place] = high
    return found


def _prefixed(table: dict[str, float], name: str, otherwise: float) -> float:
    return next((value for start, value in table.items() if name.startswith(start)), otherwise)


def mean_probability(pre: str, post: str) -> float:
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


def synapse_shares(pair: str) -> Floats:
    """Return the shares of connections of 1, 2, 3 … synapses; ``pair`` as ``ei``."""
    number, ratio, most = known.TAIL_IE
    tail = ratio ** np.arange(most - len(known.SYNAPSES_IE))
    weights = {
        "ee": np.array(known.SYNAPSES_EE, float),
        "ei": (1 - 1 / known.MEAN_EI) ** np.arange(30),
    }.get(pair, np.concatenate([known.SYNAPSES_IE, number * tail / tail.sum()]))
    shares: Floats = weights / weights.sum()
    return shares


def _counts(
    pre: npt.NDArray[np.bool_], post: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Indices:
    """Return the synapses of each connection; ``pre`` and ``post`` say which are inhibitory."""
    level = rng.random(len(pre))
    count = np.ones(len(pre), np.int64)
    for rows, pair in ((pre, "ii"), (~pre & ~post, "ee"), (~pre & post, "ei")):
        shares = synapse_shares(pair)
        place = np.searchsorted(np.cumsum(shares), level[rows])
        count[rows] = 1 + np.minimum(place, len(shares) - 1)
    return count


def _sizes(
    pre: npt.NDArray[np.bool_],
    post: npt.NDArray[np.bool_],
    count: Indices,
    rng: np.random.Generator,
) -> Floats:
    """Return summed sizes in voxels: log-normal for each pair of broad types, growing with k."""
    from scipy.special import ndtri

    normal = ndtri(rng.random(len(pre)))
    logs = np.log(count)
    size = np.zeros(len(pre))
    for key, (mean, sd) in known.LN_SIZE.items():
        rows = (pre == (key[0] == "i")) & (post == (key[1] == "i"))
        if not rows.any():
            continue
        spread = math.sqrt(max(sd**2 - logs[rows].var(), 0.01))
        size[rows] = np.exp(mean + logs[rows] - logs[rows].mean() + spread * normal[rows])
    return np.maximum(1, np.round(size))
