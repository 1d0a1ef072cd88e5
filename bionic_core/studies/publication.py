"""A paper's published numbers, and which spec each of them is compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import attrs
from attrs import field

from bionic_core.base.strict import structure
from bionic_core.errors import RequestError, listing
from bionic_core.plugin import Plugin
from bionic_core.registry import Registry
from bionic_core.spec.spec import read

Figure = tuple[float, float]
"""Mean and SD over seeds."""


@attrs.frozen
class PublishedModel:
    """A spec; ``like`` is one whose training, and whose tables of shared mechanisms, it takes."""

    spec: str
    like: str = ""


@attrs.frozen
class PublishedRecipe:
    """What is trained for each of the paper's models."""

    text: str
    models: Mapping[str, PublishedModel]


@attrs.frozen
class Variant:
    """A row of Table 4: a model, or the main one ``without`` a mechanism.

    Attributes:
        accuracy, train_accuracy: per cent.
        loss, train_loss: as published.
        macro_f1: a fraction.
    """

    label: str
    accuracy: Figure
    loss: Figure
    train_accuracy: Figure
    train_loss: Figure
    macro_f1: Figure
    parameters: int
    model: str = ""
    without: str = ""


@attrs.frozen
class Change:
    """A row of Tables 5 and 6: full − without, in percentage points."""

    label: str
    without: str
    change: float


@attrs.frozen
class Changes:
    """Table 5 or 6."""

    title: str
    kind: Literal["structural", "functional"]
    range: Figure
    rows: tuple[Change, ...]


@attrs.frozen
class ClassRow:
    """A row of Table 3: a class by any of its ``names``, or an ``average`` over classes."""

    label: str
    figures: Mapping[str, Mapping[str, float]]
    names: tuple[str, ...] = ()
    average: str = ""


@attrs.frozen
class Published:
    """Everything that a publication's file says.

    Attributes:
        main: the model that mechanisms are left out of.
        selection: what the paper selected its epochs on.
    """

    title: str
    authors: str
    code: str
    data: str
    test_images: int
    train_images: int
    seeds: int
    main: str
    selection: str
    appendix: str
    recipes: Mapping[str, PublishedRecipe]
    table3: tuple[ClassRow, ...]
    table4: tuple[Variant, ...]
    table5: Changes
    table6: Changes
    notes: tuple[str, ...] = field(factory=tuple)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The mechanisms that the paper leaves out, in the order of Table 4."""
        return tuple(row.without for row in self.table4 if row.without)

    def row(self, without: str) -> Variant | None:
        """Return Table 4's row of a left-out mechanism, if it has one."""
        return next((row for row in self.table4 if row.without == without), None)

    @property
    def whole(self) -> Variant:
        """Table 4's row of the main model."""
        return next(row for row in self.table4 if row.model == self.main)


def open_publication(name: str | None, registry: Registry) -> Published:
    """Return what a publication says; if none is named, the only one that is installed.

    Raises:
        RequestError: there is none of that name, none or several to choose from, or its file is
            not as it should be.
    """
    if name is None:
        known = _installed(registry)
        if len(known) != 1:
            raise RequestError(
                f"{len(known)} publications are installed ({listing(known)}); name the one to "
                "reproduce"
            )
        name = known[0]
    path = registry.get(name, Publication)().path()
    published, problems = structure(read(path), Published, "")
    if published is not None:
        problems = _faults(published)
    if published is None or problems:
        raise RequestError(problems, where=str(path))
    return published


def publications(registry: Registry) -> list[Published]:
    """Return what all installed publications say, less those whose file is not as it should be."""
    found = []
    for name in _installed(registry):
        try:
            found.append(open_publication(name, registry))
        except RequestError:  # what is wrong with it is for who reproduces it
            continue
    return found


def _installed(registry: Registry) -> list[str]:
    return [
        listed.entry.name
        for listed in registry.listing()
        if listed.cls is not None and issubclass(listed.cls, Publication) and not listed.error
    ]


def _faults(published: Published) -> list[str]:
    models = {row.model for row in published.table4 if row.model} | {published.main}
    problems = [
        f"recipes.{name}.models: '{model}' is missing; Table 4 has a row for it"
        for name, recipe in published.recipes.items()
        for model in sorted(models - set(recipe.models))
    ]
    problems += [
        f"table4: '{row.label}' must have either model or without"
        for row in published.table4
        if bool(row.model) == bool(row.without)
    ]
    if not any(row.model == published.main for row in published.table4):
        problems.append(f"table4: no row has model = '{published.main}', the main one")
    for name, table in (("table5", published.table5), ("table6", published.table6)):
        problems += [
            f"{name}: '{row.label}' leaves out '{row.without}', which has no row in Table 4"
            for row in table.rows
            if published.row(row.without) is None
        ]
    return problems


class Publication(Plugin, ABC):
    """A paper whose numbers ``bionic reproduce`` sets beside ours."""

    role = "publication"

    @abstractmethod
    def path(self) -> Path:
        """Return a TOML file of its numbers and of the specs that they are compared with.

        Its keys are those of :class:`bionic_core.studies.publication.Published`.
        """
