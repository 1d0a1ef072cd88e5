"""What a folder holds that a report can be of: a run, or the results of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import attrs

from bionic_core.base.files import present, read_own
from bionic_core.base.records import from_document
from bionic_core.errors import DamagedError, RequestError
from bionic_core.reports.html import printable
from bionic_core.studies.results import AblationResults, FactorialResults, StudyResults, StudyRun

STUDIES: Mapping[str, type[FactorialResults] | type[AblationResults]] = {
    "factorial": FactorialResults,
    "ablation": AblationResults,
}
"""Results by the kind of study, which their files' names begin with."""


@attrs.frozen
class Found:
    """Something to report on.

    Attributes:
        kind: one of :data:`STUDIES`, or ``run``.
        path: the run's folder, or the study's JSON file.
        study: its results; None for a run.
    """

    kind: str
    path: Path
    study: StudyResults | None = None

    @property
    def page(self) -> Path:
        """Where its page is written if nobody says where."""
        return self.path / "report.html" if self.kind == "run" else self.path.with_suffix(".html")

    def run(self, cell: StudyRun) -> Path | None:
        """Return the folder of a cell's run, beside the study, else as noted; None if gone.

        Raises:
            DamagedError: it is a link.
        """
        if not cell.run:
            return None
        beside = self.path.parent / Path(cell.run).name
        folder = next((p for p in (beside, Path(cell.run)) if present(p / "result.json")), None)
        if folder is not None and folder.is_symlink():
            raise DamagedError(
                "is a link, and a study's runs are read from folders of their own only. Copy the "
                "study with what its links lead to (cp -rL) if you trust it",
                where=str(folder),
            )
        return folder


def find(path: Path) -> Found:
    """Return what a path is: a run's folder, a study's folder, or a study's JSON file.

    Raises:
        RequestError: there is nothing to report on, or more than one study to choose from.
        DamagedError: a study's file is a link, or no file, or something in it is of another kind
            than what bionic writes.
    """
    if not path.exists():
        raise RequestError("no such file or folder", where=str(path))
    if not path.is_dir():
        return _study(path)
    if present(path / "spec.toml") and present(path / "manifest.json"):
        return Found("run", path)
    studies = sorted(file for kind in STUDIES for file in path.glob(f"{kind}-*.json"))
    if len(studies) == 1:
        return _study(studies[0])
    if studies:
        files = "".join(f"\n    {file}" for file in studies)
        problem = (
            f"the results of {len(studies)} studies are here; give the file of one of them:{files}"
        )
    else:
        problem = _nothing(path)
    raise RequestError(problem, where=str(path))


def _nothing(path: Path) -> str:
    runs = sorted(file.parent for file in path.glob("*/manifest.json"))
    done = [run for run in runs if (run / "result.json").is_file()]
    if not runs:
        return (
            "there is nothing to report on: neither a run nor the results of a study. Give the "
            "--out folder of 'bionic ablate' or 'bionic factorial', or a run's folder"
        )
    text = (
        f"no study is finished here: there are {len(done)} finished runs and "
        f"{len(runs) - len(done)} unfinished ones, but no factorial-*.json and no "
        "ablation-*.json, which a study writes when its last run has ended. The command that "
        "began the study goes on with it; nothing has been written"
    )
    return f"{text}. A report of a single run: bionic report {done[0]}" if done else text


def _study(path: Path) -> Found:
    kind, dash, _ = path.name.partition("-")
    if not (kind in STUDIES and dash and path.suffix == ".json"):
        names = " or ".join(f"{name}-*.json" for name in STUDIES)
        raise RequestError(
            f"not the results of a study, whose file is named {names}. Give such a file, the "
            "folder that it is in, or a run's folder",
            where=str(path),
        )
    try:
        document = json.loads(read_own(path).decode())
    except (ValueError, RecursionError) as error:
        raise RequestError(f"damaged: {error}", where=str(path)) from error
    cls = STUDIES[kind]
    wanted = [f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING]
    there = document if isinstance(document, dict) else {}
    if lacks := [key for key in wanted if key not in there]:
        raise RequestError(
            f"damaged, or not the results of a study: it lacks {', '.join(lacks)}", where=str(path)
        )
    return Found(kind, path, from_document(cls, printable(document), where=str(path)))
