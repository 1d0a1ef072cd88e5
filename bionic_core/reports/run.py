"""The page of a single run: what it learned, what it confuses, and how it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import torch

from bionic_core.base.printed import printable
from bionic_core.errors import RequestError
from bionic_core.reports.drawing.run import areas_of, course, draw_learning, draw_roc, wiring
from bionic_core.reports.drawing.svg import BELOW, Plot
from bionic_core.reports.origin import origin, retrain
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Drawing, Facts, Flow, Page, Row, Section, Step, Table
from bionic_core.reports.tables.build import by_site, parameters
from bionic_core.reports.tables.evaluation import between, classes, confusion, splits
from bionic_core.reports.words import count, number, percent, share, sides, whole
from bionic_core.runs.evaluate import class_figures
from bionic_core.runs.folder import Run
from bionic_core.runs.result import Result
from bionic_core.training.figures import Figures
from bionic_core.training.metrics import probabilities

if TYPE_CHECKING:
    from bionic_core.model.network import Network
    from bionic_core.training.describe import Description, Intermediate


def page_of_run(run: Run) -> Page:
    """Return a run's page.

    The pipeline and the wiring need the plugins and the connectome that it was trained with; where
    one is not here, the page says so in their place.

    Raises:
        RequestError: the run is not finished, or damaged.
    """
    result: Result = printable(run.result)
    run.verify()  # a page is sent on: it shows nothing of a folder with a file not its own
    manifest: Mapping[str, Any] = printable(run.manifest)
    figures: Figures = printable(class_figures(run))
    name, seed = str(manifest.get("name", run.hash)), manifest["seed"]
    return Page(
        title=f"{name}, seed {seed}",
        kicker=f"A single training run, {run.hash}",
        question=f"How well does {name}, trained with seed {seed}, tell the "
        f"{len(figures.classes)} classes of {manifest['data']} apart?",
        answer=_answer(result, figures),
        warnings=said("study-warnings", selected=result.selected_on == "test", failed=0, missing=0),
        sections=[
            _reached(result),
            _learning(run, result),
            _errors(run, figures),
            *_built(run),
            *origin(retrain(run.folder, seed), run, *said("same-numbers")),
        ],
    )


def _answer(result: Result, figures: Figures) -> list[str]:
    test, classes, sure = result.test, figures.classes, ""
    if isinstance(test, Figures):
        sure = f" (95 % interval {between(test.interval, 1)})"
    common = max(classes, key=lambda name: classes[name].support)
    share = classes[common].support / max(sum(c.support for c in classes.values()), 1)
    recall = {name: found.recall for name, found in classes.items() if found.support}
    best, worst = (most(recall.items(), key=lambda pair: pair[1]) for most in (max, min))
    names: dict[str, Any] = {"common": common, "best": best, "worst": worst}
    names["nothing"] = isinstance(test, Figures) and test.interval[0] <= share
    return said("run-answer", run=result, test=test, sure=sure, share=share, **names)


def _reached(result: Result) -> Section:
    speed = f"{number(result.images_per_second, 0)} images/s"
    pairs = [("training took", f"{number(result.seconds, 0)} s"), ("speed", speed)]
    if isinstance(result.test, Figures):
        pairs.append(("calibration error, test", percent(result.test.calibration_error, 1)))
    return Section("What it reached", (), [splits(result, "Figures by split"), Facts(pairs)])


def _learning(run: Run, result: Result) -> Section:
    selected = result.selected_on
    more: dict[str, Any] = {"best_epoch": result.best_epoch, "selected_on": selected}
    drawings = []
    for key in ("loss", "accuracy"):
        lines = [course(run.history, split, key) for split in ("train", selected)]
        ends, epochs = [(line[0], line[-1]) for line in lines], len(run.history)
        (alt,) = said("learning-alt", key=key, epochs=epochs, ends=ends, it=result)
        draw = partial(draw_learning, key=key, history=run.history, **more)
        plot = Plot(draw, alt, 3.0, legend=BELOW)
        drawings.append(Drawing(plot.svg(), key.capitalize()))
    return Section("How it learned", said("learning"), [Row(drawings)])


def _errors(run: Run, figures: Figures) -> Section:
    title, note = said("confusion-matrix")
    matrix = attrs.evolve(confusion(figures, "test"), title=title, note=note)
    table = classes(figures, "Figures of each class, test images")
    return Section("What it confuses", (), [matrix, Row([_roc(run, figures), table])])


def _roc(run: Run, figures: Figures) -> Drawing:
    arrays, areas = run.predictions, areas_of(figures)
    probability = probabilities(torch.as_tensor(arrays["test_logits"]))
    draw = partial(draw_roc, areas=areas, probability=probability, labels=arrays["test_labels"])
    title = "ROC curves, each class against the rest"
    told = ", ".join(f"{name} {number(area, 3)}" for name, area in areas.items())
    plot = Plot(draw, f"{title}; areas: {told}", 4.7, legend={**BELOW, "ncols": 2})
    return Drawing(plot.svg(), title, *said("roc-caption"))


def _built(run: Run) -> list[Section]:
    """Return the sections of pipeline and wiring, or say why they cannot be drawn."""
    from bionic_core.training.describe import describe

    try:
        built, network = describe(run.spec())
    except RequestError as error:
        reason = f"The pipeline cannot be drawn here: {printable(str(error))}"
        return [Section("How it is built", (reason,))]
    description: Description = printable(built)
    text = said("built", built=description)
    pipeline, table = _pipeline(description, network), parameters(description.parameters)
    return [Section("How it is built", text, [pipeline, table]), *_wiring(network)]


def _pipeline(description: Description, network: Network) -> Flow:
    layers = {layer.name: layer for layer in description.layers}
    steps: list[Step] = []
    before: Sequence[int] = ()
    for site, parts in by_site(description).items():
        layer, shape = layers.get(site), parts[-1].shape
        lines = _inputs(network, site) if layer else []
        lines += [line for part in parts if (line := _acting(part))]
        if lines or shape != before:  # what changes nothing is not drawn
            note = sides(shape)
            if layer:
                types = f" ({', '.join(layer.cell_types)})" if layer.cell_types else ""
                note = f"{count(layer.size)} neurons{types}"
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
            note = "all pairs" if projection.wiring is None else f"{percent(share, 1)} of pairs"
            lines.append((f"from {printable(site.pre.name)}", note, list(projection.wired_by)))
    return lines


def _acting(part: Intermediate) -> Line | None:
    """Return a line of an intermediate that a mechanism acts on; None where none does."""
    _, hook, owner = (*part.name.split(".", 2), "", "")[:3]
    if owner:  # what one mechanism adds; that of products is told with their result
        return (hook, "", [owner]) if hook == "current" else None
    return (hook, "", part.mechanisms) if part.mechanisms and hook else None


def _wiring(network: Network) -> list[Section]:
    drawings, rows = [], []
    for projection in network.projections:
        wired, site = projection.wiring, projection.site
        if wired is None:
            continue
        label = printable(projection.label)
        names = (printable(site.post.name), printable(site.pre.name))
        shape = (site.post.size, site.pre.size)
        pairs, every = count(len(wired)), shape[0] * shape[1]
        part = len(wired) / every
        alt = f"Wiring of {label}: {pairs} of {count(every)} pairs of neurons, {percent(part, 1)}"
        svg = wiring(wired.pre, wired.post, shape, names, alt)
        drawings.append(Drawing(svg, label, f"{pairs} pairs, {percent(part, 1)} of all"))
        synapses = None if wired.count is None else int(wired.count.sum())
        rows.append((label, share(part), whole(len(wired)), whole(synapses)))
    table = Table("Wired projections", ("projection", "density", "pairs", "synapses"), rows)
    section = Section("Wiring", said("wiring"), [table, Row(drawings, small=True)])
    return [section] if drawings else []
