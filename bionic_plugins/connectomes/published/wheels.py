"""A wheel of the package index: downloaded by pip, checked by its hash, read, never installed."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from bionic_core import BionicError, RequestError
from bionic_core.base.files import present
from bionic_core.connectomes.fetch import Parts, sha256
from bionic_core.connectomes.kept import FetchedSource
from bionic_core.connectomes.roles import Watch
from bionic_plugins.connectomes.microns.limits import FLOOR, Clock, TooLargeError, TooLateError

PATIENCE = 120.0
"""Seconds that pip may take for one wheel, and 1 s more for each FLOOR bytes that came."""

LARGEST_WHEEL = 2**28
"""Bytes of a wheel that are taken; those that are known have less than a tenth."""

LARGEST_PIP = 2**31
"""Bytes of memory for pip, which holds an index's pages whole."""

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

        pip's own configuration says where from: its index, proxies, mirrors, certificates. Its
        cache is not asked, for what is wrong there would come again and again.

        Raises:
            RequestError: there is no pip.
            BionicError: pip failed, took too long or too much, or what came is another file.
        """
        path = folder / self.file
        if present(path):
            if self._is_it(path):
                return path
            Parts.remove(path)  # half of it, another one, or a link: fetched again
        watch.step(f"downloading {self.told} with pip", 0, 1)
        folder.mkdir(parents=True, exist_ok=True)
        # a folder that nobody can have laid links into
        with tempfile.TemporaryDirectory(dir=folder, prefix=".pip-") as made:
            self._download(Path(made))
            came = Path(made) / self.file
            if not present(came) or not self._is_it(came):
                raise BionicError(
                    f"pip did not bring {self.file} of the SHA-256 {self.sha256}; nothing was "
                    "read. Look at the index that pip is configured for: pip config list"
                )
            came.replace(path)
        watch.step(f"downloading {self.told} with pip", 1, 1)
        return path

    def _is_it(self, path: Path) -> bool:
        return stat.S_ISREG(path.lstat().st_mode) and sha256(path) == self.sha256

    def _download(self, room: Path) -> None:
        """Have pip download the wheel into a folder in which nothing else is."""
        wanted = room / "requirements.txt"
        wanted.write_text(f"{self.project}=={self.version} --hash=sha256:{self.sha256}\n", "utf-8")
        command = [*pip(), "download", "--requirement", str(wanted), "--dest", str(room)]
        command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir"]
        # it is read, never run, so that the Python which it is for does not matter
        command += ["--ignore-requires-python", "--no-input", "--disable-pip-version-check"]
        command += ["--quiet", "--progress-bar", "off"]
        try:
            code, said = limited_run(command, room, PATIENCE, LARGEST_WHEEL)
        except TooLateError as error:
            raise BionicError(
                f"pip did not bring {self.told} in {PATIENCE:g} s, nor {FLOOR:,} bytes for each "
                "second more. Give the same command again, or look at pip's configuration: pip "
                "config list"
            ) from error
        except TooLargeError as error:
            raise BionicError(
                f"what the index sends for {self.told} {error}; nothing of it is kept. Look at "
                "the index that pip is configured for: pip config list"
            ) from error
        if code != 0:
            lines = said.splitlines()
            found = [line for line in lines if line.startswith("ERROR")]
            words = (found or lines or ["it gave no reason"])[-1]
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
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
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


def limited_run(command: Sequence[str], room: Path, limit: float, most: int) -> tuple[int, str]:
    """Run a program that downloads into a folder; return its exit code and what it said of errors.

    Args:
        command: the program and its words.
        room: where it writes, its temporary files included.
        limit: seconds that it may take, and 1 s more for each FLOOR bytes that came.
        most: bytes that a file of it may have.

    Raises:
        TooLateError: it took longer; it is ended.
        TooLargeError: a file became larger; it is ended. A clause.
    """
    clock, said = Clock(limit), room / "said"
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(room))
    with said.open("wb") as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=os.environ | places,
            start_new_session=True,
        )
        try:
            _limit_memory(child.pid, command)
            while child.poll() is None:
                clock.received = _largest(room)
                if clock.received > most:
                    raise TooLargeError(f"has more than {most:,} bytes")
                if clock.left < 0:
                    raise TooLateError
                with suppress(subprocess.TimeoutExpired):
                    child.wait(0.05)
        finally:
            _end(child)
    with said.open("rb") as file:
        return child.returncode, file.read(1 << 16).decode("utf-8", "replace")


def _largest(folder: Path) -> int:
    """Return the bytes of the largest file in a folder in which somebody writes."""
    found = [0]
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # gone meanwhile
                found.append(Path(place, name).lstat().st_size)
    return max(found)


def _limit_memory(process: int, command: Sequence[str]) -> None:
    """Limit the memory of a Python, on Linux: others reserve more than they use."""
    if sys.platform == "linux" and command[0] == sys.executable:
        import resource

        with suppress(OSError):  # it has ended already
            resource.prlimit(process, resource.RLIMIT_AS, (LARGEST_PIP, LARGEST_PIP))


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started, if it has not ended."""
    if child.poll() is None:
        if os.name == "posix":
            with suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
        child.wait()
