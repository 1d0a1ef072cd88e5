"""Which mechanisms require which, and what is left of a spec without some."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from bionic_core.errors import RequestError, listing, nearest
from bionic_core.plugin import Mechanism


def rest(
    mechanisms: Mapping[str, Mechanism], gone: Collection[str], *, where: str
) -> dict[str, Mechanism]:
    """Return mechanisms less the named ones and those that require them.

    Raises:
        RequestError: a name is not among them.
    """
    unknown = set(gone) - set(mechanisms)
    if unknown:
        raise RequestError(
            [
                f"mechanism '{name}' is not in the spec.{nearest(name, mechanisms)} "
                f"It has {listing(mechanisms)}"
                for name in sorted(unknown)
            ],
            where=where,
        )
    all_gone = set(gone) | dependents(gone, mechanisms)
    return {name: kept for name, kept in mechanisms.items() if name not in all_gone}


def dependents(names: Iterable[str], mechanisms: Mapping[str, Mechanism]) -> set[str]:
    """Return the mechanisms that require one of the named ones, directly or through others."""
    gone = set(names)
    while True:
        more = {n for n, m in mechanisms.items() if n not in gone and gone & set(m.requires)}
        if not more:
            return gone - set(names)
        gone |= more
