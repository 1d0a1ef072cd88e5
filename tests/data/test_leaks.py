"""What occurs on two sides of a split: listed, and dropped where that is asked for."""

from __future__ import annotations

import inspect
import io
import json
import time
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from rich.console import Console

from bionic_core import Dataset, Registry, RequestError, Spec, Split
from bionic_core.base.records import to_document
from bionic_core.cli.looking import data_check_command
from bionic_core.data.check import Blank, check
from bionic_core.data.duplicates import NEAR, occurring
from bionic_core.data.splits import Dropped, split
from bionic_core.data.summary import summarise
from bionic_core.dataset import Protocol
from bionic_core.reports import terminal
from bionic_core.reports.tables.build import checked, data, trained
from bionic_core.runs.evaluate import evaluate_run
from bionic_core.runs.identity import identity
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.train import train
from bionic_core.spec.sources import choose_data, open_data
from bionic_core.spec.spec import compose
from tests.cli.test_cli import SMALL, Bionic, bionic, refused  # noqa: F401
from tests.data.test_duplicates import light, pictures

NAMES = ("cat", "dog")


def dataset(validation: bool = True) -> Dataset:
    """Return images with copies of all kinds.

    train 0–39, validation 0–9, test 0–9. In train: 3 = 17 = 21 (17 labelled differently), 8 is
    blank, 30 is near 5. Of validation: 2 is train 17, 4 is near train 11. Of test: 1 is train 0,
    labelled differently; 6 is near train 11 and near validation 4; 7 is blank as train 8 is.
    """
    images = pictures(60, seed=5)
    labels = np.arange(60) % 2
    train, val, test = images[:40], images[40:50], images[50:]
    train[17] = train[21] = train[3]
    train[8] = 0
    train[30] = light(train[5])
    val[2], val[4] = train[17], light(train[11])
    test[1], test[6], test[7] = train[0], light(val[4]), 0
    labels[3], labels[17], labels[21], labels[42] = 0, 1, 0, 0
    labels[51] = 1 - labels[0]
    parts = [Split(i, labels[s]) for i, s in ((train, np.s_[:40]), (val, np.s_[40:50]))]
    return Dataset(
        "toy", NAMES, parts[0], Split(test, labels[50:]), parts[1] if validation else None
    )


def test_copies_are_listed_within_and_between_splits() -> None:
    document = to_document(check(dataset()))
    assert json.loads(json.dumps(document)) == document
    assert document["images"] == {"train": 40, "validation": 10, "test": 10}
    exact = document["exact"]
    assert exact["within"] == {
        "train": {"surplus": 2, "groups": 1, "conflicting": 1},
        "validation": {"surplus": 0, "groups": 0, "conflicting": 0},
        "test": {"surplus": 0, "groups": 0, "conflicting": 0},
    }
    assert exact["between"] == [
        {
            "splits": ["train", "validation"],
            "images": {"train": 3, "validation": 1},
            "groups": 1,
            "conflicting": 1,
        },
        {
            "splits": ["train", "test"],
            "images": {"train": 2, "test": 2},
            "groups": 2,
            "conflicting": 2,
        },
        {
            "splits": ["validation", "test"],
            "images": {"validation": 0, "test": 0},
            "groups": 0,
            "conflicting": 0,
        },
    ]
    assert [[g.pop("files"), g][1] for g in exact["groups"]] == [
        {"rows": {"train": [0], "test": [1]}, "labels": ["cat", "dog"], "conflicting": True},
        {
            "rows": {"train": [3, 17, 21], "validation": [2]},
            "labels": ["cat", "dog"],
            "conflicting": True,
        },
        {"rows": {"train": [8], "test": [7]}, "labels": ["cat", "dog"], "conflicting": True},
    ]


def test_near_copies_are_listed_apart_from_exact_ones() -> None:
    near = to_document(check(dataset()))["near"]
    assert (near["bits"], near["of"], near["correlation"]) == (NEAR, 128, 0.8)
    listed = [(pair["splits"], pair["rows"]) for pair in near["pairs"]]
    assert listed == [
        (["train", "train"], [5, 30]),
        (["train", "validation"], [11, 4]),
        (["train", "test"], [11, 6]),
        (["validation", "test"], [4, 6]),
    ]
    assert near["within"]["train"] == {"pairs": 1, "images": 2}
    assert near["within"]["test"] == {"pairs": 0, "images": 0}
    assert [between["pairs"] for between in near["between"]] == [1, 1, 1]
    assert near["between"][1]["images"] == {"train": 1, "test": 1}
    assert all(pair["bits"] <= NEAR and 0.8 <= pair["correlation"] <= 1 for pair in near["pairs"])


