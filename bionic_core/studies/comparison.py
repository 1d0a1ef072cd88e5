"""What came out of a paper's study, trained anew, beside the paper: each of its tables again.

z = (ours − published) / √(SD² / n + SD_published² / n_published): how many standard errors of the
two means lie between them, the SDs being over seeds. It speaks of training anew on the images that
were tested on, not of other images: the sampling error of the test set is stated beside it. For a
change our SD is that of the differences paired by seed, and the published one is
√(SD_full² + SD_without²), as no pairs are published. No z where either side has no SD (one seed,
a table of one run), and none where the paper's file says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from bionic_core.errors import BionicError
from bionic_core.model.sizes import ParameterCounts
from bionic_core.runs.evaluate import class_figures
from bionic_core.runs.folder import Run
from bionic_core.statistics.comparisons import Summary, means
from bionic_core.studies.ablation import FULL, figures, results
from bionic_core.studies.cell import Cell
from bionic_core.studies.publication import (
    ChangeTable,
    ClassTable,
    FigureName,
    Published,
    Variant,
    VariantTable,
)
from bionic_core.studies.reproduced import (
    Beside,
    ChangeBeside,
    ChangesBeside,
    ClassBeside,
    Errors,
    ErrorsBeside,
    Judged,
    Paper,
    Range,
    Recipe,
    Reproduced,
    Sides,
    Sizes,
    VariantBeside,
)
from bionic_core.studies.reproduction import Reproduction
from bionic_core.studies.responses import PERCENT
from bionic_core.studies.results import AblationResults
from bionic_core.studies.results import Variant as Trained
from bionic_core.training.figures import ClassFigures, Figures
from bionic_core.training.metrics import numbers_of

FORMULA = (
    "z = (ours − published) / √(SD²/n + SD_published²/n_published), SDs over seeds; for a change, "
    "our SD is of the differences paired by seed, the published one √(SD_full² + SD_without²); at "
    "three seeds a side, |z| exceeds 2.8 by chance in 5 % of cases (t, 4 degrees of freedom)"
)


LastRun = tuple[Variant, Run | None]
"""A variant, and its run with the last seed; None where that failed."""


def compare_with_paper(reproduction: Reproduction, cells: Sequence[Sequence[Cell]]) -> Reproduced:
    """Return all tables: published, ours, difference, z.

    Args:
        reproduction: the plan.
        cells: of each experiment, as ``run_experiment`` or ``collect`` return them.

    Raises:
        BionicError: every run failed.
    """
    published = reproduction.published
    study = results(reproduction.ablation, cells[-1])
    ours = {row.mechanism or published.main: row for row in study.rows}
    for name, part in zip(reproduction.others, cells, strict=False):
        ours[name] = _alone(name, part, reproduction.parameters[name])
    base, images = ours[published.main].accuracy.mean, study.test_images
    if base is None or images is None:
        raise BionicError("every run of the full model failed, so there is nothing to compare")
    last = list(_last_runs(reproduction, cells))
    errors = tuple(_errors(variant, run) for variant, run in last)
    return Reproduced(
        paper=Paper(published.title, published.authors, published.code),
        recipe=Recipe(reproduction.recipe, published.recipes[reproduction.recipe].text),
        test_images=Sides(images, published.test_images),
        seeds=Sides(len(study.design.seeds), published.seeds),
        data=Sides(str(study.data), published.data),
        connectome=study.connectome,
        selected_on=Sides(str(study.selected_on), published.selection),
        sampling_error=PERCENT * math.sqrt(base * (1 - base) / images),
        formula=FORMULA,
        classes={key: _classes(table, last) for key, table in published.classes.items()},
        variants={
            key: tuple(
                _variant(row, table, ours[row.without or row.model], published.seeds)
                for row in table.rows
            )
            for key, table in published.variants.items()
        },
        changes={key: _changes(t, published, study) for key, t in published.changes.items()},
        errors={key: ErrorsBeside(t.caption, errors) for key, t in published.errors.items()},
        detectable=study.detectable,
        notes=(*published.notes, *study.notes),
        failed=tuple(f"seed {c.seed}: {c.error}" for part in cells for c in part if c.error),
    )


def _alone(name: str, cells: Sequence[Cell], parameters: ParameterCounts) -> Trained:
    """Return a model that nothing is left out of."""
    return Trained(
        variant=name,
        mechanism=None,
        term=None,
        kind=None,
        **figures(cells),
        parameters=parameters,
        difference=None,
    )


def _last_runs(reproduction: Reproduction, cells: Sequence[Sequence[Cell]]) -> Iterator[LastRun]:
    """Give each variant with its run of the last seed."""
    names = list(reproduction.others)
    design = reproduction.ablation.experiment.design
    places = [factor.name for factor in design.factors]
    for row in reproduction.published.rows:
        if row.model in names:
            part, levels = cells[names.index(row.model)], {}
        else:
            place = places.index(row.without) + 1 if row.without else 0
            part, levels = cells[-1], dict(design.cells[place])
        yield (
            row,
            next(
                cell.run for cell in part if cell.seed == design.seeds[-1] and cell.levels == levels
            ),
        )


def _classes(table: ClassTable, runs: Sequence[LastRun]) -> tuple[ClassBeside, ...]:
    ours = {row.model: class_figures(run) for row, run in runs if row.model and run is not None}
    rows = []
    for row in table.rows:
        models = {}
        for model, published in row.figures.items():
            found = _of(ours.get(model), row.names, row.average)
            models[model] = {
                name: Beside(value, found.get(name), found[name] - value if name in found else None)
                for name, value in published.items()
            }
        rows.append(ClassBeside(row.label, models))
    return tuple(rows)


def _of(ours: Figures | None, names: Sequence[str], average: str) -> Mapping[str, float]:
    """Return figures of a class, or of an average over classes."""
    if ours is None:
        return {}
    if average:
        numbers, start = _numbers(ours), f"{average}_"
        found = {k.removeprefix(start): numbers[k] for k in numbers if k.startswith(start)}
        return found or {average: numbers[average]}
    lowered = {name.lower(): part for name, part in ours.classes.items()}
    return next((_numbers(lowered[name]) for name in names if name in lowered), {})


def _numbers(figures: Figures | ClassFigures) -> dict[str, float]:
    return {name: value for name, value in numbers_of(figures).items() if value is not None}


def _errors(variant: Variant, run: Run | None) -> Errors:
    if run is None:
        return Errors(variant.label, None)
    ours = class_figures(run)
    return Errors(
        variant.label,
        str(run.folder),
        run.manifest["seed"],
        tuple(ours.classes),
        ours.confusion,
        {name: part.auc for name, part in ours.classes.items()},
    )


def judged(
    published: float, sd: float | None, n: int, ours: Summary, scale: float, z: bool
) -> Judged:
    """Return a published mean beside ours, their difference, and z where there is one.

    Args:
        published: the mean.
        sd: of ``n`` published runs.
        n: of them.
        ours: of our runs.
        scale: what ours is multiplied by.
        z: whether to judge.
    """
    mean = None if ours.mean is None else scale * ours.mean
    own = None if ours.sd is None else scale * ours.sd
    errors = None
    if z and mean is not None and own is not None and sd is not None:
        error = math.sqrt(own**2 / ours.n + sd**2 / n)
        errors = (mean - published) / error if error > 0 else None
    difference = None if mean is None else mean - published
    return Judged(published, sd, mean, own, ours.n, difference, errors)


def _variant(row: Variant, table: VariantTable, ours: Trained, seeds: int) -> VariantBeside:
    columns = {column.figure: column for column in table.columns}
    found: dict[FigureName, Judged] = {}
    for name in get_args(FigureName):
        if name in columns:
            scale = PERCENT if name.endswith("accuracy") else 1
            mean, sd = getattr(row, name)
            found[name] = judged(
                mean, sd, seeds, getattr(ours, columns[name].ours or name), scale, columns[name].z
            )
    own = ours.parameters
    sizes = Sizes(row.parameters, own.allocated, own.effective, own.allocated - row.parameters)
    return VariantBeside(row.label, row.model, row.without, found, sizes, row.note)


def _changes(table: ChangeTable, published: Published, study: AblationResults) -> ChangesBeside:
    """Return the paper's rows, then what else we have of that kind."""
    ours = {row.mechanism: row for row in study.left_out if row.mechanism}
    listed = {row.without: row for row in table.rows}
    everywhere = {row.without for other in published.changes.values() for row in other.rows}
    more = [name for name, row in ours.items() if row.kind == table.kind and name not in everywhere]
    paired = _paired(study)
    whole, rows = published.whole, []
    for name in (*listed, *more):
        line, row = published.row(name), ours[name]
        assert line is not None
        sd = math.hypot(whole.accuracy[1], line.accuracy[1])
        change = listed[name].change if name in listed else whole.accuracy[0] - line.accuracy[0]
        rows.append(
            ChangeBeside(
                listed[name].label if name in listed else str(row.term),
                str(row.term),
                name in listed,
                str(row.kind),
                judged(round(change, 4), sd, published.seeds, paired[name], 1, z=True),
                row.change.low,
                row.change.high,
                row.change.p_adjusted,
                line.note,
            )
        )
    known = [row.change.ours for row in rows if row.listed and row.change.ours is not None]
    own = (min(known), max(known)) if known else None
    return ChangesBeside(table.title, tuple(rows), Range(table.range, own))


def _paired(study: AblationResults) -> dict[str, Summary]:
    """Return mean, SD and number of the differences full − without, by seed, in points."""
    accuracy: dict[str, dict[int, float]] = {}
    for run in study.cells:
        if run.accuracy is not None:
            accuracy.setdefault(run.variant, {})[run.seed] = PERCENT * run.accuracy
    whole = accuracy.get(FULL, {})
    return {
        str(row.mechanism): means([whole[seed] - other[seed] for seed in whole if seed in other])
        for row in study.left_out
        for other in [accuracy.get(row.variant, {})]
    }
