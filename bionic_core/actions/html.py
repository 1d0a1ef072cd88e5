"""Results as a notebook shows them: answer, table and figure, in the notebook's own colours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from bionic_core.actions import frames
from bionic_core.actions.notices import as_arguments
from bionic_core.base.numbers import rough
from bionic_core.reports.drawing.svg import SERIES, Plot

if TYPE_CHECKING:
    import pandas as pd

    from bionic_core.runs.folder import Run
    from bionic_core.studies.ablation_plan import AblationPlan
    from bionic_core.studies.plan import FactorialPlan
    from bionic_core.studies.results import AblationResults, FactorialResults

COLOURS = {f"s{number}": colour for number, colour in enumerate(SERIES)}
COLOURS |= {"ink": "currentColor", "muted": "#85898f", "rule": "#9995", "paper": "transparent"}
"""What a page's style sheet sets, for a light and a dark notebook alike."""

MOST = 20
"""Rows of a table; more are in the data frame."""


def _cell(title: str, lines: Iterable[str], *blocks: str, notes: Iterable[str] = ()) -> str:
    style = "".join(f"--{name}:{colour};" for name, colour in COLOURS.items())
    told = [f"<p style='margin:.3em 0'>{escape(as_arguments(line))}</p>" for line in lines]
    small = "".join(f"<li>{escape(as_arguments(note))}</li>" for note in notes)
    folded = f"<details><summary>notes</summary><ul>{small}</ul></details>" if small else ""
    head = f"<p style='margin:.3em 0'><strong>{escape(title)}</strong></p>"
    return f"<div style='max-width:60em;{style}'>{head}{''.join([*told, *blocks])}{folded}</div>"


def _table(frame: pd.DataFrame, digits: int = 3) -> str:
    more = len(frame) - MOST
    shown: Any = frame.head(MOST).dropna(axis=1, how="all").copy()
    for name in shown.columns:
        if shown[name].dtype == object:
            shown[name] = shown[name].fillna("")
        elif name in frames.SIZES:
            shown[name] = shown[name].round(9) + 0.0  # no 7e-15, and no −0
    text: str = shown.to_html(float_format=lambda value: rough(value, digits), na_rep="", border=0)
    return text + (f"<p>and {more} rows more</p>" if more > 0 else "")


def _figure(plot: Plot) -> str:
    return str(Markup("<div style='max-width:{}in'>{}</div>").format(1.6 * plot.width, plot.svg()))


def of_run(run: Run) -> str:
    """Return a run: what it reached on each split."""
    import pandas as pd

    result = run.result
    parts = {"test": result.test, "validation": result.validation, "train": result.train_evaluated}
    rows = {
        name: {
            "accuracy": p.accuracy,
            "loss (nats)": p.loss,
            "macro F1": p.macro_f1,
            "images": p.images,
        }
        for name, p in parts.items()
        if p is not None
    }
    manifest = run.manifest
    told = f"{result.epochs} epochs in {result.seconds:.0f} s on {manifest['data']}; epoch "
    told += f"{result.best_epoch} was selected on {result.selected_on}"
    title = f"Run {run.hash}: {manifest['name']}, seed {manifest['seed']}"
    return _cell(title, [told], _table(pd.DataFrame(rows).T, 4))


def of_factorial(study: FactorialResults) -> str:
    """Return a factorial study: question, answer, effects."""
    from bionic_core.reports.drawing.effects import effects
    from bionic_core.reports.factorial import answer, question
    from bionic_core.reports.measure import Measure
    from bionic_core.reports.study import caveats

    measure = Measure.of(study.response)
    lines = [*caveats(study), *answer(study, measure), *study.decided]
    unit = f"Effects in {study.unit}." if study.unit else "Effects."
    blocks = [_table(frames.effects(study)), _figure(effects(study))]
    return _cell(question(study, measure), [*lines, unit], *blocks, notes=study.notes)


def of_ablation(study: AblationResults) -> str:
    """Return a leave-one-out study: answer, differences."""
    from bionic_core.reports.ablation import answer, changes
    from bionic_core.reports.study import caveats

    plot = changes(study)
    blocks = [_table(frames.differences(study)), *([_figure(plot)] if plot else [])]
    title = f"What does each mechanism change in {study.name}?"
    unit = "Full model less the model without, percentage points of test accuracy."
    return _cell(title, [*caveats(study), *answer(study), unit], *blocks, notes=study.notes)


def of_plan(plan: FactorialPlan | AblationPlan) -> str:
    """Return a plan: runs, time, and what can be seen."""
    from bionic_core.base.words import duration

    time = f", about {duration(plan.estimate.seconds)}" if plan.estimate else ""
    title = f"{plan.design.runs} runs of {plan.name}{time}"
    return _cell(title, [], _table(frames.sights(plan)), notes=plan.notes)
