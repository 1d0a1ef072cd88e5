"""Requests at random: refused or carried out, and never "a fault of bionic", nor a signal.

In this process, through the command line's own ``main``: a crash would end the tests. Seconds;
``-m slow`` tries many more.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bionic_core import cli, registry
from bionic_core.errors import BionicError

FAULT = "Nobody expected this"

QUICK = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=500, derandomize=False)


def carried_out(*words: str) -> int:
    """Carry a command out in the working directory; return its code."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["bionic", *words]
    code = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = before
    said = err.getvalue()
    assert FAULT not in said, (words, said)
    assert "Traceback" not in said, (words, said)
    assert code in (0, 2), (words, said)
    assert not code or said.strip(), words
    return code


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder of small files of many kinds, and in it; what is installed is looked up once."""
    look = vars(registry)["entry_points"]
    vars(registry)["entry_points"] = functools.cache(look)
    place = tmp_path_factory.mktemp("fuzz")
    before = Path.cwd()
    os.chdir(place)
    Path("cells.csv").write_text("id,cell_type,ei\n1,a,e\n2,b,i\n3,a,e\n")
    Path("synapses.csv").write_text("pre,post\n1,2\n2,3\n")
    Path("table.csv").write_text("a,b,y\n0,0,1\n0,1,2\n1,0,3\n1,1,5\n")
    Path("empty").write_bytes(b"")
    Path("sixteen.csv").write_bytes("pre,post\n1,2\n".encode("utf-16"))
    Path("nul.csv").write_bytes(b"pre,post\n1,\x002\n")
    Path("folder").mkdir()
    Path("closed.csv").write_text("a,b\n1,2\n")
    Path("closed.csv").chmod(0)
    np.save("three.npy", np.eye(3))
    np.savez("arrays.npz", a=np.eye(3))
    yield place
    os.chdir(before)
    vars(registry)["entry_points"] = look


numbers = some.one_of(
    some.integers(-5, 5),
    some.sampled_from([2**31, 2**63, -(2**63), 10**40]),
    some.floats(width=32),
)
words = some.one_of(
    some.sampled_from(["", "a", "masks", "column", "demo", "A->B", "\x00", "$(ls)", "[/red]", "é"]),
    some.text(max_size=8),
)
values = some.recursive(
    some.one_of(numbers, words, some.booleans()),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def toml(value: Any) -> str:
    """Return a value as TOML, in JSON's words where the two agree."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(k))} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(repr(value), repr(value))
    return json.dumps(value, ensure_ascii=True)


KEYS = (
    *("model.layers", "model.projections", "model.image", "model.classes", "model.activation"),
    *("model.combination", "data.source", "data.path", "data.protocol", "data.split_seed"),
    *("connectome.source", "connectome.seed", "training.lr", "training.optimizer"),
    *("training.batch_size", "training.max_epochs", "training.patience", "training.monitor"),
    *("masks.density", "masks.layers", "noise.std", "convolution.kernel", "mechanisms.nobody"),
)


def try_spec(table: dict[str, Any], text: str) -> None:
    lines = [f"{key} = {toml(value)}" for key, value in table.items()]
    Path("spec.toml").write_text("\n".join(lines) + "\n" + text, encoding="utf-8", errors="replace")
    carried_out("build", "spec.toml")
    for key, value in table.items():
        carried_out("build", "baseline", "--set", f"{key}={toml(value)}")


specs = some.tuples(
    some.dictionaries(some.sampled_from(KEYS), values, max_size=3),
    some.one_of(some.just(""), some.text(max_size=20)),
)

OPTIONS = (
    *("--json", "--set", "--seeds", "--epochs", "--out", "--data", "--mechanisms", "--factor"),
    *("--design", "--response", "--cells", "--column", "--figures", "--kind", "--types", "--jobs"),
    *(
        "--layers",
        "--near",
        "--split",
        "--voxel",
        "--values",
        "--matrix",
        "-h",
        "--",
        "-",
        "--drop",
    ),
)
FILES = (
    *("cells.csv", "synapses.csv", "table.csv", "empty", "sixteen.csv", "nul.csv", "folder"),
    *("closed.csv", "three.npy", "arrays.npz", "gone", "folder/gone", "cells.csv/x", "*.csv", "~"),
    *("s3://b/k.csv", "http://h/k.csv", "/dev/null", "/proc/self/mem", "-", "--", "n" * 300, ""),
    *("a\nb", "\udcff", "$HOME", "%s"),
)
COMMANDS = (
    *("analyse", "runs", "report", "evaluate", "predict", "export", "build", "nobody"),
    *("data info", "data check", "connectome info", "connectome import", "plugins nobody"),
)
lines = some.tuples(
    some.sampled_from(COMMANDS),
    some.lists(
        some.one_of(some.sampled_from(FILES), some.sampled_from(OPTIONS), words), max_size=5
    ),
)


def try_line(line: tuple[str, list[str]]) -> None:
    command, rest = line
    rest = [word.replace("\0", "") for word in rest]  # the system takes none in a command line
    carried_out(*command.split(), *rest)


