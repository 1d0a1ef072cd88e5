"""One model of what is shown, as a terminal's text, as Markdown and as a page."""

import io
import re

import pytest

from bionic_core.actions.console import PlainConsole
from bionic_core.reports import html, markdown, terminal
from bionic_core.reports.sections import (
    Block,
    Cell,
    Code,
    Facts,
    Flow,
    Page,
    Picture,
    Points,
    Row,
    Section,
    Step,
    Table,
    cells,
)
from bionic_core.reports.words import interval, mean_sd, number, percent, rough

TABLE = Table(
    "Effects",
    ("term", "effect", "stored"),
    [
        ("masks", Cell("+1.20", 1.2), "dense"),
        cells(("noise", "−0.10", "sparse"), tone="bad"),
        cells(("all", "1.10", ""), strong=True),
    ],
    words=(2,),
    ruled=(2,),
    note="points",
)


def printed(*sections: Section, width: int = 80, styled: bool = False) -> str:
    file = io.StringIO()
    colours = "standard" if styled else None
    console = PlainConsole(file=file, width=width, color_system=colours)
    console.print(terminal.render(sections))
    return file.getvalue()


def test_a_terminal_aligns_words_left_and_numbers_right_and_rules_rows_off() -> None:
    lines = printed(Section("What acts", ("Before.",), [TABLE, Points(("After.",))])).splitlines()
    assert lines == [
        "What acts",
        "Before.",
        "Effects",
        "┏━━━━━━━┳━━━━━━━━┳━━━━━━━━┓",
        "┃ term  ┃ effect ┃ stored ┃",
        "┡━━━━━━━╇━━━━━━━━╇━━━━━━━━┩",
        "│ masks │  +1.20 │ dense  │",
        "│ noise │  −0.10 │ sparse │",
        "├───────┼────────┼────────┤",
        "│ all   │   1.10 │        │",
        "└───────┴────────┴────────┘",
        "points",
        "After.",
    ]


def test_a_terminal_tells_strong_and_bad_rows() -> None:
    said = printed(Section("", (), [TABLE]), styled=True)
    assert re.search(r"\x1b\[1m *all", said)
    assert re.search(r"\x1b\[31m *noise", said)


def test_words_fold_at_spaces_and_numbers_stay_whole_in_80_columns() -> None:
    long = "a reason that takes many words, more of them than a line of a terminal has room for"
    figures = ("−10.00 to +10.00",) * 2
    lines = printed(
        Section("", (), [Table("", ("why", "one", "two"), [(long, *figures)])]), width=80
    ).splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(lines).count("−10.00 to +10.00") == 2
    first = [line[1:].strip().split("  ")[0] for line in lines]
    assert long in re.sub(r" +", " ", " ".join(first))


def test_a_table_of_more_columns_than_fit_loses_no_digit() -> None:
    names = [f"class {n}" for n in range(16)]
    table = Table("", ("true", *names), [("one", *["123,456"] * 16)], dense=True)
    lines = printed(Section("", (), [table])).splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(lines).count("123,456") == 16


def test_no_word_is_markup_in_any_rendering() -> None:
    name = "[red]a:b:c|*_<b>`"
    section = Section(name, (name,), [Table(name, (name,), [(name,)]), Points((name,), name)])
    assert printed(section).count(name) == 7
    told = markdown.render([section])
    assert "[red]a:b:c\\|\\*\\_\\<b>\\`" in told
    assert told.count("\\|") == 7
    page = html.render(Page("t", "k", "q", sections=[section]))
    assert "<b>`" not in page
    assert "a:b:c|*_&lt;b&gt;`" in page


