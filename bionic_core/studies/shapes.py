"""The models of a study's cells: each shape is built once before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from bionic_core.connectome import Connectome
from bionic_core.model.assembly import build
from bionic_core.model.hooks import hooks_of
from bionic_core.model.notes import idle as idle_in
from bionic_core.spec.connectome import checked
from bionic_core.spec.spec import Spec, digest
from bionic_core.training.recipe import recipe_of
from bionic_core.training.void import check_heard


def shape_of(spec: Spec) -> str:
    """Return a digest of what a spec's model is built of; seeds, data and recipe are none of it."""
    tables = spec.tables
    acting = {
        name: tables["mechanisms"][name]
        for name, hooks in hooks_of(spec).items()
        if hooks - {"recipe"}
    }
    return digest([tables["model"], tables.get("connectome"), acting])


def check_cells(specs: Sequence[Spec]) -> dict[str, str]:
    """Build the model of each shape once, and make the recipe of each spec.

    Returns:
        Why mechanisms do nothing in the model of any spec that has them, by name.

    Raises:
        RequestError: a spec cannot be built, or its schedule never acts.
    """
    built: set[str] = set()
    idle: dict[str, str] = {}
    acting: set[str] = set()
    connectomes: dict[int, Connectome | None] = {}  # by source, which cells of one wiring share
    for spec in specs:
        shape = shape_of(spec)
        if shape not in built:
            if id(spec.connectome) not in connectomes:
                connectomes[id(spec.connectome)] = connectome_of(spec)
            network = build(spec, connectome=connectomes[id(spec.connectome)])
            built.add(shape)
            nothing = idle_in(spec, network)
            idle |= nothing
            acting |= spec.mechanisms.keys() - nothing.keys()
        recipe_of(spec)
        check_heard(spec)
    return {name: why for name, why in idle.items() if name not in acting}


def connectome_of(spec: Spec) -> Connectome | None:
    """Return the wiring that a spec names; None where it names none.

    Raises:
        RequestError: it cannot be read, or is no connectome.
    """
    return None if spec.connectome is None else checked(spec.connectome.read(), spec.where)
