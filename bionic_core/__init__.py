"""bionic: neural networks built from biological mechanisms and real wiring.

>>> import bionic_core as bionic
>>> spec = bionic.load("baseline")
>>> model = bionic.build(spec)
>>> sum(parameter.numel() for parameter in model.parameters())
1381223

Importing this module imports no torch and sets nothing global; names are loaded when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bionic_core.base.lazy import offer

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bionic_core.cli.command import Command as Command
    from bionic_core.connectome import Block as Block
    from bionic_core.connectome import Connectome as Connectome
    from bionic_core.connectomes.roles import ConnectomeFetcher as ConnectomeFetcher
    from bionic_core.dataset import Dataset as Dataset
    from bionic_core.dataset import Split as Split
    from bionic_core.errors import BionicError as BionicError
    from bionic_core.errors import RequestError as RequestError
    from bionic_core.markers import NEUTRAL as NEUTRAL
    from bionic_core.markers import NUMERICS as NUMERICS
    from bionic_core.markers import hookimpl as hookimpl
    from bionic_core.model.assembly import build as build
    from bionic_core.model.network import Network as Network
    from bionic_core.model.projection import Projection as Projection
    from bionic_core.plugin import ConnectomeSource as ConnectomeSource
    from bionic_core.plugin import DataSource as DataSource
    from bionic_core.plugin import Mechanism as Mechanism
    from bionic_core.registry import Registry as Registry
    from bionic_core.runs.engine import Engine as Engine
    from bionic_core.seeds import Stream as Stream
    from bionic_core.sites import Features as Features
    from bionic_core.sites import Layer as Layer
    from bionic_core.sites import NormSite as NormSite
    from bionic_core.sites import PlasticityRule as PlasticityRule
    from bionic_core.sites import ProjectionSite as ProjectionSite
    from bionic_core.sites import Stage as Stage
    from bionic_core.sites import Synapses as Synapses
    from bionic_core.sites import Wiring as Wiring
    from bionic_core.spec.find import load as load
    from bionic_core.spec.spec import Spec as Spec
    from bionic_core.spec.spec import compose as compose
    from bionic_core.statistics.analysis import Analysis as Analysis
    from bionic_core.statistics.tables import analyse as analyse
    from bionic_core.studies.journal import Held as Held
    from bionic_core.studies.journal import Journal as Journal
    from bionic_core.studies.journal import Recorded as Recorded
    from bionic_core.studies.journal import Study as Study
    from bionic_core.studies.journal import Tracked as Tracked
    from bionic_core.studies.journal import Tracker as Tracker
    from bionic_core.studies.publication import Publication as Publication
    from bionic_core.training.recipe import recipe_of as recipe_of

# torch takes a second to import, and most commands of the command line need none of it.
__getattr__, __dir__, __all__ = offer(
    __name__,
    {
        "cli.command": ("Command",),
        "connectome": ("Block", "Connectome"),
        "connectomes.roles": ("ConnectomeFetcher",),
        "dataset": ("Dataset", "Split"),
        "errors": ("BionicError", "RequestError"),
        "markers": ("NEUTRAL", "NUMERICS", "hookimpl"),
        "model.assembly": ("build",),
        "model.network": ("Network",),
        "model.projection": ("Projection",),
        "plugin": ("ConnectomeSource", "DataSource", "Mechanism"),
        "registry": ("Registry",),
        "runs.engine": ("Engine",),
        "seeds": ("Stream",),
        "sites": (
            *("Features", "Layer", "NormSite", "PlasticityRule", "ProjectionSite"),
            *("Stage", "Synapses", "Wiring"),
        ),
        "spec.find": ("load",),
        "spec.spec": ("Spec", "compose"),
        "statistics.analysis": ("Analysis",),
        "statistics.tables": ("analyse",),
        "studies.journal": ("Held", "Journal", "Recorded", "Study", "Tracked", "Tracker"),
        "studies.publication": ("Publication",),
        "training.recipe": ("recipe_of",),
    },
    "__version__",
)
