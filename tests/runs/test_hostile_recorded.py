"""Recordings of strangers, and disks that are full: refused, or told; nothing is half-written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pytest

from bionic_core import RequestError
from bionic_core.base.hdf5 import Lenient
from bionic_core.runs.activity_files import check_out
from bionic_core.runs.recorded import read_recorded

RESPONSES = np.random.default_rng(0).random((10, 4))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cell_id": np.arange(4)[:, None]}, r"cell_id is int64 of shape \(4, 1\)"),
        ({"cell_id": np.int64(3)}, r"cell_id is int64 of shape \(\)"),
        ({"cell_id": np.arange(4, dtype="u8") + 2**63}, "cell_id has 9223372036854775808 in row 0"),
        ({"images": np.int64(3)}, "images is one value"),
        ({"cells": np.arange(4)}, "has cells beside the responses, which is not read"),
        ({"responses": np.full((10, 4), 2**64 - 1, "u8")}, "which float64 cannot hold"),
    ],
)
def test_arrays_that_are_no_recording(more: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    np.savez(path, **{"responses": RESPONSES} | more)
    with pytest.raises(RequestError, match=words):
        read_recorded(path)


def odd_sum(file: Any) -> None:
    file.attrs["images_sha256"] = np.arange(5)


def one_id(file: Any) -> None:
    file.create_variable("cell_id", (), "i8", data=3)


def no_time(file: Any) -> None:
    file["responses"].attrs["units"] = "days since 99999-99-99"


@pytest.mark.parametrize(
    ("change", "words"),
    [(odd_sum, "a text is needed"), (one_id, r"of shape \(\)"), (no_time, "time units")],
)
def test_netcdf_that_is_no_recording(
    change: Callable[[Any], None], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "r.nc"
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"image": 10, "neuron": 4}
        file.create_variable("responses", ("image", "neuron"), "f8", data=RESPONSES)
        change(file)
    with pytest.raises(RequestError, match=words):
        read_recorded(path)


def test_netcdf_of_another_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "r.nc", "w") as file:
        file["responses"] = h5py.ExternalLink("other.nc", "responses")
    with pytest.raises(RequestError, match=r"leads to another file, other\.nc"):
        read_recorded(tmp_path / "r.nc")


def test_a_folder_with_more_than_a_store_is_kept(tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    (store / "rate").mkdir(parents=True)
    (store / ".zgroup").touch()
    (store / "rate" / ".zarray").touch()
    check_out(store)
    (store / "thesis.tex").touch()
    with pytest.raises(RequestError, match=r"it has thesis\.tex; it is kept"):
        check_out(store)


FULL = """
import io, sys
import h5netcdf, numpy as np
from bionic_core.base.hdf5 import Lenient

class Full(io.BytesIO):
    def write(self, data):
        if self.tell() + len(data) > int(sys.argv[1]):
            raise OSError(28, "No space left on device")
        return super().write(data)

try:
    with Lenient(Full()) as file, h5netcdf.File(file, "w") as made:
        made.dimensions = {"a": 100_000}
        made.create_variable("a", ("a",), "f8", data=np.random.default_rng(0).random(100_000))
except OSError as error:
    print(error.errno)
"""


@pytest.mark.parametrize("room", ["0", "600", "500000"])
def test_hdf5_on_a_full_disk_does_not_crash(room: str) -> None:
    """Its library ends the process by a signal where a write fails."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, room], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "28\n"), done.stderr


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    with (tmp_path / "f").open("w+b", buffering=0) as raw, Lenient(raw) as file:
        with h5py.File(file, "w") as made:
            made["a"] = np.arange(1000)
        file.check()
    with h5py.File(tmp_path / "f") as found:
        assert found["a"][:].tolist() == list(range(1000))
