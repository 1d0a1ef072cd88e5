"""A plugin package to start from, complete and tested: ``bionic new NAME``."""

from __future__ import annotations

import datetime
import keyword
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bionic_core import __version__
from bionic_core.base.unwritten import WriteError
from bionic_core.errors import RequestError
from bionic_core.registry import Registry

TEMPLATES = Path(__file__).parent / "templates" / "package"

OWN = ("core", "plugins")
"""Names whose packages, ``bionic_core`` and ``bionic_plugins``, are bionic's own."""

FILES: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "LICENSE": "LICENSE",
    "mechanism.py": "src/{package}/__init__.py",
    "test_mechanism.py": "tests/test_{name}.py",
}
"""Where each template goes."""


def write_package(name: str, folder: Path, registry: Registry | None = None) -> dict[str, Any]:
    """Write a package for a mechanism of that name into ``folder/bionic-NAME``.

    Returns:
        ``name``, ``folder``, ``files``, and what to do ``next``, as JSON-ready data.

    Raises:
        RequestError: the name cannot be a mechanism's, or is taken, or the folder is there.
        WriteError: the disk is full, or writing is not allowed there.
    """
    check_name(name, registry or Registry.installed())
    distribution, package = f"bionic-{name.replace('_', '-')}", f"bionic_{name}"
    target = folder / distribution
    if target.exists() or target.is_symlink():
        raise RequestError(
            "is there already, and nothing in it has been touched; choose another name, or another "
            "folder with --out",
            where=str(target),
        )
    texts = _texts(
        name=name,
        distribution=distribution,
        package=package,
        cls=name.title().replace("_", ""),
        bionic=__version__,
        year=datetime.date.today().year,
    )
    try:
        _write(target, texts)
    except OSError as error:
        raise WriteError.of(error, target) from error
    return {
        "name": name,
        "folder": str(target),
        "files": sorted(texts),
        "next": [
            f"python -m pip install -e {target}",
            f"bionic check {name}",
            f"python -m pytest {target}",
            f"bionic factorial --mechanisms {name}",
        ],
    }


def check_name(name: str, registry: Registry) -> None:
    """Raise if no new mechanism can have the name.

    Raises:
        RequestError: it is no word in small letters, is Python's or torch's, or is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise RequestError(
            f"'{name}' cannot be a mechanism's name: a name is a small letter, then small letters, "
            "digits and underscores, at most 40 in all, for example divisive or gap_junctions"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise RequestError(f"'{name}' is a word of Python's own; choose another")
    if name in OWN:
        raise RequestError(f"the package bionic_{name} is bionic's own; choose another name")
    owner = registry.distribution(name)
    if owner is not None:
        raise RequestError(f"there is a plugin '{name}' already, of {owner}; choose another name")
    from torch import nn

    if hasattr(nn.Module, name) or hasattr(nn.Module(), name):
        raise RequestError(f"the name '{name}' is taken by torch's modules; choose another")


def _texts(**values: object) -> dict[str, str]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # these are no pages
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return {
        place.format(**values): environment.get_template(f"{template}.jinja").render(values)
        for template, place in FILES.items()
    }


def _write(target: Path, texts: Mapping[str, str]) -> None:
    """Write all files into a folder, which is there when it is complete, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        whole = beside / target.name
        for place, text in texts.items():
            path = whole / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        whole.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
