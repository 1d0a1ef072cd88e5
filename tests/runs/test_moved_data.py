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