def test_blank_images_are_listed() -> None:
    blank = to_document(check(dataset()))["blank"]
    assert blank["train"] == {"images": 1, "rows": [8], "files": []}
    assert blank["validation"] == {"images": 0, "rows": [], "files": []}
    assert blank["test"] == {"images": 1, "rows": [7], "files": []}


LEAKS = {0, 3, 8, 11, 17, 21}


@pytest.mark.parametrize("protocol", ["honest", "paper"])
def test_dropping_leaks_takes_exact_and_near_copies_out_of_train(protocol: Protocol) -> None:
    source = dataset()
    plain, parts = split(source, protocol, 0), split(source, protocol, 0, drop_leaks=True)
    kept = [row for row in range(40) if row not in LEAKS]
    assert np.array_equal(parts.train.images, source.train.images[kept])
    assert np.array_equal(parts.train.labels, source.train.labels[kept])
    assert parts.dropped == Dropped(exact=5, near=1)
    assert plain.dropped is None
    assert len(plain.train) == 40
    for name in ("validation", "test"):
        assert np.array_equal(getattr(parts, name).images, getattr(plain, name).images)
    leaks = to_document(check(source, protocol=protocol))["leaks"]
    assert leaks == {
        "protocol": protocol,
        "selected_on": plain.selected_on,
        "train": 40,
        "exact": 5,
        "near": 1,
    }


def test_dropping_leaks_where_validation_is_drawn_from_train() -> None:
    """Near copies may then stand on both sides, and those in train go."""
    images = pictures(40, seed=8)
    images = np.concatenate([images, np.stack([light(image) for image in images])])
    source = Dataset(
        "toy",
        NAMES,
        Split(images, np.arange(80) % 2),
        Split(pictures(4, seed=9), np.arange(4) % 2),
    )
    plain, parts = split(source, "honest", 1), split(source, "honest", 1, drop_leaks=True)
    assert np.array_equal(plain.validation.images, parts.validation.images)
    assert parts.dropped is not None
    assert parts.dropped.near == len(plain.train) - len(parts.train) > 3
    assert not any(map(len, occurring(parts.train.images, parts.held_out.images)))


def test_a_class_without_images_left_is_an_error() -> None:
    images = pictures(20)
    source = Dataset(
        "toy", NAMES, Split(images, np.arange(20) % 2), Split(images[1::2], np.ones(10, int))
    )
    with pytest.raises(RequestError) as caught:
        split(source, "paper", 0, drop_leaks=True)
    assert str(caught.value) == (
        "toy: data.drop_leaks = true leaves class 'dog' without training images: all of them "
        "occur in validation or test. 'bionic data check' lists them; take the copies out of "
        "there, or leave drop_leaks out"
    )


def test_the_summary_counts_what_is_left_and_says_what_went() -> None:
    source = dataset()
    summary = summarise(source, split(source, "honest", 0, drop_leaks=True))
    document = to_document(summary)
    assert document["dropped"] == {"exact": 5, "near": 1}
    assert document["splits"]["train"]["images"] == 34
    assert document["source_splits"]["train"]["images"] == 40
    assert "dropped" not in to_document(summarise(source, split(source, "honest", 0)))
    assert "dropped from train as leaks: 6 images (5 exact copies, 1 near copies)" in said(
        data(summary)
    )


def said(shown: Any) -> str:
    file = io.StringIO()
    Console(file=file, width=120).print(terminal.render(shown))
    return file.getvalue()


def test_the_terminal_shows_the_first_findings() -> None:
    found = check(dataset(), protocol="paper")
    text = said(checked(found))
    for words in (
        "3 groups of identical images, 3 of them labelled differently",
        "train 3, 17, 21; validation 2",
        "4 pairs of near copies: at most 14 of 128 bits",
        "train 11 ~ validation 4",
        "blank images in train: rows 8",
        "drop_leaks = true takes 6 images (5 exact copies, 1 near copies) of 40 out of train",
        "test-selected",
        "test in train",
    ):
        assert words in text
    many = attrs.evolve(
        found,
        exact=attrs.evolve(found.exact, groups=[*found.exact.groups] * 4),
        blank={name: Blank(0, []) for name in ("validation", "test")}
        | {"train": Blank(12, list(range(12)))},
    )
    text = said(checked(many))
    assert "rows 0, 1, 2, 3, 4, 5, 6, 7 and 4 more" in text
    assert "and 7 more; --json lists all" in text


