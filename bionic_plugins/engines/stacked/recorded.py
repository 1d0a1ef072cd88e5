"""A stack's step recorded once, and repeated: the same kernels on the same memory.

A step of dozens of small networks is a thousand kernels, and on a GPU most are over before Python
has started the next. As a CUDA graph (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs)
they are started by one call. What changes from step to step is put into the recording's memory
before: images, labels, the numbers that mechanisms draw, and the optimisers' rates.

A recording is compared with a step that is taken kernel by kernel before it is used. Where it
cannot be made, or differs, training goes on kernel by kernel, and a line says why.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from bionic_core.errors import BionicError
from bionic_core.runs import out_of_memory, reason
from bionic_core.training import Member
from bionic_plugins.engines.stacked.stack import Stack
from bionic_plugins.engines.stacked.steps import Steps

Recorder = Callable[[Callable[[], None]], Callable[[], object]]
"""Takes work, does it as often as it needs to, and returns what repeats it."""

WARM_UP = 2
"""Steps before one is recorded: optimisers make their state in the first."""

AGREES = 1e-2
"""Greatest difference, relative, between what a recording and a step do to a member."""


def steps_of(
    stack: Stack, members: Sequence[Member], place: torch.device, say: Callable[[str], None]
) -> Steps:
    """Return what takes a stack's steps on a device: a recording where there can be one.

    ``say`` is told why there is none, if it is not that the device needs none.
    """
    if place.type != "cuda":
        return Steps(stack, members)
    names = {m.course.recipe.training.optimizer for m in members if not _fused(m)}
    if names:
        whose = "reads its rate" if len(names) == 1 else "read their rates"
        say(f"{UNRECORDED}: {', '.join(sorted(names))} {whose} on the CPU")
        return Steps(stack, members)
    return RecordedSteps(stack, members, cuda_graph, say)


UNRECORDED = "steps are not recorded, and take longer"


def _fused(member: Member) -> bool:
    """Whether a member's optimiser is one kernel, which takes its rate from the device."""
    return bool(member.state.optimizer.defaults.get("fused"))


def cuda_graph(work: Callable[[], None]) -> Callable[[], object]:
    """Record work on the current CUDA device."""
    current, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(current)
    with torch.cuda.stream(side), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # optimisers warn that this is no recording yet
        work()
    current.wait_stream(side)
    gc.collect()  # no older graph may be freed while this one is recorded
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


class UnlikeError(BionicError):
    """A recording does not do what a step does."""


