"""Folders of any pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from PIL import Image

from bionic_core import RequestError
from bionic_plugins.data.images import Images

IMAGE = (1, 16, 16)


def save(path: Path, value: int = 0, size: tuple[int, int] = (20, 20), mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).convert(mode).save(path)
    return path


def classes(root: Path, each: int = 10, first: int = 0) -> Path:
    """Write ``each`` pictures of cats, of different greys, and half as many of dogs."""
    for number in range(each):
        save(root / "cats" / f"{number}.png", first + number)
        if number % 2:
            save(root / "dogs" / f"{number}.png", 255 - first - number)
    return root


def refused(path: Path, *parts: str, where: Path | None = None, **fields: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        Images(path=str(path), **fields).read(IMAGE)
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.where == str(where or path)
    return caught.value


def test_class_folders_are_divided_by_share_and_seed(tmp_path: Path) -> None:
    source = Images(path=str(classes(tmp_path / "pets", 20)))
    data = source.read(IMAGE)
    assert data.name == "images (pets)"
    assert data.class_names == ("cats", "dogs")
    assert data.train.counts(2).tolist() == [16, 8]
    assert data.test.counts(2).tolist() == [4, 2]
    assert data.validation is None
    assert data.fingerprint == source.read(IMAGE).fingerprint
    assert attrs.evolve(source, test_seed=1).read(IMAGE).fingerprint != data.fingerprint
    half = attrs.evolve(source, test_share=0.5).read(IMAGE)
    assert half.test.counts(2).tolist() == [10, 5]
    for part in (data.train, data.test):
        assert np.array_equal(part.images[:, 0, 0, 0] > 127, part.labels == 1)


def test_copies_do_not_straddle_train_and_test(tmp_path: Path) -> None:
    for number in range(30):
        save(tmp_path / "a" / f"{number}.png", number // 3)
        save(tmp_path / "b" / f"{number}.png", 100 + number // 3)
    data = Images(path=str(tmp_path)).read(IMAGE)
    assert len(data.test) == 12
    assert not {i.tobytes() for i in data.train.images} & {i.tobytes() for i in data.test.images}


@pytest.mark.parametrize("validation", ["validation", "val", "valid", "Valid"])
def test_splits_that_the_folder_has_are_kept(validation: str, tmp_path: Path) -> None:
    classes(tmp_path / "train", 10)
    classes(tmp_path / "Test", 4, 50)
    classes(tmp_path / validation, 2, 70)
    data = Images(path=str(tmp_path)).read(IMAGE)
    assert {name: part.counts(2).tolist() for name, part in data.splits.items()} == {
        "train": [10, 5],
        "validation": [2, 1],
        "test": [4, 2],
    }


def test_a_folder_with_train_alone_gives_a_share_of_it(tmp_path: Path) -> None:
    classes(tmp_path / "train", 10)
    data = Images(path=str(tmp_path)).read(IMAGE)
    assert (len(data.train), len(data.test)) == (12, 3)


def test_train_may_be_a_class(tmp_path: Path) -> None:
    for name in ("car", "plane", "train"):
        for number in range(4):
            save(tmp_path / name / f"{number}.jpg", number * 60)
    assert Images(path=str(tmp_path)).read(IMAGE).class_names == ("car", "plane", "train")


def test_hidden_files_and_litter_are_passed_over(tmp_path: Path) -> None:
    classes(tmp_path)
    for name in (".DS_Store", "Thumbs.db", ".x.png"):
        (tmp_path / "cats" / name).write_text("")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "labels.csv").write_text("beside the classes, not in one\n")
    assert len(Images(path=str(tmp_path)).read(IMAGE).train) == 12


def test_any_folder_is_claimed_but_weakly(tmp_path: Path) -> None:
    assert Images.claims(tmp_path) == 1
    assert Images.claims(save(tmp_path / "a.png")) == 0


def test_folders_that_are_wrong(tmp_path: Path) -> None:
    refused(tmp_path / "gone", "no such folder; images needs one")
    refused(tmp_path, "found 0 class folders (none); expected one folder of pictures for each")
    classes(tmp_path)
    (tmp_path / "owls").mkdir()
    refused(tmp_path, "class folder 'owls' is empty; give it pictures, or take the folder out")
    save(tmp_path / "owls" / "1.png")
    refused(tmp_path, "class 'owls' has one picture; two are needed")
    (tmp_path / "owls" / "notes.txt").write_text("")
    (tmp_path / "owls" / "more").mkdir()
    refused(tmp_path, "class folder 'owls' holds what is no picture: notes.txt;")


def test_a_missing_path_is_not_the_current_folder() -> None:
    with pytest.raises(RequestError, match="no such folder"):
        Images(path="").read(IMAGE)


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    save(tmp_path / "cats" / "1.png")
    refused(tmp_path, "found 1 class folder (cats); expected")


def test_pictures_that_are_all_the_same_cannot_be_divided(tmp_path: Path) -> None:
    for name in ("a1", "a2", "b1", "b2"):
        save(tmp_path / name[0] / f"{name}.png", ord(name[0]))
    refused(tmp_path, "the pictures of each class are all the same")


def test_a_class_that_train_does_not_know(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "test")
    save(tmp_path / "test" / "dog" / "1.png")
    where = tmp_path / "test"
    refused(
        tmp_path, "folder 'dog' is no class; classes are cats, dogs. Did you mean 'dogs'?",
        where=where,
    )  # fmt: skip


def test_two_folders_of_one_split(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "val")
    classes(tmp_path / "valid")
    refused(tmp_path, "'val' and 'valid' are both for validation; keep one")


def test_unreadable_pictures_are_counted_and_the_first_named(tmp_path: Path) -> None:
    classes(tmp_path)
    for number in range(7):
        (tmp_path / "cats" / f"{number}.png").write_text("no picture")
    error = refused(tmp_path, "cats/0.png: not a picture that can be read", "and 2 more like these")
    assert len(error.problems) == 6


@pytest.mark.parametrize("fields", [{"test_share": 0.0}, {"test_share": 1.0}, {"test_seed": -1}])
def test_fields_that_are_wrong(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="test_s"):
        Images(path=".", **fields)


def test_classes_beside_train_and_names_that_differ_in_capitals_are_refused(tmp_path: Path) -> None:
    classes(tmp_path / "a" / "train")
    classes(tmp_path / "a")
    refused(tmp_path / "a", "the class folders cats, dogs stand beside train/")
    classes(tmp_path / "b")
    classes(tmp_path / "b" / "more").joinpath("cats").rename(tmp_path / "b" / "Cats")
    refused(tmp_path / "b", "the class folders Cats, cats differ in capitals alone")
    classes(tmp_path / "c" / "data")
    refused(tmp_path / "c", "'data' has several folders, so give that one")
