"""Names that a package offers and loads when they are used (PEP 562).

So what a package offers can be imported in one place, and costs what is used of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any


def offer(
    package: str, homes: Mapping[str, Sequence[str]], *more: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return a package's ``__getattr__``, ``__dir__`` and ``__all__``.

    Args:
        package: its name.
        homes: for each of its modules, or of another package's by its whole name, the names from
            there. None may be one of its modules' own: Python binds a module to its name.
        more: names that the package has itself.
    """
    home = {name: module for module, names in homes.items() for name in names}
    offered = sorted(home)

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        whole = home[name].startswith(f"{package.partition('.')[0]}.")
        return getattr(import_module(home[name] if whole else f"{package}.{home[name]}"), name)

    return load, lambda: [*offered, *more], offered


def offer_stub(
    package: str, file: str, *more: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return what :func:`offer` does, of the names that a package's stub imports (SPEC 1).

    Args:
        package: its name.
        file: its ``__init__.py``, beside which the stub, ``__init__.pyi``, lies.
        more: names that the package has itself.
    """
    homes: dict[str, list[str]] = {}
    stub = Path(file).with_suffix(".pyi").read_text(encoding="utf-8")
    for home, name in re.findall(r"^from (\S+) import \w+ as (\w+)$", stub, re.MULTILINE):
        homes.setdefault(home, []).append(name)
    return offer(package, homes, *more)


def lent(module: str, name: str) -> Any:
    """Return what a module of a room above lends to a class of the protocol, for its users' hands.

    Nothing of the core calls it, so that no room depends on one above it.
    """
    return getattr(import_module(f"bionic_core.{module}"), name)
