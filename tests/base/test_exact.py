"""Casts lose nothing, and what is wrong is named with the first row where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bionic_core import Connectome, RequestError
from bionic_core.base.exact import MismatchError, Wanted, exact, fitted

LOSSLESS: list[tuple[Any, Any, Any]] = [
    (np.array([1, 2], np.int64), np.int32, [1, 2]),
    (np.array([1.0, -2.0]), np.int32, [1, -2]),
    (np.array([True, False]), np.int64, [1, 0]),
    (np.array([2**62], np.uint64), np.int64, [2**62]),
    (np.array([2**53], np.int64), np.float64, [2.0**53]),
    (np.array([1.5, np.nan], np.float64), np.float32, [1.5, np.nan]),
    (np.array([3], ">i8"), np.int64, [3]),
    (np.array([b"ab"]), np.str_, ["ab"]),
    (np.array([7, 23]), np.str_, ["7", "23"]),
    (np.array(["é", ""], object), np.str_, ["é", ""]),
    (np.array([5, 6], object), np.int32, [5, 6]),
]


@pytest.mark.parametrize(("array", "kind", "wanted"), LOSSLESS)
def test_casts_that_lose_nothing(array: Any, kind: Any, wanted: list[Any]) -> None:
    found = exact(array, kind)
    assert np.issubdtype(found.dtype, kind)
    np.testing.assert_array_equal(found, wanted)


LOSSY: list[tuple[Any, Any, str]] = [
    (np.array([1, 2**32 + 5], np.int64), np.int32, "has 4294967301 in row 1, which int32 cannot"),
    (np.array([-1], np.int64), np.uint8, "has -1 in row 0"),
    (np.array([2**64 - 1], np.uint64), np.int64, "has 18446744073709551615 in row 0"),
    (np.array([3.0, 0.7]), np.int32, "holds no whole numbers: row 1 has 0.7"),
    (np.array([np.nan]), np.int32, "holds no whole numbers: row 0 has nan"),
    (np.array([np.inf]), np.int64, "holds no whole numbers: row 0 has inf"),
    (np.array([1e300]), np.int64, "has 1e\\+300 in row 0"),
    (np.array([2.0**53 + 2]), np.int64, "which int64 cannot hold"),  # its odd neighbour was lost
    (np.array([2**53 + 1], np.int64), np.float64, "has 9007199254740993 in row 0"),
    (np.array([2**63 - 1], np.int64), np.float64, "in row 0"),
    (np.array([0.1]), np.float32, "which float32 cannot hold"),
    (np.array([1e300]), np.float32, "which float32 cannot hold"),
    (np.array([1j]), np.float64, "is complex128 .*; numbers are needed"),
    (np.array(["1"]), np.int32, "is <U1 .*; whole numbers are needed"),
    (np.array([1.5]), np.str_, "text is needed"),
    (np.array([b"ok", b"\xff\xfe"]), np.str_, "in row 1, which is no text"),
    (np.array(["a", None], object), np.str_, "has None in row 1"),
    (np.array([1, 2.5], object), np.int64, "has 2.5 in row 1"),
    (np.array([2**70], object), np.int64, "more than 64 bits"),
    (np.array(["ok", "\ud800"]), np.str_, "has letters in row 1 that are none"),
    (np.array(["a\0b"]), np.str_, "has letters in row 0 that are none"),
    (np.array([0x110000], np.uint32).view("U1"), np.str_, "has letters in row 0"),
    (np.array([1]), np.floating, "floats are needed"),
]


@pytest.mark.parametrize(("array", "kind", "problem"), LOSSY)
def test_casts_that_would_lose_something(array: Any, kind: Any, problem: str) -> None:
    with pytest.raises(MismatchError, match=problem):
        exact(array, kind)


def test_everything_that_is_wrong_is_named() -> None:
    wanted = {
        "id": Wanted(np.int64, ("cells",), unique=True),
        "kind": Wanted(np.str_, ("cells",), words=("a", "b")),
        "place": Wanted(np.float64, ("cells", 2), nan=True),
        "pre": Wanted(np.int32, ("edges",), low=0, below="cells"),
        "size": Wanted(np.float64, ("edges",), low=0),
        "gone": Wanted(np.float64, ("edges",)),
    }
    arrays = {
        "id": [4, 5, 4],
        "kind": ["a", "c", "b"],
        "place": [[0, np.nan], [0, np.inf], [1, 1]],
        "pre": [0, 3],
        "size": [1.0],
    }
    with pytest.raises(RequestError) as caught:
        fitted(arrays, wanted, "f")
    assert caught.value.problems == (
        "id has 1 values twice, the first, 4, in row 2",
        "kind has c (first in row 1); allowed are a and b",
        "place has 1 values that are not finite, the first, inf, in row 1, column 1",
        "pre has 1 values that are not below 3, the number of cells, the first, 3, in row 1",
        "size has shape (1,), expected (2)",
        "gone is missing",
    )


CELLS = {
    "cell_id": [1, 2, 3],
    "broad_type": ["excitatory", "inhibitory", "excitatory"],
    "cell_type": ["a", "b", "a"],
    "position": np.zeros((3, 3)),
    "pre": [2, 0],
    "post": [0, 1],
    "count": [1, 2],
    "provenance": {"label": "x"},
}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"pre": [2**32 + 2, 0]}, "pre has 4294967298 in row 0"),
        ({"count": [1, 2.9]}, "count holds no whole numbers: row 1 has 2.9"),
        ({"count": np.array([1, 2**64 - 1], np.uint64)}, "count has 18446744073709551615 in row 1"),
        ({"size": [np.inf, 1]}, "size has 1 values that are not finite"),
        ({"size": [1j, 1]}, "size is complex128"),
        ({"position": np.full((3, 3), -np.inf)}, "position has 9 values that are not finite"),
        ({"cell_id": [1.5, 2, 3]}, "cell_id holds no whole numbers"),
        ({"cell_id": 7}, r"cell_id has shape \(\)"),
        ({"pre": 0, "post": 1, "count": 1}, r"pre has shape \(\)"),
        ({"pre": [2, 2], "post": [0, 0]}, "1 connections occur twice, the first from cell 2 to"),
        ({"post": [0, 3]}, "post has 1 values that are not below 3, the number of cells"),
        ({"count": [0, 1]}, "count has 1 values that are below 1, the first, 0, in row 0"),
        ({"broad_type": ["excitatory", "glia", "glia"]}, "has glia .first in row 1.; allowed"),
    ],
)
def test_a_connectome_is_never_cast_to_another(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        Connectome.of(**{**CELLS, **wrong})


def test_a_connectome_is_sorted_and_frozen() -> None:
    one = Connectome.of(**CELLS)  # type: ignore[arg-type]
    assert one.pre.tolist() == [0, 2]
    assert one.size.tolist() == [2.0, 1.0]
    assert not one.pre.flags.writeable
