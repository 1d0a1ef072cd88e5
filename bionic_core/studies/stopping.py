"""Whether a study ends by a rule made before it began, and what is said where it does not.

Seeds that are added because of what the first ones said (optional stopping) make p and intervals
too sure. Nothing in the runs shows the reason, but the files beside them show what had been seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from bionic_core.base.files import present, write_text
from bionic_core.base.json_files import read_json
from bionic_core.base.records import from_document
from bionic_core.base.strict_json import json_text
from bionic_core.errors import DamagedError
from bionic_core.runs.identity import as_before
from bionic_core.spec.spec import digest
from bionic_core.statistics.until import Rule
from bionic_core.studies.experiment import Experiment, study_name

OPTIONAL_STOPPING = "optional stopping"


@attrs.define
class RuleRecord:
    """A rule, as it is written beside the runs before the first of them.

    Attributes:
        path: its file.
        rules: all that there were, the first one first, each with the seeds that were looked at.
        own: which of them is followed.
        known: seeds that had been seen as a finished study when the first rule was made.
    """

    path: Path
    rules: list[dict[str, Any]]
    own: int
    known: int

    @classmethod
    def of(
        cls, root: Path, experiment: Experiment, kind: str, rule: Rule, asked: Mapping[str, Any]
    ) -> RuleRecord:
        """Write a rule beside the runs; ``asked`` is what it is asked of."""
        path = rule_file(root, experiment, kind)
        own = {"margin": rule.margin, "unit": rule.unit, "first": rule.first, "most": rule.most}
        own |= asked
        held = _read(path)
        rules = held.get("rules", [])
        known = held.get("known", len(_seen(root, experiment, kind)))
        place = next((n for n, one in enumerate(rules) if {**one, **own} == one), len(rules))
        if place == len(rules):
            rules = [*rules, {**own, "seen": 0}]
        record = cls(path, rules, place, known)
        record._write()
        return record

    def seen(self, seeds: int) -> None:
        """Note that so many seeds have been looked at."""
        if seeds > self.rules[self.own]["seen"]:
            self.rules[self.own]["seen"] = seeds
            self._write()

    @property
    def notes(self) -> list[str]:
        """What a reader must know of how the rule came about."""
        notes = []
        if self.known:
            notes.append(
                f"{self.known} seeds had been seen as a finished study before the rule was made: "
                "its error rates hold if what they said chose neither the margin nor --max-seeds"
            )
        first = next((n for n, rule in enumerate(self.rules) if rule["seen"]), self.own)
        if first != self.own:
            old = self.rules[first]
            notes.append(
                f"the rule was changed ({OPTIONAL_STOPPING}): {old['seen']} seeds had been looked "
                f"at by another, a margin of ±{old['margin']:g} for {old['response']} after "
                f"{old['first']} to {old['most']} seeds. Error rates hold of that rule alone; it "
                "can be asked for again"
            )
        return notes

    def _write(self) -> None:
        document = {"rules": self.rules, "known": self.known}
        write_text(self.path, json_text(document, indent=1, ensure_ascii=False))


def rule_file(root: Path, experiment: Experiment, kind: str) -> Path:
    """Return where the rule of a study is written, whatever its seeds."""
    design = attrs.evolve(experiment.design, seeds=(0,))
    return root / f"rule-{digest([kind, as_before(experiment.spec), design.to_json()])}.json"


def _read(path: Path) -> dict[str, Any]:
    if not present(path):
        return {}
    try:
        found = from_document(_Held, read_json(path), where=str(path))
        for place, rule in enumerate(found.rules):
            from_document(_Told, rule, where=str(path), path=f"rules[{place}]")
    except DamagedError as error:
        raise DamagedError(
            f"{error.problems[0]}. It held the rule by which this study was to end, so that nobody "
            "can tell whether it is kept. Move it away to begin with a new rule",
            where=str(path),
        ) from None
    return {"rules": list(found.rules), "known": found.known}


@attrs.frozen
class _Told:
    """What is said again of a rule."""

    margin: float = attrs.field(validator=attrs.validators.gt(0))
    first: int = attrs.field(validator=attrs.validators.ge(1))
    most: int = attrs.field(validator=attrs.validators.ge(1))
    seen: int = attrs.field(validator=attrs.validators.ge(0))
    response: str


@attrs.frozen
class _Noted:
    """What a study's file says of itself."""

    notes: tuple[str, ...] = ()


@attrs.frozen
class _Held:
    """What a file of rules holds; each is kept with whatever else was asked of it."""

    rules: tuple[dict[str, Any], ...]
    known: int = attrs.field(validator=attrs.validators.ge(0))


def _seen(root: Path, experiment: Experiment, kind: str) -> Sequence[int]:
    """Return the most seeds of a finished study that has the first of these; none if none has."""
    seeds = experiment.design.seeds
    for count in range(len(seeds) - 1, 0, -1):
        part = part_of(experiment, seeds[:count])
        if (root / f"{study_name(part, kind)}.json").is_file():
            return seeds[:count]
    return ()


def about_added_seeds(root: Path, experiment: Experiment, kind: str) -> list[str]:
    """Say where a study adds seeds to one that was finished and seen: what that does to its p.

    Said again of a study that was said so of, and never of one that was finished before its part.
    """
    own = root / f"{study_name(experiment, kind)}.json"
    seen = len(_seen(root, experiment, kind))
    rules = _read(rule_file(root, experiment, kind)).get("rules", [])
    looked = max((rule["seen"] for rule in rules), default=0)
    if own.is_file():
        try:
            told = from_document(_Noted, read_json(own), where=str(own)).notes
        except DamagedError:
            told = ()
        return [note for note in told if OPTIONAL_STOPPING in note]
    most = len(experiment.design.seeds)
    if looked:
        return [
            f"the first {min(looked, most)} of these seeds were looked at one by one, by a rule of "
            f"when to end ({OPTIONAL_STOPPING}): p and intervals of a fixed number of seeds are "
            "too sure for them. Those of --until decided hold over all looks"
        ]
    if not seen:
        return []
    return [
        f"the first {seen} of these {most} seeds were finished and seen before the others were "
        f"asked for ({OPTIONAL_STOPPING}): if what they said was the reason, p and intervals are "
        "too sure. Planned so before the first run, with --until decided, they hold"
    ]


def part_of(
    experiment: Experiment, seeds: Sequence[int], places: Sequence[int] | None = None
) -> Experiment:
    """Return the part of an experiment that has these seeds, and the cells at these places."""
    places = range(len(experiment.specs)) if places is None else places
    cells = tuple(experiment.design.cells[n] for n in places)
    design = attrs.evolve(experiment.design, seeds=tuple(seeds), cells=cells)
    specs = tuple(experiment.specs[n] for n in places)
    titles = tuple(experiment.titles[n] for n in places)
    return attrs.evolve(experiment, design=design, specs=specs, titles=titles)
