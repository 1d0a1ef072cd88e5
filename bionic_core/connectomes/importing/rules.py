"""What becomes of rows that are not as they should be: for each reason a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from bionic_core.errors import RequestError, nearest

Verdict = Literal["drop", "refuse", "keep"]


@attrs.frozen
class Reason:
    """Why a row is not taken as it stands.

    Attributes:
        name: as the options ``--drop``, ``--refuse`` and ``--keep`` spell it.
        usual: what is done where no option says otherwise.
        allowed: what an option may choose.
        about: what is wrong with such a row, to follow a number of rows.
    """

    name: str
    usual: Verdict
    allowed: tuple[Verdict, ...]
    about: str


_TWO: tuple[Verdict, ...] = ("drop", "refuse")
_THREE: tuple[Verdict, ...] = ("drop", "refuse", "keep")
_FLOAT = (
    "an id that was written by way of a float: it keeps 16 digits, root ids have 18, so the id "
    "is lost; write the file again with ids as integers or text"
)

SYNAPSE_REASONS = (
    Reason("invalid", "drop", _THREE, "'valid' false: taken back, or replaced by another"),
    Reason("missing-id", "drop", _TWO, "no pre or no post cell (empty, or root id 0)"),
    Reason("float-id", "refuse", ("refuse",), _FLOAT),
    Reason("overflow-id", "refuse", _TWO, "an id beyond 64 bits"),
    Reason("not-integer", "refuse", _TWO, "an id that is no whole number"),
    Reason("missing-synapse-id", "refuse", _TWO, "no synapse id"),
    Reason("unknown-kind", "refuse", _TWO, "a kind of connection that is not known"),
    Reason("received", "drop", ("drop",), "the receiving side of a synapse that is listed as sent"),
    Reason("gap-junction", "drop", _THREE, "a gap junction, which is no synapse"),
    Reason(
        "neuromuscular", "drop", _TWO, "a junction with a muscle, which is no cell of the table"
    ),
    Reason("unknown-cell", "drop", _TWO, "a cell that is not in the table of cells"),
    Reason("dropped-cell", "drop", _TWO, "a cell whose own row is not taken"),
    Reason("autapse", "drop", _THREE, "a synapse of a cell with itself"),
    Reason("bad-count", "refuse", _TWO, "a count that is missing or no whole number"),
    Reason("sign-conflict", "refuse", _THREE, "a weight whose sign is not that of its pre cell"),
    Reason("zero-count", "drop", _TWO, "a count of 0"),
    Reason("missing-size", "refuse", _TWO, "a size that is missing or no finite number"),
    Reason("negative-size", "refuse", _TWO, "a negative size"),
    Reason("duplicate-id", "drop", _THREE, "a synapse id seen before, with the same values"),
    Reason("conflicting-id", "refuse", _THREE, "a synapse id that other rows give other values"),
    Reason("repeated-connection", "keep", ("keep", "refuse"), "a connection seen before: summed"),
)
"""In the order in which they are looked for: a row counts under the first that it meets."""

CELL_REASONS = (
    Reason("cell-missing-id", "drop", _TWO, "no id (empty, or root id 0)"),
    Reason("cell-float-id", "refuse", ("refuse",), _FLOAT),
    Reason("cell-overflow-id", "refuse", _TWO, "an id beyond 64 bits"),
    Reason("cell-not-integer", "refuse", _TWO, "an id that is no whole number"),
    Reason("cell-invalid", "drop", _THREE, "'valid' false: taken back, or replaced by another"),
    Reason("cell-not-neuron", "drop", _TWO, "a cell that is no neuron"),
    Reason("cell-unsigned", "refuse", _TWO, "neither excitatory nor inhibitory"),
    Reason("cell-untyped", "keep", _THREE, "no cell type: called 'unknown'"),
    Reason("cell-repeated", "drop", _TWO, "a cell seen before, with the same values"),
    Reason("cell-other-point", "refuse", _TWO, "a cell seen before, at another point"),
    Reason("cell-conflicting", "refuse", _THREE, "an id that other rows give other values"),
    Reason("cell-bad-position", "refuse", ("refuse", "keep"), "a position that is none"),
)

LOST = 0.1
"""The share of a file's rows that may be dropped for want of a cell before that has to be said."""

_WANTING = ("missing-id", "unknown-cell", "cell-missing-id", "duplicate-id")
"""Reasons for which many dropped rows mean that the file was not read as it is meant."""

_DOES = {
    ("drop", "cell-other-point"): "each cell's first point is taken",
    ("drop", "cell-conflicting"): "the cell goes, with all its connections",
    ("keep", "cell-conflicting"): "each cell's first row is taken",
    ("keep", "cell-bad-position"): "its position is then not known",
    ("keep", "sign-conflict"): "the cell's own sign holds, with the size of the weight",
}
"""What an option does where its word does not say it."""

