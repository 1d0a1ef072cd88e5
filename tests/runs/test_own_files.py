"""Reports read regular files of the folder that they are of: nothing is read through a link."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bionic_core.base.files import present, read_own
from bionic_core.errors import DamagedError
from bionic_core.runs.folder import Run
from tests.cli.test_cli import Bionic, Said, bionic, refused
from tests.runs.test_hostile_runs import folder, good

__all__ = ["bionic", "folder", "good"]

FACTORIAL = Path(__file__).parents[2] / "docs" / "results" / "data" / "factorial.json"
SECRET = "the-secret-of-somebody-else"

FILES = ("spec.toml", "manifest.json", "metrics.jsonl", "predictions.npz", "result.json")


def linked(path: Path) -> None:
    """Put in a file's place a link to what it held, with a secret."""
    target = path.parent.parent / f"secret{path.suffix}"
    text = path.read_bytes() if path.exists() else b"{}"
    comment = {".toml": f"\n# {SECRET}\n", ".json": "", ".jsonl": "", ".npz": ""}[path.suffix]
    if path.suffix == ".json":
        text = json.dumps(json.loads(text) | {"name": SECRET, "data": SECRET}).encode()
    path.unlink(missing_ok=True)
    target.write_bytes(text + comment.encode())
    path.symlink_to(target)


def dangling(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.parent / "nowhere")


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


WORDS: dict[Callable[[Path], None], str] = {
    linked: "is a link",
    dangling: "is a link",
    pipe: "is a pipe and no file",
    directory: "is a folder and no file",
}


@pytest.mark.parametrize(
    ("name", "spoil", "summed"),
    [(name, spoil, True) for name in FILES for spoil in WORDS]
    + [(name, linked, False) for name in FILES],
)
def test_a_run_is_reported_from_its_own_files(
    bionic: Bionic, folder: Path, name: str, spoil: Callable[[Path], None], summed: bool
) -> None:
    if not summed:
        (folder / "SHA256SUMS").unlink()
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest.pop("checksums")
        (folder / "manifest.json").write_text(json.dumps(manifest))
    spoil(folder / name)
    said = bionic("report", folder, "--out", "page.html")
    assert said.code == 2
    assert not Path("page.html").exists()
    assert f"{name}: {WORDS[spoil]}" in said.err
    assert SECRET not in said.err + said.out


@pytest.mark.parametrize("spoil", WORDS)
def test_a_study_is_reported_from_its_own_file(
    bionic: Bionic, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    study = tmp_path / "study" / "factorial-1.json"
    study.parent.mkdir()
    shutil.copy(FACTORIAL, study)
    assert bionic("report", study.parent, "--out", "page.html").code == 0
    Path("page.html").unlink()
    spoil(study)

    def refuses(said: Said) -> None:
        refused(said, f"factorial-1.json: {WORDS[spoil]}")
        assert SECRET not in said.out + said.err

    refuses(bionic("report", study.parent, "--out", "page.html"))
    if spoil in (linked, pipe):  # the others are no such file, or a folder that may be a study's
        refuses(bionic("report", study, "--out", "page.html"))
    assert not Path("page.html").exists()


def test_a_studys_runs_are_folders_of_its_own(bionic: Bionic, folder: Path, tmp_path: Path) -> None:
    study = tmp_path / "study" / "factorial-1.json"
    study.parent.mkdir()
    document = json.loads(FACTORIAL.read_text())
    document["cells"][0]["run"] = f"gone/{folder.name}"
    study.write_text(json.dumps(document))
    place = study.parent / folder.name
    place.symlink_to(folder)
    refused(bionic("report", study), f"{folder.name}: is a link, and a study's runs")
    place.unlink()
    shutil.copytree(folder, place)
    assert bionic("report", study, "--out", "page.html").code == 0
    assert f"./study/{folder.name}/" in Path("page.html").read_text()
    linked(place / "spec.toml")
    assert bionic("report", study, "--out", "page.html").code == 0
    page = Path("page.html").read_text()
    assert "spec.toml: is a link" in page
    assert SECRET not in page


def test_who_asks_may_name_folders_by_links(bionic: Bionic, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    assert bionic("report", tmp_path / "link", "--out", tmp_path / "out" / "p.html").code == 0
    page = (tmp_path / "real" / "p.html").read_text()
    assert "save it as a .toml file" in page
    assert "is a link" not in page


def test_a_file_of_its_own_and_what_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\r\n\x1a12345")
    assert read_own(path) == b"\r\n\x1a12345"
    assert read_own(path, 8) == b"\r\n\x1a12345"
    with pytest.raises(DamagedError, match=r"a.json: has 8 bytes, more than any"):
        read_own(path, 7)
    with pytest.raises(DamagedError, match=r"b.json: missing"):
        read_own(tmp_path / "b.json")
    with pytest.raises(DamagedError, match=r"null: is a device and no file"):
        read_own(Path("/dev/null"))
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(DamagedError, match="s: is a socket and no file"):
            read_own(Path("s"))
    dangling(tmp_path / "c.json")
    assert present(tmp_path / "c.json")
    assert not present(tmp_path / "b.json")


def test_a_file_that_becomes_a_link_after_the_look_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    before = path.lstat()
    linked(path)
    monkeypatch.setattr(Path, "lstat", lambda _: before)
    with pytest.raises(DamagedError, match=r"a.json: is a link"):
        read_own(path)


def test_a_result_that_is_a_link_is_damage_not_absence(folder: Path) -> None:
    dangling(folder / "result.json")
    run = Run.open(folder)
    assert run.done
    with pytest.raises(DamagedError, match=r"result.json: is a link"):
        _ = run.result
