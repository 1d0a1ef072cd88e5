"""Fractions of 2^k designs: found by pydoe, checked by their defining relation, and folded over.

A regular fraction holds the cells in which certain products of factors, −1 or +1, are constant: the
words of its defining relation. Two effects whose product is a word cannot be told apart, so the
resolution, the length of the shortest word, says what is mixed with what: III, main effects with
pairs; IV, pairs with pairs; V, pairs with triples only (Box & Hunter 1961,
doi:10.1080/00401706.1961.10489951). Reversing some factors in a second fraction takes out every
word that holds an odd number of them (foldover; Montgomery, Design and Analysis of Experiments,
8th ed., §8.6).

Only factors of two levels are fractioned; those of more are crossed with the fraction in full.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import BionicError, RequestError, listing
from bionic_core.statistics.designs import (
    ROMAN,
    Design,
    Factor,
    Level,
    crossed,
    faults,
    full_factorial,
    same_level,
    seed_faults,
    sift,
    size_faults,
)

MAX_FACTORS = 16
"""More factors than this are not fractioned: their aliases are too many to be read."""

Signs = npt.NDArray[np.int8]


def resolution_of(text: str) -> int:
    """Return the resolution that a word names: III, IV or V, or 3, 4 or 5.

    Raises:
        RequestError: it names none.
    """
    for number, roman in ROMAN.items():
        if text.strip().upper() in (roman, str(number)):
            return number
    raise RequestError(f"--resolution {text}: must be III, IV or V, or 3, 4 or 5")


def fractional(
    factors: Sequence[Factor],
    seeds: Sequence[int],
    resolution: int,
    possible: Callable[[Mapping[str, Level]], str | None] = lambda levels: None,
) -> Design:
    """Return the smallest fraction of at least this resolution; of these the best that is found.

    Where no fraction has it, that is the full factorial, and its resolution is None.

    Args:
        factors: in the order in which they are shown; those of more than two levels are crossed
            with the fraction of the others.
        seeds: all different.
        resolution: 3, 4 or 5.
        possible: says why a combination cannot exist, or None where it can.

    Raises:
        RequestError: what ``faults`` finds, no or repeated seeds, too many factors, or a cell of
            the fraction that cannot exist.
    """
    problems = faults(factors) + seed_faults(seeds)
    halves = [factor for factor in factors if len(factor.levels) == 2]
    others = [factor for factor in factors if len(factor.levels) > 2]
    if len(halves) > MAX_FACTORS:
        problems.append(f"{len(halves)} factors are more than the {MAX_FACTORS} of a fraction")
    if not problems and len(halves) < 2:
        problems.append("a fraction needs two factors of two levels or more; leave it out")
    if problems:
        raise RequestError(problems, where="design")
    signs = _smallest(len(halves), resolution)
    if len(signs) == 2 ** len(halves):
        return full_factorial(factors, seeds, possible)
    cells: list[Mapping[str, Level]] = [
        _cell(halves, row) | dict(rest) for row in signs for rest in crossed(others)
    ]
    if problems := size_faults(factors, len(cells), seeds, "; take fewer factors"):
        raise RequestError(problems, where="design")
    cells = standard_order(factors, cells)
    reasons = sorted({reason for cell in cells if (reason := possible(cell)) is not None})
    if reasons:
        raise RequestError(
            [
                f"{reason}, so a fraction that holds both has cells that cannot exist, and what "
                "it could still tell would not be its resolution; take one of them out, or leave "
                "--resolution out"
                for reason in reasons
            ],
            where="design",
        )
    design = described(Design(tuple(factors), tuple(cells), (), tuple(seeds)))
    if design.resolution is None or design.resolution < resolution:
        raise BionicError(
            f"the fraction found for resolution {resolution} has {design.resolution}: "
            "a fault of pydoe; take the full factorial"
        )
    return design


def _smallest(count: int, resolution: int) -> Signs:
    """Return −1 and +1, (cells, factors): pydoe's fraction, the best of those equally small."""
    from pydoe import fracfact_by_res

    found = fracfact_by_res(count, resolution)
    for better in range(resolution + 1, max(ROMAN) + 1):
        other = fracfact_by_res(count, better)
        if len(other) == len(found):
            found = other
    return np.asarray(found, np.int8)


