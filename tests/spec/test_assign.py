"""What is set on the command line lands on the spec as it runs, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import bionic_core as bionic
from bionic_core import RequestError
from bionic_core.actions.arguments import spec_of
from bionic_core.cli.common import load
from bionic_core.data.check import check
from bionic_core.spec.assign import check_overridden
from bionic_core.spec.sources import open_data


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    """A folder of classes of pictures."""
    for name in ("cat", "dog"):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for n in range(10):
            grey = np.full((9, 9), 20 * n, np.uint8)
            Image.fromarray(grey).save(tmp_path / "pics" / name / f"{n}.png")
    return str(tmp_path / "pics")


def test_keys_are_those_of_the_source_that_is_chosen(pictures: str) -> None:
    more: Any = {"set": ["data.test_share=0.4", "model.classes=2"], "data": pictures}
    spec = bionic.load("demo", **more)
    assert spec.tables["data"]["test_share"] == 0.4
    assert spec.tables["data"]["source"] == "images"
    with pytest.raises(RequestError, match=r"data\.bogus: there is no such key"):
        bionic.load("demo", set=["data.bogus=1"], data=pictures)
    with pytest.raises(RequestError, match=r"data\.train: there is no such key"):
        bionic.load("demo", set=["data.train=70"], data=pictures)
    assert (
        bionic.load("demo", set=["data.train=70"], data="schematic").tables["data"]["train"] == 70
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"set": ["hebbian.rate=1"]}, "'hebbian' is not in the spec.*--with hebbian does"),
        ({"set": ["noise.sigma=1"], "without": ["noise"]}, "'noise' is left out by --without"),
        (
            {"set": ["lateral.alpha=0.5"], "without": ["convolution"]},
            "'lateral' is left out by --without",
        ),
        ({"set": ["noise.sigma=1", "mechanisms.noise.sigma=2"]}, "sets again what --set noise"),
        ({"set": ["model.layers.A=4", "model.layers={A=4}"]}, "sets again what --set model.la"),
        ({"set": ["data.source=images"], "data": "schematic"}, "--data schematic names the source"),
        ({"with_": ["noise"], "without": ["noise"]}, "--with and --without both name noise"),
        ({"set": ["nois.sigma=1"]}, r"mechanisms\.nois: there is no mechanism 'nois'"),
        ({"with_": ["nois"]}, "Did you mean 'noise'"),
        ({"set": ["noise.sigmo=1"]}, r"mechanisms\.noise\.sigmo: there is no such key"),
    ],
)
def test_what_would_not_land_is_refused(more: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        bionic.load("demo", **more)


def test_what_a_study_switches_may_be_set_and_nothing_else() -> None:
    """From the command line and from Python; the study has it, if its spec does not."""
    keys = ["hebbian.hebb=0.5", "training.lr=0.01"]
    put_in = bionic.load("demo", with_=["hebbian"], set=keys)
    assert load("demo", switched="masks, hebbian", set_=keys).tables == put_in.tables
    values = {"hebbian.hebb": 0.5, "training.lr": 0.01}
    assert spec_of("demo", set=values, switched=["masks", "hebbian"]).tables == put_in.tables
    assert load("demo", switched="hebbian", set_=keys[1:]).mechanisms.keys().isdisjoint({"hebbian"})
    with pytest.raises(RequestError, match="--with hebbian does"):
        load("demo", switched="masks", set_=keys)
    with pytest.raises(RequestError, match="left out by --without"):
        load("demo", switched="hebbian", without="hebbian", set_=keys)


def test_a_mechanism_is_put_in_by_its_name_and_then_set() -> None:
    plain = bionic.load("demo", without=["noise"])
    assert "noise" not in plain.mechanisms
    spec = bionic.load("baseline", with_=["noise"], set=["noise.sigma=0.5"])
    assert spec.tables["mechanisms"]["noise"]["sigma"] == 0.5
    assert bionic.load("demo", with_=["noise"]).hash == bionic.load("demo").hash


def test_a_factor_takes_no_place_of_what_is_set() -> None:
    check_overridden(["noise.sigma=1", "training.lr=1"], ["noise", "masks.wiring"])
    with pytest.raises(RequestError, match=r"the factor noise\.sigma has values of its own"):
        check_overridden(["mechanisms.noise.sigma=1"], ["noise.sigma"])


def test_classes_and_image_are_those_of_the_data_where_the_spec_says_auto(
    pictures: str, tmp_path: Path
) -> None:
    text = """
        [model]
        layers = { H1 = 4 }
        classes = "auto"
        image = "auto"
        [data]
        source = "images"
        path = "pics"
    """
    (tmp_path / "auto.toml").write_text(text)
    spec = bionic.load(tmp_path / "auto.toml")
    assert (spec.model.classes, spec.model.image) == (2, (1, 9, 9))
    (tmp_path / "plain.toml").write_text(
        text.replace('"auto"', "2", 1).replace('"auto"', "[1,9,9]")
    )
    assert bionic.load(tmp_path / "plain.toml").hash == spec.hash
    drawn = bionic.load(tmp_path / "auto.toml", data="schematic")
    assert (drawn.model.classes, drawn.model.image) == (7, (1, 48, 48))
    Image.new("RGB", (8, 12)).save(tmp_path / "pics" / "cat" / "odd.png")
    with pytest.raises(RequestError, match=r"2 sizes .*9 × 9 \(20\), 8 × 12 \(1\).*write one"):
        bionic.load(tmp_path / "auto.toml")
    with pytest.raises(RequestError, match=r"data\.bogus: there is no such key"):
        bionic.load(tmp_path / "auto.toml", set=["data.bogus=1"])


def test_findings_of_pictures_name_their_files(pictures: str) -> None:
    found = check(open_data(pictures).read((1, 9, 9)))
    first = found.exact.groups[0]
    assert {name for files in first.files.values() for name in files} == {"cat/0.png", "dog/0.png"}
    assert {name for one in found.blank.values() for name in one.files} >= {
        "cat/3.png",
        "dog/9.png",
    }
