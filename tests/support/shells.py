"""A line that is typed into bash with a TAB behind it, in a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

MARK, END = "typed> ", "#end"


def typed(line: str, folder: Path, seconds: float = 120) -> str:
    """Return the line as bash has it after TAB."""
    programs = Path(sys.executable).parent
    script = subprocess.run(
        [programs / "bionic"],
        env={**os.environ, "_BIONIC_COMPLETE": "source_bash"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    start = folder / "rc"
    start.write_text(
        f"PATH={programs}:$PATH\nPS1='{MARK}'\nbind 'set enable-bracketed-paste off'\n{script}"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("bash", ["bash", "--noprofile", "--rcfile", str(start), "-i"])
    try:
        _until(terminal, MARK, seconds)
        os.write(terminal, f"{line}\t{END}".encode())  # which is echoed once the TAB is done with
        shown = _until(terminal, END, seconds)
        return re.sub(r"[\x07\x08]", "", shown).rpartition(MARK)[2].partition(END)[0]
    finally:
        os.write(terminal, b"\x15exit\n")
        os.close(terminal)
        os.waitpid(child, 0)


def _until(terminal: int, words: str, seconds: float) -> str:
    found, end = "", time.monotonic() + seconds
    while words not in found and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            found += os.read(terminal, 4096).decode(errors="replace")
    return found
