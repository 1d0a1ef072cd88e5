"""What an engine's author needs of the core: few modules, each a room's face."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.imports import ROOT, imported

MOST = 6

ENGINES = sorted(p for p in (ROOT / "bionic_plugins" / "engines").iterdir() if p.is_dir())
ENGINES = [engine for engine in ENGINES if (engine / "__init__.py").is_file()]


def test_an_import_of_a_module_counts_as_one(tmp_path: Path) -> None:
    one = tmp_path / "one.py"
    one.write_text(
        "from bionic_core.base import failures, configure_process\n"
        "def work():\n    import bionic_core.runs.train\n    from bionic_core import Engine\n"
    )
    assert imported(one, "bionic_core") == {
        *("bionic_core", "bionic_core.base", "bionic_core.base.failures"),
        "bionic_core.runs.train",
    }


@pytest.mark.parametrize("engine", ENGINES, ids=lambda path: path.name)
def test_an_engine_needs_few_modules_of_the_core(engine: Path) -> None:
    needed = set().union(*(imported(path, "bionic_core") for path in engine.rglob("*.py")))
    assert "bionic_core" in needed
    assert len(needed) <= MOST, sorted(needed)
    rooms = {"bionic_core.errors", *(f"bionic_core.{r}" for r in ("base", "model", "training"))}
    alone = {"bionic_core.base.process", "bionic_core.registry.extras"}  # of processes, and extras
    assert needed <= {"bionic_core", "bionic_core.runs", *rooms, *alone}
