"""Real wiring from the public files of MICrONS, without a token."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field
from attrs.validators import ge, gt

from bionic_core import UNIT, BionicError, Connectome, ConnectomeFetcher
from bionic_core.base.files import check_file, limited_lines
from bionic_core.connectomes.fetch import Parts
from bionic_core.connectomes.roles import Watch
from bionic_core.errors import listing
from bionic_plugins.connectomes.microns.cells import Cells, Selection, Synapses, join
from bionic_plugins.connectomes.microns.download import Download

CELLS, SYNAPSES = "aibs_cell_info_merged", "synapses_with_axon_proofreading"

VOXEL = (4.0, 4.0, 40.0)
"""nm per voxel of the positions in the files."""

MOST = 2**33
"""Letters that a file may unpack to; the largest one has a thirtieth of it."""

Rows = Iterator[list[str]]


@attrs.frozen(eq=False)
class MicronsDump(Selection, ConnectomeFetcher):
    """Cells and synapses from the public files of MICrONS at materialization 1507; no token.

    The files hold the synapses of proofread axons only: other cells have no outgoing ones.

    Attributes:
        url: the folder of the files.
        version: the materialization that they are of, for the label.
        cells_sha256, synapses_sha256: what the two files must hash to; empty takes any.
        cell_type_source: the table that the cell's type comes from; empty takes every table's.
        cell_types: names of cell types, bionic's or the files' own, comma-separated.
        region: names of visual areas, comma-separated.
        box: x0,y0,z0,x1,y1,z1 in µm: opposite corners around the somata.
        centre, radius: a ball around the somata, x,y,z and its radius in µm.
        attempts: how often a request is made before the download stops.
        wait: seconds before the second attempt; doubles with each.
        timeout: seconds that one request may take in all, connecting included, and 1 s more for
            each 20,000 bytes that came, so that a slow but steady answer arrives.
    """

    name = "microns-dump"
    source = "MICrONS Consortium 2025, doi:10.1038/s41586-025-08790-w"

    url: str = "https://storage.googleapis.com/mat_dbs/public/minnie65_phase3_v1/v1507/"
    version: int = field(default=1507, validator=ge(1), metadata={UNIT: "1"})
    cells_sha256: str = "f26299762ef15a782a9323e9b8ae0740b85bb50fa1be7b42fbecb4adfac1b7f8"
    synapses_sha256: str = "3f0841cafb39531e9b42d8a936211da66db9f09cea96c74ec88e0d05e3d06fd5"
    attempts: int = field(default=6, validator=ge(1), metadata={UNIT: "requests"})
    wait: float = field(default=1.0, validator=ge(0), metadata={UNIT: "s"})
    timeout: float = field(default=60.0, validator=gt(0), metadata={UNIT: "s"})

    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        """Return the selected neurons and the synapses between them."""
        # The files are the same for every selection: one that fails, mistyped for example, leaves
        # them to the next.
        digests = {CELLS: self.cells_sha256, SYNAPSES: self.synapses_sha256}
        kept = Parts(parts, {"url": self.url, "sha256": digests})
        download = Download(self.attempts, self.wait, watch, self.timeout)
        folder = self.url if self.url.endswith("/") else f"{self.url}/"
        tables = {}
        for name in (CELLS, SYNAPSES):
            head = download.file(f"{folder}{name}_header.csv", kept.path(f"{name}_header.csv"))
            file = f"{name}.csv.gz"
            body = download.file(folder + file, kept.path(file), digests[name])
            tables[name] = Table(body, _columns(head), watch)
        where = f"{CELLS}.csv.gz"
        cells, dropped = self.choose(_cells(tables[CELLS], self.cell_type_source), where=where)
        connectome = join(
            cells,
            dropped,
            _synapses(tables[SYNAPSES], cells),
            {
                "label": f"{'MICrONS V1 column' if self.whole_column else 'cells of MICrONS'}, "
                f"materialization {self.version}, proofread axons only",
                "datastack": "minnie65_public",
                "materialization": self.version,
                "about": "synapses of proofread axons only: cells without one have no outgoing "
                "synapses here",
                "query": self.settings(
                    without=("attempts", "wait", "timeout", "cells_sha256", "synapses_sha256")
                ),
                "files": {f"{name}.csv.gz": digest for name, digest in digests.items()},
                "source": self.source,
            },
        )
        return connectome


@attrs.frozen(eq=False)
class Table:
    """A compressed CSV file without a line of names, and its names."""

    path: Path
    columns: tuple[str, ...]
    watch: Watch

    def rows(self, *names: str) -> Rows:
        """Yield the values of some columns, line by line.

        Raises:
            BionicError: a column is not there, a line has another length, or the file is damaged.
        """
        if lacking := set(names) - set(self.columns):
            raise self._wrong(
                f"lacks the columns {listing(lacking)}; it has {listing(self.columns)}"
            )
        places = [self.columns.index(name) for name in names]
        number = 0
        check_file(self.path)
        size = self.path.stat().st_size
        try:
            with (
                self.path.open("rb") as raw,
                gzip.open(raw, "rt", encoding="utf-8", newline="") as file,
            ):
                for number, row in enumerate(csv.reader(limited_lines(file, MOST)), 1):
                    if len(row) != len(self.columns):
                        raise self._wrong(
                            f"has {len(row)} values in line {number} for "
                            f"{len(self.columns)} columns"
                        )
                    if number % 50_000 == 0:
                        self.watch.step(f"reading {self.path.name}", raw.tell(), size)
                    yield [row[place] for place in places]
        except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
            raise self._wrong(f"is damaged after line {number} ({error})") from error

    def _wrong(self, what: str) -> BionicError:
        return BionicError(
            f"{self.path.name} {what}. The file at --url is another than bionic knows; fetch "
            "from CAVE itself: bionic connectome fetch microns"
        )


def _columns(path: Path) -> tuple[str, ...]:
    """Return the names in a header file, on one line or one a line."""
    check_file(path)
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(name.strip() for row in csv.reader(file) for name in row if name.strip())


def _cells(table: Table, cell_type_source: str) -> Cells:
    """Return the cells whose type comes from a table, or all."""
    region = "visual_area" if "visual_area" in table.columns else "cell_type"
    found = [
        row
        for row in table.rows(
            "cell_type_source",
            "pt_root_id",
            "broad_type",
            "cell_type",
            region,
            *(f"pt_position_{axis}" for axis in "xyz"),
        )
        if not cell_type_source or row[0] == cell_type_source
    ]
    places = [[float(value) if value else np.nan for value in row[5:]] for row in found]
    return Cells(
        root_id=_integers([row[1] for row in found]),
        broad_type=np.array([row[2] for row in found], np.str_),
        cell_type=np.array([row[3] for row in found], np.str_),
        region=np.array([row[4] if region == "visual_area" else "" for row in found], np.str_),
        position=np.array(places, np.float64).reshape(-1, 3) * np.array(VOXEL),
    )


def _synapses(table: Table, cells: Cells) -> Synapses:
    """Return the synapses between the cells; the file holds many more, which are not kept."""
    wanted = set(cells.root_id.tolist())
    found = [
        row
        for row in table.rows("id", "pre_pt_root_id", "post_pt_root_id", "size")
        if int(row[1] or 0) in wanted and int(row[2] or 0) in wanted
    ]
    unlike = len({tuple(row) for row in found}) - len({row[0] for row in found})
    if unlike:
        raise BionicError(
            f"{table.path.name}: {unlike:,} synapses differ from another one of the same id; which "
            "of them are real is unknown. Fetch from CAVE itself: bionic connectome fetch microns"
        )
    return Synapses(*(_integers([row[place] for row in found]) for place in range(4)))


def _integers(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return whole numbers, missing ones as 0; never through a float, which has 16 digits."""
    return np.array([int(text or 0) for text in texts], np.int64)
