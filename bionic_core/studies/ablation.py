"""The leave-one-out study (§3.5, §4.2): the full model, then each mechanism taken out, × seeds.

What every variant reaches is as in Table 4 (mean ± sample SD over seeds). What a mechanism changes
is the full model's test accuracy less the variant's, in percentage points, as in Tables 5 and 6: a
positive number says that the mechanism helps. Intervals and corrections are those of
:mod:`bionic_core.statistics.comparisons`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from bionic_core.errors import BionicError, RequestError
from bionic_core.model.assembly import build
from bionic_core.model.network import Network
from bionic_core.model.sizes import ParameterCounts, parameter_counts
from bionic_core.registry import Registry
from bionic_core.runs.evaluate import divergence_of
from bionic_core.runs.result import Seen
from bionic_core.spec.requirements import dependents
from bionic_core.spec.spec import Spec
from bionic_core.spec.variants import Variants
from bionic_core.statistics.comparisons import (
    ASSUMPTIONS,
    Comparisons,
    Difference,
    Summary,
    compare,
    means,
)
from bionic_core.statistics.crossed import Over
from bionic_core.statistics.designs import Design, Factor, Layout, check_size, leave_one_out
from bionic_core.statistics.power import detectable_differences
from bionic_core.statistics.spreads import SPREADS
from bionic_core.statistics.until import Rule
from bionic_core.statistics.verdicts import margin_of
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment, study_name
from bionic_core.studies.factors import cell_spec
from bionic_core.studies.idle import check_left_out
from bionic_core.studies.over_images import (
    JUDGING,
    Judging,
    about_images_left,
    images_of,
)
from bionic_core.studies.responses import PERCENT, learned_nothing, missing_notes
from bionic_core.studies.results import (
    ACCURACY,
    AblationResults,
    Pool,
    StudyRun,
    Variant,
    save_ablation,
)
from bionic_core.studies.shapes import connectome_of
from bionic_core.training.figures import PlainFigures
from bionic_core.training.recipe import recipe_of

FULL = "full"
"""The variant with everything on."""


@attrs.frozen(eq=False)
class Ablation:
    """A planned leave-one-out study.

    Attributes:
        experiment: its design and specs, the full model first.
        kinds: of each left-out mechanism, ``structural`` or ``functional``, by name.
        parameters: of each cell.
        notes: what a reader must know, a sentence each.
    """

    experiment: Experiment
    kinds: Mapping[str, str]
    parameters: tuple[ParameterCounts, ...]
    notes: tuple[str, ...] = ()


def plan_ablation(
    spec: Spec,
    mechanisms: Sequence[str],
    seeds: Sequence[int],
    registry: Registry,
    void: bool = False,
) -> Ablation:
    """Return the study that leaves mechanisms out of a spec, one at a time.

    What requires a mechanism goes out with it, and the term says so. Every cell is built once, so
    that a spec that cannot be built is found before anything is trained.

    Args:
        spec: the full model.
        mechanisms: to leave out; if none are named, all that act and that can be left out.
        void: whether those that are named may do nothing, which is then said.
        seeds: all different; each variant is run once with each.
        registry: the plugins that can be named.

    Raises:
        RequestError: a mechanism is not in the spec, named twice, or does nothing, there is none to
            leave out, or a cell cannot be built.
    """
    check_size((), seeds, len(mechanisms or spec.mechanisms) + 1)
    variants, connectome = Variants(spec, registry), connectome_of(spec)

    def built(cell: Spec) -> Network:
        recipe_of(cell)
        return build(cell, connectome=connectome)

    full = built(spec)
    nothing = check_left_out(spec, full, mechanisms, void=void)
    left = "so that leaving it out changes nothing" if mechanisms else "so that it is not left out"
    notes = [f"mechanism '{name}' does nothing, {left}: {why}" for name, why in nothing.items()]
    whole = parameter_counts(full)
    parameters: dict[str, ParameterCounts] = {}
    for name in mechanisms or [name for name in spec.mechanisms if name not in nothing]:
        try:
            parameters[name] = parameter_counts(built(variants.of([name], {})))
        except RequestError as error:
            if mechanisms:
                raise
            notes.append(f"{name} stays in every variant: without it, {'; '.join(error.problems)}")
    if not parameters:
        raise RequestError("there is no mechanism to leave out", where=spec.where)
    factors = [
        Factor(name, (False, True), tuple(sorted(dependents([name], spec.mechanisms))))
        for name in (mechanisms or parameters)
    ]
    design = leave_one_out(factors, tuple(seeds))
    specs = tuple(cell_spec(variants, cell) for cell in design.cells)
    titles = ("nothing left out", *(f"without {factor.term}" for factor in factors))
    kinds = {name: spec.mechanisms[name].kind for name in parameters}
    sizes = (whole, *(parameters[factor.name] for factor in factors))
    return Ablation(Experiment(spec, design, specs, titles), kinds, sizes, tuple(notes))


def layout(ablation: Ablation) -> Layout:
    """Return the design, with the kinds of the left-out mechanisms."""
    return attrs.evolve(ablation.experiment.design.layout, kinds=dict(ablation.kinds))


FEW = 5
"""From so many seeds on, intervals by seeds are not much wider than pooled ones."""

ONE_SEED = (
    "one seed: nothing tells what another seed would do, so there are no intervals; give --seeds 3"
)


def results(
    ablation: Ablation, cells: Sequence[Cell], judging: Judging = JUDGING
) -> AblationResults:
    """Return the whole study.

    Args:
        ablation: the plan.
        cells: its runs.
        judging: how sure differences are, by what, over what, and against which margin.

    Raises:
        BionicError: every run failed.
        RequestError: the runs tell nothing of their images.
    """
    finished = [cell.run for cell in cells if cell.run is not None]
    if not finished:
        raise BionicError(f"every run failed, the first with: {cells[0].error}")
    design = ablation.experiment.design
    table = table_of(cells, design)
    margin = margin_of("percentage points", judging.margin)
    found = compared(cells, design, judging)
    differences = [None, *found.differences]
    rows = [
        _variant(ablation, number, runs, differences[number]) for number, runs in enumerate(table)
    ]
    names = [rows[design.cells.index(cell.levels)].variant for cell in cells]
    first, count = finished[0], len(design.seeds)
    tested = first.result.test.images
    over = Over.of(count, tested, new=judging.images, repeated=count > 1)
    return AblationResults(
        name=ablation.experiment.spec.name,
        design=layout(ablation),
        rows=tuple(rows),
        cells=tuple(
            StudyRun.of(cell, variant=name) for cell, name in zip(cells, names, strict=True)
        ),
        pool=_pool(found, rows),
        detectable=detectable_differences(
            found.sd, len(design.factors), len(design.seeds), found.error
        ),
        notes=(
            *ablation.notes,
            over.said,
            *about_images_left(ACCURACY, judging),
            *_notes(ablation, found, rows, cells),
        ),
        selected_on=first.result.selected_on,
        test_images=tested,
        over=over,
        margin=margin,
        data=first.manifest["data"],
        connectome=first.manifest.get("connectome"),
        caveats=tuple(learned_nothing(cells)),
    )


def compared(cells: Sequence[Cell], design: Design, judging: Judging = JUDGING) -> Comparisons:
    """Return the differences of test accuracy, in points; a seed that lacks a variant has none.

    Args:
        cells: runs, perhaps not all.
        design: of the study.
        judging: as for :func:`results`.

    Raises:
        RequestError: the runs tell nothing of their images.
    """
    values = np.full((len(design.cells), len(design.seeds)), np.nan)
    done = []
    for number, row in enumerate(table_of(cells, design)):
        for cell in row:
            if cell.accuracy is not None:
                values[number, design.seeds.index(cell.seed)] = PERCENT * cell.accuracy
                done.append(cell)
    return compare(
        values,
        error=judging.error,
        images=images_of(done, ACCURACY).scaled(PERCENT) if judging.images else None,
        margin=margin_of("percentage points", judging.margin),
        looks=judging.looks,
    )


def _pool(found: Comparisons, rows: Sequence[Variant]) -> Pool:
    return Pool(
        variants=tuple(rows[row].variant for row in found.pool),
        sd=found.sd,
        degrees=found.degrees,
        spreads_p=found.spreads_p,
        error=found.error,
        assumption=ASSUMPTIONS[found.error],
    )


def _variant(
    ablation: Ablation, number: int, runs: Sequence[Cell], difference: Difference | None
) -> Variant:
    factor = ablation.experiment.design.factors[number - 1] if number else None
    return Variant(
        variant=f"without {factor.name}" if factor else FULL,
        mechanism=factor.name if factor else None,
        term=factor.term if factor else None,
        kind=ablation.kinds[factor.name] if factor else None,
        **figures(runs),
        parameters=ablation.parameters[number],
        difference=difference,
    )


def table_of(cells: Sequence[Cell], design: Design) -> list[list[Cell]]:
    """Sort runs into one list for each variant, in the order of the design's seeds."""
    ordered = sorted(cells, key=lambda cell: design.seeds.index(cell.seed))
    return [[cell for cell in ordered if cell.levels == levels] for levels in design.cells]


