"""Pictures in the layouts that people have: published sets, choices of classes, sub-folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bionic_core import Dataset, RequestError, Split
from bionic_core.registry import Registry
from bionic_core.spec.sources import data_table, open_data
from bionic_plugins.data.expressions import AFFECTNET, CKPLUS, RAFDB, CkPlus
from bionic_plugins.data.fer2013 import Fer2013
from bionic_plugins.data.images import Images

IMAGE = (1, 8, 8)
FER = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def save(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((48, 48), value, np.uint8)).save(path)
    return path


def brightest(data: Dataset, part: Split) -> dict[str, int]:
    pairs = zip(part.labels, part.images, strict=True)
    return {data.class_names[label]: int(image.max()) for label, image in pairs}


def chosen(path: Path) -> str:
    return str(data_table(str(path), Registry.installed())["source"])


def folders(root: Path, names: tuple[str, ...], each: int = 2) -> None:
    for place, name in enumerate(names):
        for number in range(each):
            save(root / name / f"{number}.png", 20 * place + number)


def test_five_of_seven_classes_are_somebodys_choice(tmp_path: Path) -> None:
    five = ("angry", "fear", "happy", "neutral", "sad")
    folders(tmp_path / "train", five)
    folders(tmp_path / "test", five, 1)
    assert chosen(tmp_path) == "images"
    data = open_data(str(tmp_path)).read(IMAGE)
    assert data.class_names == five
    assert data.train.counts(5).tolist() == [2] * 5
    assert data.test.counts(5).tolist() == [1] * 5
    forced = data_table(f"fer2013:{tmp_path}", Registry.installed())
    assert forced == {"source": "fer2013", "path": str(tmp_path)}
    with pytest.raises(RequestError, match="no such file or folder for images to read"):
        data_table("images:gone", Registry.installed())


@pytest.mark.parametrize("held", ["validation", "val", "PublicTest", "PrivateTest", "test_set"])
def test_the_only_split_beside_train_is_the_test_split(held: str, tmp_path: Path) -> None:
    folders(tmp_path / "train", FER)
    folders(tmp_path / held, FER, 1)
    assert chosen(tmp_path) == "fer2013"
    data = Fer2013(str(tmp_path)).read(IMAGE)
    assert (data.train.counts(7).tolist(), data.test.counts(7).tolist()) == ([2] * 7, [1] * 7)
    assert data.validation is None
    assert data_table(f"images:{tmp_path}", Registry.installed())["source"] == "images"


def test_folders_within_a_class_belong_to_it_and_tests_may_lack_one(tmp_path: Path) -> None:
    for name, value in (("cat", 0), ("dog", 100)):
        for person in ("person1", "person2"):
            for ending, more in ((".png", 0), (".PGM", 1), (".jfif", 2), (".TIF", 3)):
                suffix = ending.lower().replace(".jfif", ".jpg")
                file = save(tmp_path / "train" / name / person / f"{more}{suffix}", value + more)
                file.rename(file.with_suffix(ending))
    save(tmp_path / "test" / "dog" / "a.png", 7)
    (tmp_path / "test" / "cat").mkdir()
    (tmp_path / "train" / "cat" / "loop").symlink_to(tmp_path / "train")
    (tmp_path / "train" / "cat" / "Thumbs.db").write_text("")
    (tmp_path / "train" / "cat" / "loop").unlink()
    (tmp_path / "train" / "cat" / "loop").symlink_to(tmp_path / "train" / "cat")
    data = Images(str(tmp_path)).read(IMAGE)
    assert data.train.counts(2).tolist() == [8, 8]
    assert data.test.counts(2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["training_data/cat/0.png", "testing_data/cat/0.png"], "named as a split and holds"),
        (["cat/train/0.png", "dog/test/0.png"], "holds the folders train, which are named as"),
        (["train/a/0.png", "train/b/0.png", "testing_data/a/1.png"], "'testing_data' is named as"),
    ],
)
def test_splits_are_never_mixed(files: list[str], words: str, tmp_path: Path) -> None:
    for file in files:
        save(tmp_path / file, 5)
    with pytest.raises(RequestError, match=words):
        Images(str(tmp_path)).read(IMAGE)


@pytest.mark.parametrize("inside", ["", "basic"])
def test_rafdb_as_published(inside: str, tmp_path: Path) -> None:
    root = tmp_path / inside
    lines = []
    for number in range(1, 8):
        for split in ("train", "test"):
            stem = f"{split}_{number:05}"
            save(root / "Image" / "aligned" / f"{stem}_aligned.jpg", 30 * number)
            save(root / "Image" / "original" / f"{stem}.jpg", 0)
            lines.append(f"{stem}.jpg {number}")
    listed = root / "EmoLabel" / "list_patition_label.txt"
    listed.parent.mkdir()
    listed.write_text("\n".join(lines) + "\n")
    assert chosen(tmp_path) == "rafdb"
    data = open_data(str(tmp_path)).read(IMAGE)
    assert data.class_names == tuple(sorted(RAFDB))
    of = {
        data.class_names[c]: i.max()
        for c, i in zip(data.train.labels, data.train.images, strict=True)
    }
    assert of["surprise"] == pytest.approx(30, abs=2)
    assert of["neutral"] == pytest.approx(210, abs=2)
    listed.write_text("train_00001.jpg 8\ntrain_09999.jpg 1\n")
    with pytest.raises(RequestError, match=r"line 1: expected.*\n.*line 2: there is no picture"):
        open_data(str(tmp_path)).read(IMAGE)


def test_affectnet_as_published(tmp_path: Path) -> None:
    for split in ("train_set", "val_set"):
        (tmp_path / split / "annotations").mkdir(parents=True)
        for number in range(8):
            save(tmp_path / split / "images" / f"{number}.jpg", 30 * number)
            for part in ("exp", "aro", "val"):
                np.save(tmp_path / split / "annotations" / f"{number}_{part}.npy", str(number))
    assert chosen(tmp_path) == "affectnet"
    data = open_data(str(tmp_path)).read(IMAGE)
    assert data.class_names == tuple(sorted(AFFECTNET))
    of = {
        data.class_names[c]: i.max()
        for c, i in zip(data.test.labels, data.test.images, strict=True)
    }
    assert of["contempt"] == pytest.approx(210, abs=2)
    (tmp_path / "val_set" / "images" / "3.jpg").unlink()
    with pytest.raises(RequestError, match=r"val_set: there is no picture 3 for 3_exp\.npy"):
        open_data(str(tmp_path)).read(IMAGE)


def test_the_extended_cohn_kanade_table(tmp_path: Path) -> None:
    rows = ["emotion,pixels,Usage"]
    for number in range(8):
        for usage in ("Training", "PublicTest", "PrivateTest"):
            rows.append(f"{number},{' '.join([str(30 * number)] * 2304)},{usage}")
    path = tmp_path / "ckextended.csv"
    path.write_text("\n".join(rows))
    assert chosen(path) == "ckplus"
    data = open_data(str(path)).read(IMAGE)
    assert data.class_names == tuple(sorted(CKPLUS))
    of = {
        data.class_names[c]: i.max()
        for c, i in zip(data.train.labels, data.train.images, strict=True)
    }
    assert (of["anger"], of["contempt"], of["neutral"]) == (0, 210, 180)
    assert data.validation is not None


def test_a_quoted_comma_moves_no_field(tmp_path: Path) -> None:
    pixels = " ".join(["5"] * 2304)
    rows = [
        f'"a, {n}",{n % 7},{pixels},{"Training" if n < 7 else "PrivateTest"}' for n in range(14)
    ]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["name,emotion,pixels,Usage", *rows]))
    assert len(Fer2013(str(path)).read(IMAGE).train) == 7


def test_affectnet_lists_as_published(tmp_path: Path) -> None:
    lists = tmp_path / "Manually_Annotated_file_lists"
    lists.mkdir()
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks"
    for split in ("training", "validation"):
        rows = [f"{header},expression,valence,arousal"]
        for number in range(11):
            name = f"{number}/{split}{number}.jpg"
            path = tmp_path / "Manually_Annotated_Images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = np.zeros((60, 80), np.uint8)
            picture[10:40, 20:50] = 20 * number
            Image.fromarray(picture).save(path, quality=100)
            rows.append(f"{name},20,10,30,30,1.5;2.5,{number},-0.1,0.2")
        (lists / f"{split}.csv").write_text("\r\n".join(rows) + "\r\n")
    assert chosen(tmp_path) == "affectnet"
    data = open_data(str(tmp_path)).read(IMAGE)
    assert data.name.endswith("; 6 of 22 pictures have no expression)")
    assert data.class_names == tuple(sorted(AFFECTNET))
    assert len(data.train) == len(data.test) == 8
    for label, image in zip(data.train.labels, data.train.images, strict=True):
        expected = 20 * AFFECTNET.index(data.class_names[label])
        assert image.min() == pytest.approx(expected, abs=4)  # cut to the face, no black around
    (lists / "validation.csv").write_text(f"{header},expression\n9/gone.jpg,1,1,1,1,,3\nx,,,,,,z\n")
    with pytest.raises(RequestError, match=r"line 2: there is no picture.*\n.*line 3: 'z' is no"):
        open_data(str(tmp_path)).read(IMAGE)


def cohn_kanade(root: Path, persons: int = 12) -> None:
    for person in range(persons):
        for take, emotion in ((1, 1 + person % 3), (2, 7), (3, None)):
            place = Path(f"S{person:03}", f"{take:03}")
            for frame in (1, 2, 3):
                stem = f"S{person:03}_{take:03}_{frame:08}"
                save(root / "cohn-kanade-images" / place / f"{stem}.png", 60 * frame + person)
            if emotion is not None:
                file = root / "Emotion" / place / f"{stem}_emotion.txt"
                file.parent.mkdir(parents=True)
                file.write_text(f"   {emotion:.7e}\n")


def test_the_extended_cohn_kanade_sequences_as_published(tmp_path: Path) -> None:
    cohn_kanade(tmp_path)
    assert chosen(tmp_path) == "ckplus"
    data = open_data(str(tmp_path)).read(IMAGE)
    assert data.class_names == ("anger", "contempt", "disgust", "surprise")
    assert "24 of 36 sequences have an emotion; test and validation by person" in data.name
    of = {split: {int(i.max()) for i in part.images} for split, part in data.splits.items()}
    assert not of["train"] & of["test"]
    assert not of["train"] & of["validation"]
    assert all(grey >= 180 for greys in of.values() for grey in greys)  # the last of each sequence
    assert sum(len(part) for part in data.splits.values()) == 24
    more = CkPlus(str(tmp_path), frames=2, neutral=True).read(IMAGE)
    assert "neutral" in more.class_names
    assert sum(len(part) for part in more.splits.values()) == 72
    with pytest.raises(RequestError, match=r"has 3 pictures, fewer than frames = 3 and a neutral"):
        CkPlus(str(tmp_path), frames=3, neutral=True).read(IMAGE)
    next(tmp_path.rglob("*_emotion.txt")).write_text("nine")
    with pytest.raises(RequestError, match=r"emotion\.txt: expected a number from 0 to 7"):
        CkPlus(str(tmp_path)).read(IMAGE)


def test_pictures_of_a_person_stay_together_where_names_tell_persons(tmp_path: Path) -> None:
    for person in range(20):
        for place, name in enumerate(("anger", "fear")):
            for frame in range(3):
                stem = f"S{person:03}_00{place}_{frame:08}"
                save(tmp_path / "ck" / name / f"{stem}.png", 10 * person + place + 2 * frame)
                save(tmp_path / "of" / name / f"p{person}" / f"{frame}.png", 10 * person + frame)
    for root in ("ck", "of"):
        data = Images(str(tmp_path / root)).read(IMAGE)
        assert data.name == f"images ({root}; test and validation by person)"
        of = {s: {int(i.max()) // 10 for i in part.images} for s, part in data.splits.items()}
        assert len(of["test"]) == 4
        assert sum(map(len, of.values())) == 20
        mixed = Images(str(tmp_path / root), persons="mixed").read(IMAGE)
        assert mixed.validation is None
        assert mixed.name == f"images ({root}; persons may be in train and test)"
    (tmp_path / "ck").rename(tmp_path / "train")
    save(tmp_path / "test" / "fear" / "S001_001_00000009.png", 5)
    assert "1 persons of train are in test" in Images(str(tmp_path)).read(IMAGE).name


def test_a_column_that_is_there_twice_and_usages_with_blanks(tmp_path: Path) -> None:
    pixels = " ".join(["5"] * 2304)
    rows = [f"{n % 7},{pixels},{'Training' if n < 7 else 'Private Test'}" for n in range(14)]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    assert len(Fer2013(str(path)).read(IMAGE).test) == 7
    path.write_text("\n".join(["emotion,pixels,Usage,emotion", *(f"{row},0" for row in rows)]))
    with pytest.raises(RequestError, match="line 1: the header has emotion twice; keep one"):
        Fer2013(str(path)).read(IMAGE)
