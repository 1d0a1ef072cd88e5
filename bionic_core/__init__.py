"""bionic: neural networks built from biological mechanisms and real wiring.

>>> import bionic_core as bionic
>>> spec = bionic.load("baseline")
>>> model = bionic.build(spec)
>>> sum(parameter.numel() for parameter in model.parameters())
1381223

Importing this module imports no torch and sets nothing global; names are loaded when used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bionic_core.analysis import Analysis as Analysis
    from bionic_core.assembly import build as build
    from bionic_core.assembly import recipe_of as recipe_of
    from bionic_core.connectome import Connectome as Connectome
    from bionic_core.data import Dataset as Dataset
    from bionic_core.data import Split as Split
    from bionic_core.errors import BionicError as BionicError
    from bionic_core.errors import RequestError as RequestError
    from bionic_core.journal import Held as Held
    from bionic_core.journal import Journal as Journal
    from bionic_core.journal import Study as Study
    from bionic_core.journal import Tracked as Tracked
    from bionic_core.model import Network as Network
    from bionic_core.plugin import ConnectomeFetcher as ConnectomeFetcher
    from bionic_core.plugin import ConnectomeSource as ConnectomeSource
    from bionic_core.plugin import DataSource as DataSource
    from bionic_core.plugin import Engine as Engine
    from bionic_core.plugin import Mechanism as Mechanism
    from bionic_core.plugin import Publication as Publication
    from bionic_core.plugin import Tracker as Tracker
    from bionic_core.plugin import hookimpl as hookimpl
    from bionic_core.projection import Projection as Projection
    from bionic_core.registry import Registry as Registry
    from bionic_core.seeds import Stream as Stream
    from bionic_core.sites import Features as Features
    from bionic_core.sites import Layer as Layer
    from bionic_core.sites import NormSite as NormSite
    from bionic_core.sites import ProjectionSite as ProjectionSite
    from bionic_core.sites import Stage as Stage
    from bionic_core.sites import Synapses as Synapses
    from bionic_core.sites import Wiring as Wiring
    from bionic_core.spec import Spec as Spec
    from bionic_core.spec import load as load
    from bionic_core.tables import analyse as analyse

_HOMES = {
    "analysis": ("Analysis",),
    "assembly": ("build", "recipe_of"),
    "connectome": ("Connectome",),
    "data": ("Dataset", "Split"),
    "errors": ("BionicError", "RequestError"),
    "journal": ("Held", "Journal", "Study", "Tracked"),
    "model": ("Network",),
    "plugin": (
        "ConnectomeFetcher",
        "ConnectomeSource",
        "DataSource",
        "Engine",
        "Mechanism",
        "Publication",
        "Tracker",
        "hookimpl",
    ),
    "projection": ("Projection",),
    "registry": ("Registry",),
    "seeds": ("Stream",),
    "sites": ("Features", "Layer", "NormSite", "ProjectionSite", "Stage", "Synapses", "Wiring"),
    "spec": ("Spec", "load"),
    "tables": ("analyse",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
