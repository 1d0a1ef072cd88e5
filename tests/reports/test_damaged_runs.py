"""A page can be sent on: of a folder with a file that is not its own, there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bionic_core.errors import DamagedError, RequestError
from bionic_core.reports.pages import write_report
from bionic_core.runs.files import SUMMED
from bionic_core.runs.folder import Run
from tests.runs.test_hostile_runs import good

__all__ = ["good"]  # a fixture

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
