"""bionic goes by 'bionic-connectome' on the package index, where 'bionic' is other people's."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

from bionic_core.markers import DISTRIBUTION
from bionic_core.registry.extras import install, misled
from bionic_core.runs.identity import check_numerics
from tests.support.rooms import ROOT

OLD = re.compile(r"bionic\[|install (-U )?['\"]?bionic(?![-_a-z])|['\"]bionic[><=~]=")
"""Forms in which the other project would be asked for."""

TEXTS = {".py", ".md", ".toml", ".jinja", ".cff", ".yaml", ".html", ".txt", ""}


def test_nothing_asks_for_the_other_project() -> None:
    kept = {".git", ".venv", "older", "__pycache__", "dist", "runs"}
    files = [
        path
        for path in ROOT.rglob("*")
        if path.suffix in TEXTS and path.is_file() and not kept & set(path.relative_to(ROOT).parts)
    ]
    assert len(files) > 300
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        if path.name != Path(__file__).name
        for line in path.read_text("utf-8", "replace").splitlines()
        if OLD.search(line)
    ]
    assert found == []


def test_the_old_forms_would_be_found() -> None:
    install, name = "pip install", "bionic"  # apart, or this file would ask for it
    for wrong in (f"{install} '{name}[ray]'", f"uv {install} {name}", f'"{name}>=0.1"'):
        assert OLD.search(wrong)
    for right in ("bionic-connectome[ray]", "pip install -e bionic-divisive", "bionic = 1"):
        assert not OLD.search(right)


def test_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == DISTRIBUTION
    assert project["scripts"] == {"bionic": "bionic_core.cli:script"}
    assert distribution(DISTRIBUTION).version


def test_the_other_project_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert install("ray") == "pip install 'bionic-connectome[ray]'"
    monkeypatch.syspath_prepend(tmp_path)
    info = tmp_path / "bionic-0.11.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bionic\nVersion: 0.11.1\n")
    assert "'bionic' 0.11.1" in misled()
    assert install("ray").endswith("pip uninstall bionic")
    entry = "[console_scripts]\nbionic = bionic_core.cli:script\n"  # ours, under its old name
    (info / "entry_points.txt").write_text(entry)
    assert misled() == ""


def test_a_manifest_of_before_is_read_and_names_today() -> None:
    from bionic_core import Registry, RequestError

    older = {
        "identity": {"numerics": {"core": 1, "masks": 0}},
        "versions": {"bionic": "0.1.0"},
        "plugins": {"masks": "bionic 0.1.0"},
    }
    with pytest.raises(RequestError) as caught:
        check_numerics(older, Registry.installed(), where="run")
    assert str(caught.value).count("Install bionic-connectome 0.1.0") == 2
