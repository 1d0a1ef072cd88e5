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
    Reason("missing-id", "drop", _TWO, "no pre or no post cell (empty, or root id 0)"),
    Reason("float-id", "refuse", ("refuse",), _FLOAT),
    Reason("overflow-id", "refuse", _TWO, "an id beyond 64 bits"),
    Reason("not-integer", "refuse", _TWO, "an id that is no whole number"),
    Reason("missing-synapse-id", "refuse", _TWO, "no synapse id"),
    Reason("unknown-kind", "refuse", _TWO, "a kind of connection that is not known"),
    Reason("received", "drop", ("drop",), "the receiving side of a synapse that is listed as sent"),
    Reason("gap-junction", "drop", _THREE, "a gap junction, which is no synapse"),
    Reason("unknown-cell", "drop", _TWO, "a cell that is not in the table of cells"),
    Reason("autapse", "drop", _THREE, "a synapse of a cell with itself"),
    Reason("bad-count", "refuse", _TWO, "a count that is missing, negative or no whole number"),
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
    Reason("cell-not-neuron", "drop", _TWO, "a cell that is no neuron"),
    Reason("cell-unsigned", "refuse", _TWO, "neither excitatory nor inhibitory"),
    Reason("cell-untyped", "keep", _THREE, "no cell type: called 'unknown'"),
    Reason("cell-repeated", "drop", _TWO, "a cell seen before, with the same values"),
    Reason("cell-conflicting", "refuse", _TWO, "an id that other rows give other values"),
)

REASONS = {reason.name: reason for reason in (*SYNAPSE_REASONS, *CELL_REASONS)}


@attrs.frozen
class Rules:
    """What is done for each reason."""

    verdicts: Mapping[str, Verdict]

    @classmethod
    def of(
        cls, *, drop: Iterable[str] = (), refuse: Iterable[str] = (), keep: Iterable[str] = ()
    ) -> Rules:
        """Return the usual rules, changed as said.

        Raises:
            RequestError: a reason is not known, is said twice, or does not allow that.
        """
        verdicts: dict[str, Verdict] = {name: reason.usual for name, reason in REASONS.items()}
        problems, said = [], set()
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
        return cls(verdicts)

    def refused(self, counts: Mapping[str, int]) -> list[str]:
        """Return the reasons among those counted for which rows are refused."""
        return [name for name, n in counts.items() if n and self.verdicts[name] == "refuse"]

    def check(self, counts: Mapping[str, int], examples: Mapping[str, str], where: str) -> None:
        """Refuse the rows that the rules refuse.

        Raises:
            RequestError: with all of them: how many rows, why, an example, and what to do.
        """
        problems = []
        for name in self.refused(counts):
            others = [f"--{word} {name}" for word in REASONS[name].allowed if word != "refuse"]
            remedy = f". Correct the file, or give {' or '.join(others)}" if others else ""
            example = f", for example {examples[name]}" if name in examples else ""
            problems.append(
                f"{name}: {counts[name]:,} {'row has' if counts[name] == 1 else 'rows have'} "
                f"{REASONS[name].about}{example}{remedy}"
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
