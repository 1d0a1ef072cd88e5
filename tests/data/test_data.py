"""Datasets are checked, and split so that identical images never straddle."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bionic_core import Dataset, RequestError, Split
from bionic_core.base.records import to_document
from bionic_core.data.splits import grouped_share, split, together
from bionic_core.data.summary import summarise
from bionic_core.dataset import Protocol

NAMES = ("cat", "dog", "owl")


def part(counts: tuple[int, ...], seed: int = 0, shape: tuple[int, ...] = (1, 4, 4)) -> Split:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return Split(rng.integers(0, 256, (len(labels), *shape), dtype=np.uint8), labels)


def dataset(**changed: Any) -> Dataset:
    fields: dict[str, Any] = {
        "name": "toy",
        "class_names": NAMES,
        "train": part((200, 60, 40)),
        "test": part((20, 6, 4), 1),
    }
    return Dataset(**(fields | changed))


def pictures(part: Split) -> list[bytes]:
    return [image.tobytes() for image in part.images]


def test_an_own_validation_split_is_used_as_it_is() -> None:
    data = dataset(validation=part((20, 6, 4), 2))
    parts = split(data, "honest", 0)
    assert (parts.train, parts.validation, parts.test) == (data.train, data.validation, data.test)
    assert parts.selected_on == "validation"


def test_without_one_a_stratified_tenth_of_train_is_set_apart() -> None:
    data = dataset()
    parts = split(data, "honest", 0)
    assert parts.validation.counts(3).tolist() == [20, 6, 4]
    assert parts.test is data.test
    assert sorted(pictures(parts.train) + pictures(parts.validation)) == sorted(
        pictures(data.train)
    )
    assert parts.selected_on == "validation"


def test_the_tenth_depends_on_its_seed_alone() -> None:
    train = part((200, 60, 40))
    first = grouped_share(train, 3, 0.1, 5)
    assert np.array_equal(first, grouped_share(train, 3, 0.1, 5))
    assert not np.array_equal(first, grouped_share(train, 3, 0.1, 6))


@pytest.mark.parametrize("protocol", ["honest", "paper"])
def test_images_keep_their_labels(protocol: Protocol) -> None:
    data = dataset()
    truth = {
        image: label
        for p in data.splits.values()
        for image, label in zip(pictures(p), p.labels, strict=True)
    }
    parts = split(data, protocol, 3)
    for chosen in (parts.train, parts.validation, parts.test):
        assert [truth[image] for image in pictures(chosen)] == chosen.labels.tolist()


def copied(seed: int) -> Split:
    """Return images of which half are copies, a fifth of these with another label."""
    rng = np.random.default_rng(seed)
    whole = part((300, 80, 30), seed)
    originals = rng.integers(0, len(whole), len(whole) // 2)
    copies = whole.take(originals)
    conflicting = rng.random(len(copies)) < 0.2
    labels = np.where(conflicting, (copies.labels + 1) % 3, copies.labels)
    return together(whole, Split(copies.images, labels))


@pytest.mark.parametrize("seed", range(5))
def test_identical_images_never_straddle(seed: int) -> None:
    data = dataset(train=copied(seed))
    parts = split(data, "honest", seed)
    assert not set(pictures(parts.train)) & set(pictures(parts.validation))
    assert len(parts.train) + len(parts.validation) == len(data.train)
    share = parts.validation.counts(3) / data.train.counts(3)
    assert np.all(abs(share - 0.1) < 0.05)
    assert parts.train.counts(3).all()


def test_the_paper_protocol_trains_on_all_and_selects_on_all_else() -> None:
    data = dataset(validation=part((20, 6, 4), 2))
    parts = split(data, "paper", 0)
    assert parts.train is data.train
    assert parts.validation is parts.test
    assert data.validation is not None
    assert pictures(parts.test) == pictures(data.validation) + pictures(data.test)
    assert parts.selected_on == "test"
    assert split(dataset(), "paper", 0).test.counts(3).tolist() == [20, 6, 4]


def test_a_group_larger_than_the_tenth_is_passed_over() -> None:
    base = part((60, 20))
    same = np.repeat(base.images[:1], 30, axis=0)
    train = together(base, Split(same, np.repeat(base.labels[:1], 30)))
    rows = grouped_share(train, 2, 0.1, 0)
    assert not {base.images[0].tobytes()} & set(pictures(train.take(rows)))
    assert len(rows) == pytest.approx(11, abs=1)


def test_a_class_that_is_one_group_stays_in_training() -> None:
    train = part((40, 40, 5))
    train.images[train.labels == 2] = 7
    assert train.take(grouped_share(train, 3, 0.1, 0)).counts(3).tolist() == [4, 4, 0]


def test_a_class_of_two_images_gives_one() -> None:
    assert part((2, 2)).take(grouped_share(part((2, 2)), 2, 0.1, 0)).counts(2).tolist() == [1, 1]


def test_a_share_other_than_a_tenth() -> None:
    train = part((100, 50))
    assert train.take(grouped_share(train, 2, 0.3, 0)).counts(2).tolist() == [30, 15]
    parts = split(dataset(), "honest", 0, share=0.3)
    assert parts.validation.counts(3).tolist() == [60, 18, 12]


def test_nothing_to_set_apart_is_an_error() -> None:
    train = Split(np.zeros((4, 1, 4, 4), np.uint8), np.array([0, 0, 1, 1]))
    with pytest.raises(RequestError, match="too few images to set some apart"):
        split(Dataset("one picture", ("a", "b"), train, train), "honest", 0)


def test_splitting_as_many_images_as_fer2013_has_is_fast() -> None:
    train = part((15000, 10000, 3709), shape=(1, 48, 48))
    start = time.perf_counter()
    grouped_share(train, 3, 0.1, 0)
    assert time.perf_counter() - start < 5


def test_the_fingerprint_is_of_names_pixels_labels_and_splits() -> None:
    same = dataset().fingerprint
    assert dataset(name="another").fingerprint == same
    assert len(same) == 64
    changed = part((200, 60, 40))
    changed.images[17, 0, 2, 3] ^= 1
    relabelled = part((200, 60, 40))
    relabelled.labels[17] = (relabelled.labels[17] + 1) % 3
    others = [
        dataset(class_names=("cat", "owl", "dog")),
        dataset(train=changed),
        dataset(train=relabelled),
        dataset(validation=part((20, 6, 4), 1)),
        dataset(test=part((20, 6, 4), 1).take(np.arange(30)[::-1])),
    ]
    assert len({same, *(other.fingerprint for other in others)}) == len(others) + 1


def test_the_fingerprint_does_not_depend_on_memory_layout() -> None:
    train = part((200, 60, 40))
    turned = Split(np.asfortranarray(train.images), train.labels.astype(np.uint8).astype(int))
    assert dataset(train=turned).fingerprint == dataset(train=train).fingerprint


def images(*shape: int, dtype: Any = np.uint8) -> npt.NDArray[Any]:
    return np.zeros(shape, dtype)


LABELS = np.array([0, 1, 2])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": Split(images(3, 4, 4), LABELS)}, r"train: images are uint8 \(3, 4, 4\)"),
        ({"train": Split(images(), LABELS)}, r"train: images are uint8 \(\), expected uint8"),
        (
            {"test": Split(images(3, 1, 4, 4, dtype=float), LABELS)},
            r"test: images are float64 \(3, 1, 4, 4\), expected uint8 \(N, C, H, W\)",
        ),
        ({"train": Split(images(4, 1, 4, 4), LABELS)}, r"4 images, labels are int64 \(3,\)"),
        (
            {"train": Split(images(3, 1, 4, 4), np.array([0.0, 1.0, 2.0]))},
            r"labels are float64 \(3,\), expected int64",
        ),
        ({"test": Split(images(0, 1, 4, 4), LABELS[:0])}, "test: there are no images"),
        (
            {"train": Split(images(3, 1, 4, 4), LABELS + 1)},
            "train: labels are 1 … 3, but there are 3 classes: 0 … 2",
        ),
        ({"train": Split(images(3, 1, 4, 4), LABELS - 1)}, "labels are -1 … 1"),
        ({"train": part((20, 0, 4))}, "train: class 'dog' has no images; give it some"),
        (
            {"validation": part((2, 2, 2), shape=(1, 4, 5))},
            r"differ in shape: train \(1, 4, 4\), validation \(1, 4, 5\), test \(1, 4, 4\)",
        ),
        ({"class_names": ("cat", "dog", "cat")}, "class names are there twice: cat"),
        ({"class_names": ()}, "class names are none; expected two or more"),
    ],
)
def test_what_is_no_dataset_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        dataset(**changed)
    assert caught.value.where == "toy"


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(RequestError) as caught:
        dataset(
            train=Split(images(3, 4, 4), LABELS), test=Split(images(0, 1, 4, 4), np.zeros(0, int))
        )
    assert len(caught.value.problems) == 2


def test_the_summary_counts_every_class_of_every_split() -> None:
    data = dataset()
    document = to_document(summarise(data, split(data, "honest", 0)))
    assert json.loads(json.dumps(document)) == document
    assert document["class_names"] == list(NAMES)
    assert document["image"] == [1, 4, 4]
    assert document["fingerprint"] == data.fingerprint
    assert list(document["source_splits"]) == ["train", "test"]
    assert document["source_splits"]["train"] == {
        "images": 300,
        "classes": {"cat": 200, "dog": 60, "owl": 40},
    }
    assert document["splits"]["train"]["classes"] == {"cat": 180, "dog": 54, "owl": 36}
    assert document["selected_on"] == "validation"


def test_the_summary_without_splits_and_where_they_select_on_test() -> None:
    data = dataset(validation=part((20, 6, 4), 2))
    alone = to_document(summarise(data))
    assert list(alone["source_splits"]) == ["train", "validation", "test"]
    assert "splits" not in alone
    paper = to_document(summarise(data, split(data, "paper", 0)))
    assert list(paper["splits"]) == ["train", "test"]
    assert paper["splits"]["test"]["images"] == 60
    assert paper["selected_on"] == "test"
