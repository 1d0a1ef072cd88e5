"""A paper's study, trained anew: what is planned, what is there, what came out beside the paper.

z = (ours − published) / √(SD² / n + SD_published² / n_published): how many standard errors of the
two means lie between them, the SDs being over seeds. It speaks of training anew on the images that
were tested on, not of other images: the sampling error of the test set is stated beside it. For a
change (Tables 5 and 6) our SD is that of the differences paired by seed, and the published one is
√(SD_full² + SD_without²), as no pairs are published. No z where either side has no SD (one seed,
Table 3), and none on losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from bionic_core.base.records import to_document
from bionic_core.errors import BionicError, RequestError
from bionic_core.model.assembly import build
from bionic_core.registry import Registry
from bionic_core.runs.folder import Run
from bionic_core.runs.identity import identity
from bionic_core.runs.inputs import InputCache
from bionic_core.runs.probe import probe
from bionic_core.spec.spec import Spec, compose, digest
from bionic_core.statistics.comparisons import means
from bionic_core.statistics.designs import Design
from bionic_core.studies.ablation import Ablation, figures, plan_ablation, results
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment
from bionic_core.studies.publication import Changes, Published, Variant
from bionic_core.studies.responses import PERCENT
from bionic_core.training.describe import parameter_counts
from bionic_core.training.recipe import recipe_of

FORMULA = (
    "z = (ours − published) / √(SD²/n + SD_published²/n_published), SDs over seeds; for a change, "
    "our SD is of the differences paired by seed, the published one √(SD_full² + SD_without²); at "
    "three seeds a side, |z| exceeds 2.8 by chance in 5 % of cases (t, 4 degrees of freedom)"
)

SCALES = {
    "accuracy": PERCENT,
    "loss": 1,
    "train_accuracy": PERCENT,
    "train_loss": 1,
    "macro_f1": 1,
}
"""Table 4's figures, and what ours are multiplied by to be in the paper's units."""


@attrs.frozen(eq=False)
class Reproduction:
    """What is trained for a paper.

    Attributes:
        ablation: of the main model.
        others: the paper's other models, an experiment of one cell each.
        parameters: of the others.
    """

    published: Published
    recipe: str
    ablation: Ablation
    others: Mapping[str, Experiment]
    parameters: Mapping[str, Mapping[str, int]]

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """All experiments, in the order in which they run."""
        return (*self.others.values(), self.ablation.experiment)

    @property
    def runs(self) -> int:
        """The number of runs."""
        return sum(experiment.design.runs for experiment in self.experiments)


def study_name(reproduction: Reproduction) -> str:
    """Return a name that is the same for the same request."""
    decides = [(e.spec.document(), e.design.to_json()) for e in reproduction.experiments]
    return f"{reproduction.recipe}-reproduction-{digest(decides)}"


def plan_reproduction(
    published: Published,
    recipe: str,
    open_spec: Callable[[str], Spec],
    seeds: Sequence[int],
    registry: Registry,
) -> Reproduction:
    """Return what a paper's tables need to be trained.

    Args:
        published: the paper.
        recipe: one of its recipes.
        open_spec: returns the spec of a name, with data and what else was asked for.
        seeds: all different.
        registry: the plugins that can be named.

    Raises:
        RequestError: there is no such recipe, or a spec cannot be built.
    """
    if recipe not in published.recipes:
        allowed = ", ".join(published.recipes)
        raise RequestError(f"the paper has no recipe '{recipe}'; it has {allowed}")
    specs = {}
    for name, model in published.recipes[recipe].models.items():
        spec = open_spec(model.spec)
        if model.like:
            spec = _alike(spec, open_spec(model.like), registry)
        specs[name] = spec
    ablation = plan_ablation(specs[published.main], published.mechanisms, seeds, registry)
    others, parameters = {}, {}
    for name, spec in specs.items():
        if name != published.main:
            connectome = spec.connectome.read() if spec.connectome is not None else None
            recipe_of(spec)
            parameters[name] = parameter_counts(build(spec, connectome=connectome))
            others[name] = Experiment(spec, Design((), ({},), (), tuple(seeds)), (spec,))
    return Reproduction(published, recipe, ablation, others, parameters)


def _alike(spec: Spec, other: Spec, registry: Registry) -> Spec:
    """Return a spec with the training of another, and its tables of the mechanisms of both."""
    document, model = spec.document(), other.document()
    document["training"] = model["training"]
    for name in document["mechanisms"]:
        if name in model["mechanisms"]:
            document["mechanisms"][name] = model["mechanisms"][name]
    return compose(document, name=spec.name, where=spec.where, registry=registry)


def estimate(
    reproduction: Reproduction, *, root: Path, device: str, jobs: int, cache: InputCache
) -> dict[str, Any]:
    """Return how long the missing runs will take, from a few seconds of each model's training.

    Every variant is taken to cost what the whole model costs, and every run to train for all its
    epochs; early stopping makes it less.
    """
    total, todo, each = 0.0, 0, {}
    for experiment in reproduction.experiments:
        missing = len(_missing(experiment, root, cache))
        inputs = cache.get(experiment.spec)
        seconds = probe(experiment.spec, inputs, device=device, jobs=jobs)
        each[experiment.spec.name] = seconds
        total += seconds * missing
        todo += missing
    return {"runs": todo, "seconds_per_run": each, "seconds": total / jobs}


def collect(reproduction: Reproduction, root: Path) -> list[list[Cell]]:
    """Return the finished runs of every experiment, without training any.

    Raises:
        RequestError: runs are missing; it names them.
    """
    cache = InputCache()
    missing: list[str] = []
    found: list[list[Cell]] = []
    for experiment in reproduction.experiments:
        gone = _missing(experiment, root, cache)
        missing += gone.values()
        found.append(
            [
                Cell(levels, seed, _run(spec, seed, root, cache))
                for seed in experiment.design.seeds
                for levels, spec in zip(experiment.design.cells, experiment.specs, strict=True)
            ]
            if not gone
            else []
        )
    if missing:
        shown = "; ".join(missing[:6]) + (f"; and {len(missing) - 6} more" if missing[6:] else "")
        raise RequestError(
            f"the study is not finished: {len(missing)} of {reproduction.runs} runs are missing "
            f"({shown}). Run the same command without --report-only to train them; nothing has "
            "been written",
            where=str(root),
        )
    return found


def _run(spec: Spec, seed: int, root: Path, cache: InputCache) -> Run:
    return Run(root / digest(identity(spec, seed, cache.get(spec))), reused=True)


def _missing(experiment: Experiment, root: Path, cache: InputCache) -> dict[tuple[int, int], str]:
    """Return the runs that are not complete, in words, by seed and cell."""
    words = {}
    for seed in experiment.design.seeds:
        for place, spec in enumerate(experiment.specs):
            if not _run(spec, seed, root, cache).done:
                out = sorted(set(experiment.spec.mechanisms) - set(spec.mechanisms))
                name = experiment.spec.name + (f" without {', '.join(out)}" if out else "")
                words[seed, place] = f"{name}, seed {seed}"
    return words


def compare_with_paper(
    reproduction: Reproduction, cells: Sequence[Sequence[Cell]]
) -> dict[str, Any]:
    """Return all tables as JSON-ready data: published, ours, difference, z.

    Args:
        reproduction: the plan.
        cells: of each experiment, as ``run_experiment`` or :func:`collect` return them.

    Raises:
        BionicError: every run failed.
    """
    from bionic_core.studies.per_class import appendix, table3

    published = reproduction.published
    study = to_document(results(reproduction.ablation, cells[-1]))
    runs = {name: list(part) for name, part in zip(reproduction.others, cells, strict=False)}
    ours = {row["mechanism"] or published.main: row for row in study["rows"]}
    ours |= {
        name: to_document(figures(part)) | {"parameters": dict(reproduction.parameters[name])}
        for name, part in runs.items()
    }
    last = _last_runs(reproduction, cells)
    images = study["test_images"]
    base = ours[published.main]["accuracy"]["mean"]
    if base is None:
        raise BionicError("every run of the full model failed, so there is nothing to compare")
    sampling = PERCENT * math.sqrt(base * (1 - base) / images)
    failed = [cell for part in cells for cell in part if cell.error]
    return {
        "paper": {"title": published.title, "authors": published.authors, "code": published.code},
        "recipe": {
            "name": reproduction.recipe,
            "text": published.recipes[reproduction.recipe].text,
        },
        "test_images": {"ours": images, "published": published.test_images},
        "seeds": {"ours": len(study["design"]["seeds"]), "published": published.seeds},
        "data": {"ours": study["data"], "published": published.data},
        "connectome": study["connectome"],
        "selected_on": {"ours": study["selected_on"], "published": published.selection},
        "sampling_error": sampling,
        "formula": FORMULA,
        "table3": table3(published, last),
        "table4": [
            _row(row, ours[row.without or row.model], published) for row in published.table4
        ],
        "table5": _changes(published.table5, published, study),
        "table6": _changes(published.table6, published, study),
        "appendix": {"title": published.appendix, "variants": appendix(last)},
        "detectable": study["detectable"],
        "notes": [*published.notes, *study["notes"]],
        "failed": [f"seed {cell.seed}: {cell.error}" for cell in failed],
    }


def _last_runs(
    reproduction: Reproduction, cells: Sequence[Sequence[Cell]]
) -> list[tuple[str, str, Run | None]]:
    """Return label, model (or nothing) and last seed's run of each row of Table 4."""
    found = []
    names = list(reproduction.others)
    design = reproduction.ablation.experiment.design
    seed = design.seeds[-1]
    for row in reproduction.published.table4:
        if row.model in names:
            part, levels = cells[names.index(row.model)], {}
        else:
            places = [factor.name for factor in design.factors]
            place = places.index(row.without) + 1 if row.without else 0
            part, levels = cells[-1], dict(design.cells[place])
        cell = next(c for c in part if c.seed == seed and dict(c.levels) == levels)
        found.append((row.label, row.model, cell.run))
    return found


