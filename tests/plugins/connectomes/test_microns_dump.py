"""The public files: downloaded once, resumed by ranges, verified, and joined as CAVE's are."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bionic_core import BionicError, Connectome, RequestError
from bionic_core.connectomes.fetch import fetch_connectome, parts_folder
from bionic_core.connectomes.roles import Unwatched
from bionic_plugins.connectomes.microns.download import Download
from bionic_plugins.connectomes.microns.dump import CELLS, SYNAPSES, MicronsDump
from tests.support import cave_server
from tests.support.cave import Heard, home
from tests.support.cave_server import FIRST
from tests.support.file_server import FileServer, half, serving, status

__all__ = ["home"]  # a fixture that every test uses


def packed(frame: pd.DataFrame) -> bytes:
    return gzip.compress(frame.to_csv(index=False, header=False).encode(), mtime=0)


def names(frame: pd.DataFrame) -> bytes:
    return (",".join(frame.columns) + "\n").encode()


def files() -> dict[str, bytes]:
    cells, synapses = cave_server.cells(), cave_server.synapses()
    synapses = pd.concat([synapses, synapses.iloc[[0]]], ignore_index=True)  # one line twice
    cells["pt_root_id"] = cells["pt_root_id"].astype(object).where(cells["pt_root_id"] > 0, "")
    for axis, voxel in zip("xyz", (4, 4, 40), strict=True):
        cells[f"pt_position_{axis}"] /= voxel
    return {
        f"{CELLS}.csv.gz": packed(cells),
        f"{CELLS}_header.csv": names(cells),
        f"{SYNAPSES}.csv.gz": packed(synapses),
        f"{SYNAPSES}_header.csv": names(synapses),
    }


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(FileServer(files())) as state:
        yield state


def fetch(server: FileServer, out: Path, watch: Heard | None = None, **options: Any) -> Connectome:
    digests = {
        key: hashlib.sha256(server.files[f"{name}.csv.gz"]).hexdigest()
        for key, name in (("cells_sha256", CELLS), ("synapses_sha256", SYNAPSES))
    }
    settings: dict[str, Any] = {"url": server.address, "wait": 0.0} | digests | options
    return fetch_connectome(MicronsDump(**settings), out, watch=watch)


def test_the_files_become_a_connectome(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    connectome = fetch(server, out)
    assert connectome.cell_id.tolist() == [FIRST + k for k in (1, 2, 3, 4, 5, 6)]
    assert connectome.cell_type.tolist() == ["5P-ET", "BC", "4P", "MC", "23P", "Unsure"]
    assert connectome.position[0].tolist() == [610_000, 700_000, 850_000]
    assert len(connectome.pre) == 9
    assert connectome.count.sum() == 12
    assert connectome.size.sum() == 1114
    provenance = Connectome.load(out).provenance
    assert provenance["label"] == ("MICrONS V1 column, materialization 1507, proofread axons only")
    assert provenance["sha256"] == connectome.fingerprint
    assert provenance["dropped"]["two somata in one segment"] == 2
    assert provenance["dropped"]["no segment (root id 0)"] == 1
    assert provenance["dropped"]["synapses twice"] == 1
    assert provenance["files"][f"{CELLS}.csv.gz"] == (
        hashlib.sha256(server.files[f"{CELLS}.csv.gz"]).hexdigest()
    )
    assert not parts_folder(out).exists()


def test_a_selection(server: FileServer, tmp_path: Path) -> None:
    connectome = fetch(server, tmp_path / "a.npz", cell_type_source="", region=("AL", "RL"))
    assert connectome.cell_id.tolist() == [FIRST + 4, FIRST + 9]
    assert connectome.label.startswith("cells of MICrONS, materialization 1507")


def test_the_real_files_are_the_default() -> None:
    fetcher = MicronsDump()
    assert fetcher.url.startswith("https://storage.googleapis.com/mat_dbs/public/minnie65")
    assert fetcher.cells_sha256.startswith("f26299762ef15a78")
    assert fetcher.synapses_sha256.startswith("3f0841cafb39531e")


def test_a_cut_download_goes_on_with_what_is_missing(server: FileServer, tmp_path: Path) -> None:
    watch = Heard()
    server.faults = [(f"{SYNAPSES}.csv", half)]
    fetch(server, tmp_path / "column.npz", watch)
    length = len(server.files[f"{SYNAPSES}.csv.gz"])
    assert server.requests[-2:] == [
        (f"{SYNAPSES}.csv.gz", None),
        (f"{SYNAPSES}.csv.gz", f"bytes={length // 2}-"),
    ]
    assert "the connection was cut in the middle of the file; asking again" in watch.lines[0]
    assert (f"{SYNAPSES}.csv.gz, bytes", length, length) in watch.steps


@pytest.mark.parametrize("change", ["tags", "weak", "ranges", "file"])
def test_a_download_begins_anew_where_going_on_is_not_safe(
    server: FileServer, tmp_path: Path, change: str
) -> None:
    if change == "file":
        # A new file, while half of the old one is here: If-Range makes the server send it all.
        old = server.files[f"{CELLS}.csv.gz"]
        new = packed(pd.read_csv(_table(old), header=None, dtype=str).iloc[::-1])
        server.files[f"{CELLS}.csv.gz"] = old
        out = tmp_path / "column.npz"
        server.faults = [(f"{CELLS}.csv", half)]
        options: dict[str, Any] = {"cells_sha256": hashlib.sha256(new).hexdigest()}
        with pytest.raises(BionicError, match="in the middle of the file"):
            fetch(server, out, attempts=1, **options)
        server.files[f"{CELLS}.csv.gz"] = new
        assert fetch(server, out, **options).count.sum() == 12
        return
    setattr(server, change, change == "weak")
    server.faults = [(f"{SYNAPSES}.csv", half)]
    assert fetch(server, tmp_path / "column.npz").count.sum() == 12


def _table(data: bytes) -> Any:
    import io

    return io.BytesIO(gzip.decompress(data))


def test_a_whole_partial_file_is_not_asked_for_again(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    server.faults = [(f"{SYNAPSES}_header", status(503))]
    with pytest.raises(BionicError, match="the server answered 503"):
        fetch(server, out, attempts=1)
    folder = parts_folder(out)
    whole = folder / f"{CELLS}.csv.gz"
    assert whole.read_bytes() == server.files[whole.name]
    server.requests.clear()
    assert fetch(server, out).count.sum() == 12
    assert [name for name, _ in server.requests] == [
        f"{SYNAPSES}_header.csv",
        f"{SYNAPSES}.csv.gz",
    ]


def test_nothing_more_to_send_is_no_failure(server: FileServer, tmp_path: Path) -> None:
    # Killed after the last byte, before the file had its name.
    body = server.files[f"{CELLS}.csv.gz"]
    download, path = Download(1, 0.0, Unwatched()), tmp_path / f"{CELLS}.csv.gz"
    path.with_name(f"{path.name}.partial").write_bytes(body)
    path.with_name(f"{path.name}.partial.etag").write_text(f'"{hash(body)}"')
    url = f"{server.address}/{path.name}"
    download.file(url, path, hashlib.sha256(body).hexdigest())
    assert server.requests == [(path.name, f"bytes={len(body)}-")]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_another_file_than_expected_is_refused(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    with pytest.raises(RequestError) as caught:
        fetch(server, out, synapses_sha256="0" * 64)
    text = str(caught.value)
    found = hashlib.sha256(server.files[f"{SYNAPSES}.csv.gz"]).hexdigest()
    assert f"has the SHA-256 {found}, expected {'0' * 64}" in text
    assert "deleted here; give the same command again" in text
    assert not out.exists()
    assert not list(parts_folder(out).glob(f"{SYNAPSES}.csv.gz*"))


def test_what_passes_and_what_does_not(server: FileServer, tmp_path: Path) -> None:
    out, watch = tmp_path / "column.npz", Heard()
    server.faults = [
        (f"{CELLS}.csv", status(429, {"Retry-After": "0"})),
        (f"{CELLS}.csv", status(503)),
    ]
    assert fetch(server, out, watch).count.sum() == 12
    assert "the server answered 429; asking again in 0 s (attempt 2 of 6)" in watch.lines[0]
    assert "the server answered 503" in watch.lines[1]
    server.faults = [(f"{CELLS}.csv", status(503))] * 3
    with pytest.raises(BionicError, match="answered 503, 3 times in a row") as caught:
        fetch(server, tmp_path / "other.npz", attempts=3)
    assert caught.value.exit_code == 1


def test_no_such_file_and_no_server(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    del server.files[f"{CELLS}_header.csv"]
    with pytest.raises(RequestError, match=r"header\.csv: the file is no longer there .* 404"):
        fetch(server, out)
    assert not parts_folder(out).exists()
    server.files = files()
    server.faults = [(f"{CELLS}_header", status(403))]
    with pytest.raises(RequestError, match=r"may not be read .* 403 .*connectome fetch microns"):
        fetch(server, out)
    with pytest.raises(BionicError, match=r"no connection to 127\.0\.0\.1:9, 2 times"):
        fetch(server, out, url="http://127.0.0.1:9/", attempts=2)
    with pytest.raises(RequestError, match="no address of a file"):
        fetch(server, out, url="nowhere")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (f"{CELLS}_header.csv", b"id,pt_root_id\n", "lacks the columns broad_type, cell_type"),
        (
            f"{CELLS}.csv.gz",
            gzip.compress(b"1,2\n", mtime=0),
            "has 2 values in line 1 for 9 columns",
        ),
        (f"{CELLS}.csv.gz", b"no gzip at all", "is damaged after line 0"),
        (f"{SYNAPSES}.csv.gz", files()[f"{SYNAPSES}.csv.gz"][:-60], "is damaged after line"),
    ],
)
def test_files_that_are_not_what_bionic_knows(
    server: FileServer, tmp_path: Path, file: str, content: bytes, words: str
) -> None:
    server.files[file] = content
    with pytest.raises(BionicError, match=words) as caught:
        fetch(server, tmp_path / "column.npz")
    assert "connectome fetch microns" in str(caught.value)
    assert not (tmp_path / "column.npz").exists()
