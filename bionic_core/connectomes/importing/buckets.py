"""Rows sorted by a number into files, so that each file fits into memory."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

BUCKETS = 64
"""Numbers: a billion rows of 24 bytes make 375 MB each."""

HELD = 2**27
"""Bytes of rows that are held before they are written to the files."""


class Buckets:
    """Rows under each of the numbers 0 … 63, on disk where they are many; threads may share it."""

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        """Make the folder for the files; its caller removes it."""
        folder.mkdir(parents=True)
        self._paths = [folder / f"{number:02}" for number in range(BUCKETS)]
        self._held: list[list[npt.NDArray[Any]]] = [[] for _ in range(BUCKETS)]
        self._bytes = 0
        self._dtype = dtype
        self._lock = Lock()

    def add(self, number: npt.NDArray[Any], rows: npt.NDArray[Any]) -> None:
        """Put rows under their numbers."""
        number = number.astype(np.uint8)
        rows = rows[np.argsort(number, kind="stable")]
        ends = np.cumsum(np.bincount(number, minlength=BUCKETS))
        with self._lock:
            for held, part in zip(self._held, np.split(rows, ends[:-1]), strict=True):
                if len(part):
                    held.append(part)
            self._bytes += rows.nbytes
            if self._bytes > HELD:
                self._write()

    def take(self, number: int) -> npt.NDArray[Any]:
        """Return the rows of a number, and forget them."""
        with self._lock:
            parts, self._held[number] = self._held[number], []
        path = self._paths[number]
        if path.exists():
            parts.append(np.fromfile(path, self._dtype))
            path.unlink()
        return np.concatenate(parts) if parts else np.empty(0, self._dtype)

    def _write(self) -> None:
        for held, path in zip(self._held, self._paths, strict=True):
            with path.open("ab") as file:
                for part in held:
                    part.tofile(file)
            held.clear()
        self._bytes = 0
