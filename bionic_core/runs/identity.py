"""What decides the numbers of a run, and so its name; whether it is computed here as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from bionic_core.base.strict import plain
from bionic_core.errors import RequestError
from bionic_core.markers import DISTRIBUTION, EARLIER, NEUTRAL, NUMERICS, PROGRAM
from bionic_core.plugin import Mechanism, Plugin
from bionic_core.registry import Registry
from bionic_core.runs.images_and_wiring import Inputs
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import Model, Training
from bionic_core.training.recipe import recipe_of

CORE_NUMERICS = 3
"""Raised when a change to the core changes the numbers of runs."""

CORE = "core"
"""The core's key beside those of the mechanisms."""


def identity(spec: Spec, seed: int, inputs: Inputs) -> dict[str, Any]:
    """Return everything that decides the numbers of a run, as JSON-ready data.

    The resolved spec, with data and connectome by fingerprint instead of by place; the seed;
    and the ``numerics`` of the core and of each mechanism, not package versions.
    """
    split = _deciding(spec.data_choice)
    del split["source"]  # the fingerprint says what it gave
    if spec.training.monitor == "macro_f1":
        selecting = inputs.splits.validation.counts(len(inputs.data.class_names))
        if not selecting.all():  # earlier runs counted classes without images, as F1 0
            split["macro_f1"] = "of classes that occur"
    counts = inputs.splits.train.counts(spec.model.classes)
    if not counts.all() and recipe_of(spec).weighted:  # in earlier runs they weighed N/C
        split["classes without images"] = "weigh 1"
    return {
        "model": _deciding(spec.model),
        "training": _deciding(spec.training),
        "mechanisms": {name: _deciding(mechanism) for name, mechanism in spec.mechanisms.items()},
        "data": {"fingerprint": inputs.data.fingerprint} | split,
        "connectome": inputs.connectome.fingerprint if inputs.connectome else None,
        "seed": seed,
        "numerics": {CORE: CORE_NUMERICS}
        | {name: numerics_of(type(m), plain(m)) for name, m in spec.mechanisms.items()},
    }


def numerics_of(mechanism: type[Mechanism], table: Mapping[str, Any]) -> int:
    """Return a mechanism's ``numerics`` where its keys have these values (see :class:`Plugin`).

    What is added for a value tells runs apart from earlier ones with that value alone.
    """
    keys: Any = attrs.fields(mechanism)  # type: ignore[arg-type]
    added: Iterator[int] = (
        number
        for key in keys
        for value, number in key.metadata.get(NUMERICS, {}).items()
        if table.get(key.alias, key.default) == value
    )
    return mechanism.numerics + sum(added)


def as_before(spec: Spec) -> dict[str, Any]:
    """Return a resolved spec's tables without the keys that say what was so before they came.

    Studies are named by them, so that a key that came later leaves their names as they were.
    """
    tables = spec.document()
    for table, plugin in _plugins(spec, tables):
        for name, value in _later(type(plugin)).items():
            if table.get(name) == value:
                del table[name]
    return tables


def said_before(tables: dict[str, Any], spec: Spec) -> bool:
    """Write into the tables of an older run's spec what keys that came later say of it.

    Args:
        tables: as they were read, to be changed.
        spec: which they give.

    Returns:
        Whether a key was missing.
    """
    missing = False
    for table, plugin in _plugins(spec, tables):
        for name, value in _later(type(plugin)).items():
            missing |= name not in table
            table.setdefault(name, value)
    return missing


def _plugins(
    spec: Spec, tables: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], Plugin | Model | Training]]:
    """Yield the tables of a spec whose later keys have an earlier value."""
    yield tables["model"], spec.model
    yield tables["training"], spec.training
    if spec.connectome is not None:
        yield tables["connectome"], spec.connectome
    for name, mechanism in spec.mechanisms.items():
        yield tables["mechanisms"][name], mechanism


def _later(table: type[Any]) -> dict[str, Any]:
    """Return the keys of a table that came later, with the values that mean what was before."""
    keys = attrs.fields(table)
    return {key.alias: key.metadata[EARLIER] for key in keys if EARLIER in key.metadata}


def _deciding(table: Any) -> dict[str, Any]:
    """Return a table's keys, less those that say what was so before (see :class:`Plugin`)."""
    silent = _later(type(table)) | {
        key.alias: key.default for key in attrs.fields(type(table)) if key.metadata.get(NEUTRAL)
    }
    values = {key.alias: getattr(table, key.name) for key in attrs.fields(type(table))}
    same = {key for key, value in silent.items() if values[key] == value}
    return {key: value for key, value in plain(table).items() if key not in same}


def check_numerics(manifest: Mapping[str, Any], registry: Registry, *, where: str) -> None:
    """Check the ``numerics`` that a run's identity holds against what is installed.

    Args:
        manifest: of the run.
        registry: what is installed.
        where: the run's folder, for the error.

    Raises:
        RequestError: a mechanism is not installed or cannot be loaded, or a number differs.
    """
    try:
        trained: Mapping[str, int] = dict(manifest["identity"]["numerics"])
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(
            "damaged: manifest.json has no identity.numerics; train anew", where=where
        ) from error
    problems = []
    for name, number in trained.items():
        if name == CORE:
            problems += _compare("the core", number, CORE_NUMERICS, _core_version(manifest))
            continue
        package = _renamed((manifest.get("plugins") or {}).get(name))
        if name not in registry.names and package == PROGRAM:
            problems.append(
                f"trained with the mechanism '{name}', a class of the script or notebook that "
                "trained it, which nothing announces. There, bionic.open(RUN, plugins=[CLASS]) "
                f"opens it; a package has it everywhere ('bionic new {name}' writes one)"
            )
            continue
        if name not in registry.names:
            problems.append(
                f"trained with the mechanism '{name}'{_of(package)}, which is not installed "
                f"here. Install {package or 'the package that has it'}, or, if it is left out "
                "on purpose, train anew without it"
            )
            continue
        try:
            kind = registry.get(name, Mechanism)
        except RequestError as error:
            problems += error.problems
            continue
        table = manifest["identity"].get("mechanisms", {}).get(name, {})
        installed = numerics_of(kind, table)
        problems += _compare(f"the mechanism '{name}'", number, installed, package)
    if problems:
        raise RequestError(problems, where=where)


def _compare(what: str, trained: int, installed: int, package: str | None) -> list[str]:
    if trained == installed:
        return []
    remedy = f"{package}, which" if package else "the version (see manifest.json) that"
    return [
        f"trained with numerics {trained} of {what}, but numerics {installed} is installed: it "
        f"computes other numbers by now. Install {remedy} the run was trained "
        "with, or train anew"
    ]


def _core_version(manifest: Mapping[str, Any]) -> str | None:
    version = (manifest.get("versions") or {}).get("bionic")
    return f"{DISTRIBUTION} {version}" if version else None


def _renamed(package: str | None) -> str | None:
    """Return a package of a manifest by its name of today: 'bionic' is another project's."""
    name, _, version = (package or "").partition(" ")
    return f"{DISTRIBUTION} {version}" if name == "bionic" else package


def _of(package: str | None) -> str:
    return f" of {package}" if package else ""
