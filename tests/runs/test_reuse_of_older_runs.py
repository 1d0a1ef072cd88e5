"""Runs that an earlier tree has trained are used as they are: none is trained again."""

from __future__ import annotations

import json
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bionic_core import RequestError, cli, load
from bionic_core.runs.folder import Run
from bionic_core.runs.identity import identity
from bionic_core.runs.images_and_wiring import InputCache
from tests.support.notes import done_before

OLDER = Path(__file__).parent / "older"
"""Specs, run folders and results; its README says how they were made."""

RESUMED = ("column.toml", "--set", "training.max_epochs=4", "--set", 'training.monitor="epoch"')

Seen = dict[str, tuple[int, str]]


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the older runs, as the working directory: their paths are relative to it."""
    monkeypatch.chdir(shutil.copytree(OLDER, tmp_path / "older"))
    return Path.cwd()


def bionic(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[Any, str]:
    """Run a command in this process; return its JSON document and what it said on stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bionic", *(str(a) for a in arguments), "--json"])
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    out, err = capsys.readouterr()
    assert not code, err
    return json.loads(out), err


def files(root: Path) -> Seen:
    """When every file of the runs in a folder was written, and what is in it."""
    found = {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            sha256(path.read_bytes()).hexdigest(),
        )
        for path in root.glob("*/*")
    }
    assert found, "there are runs"
    return found


def unordered(points: list[Any]) -> dict[str, Any]:
    """Points by term, apart from the places that their sizes give them."""
    sizes = {point["term"]: point["size"] for point in points}
    return dict(sorted(sizes.items())) | {"quantiles": [p["quantile"] for p in points]}


TOLD = {"command", "notes"}
"""Keys of how a study was asked for, and of what is told of it in words."""


def like(ours: Any, theirs: Any, where: str = "") -> None:
    """Equal, numbers but for the rounding of another processor; more keys may be there."""
    if isinstance(theirs, dict):
        assert [key for key in ours if key in theirs] == list(theirs), where
        for key, value in theirs.items():
            if key in TOLD:
                continue
            points = key == "half_normal"  # whose order is that of sizes, which may be rounding
            mine, other = (unordered(one) if points else one for one in (ours[key], value))
            like(mine, other, f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for number, value in enumerate(theirs):
            like(ours[number], value, f"{where}[{number}]")
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9), where
    else:
        assert ours == theirs, where


@pytest.mark.parametrize(
    ("name", "command", "runs"),
    [
        (
            "factorial-0559ff558bb37a4f",
            ("factorial", "column.toml", "--mechanisms", "masks,inhibition", "--seeds", "2"),
            8,
        ),
        (
            "ablation-ef8187df0db6f24b",
            (
                *("ablate", "column.toml", "--mechanisms", "masks,inhibition,convolution"),
                *("--seeds", "1"),
            ),
            4,
        ),
        (
            "factorial-78a761dda6c871a9",
            (
                *("factorial", "column.toml", "--factor", "masks.wiring=real,random"),
                *("--seeds", "2", "--engine", "stacked"),
            ),
            4,
        ),
        (
            "factorial-8d3f0ca14dbdfc73",
            ("factorial", "integers.toml", "--mechanisms", "noise", "--seeds", "1"),
            2,
        ),
    ],
    ids=("factorial", "ablation", "stacked", "integers"),
)
def test_a_study_of_an_earlier_tree_is_reused_run_for_run(
    older: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    command: tuple[str, ...],
    runs: int,
) -> None:
    """The same runs, untouched; the same name of the study; by its error then, the same results."""
    root = older / "trained"
    before, names = files(root), {path.name for path in root.iterdir()}
    recorded = json.loads((root / f"{name}.json").read_text())
    document, said = bionic(
        capsys, *command, "--error", "pooled", "--device", "cpu", "--out", "trained"
    )
    assert done_before(said) == runs == len(recorded["cells"])
    assert files(root) == before
    assert {path.name for path in root.iterdir()} == names
    like(json.loads((root / f"{name}.json").read_text()), recorded)
    like({key: document[key] for key in recorded}, recorded)


