"""What a plugin and a spec are, in words: from their classes, with every key."""

from __future__ import annotations

import attrs
import pytest

from bionic_core import Mechanism, Registry
from bionic_core.registry.about import about
from tests.cli.test_cli import Bionic, bionic, refused

__all__ = ["bionic"]


def test_a_plugin_says_equation_keys_range_and_source(bionic: Bionic) -> None:
    said = bionic("plugins", "noise").out
    for words in (
        "noise, functional mechanism\n  h_noise = h + η, η ~ N(0, σ²)",
        "acts on rate: Act on a layer's rates after the gain's ReLU",
        "source: BioNIC §3.4.2 (8)",
        "  sigma: number, default 0.06; >= 0\n      standard deviation σ, in units of the rates",
    ):
        assert words in said
    keys = {key["name"]: key for key in bionic("plugins", "masks", "--json").document["keys"]}
    assert keys["wiring"]["allowed"].startswith("real, rewired")
    assert (keys["threshold"]["default"], keys["threshold"]["allowed"]) == (1, ">= 1")
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
    assert "  sigma = 0.5\n  not as by default: sigma\n" in said.out
    parts = {part["name"]: part for part in bionic("explain", "demo", "--json").document["parts"]}
    assert parts["lr_schedule"]["changed"] == {"policy": "one-cycle"}
    assert parts["column"]["role"] == "connectome source"


@pytest.mark.parametrize("cls", Registry.installed().working(Mechanism), ids=lambda cls: cls.name)
def test_every_key_of_every_mechanism_is_told_of(cls: type[Mechanism]) -> None:
    told = about(cls, None)
    assert told.summary
    assert told.acts
    assert [key.name for key in told.keys] == [f.alias for f in attrs.fields(cls)]  # type: ignore[arg-type]
    assert [key.name for key in told.keys if not key.about] == []
