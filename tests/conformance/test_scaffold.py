"""A new package: complete or not there at all; bad names are explained."""

from __future__ import annotations

import ast
import runpy
import tomllib
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from bionic_core import BionicError, Mechanism, Registry, RequestError
from bionic_core.conformance import cost
from bionic_core.conformance.scaffold import KINDS, write_package
from bionic_core.registry.outline import outline
from tests.cli.test_cli import Bionic, bionic, refused

__all__ = ["bionic"]

REGISTRY = Registry.installed()

IN_TIME = ("adaptation", "leak")

MECHANISMS = [entry.name for entry in REGISTRY.announced("mechanism")]


def test_a_package_is_complete(bionic: Bionic) -> None:
    document = bionic("new", "gap_junctions", "--json").document
    folder = Path("bionic-gap-junctions")
    assert document["folder"] == str(folder)
    found = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert (
        found
        == document["files"]
        == [
            "LICENSE",
            "README.md",
            "pyproject.toml",
            "src/bionic_gap_junctions/__init__.py",
            "tests/test_gap_junctions.py",
        ]
    )
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "bionic-gap-junctions"
    assert project["license"] == "MIT"
    points = project["entry-points"]["bionic"]
    assert points == {"gap_junctions": "bionic_gap_junctions:GapJunctions"}
    for file in found:
        text = (folder / file).read_text()
        assert "{{" not in text
        assert text.endswith("\n")
        if file.endswith(".py"):
            ast.parse(text)
    assert "class GapJunctions(Mechanism)" in (folder / found[3]).read_text()
    assert [p.name for p in Path.cwd().iterdir()] == [folder.name]


def test_what_to_do_next_is_said(bionic: Bionic) -> None:
    said = bionic("new", "divisive", "--out", "plugins")
    assert said.code == 0
    assert "pip install -e plugins/bionic-divisive" in said.out
    assert "bionic check divisive" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_what_is_there_is_not_overwritten(bionic: Bionic) -> None:
    kept = Path("bionic-divisive/mine.txt")
    kept.parent.mkdir()
    kept.write_text("mine")
    refused(bionic("new", "divisive"), "bionic-divisive: is there already", "--out")
    assert list(Path.cwd().rglob("*")) == [kept.parent.absolute(), kept.absolute()]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Divisive", "a name is a small letter, then small letters"),
        ("2d", "cannot be a plugin's name"),
        ("gap-junctions", "for example divisive or gap_junctions"),
        ("../up", "cannot be a plugin's name"),
        ("", "cannot be a plugin's name"),
        ("x" * 41, "at most 40"),
        ("lambda", "a word of Python's own"),
        ("core", "the package bionic_core is bionic's own"),
        ("noise", "there is a plugin 'noise' already, of bionic"),
        ("forward", "taken by torch's modules"),
        ("training", "taken by torch's modules"),
    ],
)
def test_bad_names_are_explained(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=words):
        write_package(name, tmp_path, Registry.installed())
    assert not list(tmp_path.iterdir())


def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path.write_text

    def full(self: Path, text: str, encoding: str | None = None) -> int:
        if self.name == "__init__.py":
            raise OSError(28, "No space left on device")
        return whole(self, text, encoding=encoding)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BionicError, match=r"No space left on device.*make room"):
        write_package("divisive", tmp_path)
    assert not list(tmp_path.iterdir())


def test_check_says_which_laws_are_kept_and_what_it_costs(bionic: Bionic) -> None:
    document = bionic("check", "inhibition", "--json").document
    assert document["passed"] is True
    assert document["role"] == "mechanism"
    assert {law["state"] for law in document["laws"]} == {"kept"}
    cost = document["cost"]
    assert cost["with"]["parameters"] - cost["plain"]["parameters"] == 4  # one α for each layer
    assert cost["with"]["macs"] == cost["plain"]["macs"]
    assert cost["plain"]["seconds"] > 0


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_that_comes_with_bionic_has_its_cost(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "ROUNDS", 1)
    found = cost.cost(REGISTRY.get(name, Mechanism)())
    assert found.model == ("recurrent" if name in IN_TIME else "demo")
    assert found.present.parameters >= found.plain.parameters


