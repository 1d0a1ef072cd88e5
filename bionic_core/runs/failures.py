"""Why a run failed: in words, and whether the machine or the run is to blame."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from pathlib import Path

from bionic_core.base.files import write_text
from bionic_core.base.strict_json import json_text
from bionic_core.errors import BionicError
from bionic_core.runs.files import FAILURE


def record_failure(folder: Path, words: str, error: BaseException | None = None) -> None:
    """Write down in a run's folder why it failed; it stays until the run is tried again."""
    document = {"reason": words, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    if error is not None and not isinstance(error, BionicError):
        document["traceback"] = "".join(traceback.format_exception(error))
    write_text(folder / FAILURE, json_text(document, indent=1))
