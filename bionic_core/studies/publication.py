"""A paper's published numbers, and which spec each of them is compared with."""

from __future__ import annotations

import math
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
from bionic_core.spec.find import read

Figure = tuple[float, float]
"""Mean and SD over seeds."""

OLDER = (
    "it has no [variants.NAME]: a publication gives its tables by what they hold, [classes.NAME], "
    "[variants.NAME], [changes.NAME] and [errors.NAME], each with the paper's name and title of it"
)
"""What is said of a file that names its tables by one paper's numbers, as they once all did."""


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


FigureName = Literal["accuracy", "loss", "train_accuracy", "train_loss", "macro_f1"]
"""What a table of variants can hold."""


@attrs.frozen
class PublishedTable:
    """A table of the paper.

    Attributes:
        name: what the paper calls it, its number.
        title: what it is of.
    """

    name: str
    title: str

    @property
    def heading(self) -> str:
        """What stands above it."""
        return f"{self.name}: {self.title}"


@attrs.frozen
class ClassRow:
    """A class by any of its ``names``, or an ``average`` over classes; figures by model."""

    label: str
    figures: Mapping[str, Mapping[str, float]]
    names: tuple[str, ...] = ()
    average: Literal["", "macro", "weighted", "accuracy"] = ""


@attrs.frozen
class ClassTable(PublishedTable):
    """Figures of each class, of one run of each model.

    Attributes:
        columns: its figures; one that is none of them stands in the first.
        note: a sentence about the published figures.
    """

    rows: tuple[ClassRow, ...]
    columns: tuple[Literal["precision", "recall", "f1"], ...] = ("precision", "recall", "f1")
    note: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it has figures of."""
        return tuple(dict.fromkeys(model for row in self.rows for model in row.figures))


@attrs.frozen
class Variant:
    """A model, or the main one ``without`` a mechanism.

    Attributes:
        accuracy, train_accuracy: per cent.
        loss, train_loss: as published.
        macro_f1: a fraction.
        note: what must be known where its figures stand beside ours.
    """

    label: str
    accuracy: Figure
    parameters: int
    loss: Figure | None = None
    train_accuracy: Figure | None = None
    train_loss: Figure | None = None
    macro_f1: Figure | None = None
    model: str = ""
    without: str = ""
    note: str = ""


@attrs.frozen
class Column:
    """A figure of variants, with its title and the digits behind its point; judged by z or not.

    Attributes:
        ours: which of our figures it is, where not the one of its name: ``kl``, the divergence to
            the smoothed target, for a loss.
    """

    figure: FigureName
    title: str
    digits: int
    z: bool = True
    ours: Literal["", "kl", "train_kl"] = ""


@attrs.frozen
class VariantTable(PublishedTable):
    """Means and SDs of variants over seeds.

    Attributes:
        z_note: which columns are not judged, in words.
    """

    columns: tuple[Column, ...]
    rows: tuple[Variant, ...]
    z_note: str = ""


@attrs.frozen
class Change:
    """Full − without, in percentage points of test accuracy."""

    label: str
    without: str
    change: float


@attrs.frozen
class ChangeTable(PublishedTable):
    """What mechanisms of a kind change."""

    kind: Literal["structural", "functional"]
    range: Figure
    rows: tuple[Change, ...]


@attrs.frozen
class ErrorTable(PublishedTable):
    """Confusion matrices and ROC curves of all variants; ``caption`` is the paper's."""

    caption: str


@attrs.frozen
class Published:
    """Everything that a publication's file says; its tables are by their key in the report.

    Attributes:
        main: the model that mechanisms are left out of.
        selection: what the paper selected its epochs on.
        training: where it says how it trained.
        connectome: that it used.
        run_sd: pooled SD of a run's test accuracy, in percentage points, over those variants whose
            spreads agree, the published SDs taken to divide by n − 1.
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
    training: str
    recipes: Mapping[str, PublishedRecipe]
    variants: Mapping[str, VariantTable]
    classes: Mapping[str, ClassTable] = field(factory=dict)
    changes: Mapping[str, ChangeTable] = field(factory=dict)
    errors: Mapping[str, ErrorTable] = field(factory=dict)
    connectome: str = "none"
    notes: tuple[str, ...] = ()
    run_sd: float | None = None

    @property
    def rows(self) -> tuple[Variant, ...]:
        """All variants."""
        return tuple(row for table in self.variants.values() for row in table.rows)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The mechanisms that the paper leaves out, in the order of its variants."""
        return tuple(row.without for row in self.rows if row.without)

    def row(self, without: str) -> Variant | None:
        """Return the variant without a mechanism, if there is one."""
        return next((row for row in self.rows if row.without == without), None)

    @property
    def whole(self) -> Variant:
        """The main model."""
        return next(row for row in self.rows if row.model == self.main)


