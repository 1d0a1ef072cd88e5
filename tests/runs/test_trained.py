"""Into trained networks: activity in files, lesions against the equations, likeness, the page."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy import stats

import bionic_core as bionic
from bionic_core import cli
from bionic_core.actions.trained import compared_plot
from bionic_core.errors import RequestError
from bionic_core.runs import activity
from bionic_core.runs.activity import Neurons, recording
from bionic_core.runs.activity_files import write
from bionic_core.runs.folder import Run
from bionic_core.runs.lesions import lesion, predictions, silenced
from bionic_core.runs.recorded import compare_with, read_recorded
from bionic_core.runs.subject import subject
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose
from bionic_core.statistics.similarity import _half_width as half_width
from bionic_core.statistics.similarity import cka, rsa, similarity
from tests.runs.test_runs import CACHE, small
from tests.support.pages import blocks

TIMED = {"layers": {"A": 12, "B": 8}, "projections": ["A->B", "B->A"], "steps": 3}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    root = tmp_path_factory.mktemp("trained")
    spec = small(1, mechanisms={"intra": {}, "kwta": {"share": 0.5}, "layernorm": {}})
    return [train(spec, seed=s, root=root, device="cpu", cache=CACHE) for s in (0, 1)]


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("timed")
    return train(small(1, model=TIMED), root=root, device="cpu", cache=CACHE)


def test_files_hold_what_the_trace_says(
    timed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "BATCH", 32)  # several of them
    paths = [tmp_path / f"a.{suffix}" for suffix in ("parquet", "nc", "zarr")]
    for path in paths:
        found = write(recording(timed), path)
        assert (found.images, found.steps, found.neurons, found.cells) == (70, 3, 20, 0)
    it = subject(timed, "test")
    with torch.inference_mode():
        trace = it.network.trace(torch.as_tensor(it.part.images) / 255)
    rates = torch.cat([trace["A.out"], trace["B.out"]], -1).numpy()
    table = pd.read_parquet(paths[0])
    np.testing.assert_allclose(table["rate"].to_numpy().reshape(70, 3, 20), rates, atol=1e-5)
    assert table.loc[20, ["image", "step", "layer", "index"]].tolist() == [0, 1, "A", 0]
    with xr.open_dataset(paths[1], engine="h5netcdf") as one, xr.open_zarr(paths[2]) as other:
        for opened in (one, other):
            assert opened["rate"].dims == ("image", "step", "neuron")
            np.testing.assert_allclose(opened["rate"].values, rates, atol=1e-5)
            names = [it.class_names[n] for n in it.part.labels]
            assert opened["label"].values.tolist() == names
    assert bionic.Run(timed.folder).activity("test").shape == (70, 3, 20)
    assert sorted(tmp_path.iterdir()) == sorted(paths), "temporary files are left"


def test_a_failed_recording_leaves_what_was_there(runs: list[Run], tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_text("mine")
    pictures = np.full((300, 1, 48, 48), 0.5, np.float32)
    pictures[290] = 7.0
    with pytest.raises(RequestError, match="must lie in"):
        write(recording(runs[0], pictures), path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]
    assert path.read_text() == "mine"
    for wrong in ("a.csv", "no/a.nc", "."):
        with pytest.raises(RequestError, match="--out"):
            write(recording(runs[0]), tmp_path / wrong)


def test_a_missing_package_names_the_extra(
    runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bionic_core.runs.activity_files.find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"bionic-connectome\[xarray\]"):
        write(recording(runs[0]), tmp_path / "a.nc")


@pytest.mark.parametrize("which", ["plain", "timed"])
def test_a_silent_neuron_reaches_nobody(runs: list[Run], timed: Run, which: str) -> None:
    it = subject(runs[0] if which == "plain" else timed, "test")
    network, images = it.network, torch.as_tensor(it.part.images) / 255
    dead = torch.ones(12)
    dead[[2, 5]] = 0
    with torch.inference_mode():
        with silenced(network, {"A": dead}):
            lesioned = network.trace(images)
        whole = network.trace(images)
        assert (lesioned["A.out"][..., [2, 5]] == 0).all()
        assert (lesioned["A.gain"][..., [0]] >= 0).all()
        # Whatever arrives at a silent neuron changes nothing elsewhere.
        network.bridge.weight[[2, 5]] += 10
        with silenced(network, {"A": dead}):
            again = network.trace(images)
    if which == "timed":  # without a norm at the bridge, which reads all that arrives
        assert torch.equal(again["readout"], lesioned["readout"])
    assert not torch.equal(lesioned["readout"], whole["readout"])


def test_lesions_are_paired_and_ranked(runs: list[Run]) -> None:
    found = lesion(runs[:1], "layer")
    it = subject(runs[0], "test")
    rows = [np.arange(12), np.arange(12, 20)]
    told = predictions(it.network, it.part, rows)
    with torch.inference_mode():
        logits = it.network(torch.as_tensor(it.part.images) / 255)
    assert (told[0] == logits.argmax(1).numpy()).all(), "the front is computed once, and rightly"
    right = told == it.part.labels
    assert [one.effect for one in found.lesions] == sorted(one.effect for one in found.lesions)
    by_name = {one.group: one for one in found.lesions}
    for row, name in ((1, "A"), (2, "B")):
        apart = 100 * (right[row].astype(float) - right[0])
        assert by_name[name].effect == pytest.approx(apart.mean())
        assert by_name[name].flipped == (told[row] != told[0]).mean()
    assert "anecdote" in found.notes[0]
    both = lesion(runs, "cell")
    assert len(both.lesions) == 20
    assert not any("anecdote" in note for note in both.notes)
    assert both.over.startswith("over seeds and over new images")
    assert {one.group for one in both.lesions} >= {"A.0", "B.7"}


@pytest.mark.parametrize(
    ("by", "words"), [("cell_type", "plain numbers of neurons"), ("type", "--by type")]
)
def test_lesions_that_cannot_be(runs: list[Run], by: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        lesion(runs, by)
    with pytest.raises(RequestError, match="same seed"):
        lesion([runs[0], runs[0]], "layer")


def test_likeness_of_known_answer() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 40))
    turn, _ = np.linalg.qr(rng.normal(size=(40, 40)))
    assert rsa(x, x) == pytest.approx(1)
    assert cka(x, 3 * x @ turn) == pytest.approx(1)
    # Responses along orthogonal directions of the stimuli: HSIC₁ is that of two unrelated kernels.
    unlike = [cka(rng.normal(size=(30, 300)), rng.normal(size=(30, 300))) for _ in range(40)]
    assert abs(np.mean(unlike)) < 0.02, "more neurons than stimuli, and no bias"
    assert np.isnan(cka(np.ones((10, 3)), x[:10]))
    assert np.isnan(rsa(np.ones((10, 3)), x[:10]))


@pytest.mark.parametrize("power", [1020, -1060])
def test_likeness_does_not_depend_on_the_unit(power: int) -> None:
    """Squares of large responses overflowed, and those of small ones vanished."""
    rng = np.random.default_rng(0)
    one, other = np.round(rng.random((2, 20, 8)) * 256 - 128)
    for measure in ("RSA", "CKA"):
        usual = similarity(measure, one, other[None])
        assert usual.value is not None
        assert similarity(measure, one, np.ldexp(other, power - 8)[None]) == usual


def test_debiased_cka_against_its_sum() -> None:
    """HSIC₁ of Song et al. (2012), eq. 4: sums over four distinct stimuli."""
    from itertools import permutations

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 5))

    def hsic(one: Any, other: Any) -> float:
        k, m = one @ one.T, other @ other.T
        terms = [
            k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in permutations(range(7), 4)
        ]
        return float(np.mean(terms))

    wanted = hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))
    assert cka(x, y) == pytest.approx(wanted)


def test_debiased_cka_is_the_unbiased_distance_correlation() -> None:
    """Printed by dcor 0.7: u_distance_correlation_sqr(x, y, exponent=2), squared distances."""
    i = np.arange(12.0)[:, None]
    x = np.sin(i * np.arange(1, 6))
    y = np.cos(i * np.arange(2, 9)) + x[:, :1]
    assert cka(x, y) == pytest.approx(0.2636545283437024, abs=1e-14)


def test_ceiling_of_known_noise() -> None:
    """Signal and noise of equal variance, many neurons: kernels' likeness is known."""
    rng = np.random.default_rng(2)
    signal = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 900))
    scale = signal.std()
    noisy = signal + scale * rng.normal(size=(6, *signal.shape))
    found = similarity("CKA", signal, noisy)
    # The noise's own kernel is the same for all stimuli but for sampling, and so is left out.
    assert found.value == pytest.approx(1, abs=0.05)
    assert found.value is not None
    assert found.floor is not None
    assert found.ceiling is not None
    assert found.floor <= found.value + 1e-9
    assert found.value <= found.ceiling + 1e-9, "nothing is more like all of them"
    assert found.p == pytest.approx(1 / 500)
    pure = similarity("CKA", signal, rng.normal(size=(6, 40, 50)))
    assert pure.value is not None
    assert pure.floor is not None
    assert abs(pure.value) < 0.1
    assert abs(pure.floor) < 0.1
    again = np.repeat(noisy[:1], 3, 0)
    same = similarity("RSA", noisy[0], again)
    assert [same.value, same.floor, same.ceiling] == pytest.approx([1, 1, 1])


