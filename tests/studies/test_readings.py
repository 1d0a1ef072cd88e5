"""Readings of a paper: the file, the sums by NumPy, what is decided, runs recorded elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from bionic_core import RequestError
from bionic_core.cli.readings import check_known
from bionic_core.registry import Registry
from bionic_core.statistics.designs import Design, Factor
from bionic_core.studies.experiment import Experiment
from bionic_core.studies.publication import Published, open_publication, publication_of
from bionic_core.studies.reading_comparison import claims, compare, jackknifed, measured, of_rates
from bionic_core.studies.reading_records import Record, read_records
from bionic_core.studies.readings import Readings, open_readings
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support import toys

__all__ = ["bionic"]

Document = dict[str, Any]

NAMES = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
SUPPORT = np.array([467, 56, 496, 895, 607, 653, 415])


@pytest.fixture(scope="module")
def published() -> Published:
    return open_publication(None, Registry.installed())


@pytest.fixture(scope="module")
def declared(published: Published) -> Readings:
    path = publication_of(None, Registry.installed()).readings()
    assert path is not None
    return open_readings(path, published)


def record(levels: Mapping[str, float], seed: int, right: float) -> Record:
    """A run that has this share of each class right, and spreads the rest."""
    rng = np.random.default_rng(seed)
    rows = []
    for place, support in enumerate(SUPPORT):
        chance = np.full(7, (1 - right) / 6)
        chance[place] = right
        rows.append(tuple(int(n) for n in rng.multinomial(support, chance)))
    return Record(
        levels=dict(levels),
        seed=seed,
        hash=f"{seed}",
        data="faces",
        selected_on="validation",
        epochs=1,
        seconds=1.0,
        test_images=int(SUPPORT.sum()),
        classes=NAMES,
        confusion=tuple(rows),
        loss=1.1,
        kl=0.8 + 0.002 * seed,
        kl_sd=0.7,
        train_accuracy=0.66 + 0.004 * seed,
        train_kl=0.62 + 0.003 * seed,
    )


def experiment(seeds: int) -> Experiment:
    spec = toys.spec({})
    cells = tuple({"p": value} for value in (0.0, 1.0, 2.0))
    design = Design((Factor("p", (0.0, 1.0, 2.0)),), cells, (), tuple(range(seeds)))
    return Experiment(spec, design, (spec,) * 3)


def test_the_papers_file_declares_ten_readings_and_26_figures(
    declared: Readings, published: Published
) -> None:
    assert declared.factors == {
        "class_weights.exponent": (0.0, 1.0, 0.5, 0.25, 0.75),
        "hebbian.rates": ("fixed", "scheduled"),
    }
    assert (declared.spec, declared.seeds, declared.criterion.decided) == ("fast", 3, 3)
    found = claims(declared, published)
    assert len(found) == 26
    assert [c.title for c in found[-5:]] == [
        *("accuracy", "macro_f1", "loss", "train_accuracy", "train_loss"),
    ]


def test_a_sum_is_that_of_its_formula(declared: Readings, published: Published) -> None:
    """Recall of one class, the loss and the training accuracy, by NumPy; then all squares."""
    runs = [record({"p": p}, seed, 0.6 - p / 10) for p in (0.0, 1.0) for seed in (0, 1, 2)]
    found = compare(declared, published, experiment(3), runs)
    assert [reading.levels["p"] for reading in found.readings] == [0.0, 1.0, 2.0]
    near = found.readings[0]
    by_title = {figure.title: figure for figure in near.figures}
    ours = np.array([[r.confusion[1][1] / 56 for r in runs if r.levels["p"] == p] for p in (0, 1)])
    s2 = ours.var(axis=1, ddof=1).mean()
    sampled = np.mean([r * (1 - r) / 56 for r in ours[0]])
    theirs = 0.40 * 0.60 / (56 * 7178 / 3589) + s2 + 0.01**2 / 12
    z = (ours[0].mean() - 0.40) / math.sqrt(s2 / 3 + sampled + theirs)
    # The jackknife lets the number of images of the class vary too.
    assert by_title["disgusted recall"].z == pytest.approx(z, rel=0.02)
    kl = np.array([0.8, 0.802, 0.804])
    error = kl.var(ddof=1) / 3 + 0.49 / 3589 + 0.0047**2 / 3 + 0.49 / 7178 + 1e-8 / 12
    assert by_title["loss"].z == pytest.approx((kl.mean() - 0.8348) / math.sqrt(error))
    trained = 100 * np.array([0.66, 0.664, 0.668])
    error = trained.var(ddof=1) / 3 + 1.11**2 / 3 + 1e-4 / 12
    told = (trained.mean() - 68.63) / math.sqrt(error)
    assert by_title["train_accuracy"].z == pytest.approx(told)
    assert near.sum == pytest.approx(sum(figure.z**2 for figure in near.figures))
    assert list(near.by_seed) == ["0", "1", "2"]


def test_what_is_decided_and_what_is_missing_is_said(
    declared: Readings, published: Published
) -> None:
    runs = [record({"p": 0.0}, seed, 0.6) for seed in range(3)]
    runs += [record({"p": 1.0}, seed, 0.4) for seed in range(3)]
    runs += [record({"p": 2.0}, 0, 0.3)]
    told = compare(declared, published, experiment(3), runs).told
    assert told[0] == "p 2.0: 1 of 3 seeds are trained, so its place is not decided"
    assert told[1:] == (
        "nearest to the paper by the sum over all its seeds: p 0.0",
        "with each of 3 seeds or more it is nearer than p 1.0",
        "undecided between it and p 2.0",
    )
    with pytest.raises(RequestError, match="no run of these readings is finished"):
        compare(declared, published, experiment(3), [])
    other = attrs.evolve(runs[0], test_images=7, data="others")
    with pytest.raises(RequestError, match=r"tested on different images .*7 of others"):
        compare(declared, published, experiment(3), [*runs, other])
    with pytest.raises(RequestError, match="has no train_kl"):
        measured(attrs.evolve(runs[0], train_kl=None), "train_kl")


def test_variances_over_images_are_those_of_drawing_them() -> None:
    """By simulation: a class's figures, given its number of images and not."""
    rng = np.random.default_rng(0)
    support, images, recall, other = 400, 3000, 0.5, 0.06
    right = rng.binomial(support, recall, 40_000)
    wrong = rng.binomial(images - support, other, 40_000)
    precision = support * recall / (support * recall + (images - support) * other)
    drawn = {
        "recall": right / support,
        "precision": right / (right + wrong),
        "f1": 2 * right / (support + right + wrong),
    }
    for name, values in drawn.items():
        told = of_rates(name, precision, recall, support, images)
        assert told == pytest.approx(values.var(), rel=0.05)
    chances = np.array([[200, 200], [156, 2444]]) / images
    tables = rng.multinomial(images, chances.ravel(), 40_000).reshape(-1, 2, 2)
    several = tables[:, 0, 0] / tables[:, :, 0].sum(1), np.trace(tables, axis1=1, axis2=2) / images
    for name, values in zip(("precision.a", "accuracy"), several, strict=True):
        _, variance = jackknifed(chances * images, name, ("a", "b"))
        assert variance == pytest.approx(values.var(), rel=0.05)


