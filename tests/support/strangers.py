"""Packages of strangers that are broken in all ways, as real wheels, installed by real pip."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

MECHANISM = """
import attrs
from bionic_core import Layer, Mechanism, hookimpl
from torch import nn


@attrs.frozen(eq=False)
class Plugin(Mechanism):
    \"\"\"A mechanism of a stranger.\"\"\"

    name = "{name}"
    kind = "functional"
    after = ("noise",)
    x: int = 1
    {more}

    @hookimpl
    def {hook}:
        {body}
"""


def mechanism(name: str, hook: str = "rate(self, layer)", body: str = "", more: str = "") -> str:
    body = textwrap.indent(textwrap.dedent(body or "return nn.Identity()"), " " * 8).strip()
    return MECHANISM.format(name=name, hook=hook, body=body, more=more)


class Package(NamedTuple):
    """A package, and words of the reason why its plugin cannot be loaded."""

    source: str
    reason: tuple[str, ...] = ()


NARROW = """
class Narrow(nn.Module):
    def forward(self, h):
        return h[:, :3]
return Narrow()
"""
TUPLE = """
class Pair(nn.Module):
    def forward(self, h):
        return h, h
return Pair()
"""
FLAT = """
class Flat(nn.Module):
    def forward(self, values, synapses):
        return values.flatten()
return Flat()
"""
FAILED: Mapping[str, Package] = {
    "raises": Package(
        "raise OSError('no licence file')\n",
        ("OSError: no licence file", "uninstall bionic-raises"),
    ),
    "quits": Package("raise SystemExit(3)\n", ("SystemExit: 3",)),
    "halts": Package("import sys\nsys.exit('no licence')\n", ("SystemExit: no licence",)),
    "closes": Package("raise GeneratorExit\n", ("(GeneratorExit)",)),
    "recurses": Package("def f():\n    f()\nf()\n", ("RecursionError: maximum recursion",)),
    "unparsable": Package("def f(:\n", ("SyntaxError: invalid syntax",)),
    "lacking": Package(
        "import antigravity_for_neurons.field\n",
        ("it needs the package 'antigravity_for_neurons', which is not installed",),
    ),
    "slow": Package(
        "import time\ntime.sleep(0.6)\nimport bionic_that_waits\n",
        ("it needs the package 'bionic_that_waits', which is not installed",),
    ),
    "misspelt": Package(
        mechanism("misspelt", hook="rates(self, layer)"),
        ("there is no hook 'rates'. Did you mean 'rate'?",),
    ),
    "asking": Package(
        mechanism("asking", hook="rate(self, layer, mood)"),
        ("its hook 'rate' asks for mood; the hook has layer",),
    ),
    "old": Package(
        mechanism("old", more="protocol = 0"),
        ("written for protocol 0", "this bionic has protocol 1", "a newer bionic-old may fit"),
    ),
    "ahead": Package(
        mechanism("ahead", more="protocol = 2"),
        ("written for protocol 2", "a newer bionic-connectome may fit"),
    ),
    "worded": Package(
        mechanism("worded", more="protocol = 'one'"),
        ("the class says protocol = 'one'; it must be a whole number",),
    ),
    "plain": Package(
        "from bionic_core import Mechanism\nclass Plugin(Mechanism):\n    name = 'plain'\n",
        ("is no attrs class; decorate it with @attrs.frozen",),
    ),
    "named": Package(mechanism("other"), ("the class says name = 'other'; it must be 'named'",)),
    "class": Package("class Plugin:\n    name = 'class'\n", ("is no subclass of bionic_core's",)),
    "three": Package("Plugin = 3\n", ("is no subclass of bionic_core's",)),
    "empty": Package("", ("AttributeError: module", "has no attribute 'Plugin'")),
    "function": Package("def Plugin() -> None: ...\n", ("is no subclass of bionic_core's",)),
}
BUILT: Mapping[str, Package] = {
    "number": Package(
        mechanism("number", body="return 3"),
        ("hook 'rate' answered with int", "expected Module or None"),
    ),
    "narrow": Package(
        mechanism("narrow", body=NARROW),
        ("what its hook 'rate' answered at", "returns (2, 3) when it is given (2, "),
    ),
    "pair": Package(
        mechanism("pair", body=TUPLE), ("returns tuple; expected a Tensor", "hook 'rate'")
    ),
    "falls": Package(
        mechanism("falls", body="return {}['neuron']"),
        ("its hook 'rate' fails at", "KeyError: 'neuron'"),
    ),
    "scalar": Package(
        mechanism("scalar", "weight(self, projection)", FLAT),
        ("what its hook 'weight' answered at", "expected the same shape"),
    ),
    "gaining": Package(
        mechanism("gaining", "gain(self, layer, connectome)", "return nn.Flatten(0)"),
        ("what its hook 'gain' answered at", "expected a shape that broadcasts to it"),
    ),
    "rule": Package(
        mechanism("rule", "plasticity(self, projection)", "return lambda w, pre, post, s: post"),
        ("what its hook 'plasticity' answered at", "expected a shape that broadcasts to it"),
    ),
    "loud": Package(
        mechanism("loud", body="return nn.Linear(5, 5)"),
        ("what its hook 'rate' answered at", "fails when it is given (2, "),
    ),
}
"""These load, and are wrong only in what they answer while a model is built."""

SOURCE = """
import attrs
from bionic_core import {base}


