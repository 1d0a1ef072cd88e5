"""What any program needs, and nothing of the subject: files, sums, memory, locks, words.

Imports nothing but `errors`. Start at `files`, by which everything is read and written.

Its names here are for plugins, and load what they need when they are used.
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

__getattr__, __dir__, __all__ = offer(
    __name__,
    {
        "failures": ("REMEDY", "kills_for_memory", "of_the_machine", "out_of_memory", "reason"),
        "files": ("write_text",),
        "locks": ("Claim",),
        "memory": ("machine_memory",),
        "process": ("configure_process",),
    },
)
