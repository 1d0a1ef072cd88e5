"""Commands about what trained runs can do: evaluate, predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from bionic_core.cli import figures as folders
from bionic_core.cli.command import Command
from bionic_core.cli.common import Data, Json, RunFolder, Wirings, show
from bionic_core.cli.study_options import MarginOf
from bionic_core.errors import BionicError

if TYPE_CHECKING:
    from bionic_core.reports.sections import Section
    from bionic_core.runs.evaluate import Evaluation, Predicted


def evaluate_command(
    run: RunFolder,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    data: Data = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="Another run, for McNemar's test on the same images; repeatable, with --beside.",
        ),
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="A run like RUN with another seed: both designs are compared, over seeds and "
            "over new images too. Repeatable, as many as --against, paired by seed.",
        ),
    ] = None,
    margin: MarginOf = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw confusion, ROC and learning curves into it."),
    ] = None,
    flip: Annotated[
        bool,
        typer.Option("--flip", help="Also, apart, averaged over each image and its mirror image."),
    ] = False,
    connectome: Wirings = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Evaluate`."""
    from bionic_core.actions.evaluation import Sides, evaluate

    sides = Sides.opened(run, against or (), beside or (), margin)
    folders.check_folder(figures)
    found, predicted = evaluate(sides, split, data, flip=flip, wirings=connectome or ())
    if figures is not None:
        paths = folders.write(figures, _drawn(predicted, found))
        found = attrs.evolve(found, drawn=tuple(paths))

    def render(_: Any) -> Section:
        from bionic_core.reports.tables.evaluation import evaluated

        return evaluated(found)

    show(found, json, render)


def _drawn(predicted: Predicted, found: Evaluation) -> dict[str, dict[str, bytes]]:
    """Draw all figures before any is written."""
    from bionic_core.reports.drawing.run import confusion, learning, roc
    from bionic_core.training.metrics import probabilities

    run = predicted.run
    title = f"{found.name} ({run.hash[:8]}), training on {run.manifest['data']}"
    return {
        "confusion": confusion(found),
        "roc": roc(found, probabilities(predicted.logits), predicted.labels),
        "learning": learning(run.history, run.result.best_epoch, predicted.selected_on, title),
    }


def predict_command(
    run: RunFolder,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE…", help="Pictures, or folders of them.")
    ],
    connectome: Wirings = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Predict`."""
    from bionic_core.runs.find import whole_run
    from bionic_core.runs.predict import predict

    pictures = predict(whole_run(run), images, connectome or ())

    def render(_: Any) -> Section:
        from bionic_core.reports.tables.evaluation import predicted

        return predicted(pictures)

    show(pictures, json, render)
    if lost := sum(one.error is not None for one in pictures):
        raise BionicError(f"{lost} of {len(pictures)} pictures could not be read; the rest is told")


def export_command(
    run: RunFolder,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="onnx or torch-export.")
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file; else model.onnx or .pt2 in the run's folder."),
    ] = None,
    connectome: Wirings = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Export`."""
    from bionic_core.runs.export import export
    from bionic_core.runs.find import whole_run

    file = export(whole_run(run), form, out, connectome or ())

    def render(_: Any) -> Section:
        from bionic_core.reports.tables.evaluation import exported

        return exported(file)

    show(file, json, render)


@attrs.frozen(eq=False)
class Evaluate(Command):
    """Compute a trained run's figures on a split, classes and uncertainty included."""

    name = "evaluate"
    group = "run"
    example = "bionic evaluate latest --figures figures"
    run = staticmethod(evaluate_command)


@attrs.frozen(eq=False)
class Predict(Command):
    """Give class probabilities of pictures, of any size and colour, the face in the middle."""

    name = "predict"
    group = "run"
    example = "bionic predict latest face.jpg"
    run = staticmethod(predict_command)


@attrs.frozen(eq=False)
class Export(Command):
    """Write a trained network into a file that other programs run."""

    name = "export"
    group = "run"
    example = "bionic export latest --format onnx"
    run = staticmethod(export_command)
