"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from bionic_core.base.steps import heard
from bionic_core.base.words import duration
from bionic_core.runs.observer import Observer

if TYPE_CHECKING:
    from bionic_core.runs.folder import Run
    from bionic_core.runs.task import Task
    from bionic_core.studies.cell import Cell
    from bionic_core.training.loop import Progress


STATUS_EVERY = 60.0
"""Seconds between two lines about a study that has nothing to show but runs under way."""


class Tally:
    """How many runs of a study are done, under way and failed, and how long the rest will take.

    The rate is that of the work seen since the first step was told of, a run's share being its
    epochs done of those that it may have; what was finished before is no work, nor what is
    imported and read before that step. Early stopping makes it less.
    """

    def __init__(self, runs: int, now: Callable[[], float] = time.monotonic) -> None:
        self.runs: int = runs
        self.done: int = 0
        self.reused: int = 0
        self.failed: int = 0
        self.under_way: dict[int, tuple[float, float]] = {}
        self._now, self._begun, self._work = now, math.nan, 0.0

    def begin(self, number: int) -> None:
        """Count a run as under way."""
        self.under_way[number] = (math.nan, 0.0)

    def watch(self, number: int, share: float) -> None:
        """Take in how far a run is; where it begins is where it went on from."""
        if math.isnan(self._begun):
            self._begun = self._now()
        first, _ = self.under_way.get(number, (math.nan, 0.0))
        self.under_way[number] = (share if math.isnan(first) else first, share)

    def end(self, number: int, *, failed: bool, reused: bool) -> None:
        """Count a run as done, as finished before, or as failed."""
        first, share = self.under_way.pop(number, (math.nan, 0.0))
        if not reused and not math.isnan(first):
            self._work += (share if failed else 1.0) - first
        self.failed += failed
        self.reused += reused
        self.done += not failed

    @property
    def seconds(self) -> float | None:
        """The seconds that the rest will take; None where nothing tells yet."""
        shares = [pair for pair in self.under_way.values() if not math.isnan(pair[0])]
        work = self._work + sum(share - first for first, share in shares)
        left = self.runs - self.done - self.failed - sum(share for _, share in shares)
        if left <= 0:
            return 0.0
        return left * (self._now() - self._begun) / work if work > 0 else None

    def __str__(self) -> str:
        words = f"{self.done} of {self.runs} done, {len(self.under_way)} running"
        words += f", {self.failed} failed"
        left = self.seconds
        return words if not left else f"{words}, about {duration(left)} left"


class Barred:
    """What shows bars while it is entered, and says above them which step takes long."""

    bars: Bars
    _steps: AbstractContextManager[None]

    def __enter__(self) -> Self:
        self.bars.start()
        self._steps = heard(self.say)
        self._steps.__enter__()
        return self

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self.bars.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._steps.__exit__(None, None, None)
        self.bars.stop()


