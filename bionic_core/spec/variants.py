"""Specs that differ from a checked one in a few mechanisms or values: only those are checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from bionic_core.base.strict import plain, structure
from bionic_core.errors import RequestError
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry
from bionic_core.spec.assign import assign_value
from bionic_core.spec.connectome import checked_connectome
from bionic_core.spec.spec import (
    Spec,
    checked_data,
    checked_mechanisms,
    checked_model,
    unmet,
    unwired,
)
from bionic_core.spec.tables import SECTIONS, Training

Part = tuple[str, ...]
"""A table of a spec that is checked as a whole: a section, or one mechanism of it."""


def with_mechanisms(spec: Spec, names: Iterable[str], registry: Registry) -> Spec:
    """Return the spec with these mechanisms on, by its table or else by their defaults.

    Raises:
        RequestError: a name is no mechanism, or what it requires is missing.
    """
    missing: dict[str, Any] = {name: {} for name in names if name not in spec.mechanisms}
    if not missing:
        return spec
    found, problems = checked_mechanisms(missing, registry)
    return _changed(spec, {"mechanisms": found}, problems, set(missing))


class Variants:
    """The specs that a base gives with other values of keys: each table is checked once a value."""

    def __init__(self, base: Spec, registry: Registry) -> None:
        self.base = base
        self._registry = registry
        self._checked: dict[str, tuple[dict[str, Any], list[str]]] = {}
        self._without: dict[frozenset[str], Spec] = {}

    def of(self, without: Collection[str], values: Mapping[str, object]) -> Spec:
        """Return the base less these mechanisms and those that require them, with these values.

        Args:
            without: names of mechanisms.
            values: by dotted key; a mechanism's key needs no ``mechanisms.`` before it.

        Raises:
            RequestError: a value is not allowed.
        """
        gone = frozenset(without)
        if gone not in self._without:
            self._without[gone] = self.base.without(gone)
        kept = self._without[gone]
        parts: dict[Part, dict[str, object]] = {}
        for key, value in values.items():
            parts.setdefault(part_of(key), {})[key] = value
        fields: dict[str, Any] = {}
        mechanisms: dict[str, Mechanism] = {}
        problems: list[str] = []
        for part in sorted(parts, key=_place):
            known = f"{part} {sorted(parts[part].items())!r}"
            if known not in self._checked:
                self._checked[known] = self._check(part, parts[part])
            found, wrong = self._checked[known]
            fields |= found
            mechanisms |= found.get("mechanisms", {})
            problems += wrong
        if mechanisms:
            fields["mechanisms"] = mechanisms
        return _changed(kept, fields, problems) if parts else kept

    def _check(self, part: Part, values: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
        """Return the fields of a spec that a table gives with these values, and what is wrong."""
        document = _only(part, self.base.tables)
        for key, value in values.items():
            assign_value(document, key, value)
        section = part[0]
        table = document[section]
        if section == "model":
            model, topology, problems = checked_model(table)
            return {"model": model, "topology": topology}, problems
        if section == "training":
            training, problems = structure(table, Training, section)
            return {"training": training}, problems
        if section == "data":
            choice, data, problems = checked_data(table, self._registry)
            return {"data_choice": choice, "data": data}, problems
        if section == "connectome":
            connectome, problems = checked_connectome(table, self._registry)
            return {"connectome": connectome}, problems
        mechanisms, problems = checked_mechanisms(table, self._registry)
        return {"mechanisms": mechanisms}, problems


def part_of(key: str) -> Part:
    """Return the table that a dotted key belongs to."""
    steps = key.split(".")
    if steps[0] not in SECTIONS:
        return "mechanisms", steps[0]
    return ("mechanisms", steps[1]) if steps[0] == "mechanisms" else (steps[0],)


def _place(part: Part) -> tuple[int, Sequence[str]]:
    return ("model", "training", "data", "connectome", "mechanisms").index(part[0]), part


def _only(part: Part, tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with nothing but a copy of one table, where that is there."""
    section, *mechanism = part
    if section not in tables:
        return {}
    if not mechanism:
        return {section: plain(tables[section])}
    (name,) = mechanism
    return {section: {name: plain(tables[section][name])} if name in tables[section] else {}}


def _changed(
    spec: Spec,
    fields: Mapping[str, Any],
    problems: Sequence[str],
    named: Collection[str] = (),
) -> Spec:
    """Return a spec with other fields, of which mechanisms are beside those that it has.

    ``named`` are mechanisms that were asked for, also where something is wrong with them.

    Raises:
        RequestError: with the problems, or what the whole lacks.
    """
    changes = dict(fields)
    problems = list(problems)
    if "mechanisms" in changes:
        both: dict[str, Mechanism] = dict(spec.mechanisms) | changes["mechanisms"]
        changes["mechanisms"] = {name: both[name] for name in sorted(both)}
        problems += unmet(changes["mechanisms"], {*both, *named})
    if changes.get("model") is not None and spec.connectome is None and "connectome" not in changes:
        problems += unwired(changes["model"])
    if problems:
        raise RequestError(problems, where=spec.where)
    return attrs.evolve(spec, **changes)
