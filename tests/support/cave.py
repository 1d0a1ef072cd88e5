"""What the tests of the download from CAVE share: a home with a token, a watch, a call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bionic_core import Connectome
from bionic_core.connectomes.fetch import fetch_connectome
from bionic_plugins.connectomes.microns.microns import Microns
from tests.support.cave_server import TOKEN, CaveServer


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the client a home with a token, loopback without a proxy, and nobody's browser."""
    home = tmp_path_factory.mktemp("home")
    secrets = home / ".cloudvolume" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "cave-secret.json").write_text(json.dumps({"token": TOKEN}))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("webbrowser.open", lambda *_, **__: False)
    return home


class Heard:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[str, int, int]] = []

    def step(self, title: str, done: int, total: int) -> None:
        self.steps.append((title, done, total))

    def say(self, line: str) -> None:
        self.lines.append(line)


def fetch(at: CaveServer, out: Path, watch: Heard | None = None, /, **options: Any) -> Connectome:
    """Fetch from the server without waiting between attempts."""
    settings: dict[str, Any] = {"server": at.address, "wait": 0.0} | options
    return fetch_connectome(Microns(**settings), out, watch=watch)
