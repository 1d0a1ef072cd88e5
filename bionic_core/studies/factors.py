"""Factors of a study over a spec: mechanisms on and off, and keys with several values."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from bionic_core.base.toml import toml_value
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry
from bionic_core.spec.draws import draw_key, drawing_levels
from bionic_core.spec.requirements import dependents
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import SECTIONS
from bionic_core.spec.variants import Variants
from bionic_core.statistics.designs import Factor, Level, same_level, word
from bionic_core.statistics.draws import split_draws
from bionic_core.statistics.levels import in_order, switch
from bionic_core.statistics.text_table import read_table


def is_key(factor: str) -> bool:
    """Say whether a factor is a key of the spec; else it is a mechanism."""
    return "." in factor


def study_factors(
    variants: Variants, mechanisms: Sequence[str], keys: Sequence[Factor]
) -> tuple[Factor, ...]:
    """Return the factors of a study: mechanisms with what goes out with them, then keys.

    Args:
        variants: of the spec with every mechanism on.
        mechanisms: on and off.
        keys: of the spec, with their values.

    Raises:
        RequestError: a key is nested in a mechanism that is on and off, or a value is not allowed.
    """
    present = variants.base.mechanisms
    switches = [
        Factor(
            name,
            (False, True),
            tuple(sorted(dependents([name], present) - set(mechanisms))),
        )
        for name in mechanisms
    ]
    problems = []
    for key in keys:
        owner = key.name.split(".")[0]
        for switch_ in switches:
            if owner == switch_.name:
                problems.append(
                    f"--factor {key.name}: nested in the factor '{owner}': without {owner} there "
                    f"is no {key.name}, so the two cannot be crossed. Take '{owner}' out of "
                    "--mechanisms, and give the key a value that stands for off, if it has one"
                )
            elif owner in switch_.brings or owner in dependents([switch_.name], present):
                problems.append(
                    f"--factor {key.name}: nested in the factor '{switch_.name}': {owner} requires "
                    f"it, so that without {switch_.name} there is no {key.name}. Take "
                    f"'{switch_.name}' out of --mechanisms"
                )
    problems = problems or _values(variants, keys)
    if problems:
        raise RequestError(problems)
    return (*switches, *keys)


def _values(variants: Variants, keys: Sequence[Factor]) -> list[str]:
    """Say what is wrong with single values of keys."""
    problems: list[str] = []
    for key in keys:
        for level in key.levels:
            try:
                found = cell_spec(variants, {key.name: level})
                problems += _undrawn(found, key, level)
            except RequestError as error:
                problems += [f"--factor {key.name}: {problem}" for problem in error.problems]
    return list(dict.fromkeys(problems))


def _undrawn(spec: Spec, factor: Factor, level: Level) -> list[str]:
    """Say what is wrong with asking for draws of a level, if they are asked for.

    Args:
        spec: in which the factor has the level.
        factor: with its levels' numbers of draws.
        level: one of them.
    """
    numbers = zip(factor.levels, factor.draws, strict=False)
    count = next((n for known, n in numbers if same_level(known, level)), 0)
    if not count or draw_key(spec, factor.name, level):
        return []
    drawing = drawing_levels(spec, factor.name)
    others = f"; those of {factor.name} that are: {listing(map(word, drawing))}" if drawing else ""
    return [
        f"--factor {factor.name}: '{word(level)}*{count}': nothing is drawn for "
        f"{factor.name} = {word(level)}, so that all "
        f"its draws would be the same run{others}. More seeds (--seeds) repeat it"
    ]


def cell_spec(variants: Variants, levels: Mapping[str, Level]) -> Spec:
    """Return the spec of a cell: the base without what is off, and with the keys' values.

    Raises:
        RequestError: a value is not allowed.
    """
    off = [name for name, level in levels.items() if not (is_key(name) or level)]
    return variants.of(off, {name: _value(level) for name, level in levels.items() if is_key(name)})


def _level(value: object) -> Level | None:
    """Return a TOML value as a level, a list as the text that writes it; None for a table."""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)  # as TOML writes lists of such values
    return value if isinstance(value, bool | int | float | str) else None


def _value(level: Level) -> object:
    """Return what a key is set to at a level: a list where the level is the text of one."""
    if isinstance(level, str) and level.startswith("["):
        return toml_value(level)
    return level


def requirements(
    mechanisms: Mapping[str, Mechanism],
) -> Callable[[Mapping[str, Level]], str | None]:
    """Return what says why a combination cannot exist: a factor on, what it requires off."""

    def possible(levels: Mapping[str, Level]) -> str | None:
        for name, on in levels.items():
            if is_key(name) or not on:
                continue
            off = [other for other in mechanisms[name].requires if levels.get(other) is False]
            if off:
                return f"{name} requires {listing(off)}"
        return None

    return possible


@attrs.frozen
class Table:
    """A design that somebody wrote: its factors, and its cells in the file's order."""

    mechanisms: tuple[str, ...]
    keys: tuple[Factor, ...]
    cells: tuple[Mapping[str, Level], ...]