SYNAPSE_CODES = {reason.name: number for number, reason in enumerate(SYNAPSE_REASONS, 1)}
"""A number for each reason why a row is not taken; 0 is a row without fault."""

REASONS = {reason.name: reason for reason in (*SYNAPSE_REASONS, *CELL_REASONS)}


@attrs.frozen
class Rules:
    """What is done for each reason; ``said`` are those that the user decided."""

    verdicts: Mapping[str, Verdict]
    said: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, *, drop: Iterable[str] = (), refuse: Iterable[str] = (), keep: Iterable[str] = ()
    ) -> Rules:
        """Return the usual rules, changed as said.

        Raises:
            RequestError: a reason is not known, is said twice, or does not allow that.
        """
        verdicts: dict[str, Verdict] = {name: reason.usual for name, reason in REASONS.items()}
        problems, said = [], set[str]()
        asked: tuple[tuple[Verdict, Iterable[str]], ...] = (
            ("drop", drop),
            ("refuse", refuse),
            ("keep", keep),
        )
        for verdict, names in asked:
            for name in names:
                if name not in REASONS:
                    problems.append(
                        f"--{verdict} {name}: there is no such reason.{nearest(name, REASONS)} "
                        f"Reasons are {', '.join(REASONS)}"
                    )
                elif verdict not in REASONS[name].allowed:
                    allowed = " or ".join(f"--{word}" for word in REASONS[name].allowed)
                    problems.append(
                        f"--{verdict} {name}: not for {REASONS[name].about}; allowed is {allowed}"
                    )
                elif name in said:
                    problems.append(f"--{verdict} {name}: two options say what to do with it")
                else:
                    verdicts[name] = verdict
                    said.add(name)
        if problems:
            raise RequestError(problems)
        return cls(verdicts, frozenset(said))

    def refused(self, counts: Mapping[str, int]) -> list[str]:
        """Return the reasons among those counted for which rows are refused."""
        return [name for name, n in counts.items() if n and self.verdicts[name] == "refuse"]

    def check(
        self,
        counts: Mapping[str, int],
        examples: Mapping[str, str],
        where: str,
        advice: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse the rows that the rules refuse.

        Args:
            counts: rows by reason.
            examples: what such a row holds, by reason.
            where: the file.
            advice: what to do rather than the rule's other verdicts, by reason.

        Raises:
            RequestError: with all of them: how many rows, why, an example, and what to do.
        """
        problems = []
        for name in self.refused(counts):
            others = [option(word, name) for word in REASONS[name].allowed if word != "refuse"]
            remedy = f"Correct the file, or give {' or '.join(others)}" if others else ""
            remedy = ". ".join(part for part in ((advice or {}).get(name, ""), remedy) if part)
            example = f", for example {examples[name]}" if name in examples else ""
            problems.append(
                f"{name}: {counts[name]:,} {'row has' if counts[name] == 1 else 'rows have'} "
                f"{REASONS[name].about}{example}{'. ' if remedy else ''}{remedy}"
            )
        if problems:
            raise RequestError(problems, where=where)

    def check_losses(
        self,
        counts: Mapping[str, int],
        rows: int,
        hints: Mapping[str, str],
        where: str,
    ) -> None:
        """Refuse a file of which more than ``LOST`` is dropped for want of a cell, unsaid.

        Args:
            counts: rows by reason.
            rows: all that there are.
            hints: what may be the cause, and what to do, by reason.
            where: the file.

        Raises:
            RequestError: with the share, an id of each file, and what to do.
        """
        problems = []
        for name in _WANTING:
            lost = counts.get(name, 0)
            if self.verdicts[name] != "drop" or name in self.said or lost <= LOST * rows:
                continue
            hint = hints.get(name, "")
            problems.append(
                f"{name}: {lost:,} of {rows:,} rows ({lost / rows:.1%}) have "
                f"{REASONS[name].about}; more than {LOST:.0%} is not dropped unsaid"
                f"{'. ' if hint else ''}{hint}. If they are to go, give --drop {name}"
            )
        if problems:
            raise RequestError(problems, where=where)

    def outcome(self, counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Return how many rows were dropped, and how many kept, by reason; zeros included."""
        found: dict[str, dict[str, int]] = {"dropped": {}, "kept": {}}
        for name, number in counts.items():
            # What would have been refused, and was not there, counts as nothing dropped.
            place = "kept" if self.verdicts[name] == "keep" else "dropped"
            found[place][name] = number
        return found


def option(verdict: str, name: str) -> str:
    """Return an option as the user gives it, with what it does where its word does not say."""
    does = _DOES.get((verdict, name), "")
    return f"--{verdict} {name}{f' ({does})' if does else ''}"
