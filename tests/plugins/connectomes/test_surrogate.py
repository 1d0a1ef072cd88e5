"""The surrogate: what it keeps of the real column, at its own size and at any."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import bionic_core as core
from bionic_plugins.connectomes import column_statistics as known
from bionic_plugins.connectomes import surrogate_targets
from bionic_plugins.connectomes.drawing import draw, mean_probability
from bionic_plugins.connectomes.sheet import COLUMN, from_nanometres, numbers
from tests.cli.test_cli import Bionic, bionic, refused

__all__ = ["bionic"]

MICRONS = Path(__file__).parents[4] / "shared" / "microns"
needs_real_data = pytest.mark.skipif(
    not (MICRONS / "README.md").is_file(), reason="the measured statistics are not beside the clone"
)


@pytest.fixture(scope="module")
def column() -> core.Connectome:
    return draw(seed=5)


@pytest.fixture(scope="module")
def wide() -> core.Connectome:
    return draw(8000, seed=5)


def test_it_has_the_cells_of_the_paper_and_says_what_it_is(column: core.Connectome) -> None:
    for cell_type, number in known.COUNTS.items():
        assert len(column.of_type(cell_type)) == number
    assert "surrogate" in column.label
    assert column.provenance["surrogate"] is True
    assert (column.pre != column.post).all()


def test_every_statistic_is_within_its_tolerance_over_seeds() -> None:
    rows = surrogate_targets.compare(COLUMN, range(6))
    assert len(rows) > 60
    missed = [(row.statistic, row.target, row.mean) for row in rows if not row.met]
    assert not missed


def test_the_shipped_column_meets_every_statistic_by_the_same_rule() -> None:
    """Each of the 72, within the tolerances of the table; the first drawing does not."""
    targets = surrogate_targets.targets(COLUMN)
    assert len(targets) == 72
    off = {}
    for drawing in (1, 2):
        spec = core.load("demo", set=[f"connectome.drawing={drawing}"])
        assert spec.connectome is not None
        found = surrogate_targets.measure(spec.connectome.read())
        off[drawing] = {n for n, (value, by) in targets.items() if abs(found[n] - value) > by}
    assert not off[2]
    assert len(off[1]) == 9
    assert "share of D without inhibition" in off[1]


def test_the_shipped_column_is_what_the_generator_draws() -> None:
    spec = core.load("demo")
    assert spec.connectome is not None
    assert spec.connectome.read().fingerprint == draw(seed=1318).fingerprint


def test_measured_densities_by_hand(column: core.Connectome) -> None:
    """A dense matrix and plain sums give what the table calls density, reciprocity, degree."""
    wired = np.zeros((column.cells,) * 2, bool)
    wired[column.pre, column.post] = True
    found = surrogate_targets.measure(column)
    one, other = column.of_type("4P"), column.of_type("23P")
    assert found["density A->B"] == pytest.approx(wired[np.ix_(one, other)].mean())
    within = wired[np.ix_(one, one)].sum() / (266 * 265)
    assert found["density A->A"] == pytest.approx(within)
    assert found["reciprocity"] == pytest.approx((wired & wired.T).sum() / wired.sum())
    assert found["out-degree MC, SD"] == pytest.approx(wired[column.of_type("MC")].sum(1).std())
    inhibitory = column.of_broad_type("inhibitory")
    partners = wired[inhibitory][:, one].sum(0)
    assert found["inhibitory partners A, mean"] == pytest.approx(partners.mean())


def test_the_fall_off_that_is_found_is_the_one_that_was_put_in() -> None:
    """Connections drawn pair by pair with a known σ, another density for each pair of types."""
    rng = np.random.default_rng(3)
    empty = draw(seed=9)
    place = from_nanometres(empty.position)
    distance2 = ((place[:, None] - place) ** 2).sum(-1)
    _, kind = np.unique(empty.cell_type, return_inverse=True)
    height = rng.uniform(0.05, 0.4, (13, 13))[kind][:, kind]
    chance = height * np.exp(-distance2 / (2 * 70.0**2))
    np.fill_diagonal(chance, 0)
    pre, post = np.nonzero(rng.random(chance.shape) < chance)
    made = core.Connectome.of(
        cell_id=empty.cell_id,
        broad_type=empty.broad_type,
        cell_type=empty.cell_type,
        position=empty.position,
        pre=pre,
        post=post,
        count=np.ones(len(pre)),
        provenance={},
    )
    found = surrogate_targets.measure(made)
    for pair in ("ee", "ei", "ie"):
        assert found[f"fall-off {pair}, µm"] == pytest.approx(70, rel=0.06)


def test_a_seed_is_a_surrogate(column: core.Connectome) -> None:
    assert draw(seed=5).fingerprint == column.fingerprint
    assert draw(seed=6).fingerprint != column.fingerprint


def test_more_neurons_keep_the_numbers_of_partners(wide: core.Connectome) -> None:
    found = surrogate_targets.measure(wide)
    targets = surrogate_targets.targets(8000)
    assert targets["density A->B"][0] < 0.04 * COLUMN / 7000
    off = {name for name, (value, by) in targets.items() if abs(found[name] - value) > 1.5 * by}
    assert not off
    place = from_nanometres(wide.position)
    assert np.ptp(place, axis=0) == pytest.approx(100 * np.sqrt(8000 / COLUMN), rel=0.02)


def test_no_place_of_a_wide_sheet_is_favoured(wide: core.Connectome) -> None:
    """Its edges meet: cells in the corner have as many targets as those in the middle."""
    place = from_nanometres(wide.position)
    middle = (place.max(0) + place.min(0)) / 2
    away = np.abs(place - middle).max(1)
    out = np.bincount(wide.pre, minlength=wide.cells)
    edge, inner = out[away > np.quantile(away, 0.8)], out[away < np.quantile(away, 0.2)]
    error = np.sqrt(edge.var() / len(edge) + inner.var() / len(inner))
    assert abs(edge.mean() - inner.mean()) < 4 * error


def test_fewer_neurons_are_a_thinned_column() -> None:
    few = draw(400, seed=1)
    density = len(few.pre) / (400 * 399)
    assert density == pytest.approx(0.0423, rel=0.1)
    assert set(few.cell_type.tolist()) == set(known.COUNTS)


@pytest.mark.parametrize("neurons", [13, 14, 100, COLUMN, 1334, 100_000])
def test_cell_types_keep_their_shares(neurons: int) -> None:
    found = numbers(neurons)
    assert found.sum() == neurons
    assert found.min() >= 1
    shares = np.array(list(known.COUNTS.values())) * neurons / COLUMN
    assert neurons < 200 or np.abs(found - shares).max() <= 1


def test_an_unmeasured_type_takes_its_pools_mean() -> None:
    ct, it = mean_probability("6P-CT", "BC"), mean_probability("6P-IT", "BC")
    assert mean_probability("WM-P", "BC") == pytest.approx((143 * ct + 192 * it) / 335)


@needs_real_data
def test_the_targets_are_the_measured_layer_densities() -> None:
    """From single types and the paper's counts come the layers' figures of the real column."""
    with (MICRONS / "pconn_layer_v1718_from_image.csv").open() as file:
        rows = list(csv.reader(file))
    targets = surrogate_targets.targets(COLUMN)
    names = [word.partition("(")[0] for word in rows[0][1:]]
    for row in rows[1:]:
        for name, text in zip(names, row[1:], strict=True):
            target, tolerance = targets[f"density {row[0].partition('(')[0]}->{name}"]
            assert abs(float(text) - target) < max(tolerance, 0.002), (row[0], name)


def test_the_command_draws_a_file_that_specs_can_use(bionic: Bionic, tmp_path: Path) -> None:
    said = bionic("connectome", "surrogate", "--neurons", "300", "--out", "s.npz", "--json")
    assert said.code == 0, said.err
    assert said.document["cells"] == 300
    again = core.Connectome.load(tmp_path / "s.npz")
    assert again.fingerprint == said.document["fingerprint"] == draw(300).fingerprint
    built = bionic("build", "demo", "--set", "connectome.source=s.npz", "--json").document
    assert "surrogate" in built["connectome"]["label"]
    assert built["connectome"]["cells"] == 300
    named = ("--set", "connectome.source=surrogate", "--set", "connectome.neurons=300", "--json")
    assert bionic("build", "demo", *named).document["connectome"] == built["connectome"]
    refused(bionic("connectome", "surrogate", "--out", "s.npz"), "s.npz", "exists already")
    wide = bionic("connectome", "surrogate", "--neurons", "300", "--out", "s.npz", "--overwrite")
    assert wide.code == 0
    assert max(map(len, wide.out.splitlines())) <= 80


def test_the_command_compares(bionic: Bionic) -> None:
    said = bionic("connectome", "surrogate", "--check", "--seeds", "2", "--json").document
    rows = {row["statistic"]: row for row in said["statistics"]}
    assert rows["reciprocity"]["target"] == 0.25
    values = [surrogate_targets.measure(draw(seed=seed))["reciprocity"] for seed in (0, 1)]
    assert rows["reciprocity"]["mean"] == pytest.approx(np.mean(values))
    assert rows["reciprocity"]["sd"] == pytest.approx(np.std(values, ddof=1))
    table = bionic("connectome", "surrogate", "--check", "--seeds", "1")
    assert "inhibitory partners D, mean" in table.out
    assert max(map(len, table.out.splitlines()[:-3])) <= 80


def test_wrong_requests(bionic: Bionic) -> None:
    refused(bionic("connectome", "surrogate"), "either --out FILE.npz", "--check")
    refused(bionic("connectome", "surrogate", "--check", "--out", "x.npz"), "either --out")
    refused(
        bionic("connectome", "surrogate", "--neurons", "5", "--out", "x.npz"), "--neurons", "13"
    )
    refused(bionic("connectome", "surrogate", "--seed", "-1", "--out", "x.npz"), "--seed")
    refused(bionic("connectome", "surrogate", "--source", "column", "--out", "x.npz"), "column")
