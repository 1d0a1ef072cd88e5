"""Several cortical areas: a drawn column each, and drawn projections up and down between them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field
from attrs.validators import ge, gt, le

from bionic_core import DRAWS, UNIT, Connectome, ConnectomeSource
from bionic_plugins.connectomes import column_statistics as known
from bionic_plugins.connectomes.drawing import draw
from bionic_plugins.connectomes.sheet import COLUMN

UP = (("23P", "5P-IT"), ("4P", "23P"))
"""Cell types that project to a higher area, and those that they reach there."""

DOWN = (("23P", "5P-IT", "6P-IT"), ("23P", "5P-ET", "5P-IT", "5P-NP"))
"""Those that project to a lower area, and those that they reach there: not layer 4."""

APART = 2e6
"""From one area to the next, nm, along x; what lies between is not there."""

Indices = npt.NDArray[np.int64]


def _neurons(_: object, attribute: object, value: Mapping[str, int]) -> None:
    least = len(known.COUNTS)
    if len(value) < 2 or not all(name.isidentifier() for name in value):
        raise ValueError("must name two areas or more, in letters, digits and underscores")
    small = [name for name, neurons in value.items() if neurons < least]
    if small:
        raise ValueError(f"{small[0]} = {value[small[0]]}: must be at least {least} neurons")


@attrs.frozen(eq=False)
class Areas(ConnectomeSource):
    """Visual areas in hierarchical order, each a surrogate of the V1 column, types ``V1.4P`` ….

    Within an area all is as the source ``surrogate`` draws it. Between areas every pair of cells
    of types that project (:data:`UP`, :data:`DOWN`) is connected with one probability, whatever
    their distance: feed-forward from layers 2/3 and 5 to 4 and 2/3, feedback from 2/3, 5 and 6 to
    2/3 and 5, after Harris et al. 2019 and Felleman & Van Essen 1991. Their synapses and sizes are
    those of connections among excitatory cells within the area that projects. The two
    probabilities are assumed, not measured; that other areas are built as V1 is, is too.

    Attributes:
        areas: neurons of each area, the lowest first; 1,333 are the column of V1.
        up, down: share of pairs that are connected, to higher and to lower areas.
        seed: of everything drawn.
    """

    name = "areas"
    source = (
        "hierarchy and laminae: Felleman & Van Essen 1991, doi:10.1093/cercor/1.1.1, Harris et al. "
        "2019, doi:10.1038/s41586-019-1716-z; as a network Shi et al. 2022, "
        "doi:10.1371/journal.pcbi.1010427; columns of the source surrogate"
    )

    areas: Mapping[str, int] = field(
        factory=lambda: {"V1": COLUMN, "LM": 667, "AL": 667},
        validator=_neurons,
        metadata={UNIT: "neurons"},
    )
    up: float = field(default=0.05, validator=[gt(0), le(1)], metadata={UNIT: "1"})
    down: float = field(default=0.03, validator=[ge(0), le(1)], metadata={UNIT: "1"})
    seed: int = field(default=0, validator=ge(0), metadata={UNIT: "1", DRAWS: True})

    def read(self) -> Connectome:
        """Draw the connectome; the same for the same areas and seed."""
        columns = [
            draw(neurons, int(np.random.SeedSequence((self.seed, place)).generate_state(1)[0]))
            for place, neurons in enumerate(self.areas.values())
        ]
        starts = np.cumsum([0, *(one.cells for one in columns)])
        types = [
            f"{area}.{one}"
            for area, column in zip(self.areas, columns, strict=True)
            for one in column.cell_type
        ]
        rng = np.random.default_rng((self.seed, len(columns)))
        parts = [
            (one.pre + start, one.post + start, one.count, one.size)
            for one, start in zip(columns, starts, strict=False)
        ]
        for low, high in combinations(range(len(columns)), 2):
            for one, other, rule, share in ((low, high, UP, self.up), (high, low, DOWN, self.down)):
                pre, post = _between(columns[one], columns[other], rule, share, rng)
                count, size = _strengths(columns[one], len(pre), rng)
                parts.append((pre + starts[one], post + starts[other], count, size))
        pre, post, count, size = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Connectome.of(
            cell_id=np.arange(1, starts[-1] + 1),
            broad_type=np.concatenate([one.broad_type for one in columns]),
            cell_type=types,
            position=np.concatenate(
                [
                    one.position + np.array([APART * place, 0, 0])
                    for place, one in enumerate(columns)
                ]
            ),
            pre=pre,
            post=post,
            count=count,
            size=size,
            provenance=self._provenance(),
        )

    def _provenance(self) -> dict[str, object]:
        return {
            "label": f"drawn areas {', '.join(self.areas)}",
            "surrogate": True,
            "about": "columns drawn from statistics of the real one, and projections between them "
            f"drawn with assumed shares (up {self.up:g}, down {self.down:g}); no connection is a "
            "real one",
            "generator": f"bionic_plugins.areas 1, seed {self.seed}",
        }


def _between(
    one: Connectome,
    other: Connectome,
    rule: tuple[tuple[str, ...], tuple[str, ...]],
    share: float,
    rng: np.random.Generator,
) -> tuple[Indices, Indices]:
    """Return pre and post of connections from one area to another."""
    pre, post = (
        np.flatnonzero(np.isin(area.cell_type, types))
        for area, types in zip((one, other), rule, strict=True)
    )
    rows, columns = np.nonzero(rng.random((len(pre), len(post))) < share)
    return pre[rows], post[columns]


def _strengths(
    area: Connectome, number: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Return counts and sizes of connections among an area's excitatory cells, drawn from them."""
    excitatory = area.broad_type == "excitatory"
    among = np.flatnonzero(excitatory[area.pre] & excitatory[area.post])
    drawn = rng.choice(among, number)
    return area.count[drawn], area.size[drawn]
