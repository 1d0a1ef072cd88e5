"""Where the time of a study goes: ``bionic``, with clocks around what it calls.

Its workers, which import this module as their main one, have the clocks too. Every call is a line
of JSON in the file that ``BIONIC_ACCOUNTS`` names. Run by :mod:`tests.benchmarks.study`.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLOCKS = {
    "planning": "bionic_core.studies.experiment:plan_factorial",
    "reading data and wiring": "bionic_core.runs.images_and_wiring:load_inputs",
    "building": "bionic_core.runs.train:build",
    "training": "bionic_core.runs.train:train_epoch",
    "saving after each epoch": "bionic_core.runs.train:save_state",
    "last figures and files": "bionic_core.runs.train:complete",
    "last evaluation": "bionic_core.runs.train:evaluate",
    "runs, all of them": "bionic_core.runs.attempt:train_task",
    "all runs, by the wall": "bionic_core.studies.experiment:run_experiment",
    "analysing": "bionic_core.studies.experiment:analyse",
    "writing results": "bionic_core.studies.experiment:save_results",
}


def account(what: str, seconds: float) -> None:
    """Write down a call."""
    line = json.dumps({"process": os.getpid(), "what": what, "seconds": seconds})
    with Path(os.environ["BIONIC_ACCOUNTS"]).open("a") as file:
        file.write(line + "\n")


def clocked(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that also writes down how long it takes."""

    @functools.wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        begun = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            account(what, time.perf_counter() - begun)

    return timed


def wind() -> None:
    """Put the clocks in place."""
    begun = time.perf_counter()
    for what, place in CLOCKS.items():
        module, _, name = place.partition(":")
        home = importlib.import_module(module)
        setattr(home, name, clocked(what, getattr(home, name)))
    account("importing", time.perf_counter() - begun)


if __name__ == "__mp_main__":
    from bionic_core.base.process import configure_process

    configure_process()
    wind()

if __name__ == "__main__":
    from bionic_core.cli import script
    from bionic_plugins.engines.local import Local

    prepare = Local.prepare

    def prepared(self: Local, jobs: int) -> None:
        """Wind the clocks once the engine has begun to import, as early as without them."""
        prepare(self, jobs)
        wind()

    Local.prepare = prepared  # type: ignore[method-assign]
    script()
