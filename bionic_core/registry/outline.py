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

from bionic_core.base.strict_json import json_text


@attrs.frozen
class Outline:
    """A class as its source has it; nothing where the source is not to be had.

    Attributes:
        doc: the docstring.
        says: the attributes that are given as literals, such as ``name = "divisive"``.
        keys: the annotated attributes, which are an attrs class's fields.
        values: of each key, what it may be where that is a few words, its default first; else its
            default; as TOML has them. Nothing where the source does not say.
        bases: of the class, as they are written.
    """

    doc: str = ""
    says: Mapping[str, object] = attrs.field(factory=dict)
    keys: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
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
                return _of(node, module)
            if isinstance(node, ast.ImportFrom) and further:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        home = _home(node, module, path)
                        return _outline(home, alias.name, further - 1)
    return Outline()


def _home(node: ast.ImportFrom, module: str, path: Path) -> str:
    """Return the module that an import statement of a module names."""
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    return resolve_name("." * node.level + (node.module or ""), package)


def _named(name: str, module: str, further: int = 3) -> Iterator[ast.expr]:
    """Yield what a name stands for in a module, or where that has it from."""
    for path in _files(module):
        with tokenize.open(path) as file:
            tree = ast.parse(file.read())
        for node in tree.body:
            if isinstance(node, ast.Assign):
                if any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
                    yield node.value
            elif isinstance(node, ast.ImportFrom) and further:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        yield from _named(alias.name, _home(node, module, path), further - 1)


def _allowed(annotation: ast.expr, module: str) -> Iterator[object]:
    """Yield the values of an annotation that names them: of ``Literal``, and of ``bool``."""
    if isinstance(annotation, ast.Name):
        if annotation.id == "bool":
            yield from (True, False)
        for meant in _named(annotation.id, module):
            yield from _allowed(meant, module)
    elif isinstance(annotation, ast.BinOp):
        yield from _allowed(annotation.left, module)
        yield from _allowed(annotation.right, module)
    elif isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Literal":
        inside = annotation.slice
        for one in inside.elts if isinstance(inside, ast.Tuple) else [inside]:
            if isinstance(one, ast.Constant):
                yield one.value


def _default(value: ast.expr | None, module: str) -> Iterator[object]:
    """Yield a key's default, where it is a literal, or a name that stands for one."""
    if isinstance(value, ast.Call):
        given = [keyword.value for keyword in value.keywords if keyword.arg == "default"]
        value = given[0] if given else None
    if isinstance(value, ast.Name):
        value = next(_named(value.id, module), None)
    if value is not None:
        try:
            yield ast.literal_eval(value)
        except ValueError:
            return


def _toml(value: object) -> str:
    """Return a value as ``--set KEY=VALUE`` takes it: a word stands without quotation marks."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return json_text(value, ensure_ascii=False, separators=(",", ":"))
    return str(value).lower()


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


def _of(node: ast.ClassDef, module: str) -> Outline:
    says: dict[str, object] = {}
    keys, values = [], {}
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            if "ClassVar" not in ast.unparse(line.annotation):
                keys.append(_alias(line.target.id, line.value))
                found = [*_default(line.value, module), *_allowed(line.annotation, module)]
                words = dict.fromkeys(_toml(value) for value in found if value is not None)
                values[keys[-1]] = tuple(word for word in words if word)
            _literal(says, line.target, line.value)
        elif isinstance(line, ast.Assign):
            for target in line.targets:
                _literal(says, target, line.value)
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    bases = tuple(ast.unparse(base) for base in node.bases)
    return Outline(doc, says, tuple(keys), values, bases)


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