def _beside(
    published: float, sd: float | None, n: int, ours: Mapping[str, Any], scale: float, judge: bool
) -> dict[str, Any]:
    """Return a published figure beside ours, their difference, and z where there is one."""
    mean = None if ours["mean"] is None else scale * ours["mean"]
    own = None if ours["sd"] is None else scale * ours["sd"]
    z = None
    if judge and mean is not None and own is not None and sd is not None:
        error = math.sqrt(own**2 / ours["n"] + sd**2 / n)
        z = (mean - published) / error if error > 0 else None
    return {
        "published": published,
        "published_sd": sd,
        "ours": mean,
        "ours_sd": own,
        "n": ours["n"],
        "difference": None if mean is None else mean - published,
        "z": z,
    }


def _row(row: Variant, ours: Mapping[str, Any], published: Published) -> dict[str, Any]:
    document: dict[str, Any] = {"label": row.label, "model": row.model, "without": row.without}
    for name, scale in SCALES.items():
        mean, sd = getattr(row, name)
        judged = not name.endswith("loss")
        document[name] = _beside(mean, sd, published.seeds, ours[name], scale, judged)
    allocated = ours["parameters"]["allocated"]
    document["parameters"] = {
        "published": row.parameters,
        "ours": allocated,
        "effective": ours["parameters"]["effective"],
        "difference": allocated - row.parameters,
    }
    return document


