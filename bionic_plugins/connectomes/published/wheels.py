"""A wheel of the package index: downloaded by pip, checked by its hash, read, never installed."""

from __future__ import annotations

import importlib.util
import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from bionic_core import BionicError, RequestError
from bionic_core.connectomes.fetch import sha256
from bionic_core.connectomes.kept import FetchedSource
from bionic_core.connectomes.roles import Watch

PATIENCE = 900.0
"""Seconds that pip may take for one wheel."""

LARGEST = 64 * 2**20
"""Bytes that a table in a wheel may unpack to."""


@attrs.frozen
class Wheel:
    """A wheel: what is asked of the index, and what must come.

    Attributes:
        project, version: as the index knows them.
        file: its name.
        sha256: of the file.
        licence: that its metadata says, for provenance.
    """

    project: str
    version: str
    file: str
    sha256: str
    licence: str

    @property
    def told(self) -> str:
        """The wheel in words."""
        return f"{self.project} {self.version}"

    def get(self, folder: Path, watch: Watch) -> Path:
        """Return the wheel in a folder, downloaded by pip if it is not there yet.

        pip's own configuration says where from: its index, proxies, mirrors, certificates.

        Raises:
            RequestError: there is no pip.
            BionicError: pip failed, or what came is another file.
        """
        path = folder / self.file
        if path.is_file() and not path.is_symlink() and sha256(path) == self.sha256:
            return path
        path.unlink(missing_ok=True)
        watch.step(f"downloading {self.told} with pip", 0, 1)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = folder / "requirements.txt"
        wanted.write_text(f"{self.project}=={self.version} --hash=sha256:{self.sha256}\n", "utf-8")
        self._download(wanted, folder)
        wanted.unlink()
        if not path.is_file() or sha256(path) != self.sha256:
            raise BionicError(
                f"pip did not bring {self.file} of the SHA-256 {self.sha256}; nothing was read. "
                "Look at the index that pip is configured for: pip config list"
            )
        watch.step(f"downloading {self.told} with pip", 1, 1)
        return path

    def _download(self, wanted: Path, folder: Path) -> None:
        command = [*pip(), "download", "--requirement", str(wanted), "--dest", str(folder)]
        command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
        # it is read, never run, so that the Python which it is for does not matter
        command += ["--ignore-requires-python", "--no-input", "--disable-pip-version-check"]
        command += ["--quiet", "--progress-bar", "off"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BionicError(
                f"pip did not end within {PATIENCE:g} s of downloading {self.told}. Give the same "
                "command again, or look at pip's configuration: pip config list"
            ) from error
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            words = (said or done.stderr.splitlines() or ["it gave no reason"])[-1]
            raise BionicError(
                f"pip could not download {self.told} (it says: {words.removeprefix('ERROR: ')}). "
                "It is asked of the index that pip is configured for: pip config list"
            )

    def provenance(
        self, plugin: FetchedSource, label: str, about: str, members: Sequence[str]
    ) -> dict[str, Any]:
        """Return where a connectome of tables in the wheel comes from."""
        return {
            "label": label,
            "about": about,
            "fetched": plugin.name,
            "query": plugin.settings,
            "source": plugin.source,
            "package": self.told,
            "files": {self.file: self.sha256},
            "tables": list(members),
            "licence": self.licence,
        }

    def read(self, path: Path, member: str) -> bytes:
        """Return what a file in the wheel holds.

        Raises:
            BionicError: the wheel lacks it, or it is larger than any table.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                size = archive.getinfo(member).file_size
                if size > LARGEST:
                    raise BionicError(f"{self.file}: {member} has {size:,} bytes; it is not read")
                return archive.read(member)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise BionicError(f"{self.file}: {member} cannot be read ({error})") from error

    def sheet(self, path: Path, member: str, sheet: str = "") -> list[list[object]]:
        """Return the rows of an ``.xlsx`` file's sheet, its first one if none is named; cells
        that are empty are None.
        """
        import warnings

        from openpyxl import load_workbook

        with warnings.catch_warnings():  # of formats that only a spreadsheet draws
            warnings.simplefilter("ignore")
            book = load_workbook(
                io.BytesIO(self.read(path, member)), read_only=True, data_only=True
            )
            if sheet and sheet not in book.sheetnames:
                raise BionicError(f"{self.file}: {member} has no sheet '{sheet}'")
            rows = book[sheet or book.sheetnames[0]].iter_rows(values_only=True)
            return [list(row) for row in rows]


def pip() -> list[str]:
    """Return how pip is called: as this Python's module, else by uv, else by its own name.

    Isolated, so that a ``pip.py`` in the working directory is not run; pip's own configuration
    and variables hold all the same.

    Raises:
        RequestError: there is none.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-I", "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "--quiet", "pip"]
    if alone := shutil.which("pip"):
        return [alone]
    raise RequestError(
        "published wiring is downloaded by pip, and there is none here. Install it with: "
        f"{sys.executable} -m ensurepip"
    )
