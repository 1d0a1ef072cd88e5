"""Pictures of facial expressions in the layouts in which their authors publish them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
from attrs import field
from attrs.validators import ge, gt, lt

from bionic_core import NEUTRAL, UNIT, Dataset, DataSource, RequestError, Split
from bionic_core.base.arrays import read_array
from bionic_core.errors import shorten
from bionic_core.pictures import SUFFIXES, Shape, fit

RAFDB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""Of RAF-DB's labels 1 to 7."""

AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
"""Of AffectNet's labels 0 to 7."""

CKPLUS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt")
"""Of the emotions 0 to 7 in the extended Cohn-Kanade table."""

LISTS = ("list_patition_label.txt", "list_partition_label.txt")
"""As it is published, and as it is meant."""

Labelled = list[tuple[Path, int]]


@attrs.frozen(eq=False)
class RafDb(DataSource):
    """RAF-DB's basic expressions: ``EmoLabel/list_patition_label.txt`` and the pictures it names.

    Aligned faces (``train_00001_aligned.jpg``) are taken where they are there. Folders ``train/1``
    to ``train/7`` are class folders, which ``images`` reads.

    Attributes:
        path: the folder ``basic``, or one that holds it.
    """

    name = "rafdb"
    source = "Li, Deng & Du 2017, doi:10.1109/CVPR.2017.277"

    path: str = ""

    @classmethod
    def claims(cls, path: Path) -> int:
        """Claim a folder with the list of labels."""
        return 3 if _list_of(path) else 0

    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the pictures, resized to ``image``.

        Raises:
            RequestError: the list or pictures are missing, or a line names no label.
        """
        where = self.path or "path"
        listed = _list_of(Path(self.path)) if self.path else None
        if listed is None:
            raise RequestError(f"no folder of RAF-DB: {LISTS[0]} is not in it", where=where)
        root = listed.parent.parent if listed.parent.name == "EmoLabel" else listed.parent
        pictures = {
            path.stem.removesuffix("_aligned"): path
            for path in sorted(root.rglob("*"), key=lambda path: path.stem.endswith("_aligned"))
            if path.suffix.lower() in SUFFIXES
        }
        parts: dict[str, Labelled] = {"train": [], "test": []}
        problems = []
        for number, line in enumerate(listed.read_text("utf-8-sig").splitlines(), 1):
            if not (words := line.split()):
                continue
            stem = words[0].rpartition(".")[0] or words[0]
            label = words[1] if len(words) == 2 else ""
            split = stem.partition("_")[0]
            if split not in parts or label not in [str(n) for n in range(1, 8)]:
                problems.append(
                    f"line {number}: expected train_… or test_… and a label from 1 to 7"
                )
            elif stem not in pictures:
                problems.append(f"line {number}: there is no picture of {words[0]}")
            else:
                parts[split].append((pictures[stem], int(label) - 1))
        if problems:
            raise RequestError(shorten(problems), where=str(listed))
        return _dataset(self.name, root, RAFDB, parts, image)


@attrs.frozen(eq=False)
class AffectNet(DataSource):
    """AffectNet: the manual lists ``training.csv`` and ``validation.csv``, or AffectNet-8.

    The lists' pictures are cut to their faces (:mod:`bionic_plugins.data.affectnet_lists`); those
    without an expression (8 to 10) are passed over, and counted in the data's name. AffectNet-8 is
    ``train_set`` and ``val_set``, each with ``images/0.jpg`` and ``annotations/0_exp.npy``. The
    published validation set is the test split, as there is no other. Folders ``0`` to ``7`` are
    class folders, which ``images`` reads.

    Attributes:
        path: the folder that holds all.
    """

    name = "affectnet"
    source = "Mollahosseini, Hasani & Mahoor 2019, doi:10.1109/TAFFC.2017.2740923"

    path: str = ""

    @classmethod
    def claims(cls, path: Path) -> int:
        """Claim a folder with images and annotations, or with the lists."""
        from bionic_plugins.data.affectnet_lists import listed

        return 3 if (path / "train_set" / "annotations").is_dir() or listed(path) else 0

    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the pictures, resized to ``image``.

        Raises:
            RequestError: folders, annotations or pictures are missing, or a label is none.
        """
        from bionic_plugins.data.affectnet_lists import listed, read_lists

        root = Path(self.path or "path")
        if listed(root):
            ordered = sorted(AFFECTNET)
            label = [ordered.index(name) for name in AFFECTNET]
            read, said = read_lists(root, image, label)
            return _named(f"{self.name} ({root.resolve().name}{said})", ordered, read)
        parts: dict[str, Labelled] = {}
        problems: list[str] = []
        for split, name in (("train", "train_set"), ("test", "val_set")):
            if not all((root / name / part).is_dir() for part in ("images", "annotations")):
                problems.append(f"{name} lacks images/ or annotations/")
                continue
            parts[split] = list(_annotated(root / name, problems))
        if problems:
            raise RequestError(shorten(problems), where=str(root))
        return _dataset(self.name, root, AFFECTNET, parts, image)


