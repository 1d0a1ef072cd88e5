"""What is wrong with FER-2013's files is said precisely."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bionic_core import RequestError
from bionic_plugins.data.fer2013 import Fer2013
from bionic_plugins.data.fer2013_forms import CLASSES
from tests.plugins.data import test_fer2013 as forms
from tests.plugins.data.test_fer2013 import (
    BOTH,
    DATA,
    IMAGE,
    PARTS,
    arrays,
    content,
    lines,
    read,
    real,
    write_csv,
    write_folders,
    write_gz,
    write_npz,
    write_strips,
)

few = forms.few


def refused(path: Path, *parts: str, where: str | None = None) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read(path)
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.where == (where if where is not None else str(path))
    return caught.value


def test_no_path_says_what_to_give() -> None:
    with pytest.raises(RequestError, match=r"give --data PATH, or path in \[data\].*fer2013\.csv"):
        Fer2013().read(IMAGE)


def test_paths_that_are_no_form(tmp_path: Path) -> None:
    refused(tmp_path / "gone.csv", "no such file or folder", "expected fer2013.csv")
    (tmp_path / "notes.txt").write_text("hello")
    refused(tmp_path / "notes.txt", "not a form of FER-2013", "icml_face_data.csv")
    refused(tmp_path, "the folder holds 0 such files: none", "expected fer2013.csv")
    write_csv(tmp_path / "a.csv", BOTH)
    write_npz(tmp_path / "b.npz", BOTH)
    refused(tmp_path, "the folder holds 2 such files: a.csv, b.npz; name the one to read")


def row(emotion: Any = 3, pixels: Any = None, usage: str = "Training") -> str:
    return f"{emotion},{'7 ' * 2303 + '7' if pixels is None else pixels},{usage}"


WRONG_ROWS = [
    (row(9), "emotion is '9', expected 0 angry, 1 disgust, 2 fear"),
    (row("happy"), "emotion is 'happy', expected 0 angry"),
    (row("1.0"), "emotion is '1.0'"),
    (row(-1), "emotion is '-1'"),
    (row("²"), "emotion is '²'"),
    (row(pixels="7 " * (47 * 48)), "2,256 pixels, expected 48 × 48 = 2,304"),
    (
        row(pixels="7 " * 2303 + "300"),
        "pixel 2,304 is '300', expected a whole number from 0 to 255",
    ),
    (row(pixels="-1 " + "7 " * 2303), "pixel 1 is '-1', expected a whole number"),
    (row(pixels="7 " * 2303 + "dark"), "pixel 2,304 is 'dark', expected a whole number"),
    (row(pixels="0.5 " * 2304), "pixel 1 is '0.5', expected a whole number from 0 to 255, and so"),
    (row(pixels=""), "0 pixels"),
    (row(usage="Train"), "Usage is 'Train', expected Training, PublicTest or PrivateTest"),
    ("3," + "7 " * 2304, "Usage is ''"),
    ("3", "Usage is ''"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_ROWS, ids=[m for _, m in WRONG_ROWS])
def test_a_wrong_row_is_named_by_its_line(wrong: str, message: str, tmp_path: Path) -> None:
    rows = lines(BOTH)
    rows.insert(4, wrong)
    path = tmp_path / "fer.csv"
    path.write_text("\n".join(rows))
    error = refused(path, f"line 5: {message}")
    assert len(error.problems) == 1


def test_many_wrong_rows_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    path = tmp_path / "fer.csv"
    path.write_text("\n".join([*lines(BOTH), *[row(8)] * 9]))
    error = refused(path, "line 23: emotion is '8'", "and 4 more like these")
    assert error.problems[-1] == "9 of 30 lines are wrong"
    assert len(error.problems) == 7


def test_a_blank_line_is_passed_over_but_counted(tmp_path: Path) -> None:
    rows = lines(BOTH)
    path = tmp_path / "fer.csv"
    path.write_text("\n".join([*rows[:3], "", *rows[3:], row(9)]))
    refused(path, f"line {len(rows) + 2}: emotion is '9'")


def test_quoted_fields_tabs_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    rows = [
        ",".join(f'"{field}"' for field in line.replace(" ", "\t", 1).split(","))
        for line in lines(BOTH)
    ]
    path = tmp_path / "fer.csv"
    path.write_text("\n".join(rows), encoding="utf-8-sig")
    assert content(read(path).train) == content(PARTS["train"])


def test_headers_and_whole_files_that_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "fer.csv"
    path.write_text("emotion,pixels\n")
    refused(path, "line 1: the header lacks usage; found emotion, pixels, expected emotion, pixels")
    path.write_text("")
    refused(path, "the header lacks emotion, pixels, usage; found nothing")
    path.write_text("emotion,pixels,Usage\n")
    refused(path, "there are no rows below the header")
    path.write_bytes(b"\xff\xfe\x00\x01" * 99)
    refused(path, "damaged, or not a CSV")
    write_csv(path, ["public"])
    refused(path, "needs training images and test images; found public")
    write_csv(path, ["train"])
    refused(path, "needs training images and test images; found train")
    path.write_text("\n".join(line for line in lines(BOTH) if not line.startswith("1,")))
    refused(path, "train: class 'disgusted' has no images")


def test_a_csv_that_was_cut_off(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer.csv", BOTH)
    path.write_bytes(path.read_bytes()[:-5000])
    refused(path, "line 22: ")
    packed = write_gz(tmp_path / "fer.csv.gz", BOTH)
    packed.write_bytes(packed.read_bytes()[:-5000])
    refused(packed, "damaged, or not a CSV", "end-of-stream")
    packed.write_bytes(b"no gzip at all")
    refused(packed, "damaged, or not a CSV", "Not a gzipped file")


class Trap:
    """Would run code if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("pickle was loaded",)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_images": None}, "lacks train_images; it has class_names, train_labels"),
        ({"public_labels": None}, "lacks public_labels"),
        ({"class_names": None}, "lacks class_names"),
        ({"class_names": np.array(7)}, "class_names is int64 (), expected a list of strings"),
        ({"class_names": np.array([*CLASSES[:6], "happi"])}, "'happi' is no class of FER-2013"),
        ({"class_names": np.array([*CLASSES[:6], "fear"])}, "a class is there twice among"),
        (
            {"train_images": np.zeros((14, 47, 48), np.uint8)},
            "train_images is uint8 (14, 47, 48), expected uint8 (N, 48, 48)",
        ),
        ({"train_images": np.zeros((14, 48, 48))}, "train_images is float64 (14, 48, 48)"),
        ({"train_images": np.uint8(3)}, "train_images is uint8 ()"),
        (
            {"train_labels": np.zeros(13, np.uint8)},
            "train_labels is uint8 (13,), expected 14 whole numbers",
        ),
        ({"train_labels": np.zeros(14)}, "train_labels is float64 (14,)"),
        (
            {"train_labels": np.arange(14) % 10},
            "train_labels: 3 are not from 0 to 6, the first is 7, at index 7",
        ),
        ({"train_labels": np.zeros(14, int)}, "train: class 'disgusted' has no images"),
        ({"train_images": np.array([Trap()], object)}, "damaged, or not an .npz of arrays"),
    ],
)
def test_npz_that_are_wrong(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "fer.npz"
    kept = {name: array for name, array in (arrays(BOTH) | changed).items() if array is not None}
    np.savez(path, **kept)
    refused(path, message)


def test_archives_that_are_damaged(tmp_path: Path) -> None:
    whole = write_npz(tmp_path / "whole.npz", BOTH).read_bytes()
    cut = tmp_path / "cut.npz"
    for damaged in (whole[: len(whole) // 2], whole[:10], b"", b"text", whole[50:]):
        cut.write_bytes(damaged)
        refused(cut, "damaged, or not an .npz")
    broken = bytearray(whole)
    broken[2000:2100] = bytes(100)
    cut.write_bytes(broken)
    refused(cut, "damaged, or not an .npz")
    np.save(tmp_path / "lone.npy", np.zeros(3))
    lone = (tmp_path / "lone.npy").rename(tmp_path / "lone.npz")
    refused(lone, "not an .npz")


@pytest.mark.usefixtures("few")
def test_strips_that_are_wrong(tmp_path: Path) -> None:
    path = write_strips(tmp_path / "strips.zip", BOTH)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"text", b""):
        path.write_bytes(damaged)
        refused(path, "damaged, or not a .zip of strips")
    refused(
        write_strips(path, ["train"]),
        "14 images in 3 strips, labels (14,); expected 21 (train, public) or 28 (and private)",
    )
    refused(write_strips(path, BOTH, width=47), "00000.webp is 47 × 240, expected 48 wide")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/angry/1.png", b"")
    refused(path, "lacks labels.npy", "Unpack a .zip of folders")
    with zipfile.ZipFile(path, "w") as archive:
        labels = io.BytesIO()
        np.save(labels, np.array([Trap()], object), allow_pickle=True)
        archive.writestr("labels.npy", labels.getvalue())
    refused(path, "damaged, or not a .zip of strips")


def test_folders_that_are_wrong(tmp_path: Path) -> None:
    path = write_folders(tmp_path / "kaggle", lambda name: name)
    train = path / "train"
    (train / "bored").mkdir()
    refused(path, "'bored' is no class of FER-2013", where=str(train))
    (train / "bored").rename(train / "disgust")
    refused(path, "a class is there twice", where=str(train))
    (train / "disgust").rmdir()
    picture = next((train / "angry").iterdir())
    whole = picture.read_bytes()
    picture.write_bytes(whole[:200])
    refused(path, f"angry/{picture.name}: not a picture that can be read", where=str(train))
    picture.write_bytes(b"text")
    refused(path, f"angry/{picture.name}: not a picture", where=str(train))
    picture.write_bytes(whole)
    for file in (train / "disgusted").iterdir():
        file.unlink()
    refused(path, "class folder 'disgusted' is empty", where=str(train))
    (train / "disgusted").rmdir()
    refused(path, "train: class 'disgusted' has no images")
    shutil.rmtree(path / "test")
    refused(path, "needs training images and test images; found train")


@real
def test_the_real_folder_holds_two_and_the_votes_are_no_images() -> None:
    refused(DATA, "the folder holds 2 such files")
    refused(DATA / "ferplus_votes_train_public.npz", "lacks train_images, train_labels")
