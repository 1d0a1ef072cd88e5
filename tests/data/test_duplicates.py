"""Copies and near copies of images are found, and nothing else."""

from __future__ import annotations

import io
import time

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bionic_core.data.duplicates import (
    BITS,
    CORRELATION,
    NEAR,
    TILE,
    blank,
    hashes,
    identical,
    near_pairs,
    occurring,
)

Images = npt.NDArray[np.uint8]


def pictures(count: int, seed: int = 0, side: int = 48, channels: int = 1) -> Images:
    """Smooth images, of amplitude 1/frequency²: faces of 48 pixels have little detail."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    frequency[0, 0] = 1
    noise = rng.standard_normal((count, channels, side, side))
    pixels = np.fft.ifft2(np.fft.fft2(noise) / frequency**2).real
    pixels /= pixels.std((2, 3), keepdims=True)
    return np.clip(128 + 40 * pixels, 0, 255).astype(np.uint8)


def jpeg(image: Images, quality: int = 30) -> Images:
    file = io.BytesIO()
    Image.fromarray(image[0]).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))[None]


def shifted(image: Images) -> Images:
    return np.roll(image, 1, axis=2)


def light(image: Images) -> Images:
    return np.clip(0.8 * image.astype(float) + 25, 0, 255).astype(np.uint8)


def marked(image: Images) -> Images:
    """A watermark: a bright band of a twelfth of the picture."""
    changed = image.copy()
    changed[:, 22:26] = 230
    return changed


def resized(image: Images) -> Images:
    small = Image.fromarray(image[0]).resize((36, 36), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((48, 48), Image.Resampling.BILINEAR))[None]


CHANGES = {"jpeg": jpeg, "light": light, "resized": resized, "shift": shifted, "watermark": marked}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_copies_are_near_and_all_else_is_not(name: str) -> None:
    images = pictures(400)
    copies = np.stack([CHANGES[name](image) for image in images[:60]])
    found = near_pairs(images, copies)
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    true = {(row, row) for row in range(60)}
    assert not pairs - true
    assert len(pairs) >= {"shift": 30, "watermark": 15}.get(name, 60)
    assert found.bits.max() <= NEAR
    assert found.correlation.min() >= CORRELATION


def test_identical_images_are_near_with_no_bit_between_them() -> None:
    images = pictures(50)
    found = near_pairs(np.concatenate([images, images[[7, 3]]]))
    assert list(zip(found.first, found.second, found.bits, strict=True)) == [(3, 51, 0), (7, 50, 0)]
    assert np.allclose(found.correlation, 1)


def test_negatives_and_mirrored_images_are_not_near() -> None:
    images = pictures(40)
    assert not len(near_pairs(images, 255 - images))
    assert not len(near_pairs(images, images[..., ::-1]))


def brute(one: Images, other: Images, near: int) -> set[tuple[int, int, int]]:
    """Every pair by its bits and numpy's correlation, one by one."""
    a, b = hashes(one), hashes(other)
    return {
        (i, j, int((a[i] != b[j]).sum()))
        for i in range(len(one))
        for j in range(len(other))
        if (a[i] != b[j]).sum() <= near
        and np.corrcoef(one[i].ravel(), other[j].ravel())[0, 1] >= CORRELATION
    }


@pytest.mark.parametrize("near", [0, 6, 32])
@pytest.mark.parametrize("tile", [7, 16, TILE])
def test_tiles_compare_every_pair_once(
    near: int, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bionic_core.data.duplicates.TILE", tile)
    base = pictures(30, seed=3)
    others = np.stack([shifted(image) for image in base[5:20]])
    found = near_pairs(base, others, near=near)
    listed = list(
        zip(found.first.tolist(), found.second.tolist(), found.bits.tolist(), strict=True)
    )
    assert sorted(listed) == sorted(brute(base, others, near))
    assert len(set(listed)) == len(listed)
    pool = np.concatenate([base, others])
    within = near_pairs(pool, near=near)
    listed = list(
        zip(within.first.tolist(), within.second.tolist(), within.bits.tolist(), strict=True)
    )
    assert listed == sorted(pair for pair in brute(pool, pool, near) if pair[0] < pair[1])


def test_hashes_are_phash_and_dhash() -> None:
    """Against Pillow's area resizing and SciPy's transform, as image hashing is written."""
    from scipy.fft import dctn

    images = pictures(20, side=64)
    for image, code in zip(images, hashes(images), strict=True):
        picture = Image.fromarray(image[0].astype(np.float32))
        low = dctn(np.asarray(picture.resize((32, 32), Image.Resampling.BOX)), norm="ortho")[:8, :8]
        phash = low > np.median(low)
        grid = np.asarray(picture.resize((9, 8), Image.Resampling.BOX))
        dhash = np.diff(grid, axis=1) > 0.5
        mine = code > 0
        assert (mine[:64] == phash.ravel()).mean() > 0.98
        # Pillow's box takes whole pixels, ours the shares of those at the edges.
        assert (mine[64:] == dhash.ravel()).mean() > 0.9


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 48, 48), (1, 33, 70), (3, 4, 4)])
def test_images_of_any_shape_have_hashes(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    codes = hashes(images)
    assert codes.shape == (6, BITS)
    assert set(np.unique(codes)) == {-1.0, 1.0}
    found = near_pairs(images, images[::-1].copy())
    assert list(zip(found.first, found.second, strict=True)) == [(i, 5 - i) for i in range(6)]


def test_blank_images_are_those_of_one_value_and_near_to_nothing() -> None:
    images = pictures(5)
    images[1], images[3] = 0, 255
    assert blank(images).tolist() == [False, True, False, True, False]
    assert not len(near_pairs(images))
    assert not len(near_pairs(images[[1, 3]], images[[1, 3]]))


def test_identical_is_of_pixels_alone() -> None:
    images = pictures(6)
    images[4] = images[1]
    images[5] = images[1]
    images[5, 0, 0, 0] ^= 1
    group = identical(images)
    assert group[4] == group[1]
    assert len(set(group.tolist())) == 5


def test_what_occurs_elsewhere_is_exact_or_else_near() -> None:
    images = pictures(40)
    images[9] = 0
    elsewhere = np.stack(
        [images[4], shifted(images[4]), light(images[6]), images[9], *pictures(5, 1)]
    )
    exact, near = occurring(images, elsewhere)
    assert exact.tolist() == [4, 9]
    assert near.tolist() == [6]
    exact, near = occurring(images[10:], pictures(5, 1))
    assert not len(exact)
    assert not len(near)


def test_as_many_images_as_fer2013_has_take_seconds() -> None:
    images = np.tile(pictures(2000), (4, 1, 1, 1))  # a quarter: a sixteenth of the pairs
    images += np.random.default_rng(0).integers(0, 2, images.shape, dtype=np.uint8)
    start = time.process_time()
    near_pairs(images)
    assert time.process_time() - start < 10
