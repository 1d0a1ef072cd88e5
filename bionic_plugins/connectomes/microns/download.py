"""Downloading a file over HTTP: resumed where it stopped, and verified."""

from __future__ import annotations

import http.client
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from bionic_core.base.files import present, read_own, write_text
from bionic_core.connectomes.fetch import Parts, sha256
from bionic_core.connectomes.roles import Watch
from bionic_core.errors import BionicError, DamagedError, RequestError
from bionic_plugins.connectomes.microns.limits import BLOCK, Clock, TooLargeError, in_time
from bionic_plugins.connectomes.microns.retry import Passing, persist

LARGEST = 8 * 2**30
"""Bytes of a file that is downloaded; the largest one of the public files has 0.1 GB."""


class CutError(Exception):
    """The connection ended before the file did."""


@attrs.frozen
class Download:
    """How to download.

    Attributes:
        attempts, wait: how often to ask, and the first of the doubling waits in seconds.
        watch: told how far the download is.
        timeout: seconds that a request may take in all, connecting included, and 1 s more for each
            20,000 bytes that came.
    """

    attempts: int
    wait: float
    watch: Watch
    timeout: float = 60.0

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
        partial, note = (path.with_name(path.name + end) for end in (".partial", ".sha256"))
        if present(path):
            if _regular(path) and sha256(path) == (digest or _noted(note)):
                return path
            Parts.remove(path)  # changed since, or a link: fetched again
        for own in (partial, partial.with_name(partial.name + ".etag")):
            if present(own) and not _regular(own):
                Parts.remove(own)
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
        if not digest:
            write_text(note, found)
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
        clock = Clock(self.timeout)

        def come() -> Iterator[Any]:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                yield answer
                while block := answer.read1(BLOCK):
                    clock.received += len(block)
                    yield block

        coming = in_time(come, clock)
        try:
            answer = next(coming)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and start:  # nothing is missing, or the file has shrunk
                mark.unlink()
                if error.headers.get("Content-Range", "") == f"bytes */{start}":
                    return
            raise
        start = start if answer.status == 206 else 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdecimal() else 0
        # A weak tag (W/…) does not promise the same bytes: such a file is begun anew.
        tag = answer.headers.get("ETag", "")
        if start == 0:
            mark.unlink(missing_ok=True)
            if tag.startswith('"'):
                write_text(mark, tag)
        done = self._copy(coming, partial, start, total)
        if total and done < total:
            raise CutError
        mark.unlink(missing_ok=True)

    def _copy(self, coming: Iterator[Any], partial: Path, start: int, total: int) -> int:
        done = start
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if start else os.O_TRUNC)
        flags |= getattr(os, "O_NOFOLLOW", 0)  # else a link would have its target overwritten
        with os.fdopen(os.open(partial, flags, 0o666), "wb") as file:
            for block in coming:
                done += len(block)
                if done > LARGEST:
                    raise TooLargeError(f"has more than {LARGEST:,} bytes")
                file.write(block)
                self.watch.step(f"{partial.stem}, bytes", done, total)
        return done


def _regular(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _noted(note: Path) -> str:
    """Return the SHA-256 that a file had when it came; empty where none is written."""
    try:
        return read_own(note, most=64).decode("ascii", "replace")
    except DamagedError:
        return ""


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
    if isinstance(error, TimeoutError) or (
        isinstance(error, urllib.error.URLError) and isinstance(error.reason, TimeoutError)
    ):
        return Passing(
            "the server did not answer in time, or too slowly; a larger --timeout waits longer"
        )
    if isinstance(error, TooLargeError):
        return BionicError(f"{url}: the file {error}; it is another one than bionic knows")
    if isinstance(error, (urllib.error.URLError, http.client.HTTPException, ConnectionError)):
        return Passing(f"no connection to {urllib.request.Request(url).host}")
    if isinstance(error, OSError):
        return BionicError(f"cannot write the download: {error}")
    if isinstance(error, ValueError):
        return RequestError(f"{url}: no address of a file; --url is like https://host/folder/")
    raise error
