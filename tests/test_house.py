"""The house stays in order: sizes, imports, names. Every figure printed here may only fall.

An allowance names what was there before the limit was. It may not grow, and an entry that is not
needed any more has to go.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest

import bionic_core
from tests.support.rooms import (
    PACKAGES,
    ROOT,
    borrowed,
    circles,
    contracts,
    drawn,
    lent,
    may_import,
    module_of,
    sources,
    tree_of,
)

EVERYWHERE = (*PACKAGES, "tests", "docs")

ROOT_FILES = 16
FILE_LINES = 400
FUNCTION_LINES = 60
STRING_KEYS = 50
"""Accesses of results by a string in the reports: they have types."""
REPORT_LINES = 3_876

LONG_FILES: Mapping[str, int] = {}
LONG_FUNCTIONS: Mapping[str, int] = {}
PUBLIC_ALL_THE_SAME = {"_asdict", "_fields", "_make", "_replace", "_buffers"}
"""Of named tuples, which have no others, and of torch's modules."""


def told(path: Path) -> str:
    """Return a file's place in the project."""
    return path.relative_to(ROOT).as_posix()


def held(found: Mapping[str, int], allowance: Mapping[str, int], what: str) -> None:
    """Only what is allowed is beyond a limit, no further than allowed; no allowance is unused."""
    print(f"{what}: {len(found)}, {sum(found.values())} in all")
    new = {name: n for name, n in found.items() if n > allowance.get(name, 0)}
    assert not new, f"{what}: beyond the limit"
    done = {name: n for name, n in allowance.items() if found.get(name, 0) < n}
    assert not done, f"{what}: lower these in tests/test_house.py to {found}"


def long_files() -> dict[str, int]:
    """Return the lines of each file that has too many."""
    lines = {told(p): len(p.read_text(encoding="utf-8").splitlines()) for p in sources(*EVERYWHERE)}
    return {name: n for name, n in lines.items() if n > FILE_LINES}


def long_functions() -> dict[str, int]:
    """Return the lines, decorators included, of each function that has too many."""
    found = {}
    for path in sources(*EVERYWHERE):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min(n.lineno for n in (node, *node.decorator_list))
                length = (node.end_lineno or first) - first + 1
                if length > FUNCTION_LINES:
                    found[f"{told(path)}:{node.name}"] = length
    return found


def test_the_root_is_the_protocol_and_nothing_else() -> None:
    files = [path.name for path in (ROOT / "bionic_core").glob("*.py")]
    print(f"files in bionic_core's root: {len(files)} of {ROOT_FILES}")
    assert 0 < len(files) <= ROOT_FILES, sorted(files)


def test_files_are_short() -> None:
    held(long_files(), LONG_FILES, f"files of more than {FILE_LINES} lines")


def test_functions_are_short() -> None:
    held(long_functions(), LONG_FUNCTIONS, f"functions of more than {FUNCTION_LINES} lines")


def test_no_modules_import_each_other() -> None:
    found = circles()
    print(f"circles of imports: {len(found)}")
    assert found == []


def test_what_the_facades_hide_goes_down_too() -> None:
    names = {path: list(borrowed(path)) for path in sources(*PACKAGES)}
    print(f"names taken from facades: {sum(map(len, names.values()))}")
    assert any(names.values())
    wrong = [
        f"{told(path)} takes {name} of {home}"
        for path, found in names.items()
        for name, home in found
        if not may_import(module_of(path), home)
    ]
    assert wrong == []


def test_upward_imports_would_be_seen() -> None:
    assert not may_import("bionic_core.model.network", "bionic_core.runs.train")
    assert not may_import("bionic_plugins.mechanisms.noise", "bionic_core.training.recipe")
    assert may_import("bionic_plugins.engines.local", "bionic_core.runs.engine")
    assert may_import("bionic_core.runs.train", "bionic_core.model.network")


def test_contracts_except_the_facade_alone() -> None:
    excepted = {line for contract in contracts() for line in contract.get("ignore_imports", [])}
    assert excepted == {"bionic_core -> bionic_core.**"}


def is_private(name: str) -> bool:
    """Whether a name is for its own module only."""
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC_ALL_THE_SAME


def defined(tree: ast.Module) -> set[str]:
    """Return the names that a file defines, those of attributes included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
    return found


def foreign_private(path: Path) -> Iterator[str]:
    """Yield the private names of other modules of the project that a file imports or accesses.

    An attribute is another module's if the file neither defines one of its name nor reaches it
    by a name that it imports from outside the project (``os._exit``).
    """
    tree, outside = tree_of(path), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            where = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            if where.startswith(PACKAGES):
                yield from filter(is_private, (alias.name for alias in node.names))
            else:
                outside |= names
    own = defined(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            root: ast.expr = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if not (isinstance(root, ast.Name) and root.id in outside):
                yield f"{ast.unparse(node)} (line {node.lineno})"


def test_private_names_stay_in_their_modules() -> None:
    paths = sources(*PACKAGES)
    found = [f"{told(path)}: {name}" for path in paths for name in foreign_private(path)]
    print(f"private names of other modules: {len(found)}")
    assert found == []


def test_private_names_of_others_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text(
        "import os\nfrom bionic_core.base import files\nfrom bionic_core.base.files import _open\n"
        "class A:\n    def __init__(self): self._mine = 1\n"
        "def f(a): return a._mine, a._other, files._hidden, os._exit, a.__dict__\n"
    )
    assert list(foreign_private(path)) == ["_open", "a._other (line 6)", "files._hidden (line 6)"]


def test_the_facade_lends_what_it_says() -> None:
    homes = lent("bionic_core")
    assert sorted(homes) == bionic_core.__all__
    for name, home in homes.items():
        assert getattr(bionic_core, name) is getattr(import_module(home), name), name


def string_keys() -> dict[str, int]:
    """Return how often each file of the reports asks a mapping for a key that it spells."""
    found: Counter[str] = Counter()
    for path in sources("bionic_core/reports"):
        for node in ast.walk(tree_of(path)):
            key: ast.expr | None = None
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                key = node.slice
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                key = node.args[0] if node.func.attr == "get" and node.args else None
            found[told(path)] += isinstance(key, ast.Constant) and isinstance(key.value, str)
    return found


def test_reports_read_attributes() -> None:
    found = sum(string_keys().values())
    print(f"string keys in reports: {found} of {STRING_KEYS}")
    assert found <= STRING_KEYS, string_keys()


def test_reports_stay_short() -> None:
    paths = sources("bionic_core/reports")
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
    print(f"lines of reports: {lines} of {REPORT_LINES}")
    assert 0 < lines <= REPORT_LINES


@pytest.mark.parametrize(
    "room",
    [path.parent for p in PACKAGES for path in sorted((ROOT / p).glob("*/__init__.py"))],
    ids=told,
)
def test_a_room_says_what_lives_there(room: Path) -> None:
    text = ast.get_docstring(tree_of(room / "__init__.py")) or ""
    assert len(text.splitlines()) >= 2, f"{told(room)}: what lives here, what may not, the start"


def test_the_drawing_of_the_rooms_is_what_the_imports_give() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert page == drawn(page), "uv run python -m tests.support.rooms draws it anew"
