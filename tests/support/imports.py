"""What files import, as their text says: lazy imports and those for types included."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported(path: Path, package: str) -> set[str]:
    """The modules of a package that a file imports; a name that is a module counts as one."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            assert node.module is not None
            found |= {module_of(node.module, alias.name) for alias in node.names}
    return {name for name in found if name == package or name.startswith(f"{package}.")}


def module_of(module: str, name: str) -> str:
    inside = ROOT.joinpath(*module.split("."))
    whole = f"{module}.{name}"
    if (inside / f"{name}.py").is_file() or (inside / name / "__init__.py").is_file():
        assert find_spec(whole)
        return whole
    return module
