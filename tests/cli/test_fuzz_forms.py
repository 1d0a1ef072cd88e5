"""Forms at random that a text has not: TOML of all types, archives, packed tables, pictures, runs.

As :mod:`tests.cli.test_fuzz`, in this process: 0 or 2, or 1 where the machine failed.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bionic_core.runs.folder import Run
from tests.cli.test_fuzz import carried_out, folder
from tests.runs.test_hostile_runs import good, sealed

__all__ = ["folder", "good"]  # fixtures

SPEC = """[model]
layers = {{ H = {layer} }}
projections = []
classes = {classes}
image = {image}
[data]
source = "schematic"
train = {train}
test = 14
[training]
lr = {lr}
batch_size = {batch}
max_epochs = {epochs}
[mechanisms.noise]
sigma = {sigma}
"""
USUAL = {"layer": "8", "classes": "7", "image": "[1, 48, 48]", "train": "70", "lr": "1e-3"}
USUAL |= {"batch": "7", "epochs": "1", "sigma": "0.1"}
TOML = (
    *(
        "1979-05-27T07:32:00Z",
        "1979-05-27",
        "07:32:00",
        "nan",
        "-inf",
        "+inf",
        "0x7FFFFFFFFFFFFFFF",
    ),
    *(
        "1e400",
        "-0.0",
        "9223372036854775807",
        "-9223372036854775808",
        "1" + "0" * 400,
        "0b1",
        "0o7",
    ),
    *(
        "[]",
        "{}",
        "[[[[[[]]]]]]",
        "[" * 2000 + "]" * 2000,
        '"\\u0000"',
        '"\\U0001F600"',
        "'''a\nb'''",
    ),
    *(
        "true",
        "[1, 'a']",
        "[nan]",
        "{a = {b = {c = 1}}}",
        '"\\u202e"',
        "1_0",
        "[1e308, 1e308]",
        '""',
    ),
    *("[1, 48, 48, 1]", "[-1, 48, 48]", "[1, 0, 0]", "[3, 1000000, 1000000]", '"1.0"', "[true]"),
    *(
        "{a = " * 200 + "1" + "}" * 200,
        "1e-320",
        "2.5",
        "[" + "1," * 5000 + "1]",
        '"' + "x" * 9999 + '"',
    ),
)


def specs(random_: random.Random) -> None:
    values = dict(USUAL)
    for key in random_.sample(sorted(USUAL), random_.choice([1, 1, 2])):
        values[key] = random_.choice(TOML)
    text = SPEC.format(**values)
    if random_.random() < 0.3:
        cut = random_.randrange(len(text))
        text = (
            text[:cut] + random_.choice(["\0", "\ufeff", "\r", "[[a]]\n", "=", "'''"]) + text[cut:]
        )
    Path("f.toml").write_text(text, encoding="utf-8")
    carried_out("build", "f.toml")


def archive(members: dict[str, bytes], random_: random.Random) -> bytes:
    """Return a zip that is odd in one of many ways."""
    file = io.BytesIO()
    how = random_.randrange(12)
    packing = random_.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(file, "w", packing) as made:
        for name, content in members.items():
            made.writestr(["", "/", "../", "a/", "\\"][how] + name if how < 5 else name, content)
            if how == 5:
                made.writestr(name, content[::-1])
            if how == 6:
                made.writestr(name + "/", b"")
    data = bytearray(file.getvalue())
    if how == 7:  # says to be encrypted
        for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
            for place in range(len(data) - 4):
                if data[place : place + 4] == mark:
                    data[place + at] |= 1
    elif how == 8:  # sizes that lie
        place = data.find(b"PK\x01\x02")
        data[place + 24 : place + 28] = struct.pack("<I", random_.choice([0, 1, 2**31, 2**32 - 1]))
    elif how == 9:
        del data[random_.randrange(len(data)) :]
    elif how == 10:
        data = bytearray(b"\x89PNG\r\n\x1a\n") + data
    elif how == 11:
        for _ in range(5):
            data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    return bytes(data)


def npy(array: Any, random_: random.Random) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    data = file.getvalue()
    how = random_.randrange(8)
    head = (
        b"'shape': (",
        random_.choice([b"'shape': (9999999999,", b"'shape': (-1,", b"'shape': ((),"]),
    )
    if how == 0:
        data = data.replace(*head)
    elif how == 1:
        data = data.replace(b"'descr': '", random_.choice([b"'descr': '>", b"'descr': '|O"]))
    elif how == 2:
        data = data.replace(b"False", b"True", 1)
    elif how == 3:
        data = data[: random_.randrange(len(data))]
    elif how == 4:
        data = data[:8] + struct.pack("<H", random_.randrange(65536)) + data[10:]
    return data


def archives(random_: random.Random) -> None:
    kinds = ["<i8", ">i8", "<u4", ">f8", "<f2", "O", "U2", "S2", "?", "M8[s]", "c8", "V3"]
    arrays = {}
    for name in random_.sample(NAMES, random_.randrange(1, 6)):
        shape = random_.choice([(), (0,), (2,), (2, 2), (1, 2, 3)])
        array = np.ones(shape, "i8").astype(random_.choice(kinds))
        arrays[f"{name}.npy"] = npy(np.asfortranarray(array), random_)
    Path("f.npz").write_bytes(archive(arrays, random_))
    carried_out("connectome", "info", "f.npz")
    carried_out("data", "info", "f.npz")
    carried_out("connectome", "import", "f.npz", "--cells", "cells.csv", *OUT)
    Path("f.npy").write_bytes(arrays[min(arrays)])
    carried_out("connectome", "import", "f.npy", "--cells", "cells.csv", *OUT)


OUT = ("--out", "o.npz", "--overwrite")
NAMES = ["cell_id", "broad_type", "cell_type", "position", "pre", "post", "count", "size", "data"]
NAMES += [
    "provenance",
    "train_images",
    "train_labels",
    "test_images",
    "indices",
    "indptr",
    "format",
]


def packed(random_: random.Random) -> None:
    """Arrow and Parquet with a few bytes changed or cut."""
    columns: dict[str, Any] = {"pre": [1, 2, 3], "post": [2, 3, 1], "t": ["a", None, "c"]}
    kind = random_.choice([pa.int64(), pa.int8(), pa.float64(), pa.string(), pa.large_string()])
    table = pa.table({k: pa.array(v) for k, v in columns.items()})
    table = table.set_column(0, "pre", table["pre"].cast(kind))
    name = random_.choice(["f.parquet", "f.feather", "f.arrow"])
    if name == "f.parquet":
        pq.write_table(
            table, name, compression=random_.choice(["snappy", "zstd", "brotli", "gzip"])
        )
    else:
        options = pa.ipc.IpcWriteOptions(compression=random_.choice([None, "lz4", "zstd"]))
        with (
            pa.OSFile(name, "wb") as file,
            pa.ipc.new_file(file, table.schema, options=options) as w,
        ):
            w.write_table(table)
    data = bytearray(Path(name).read_bytes())
    for _ in range(random_.randrange(4)):
        data[random_.randrange(len(data))] = random_.choice([0, 1, 0x7F, 0x80, 0xFF])
    if random_.random() < 0.2:
        del data[random_.randrange(len(data)) :]
    Path(name).write_bytes(bytes(data))
    carried_out("connectome", "import", name, "--cells", "cells.csv", *OUT)
    carried_out("connectome", "import", "synapses.csv", "--cells", name, *OUT)


def pictures(random_: random.Random) -> None:
    shutil.rmtree("pictures", ignore_errors=True)
    for group in ("a", "b"):
        Path("pictures", group).mkdir(parents=True)
        Image.new("L", (48, 48), 7).save(f"pictures/{group}/1.png")
    form = random_.choice(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "PCX"])
    file = io.BytesIO()
    size = random_.choice([(1, 1), (48, 48), (1, 9999), (16000, 2)])
    Image.new(random_.choice(["L", "RGB"]), size, 0).save(file, form)
    data = bytearray(file.getvalue())
    how = random_.randrange(6)
    if how == 0 and form == "PNG":  # a bomb: a header that claims
        data[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    elif how == 1:
        del data[random_.randrange(1, len(data)) :]
    elif how == 2:
        data += b"<script>alert(1)</script>" + archive({"a": b"b"}, random_)
    elif how == 3:
        data = bytearray(b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n")
    elif how == 4:
        for _ in range(4):
            data[random_.randrange(len(data))] ^= 0xFF
    Path("pictures/a", random_.choice(["x.png", "x.jpg", "x.tif", "x.bmp"])).write_bytes(
        bytes(data)
    )
    carried_out("data", "info", "pictures")


def foreign(value: Any, random_: random.Random) -> Any:
    """Return a JSON value with one place in it replaced."""
    odd: Any = random_.choice(
        [None, [], {}, "x", -1, 1e400, 2**70, True, [[[]]], {"a": 1}, "\0", "../../e"]
    )
    if isinstance(value, dict) and value and random_.random() < 0.85:
        key = random_.choice(sorted(value))
        return {**value, key: foreign(value[key], random_)}
    if isinstance(value, list) and value and random_.random() < 0.7:
        place = random_.randrange(len(value))
        return [*value[:place], foreign(value[place], random_), *value[place + 1 :]]
    return odd


def runs(random_: random.Random) -> None:
    """A run's folder with one file changed; half of the time the sums are made to agree."""
    run = GOOD[0].name
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(GOOD[0], run)
    name = random_.choice(["manifest.json", "result.json", "model.safetensors", "metrics.jsonl"])
    name = random_.choice([name, "spec.toml", "predictions.npz"])
    path = Path(run, name)
    data = bytearray(path.read_bytes())
    if name.endswith(".json") and random_.random() < 0.8:
        data = bytearray(json.dumps(foreign(json.loads(data), random_)).encode())
    elif name == "model.safetensors" and random_.random() < 0.5:
        (size,) = struct.unpack_from("<Q", data)
        head = foreign(json.loads(data[8 : 8 + size]), random_)
        text = json.dumps(head).encode()
        data = (
            bytearray(struct.pack("<Q", random_.choice([len(text), 2**63, 0])) + text)
            + data[8 + size :]
        )
    elif random_.random() < 0.3:
        del data[random_.randrange(len(data)) :]
    else:
        for _ in range(random_.randrange(1, 4)):
            data[random_.randrange(len(data))] = random_.choice([0, 9, 34, 0x7F, 0xFF, 93])
    path.write_bytes(bytes(data))
    agreed = random_.random() < 0.5
    if agreed:
        sealed(Path(run))
    Path("picture.png").unlink(missing_ok=True)
    Image.new("L", (48, 48), 7).save("picture.png")
    codes = [
        carried_out("report", run, "--out", "page.html"),
        carried_out("predict", run, "picture.png"),
        carried_out("export", run, "--format", "torch-export", "--out", "gone/x.pt2"),
        carried_out("runs", run),
    ]
    if not agreed and bytes(data) != Path(GOOD[0], name).read_bytes():
        assert codes[0] == 2, (name, codes)
    Path("page.html").unlink(missing_ok=True)


GOOD: list[Path] = []
FORMS: dict[str, Callable[[random.Random], None]] = {
    one.__name__: one for one in (specs, archives, packed, pictures, runs)
}


@pytest.fixture(scope="module", autouse=True)
def a_run(good: Run) -> None:
    GOOD[:] = [good.folder]


def attempt(form: str, seeds: range) -> None:
    for seed in seeds:
        try:
            FORMS[form](random.Random(seed))
        except BaseException as error:
            raise AssertionError(f"{form}, seed {seed}") from error


@pytest.mark.parametrize("form", FORMS)
def test_forms_at_random(form: str) -> None:
    attempt(form, range(5))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_many_forms_at_random(form: str) -> None:
    attempt(form, range(5, 1_000))