def publication_of(name: str | None, registry: Registry) -> Publication:
    """Return a publication; if none is named, the only one that is installed.

    Raises:
        RequestError: there is none of that name, or none or several to choose from.
    """
    if name is None:
        known = _installed(registry)
        if len(known) != 1:
            raise RequestError(
                f"{len(known)} publications are installed ({listing(known)}); name the one to "
                "reproduce"
            )
        name = known[0]
    return registry.get(name, Publication)()


def open_publication(name: str | None, registry: Registry) -> Published:
    """Return what a publication says; if none is named, the only one that is installed.

    Raises:
        RequestError: as :func:`publication_of`, or its file is not as it should be.
    """
    path = publication_of(name, registry).path()
    document = read(path)
    if "variants" not in document:
        raise RequestError(OLDER, where=str(path))
    published, problems = structure(document, Published, "")
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


@attrs.frozen
class PublishedSpread:
    """How much a paper's runs vary, on a number of test images.

    Attributes:
        value: the SD of a run's test accuracy, in percentage points; it scales with 1/√images.
        other: the same if the paper's SDs divide by n and not by n − 1, which it does not say.
        source: where it is from, in words.
        scaled: the same, with the number of images that it is scaled to.
    """

    value: float
    source: str
    scaled: str
    other: float

    def doubt(self, half: float | None) -> str:
        """Say what is not known of it, and what half-widths of intervals then become."""
        wider = ""
        if half is not None:
            wider = f", and ±{half:.2f} becomes ±{half * self.other / self.value:.2f}"
        return (
            f"the paper does not say whether its SDs divide by n − 1, as is taken here, or by n: "
            f"then the SD of a run is {self.other:.2f}{wider}"
        )


def published_spread(test_images: int | None, registry: Registry) -> PublishedSpread | None:
    """Return the SD of a run by the first installed paper that tells it; None if none does.

    Args:
        test_images: that runs will have; the paper's own number if None.
        registry: the installed plugins.
    """
    for paper in publications(registry):
        if paper.run_sd is None:
            continue
        images = test_images or paper.test_images
        told = f"the paper's {paper.run_sd} points on {paper.test_images:,} test images"
        whole = told if images == paper.test_images else f"{told}, scaled to {images:,}"
        value = paper.run_sd * math.sqrt(paper.test_images / images)
        return PublishedSpread(
            value,
            f"assumed: {whole}",
            f"the paper's {paper.run_sd} on {paper.test_images:,} test images scaled to {images:,}",
            value * math.sqrt(paper.seeds / (paper.seeds - 1)) if paper.seeds > 1 else value,
        )
    return None


def _installed(registry: Registry) -> list[str]:
    return [publication.name for publication in registry.working(Publication)]


def _faults(published: Published) -> list[str]:
    models = {row.model for row in published.rows if row.model} | {published.main}
    problems = [
        f"recipes.{name}.models: '{model}' is missing; the paper has a row for it"
        for name, recipe in published.recipes.items()
        for model in sorted(models - set(recipe.models))
    ]
    for key, variants in published.variants.items():
        problems += [
            f"variants.{key}: '{row.label}' must have either model or without"
            for row in variants.rows
            if bool(row.model) == bool(row.without)
        ]
        problems += [
            f"variants.{key}: '{row.label}' has no {column.figure}, which is a column"
            for row in variants.rows
            for column in variants.columns
            if getattr(row, column.figure) is None
        ]
    if not any(row.model == published.main for row in published.rows):
        problems.append(f"variants: no row has model = '{published.main}', the main one")
    for key, changes in published.changes.items():
        problems += [
            f"changes.{key}: '{row.label}' leaves out '{row.without}', which no variant is without"
            for row in changes.rows
            if published.row(row.without) is None
        ]
    for key, classes in published.classes.items():
        problems += [
            f"classes.{key}: '{row.label}' has no figures of '{model}'"
            for row in classes.rows
            for model in classes.models
            if model not in row.figures
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

    def readings(self) -> Path | None:
        """Return a TOML file of readings of it, as ``reproduce --readings`` takes; None if none.

        Its keys are those of :class:`bionic_core.studies.readings.Readings`.
        """
        return None
