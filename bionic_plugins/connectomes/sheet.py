"""A sheet of cortex: its cells, its size, and where its axes point."""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from bionic_plugins.connectomes import column_statistics as known

COLUMN = sum(known.COUNTS.values())

SIDE = 100.0
"""Side of the column in the sheet, µm."""

REACH = 4.5
"""Beyond so many σ there are no connections."""

Floats = npt.NDArray[np.float64]

Indices = npt.NDArray[np.int64]

SIN, COS = math.sin(math.radians(5)), math.cos(math.radians(5))

MIDDLE = np.array([664.0, 856.0])


def numbers(neurons: int) -> Indices:
    """Return the number of cells of each type, in the column's shares, at least one of each."""
    shares = np.array(list(known.COUNTS.values())) * neurons / COLUMN
    found = np.maximum(1, np.floor(shares)).astype(np.int64)
    missing = neurons - int(found.sum())
    order = np.argsort(found - shares, kind="stable")
    found[order[: max(0, missing)]] += 1
    for _ in range(-missing):
        found[np.argmax(found)] -= 1
    return found


@attrs.frozen
class Sheet:
    """The piece of cortex that so many neurons fill, seen from above."""

    neurons: int

    @property
    def side(self) -> float:
        """Side in µm: the column's, or wider for more neurons."""
        return SIDE * math.sqrt(max(1.0, self.neurons / COLUMN))

    @property
    def closed(self) -> bool:
        """Whether opposite edges meet."""
        return self.neurons > COLUMN

    @property
    def filling(self) -> float:
        """Probability of a connection at the same distance over the column's."""
        if not self.closed:
            return 1.0
        means = []
        for sheet in (Sheet(COLUMN), self):
            distance2, weight = sheet.distances()
            means.append(float(weight @ np.exp(-distance2 / (2 * 110.0**2))))
        return self.dilution * means[0] / means[1]

    @property
    def dilution(self) -> float:
        """Share of connected pairs over the column's."""
        return min(1.0, COLUMN / self.neurons)

    def apart(self, one: Floats, other: Floats) -> Floats:
        """Return squared distances in µm² between places (…, 2)."""
        gap = np.abs(one - other)
        if self.closed:
            gap = np.minimum(gap, self.side - gap)
        result: Floats = (gap**2).sum(-1)
        return result

    def distances(self, nodes: int = 20) -> tuple[Floats, Floats]:
        """Return squared distances of random pairs and their weights: a quadrature."""
        most = min(self.side / 2 if self.closed else self.side, REACH * 140)
        gap = (np.arange(nodes) + 0.5) * most / nodes
        weight = np.full(nodes, 2 / self.side)
        if not self.closed:
            weight *= 1 - gap / self.side
        weight *= most / nodes
        return np.add.outer(gap**2, gap**2).ravel(), np.outer(weight, weight).ravel()


def to_nanometres(depth: Floats, place: Floats) -> Floats:
    """Return x, y, z in nm: depth = (sin 5°·x + cos 5°·y − 396671)/1000; slanting in layer 6."""
    centre = place.max(0, initial=0) / 2
    lateral, z = (1000 * (MIDDLE + place - centre)).T
    down = 1000 * depth + 396671
    x, y = COS * lateral + SIN * down, COS * down - SIN * lateral
    return np.round(np.stack([x, y, z + 450 * np.maximum(0, depth - 450)], axis=1))


def from_nanometres(position: Floats) -> Floats:
    """Return places in the sheet (N, 2), µm, up to a shift: the slant taken out."""
    x, y, z = position.T
    depth = (SIN * x + COS * y - 396671) / 1000
    lateral = (COS * x - SIN * y) / 1000
    return np.stack([lateral, z / 1000 - 0.45 * np.maximum(0, depth - 450)], axis=1)