def figures(runs: Sequence[Cell]) -> dict[str, Summary]:
    """Return mean, SD and number of each of Table 4's figures over a variant's runs.

    Accuracies and F1 are fractions, losses nats; ``train_…`` are of the selected epoch, evaluated
    after it where the run has that, else as seen while training.
    """
    known = [cell.run.result for cell in runs if cell.run is not None]
    trained: list[PlainFigures | Seen] = [
        result.train_evaluated or result.train for result in known
    ]
    columns: dict[str, list[float]] = {
        "accuracy": [result.test.accuracy for result in known],
        "loss": [result.test.loss for result in known],
        "train_accuracy": [part.accuracy for part in trained],
        "train_loss": [part.loss for part in trained],
        "macro_f1": [result.test.macro_f1 for result in known],
        "kl": [divergence_of(cell.run) for cell in runs if cell.run is not None],
        "train_kl": [kl for part in trained if (kl := getattr(part, "kl", None)) is not None],
        "epochs": [result.epochs for result in known],
    }
    return {name: means(values) for name, values in columns.items()}


def _notes(
    ablation: Ablation, found: Comparisons, rows: Sequence[Variant], cells: Sequence[Cell]
) -> list[str]:
    design = ablation.experiment.design
    notes = [
        "difference: full model − variant, percentage points of test accuracy; 95 % intervals, p "
        f"and simultaneous intervals by {found.error}: {ASSUMPTIONS[found.error]}"
    ]
    if len(design.seeds) == 1:
        notes.append(ONE_SEED)
    elif found.error == "seeds" and len(design.seeds) < FEW:
        notes.append(
            f"{len(design.seeds)} seeds make intervals wide: t on {len(design.seeds) - 1} degrees "
            f"of freedom of each mechanism's own; {FEW} make them far narrower"
        )
    unsure = [
        str(row.term)
        for row in rows
        if row.difference and row.difference.estimate is not None and row.difference.low is None
    ]
    if unsure and len(design.seeds) > 1:
        notes.append(
            f"no interval of {', '.join(unsure)}: too few seeds finished, or differences that "
            "agree to the last digit, which says that accuracies are coarse, not certain"
        )
    if found.spreads_p is not None and found.widest is not None and found.spreads_p < SPREADS:
        held = "so that pooled intervals are wrong" if found.pool else "which intervals allow for"
        notes.append(
            f"{rows[found.widest].variant} spreads wider than the others (Brown–Forsythe p = "
            f"{found.spreads_p:.2g}), {held}"
        )
    notes += [
        f"{factor.term}: what requires {factor.name} goes out with it, so the change and the "
        "parameters are of all of them together"
        for factor in design.factors
        if factor.brings
    ]
    notes += missing_notes(cells, lambda cell: rows[design.cells.index(cell.levels)].variant)
    if any(cell.run and cell.run.result.train_evaluated is None for cell in cells):
        notes.append("train figures are as seen while training, on varied images")
    return notes


def save_results(
    root: Path, ablation: Ablation, results: AblationResults, rule: Rule | None = None
) -> Path:
    """Write the study's JSON and its table of runs (CSV) beside the runs; return the former.

    The file is named by the design, the base spec and the rule: the same request finds it again.
    """
    path = root / f"{study_name(ablation.experiment, 'ablation', rule)}.json"
    save_ablation(path, results)
    return path
