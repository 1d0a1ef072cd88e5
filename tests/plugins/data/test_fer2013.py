"""Every form of FER-2013 gives the same images and classes."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bionic_core import Dataset, Split
from bionic_plugins.data import fer2013_forms
from bionic_plugins.data.fer2013 import Fer2013
from bionic_plugins.data.fer2013_forms import CLASSES

CODE = {"angry": 0, "disgusted": 1, "fearful": 2, "happy": 3, "sad": 4, "surprised": 5}
CODE["neutral"] = 6
SHORT = {"disgusted": "disgust", "fearful": "fear", "surprised": "surprise"}
IMAGE = (1, 48, 48)

Content = list[tuple[str, bytes]]


def drawn(seed: int, each: int = 2) -> Split:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(7), each)
    return Split(rng.integers(0, 256, (len(labels), *IMAGE), dtype=np.uint8), labels)


PARTS = {"train": drawn(0), "public": drawn(1, 1), "private": drawn(2, 1)}
USAGE = {"train": "Training", "public": "PublicTest", "private": "PrivateTest"}


def content(part: Split | None, names: Sequence[str] = CLASSES) -> Content:
    """Return class names and pixels in an order of their own."""
    assert part is not None
    return sorted((names[c], i.tobytes()) for c, i in zip(part.labels, part.images, strict=True))


def read(path: Path, image: tuple[int, int, int] = IMAGE) -> Dataset:
    return Fer2013(path=str(path)).read(image)


# --- the forms, written


def lines(splits: Sequence[str], header: str = "emotion,pixels,Usage") -> list[str]:
    columns = [name.strip().lower() for name in header.split(",")]
    rows = [header]
    for split in splits:
        for image, label in zip(PARTS[split].images, PARTS[split].labels, strict=True):
            fields = {
                "emotion": str(CODE[CLASSES[label]]),
                "pixels": " ".join(map(str, image.ravel().tolist())),
                "usage": USAGE[split],
            }
            rows.append(",".join(fields[column] for column in columns))
    return rows


def write_csv(path: Path, splits: Sequence[str], header: str = "emotion,pixels,Usage") -> Path:
    path.write_text("\n".join(lines(splits, header)) + "\n")
    return path


def write_gz(path: Path, splits: Sequence[str]) -> Path:
    with gzip.open(path, "wt") as file:
        file.write("\r\n".join(lines(splits, "emotion, Usage, pixels")) + "\r\n")
    return path


def arrays(splits: Sequence[str], names: Sequence[str] = CLASSES) -> dict[str, Any]:
    """Return an npz's arrays, labels indexing ``names``."""
    place = np.array([list(names).index(name) for name in CLASSES])
    found: dict[str, Any] = {"class_names": np.array(names)}
    for split in splits:
        found[f"{split}_images"] = PARTS[split].images[:, 0]
        found[f"{split}_labels"] = place[PARTS[split].labels].astype(np.uint8)
    return found


def write_npz(path: Path, splits: Sequence[str], names: Sequence[str] = CLASSES) -> Path:
    np.savez_compressed(path, **arrays(splits, names))
    return path


def write_folders(path: Path, names: Callable[[str], str]) -> Path:
    for folder, part in (("train", PARTS["train"]), ("test", PARTS["public"])):
        for number, (image, label) in enumerate(zip(part.images, part.labels, strict=True)):
            file = path / folder / names(CLASSES[label]) / f"im{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0]).save(file)
    return path


