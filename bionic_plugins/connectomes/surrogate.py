"""A surrogate of the MICrONS V1 column, of any size, drawn from statistics.

Connections are a Poisson process over the pairs of cells: i → j exists with probability
``1 − exp(−λ)``, ``λ = c · a_i · b_j · exp(−d²/2σ²)``, where a and b are gamma-distributed
propensities that make degrees as overdispersed as the measured ones, d is the distance in the
sheet of cortex, along the column's slant, and c is solved for so that the mean of each type pair
is the measured P. The two directions of a pair share part of their events, which gives the
measured reciprocity and leaves P as it is. Drawing events instead of asking every pair makes time
and memory linear in the number of connections.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import field
from attrs.validators import ge

from bionic_core import DRAWS, UNIT, Connectome
from bionic_core.connectomes.roles import Compared, Surrogate
from bionic_plugins.connectomes import column_statistics as known
from bionic_plugins.connectomes.drawing import draw
from bionic_plugins.connectomes.sheet import COLUMN


@attrs.frozen(eq=False)
class V1Surrogate(Surrogate):
    """Cells and connections drawn from statistics of the V1 column; none of them is a real one.

    With 1,333 neurons it is the column, 100 µm wide. More neurons are a wider sheet, just as
    densely packed, whose opposite edges meet, and each finds as many partners as in the column,
    with the same fall-off: numbers of partners, their spread, synapses, sizes and reciprocity
    stay, while the share of pairs that are connected falls as 1/N. Fewer neurons are a thinned
    column: the share of connected pairs stays.

    Attributes:
        neurons: how many; cell types in the shares of the column.
        seed: of everything drawn.
    """

    name = "surrogate"
    source = "statistics in bionic_plugins.connectomes.column_statistics"

    neurons: int = field(
        default=COLUMN, validator=ge(len(known.COUNTS)), metadata={UNIT: "neurons"}
    )
    seed: int = field(default=1300, validator=ge(0), metadata={UNIT: "1", DRAWS: True})

    def read(self) -> Connectome:
        """Draw the connectome; the same for the same neurons and seed."""
        return draw(self.neurons, self.seed)

    def compare(self, seeds: Sequence[int]) -> list[Compared]:
        """Draw one for each seed; return measured and drawn statistics side by side."""
        from bionic_plugins.connectomes.surrogate_targets import compare

        return compare(self.neurons, seeds)