def test_every_run_has_the_name_that_its_spec_and_seed_give_it(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the resolved spec in its folder, for all mechanisms and both storages."""
    root = older / "trained"
    before = files(root)
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    assert len(folders) == 14
    used: set[str] = set()
    for folder in folders:
        manifest = json.loads((folder / "manifest.json").read_text())
        used |= set(manifest["identity"]["mechanisms"])
        recorded = json.loads((folder / "result.json").read_text())
        wired = manifest["identity"]["connectome"] is not None
        document, _ = bionic(
            *(capsys, "train", folder / "spec.toml", "--seed", manifest["seed"]),
            *(("--set", "connectome.drawing=1") if wired else ()),
            *("--device", "cpu", "--out", "trained"),
        )
        assert document["hash"] == folder.name, manifest["identity"]
        like({key: document[key] for key in recorded}, recorded)
    assert len(used) == 14, "all that is built in"
    assert files(root) == before
    assert {path.name for path in root.iterdir() if path.is_dir()} == {f.name for f in folders}


def test_runs_whose_control_is_drawn_otherwise_by_now_are_not_taken_for_it(
    older: Path,
) -> None:
    """The numerics of the changed wirings alone are raised; those runs cannot be gone on with."""
    folders = sorted(path for path in (older / "changed").iterdir() if path.is_dir())
    assert len(folders) == 3
    for folder in folders:
        manifest = json.loads((folder / "manifest.json").read_text())
        spec = load(str(folder / "spec.toml"), set=["connectome.drawing=1"])
        now = identity(spec, manifest["seed"], InputCache().get(spec))
        assert manifest["identity"] != now
        assert now["numerics"].pop("masks") == manifest["identity"]["numerics"].pop("masks") + 1
        assert manifest["identity"] == now
        with pytest.raises(RequestError, match="numerics 1 of the mechanism 'masks', but numer"):
            Run(folder).spec()


def test_a_run_without_a_key_is_opened_with_what_was_before_it(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the column's first drawing: their spec says 'column' and no more."""
    folder = older / "trained" / "0072bbc283aaafb1"
    assert "drawing" not in (folder / "spec.toml").read_text()
    document, _ = bionic(capsys, "evaluate", folder)
    recorded = json.loads((folder / "result.json").read_text())
    assert document["accuracy"] == recorded["test"]["accuracy"]
    assert Run(folder).spec().tables["connectome"]["drawing"] == 1
    assert load("column.toml").tables["connectome"]["drawing"] == 1
    assert load("demo").tables["connectome"]["drawing"] == 2


def test_the_spec_with_the_recipe_for_time_names_its_run(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = older / "trained"
    before = files(root)
    options = ("--seed", "3", "--device", "cpu", "--out", "trained")
    document, _ = bionic(capsys, "train", "fast.toml", *options)
    assert (root / document["hash"] / "result.json").is_file()
    assert files(root) == before


def test_all_of_them_are_finished_and_unharmed(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed, _ = bionic(capsys, "runs", "trained")
    assert len(listed["runs"]) == 14
    assert {run["state"] for run in listed["runs"]} == {"finished"}
    assert all(run["checksums"] for run in listed["runs"])
    listed, _ = bionic(capsys, "runs", "interrupted")
    (interrupted,) = listed["runs"]
    assert (interrupted["state"], interrupted["epoch"]) == ("interrupted", 2)


def test_a_run_that_an_earlier_tree_has_begun_goes_on_to_its_numbers(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it has done is kept bit for bit; the rest equals but for a processor's rounding."""
    (whole,) = (older / "uninterrupted").iterdir()
    (folder,) = (older / "interrupted").iterdir()
    assert folder.name == whole.name
    command = ("train", *RESUMED, "--seed", "5", "--device", "cpu", "--out", "interrupted")
    document, _ = bionic(capsys, *command)
    assert [path.name for path in (older / "interrupted").iterdir()] == [whole.name]
    assert document["hash"] == whole.name
    assert not (folder / "state.safetensors").exists()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [entry["after_epoch"] for entry in manifest["resumed"]] == [2]
    ours, theirs = epochs(folder), epochs(whole)
    assert ours[:2] == theirs[:2]
    assert [record["lr"] for record in ours] == [record["lr"] for record in theirs]
    for record, other in zip(ours, theirs, strict=True):
        for part in ("train", "validation"):
            assert record[part]["loss"] == pytest.approx(other[part]["loss"], rel=1e-3)
    recorded = json.loads((whole / "result.json").read_text())
    assert list(document) == list(recorded)
    for key in ("epochs", "best_epoch", "selected_on"):
        assert document[key] == recorded[key]
    for part in ("validation", "test"):
        assert document[part]["loss"] == pytest.approx(recorded[part]["loss"], rel=1e-3)
        assert document[part]["images"] == recorded[part]["images"]
        one = 1.01 / recorded[part]["images"]
        assert document[part]["accuracy"] == pytest.approx(recorded[part]["accuracy"], abs=one)


def epochs(folder: Path) -> list[dict[str, Any]]:
    """What was recorded of each epoch, but how long it took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    timed = ("seconds", "images_per_second")
    return [{key: value for key, value in line.items() if key not in timed} for line in lines]
