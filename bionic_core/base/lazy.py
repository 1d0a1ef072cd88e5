"""Names that a package offers and loads when they are used (PEP 562).

So what a package offers can be imported in one place, and costs what is used of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
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
