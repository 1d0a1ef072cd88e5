"""Real wiring from CAVE: by default the V1 column of MICrONS."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import attrs
from attrs import field
from attrs.validators import ge, gt

from bionic_core import UNIT, BionicError, Connectome, ConnectomeFetcher
from bionic_core.connectomes.fetch import Parts
from bionic_core.connectomes.roles import Watch
from bionic_plugins.connectomes.microns import answers
from bionic_plugins.connectomes.microns.cave import Address, Cave
from bionic_plugins.connectomes.microns.cells import Cells, Ids, Selection, Synapses, join


@attrs.frozen(eq=False)
class Microns(Selection, ConnectomeFetcher):
    """Cells and the synapses between them from CAVE; needs a free token.

    Attributes:
        version: the materialization; 1300, 943 and 117 of minnie65_public are kept for good.
        datastack: a datastack of the server.
        server: address of another deployment's global server; empty for CAVE's own.
        token_file: a JSON file {"token": "…"}; empty for caveclient's ~/.cloudvolume/secrets.
        view: the view with one row for each cell.
        cell_type_source: the table that the cell's type comes from; empty takes every table's.
        cell_types: names of cell types, bionic's or the view's own, comma-separated.
        region: names of visual areas, where the view has them, comma-separated.
        box: x0,y0,z0,x1,y1,z1 in µm: opposite corners around the somata.
        centre, radius: a ball around the somata, x,y,z and its radius in µm.
        chunk: presynaptic cells in one request.
        attempts: how often a request is made before the download stops.
        wait: seconds before the second attempt; doubles with each.
        timeout: seconds that one question may take in all, connecting included, and 1 s more for
            each 20,000 bytes that came, so that a slow but steady answer arrives.
    """

    name = "microns"
    source = (
        "MICrONS Consortium 2025, doi:10.1038/s41586-025-08790-w; "
        "Dorkenwald et al. 2025 (CAVE), doi:10.1038/s41592-024-02426-z"
    )

    version: int = field(default=1300, validator=ge(1), metadata={UNIT: "1"})
    datastack: str = "minnie65_public"
    server: str = ""
    token_file: str = ""
    view: str = "aibs_cell_info"
    chunk: int = field(default=100, validator=ge(1), metadata={UNIT: "cells"})
    attempts: int = field(default=6, validator=ge(1), metadata={UNIT: "requests"})
    wait: float = field(default=1.0, validator=ge(0), metadata={UNIT: "s"})
    timeout: float = field(default=600.0, validator=gt(0), metadata={UNIT: "s"})

    @property
    def query(self) -> dict[str, Any]:
        """What decides the result, as JSON-ready data."""
        return self.settings(without=("token_file", "chunk", "attempts", "wait", "timeout"))

    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        """Return the selected neurons and the synapses between them, verified to be all."""
        kept = Parts(parts, self.query)
        watch.step("table of cells", 0, 1)
        cave = Cave(
            Address(
                self.datastack,
                self.version,
                self.server,
                self.token_file,
                self.attempts,
                self.wait,
                self.timeout,
            ),
            watch.say,
        )
        cells, dropped = self._chosen(cave, kept)
        watch.step("table of cells", 1, 1)
        ids = cells.root_id
        found = []
        for start in range(0, len(ids), self.chunk):
            watch.step("synapses of cells", start, len(ids))
            found.append(_chunk(cave, kept, ids, start, min(start + self.chunk, len(ids))))
        watch.step("synapses of cells", len(ids), len(ids))
        label = "MICrONS V1 column" if self.whole_column else f"cells of {self.datastack}"
        synapses = Synapses.joined(found)
        try:
            answers.check_synapses(synapses)  # one may come with two cells' answers
        except BionicError:
            kept.clear()  # none of them says which one is wrong
            raise
        return join(
            cells,
            dropped,
            synapses,
            {
                "label": f"{label}, materialization {self.version}",
                "datastack": self.datastack,
                "materialization": self.version,
                "timestamp": cave.timestamp,
                "query": self.query | {"synapses": cave.synapse_table},
                "client": f"caveclient {installed('caveclient')}",
                "source": self.source,
            },
        )

    def _chosen(self, cave: Cave, kept: Parts) -> tuple[Cells, dict[str, int]]:
        """Return the cells to take; their table is kept once it has proved to be of use."""
        where = f"{self.datastack} {self.version}, {self.view}"
        one_source = bool(self.cell_type_source)
        table = kept.read("cells")
        if table is not None:
            with suppress(BionicError, TypeError):
                kept_cells = Cells(**table)
                answers.check_cells(kept_cells, one_source=one_source)
                return self.choose(kept_cells, where=where)
        cells = cave.cells(self.view, self.cell_type_source)
        chosen = self.choose(cells, where=where)
        kept.write("cells", cells.arrays())
        return chosen


def _chunk(cave: Cave, kept: Parts, ids: Ids, start: int, stop: int) -> Synapses:
    """Return the synapses from the cells ``start`` … ``stop`` to all; halved where they are cut.

    Raises:
        BionicError: even one cell's synapses are cut, or the server contradicts itself.
    """
    name = f"synapses-{start:07}-{stop:07}"
    table = kept.read(name)
    pre = ids[start:stop]
    if table is not None:
        with suppress(BionicError, TypeError):
            synapses = Synapses(**table)
            answers.check_synapses(synapses, pre, ids)
            return synapses
    expected = cave.count(pre, ids)
    synapses = cave.synapses(pre, ids)
    got = len(synapses.id)
    if got > expected:
        raise BionicError(
            f"the server counts {expected:,} synapses and sends {got:,} for the same query; give "
            "the same command again, and tell the server's owners if it happens again"
        )
    if got < expected and len(pre) == 1:
        raise BionicError(
            f"the server sends {got:,} of the {expected:,} synapses of cell {pre[0]} and cannot "
            "be asked for less than one cell. Select fewer cells"
        )
    if got < expected:
        middle = (start + stop) // 2
        halves = [
            _chunk(cave, kept, ids, start, middle),
            _chunk(cave, kept, ids, middle, stop),
        ]
        synapses = Synapses.joined(halves)
    answers.check_synapses(synapses, pre, ids)
    kept.write(name, synapses.arrays())
    return synapses
