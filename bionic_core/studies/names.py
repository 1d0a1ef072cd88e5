"""What the runs of a study are called, by what sets them apart: ``without a, b.x 0.06, seed 0``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import attrs

from bionic_core.errors import RequestError
from bionic_core.runs.files import SPEC, RunFiles
from bionic_core.runs.listing import RunState
from bionic_core.spec.find import parse
from bionic_core.statistics.designs import Level, word


class Named(Protocol):
    """What a spec's name is made of."""

    @property
    def name(self) -> str:
        """The file's stem."""

    @property
    def tables(self) -> Mapping[str, Any]:
        """The resolved spec's."""

    @property
    def mechanisms(self) -> Mapping[str, object]:
        """By name."""


@attrs.frozen
class _Alike:
    """What cells of one spec's name differ in: mechanisms, all of them if any; and keys."""

    mechanisms: tuple[str, ...]
    keys: frozenset[str]


class RunNames:
    """Names for the runs of cells."""

    def __init__(self, specs: Sequence[Named]) -> None:
        everything = {name for spec in specs for name in spec.mechanisms}
        self.mechanisms: tuple[str, ...] = tuple(sorted(everything))
        groups: dict[str, list[Named]] = {}
        for spec in specs:
            groups.setdefault(spec.name, []).append(spec)
        self._groups = {name: _alike(cells) for name, cells in groups.items()}

    def __call__(self, spec: Named, seed: int) -> str:
        """Return the name of a run of a cell."""
        return ", ".join([*self.variant(spec), f"seed {seed}"])

    def variant(self, spec: Named) -> list[str]:
        """Return what sets a cell apart; nothing where there is no other of its spec's name."""
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
        return words


def variants_of(states: Sequence[RunState]) -> list[RunState]:
    """Return the states of runs, each with what sets its spec apart, so far as it can be read."""
    found = {state.run: _Read.of(state) for state in states}
    names = RunNames([read for read in found.values() if read is not None])
    told = []
    for state in states:
        read = found[state.run]
        words = names.variant(read) if read is not None else []
        words = words[1:] if read is not None and words[:1] == [read.name] else words
        told.append(attrs.evolve(state, variant=", ".join(words) or None))
    return told


@attrs.frozen
class _Read:
    """A run's spec as it is written, whatever is installed."""

    name: str
    tables: Mapping[str, Any]

    @property
    def mechanisms(self) -> Mapping[str, object]:
        """By name."""
        found = self.tables.get("mechanisms")
        return found if isinstance(found, dict) else {}

    @classmethod
    def of(cls, state: RunState) -> _Read | None:
        """Return that of a run; None where it cannot be read."""
        try:
            return cls(state.name or "", _parsed(RunFiles(Path(state.run)).text(SPEC)))
        except RequestError:
            return None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Mapping[str, Any]:
    """Return a spec's tables; seeds of a study share their text."""
    return parse(text, where=SPEC)


def _alike(specs: Sequence[Named]) -> _Alike:
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
