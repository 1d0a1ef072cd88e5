"""Figures for people: one mechanism, whose zeros have no sign."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bionic_core.base.numbers import interval, mean_sd, number, percent, rough

ROOT = Path(__file__).parents[2]
NEGATIVE_ZERO = re.compile(r"[-−+]0(\.0*)?(?![.\d])")
SMALL = st.floats(-0.02, 0.02) | st.sampled_from([-0.0, -1e-13, -1e-7, -4.9e-3, -1e-300])


@given(SMALL, SMALL, st.integers(0, 8), st.booleans())
def test_no_zero_has_a_sign(one: float, other: float, digits: int, signed: bool) -> None:
    low, high = sorted((one, other))
    told = [
        number(one, digits, signed=signed),
        percent(one, digits, signed=signed),
        rough(one, max(digits, 1), signed=signed),
        mean_sd(one, abs(other), digits),
        *interval(low, high, digits, signed=signed).split(" to "),
    ]
    for text in told:
        assert not NEGATIVE_ZERO.fullmatch(text.removesuffix(" %")), text
        assert "-" not in text, "a hyphen is no minus"


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(-1e-13, 1e-4, "0.00000 to +0.00010"), (-0.001, 0.004, "−0.0010 to +0.0040")],
)
def test_ends_that_would_look_alike_are_told_apart(low: float, high: float, told: str) -> None:
    assert interval(low, high) == told


def test_nothing_else_writes_signed_figures() -> None:
    """A sign in a format is how −0.00 comes about: :mod:`bionic_core.base.numbers` has all."""
    signed = re.compile(r"\{[^{}\n]*:\+,?\.?\d*[fge%]?\}")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("bionic_core", "bionic_plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if signed.search(line)
    ]
    assert found == []
