"""Pictures of connectomes: what they show is what is in the connectome."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path

import attrs
import numpy as np
import pytest
from PIL import Image

from bionic_core import RequestError
from bionic_core.connectome import Connectome
from bionic_core.reports.drawing.connectome import KINDS, View, densities, draw
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support import toys

__all__ = ["bionic"]

LAYERS = {"B": ["b"], "A": ["a", "nowhere"], "plain": 12}


def view(connectome: Connectome | None = None) -> View:
    return View.of(connectome or toys.column(), LAYERS, tilt=0, pia=0)


def words(content: bytes) -> str:
    return html.unescape(" ".join(re.findall(r">([^<>]+)</text>", content.decode())))


def test_layers_are_the_specs_then_what_is_left_interneurons_last() -> None:
    found = view()
    assert {name: list(types) for name, types in found.layers.items()} == {
        "B": ["b"],
        "A": ["a"],
        "c": ["c"],
        "Inh": ["i"],
    }
    assert list(found.layers) == ["B", "A", "c", "Inh"]
    assert len(set(found.shades.values())) == 4


def test_cells_are_sorted_by_type_and_depth() -> None:
    found = view()
    order = found.cells(found.types)
    assert sorted(order.tolist()) == list(range(18))
    assert order[:4].tolist() == sorted([5, 6, 7, 8], key=lambda i: found.depth[i])


def test_depth_is_turned_and_starts_at_the_pia() -> None:
    column = attrs.evolve(toys.column(), position=np.tile([30_000.0, 500_000.0, 0.0], (18, 1)))
    found = View.of(column, LAYERS, tilt=5, pia=100)
    angle = np.radians(5)
    assert found.depth[0] == pytest.approx(30 * np.sin(angle) + 500 * np.cos(angle) - 100)
    assert found.across[0] == pytest.approx(30 * np.cos(angle) - 500 * np.sin(angle))


def test_densities_leave_out_a_cell_and_itself() -> None:
    column = toys.column()
    wired = np.zeros((18, 18), bool)
    wired[column.pre, column.post] = True
    np.fill_diagonal(wired, False)
    share = densities(view())
    assert share[1, 1] == pytest.approx(wired[:5, :5].sum() / 20)
    assert share[1, 0] == pytest.approx(wired[:5, 5:9].mean())
    assert share[3, 2] == pytest.approx(wired[15:, 9:15].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_names_what_it_shows(kind: str) -> None:
    files = draw(view(), kind)
    assert set(files) == {"png", "svg"}
    said = words(files["svg"])
    assert "toy: 18 cells" in said or ("toy" in said and "18 cells" in said)
    named = ("a", "b", "c", "i") if kind in ("column", "degrees") else ("A", "B", "Inh")
    assert "$" not in said
    for name in named:
        assert re.search(rf"\b{name}\b", said), name
    if kind == "layers":
        assert draw(view(), kind) == files, "the same picture is the same file"
    assert min(Image.open(io.BytesIO(files["png"])).size) > 500
    if kind == "layers":
        assert f"{100 * densities(view())[3, 2]:.3g}%" in said
    if kind == "column":
        assert "µm" in said


def test_the_adjacency_has_a_mark_for_each_connection_and_no_other() -> None:
    """One connection alone, in one colour, in the half of pre and the half of post it is in."""
    column = toys.column()
    chosen = np.flatnonzero((column.pre < 5) & (column.post > 14))[:1]
    one = attrs.evolve(
        column, **{key: getattr(column, key)[chosen] for key in ("pre", "post", "count", "size")}
    )
    pixels = np.array(Image.open(io.BytesIO(draw(view(one), "adjacency")["png"])).convert("RGB"))
    blue = (np.abs(pixels.astype(int) - [0x00, 0x72, 0xB2]).sum(2) < 30).nonzero()
    inside = blue[0] < 0.9 * len(pixels)  # below is the legend
    assert inside.sum() > 100
    assert np.ptp(blue[0][inside]) < 0.1 * len(pixels)
    assert blue[1][inside].min() > 0.7 * pixels.shape[1], "inhibitory cells are last"


def test_somata_are_to_scale() -> None:
    """A square of somata is as wide as high in the picture."""
    column = toys.column()
    corners = np.array([[0, 0, 0], [300, 0, 300], [0, 300, 0], [300, 300, 300]]) * 1000.0
    position = np.concatenate([np.full((14, 3), 150_000.0), corners])
    pixels = np.array(
        Image.open(
            io.BytesIO(draw(view(attrs.evolve(column, position=position)), "column")["png"])
        ).convert("RGB")
    ).astype(int)
    ink = (np.abs(pixels - [0xD5, 0x5E, 0x00]).sum(2) < 12)[:, : pixels.shape[1] // 2].nonzero()
    first = ink[1] < ink[1].min() + 0.3 * pixels.shape[1]
    high = np.ptp(ink[0][first])
    left = ink[1][first]
    panel = left[left < left.min() + 1.1 * high]
    assert np.ptp(panel) == pytest.approx(high, rel=0.06)


def test_a_column_without_places_is_refused() -> None:
    nowhere = attrs.evolve(toys.column(), position=np.zeros((18, 3)))
    with pytest.raises(RequestError, match="does not say where its somata are"):
        draw(view(nowhere), "column")
    assert draw(view(nowhere), "adjacency")


def test_the_command_writes_png_and_svg(bionic: Bionic, tmp_path: Path) -> None:
    said = bionic("connectome", "plot", "--kind", "layers", "--out", "deep/er", "--json")
    assert said.code == 0, said.err
    assert said.document["figures"] == ["deep/er/layers.png", "deep/er/layers.svg"]
    assert list(said.document["layers"]) == ["A", "B", "C", "D", "Inh"]
    assert all((tmp_path / path).stat().st_size > 1000 for path in said.document["figures"])
    toys.column().save(tmp_path / "toy.npz")
    said = bionic("connectome", "plot", "toy.npz", "--out", "all")
    assert said.code == 0, said.err
    assert len(list((tmp_path / "all").iterdir())) == 8
    assert all(kind in said.out for kind in KINDS)


def test_what_cannot_be_drawn_is_named_and_the_rest_is_drawn(
    bionic: Bionic, tmp_path: Path
) -> None:
    attrs.evolve(toys.column(), position=np.full((18, 3), np.nan)).save(tmp_path / "no.npz")
    said = bionic("connectome", "plot", tmp_path / "no.npz", "--json")
    assert said.code == 0, said.err
    assert said.document["undrawn"] == {"column": "it does not say where its somata are"}
    names = {Path(file).stem for file in said.document["figures"]}
    assert names == {*KINDS} - {"column"}
    two = bionic(
        "connectome", "plot", tmp_path / "no.npz", "--kind", "layers,degrees", "--out", "x"
    )
    assert {path.name for path in Path("x").iterdir()} == {
        f"{kind}.{form}" for kind in ("layers", "degrees") for form in ("png", "svg")
    }
    assert "is not drawn" not in two.out


def test_wrong_requests(bionic: Bionic, tmp_path: Path) -> None:
    refused(bionic("connectome", "plot", "--kind", "layer"), "--kind layer", "'layers'")
    (tmp_path / "file").write_text("")
    refused(bionic("connectome", "plot", "--out", "file"), "file", "--out names the folder")
    (tmp_path / "there" / "layers.png").mkdir(parents=True)
    said = bionic("connectome", "plot", "--kind", "layers", "--out", "there")
    refused(said, "layers.png: cannot be written", "give --out another folder")
    refused(bionic("connectome", "plot", "nothing.npz"), "nothing.npz")
    refused(bionic("connectome", "plot", "--layers", "ful"), "Did you mean 'full'")
