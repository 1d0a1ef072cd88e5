"""The page of a single run: what it learned, what it confuses, and how it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from bionic_core.errors import DamagedError, RequestError
from bionic_core.reports.drawing.run import draw_learning, draw_roc
from bionic_core.reports.drawing.svg import curves
from bionic_core.reports.drawing.wiring import wiring
from bionic_core.reports.html import printable
from bionic_core.reports.origin import origin, retrain
from bionic_core.reports.sections import (
    Block,
    Cell,
    Drawing,
    Facts,
    Flow,
    Page,
    Row,
    Section,
    Step,
    Table,
)
from bionic_core.reports.study import TEST_SELECTED
from bionic_core.reports.words import number, numeric
from bionic_core.runs.evaluate import class_figures
from bionic_core.runs.train import Run
from bionic_core.training.metrics import probabilities

if TYPE_CHECKING:
    from bionic_core.model.network import Network

Document = Mapping[str, Any]

SPLITS = (
    ("test", "test"),
    ("validation", "validation"),
    ("train_evaluated", "train"),
)


def page_of_run(run: Run) -> Page:
    """Return a run's page.

    The pipeline and the wiring need the plugins and the connectome that it was trained with; where
    one is not here, the page says so in their place.

    Raises:
        RequestError: the run is not finished, or damaged.
    """
    result, manifest = printable(run.result), printable(run.manifest)
    name, seed = str(manifest.get("name", run.hash)), manifest["seed"]
    figures = printable(class_figures(run))
    selected = result["selected_on"]
    return Page(
        title=f"{name}, seed {seed}",
        kicker=f"A single training run, {run.hash}",
        question=f"How well does {name}, trained with seed {seed}, tell the "
        f"{len(figures['classes'])} classes of {manifest['data']} apart?",
        answer=_answer(result, figures),
        warnings=[TEST_SELECTED] if selected == "test" else [],
        sections=[
            _reached(result),
            _learning(run, result),
            _errors(run, figures),
            *_built(run),
            *origin(
                retrain(run.folder, seed),
                run,
                "The same spec, seed and data give the same numbers; on the CPU, with as many "
                "threads, to the last bit.",
            ),
        ],
    )


def _answer(result: Document, figures: Document) -> list[str]:
    test = result["test"]
    classes = figures["classes"]
    sure = ""
    if test.get("interval"):
        low, high = test["interval"]
        sure = f" (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    common = max(classes, key=lambda name: classes[name]["support"])
    share = classes[common]["support"] / max(sum(c["support"] for c in classes.values()), 1)
    best = max(classes, key=lambda name: classes[name]["recall"])
    worst = min(classes, key=lambda name: classes[name]["recall"])
    selected = result["selected_on"]
    return [
        f"It classifies {100 * test['accuracy']:.1f} % of {test['images']:,} test images "
        f"rightly{sure}; always answering “{common}” would be right for {100 * share:.1f} %. "
        f"Macro F1 is {test['macro_f1']:.3f}.",
        f"It finds “{best}” best ({100 * classes[best]['recall']:.0f} % of its images) and "
        f"“{worst}” worst ({100 * classes[worst]['recall']:.0f} %). Epoch {result['best_epoch']} "
        f"of {result['epochs']} was chosen by {selected} accuracy.",
    ]


def _reached(result: Document) -> Section:
    rows = []
    for key, name in SPLITS:
        part = result.get(key)
        if not part or (key == "validation" and result["selected_on"] == "test"):
            continue
        label = f"{name} (chose the epoch)" if name == result["selected_on"] else name
        images = part.get("images")
        rows.append(
            [
                Cell(label),
                Cell(f"{images:,}" if images else "–", images),
                Cell(f"{100 * part['accuracy']:.2f} %", part["accuracy"]),
                numeric(part["loss"], 4),
                numeric(part["macro_f1"], 4),
                numeric(part.get("auc"), 3),
            ]
        )
    columns = ("split", "images", "accuracy", "cross entropy, nats", "macro F1", "mean AUC")
    table = Table("Figures by split", columns, rows, sortable=False)
    pairs = [("training took", f"{result['seconds']:,.0f} s")]
    speed = result.get("images_per_second")
    pairs += [("speed", f"{speed:,.0f} images/s")] if speed else []
    error = result["test"].get("calibration_error")
    pairs += [("calibration error, test", f"{100 * error:.1f} %")] if error is not None else []
    return Section("What it reached", (), [table, Facts(pairs)])


def _learning(run: Run, result: Document) -> Section:
    history, best, selected = run.history, result["best_epoch"], result["selected_on"]
    drawings = []
    for key in ("loss", "accuracy"):
        last = history[-1]
        alt = (
            f"Learning curves: {key} by epoch, over {len(history)} epochs, in training "
            f"({history[0]['train'][key]:.3f} to {last['train'][key]:.3f}) and on {selected} "
            f"images ({history[0][selected][key]:.3f} to {last[selected][key]:.3f}); epoch {best} "
            "was chosen"
        )
        draw = partial(
            draw_learning, key=key, history=history, best_epoch=best, selected_on=selected
        )
        svg = curves(draw, alt, 3.0)
        drawings.append(Drawing(svg, "Loss" if key == "loss" else "Accuracy"))
    text = (
        "Training figures are those seen while training, of varied images and with the training "
        "loss; the others are of plain images and plain cross entropy, so the two losses are on "
        "different scales.",
    )
    return Section("How it learned", text, [Row(drawings)])


def _errors(run: Run, figures: Document) -> Section:
    names = list(figures["classes"])
    blocks: list[Block] = [_confusion(names, figures["confusion"])]
    drawing: Drawing | None = None
    text: list[str] = []
    try:
        drawing = _roc(run, figures)
    except DamagedError as error:
        text.append(f"The ROC curves cannot be drawn: {printable(str(error))}")
    classes = Table(
        "Figures of each class, test images",
        ("class", "precision", "recall", "F1", "AUC", "images"),
        [
            [
                Cell(name),
                *(numeric(part.get(key), 3) for key in ("precision", "recall", "f1", "auc")),
                Cell(f"{part['support']:,}", part["support"]),
            ]
            for name, part in figures["classes"].items()
        ],
        note="Precision: the share of its predictions that are right. Recall: the share of its "
        "images that are found. AUC: area under the ROC curve, this class against the rest.",
    )
    blocks.append(Row([drawing, classes]) if drawing else classes)
    return Section("What it confuses", text, blocks)


def _confusion(names: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    rows = []
    for name, line in zip(names, counts, strict=True):
        total = max(sum(line), 1)
        cells = [Cell(f"{count:,}", count, share=count / total) for count in line]
        rows.append([Cell(name), *cells])
    return Table(
        "Confusion matrix of the test images: rows are true classes, columns predicted ones",
        ("true \\ predicted", *names),
        rows,
        sortable=False,
        dense=True,
        note="Counts; the shade is the share of the row, so a dark diagonal is good.",
    )


def _roc(run: Run, figures: Document) -> Drawing:
    arrays = run.predictions
    draw = partial(
        draw_roc,
        classes=figures["classes"],
        probability=probabilities(torch.as_tensor(arrays["test_logits"])),
        labels=arrays["test_labels"],
    )
    areas = ", ".join(f"{name} {number(c['auc'], 3)}" for name, c in figures["classes"].items())
    svg = curves(draw, f"ROC curves, each class against the rest; areas: {areas}", 4.7, 2)
    caption = "The area under each curve stands before its class; the dashed line is guessing."
    return Drawing(svg, "ROC curves, each class against the rest", caption)


def _built(run: Run) -> list[Section]:
    """Return the sections of pipeline and wiring, or say why they cannot be drawn."""
    from bionic_core.training.describe import describe

    try:
        document, network = describe(run.spec())
    except RequestError as error:
        reason = f"The pipeline cannot be drawn here: {printable(str(error))}"
        return [Section("How it is built", (reason,))]
    document = printable(document)
    parameters = document["parameters"]
    table = Table(
        "Parameters",
        ("part", "allocated"),
        [
            *(
                [Cell(name), Cell(f"{count:,}", count)]
                for name, count in parameters["by_part"].items()
            ),
            [Cell("all", strong=True), Cell(f"{parameters['allocated']:,}", strong=True)],
            [Cell("of them wired"), Cell(f"{parameters['effective']:,}")],
        ],
        sortable=False,
    )
    text = (
        f"{document['macs']:,} multiply-adds for an image. Names with a coloured ground are the "
        "mechanisms that act there.",
    )
    sections = [Section("How it is built", text, [_pipeline(document, network), table])]
    wired = _wiring(network)
    return [*sections, wired] if wired else sections


def _pipeline(document: Document, network: Network) -> Flow:
    sites: dict[str, list[Document]] = {}
    for step in document["pipeline"]:
        sites.setdefault(step["name"].partition(".")[0], []).append(step)
    layers = {layer["name"]: layer for layer in document["layers"]}
    steps: list[Step] = []
    before: Sequence[int] = ()
    for site, parts in sites.items():
        layer = layers.get(site)
        shape = parts[-1]["shape"]
        lines = _inputs(network, site) if layer else []
        lines += [line for part in parts if (line := _acting(part))]
        if lines or shape != before:  # what changes nothing is not drawn
            note = _shape(shape)
            if layer:
                types = f" ({', '.join(layer['cell_types'])})" if layer["cell_types"] else ""
                note = f"{layer['size']:,} neurons{types}"
            steps.append(Step(site, note, lines))
        before = shape
    return Flow(steps, f"Pipeline: {', then '.join(step.name for step in steps)}")


Line = tuple[str, str, Sequence[str]]
"""A line of a step: what it is, a note, and the mechanisms that act there."""


def _inputs(network: Network, layer: str) -> list[Line]:
    """Return what projects to a layer, and how much of it is wired."""
    lines: list[Line] = []
    for projection in network.projections:
        site = projection.site
        if printable(site.post.name) == layer and not site.owner:
            share = projection.pairs / (site.pre.size * site.post.size)
            note = "all pairs" if projection.wiring is None else f"{share:.1%} of pairs"
            lines.append((f"from {printable(site.pre.name)}", note, list(projection.wired_by)))
    return lines


def _acting(part: Document) -> Line | None:
    """Return a line of an intermediate that a mechanism acts on; None where none does."""
    _, hook, owner = (*part["name"].split(".", 2), "", "")[:3]
    if owner:  # what one mechanism adds; that of products is told with their result
        return (hook, "", [owner]) if hook == "current" else None
    return (hook, "", part["mechanisms"]) if part["mechanisms"] and hook else None


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(f"{side:,}" for side in shape) if shape else "1"


def _wiring(network: Network) -> Section | None:
    drawings, rows = [], []
    for projection in network.projections:
        wired, site = projection.wiring, projection.site
        if wired is None:
            continue
        label = printable(projection.label)
        post, pre = site.post.size, site.pre.size
        share = len(wired) / (post * pre)
        synapses = None if wired.count is None else int(wired.count.sum())
        alt = f"Wiring of {label}: {len(wired):,} of {post * pre:,} pairs of neurons, {share:.1%}"
        names = (printable(site.post.name), printable(site.pre.name))
        svg = wiring(wired.pre, wired.post, (post, pre), names, alt)
        drawings.append(Drawing(svg, label, f"{len(wired):,} pairs, {share:.1%} of all"))
        rows.append(
            [
                Cell(label),
                Cell(f"{share:.2%}", share),
                Cell(f"{len(wired):,}", len(wired)),
                Cell("–" if synapses is None else f"{synapses:,}", synapses),
            ]
        )
    if not drawings:
        return None
    table = Table("Wired projections", ("projection", "density", "pairs", "synapses"), rows)
    text = (
        "Each dot is a pair of neurons that may have a weight; every other weight is zero and "
        "stays so. Neurons are in the order of their layer.",
    )
    return Section("Wiring", text, [table, Row(drawings, small=True)])
