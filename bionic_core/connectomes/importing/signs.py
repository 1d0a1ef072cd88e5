"""Whether cells excite or inhibit: by words, by what the user says, by the signs of weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.connectome import EXCITATORY, INHIBITORY
from bionic_core.errors import RequestError, nearest

Words = npt.NDArray[np.str_]

GLIA = "glia"
"""The sign of a cell that is no neuron."""

_WORDS = {
    EXCITATORY: {"excitatory", "exc", "e", "excit", "glutamatergic", "+", "+1", "1", "1.0"},
    INHIBITORY: {"inhibitory", "inh", "i", "inhib", "gabaergic", "-", "-1", "\u2212", "-1.0"},
    GLIA: {
        *("nonneuron", "nonneuronal", "glia", "glial", "astrocyte", "microglia"),
        *("oligo", "oligodendrocyte", "opc", "pericyte", "endothelial", "muscle"),
    },
}
"""Words for the sign of a cell. Transmitters are not among them: glutamate excites in mice and
inhibits in flies, so the user says what is what."""

_LONG = {EXCITATORY: {"excitatory"}, INHIBITORY: {"inhibitory"}, GLIA: {"nonneuronal", "nonneuron"}}
"""Those that say it wherever they stand in a longer word."""

_NONE = {"", "nan", "na", "n/a", "none", "null", "<na>", "unknown", "unclear", "unk", "unc", "?"}
"""Words of one who does not know."""


def is_unknown(word: str) -> bool:
    """Whether a word for a transmitter or a sign says that it is not known."""
    return word.strip().lower() in _NONE


def meaning(word: str) -> str:
    """Return the sign that a word means, ``glia`` for what is no neuron, empty where it says none.

    >>> meaning("aibs_coarse_inhibitory")
    'inhibitory'
    """
    lower = word.strip().lower()
    bare = re.sub(r"[\s_\-]", "", lower)
    for sign, words in _WORDS.items():
        if lower in words or bare in {known for known in words if known.isalpha()}:
            return sign
    parts = re.split(r"[\s_\-]+", lower)
    found = {
        sign
        for sign, words in _LONG.items()
        if words & {*parts, *(a + b for a, b in pairwise(parts))}
    }
    if {"not", "non", "no"} & {*parts} and found != {GLIA}:
        return ""
    plural = {re.sub(r"(cell|neuron|interneuron)s?$", "", bare)}
    for sign, words in _WORDS.items():
        if plural & words and plural != {bare}:
            found.add(sign)
    return found.pop() if len(found) == 1 else ""


@attrs.frozen
class Signs:
    """What the user says of signs; without case.

    Attributes:
        excitatory, inhibitory: values of the column of signs or of transmitters, or cell types.
        unknown: the broad type of a cell whose sign nothing says; empty to refuse it.
    """

    excitatory: tuple[str, ...] = ()
    inhibitory: tuple[str, ...] = ()
    unknown: str = ""

    def __attrs_post_init__(self) -> None:
        both = {_bare(name) for name in self.excitatory} & {_bare(n) for n in self.inhibitory}
        if both:
            raise RequestError(
                f"--excitatory and --inhibitory: {', '.join(sorted(both))} cannot be both"
            )
        if self.unknown not in ("", EXCITATORY, INHIBITORY):
            raise RequestError(
                f"--sign-unknown {self.unknown}: must be {EXCITATORY} or {INHIBITORY}"
            )

    def of(self, broad: Words, transmitter: Words, types: Words, *, where: str) -> Words:
        """Return each cell's sign, ``glia`` where it is no neuron, empty where it is not known.

        Raises:
            RequestError: a value that the user names is nowhere, so that another is meant.
        """
        said = {_bare(name): EXCITATORY for name in self.excitatory}
        said |= {_bare(name): INHIBITORY for name in self.inhibitory}
        self._check_found(broad, transmitter, types, where)
        # One list alone says that all others are not in it: of those that say anything.
        rest = ""
        if bool(self.excitatory) != bool(self.inhibitory):
            rest = INHIBITORY if self.excitatory else EXCITATORY
        voices = [words for words in (broad, transmitter) if not np.all(words == "")]
        known: dict[tuple[str, str, str], str] = {}
        found = []
        for words in zip(broad.tolist(), transmitter.tolist(), types.tolist(), strict=True):
            if words not in known:
                one, two, three = words
                sign = said.get(_bare(one)) or said.get(_bare(two)) or said.get(_bare(three))
                sign = sign or meaning(one) or (GLIA if meaning(two) == GLIA else "")
                if not sign and not (voices and is_unknown(one) and is_unknown(two)):
                    sign = rest
                known[words] = sign
            found.append(known[words])
        return np.array(found, np.str_)

    def _check_found(self, broad: Words, transmitter: Words, types: Words, where: str) -> None:
        there = Counter((broad if np.any(broad != "") else transmitter).tolist())
        there |= Counter(transmitter.tolist())
        values = there if any(there) else Counter(types.tolist())
        bare = {_bare(word) for words in (broad, transmitter, types) for word in np.unique(words)}
        problems = []
        for name, names in (("excitatory", self.excitatory), ("inhibitory", self.inhibitory)):
            # Where both are listed, what is in neither is refused: a name too many does no harm.
            if self.excitatory and self.inhibitory:
                continue
            for word in names:
                if _bare(word) not in bare:
                    shown = ", ".join(f"'{v}' ({n:,})" for v, n in values.most_common(8) if v)
                    problems.append(
                        f"--{name} {word}: no cell has that.{nearest(word, values)} There are "
                        f"{shown or 'no values'}"
                    )
        if problems:
            raise RequestError(problems, where=where)


def by_weights(sign: Words, weights: npt.NDArray[np.int8]) -> tuple[Words, int]:
    """Return signs, those that nothing says by the cells' weights; and how many these are.

    Args:
        sign: of each cell.
        weights: 1 or −1 where all of a cell's weights have that sign, else 0.
    """
    open_ = (sign == "") & (weights != 0)
    found = np.where(open_, np.where(weights > 0, EXCITATORY, INHIBITORY), sign)
    return found, int(open_.sum())


def sign_words(names: Sequence[str]) -> str:
    """Return values that say no sign as a phrase with their numbers."""
    counted = Counter(names).most_common(6)
    more = f" and {len(set(names)) - 6:,} more" if len(set(names)) > 6 else ""
    return (
        ", ".join(f"{word!r} ({n:,})" if word else f"blank ({n:,})" for word, n in counted) + more
    )


def _bare(text: str) -> str:
    return re.sub(r"[\s_\-]", "", text).lower()
