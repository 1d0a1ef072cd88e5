"""Which laws each role has, and judging a plugin by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bionic_core.conformance import (
    behaviour,
    building,
    engines,
    learning,
    sources,
    trackers,
    transforms,
)
from bionic_core.conformance.bed import Bed
from bionic_core.conformance.engines import EngineBed
from bionic_core.conformance.laws import Judged, Law, Verdict, verdicts
from bionic_core.conformance.sources import SourceBed
from bionic_core.errors import RequestError, listing
from bionic_core.plugin import ConnectomeSource, DataSource, Mechanism, Plugin
from bionic_core.registry import Registry
from bionic_core.registry.announced import a
from bionic_core.runs.engine import Engine
from bionic_core.studies.journal import Tracker

_DECLARED = ("declaration",)


_BUILT = (*_DECLARED, "builds")


_RUNS = (*_BUILT, "shapes")


_FINITE = (*_RUNS, "gradients")


_STEADY = (*_FINITE, "seeds")


_MECHANISM = (
    Law("declaration", "kind, requires, before and after are declared", building.declaration),
    Law("builds", "it builds, and acts somewhere by each hook it has", building.builds, _DECLARED),
    Law("docstring", "docstring says shapes, 'source' where from", building.docstring, _BUILT),
    Law("toml", "a spec is the same, written as TOML and read", building.toml, _BUILT),
    Law("shapes", "modules and rules keep shape and dtype", building.shapes, _BUILT),
    Law("gradients", "all is finite, in silent layers too", learning.gradients, _RUNS),
    Law("seeds", "equal seeds, equal numbers; else other draws", behaviour.seeds, _FINITE),
    Law("modes", "evaluation draws and keeps nothing", behaviour.modes, _STEADY),
    Law("state", "a loaded state dict gives the same numbers", behaviour.state, _STEADY),
    Law("gate-gradients", "gate closed, gradients are finite", learning.gate_gradients, _RUNS),
    Law(
        "gate-absent",
        "gate closed equals absent, open equals no gate",
        learning.gate_absent,
        (*_STEADY, "gate-gradients"),
    ),
    Law("masked", "weights where no pair exists stay zero", learning.masked, _STEADY),
    Law("vmap", "many models at once equal each alone, to 1e-5", transforms.vmap, _STEADY),
    Law("compile", "torch.compile works, or compiles = False", transforms.compiles, _STEADY),
)


_DATA = (
    Law("docstring", "docstring and 'source' say what and where from", sources.docstring),
    Law("toml", "keys are the same, written as TOML and read", sources.toml),
    Law("images", "images have the shape that is asked for", sources.reads_images),
    Law("repeatable", "read twice, all is the same", sources.same_images, ("images",)),
)


_CONNECTOME = (
    Law("docstring", "docstring and 'source' say what and where from", sources.docstring),
    Law("toml", "keys are the same, written as TOML and read", sources.toml),
    Law("wiring", "there are connections, and a label", sources.reads_wiring),
    Law("repeatable", "read twice, all is the same", sources.same_wiring, ("wiring",)),
    Law("file", "written to a file and read, all is the same", sources.kept_wiring, ("wiring",)),
)


_TRACKER = (
    Law("docstring", "docstring and 'source' say what and where from", sources.docstring),
    Law("tells", "a run is told from its beginning to its end", trackers.tells),
    Law("goes-on", "a run goes on after the epochs that are there", trackers.goes_on, ("tells",)),
    Law("finishes", "a finished run is known as one", trackers.finishes, ("tells",)),
    Law("apart", "runs, and studies, are kept apart", trackers.apart, ("tells",)),
    Law("words", "names of any letters and lengths are taken", trackers.words, ("tells",)),
)


_ENGINE = (
    Law("docstring", "docstring says where runs are trained", engines.docstring),
    Law("toml", "options are the same, written as TOML and read", sources.toml),
    Law("numbers", "same folders, same numbers as one by one", engines.numbers),
    Law("tells", "each run's begin and epochs are told", engines.tells, ("numbers",)),
    Law("reuses", "a complete run is not trained again", engines.reuses, ("numbers",)),
    Law("goes-on", "a run that cannot be had stops no other", engines.goes_on, ("numbers",)),
    Law(
        "interrupted",
        "stopped, it ends all, and runs go on to the same numbers",
        engines.interrupted,
        ("tells",),
    ),
)


MECHANISM_LAWS: tuple[str, ...] = tuple(law.name for law in _MECHANISM)
"""Names of the laws of mechanisms, in the order in which they are judged."""


DATA_LAWS: tuple[str, ...] = tuple(law.name for law in _DATA)
"""Names of the laws of data sources."""


CONNECTOME_LAWS: tuple[str, ...] = tuple(law.name for law in _CONNECTOME)
"""Names of the laws of connectome sources."""


TRACKER_LAWS: tuple[str, ...] = tuple(law.name for law in _TRACKER)
"""Names of the laws of trackers."""


ENGINE_LAWS: tuple[str, ...] = tuple(law.name for law in _ENGINE)
"""Names of the laws of engines."""


ROLES: tuple[Judged, ...] = (
    Judged(Mechanism, _MECHANISM, Bed.of),
    Judged(DataSource, _DATA, lambda source, _: SourceBed.of(source)),
    Judged(ConnectomeSource, _CONNECTOME, lambda source, _: SourceBed.of(source)),
    Judged(Tracker, _TRACKER, lambda tracker, _: SourceBed.of(tracker)),
    Judged(Engine, _ENGINE, lambda engine, _: EngineBed.of(engine)),
)
"""The roles that are judged here; commands stand in a room above, and so do their laws."""


class LawBrokenError(AssertionError):
    """A plugin breaks laws; the text says which, and an input for each that shows it."""


def check_mechanism(mechanism: type[Mechanism] | Mechanism, *laws: str) -> None:
    """Judge a mechanism, by class with its defaults or as an instance with its keys.

    It need not be installed; what it requires must be.

    Args:
        mechanism: for example ``Divisive`` or ``Divisive(sigma=0.5)``.
        laws: names out of :data:`MECHANISM_LAWS`; all if there is none.

    Raises:
        LawBrokenError: it breaks some, with an input for each that shows it.
        RequestError: there is no such law, or a key without a default was not given.
    """
    insist(judge(mechanism, *laws))


def check_data_source(source: type[DataSource] | DataSource, *laws: str) -> None:
    """Judge a data source; as :func:`check_mechanism`, by :data:`DATA_LAWS`."""
    insist(judge(source, *laws))


def check_connectome_source(source: type[ConnectomeSource] | ConnectomeSource, *laws: str) -> None:
    """Judge a connectome source; as :func:`check_mechanism`, by :data:`CONNECTOME_LAWS`."""
    insist(judge(source, *laws))


def check_tracker(tracker: type[Tracker] | Tracker, *laws: str) -> None:
    """Judge a tracker; as :func:`check_mechanism`, by :data:`TRACKER_LAWS`."""
    insist(judge(tracker, *laws))


def check_engine(engine: type[Engine] | Engine, *laws: str) -> None:
    """Judge an engine; as :func:`check_mechanism`, by :data:`ENGINE_LAWS`."""
    insist(judge(engine, *laws))


def judged_as(plugin: type[Plugin] | Plugin, roles: Sequence[Judged] = ROLES) -> Judged:
    """Return what a plugin's role is judged by.

    Raises:
        RequestError: there are no laws for it.
    """
    cls = plugin if isinstance(plugin, type) else type(plugin)
    for one in roles:
        if issubclass(cls, one.role):
            return one
    raise RequestError(
        f"'{getattr(cls, 'name', cls.__name__)}' cannot be judged: it is {a(cls.role)}, and there "
        f"are laws for {listing([f'{one.role.role}s' for one in roles])}"
    )


def laws_of(plugin: type[Plugin] | Plugin, roles: Sequence[Judged] = ROLES) -> Sequence[Law]:
    """Return the laws of a plugin's role.

    Raises:
        RequestError: there are none for it.
    """
    return judged_as(plugin, roles).laws


def judge(
    plugin: type[Plugin] | Plugin,
    *laws: str,
    registry: Registry | None = None,
    roles: Sequence[Judged] = ROLES,
) -> Iterator[Verdict]:
    """Judge a plugin law by law, and give each verdict as soon as it is known.

    Raises:
        RequestError: there is no such law, or a key without a default was not given.
    """
    known = judged_as(plugin, roles)
    return verdicts(known.bed(plugin, registry), known.laws, laws)


def insist(found: Iterator[Verdict]) -> None:
    """Raise :class:`LawBrokenError` if a law is broken."""
    broken = [str(verdict) for verdict in found if verdict.broken]
    if broken:
        raise LawBrokenError("\n".join(broken))
