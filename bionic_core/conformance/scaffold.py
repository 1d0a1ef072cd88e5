"""A plugin package to start from, complete and tested: ``bionic new NAME --kind KIND,…``."""

from __future__ import annotations

import datetime
import keyword
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from bionic_core import __version__
from bionic_core.base.unfinished import folder_beside
from bionic_core.base.unwritten import WriteError
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.markers import COMMAND, DISTRIBUTION, ENTRY_POINT_GROUP
from bionic_core.registry import Registry
from bionic_core.registry.announced import group_of

TEMPLATES = Path(__file__).parent / "templates"

OWN = ("core", "plugins")
"""Names whose packages, ``bionic_core`` and ``bionic_plugins``, are bionic's own."""

FILES: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "LICENSE": "LICENSE",
}
"""The templates of every package, and where each goes."""


@attrs.frozen
class Kind:
    """A kind of plugin that a package can begin with; ``{}`` stands for the plugin's name.

    Attributes:
        a: what it is, with its article.
        about: what the one that is generated does.
        steps: commands that try it.
        toml: how a spec names it; empty where none does.
        needs: distributions, beside attrs and bionic's own.
    """

    a: str
    about: str
    steps: tuple[str, ...]
    toml: str = ""
    needs: tuple[str, ...] = ()
    group: str = ENTRY_POINT_GROUP


KINDS: Mapping[str, Kind] = {
    "mechanism": Kind(
        "a mechanism",
        "rates saturate, `h / (1 + h / s)`",
        ("bionic check {}", "bionic factorial --mechanisms {}"),
        "[mechanisms.{}]\nceiling = 2.0",
        ("torch",),
    ),
    "rule": Kind(
        "a learning rule",
        "Oja's, on every projection",
        ("bionic check {}", "bionic factorial --mechanisms {}"),
        "[mechanisms.{}]\neta = 1e-4",
        ("torch",),
    ),
    "data": Kind(
        "a data source",
        "stripes that lie or stand",
        ("bionic check {}", "bionic data info {}"),
        '[data]\nsource = "{}"',
        ("numpy",),
    ),
    "connectome": Kind(
        "a connectome source",
        "a sheet of cells, connected by distance",
        ("bionic check {}", "bionic connectome info {}"),
        '[connectome]\nsource = "{}"',
        ("numpy",),
    ),
    "tracker": Kind(
        "a tracker", "runs as lines of JSON", ("bionic check {}", "bionic train demo --track {}")
    ),
    "engine": Kind(
        "an engine",
        "one run after the other",
        ("bionic check {}", "bionic ablate demo --seeds 1 --engine {}"),
    ),
    "command": Kind(
        "a command",
        "it counts the words of a text",
        ("bionic check {}", "bionic {} --help"),
        needs=("typer",),
        group=group_of(COMMAND),
    ),
}


@attrs.frozen
class Plugin:
    """A plugin of a package that is to be written; ``module`` is within the package, or nothing."""

    name: str
    cls: str
    module: str
    kind: str

    @property
    def filled(self) -> dict[str, Any]:
        """What templates say of it."""
        kind = KINDS[self.kind]
        steps = tuple(step.replace("{}", self.name) for step in kind.steps)
        toml = kind.toml.replace("{}", self.name)
        return attrs.asdict(self) | attrs.asdict(kind) | {"steps": steps, "toml": toml}


