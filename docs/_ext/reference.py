"""The site's reference, written from classes, hooks and commands while the site is built.

Pages are written to ``generated/reference``, which is not kept: they say what the code says.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import commands

from bionic_core import hookspecs
from bionic_core.plugin import Plugin
from bionic_core.registry import Registry
from bionic_core.registry.about import About, KeyOf, about, acts_of, keys_of
from bionic_core.spec import tables

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOMS = {
    "Train, study, open": ("bionic_core.actions.calls", "bionic_core.statistics.tables"),
    "What they return": (
        "bionic_core.actions.objects",
        "bionic_core.actions.notices",
        "bionic_core.statistics.analysis",
    ),
    "Specs and networks": ("bionic_core.spec", "bionic_core.model", "bionic_core.training"),
    "Data and wiring": ("bionic_core.dataset", "bionic_core.connectome"),
    "Roles of plugins": (
        "bionic_core.plugin",
        "bionic_core.connectomes.roles",
        "bionic_core.runs.engine",
        "bionic_core.studies",
        "bionic_core.cli",
        "bionic_core.registry",
    ),
    "What hooks are given and give": (
        "bionic_core.sites",
        "bionic_core.seeds",
        "bionic_core.markers",
    ),
    "Errors": ("bionic_core.errors", "bionic_core.base"),
}
"""Headings of public names, by where they are defined."""

PLUGINS = {
    "mechanisms": ("Mechanisms", ("mechanism",)),
    "data": ("Sources of images", ("data source",)),
    "connectomes": (
        "Sources of wiring",
        ("connectome source", "connectome surrogate", "connectome fetcher"),
    ),
    "engines": ("Engines", ("engine",)),
    "trackers": ("Trackers and publications", ("tracker", "publication")),
}
"""Pages of plugins: a title and roles."""

TABLES = (tables.Model, tables.DataChoice, tables.ConnectomeChoice, tables.Training)


def titled(text: str, mark: str = "-") -> list[str]:
    """Return a heading's lines."""
    return ["", text, mark * len(text), ""]


