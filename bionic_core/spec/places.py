"""Files that a spec names: paths in it are relative to the spec, those of the command line are not.

A path that leads to nothing there is left as it is, relative to the working directory: so are the
specs of runs, whose folders hold no data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAMES_A_FILE = (("connectome", "source"), ("connectome", "path"), ("data", "path"))
"""The keys of the core, and of sources that read files."""


def rebase(document: dict[str, Any], folder: Path) -> None:
    """Have the paths of a spec in a folder lead where they lead from there."""
    for section, key in NAMES_A_FILE:
        table = document.get(section)
        given = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(given, str) and given:
            there = folder / given
            # A registered source's name is no path, whatever lies beside the spec.
            if (key == "path" or Path(given).suffix or "/" in given) and there.exists():
                table[key] = str(there)
