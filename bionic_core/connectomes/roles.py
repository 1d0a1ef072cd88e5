"""Roles of plugins that draw wiring or download it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from bionic_core.plugin import ConnectomeSource, Plugin

if TYPE_CHECKING:
    from bionic_core.connectome import Connectome


@attrs.frozen
class Compared:
    """A statistic of drawn connectomes beside the measured one; ``sd`` is that over seeds.

    ``met`` says whether the mean is within the tolerance.
    """

    statistic: str
    target: float
    tolerance: float
    mean: float
    sd: float | None
    met: bool = attrs.field(init=False)

    @met.default
    def _met(self) -> bool:
        return abs(self.mean - self.target) <= self.tolerance


@attrs.frozen
class Comparison:
    """Connectomes that a generator drew, one for each seed, beside what was measured.

    Attributes:
        source: the generator's name.
        met: whether all statistics are within their tolerances.
    """

    source: str
    neurons: int
    seeds: int
    met: bool
    statistics: Sequence[Compared]


class Surrogate(ConnectomeSource):
    """A connectome that is drawn from statistics; fields are options of ``connectome surrogate``.

    Attributes:
        neurons: how many.
        seed: of everything drawn.
    """

    role = "connectome surrogate"

    neurons: int
    seed: int

    @abstractmethod
    def compare(self, seeds: Sequence[int]) -> list[Compared]:
        """Draw one for each seed; return measured and drawn statistics side by side."""


class ConnectomeFetcher(Plugin, ABC):
    """A place that real wiring is downloaded from; its fields are options of ``connectome fetch``.

    The class's docstring is what ``bionic connectome fetch NAME --help`` shows.
    """

    role = "connectome fetcher"

    @abstractmethod
    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        """Download the connectome.

        Args:
            parts: a folder for what is finished, from which an interrupted download goes on; see
                :class:`bionic_core.connectomes.fetch.Parts`. The caller removes it after success.
            watch: told how far the download is.

        Raises:
            RequestError: the request is wrong: selection, credentials, a version that is gone.
            BionicError: the server or the network failed, also when asked again.
        """


class Watch(Protocol):
    """Told how far a download is."""

    def step(self, title: str, done: int, total: int) -> None:
        """``done`` of ``total`` pieces are there; ``title`` says of what."""

    def say(self, line: str) -> None:
        """Something that the user should see, for example that the server asks for patience."""


class Unwatched:
    """A watch that keeps everything to itself."""

    def step(self, title: str, done: int, total: int) -> None:
        """Do nothing."""

    def say(self, line: str) -> None:
        """Do nothing."""
