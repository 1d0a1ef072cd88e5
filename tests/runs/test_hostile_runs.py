"""Run folders that somebody else sent: opening one executes nothing, and says what is wrong."""

from __future__ import annotations

import ast
import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save

from bionic_core import Registry, Spec
from bionic_core.base.checksums import to_sums
from bionic_core.base.words import printable
from bionic_core.errors import DamagedError
from bionic_core.runs.files import SUMMED, SUMS
from bionic_core.runs.folder import Run
from bionic_core.spec.spec import compose
from tests.cli.test_cli import Bionic, Said, bionic
from tests.support.killing import trained

__all__ = ["bionic"]  # a fixture

ROOT = Path(__file__).parents[2]


class Canary:
    """Its pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def spec() -> Spec:
    document = {
        "model": {"layers": {"A": 6, "B": 5}, "projections": ["A->B"]},
        "data": {"source": "schematic", "train": 70, "test": 35},
        "training": {"max_epochs": 1, "patience": 0},
        "mechanisms": {"noise": {}},
    }
    return compose(document, name="small", registry=Registry.installed())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(spec(), tmp_path_factory.mktemp("good"))


@pytest.fixture
def folder(good: Run, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return Path(shutil.copytree(good.folder, tmp_path / "sent" / good.hash))


def sealed(folder: Path) -> None:
    """Make sums that fit, as somebody who means harm would."""
    contents = {name: (folder / name).read_bytes() for name in SUMMED}
    (folder / SUMS).write_text(to_sums(contents))


def opened(bionic: Bionic, folder: Path) -> list[Said]:
    """Open a folder with every command that opens one."""
    picture = folder.parent / "picture.png"
    Image.new("L", (48, 48), 99).save(picture)
    return [
        bionic("evaluate", folder),
        bionic("predict", folder, picture),
        bionic("runs", folder.parent),
    ]


def test_a_run_folder_holds_no_pickle(good: Run) -> None:
    """Every file is text, safetensors, or an archive of arrays of plain kinds."""
    for path in good.folder.iterdir():
        data = path.read_bytes()
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    assert member.filename.endswith(".npy")
                    array = np.load(io.BytesIO(archive.read(member)), allow_pickle=False)
                    assert array.dtype.kind in "fiU"
        elif path.suffix == ".safetensors":
            assert load_file(path)
        else:
            assert data.decode().isprintable() or "\n" in data.decode()
        with pytest.raises(Exception):  # noqa: B017 - whatever pickle says of what is none
            pickle.loads(data)


def test_no_code_of_ours_loads_pickles_or_evaluates_text() -> None:
    """``torch.load``, ``pickle``, ``eval`` and their kind occur nowhere in the packages."""
    found = []
    for path in [*ROOT.glob("bionic_core/**/*.py"), *ROOT.glob("bionic_plugins/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            words = ""
            if isinstance(node, ast.Import):
                words = " ".join(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                words = node.module or ""
            elif isinstance(node, ast.Call):
                words = ast.unparse(node.func)
                if words.endswith("np.load") and "allow_pickle=False" not in ast.unparse(node):
                    found.append(f"{path.name}: {ast.unparse(node)}")
            forbidden = ("pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")
            if words in (*forbidden, "torch.load", "eval", "exec", "yaml.load", "read_pickle"):
                found.append(f"{path.name}: {words}")
    assert not found


EVIL_NAMES = "\x1b]0;owned\x07\x1b[31m[/red]\u202e"


def as_pickle(canary: Path) -> bytes:
    return pickle.dumps(Canary(canary))


def arrays_with_pickle(canary: Path) -> bytes:
    file = io.BytesIO()
    np.savez(file, test_logits=np.array([Canary(canary)], dtype=object), allow_pickle=True)
    return file.getvalue()


def bomb() -> bytes:
    """A small archive that claims to unpack to a terabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f8", "fortran_order": False, "shape": (2**37,)}
        )
        archive.writestr("test_logits.npy", header.getvalue())
    return file.getvalue()


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[Path, Path], None]:
    def apply(folder: Path, canary: Path) -> None:
        document = json.loads((folder / name).read_text())
        change(document)
        (folder / name).write_text(json.dumps(document))

    return apply


