"""Areas: columns as they are drawn alone, and projections between them by their rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bionic_core as bionic
from bionic_core.errors import RequestError
from bionic_core.spec.spec import compose
from bionic_plugins.connectomes.areas import DOWN, UP, Areas
from bionic_plugins.connectomes.drawing import draw

SIZES = {"V1": 300, "LM": 200, "AL": 200}


@pytest.fixture(scope="module")
def drawn() -> bionic.Connectome:
    return Areas(areas=SIZES, up=0.2, down=0.1).read()


def test_an_area_is_a_column_as_drawn_alone(drawn: bionic.Connectome) -> None:
    seed = int(np.random.SeedSequence((0, 1)).generate_state(1)[0])
    alone, here = draw(200, seed), np.arange(300, 500)
    own, lone = drawn.block(here, here), alone.block(np.arange(200), np.arange(200))
    for name in ("pre", "post", "count", "size"):
        assert np.array_equal(getattr(own, name), getattr(lone, name))
    assert drawn.cell_type[here].tolist() == [f"LM.{one}" for one in alone.cell_type]


def test_projections_between_areas_keep_to_their_rules(drawn: bionic.Connectome) -> None:
    names = [name.split(".") for name in drawn.cell_type.tolist()]
    area, kind = np.array(names).T
    rank = np.array([list(SIZES).index(one) for one in area])
    for rule, up, share in ((UP, True, 0.2), (DOWN, False, 0.1)):
        for one in range(3):
            for other in range(3):
                if one == other or (one < other) != up:
                    continue
                sent, got = (np.flatnonzero(rank == place) for place in (one, other))
                block = drawn.block(sent, got)
                assert set(kind[sent][block.pre]) <= set(rule[0])
                assert set(kind[got][block.post]) <= set(rule[1])
                pairs = np.isin(kind[sent], rule[0]).sum() * np.isin(kind[got], rule[1]).sum()
                error = np.sqrt(share * (1 - share) / pairs)
                assert len(block.pre) / pairs == pytest.approx(share, abs=4 * error)
                assert block.count.min() >= 1
    assert Areas(areas=SIZES, up=0.2, down=0.1).read().fingerprint == drawn.fingerprint
    assert Areas(areas=SIZES, up=0.2, down=0.1, seed=1).read().fingerprint != drawn.fingerprint


@pytest.mark.parametrize("areas", [{"V1": 300}, {"V1": 300, "LM": 12}, {"V 1": 300, "LM": 200}])
def test_what_is_no_hierarchy_of_columns_is_refused(areas: dict[str, int]) -> None:
    document: dict[str, Any] = {
        "model": {"layers": {"A": ["V1.4P"]}},
        "connectome": {"source": "areas", "areas": areas},
    }
    with pytest.raises(RequestError, match=r"connectome\.areas"):
        compose(document, name="x", registry=bionic.Registry.installed())


def test_the_spec_goes_up_and_down() -> None:
    network = bionic.build(bionic.load("areas"))
    assert [network.layer(n).size for n in network.order if n.startswith("V1")] == [266, 349, 185]
    names = {p.site.name for p in network.projections if p.pairs}
    assert {"V1_23->LM_4", "LM_23->AL_4", "AL_23->LM_23", "LM_23->V1_23"} <= names
