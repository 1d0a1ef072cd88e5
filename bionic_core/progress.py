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