FILE = """
title = "tiny"
spec = "fast"
model = "full"
seeds = 1
[factors]
"class_weights.exponent" = [0.0, 1.0]
[criterion]
variants = "table4"
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds = 1", "seed = 1", "seed: there is no such key. Did you mean 'seeds'"),
        ("variants", "variant", "criterion.variant: there is no such key"),
        ('"table4"', '"table5"', r'criterion.variants = "table5": the paper has no such table'),
        ('variants = "table4"', "", "criterion: name a table in classes or variants"),
        ('model = "full"', 'model = "fall"', "no such model. Did you mean 'full'"),
        ('"class_weights.exponent" = [0.0, 1.0]', "", "factors: give a key of the spec"),
        ("seeds = 1", "seeds = 0", "seeds"),
    ],
)
def test_what_a_file_cannot_say_is_refused_with_its_place(
    old: str, new: str, words: str, published: Published, tmp_path: Path
) -> None:
    path = tmp_path / "readings.toml"
    assert old in FILE
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(RequestError, match=words):
        open_readings(path, published)


def test_a_study_goes_on_from_recorded_runs(bionic: Bionic, tmp_path: Path) -> None:
    """Trained once; elsewhere its record stands for the run, and what is missing is trained."""
    (tmp_path / "tiny.toml").write_text(FILE)
    (tmp_path / "wrong.toml").write_text(FILE.replace("class_weights.exponent", "class_weights.p"))
    common = ("reproduce", "--readings", "tiny.toml", "--epochs", "1", "--device", "cpu")
    small = ("--set", 'data.source="schematic"', "--set", "data.train=70", "--set", "data.test=35")
    first = bionic(*common, *small, "--out", "one", "--json")
    assert first.code == 0, first.err
    assert first.document == json.loads((tmp_path / "one/readings.json").read_text())
    assert [len(reading["figures"]) for reading in first.document["readings"]] == [5, 5]
    assert "| accuracy |" in (tmp_path / "one/readings.md").read_text()
    document = first.document | {"records": first.document["records"][:1]}
    (tmp_path / "half.json").write_text(json.dumps(document))
    again = (*common, *small, "--recorded", "half.json", "--out", "two")
    planned = bionic(*again, "--plan", "--json").document
    assert (planned["recorded"], planned["missing"], planned["done"]) == (1, 1, 0)
    second = bionic(*again, "--json")
    assert len(list((tmp_path / "two").glob("*/result.json"))) == 1
    assert second.document["readings"] == first.document["readings"]
    refused(bionic(*common, *small, "--report-only", "--out", "three"), "no run of these readings")
    refused(bionic(*common, "--quick"), "--readings: its file names the spec")
    refused(bionic("reproduce", "--recorded", "half.json"), "--recorded is of --readings")
    wrong = ("reproduce", "--readings", "wrong.toml", *small)
    refused(bionic(*wrong), "class_weights.p", "exponent")


def without(key: str) -> Callable[[Document], object]:
    return lambda row: row.pop(key)


def but(key: str, value: object) -> Callable[[Document], object]:
    return lambda row: row.update({key: value})


WRONG: Sequence[tuple[Callable[[Document], object], str]] = (
    *((without(key), key) for key in ("seed", "hash", "confusion", "kl", "classes", "train_kl")),
    *((but("kl", word), "kl") for word in ("NaN", "Infinity", -0.1, "0.8", None, True, 10**400)),
    *((but("loss", value), "loss") for value in (math.nan, math.inf, [1.0])),
    *((but("seed", value), "seed") for value in (-1, 0.5, 2**63, 10**400, True, "0")),
    *((but("test_images", value), "test_images") for value in (34, 0, -35, 35.0, 10**30)),
    *((but("train_accuracy", value), "train_accuracy") for value in (1.5, -0.1, "NaN")),
    *((but("epochs", value), "epochs") for value in (0, -1)),
    *((but("hash", value), "hash") for value in ("", 5)),
    (but("classes", ["a"] * 7), "classes"),
    (but("classes", list("abcdef")), "confusion"),
    (but("confusion", [[5] * 7] * 6), "confusion"),
    (but("confusion", [[5] * 6] * 7), "confusion"),
    (but("confusion", [[36, -1, 0, 0, 0, 0, 0], *[[0] * 7] * 6]), "a count is negative"),
    (but("confusion", [[34, 0, 0, 0, 0, 0, 0], *[[0] * 7] * 6]), "add up to 34"),
    (but("confusion", [[35.0, 0, 0, 0, 0, 0, 0], *[[0] * 7] * 6]), "confusion"),
    (but("confusion", "35"), "confusion"),
    (but("levels", {"p": [1]}), "levels"),
)


def tiny() -> Document:
    """A record of 35 images, as a document."""
    rows = [[5 if row == column else 0 for column in range(7)] for row in range(7)]
    own = {"test_images": 35, "confusion": rows}
    usual: Document = json.loads(json.dumps(attrs.asdict(record({"p": 0.0}, 0, 0.5))))
    return usual | own


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_records_that_no_run_can_have_left(
    change: Callable[[Document], object], words: str, tmp_path: Path
) -> None:
    path, row = tmp_path / "r.json", tiny()
    change(row)
    path.write_text(json.dumps({"records": [tiny(), row | {"hash": row.get("hash", 1)}]}))
    if words == "hash" and "hash" not in row:
        path.write_text(json.dumps({"records": [row]}))
    with pytest.raises(RequestError) as caught:
        read_records([path])
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "cannot be read as JSON"),
        ('{"records": [], "records": []}', "'records' is there twice"),
        ("[]", "no list 'records'"),
        ('{"records": "abc"}', "no list 'records'"),
        ('{"records": [3]}', r"records\[0\]"),
        ('{"records": [[]]}', r"records\[0\]"),
        ("\0\xff", "cannot be read as JSON"),
        ("", "cannot be read as JSON"),
    ],
)
def test_files_of_records_that_are_none(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text, encoding="latin-1")
    with pytest.raises(RequestError, match=words):
        read_records([tmp_path / "r.json"])


def test_records_that_disagree(bionic: Bionic, tmp_path: Path) -> None:
    """Of one run; with one another; and with what is planned."""
    (one, other), row = (tmp_path / "1.json", tmp_path / "2.json"), tiny()
    one.write_text(json.dumps({"records": [row, row]}))
    assert list(read_records([one, one])) == [row["hash"]]
    other.write_text(json.dumps({"records": [row | {"kl": 0.1}]}))
    with pytest.raises(RequestError, match=r"2\.json: damaged|2\.json: records\[0\]: of the run"):
        read_records([one, other])
    elsewhere = row | {"levels": {"another.key": 3}}
    other.write_text(json.dumps({"records": [elsewhere]}))
    assert read_records([one, other]), "a study of other keys may have trained the same run"
    plan = experiment(1)
    known = {"0": read_records([one])["0"]}

    class Planned:
        hash = "0"

    class Plans:
        of = staticmethod(lambda spec, seed: Planned)

    with pytest.raises(RequestError, match=r"the record says \{'p': 0\.0\} with seed 0"):
        check_known(plan, Plans(), known)  # type: ignore[arg-type]
    check_known(plan, Plans(), read_records([other]))  # type: ignore[arg-type]
