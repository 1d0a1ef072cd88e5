"""Lists of thousands of runs: linear in their number, and without what only training needs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import bionic_core as bionic
from bionic_core.runs.listing import FINISHED, list_runs
from bionic_core.runs.train import train
from bionic_core.studies.names import variants_of
from tests.support.many_runs import RATES, copy_runs


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quick = ["data.train=70", "data.test=70", "training.max_epochs=1", "training.batch_size=35"]
    spec = bionic.load("baseline", set=[*quick, "data.source=schematic", "model.layers.H1=4"])
    return train(spec, seed=0, root=tmp_path_factory.mktemp("run"), device="cpu").folder


def listed(folder: Path) -> float:
    """List the runs of a folder, and return the seconds of CPU."""
    begun = time.process_time()
    states = variants_of(list_runs(folder))
    took = time.process_time() - begun
    assert {(state.state, state.checksums) for state in states} == {(FINISHED, True)}
    assert len({(state.variant, state.seed) for state in states}) == len(states)
    assert len({state.variant for state in states}) == min(RATES, len(states))
    return took


def test_a_list_of_runs_needs_no_torch(trained: Path, tmp_path: Path) -> None:
    copy_runs(trained, tmp_path, 3)
    program = f"""
import sys
sys.argv = ["bionic", "runs", {str(tmp_path)!r}, "--csv"]
import bionic_core.cli as cli
try:
    cli.main()
finally:
    heavy = {{"torch", "scipy", "pandas", "sklearn"}} & {{*sys.modules}}
    assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.slow
def test_the_time_of_a_list_is_linear_in_its_runs(trained: Path, tmp_path: Path) -> None:
    """Four times as many take no more than five and a half times as long; medians, in turns."""
    few, many = tmp_path / "few", tmp_path / "many"
    copy_runs(trained, few, 500)
    copy_runs(trained, many, 2_000)
    times = [(listed(few), listed(many)) for _ in range(3)]
    short, long = (sorted(each)[1] for each in zip(*times, strict=True))
    assert long < 5.5 * short
