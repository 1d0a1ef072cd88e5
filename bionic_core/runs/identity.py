"""What decides the numbers of a run, and so its name."""

from __future__ import annotations

from typing import Any

import attrs

from bionic_core.base.strict import plain
from bionic_core.markers import NEUTRAL
from bionic_core.runs.inputs import Inputs
from bionic_core.spec.spec import Spec

CORE_NUMERICS = 3
"""Raised when a change to the core changes the numbers of runs."""


def identity(spec: Spec, seed: int, inputs: Inputs) -> dict[str, Any]:
    """Return everything that decides the numbers of a run, as JSON-ready data.

    The resolved spec, with data and connectome by fingerprint instead of by place; the seed;
    and the ``numerics`` of the core and of each mechanism, not package versions.
    """
    split = _deciding(spec.data_choice)
    del split["source"]  # the fingerprint says what it gave
    return {
        "model": _deciding(spec.model),
        "training": _deciding(spec.training),
        "mechanisms": {name: _deciding(mechanism) for name, mechanism in spec.mechanisms.items()},
        "data": {"fingerprint": inputs.data.fingerprint} | split,
        "connectome": inputs.connectome.fingerprint if inputs.connectome else None,
        "seed": seed,
        "numerics": {"core": CORE_NUMERICS}
        | {name: mechanism.numerics for name, mechanism in spec.mechanisms.items()},
    }


def _deciding(table: Any) -> dict[str, Any]:
    """Return a table's keys, less neutral ones at their defaults (see :class:`Plugin`)."""
    neutral = {
        key.alias
        for key in attrs.fields(type(table))
        if key.metadata.get(NEUTRAL) and getattr(table, key.name) == key.default
    }
    return {key: value for key, value in plain(table).items() if key not in neutral}
