"""Figures of each class, and of a run's errors: Table 3 and Appendix A."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bionic_core.runs.folder import Run
from bionic_core.studies.publication import Published

LastRuns = Sequence[tuple[str, str, Run | None]]
"""Label, model (or nothing), and the run of the last seed (None where it failed)."""

KEYS = ("precision", "recall", "f1")


def per_class(run: Run) -> dict[str, Any]:
    """Return a run's figures on the test images, all fractions.

    From the run's result where that tells them, else from its predictions.
    ``classes`` has precision, recall, f1, support and auc (one class against the rest; None where
    the images lack the class or have no other) by class name; ``averages`` has macro, weighted and
    accuracy; ``confusion`` counts, rows being the true classes.
    """
    test = run.result["test"]
    if "classes" in test and "confusion" in test:
        averages = {
            average: {name: test[f"{average}_{name}"] for name in KEYS}
            for average in ("macro", "weighted")
        }
        averages["accuracy"] = {"accuracy": test["accuracy"]}
        return {"classes": test["classes"], "averages": averages, "confusion": test["confusion"]}
    return from_predictions(run)


def from_predictions(run: Run) -> dict[str, Any]:
    """Return what :func:`per_class` does, from the logits that the run left behind."""
    from sklearn.metrics import (
        accuracy_score,
        confusion_matrix,
        precision_recall_fscore_support,
        roc_auc_score,
    )

    arrays = run.predictions
    logits, labels = arrays["test_logits"].astype(np.float64), arrays["test_labels"]
    names = [str(name) for name in arrays["class_names"]]
    predicted, numbers = logits.argmax(1), list(range(len(names)))

    def scores(average: str | None) -> Any:
        return precision_recall_fscore_support(
            labels, predicted, labels=numbers, average=average, zero_division=0
        )

    table = np.array(scores(None))
    chances = probabilities(logits)
    classes = {}
    for number, name in enumerate(names):
        true = labels == number
        auc = None if true.all() or not true.any() else roc_auc_score(true, chances[:, number])
        figures = dict(zip(KEYS, map(float, table[:3, number]), strict=True))
        classes[name] = {**figures, "support": int(true.sum()), "auc": auc and float(auc)}
    averages = {
        average: dict(zip(KEYS, map(float, scores(average)[:3]), strict=True))
        for average in ("macro", "weighted")
    }
    averages["accuracy"] = {"accuracy": float(accuracy_score(labels, predicted))}
    confusion = confusion_matrix(labels, predicted, labels=numbers).tolist()
    return {"classes": classes, "averages": averages, "confusion": confusion}


def probabilities(logits: Any) -> Any:
    """Return the softmax of logits (N, classes)."""
    from scipy.special import softmax

    return softmax(logits, axis=1)


def table3(published: Published, runs: LastRuns) -> list[dict[str, Any]]:
    """Return Table 3's rows: each figure of each model, published beside the last run's."""
    ours = {model: per_class(run) for _, model, run in runs if model and run is not None}
    rows = []
    for row in published.table3:
        models = {}
        for model, figures in row.figures.items():
            found = _of(ours.get(model), row.names, row.average)
            models[model] = {
                name: {
                    "published": value,
                    "ours": found.get(name),
                    "difference": found[name] - value if name in found else None,
                }
                for name, value in figures.items()
            }
        rows.append({"label": row.label, "models": models})
    return rows


def _of(ours: Mapping[str, Any] | None, names: Sequence[str], average: str) -> Mapping[str, float]:
    if ours is None:
        return {}
    if average:
        found: Mapping[str, float] = ours["averages"].get(average, {})
        return found
    lowered = {name.lower(): figures for name, figures in ours["classes"].items()}
    return next((lowered[name] for name in names if name in lowered), {})


def appendix(runs: LastRuns) -> list[dict[str, Any]]:
    """Return each variant's last run: its folder, confusion matrix, and AUC by class."""
    found: list[dict[str, Any]] = []
    for label, _, run in runs:
        if run is None:
            found.append({"label": label, "run": None})
            continue
        figures = per_class(run)
        found.append(
            {
                "label": label,
                "run": str(run.folder),
                "seed": run.manifest["seed"],
                "classes": list(figures["classes"]),
                "confusion": figures["confusion"],
                "auc": {name: part["auc"] for name, part in figures["classes"].items()},
            }
        )
    return found
