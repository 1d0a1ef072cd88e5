"""Whether the installed core and plugins still compute what a run was trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bionic_core.errors import RequestError
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry

CORE = "core"
"""The core's key beside those of the mechanisms."""


def check_numerics(
    manifest: Mapping[str, Any], registry: Registry, core: int, *, where: str
) -> None:
    """Check the ``numerics`` that a run's identity holds against what is installed.

    Args:
        manifest: of the run.
        registry: what is installed.
        core: the number of the installed core.
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
            problems += _compare("the core", number, core, _core_version(manifest))
            continue
        package = (manifest.get("plugins") or {}).get(name)
        if name not in registry.names:
            problems.append(
                f"trained with the mechanism '{name}'{_of(package)}, which is not installed "
                f"here. Install {package or 'the package that has it'}, or, if it is left out "
                "on purpose, train anew without it"
            )
            continue
        try:
            installed = registry.get(name, Mechanism).numerics
        except RequestError as error:
            problems += error.problems
            continue
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
    return f"bionic {version}" if version else None


def _of(package: str | None) -> str:
    return f" of {package}" if package else ""