def switched_in(path: Path) -> list[str]:
    """Return the mechanisms that a design's file puts in and out: its columns that are no keys.

    Raises:
        RequestError: the file cannot be read.
    """
    columns = [name.removeprefix("mechanisms.") for name in read_table(path).rows[0]]
    return [name for name in columns if not is_key(name)]


def read_design(path: Path, spec: Spec, registry: Registry) -> Table:
    """Read a design from a CSV file: a column for each factor, a row for each cell.

    A column is named by a mechanism (on, off) or by a key of the spec, whose values are TOML or
    bare words; its levels are in the order of size, or in that in which they first appear.

    Raises:
        RequestError: with everything that is wrong, each problem with its line and column.
    """
    rows = read_table(path).rows
    columns = {name: name.removeprefix("mechanisms.") for name in rows[0]}
    known = [found.entry.name for found in registry.listing(Mechanism) if found.cls]
    problems = []
    for name in columns.values():
        if name.lower() in ("seed", "seeds"):
            problems.append(
                f"column '{name}': seeds are blocks, and every row is run with each: take the "
                "column out, and say how many with --seeds"
            )
        elif not is_key(name) and name not in known:
            problems.append(
                f"column '{name}' is no mechanism, and no key such as training.lr."
                f"{nearest(name, known)} Mechanisms are {listing(known)}; sections with keys are "
                f"{listing(s for s in SECTIONS if s != 'mechanisms')}"
            )
    cells: list[dict[str, Level]] = []
    for number, row in enumerate(rows, 1):
        cell: dict[str, Level] = {}
        for column, name in columns.items():
            text = row[column]
            level = _level(toml_value(text)) if is_key(name) else switch(text)
            if level is None and not is_key(name):
                problems.append(f"row {number}, column '{column}': '{text}' is neither on nor off")
            elif level is None or text == "":
                problems.append(f"row {number}, column '{column}': '{text}' cannot be a level")
            else:
                cell[name] = level
        cells.append(cell)
    if problems:
        raise RequestError(problems[:12], where=str(path))
    keys = [name for name in columns.values() if is_key(name)]
    return Table(
        tuple(name for name in columns.values() if not is_key(name)),
        tuple(with_numbers(name, in_order([cell[name] for cell in cells])) for name in keys),
        tuple({n: _undrawn_level(n, v) for n, v in cell.items()} for cell in cells),
    )


def _undrawn_level(name: str, level: Level) -> Level:
    """Return a level of a file without its number of draws."""
    return with_numbers(name, [level]).levels[0] if is_key(name) else level


def factor_of(text: str) -> Factor:
    """Return the factor that ``KEY=V1,V2`` writes: values are TOML, bare words are strings.

    Raises:
        RequestError: it is not of that form, or a value is a table.
    """
    key, equals, values = (part.strip() for part in text.partition("="))
    key = key.removeprefix("mechanisms.")
    if not equals or not values or not re.fullmatch(r"[\w\-]+(\.[\w\-]+)+", key):
        raise RequestError(
            f"--factor {text}: must be of the form training.lr=1e-4,1e-3, a key of the spec and "
            "its values (a mechanism on and off goes into --mechanisms)"
        )
    try:
        found = tomllib.loads(f"values = [{values}]")["values"]
    except tomllib.TOMLDecodeError as error:
        if "[" in values:
            raise RequestError(
                f"--factor {text}: its lists are no TOML ({error}); write them as [4, 8],[8, 16], "
                'words within them as "a"'
            ) from error
        found = [toml_value(value) for value in values.split(",")]
    levels = [_level(value) for value in found]
    if None in levels:
        raise RequestError(
            f"--factor {key}: {found[levels.index(None)]!r} cannot be a level; numbers, words, "
            "true and false, and lists can"
        )
    return with_numbers(key, [level for level in levels if level is not None])


def with_numbers(key: str, levels: Sequence[Level]) -> Factor:
    """Return a factor of levels, of which words that end in ``*N`` are N draws of what is before.

    Raises:
        RequestError: N is no number of draws.
    """
    split = [split_draws(v, key) if isinstance(v, str) else (v, 0) for v in levels]
    numbers = tuple(count for _, count in split)
    if not any(numbers):
        return Factor(key, tuple(levels))
    read = (
        _level(toml_value(str(text))) if n else text for text, n in split
    )  # "0.1*3" is a number's
    return Factor(key, tuple(level for level in read if level is not None), draws=numbers)