@attrs.frozen(eq=False)
class CkPlus(DataSource):
    """The extended Cohn-Kanade faces: as published, or the table ``ckextended.csv``.

    Published are ``cohn-kanade-images/`` and ``Emotion/``
    (:mod:`bionic_plugins.data.cohn_kanade`), without a split: test and validation get persons of
    their own. The table has FER-2013's columns; its emotions 0 to 7 are anger, disgust, fear,
    happiness, sadness, surprise, neutral and contempt; PublicTest selects and PrivateTest tests.
    Class folders (``CK+48``) are read by ``images``.

    Attributes:
        path: the folder, or the table.
        frames: last frames of each sequence that are of its emotion; of the folder only, as are:
        neutral: whether the first frame of each is a neutral face.
        test_share: of the pictures that test, about.
        test_seed: of the choice of persons for that.
    """

    name = "ckplus"
    source = "Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262"

    path: str = ""
    frames: int = field(default=1, validator=ge(1), metadata={UNIT: "frames", NEUTRAL: True})
    neutral: bool = field(default=False, metadata={NEUTRAL: True})
    test_share: float = field(
        default=0.2, validator=[gt(0), lt(1)], metadata={UNIT: "1", NEUTRAL: True}
    )
    test_seed: int = field(default=0, validator=ge(0), metadata={UNIT: "1", NEUTRAL: True})

    @classmethod
    def claims(cls, path: Path) -> int:
        """Claim the published folders, and tables of such columns with names that begin so."""
        from bionic_plugins.data.cohn_kanade import places
        from bionic_plugins.data.fer2013_forms import looks_like_csv

        if places(path):
            return 3

        named = path.name.lower().startswith("ck") and path.suffix.lower() in (".csv", ".gz")
        return 3 if named and path.is_file() and looks_like_csv(path) else 0

    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the faces, resized to ``image``.

        Raises:
            RequestError: the file is missing or damaged, or has lines that are wrong.
        """
        from bionic_plugins.data.cohn_kanade import read_sequences
        from bionic_plugins.data.fer2013_files import held_out
        from bionic_plugins.data.fer2013_forms import read_csv

        path = Path(self.path)
        if self.path and path.is_dir():
            read, names, said = read_sequences(
                path,
                image,
                frames=self.frames,
                neutral=self.neutral,
                share=self.test_share,
                seed=self.test_seed,
            )
            title = f"{self.name} ({path.resolve().name}{said})"
            return _named(title, names, read, read.get("validation"))
        if not path.is_file():
            raise RequestError(
                "no such file or folder; expected cohn-kanade-images/ with Emotion/ beside it, or "
                "ckextended.csv",
                where=self.path or "path",
            )
        parts, _ = read_csv(path, CKPLUS, sorted(CKPLUS))
        parts = {split: attrs.evolve(p, images=fit(p.images, image)) for split, p in parts.items()}
        test, validation = held_out(parts, self.path)
        title = f"{self.name} ({path.name})"
        return _named(title, sorted(CKPLUS), {"train": parts["train"], "test": test}, validation)


def _list_of(path: Path) -> Path | None:
    """Return the list of RAF-DB's labels in a folder, if it is there."""
    folders = [path / inside for inside in ("", "EmoLabel", "basic", "basic/EmoLabel")]
    files = (folder / name for folder in folders for name in LISTS)
    return next((file for file in files if file.is_file()), None)


def _annotated(folder: Path, problems: list[str]) -> Iterator[tuple[Path, int]]:
    pictures = {p.stem: p for p in (folder / "images").iterdir() if p.suffix.lower() in SUFFIXES}
    for file in sorted((folder / "annotations").glob("*_exp.npy")):
        stem = file.name.removesuffix("_exp.npy")
        try:
            label = str(read_array(file).item())
        except ValueError:
            label = "several values"
        except RequestError as error:
            problems += error.problems
            continue
        if stem not in pictures:
            problems.append(f"{folder.name}: there is no picture {stem} for {file.name}")
        elif label not in [str(n) for n in range(len(AFFECTNET))]:
            problems.append(f"{folder.name}/annotations/{file.name}: '{label}' is no label, 0 to 7")
        else:
            yield pictures.pop(stem), int(label)
    if pictures:
        problems.append(f"{folder.name}: {len(pictures):,} pictures have no annotation")


def _dataset(
    name: str, root: Path, names: Sequence[str], parts: Mapping[str, Labelled], image: Shape
) -> Dataset:
    from bionic_plugins.data.folders import read_labelled

    if empty := [split for split, files in parts.items() if not files]:
        raise RequestError(f"there are no pictures to {empty[0]}", where=str(root))
    ordered = sorted(names)
    label = [ordered.index(name) for name in names]
    read = {
        split: read_labelled([(path, label[cls]) for path, cls in files], root, image)
        for split, files in parts.items()
    }
    return _named(f"{name} ({root.resolve().name})", ordered, read)


def _named(
    title: str, names: Sequence[str], parts: Mapping[str, Split], validation: Split | None = None
) -> Dataset:
    return Dataset(title, tuple(names), parts["train"], parts["test"], validation)
