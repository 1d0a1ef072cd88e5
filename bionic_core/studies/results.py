"""What studies found, as it is shown, written beside the runs and read again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import field

from bionic_core.base.files import write_text
from bionic_core.base.records import OMITTED, to_document
from bionic_core.base.strict_json import json_text
from bionic_core.model.sizes import ParameterCounts
from bionic_core.statistics.comparisons import Difference, Summary
from bionic_core.statistics.crossed import Over
from bionic_core.statistics.designs import FactorLayout, Layout, Level, same_level, word
from bionic_core.statistics.findings import Findings
from bionic_core.statistics.power import Detectable
from bionic_core.statistics.until import Until
from bionic_core.statistics.verdicts import sentences
from bionic_core.studies.cell import Cell

ACCURACY = "test.accuracy"
"""The response of who names none."""

OPTIONAL: Mapping[str, Any] = {OMITTED: True}


@attrs.frozen(kw_only=True)
class StudyRun:
    """A run of a study.

    Attributes:
        variant: of a leave-one-out study, what the run is.
        run: its folder; None where it failed.
        accuracy: of the test images, a fraction.
        response: what is analysed, where that is another figure; None where the run lacks it.
        error: why it failed.
    """

    variant: str = field(default="", metadata=OPTIONAL)
    levels: Mapping[str, Level] = field(factory=dict)
    seed: int
    run: str | None = None
    accuracy: float | None = None
    response: float | Literal["accuracy"] | None = field(default="accuracy", metadata=OPTIONAL)
    error: str = field(default="", metadata=OPTIONAL)

    @classmethod
    def of(cls, cell: Cell, **more: Any) -> StudyRun:
        """Return the run of an experiment, with what else is known of it."""
        return cls(
            levels=dict(cell.levels),
            seed=cell.seed,
            run=str(cell.run.folder) if cell.run else None,
            accuracy=cell.accuracy,
            error=cell.error,
            **more,
        )

    @property
    def measured(self) -> float | None:
        """What is analysed."""
        return self.accuracy if self.response == "accuracy" else self.response


@attrs.frozen(kw_only=True, slots=False)  # two bases with slots cannot be joined
class FactorialHead:
    """What stands before the findings in a factorial study's file."""

    name: str
    design: Layout
    cells: tuple[StudyRun, ...]


@attrs.frozen(kw_only=True)
class FactorialResults(Findings, FactorialHead):  # fields in the file's order: the head's first
    """A factorial study: its runs, and everything that they say.

    Attributes:
        selected_on: the images that chose each run's epoch, ``validation`` or ``test``.
        data, connectome: in words.
        command: what was typed.
        file: where it was written.
        figures: that were drawn.
        until: of a study that went on until its effects were decided, when that was.
        caveats: what its answer cannot be read without, a sentence each.
    """

    selected_on: str | None = None
    data: str | None = None
    connectome: str | None = None
    command: str = field(default="", metadata=OPTIONAL)
    file: str = field(default="", metadata=OPTIONAL)
    figures: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    until: Until | None = field(default=None, metadata=OPTIONAL)
    caveats: tuple[str, ...] = field(default=(), metadata=OPTIONAL)

    @classmethod
    def of(
        cls, findings: Findings, name: str, design: Layout, cells: Iterable[StudyRun], **more: Any
    ) -> FactorialResults:
        """Return a study of findings."""
        found = {f.name: getattr(findings, f.name) for f in attrs.fields(Findings)}
        return cls(name=name, design=design, cells=tuple(cells), **found, **more)

    def at_pairs(
        self, one: FactorLayout, other: FactorLayout
    ) -> dict[tuple[int, int], list[float]]:
        """Return what runs measured, in the effects' units, by the places of two factors' levels.

        Args:
            one, other: factors of the design.
        """
        found: dict[tuple[int, int], list[float]] = {}
        for cell in self.cells:
            if cell.measured is not None:
                pair = _place(one, cell.levels), _place(other, cell.levels)
                found.setdefault(pair, []).append(self.response.scale * cell.measured)
        return found


NOTHING = Summary(None, None, 0)
"""Of no run."""


def _place(factor: FactorLayout, levels: Mapping[str, Level]) -> int:
    level = levels[factor.name]
    return next(n for n, known in enumerate(factor.levels) if same_level(known, level))


