"""What a plugin and a spec are, in words: from their classes, with every key."""

from __future__ import annotations

import attrs
import pytest

from bionic_core import SOURCE, UNIT, Mechanism, Registry
from bionic_core.registry.about import about, keys_of
from bionic_core.spec import tables
from tests.cli.test_cli import Bionic, bionic, refused

__all__ = ["bionic"]


def _ranged(_: object, attribute: object, value: float) -> None:
    """In the cell's range."""


@attrs.frozen(eq=False)
class Stranger(Mechanism):
    """Made elsewhere, before units were."""

    name = "stranger"
    kind = "functional"
    source = "Whoever 1999"

    bare: float = 1.0
    held: float = attrs.field(
        default=1.0, validator=_ranged, metadata={UNIT: "mV", SOURCE: "doi:10.1/x"}
    )


def test_a_plugin_says_equation_keys_range_and_source(bionic: Bionic) -> None:
    said = bionic("plugins", "noise").out
    for words in (
        "noise, functional mechanism\n  h_noise = h + η, η ~ N(0, σ²)",
        "acts on rate: Act on a layer's rates after the gain's ReLU",
        "source: BioNIC §3.4.2 (8)",
        "  sigma: number [rate], default 0.06; >= 0\n      standard deviation σ; the paper's 0.06",
    ):
        assert words in said
    keys = {key["name"]: key for key in bionic("plugins", "masks", "--json").document["keys"]}
    assert keys["wiring"]["allowed"].startswith("real, rewired")
    assert (keys["threshold"]["default"], keys["threshold"]["allowed"]) == (1, ">= 1")
    assert keys["threshold"]["unit"] == "synapses"
    assert "number of filters" in bionic("plugins", "convolution").out
    assert "--set" not in bionic("plugins", "local").out
    refused(bionic("plugins", "nois"), "there is no plugin 'nois'", "noise")


def test_the_list_says_what_each_is_in_80_columns(bionic: Bionic) -> None:
    said = bionic("plugins").out
    (line,) = (line for line in said.splitlines() if line.startswith("  inhibition "))
    assert line.split("  ", 2)[2].strip().startswith("Neurons with more incoming inhibition")
    assert said.index("mechanisms\n") < said.index("engines\n") < said.index("commands\n")
    assert max(map(len, said.splitlines())) <= 80


def test_a_spec_is_explained_in_the_order_of_the_forward_pass(bionic: Bionic) -> None:
    said = bionic("explain", "demo", "--without", "intra", "--set", "noise.sigma=0.5")
    names = [line.split(",")[0] for line in said.out.splitlines() if line.endswith("mechanism")]
    forward = ["convolution", "lateral", "masks", "inhibition", "noise", "layernorm"]
    assert names == [*forward, "lr_schedule"]
    assert "  sigma = 0.5 rate\n  not as by default: sigma\n" in said.out
    parts = {part["name"]: part for part in bionic("explain", "demo", "--json").document["parts"]}
    assert parts["lr_schedule"]["changed"] == {"policy": "one-cycle"}
    assert "patience = 10 epochs, " in said.out
    assert parts["lr_schedule"]["units"]["patience"] == "epochs"
    assert parts["training"]["units"]["lr"] == "1"
    assert parts["column"]["role"] == "connectome source"


@pytest.mark.parametrize("cls", Registry.installed().working(Mechanism), ids=lambda cls: cls.name)
def test_every_key_of_every_mechanism_is_told_of(cls: type[Mechanism]) -> None:
    told = about(cls, None)
    assert told.summary
    assert told.acts
    assert [key.name for key in told.keys] == [f.alias for f in attrs.fields(cls)]  # type: ignore[arg-type]
    assert [key.name for key in told.keys if not key.about] == []


TABLES = (tables.Model, tables.DataChoice, tables.ConnectomeChoice, tables.Training)
EVERY = [one.cls for one in Registry.installed().listing() if one.cls is not None]


@pytest.mark.parametrize(
    "cls", [*EVERY, *TABLES], ids=lambda cls: f"{cls.__module__}.{cls.__name__}"
)
def test_every_quantity_has_a_unit_and_a_range(cls: type) -> None:
    for key in keys_of(cls):
        quantity = any(word in key.kind for word in ("number", "table")) and key.name != "order"
        assert bool(key.unit) == quantity, f"{key.name}: {key.kind} [{key.unit}]"
        if quantity:
            assert key.allowed or key.kind == "table", key.name
        assert getattr(cls, "source", "") == "" or key.source, key.name


def test_a_key_of_a_stranger_may_lack_its_unit_and_have_a_source_of_its_own() -> None:
    assert [(k.name, k.unit, k.measured, k.source, k.allowed) for k in keys_of(Stranger)] == [
        ("bare", "", "number", "Whoever 1999", ""),
        ("held", "mV", "number [mV]", "doi:10.1/x", "in the cell's range"),
    ]
