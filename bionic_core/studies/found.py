"""What a path holds that there are results of: a run, or a study among those of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import attrs

from bionic_core.base.files import check_file, present
from bionic_core.base.json_files import read_json
from bionic_core.base.printed import printable
from bionic_core.base.records import from_document
from bionic_core.errors import DamagedError, RequestError
from bionic_core.runs import files
from bionic_core.runs.files import RESULT
from bionic_core.runs.find import find_run, means_a_run
from bionic_core.statistics.designs import word
from bionic_core.studies.results import AblationResults, FactorialResults, StudyResults, StudyRun

STUDIES: Mapping[str, type[FactorialResults] | type[AblationResults]] = {
    "factorial": FactorialResults,
    "ablation": AblationResults,
}
"""Results by the kind of study, which their files' names begin with."""


@attrs.frozen
class Found:
    """What a path holds.

    Attributes:
        kind: ``run``, or one of :data:`STUDIES`.
        path: a run's folder, or a study's JSON.
        study: what that says.
        within: files of other studies in its folder, whose runs this one has too.
    """

    kind: str
    path: Path
    study: StudyResults | None = None
    within: tuple[Path, ...] = ()

    @property
    def words(self) -> str:
        """What a study is, to choose it by: its kind, design and seeds."""
        study = self.study
        if study is None:
            return self.kind
        design = study.design
        factors = [
            f.name if self.kind == "ablation" else f"{f.name} {'/'.join(map(word, f.levels))}"
            for f in design.factors
        ]
        without = "without each of " if self.kind == "ablation" else ""
        seeds = ", ".join(map(str, design.seeds))
        return f"{self.kind} of {study.name}, {without}{', '.join(factors)}; seeds {seeds}"

    def contains(self, other: Found | None) -> bool:
        """Say whether a study of this kind has all runs of another."""
        if other is None or self.study is None or other.study is None or self.kind != other.kind:
            return False
        theirs, ours = (
            {Path(cell.run or "").name for cell in study.cells}
            for study in (other.study, self.study)
        )
        return theirs <= ours

    def run(self, cell: StudyRun) -> Path | None:
        """Return the folder of a cell's run, beside the study, else as noted; None if gone.

        Raises:
            DamagedError: it is a link.
        """
        if not cell.run:
            return None
        beside = self.path.parent / Path(cell.run).name
        folder = next((p for p in (beside, Path(cell.run)) if present(p / RESULT)), None)
        if folder is not None and folder.is_symlink():
            raise DamagedError(
                "is a link, and a study's runs are read from folders of their own only. Copy the "
                "study with what its links lead to (cp -rL) if you trust it",
                where=str(folder),
            )
        return folder


def find_results(path: Path) -> Found:
    """Return what a path is: a run's folder, a study's folder, or a study's JSON file."""
    if means_a_run(path):
        return Found("run", find_run(path).folder)
    if not path.exists():
        raise RequestError("no such file or folder", where=str(path))
    if not path.is_dir():
        check_file(path)
        return _study(path)
    if present(path / files.SPEC) and present(path / files.MANIFEST):
        return Found("run", path)
    studies = [file for kind in STUDIES for file in sorted(path.glob(f"{kind}-*.json"))]
    if not studies:
        raise RequestError(_nothing(path), where=str(path))
    return _study(studies[0]) if len(studies) == 1 else _newest(path, studies)


def _newest(folder: Path, studies: Sequence[Path]) -> Found:
    """Return the newest study if all others are of its kind, and it holds their runs.

    Raises:
        RequestError: it does not; all are told with date, design and seeds.
    """
    dated: list[tuple[float, Path, Found | None]] = []
    for file in studies:
        found = None
        with suppress(RequestError):
            found = _study(file)
        dated.append((file.lstat().st_mtime, file, found))
    dated.sort(key=lambda one: -one[0])
    newest = dated[0][2]
    if newest is not None and all(newest.contains(found) for _, _, found in dated[1:]):
        return attrs.evolve(newest, within=tuple(file for _, file, _ in dated[1:]))
    told = [
        f"\n    {file}: {datetime.fromtimestamp(at).strftime('%Y-%m-%d %H:%M')}, "
        f"{'damaged' if found is None else found.words}"
        for at, file, found in dated
    ]
    raise RequestError(
        f"the results of {len(studies)} studies are here, the newest of which does not contain the "
        f"others; give the file of one of them (bionic report {dated[0][1]}):{''.join(told)}",
        where=str(folder),
    )


def _nothing(path: Path) -> str:
    """Say what a folder holds instead of studies, and what can be done."""
    runs = sorted(file.parent for file in path.glob(f"*/{files.MANIFEST}"))
    done = [run for run in runs if (run / files.RESULT).is_file()]
    if not runs:
        return (
            "there is nothing to report on: neither a run nor the results of a study. Give the "
            "--out folder of 'bionic ablate' or 'bionic factorial', or a run's folder"
        )
    single = f". A report of a single run: bionic report {done[0]}" if done else ""
    return (
        f"no study is finished here: there are {len(done)} finished runs and "
        f"{len(runs) - len(done)} unfinished ones, but no factorial-*.json and no ablation-*.json, "
        "which a study writes when its last run has ended. The command that began the study goes "
        f"on with it; nothing has been written{single}"
    )


def _study(path: Path) -> Found:
    kind, dash, _ = path.name.partition("-")
    if not (kind in STUDIES and dash and path.suffix == ".json"):
        names = " or ".join(f"{name}-*.json" for name in STUDIES)
        raise RequestError(
            f"not the results of a study, whose file is named {names}. Give such a file, the "
            "folder that it is in, or a run's folder",
            where=str(path),
        )
    document = read_json(path)
    cls = STUDIES[kind]
    wanted = [f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING]
    there = document if isinstance(document, dict) else {}
    if lacks := [key for key in wanted if key not in there]:
        raise RequestError(
            f"damaged, or not the results of a study: it lacks {', '.join(lacks)}", where=str(path)
        )
    return Found(kind, path, from_document(cls, printable(document), where=str(path)))