class RecordedSteps(Steps):
    """Takes the first steps of a stack kernel by kernel, and repeats a recording from then on.

    Batches of another size, which an epoch may end with, are always taken kernel by kernel.
    """

    def __init__(
        self,
        stack: Stack,
        members: Sequence[Member],
        recorder: Recorder,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(stack, members)
        self._recorder: Recorder | None = recorder
        self._say = say
        self._size = members[0].course.recipe.training.batch_size
        self._warm = 0
        self._recording: _Recording | None = None

    def take(self, images: Tensor, labels: Tensor, now: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Take a step of each member; return losses N and logits NBC, which the next overwrites."""
        if self._recorder is None or labels.shape[1] != self._size:
            return super().take(images, labels, now)
        if self._warm < WARM_UP:
            self._warm += 1
            return super().take(images, labels, now)
        if self._recording is None:
            self._record(self._recorder, images, labels, now)
        if self._recording is None:
            return super().take(images, labels, now)
        return self._recording.repeat(images, labels, now)

    def _record(
        self, recorder: Recorder, images: Tensor, labels: Tensor, now: Sequence[int]
    ) -> None:
        """Make a recording that does what a step does; all is left as it was."""
        weights = [parameter.detach() for parameter in self.stack.parameters.values()]
        changing = [*weights, *self.stack.buffers.values(), *self._kept_by_optimizers()]
        before = [tensor.clone() for tensor in changing]
        try:
            losses, _ = super().take(images, labels, now)
            expected = [losses, *(w - b for w, b in zip(weights, before, strict=False))]
            torch._foreach_copy_(changing, before)
            recording = _Recording(self, images, labels, now, recorder)
            torch._foreach_copy_(changing, before)
            losses, _ = recording.repeat(images, labels, now)
            _compare(expected, [losses, *(w - b for w, b in zip(weights, before, strict=False))])
            self._recording = recording
        except Exception as error:
            if out_of_memory(error):
                raise
            self._recorder = None
            self._say(f"{UNRECORDED}: {reason(error)}")
        finally:
            torch._foreach_copy_(changing, before)

    def _kept_by_optimizers(self) -> Iterator[Tensor]:
        for member in self.members:
            for kept in member.state.optimizer.state.values():
                yield from (value for value in kept.values() if isinstance(value, Tensor))


def _compare(expected: Sequence[Tensor], found: Sequence[Tensor]) -> None:
    """Compare losses (N) and changes of weights (N, …), member by member, as far as finite.

    Raises:
        UnlikeError: they differ.
    """
    for parts in (slice(1), slice(1, None)):
        ours, theirs = (
            torch.cat([tensor.flatten(1) for tensor in tensors[parts]], 1)
            for tensors in ([t[:, None] for t in found], [t[:, None] for t in expected])
        )
        whole = theirs.norm(dim=1)
        unlike = whole.isfinite() & ~((ours - theirs).norm(dim=1) <= AGREES * whole)
        if unlike.any():
            raise UnlikeError(
                f"a recorded step differs from a step, for {int(unlike.sum())} of {len(unlike)} "
                "runs; does a mechanism count its steps in Python?"
            )


class _Recording:
    """A recorded step, and the memory that it reads."""

    def __init__(
        self,
        steps: Steps,
        images: Tensor,
        labels: Tensor,
        now: Sequence[int],
        recorder: Recorder,
    ) -> None:
        """Record the step that has just been taken, whose draws the streams know."""
        self._stack = steps.stack
        self._images, self._labels = images.clone(), labels.clone()
        self._asked = [list(stream.asked) for stream in self._stack.streams]
        self._numbers = [[drawn.clone() for drawn in mine] for mine in self._draw(now)]
        self._rates = _Rates(steps.members, images.device)
        self._found: tuple[Tensor, Tensor]

        def work() -> None:
            with self._stack.given(self._numbers):
                self._found = steps.step(self._images, self._labels)

        with self._rates.read_there():
            self._again = recorder(work)

    def repeat(self, images: Tensor, labels: Tensor, now: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Take the step of these images and labels; what is returned is overwritten by the next."""
        self._images.copy_(images)
        self._labels.copy_(labels)
        for there, drawn in zip(self._numbers, self._draw(now), strict=True):
            torch._foreach_copy_(there, drawn)
        self._rates.update()
        self._again()
        return self._found

    def _draw(self, now: Sequence[int]) -> list[list[Tensor]]:
        """What each stream draws in the members' steps, as tensors (N, …)."""
        self._stack.seek(now)
        pairs = zip(self._stack.streams, self._asked, strict=True)
        return [[stream.draw(one) for one in asked] for stream, asked in pairs]


class _Rates:
    """The rates of the members' optimisers, on the device."""

    def __init__(self, members: Sequence[Member], device: torch.device) -> None:
        optimizers = [member.state.optimizer for member in members]
        self._groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        self._values = [float(group["lr"]) for group in self._groups]
        self._there = [
            torch.tensor(value, dtype=torch.float32, device=device) for value in self._values
        ]

    def update(self) -> None:
        """Put the optimisers' rates there, where they have changed."""
        for number, (group, there) in enumerate(zip(self._groups, self._there, strict=True)):
            if group["lr"] != self._values[number]:
                self._values[number] = group["lr"]
                there.fill_(group["lr"])

    @contextmanager
    def read_there(self) -> Iterator[None]:
        """Have the optimisers read their rates there for the block."""
        before = [(group["lr"], group.get("capturable")) for group in self._groups]
        for group, there in zip(self._groups, self._there, strict=True):
            group |= {"lr": there, "capturable": True}
        try:
            yield
        finally:
            for group, (rate, capturable) in zip(self._groups, before, strict=True):
                group["lr"] = rate
                if capturable is None:
                    del group["capturable"]
                else:
                    group["capturable"] = capturable
