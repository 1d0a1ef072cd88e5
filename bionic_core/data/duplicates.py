"""Images that are there more than once: the same pixels, or the same picture nearly.

Near copies are found in two stages. Two perceptual hashes of 64 bits make candidates of all
pairs within a Hamming distance: pHash, the signs of the 8 × 8 lowest cosine frequencies about
their median (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash
Functions"), and dHash, the signs of the brightness differences between neighbours on an 8 × 9
grid. Of the candidates, those stay whose pixels correlate.

What that finds, of 300 faces of FER-2013 and changed copies of them: all after JPEG at quality
30, a change of brightness and contrast, or resizing to 36 × 36 and back; 95 % after cropping one
pixel all round; 84 % under a bright band over four rows; 74 % after a shift by one pixel, but 3 %
by two, and none after mirroring. No other face was taken for a copy but one.

``drop_leaks`` trains on what this leaves: a change of what is found is one of the core's numerics.
"""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BITS = 128
"""Of both hashes together."""

NEAR = 14
"""Default Hamming distance of candidates, of ``BITS``. On FER-2013's distinct images the distances
of pairs have two modes with a valley from 12 to 16 bits. Of pairs drawn at random, correlated as
asked for below, and looked at: up to 12 bits, 75 of 75 were one photograph twice; at 13 and 14
bits, 56 of 60; of pairs between Training and PublicTest, 120 of 120. From 17 bits on,
pairs of different faces grow by half with each bit."""

WIDEST = 32
"""Largest distance that may be asked for; beyond it, candidates by chance outgrow memory."""

CORRELATION = 0.8
"""Least Pearson correlation of the pixels of near copies."""

TILE = 2048
"""Images compared at once: 2048² distances are 16 MiB."""


def identical(images: Images) -> Rows:
    """Return for each image (N, C, H, W) the number of its group: equal for equal pixels only."""
    rows = np.ascontiguousarray(images).reshape(len(images), -1)
    digests = np.array([hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows])
    return np.unique(digests, return_inverse=True)[1].reshape(-1).astype(np.int64)


def blank(images: Images) -> npt.NDArray[np.bool_]:
    """Return whether each image (N, C, H, W) has one value in all its pixels."""
    flat = images.reshape(len(images), -1)
    return np.asarray(flat.min(1) == flat.max(1))


def hashes(images: Images) -> Floats:
    """Return the perceptual hash of each image, float32 (N, ``BITS``) of −1 and 1.

    As numbers rather than bits, since the Hamming distance of two is then
    (``BITS`` − their dot product) / 2, and all distances are one matrix product.

    Args:
        images: uint8 (N, C, H, W); channels are averaged.
    """
    from scipy.fft import dct

    height, width = images.shape[2:]
    cosines = dct(np.eye(32), axis=0, norm="ortho")[:8]
    parts = [np.zeros((0, BITS), np.bool_)]
    for start in range(0, len(images), TILE):
        grey = images[start : start + TILE].mean(1, dtype=np.float32)
        low = _resample(grey, cosines @ _area(32, height), cosines @ _area(32, width))
        grid = _resample(grey, _area(8, height), _area(9, width))
        low = low.reshape(len(grey), -1)
        # Half a grey level, so that rounding decides no bit where a picture is flat.
        step = (np.diff(grid, axis=2) > 0.5).reshape(len(grey), -1)
        parts.append(np.concatenate([low > np.median(low, axis=1, keepdims=True), step], axis=1))
    return np.concatenate(parts).astype(np.float32) * 2 - 1


def _resample(grey: Floats, rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> Floats:
    return np.asarray(rows.astype(np.float32) @ grey @ columns.T.astype(np.float32))


def _area(size: int, length: int) -> npt.NDArray[np.float64]:
    """Return the (size, length) matrix that averages pixels over ``size`` equal stretches."""
    edges = np.linspace(0, length, size + 1)[:, None]
    covered = np.clip(edges - np.arange(length), 0, 1)  # of each pixel, left of each edge
    return np.asarray(np.diff(covered, axis=0) * (size / length))


@attrs.frozen(eq=False)
class Pairs:
    """Pairs of near copies.

    Attributes:
        first, second: int64 (K,), rows of the images compared.
        bits: int64 (K,), Hamming distance of their hashes.
        correlation: float32 (K,), Pearson correlation of their pixels.
    """

    first: Rows
    second: Rows
    bits: Rows
    correlation: Floats

    def __len__(self) -> int:
        return len(self.first)

    def take(self, which: npt.NDArray[Any]) -> Pairs:
        """Return the pairs that a mask or rows choose."""
        return Pairs(
            self.first[which], self.second[which], self.bits[which], self.correlation[which]
        )


def near_pairs(images: Images, others: Images | None = None, *, near: int = NEAR) -> Pairs:
    """Return the pairs of near copies; pairs of identical images are among them.

    Every pair is compared, N · M · ``BITS`` multiply-adds: seconds for 30,000 images. Blank
    images are near to nothing.

    Args:
        images: uint8 (N, C, H, W); ``first`` counts them.
        others: uint8 (M, C, H, W), counted by ``second``; without, pairs are within ``images``,
            each once, ``first`` before ``second``.
        near: largest Hamming distance, of ``BITS``.
    """
    first, second = images, images if others is None else others
    rows = np.flatnonzero(~blank(first))
    columns = rows if others is None else np.flatnonzero(~blank(second))
    left = hashes(first)[rows]
    right = left if others is None else hashes(second)[columns]
    found: list[npt.NDArray[np.int64]] = [np.zeros((3, 0), np.int64)]
    for i in range(0, len(left), TILE):
        for j in range(i if others is None else 0, len(right), TILE):
            product = left[i : i + TILE] @ right[j : j + TILE].T
            a, b = np.nonzero(product >= BITS - 2 * near)
            bits = ((BITS - product[a, b]) / 2).astype(np.int64)
            once = slice(None) if others is not None else a + i < b + j
            found.append(np.stack([rows[a + i], columns[b + j], bits])[:, once])
    pairs = np.concatenate(found, axis=1)
    pairs = pairs[:, np.lexsort((pairs[1], pairs[0]))]
    correlation = _correlation(first, second, pairs[0], pairs[1])
    alike = correlation >= CORRELATION
    return Pairs(pairs[0], pairs[1], pairs[2], correlation).take(alike)


def _correlation(images: Images, others: Images, first: Rows, second: Rows) -> Floats:
    """Return the Pearson correlation of the pixels of each pair, float32 (K,)."""
    parts = [np.zeros(0, np.float32)]
    for start in range(0, len(first), TILE):
        pair = slice(start, start + TILE)
        x, y = _standard(images[first[pair]]), _standard(others[second[pair]])
        parts.append(np.einsum("kp,kp->k", x, y))
    return np.concatenate(parts)


def _standard(images: Images) -> Floats:
    """Return the pixels of each image less their mean and of length 1, float32 (K, P)."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return flat


def occurring(images: Images, others: Images, *, near: int = NEAR) -> tuple[Rows, Rows]:
    """Return the rows of ``images`` that occur in ``others``: exactly, and else nearly.

    Args:
        images: uint8 (N, C, H, W).
        others: uint8 (M, C, H, W).
        near: as for :func:`near_pairs`.

    Returns:
        Two arrays of int64 without a row in common, each ascending: of the images that have the
        same pixels as one of ``others`` (blank ones included), and of those that are only near
        copies of one.
    """
    group = identical(np.concatenate([images, others]))
    exact = np.flatnonzero(np.isin(group[: len(images)], group[len(images) :]))
    return exact, np.setdiff1d(near_pairs(images, others, near=near).first, exact)
