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
    "duckdb": "0.9.3",  # PYSEC-2024-25
    "filelock": "3.20.3",  # CVE-2026-22701
    "jinja2": "3.1.6",  # CVE-2025-27516
    "mlflow-skinny": "3.11.1",  # PYSEC-2026-93, PYSEC-2026-2655, until 3.11.0 of mlflow
    "onnx": "1.22",  # DHI-e5ui-nuzp-ftjo-em2r; PYSEC-2026-104, -2239 to -2241 until 1.21
    "pillow": "13.0.0",  # CVE-2026-96639, GHSA-8g5g-8vmr-9782, GHSA-462x-pgg6-55fp
    "pyarrow": "23.0.1",  # CVE-2026-25087
    "ray": "2.56",  # CVE-2026-57516; CVE-2025-62593 until 2.52
    "requests": "2.33",  # PYSEC-2026-2275
    "scikit-learn": "1.5",  # CVE-2024-5206
    "torch": "2.10",  # CVE-2026-24747; PYSEC-2026-139 is in 2.10 too, see OPEN
    "urllib3": "2.7",  # CVE-2026-44432; CVE-2026-21441 until 2.6.3
    "werkzeug": "3.1.6",  # CVE-2026-27199; CVE-2026-21860 until 3.1.5
}
"""The first version of a distribution that lacks what records say to be wrong with earlier ones.

Each record was read in November 2026, in PyPA's, GitHub's or CVE's database or on a page that
repeats one, and says which version is the first without the hole; for pillow the project's notes
on 13.0.0 do. They are those that were looked for by distributions' names, not all that there are.
"""

OPEN = {
    "torch": "PYSEC-2026-139",  # until 2.11, in reading .pt2, which bionic does not
}
"""Holes that a floor leaves open, as versions with them must be usable; told on the trust page."""


HOSTS = {"IPython"}
"""What is imported only by who is running in it: a notebook has it."""


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
                if name not in {*sys.stdlib_module_names, *PACKAGES, *HOSTS, "tests"}:
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


def test_torch_2_10_may_be_used_and_what_that_leaves_open_is_told() -> None:
    floor = requirements(project()["project"]["dependencies"])["torch"]
    assert "2.10.0" in floor.specifier
    told = (ROOT / "docs/explanation/trust.md").read_text(encoding="utf-8")
    for name, hole in OPEN.items():
        assert name in told
        assert hole in told
    for name, version in HOLES.items():
        assert re.search(rf"\| {name} \| {re.escape(version)} \|", told), name
