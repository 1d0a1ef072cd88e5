"""Packages that offer names and load them when they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

FACES = ("bionic_core", *(f"bionic_core.{room}" for room in ("training", "runs")))


@pytest.mark.parametrize("name", FACES)
def test_a_face_offers_what_it_says_to_type_checkers(name: str) -> None:
    package = import_module(name)
    assert package.__file__ is not None
    path = Path(package.__file__)
    stub = path.with_suffix(".pyi")
    body = ast.parse((stub if stub.is_file() else path).read_text()).body
    if not stub.is_file():
        body = [node for branch in body if isinstance(branch, ast.If) for node in branch.body]
    typed = {
        alias.name: node.module
        for node in body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(typed) == package.__all__
    assert set(package.__all__) <= set(dir(package))
    for offered, home in typed.items():
        assert home is not None
        assert getattr(package, offered) is getattr(import_module(home), offered)
        assert not (path.parent / f"{offered}.py").exists(), "a module's name is the module's"


def test_a_face_has_no_other_names() -> None:
    package = import_module("bionic_core")
    with pytest.raises(AttributeError, match=r"^module 'bionic_core' has no attribute 'Motor'$"):
        package.Motor  # noqa: B018
    with pytest.raises(ImportError, match=r"^cannot import name 'Motor' from 'bionic_core' "):
        exec("from bionic_core import Motor")


@pytest.mark.parametrize("name", FACES)
def test_a_face_loads_nothing_until_it_is_asked(name: str) -> None:
    program = (
        f"import sys, {name}\n"
        "ours = {m for m in sys.modules if m.startswith('bionic_core')}\n"
        f"allowed = {{'bionic_core', 'bionic_core.base', 'bionic_core.base.lazy', {name!r}}}\n"
        "assert ours <= allowed, ours - allowed\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
