"""The core that a model needs stays small: what building a spec imports, types included."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CORE, PLUGINS = "bionic_core", "bionic_plugins"

MOST = 3500
"""Lines of the core, docstrings included; before the rooms they were 5,512."""

BUILD = "import bionic_core as b; b.build(b.load('baseline'))"


def imported_by(code: str) -> set[str]:
    """Return our modules that code imports in a fresh process."""
    told = "; import sys, json; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code + told], capture_output=True, text=True, check=True, timeout=200
    )
    modules = json.loads(found.stdout.splitlines()[-1])
    return {name for name in modules if name.partition(".")[0] in (CORE, PLUGINS)}


def text_of(module: str) -> str:
    found = find_spec(module)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).read_text()


def is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def is_package(name: str) -> bool:
    found = find_spec(name)
    return found is not None and found.submodule_search_locations is not None


def imported_for_types(module: str) -> set[str]:
    """Return the core's modules that a module imports for its types alone."""
    if module == CORE:  # the facade names everything, and loads what is used
        return set()
    blocks = [
        node
        for node in ast.walk(ast.parse(text_of(module)))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    names: set[str] = set()
    for node in (inner for block in blocks for inner in ast.walk(block)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.partition(".")[0] == CORE and is_module(name)}


def with_types(modules: set[str]) -> set[str]:
    """Return modules with all that they, and those, import for types."""
    found, frontier = set(modules), list(modules)
    while frontier:
        new = imported_for_types(frontier.pop()) - found
        found |= new
        frontier += new
    return found


@pytest.fixture(scope="module")
def building() -> set[str]:
    return imported_by(BUILD)


def test_building_a_model_takes_little_of_the_core(building: set[str]) -> None:
    core = {name for name in building if name.partition(".")[0] == CORE}
    assert {f"{CORE}.model.network", f"{CORE}.spec.spec", f"{CORE}.hookspecs"} <= core
    lines = {name: len(text_of(name).splitlines()) for name in with_types(core)}
    largest = ", ".join(f"{name} {lines[name]}" for name in sorted(lines, key=lines.__getitem__))
    print(f"{sum(lines.values()):,} lines in {len(lines)} files")
    assert sum(lines.values()) <= MOST, largest


def test_types_are_counted_through_types() -> None:
    assert f"{CORE}.sites" in imported_for_types(f"{CORE}.hookspecs")
    assert f"{CORE}.seeds" in with_types({f"{CORE}.hookspecs"})  # by way of sites alone


def test_building_a_model_imports_its_own_plugins_and_reads_no_data(building: set[str]) -> None:
    from bionic_core import load

    spec = load("baseline")
    own = {type(plugin).__module__ for plugin in (*spec.mechanisms.values(), spec.data)}
    loaded = {name for name in building if name.partition(".")[0] == PLUGINS}
    packages = {name for name in loaded if is_package(name)}
    assert own
    assert loaded - packages == own
    for unused in ("pictures", "data.splits", "base.files", "spec.sources", "model.sparse_product"):
        assert f"{CORE}.{unused}" not in building


def test_a_path_to_data_is_claimed_without_importing_any_mechanism(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(4):
            picture = Image.new("L", (8, 8), 10 * number)
            picture.save(tmp_path / name / f"{number}.png")
    words = ["bionic", "data", "info", str(tmp_path), "--json"]
    ended = "import atexit, sys, json; atexit.register(lambda: sys.__stderr__.write(json.dumps("
    code = (
        f"{ended}sorted(sys.modules)))); sys.argv = {words!r}; "
        "from bionic_core.cli import main; main()"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=200
    )
    assert json.loads(found.stdout)["name"] == f"images ({tmp_path.name})"
    modules = json.loads(found.stderr.splitlines()[-1])
    ours = {name for name in modules if name.startswith(f"{PLUGINS}.")}
    assert f"{PLUGINS}.data.images" in ours
    assert not [name for name in ours if not name.startswith(f"{PLUGINS}.data")]