@attrs.frozen(eq=False)
class Plugin({base}):
    name = "{name}"

    def read(self, *image):
        return 3
"""
SOURCES = {
    "photos": Package(SOURCE.format(base="DataSource", name="photos")),
    "worms": Package(SOURCE.format(base="ConnectomeSource", name="worms")),
}
TRACKER = """
import attrs
from bionic_core import Recorded, Journal, Tracker


class Pages(Journal):
    def begin(self, run):
        return Recorded()

    def epoch(self, run, number, figures):
        raise OSError(28, "No space left on device")

    def end(self, run, state, figures, reason):
        raise AssertionError("it has failed before")


@attrs.frozen(eq=False)
class Plugin(Tracker):
    name = "{name}"

    def open{rest}
"""
TRACKERS = {
    "gossip": Package(
        TRACKER.format(name="gossip", rest="(self, study):\n        return 3"),
        ("--track gossip: its 'open' answered with int; expected a Journal",),
    ),
    "idle": Package(
        TRACKER.format(name="idle", rest="ed(self, study):\n        return 3"),
        ("idle", "abstract", "open"),
    ),
    "spills": Package(TRACKER.format(name="spills", rest="(self, study):\n        return Pages()")),
}
GOOD = {"good": Package(mechanism("good", more="protocol = 1"))}
MOVES = {
    "chatty": Package(
        "print('hello from chatty')\n" + mechanism("chatty", more="before = ('moving',)")
    ),
    "moving": Package("import os\nos.chdir('/')\n" + mechanism("moving")),
}
"""Right but for what they do while they are imported."""
ALL = {**FAILED, **BUILT, **SOURCES, **TRACKERS, **GOOD, **MOVES}


def wheel(
    folder: Path, distribution: str, plugins: Mapping[str, str], source: str, version: str = "0.7"
) -> Path:
    """Write a wheel with one module and its entry points."""
    module = distribution.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    lines = "".join(f"{name} = {target}\n" for name, target in plugins.items())
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[bionic]\n{lines}",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return path


def pip(target: Path, *wheels: Path) -> Path:
    """Install wheels into a folder."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    options = ["--no-compile", "--disable-pip-version-check", "--target"]
    done = subprocess.run(
        [*command, *options, target, *wheels], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


MARK = "imported"
"""A file that says which of the fifty packages have been imported."""


def twin(folder: Path, version: str, key: str) -> Path:
    source = mechanism("twin", more=f"{key}: int = 1")
    return wheel(folder, "bionic-twin", {"twin": "bionic_twin:Plugin"}, source, version)
