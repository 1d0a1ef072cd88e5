"""Published wiring by one word: a hash-pinned wheel through pip's own configuration."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from openpyxl import Workbook

from bionic_core import BionicError, RequestError
from bionic_core.connectomes.fetch import fetch_connectome, sha256
from bionic_core.connectomes.kept import FetchedSource
from bionic_core.connectomes.roles import Unwatched
from bionic_core.registry import Registry
from bionic_core.spec.sources import open_connectome
from bionic_plugins.connectomes.published import celegans, flyvis_lattice, larva, wheels
from bionic_plugins.connectomes.published.celegans import CElegans
from bionic_plugins.connectomes.published.flyvis_lattice import FlyvisLattice
from bionic_plugins.connectomes.published.larva import Larva
from bionic_plugins.connectomes.published.worm_cells import TRANSMITTERS

LEFT, RIGHT = "0 2 0\n0 0 5\n0 0 0\n", "0 1\n0 0\n"


def wheel(folder: Path, like: wheels.Wheel, tables: dict[str, bytes | str]) -> wheels.Wheel:
    """Write a wheel of these tables, as pip reads them, and return it as bionic names it."""
    path = folder / like.file
    info = f"{like.project}-{like.version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in tables.items():
            archive.writestr(name, text)
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {like.project}\nVersion: {like.version}\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return attrs.evolve(like, sha256=sha256(path))


def larval(folder: Path) -> wheels.Wheel:
    base = "graspologic/datasets/drosophila/"
    tables: dict[str, bytes | str] = {
        f"{base}left_adjacency.csv": LEFT,
        f"{base}left_cell_labels.csv": "P\nK\nO\n",
        f"{base}right_adjacency.csv": RIGHT,
        f"{base}right_cell_labels.csv": "P\nI\n",
    }
    return wheel(folder, larva.WHEEL, tables)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have pip look into a folder, and what is fetched kept in another."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("BIONIC_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_source_is_fetched_by_pip_and_then_read_by_its_name(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(larva, "WHEEL", larval(index))
    # Neither runs, though both lie in the working directory.
    Path("pip.py").write_text("raise SystemExit('pip.py ran')")
    with pytest.raises(
        RequestError, match=r"not on this machine yet.*bionic connectome fetch larva"
    ):
        open_connectome("larva").read()
    source = Larva(fetch=True)
    fetched = source.read()
    assert source.kept == index.parent / "data" / "connectomes" / "larva.npz"
    read = open_connectome("larva").read()  # without fetch = true: it is there now
    assert read.fingerprint == fetched.fingerprint
    assert read.cell_type.tolist() == ["PN", "KC", "MBON", "PN", "MBIN"]
    assert read.layer.tolist() == ["left"] * 3 + ["right"] * 2
    assert list(zip(read.pre, read.post, read.count, strict=True)) == [
        (0, 1, 2),
        (1, 2, 5),
        (3, 4, 1),
    ]
    said = read.provenance
    assert said["files"] == {larva.WHEEL.file: larva.WHEEL.sha256}
    assert (said["licence"], said["package"]) == ("MIT", "graspologic 3.4.4")
    assert "10.1038/nature23455" in said["source"]


def test_another_file_than_the_pinned_one_is_not_read(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = larval(index)
    monkeypatch.setattr(larva, "WHEEL", attrs.evolve(right, sha256="0" * 64))
    with pytest.raises(BionicError, match=r"pip could not download graspologic 3\.4\.4"):
        Larva(fetch=True).read()
    assert not Larva().kept.exists()
    with pytest.raises(BionicError, match="pip config list"):
        attrs.evolve(right, version="9").get(index.parent / "parts", Unwatched())


def test_what_is_kept_must_be_what_is_asked_for(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels.Wheel, "get", lambda self, folder, watch: index / self.file)
    monkeypatch.setattr(larva, "WHEEL", larval(index))
    left = Larva(side="left")
    assert left.kept.name == "larva-left.npz"
    assert left.command == "bionic connectome fetch larva --side left"
    fetch_connectome(left, Larva().kept)
    with pytest.raises(RequestError, match="bionic connectome fetch larva --overwrite"):
        Larva().read()
    fetch_connectome(Larva(), Larva().kept, overwrite=True)
    assert Larva().read().cells == 5


def sheet(*rows: Sequence[object]) -> bytes:
    return book({"Sheet": rows})


def book(sheets: dict[str, Any]) -> bytes:
    """Return an .xlsx of sheets of rows."""
    made, file = Workbook(), io.BytesIO()
    made.remove(made.active)
    for title, rows in sheets.items():
        page = made.create_sheet(title)
        for row in rows:
            page.append(row)
    made.save(file)
    return file.getvalue()


CHEMICAL: list[list[object]] = [
    [None, None, None, "SENSORY NEURONS", None, "MOTOR NEURONS", "BODYWALL MUSCLES"],
    [],
    [None, None, None, "AWAL", "AWAR", "AS01", "dBWML1"],
    ["SENSORY NEURONS", None, "AWAL", None, 3, 2, None, 5],  # the last are sums
    [None, None, "AWAR", None, None, None, None, 0],
    ["MOTOR NEURONS", None, "AS01", None, None, 1, 7, 8],
    [None, None, None, 0, 3, 3, 7],
]
GAP: list[list[object]] = [
    [None, None, None, "SENSORY NEURONS", None, None],
    [],
    [None, None, None, "AWAL", "AWAR", "AS01"],
    ["SENSORY NEURONS", None, "AWAL", None, 4, None],
    [None, None, "AWAR", 4, None, None],
    ["MOTOR NEURONS", None, "AS01", None, None, None],
]
WANG: list[list[object]] = [
    [None],
    [None, "Class", "Neuron", "x", "Neurotransmitter(s)"],
    [None, "AWA", "AWAL", None, "unknown (orphan)"],
    [None, None, "AWAR", None, "*Glu - NEW "],
    [None, "AS", "AS1/2", None, "GABA (uptake)"],
]


@pytest.fixture
def worm(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the worm's wheel in a folder, with its tables made small."""
    sheets = {
        name: CHEMICAL if "chem" in name else GAP
        for pair in celegans.SHEETS.values()
        for name in pair
    }
    rows: list[list[object]] = [["pre", "post", "type", "synapses"]]
    rows += [["AWAL", "AS1", "chemical", 4]]
    rows += [["AWAL", "AS1", "electrical", 9], ["AS1", "BWM-DL01", "chemical", 2]]
    text = "\n".join("\t".join(map(str, row)) for row in rows)
    tables: dict[str, bytes | str] = {celegans.COOK: book(sheets)}
    tables |= dict.fromkeys(TRANSMITTERS, sheet(*WANG))
    for name in celegans.LISTS.values():
        tables[name] = sheet(*rows) if name.endswith("xlsx") else text
    monkeypatch.setattr(celegans, "WHEEL", wheel(index, celegans.WHEEL, tables))
    monkeypatch.setattr(wheels.Wheel, "get", lambda self, folder, watch: index / self.file)


