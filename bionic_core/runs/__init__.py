"""A run: trained once, in a folder named by what decides its numbers.

Knows no study. Start at `train`, then `folder` and `identity`.

Its names here, some of rooms below, are for engines, and load what they need when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bionic_core.base.lazy import offer

if TYPE_CHECKING:
    from bionic_core.base.failures import REMEDY as REMEDY
    from bionic_core.base.failures import kills_for_memory as kills_for_memory
    from bionic_core.base.failures import of_the_machine as of_the_machine
    from bionic_core.base.failures import out_of_memory as out_of_memory
    from bionic_core.base.failures import reason as reason
    from bionic_core.base.files import write_text as write_text
    from bionic_core.base.locks import Claim as Claim
    from bionic_core.base.memory import machine_memory as machine_memory
    from bionic_core.base.process import configure_process as configure_process
    from bionic_core.markers import PROGRAM as PROGRAM
    from bionic_core.model.hooks import hooks_of as hooks_of
    from bionic_core.model.projection import DenseProjection as DenseProjection
    from bionic_core.model.sparse import SparseProjection as SparseProjection
    from bionic_core.runs.attempt import TRIES as TRIES
    from bionic_core.runs.attempt import WAITS as WAITS
    from bionic_core.runs.attempt import Queue as Queue
    from bionic_core.runs.attempt import one_by_one as one_by_one
    from bionic_core.runs.attempt import outcome_of as outcome_of
    from bionic_core.runs.checkpoint import Files as Files
    from bionic_core.runs.checkpoint import look as look
    from bionic_core.runs.checkpoint import save_state as save_state
    from bionic_core.runs.engine import Engine as Engine
    from bionic_core.runs.engine import Outcome as Outcome
    from bionic_core.runs.engine import Saved as Saved
    from bionic_core.runs.engine import Work as Work
    from bionic_core.runs.failures import record_failure as record_failure
    from bionic_core.runs.files import FAILURE as FAILURE
    from bionic_core.runs.files import LOCK as LOCK
    from bionic_core.runs.files import RESULT as RESULT
    from bionic_core.runs.folder import Run as Run
    from bionic_core.runs.images_and_wiring import InputCache as InputCache
    from bionic_core.runs.images_and_wiring import Inputs as Inputs
    from bionic_core.runs.manifest import told as told
    from bionic_core.runs.observer import Observer as Observer
    from bionic_core.runs.planned import PlannedRun as PlannedRun
    from bionic_core.runs.planned import Plans as Plans
    from bionic_core.runs.sending import finished_files as finished_files
    from bionic_core.runs.sending import unfinished_files as unfinished_files
    from bionic_core.runs.sending import write_finished as write_finished
    from bionic_core.runs.sending import write_unfinished as write_unfinished
    from bionic_core.runs.task import Task as Task
    from bionic_core.runs.train import complete as complete
    from bionic_core.runs.train import device_of as device_of
    from bionic_core.runs.train import prepare as prepare
    from bionic_core.runs.train import reused as reused
    from bionic_core.runs.train import take_up as take_up
    from bionic_core.runs.train import texts_of as texts_of
    from bionic_core.runs.train import write_texts as write_texts
    from bionic_core.runs.wiring import keep_wiring as keep_wiring
    from bionic_core.runs.words import TELLS_EVERY as TELLS_EVERY
    from bionic_core.runs.words import Reporter as Reporter
    from bionic_core.runs.words import hear as hear

__getattr__, __dir__, __all__ = offer(
    __name__,
    {
        "bionic_core.base.failures": (
            "REMEDY",
            "kills_for_memory",
            "of_the_machine",
            "out_of_memory",
            "reason",
        ),
        "bionic_core.base.files": ("write_text",),
        "bionic_core.base.locks": ("Claim",),
        "bionic_core.base.memory": ("machine_memory",),
        "bionic_core.base.process": ("configure_process",),
        "bionic_core.markers": ("PROGRAM",),
        "bionic_core.model.hooks": ("hooks_of",),
        "bionic_core.model.projection": ("DenseProjection",),
        "bionic_core.model.sparse": ("SparseProjection",),
        "attempt": ("TRIES", "WAITS", "Queue", "one_by_one", "outcome_of"),
        "checkpoint": ("Files", "look", "save_state"),
        "engine": ("Engine", "Outcome", "Saved", "Work"),
        "failures": ("record_failure",),
        "files": ("FAILURE", "LOCK", "RESULT"),
        "folder": ("Run",),
        "images_and_wiring": ("InputCache", "Inputs"),
        "manifest": ("told",),
        "observer": ("Observer",),
        "planned": ("PlannedRun", "Plans"),
        "task": ("Task",),
        "train": (
            "complete",
            "device_of",
            "prepare",
            "reused",
            "take_up",
            "texts_of",
            "write_texts",
        ),
        "wiring": ("keep_wiring",),
        "sending": ("finished_files", "unfinished_files", "write_finished", "write_unfinished"),
        "words": ("TELLS_EVERY", "Reporter", "hear"),
    },
)
