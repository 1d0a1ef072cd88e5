"""How schematic faces are drawn: what an expression does, what tells people apart, the camera."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core import Split
from bionic_core.pictures import Shape, check_room, fit

Floats = npt.NDArray[Any]

SIDE = 48
CHUNK = 250

# The shares of the classes are those of FER-2013's training images.
SHARES = {
    "angry": 3995,
    "disgusted": 436,
    "fearful": 4097,
    "happy": 7215,
    "neutral": 4965,
    "sad": 4830,
    "surprised": 3171,
}

# What a full expression does to a neutral face, after Ekman & Friesen's action units.
PARTS = ("inner", "outer", "eye", "curve", "open", "width", "wrinkle")
EXPRESSIONS = {
    "angry": (-1.0, 0.35, -0.35, -0.35, 0.05, -0.15, 0.3),
    "disgusted": (-0.6, -0.1, -0.5, -0.5, 0.2, 0.0, 1.0),
    "fearful": (0.9, 0.3, 0.55, -0.3, 0.45, 0.15, 0.0),
    "happy": (0.1, 0.1, -0.25, 1.0, 0.25, 0.3, 0.1),
    "neutral": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "sad": (0.75, -0.5, -0.3, -0.75, 0.0, -0.2, 0.0),
    "surprised": (0.7, 0.8, 0.7, 0.0, 1.0, -0.35, 0.0),
}

# How hard the faces are: the strength of an expression; the standard deviation
# of what each part does of its own accord; the largest grain, of white 1.
WEAKEST, STRONGEST, WAYWARD, GRAIN = 0.15, 1.2, 0.2, 0.22

# What tells one person from another: lengths in half the width of a picture, greys of white 1.
BUILD = {
    "face": (0.66, 0.78),
    "skin": (0.5, 0.85),
    "ground": (0.1, 0.6),
    "hair": (0.02, 0.35),
    "volume": (0.04, 0.14),
    "long": (-0.3, 0.9),
    "hairline": (-0.78, -0.58),
    "parted": (-0.2, 0.2),
    "apart": (0.28, 0.36),
    "eyes": (-0.22, -0.12),
    "iris": (0.06, 0.25),
    "mouth": (0.42, 0.52),
    "lip": (0.2, 0.45),
    "brow": (0.035, 0.06),
}


def drawn_split(count: int, seed: tuple[int, int], image: Shape) -> Split:
    """Return so many faces, resized to ``image`` where that is not (1, 48, 48)."""
    check_room(count, (1, SIDE, SIDE))
    check_room(count, image)
    rng = np.random.Generator(np.random.PCG64(list(seed)))
    labels = _labels(count, rng)
    return Split(fit(draw(labels, rng), image), labels)


def _labels(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return labels in random order, in the shares of the classes, each at least once."""
    shares = np.array(list(SHARES.values()), float)
    counts = np.maximum(1, np.floor(count * shares / shares.sum()).astype(int))
    counts[np.argmax(counts)] += count - counts.sum()
    labels = np.repeat(np.arange(len(counts)), counts)
    return labels[np.argsort(rng.random(count), kind="stable")]


