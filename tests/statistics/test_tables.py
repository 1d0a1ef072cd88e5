"""Any table of factors and responses: what is taken for what, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bionic_core as api
from bionic_core import RequestError
from tests.cli.test_cli import Bionic, bionic, refused
from tests.statistics.test_analysis import FILTRATION, cells

__all__ = ["bionic"]


def filtration() -> list[dict[str, Any]]:
    """With ±1 for levels, as such tables come."""
    return [
        {name: "+" if on else "-" for name, on in cell.items()} | {"rate": rate}
        for cell, rate in zip(cells("ABCD"), FILTRATION, strict=True)
    ]


def write(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> Path:
    lines = [delimiter.join(rows[0]), *(delimiter.join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_published_table_from_file_to_report(bionic: Bionic, tmp_path: Path) -> None:
    path = write(tmp_path / "filtration.csv", filtration(), ";")
    document = bionic("analyse", path, "--response", "rate", "--json", "--figures", "f").document
    found = {effect["term"]: effect["estimate"] for effect in document["effects"]}
    assert found["A"] == pytest.approx(21.625)
    assert found["A:C"] == pytest.approx(-18.125)
    assert {effect["low"] for effect in document["effects"]} == {None}
    assert document["lenth"]["margin"] == pytest.approx(6.748, abs=0.001)
    assert sorted(Path(f).name for f in document["figures"]) == [
        "effects.png",
        "effects.svg",
        "half_normal.png",
        "half_normal.svg",
    ]
    said = bionic("analyse", path, "--response", "rate", "--order", "2")
    words = " ".join(said.out.split())
    assert "interactions of more than 2 factors are taken as nil" in words
    assert "Analysis of variance" in words
    assert max(map(len, said.out.splitlines())) <= 80


def test_frames_records_and_files_are_the_same_table(tmp_path: Path) -> None:
    rows = filtration()
    path = write(tmp_path / "t.csv", rows)
    tables: list[Any] = [path, str(path), rows, pd.DataFrame(rows)]
    first, *others = [api.analyse(table, response="rate").to_json() for table in tables]
    assert all(other == first for other in others)


def test_blocks_are_taken_by_name_or_asked_for() -> None:
    rows: list[dict[str, Any]] = [
        {"a": a, "day": day, "y": 2 * a + shift + 0.1 * a * shift}
        for a in (0, 1, 0, 1)
        for day, shift in (("mon", 0), ("tue", 5), ("wed", 9))
    ]

    def first(table: list[dict[str, Any]], **options: Any) -> Any:
        return api.analyse(table, response="y", factors=["a"], **options).findings.anova[0].source

    assert first(rows, block="day") == "day"
    assert first(rows) == "a"
    seeds = [row | {"seed": row["day"]} for row in rows]
    assert first(seeds) == "seed"
    assert first(seeds, block="") == "a"


def test_a_table_without_factors_named_takes_what_repeats_and_says_so() -> None:
    rows = [
        {"a": a, "b": b, "note": f"n{n}", "constant": 1, "y": n * 1.5}
        for n, (a, b) in enumerate([(0, "x"), (1, "x"), (0, "z"), (1, "z")] * 2)
    ]
    found = api.analyse(rows, response="y")
    assert [f.name for f in found.effects.fit.model.factors] == ["a", "b"]
    assert found.taken == (
        "response: y (8 numbers)",
        "factors: a (numbers 0/1), b (words x/z)",
        "ignored: note (8 values in 8 rows), constant (one value)",
    )
    assert "b is x/z: its effect is that of z less x" in found.notes


def test_rows_without_a_response_are_left_out_and_said() -> None:
    rows: list[dict[str, Any]] = [{"a": n % 2, "y": n} for n in range(6)]
    rows += [{"a": 1, "y": ""}, {"a": 0, "y": "nan"}]
    found = api.analyse(rows, response="y")
    assert ("2 of 8 rows have no number in 'y' and are left out (1 blank, 1 'nan')") in found.notes
    assert len(found.effects.fit.responses) == 6


def test_fractions_are_told_in_points() -> None:
    rows = [{"a": a, "y": 0.5 + 0.01 * a} for a in (0, 1)]
    assert api.analyse(rows, response="y", percent=True).effects.effects[0].estimate == (
        pytest.approx(1.0)
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"response": "z"}, "there is no column 'z'.*It has a, b, y"),
        ({"response": "y", "factors": ["c"]}, "there is no column 'c'"),
        ({"response": "y", "block": "c"}, "there is no column 'c'"),
        ({"response": "y", "factors": ["y"]}, "'y' is the response; it cannot be a factor"),
        ({"response": "y", "factors": ["a"], "block": "a"}, "'a' is the block; it cannot be a"),
        ({"response": "b"}, "column 'b' has no number in any row"),
        ({"response": "y", "factors": ["b"]}, "factor 'b' needs two levels or more"),
        ({"response": "y", "factors": ["a"], "confidence": 2}, "the confidence is 2"),
    ],
)
def test_tables_that_cannot_be_analysed(options: dict[str, Any], words: str) -> None:
    rows = [{"a": n % 2, "b": "word", "y": n} for n in range(4)]
    with pytest.raises(RequestError, match=words):
        api.analyse(rows, **options)


def test_holes_and_tables_that_are_none() -> None:
    rows: list[dict[str, Any]] = [{"a": "", "y": 1}, {"a": "on", "y": 2}, {"y": 3}]
    with pytest.raises(RequestError, match="row 1 has nothing in column 'a'") as caught:
        api.analyse(rows, response="y", factors=["a"])
    assert "row 3 has nothing" in str(caught.value)
    for table in ([], 5, [1, 2]):
        with pytest.raises(RequestError, match="must be a file, a data frame, or a sequence"):
            api.analyse(table, response="y")
    with pytest.raises(RequestError, match="no column but the response varies"):
        api.analyse([{"y": 1}, {"y": 2}], response="y")


def test_more_factors_than_rows_are_refused_and_wide_tables_are_read() -> None:
    rows = [{"y": float(n)} | {f"f{c}": (n >> (c % 4)) & 1 for c in range(300)} for n in range(20)]
    with pytest.raises(RequestError, match="300 columns would be factors, and 20 rows have"):
        api.analyse(rows, response="y")
    assert len(api.analyse(rows, response="y", factors=["f0", "f1"]).effects.effects) == 3
    # Many pairs of which few can be told: each effect is looked up, not made anew for each factor.
    some = [f"f{c}" for c in range(19)]
    assert len(api.analyse(rows, response="y", factors=some, order=2).effects.effects) == 190


def test_the_command_refuses_in_words(bionic: Bionic) -> None:
    Path("t.csv").write_text("a,y\n0,1\n1,2\n")
    refused(bionic("analyse", "t.csv", "--response", "x"), "t.csv: there is no column 'x'")
    refused(bionic("analyse", "gone.csv", "--response", "x"), "gone.csv: no such file")
    refused(bionic("analyse", "t.csv"), "--response")
    refused(bionic("analyse", "t.csv", "--response", "y", "--figures", "t.csv"), "is a file")