def test_nothing_to_find_is_said() -> None:
    clean = Dataset(
        "toy",
        NAMES,
        Split(pictures(20), np.arange(20) % 2),
        Split(pictures(4, seed=1), np.arange(4) % 2),
    )
    text = said(checked(check(clean, protocol="paper")))
    assert "nothing in train occurs outside it" in text
    assert "pairs" not in text


# --- runs


def drawn(**choice: Any) -> Spec:
    """A network of one layer on drawn faces."""
    document = {
        "model": {"layers": {"A": 8}},
        "data": {"source": "schematic", "train": 350, "test": 140} | choice,
        "training": {"max_epochs": 1},
    }
    return compose(document, name="drawn", registry=Registry.installed())


def test_the_identity_names_dropped_leaks_only_where_they_are_dropped() -> None:
    cache = InputCache()
    plain, off, on = drawn(), drawn(drop_leaks=False), drawn(drop_leaks=True)
    assert identity(plain, 0, cache.get(plain)) == identity(off, 0, cache.get(off))
    assert identity(plain, 0, cache.get(plain))["data"].keys() == {
        "fingerprint",
        "protocol",
        "split_seed",
    }
    assert identity(on, 0, cache.get(on))["data"]["drop_leaks"] is True
    assert plain.data_choice.drop_leaks is False


def test_the_identity_names_the_validation_share_only_where_it_is_not_a_tenth() -> None:
    cache = InputCache()
    plain, more = drawn(validation_share=0.1), drawn(validation_share=0.2)
    assert "validation_share" not in identity(plain, 0, cache.get(plain))["data"]
    assert identity(more, 0, cache.get(more))["data"]["validation_share"] == 0.2
    assert len(cache.get(more).splits.validation) > len(cache.get(plain).splits.validation)


def test_another_source_on_the_command_line_leaves_how_it_is_split(tmp_path: Path) -> None:
    table = {"source": "schematic", "drop_leaks": True, "validation_share": 0.2, "split_seed": 3}
    document = {"data": dict(table)}
    choose_data(document, "fer2013", Registry.installed())
    kept = {key: value for key, value in document["data"].items() if key != "source"}
    assert kept == {key: value for key, value in table.items() if key != "source"}


def test_a_study_reads_images_with_and_without_leaks_apart() -> None:
    cache = InputCache()
    plain, dropped = cache.get(drawn()), cache.get(drawn(drop_leaks=True))
    assert plain.splits.dropped is None
    assert dropped.splits.dropped is not None
    assert cache.get(drawn(drop_leaks=True)) is dropped
    assert len(dropped.splits.train) < len(plain.splits.train)


def test_a_run_says_what_was_dropped(tmp_path: Path) -> None:
    spec = drawn(drop_leaks=True)
    run = train(spec, root=tmp_path, device="cpu")
    parts = InputCache().get(spec).splits
    assert parts.dropped is not None
    counts = {"exact": parts.dropped.exact, "near": parts.dropped.near}
    assert run.manifest["dropped"] == to_document(run.result)["dropped"] == counts
    out = io.StringIO()
    Console(file=out, width=80).print(terminal.render(trained(run.result)))
    total = f"{counts['exact'] + counts['near']:,}"
    assert (
        f"dropped from train as leaks: {total} images ({counts['exact']:,} exact" in out.getvalue()
    )
    assert run.spec().data_choice.drop_leaks is True
    assert evaluate_run(run, "train").figures.images == len(parts.train)
    assert "dropped" not in train(drawn(), root=tmp_path, device="cpu").manifest


def test_drop_leaks_must_be_true_or_false() -> None:
    with pytest.raises(RequestError, match=r"data\.drop_leaks"):
        drawn(drop_leaks="yes")


# --- the command line


