"""What the runs of a study are called, by what sets them apart: ``without a, b.x 0.06, seed 0``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from bionic_core.spec.spec import Spec
from bionic_core.statistics.designs import Level, word


@attrs.frozen
class _Alike:
    """What cells of one spec's name differ in: mechanisms, all of them if any; and keys."""

    mechanisms: tuple[str, ...]
    keys: frozenset[str]


class RunNames:
    """Names for the runs of cells."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        everything = {name for spec in specs for name in spec.mechanisms}
        self.mechanisms: tuple[str, ...] = tuple(sorted(everything))
        groups: dict[str, list[Spec]] = {}
        for spec in specs:
            groups.setdefault(spec.name, []).append(spec)
        self._groups = {name: _alike(cells) for name, cells in groups.items()}

    def __call__(self, spec: Spec, seed: int) -> str:
        """Return the name of a run of a cell."""
        group = self._groups.get(spec.name, _Alike((), frozenset()))
        words = [spec.name] if len(self._groups) > 1 else []
        off = [name for name in group.mechanisms if name not in spec.mechanisms]
        if group.mechanisms and not off:
            words.append("all mechanisms")
        elif off and 2 * len(off) <= len(group.mechanisms):
            words.append(f"without {', '.join(off)}")
        elif off:
            words.append(f"only {', '.join(spec.mechanisms) or 'the skeleton'}")
        for key, value in flat(spec.tables).items():
            if key in group.keys:
                words.append(f"{key.removeprefix('mechanisms.')} {word(value)}")
        return ", ".join([*words, f"seed {seed}"])


def _alike(specs: Sequence[Spec]) -> _Alike:
    everything = sorted({name for spec in specs for name in spec.mechanisms})
    differ = any(len(spec.mechanisms) < len(everything) for spec in specs)
    values: dict[str, set[Level]] = {}
    for spec in specs:
        for key, value in flat(spec.tables).items():
            values.setdefault(key, set()).add(value)
    keys = frozenset(key for key, found in values.items() if len(found) > 1)
    return _Alike(tuple(everything) if differ else (), keys)


def flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Level]:
    """Return nested tables as one, by dotted keys; lists as JSON."""
    found: dict[str, Level] = {}
    for key, value in tables.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, (bool, int, float, str)):
            found[f"{prefix}{key}"] = value
        else:
            found[f"{prefix}{key}"] = json.dumps(value, ensure_ascii=False)
    return found
