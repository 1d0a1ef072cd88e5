"""Specs: strict, with everything that is wrong at once, each problem with its TOML path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bionic_core as bionic
from bionic_core.spec.find import find, read, shipped_specs
from bionic_core.spec.sources import data_table
from bionic_core.spec.spec import compose, digest

REGISTRY = bionic.Registry.installed()


def small(**changes: Any) -> dict[str, Any]:
    """A valid document of integer layers, with some tables replaced."""
    document: dict[str, Any] = {
        "model": {"layers": {"A": 5, "B": 4}, "projections": ["A->B"], "image": [1, 8, 8]},
        "data": {"source": "schematic"},
        "mechanisms": {},
    }
    return document | changes


def problems(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(bionic.RequestError) as caught:
        compose(document, name="toy", registry=REGISTRY)
    return caught.value.problems


def model(**keys: Any) -> dict[str, Any]:
    return small(model=small()["model"] | keys)


def mechanism(name: str, **keys: Any) -> dict[str, Any]:
    return small(mechanisms={name: keys})


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("unknown table", small(modle={}), "modle: there is no such table. Did you mean 'model'?"),
    (
        "unknown key",
        model(clases=7),
        "model.clases: there is no such key. Did you mean 'classes'? Allowed are classes, image",
    ),
    (
        "text for a number",
        model(classes="seven"),
        'model.classes = "seven": must be a whole number',
    ),
    ("bool for a number", model(classes=True), "model.classes = true: must be a whole number"),
    (
        "beyond 64 bits",
        model(classes=2**63),
        "9223372036854775808: must be a whole",
    ),
    ("float for an int", model(classes=7.0), "model.classes = 7.0: must be a whole number"),
    ("one class", model(classes=1), "model.classes = 1: must be >= 2"),
    ("image of two", model(image=[1, 48]), "model.image = [1, 48]: must have 3 items"),
    ("two channels", model(image=[2, 48, 48]), "must be [channels, height, width], 1 or 3"),
    ("layers no table", model(layers=3), "model.layers = 3: must be a table"),
    (
        "layer of a wrong kind",
        model(layers={"A": 1.5, "B": 4}),
        "model.layers.A = 1.5: must be a list or a whole number",
    ),
    (
        "cell type no string",
        model(layers={"A": ["4P", 7], "B": 4}),
        "model.layers.A[1] = 7: must be a string",
    ),
    ("no layers", model(layers={}, projections=[]), "there must be at least one layer"),
    ("no neurons", model(layers={"A": 0, "B": 4}), "model.layers.A = 0: must be at least 1 neuron"),
    ("no cells", model(layers={"A": [], "B": 4}), "model.layers.A = []: a layer with no cells"),
    (
        "layer's name",
        model(layers={"A b": 2, "B": 4}, projections=[]),
        "model.layers.A b: a layer's name must be letters",
    ),
    (
        "a cell type in two layers",
        model(layers={"A": ["4P"], "B": ["4P"]}),
        "model.layers.B: cell type '4P' is in layer 'A' already",
    ),
    (
        "a cell type twice",
        model(layers={"A": ["4P", "4P"], "B": 4}),
        "model.layers.A: cell type '4P' is there twice",
    ),
    (
        "cell types without a connectome",
        model(layers={"A": ["4P"], "B": 4}),
        "model.layers.A: cell types need a [connectome] table",
    ),
    (
        "unknown layer",
        model(projections=["A->B", "A->Bb"]),
        "model.projections[1] = \"A->Bb\": there is no layer 'Bb'. Did you mean 'B'?",
    ),
    ("no arrow", model(projections=["AB"]), 'must be of the form "A->B"'),
    ("self", model(projections=["A->B", "B->B"]), "leads from a layer to itself"),
    ("twice", model(projections=["A->B", "A->B"]), "is there twice"),
    (
        "cycle",
        model(layers={"A": 2, "B": 2, "C": 2}, projections=["A->B", "B->C", "C->B"]),
        "is a cycle; projections must feed forward",
    ),
    (
        "no path",
        model(layers={"A": 2, "B": 2, "C": 2}, projections=["A->C"]),
        "model.layers.B: lies on no path from the first layer 'A' to the last 'C'",
    ),
    (
        "into the first",
        model(layers={"A": 2, "B": 2, "C": 2}, projections=["B->A", "A->C"]),
        "'B->A' leads into the first layer 'A'",
    ),
    ("order of no hook", model(order={"rates": ["a"]}), "there is no hook rates"),
    ("rate zero", small(training={"lr": 0}), "training.lr = 0: must be > 0"),
    ("epochs", small(training={"max_epochs": 0}), "training.max_epochs = 0: must be >= 1"),
    (
        "optimiser",
        small(training={"optimizer": "adan"}),
        'training.optimizer = "adan": must be one of "adam"',
    ),
    ("data no table", small(data=3), "data: must be a table"),
    (
        "data source",
        small(data={"source": "schematics"}),
        "data.source: there is no data source 'schematics'. Did you mean 'schematic'?",
    ),
    (
        "data key",
        small(data={"source": "schematic", "trian": 1}),
        "data.trian: there is no such key",
    ),
    (
        "protocol",
        small(data={"source": "schematic", "protocol": "honst"}),
        "Did you mean 'honest'?",
    ),
    ("a mechanism as data", small(data={"source": "noise"}), "'noise' is a mechanism, not a data"),
    ("connectome without source", small(connectome={}), "connectome.source: is missing"),
    (
        "connectome source",
        small(connectome={"source": "colum"}),
        "connectome.source: there is no connectome source 'colum'. Did you mean 'column'?",
    ),
    (
        "key of a connectome file",
        small(connectome={"source": "x.npz", "seed": 1}),
        "connectome.seed: a file has no such key",
    ),
    ("mechanisms no table", small(mechanisms=[]), "mechanisms: must be a table of tables"),
    (
        "unknown mechanism",
        mechanism("nose"),
        "mechanisms.nose: there is no mechanism 'nose'. Did you mean 'noise'?",
    ),
    ("mechanism no table", small(mechanisms={"noise": 3}), "mechanisms.noise = 3: must be a table"),
    (
        "unknown key of a mechanism",
        mechanism("noise", sigm=0.1),
        "mechanisms.noise.sigm: there is no such key. Did you mean 'sigma'?",
    ),
    ("wrong type", mechanism("noise", sigma="0.06"), 'noise.sigma = "0.06": must be a number'),
    ("alpha", mechanism("inhibition", alpha=1.7), "mechanisms.inhibition.alpha = 1.7: must be < 1"),
    (
        "unmet requirement",
        mechanism("lateral"),
        "mechanisms.lateral: requires 'convolution', which is not in the spec",
    ),
]


@pytest.mark.parametrize(("document", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_each_mistake_has_its_message(document: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in problems(document)), problems(document)


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = problems(
        {
            "model": {"layers": {"A": [], "B": 2}, "classes": "x", "imag": 1},
            "training": {"lr": -1, "batch_size": 1.5},
            "data": {"source": "schematic", "train": -5, "tset": 3},
            "mechanisms": {"noise": {"sigma": -1, "x": 1}, "nope": {}},
        }
    )
    paths = {problem.partition(" ")[0].rstrip(":") for problem in found}
    assert paths >= {
        "model.layers.A",
        "model.classes",
        "model.imag",
        "training.lr",
        "training.batch_size",
        "data.train",
        "data.tset",
        "mechanisms.noise.sigma",
        "mechanisms.noise.x",
        "mechanisms.nope",
    }


@pytest.mark.parametrize("name", sorted(shipped_specs()))
def test_a_resolved_spec_loads_as_itself(name: str, tmp_path: Path) -> None:
    spec = bionic.load(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(spec.to_toml())
    again = bionic.load(path)
    assert again.document() == spec.document()
    assert again.hash == spec.hash


def test_order_and_defaults_do_not_change_the_hash(tmp_path: Path) -> None:
    document = read(find("demo"))
    document["mechanisms"] = dict(reversed(document["mechanisms"].items()))
    document["mechanisms"]["noise"] = {"sigma": 0.06}
    again = compose(document, name="other", registry=REGISTRY)
    assert again.hash == bionic.load("demo").hash
    assert bionic.load("demo", set=["noise.sigma=0.05"]).hash != again.hash


def test_set_takes_toml_values_and_mechanisms_keys() -> None:
    spec = bionic.load(
        "demo", set=["training.lr=1e-3", "masks.wiring=dense", 'data.source="schematic"']
    )
    assert spec.training.lr == 1e-3
    assert spec.document()["mechanisms"]["masks"]["wiring"] == "dense"


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("training.lr", "must be of the form"),
        ("lr=3", "must be of the form"),
        ("model.classes.x=3", "'classes' is not a table"),
        ("training.lr=fast", 'training.lr = "fast": must be a number'),
    ],
)
def test_a_wrong_set_is_refused(assignment: str, words: str) -> None:
    with pytest.raises(bionic.RequestError, match=words):
        bionic.load("demo", set=[assignment])


def test_without_takes_dependents_along() -> None:
    spec = bionic.load("full", without=["convolution"])
    assert not {"convolution", "lateral", "attention"} & set(spec.mechanisms)
    assert "masks" in spec.mechanisms
    with pytest.raises(bionic.RequestError, match="Did you mean 'masks'"):
        bionic.load("full", without=["mask"])


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    with pytest.raises(bionic.RequestError, match=r"no such spec.*Did you mean 'demo'"):
        bionic.load(tmp_path / "demoo.toml")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[model]\nlayers = {")
    with pytest.raises(bionic.RequestError, match=r"no valid TOML.*line 2, column 11, the end"):
        bionic.load(wrong)
    wrong.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(bionic.RequestError, match="cannot be read as text"):
        bionic.load(wrong)


def test_data_by_name_by_path_and_by_neither(tmp_path: Path) -> None:
    assert data_table("schematic", REGISTRY) == {"source": "schematic"}
    file = tmp_path / "fer2013.csv"
    file.write_text("emotion,pixels,Usage\n")
    assert data_table(str(file), REGISTRY) == {"source": "fer2013", "path": str(file)}
    (tmp_path / "faces" / "cats").mkdir(parents=True)
    (tmp_path / "faces" / "dogs").mkdir()
    assert data_table(str(tmp_path / "faces"), REGISTRY)["source"] == "images"
    kaggle = tmp_path / "kaggle"
    for name in ("angry", "happy"):
        (kaggle / "train" / name).mkdir(parents=True)
        (kaggle / "test" / name).mkdir(parents=True)
    assert data_table(str(kaggle), REGISTRY)["source"] == "images", "two of its classes"
    for name in ("disgust", "fear", "neutral", "sad", "surprise"):
        (kaggle / "train" / name).mkdir()
    assert data_table(str(kaggle), REGISTRY)["source"] == "fer2013"
    with pytest.raises(bionic.RequestError, match=r"no such file.*Did you mean 'schematic'"):
        data_table("schematics", REGISTRY)


def test_data_on_the_command_line_keeps_the_protocol() -> None:
    spec = bionic.load("demo", set=["data.protocol=paper"], data="schematic")
    assert spec.data_choice.protocol == "paper"


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
