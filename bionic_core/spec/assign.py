"""``KEY=VALUE`` from the command line, put into a document: all of it lands, or is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bionic_core.base.toml import toml_value
from bionic_core.errors import RequestError, listing
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry
from bionic_core.spec.inferred import AUTO, settle
from bionic_core.spec.places import rebase
from bionic_core.spec.requirements import dependents
from bionic_core.spec.sources import choose_data
from bionic_core.spec.tables import SECTIONS


def change(
    document: dict[str, Any],
    path: Path,
    registry: Registry,
    *,
    set: Sequence[str] = (),
    with_: Collection[str] = (),
    without: Collection[str] = (),
    data: str | None = None,
) -> None:
    """Make a spec's document what is asked for: its files found, its data chosen, keys set.

    Args:
        document: what is in the spec's file.
        path: of that.
        registry: the plugins that can be named.
        set, with_, without, data: as :func:`bionic_core.spec.find.load` is given them.

    Raises:
        RequestError: with every assignment that is none, or that the spec as it runs would not
            hold: of a mechanism that it lacks or that is left out, or of a key that is set twice.
    """
    rebase(document, path.parent)
    if data is not None:
        choose_data(document, data, registry)
    _put_in(document, with_, without)
    found = document["mechanisms"]
    there: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if problems := list(_assigned(document, set, there, without, data, registry)):
        raise RequestError(problems, where=str(path))
    model = document.get("model")
    if isinstance(model, dict) and AUTO in model.values():
        settle(model, document.get("data", {}), registry, str(path))


def _put_in(document: dict[str, Any], with_: Collection[str], without: Collection[str]) -> None:
    """Put mechanisms into a document by their defaults, where they are not in it."""
    if both := [name for name in with_ if name in without]:
        raise RequestError(f"--with and --without both name {listing(both)}; take one back")
    tables = document.setdefault("mechanisms", {})
    if isinstance(tables, dict):  # else the whole is refused, with what is wrong with it
        for name in with_:
            tables.setdefault(name, {})


def _assigned(
    document: dict[str, Any],
    assignments: Sequence[str],
    there: Mapping[str, Any],
    without: Collection[str],
    data: str | None,
    registry: Registry,
) -> Iterator[str]:
    """Set what can be set, and yield what is wrong with the rest."""
    gone = (
        {*without} | dependents(without, _classes(there, registry)) if assignments else {*without}
    )
    earlier: dict[tuple[str, ...], str] = {}
    for assignment in assignments:
        key, value = parsed(assignment)
        steps = tuple(steps_of(key))
        same = [words for other, words in earlier.items() if _overlap(steps, other)]
        if same:
            yield f"--set {assignment}: sets again what --set {same[0]} does; give one"
        elif data is not None and steps == ("data", "source"):
            yield f"--set {assignment}: --data {data} names the source; give one of them"
        elif steps[0] == "mechanisms" and steps[1] in gone:
            yield f"--set {assignment}: '{steps[1]}' is left out by --without"
        elif steps[0] == "mechanisms" and len(steps) > 2 and _absent(steps[1], there, registry):
            yield (
                f"--set {assignment}: '{steps[1]}' is not in the spec, and a value alone puts no "
                f"mechanism into it; --with {steps[1]} does"
            )
        else:
            assign_value(document, key, value)
        earlier[steps] = assignment


def given_values(
    assignments: Iterable[str], switched: Collection[str], without: Collection[str]
) -> list[str]:
    """Return which of the mechanisms that a study puts in and out itself are given values.

    Those are in the study, whether or not they are in its spec, and so may be set.
    """
    steps = [steps_of(parsed(assignment)[0]) for assignment in assignments]
    found = {one[1] for one in steps if one[0] == "mechanisms" and len(one) > 2}
    return [name for name in switched if name in found and name not in without]


def parsed(assignment: str) -> tuple[str, Any]:
    """Return the key and the value of ``KEY=VALUE``.

    Raises:
        RequestError: it is not of that form.
    """
    key, equals, text = assignment.partition("=")
    if not equals or not re.fullmatch(r"[\w\-]+(\.[\w\-]+)+", key.strip()):
        raise RequestError(f"--set {assignment}: must be of the form training.lr=1e-3")
    return key.strip(), toml_value(text)


def steps_of(key: str) -> list[str]:
    """Return the tables and the key of a dotted path; ``mechanisms.`` may be left out."""
    steps = key.split(".")
    return steps if steps[0] in SECTIONS else ["mechanisms", *steps]


def assign_value(document: dict[str, Any], key: str, value: object) -> None:
    """Set one key by its dotted path; a mechanism's needs no ``mechanisms.`` before it.

    Raises:
        RequestError: the path runs through something that is no table.
    """
    steps = steps_of(key)
    table = document
    for step in steps[:-1]:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            raise RequestError(f"--set {key}: '{step}' is not a table")
    table[steps[-1]] = value


def check_overridden(assignments: Sequence[str], factors: Iterable[str]) -> None:
    """Raise if a factor's values take the place of what is set.

    Raises:
        RequestError: it names all of them.
    """
    keys = {tuple(steps_of(name)): name for name in factors if "." in name}
    problems = [
        f"--set {assignment}: the factor {keys[steps]} has values of its own; give one of them"
        for assignment in assignments
        if (steps := tuple(steps_of(parsed(assignment)[0]))) in keys
    ]
    if problems:
        raise RequestError(problems)


def _overlap(steps: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one of two keys is the other, or the table that it is in."""
    shared = min(len(steps), len(other))
    return steps[:shared] == other[:shared]


def _absent(name: str, there: Mapping[str, Any], registry: Registry) -> bool:
    """Whether a name is a mechanism's that the document lacks; others are no mechanism at all."""
    return name not in there and name in registry.names


def _classes(names: Iterable[str], registry: Registry) -> dict[str, Any]:
    """Return the mechanisms that can be loaded; the others are refused by whoever makes them."""
    found = {}
    for name in names:
        try:
            found[name] = registry.get(name, Mechanism)
        except RequestError:
            continue
    return found
