"""Laws of data and connectome sources: each is broken by a source that breaks no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import pytest

from bionic_core import (
    Connectome,
    ConnectomeSource,
    Dataset,
    DataSource,
    Split,
)
from bionic_core.conformance.judge import (
    CONNECTOME_LAWS,
    DATA_LAWS,
    check_connectome_source,
    check_data_source,
    judge,
)
from tests.support.broken import COMPLEX, DOUBLED, TEXT


@attrs.frozen(eq=False)
class Dots(DataSource):
    """Images of dots."""

    name = "dots"
    source = "a test"

    def read(self, image: tuple[int, int, int]) -> Dataset:
        pixels = np.random.default_rng(0).integers(0, 256, (4, *image), np.uint8)
        part = Split(pixels, np.array([0, 1, 0, 1]))
        return Dataset("dots", ("few", "many"), part, part)


def dots(**members: Any) -> type[DataSource]:
    body = {"__doc__": Dots.__doc__, "__module__": __name__, **members}
    return attrs.frozen(eq=False)(type("Broken", (Dots,), body))


def lit(self: DataSource, image: tuple[int, int, int]) -> Dataset:
    pixels = np.random.default_rng().integers(0, 256, (4, *image), np.uint8)
    part = Split(pixels, np.array([0, 1, 0, 1]))
    return Dataset("dots", ("few", "many"), part, part)


BROKEN_DATA: Mapping[str, tuple[str, type[DataSource], str]] = {
    "no source": ("docstring", dots(source=""), "'source' is empty"),
    "a converter": ("toml", dots(sigma=DOUBLED), "comes back as"),
    "no TOML": ("toml", dots(sigma=COMPLEX), "cannot be written as TOML"),
    "text": ("toml", dots(sigma=TEXT), "must be a number"),
    "one shape": (
        "images",
        dots(read=lambda self, image: Dots.read(self, (1, 9, 9))),
        "Asked for images (1, 48, 48) it gives (1, 9, 9)",
    ),
    "a list": ("images", dots(read=lambda self, image: []), "returns a list, no Dataset"),
    "a fault": ("images", dots(read=lambda self, image: 1 / 0), "raises ZeroDivisionError"),
    "no seed": ("repeatable", dots(read=lit), "gives other data"),
}


@pytest.mark.parametrize("case", BROKEN_DATA)
def test_a_broken_data_source_breaks_its_law_alone(case: str) -> None:
    law, source, words = BROKEN_DATA[case]
    broken = [verdict for verdict in judge(source) if verdict.broken]
    assert [verdict.law for verdict in broken] == [law]
    assert words in broken[0].why


def ring(rng: np.random.Generator, **provenance: Any) -> Connectome:
    return Connectome.of(
        cell_id=np.arange(4),
        broad_type=["excitatory"] * 4,
        cell_type=["a", "a", "b", "b"],
        position=rng.normal(size=(4, 3)),
        pre=np.arange(4),
        post=(np.arange(4) + 1) % 4,
        count=np.ones(4, int),
        provenance=provenance,
    )


def no_connection() -> Connectome:
    whole = ring(np.random.default_rng(0), label="ring")
    none = np.array([], int)
    return Connectome.of(
        cell_id=whole.cell_id,
        broad_type=whole.broad_type,
        cell_type=whole.cell_type,
        position=whole.position,
        pre=none,
        post=none,
        count=none,
        provenance={"label": "ring"},
    )


@attrs.frozen(eq=False)
class Ring(ConnectomeSource):
    """A ring of four cells."""

    name = "ring"
    source = "a test"

    def read(self) -> Connectome:
        return ring(np.random.default_rng(0), label="ring")


def rings(**members: Any) -> type[ConnectomeSource]:
    body = {"__doc__": Ring.__doc__, "__module__": __name__, **members}
    return attrs.frozen(eq=False)(type("Broken", (Ring,), body))


def fresh() -> np.random.Generator:
    return np.random.default_rng()


def same() -> np.random.Generator:
    return np.random.default_rng(0)


BROKEN_WIRING: Mapping[str, tuple[str, type[ConnectomeSource], str]] = {
    "no docstring": ("docstring", rings(__doc__=None), "has no docstring"),
    "a converter": ("toml", rings(sigma=DOUBLED), "comes back as"),
    "no TOML": ("toml", rings(sigma=COMPLEX), "cannot be written as TOML"),
    "no label": ("wiring", rings(read=lambda self: ring(same())), "has no label"),
    "a fault": ("wiring", rings(read=lambda self: 1 / 0), "raises ZeroDivisionError"),
    "a list": ("wiring", rings(read=lambda self: []), "a list, no Connectome"),
    "nothing": ("wiring", rings(read=lambda self: no_connection()), "has no connection"),
    "no seed": ("repeatable", rings(read=lambda self: ring(fresh(), label="r")), "other wiring"),
    "a tuple": (
        "file",
        rings(read=lambda self: ring(same(), label="ring", box=(1, 2))),
        "is another one",
    ),
    "an array": (
        "file",
        rings(read=lambda self: ring(same(), label="ring", box=np.zeros(2))),
        "cannot be written and read",
    ),
}


@pytest.mark.parametrize("case", BROKEN_WIRING)
def test_a_broken_connectome_source_breaks_its_law_alone(case: str) -> None:
    law, source, words = BROKEN_WIRING[case]
    broken = [verdict for verdict in judge(source) if verdict.broken]
    assert [verdict.law for verdict in broken] == [law]
    assert words in broken[0].why


def test_sources_have_their_laws() -> None:
    from bionic_plugins.connectomes.column import Column
    from bionic_plugins.data.schematic import Schematic

    assert {law for law, *_ in BROKEN_DATA.values()} == set(DATA_LAWS)
    assert {law for law, *_ in BROKEN_WIRING.values()} == set(CONNECTOME_LAWS)
    check_data_source(Dots)
    check_data_source(Schematic(train=70, test=35))
    check_connectome_source(Ring)
    check_connectome_source(Column)