def draw(labels: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return a face for each label, uint8 (N, 1, 48, 48).

    Only uniform numbers are drawn, and beyond them only sums, products, quotients and square
    roots are taken, which IEEE 754 rounds alike everywhere: a seed means the same faces, bit
    for bit, on every machine and with every version of NumPy.
    """
    chunks = [_faces(labels[start : start + CHUNK], rng) for start in range(0, len(labels), CHUNK)]
    return np.concatenate(chunks)[:, None]


def _uniform(rng: np.random.Generator, low: float, high: float, count: int) -> Floats:
    values: Floats = (low + (high - low) * rng.random(count)).astype(np.float32)
    return values[:, None, None]


def _bell(rng: np.random.Generator, sd: float, *shape: int) -> Floats:
    """Return numbers of mean 0, bell-shaped: the sum of four uniform ones."""
    values: Floats = (sd * np.sqrt(3) * (rng.random((4, *shape)).sum(0) - 2)).astype(np.float32)
    return values


def _faces(labels: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return faces uint8 (n, 48, 48), drawn from the back to the front."""
    n = len(labels)
    full = np.array(list(EXPRESSIONS.values()), np.float32)[labels]
    strength = WEAKEST + (STRONGEST - WEAKEST) * rng.random(n, np.float32)
    parts = full * strength[:, None] + _bell(rng, WAYWARD, n, len(PARTS))
    inner, outer, eye, curve, opened, width, wrinkle = (
        parts[:, number, None, None] for number in range(len(PARTS))
    )
    u, v = _pose(rng, n)
    build = {name: _uniform(rng, low, high, n) for name, (low, high) in BUILD.items()}
    skin, hair, dark = build["skin"], build["hair"], 0.35 * build["skin"]
    image = build["ground"] + np.zeros_like(u)
    mane = _length(u / (build["face"] + build["volume"]), (v + 0.1) / (0.9 + build["volume"])) - 1
    image = _paint(image, hair, _inside(np.maximum(mane, v - build["long"]), 8))
    ears = _length((np.abs(u) - build["face"]) / 0.09, (v - build["eyes"] - 0.12) / 0.15) - 1
    image = _paint(image, 0.9 * skin, _inside(ears, 2))
    head = _inside(_length(u / build["face"], (v - 0.02) / 0.93) - 1, 8)
    fringe = v - build["hairline"] - build["parted"] * u - 0.2 * u * u
    image = _paint(image, skin, head * _inside(-fringe, 12))
    u = u - _uniform(rng, -0.09, 0.09, n)  # the head turns a little to one side
    for side in (-1.0, 1.0):
        x: Floats = side * u - build["apart"]
        y: Floats = v - build["eyes"]
        image = _eye(image, x, y, 0.075 * (1 + np.clip(eye, -0.75, 1)), build["iris"])
        slope = (outer - inner) * 0.1
        height = -0.17 - 0.05 * (inner + outer) - slope * x / 0.15
        line = np.maximum(np.abs(y - height) - build["brow"], np.abs(x) - 0.16)
        image = _paint(image, hair, _inside(line, 16))
    nose = _length((np.abs(u) - 0.07) / 1.2, v - 0.16) - 0.035
    image = _paint(image, dark, 0.7 * _inside(nose, 16))
    creases = np.abs(np.abs(u) * 0.8 - 0.1 - 0.35 * (v - 0.02)) - 0.015
    creases = np.maximum(creases, np.abs(v - 0.1) - 0.16)
    image = _paint(image, dark, np.clip(wrinkle, 0, 1) * _inside(creases, 14))
    image = _mouth(image, u, v - build["mouth"], curve, opened, width, build["lip"] * skin)
    return _seen(image, rng)


def _pose(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Return each pixel's place in the face's own frame, about −1 … 1, (n, 48, 48) each."""
    place = ((np.arange(SIDE) + 0.5) / (SIDE / 2) - 1).astype(np.float32)
    cos, sin = _turn(_bell(rng, 0.065, n)[:, None, None])
    scale = _uniform(rng, 0.85, 1.1, n)
    x = (place[None, None, :] - _bell(rng, 0.06, n)[:, None, None]) / scale
    y = (place[None, :, None] - _bell(rng, 0.06, n)[:, None, None]) / scale
    return cos * x + sin * y, cos * y - sin * x


def _turn(half: Floats) -> tuple[Floats, Floats]:
    """Return the cosine and sine of an angle from the tangent of half of it."""
    return (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)


def _length(x: Floats, y: Floats) -> Floats:
    length: Floats = np.sqrt(x * x + y * y)
    return length


def _eye(image: Floats, x: Floats, y: Floats, half: Floats, iris: Floats) -> Floats:
    white = _inside(_length(x / 0.14, y / half) - 1, 4)
    image = _paint(image, np.float32(0.95), white)
    return _paint(image, iris, white * _inside(_length(x, y) - 0.065, 14))


def _mouth(
    image: Floats, u: Floats, v: Floats, curve: Floats, opened: Floats, width: Floats, lip: Floats
) -> Floats:
    half = 0.27 * (1 + np.clip(width, -0.6, 0.6))
    arch = 1 - (u / half) ** 2
    bend = 0.17 * curve * arch - 0.06 * curve  # corners go up where it smiles
    gap = 0.17 * np.clip(opened, 0, 1.3) * np.sqrt(np.clip(arch, 0, 1))
    away = np.abs(v - bend) - gap
    ends = np.abs(u) - half
    image = _paint(image, lip, _inside(np.maximum(away - 0.045, ends), 14))
    inside = _inside(np.maximum(away, ends + 0.03), 14) * _inside(0.03 - gap, 30)
    return _paint(image, np.float32(0.08), inside)


def _seen(image: Floats, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return the faces as a camera sees them: occluded, lit from a side, with noise."""
    n = len(image)
    place = np.linspace(-1, 1, SIDE, dtype=np.float32)
    x, y = place[None, None, :], place[None, :, None]
    cos, sin = _turn(_uniform(rng, -1, 1, n))
    across = cos * x + sin * y - _uniform(rng, -0.8, 0.8, n)
    stroke = _inside(np.abs(across) - _uniform(rng, 0.02, 0.1, n), 24)
    image = _paint(image, _uniform(rng, 0, 1, n), (_uniform(rng, 0, 1, n) < 0.3) * stroke)
    cos, sin = _turn(_uniform(rng, -1, 1, n))
    light = _uniform(rng, -0.4, 0.4, n)
    image = image * (1 + light * (cos * x + sin * y))
    image = 0.5 + _uniform(rng, 0.5, 1.1, n) * (image - 0.5) + _uniform(rng, -0.15, 0.15, n)
    grain = (rng.random(image.shape, np.float32) - np.float32(0.5)) * _uniform(rng, 0.03, GRAIN, n)
    return np.round(255 * np.clip(image + grain, 0, 1)).astype(np.uint8)


def _inside(distance: Floats, sharpness: float) -> Floats:
    """Return 1 within a shape, 0 outside, and a soft edge between."""
    cover: Floats = np.clip(np.float32(0.5) - np.float32(sharpness) * distance, 0, 1)
    return cover


def _paint(image: Floats, colour: Floats | np.float32, cover: Floats) -> Floats:
    return image + cover * (colour - image)
