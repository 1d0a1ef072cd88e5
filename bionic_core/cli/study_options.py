"""The options that all commands share that train, as one class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from bionic_core.cli import completing
from bionic_core.cli.common import Data, Set, With, Without, load
from bionic_core.cli.figures import check_folder
from bionic_core.cli.plugins import chosen
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from bionic_core.actions.work import Workplace
    from bionic_core.runs.engine import Engine
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.over_images import Judging


ErrorName = Annotated[
    str | None,
    typer.Option(
        "--error",
        metavar="NAME",
        help="What tells how sure effects are: seeds, pooled or cells; else seeds where there are "
        "several.",
    ),
]


MarginOf = Annotated[
    float | None,
    typer.Option(
        "--margin",
        metavar="M",
        help="Effects no larger are as good as none: each gets a verdict (larger than, within, "
        "undecided). In the effects' units; else 0.5 where they are percentage points.",
    ),
]


@attrs.frozen
class JudgingOptions:
    """How sure effects are: by what, over what, against which margin; each field is an option."""

    error: ErrorName = None
    over: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="What intervals generalise over: seeds, on these test images, or seeds,images: "
            "over new images too, by the predictions that runs keep.",
        ),
    ] = "seeds"
    margin: MarginOf = None
    until: Annotated[
        str | None,
        typer.Option(
            metavar="decided",
            help="Train seed by seed until every effect is larger than the margin or within it: "
            "the first look is after --seeds, the rule is fixed before the first run, and p and "
            "intervals hold over all looks.",
        ),
    ] = None
    max_seeds: Annotated[
        int | None,
        typer.Option(
            "--max-seeds", metavar="N", help="With --until: the seeds of the last look; else 20."
        ),
    ] = None

    def judging(self, seeds: int) -> Judging:
        """Return what is asked for, of so many seeds, at the first look if there are several.

        Raises:
            RequestError: it is nothing that there is.
        """
        from bionic_core.statistics.until import looks_of
        from bionic_core.studies.over_images import Judging, over_images

        looks = looks_of(self.until, seeds, self.max_seeds)
        return Judging(self.error, over_images(self.over), self.margin, looks)


@attrs.frozen
class StudyOptions:
    """What is trained on, by what and how long, and where it is kept; each field is an option."""

    data: Data = None
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many epochs.")] = None
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    jobs: Annotated[
        int,
        typer.Option(min=1, help="Runs side by side, each a process of one thread if several."),
    ] = 1
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What trains the runs; bionic plugins lists engines, and --engine NAME --help "
            "shows the options of one.",
            autocompletion=completing.plugins_of("engine"),
        ),
    ] = "local"
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder in which runs have their folders.")
    ] = Path("runs")
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Show the runs in another tool too; bionic plugins lists trackers. Repeatable.",
            autocompletion=completing.plugins_of("tracker"),
        ),
    ] = None
    track_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of what trackers write, instead of OUT/tracking."),
    ] = None
    with_: With = ""
    without: Without = ""
    set_: Set = None

    def load(self, spec: str, switched: str = "") -> Spec:
        """Return a spec as these options change it, which may set what a study switches."""
        check_folder(self.out, "--out", "runs are kept in")
        return load(
            spec,
            without=self.without,
            with_=self.with_,
            set_=self.set_,
            data=self.data,
            epochs=self.epochs,
            switched=switched,
        )

    def trainer(self, context: typer.Context, *, plan: bool = False) -> Engine:
        """Return the engine, which makes ready unless it is a plan."""
        from bionic_core.runs.engine import Engine

        (engine,) = chosen(context, Engine)
        if not plan:
            engine.prepare(self.jobs)
        return engine

    def workplace(self, context: typer.Context, engine: Engine | None = None) -> Workplace:
        """Return where runs are trained, by this engine, and told to the named trackers.

        Raises:
            RequestError: there is none that would write where it is said.
        """
        from bionic_core.actions.work import Workplace
        from bionic_core.studies.journal import Tracker

        if self.track_to is not None and not self.track:
            raise RequestError("--track-to: nothing writes there; name a tracker by --track")
        trackers = chosen(context, Tracker)
        return Workplace(self.out, self.device, self.jobs, engine, trackers, self.track_to)
