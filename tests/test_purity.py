"""The core knows no mechanism, and the help knows no torch."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "bionic_core").glob("**/*.py"))

TEMPLATES = sorted((ROOT / "bionic_core" / "conformance" / "templates").glob("*/*"))

ALLOWED = {
    ("training/describe.py", "masks"),
    ("actions/trained.py", "noise ceiling"),  # what no network can pass
    ("reports/tables/build.py", "description.masks"),
    ("training/optimizers.py", '"weight_decay"'),  # an option of torch's optimisers
    ("training/evaluation.py", "label_smoothing=smoothing"),  # an option of torch's loss
    ("training/recipe.py", '"label_smoothing"'),
    ("registry/announced.py", '.frozen"'),  # attrs' decorator
    ("connectomes/importing/__init__.py", '"signs"'),  # of the cells: a key of the provenance
}
"""``bionic build --json`` has a key of this name, which others build on."""

ORDINARY = {"frozen", "signs"}
"""Names that are also the word for what cells and numbers have: these may not be quoted."""


def named(path: Path) -> str:
    """Return a file's place in the core, which is what a test of it is called."""
    return path.relative_to(ROOT / "bionic_core").as_posix()


@functools.cache
def mechanisms() -> list[str]:
    """Names that the core may not spell: those of mechanisms, and of trackers."""
    from bionic_core import Mechanism, Registry, Tracker

    roles = (Mechanism, Tracker)
    listed = Registry.installed().listing()
    names = [p.entry.name for p in listed if p.cls is not None and issubclass(p.cls, roles)]
    later = ["hebbian", "label_smoothing", "class_weights", "lr_schedule"]
    return sorted({*names, *later})


@pytest.mark.parametrize("path", [*CORE, *TEMPLATES], ids=named)
def test_the_core_spells_no_mechanisms_name(path: Path) -> None:
    text = path.read_text()
    for file, words in ALLOWED:
        if path.as_posix().endswith(f"bionic_core/{file}"):
            text = text.replace(words, "")
    quoted = [f"[\"'.]{name}[\"'.]" for name in ORDINARY & {*mechanisms()}]
    bare = [rf"\b{name}\b" for name in mechanisms() if name not in ORDINARY]
    names = re.compile("|".join([*quoted, *bare]), re.IGNORECASE)
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if names.search(line)
    ]
    assert not found


@pytest.mark.parametrize("path", CORE, ids=named)
def test_the_core_imports_no_plugin(path: Path) -> None:
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not {name for name in imported if name.startswith("bionic_plugins")}


def test_built_ins_are_entry_points_of_the_public_group() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    announced = {target.partition(":")[0] for target in project["entry-points"]["bionic"].values()}
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "bionic_plugins").rglob("*.py")
    }
    assert announced <= files


HEAVY = (
    *("torch", "torchvision", "sklearn", "matplotlib", "caveclient", "numpy", "scipy", "rich"),
    *("pandas", "pyarrow", "duckdb"),
)


HELPS = (
    *("", "report", "train", "factorial", "reproduce", "predict", "runs", "check"),
    *("connectome fetch", "connectome import", "connectome surrogate"),
)


@pytest.mark.parametrize(
    ("commands", "absent"),
    [
        ([[*command.split(), "--help"] for command in HELPS], HEAVY),  # the first at fault is told
        ([["build", "baseline", "--json"]], ("torchvision", "sklearn", "matplotlib", "caveclient")),
        ([["connectome", "info", "--json"]], ("torch", "sklearn", "matplotlib", "caveclient")),
    ],
    ids=["help", "build", "connectome-info"],
)
def test_commands_import_only_what_they_use(
    commands: list[list[str]], absent: tuple[str, ...]
) -> None:
    program = (
        "import sys\n"
        "from bionic_core.cli import main\n"
        f"for command in {commands!r}:\n"
        "    sys.argv = ['bionic', *command]\n"
        "    try:\n        main()\n"
        "    except SystemExit as stop:\n        assert not stop.code, (command, stop.code)\n"
        f"    loaded = [name for name in {absent!r} if name in sys.modules]\n"
        "    assert not loaded, (command, loaded)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