def write_strips(path: Path, splits: Sequence[str], width: int = 48) -> Path:
    images = np.concatenate([PARTS[split].images[:, 0] for split in splits])
    labels = io.BytesIO()
    np.save(labels, np.concatenate([PARTS[split].labels for split in splits]).astype(np.uint8))
    with zipfile.ZipFile(path, "w") as archive:
        for start in range(0, len(images), 5):
            strip = io.BytesIO()
            tall = images[start : start + 5].reshape(-1, 48)[:, :width]
            Image.fromarray(np.ascontiguousarray(tall)).save(strip, "WEBP", lossless=True)
            archive.writestr(f"{start:05}.webp", strip.getvalue())
        archive.writestr("labels.npy", labels.getvalue())
    return path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let strips hold as many images as these tests write."""
    for name, split in (("TRAIN", "train"), ("PUBLIC", "public"), ("PRIVATE", "private")):
        monkeypatch.setattr(fer2013_forms, name, len(PARTS[split]))


BOTH = ("train", "public")
ALL = ("train", "public", "private")
TWO_SPLITS: dict[str, Callable[[Path], Path]] = {
    "fer2013.csv": lambda p: write_csv(p / "fer2013.csv", BOTH),
    "icml": lambda p: write_csv(p / "icml_face_data.csv", BOTH, "emotion, Usage, pixels"),
    "upper case": lambda p: write_csv(p / "FER.CSV", BOTH, "Usage,Pixels,Emotion"),
    "csv.gz": lambda p: write_gz(p / "fer2013.csv.gz", BOTH),
    "npz": lambda p: write_npz(p / "fer.npz", BOTH),
    "npz in the order of codes": lambda p: write_npz(
        p / "codes.npz", BOTH, sorted(CODE, key=lambda name: CODE[name])
    ),
    "folders": lambda p: write_folders(p / "kaggle", lambda name: name),
    "folders, short names": lambda p: write_folders(p / "kaggle", lambda n: SHORT.get(n, n)),
    "folders, capitals": lambda p: write_folders(p / "kaggle", str.capitalize),
    "strips": lambda p: write_strips(p / "strips.zip", BOTH),
}


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("write", TWO_SPLITS.values(), ids=TWO_SPLITS.keys())
def test_every_form_gives_the_same_images_and_classes(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = write(tmp_path)
    data = read(path)
    assert data.class_names == CLASSES
    assert content(data.train) == content(PARTS["train"])
    assert content(data.test) == content(PARTS["public"])
    assert data.validation is None
    assert data.name == f"fer2013 ({path.name})"
    assert Fer2013.claims(path) == 2


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("write", [write_csv, write_npz, write_strips])
def test_public_selects_and_private_tests_where_both_are_there(
    write: Callable[[Path, Sequence[str]], Path], tmp_path: Path
) -> None:
    suffix = {"write_csv": "csv", "write_npz": "npz", "write_strips": "zip"}[write.__name__]
    data = read(write(tmp_path / f"fer.{suffix}", ALL))
    assert content(data.validation) == content(PARTS["public"])
    assert content(data.test) == content(PARTS["private"])


def test_private_alone_is_the_test_split(tmp_path: Path) -> None:
    data = read(write_csv(tmp_path / "fer.csv", ("train", "private")))
    assert content(data.test) == content(PARTS["private"])
    assert data.validation is None


def test_labels_follow_names_not_places(tmp_path: Path) -> None:
    names = [SHORT.get(name, name) for name in reversed(CLASSES)]
    found = arrays(BOTH)
    found["class_names"] = np.array(names)
    for split in BOTH:
        found[f"{split}_labels"] = 6 - found[f"{split}_labels"]
    np.savez(tmp_path / "reversed.npz", **found)
    assert content(read(tmp_path / "reversed.npz").train) == content(PARTS["train"])


def test_a_folder_with_one_file_is_that_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "fer2013.csv", BOTH)
    (tmp_path / "submission.csv").write_text("id,emotion\n1,2\n")
    (tmp_path / "README").write_text("read me")
    assert Fer2013.claims(tmp_path) == 2
    assert content(read(tmp_path).train) == content(PARTS["train"])


def test_a_folder_of_other_pictures_with_a_table_is_not_claimed(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
    (tmp_path / "labels.csv").write_text("file,label\n")
    assert Fer2013.claims(tmp_path) == 0


@pytest.mark.parametrize("image", [(1, 32, 24), (3, 48, 48), (3, 64, 64)])
def test_images_are_resized_as_asked(image: tuple[int, int, int], tmp_path: Path) -> None:
    data = read(write_npz(tmp_path / "fer.npz", BOTH), image)
    assert data.train.images.shape == (14, *image)
    assert data.train.images.dtype == np.uint8
    if image[0] == 3:
        assert np.array_equal(data.train.images[:, 0], data.train.images[:, 2])
    folders = read(write_folders(tmp_path / "kaggle", lambda name: name), image)
    assert content(folders.train) == content(data.train)


# --- the real ones

DATA = Path(__file__).parents[3].parent / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"FER-2013 is not in {DATA}")

COUNTS = {
    "train": [3995, 436, 4097, 7215, 4965, 4830, 3171],
    "test": [467, 56, 496, 895, 607, 653, 415],
}


@real
def test_the_real_npz_and_strips_are_the_same() -> None:
    npz = read(DATA / "fer2013_train_public.npz")
    strips = read(DATA / "fer2013_train_public_strips.zip")
    for split, counts in COUNTS.items():
        one, other = npz.splits[split], strips.splits[split]
        assert one.counts(7).tolist() == counts
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.labels, other.labels)
    assert npz.fingerprint == strips.fingerprint
