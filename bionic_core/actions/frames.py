"""Results as pandas data frames, a row a thing, with the columns' units in the docstrings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pandas as pd

from bionic_core.studies.names import flat
from bionic_core.studies.plan import FactorialPlan

if TYPE_CHECKING:
    from bionic_core.statistics.findings import Findings
    from bionic_core.studies.ablation_plan import AblationPlan
    from bionic_core.studies.results import AblationResults, FactorialResults

SUMMARIES = ("accuracy", "loss", "macro_f1", "train_accuracy", "train_loss", "epochs")
SIZES = ("estimate", "low", "high")
JUDGED = (*SIZES, "p", "p_adjusted")


def history(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row for each epoch: figures by dotted names, such as ``validation.accuracy``."""
    frame = pd.DataFrame([flat(record) for record in records])
    return frame.set_index("epoch") if "epoch" in frame else frame


def predictions(arrays: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row for each image that a run kept its logits of.

    Columns: ``split``, ``image`` (its number there), ``label``, ``predicted``, and the probability
    of each class, by its name.
    """
    names = [str(name) for name in arrays["class_names"]]
    parts = []
    for split in ("validation", "test"):
        logits = np.asarray(arrays[f"{split}_logits"], np.float64)
        labels = arrays[f"{split}_labels"]
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        head = pd.DataFrame(
            {
                "split": split,
                "image": np.arange(len(labels)),
                "label": [names[label] for label in labels],
                "predicted": [names[best] for best in logits.argmax(axis=1)],
            }
        )
        shares = pd.DataFrame(weights / weights.sum(axis=1, keepdims=True), columns=names)
        parts.append(pd.concat([head, shares], axis=1))
    return pd.concat(parts, ignore_index=True)


def _verdict(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in JUDGED} | {
        "verdict": one.verdict.corrected if one.verdict else None,
    }


def effects(found: Findings) -> pd.DataFrame:
    """Return a row for each term, by its name, with intervals; units are the response's."""
    rows = [
        {"term": effect.term, **_verdict(effect), "aliases": ", ".join(effect.aliases) or None}
        for effect in found.judged
    ]
    return pd.DataFrame(rows).set_index("term")


def sights(plan: FactorialPlan | AblationPlan) -> pd.DataFrame:
    """Return what each term's interval can be expected to be; of a leave-one-out study, one row."""
    if isinstance(plan, FactorialPlan):
        rows = [attrs.asdict(one) | {"aliases": ", ".join(one.aliases)} for one in plan.effects]
        return pd.DataFrame(rows).set_index("term")
    return pd.DataFrame([attrs.asdict(plan.detectable)])


def anova(found: Findings) -> pd.DataFrame:
    """Return the analysis of variance, a row for each source."""
    return pd.DataFrame([attrs.asdict(source) for source in found.anova]).set_index("source")


def differences(study: AblationResults) -> pd.DataFrame:
    """Return a row for each mechanism: accuracy of the full model less that without it, points."""
    rows = [{"term": row.term, "kind": row.kind, **_verdict(row.change)} for row in study.left_out]
    return pd.DataFrame(rows).set_index("term")


def variants(study: AblationResults) -> pd.DataFrame:
    """Return a row for each variant, the full model first: mean, SD and number of each figure."""
    rows = []
    for row in study.rows:
        found: dict[str, Any] = {"variant": row.variant}
        for name in SUMMARIES:
            summary = getattr(row, name)
            found |= {name: summary.mean, f"{name}_sd": summary.sd}
        rows.append(found | {"runs": row.accuracy.n, "parameters": row.parameters.allocated})
    return pd.DataFrame(rows).set_index("variant")


def cells(study: FactorialResults | AblationResults) -> pd.DataFrame:
    """Return a row for each run: its levels or its variant, seed, accuracy, folder, and error."""
    rows = []
    for cell in study.cells:
        head: dict[str, Any] = {"variant": cell.variant} if cell.variant else dict(cell.levels)
        head |= {"seed": cell.seed, "accuracy": cell.accuracy}
        if cell.response != "accuracy" and not cell.variant:
            head["response"] = cell.response
        rows.append(head | {"run": cell.run, "error": cell.error})
    return pd.DataFrame(rows)


def probabilities(found: Sequence[Any], names: Sequence[str]) -> pd.DataFrame:
    """Return a row for each picture, by its path: the likeliest class, and each one's share."""
    rows = [
        {"prediction": one.prediction, **{name: one.probabilities.get(name) for name in names}}
        for one in found
    ]
    return pd.DataFrame(rows, index=pd.Index([one.image for one in found], name="image"))
