"""Specs by name or path: where they are, and their TOML read."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from bionic_core.errors import RequestError, listing, nearest
from bionic_core.registry import Registry
from bionic_core.spec.spec import Spec, compose


def load(
    source: str | os.PathLike[str],
    *,
    set: Sequence[str] = (),
    without: Collection[str] = (),
    with_: Collection[str] = (),
    data: str | None = None,
    registry: Registry | None = None,
) -> Spec:
    """Read a spec by path, or one of those that come with bionic by its bare name.

    Args:
        source: for example ``specs/full.toml`` or ``full``.
        set: ``KEY=VALUE`` with a TOML path and a TOML value, for example ``training.lr=1e-3``;
            a mechanism's keys need no ``mechanisms.`` before them.
        without: mechanisms to leave out, with those that require them.
        with_: mechanisms to put in, by their defaults and what ``set`` says of them.
        data: a registered data source, or the path of its files.
        registry: the plugins that can be named; those installed if None.

    Raises:
        RequestError: with everything that is wrong, each problem with its TOML path.
    """
    path = find(source)
    document, registry = read(path), registry or Registry.installed()
    if path == Path(source) or data is not None or set or with_:  # not as it is shipped
        from bionic_core.spec.assign import change

        change(document, path, registry, set=set, with_=with_, without=without, data=data)
    return compose(document, name=path.stem, where=str(path), registry=registry).without(without)


def find(source: str | os.PathLike[str]) -> Path:
    """Return the path of a spec given by path or by the bare name of one that is shipped."""
    path = Path(source)
    if path.is_file():
        return path
    shipped = shipped_specs()
    if str(source) in shipped:
        return shipped[str(source)]
    from bionic_core.base.files import check_file, kind_of

    if kind_of(path):
        check_file(path)  # which says what it is, since it is no file
    raise RequestError(
        f"no such spec. Give the path of a TOML file, or one of the names {listing(shipped)}."
        f"{nearest(path.stem, shipped)}",
        where=str(source),
    )


def shipped_specs() -> dict[str, Path]:
    """Return the specs that come with bionic, by bare name."""
    here = Path(__file__).parents[1]
    # Beside the package in a checkout, within it in a wheel.
    folder = here / "specs" if (here / "specs").is_dir() else here.parent / "specs"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read(path: Path) -> dict[str, Any]:
    """Return a TOML file's tables."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot be read as text: {error}", where=str(path)) from error
    return parse(text, where=str(path))


def parse(text: str, *, where: str) -> dict[str, Any]:
    """Return the tables of TOML text; ``where`` is its file, for errors."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        lines = text.splitlines() or [""]
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}, the end of the file"
        words = str(error).replace("at end of document", end)
        raise RequestError(f"no valid TOML: {words}", where=where) from error
    except (RecursionError, ValueError) as error:  # deep nesting, or a number too long
        raise RequestError(f"no TOML that can be read: {error}", where=where) from error