class Display(Barred, Observer):
    """A bar for the runs of a study, and one for each run under way; lines where no terminal is."""

    def __init__(
        self,
        console: Console,
        *,
        runs: int = 1,
        quiet: bool = False,
        bars: Callable[..., Bars] = Bars,
    ) -> None:
        self.console = console
        self.runs = runs
        self.quiet = quiet
        self.live: bool = console.is_terminal and not quiet
        self.tally: Tally = Tally(runs)
        self.bars: Bars = bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not self.live,
            transient=True,
        )
        self._study = self.bars.add_task("runs", total=runs, visible=runs > 1, note="")
        self._runs: dict[int, TaskID] = {}
        self._places: dict[int, tuple[str, str]] = {}
        self._said = time.monotonic()
        self._before = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tell_reused()
        super().__exit__(kind, error, trace)

    def begun(self, task: Task) -> None:
        """Show that a run begins."""
        self.tally.begin(task.number)
        title = self.title(task)
        self._places[task.number] = (title, "")
        if self.live:
            self._runs[task.number] = self.bars.add_task(title, total=None, note="")
            self._count()

    def title(self, task: Task) -> str:
        """Return what a run is called while it is under way."""
        return f"run {task.number + 1}"

    def progress(self, task: Task, moment: Progress) -> None:
        """Show a place within a run."""
        done = (moment.epoch - 1) * moment.total + moment.done
        total = moment.max_epochs * moment.total
        self.tally.watch(task.number, done / total)
        epoch = f"epoch {moment.epoch} of {moment.max_epochs}"
        title, _ = self._places.get(task.number, (self.title(task), ""))
        self._places[task.number] = (title, epoch)
        if task.number in self._runs:
            self.bars.update(self._runs[task.number], completed=done, total=total, note=epoch)
            self._count()
        elif self.runs > 1 and time.monotonic() - self._said > STATUS_EVERY:
            places = (" ".join(filter(None, p)) for _, p in sorted(self._places.items()))
            self.say(f"{self.tally}: {'; '.join(places)}")

    def finished(self, task: Task, run: Run) -> None:
        """Show a run's accuracy, with a line that stays."""
        from bionic_core.studies.cell import Cell

        self._end(task, Cell({}, task.seed, run))

    def failed(self, task: Task, reason: str) -> None:
        """Show why a run failed, with a line that stays."""
        from bionic_core.studies.cell import Cell

        self._end(task, Cell({}, task.seed, None, reason))

    def _end(self, task: Task, cell: Cell) -> None:
        self.tally.end(task.number, failed=cell.run is None, reused=cell.reused)
        self._places.pop(task.number, None)
        if task.number in self._runs:
            self.bars.remove_task(self._runs.pop(task.number))
        if cell.reused and self.runs > 1:
            self._before += 1
            if self.live:
                self._count()
            return
        if self.tally.done + self.tally.failed == self.tally.reused + 1:  # the first that is new
            self._tell_reused()
        line = f"run {task.number + 1}/{self.runs}  {task.title}, seed {task.seed}: {cell.outcome}"
        if self.live:
            self._count()
            self.say(line)
        else:
            self.say(f"{line}  [{self.tally}]" if self.runs > 1 else line)

    def note(self, task: Task, words: str) -> None:
        """Show what a reader must know about a run, with a line that stays."""
        self.tell(f"run {task.number + 1}: {words}" if self.runs > 1 else words)

    def tell(self, words: str) -> None:
        """Show what a reader must know, with a line that stays."""
        self.say(words)

    def _tell_reused(self) -> None:
        """Say in one line how many runs were finished before this study."""
        number, self._before = self._before, 0
        if number:
            more = " more" if self.tally.reused > number else ""
            self.say(
                f"{number}{more} of {self.runs} runs were done before, and are taken as they are"
            )

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._said = time.monotonic()
        if not self.quiet:
            self.bars.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _count(self) -> None:
        left = self.tally.seconds
        note = f"{len(self.tally.under_way)} running, {self.tally.failed} failed"
        note += f", {duration(left)} left" if left else ""
        ended = self.tally.done + self.tally.failed
        self.bars.update(self._study, completed=ended, note=note)


class RunDisplay(Display):
    """Shows one run that is no study: by its spec's name, and epoch by epoch."""

    def title(self, task: Task) -> str:
        """Return what the run is called."""
        return f"{task.spec.name}, seed {task.seed}"

    def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
        """Show an epoch's figures."""
        selecting = record.get("validation") or record["test"]
        self.say(
            f"epoch {record['epoch']:>3}  loss {record['train']['loss']:.4f}  "
            f"selecting: accuracy {selecting['accuracy']:.4f}  loss {selecting['loss']:.4f}  "
            f"macro F1 {selecting['macro_f1']:.4f}  {record['images_per_second']:,.0f} images/s"
        )

    def finished(self, task: Task, run: Run) -> None:
        """Leave the result to the command."""

    def failed(self, task: Task, reason: str) -> None:
        """Leave the reason to the command."""


class Download(Barred):
    """A bar for what is being downloaded; elsewhere a line for each tenth of it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live: bool = console.is_terminal
        self.bars: Bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not self.live,
            transient=True,
        )
        self._task: TaskID | None = None
        self._said = ("", 0)

    def step(self, title: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` pieces are there."""
        if self.live:
            if self._task is None:
                self._task = self.bars.add_task(title, total=total)
            if title != self._said[0]:
                self._said = (title, 0)
                self.bars.reset(self._task, description=title, total=total)
            self.bars.update(self._task, completed=done, total=max(total, done))
            return
        tenth = 10 * done // max(1, total)
        if (title, tenth) != self._said:
            self._said = (title, tenth)
            self.say(f"{title}: {done:,} of {max(total, done):,}")