def replaced(name: str, data: Callable[[Path], bytes]) -> Callable[[Path, Path], None]:
    def apply(folder: Path, canary: Path) -> None:
        (folder / name).write_bytes(data(canary))

    return apply


def edited(old: str, new: str) -> Callable[[Path, Path], None]:
    def apply(folder: Path, canary: Path) -> None:
        text = (folder / "spec.toml").read_text()
        assert old in text
        (folder / "spec.toml").write_text(text.replace(old, new))

    return apply


def linked(name: str) -> Callable[[Path, Path], None]:
    def apply(folder: Path, canary: Path) -> None:
        secret = folder.parent / "secret"
        (folder / name).rename(secret)
        (folder / name).symlink_to(secret)

    return apply


def weights(value: float) -> Callable[[Path, Path], None]:
    def apply(folder: Path, canary: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").write_bytes(
            save({key: np.full_like(tensor, value) for key, tensor in tensors.items()})
        )

    return apply


CRAFTED: dict[str, tuple[Callable[[Path, Path], None], str, tuple[int, ...]]] = {
    # what is done; the words about it; which of evaluate and predict refuse
    "pickled weights": (replaced("model.safetensors", as_pickle), "safetensors: damaged", (2, 2)),
    "pickled manifest": (replaced("manifest.json", as_pickle), "manifest.json: damaged", (2, 2)),
    "pickled spec": (replaced("spec.toml", as_pickle), "spec.toml: damaged", (2, 2)),
    "pickled result": (replaced("result.json", as_pickle), "result.json: damaged", (2, 2)),
    "weights of infinity": (weights(np.inf), "not all weights are finite", (2, 2)),
    "deep JSON": (replaced("manifest.json", lambda _: b"[" * 10**6), "manifest.json: dam", (2, 2)),
    "deep TOML": (replaced("spec.toml", lambda _: b"a=" + b"[" * 10**5), "spec.toml", (2, 2)),
    "a long number": (
        replaced("result.json", lambda _: b'{"epochs": ' + b"9" * 10**5 + b"}"),
        "result.json: damaged",
        (2, 2),
    ),
    "a huge text": (
        replaced("result.json", lambda _: b" " * (64 * 2**20 + 1)),
        "bytes, more",
        (2, 2),
    ),
    "a link": (linked("model.safetensors"), "is a link, and a run's or study's files", (2, 2)),
    "no seed": (changed("manifest.json", lambda d: d.pop("seed")), "seed: is missing", (2, 2)),
    "a seed of text": (
        changed("manifest.json", lambda d: d.update(seed="1; import os")),
        'seed = "1; import os": must be a whole number',
        (2, 2),
    ),
    "names that are none": (
        changed("manifest.json", lambda d: d.update(class_names=[{"a": 1}])),
        'class_names[0] = {"a": 1}: must be a string',
        (2, 2),
    ),
    "names that lead elsewhere": (
        changed("manifest.json", lambda d: d.update(name="../../../tmp/x", class_names=["../a"])),
        "classes",
        (2, 2),
    ),
    "figures that are none": (
        changed("result.json", lambda d: d.update(test="good")),
        'test = "good": must be a table',
        (2, 2),
    ),
    "a model too large to be": (
        edited("A = 6", "A = 6000000000000"),
        "6,000,000,000,000 × 5 neurons stored dense",
        (2, 2),
    ),
    "a mechanism that is a path": (edited("noise", '"../../evil"'), "../../evil", (2, 2)),
}


