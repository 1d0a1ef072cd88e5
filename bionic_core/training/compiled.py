"""Steps through torch's compiler: network, loss and gradients, and what local rules change.

The same numbers as :func:`bionic_core.training.loop.step_once` but for rounding. An optimiser is a
kernel of its own already. Code is made for batches of one size: the last of an epoch, where it is
shorter, is taken as it is. Torch keeps what it has compiled in a folder, which runs share.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from bionic_core.base.words import duration
from bionic_core.errors import RequestError
from bionic_core.model.network import Network
from bionic_core.seeds import Stream
from bionic_core.training.data import TrainingData
from bionic_core.training.loop import State, passed, step_once
from bionic_core.training.plasticity import learn_locally, local_changes
from bionic_core.training.precision import lowered, taken_in
from bionic_core.training.views import unit_range

COST = 60.0
"""Seconds that compiling takes, at first and as a rule; from the folder, some ten."""

SHARE = 0.2
"""Of a step's time, what compiling saves, as a rule."""

PROBED = 5
"""Steps that are timed each way, in turns, before one is chosen."""

FOLDER = "TORCHINDUCTOR_CACHE_DIR"
"""Torch's own variable for the folder of what is compiled; where it is set, it stays."""


class _Drawn(Stream):
    """A stream whose draws are operations that a graph can hold.

    Attributes:
        now: those of the network whose step is being taken: code on disk knows them by number.
    """

    now: ClassVar[tuple[Stream, ...]] = ()
    number: int

    def normal_of(self, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> Tensor:
        """Return standard normal numbers."""
        if not torch.compiler.is_compiling():
            return super().normal_of(shape, dtype, device)
        drawn: Tensor = _draw(torch.empty(0, dtype=dtype, device=device), shape, self.number, True)
        return drawn

    def uniform(self, *shape: int, device: torch.device | None = None) -> Tensor:
        """Return float32 numbers uniform in [0, 1)."""
        if not torch.compiler.is_compiling():
            return super().uniform(*shape, device=device)
        drawn: Tensor = _draw(torch.empty(0, device=device), shape, self.number, False)
        return drawn


def _draw_now(like: Tensor, shape: list[int], number: int, normal: bool) -> Tensor:
    stream = _Drawn.now[number]
    if normal:
        return Stream.normal_of(stream, torch.Size(shape), like.dtype, like.device)
    return Stream.uniform(stream, *shape, device=like.device)


def _draw_shape(like: Tensor, shape: list[int], number: int, normal: bool) -> Tensor:
    return like.new_empty(shape)


# Seeded: two draws alike are two, and none is made anew for the gradient.
_draw = torch.library.custom_op(
    "bionic::draw", _draw_now, mutates_args=(), tags=torch.Tag.nondeterministic_seeded
)
_draw.register_fake(_draw_shape)


class CompiledStep:
    """Takes steps of one network as :func:`bionic_core.training.loop.step_once` does.

    Args:
        network: which is trained.
        size: images of a batch.
        options: of ``torch.compile``, such as another ``backend``.
    """

    def __init__(self, network: Network, size: int, **options: Any) -> None:
        self.network, self.size = network, size
        for number, stream in enumerate(network.streams):
            stream.__class__ = _Drawn
            stream.number = number  # type: ignore[attr-defined]
        names = [name for plastic in network.plastic for name in (plastic.pre, plastic.post)]
        self.read = tuple(dict.fromkeys(names))
        options = {"fullgraph": True, "dynamic": False, **options}
        self._passed: Callable[..., Any] = torch.compile(self._pass, **options)
        self._changes: Callable[..., Any] = torch.compile(local_changes, **options)

    def __call__(
        self,
        network: Network,
        optimizer: torch.optim.Optimizer,
        images: Tensor,
        labels: Tensor,
        loss_options: Mapping[str, Any],
        *,
        precision: str = "float32",
        rates: Mapping[str, float] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Take a step; return the loss, a scalar, and the logits BC."""
        if len(images) != self.size:
            return step_once(
                network, optimizer, images, labels, loss_options, precision=precision, rates=rates
            )
        optimizer.zero_grad(set_to_none=True)
        loss, logits, record = self.gradients(images, labels, loss_options, precision)
        optimizer.step()
        if record:
            learn_locally(network, record, rates, self._changes)
        return loss, logits

    def gradients(
        self, images: Tensor, labels: Tensor, loss_options: Mapping[str, Any], precision: str
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Add a batch's gradients to the network's; return loss, logits and what rules read."""
        _Drawn.now = self.network.streams
        lower = taken_in(precision, images.device) == "bfloat16"  # which no graph can ask
        loss, logits, record = self._passed(images, labels, dict(loss_options), lower)
        torch.autograd.backward(loss)
        return loss.detach(), logits.detach(), {k: v.detach() for k, v in record.items()}

    def changes(self, record: Mapping[str, Tensor]) -> list[Tensor]:
        """Return what each local rule adds to its projection's values."""
        with torch.no_grad():
            found: list[Tensor] = self._changes(self.network, record)
        return found

    def _pass(
        self, images: Tensor, labels: Tensor, loss_options: Mapping[str, Any], lower: bool
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        rounding = torch.autocast(
            images.device.type, torch.bfloat16, enabled=lower, cache_enabled=lower
        )
        loss, logits, record = passed(self.network, images, labels, loss_options, rounding)
        return loss, logits, {name: (record or {})[name] for name in self.read}


def choose(
    state: State, course: TrainingData, before: bool | None, say: Callable[[str], None]
) -> None:
    """Have a run's steps compiled, where its spec asks for it; the state tells whether they are.

    Args:
        state, course: of the run.
        before: how it began, which it goes on as; None where it begins.
        say: told why, and at what speed.

    Raises:
        RequestError: they must be, and cannot.
    """
    wanted = course.recipe.training.compile
    must = wanted is True or before is True
    if wanted is False:
        return
    state.compiled = False
    if before is False:
        return
    size = course.recipe.training.batch_size
    lacks = "no C++ compiler is found here (the one that CXX names, else g++); install one"
    found = compiler()
    why = lacks if found is None else "" if must else _not_worth(state, course)
    if not why and size > len(course.labels):
        why = f"no batch has {size} images"
    if not why:
        os.environ[FOLDER] = str(folder())  # before torch's compiler is imported, which sets it
        step = CompiledStep(state.network, size)
        try:
            why = _timed(state, course, step, must, say)
        except Exception as error:
            why = f"torch's compiler fails on this model ({str(error).strip().splitlines()[0]})"
    if not why:
        state.compiled, state.step = True, step
    elif wanted is True:
        raise RequestError(
            f"training.compile = true: {why}. Or set it to 'auto', which compiles where that can "
            "be done and pays, or to false"
        )
    else:
        begun = "began with compiled steps and goes on without: " if before else ""
        say(f"{begun}steps are not compiled: {why}")


def compiler() -> str | None:
    """Return the C++ compiler that torch would call, None where there is none."""
    named = [os.environ["CXX"]] if os.environ.get("CXX") else []
    usual = ["clang++", "g++"] if sys.platform == "darwin" else ["g++"]
    return next(filter(None, map(shutil.which, named or usual)), None)


def folder() -> Path:
    """Return where torch keeps what it compiles; it need not be there yet."""
    from platformdirs import user_cache_path

    named = os.environ.get(FOLDER)
    return Path(named) if named else user_cache_path("bionic", appauthor=False) / "compiled"


def _not_worth(state: State, course: TrainingData) -> str:
    """Return why compiling would not pay, by the time of a few steps; empty if it would."""
    training = course.recipe.training
    planned = (training.max_epochs - state.epoch) * course.steps
    with _untouched(state.network), _batch(course) as batch:
        each = _seconds(lambda: _eager(state.network, batch, training.precision))
    saved = planned * each * SHARE
    if saved > 2 * COST:
        return ""
    return (
        f"{planned:,} steps of {1000 * each:.3g} ms are planned, of which a fifth, "
        f"{duration(saved)}, could be saved, and compiling may take {duration(COST)}"
    )


def _timed(
    state: State, course: TrainingData, step: CompiledStep, must: bool, say: Callable[[str], None]
) -> str:
    """Compile, and time both ways in turns; return why compiled steps do not pay, else nothing."""
    precision = course.recipe.training.precision
    begun = time.perf_counter()
    with _untouched(state.network), _batch(course) as batch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's, about itself

        def compiled() -> None:
            _, _, record = step.gradients(*batch, precision)
            step.changes(record)

        compiled()
        took = time.perf_counter() - begun
        times = [
            (_seconds(lambda: _eager(state.network, batch, precision), 1), _seconds(compiled, 1))
            for _ in range(PROBED)
        ]
    plain, quick = (statistics.median(each) for each in zip(*times, strict=True))
    ratio = f"{plain / quick:.2f} times as fast as plain ones ({1000 * quick:.3g} ms)"
    if quick >= plain and not must:
        return f"compiled, they are {ratio}"
    say(f"steps are compiled, in {took:.0f} s: {ratio}; kept in {folder()}")
    return ""


Batch = tuple[Tensor, Tensor, Mapping[str, Any]]


@contextmanager
def _batch(course: TrainingData) -> Iterator[Batch]:
    """Give the first images as they are, what they are to be, and the loss's options."""
    rows = torch.arange(course.recipe.training.batch_size) % len(course.labels)
    images = unit_range(course.images[rows])
    yield images, course.wanted(rows.to(course.labels.device)), course.loss


@contextmanager
def _untouched(network: Network) -> Iterator[None]:
    """Leave a network as it is after the block, but for gradients, of which it has none."""
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    training = network.training
    network.train()
    network.seek(0)
    try:
        yield
    finally:
        network.zero_grad(set_to_none=True)
        network.train(training)
        network.seek(0)
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)


def _eager(network: Network, batch: Batch, precision: str) -> None:
    rounding = lowered(precision, batch[0].device, cached=True)
    loss, _, record = passed(network, *batch, rounding)
    torch.autograd.backward(loss)
    if record is not None:
        with torch.no_grad():
            local_changes(network, record)


def _seconds(take: Callable[[], object], times: int = PROBED) -> float:
    """Return the median seconds of so many calls; of several, the first is not counted."""
    found = []
    for _ in range(times + (times > 1)):
        begun = time.perf_counter()
        take()
        found.append(time.perf_counter() - begun)
    return statistics.median(found[times > 1 :])
