"""Records: written to documents and read again, strictly where kinds are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from attrs import field

from bionic_core.base.records import OMITTED, SPREAD, from_document, to_document
from bionic_core.base.strict import KEY
from bionic_core.errors import DamagedError


@attrs.frozen
class Part:
    score: float | None
    along: tuple[str, ...] = field(default=(), metadata={KEY: "with"})


@attrs.frozen
class Whole:
    name: str
    parts: Mapping[str, Part]
    best: Part | None = None
    folder: str = field(default="", metadata={OMITTED: True})
    counts: tuple[int, ...] = field(factory=tuple, metadata={OMITTED: True})


WHOLE = Whole("w", {"a": Part(0.5, ("b", "c"))}, Part(None))
DOCUMENT = {
    "name": "w",
    "parts": {"a": {"score": 0.5, "with": ["b", "c"]}},
    "best": {"score": None, "with": []},
}


def test_a_document_has_the_fields_in_order_and_leaves_out_what_is_omitted() -> None:
    assert to_document(WHOLE) == DOCUMENT
    assert list(to_document(WHOLE)) == ["name", "parts", "best"]
    there = to_document(attrs.evolve(WHOLE, folder="f", counts=(1,)))
    assert (there["folder"], there["counts"]) == ("f", [1])


@attrs.frozen
class Table:
    name: str
    rows: Mapping[str, Part] = field(metadata={SPREAD: True})
    best: Part = field(metadata={SPREAD: True})


def test_the_keys_of_what_is_spread_stand_in_its_place() -> None:
    found = to_document(Table("t", {"a": Part(1.0)}, Part(2.0, ("b",))))
    assert found == {"name": "t", "a": {"score": 1.0, "with": []}, "score": 2.0, "with": ["b"]}
    assert list(found) == ["name", "a", "score", "with"]


def test_what_is_no_record_becomes_plain_too() -> None:
    found = to_document([{"n": np.int64(3), "path": Path("a/b")}, np.array([1.5])])
    assert found == [{"n": 3, "path": "a/b"}, [1.5]]
    assert type(found[0]["n"]) is int


def test_read_again_it_is_the_same_and_keys_of_other_versions_are_passed_over() -> None:
    newer = DOCUMENT | {"later": 1}
    assert from_document(Whole, newer, where="x.json") == WHOLE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": 3}, "name = 3: must be a string"),
        ({"parts": []}, "parts = []: must be a table"),
        ({"parts": {"a": {"score": "0.5"}}}, 'parts.a.score = "0.5": must be a number'),
        ({"parts": {"a": {"score": True}}}, "parts.a.score = true: must be a number"),
        ({"parts": {"a": {}}}, "parts.a.score: is missing"),
        ({"best": {"score": 1, "with": [2]}}, "best.with[0] = 2: must be a string"),
        ({"counts": [1.5]}, "counts[0] = 1.5: must be a whole number below 2^63"),
    ],
)
def test_what_is_of_another_kind_is_damage_named_by_its_key(
    change: dict[str, Any], words: str
) -> None:
    with pytest.raises(DamagedError) as error:
        from_document(Whole, DOCUMENT | change, where="x.json")
    assert str(error.value) == f"x.json: damaged: {words}"


def test_what_is_no_table_at_all_is_damage() -> None:
    with pytest.raises(DamagedError, match="must be a table"):
        from_document(Whole, [1], where="x.json")
