"""Draws of a key's value in a study: which key numbers them, and the spec of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bionic_core.errors import RequestError
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry
from bionic_core.spec.draws import draw_key, drawing, ladder, ladder_of
from bionic_core.spec.spec import Spec
from bionic_core.spec.variants import Variants
from bionic_core.statistics.designs import Design, Draws, Factor, Level, same_level, word
from bionic_core.statistics.drawn_tables import Known
from bionic_core.statistics.draws import NESTED, WAYS, counts_of, drawn_factors, with_draws
from bionic_core.statistics.text_table import read_table
from bionic_core.studies.factors import cell_spec


def expanded(
    variants: Variants, design: Design, specs: tuple[Spec, ...], way: str | None = None
) -> tuple[Design, tuple[Spec, ...]]:
    """Return a design with a cell for each draw, and their specs; ``specs`` are those without.

    Raises:
        RequestError: the draws cannot be planned so, or a cell cannot be built.
    """
    if way is not None and way not in WAYS:
        raise RequestError(f"--draws {way}: give {' or '.join(WAYS)}")
    several = drawn_factors(design.factors)
    if way is not None and not several:
        raise RequestError(
            f"--draws {way}: no level has a number of draws; give one, as in --factor "
            "KEY=ONE,OTHER*20, or leave --draws out"
        )
    for factor in several:
        key = _key(factor, specs, design)
        draws = Draws(
            factor.name, key, dict(counts_of(factor)), way == NESTED, _single(factor, specs, design)
        )
        design = with_draws(design, draws)
        named = [{key if n == draws.column else n: v for n, v in c.items()} for c in design.cells]
        specs = tuple(cell_spec(variants, cell) for cell in named)
    return design, specs


def _key(factor: Factor, specs: Sequence[Spec], design: Design) -> str:
    """Return the key that numbers a factor's draws, one for all its levels that have some."""
    found: dict[str | None, str] = {}
    pairs = list(zip(factor.levels, factor.draws, strict=True))
    for spec, cell in zip(specs, design.cells, strict=True):
        level = cell[factor.name]
        if any(n and same_level(level, one) for one, n in pairs):
            found[draw_key(spec, factor.name, level)] = word(level)
    if len(found) != 1 or None in found:
        told = ", ".join(f"{level} by {key}" for key, level in found.items())
        raise RequestError(
            f"--factor {factor.name}: its draws are numbered by different keys ({told}); give the "
            "levels of one key a number of draws, and run a study of each"
        )
    return str(next(iter(found)))


def _single(factor: Factor, specs: Sequence[Spec], design: Design) -> tuple[str, ...]:
    """Return the levels of which each seed draws one."""
    counts = dict(counts_of(factor))
    found = [
        word(cell[factor.name])
        for spec, cell in zip(specs, design.cells, strict=True)
        if draw_key(spec, factor.name, cell[factor.name])
    ]
    return tuple(level for level in dict.fromkeys(found) if level not in counts)


def ladders(spec: Spec, factors: Sequence[Factor]) -> Mapping[str, tuple[Level, ...]]:
    """Return, of those factors whose levels have an order of what they keep, that order."""
    found = {factor.name: ladder_of(spec, factor.name) for factor in factors}
    return {name: order for name, order in found.items() if order}


def known_of(table: Path) -> Known:
    """Return what is known of a table's columns that are keys of installed mechanisms.

    Of a table that cannot be read, and of a mechanism that cannot be loaded, nothing is.
    """
    ladders: dict[str, tuple[Level, ...]] = {}
    drawn: dict[str, tuple[Level, ...]] = {}
    registry = Registry.installed()
    with suppress(RequestError):
        for column in read_table(table).rows[0]:
            owner, _, key = column.removeprefix("mechanisms.").rpartition(".")
            if owner not in registry.names:
                continue
            with suppress(RequestError):
                mechanism = registry.get(owner, Mechanism)
                ladders[column] = ladder(mechanism, key)
                drawn[column] = drawing(mechanism, key)
    return Known(ladders, drawn)