def test_check_for_the_eye(bionic: Bionic) -> None:
    said = bionic("check", "weight_decay")
    assert said.code == 0
    assert "no law is broken" in said.out
    assert "gate-gradients, gate-absent: it acts in training only" in said.out
    assert "parameters" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_check_of_sources(bionic: Bionic) -> None:
    document = bionic("check", "schematic", "--set", "train=70", "--set", "test=35", "--json")
    assert [law["law"] for law in document.document["laws"]][-1] == "repeatable"
    assert document.document["cost"] is None
    assert bionic("check", "column", "--laws", "wiring").code == 0


def test_check_fails_with_code_1(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    from bionic_plugins.mechanisms.noise import Noise

    monkeypatch.setattr(Noise, "source", "")
    said = bionic("check", "noise", "--laws", "docstring", "--json")
    assert said.code == 1
    assert said.document["passed"] is False
    assert "'source' is empty" in said.document["laws"][0]["why"]
    text = bionic("check", "noise", "--laws", "docstring").out
    assert "one law is broken" in text
    assert 'class Noise: source = ""' in text


def test_check_refuses_wrong_requests(bionic: Bionic) -> None:
    refused(bionic("check", "noize"), "no plugin 'noize'. Did you mean 'noise'")
    refused(bionic("check", "noise", "--set", "sigm=1"), "noise.sigm: there is no such key")
    refused(bionic("check", "noise", "--set", "sigma"), "must be of the form key=value")
    refused(bionic("check", "noise", "--laws", "shape"), "Did you mean 'shapes'")
    refused(bionic("check", "bionic2025"), "cannot be judged")


SLOW = pytest.mark.slow  # trains three runs


@pytest.mark.parametrize(
    "kinds",
    [*(k for k in KINDS if k != "engine"), ",".join(KINDS), pytest.param("engine", marks=SLOW)],
)
def test_packages_of_every_kind_pass_their_own_tests(
    bionic: Bionic, kinds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"fresh_{kinds.replace(',', '_')[:20]}"
    said = bionic("new", name, "--kind", kinds, "--json")
    assert said.code == 0, said.err
    folder = Path(said.document["folder"])
    points = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]
    announced = {plugin: target for group in points.values() for plugin, target in group.items()}
    assert len(announced) == len(kinds.split(","))
    assert ("bionic.command" in points) == ("command" in kinds)
    monkeypatch.syspath_prepend(str(folder / "src"))
    for plugin, target in announced.items():
        module, _, cls = target.partition(":")
        found = getattr(import_module(module), cls)
        assert found.name == plugin
        assert outline(target).summary == (found.__doc__ or "").partition("\n")[0]
    if "," in kinds:
        return  # each kind's own tests have been run alone
    (test,) = (folder / "tests").iterdir()
    names = runpy.run_path(str(test))
    ran = 0
    for test_name, function in names.items():
        marks = getattr(function, "pytestmark", [])
        parameters = list(signature(function).parameters) if test_name[:5] == "test_" else []
        if test_name[:5] != "test_" or "capsys" in parameters:
            continue
        place = {"tmp_path": Path(test_name)} if "tmp_path" in parameters else {}
        Path(test_name).mkdir()
        values = marks[0].args[1] if marks else [None]
        for value in values[:2]:  # of the laws: all of them are judged elsewhere, by the same code
            given = {marks[0].args[0]: value} if marks else {}
            function(**given, **place)
            ran += 1
    assert ran


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("mechanisms", "--kind mechanisms: must be of mechanism"),
        ("data,data", "names a kind twice"),
        ("", "name one or more of mechanism"),
    ],
)
def test_kinds_that_cannot_be_made(bionic: Bionic, kind: str, words: str) -> None:
    refused(bionic("new", "fresh", "--kind", kind), words)
    assert not list(Path.cwd().iterdir())