@pytest.mark.usefixtures("worm")
def test_the_worms_matrices(tmp_path: Path) -> None:
    found = CElegans().fetch(tmp_path, Unwatched())
    assert found.name.tolist() == ["AWAL", "AWAR", "AS1", "dBWML1"]
    assert found.cell_type.tolist() == ["sensory", "sensory", "motor", "muscle"]
    assert found.broad_type.tolist() == ["excitatory"] * 2 + ["inhibitory", "excitatory"]
    edges = list(zip(found.pre, found.post, found.count, strict=True))
    assert edges == [(0, 1, 3), (0, 2, 2), (2, 2, 1), (2, 3, 7)]
    assert "serial sections" in found.provenance["about"]
    assert "1 cells of unknown transmitter" in found.provenance["about"]
    gap = CElegans(synapses="gap").fetch(tmp_path, Unwatched())
    assert list(zip(gap.pre, gap.post, gap.count, strict=True)) == [(0, 1, 4), (1, 0, 4)]
    assert CElegans(synapses="both").fetch(tmp_path, Unwatched()).count.sum() == 21


@pytest.mark.usefixtures("worm")
@pytest.mark.parametrize("name", [*celegans.LISTS])
def test_the_worms_lists(name: Any, tmp_path: Path) -> None:
    found = CElegans(reconstruction=name).fetch(tmp_path, Unwatched())
    assert found.name.tolist() == ["AWAL", "AS1", "BWM-DL01"]
    assert list(zip(found.pre, found.post, found.count, strict=True)) == [(0, 1, 4), (1, 2, 2)]


