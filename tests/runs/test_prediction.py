"""Class probabilities of pictures: those of the evaluation, from any file, with the data gone."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import bionic_core as bionic
from bionic_core.base.records import to_document
from bionic_core.cli import main
from bionic_core.reports import terminal
from bionic_core.reports.tables.evaluation import predicted
from bionic_core.runs.files import PREDICTIONS
from bionic_core.runs.folder import Run
from bionic_core.runs.predict import Prediction, find_pictures, predict
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose

PETS = ("cat", "dog", "owl")


def pictures(root: Path, size: tuple[int, int], mode: str, each: int = 8) -> Path:
    """Write pictures of three classes, told apart by where they are bright."""
    rng = np.random.default_rng(0)
    for split, count in (("train", each), ("test", 4)):
        for cls, name in enumerate(PETS):
            for number in range(count):
                pixels = rng.integers(0, 90, (size[1], size[0], 3), dtype=np.uint8)
                pixels[cls * 5 : cls * 5 + 5] += 150
                path = root / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).convert(mode).save(path)
    return root


def trained(root: Path, image: list[int], mode: str = "L", **tables: Any) -> Run:
    data = pictures(root / "pets", (image[2], image[1]), mode)
    document = {
        "model": {
            "layers": {"A": 12, "B": 8},
            "projections": ["A->B"],
            "classes": 3,
            "image": image,
        },
        "data": {"source": "images", "path": str(data)},
        "training": {"max_epochs": 3, "lr": 3e-3, "patience": 0},
        "mechanisms": {"layernorm": {}},
    }
    spec = compose(document | tables, name="pets", registry=bionic.Registry.installed())
    return train(spec, root=root / "runs", device="cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def run(place: Path) -> Run:
    return trained(place, [1, 16, 16])


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    p = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return np.asarray(p / p.sum(1, keepdims=True))


@pytest.mark.parametrize(("image", "mode"), [([1, 16, 16], "L"), ([3, 16, 20], "RGB")])
def test_predictions_are_those_of_the_evaluation(
    image: list[int], mode: str, tmp_path: Path
) -> None:
    run = trained(tmp_path, image, mode)
    found = predict(run, [tmp_path / "pets" / "test" / name for name in PETS])
    with np.load(run.folder / PREDICTIONS, allow_pickle=False) as file:
        expected = softmax(file["test_logits"])
    assert len(found) == len(expected) == 12
    for one, row in zip(found, expected, strict=True):
        assert [one.probabilities[name] for name in PETS] == pytest.approx(row, abs=1e-6)
        assert one.prediction == PETS[int(row.argmax())]
        ranked = list(one.probabilities.values())
        assert ranked == sorted(ranked, reverse=True)
        assert sum(ranked) == pytest.approx(1)
    assert Path(found[0].image) == tmp_path / "pets" / "test" / "cat" / "0.png"
    json.dumps(to_document(found), allow_nan=False)


def test_the_data_is_not_needed(place: Path, run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes((place / "pets" / "test" / "owl" / "0.png").read_bytes())
    before = predict(run, [picture])
    (place / "pets").rename(place / "gone")
    try:
        assert predict(run, [picture]) == before
    finally:
        (place / "gone").rename(place / "pets")


def test_the_connectome_comes_from_the_spec(tmp_path: Path) -> None:
    run = trained(
        tmp_path,
        [1, 16, 16],
        model={
            "layers": {"A": ["5P-ET"], "B": ["5P-NP"]},
            "projections": ["A->B"],
            "classes": 3,
            "image": [1, 16, 16],
        },
        connectome={"source": "column"},
        mechanisms={"masks": {}},
    )
    assert len(predict(run, [tmp_path / "pets" / "test" / "cat"])) == 4


def test_pictures_of_any_form_size_and_colour(run: Run, tmp_path: Path) -> None:
    """A bright bar in the middle is the same picture in every form, turned and framed."""
    base = np.full((64, 64), 30, np.uint8)
    base[20:40] = 220
    grey = Image.fromarray(base)
    frames = Image.new("L", (128, 64), 77)
    frames.paste(grey, (32, 0))
    turned, exif = Image.fromarray(np.rot90(base).copy()), Image.Exif()
    exif[0x0112] = 6
    saved: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "a.png": (grey, {}),
        "b.jpg": (grey.convert("RGB"), {"quality": 95}),
        "c.PNG": (grey.convert("RGBA"), {}),
        "d.png": (Image.fromarray(base.astype(np.uint16) * 257), {}),
        "e.png": (grey.convert("P"), {}),
        "f.jpeg": (turned, {"quality": 95, "exif": exif}),
        "g.webp": (grey.convert("RGB"), {"lossless": True}),
        "h.jpg": (frames, {"quality": 95}),
    }
    for name, (picture, options) in saved.items():
        picture.save(tmp_path / name, **options)
    found = predict(run, [tmp_path])
    assert [Path(one.image).name for one in found] == list(saved)
    for one in found:
        assert one.probabilities == pytest.approx(found[0].probabilities, abs=0.02), one


def test_folders_give_their_pictures_sorted(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_text("")
    (tmp_path / "deep.png").mkdir()
    assert find_pictures([tmp_path]) == [tmp_path / "a.JPG", tmp_path / "b.png"]
    odd = tmp_path / "notes.txt"
    assert find_pictures([odd, odd]) == [odd, odd]  # whoever names a file means it


def test_bad_pictures_are_all_named_and_nothing_is_predicted(run: Run, tmp_path: Path) -> None:
    good, text, cut = tmp_path / "good.png", tmp_path / "text.png", tmp_path / "cut.jpg"
    Image.new("L", (20, 20), 9).save(good)
    text.write_text("no picture")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90), np.uint8)).save(cut)
    cut.write_bytes(cut.read_bytes()[:900])
    with pytest.raises(bionic.RequestError) as caught:
        predict(run, [good, text, cut])
    assert len(caught.value.problems) == 2
    for path in (text, cut):
        assert f"{path}: not a picture that can be read (" in str(caught.value)


def test_what_a_folder_holds_and_cannot_be_read_is_passed_over_and_counted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    Image.new("L", (20, 20), 9).save(folder / "a.png")
    (folder / "b.png").write_text("no picture")
    Image.new("L", (20, 20), 200).save(folder / "c.png")
    found = predict(run, [folder])
    assert [Path(one.image).name for one in found] == ["a.png", "b.png", "c.png"]
    assert found[1].prediction is None
    assert "b.png: not a picture that can be read" in str(found[1].error)
    assert [found[0], found[2]] == predict(run, [folder / "a.png", folder / "c.png"])
    monkeypatch.setattr(sys, "argv", ["bionic", "predict", str(run.folder), str(folder)])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    assert stop.value.code == 1
    assert "1 of 3 pictures could not be read" in err
    assert "Not read" in out
    for name in ("a.png", "c.png"):
        (folder / name).unlink()
    with pytest.raises(bionic.RequestError, match=r"b\.png: not a picture"):
        predict(run, [folder])


def test_empty_folders_and_missing_files_are_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(bionic.RequestError) as caught:
        predict(run, [tmp_path / "empty", tmp_path / "gone.png"])
    said = str(caught.value)
    assert f"{tmp_path / 'empty'}: there are no pictures in this folder itself; pictures" in said
    assert f"{tmp_path / 'gone.png'}: no such file or folder" in said
    with pytest.raises(bionic.RequestError, match="and 2 more like these"):
        find_pictures([tmp_path / f"{number}.png" for number in range(7)])


def test_a_folder_that_cannot_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", locked)
    with pytest.raises(bionic.RequestError, match=r"cannot be looked into \(Permission denied\)"):
        find_pictures([tmp_path])


def test_an_unfinished_run_is_refused(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / run.hash
    folder.mkdir()
    for name in ("spec.toml", "manifest.json"):
        (folder / name).write_bytes((run.folder / name).read_bytes())
    with pytest.raises(bionic.RequestError, match="this run is not finished"):
        predict(Run.open(folder), [tmp_path])


def test_tables_of_one_and_of_several_pictures() -> None:
    from rich.console import Console

    def words(found: list[Prediction], width: int = 100) -> str:
        console = Console(file=io.StringIO(), width=width)
        console.print(terminal.render(predicted(found)))
        file = console.file
        assert isinstance(file, io.StringIO)
        return file.getvalue()

    one = Prediction("a[b].png", "dog", {"dog": 0.75, "cat": 0.25})
    other = Prediction("c.png", "cat", {"cat": 0.6, "dog": 0.4})
    said = words([one])
    assert "a[b].png" in said
    assert said.index("dog") < said.index("75.0 %") < said.index("cat") < said.index("25.0 %")
    said = words([one, other])
    assert said.index("dog 75 %") < said.index("cat 25 %") < said.index("cat 60 %")
    names = ("happy", "neutral", "surprised", "disgusted", "sad")
    many = dict(zip(names, (0.5, 0.3, 0.1, 0.06, 0.04), strict=True))
    long = Prediction("pictures/of/people.png", "happy", many)
    rows = words([long, long], width=80).splitlines()
    assert sum("happy 50 %" in row and "surprised 10 %" in row for row in rows) == 2
    assert not any("disgusted" in row for row in rows)
    assert "--json" in rows[-1]
