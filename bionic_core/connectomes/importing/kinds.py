"""Kinds of connections, in the words of the tables that tell synapses from gap junctions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from bionic_core.connectomes.importing.tables import literal, quoted
from bionic_core.errors import RequestError, nearest

KINDS: dict[str, tuple[str, ...]] = {
    "chemical": (
        *("chemical", "chem", "c", "s", "sp", "send", "sendjoint", "sendpoly", "synapse"),
        *("chemicalsynapse", "chemicalsynapses", "chemsyn", "cs", "syn", "monadic", "polyadic"),
        *("synaptic", "dyadic"),
    ),
    "received": ("r", "rp", "receive", "receivejoint", "receivepoly", "received"),
    "gap-junction": (
        *("electrical", "electric", "gapjunction", "gapjunctions", "gap", "gapjn", "gj", "gjs"),
        *("ej", "e", "elec", "electricalsynapse", "electricalsynapses", "electricaljunction"),
        *("genericgj", "g"),
    ),
    "muscle": ("nmj", "neuromuscular", "neuromuscularjunction"),
}
"""Words by kind, without case, blanks and marks. S, Sp, R, Rp, EJ and NMJ are those of White et al.
1986 and Varshney et al. 2011, who list each synapse from both its sides."""

CLEAR = {
    *("chemical", "chemicalsynapse", "chemicalsynapses", "electrical", "electric", "gapjunction"),
    *("gapjunctions", "electricalsynapse", "electricalsynapses", "electricaljunction"),
    *("neuromuscularjunction", "sendjoint", "receivejoint", "sendpoly", "receivepoly"),
}
"""Words that mean nothing else, whatever their column is called."""

TELLING = {*("chem", "sp", "rp", "send", "receive", "received", "gap", "gj", "ej", "nmj", "elec")}
"""Words that mean nothing else in a column of kinds, or beside other kinds alone."""

_WORDS = {word: kind for kind, words in KINDS.items() for word in words}

_NAMED = re.compile(
    r"(kind|type|class|category|synapsetype|syntype|connectiontype|conntype|edgetype|edgekind"
    r"|linktype|connectionkind|synapsekind|synapseclass|connection|interaction|etype|modality)"
)
"""Names of columns of kinds, without case, blanks and marks."""

_CLEAR, _TELLING, _OTHER, _ANY = 1, 2, 4, 8
BITS = 4

FEW = 60
"""The most words among the first rows of a column that is looked at for kinds."""


@attrs.frozen
class Kinds:
    """What the words of a column of kinds mean.

    Attributes:
        said: kinds by word, as the user says.
    """

    said: Mapping[str, str] = attrs.field(factory=dict)

    def words(self, kind: str) -> list[str]:
        """Return the words of a kind."""
        words = [word for word, found in _WORDS.items() if word not in self.said and found == kind]
        return words + [word for word, found in self.said.items() if found == kind]

    def known(self) -> list[str]:
        """Return all words."""
        return [*{**_WORDS, **self.said}]


def parse_kinds(assignments: Sequence[str]) -> dict[str, str]:
    """Return what ``WORD=KIND`` say; an empty word stands for an empty field.

    Raises:
        RequestError: one is not of that form, or its kind is none.
    """
    found: dict[str, str] = {}
    for text in assignments:
        word, equals, kind = (part.strip() for part in text.rpartition("="))
        if not equals:
            raise RequestError(f"--kind {text}: must be WORD=KIND, for example EJ=gap-junction")
        if kind not in KINDS:
            raise RequestError(
                f"--kind {text}: there is no kind '{kind}'.{nearest(kind, KINDS)} Kinds are "
                f"{', '.join(KINDS)}"
            )
        found[_bare(word)] = kind
    return found


def word_of(column: str) -> str:
    """Return SQL of a column's word, without case, blanks and marks; empty where there is none."""
    return f"regexp_replace(lower(coalesce({quoted(column)}::VARCHAR, '')), '[^a-z0-9]', '', 'g')"


def among(words: Iterable[str]) -> str:
    """Return SQL of a list of words."""
    return f"({', '.join(literal(word) for word in words)})"


def flags(columns: Sequence[str], kinds: Kinds, sample: Mapping[str, Sequence[str | None]]) -> str:
    """Return SQL of a number that says of each column what its word is, in four bits.

    Words of the sample are looked up as they stand, since cleaning a word takes long.
    """
    parts = []
    for place, column in enumerate(columns):
        word = word_of(column)
        clean = (
            f"CASE WHEN {word} IN {among(CLEAR)} THEN {_CLEAR | _ANY} "
            f"WHEN {word} IN {among(TELLING)} THEN {_TELLING | _ANY} "
            f"WHEN {word} IN {among(kinds.known())} THEN {_ANY} ELSE {_OTHER} END"
        )
        seen: dict[int, list[str]] = {}
        for value in {value for value in sample[column] if value}:
            seen.setdefault(bits_of(value, kinds), []).append(value)
        known = " ".join(
            f"WHEN {quoted(column)} IN {among(words)} THEN {bits}" for bits, words in seen.items()
        )
        parts.append(f"((CASE {known} ELSE {clean} END)::UBIGINT << {BITS * place})")
    return " | ".join(parts) if parts else "0::UBIGINT"


def bits_of(value: str, kinds: Kinds) -> int:
    """Return the four bits of a field's word."""
    word = _bare(value)
    if word in CLEAR:
        return _CLEAR | _ANY
    if word in TELLING:
        return _TELLING | _ANY
    return _ANY if word in kinds.known() else _OTHER


def of_kinds(columns: Sequence[str], found: int) -> list[str]:
    """Return the columns whose words are kinds, by the flags of all rows joined."""
    taken = []
    for place, column in enumerate(columns):
        bits = (found >> (BITS * place)) & 15
        called = bool(_NAMED.fullmatch(_bare(column)))
        telling = bits & _TELLING and (called or not bits & _OTHER)
        only = called and bits & _ANY and not bits & _OTHER
        if bits & _CLEAR or telling or only:
            taken.append(column)
    return sorted(taken, key=lambda name: not _NAMED.fullmatch(_bare(name)))


def is_called_so(column: str) -> bool:
    """Whether a column has a name of columns of kinds."""
    return bool(_NAMED.fullmatch(_bare(column)))


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
