"""A factorial and an ablation to report on, trained once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bionic_core import cli
from tests.cli.test_cli import SMALL


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a factorial and an ablation of the same runs."""
    folder = tmp_path_factory.mktemp("studies")
    arguments = (*SMALL, "--seeds", "2", "--out", str(folder / "runs"))
    argv = sys.argv
    for command in (["factorial"], ["ablate", "demo"]):
        sys.argv = ["bionic", *command, "--mechanisms", "masks,noise", *arguments]
        try:
            cli.main()
        except SystemExit as stop:
            assert not stop.code, command  # noqa: PT017
    sys.argv = argv
    return folder / "runs"


@pytest.fixture
def factorial(studies: Path) -> Path:
    return next(studies.glob("factorial-*.json"))


@pytest.fixture
def ablation(studies: Path) -> Path:
    return next(studies.glob("ablation-*.json"))


@pytest.fixture
def run(factorial: Path) -> Path:
    cells = json.loads(factorial.read_text())["cells"]
    return Path(cells[3]["run"])