def _changes(table: Changes, published: Published, study: Mapping[str, Any]) -> dict[str, Any]:
    """Return Table 5 or 6: the paper's rows, then what else we have of that kind."""
    rows = {row["mechanism"]: row for row in study["rows"] if row["mechanism"]}
    listed = {row.without: row for row in table.rows}
    elsewhere = {
        row.without for other in (published.table5, published.table6) for row in other.rows
    } - set(listed)
    more = [
        name
        for name, row in rows.items()
        if row["kind"] == table.kind and name not in listed and name not in elsewhere
    ]
    paired = _paired(study)
    whole, found = published.whole, []
    for name in (*listed, *more):
        line = published.row(name)
        assert line is not None
        sd = math.hypot(whole.accuracy[1], line.accuracy[1])
        change = listed[name].change if name in listed else whole.accuracy[0] - line.accuracy[0]
        document = {
            "label": listed[name].label if name in listed else rows[name]["term"],
            "term": rows[name]["term"],
            "listed": name in listed,
            "kind": rows[name]["kind"],
            **_beside(round(change, 4), sd, published.seeds, paired[name], 1, judge=True),
        }
        low_high = {key: rows[name]["difference"][key] for key in ("low", "high", "p_adjusted")}
        found.append(document | low_high)
    known = [row["ours"] for row in found if row["listed"] and row["ours"] is not None]
    return {
        "title": table.title,
        "rows": found,
        "range": {
            "published": list(table.range),
            "ours": [min(known), max(known)] if known else None,
        },
    }


def _paired(study: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return mean, SD and number of the differences full − without, by seed, in points."""
    accuracy: dict[str, dict[int, float]] = {}
    for cell in study["cells"]:
        if cell["accuracy"] is not None:
            accuracy.setdefault(cell["variant"], {})[cell["seed"]] = PERCENT * cell["accuracy"]
    whole = accuracy.get(study["rows"][0]["variant"], {})
    found = {}
    for row in study["rows"][1:]:
        other = accuracy.get(row["variant"], {})
        paired = means([whole[s] - other[s] for s in whole if s in other])
        found[row["mechanism"]] = to_document(paired)
    return found
