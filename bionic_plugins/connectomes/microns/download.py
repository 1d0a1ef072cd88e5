"""Downloading a file over HTTP: resumed where it stopped, and verified."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import attrs

from bionic_core.base.files import write_text
from bionic_core.connectomes.fetch import sha256
from bionic_core.connectomes.roles import Watch
from bionic_core.errors import BionicError, RequestError
from bionic_plugins.connectomes.microns.retry import Passing, persist

BLOCK = 1 << 20
"""Bytes read at a time."""

TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as lost."""


class CutError(Exception):
    """The connection ended before the file did."""


@attrs.frozen
class Download:
    """How to download.

    Attributes:
        attempts, wait: how often to ask, and the first of the doubling waits in seconds.
        watch: told how far the download is.
    """

    attempts: int
    wait: float
    watch: Watch

    def file(self, url: str, path: Path, digest: str = "") -> Path:
        """Return ``path`` once it holds the file at ``url``; bytes already there are not asked for.

        Args:
            url: http or https.
            path: where it shall be; until it is whole and verified, ``PATH.partial`` is there.
            digest: its SHA-256 as hexadecimal; empty to take what comes.

        Raises:
            RequestError: there is no such file, or what is there has another SHA-256.
            BionicError: the server or the network fails, also when asked again.
        """
        if path.is_file():
            return path
        partial = path.with_name(path.name + ".partial")
        persist(
            lambda: self._rest(url, partial),
            judge=lambda error: _judge(error, url),
            attempts=self.attempts,
            wait=self.wait,
            say=self.watch.say,
            what=path.name,
        )
        found = sha256(partial)
        if digest and found != digest:
            partial.unlink()
            raise RequestError(
                f"{url}: the file has the SHA-256 {found}, expected {digest}: it was damaged on "
                "the way, or its owners replaced it. It is deleted here; give the same command "
                "again, and if the same hash comes again and you trust the source, name that hash "
                "with the option for it"
            )
        partial.replace(path)
        return path

    def _rest(self, url: str, partial: Path) -> None:
        """Append what is missing; begin anew where the server's file has changed meanwhile."""
        mark = partial.with_name(partial.name + ".etag")
        start = partial.stat().st_size if partial.is_file() and mark.is_file() else 0
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
        if start:
            request.add_header("Range", f"bytes={start}-")
            request.add_header("If-Range", mark.read_text(encoding="utf-8"))
        try:
            answer = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and start:  # nothing is missing, or the file has shrunk
                mark.unlink()
                if error.headers.get("Content-Range", "") == f"bytes */{start}":
                    return
            raise
        with answer:
            start = start if answer.status == 206 else 0
            length = answer.headers.get("Content-Length")
            total = start + int(length) if length else 0
            # A weak tag (W/…) does not promise the same bytes: such a file is begun anew.
            tag = answer.headers.get("ETag", "")
            if start == 0:
                mark.unlink(missing_ok=True)
                if tag.startswith('"'):
                    write_text(mark, tag)
            done = self._copy(answer, partial, start, total)
        if total and done < total:
            raise CutError
        mark.unlink(missing_ok=True)

    def _copy(self, answer: Any, partial: Path, start: int, total: int) -> int:
        done = start
        with partial.open("ab" if start else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                done += len(block)
                self.watch.step(f"{partial.stem}, bytes", done, total)
        return done


def _judge(error: Exception, url: str) -> Passing | BionicError:
    if isinstance(error, BionicError):
        return error
    if isinstance(error, urllib.error.HTTPError):
        after = error.headers.get("Retry-After", "")
        if error.code == 429 or error.code >= 500 or error.code == 416:
            return Passing(
                f"the server answered {error.code}", float(after) if after.isdigit() else None
            )
        what = "is no longer there" if error.code in (404, 410) else "may not be read"
        return RequestError(
            f"{url}: the file {what} (the server answered {error.code} {error.reason}). Check "
            "--url, or fetch from CAVE itself: bionic connectome fetch microns"
        )
    if isinstance(error, (CutError, http.client.IncompleteRead, ConnectionResetError)):
        return Passing("the connection was cut in the middle of the file")
    if isinstance(error, TimeoutError):
        return Passing("the server did not answer in time")
    if isinstance(error, (urllib.error.URLError, http.client.HTTPException, ConnectionError)):
        return Passing(f"no connection to {urllib.request.Request(url).host}")
    if isinstance(error, OSError):
        return BionicError(f"cannot write the download: {error}")
    if isinstance(error, ValueError):
        return RequestError(f"{url}: no address of a file; --url is like https://host/folder/")
    raise error