def test_a_lattice_is_expanded_from_types_and_offsets(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = [[[0, 0], 6], [[3, 0], 2.4], [[0, 3], 0.2]]
    nodes = [
        {"name": "A", "pattern": ["stride", [1, 1]]},
        {"name": "B", "pattern": ["stride", [2, 1]]},
    ]
    edges = [
        {"src": "A", "tar": "B", "alpha": -1, "offsets": line},
        {"src": "A", "tar": "A", "alpha": 1, "offsets": [[[0, 0], 1]]},
    ]
    table = json.dumps({"nodes": nodes, "edges": edges})
    made = wheel(index, flyvis_lattice.WHEEL, {flyvis_lattice.TABLE: table})
    monkeypatch.setattr(flyvis_lattice, "WHEEL", made)
    monkeypatch.setattr(wheels.Wheel, "get", lambda self, folder, watch: index / self.file)
    found = FlyvisLattice(extent=2, pitch=10.0).fetch(index, Unwatched())
    # 19 columns within a radius of two; those with an even u are 3, 5 and 3
    assert [(found.cell_type == name).sum() for name in "AB"] == [19, 11]
    at = {name: place for place, name in enumerate(found.name.tolist())}
    sizes = {(a, b): s for a, b, s in zip(found.pre, found.post, found.size, strict=True)}
    assert sizes[at["A 0,0"], at["B 0,0"]] == 6
    assert sizes[at["A -1,0"], at["B 2,0"]] == 2.4
    assert sizes[at["A -1,-1"], at["B 0,0"]] == 1.0  # offset (1, 1) lies within the others' hull
    assert (at["A 1,0"], at["B 0,0"]) not in sizes
    assert found.count.min() == 1
    assert set(found.broad_type[found.cell_type == "A"]) == {"inhibitory"}
    assert "those of A differ" in found.provenance["about"]
    near = found.position[[at["A 0,0"], at["A 1,0"], at["A 0,1"]]]
    assert np.allclose(np.linalg.norm(near[1:] - near[0], axis=1), 10)


def test_they_are_sources_and_fetchers() -> None:
    registry = Registry.installed()
    for name in ("larva", "celegans", "flyvis-lattice"):
        assert issubclass(registry.get(name, FetchedSource), FetchedSource)


PUBLISHED = {
    # Priebe et al. 2017, arXiv:1705.03297, of Eichler et al. 2017: 213 cells, 7,536 edges (right)
    Larva(side="right"): (213, 7_536, None),
    Larva(side="left"): (209, None, None),
    # Cook et al. 2019, corrected tables: 4,879 chemical edges; male
    CElegans(): (454, 4_879, 28_113),
    CElegans(reconstruction="cook2019-male"): (575, 5_306, 45_959),
    # Witvliet et al. 2021: about 1,300 chemical synapses at birth, about 8,000 in the adult
    CElegans(reconstruction="witvliet2021-1"): (None, None, 1_296),
    CElegans(reconstruction="witvliet2021-8"): (None, None, 7_970),
    # White et al. 1986: about 7,000 chemical synapses, neuromuscular ones included
    CElegans(reconstruction="white1986"): (None, 2_386, 7_943),
    # Lappalainen et al. 2024: 45,669 cells and 1,513,231 connections in 721 columns
    FlyvisLattice(): (45_669, 1_513_231, None),
}


@pytest.mark.slow
def test_what_the_papers_count(tmp_path: Path) -> None:
    """Of the real wheels, from the index that pip is configured for; skipped without one."""
    try:
        found = {source: source.fetch(tmp_path, Unwatched()) for source in PUBLISHED}
    except BionicError as error:
        pytest.skip(f"no package index here: {error}")
    for source, (cells, connections, synapses) in PUBLISHED.items():
        one = found[source]
        print(source.kept.stem, one.cells, len(one.pre), int(one.count.sum()))
        assert cells in (None, one.cells)
        assert connections in (None, len(one.pre))
        assert synapses in (None, int(one.count.sum()))