cells = some.one_of(numbers.map(str), words, some.sampled_from(['"', "\t", ";", "\r", "nan", "−1"]))
tables = some.tuples(
    some.lists(some.lists(cells, max_size=4), max_size=5),
    some.sampled_from([",", ";", "\t", "|"]),
    some.sampled_from(["utf-8", "utf-16", "latin-1", "utf-8-sig"]),
    some.sampled_from(["x.csv", "x.tsv", "x.csv.gz", "x.parquet", "x.feather", "x.mtx", "x.npz"]),
)


def try_table(table: tuple[list[list[str]], str, str, str]) -> None:
    rows, mark, coding, name = table
    text = "".join(mark.join(row) + "\n" for row in rows)
    Path(name).write_bytes(text.encode(coding, errors="replace"))
    carried_out("analyse", name, "--response", "y")
    other = ("--cells", "cells.csv", "--out", "o.npz", "--overwrite")
    carried_out("connectome", "import", name, *other)
    carried_out("connectome", "import", name, "--matrix", *other)
    carried_out("connectome", "import", "synapses.csv", "--cells", name, *other[2:])
    Path("design.csv").write_bytes(Path(name).read_bytes())
    carried_out("factorial", "demo", "--design", "design.csv", "--plan", "--probe", "0")


KINDS = ("i1", "u8", ">i8", "i4", "f8", "f2", "?", "c16", "U3", "S3", "M8[s]", "V4")
ARRAYS = (
    *("cell_id", "broad_type", "cell_type", "position", "pre", "post", "count", "size"),
    *("provenance", "layer", "format", "shape", "data", "indices", "indptr", "row", "col"),
    *("offsets", "train_images", "train_labels", "test_images", "test_labels", "class_names"),
)
arrays = some.dictionaries(
    some.sampled_from(ARRAYS),
    some.tuples(
        some.sampled_from(KINDS),
        some.lists(some.integers(0, 4), max_size=4),
        some.binary(max_size=24),
    ),
    max_size=9,
)


def made(kind: str, shape: list[int], seed: bytes) -> Any:
    size = int(np.prod(shape, dtype=int)) * np.dtype(kind).itemsize
    data = (seed * (size // max(1, len(seed)) + 1))[:size].ljust(size, b"\0")
    return np.frombuffer(data, kind).reshape(shape)


def try_arrays(table: dict[str, tuple[str, list[int], bytes]]) -> None:
    np.savez("x.npz", **{name: made(*parts) for name, parts in table.items()})
    carried_out("connectome", "info", "x.npz")
    carried_out("data", "info", "x.npz")
    matrix = {"format": np.array(b"csr"), "shape": np.array([3, 3])}
    found = {name: made(*parts) for name, parts in table.items()}
    np.savez("m.npz", **matrix | {k: v for k, v in found.items() if k not in matrix})
    other = ("--cells", "cells.csv", "--out", "o.npz", "--overwrite")
    carried_out("connectome", "import", "m.npz", *other)
    for name, array in list(found.items())[:1]:
        np.save("x.npy", array)
        carried_out("connectome", "import", "x.npy", *other)
        data = bytearray(Path("x.npz").read_bytes())
        for place in range(0, len(data), max(1, len(data) // (1 + len(name)))):
            data[place] ^= 0x55
        Path("y.npz").write_bytes(bytes(data))
        carried_out("connectome", "info", "y.npz")


TRIES: dict[str, tuple[Any, Callable[[Any], None]]] = {
    "specs": (specs, lambda one: try_spec(*one)),
    "lines": (lines, try_line),
    "tables": (tables, try_table),
    "arrays": (arrays, try_arrays),
}


@pytest.mark.parametrize("kind", TRIES)
def test_requests_at_random(kind: str) -> None:
    inputs, attempt = TRIES[kind]
    QUICK(given(inputs)(attempt))()  # type: ignore[no-untyped-call]


@pytest.mark.slow
@pytest.mark.timeout(1800)  # some three thousand commands
@pytest.mark.parametrize("kind", TRIES)
def test_many_requests_at_random(kind: str) -> None:
    inputs, attempt = TRIES[kind]
    LONG(given(inputs)(attempt))()  # type: ignore[no-untyped-call]


def test_the_machine_is_blamed_for_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors that nothing foresaw, but that are no fault of bionic's."""
    from bionic_core.base.failures import explained

    for error, code, words in (
        (MemoryError(), 1, "out of memory"),
        (RuntimeError("could not create a primitive"), 1, "out of memory"),
        (RuntimeError("can't start new thread"), 1, "out of memory"),
        (ImportError("x.so: failed to map segment from shared object"), 1, "out of memory"),
        (OSError(28, "No space left on device", "f"), 1, "f: the system refused"),
        (PermissionError(13, "Permission denied", "f"), 2, "f: cannot be used"),
        (EOFError(), 1, "ended before"),
        (OverflowError("too large"), 2, "a number is too large"),
        (ValueError("embedded null byte"), 2, "letters that are none"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), 2, "letters that are none"),
    ):
        found = explained(error)
        assert found is not None
        assert found[1] == code
        assert words in found[0]
    assert explained(TypeError("x")) is None
    assert not isinstance(RuntimeError(), BionicError)
