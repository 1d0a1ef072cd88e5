"""What a plugin is: a frozen attrs class whose fields are its TOML keys.

A distribution announces its plugins as entry points in the group ``bionic``::

    [project.entry-points.bionic]
    divisive = "my_package.divisive:Divisive"

The entry point's name, the class attribute ``name`` and the spec's table name are one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs
import pluggy

if TYPE_CHECKING:
    from bionic_core.connectome import Connectome
    from bionic_core.connectomes.fetch import Watch
    from bionic_core.data.splits import Dataset
    from bionic_core.runs.engine import Outcome, Work
    from bionic_core.studies.journal import Journal, Study

PROJECT = "bionic"
DISTRIBUTION = "bionic"
ENTRY_POINT_GROUP = "bionic"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

PROTOCOL = 1
"""Version of what this page and the hooks ask of a plugin; raised when a plugin must change."""

NEUTRAL = "neutral"
"""Key of a field's metadata, see :class:`Plugin`."""


class Plugin:
    """What all plugins share.

    A key that a mechanism gains later, and whose default leaves all numbers as they were, is a
    field with ``metadata={NEUTRAL: True}``: at its default it is no part of a run's identity, so
    that runs from before the key keep their names.

    Attributes:
        name: the name in specs and on the command line.
        source: where the mechanism or the data comes from (equation, section, DOI).
        numerics: raised when the numbers that the plugin produces change, so that runs made
            before and after are told apart; package versions play no part in it.
        protocol: the :data:`PROTOCOL` that the plugin was written for, None where it does not
            say; one that says another than bionic's is not loaded.
    """

    name: ClassVar[str]
    source: ClassVar[str] = ""
    numerics: ClassVar[int] = 1
    protocol: ClassVar[int | None] = None


class Mechanism(Plugin):
    """A mechanism: present in a model because its table is in the spec.

    Subclasses are ``@attrs.frozen(eq=False)`` and act through ``@hookimpl`` methods named
    in :mod:`bionic_core.hookspecs`.

    Attributes:
        kind: ``structural`` (wiring and anatomy) or ``functional`` (dynamics and learning).
        requires: names of mechanisms without which this one means nothing.
        before, after: names of mechanisms that this one precedes or follows where both
            answer the same chained hook; naming an absent mechanism is harmless.
        compiles: whether ``torch.compile`` takes its modules; False says that it need not.
    """

    kind: ClassVar[Literal["structural", "functional"]]
    requires: ClassVar[tuple[str, ...]] = ()
    before: ClassVar[tuple[str, ...]] = ()
    after: ClassVar[tuple[str, ...]] = ()
    compiles: ClassVar[bool] = True


class DataSource(Plugin, ABC):
    """A source of labelled images, chosen by ``[data] source``.

    One that reads files has the field ``path``, and says by :meth:`claims` which are its own.
    """

    @classmethod
    def claims(cls, path: Path) -> int:
        """Return how surely ``path`` is this source's: 0 not at all; the highest is taken."""
        return 0

    @abstractmethod
    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the data, every image resized to ``image`` = (channels, height, width).

        Raises:
            RequestError: the files are missing, damaged or not what they should be.
        """


class ConnectomeSource(Plugin, ABC):
    """A source of wiring, chosen by ``[connectome] source``."""

    @abstractmethod
    def read(self) -> Connectome:
        """Return the connectome.

        Raises:
            RequestError: the files are missing, damaged or not what they should be.
        """


@attrs.frozen
class Compared:
    """A statistic of drawn connectomes beside the measured one; ``sd`` is that over seeds."""

    statistic: str
    target: float
    tolerance: float
    mean: float
    sd: float | None

    @property
    def met(self) -> bool:
        """Whether the mean is within the tolerance."""
        return abs(self.mean - self.target) <= self.tolerance


class Surrogate(ConnectomeSource):
    """A connectome that is drawn from statistics; fields are options of ``connectome surrogate``.

    Attributes:
        neurons: how many.
        seed: of everything drawn.
    """

    neurons: int
    seed: int

    @abstractmethod
    def compare(self, seeds: Sequence[int]) -> list[Compared]:
        """Draw one for each seed; return measured and drawn statistics side by side."""


class Publication(Plugin, ABC):
    """A paper whose numbers ``bionic reproduce`` sets beside ours."""

    @abstractmethod
    def path(self) -> Path:
        """Return a TOML file of its numbers and of the specs that they are compared with.

        Its keys are those of :class:`bionic_core.studies.publication.Published`.
        """


class ConnectomeFetcher(Plugin, ABC):
    """A place that real wiring is downloaded from; its fields are options of ``connectome fetch``.

    The class's docstring is what ``bionic connectome fetch NAME --help`` shows.
    """

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


class Engine(Plugin, ABC):
    """What trains the runs of a study, chosen by ``--engine NAME``; its fields are options there.

    A field must not have the name of an option that ``factorial``, ``ablate`` or ``reproduce``
    has itself. An engine decides where runs are trained, and none of their numbers: it is no part
    of a run's identity, and what one engine has finished is finished for all.
    """

    def prepare(self, jobs: int) -> None:
        """Begin to make ready for so many runs at a time, while the study is planned.

        May be called or not; must return at once.
        """

    @abstractmethod
    def train(self, work: Work) -> Iterator[Outcome]:
        """Train the tasks of ``work``, and give each task's outcome when it is there.

        Runs that are complete are not trained again; those that were interrupted go on. A run
        that fails while it runs is given with its reason, and the rest goes on. A run that another
        process trains is given as busy, and again when that is known to have ended. Closing the
        iterator, or an exception out of it (Ctrl-C included), ends all that is under way.

        Raises:
            RequestError: what was asked cannot be done, for any run.
            WriteError: nothing can be written; what is finished is kept.
        """


class Tracker(Plugin, ABC):
    """What shows runs in another tool, chosen by ``--track NAME``; its fields are options there.

    A field must not have the name of an option that a command which trains has itself. A tracker
    learns what is in the runs' folders and decides none of their numbers: it is no part of a run's
    identity.
    """

    @abstractmethod
    def open(self, study: Study) -> Journal:
        """Return the journal of a study, an old one or a new one.

        Called once, in the process that the command was given to, before anything is trained.

        Raises:
            RequestError: a package that it needs is not installed, or the study's folder is not
                one that it can use.
        """
