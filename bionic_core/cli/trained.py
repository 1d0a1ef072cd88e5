"""Commands that look into trained networks: activity, lesion, compare, capacity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from bionic_core.cli import completing
from bionic_core.cli import figures as folders
from bionic_core.cli.command import Command
from bionic_core.cli.common import Data, Json, RunFolder, Wirings, show

if TYPE_CHECKING:
    from bionic_core.reports.sections import Section

SHOWN = "A split (train, validation, test), or a picture or folder of pictures; repeatable."
Part = Annotated[
    str,
    typer.Option("--part", metavar="SIGNAL", help="Of each layer: projections, gain, rate or out."),
]


def shown_images(given: list[str] | None, default: object) -> object:
    """Return what the images of the command line are: a split, or paths of pictures."""
    from bionic_core.dataset import SPLITS

    if not given:
        return default
    return given[0] if len(given) == 1 and given[0] in SPLITS else given


def activity_command(
    run: RunFolder,
    images: Annotated[
        list[str] | None, typer.Option("--images", metavar="SRC", help=f"{SHOWN} [default: test]")
    ] = None,
    data: Data = None,
    part: Part = "out",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=".parquet, .nc or .zarr; else activity.parquet in the run's folder.",
        ),
    ] = None,
    connectome: Wirings = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Record`."""
    from bionic_core.runs.activity import recording
    from bionic_core.runs.activity_files import check_out, write
    from bionic_core.runs.find import whole_run

    found = whole_run(run)
    path = out or found.folder / "activity.parquet"
    check_out(path)
    shown = shown_images(images, "test")
    written = write(recording(found, shown, part, data=data, wirings=connectome or ()), path)

    def render(_: Any) -> Section:
        from bionic_core.actions.trained import written_section

        return written_section(written)

    show(written, json, render)


def lesion_command(
    run: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help="A run, or runs of one spec with several seeds: effects are then over seeds too.",
            autocompletion=completing.runs,
        ),
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="GROUP", help="cell_type, layer or cell.")
    ] = "cell_type",
    top: Annotated[int, typer.Option(min=1, help="Groups that are shown, the worst first.")] = 20,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    data: Data = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the effects into it.")
    ] = None,
    connectome: Wirings = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Lesion`."""
    from bionic_core.runs.find import whole_run
    from bionic_core.runs.lesions import lesion

    folders.check_folder(figures)
    runs = [whole_run(one) for one in run]
    found = lesion(runs, by, split, data=data, wirings=connectome or ())
    if figures is not None:
        from bionic_core.actions.trained import lesions_plot

        paths = folders.write(figures, {"lesions": lesions_plot(found, top).files()})
        found = attrs.evolve(found, drawn=tuple(paths))

    def render(_: Any) -> Section:
        from bionic_core.actions.trained import lesions_section

        return lesions_section(found, top)

    show(found, json, render)


def compare_command(
    run: RunFolder,
    recorded: Annotated[
        Path,
        typer.Option(
            "--with", metavar="FILE", help="Recorded responses: .npz or .nc, images × neurons."
        ),
    ],
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--images", metavar="SRC", help=f"{SHOWN} [default: the file's own, else test]"
        ),
    ] = None,
    data: Data = None,
    part: Part = "out",
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the likenesses into it.")
    ] = None,
    connectome: Wirings = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Compare`."""
    from bionic_core.runs.find import whole_run
    from bionic_core.runs.recorded import compare_with, read_recorded

    folders.check_folder(figures)
    found = whole_run(run)
    beside = read_recorded(recorded)
    shown = shown_images(images, None)
    compared = compare_with(found, beside, shown, part, data=data, wirings=connectome or ())
    if figures is not None:
        from bionic_core.actions.trained import compared_plot

        paths = folders.write(figures, {"likeness": compared_plot(compared).files()})
        compared = attrs.evolve(compared, drawn=tuple(paths))

    def render(_: Any) -> Section:
        from bionic_core.actions.trained import compared_section

        return compared_section(compared)

    show(compared, json, render)


def capacity_command(
    run: RunFolder, data: Data = None, connectome: Wirings = None, json: Json = False
) -> None:
    """Carry out :class:`MemoryCapacity`."""
    from bionic_core.runs.capacity import capacities
    from bionic_core.runs.find import whole_run

    found = capacities(whole_run(run), data, connectome or ())

    def render(_: Any) -> Section:
        from bionic_core.actions.trained import capacities_section

        return capacities_section(found)

    show(found, json, render)


@attrs.frozen(eq=False)
class Record(Command):
    """Record every neuron's rate for every image, with cell ids, types, layers and positions."""

    name = "activity"
    group = "run"
    example = "bionic activity latest --images test --out activity.nc"
    run = staticmethod(activity_command)


@attrs.frozen(eq=False)
class Lesion(Command):
    """Silence each cell type, layer or cell in turn, and rank what that does to accuracy."""

    name = "lesion"
    group = "run"
    example = "bionic lesion latest --by cell_type"
    run = staticmethod(lesion_command)


@attrs.frozen(eq=False)
class Compare(Command):
    """Compare a trained network's layers with recorded responses, by RSA and debiased CKA."""

    name = "compare"
    group = "run"
    example = "bionic compare latest --with recorded.npz"
    run = staticmethod(compare_command)


@attrs.frozen(eq=False)
class MemoryCapacity(Command):
    """Measure how much of its past inputs a network in time holds (Jaeger 2001), by layer."""

    name = "capacity"
    group = "run"
    example = "bionic capacity latest"
    run = staticmethod(capacity_command)
