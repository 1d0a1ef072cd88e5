"""Rows sorted into files by a number, so that each file fits into memory."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

BUCKETS = 64
"""Files: a billion rows of 32 bytes make half a GB each."""


class Buckets:
    """Files of rows, one for each of the numbers 0 … 63; several threads may add."""

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        """Open empty files in a folder, for rows of one kind."""
        folder.mkdir(parents=True)
        self.dtype = dtype
        self._paths = [folder / f"{number:02}" for number in range(BUCKETS)]
        self._files = [path.open("wb") for path in self._paths]
        self._lock = Lock()

    def __enter__(self) -> Buckets:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()

    def add(self, number: npt.NDArray[Any], rows: npt.NDArray[Any]) -> None:
        """Append rows, each to the file of its number."""
        number = number.astype(np.uint8)
        order = np.argsort(number, kind="stable")
        rows = rows[order]
        ends = np.cumsum(np.bincount(number, minlength=BUCKETS))
        with self._lock:
            start = 0
            for file, end in zip(self._files, ends.tolist(), strict=True):
                if end > start:
                    rows[start:end].tofile(file)
                start = end

    def take(self, number: int) -> npt.NDArray[Any]:
        """Return the rows of a number, and remove its file."""
        self._files[number].close()
        rows: npt.NDArray[Any] = np.fromfile(self._paths[number], self.dtype)
        self._paths[number].unlink()
        return rows
