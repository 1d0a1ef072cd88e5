"""A run with a file of another one: not compared with, and not gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from bionic_core.errors import DamagedError
from bionic_core.runs.files import MANIFEST, METRICS, SPEC, STATE
from bionic_core.runs.folder import Run
from bionic_core.runs.task import Task
from tests.cli.test_cli import Bionic, bionic
from tests.runs.test_hostile_runs import folder, good, spec
from tests.support.killing import trained
from tests.support.observers import told

__all__ = ["bionic", "folder", "good"]  # fixtures


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of another seed, of the same shapes."""
    return trained(spec(), tmp_path_factory.mktemp("other"), seed=1)


@pytest.mark.parametrize("name", ["spec.toml", "model.safetensors", "predictions.npz"])
def test_a_run_with_anothers_file_is_compared_with_nothing(
    bionic: Bionic, good: Run, other: Run, folder: Path, name: str
) -> None:
    text = (other.folder / name).read_bytes()
    text += b"# of another\n" if name == "spec.toml" else b""
    (folder / name).write_bytes(text)
    for words in ((good.folder, "--against", folder), (folder, "--against", good.folder)):
        said = bionic("evaluate", *words)
        assert (said.code, said.out) == (2, ""), said
        assert f"{folder}: {name}: damaged" in said.err
        assert "Traceback" not in said.err


def interrupted(root: Path, seed: int) -> Path:
    """Train one of two epochs, and stop."""

    def stop(task: Task, record: Mapping[str, Any]) -> None:
        if record["epoch"] == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        trained(long(), root, seed=seed, observer=told(epoch=stop))
    (place,) = root.iterdir()
    return place


def long() -> Any:
    base = spec()
    return attrs.evolve(base, training=attrs.evolve(base.training, max_epochs=3))


ALL = (SPEC, MANIFEST, METRICS, STATE)


@pytest.mark.parametrize("names", [(STATE,), (STATE, METRICS), (SPEC, MANIFEST), (METRICS,), ALL])
def test_a_run_that_was_interrupted_does_not_go_on_from_anothers(
    tmp_path: Path, names: Iterable[str]
) -> None:
    mine, foreign = (interrupted(tmp_path / str(seed), seed) for seed in (0, 1))
    for name in names:
        shutil.copyfile(foreign / name, mine / name)
    if names == (SPEC, MANIFEST):  # the specs of two seeds may be the same
        with (mine / SPEC).open("a") as file:
            file.write("# of another\n")
    with pytest.raises(DamagedError, match="damaged") as caught:
        trained(long(), mine.parent, seed=0)
    assert str(mine) in str(caught.value)


def test_another_complete_run_under_a_runs_name_is_not_taken_for_it(
    tmp_path: Path, good: Run, other: Run
) -> None:
    shutil.copytree(other.folder, tmp_path / good.hash)
    with pytest.raises(DamagedError, match=f"of another run, {other.hash}"):
        trained(spec(), tmp_path)
    assert trained(spec(), good.folder.parent).reused
