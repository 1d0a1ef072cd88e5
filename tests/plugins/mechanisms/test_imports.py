"""What a mechanism's author needs of the core: the facade."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.imports import ROOT, imported

MECHANISMS = sorted((ROOT / "bionic_plugins" / "mechanisms").rglob("*.py"))


@pytest.mark.parametrize("path", MECHANISMS, ids=lambda path: path.stem)
def test_a_mechanism_needs_the_facade_alone(path: Path) -> None:
    assert imported(path, "bionic_core") <= {"bionic_core"}


def test_mechanisms_are_found() -> None:
    assert sum("bionic_core" in imported(path, "bionic_core") for path in MECHANISMS) >= 14
