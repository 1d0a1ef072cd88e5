"""What readings of a paper are: a file that declares them, and the runs that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from attrs import field
from attrs.validators import ge

from bionic_core.base.files import check_file
from bionic_core.base.strict import structure
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.registry import Registry
from bionic_core.spec.find import read
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import SECTIONS
from bionic_core.spec.variants import with_mechanisms
from bionic_core.statistics.designs import Factor, Level
from bionic_core.studies.experiment import Experiment, plan_factorial
from bionic_core.studies.publication import Published


@attrs.frozen
class Criterion:
    """What readings are compared by.

    Attributes:
        classes, variants: keys of the paper's tables whose figures count; empty for none.
        decided: two readings are told apart where the sum of one is smaller with each of so many
            seeds, and of all seeds that both have.
    """

    classes: str = ""
    variants: str = ""
    decided: int = field(default=3, validator=ge(1))


@attrs.frozen
class Readings:
    """A file of readings: all combinations of values of keys, over a spec.

    Attributes:
        model: the paper's, whose figures they are set beside.
        factors: values of each key of the spec.
    """

    title: str
    spec: str
    model: str
    factors: Mapping[str, tuple[Level, ...]]
    criterion: Criterion
    seeds: int = field(default=3, validator=ge(1))


def open_readings(path: Path, published: Published) -> Readings:
    """Return what a file of readings declares.

    Raises:
        RequestError: with everything that is wrong with it.
    """
    check_file(path)
    found, problems = structure(read(path), Readings, "")
    if found is not None:
        criterion, models = found.criterion, [row.model for row in published.rows if row.model]
        for key, tables in (("classes", published.classes), ("variants", published.variants)):
            name = getattr(criterion, key)
            if name and name not in tables:
                problems.append(
                    f'criterion.{key} = "{name}": the paper has no such table.'
                    f"{nearest(name, tables)} It has {listing(tables)}"
                )
        if not criterion.classes and not criterion.variants:
            problems.append("criterion: name a table in classes or variants; nothing is compared")
        if found.model not in models:
            problems.append(
                f'model = "{found.model}": the paper has no such model.'
                f"{nearest(found.model, models)} It has {listing(models)}"
            )
        if not found.factors:
            problems.append("factors: give a key of the spec and its values")
    if found is None or problems:
        raise RequestError(problems, where=str(path))
    return found


def plan_readings(
    readings: Readings, spec: Spec, seeds: Sequence[int], registry: Registry
) -> Experiment:
    """Return the runs that readings need, each reading a cell.

    A mechanism that a key is of, and the spec has not, is added.

    Raises:
        RequestError: a key or a value is not the spec's.
    """
    keys = [Factor(name, values) for name, values in readings.factors.items()]
    owners = {name.partition(".")[0] for name in readings.factors} - {*spec.mechanisms, *SECTIONS}
    spec = with_mechanisms(spec, sorted(owners), registry)
    return plan_factorial(spec, (), seeds, registry, keys=keys)
