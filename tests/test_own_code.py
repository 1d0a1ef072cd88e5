"""Nothing that lies in the working directory is imported, run or obeyed."""

from __future__ import annotations

import ast
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bionic_core.base.process import import_elsewhere, safe_path
from bionic_core.errors import BionicError
from bionic_plugins.engines.local import server, workers
from tests.cli.test_cli import Bionic, bionic
from tests.support.rooms import PACKAGES, ROOT, sources

__all__ = ["bionic"]  # a fixture

NAMES = ("torch", "numpy", "attrs", "typer", "bionic_plugins", "sitecustomize", "selectors")


def traps(folder: Path) -> Path:
    """Put modules there that leave a mark when they are imported."""
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'RUN')!r}, 'w').close()\n")
    (folder / "evil.pth").write_text(f"import os; os.mkdir({str(folder / 'RUN')!r})\n")
    (folder / "conftest.py").write_text(f"open({str(folder / 'RUN')!r}, 'w').close()\n")
    return folder / "RUN"


def test_workers_import_nothing_of_the_working_directory(tmp_path: Path) -> None:
    """As ``python -c`` starts them: the server that is forked, and the tracker of resources."""
    mark = traps(tmp_path)
    code = (
        "import multiprocessing, os, sys; sys.path = [p for p in sys.path if p]\n"
        "from bionic_plugins.engines.local import server\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "server.expect()\n"
        "context = multiprocessing.get_context('forkserver' if server.FORKED else 'spawn')\n"
        "with server.without_interrupts():\n"
        "    process = context.Process(target=os.getpid); process.start()\n"
        "process.join(); sys.exit(process.exitcode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=ROOT, env=_plain(), timeout=120, check=False
    )
    assert done.returncode == 0
    assert not mark.exists()


def test_the_module_imports_nothing_of_the_working_directory(tmp_path: Path) -> None:
    mark = traps(tmp_path)
    (tmp_path / "selectors.py").unlink()  # of Python's own, which it imports before any of ours
    (tmp_path / "sitecustomize.py").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "bionic_core", "runs", "."],
        cwd=tmp_path,
        env=_plain(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert not mark.exists()


def _plain() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONSAFEPATH", "PYTHONPATH")}


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with safe_path():
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert "PYTHONSAFEPATH" not in os.environ


@pytest.mark.parametrize("kind", ["settings", "pipe", "bytes", "folder"])
def test_a_matplotlibrc_beside_is_not_read(bionic: Bionic, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo("matplotlibrc")
    elif kind == "folder":
        Path("matplotlibrc").mkdir()
    else:
        words = b"text.usetex: True\nbackend: module://evil\nsavefig.dpi: 3\n"
        Path("matplotlibrc").write_bytes(words if kind == "settings" else b"\xff\xfe\0")
    Path("evil.py").write_text("open('RUN', 'w').close()\n")
    said = bionic("connectome", "plot", "--kind", "degrees", "--out", "p")
    assert said.code == 0, said.err
    assert not Path("RUN").exists()


def test_settings_of_the_user_change_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    from bionic_core.reports.drawing.svg import canvas

    with mpl.rc_context({"text.usetex": True, "savefig.dpi": 3, "lines.linewidth": 40}):
        with canvas(1, 1):
            assert not mpl.rcParams["text.usetex"]
            assert mpl.rcParams["savefig.dpi"] == "figure"
        assert mpl.rcParams["lines.linewidth"] == 40


def test_a_library_is_imported_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    import_elsewhere("json")
    assert Path.cwd() == tmp_path
    with pytest.raises(ImportError):
        import_elsewhere("no_such_library_at_all")
    assert Path.cwd() == tmp_path


def test_no_program_is_started_but_python_with_a_safe_path() -> None:
    """A program found by its bare name may be anybody's, and git runs what its settings say."""
    found = []
    for path in sources(*PACKAGES):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
                if {"subprocess", "pty"} & {*names} and '[sys.executable, "-I"' not in text:
                    found.append(f"{path}: {names}")
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.system", "os.popen"):
                found.append(f"{path}: {ast.unparse(node)}")
    assert found == []


@pytest.mark.parametrize("error", [EOFError(), ConnectionResetError(104, "reset"), OSError("gone")])
def test_a_server_that_was_killed_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    class Gone:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            raise error

    class Context:
        Process = Gone

        def Pipe(self) -> tuple[object, object]:
            return object(), object()

    monkeypatch.setattr(server, "expect", lambda: None)
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: Context())
    work: Any = SimpleNamespace(tasks=(), root=tmp_path, device="cpu", started=print)
    with pytest.raises(BionicError, match=r"was killed.*the same command goes on after them"):
        workers._Crew(work).hire()


def test_an_input_that_ends_is_no_wish_to_stop(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*_: object, **__: object) -> None:
        raise EOFError

    monkeypatch.setattr("bionic_core.statistics.tables.analyse", ends)
    said = bionic("analyse", "x.csv", "--response", "y")
    assert said.code == 1
    assert "Aborted" not in said.err
    assert "ended before it had said all" in said.err


@pytest.mark.parametrize("out", ["file", "file/within"])
def test_a_file_in_the_place_of_a_folder(bionic: Bionic, out: str) -> None:
    Path("file").write_text("mine")
    small = ("--set", "data.train=70", "--set", "data.test=35", "--epochs", "1")
    for words in (
        ("train", "demo", *small),
        ("factorial", "demo", "--mechanisms", "masks", "--seeds", "1", *small),
        ("connectome", "surrogate", "--neurons", "60"),
        ("connectome", "plot", "--kind", "degrees"),
        ("new", "mine"),
    ):
        place = f"{out}/x.npz" if "surrogate" in words else out
        said = bionic(*words, "--out", place)
        assert said.code == 2, said
        assert "file" in said.err
    assert Path("file").read_text() == "mine"
