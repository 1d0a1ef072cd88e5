"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from bionic_core.training import Moment


class Display:
    """A bar for the runs of a study, and one for the run under way."""

    def __init__(self, console: Console, *, runs: int = 1, quiet: bool = False) -> None:
        self.console = console
        self.runs = runs
        self.quiet = quiet
        self.live = console.is_terminal and not quiet
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not self.live,
            transient=True,
        )
        self._study = self.bars.add_task("runs", total=runs, visible=runs > 1)
        self._runs: dict[int, TaskID] = {}

    def __enter__(self) -> Display:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()

    def watch(self, moment: Moment, number: int = 0) -> None:
        """Show a place within a run."""
        if number in self._runs:
            done = (moment.epoch - 1) * moment.total + moment.done
            total = moment.max_epochs * moment.total
            self.bars.update(self._runs[number], completed=done, total=total)

    def begin(self, title: str, number: int = 0) -> None:
        """Show that a run begins; runs side by side have numbers."""
        if self.live:
            self._runs[number] = self.bars.add_task(title, total=None)

    def end(self, line: str, number: int = 0) -> None:
        """Show that a run has ended, with a line that stays."""
        if number in self._runs:
            self.bars.remove_task(self._runs.pop(number))
            self.bars.advance(self._study)
        self.say(line)

    def epoch(self, record: dict[str, Any]) -> None:
        """Show an epoch's figures."""
        selecting = record.get("validation") or record["test"]
        self.say(
            f"epoch {record['epoch']:>3}  loss {record['train']['loss']:.4f}  "
            f"selecting: accuracy {selecting['accuracy']:.4f}  loss {selecting['loss']:.4f}  "
            f"macro F1 {selecting['macro_f1']:.4f}  {record['images_per_second']:,.0f} images/s"
        )

    def say(self, line: str) -> None:
        """Print a line that stays."""
        if not self.quiet:
            self.bars.console.print(line, highlight=False, markup=False, soft_wrap=True)


class Download:
    """A bar for what is being downloaded; elsewhere a line for each tenth of it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = console.is_terminal
        self.bars = Progress(
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

    def __enter__(self) -> Download:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()

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

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self.bars.console.print(line, highlight=False, markup=False, soft_wrap=True)
