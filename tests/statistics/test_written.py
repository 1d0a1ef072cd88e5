"""Tables as people write them: levels keep their words, numbers are read by one convention."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bionic_core as api
from bionic_core import RequestError
from bionic_core.statistics.levels import levels_of
from bionic_core.statistics.measured import measured
from bionic_core.statistics.text_table import read_table
from tests.cli.test_cli import Bionic, bionic, refused

__all__ = ["bionic"]

CELLS = [(0, 0), (0, 0), (0, 1), (0, 1), (1, 0), (1, 0), (1, 1), (1, 1)]
VALUES = (10, 12.4, 8, 9.1, 13, 16.9, 12, 11.7)
EFFECTS = [3.525, -2.875, -0.225]


def written(values: Any, delimiter: str = ";", header: str = "A;B;y") -> str:
    rows = [[*map(str, cell), str(value)] for cell, value in zip(CELLS, values, strict=True)]
    lines = [header.split(";"), *rows]
    return "".join(delimiter.join(line) + "\n" for line in lines)


def effects(text: str | bytes, tmp_path: Path) -> list[float | None]:
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [effect.estimate for effect in api.analyse(path, response="y").findings.effects]


@pytest.mark.parametrize(
    ("given", "kind", "different"),
    [
        (["NO", "SE", "DK"], "word", ("NO", "SE", "DK")),
        (["NO", "NA", "SE"], "word", ("NO", "NA", "SE")),
        (["NA", "NO"], "word", ("NA", "NO")),
        (["no", "low", "high"], "word", ("no", "low", "high")),
        (["on", "off", "auto"], "word", ("on", "off", "auto")),
        (["yes", "No", "no"], "switch", (False, True)),
        (["TRUE", "yes", "1", "no"], "word", ("TRUE", "yes", "1", "no")),
        (["1", "01"], "word", ("1", "01")),
        (["007", "7"], "word", ("007", "7")),
        (["0x10", "16"], "word", ("0x10", "16")),
        (["1_000", "1000"], "word", ("1_000", "1000")),
        (["1", "2", "inf"], "word", ("1", "2", "inf")),
        ([1.0, 2.0, float("inf")], "word", ("1.0", "2.0", "inf")),
        (
            ["9007199254740992", "9007199254740993"],
            "word",
            ("9007199254740992", "9007199254740993"),
        ),
        ([2**53, 2**53 + 1], "word", ("9007199254740992", "9007199254740993")),
        (["0.1", "0.1000000000000000055"], "word", ("0.1", "0.1000000000000000055")),
        (["1e400", "1"], "word", ("1e400", "1")),
        (["٣", "１"], "word", ("٣", "１")),
        (["2024-01-05", "2024-02-05"], "word", ("2024-01-05", "2024-02-05")),
        (["0,5", "1,5"], "word", ("0,5", "1,5")),
        ([" 2 ", "10", "−1"], "number", (-1, 2, 10)),
        (["+1", "-1"], "number", (-1, 1)),
        (["+", "-", "0"], "number", (-1, 0, 1)),
        (["0.5", ".25", "1e-3"], "number", (0.001, 0.25, 0.5)),
        ([True, False, True], "switch", (False, True)),
        ([np.int64(3), np.float64(1)], "number", (1.0, 3)),
    ],
)
def test_a_column_is_numbers_or_switches_only_where_nothing_is_lost(
    given: list[Any], kind: str, different: tuple[Any, ...]
) -> None:
    found = levels_of(given)
    assert (found.kind, found.different, found.merged) == (kind, different, found.merged)
    if kind == "word":
        assert found.values == tuple(str(value).strip() for value in given)


def test_spellings_of_one_level_are_said_and_holes_are_refused_by_line(tmp_path: Path) -> None:
    assert levels_of(["1", "1.0", "1e0", "2"]).merged == (("1", "1.0", "1e0"),)
    assert levels_of(["on", "yes", "off"]).merged == (("on", "yes"),)
    rows = [{"a": a, "y": n} for n, a in enumerate(["1", "2", "1.0", "2", "1", "2"])]
    assert "column 'a': 1, 1.0 are taken as one level" in api.analyse(rows, response="y").notes
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,1\n2,2\nNA,3\n1,4\n2,5\n")
    with pytest.raises(RequestError, match="line 4 has nothing in column 'a' but 'NA'"):
        api.analyse(path, response="y")


@pytest.mark.parametrize(
    ("cells", "values", "unit", "convention"),
    [
        (["10", "12,4"], [10, 12.4], "", "decimal commas"),
        (["1,5e-3", "0,5"], [0.0015, 0.5], "", "decimal commas"),
        (["1,234.5", "950"], [1234.5, 950], "", "commas between thousands"),
        (["1.234,5", "9"], [1234.5, 9], "", "decimal commas and points between thousands"),
        (["1.234.567", "1.234"], [1234567, 1234], "", "points between thousands"),
        (
            ["1\u202f234,5", "9 000"],
            [1234.5, 9000],
            "",
            "decimal commas and blanks between thousands",
        ),
        (["1'234", "1\u2019000.5"], [1234, 1000.5], "", "apostrophes between thousands"),
        (["\u22123", "\u20132.6", "+4", "1e\u22123"], [-3, -2.6, 4, 1e-3], "", ""),
        (["1.234", "2.345"], [1.234, 2.345], "", ""),
        (["0,500", "1,234"], [0.5, 1.234], "", "decimal commas"),
        (["12%", "13.5 %"], [0.12, 0.135], "%", ""),
        (["-$5", "$6.5"], [-5, 6.5], "$", ""),
        (["5 mg", "6.5mg"], [5, 6.5], "mg", ""),
        (["5 m/s2", "6 m/s2"], [5, 6], "m/s2", ""),
        (["１２", "٣"], [12, 3], "", ""),
        ([1, 2.5, None, "3"], [1, 2.5, None, 3], "", ""),
        (["n/a", "2", "-", "NULL", "#N/A", ".", ""], [None, 2, *[None] * 5], "", ""),
    ],
)
def test_numbers_are_read_by_the_convention_of_their_column(
    cells: list[Any], values: list[Any], unit: str, convention: str
) -> None:
    found = measured(cells, "y", [""] * len(cells))
    assert (
        found.values == pytest.approx(values, nan_ok=False)
        if None not in values
        else (list(found.values) == values)
    )
    assert (found.unit, found.convention) == (unit, convention)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1,234", "950"], "line 2: '1,234' in column 'y' may be 1.234 or 1234"),
        (["12%", "13"], "line 3: '13' in column 'y' is no number as '12%' is"),
        (["5 mg", "6 kg"], "line 3: '6 kg'"),
        (["1", "(1.5)"], r"line 3: '\(1.5\)'"),
        (["1", "<0.01"], "line 3: '<0.01'"),
        (["1.5", "1,5"], "line 3: '1,5'"),
        (["1", "1,23,456"], "line 3: '1,23,456'"),
        (["1", "inf"], "line 3: column 'y' has 'inf', which is infinite"),
        ([1.0, float("-inf")], "line 3: column 'y' has '-inf', which is infinite"),
        (["1", "1e400"], "line 3: '1e400'"),
        (["1", "#DIV/0!"], "line 3: '#DIV/0!'"),
        (["1", "1_000"], "line 3: '1_000'"),
        (["1", "0x10"], "line 3: '0x10'"),
        (["1", "12:30"], "line 3: '12:30'"),
        (["1/2", "3/2"], "has no number in any row: line 2: '1/2'"),
        (["1", "1.2*"], r"line 3: '1.2\*'"),
        (["1.2 ± 0.1", "1.3 ± 0.1"], "has no number in any row: line 2: '1.2 ± 0.1'"),
        (["TRUE", "FALSE"], "has no number in any row: line 2: 'TRUE'"),
        (["", "nan"], "column 'y' has no number in any row$"),
    ],
)
def test_what_may_be_read_in_two_ways_or_none_is_refused_with_its_line(
    cells: list[Any], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        measured(cells, "y", ["line 2", "line 3"])


def test_points_may_stand_between_thousands_where_the_table_has_decimal_commas(
    tmp_path: Path,
) -> None:
    lines = [f"{a};0,{b};{n}.00{a}" for n, (a, b) in enumerate(CELLS, 1)]
    with pytest.raises(RequestError, match=r"line 2: '1.000' in column 'y' may be 1 or 1000"):
        effects("A;B;y\n" + "\n".join(lines), tmp_path)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_whole_or_mixed_with_whole_numbers(delimiter: str, tmp_path: Path) -> None:
    commas = [str(value).replace(".", ",") for value in VALUES]
    assert effects(written(commas, delimiter), tmp_path) == pytest.approx(EFFECTS)
    every = [f"{value:.1f}".replace(".", ",") for value in VALUES]
    assert effects(written(every, delimiter), tmp_path) == pytest.approx(EFFECTS)
    quoted = [f'"{text}"' for text in commas]
    assert effects(written(quoted, ","), tmp_path) == pytest.approx(EFFECTS)


def test_per_cent_is_told_in_points_and_units_beside_effects(tmp_path: Path) -> None:
    assert effects(written([f"{v}%" for v in VALUES]), tmp_path) == pytest.approx(EFFECTS)
    (tmp_path / "t.csv").write_text(written([f"{v} mg" for v in VALUES]))
    found = api.analyse(tmp_path / "t.csv", response="y")
    assert found.findings.response.unit == "mg"
    assert found.taken[0] == "response: y (8 numbers, in mg)"


def test_files_as_spreadsheets_and_pandas_write_them(tmp_path: Path) -> None:
    plain = written(VALUES, ",")
    frame = pd.DataFrame([(*cell, value) for cell, value in zip(CELLS, VALUES, strict=True)])
    frame.columns = pd.Index(["A", "B", "y"])
    for text in (
        frame.to_csv(),
        plain.replace("\n", "\r\n"),
        "sep=,\n" + plain,
        plain.replace("\n", ",\n"),
        "\n\n" + plain + ",,\n",
        plain.encode("utf-16"),
        b"\xef\xbb\xbf" + plain.encode(),
        written(VALUES, ";", "Temp, C;Rate, g/l;y"),
        written(VALUES, ";", '"Temp, C";"Rate, g/l";y'),
        written(VALUES, ",", '"Temp; C";"Rate; g";y'),
        written(VALUES, ",", '"Temp\nin C";B;y'),
    ):
        assert effects(text, tmp_path) == pytest.approx(EFFECTS), text
    (tmp_path / "t.csv").write_bytes(written(VALUES, ",", "Größe;B;y").encode("cp1252"))
    read = read_table(tmp_path / "t.csv")
    assert "Größe" in read.rows[0]
    assert "read as Windows-1252" in read.notes[0]
    read = read_table(_file(tmp_path, frame.to_csv()))
    assert read.notes == ("column 1 has no name and another value in each row: it is not read",)
    assert read.lines[:2] == [2, 3]


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b",A,y\n0,0,1\n0,1,2\n", r"column 1 has no name; .*index=False"),
        (b"PK\x03\x04\x00\x00", "looks like a spreadsheet: save it as CSV"),
        (b"a,y\n1,\x81\n", "cannot be read as text"),
        (b"a,y\n1,2\n1\n", "line 3 has 1 values, the header 2"),
        (b'a,y\n1,"2\n', "no valid CSV"),
        (b"a,a\n1,2\n", "the column 'a' is there twice"),
        (b"a,y\n", "has a header, but no rows"),
        (b"", "is empty"),
    ],
)
def test_files_that_are_no_table(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=words):
        read_table(_file(tmp_path, content))


def test_other_measurements_are_no_factors_but_the_points_of_designs_are() -> None:
    rows = [
        {"dose": dose, "x": x, "loss": loss, "y": n}
        for n, (dose, x, loss) in enumerate(
            zip(
                [0, 0.1, 1, 10] * 3,
                [-1.4, -1, -1, 0, 0, 0, 0, 1, 1, -1, 1, 1.4],
                [0.31, 0.3, 0.31, 0.29, 0.28, 0.3, 0.31, 0.4, 0.28, 0.3, 0.31, 0.28],
                strict=True,
            )
        )
    ]
    found = api.analyse(rows, response="y", order=1)
    roles = {column.name: column.taken_as for column in found.columns}
    assert roles == {"dose": "factor", "x": "factor", "loss": "further response", "y": "response"}
    assert found.taken[2].startswith("ignored, further responses: loss (each combination of")


def test_infinite_levels_are_words_and_the_document_is_json(
    bionic: Bionic, recwarn: pytest.WarningsRecorder
) -> None:
    lines = [f"{norm},{n % 2},{n}" for n, norm in enumerate(["1", "2", "inf"] * 4)]
    Path("t.csv").write_text("norm,B,y\n" + "\n".join(lines))
    said = bionic("analyse", "t.csv", "--response", "y", "--json")
    document = json.loads(said.out, parse_constant=pytest.fail)
    assert document["columns"][0]["levels"] == ["1", "2", "inf"]
    assert document["trends"] == []
    assert said.err == ""
    assert not recwarn


def test_the_command_says_first_what_columns_are_taken_as(bionic: Bionic) -> None:
    lines = [f"{c},{n % 2},{n}" for n, c in enumerate(["NO", "SE", "DK"] * 4)]
    Path("t.csv").write_text("country,B,y\n" + "\n".join(lines))
    said = bionic("analyse", "t.csv", "--response", "y").out
    assert said.splitlines()[:2] == [
        "response: y (12 numbers)",
        "factors: country (words NO/SE/DK), B (numbers 0/1)",
    ]
    assert "country=SE" in said
    assert "off" not in said
    Path("t.csv").write_text(written(["10", "12,4", *VALUES[2:]]))
    refused(
        bionic("analyse", "t.csv", "--response", "y"), "line 3: '12,4' in column 'y' is no number"
    )


@pytest.mark.parametrize(
    ("size", "shown"),
    [(1e-9, ("+3.5", "−2.8", "e−09", "−2.25e−10")), (1e15, ("+3.5", "−2.8", "e+15"))],
)
@pytest.mark.parametrize("columns", [40, 80])
def test_tiny_and_huge_effects_have_digits_and_their_terms_names(
    bionic: Bionic,
    monkeypatch: pytest.MonkeyPatch,
    size: float,
    shown: tuple[str, ...],
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    Path("t.csv").write_text(written([value * size for value in VALUES], ",", "temp;B;current"))
    said = bionic("analyse", "t.csv", "--response", "current").out
    assert max(map(len, said.splitlines())) <= columns
    assert "temp:B" in said
    assert "0.00000" not in said
    assert "…" not in said
    if columns == 80:
        assert all(number in said for number in shown)


@pytest.mark.parametrize(
    ("head", "unit", "told", "size"),
    [
        ("y [ms]", "", "ms", 1),
        ("y (mV)", "", "mV", 1),
        ("y (g/l)", "", "g/l", 1),
        ("y (µV/s2)", "", "µV/s2", 1),
        ("y (test)", "", "", 1),
        ("y (test)", "spikes/s", "spikes/s", 1),
        ("y", "ms", "ms", 1),
        ("y [ms]", "ms", "ms", 1),
        ("y [%]", "", "percentage points", 1),
        ("y", "%", "percentage points", 1),
    ],
)
def test_units_stand_in_heads_or_are_given(
    head: str, unit: str, told: str, size: float, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(written(VALUES, header=f"A;B;{head}"))
    found = api.analyse(tmp_path / "t.csv", response=head, unit=unit).findings
    assert found.response.unit == told
    assert [e.estimate for e in found.effects] == pytest.approx([size * e for e in EFFECTS])
    (tmp_path / "t.csv").write_text(written(VALUES, header="A;B;y [ms]"))
    with pytest.raises(RequestError, match=r"two units \(--unit: 'kg', the column's head: 'ms'\)"):
        api.analyse(tmp_path / "t.csv", response="y [ms]", unit="kg")


def test_the_command_prints_effects_in_their_unit(bionic: Bionic) -> None:
    Path("t.csv").write_text(written(VALUES, header="A;B;rate [Hz]"))
    assert "Effects on rate, Hz" in bionic("analyse", "t.csv", "--response", "rate [Hz]").out
    Path("t.csv").write_text(written(VALUES))
    said = bionic("analyse", "t.csv", "--response", "y", "--unit", "ms", "--json").document
    assert said["response"]["unit"] == "ms"
    refused(
        bionic("analyse", "t.csv", "--response", "y", "--unit", "ms", "--percent"), "in ms, and so"
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("ctrl", "Ctrl"), "'ctrl', 'Ctrl'"),
        (("a b", "a  b"), "'a b', 'a  b'"),
        (("a b", "a\u00a0b"), r"'a b', 'a\xa0b'"),
        (("\u00e9", "e\u0301"), r"'\xe9', 'e\u0301'"),
        (("a", "a\u200b"), r"'a', 'a\u200b'"),
    ],
)
def test_levels_that_look_alike_are_told_apart_and_said(words: tuple[str, str], shown: str) -> None:
    rows = [{"a": [*words, "c"][n % 3], "y": n} for n in range(6)]
    found = api.analyse(rows, response="y")
    assert len(found.effects.fit.model.factors[0].levels) == 3
    assert any(f"{shown} are levels of their own" in note for note in found.findings.notes)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["١٢٫٥", "٣"], [12.5, 3]),
        (["١٬٢٣٤٫٥", "٩٫٢٥"], [1234.5, 9.25]),
        (["NaT", "2"], [None, 2]),
    ],
)
def test_numbers_in_arabic_writing(cells: list[str], values: list[float | None]) -> None:
    assert list(measured(cells, "y", ["line 2", "line 3"]).values) == values


def test_nines_far_from_all_other_values_are_said() -> None:
    rows = [{"a": n % 2, "y": y} for n, y in enumerate([1.5, 2, 3, 2.5, 1, -999])]
    notes = api.analyse(rows, response="y").findings.notes
    assert any("-999 in 'y' is far from all other values" in note for note in notes)
    rows[-1]["y"] = -9.0
    assert not any("far from" in n for n in api.analyse(rows, response="y").findings.notes)


@pytest.mark.parametrize(
    "text",
    [
        '"sep=;"\r\n' + written(VALUES),
        "SEP=;\n" + written(VALUES),
        written(VALUES).encode("utf-32"),
        written(VALUES).encode("utf-16"),
        written(VALUES).replace("\n", "\r"),
    ],
)
def test_marks_of_programs_and_encodings(text: str | bytes, tmp_path: Path) -> None:
    assert effects(text, tmp_path) == pytest.approx(EFFECTS)