def foldover(
    design: Design,
    names: Sequence[str] = (),
    possible: Callable[[Mapping[str, Level]], str | None] = lambda levels: None,
) -> Design:
    """Return the design and, below it, its cells with factors reversed.

    Args:
        design: a fraction, or a table.
        names: factors of two levels; all of them if none is named.
        possible: says why a combination cannot exist, or None where it can.

    Raises:
        RequestError: a name is no factor of two levels, or the reversed cells are those that are
            there already.
    """
    halves = [factor.name for factor in design.factors if len(factor.levels) == 2]
    unknown = [name for name in names if name not in halves]
    if unknown:
        raise RequestError(
            [
                f"--foldover: '{name}' is no factor of two levels; they are {listing(halves)}. "
                "(Write SPEC before the options.)"
                for name in unknown
            ]
        )
    folded = tuple(names or halves)
    by_name = {factor.name: factor for factor in design.factors}
    present = [_key(design.factors, cell) for cell in design.cells]
    new: list[Mapping[str, Level]] = []
    for cell in design.cells:
        turned = {
            name: _other(by_name[name], level) if name in folded else level
            for name, level in cell.items()
        }
        if _key(design.factors, turned) not in present:
            new.append(turned)
    if not new:
        words = f" Its defining words are {', '.join(design.words)}." if design.words else ""
        raise RequestError(
            f"--foldover: reversing {', '.join(folded)} gives the same cells again, so it frees "
            f"nothing; reverse an odd number of the factors of a word.{words}"
        )
    cells, impossible = sift([*design.cells, *new], possible)
    both = attrs.evolve(
        design, cells=cells, impossible=(*design.impossible, *impossible), folded=folded
    )
    return described(both)


def described(design: Design) -> Design:
    """Return the design with its defining relation, resolution and kind, from its cells alone."""
    halves = [factor for factor in design.factors if len(factor.levels) == 2]
    signs = np.unique(signs_of(halves, design.cells), axis=0)
    others = np.prod([len(f.levels) for f in design.factors if len(f.levels) > 2], dtype=int)
    words = defining_relation(signs) if halves and len(halves) <= MAX_FACTORS else []
    regular = len(signs) << _generators(words) == 2 ** len(halves)
    if not regular or len(design.cells) != len(signs) * others:
        return attrs.evolve(design, words=(), resolution=None)
    names = [":".join(halves[place].name for place in word) for word, _ in words]
    texts = tuple(
        name if sign > 0 else f"-{name}" for name, (_, sign) in zip(names, words, strict=True)
    )
    kind = design.kind
    if kind != "table":
        kind = f"2^({len(halves)}-{_generators(words)}) fraction" if words else "full factorial"
        kind += f" × {others}" if others > 1 and words else ""
    resolution = min((len(word) for word, _ in words), default=None)
    return attrs.evolve(design, words=texts, resolution=resolution, kind=kind)


def _generators(words: Sequence[object]) -> int:
    """Return how many words generate them all: 2^p − 1 words have p."""
    return (len(words) + 1).bit_length() - 1


def signs_of(factors: Sequence[Factor], cells: Sequence[Mapping[str, Level]]) -> Signs:
    """Return −1 for a factor's first level and +1 for its second, (cells, factors)."""
    return np.array(
        [
            [1 if same_level(cell[factor.name], factor.levels[1]) else -1 for factor in factors]
            for cell in cells
        ],
        np.int8,
    ).reshape(len(cells), len(factors))


def defining_relation(signs: Signs) -> list[tuple[tuple[int, ...], int]]:
    """Return every product of columns (cells, factors) that is constant, and its sign.

    By elimination in GF(2): with bits for signs, a word is a vector that the difference of any two
    cells annihilates; the words are the sums of a basis of these. Shortest first.
    """
    bits = signs < 0
    rows = [row for row in (bits ^ bits[0]).astype(bool) if row.any()]
    pivots: dict[int, npt.NDArray[np.bool_]] = {}
    for row in rows:
        rest = row.copy()
        for place, basis in pivots.items():
            if rest[place]:
                rest ^= basis
        if rest.any():
            place = int(rest.argmax())
            for other, basis in pivots.items():
                if basis[place]:
                    pivots[other] = basis ^ rest
            pivots[place] = rest
    free = [place for place in range(signs.shape[1]) if place not in pivots]
    generators = []
    for place in free:
        word = np.zeros(signs.shape[1], bool)
        word[place] = True
        for pivot, basis in pivots.items():
            word[pivot] = basis[place]
        generators.append(word)
    words = []
    for order in range(1, len(generators) + 1):
        for chosen in itertools.combinations(generators, order):
            word = np.logical_xor.reduce(chosen)
            places = tuple(int(place) for place in np.flatnonzero(word))
            words.append((places, int(np.prod(signs[0, list(places)]))))
    return sorted(words, key=lambda word: (len(word[0]), word[0]))


def standard_order(
    factors: Sequence[Factor], cells: Sequence[Mapping[str, Level]]
) -> list[Mapping[str, Level]]:
    """Return the cells sorted so that the first factor changes fastest."""
    named = [{factor.name: cell[factor.name] for factor in factors} for cell in cells]
    return sorted(named, key=lambda cell: _key(factors, cell)[::-1])


def _key(factors: Sequence[Factor], cell: Mapping[str, Level]) -> tuple[int, ...]:
    return tuple(
        next(place for place, level in enumerate(f.levels) if same_level(level, cell[f.name]))
        for f in factors
    )


def _cell(factors: Sequence[Factor], signs: Signs) -> dict[str, Level]:
    return {
        factor.name: factor.levels[int(sign > 0)]
        for factor, sign in zip(factors, signs, strict=True)
    }


def _other(factor: Factor, level: Level) -> Level:
    first, second = factor.levels
    return second if same_level(level, first) else first