def write_package(
    name: str,
    folder: Path,
    registry: Registry | None = None,
    kinds: Sequence[str] = ("mechanism",),
) -> dict[str, Any]:
    """Write a package of plugins into ``folder/bionic-NAME``.

    The first plugin has the name, the others ``NAME_KIND``; several have a module each.

    Returns:
        ``name``, ``folder``, ``files``, and what to do ``next``, as JSON-ready data.

    Raises:
        RequestError: a name cannot be a plugin's, or is taken, there is no such kind, or the
            folder is there.
        WriteError: the disk is full, or writing is not allowed there.
    """
    plugins = _plugins(name, kinds)
    for plugin in plugins:
        check_name(plugin.name, registry or Registry.installed())
    distribution, package = f"bionic-{name.replace('_', '-')}", f"bionic_{name}"
    target = folder / distribution
    if target.exists() or target.is_symlink():
        raise RequestError(
            "is there already, and nothing in it has been touched; choose another name, or another "
            "folder with --out",
            where=str(target),
        )
    texts = _texts(plugins, distribution, package)
    try:
        _write(target, texts)
    except OSError as error:
        raise WriteError.of(error, target) from error
    steps = [step for plugin in plugins for step in plugin.filled["steps"]]
    return {
        "name": name,
        "folder": str(target),
        "files": sorted(texts),
        "next": [f"python -m pip install -e {target}", f"python -m pytest {target}", *steps],
    }


def _plugins(name: str, kinds: Sequence[str]) -> list[Plugin]:
    """Return the plugins of a package.

    Raises:
        RequestError: there is no such kind, or one is named twice.
    """
    if not kinds:
        raise RequestError(f"--kind: name one or more of {', '.join(KINDS)}")
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        near = nearest(wrong[0], KINDS)
        raise RequestError(f"--kind {wrong[0]}: must be of {', '.join(KINDS)}.{near}")
    if len({*kinds}) < len(kinds):
        raise RequestError(f"--kind {','.join(kinds)}: names a kind twice; rename a copy by hand")
    found = []
    for number, kind in enumerate(kinds):
        own = name if number == 0 else f"{name}_{kind}"
        cls = own.title().replace("_", "")
        found.append(Plugin(own, cls, f".{kind}" if len(kinds) > 1 else "", kind))
    return found


def check_name(name: str, registry: Registry) -> None:
    """Raise if no new plugin can have the name.

    Raises:
        RequestError: it is no word in small letters, is Python's or torch's, or is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise RequestError(
            f"'{name}' cannot be a plugin's name: a name is a small letter, then small letters, "
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


def _texts(plugins: Sequence[Plugin], distribution: str, package: str) -> dict[str, str]:
    """Return the files of a package, by their places in it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # these are no pages
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    filled = [plugin.filled for plugin in plugins]
    groups = {one["group"]: [o for o in filled if o["group"] == one["group"]] for one in filled}
    needs = dict.fromkeys(need for one in filled for need in one["needs"])
    first, *others = filled
    values = {
        "distribution": distribution,
        "package": package,
        "plugins": filled,
        "groups": groups.items(),
        "description": " and ".join(f"{o['a']} '{o['name']}'" for o in (first, *others)),
        "dependencies": ", ".join(
            f'"{need}"' for need in ("attrs", f"{DISTRIBUTION}>={__version__}", *needs)
        ),
        "hooks": any(one["kind"] in ("mechanism", "rule") for one in filled),
        "year": datetime.date.today().year,
    }
    texts = {
        place: environment.get_template(f"package/{template}.jinja").render(values)
        for template, place in FILES.items()
    }
    source = f"src/{package}"
    for one in filled:
        module = one["module"].removeprefix(".") or "__init__"
        texts[f"{source}/{module}.py"] = environment.get_template(
            f"kinds/{one['kind']}.py.jinja"
        ).render(values | one)
        texts[f"tests/test_{one['name']}.py"] = environment.get_template(
            f"kinds/test_{one['kind']}.py.jinja"
        ).render(values | one)
    if others:
        said = listing(one["name"] for one in filled)
        texts[f"{source}/__init__.py"] = f'"""Plugins of bionic: {said}; a module each."""\n'
    return texts


def _write(target: Path, texts: Mapping[str, str]) -> None:
    """Write all files into a folder, which is there when it is complete, or not at all."""
    with folder_beside(target) as beside:
        whole = beside / target.name
        for place, text in texts.items():
            path = whole / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        whole.rename(target)
