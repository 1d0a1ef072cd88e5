"""TensorBoard: scalars of every epoch, mechanisms and keys as hyperparameters, the spec as text.

Event files are written by TensorBoard's own record writer, a record for each epoch, and closed
after each: what is there is whole, whatever ends the process.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core import Journal, Recorded, RequestError, Tracker
from bionic_core.registry.extras import install

if TYPE_CHECKING:
    from bionic_core import Study, Tracked
    from bionic_core.studies.journal import State

MISSING = "--track tensorboard needs TensorBoard, which is not installed here: "

FINISHED = ".finished"
"""Ends the name of the event file that tells of a good end; others end in the run's other states,
and go when the run goes on: the first that TensorBoard reads of an end is what it keeps."""


@attrs.frozen(eq=False)
class TensorBoard(Tracker):
    """Event files in OUT/tracking/tensorboard: a folder for each study, in it one for each run.

    ``tensorboard --logdir OUT/tracking/tensorboard`` shows them. Hyperparameters are all keys of
    the spec and, as ``mechanism.NAME``, which mechanisms are on; runs that differ in nothing but
    their seeds are one group of sessions.
    """

    name = "tensorboard"
    source = "https://github.com/tensorflow/tensorboard"

    def open(self, study: Study) -> Journal:
        """Return the study's folder of event files."""
        if find_spec("tensorboard") is None:
            raise RequestError(MISSING + install("tensorboard"))
        folder = study.folder / "tensorboard" / _plain(study.name)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Events(folder)


class Events(Journal):
    """The event files of a study."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Path] = {}

    def begin(self, run: Tracked) -> Recorded:
        """Begin a new event file; it holds the hyperparameters, unless an older one does."""
        there = next(self._folder.glob(f"*-{run.hash}"), None)
        place = there or self._folder / f"{_plain(run.name)}-{run.hash}"
        place.mkdir(exist_ok=True)
        epochs = 0
        for path in sorted(place.glob("events.out.tfevents.*")):
            if path.name.endswith(FINISHED):
                return Recorded(finished=True)
            if path.suffix.strip(".").isdigit():
                epochs = max([epochs, *_steps(path)])
            else:
                path.unlink()
        path = self._files[run.hash] = _new(place)
        head = [_event(file_version="brain.Event:2")]
        if not epochs:
            head += [_event(summary=_hyperparameters(run)), _event(summary=_texts(run))]
        _write(path, head)
        return Recorded(epochs)

    def epoch(self, run: Tracked, number: int, figures: Mapping[str, float]) -> None:
        """Write an epoch's scalars, as one record."""
        _write(self._files[run.hash], [_event(step=number, summary=_scalars(figures))])

    def end(self, run: Tracked, state: State, figures: Mapping[str, float], reason: str) -> None:
        """Write how the run ended into a file of its own."""
        path = self._files.pop(run.hash)
        last = int(figures.get("result.epochs", 0))
        events = [
            _event(file_version="brain.Event:2"),
            _event(step=last, summary=_scalars(figures)),
            _event(summary=_ended(state, reason)),
        ]
        _write(path.with_name(f"{path.name}.{state}"), events)


def _plain(name: str) -> str:
    """Return a name as one of a folder, without its middle where it is long."""
    plain = re.sub(r"[^\w.+=-]+", "-", name).strip("-.")
    return plain if len(plain) <= 120 else f"{plain[:60]}--{plain[-58:]}"


def _new(place: Path) -> Path:
    """Return a path for an event file that sorts behind those that are there."""
    number = len(list(place.iterdir()))
    return place / f"events.out.tfevents.{int(time.time()):010d}.bionic.{number}"


def _steps(path: Path) -> Iterator[int]:
    """Give the steps of a file's records; what a process that was killed tore is none."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    for event in EventFileLoader(str(path)).Load():
        yield event.step


def _write(path: Path, events: list[Any]) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    with path.open("ab") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())


def _event(**fields: Any) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(wall_time=time.time(), **fields)


def _scalars(figures: Mapping[str, float]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    values = [
        Summary.Value(tag=name.replace(".", "/"), simple_value=value)
        for name, value in figures.items()
    ]
    return Summary(value=values)


def _hyperparameters(run: Tracked) -> Any:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    mechanisms = {f"mechanism.{name}": on for name, on in run.mechanisms.items()}
    return hparams_pb(mechanisms | dict(run.parameters), trial_id=run.cell)


def _texts(run: Tracked) -> Any:
    on = [f"* {name}: {'on' if there else 'off'}\n" for name, there in run.mechanisms.items()]
    return _text(
        {
            "run": f"{run.name}, {run.hash}, in `{run.folder}`",
            "mechanisms": "".join(on),
            "spec": "".join(f"    {line}\n" for line in run.spec.splitlines()),
        }
    )


def _text(texts: Mapping[str, str]) -> Any:
    """Return texts, Markdown, as a summary."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.text.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    values = [
        Summary.Value(
            tag=tag,
            metadata=create_summary_metadata(display_name=tag, description=""),
            tensor=make_tensor_proto([text.encode()]),
        )
        for tag, text in texts.items()
    ]
    return Summary(value=values)


def _ended(state: State, reason: str) -> Any:
    """Return the end of a session, as the page of hyperparameters has it, and in words."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = {"finished": api_pb2.STATUS_SUCCESS, "failed": api_pb2.STATUS_FAILURE}
    info = plugin_data_pb2.SessionEndInfo(
        status=status.get(state, api_pb2.STATUS_UNKNOWN), end_time_secs=time.time()
    )
    end = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(
            plugin_data_pb2.HParamsPluginData(session_end_info=info)
        ),
        tensor=metadata.NULL_TENSOR,
    )
    words = _text({"state": f"{state}: {reason}" if reason else state})
    return Summary(value=[end, *words.value])