def test_check_and_info_as_json(bionic: Bionic) -> None:  # noqa: F811
    said = bionic("data", "check", "schematic", "--json", "--near", "10", "--protocol", "paper")
    assert said.code == 0
    assert said.document["near"]["bits"] == 10
    assert said.document["leaks"]["selected_on"] == "test"
    assert said.document["exact"]["within"]["train"]["surplus"] == 0
    info = bionic("data", "info", "schematic", "--json", "--drop-leaks", "--protocol", "paper")
    assert info.document["dropped"]["near"] > 0
    assert info.document["selected_on"] == "test"
    whole = bionic("data", "info", "schematic", "--json").document
    assert "dropped" not in whole
    assert whole["selected_on"] == "validation"


def test_wrong_requests_are_refused(bionic: Bionic) -> None:  # noqa: F811
    for near in (-1, 33):
        refused(
            bionic("data", "check", "schematic", "--near", near),
            f"--near {near}: must be 0 to 32 of the 128 bits",
        )
    for command in ("check", "info"):
        refused(
            bionic("data", command, "schematic", "--protocol", "papr"),
            "--protocol papr: must be honest (select on validation) or paper (select on test). "
            "Did you mean 'paper'?",
        )
    refused(bionic("data", "check", "nothing"), "nothing: no such file or folder")


def test_the_default_distance_is_the_one_that_was_measured() -> None:
    assert inspect.signature(data_check_command).parameters["near"].default == NEAR


PAPER = ("--set", "data.protocol=paper")
PLAN = ("--plan", "--probe", "0")


def test_every_output_of_the_paper_protocol_says_test_selected(bionic: Bionic) -> None:  # noqa: F811
    words = "test-selected"
    trained = bionic("train", "demo", *SMALL, *PAPER)
    assert words in trained.out
    document = bionic("train", "demo", *SMALL, *PAPER, "--json").document
    assert document["selected_on"] == "test"
    for split_name in ("train", "test"):
        assert words in bionic("evaluate", document["run"], "--split", split_name).out
    evaluated = bionic("evaluate", document["run"], "--json").document
    assert evaluated["selected_on"] == "test"
    study = ("factorial", "--mechanisms", "noise", "--seeds", "1", *SMALL, *PAPER)
    assert words in bionic(*study, *PLAN).out
    assert bionic(*study, *PLAN, "--json").document["selected_on"] == "test"
    assert words in bionic(*study).out
    assert bionic(*study, "--json").document["selected_on"] == "test"
    for command in ("info", "check"):
        assert words in bionic("data", command, "schematic", "--protocol", "paper").out


def test_no_output_of_the_honest_protocol_says_so(bionic: Bionic) -> None:  # noqa: F811
    assert "test-selected" not in bionic("train", "demo", *SMALL).out
    study = ("factorial", "--mechanisms", "noise", "--seeds", "1", *SMALL)
    assert "test-selected" not in bionic(*study, *PLAN).out
    assert "test-selected" not in bionic("data", "info", "schematic").out
    assert "test-selected" not in bionic("data", "check", "schematic").out


# --- the real ones
FER2013 = Path(__file__).parents[2].parent / "shared" / "data" / "fer2013_train_public.npz"


@pytest.mark.slow
@pytest.mark.skipif(not FER2013.is_file(), reason=f"FER-2013 is not in {FER2013}")
def test_the_known_defects_of_fer2013_are_found() -> None:
    """At full size; that each kind is found and counted, the tests above show on a small set."""
    source = open_data(str(FER2013)).read((1, 48, 48))
    start = time.process_time()
    document = to_document(check(source, protocol="paper"))
    assert time.process_time() - start < 40
    exact, near = document["exact"], document["near"]
    within = exact["within"]["train"]
    assert (within["surplus"], within["conflicting"]) == (1236, 39)
    assert exact["between"][0]["images"]["test"] == 280
    assert document["blank"]["train"]["images"] == 11
    assert not source.train.images[document["blank"]["train"]["rows"]].any()
    # Bits may fall the other way on another machine where a picture is flat.
    assert len(near["pairs"]) == pytest.approx(3160, rel=0.02)
    assert near["between"][0]["images"]["test"] == pytest.approx(335, rel=0.03)
    assert document["leaks"]["exact"] == exact["between"][0]["images"]["train"] == 351
    assert document["leaks"]["near"] == pytest.approx(521, rel=0.03)
