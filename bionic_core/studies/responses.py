"""Responses: which figure of a run an experiment is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bionic_core.statistics.designs import in_words

if TYPE_CHECKING:
    from bionic_core.studies.cell import Cell

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bionic_core.errors import RequestError
from bionic_core.statistics.designs import same_level
from bionic_core.statistics.findings import Response
from bionic_core.training.figures import Figures
from bionic_core.training.metrics import PARTS, figure_of

if TYPE_CHECKING:
    from bionic_core.runs.images_and_wiring import Inputs
    from bionic_core.runs.result import Result
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.cell import Cell

SHOWN = 6
"""Missing runs that are told one by one."""

PERCENT = 100
"""Accuracies are fractions, effects percentage points."""

SHARES = ("accuracy", "precision", "recall", "f1", "auc", "error")
"""Figures whose names end so are fractions."""

UNITS = {"seconds": "s", "epochs": "epochs", "best_epoch": "epochs", "loss": "nats"}


def response_of(name: str) -> Response:
    """Return the response that a figure of a run is, with the unit of its effects."""
    figure = name.split(".")[1] if name.partition(".")[0] in PARTS and "." in name else name
    if figure.endswith(SHARES):
        return Response(name, "percentage points", PERCENT)
    return Response(name, UNITS.get(figure, ""))


def full_name(name: str) -> str:
    """Return a figure's whole name: ``accuracy`` is the test's."""
    return "test.accuracy" if name == "accuracy" else name


def check_response(name: str, spec: Spec, inputs: Inputs | None = None) -> None:
    """Check, before anything is trained, that a spec's runs will have a figure.

    Args:
        name: of the figure.
        spec: what will be trained.
        inputs: its data, read if None.

    Raises:
        RequestError: they will not, or the data cannot be read.
    """
    if name in ("test.accuracy", "seconds", "epochs"):
        return
    import torch

    from bionic_core.runs.images_and_wiring import load_inputs
    from bionic_core.runs.result import Result, Seen
    from bionic_core.training.metrics import full_metrics

    names = (inputs or load_inputs(spec)).data.class_names
    each = torch.arange(len(names))
    figures = full_metrics(torch.eye(len(names)), each.numpy(), names)
    result = Result(
        epochs=1,
        best_epoch=1,
        selected_on="validation",
        train=Seen(0.0, 1.0),
        validation=figures,
        test=figures,
        seconds=1.0,
        images_per_second=1.0,
    )
    try:
        figure_of(result, name)
    except RequestError as error:
        raise RequestError(list(error.problems), where="--response") from None


def figure(cell: Cell, name: str) -> float | None:
    """Return a figure of a cell's run; None where it failed, or has none that is a number."""
    if cell.run is None:
        return None
    try:
        value = figure_of(cell.run.result, name)
    except RequestError:
        return None
    return value if math.isfinite(value) else None


def about_runs(known: Sequence[tuple[Cell, float | None]]) -> Iterator[str]:
    """Say in words which runs failed or learned nothing, and what follows.

    A run has learned nothing if its accuracy's interval reaches down to the share of the
    commonest class.
    """
    yield from missing_notes([cell for cell, _ in known])
    without = sum(value is None and cell.run is not None for cell, value in known)
    if without:
        yield (
            f"{without} of {len(known)} runs lack this figure; effects are of the others, with "
            "wider intervals"
        )
    yield from learned_nothing([cell for cell, _ in known])


def learned_nothing(cells: Sequence[Cell]) -> Iterator[str]:
    """Say how many runs learned nothing, and what follows for the study's answer."""
    runs = [cell for cell in cells if cell.run is not None]
    stuck = [cell for cell in runs if cell.run is not None and at_chance(cell.run.result)]
    if not stuck:
        return
    why = "(their test accuracy is within error of always naming the commonest class)"
    if len(stuck) == len(runs):
        yield (
            f"all {len(runs)} runs learned nothing {why}, so that nothing follows for what was "
            "asked: train longer, or on more images, and look at learning curves"
        )
        return
    common = {
        name: level
        for name, level in stuck[0].levels.items()
        if all(same_level(cell.levels[name], level) for cell in stuck)
    }
    whose = f"all of them with {in_words(common)}" if common else "of no level in common"
    yield (
        f"{len(stuck)} of {len(cells)} runs learned nothing {why}, {whose}. Effects mix how much "
        "is learned with whether anything is; look at their learning curves"
    )


def at_chance(result: Result) -> bool:
    """Say whether a run's test accuracy cannot be told from always naming the commonest class."""
    test = result.test
    if not isinstance(test, Figures):
        return False
    counts = [of_class.support for of_class in test.classes.values()]
    return test.interval[0] <= max(counts) / sum(counts)


def missing_notes(cells: Sequence[Cell], named: Callable[[Cell], str] | None = None) -> list[str]:
    """Return what a reader must know of the runs that failed, a sentence each; none if none did.

    Args:
        cells: every run that the design has, those that failed without a run.
        named: a combination's name; else its levels are told.
    """
    words = named or (lambda cell: in_words(cell.levels))
    lost = [cell for cell in cells if cell.run is None]
    if not lost:
        return []
    told = [f"{words(cell)}, seed {cell.seed}: {cell.error}" for cell in lost[:SHOWN]]
    told += [f"and {len(lost) - SHOWN} more"] if len(lost) > SHOWN else []
    notes = [f"missing: {len(lost)} of {len(cells)} runs failed ({'; '.join(told)})"]
    kept = {words(cell) for cell in cells if cell.run is not None}
    empty = dict.fromkeys(words(cell) for cell in lost if words(cell) not in kept)
    if empty:
        notes.append(
            f"no run at all of {'; of '.join(empty)}: what only that combination tells cannot be "
            "estimated"
        )
    seeds = sorted({cell.seed for cell in lost})
    notes.append(
        f"so seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} cannot be compared in every "
        "combination, intervals are wider than planned, and if runs fail because of their settings "
        "the figures flatter those settings; the same command trains the missing runs alone"
    )
    return notes
