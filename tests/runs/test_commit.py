"""The commit is read from git's files: nothing that a repository names is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bionic_core.runs.commit import commit_of

ONE, OTHER = "1" * 40, "2" * 64


def repository(folder: Path, head: str) -> Path:
    (folder / ".git" / "refs" / "heads").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(head)
    return folder / ".git"


def test_branches_loose_and_packed_and_no_branch(tmp_path: Path) -> None:
    git = repository(tmp_path, f"{ONE}\n")
    (tmp_path / "within").mkdir()
    assert commit_of(tmp_path / "within") == ONE
    (git / "HEAD").write_text("ref: refs/heads/a/b\n")
    assert commit_of(tmp_path) is None  # no commit yet
    (git / "packed-refs").write_text(f"# pack-refs\n{OTHER} refs/heads/a/b\n^{ONE}\n")
    assert commit_of(tmp_path) == OTHER
    (git / "refs" / "heads" / "a").mkdir()
    (git / "refs" / "heads" / "a" / "b").write_text(f"{ONE}\n")
    assert commit_of(tmp_path) == ONE


def test_a_working_tree_of_another_repository(tmp_path: Path) -> None:
    git = repository(tmp_path / "main", "ref: refs/heads/main")
    (git / "refs" / "heads" / "side").write_text(OTHER)
    own = git / "worktrees" / "side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (tmp_path / "side").mkdir()
    (tmp_path / "side" / ".git").write_text(f"gitdir: {own}\n")
    assert commit_of(tmp_path / "side") == OTHER


@pytest.mark.parametrize(
    "head",
    [
        "",
        "ref: ",
        "ref: ../../secret",
        "ref: refs/../../../secret",
        "ref: refs/heads/loop",
        "1" * 39,
        "x" * 10_000,
        "\0",
    ],
)
def test_heads_that_are_none(tmp_path: Path, head: str) -> None:
    (tmp_path / "secret").write_text("a secret")
    git = repository(tmp_path / "a", head)
    (git / "refs" / "heads" / "loop").write_text("ref: refs/heads/loop")
    assert commit_of(tmp_path / "a") is None


def test_nothing_is_waited_for_or_run(tmp_path: Path) -> None:
    git = repository(tmp_path, "")
    (git / "HEAD").unlink()
    os.mkfifo(git / "HEAD")
    (git / "config").write_text(f"[core]\n\tfsmonitor = touch {tmp_path / 'RUN'}\n")
    assert commit_of(tmp_path) is None
    assert not (tmp_path / "RUN").exists()
    git.rename(tmp_path / "other")
    os.mkfifo(tmp_path / ".git")
    assert commit_of(tmp_path) is None
