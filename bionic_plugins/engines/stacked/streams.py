"""Random numbers of all members of a stack: each member's own, as it would draw them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import Function

from bionic_core import Stream
from bionic_core.errors import RequestError

T = TypeVar("T")

Draw = Callable[[Stream], Tensor]
"""Draws numbers of the shape that a member is to have."""


class _Drawn(Function):
    """What all members have drawn, as each member's own: the numbers come with the vectorising."""

    @staticmethod
    def forward(member: Tensor, draw: Callable[[], Tensor]) -> Tensor:
        raise AssertionError("members draw in a vectorised pass only")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep nothing: numbers that are drawn have no gradient."""

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], member: Tensor, draw: Callable[[], Tensor]
    ) -> tuple[Tensor, int]:
        return draw(), 0


class StackedStream(Stream):
    """Random numbers of a piece for all members: each member's own, as it would draw them alone.

    Members of one seed draw the same numbers, which are then drawn once.

    Attributes:
        member: a tensor over the members, which carries their dimension into the pass.
        asked: what a pass has asked for since the last seek, in order.
        given: what it takes in place of drawing; None for nothing.
    """

    def __init__(self, seed: int, name: str = "") -> None:
        super().__init__(seed, name)
        self.member: Tensor | None = None
        self.asked: list[Draw] = []
        self.given: Iterator[Tensor] | None = None
        self._seeds: tuple[int, ...] = ()
        self._own: list[Stream] = []
        self._rows = Rows()

    def stack(self, streams: Sequence[Stream | None]) -> None:
        """Take the members' streams; for one that has none, any numbers will do."""
        seeds = [stream.seed for stream in streams if stream is not None] or [self.seed]
        self._seeds = tuple(seeds[0] if s is None else s.seed for s in streams)

    def seek_each(self, steps: Sequence[int]) -> None:
        """Take each member to the beginning of its training step."""
        self.asked = []
        unique = self._rows.find(list(zip(self._seeds, steps, strict=True)))
        self._own = []
        for seed, step in unique:
            stream = Stream(seed)
            stream.seek(step)
            self._own.append(stream)

    def generator(self, device: torch.device) -> torch.Generator:
        """Refuse: a generator draws for one member only.

        Raises:
            RequestError: always.
        """
        raise RequestError(
            f"'{self.name}' draws from the generator of its stream, which serves one model at a "
            "time; stream.normal and stream.uniform serve many"
        )

    def normal_of(self, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> Tensor:
        """Return standard normal numbers, of the shape that each member is to have."""
        return self._each(lambda own: own.normal_of(shape, dtype, device))

    def uniform(self, *shape: int, device: torch.device | None = None) -> Tensor:
        """Return float32 numbers uniform in [0, 1), of the shape that each member is to have."""
        return self._each(lambda own: own.uniform(*shape, device=device))

    def permutation(self, count: int) -> Tensor:
        """Return the numbers 0 … count − 1 in random order, each member's own."""
        return self._each(lambda own: own.permutation(count))

    def draw(self, draw: Draw) -> Tensor:
        """Return the next numbers of all members, (N, …)."""
        return self._rows.spread([draw(own) for own in self._own])

    def _each(self, draw: Draw) -> Tensor:
        self.asked.append(draw)
        given = self.given
        take = (lambda: self.draw(draw)) if given is None else (lambda: next(given))
        drawn: Tensor = _Drawn.apply(self.member, take)
        return drawn


class Rows:
    """Which of some different things each member has; the same for many steps on end."""

    def __init__(self) -> None:
        self._rows: tuple[int, ...] = ()
        self._index: Tensor | None = None

    def find(self, things: Sequence[T]) -> list[T]:
        """Take what each member has; return the different ones, which the rows number."""
        number: dict[T, int] = {}
        rows = tuple(number.setdefault(thing, len(number)) for thing in things)
        if rows != self._rows:
            self._rows, self._index = rows, None
        return list(number)

    def spread(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return what each member has, (N, …), from a tensor for each of the different things."""
        if len(tensors) == 1:
            return tensors[0].expand(len(self._rows), *tensors[0].shape)
        together = torch.stack(list(tensors))
        if len(tensors) == len(self._rows):
            return together
        if self._index is None or self._index.device != together.device:
            self._index = torch.tensor(self._rows, device=together.device)
        return together.index_select(0, self._index)
