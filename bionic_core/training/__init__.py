"""The recipe and the epoch loop: a network and images in, weights and figures out.

Writes no file. Start at `loop`, then `recipe`.

Its names here, some of a room below, are for engines, and load what they need when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bionic_core.base.lazy import offer

if TYPE_CHECKING:
    from bionic_core.data.soft import SoftSplit as SoftSplit
    from bionic_core.training.data import TrainingData as TrainingData
    from bionic_core.training.loop import Ended as Ended
    from bionic_core.training.loop import Learner as Learner
    from bionic_core.training.loop import Member as Member
    from bionic_core.training.loop import Progress as Progress
    from bionic_core.training.loop import State as State
    from bionic_core.training.loop import finished as finished
    from bionic_core.training.loop import train_members as train_members
    from bionic_core.training.memory import training_memory as training_memory
    from bionic_core.training.plasticity import local_changes as local_changes
    from bionic_core.training.precision import lowered as lowered
    from bionic_core.training.precision import products_in as products_in
    from bionic_core.training.recipe import CLOSED as CLOSED
    from bionic_core.training.recipe import recipe_of as recipe_of
    from bionic_core.training.views import ahead as ahead
    from bionic_core.training.views import unit_range as unit_range

__getattr__, __dir__, __all__ = offer(
    __name__,
    {
        "bionic_core.data.soft": ("SoftSplit",),
        "data": ("TrainingData",),
        "loop": ("Ended", "Learner", "Member", "Progress", "State", "finished", "train_members"),
        "memory": ("training_memory",),
        "plasticity": ("local_changes",),
        "precision": ("lowered", "products_in"),
        "recipe": ("CLOSED", "recipe_of"),
        "views": ("ahead", "unit_range"),
    },
)