def linked(text: str) -> str:
    """Return words in which DOIs and arXiv numbers are links."""
    text = re.sub(r"doi:(10\.\S+?)(?=[,;)]?(?:\s|$))", r"`doi:\1 <https://doi.org/\1>`__", text)
    return re.sub(r"arXiv:(\d+\.\d+)", r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", text)


def plain(text: str) -> str:
    """Return words in which nothing is markup."""
    return re.sub(r"([\\*|]|`|(?<=\w)_(?=\W|$))", r"\\\1", text)


def told(doc: str) -> list[str]:
    """Return a docstring's lines for Sphinx: bars and stars outside of code are themselves."""
    return escaped(doc.splitlines())


def escaped(lines: Iterable[str]) -> list[str]:
    """Return lines in which bars and lone stars outside of code are no markup."""
    found, code = [], False
    for line in lines:
        indented = line.startswith((" ", ">>>"))
        if code and line.strip() and not indented:
            code = False
        if code or line.startswith(">>>"):
            found.append(line)
            continue
        code = line.rstrip().endswith("::")
        parts = re.split(r"(``.*?``|:[\w:]+:`[^`]*`|`[^`]*`)", line)
        parts[::2] = [re.sub(r"(?<!\\)([|*]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
        found.append("".join(parts))
    return found


def key_lines(keys: Iterable[KeyOf]) -> Iterator[str]:
    """Yield a definition list of keys: kind, default, range, what it is."""
    for key in keys:
        default = "must be given" if key.required else f"default ``{shown(key.default)}``"
        allowed = f"; {plain(key.allowed)}" if key.allowed else ""
        yield f"``{key.name}``"
        yield f"    {key.measured}, {default}{allowed}. {plain(key.about)}".rstrip()
        yield ""


def shown(value: Any) -> str:
    """Return a default as TOML has it."""
    import json

    return "none" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def plugin_lines(cls: type[Plugin]) -> Iterator[str]:
    """Yield a plugin's section."""
    found: About = about(cls, None)
    yield f".. _{found.role.replace(' ', '-')}-{found.name}:"
    yield from titled(found.name)
    text = (inspect.getdoc(cls) or "").partition("\nAttributes:\n")[0]
    yield from told(text)
    yield ""
    facts = {
        "Kind": found.kind or "",
        "Acts on": ", ".join(f":ref:`{hook} <hook-{hook}>`" for hook in acts_of(cls)),
        "Requires": ", ".join(f"``{name}``" for name in found.requires),
        "Source": linked(found.source),
        "Class": f"``{found.target}``, numerics {found.numerics}",
    }
    yield from (f":{name}: {value}" for name, value in facts.items() if value)
    yield from ("", "" if found.keys else "It has no keys.", "")
    yield from key_lines(found.keys)


def plugin_page(title: str, roles: tuple[str, ...], classes: list[type[Plugin]]) -> Iterator[str]:
    """Yield the page of all plugins of some roles."""
    yield from titled(title, "=")
    yield "Every one that comes with bionic, and every key, as the classes say; ``bionic plugins"
    yield "NAME`` prints the same. In brackets stands a quantity's unit, 1 where it has none. A key"
    yield "for which no range stands takes any value of its kind."
    yield ""
    for role in roles:
        for cls in sorted((c for c in classes if c.role == role), key=lambda c: c.name):
            yield from plugin_lines(cls)


def spec_page() -> Iterator[str]:
    """Yield the page of the core's own tables of a spec."""
    yield from titled("Specs", "=")
    yield "The core's tables. ``[mechanisms.NAME]`` has the keys of :doc:`mechanisms`; ``[data]``"
    yield "and ``[connectome]`` have, beside these, those of their source (:doc:`data`,"
    yield ":doc:`connectomes`)."
    for cls in TABLES:
        doc = (inspect.getdoc(cls) or "").partition("\nAttributes:\n")[0]
        table = re.search(r"\[\w+\]", doc)
        yield from titled(table[0] if table else cls.__name__)
        yield from told(doc)
        yield ""
        yield from key_lines(keys_of(cls))


def hooks_page() -> Iterator[str]:
    """Yield the page of hooks, as their specification has them."""
    yield from titled("Hooks: the specification", "=")
    yield from told((hookspecs.__doc__ or "").partition("\n\n")[2])
    yield from ("", "An example of each: :doc:`/reference/hooks`.", "")
    for hook, combination in hookspecs.COMBINATION.items():
        yield f".. _hook-{hook}:"
        yield from titled(hook)
        yield f".. autofunction:: bionic_core.hookspecs.{hook}"
        yield from ("", f":Several answers: {combination}", "")


def room_of(module: str) -> str:
    """Return the heading of names that a module defines."""
    for heading, rooms in ROOMS.items():
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return heading
    return "Others"


def python_page() -> Iterator[str]:
    """Yield the page of every public name of ``bionic_core`` and of ``bionic_core.testing``."""
    import bionic_core.testing

    stub = Path(bionic_core.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    offers = re.findall(r"^from (\S+) import \w+ as (\w+)$", stub, re.MULTILINE)
    yield from titled("Python", "=")
    yield "Everything that ``import bionic_core as bionic`` offers; :doc:`/how-to/python` shows it"
    yield "at work."
    yield ""
    for heading in (*ROOMS, "Others"):
        names = [name for module, name in offers if room_of(module) == heading]
        if names:
            yield from titled(heading)
        for name in names:
            yield from documented("bionic_core", name, getattr(bionic_core, name))
    yield from titled("For tests of plugins: ``bionic_core.testing``")
    for name in sorted(bionic_core.testing.__all__):
        yield from documented("bionic_core.testing", name, getattr(bionic_core.testing, name))


def documented(module: str, name: str, value: object) -> Iterator[str]:
    """Yield the directive that documents a public name."""
    if inspect.isclass(value):
        yield from (f".. autoclass:: {module}.{name}", "   :members:")
    elif inspect.isroutine(value):
        yield f".. autofunction:: {module}.{name}"
    else:
        yield f".. autodata:: {module}.{name}"
    yield ""


def write(app: Sphinx) -> None:
    """Write all pages, each only where it has changed, so that the rest need not be read anew."""
    folder = Path(app.srcdir) / "generated" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    classes = [one.cls for one in Registry.installed().listing() if one.cls is not None]
    pages = {name: plugin_page(title, roles, classes) for name, (title, roles) in PLUGINS.items()}
    pages |= {"spec": spec_page(), "hooks": hooks_page(), "python": python_page()}
    pages |= {"commands": commands.page()}
    for name, lines in pages.items():
        path, text = folder / f"{name}.rst", "\n".join(lines).lstrip() + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Have a docstring's bars and stars be themselves."""
    lines[:] = escaped(lines)


def setup(app: Sphinx) -> dict[str, object]:
    """Have the pages written before sources are read."""
    app.connect("builder-inited", write, priority=100)
    app.connect("autodoc-process-docstring", docstring, priority=100)
    return {"version": "1", "parallel_read_safe": True}
