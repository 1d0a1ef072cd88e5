"""Real packages, installed by real pip into temporary environments outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import textwrap
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import blocks

ROOT = Path(__file__).parents[1]

DIVISIVE = '''
import attrs
from bionic_core import Layer, Mechanism, hookimpl
from torch import Tensor, nn


class Divide(nn.Module):
    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, h: Tensor) -> Tensor:
        return h / (self.sigma + h.mean(dim=1, keepdim=True))


@attrs.frozen(eq=False)
class Divisive(Mechanism):
    """Divisive normalisation, h / (sigma + mean h); BQ -> BQ."""

    name = "divisive"
    kind = "functional"
    source = "Carandini & Heeger 2012, doi:10.1038/nrn3136"
    after = ("noise",)
    sigma: float = 1.0

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return Divide(self.sigma)
'''


QUICK = ("--quiet", "--disable-pip-version-check", "--no-compile", "--no-index")


class Environment:
    """A virtual environment that finds this one's packages, pip among them, after its own."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder)
        self.python = folder / "bin" / "python"
        pip = folder / "bin" / "pip"  # for the lines of a shell
        pip.write_text(f'#!/bin/sh\nexec "{self.python}" -m pip "$@"\n')
        pip.chmod(0o755)
        here = sysconfig.get_path("purelib")
        own = sysconfig.get_path("purelib", vars={"base": str(folder)})
        (Path(own) / "parent.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        self.away = folder / "away"
        self.away.mkdir()

    def pip(self, *arguments: str | Path) -> None:
        command = [self.python, "-m", "pip", "install", *QUICK, "--no-deps", *arguments]
        done = subprocess.run(command, cwd=self.away, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def uninstall(self, distribution: str) -> None:
        self.python_module("pip", "uninstall", "--yes", "--quiet", distribution)

    def bionic(self, *arguments: str | Path, code: int = 0) -> str:
        return self.python_module("bionic_core", *arguments, code=code)

    def in_one_process(self, *commands: Sequence[str]) -> list[Any]:
        """Return what commands print as JSON, from one process; each ends with 0."""
        program = (
            "import json, sys\nfrom bionic_core import cli\n"
            "for command in json.loads(sys.argv[1]):\n"
            "    sys.argv[1:] = [*command, '--json']\n"
            "    try: cli.main()\n"
            "    except SystemExit as end: assert not end.code, (command, end.code)\n"
        )
        said = self.run("-c", program, json.dumps(commands))
        decoder, found = json.JSONDecoder(), []
        while said := said.lstrip():
            document, end = decoder.raw_decode(said)
            found.append(document)
            said = said[end:]
        return found

    def python_module(self, module: str, *arguments: str | Path, code: int = 0) -> str:
        return self.run("-m", module, *arguments, code=code)

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.away,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def shell(self, commands: str, folder: Path) -> None:
        """Carry out lines of a shell, where pip needs nothing from the network."""
        offline = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | offline | {"OMP_NUM_THREADS": "1", "PYTHONPATH": "", "PATH": path},
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with bionic's own wheel, built from this checkout."""
    wheels = tmp_path_factory.mktemp("wheels")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.pip(*wheels.glob("*.whl"))
    return environment


def test_the_wheel_works_outside_the_checkout(environment: Environment) -> None:
    where = subprocess.check_output(
        [environment.python, "-c", "import bionic_core; print(bionic_core.__file__)"],
        cwd=environment.away,
        text=True,
    )
    assert str(ROOT) not in where
    small = ("--set", "data.train=70", "--set", "data.test=35", "--epochs", "1")
    built, connectome, listed, drawn, trained, study = environment.in_one_process(
        ("build", "full"),
        ("connectome", "info"),
        ("plugins",),
        ("data", "info", "schematic"),
        ("train", "demo", *small),
        ("factorial", "--mechanisms", "masks", "--seeds", "1", *small),
    )
    assert built["parameters"]["allocated"] == 1224896
    assert connectome["cells"] == 1333
    assert "masks" in [plugin["name"] for plugin in listed["plugins"]]
    assert drawn["class_names"]
    figures = json.loads(environment.bionic("evaluate", trained["run"], "--json"))
    assert figures["accuracy"] == trained["test"]["accuracy"]
    assert [effect["term"] for effect in study["effects"]] == ["masks"]


@pytest.mark.slow
def test_a_new_package_keeps_all_laws_as_generated(environment: Environment) -> None:
    environment.bionic("new", "divisive")
    package = environment.away / "bionic-divisive"
    environment.pip("--no-build-isolation", "--editable", package)
    judged = json.loads(environment.bionic("check", "divisive", "--json"))
    assert judged["passed"]
    assert {law["state"] for law in judged["laws"]} == {"kept"}
    assert judged["distribution"] == "bionic-divisive 0.1.0"
    said = environment.python_module("pytest", "-q", "-p", "no:cacheprovider", package)
    assert f"{len(judged['laws']) + 3} passed" in said
    environment.uninstall("bionic-divisive")


@pytest.mark.slow
def test_the_tutorial_in_a_shell(environment: Environment) -> None:
    """Every command as it stands, with real pip; only the network is taken away."""
    folder = environment.away / "tutorial"
    folder.mkdir()
    for language, text in blocks("how-to/package.md"):
        if language == "python":
            place = folder / text.partition("\n")[0].removeprefix("# ")
            place.write_text(text)
        elif language == "console":
            environment.shell(text, folder)
    assert list((folder / "runs").glob("factorial-*.json"))
    environment.uninstall("bionic-divisive")


def test_a_strangers_package_installs_lists_and_trains(
    environment: Environment, tmp_path: Path
) -> None:
    package = tmp_path / "bionic-divisive"
    (package / "src" / "bionic_divisive").mkdir(parents=True)
    (package / "src" / "bionic_divisive" / "__init__.py").write_text(DIVISIVE)
    (package / "pyproject.toml").write_text(
        textwrap.dedent(
            """
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"
            [project]
            name = "bionic-divisive"
            version = "1.2.3"
            [project.entry-points.bionic]
            divisive = "bionic_divisive:Divisive"
            broken = "bionic_divisive:Missing"
            [tool.hatch.build.targets.wheel]
            packages = ["src/bionic_divisive"]
            """
        )
    )
    environment.pip("--no-build-isolation", package)
    small = ("--set", "data.train=70", "--set", "data.test=35", "--epochs", "1")
    listed, trained = environment.in_one_process(
        ("plugins",), ("train", "demo", *small, "--with", "divisive", "--set", "divisive.sigma=0.5")
    )
    found = {plugin["name"]: plugin for plugin in listed["plugins"]}
    assert found["divisive"]["distribution"] == "bionic-divisive"
    assert found["divisive"]["version"] == "1.2.3"
    assert found["divisive"]["error"] is None
    assert "Missing" in found["broken"]["error"]
    assert "BIONIC_PLUGINS=-broken" in found["broken"]["error"]
    spec = (Path(environment.away) / trained["run"] / "spec.toml").read_text()
    assert "[mechanisms.divisive]\nsigma = 0.5" in spec
    error = environment.bionic("build", "demo", "--with", "broken", code=2)
    assert "mechanisms.broken" in error
    assert "bionic-divisive 1.2.3" in error
