"""The extended Cohn-Kanade faces as they are published: sequences, and an emotion for some.

``cohn-kanade-images/S005/001/S005_001_00000011.png`` is the last frame of a sequence, the peak of
an expression that begins with a neutral face; ``Emotion/S005/001/S005_001_00000011_emotion.txt``
holds a number from 0 to 7, of 327 of the 593 sequences. There is no split: persons are kept apart.
"""

from __future__ import annotations

from pathlib import Path

from bionic_core import RequestError, Split
from bionic_core.errors import shorten
from bionic_core.pictures import Shape
from bionic_plugins.data.folders import Labelled, folders, read_labelled
from bionic_plugins.data.persons import apart

EMOTIONS = (
    *("neutral", "anger", "contempt", "disgust"),
    *("fear", "happiness", "sadness", "surprise"),
)
"""Of the numbers 0 to 7; the table ``ckextended.csv`` has others."""

IMAGES = ("cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images")
LABELS = ("Emotion", "Emotion_labels/Emotion", "Emotion_labels")


def places(root: Path) -> tuple[Path, Path] | None:
    """Return the folders of pictures and of emotions; None where they are not both there."""
    images = next((root / name for name in IMAGES if (root / name).is_dir()), None)
    labels = next((root / name for name in LABELS if (root / name).is_dir()), None)
    return None if images is None or labels is None else (images, labels)


def read_sequences(
    root: Path, image: Shape, *, frames: int, neutral: bool, share: float, seed: int
) -> tuple[dict[str, Split], list[str], str]:
    """Return the splits, the classes that occur, and what is to be said of them.

    Args:
        root: that holds both folders.
        image: the shape to read pictures in.
        frames: of each sequence, the last so many are of its emotion.
        neutral: whether its first frame is a neutral face.
        share: of the pictures that test.
        seed: of the choice of persons for that.

    Raises:
        RequestError: a folder is missing, an emotion is none, or a sequence has no or too few
            pictures.
    """
    found = places(root)
    if found is None:
        wanted = f"{IMAGES[0]}/ and {LABELS[0]}/"
        raise RequestError(f"expected the folders {wanted}", where=str(root))
    images, labels = found
    pictures: list[tuple[Path, str]] = []
    problems: list[str] = []
    files = sorted(labels.rglob("*_emotion.txt"))
    for file in files:
        place = file.parent.relative_to(labels)
        name = _emotion(file)
        sequence = sorted((images / place).glob("*.png"))
        peak = f"{file.name.removesuffix('_emotion.txt')}.png"
        if name is None:
            problems.append(f"{file.relative_to(root)}: expected a number from 0 to 7")
        elif not sequence or sequence[-1].name != peak:
            problems.append(
                f"{images.name}/{place.as_posix()}: expected a sequence that ends with {peak}"
            )
        elif len(sequence) < frames + neutral:
            problems.append(
                f"{images.name}/{place.as_posix()}: has {len(sequence)} pictures, fewer than "
                f"frames = {frames}{' and a neutral one' * neutral}"
            )
        else:
            pictures += [(path, name) for path in sequence[-frames:]]
            pictures += [(sequence[0], "neutral")] * neutral
    if problems or not pictures:
        raise RequestError(shorten(problems) or "there are no emotions", where=str(root))
    names = sorted({name for _, name in pictures})
    labelled: Labelled = [(path, names.index(name)) for path, name in pictures]
    part = read_labelled(labelled, root, image)
    persons = [path.name.partition("_")[0].upper() for path, _ in pictures]
    parts, said = apart({"train": part}, persons, share, seed)
    if "test" not in parts:
        raise RequestError("too few persons to set some apart for testing", where=str(root))
    count = sum(len(folders(person)) for person in folders(images))
    return parts, names, f"; {len(files):,} of {count:,} sequences have an emotion{said}"


def _emotion(file: Path) -> str | None:
    """Return the emotion that a file says, such as ``3.0000000e+00``; None if it says none."""
    try:
        number = float(file.read_text("ascii", "replace"))
    except ValueError:
        return None
    return EMOTIONS[int(number)] if number in range(len(EMOTIONS)) else None
