"""``KEY=VALUE`` from the command line, put into a spec's document."""

from __future__ import annotations

import re
from typing import Any

from bionic_core.base.toml import toml_value
from bionic_core.errors import RequestError
from bionic_core.spec.tables import SECTIONS


def assign(document: dict[str, Any], assignment: str) -> None:
    """Set one key, ``KEY=VALUE``, in a document.

    Raises:
        RequestError: it is not of that form, or the key runs through something that is no table.
    """
    key, equals, text = assignment.partition("=")
    if not equals or not re.fullmatch(r"[\w\-]+(\.[\w\-]+)+", key.strip()):
        raise RequestError(f"--set {assignment}: must be of the form training.lr=1e-3")
    assign_value(document, key.strip(), toml_value(text))


def assign_value(document: dict[str, Any], key: str, value: object) -> None:
    """Set one key by its dotted path; a mechanism's needs no ``mechanisms.`` before it."""
    steps = key.split(".")
    if steps[0] not in SECTIONS:
        steps = ["mechanisms", *steps]
    table = document
    for step in steps[:-1]:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            raise RequestError(f"--set {key}: '{step}' is not a table")
    table[steps[-1]] = value
