"""Runs are evaluated from other folders than the one in which they were trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bionic_core as api
from bionic_core import RequestError
from bionic_core.runs.evaluate import predict_split
from bionic_core.runs.folder import Run
from bionic_core.runs.listing import list_runs
from bionic_core.runs.predict import predict
from bionic_core.runs.train import train

SPEC = """
[model]
layers = { H1 = 8 }
classes = 2
image = [1, 8, 8]
[data]
source = "images"
path = "bw"
[training]
max_epochs = 1
[mechanisms.label_smoothing]
"""


def test_data_are_found_above_the_run_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    for split, name, first in (("train", "a", 0), ("train", "b", 100), ("test", "a", 50)):
        (home / "bw" / split / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.full((8, 8), first + number, np.uint8)
            Image.fromarray(pixels).save(home / "bw" / split / name / f"{number}.png")
    (home / "bw.toml").write_text(SPEC)
    monkeypatch.chdir(home)
    run = train(api.load("bw.toml", set=["data.path=bw"]), root=Path("runs"), device="cpu")
    run = Run.open(home / run.folder)
    monkeypatch.chdir(tmp_path)
    assert len(predict_split(run, "test").part) == 10
    shutil.move(home / "bw", tmp_path / "moved")
    with pytest.raises(RequestError, match=r"data\.path = 'bw' of its spec.*--data PATH"):
        predict_split(run, "test")
    assert not predict_split(run, "test", f"images:{tmp_path / 'moved'}").unlike


WIRED = """
[model]
layers = { A = ["a"], B = ["b"] }
projections = ["A->B"]
classes = 2
image = [1, 8, 8]
[connectome]
source = "fly.npz"
[data]
source = "images"
path = "bw"
[training]
max_epochs = 1
[mechanisms.masks]
"""


def wiring(seed: int = 0) -> api.Connectome:
    rng = np.random.default_rng(seed)
    pre, post = np.nonzero(rng.random((12, 12)) < 0.5)
    kinds = ["a"] * 6 + ["b"] * 6
    return api.Connectome.of(
        cell_id=np.arange(12),
        broad_type=["excitatory"] * 12,
        cell_type=kinds,
        position=np.zeros((12, 3)),
        pre=pre,
        post=post,
        count=np.ones(len(pre), int),
        provenance={"label": "twelve cells"},
    )


@pytest.fixture
def wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run, trained from elsewhere by a spec whose files lie beside it."""
    home = tmp_path / "home"
    for split, name, first in (("train", "a", 0), ("train", "b", 100), ("test", "a", 50)):
        (home / "bw" / split / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((8, 8), first + number, np.uint8)
            Image.fromarray(pixels).save(home / "bw" / split / name / f"{number}.png")
    (home / "wired.toml").write_text(WIRED)
    wiring().save(home / "fly.npz")
    monkeypatch.chdir(tmp_path)
    return train(api.load("home/wired.toml"), root=Path("runs"), device="cpu")


def test_paths_of_a_spec_are_relative_to_it_and_those_typed_to_where_one_is(
    wired: Run, tmp_path: Path
) -> None:
    spec = api.load("home/wired.toml")
    assert spec.tables["connectome"]["source"] == str(Path("home/fly.npz"))
    assert spec.tables["data"]["path"] == str(Path("home/bw"))
    wiring(1).save(tmp_path / "fly.npz")
    again = train(api.load("home/wired.toml"), root=Path("runs"), device="cpu")
    assert (again.reused, again.hash) == (True, wired.hash)
    typed = api.load("home/wired.toml", set=["connectome.source=fly.npz"])
    assert typed.connectome is not None
    assert typed.connectome.read().fingerprint == wiring(1).fingerprint
    own = api.load(wired.folder / "spec.toml")  # as it was from here, though it lies elsewhere
    assert own.tables == spec.tables


def test_a_run_holds_its_wiring_or_finds_it_by_fingerprint(wired: Run, tmp_path: Path) -> None:
    picture = [tmp_path / "home" / "bw" / "test" / "a" / "0.png"]
    before = predict(wired, picture)
    (tmp_path / "home" / "fly.npz").rename(tmp_path / "moved.npz")
    assert predict(wired, picture) == before
    assert predict_split(wired, "test").part.labels.tolist() == [0] * 4
    lone = Run.open(Path(shutil.copytree(wired.folder, tmp_path / "sent" / wired.hash)))
    assert predict(lone, picture) == before
    (lone.folder / "connectome.npz").unlink()
    words = r"wiring that the run was trained with.*home/fly\.npz.*--connectome FILE"
    with pytest.raises(RequestError, match=words):
        predict(lone, picture)
    wiring(1).save(tmp_path / "other.npz")
    with pytest.raises(RequestError, match=r"other\.npz has another fingerprint"):
        predict(lone, picture, [tmp_path / "other.npz"])
    assert predict(lone, picture, [tmp_path / "other.npz", tmp_path / "moved.npz"]) == before
    stored = [path.name for path in (tmp_path / "runs" / "connectomes").iterdir()]
    assert stored == [f"{wiring().fingerprint[:16]}.npz"]
    assert [state.hash for state in list_runs(tmp_path / "runs")] == [wired.hash]
