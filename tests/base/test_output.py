"""Streams that are closed, or know few characters."""

from __future__ import annotations

import io
import sys

import pytest

from bionic_core.base.output import configure_output
from bionic_core.cli.common import strict_json


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", b"-2.5 +- 1 x ... Ol ? ?"),
        ("cp437", b"-2.5 \xf1 1 x ... \x99l ? ?"),
        ("cp932", b"-2.5 \x81\x7d 1 \x81\x7e \x81\x63 Ol ? \x93\xfa"),
        ("utf-8", "−2.5 ± 1 × … Öl ? 日".encode()),
    ],
)
def test_characters_that_an_encoding_lacks_are_replaced(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: bytes
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    configure_output()
    print("−2.5 ± 1 × … Öl \udc80 日", end="", flush=True)
    if encoding == "cp932":  # its minus is another, wide one
        assert written.getvalue().replace(b"\x81\x7c", b"-") == shown
    else:
        assert written.getvalue() == shown
    assert sys.stdout.encoding != "ascii"


def test_a_closed_stream_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    configure_output()
    for stream in (sys.stdout, sys.stderr):
        print("lost", file=stream, flush=True)
        stream.close()


def test_json_has_no_infinite_numbers_and_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    text = strict_json({"a": [1.0, float("inf")], "b": {"c": float("nan")}, "d": "é"})
    assert text.encode("ascii")
    assert "Infinity" not in text
    assert "null stands for a[1] (inf), b.c (nan)" in capsys.readouterr().err