@attrs.frozen(kw_only=True)
class Variant:
    """The full model, or the model without a mechanism and what requires it.

    Attributes:
        mechanism, term, kind: of what is left out; None of the full model.
        accuracy, train_accuracy, macro_f1: fractions.
        loss, train_loss: nats; ``train_…`` are of the selected epoch.
        kl, train_kl: divergence to the smoothed target, nats; of no run where runs are older.
        difference: the full model's accuracy less this one's, in percentage points.
    """

    variant: str
    mechanism: str | None
    term: str | None
    kind: str | None
    accuracy: Summary
    loss: Summary
    train_accuracy: Summary
    train_loss: Summary
    macro_f1: Summary
    kl: Summary = field(default=NOTHING, metadata={OMITTED: True})
    train_kl: Summary = field(default=NOTHING, metadata={OMITTED: True})
    epochs: Summary
    parameters: ParameterCounts
    difference: Difference | None

    @property
    def change(self) -> Difference:
        """The difference; one of nothing for the full model."""
        return self.difference or Difference(None)


@attrs.frozen(kw_only=True)
class Pool:
    """What intervals are by, and the SD of a run; attributes as those of ``Comparisons``.

    Attributes:
        variants: whose variances are pooled; none unless the error is ``pooled``.
        error: empty in older files.
        assumption: of the error, in words.
    """

    variants: tuple[str, ...]
    sd: float | None
    degrees: int
    spreads_p: float | None = None
    error: str = ""
    assumption: str = ""


@attrs.frozen(kw_only=True)
class AblationResults:
    """A leave-one-out study: what each variant reaches, and what each mechanism changes.

    Attributes:
        rows: the full model first.
        test_images: how many there are.
        over, margin: as those of findings.
        selected_on, data, connectome, command, file, until, caveats: as :class:`FactorialResults`'.
    """

    name: str
    design: Layout
    rows: tuple[Variant, ...]
    cells: tuple[StudyRun, ...]
    pool: Pool | None = None
    detectable: Detectable
    notes: tuple[str, ...]
    selected_on: str | None = None
    test_images: int | None = None
    over: Over | None = None
    margin: float | None = None
    data: str | None = None
    connectome: str | None = None
    command: str = field(default="", metadata=OPTIONAL)
    file: str = field(default="", metadata=OPTIONAL)
    until: Until | None = field(default=None, metadata=OPTIONAL)
    caveats: tuple[str, ...] = field(default=(), metadata=OPTIONAL)

    @property
    def by(self) -> str:
        """What intervals are by, and over what they generalise."""
        told = self.pool.error if self.pool else ""
        return f"{told}, {self.over.words}" if told and self.over else told

    @property
    def named(self) -> dict[str, Difference]:
        """The differences by what is left out."""
        return {str(row.term): row.change for row in self.left_out}

    @property
    def decided(self) -> tuple[str, ...]:
        """What verdicts say, in sentences."""
        judged = {name: one.verdict for name, one in self.named.items()}
        return sentences(judged, self.margin, self.unit)

    @property
    def unit(self) -> str:
        """Of the differences, in words."""
        return "percentage points"

    @property
    def left_out(self) -> tuple[Variant, ...]:
        """The variants that lack a mechanism."""
        return tuple(row for row in self.rows if row.difference is not None)


StudyResults = FactorialResults | AblationResults


def save_factorial(path: Path, results: FactorialResults) -> None:
    """Write a study's JSON, and its table of runs (CSV) beside it."""
    names = [factor.name for factor in results.design.factors]
    if (draws := results.design.draws) is not None:  # its column stands behind its factor's
        names.insert(names.index(draws.factor) + 1, draws.column)
    others = [] if results.response.name == ACCURACY else [results.response.name]
    _save(
        path,
        results,
        [*names, "seed", "accuracy", *others, "run"],
        (
            [
                *(word(run.levels.get(name, "")) for name in names),
                run.seed,
                run.accuracy,
                *(run.measured for _ in others),
                run.run,
            ]
            for run in results.cells
        ),
    )


def save_ablation(path: Path, results: AblationResults) -> None:
    """Write a study's JSON, and its table of runs (CSV) beside it."""
    rows = ([run.variant, run.seed, run.accuracy, run.run] for run in results.cells)
    _save(path, results, ["variant", "seed", "accuracy", "run"], rows)


def _save(
    path: Path, results: StudyResults, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    write_text(path, json_text(to_document(results), indent=1))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    write_text(path.with_suffix(".csv"), text.getvalue())
