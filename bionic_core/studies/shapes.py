"""The models of a study's cells: each shape is built once before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from bionic_core.connectome import Connectome
from bionic_core.model.assembly import build
from bionic_core.model.hooks import hooks_of
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


def check_cells(specs: Sequence[Spec]) -> None:
    """Build the model of each shape once, and make the recipe of each spec.

    Raises:
        RequestError: a spec cannot be built, or its schedule never acts.
    """
    built: set[str] = set()
    connectomes: dict[int, Connectome | None] = {}  # by source, which cells of one wiring share
    for spec in specs:
        shape = shape_of(spec)
        if shape not in built:
            if id(spec.connectome) not in connectomes:
                connectomes[id(spec.connectome)] = connectome_of(spec)
            build(spec, connectome=connectomes[id(spec.connectome)])
            built.add(shape)
        recipe_of(spec)
        check_heard(spec)


def connectome_of(spec: Spec) -> Connectome | None:
    """Return the wiring that a spec names; None where it names none.

    Raises:
        RequestError: it cannot be read, or is no connectome.
    """
    return None if spec.connectome is None else checked(spec.connectome.read(), spec.where)
