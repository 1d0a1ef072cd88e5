"""Factors of a study that change nothing, whatever else is set: no effect of them would be found.

Of mechanisms, each cell in which one is on is asked whether it does something there; of keys,
whether another level of it trains another model. What does nothing in all cells is refused before
anything is trained, and what does in some is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from bionic_core.errors import RequestError, listing, nearest, shorten
from bionic_core.model.network import Network
from bionic_core.model.notes import idle as idle_in
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import Training
from bionic_core.statistics.designs import Factor, Level, in_words, same_level, word
from bionic_core.studies.factors import is_key
from bionic_core.training.void import (
    COUNTED,
    acting,
    check_heard,
    effective,
    even,
    idle,
    voids,
    weighing,
)

Cells = Sequence[Mapping[str, Level]]

NOTHING = "does nothing, so that a study would find no effect of it"


class Idle:
    """What does nothing in the cells of a study; each spec is asked once.

    ``unused`` are the mechanisms that no cell's network has anything of, and why.
    """

    def __init__(
        self,
        factors: Sequence[Factor],
        cells: Cells,
        specs: Sequence[Spec],
        unused: Mapping[str, str] | None = None,
    ) -> None:
        self.factors, self.cells, self.specs = factors, cells, specs
        self.unused = unused or {}
        self._voids: dict[tuple[int, ...], dict[str, str]] = {}

    def voids(self, spec: Spec) -> dict[str, str]:
        """Return why mechanisms do nothing in a spec; those of cells share their objects."""
        key = (id(spec.training), *map(id, spec.mechanisms.values()))
        if key not in self._voids:
            self._voids[key] = voids(spec)
        return self._voids[key]

    def notes(self) -> list[str]:
        """Say which mechanisms do nothing in cells that have them, and where."""
        found: dict[tuple[str, str], list[Mapping[str, Level]]] = {}
        present: dict[str, int] = {}
        for levels, spec in zip(self.cells, self.specs, strict=True):
            why = self.voids(spec)
            for name in spec.mechanisms:
                present[name] = present.get(name, 0) + 1
                if name in why:
                    found.setdefault((name, why[name]), []).append(levels)
        return [
            f"mechanism '{name}' does nothing in {len(where)} of the {present[name]} combinations "
            f"that have it{_common(where)}: {why}"
            for (name, why), where in found.items()
        ]

    def check(self, variant: Callable[[Mapping[str, Level]], Spec]) -> None:
        """Refuse factors that change nothing in any cell.

        Args:
            variant: gives the spec of a cell, of the design or not.

        Raises:
            RequestError: with each such factor, and why.
        """
        problems = []
        for factor in self.factors:
            key = is_key(factor.name)
            if why := self._key(factor, variant) if key else self._switch(factor):
                name = f"factor {factor.name}" if key else f"mechanism '{factor.name}'"
                problems.append(f"{name} {NOTHING}: {why}")
        if problems:
            raise RequestError(shorten(problems))

    def _switch(self, factor: Factor) -> str:
        """Return why a mechanism does nothing in all cells in which it is on."""
        on = [spec for spec in self.specs if factor.name in spec.mechanisms]
        unused = self.unused.get(factor.name, "")
        reasons = [self.voids(spec).get(factor.name, unused) for spec in on]
        # What goes out with it may do something.
        return reasons[0] if reasons and all(reasons) and not factor.brings else ""

    def _key(self, factor: Factor, variant: Callable[[Mapping[str, Level]], Spec]) -> str:
        """Return why no level of a key trains another model than another does."""
        name = factor.name.rpartition(".")[0].removeprefix("mechanisms.")
        if name in self.unused:
            return self.unused[name]
        trained: dict[str, object] = {}
        for levels, spec in zip(self.cells, self.specs, strict=True):
            for level in factor.levels:
                if same_level(level, levels[factor.name]):
                    continue
                try:
                    other = variant({**levels, factor.name: level})
                except RequestError:  # a combination that cannot exist
                    return ""
                if _trained(spec, trained) != _trained(other, trained):
                    return ""
        spec = self.specs[0]
        table, _, key = factor.name.rpartition(".")
        why = idle(spec.training).get(key, "") if table == "training" else ""
        why = why or self.voids(spec).get(name, "")
        both = " and ".join(word(level) for level in factor.levels[:2])
        return why or f"beside the other settings {both} are the same"


def check_left_out(
    spec: Spec, network: Network, names: Sequence[str], *, void: bool
) -> dict[str, str]:
    """Return why mechanisms of a spec do nothing; check that the named ones can be left out.

    Args:
        spec, network: the full model.
        names: of mechanisms.
        void: whether they may do nothing.

    Raises:
        RequestError: one is not in the spec, or does nothing.
    """
    if unknown := [name for name in names if name not in spec.mechanisms]:
        raise RequestError(
            [
                f"--mechanisms: '{name}' is not in the spec, so it cannot be left out."
                f"{nearest(name, spec.mechanisms)} It has {listing(spec.mechanisms)}"
                for name in unknown
            ],
            where=spec.where,
        )
    check_heard(spec)
    found = idle_in(spec, network) | voids(spec)
    problems = [f"mechanism '{n}' {NOTHING}: {found[n]}" for n in names if n in found and not void]
    if problems:
        raise RequestError(problems, where=spec.where)
    return found


def check_with_images(
    factors: Sequence[Factor], spec: Spec, specs: Sequence[Spec], inputs: InputCache
) -> None:
    """Refuse factors that change nothing with as many training images as there are.

    Raises:
        RequestError: with them, and why.
    """
    weighed = [factor.name for factor in factors if factor.name in weighing(spec)]
    counted = [factor for factor in factors if factor.name in COUNTED]
    apart = any(one.tables["data"] != spec.tables["data"] for one in specs)
    if apart or not (weighed or counted):
        return
    counts = inputs.get(spec).splits.train.counts(spec.model.classes).tolist()
    found = even(spec, counts)
    problems = [
        f"mechanism '{name}' {NOTHING}: {found[name]}; leave it out, or name the others with "
        "--mechanisms"
        for name in weighed
        if name in found
    ]
    problems += [
        f"factor {factor.name} {NOTHING}: with {sum(counts):,} training images its levels are "
        "the same"
        for factor in counted
        if all(len({*_effective(factor, one, sum(counts))}) == 1 for one in specs)
    ]
    if problems:
        raise RequestError(problems, where=spec.where)


def _effective(factor: Factor, spec: Spec, images: int) -> Iterator[Training]:
    key = factor.name.rpartition(".")[2]
    for level in factor.levels:
        values: dict[str, Any] = {key: level}
        yield effective(attrs.evolve(spec.training, **values), images)


def _trained(spec: Spec, known: dict[str, object]) -> object:
    if spec.hash not in known:
        known[spec.hash] = acting(spec)
    return known[spec.hash]


def _common(cells: Cells) -> str:
    """Return, in brackets, the levels that cells have in common, if any."""
    shared = {
        name: level
        for name, level in cells[0].items()
        if all(same_level(cell[name], level) for cell in cells)
    }
    return f" ({in_words(shared)})" if shared else ""