def test_layers_are_set_behind_the_best_on_the_same_images(runs: list[Run], tmp_path: Path) -> None:
    write(recording(runs[0]), own := tmp_path / "own.nc")
    found = compare_with(runs[0], read_recorded(own))
    apart = {(o.layer, o.similarity.measure): o for o in found.likenesses}
    for measure in ("RSA", "CKA"):
        pair = [apart[layer, measure] for layer in "AB"]
        ((best, other),) = [sorted(pair, key=lambda one: -(one.similarity.value or 0))]
        assert best.behind is None
        values = [one.similarity.value or 0 for one in (other, best)]
        assert other.behind == pytest.approx(values[0] - values[1])
        assert (other.behind_low or 0) < (other.behind or 0) < (other.behind_high or 0)
    # The jackknife of a mean is its t-interval.
    rng = np.random.default_rng(0)
    x = rng.normal(size=20)
    total = np.array([np.delete(x, n).mean() for n in range(20)])
    interval = stats.t.interval(0.95, 19, x.mean(), stats.sem(x))
    assert half_width(total) == pytest.approx(interval[1] - x.mean())


def test_the_figure_has_a_line_a_layer_and_measure(
    runs: list[Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "r.npz", responses=rng.normal(size=(70, 3, 5)))
    found = compare_with(runs[0], read_recorded(tmp_path / "r.npz"))
    plot = compared_plot(found)
    assert all(f"{layer}: {measure}" in plot.alt for layer in "AB" for measure in ("RSA", "CKA"))
    assert "ceiling)" in str(plot.svg())
    words = ["bionic", "compare", str(runs[0].folder), "--with", str(tmp_path / "r.npz")]
    monkeypatch.setattr(sys, "argv", [*words, "--figures", str(tmp_path / "f")])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert (tmp_path / "f" / "likeness.png").stat().st_size > 1000
    assert "likeness.svg" in "".join(capsys.readouterr().out.split())


def test_rsa_and_its_ceiling_are_rsatoolboxs() -> None:
    """Printed by rsatoolbox 0.3.2: compare(…, "spearman"), "cosine_cov", boot_noise_ceiling."""
    rng = np.random.default_rng(0)
    for size, spearman, biased in (
        ((30, 40, 25), 0.7834118876806472, 0.8253500067386583),
        ((50, 200, 60), 0.808791438271883, 0.8765313570438278),
        ((40, 300, 500), 0.9792272707675265, 0.9724867872688187),
    ):
        latent = rng.normal(size=(size[0], 6))
        x = latent @ rng.normal(size=(6, size[1])) + rng.normal(size=size[:2])
        y = latent @ rng.normal(size=(6, size[2])) + 2 * rng.normal(size=(size[0], size[2]))
        assert rsa(x, y) == pytest.approx(spearman, abs=1e-12)
        # Its cosine_cov of squared distances is CKA as it is usually computed, with its bias.
        one, other = x - x.mean(0), y - y.mean(0)
        inner = [np.linalg.norm(a.T @ b) for a, b in ((one, other), (one, one), (other, other))]
        assert inner[0] ** 2 / (inner[1] * inner[2]) == pytest.approx(biased, abs=1e-12)
        assert cka(x, y) == pytest.approx(biased, abs=0.04)
    signal = latent @ rng.normal(size=(6, 100))
    found = similarity("RSA", x, signal + 3 * rng.normal(size=(5, 40, 100)))
    bounds = (0.8060258655696101, 0.8782120113281161)
    assert (found.floor, found.ceiling) == pytest.approx(bounds, abs=1e-12)


def test_recordings_are_matched_or_refused(runs: list[Run], tmp_path: Path) -> None:
    own = tmp_path / "own.nc"
    write(recording(runs[0]), own)
    found = compare_with(runs[0], read_recorded(own))
    best = {(one.layer, one.similarity.measure) for one in found.likenesses}
    assert best == {(layer, m) for layer in "AB" for m in ("RSA", "CKA")}
    rng = np.random.default_rng(0)
    responses = rng.normal(size=(70, 3, 5))

    def refused(words: str, **arrays: Any) -> None:
        path = tmp_path / "bad.npz"
        np.savez(path, **arrays)
        with pytest.raises(RequestError, match=words):
            compare_with(runs[0], read_recorded(path))

    refused("other cells", responses=responses, cell_id=np.arange(5))
    refused("other images", responses=responses, images=np.arange(100, 170))
    refused("responses to 60 images", responses=responses[:60])
    refused("no array 'responses'", rates=responses)
    refused("not all finite", responses=np.where(responses > 2, np.nan, responses))
    refused("expected numbers", responses=responses[:, :, :, None])
    with pytest.raises(RequestError, match="other images"):
        compare_with(runs[0], read_recorded(own), _dimmed(runs[0]))
    (tmp_path / "bad.nc").write_text("no such thing")
    with pytest.raises(RequestError, match="not a NetCDF"):
        read_recorded(tmp_path / "bad.nc")


def _dimmed(run: Run) -> Any:
    return subject(run, "test").part.images // 2


def test_images_in_a_recording_are_shown_in_its_order(runs: list[Run], tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(70)
    it = subject(runs[0], "test")
    with torch.inference_mode():
        trace = it.network.trace(torch.as_tensor(it.part.images) / 255)
    responses = trace["B.out"].numpy()[order]
    np.savez(tmp_path / "names.npz", responses=responses, images=order)
    np.savez(tmp_path / "pixels.npz", responses=responses, images=it.part.images[order])
    for name in ("names", "pixels"):
        found = compare_with(runs[0], read_recorded(tmp_path / f"{name}.npz"))
        told = {(o.layer, o.similarity.measure): o.similarity.value for o in found.likenesses}
        assert told["B", "CKA"] == pytest.approx(1, abs=1e-5)
        assert told["A", "CKA"] != pytest.approx(1, abs=1e-3)


def test_neurons_of_mixed_layers_keep_their_cells(tmp_path: Path) -> None:
    from tests.support import toys

    toys.column().save(tmp_path / "toy.npz")
    document: dict[str, Any] = {
        "model": {"layers": {"A": ["a"], "B": 3}, "projections": ["A->B"]},
        "connectome": {"source": str(tmp_path / "toy.npz")},
        "data": {"source": "schematic", "train": 70, "test": 70},
    }
    spec = compose(document, name="toy", registry=bionic.Registry.installed())
    labels = Neurons.of(spec, bionic.build(spec), toys.column()).labels
    assert (labels["cell_id"][-3:] == -1).all()
    assert (labels["cell_type"][:-3] == "a").all()
    assert np.isnan(labels["x"][-3:]).all()


def test_the_page_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, text in blocks("how-to/trained-models.md"):
        if kind == "python":
            exec(compile(text, "page", "exec"), {})
        for line in text.splitlines() if kind == "sh" else ():
            json_too = ["--json"] if "lesion" in line else []
            monkeypatch.setattr(sys, "argv", [*shlex.split(line), *json_too])
            capsys.readouterr()
            with pytest.raises(SystemExit) as end:
                cli.main()
            assert not end.value.code, capsys.readouterr().err
            if json_too:
                told = json.loads(capsys.readouterr().out)
                assert len(told["lesions"]) == 9
                assert {"group", "effect", "low", "high", "p_adjusted"} <= told["lesions"][0].keys()
    assert (tmp_path / "figures" / "lesions.png").stat().st_size > 1000
