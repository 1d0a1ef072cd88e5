"""Networks of one shape as one: parameters and buffers with a leading dimension of members.

One of them, the frame, holds the modules. Its forward pass is vectorised over the members by
``torch.vmap``, every one with its own weights, wiring, images and random numbers. What only some
members have sits behind gates in the frame, open for those members alone. The members' own networks
stay: their parameters and gradients are views of the stack's, so that their own optimisers,
checkpoints and evaluation work on them as if there were no stack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from bionic_core import Network, Stream
from bionic_core.runs import DenseProjection, SparseProjection
from bionic_core.training import local_changes, products_in, unit_range
from bionic_plugins.engines.stacked.streams import StackedStream

EVALUATION_BATCH = 512
"""Images of all members together that are evaluated at a time on a CPU."""

DEVICE_BATCH = 8192
"""The same on a GPU, where starting a kernel takes longer than so many images in it."""


class _Rules(nn.Module):
    """A network's local rules as a module: record → what each rule adds."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, record: Mapping[str, Tensor]) -> list[Tensor]:
        return local_changes(self.network, record)


class Stack:
    """Members stacked behind a frame, all on one device; module-like, images NBCHW → logits NBC.

    Attributes:
        frame: built with gates for what not all members have, and with :class:`StackedStream`.
        members: the networks, N of them.
        parameters: of all members by the frame's names, (N, …), with gradients.
        buffers: likewise; those alike in all members and in no checkpoint are kept once.
    """

    def __init__(
        self, frame: Network, members: Sequence[Network], mechanisms: Sequence[Collection[str]]
    ) -> None:
        """Stack members; ``mechanisms`` are the names of those that each has."""
        self.frame = frame
        self.members = tuple(members)
        self.mechanisms = tuple(mechanisms)
        device = next(frame.parameters()).device
        self._open_masks()
        self.parameters = self._stack_parameters()
        self.buffers, self._dims = self._stack_buffers()
        self._numbers = torch.arange(len(self.members), device=device)
        self._recorded = sorted({n for p in frame.plastic for n in (p.pre, p.post)})
        self._rules = _Rules(frame)
        paths = {id(module): path for path, module in frame.named_modules()}
        self._plastic = [f"{paths[id(p.projection)]}.values" for p in frame.plastic]
        for stream in self.streams:
            stream.stack([_named(m, stream.name) for m in self.members])

    def __len__(self) -> int:
        return len(self.members)

    def seek(self, steps: Sequence[int]) -> None:
        """Take the random numbers of each member to the beginning of its training step."""
        for stream in self.streams:
            stream.seek_each(steps)

    @contextmanager
    def given(self, numbers: Sequence[Sequence[Tensor]]) -> Iterator[None]:
        """Have one pass take these numbers (N, …), by stream, in place of drawing."""
        for stream, mine in zip(self.streams, numbers, strict=True):
            stream.given = iter(mine)
        try:
            yield
        finally:
            for stream in self.streams:
                stream.given = None

    def __call__(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the logits NBC of images NBCHW in [0, 1], and what the local rules need."""
        dims = (0, self._dims, 0, 0)
        try:
            found: tuple[Tensor, dict[str, Tensor]] = torch.vmap(self._one, in_dims=dims)(
                self.parameters, self.buffers, images, self._numbers
            )
        finally:
            for stream in self.streams:
                stream.member = None
        return found

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return the logits (N, images, classes) of uint8 images NCHW, in evaluation mode."""
        training = self.frame.training
        self.frame.eval()
        dims = (0, self._dims, None, 0)
        run = torch.vmap(self._one, in_dims=dims)
        size = EVALUATION_BATCH if images.device.type == "cpu" else DEVICE_BATCH
        parts = []
        with products_in("float32"):
            for batch in torch.split(images, max(1, size // len(self))):
                scaled = unit_range(batch)
                parts.append(run(self.parameters, self.buffers, scaled, self._numbers)[0])
        self.frame.train(training)
        return torch.cat(parts, dim=1).float().cpu()

    @torch.no_grad()
    def learn_locally(self, record: Mapping[str, Tensor]) -> None:
        """Apply the local rules once, to every member that has them."""
        if not self._plastic:
            return

        def one(parameters: Mapping[str, Tensor], buffers: Any, record: Any) -> list[Tensor]:
            state = {f"network.{key}": value for key, value in {**parameters, **buffers}.items()}
            changes: list[Tensor] = functional_call(self._rules, state, (record,))
            return changes

        dims = (0, self._dims, 0)
        changes = torch.vmap(one, in_dims=dims)(self.parameters, self.buffers, record)
        for name, change in zip(self._plastic, changes, strict=True):
            self.parameters[name].add_(change)

    def clear_gradients(self) -> None:
        """Set all gradients to zero, in place: those of the members are views of them."""
        torch._foreach_zero_([p.grad for p in self.parameters.values() if p.grad is not None])

    @property
    def streams(self) -> list[StackedStream]:
        """The random numbers of the pieces that draw while they run."""
        return [stream for stream in self.frame.streams if isinstance(stream, StackedStream)]

    def _one(
        self, parameters: Any, buffers: Any, images: Tensor, member: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Pass one member's images forward, under vmap."""
        for stream in self.streams:
            stream.member = member
        record: dict[str, Tensor] | None = {} if self._recorded else None
        logits = functional_call(self.frame, (parameters, buffers), (images, record))
        return logits, {name: record[name] for name in self._recorded} if record else {}

    def _open_masks(self) -> None:
        """Give the frame a mask wherever a member has one, open for those that have none."""
        masked = {name for member in self.members for name, _ in member.named_buffers()}
        for path, module in self.frame.named_modules():
            if isinstance(module, DenseProjection) and f"{path}.mask" in masked:
                module.add_mask()
                module.get_buffer("mask").fill_(1)

    def _stack_parameters(self) -> dict[str, Tensor]:
        stacked = {}
        own = [dict(member.named_parameters()) for member in self.members]
        for name, fallback in self.frame.named_parameters():
            rows = torch.stack([mine.get(name, fallback).detach() for mine in own]).contiguous()
            together = rows.requires_grad_()
            together.grad = torch.zeros_like(rows)
            for number, mine in enumerate(own):
                if name in mine:
                    mine[name].data = together.detach()[number]
                    mine[name].grad = together.grad[number]
            stacked[name] = together
        return stacked

    def _stack_buffers(self) -> tuple[dict[str, Tensor], dict[str, int | None]]:
        stacked: dict[str, Tensor] = {}
        dims: dict[str, int | None] = {}
        own = [dict(member.named_buffers()) for member in self.members]
        kept = [set(member.state_dict()) for member in self.members]
        for name, fallback in self.frame.named_buffers():
            last = name.rpartition(".")[2]
            if last.startswith("gate_"):
                gated = last.removeprefix("gate_")
                rows = [torch.tensor(gated in has).to(fallback) for has in self.mechanisms]
            else:
                rows = [mine.get(name, fallback) for mine in own]
            alike = all(torch.equal(rows[0], row) for row in rows[1:])
            if alike and not any(name in mine for mine in kept):
                stacked[name], dims[name] = rows[0], None
                continue
            stacked[name], dims[name] = torch.stack(rows).contiguous(), 0
            for number, mine in enumerate(own):
                if name in kept[number]:
                    mine[name].data = stacked[name][number]
        return stacked, dims


def misfit(frame: Network, member: Network) -> str:
    """Say what keeps a network from being stacked behind a frame; an empty string if nothing."""
    shapes = {name: p.shape for name, p in frame.named_parameters()}
    for name, parameter in member.named_parameters():
        if shapes.get(name) != parameter.shape:
            there = list(shapes[name]) if name in shapes else "none"
            return f"its {name} is {list(parameter.shape)}, others' is {there}"
    modules = dict(frame.named_modules())
    for path, module in member.named_modules():
        other = modules.get(path)
        if isinstance(module, SparseProjection) and isinstance(other, SparseProjection):
            pairs = zip(module.index, other.index, strict=True)
            if not all(torch.equal(one, two.to(one.device)) for one, two in pairs):
                return f"its pairs {module.label} are others, and are stored one by one"
    return ""


def stacked_cross_entropy(
    logits: Tensor, labels: Tensor, weight: Tensor, smoothing: Tensor, by_image: Tensor
) -> Tensor:
    """Return the training loss of each member, (N,), as :mod:`bionic_core.training.loss` has it.

    Args:
        logits: NBC.
        labels: NB.
        weight: of the classes, NC.
        smoothing: of the labels, N.
        by_image: whether weights multiply an image's whole loss, N.
    """
    surprise = -functional.log_softmax(logits, -1)
    of_label = weight.gather(1, labels)
    hit = (surprise.gather(2, labels[:, :, None])[:, :, 0] * of_label).sum(1)
    shares = torch.where(by_image[:, None, None], of_label[:, :, None], weight[:, None, :])
    spread = (surprise * shares).sum((1, 2)) / logits.shape[-1]
    return ((1 - smoothing) * hit + smoothing * spread) / of_label.sum(1)


def _named(member: Network, name: str) -> Stream | None:
    return next((stream for stream in member.streams if stream.name == name), None)
