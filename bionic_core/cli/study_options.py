"""The options that all commands share that train, as one class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from bionic_core.cli.common import Data, Set, Without, load
from bionic_core.cli.plugins import Tracks, chosen
from bionic_core.errors import RequestError

if TYPE_CHECKING:
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

    @property
    def judging(self) -> Judging:
        """What is asked for.

        Raises:
            RequestError: it is nothing that there is.
        """
        from bionic_core.studies.over_images import Judging, over_images

        return Judging(self.error, over_images(self.over), self.margin)


@attrs.frozen
class UntilOptions:
    """Whether a study goes on until its effects are decided; each field is an option."""

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

    def seeds(self, first: int) -> int:
        """Return how many seeds a study may have: those asked for, or those of the last look.

        Raises:
            RequestError: the options do not fit each other.
        """
        if self.until is None:
            if self.max_seeds is not None:
                raise RequestError(
                    "--max-seeds: it is of studies that go on until their effects are decided; "
                    "give --until decided, or --seeds for a fixed number"
                )
            return first
        if self.until != "decided":
            raise RequestError(f"--until {self.until}: give decided")
        from bionic_core.statistics.until import check_seeds

        return check_seeds(first, self.max_seeds)

    def judging(self, judging: Judging, first: int) -> Judging:
        """Return how effects are judged, with the looks where there are such."""
        if self.until is None:
            return judging
        from bionic_core.statistics.looks import Looks

        looks = Looks(tuple(range(first, self.seeds(first) + 1)))
        return attrs.evolve(judging, looks=looks)


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
        ),
    ] = None
    track_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of what trackers write, instead of OUT/tracking."),
    ] = None
    without: Without = ""
    set_: Set = None

    def load(self, spec: str) -> Spec:
        """Return a spec as these options change it."""
        return load(spec, without=self.without, set_=self.set_, data=self.data, epochs=self.epochs)

    @property
    def place(self) -> dict[str, Any]:
        """Where runs are kept and computed, and how many at a time."""
        return {"root": self.out, "device": self.device, "jobs": self.jobs}

    def trainer(self, context: typer.Context, *, plan: bool = False) -> Engine:
        """Return the engine, which makes ready unless it is a plan."""
        from bionic_core.runs.engine import Engine

        (engine,) = chosen(context, Engine)
        if not plan:
            engine.prepare(self.jobs)
        return engine

    def tracks(self, context: typer.Context) -> Tracks:
        """Return the trackers."""
        return Tracks.of(context, self.out, self.track_to)
