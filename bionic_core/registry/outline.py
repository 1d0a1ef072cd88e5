"""What a plugin's source says of it, read without importing it.

A listing of commands, or a key that is being typed, must not wait for what a stranger's module
imports.
"""

from __future__ import annotations

import ast
import inspect
import tokenize
from collections.abc import Iterator, Mapping
from importlib.util import find_spec, resolve_name
from pathlib import Path

import attrs


@attrs.frozen
class Outline:
    """A class as its source has it; nothing where the source is not to be had.

    Attributes:
        doc: the docstring.
        says: the attributes that are given as literals, such as ``name = "divisive"``.
        keys: the annotated attributes, which are an attrs class's fields.
        bases: of the class, as they are written.
    """

    doc: str = ""
    says: Mapping[str, object] = attrs.field(factory=dict)
    keys: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return self.doc.partition("\n")[0]


def outline(target: str) -> Outline:
    """Return what the source says of ``module:class``."""
    module, _, name = target.partition(":")
    try:
        return _outline(module, name, 3)
    except (ImportError, OSError, SyntaxError, ValueError):  # whoever imports it is told
        return Outline()


def _outline(module: str, name: str, further: int) -> Outline:
    for path in _files(module):
        with tokenize.open(path) as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):  # what is above comes first
            if isinstance(node, ast.ClassDef) and node.name == name:
                return _of(node)
            if isinstance(node, ast.ImportFrom) and further:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        package = module if path.stem == "__init__" else module.rpartition(".")[0]
                        said = "." * node.level + (node.module or "")
                        return _outline(resolve_name(said, package), alias.name, further - 1)
    return Outline()


def _files(module: str) -> Iterator[Path]:
    """Yield a module's source; only the package above all is asked for, which imports nothing."""
    top, *below = module.split(".")
    spec = find_spec(top)
    if spec is None:
        return
    if not below:
        yield from [Path(spec.origin)] if spec.origin and spec.has_location else []
        return
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *below)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                yield path


def _of(node: ast.ClassDef) -> Outline:
    says: dict[str, object] = {}
    keys = []
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            if "ClassVar" not in ast.unparse(line.annotation):
                keys.append(_alias(line.target.id, line.value))
            _literal(says, line.target, line.value)
        elif isinstance(line, ast.Assign):
            for target in line.targets:
                _literal(says, target, line.value)
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    return Outline(doc, says, tuple(keys), tuple(ast.unparse(base) for base in node.bases))


def _alias(name: str, value: ast.expr | None) -> str:
    """Return a field's key: its alias, else its name without the marks of a private one."""
    for keyword in value.keywords if isinstance(value, ast.Call) else ():
        if keyword.arg == "alias" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return name.lstrip("_")


def _literal(says: dict[str, object], target: ast.expr, value: ast.expr | None) -> None:
    if isinstance(target, ast.Name) and isinstance(value, ast.Constant | ast.Tuple | ast.List):
        try:
            says[target.id] = ast.literal_eval(value)
        except ValueError:
            return
