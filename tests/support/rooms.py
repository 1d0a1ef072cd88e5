"""The rooms of the house as the imports have them, and their drawing in ARCHITECTURE.md.

``uv run python -m tests.support.rooms`` draws it anew. Imports in functions and those for types
count; a name of the facade counts as an import of the module that it comes from.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grimp

ROOT = Path(__file__).parents[2]
PACKAGES = ("bionic_core", "bionic_plugins")
FACADES = {"bionic_core", "bionic_core.__main__", "bionic_core.testing", "bionic_plugins"}
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"

Arrow = tuple[str, str]


def sources(*folders: str) -> list[Path]:
    """Return the Python files below some folders of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_of(path: Path) -> str:
    """Return the dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def lent(package: str) -> dict[str, str]:
    """Return what a package lends when it is asked: names, and the modules they come from.

    A package lends by ``__getattr__``, and says for types where each name comes from: in its stub,
    or in a block of its own.
    """
    path = ROOT.joinpath(*package.split("."), "__init__.py")
    stub = path.with_suffix(".pyi")
    if stub.exists():
        imports = [node for node in tree_of(stub).body if isinstance(node, ast.ImportFrom)]
        return {alias.name: node.module or "" for node in imports for alias in node.names}
    body = tree_of(path).body if path.exists() else []
    offers = {
        name.id
        for node in body
        if isinstance(node, ast.Assign)
        for name in ast.walk(node.targets[0])
        if isinstance(name, ast.Name)
    }
    if "__getattr__" not in offers:
        return {}
    blocks = [node.body for node in body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def borrowed(path: Path) -> Iterator[Arrow]:
    """Yield each name that a file takes from a lending package, and the module it comes from."""
    named: dict[str, str] = {}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            homes = lent(node.module) if node.module.startswith(PACKAGES) else {}
            yield from ((a.name, homes[a.name]) for a in node.names if a.name in homes)
        elif isinstance(node, ast.Import):
            named |= {a.asname or a.name: a.name for a in node.names if a.name in PACKAGES}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            homes = lent(named[node.value.id]) if node.value.id in named else {}
            if node.attr in homes:
                yield node.attr, homes[node.attr]


@cache
def imports() -> dict[str, set[str]]:
    """Return what each module imports of the project, the facades' own imports left out."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found = {
        module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules
    }
    for path in sources(*PACKAGES):
        found[module_of(path)] |= {home for _, home in borrowed(path)}
    for module, targets in found.items():
        targets -= {module, *PACKAGES}
        if module in PACKAGES:
            targets.clear()
    return found


def circles() -> list[list[str]]:
    """Return the groups of modules that import each other, by Tarjan's algorithm."""
    found, edges = [], imports()
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        path.append(module)
        for target in sorted(edges[module]):
            if target not in number:
                visit(target)
                lowest[module] = min(lowest[module], lowest[target])
            elif target in path:
                lowest[module] = min(lowest[module], number[target])
        if lowest[module] == number[module]:
            place = path.index(module)
            if len(path) - place > 1:
                found.append(sorted(path[place:]))
            del path[place:]

    for module in sorted(edges):
        if module not in number:
            visit(module)
    return found


def contracts() -> list[dict[str, Any]]:
    """Return the contracts that import-linter keeps."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


def within(module: str, rooms: list[str]) -> bool:
    """Whether a module is one of some rooms, or stands in one."""
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def may_import(module: str, home: str) -> bool:
    """Whether a module may import another by the contracts of the house."""
    layers = next(c["layers"] for c in contracts() if c["type"] == "layers")
    steps = [[room.strip() for room in layer.replace("|", ":").split(":")] for layer in layers]
    places = [n for name in (module, home) for n, step in enumerate(steps) if within(name, step)]
    if len(places) == 2 and places[0] > places[1]:
        return False
    return not any(
        within(module, contract["source_modules"]) and within(home, contract["forbidden_modules"])
        for contract in contracts()
        if contract["type"] == "forbidden"
    )


def room_of(module: str) -> str | None:
    """Return the room of a module; the core's root is two: ``errors`` and the protocol."""
    package, *rest = module.split(".")
    if module in FACADES:
        return None
    if (ROOT / package / rest[0]).is_dir():
        return f"{package}.{rest[0]}"
    return "bionic_core.errors" if rest[0] == "errors" else f"{package}.protocol"


def arrows() -> set[Arrow]:
    """Return which room imports which."""
    pairs = {(room_of(a), room_of(b)) for a, targets in imports().items() for b in targets}
    return {(one, other) for one, other in pairs if one and other and one != other}


def direct(pairs: set[Arrow]) -> set[Arrow]:
    """Return the arrows that do not follow from others, taken one after another."""
    beyond: dict[str, set[str]] = {}

    def reach(room: str) -> set[str]:
        if room not in beyond:
            beyond[room] = set()
            steps = {other for one, other in pairs if one == room}
            beyond[room] = steps.union(*map(reach, steps))
        return beyond[room]

    return {
        (one, other)
        for one, other in pairs
        if not any(other in reach(step) for a, step in pairs if a == one and step != other)
    }


def drawing() -> str:
    """Return the drawing of the rooms, as Mermaid."""
    pairs = arrows()
    rooms = sorted({room for pair in pairs for room in pair})
    lines = ["```mermaid", "flowchart TD"]
    for package in PACKAGES:
        lines.append(f"  subgraph {package}")
        mine = [room for room in rooms if room.startswith(f"{package}.")]
        lines += [f'    {room.replace(".", "_")}["{room.partition(".")[2]}"]' for room in mine]
        lines.append("  end")
    shown = sorted(direct(pairs))
    lines += [f"  {one.replace('.', '_')} --> {other.replace('.', '_')}" for one, other in shown]
    return "\n".join([*lines, "```"])


def drawn(page: str) -> str:
    """Return a page with the drawing between its marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{drawing()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE = ROOT / "ARCHITECTURE.md"
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
