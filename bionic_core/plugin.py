"""What a plugin is: a frozen attrs class whose fields are its TOML keys.

A distribution announces its plugins as entry points in the group ``bionic``::

    [project.entry-points.bionic]
    divisive = "my_package.divisive:Divisive"

The entry point's name, the class attribute ``name`` and the spec's table name are one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from bionic_core.connectome import Connectome
    from bionic_core.dataset import Dataset


class Plugin:
    """What all plugins share.

    A key that a plugin gains later has ``metadata={EARLIER: value}``, what was before it: with that
    value runs and studies keep their names, and a run without the key has it. (``{NEUTRAL: True}``:
    at its default, runs alone.) ``{NUMERICS: {value: n}}``: with that value, n more ``numerics``.
    ``{UNIT: "steps"}``: a quantity's, "1" where it has none; ``{SOURCE: "doi:…"}``: a key's own.

    Attributes:
        role: what the plugin is for, in words; each role's base class says its own.
        name: the name in specs and on the command line.
        source: where the mechanism or the data comes from (equation, section, DOI).
        numerics: raised when the numbers that the plugin produces change, so that runs made
            before and after are told apart; package versions play no part in it.
        protocol: the :data:`PROTOCOL` that the plugin was written for, None where it does not
            say; one that says another than bionic's is not loaded.
    """

    role: ClassVar[str] = ""
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

    role = "mechanism"
    kind: ClassVar[Literal["structural", "functional"]]
    requires: ClassVar[tuple[str, ...]] = ()
    before: ClassVar[tuple[str, ...]] = ()
    after: ClassVar[tuple[str, ...]] = ()
    compiles: ClassVar[bool] = True


class DataSource(Plugin, ABC):
    """A source of labelled images, chosen by ``[data] source``.

    One that reads files has the field ``path``, and says by :meth:`claims` which are its own.
    """

    role = "data source"

    @classmethod
    def claims(cls, path: Path) -> int:
        """Return how surely ``path`` is this source's: 0 not at all; the highest is taken."""
        return 0

    def size(self) -> tuple[int, int, int] | None:
        """Return channels, height, width of images as they are, for ``image = "auto"``, or None."""
        return None

    @abstractmethod
    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the data, every image resized to ``image`` = (channels, height, width).

        Raises:
            RequestError: the files are missing, damaged or not what they should be.
        """


class ConnectomeSource(Plugin, ABC):
    """A source of wiring, chosen by ``[connectome] source``."""

    role = "connectome source"

    @abstractmethod
    def read(self) -> Connectome:
        """Return the connectome.

        Raises:
            RequestError: the files are missing, damaged or not what they should be.
        """