@pytest.mark.parametrize("case", CRAFTED)
def test_a_crafted_folder_is_refused_in_words(
    bionic: Bionic,
    folder: Path,
    tmp_path: Path,
    case: str,
) -> None:
    canary = tmp_path / "canary"
    spoil, words, codes = CRAFTED[case]
    spoil(folder, canary)
    sealed(folder)
    evaluated, predicted, listed = opened(bionic, folder)
    for said, code in zip((evaluated, predicted), codes, strict=True):
        assert said.code == code, said.err
        assert "Traceback" not in said.err
        assert code == 0 or words in said.err, said.err
    assert listed.code == 0
    assert not canary.exists()


@pytest.mark.parametrize("make", [as_pickle, arrays_with_pickle, lambda _: bomb()])
def test_crafted_predictions_are_refused(
    folder: Path, tmp_path: Path, make: Callable[[Path], bytes]
) -> None:
    (folder / "predictions.npz").write_bytes(make(tmp_path / "canary"))
    sealed(folder)
    with pytest.raises(DamagedError, match=r"predictions.npz: (damaged|not an .npz)"):
        _ = Run.open(folder).predictions
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("make", [as_pickle, arrays_with_pickle, lambda _: b"\xff" * 999])
def test_a_crafted_state_is_not_trained_on(
    good: Run, tmp_path: Path, make: Callable[[Path], bytes]
) -> None:
    place = tmp_path / "runs" / good.hash
    place.mkdir(parents=True)
    (place / "state.safetensors").write_bytes(make(tmp_path / "canary"))
    with pytest.raises(DamagedError, match=r"manifest.json: damaged: it is missing.*Remove the f"):
        trained(spec(), tmp_path / "runs")
    shutil.copy(good.folder / "manifest.json", place)
    with pytest.raises(DamagedError, match=r"state.safetensors: damaged.*Remove the folder"):
        trained(spec(), tmp_path / "runs")
    assert not (tmp_path / "canary").exists()


def test_sums_name_the_files_of_a_run_and_no_others(folder: Path) -> None:
    text = (folder / SUMS).read_text()
    for wrong in (
        text.replace("spec.toml", "../spec.toml"),
        text + "0" * 64 + "  /etc/passwd\n",
        "",
        text[:-1],
        text.upper(),
    ):
        (folder / SUMS).write_text(wrong)
        with pytest.raises(DamagedError, match="SHA256SUMS: damaged"):
            Run.open(folder).verify()


def test_a_terminal_obeys_no_name(bionic: Bionic, folder: Path) -> None:
    """Escapes, markup and text that runs backwards are shown, not done."""

    def named(document: dict[str, Any]) -> None:
        document["name"] = EVIL_NAMES
        document["class_names"] = [EVIL_NAMES + name for name in document["class_names"]]

    changed("manifest.json", named)(folder, folder)
    sealed(folder)
    evaluated, predicted, listed = opened(bionic, folder)
    assert (evaluated.code, predicted.code, listed.code) == (2, 0, 0)
    for said in (evaluated, predicted, listed):
        for text in (said.out, said.err):
            assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert "[/red]" in predicted.out
    assert "[31m[/re" in listed.out  # folded in its column
    assert (
        printable("a\x1b[2J\tb\nc\x9b")
        == "a\N{REPLACEMENT CHARACTER}[2J\tb\nc\N{REPLACEMENT CHARACTER}"
    )


def test_a_folder_that_only_looks_like_a_run(bionic: Bionic, tmp_path: Path) -> None:
    place = tmp_path / "sent" / ("0" * 16)
    place.mkdir(parents=True)
    (told,) = bionic("runs", place.parent, "--json").document["runs"]
    assert (told["state"], told["reason"]) == ("not begun", None)
    (place / "metrics.jsonl").touch()
    (told,) = bionic("runs", place.parent, "--json").document["runs"]
    assert told["state"] == "damaged"
    assert "manifest.json: missing" in told["reason"]
    assert bionic("runs", tmp_path / "nowhere").code == 2
    said = bionic("runs", tmp_path)
    assert said.code == 2
    assert "there are no runs in this folder" in said.err