def test_other_blocks_are_lines_of_a_terminal_and_pictures_are_left_out() -> None:
    flow = Flow([Step("A", "3", [("gain", "3 × 1", ["noise", "masks"])])], "a pipeline", "toy")
    blocks: list[Block] = [
        Row([Facts([("machine", "small")]), Picture("data:,", "alt", "picture")]),
        Code("bionic train\n", "Repeat"),
        flow,
    ]
    assert [line.rstrip() for line in printed(Section("", (), blocks)).splitlines()] == [
        "machine: small",
        "Repeat",
        "    bionic train",
        "",
        "toy",
        "└── A  3",
        "    └── gain  3 × 1  noise, masks",
    ]
    assert markdown.render([Section("T", (), blocks)]) == (
        "# T\n\n- machine: small\n\n**Repeat**\n\n    bionic train\n\n"
        "1. A (3)\n    - gain, 3 × 1, noise, masks\n"
    )


def test_markdown_has_headings_aligned_tables_and_lists() -> None:
    quiet = Table("Told", ("a", "b"), [("x", "1")], quiet=True)
    told = markdown.render(
        [Section("One", ("Text.",), [TABLE]), Section("Two", (), [quiet, Points(("y", "z"))])]
    )
    assert told == (
        "# One\n\nText.\n\n**Effects**\n\n"
        "| term | effect | stored |\n|---|---:|---|\n"
        "| masks | +1.20 | dense |\n| noise | −0.10 | sparse |\n| **all** | **1.10** |  |\n\n"
        "points\n\n## Two\n\n| a | b |\n|---|---:|\n| x | 1 |\n\n- y\n- z\n"
    )


def test_a_page_rules_rows_off_and_tells_the_tone() -> None:
    page = html.render(Page("t", "k", "q", sections=[Section("", (), [TABLE])]))
    assert page.count('<tr class="ruled">') == 1
    assert '<span class="bad">−0.10</span>' in page
    assert "<h2>" not in page


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (number(-1234.567), "−1,234.57"),
        (number(1.0, signed=True), "+1.00"),
        (number(-0.001, signed=True), "0.00"),
        (number(-2.74e-9, signed=True), "−2.74e−09"),
        (number(1e-17), "0.00"),
        (interval(2.04e-9, 3.44e-9), "+2.04e−09 to +3.44e−09"),
        (interval(4.9999999997, 5.0000000011), "+4.9999999997 to +5.0000000011"),
        (interval(5.0, 5.0), "+5.00 to +5.00"),
        (number(0.001, 1, signed=True), "0.0"),
        (number(None), "–"),
        (percent(0.26194), "26.19 %"),
        (percent(-0.5, 0, signed=True), "−50 %"),
        (interval(-0.5, 0.5), "−0.50 to +0.50"),
        (interval(0.1, 0.2, signed=False), "0.10 to 0.20"),
        (interval(None, 1.0), "–"),
        (mean_sd(0.5, None, scale=100), "50.00"),
        (mean_sd(0.5, 0.01, 1, scale=100), "50.0 ± 1.0"),
        (rough(-0.000123456), "−0.0001235"),
    ],
)
def test_numbers_are_said_in_one_way(said: str, words: str) -> None:
    assert said == words


WIDE = Table(
    "Wide",
    ("term", "effect", "95 % interval", "p (Holm)"),
    [("convolution_filters:masks", "+1,234.50", "−1,200.25 to +3,669.25", "0.105"), ("B",) * 4],
)


@pytest.mark.parametrize("columns", [20, 30, 40, 48, 56, 64, 80])
def test_no_number_is_cut_and_no_column_has_no_room(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    file = io.StringIO()
    PlainConsole(file=file, width=columns).print(terminal.render(Section("", (), [WIDE])))
    out = file.getvalue()
    assert max(map(len, out.splitlines())) <= columns
    found = re.findall(r"[^\s│┃]+", out)
    for whole in ("+1,234.50", "−1,200.25", "+3,669.25", "0.105", "effect", "(Holm)"):
        assert any(whole in word for word in found), out
    if columns >= 40:
        assert "convolution_" in out


def test_a_terminal_that_says_it_has_no_columns_still_prints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    file = io.StringIO()
    PlainConsole(file=file).print(terminal.render(Section("", (), [WIDE])))
    assert "convolution_" in file.getvalue()
