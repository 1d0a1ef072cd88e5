"""A page can be sent on: of a folder with a file that is not its own, there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from bionic_core.errors import DamagedError, RequestError
from bionic_core.reports.pages import write_report
from bionic_core.runs.files import SUMMED
from bionic_core.runs.folder import Run
from tests.cli.test_cli import Bionic, bionic
from tests.runs.test_hostile_runs import good

__all__ = ["bionic", "good"]  # fixtures

SECRET = "SECRET-OF-SOMEBODY"


@pytest.mark.parametrize("kind", ["link", "pipe", "other", "gone"])
@pytest.mark.parametrize("name", SUMMED)
def test_no_page_of_a_damaged_run(good: Run, tmp_path: Path, name: str, kind: str) -> None:
    folder = Path(shutil.copytree(good.folder, tmp_path / good.hash))
    (tmp_path / "secret").write_text(SECRET)
    (folder / name).unlink()
    if kind == "link":
        (folder / name).symlink_to("../secret")
    elif kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "other":
        (folder / name).write_text(SECRET)
    with pytest.raises(RequestError, match="." if kind == "gone" else name) as caught:
        write_report(folder)
    assert SECRET not in str(caught.value)
    assert not (folder / "report.html").exists()


def test_a_link_is_named(good: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(good.folder, tmp_path / good.hash))
    (folder / "spec.toml").unlink()
    (folder / "spec.toml").symlink_to("/etc/hostname")
    with pytest.raises(DamagedError, match="is a link, and a run's or study's files are read"):
        write_report(folder)


@pytest.mark.parametrize("name", SUMMED)
def test_no_command_reads_a_file_that_is_not_the_runs_own(
    bionic: Bionic, good: Run, name: str
) -> None:
    """One door: whoever reads a run finds the foreign file, and shows none of it."""
    folder = Path(shutil.copytree(good.folder, good.hash))
    shutil.copytree(good.folder, f"other/{good.hash}")
    (folder / name).write_text(SECRET)
    Image.new("L", (48, 48), 9).save("picture.png")
    for words in (
        ("report", folder),
        ("evaluate", folder),
        ("evaluate", f"other/{good.hash}", "--against", folder),
        ("predict", folder, "picture.png"),
        ("export", folder, "--format", "torch-export", "--out", "model.pt2"),
    ):
        said = bionic(*words)
        assert said.code == 2, (words, said)
        assert name in said.err, (words, said)
        assert SECRET not in said.out + said.err
    assert not Path("model.pt2").exists()
    listed = bionic("runs", ".", "--json")
    assert [run["state"] for run in listed.document["runs"]] == ["damaged"]
    assert SECRET not in listed.out + listed.err
