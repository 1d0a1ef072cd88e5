"""Random numbers that belong to one piece of a model and to nothing else.

Every piece draws from a stream of its own, named by (seed, mechanism, hook, site). Leaving a
piece out therefore changes no number that another one draws, and variants of a model are paired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def derive(seed: int, *path: str | int) -> int:
    """Return a 63-bit seed for the named piece; equal names give equal seeds."""
    text = "\0".join(str(part) for part in (seed, *path))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1  # torch takes signed 64-bit seeds


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's CPU generator for the block, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):  # GPUs' generators stay: all is drawn on the CPU
        torch.default_generator.manual_seed(seed)
        yield


class Stream:
    """Random numbers for a module that draws while it runs.

    The numbers of a training step depend on the seed and the step alone, so that a run which
    goes on from a checkpoint draws what it would have drawn.

    Attributes:
        name: of the piece that draws, unique within a model.
    """

    def __init__(self, seed: int, name: str = "") -> None:
        self.seed = seed
        self.name = name
        self.step: int = 0
        self._generators: dict[torch.device, torch.Generator] = {}

    def seek(self, step: int) -> None:
        """Go to the beginning of a training step."""
        self.step = step
        self._generators.clear()

    def generator(self, device: torch.device) -> torch.Generator:
        """Return the generator of this step on a device, at the place where it stands."""
        if device not in self._generators:
            generator = torch.Generator(device)
            generator.manual_seed(derive(self.seed, self.step))  # not where the last step ended
            self._generators[device] = generator
        return self._generators[device]

    def normal(self, like: Tensor) -> Tensor:
        """Return standard normal numbers of the shape, dtype and device of ``like``."""
        return self.normal_of(like.shape, like.dtype, like.device)

    def normal_of(self, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> Tensor:
        """Return standard normal numbers."""
        return torch.randn(shape, dtype=dtype, device=device, generator=self.generator(device))

    def uniform(self, *shape: int, device: torch.device | None = None) -> Tensor:
        """Return float32 numbers uniform in [0, 1)."""
        device = device or torch.device("cpu")
        return torch.rand(*shape, device=device, generator=self.generator(device))

    def permutation(self, count: int) -> Tensor:
        """Return the numbers 0 … count − 1 in random order, int64 on the CPU."""
        return torch.randperm(count, generator=self.generator(torch.device("cpu")))

    def __deepcopy__(self, memo: dict[int, object]) -> Stream:
        copy = Stream(self.seed, self.name)  # torch's generators cannot be copied
        copy.step = self.step
        return copy
