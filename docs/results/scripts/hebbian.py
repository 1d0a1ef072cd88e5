"""Measure what Hebbian does to networks in training, and draw docs/images/hebbian.png.

OMP_NUM_THREADS=1 python docs/results/scripts/hebbian.py fer2013.npz --epochs 8 --jobs 2
python docs/results/scripts/hebbian.py docs/results/data/hebbian.json
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Sequence
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from bionic_core import Network, Projection, Split, build, load, recipe_of
from bionic_core.runs.images_and_wiring import load_inputs
from bionic_core.runs.manifest import circumstances
from bionic_core.training.data import TrainingData
from bionic_core.training.epochs import train_epoch
from bionic_core.training.evaluation import evaluate
from bionic_core.training.loop import start
from bionic_plugins.mechanisms.hebbian import scaled

RESULTS = Path(__file__).parents[1]

TARGET = 0.35
VARIANTS: dict[str, dict[str, list[str]]] = {
    "full": {},
    "without hebbian": {"without": ["hebbian"]},
    "home = 0": {"set": ["hebbian.home=0.0"]},
    "hebb = 0": {"set": ["hebbian.hebb=0.0"]},
}
INK = "#222222"
LOOKS = {
    "full": ("#D55E00", "-", "o"),
    "without hebbian": ("#0072B2", "-", "s"),
    "home = 0": ("#009E73", "--", "^"),
    "hebb = 0": ("#AA4499", "--", "D"),
}
"""Colour, dashes and marker; the colours can be told apart by the colour-blind."""

LABELS = {
    "home = 0": "home = 0 (correlation only)",
    "hebb = 0": "hebb = 0 (homeostasis only)",
}
BANDS = ("full", "without hebbian")
QUANTILES = (5, 25, 50, 75, 95)


def figures(values: Tensor) -> dict[str, float]:
    """Return the number, mean, SD and quantiles of some values."""
    array = values.double().cpu().numpy()
    quantiles = zip(QUANTILES, np.percentile(array, QUANTILES), strict=True)
    return {
        "count": len(array),
        "mean": float(array.mean()),
        "sd": float(array.std()),
    } | {f"q{at}": float(value) for at, value in quantiles}


def wired_weights(projection: Projection) -> Tensor:
    """Return the weights as they act, of the pairs that exist."""
    exists = projection.wired(torch.ones_like(projection.values)) != 0
    return projection.effective()[exists]


def rate_figures(f_avg: Tensor) -> dict[str, float]:
    """Return how f_avg is distributed over neurons, and how far it is from the target."""
    away = (f_avg - TARGET).abs()
    return figures(f_avg) | {
        "distance": float(away.mean()),
        "within_0.05": float((away <= 0.05).float().mean()),
        "silent": float((f_avg < 1e-3).float().mean()),
    }


@torch.inference_mode()
def measure(network: Network, split: Split) -> dict[str, Any]:
    """Return the figures of weights and of activity on unvaried images, in evaluation mode."""
    network.eval()
    names = {f"{layer}.gain" for layer in network.order}
    names |= {name for plastic in network.plastic for name in (plastic.pre, plastic.post)}
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    for batch in torch.as_tensor(split.images).split(512):
        record = network.trace(batch.float() / 255)
        for name in names:
            parts[name].append(scaled(record[name]))
    rates = {name: torch.cat(tensors) for name, tensors in parts.items()}
    f_avg = {layer: rates[f"{layer}.gain"].mean(0) for layer in network.order}
    weights = {p.label: wired_weights(p) for p in network.projections}
    pushes = {}
    for plastic in network.plastic:
        projection = plastic.projection
        before, after = rates[plastic.pre], rates[plastic.post]
        exists = projection.wired(torch.ones_like(projection.values)) != 0
        excess = (after.mean(0) - TARGET)[projection.post].expand_as(projection.values)
        pushes[projection.label] = {
            "together": float(projection.correlate(before, after)[exists].mean()),
            "excess": float(excess[exists].mean()),
        }
    return {
        "weights": {label: figures(values) for label, values in weights.items()}
        | {"all": figures(torch.cat(list(weights.values())))},
        "rates": {layer: rate_figures(values) for layer, values in f_avg.items()}
        | {"all": rate_figures(torch.cat(list(f_avg.values())))},
        "pushes": pushes,
    }


def follow(variant: str, *, data: str, epochs: int, seed: int) -> dict[str, Any]:
    """Train one variant, and return a record for each epoch, from 0 before the first."""
    torch.set_num_threads(1)
    changes = VARIANTS[variant]
    spec = load(
        "fast",
        data=data,
        set=[f"training.max_epochs={epochs}", *changes.get("set", ())],
        without=changes.get("without", ()),
    )
    inputs = load_inputs(spec)
    network = build(spec, seed=seed, connectome=inputs.connectome)
    network = network.to(memory_format=torch.channels_last)
    recipe, splits = recipe_of(spec), inputs.splits
    state = start(network, recipe, len(splits.train))
    course = TrainingData.prepare(recipe, splits, seed, torch.device("cpu"))
    _, before = evaluate(network, splits.validation)
    records = [{"epoch": 0, "validation": before} | measure(network, splits.validation)]
    for _ in range(epochs):
        record = train_epoch(state, course)
        records.append(record | measure(network, splits.validation))
    found = circumstances(torch.device("cpu"))
    return {
        "circumstances": {key: found[key] for key in ("versions", "machine", "device", "threads")},
        "connectome": inputs.connectome.label if inputs.connectome else None,
        "images": {"train": len(splits.train), "validation": len(splits.validation)},
        "epochs": records,
    }


def rounded(document: Any) -> Any:
    """Return JSON-ready data with its numbers to five significant digits."""
    if isinstance(document, dict):
        return {key: rounded(value) for key, value in document.items()}
    if isinstance(document, list):
        return [rounded(value) for value in document]
    return float(f"{document:.5g}") if isinstance(document, float) else document


def study(data: str, *, epochs: int, seed: int, jobs: int) -> dict[str, Any]:
    """Train all variants, some side by side, and return what was measured."""
    run = partial(follow, data=data, epochs=epochs, seed=seed)
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        found = pool.map(run, VARIANTS, chunksize=1)
    return {
        "spec": "fast",
        "seed": seed,
        "target": TARGET,
        "variants": dict(zip(VARIANTS, found, strict=True)),
    }


def series(variant: dict[str, Any], *keys: str) -> list[float]:
    """Return one figure of each epoch."""
    return [reduce(getitem, keys, record) for record in variant["epochs"]]


def draw_weights(axes: Axes, variants: dict[str, Any]) -> None:
    """Show the mean of all wired weights, and thin, of each projection."""
    for name, variant in variants.items():
        colour, dashes, marker = LOOKS[name]
        for label in variant["epochs"][0]["weights"]:
            thick = label == "all"
            axes.plot(
                series(variant, "weights", label, "mean"),
                color=colour,
                ls=dashes if thick else "-",
                marker=marker if thick else None,
                lw=2 if thick else 0.6,
                alpha=1 if thick else 0.45,
                zorder=3 if thick else 1,
                label=LABELS.get(name, name) if thick else None,
            )
    axes.axhline(0, color="#999999", lw=0.6, zorder=0)
    axes.set_title("Mean wired weight (thin: each projection)")
    axes.set_ylabel("mean weight")
    axes.legend(frameon=False, loc="upper left", handlelength=3)


def draw_rates(axes: Axes, variants: dict[str, Any], target: float) -> None:
    """Show f_avg over all neurons; at the end, the mean of each layer."""
    axes.axhline(target, color=INK, lw=1.2, ls=(0, (1, 1.5)))
    axes.annotate(f"f_target = {target}", (0, target), (0, 4), textcoords="offset points")
    last = len(next(iter(variants.values()))["epochs"]) - 1
    for name, variant in variants.items():
        colour, dashes, marker = LOOKS[name]
        axes.plot(
            series(variant, "rates", "all", "mean"), color=colour, ls=dashes, marker=marker, lw=2
        )
        if name not in BANDS:
            continue
        low, high = (series(variant, "rates", "all", f"q{at}") for at in (25, 75))
        axes.fill_between(range(last + 1), low, high, color=colour, alpha=0.16, lw=0)
        final = variant["epochs"][-1]["rates"]
        for column, layer in enumerate(key for key in final if key != "all"):
            place, mean = last + 0.5 + 0.045 * last * column, final[layer]["mean"]
            axes.text(place, mean, layer, color=colour, weight="bold", ha="center", va="center")
    axes.set_xlim(-0.3, last + 0.8 + 0.15 * last)
    axes.set_ylim(0, target + 0.04)
    axes.set_title(
        "Scaled firing rate (band: middle half of the\nneurons; letters: layers at the end)"
    )
    axes.set_ylabel("mean of f_avg over neurons")


def draw_accuracy(axes: Axes, variants: dict[str, Any]) -> None:
    """Show validation accuracy, with the sampling error of the last figure."""
    for place, (name, variant) in enumerate(variants.items()):
        colour, dashes, marker = LOOKS[name]
        values = [100 * value for value in series(variant, "validation", "accuracy")]
        axes.plot(values, color=colour, ls=dashes, marker=marker, lw=2)
        share, images = values[-1] / 100, variant["images"]["validation"]
        error = 100 * float(np.sqrt(share * (1 - share) / images))
        end = len(values) - 1 + 0.4 + 0.3 * place
        axes.errorbar(end, values[-1], error, color=colour, marker=marker, capsize=2)
    axes.set_title(
        "Validation accuracy (right: last epoch\n± standard error from the number of images)"
    )
    axes.set_ylabel("accuracy, %")


def draw(document: dict[str, Any], target: Path) -> None:
    """Draw weights, firing rates and accuracy over the epochs."""
    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.titlesize": 10,
            "text.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.markersize": 4.5,
        }
    )
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    variants = document["variants"]
    draw_weights(panels[0], variants)
    draw_rates(panels[1], variants, document["target"])
    draw_accuracy(panels[2], variants)
    last = len(next(iter(variants.values()))["epochs"]) - 1
    step = max(1, last // 8)
    for axes in panels:
        axes.set_xticks(range(0, last + 1, step))
        axes.set_xlabel("epoch")
    figure.get_layout_engine().set(w_pad=0.12)  # type: ignore[union-attr, call-arg]
    figure.savefig(target, dpi=150)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and draw, or draw again what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="images (npz, as the source fer2013 reads), or hebbian.json")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="variants side by side")
    parser.add_argument("--data", type=Path, default=RESULTS / "data", help="folder of figures")
    parser.add_argument("--images", type=Path, default=RESULTS.parent / "images")
    given = parser.parse_args(arguments)
    if given.source.endswith(".json"):
        document = json.loads(Path(given.source).read_text(encoding="utf-8"))
    else:
        document = rounded(
            study(given.source, epochs=given.epochs, seed=given.seed, jobs=given.jobs)
        )
        text = json.dumps(document, separators=(",", ":"))
        (given.data / "hebbian.json").write_text(text + "\n", encoding="utf-8")
        print(text)
    draw(document, given.images / "hebbian.png")


if __name__ == "__main__":
    main()
