"""What is imported is declared, and floors lie above known holes."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.rooms import PACKAGES, ROOT, sources

HOLES = {
    "filelock": "3.20.3",  # CVE-2025-68146, CVE-2026-22701
    "jinja2": "3.1.6",  # CVE-2025-27516
    "onnx": "1.19",  # CVE-2025-51480
    "pillow": "12.1.1",  # CVE-2025-48379, CVE-2026-25990
    "pyarrow": "23.0.1",  # CVE-2023-47248, CVE-2026-25087
    "ray": "2.52",  # CVE-2025-62593
    "requests": "2.32.4",  # CVE-2024-47081
    "scikit-learn": "1.5",  # CVE-2024-5206
    "torch": "2.6",  # CVE-2025-32434
}
"""The first version of a distribution that lacks what is known to be wrong with earlier ones."""


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements(*groups: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for group in groups for line in group]
    return {plain(one.name): one for one in found}


def imported(paths: list[Path]) -> dict[str, set[str]]:
    """Return the files that import each top-level module that is neither ours nor Python's."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in {n.partition(".")[0] for n in names}:
                if name not in {*sys.stdlib_module_names, *PACKAGES, "tests"}:
                    found.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return found


@pytest.mark.parametrize("where", [PACKAGES, ("tests",)], ids=["packages", "tests"])
def test_every_imported_distribution_is_declared(where: tuple[str, ...]) -> None:
    table = project()
    extras = table["project"]["optional-dependencies"].values()
    groups = [table["project"]["dependencies"], *extras]
    if where == ("tests",):
        groups.append(table["dependency-groups"]["dev"])
    declared = {*requirements(*groups), plain(table["project"]["name"])}
    homes = packages_distributions()
    found = imported(sources(*where))
    assert found
    undeclared = {
        name: sorted(files)
        for name, files in found.items()
        if not {plain(home) for home in homes.get(name, [name])} & declared
    }
    assert not undeclared


def test_floors_lie_above_known_holes() -> None:
    table = project()
    extras = table["project"]["optional-dependencies"].values()
    groups = [table["project"]["dependencies"], *extras, table["dependency-groups"]["dev"]]
    for group in groups:
        for name, one in requirements(group).items():
            if name in HOLES:
                floors = [Version(s.version) for s in one.specifier if s.operator == ">="]
                assert floors, f"{name} has no floor"
                assert max(floors) >= Version(HOLES[name]), f"{name} may be of a version with holes"
    assert set(HOLES) <= {name for group in groups for name in requirements(group)}
