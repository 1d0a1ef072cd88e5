"""The site's reference leaves nothing out: plugins, keys, hooks, options and public names."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

import pytest

import bionic_core as bionic
import bionic_core.testing
from bionic_core import hookspecs
from bionic_core.registry import Registry
from bionic_core.registry.about import about
from tests.support.pages import DOCS


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The extension that writes the reference; it needs no Sphinx to say what it writes."""
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        return import_module("reference")
    finally:
        del sys.path[0]


def test_every_plugin_and_key_is_there(reference: ModuleType) -> None:
    classes = [one.cls for one in Registry.installed().listing() if one.cls is not None]
    left = {cls for cls in classes if cls.role != "command"}
    for title, roles in reference.PLUGINS.values():
        page = "\n".join(reference.plugin_page(title, roles, classes))
        for cls in [cls for cls in left if cls.role in roles]:
            left -= {cls}
            told = about(cls, None)
            section = page.partition(f".. _{cls.role.replace(' ', '-')}-{told.name}:")[2]
            for key in told.keys:
                assert f"``{key.name}``" in section, f"{told.name} has no {key.name}"
    assert left == set(), "plugins of a role that no page has"


def test_every_hook_and_public_name_is_there(reference: ModuleType) -> None:
    hooks, names = ("\n".join(page()) for page in (reference.hooks_page, reference.python_page))
    for hook in hookspecs.COMBINATION:
        assert f"bionic_core.hookspecs.{hook}\n" in hooks
    for module in (bionic, bionic_core.testing):
        for name in set(module.__all__) - {"__version__"}:
            assert f":: {module.__name__}.{name}\n" in names


def test_every_option_is_there(reference: ModuleType) -> None:
    commands = reference.commands
    page = "\n".join(commands.page())
    found = dict(commands.tree())
    assert {"train", "factorial", "connectome info", "data check"} <= set(found)
    for name, command in found.items():
        anchor = f".. _command-{name.replace(' ', '-')}:"
        section = page.partition(anchor)[2].partition(".. _command-")[0]
        assert section, f"bionic {name} is not there"
        for parameter in command.params:
            words = [word for word in parameter.opts if word.startswith("--") and word != "--help"]
            assert not words or any(word in section for word in words), f"{name}: {words}"


def test_every_key_of_a_spec_is_told_of(reference: ModuleType) -> None:
    page = "\n".join(reference.spec_page())
    for table in reference.TABLES:
        for key in reference.keys_of(table):
            assert f"``{key.name}``\n" in page
            assert key.about, f"{table.__name__} says nothing of {key.name}"


def test_bars_and_stars_of_docstrings_are_themselves(reference: ModuleType) -> None:
    lines = ["|w| and ``|w|`` and h*", "an x_ y_z::", "", "    |w|", "", "|w|"]
    assert reference.escaped(lines) == [
        "\\|w\\| and ``|w|`` and h\\*", "an x\\_ y_z::", "", "    |w|", "", "\\|w\\|",
    ]  # fmt: skip
    assert reference.linked("Lee 2012, doi:10.1/x").endswith("<https://doi.org/10.1/x>`__")
