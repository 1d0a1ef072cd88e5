"""Views of training images are torchvision's in distribution, and exactly what they say alone."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import stats
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as reference

from bionic_core.seeds import Stream
from bionic_core.training.recipe import Views
from bionic_core.training.views import vary
from bionic_plugins.mechanisms.augmentation import Augmentation

SIDE = 48
DRAWS = 1500
UNLIKELY = 1e-3
"""Tests refuse at this level; seeds are fixed, so that they do not fail by chance."""
DEVIATIONS = 5
"""Of 4,608 pixels, one is off by five standard errors by chance in one of 400 tests."""

BILINEAR = v2.InterpolationMode.BILINEAR
PAPER = Views(
    scale=(0.8, 1.0), ratio=(3 / 4, 4 / 3), rotation=15, flip=0.5, brightness=0.15, contrast=0.15
)
PLACED = Views(scale=(0.8, 1.0), ratio=(3 / 4, 4 / 3), rotation=15, flip=0.5)
GEOMETRY = [
    v2.RandomResizedCrop(SIDE, scale=(0.8, 1.0)),
    v2.RandomRotation(15, interpolation=BILINEAR, fill=None),
    v2.RandomHorizontalFlip(),
]
LIGHT = [v2.ColorJitter(brightness=0.15, contrast=0.15)]


def ours(image: Tensor, views: Views, draws: int = DRAWS, step: int = 0) -> Tensor:
    """Draw views of one image CHW, as one batch."""
    stream = Stream(7)
    stream.seek(step)
    return vary(image.expand(draws, *image.shape), views, stream)


def theirs(image: Tensor, transforms: list[Any], draws: int = DRAWS) -> Tensor:
    """Draw views of one image CHW with torchvision, one by one, as it draws for a whole batch."""
    transform = v2.Compose(transforms)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return torch.stack([transform(image) for _ in range(draws)])


def smooth() -> Tensor:
    """An image without detail: sampling it twice blurs it no more than once."""
    y, x = torch.meshgrid(torch.linspace(0, 1, SIDE), torch.linspace(0, 1, SIDE), indexing="ij")
    return (0.45 + 0.2 * torch.sin(4 * x + 1) + 0.2 * torch.cos(3 * y) * x)[None]


def detailed() -> Tensor:
    """An image with the spectrum of a photograph, amplitude 1/frequency (Field 1987)."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None, :])
    frequency[0, 0] = 1
    pixels = np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIDE, SIDE))) / frequency).real
    return torch.as_tensor(np.clip(0.5 + 0.2 * pixels / pixels.std(), 0, 1)).float()[None]


# --- the distribution of pixels


def moments(views: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return each pixel's mean and variance over the views, and the squares of their errors."""
    views = views.double()
    mean, variance = views.mean(0), views.var(0)
    fourth = ((views - mean) ** 4).mean(0)
    return mean, variance, variance / len(views), (fourth - variance**2) / len(views)


@pytest.mark.parametrize(
    ("views", "transforms"),
    [
        (PAPER, GEOMETRY + LIGHT),
        (Views(scale=(0.8, 1.0), ratio=(3 / 4, 4 / 3)), GEOMETRY[:1]),
        (Views(rotation=15), GEOMETRY[1:2]),
        (Views(brightness=0.15, contrast=0.15), LIGHT),
    ],
    ids=["all", "crop", "rotation", "light"],
)
def test_every_pixel_has_torchvisions_mean_and_variance(
    views: Views, transforms: list[Any]
) -> None:
    """Within the sampling error of both, and a hundredth of grey for sampling once, not twice."""
    mean, variance, mean_error, variance_error = moments(ours(smooth(), views))
    *other, their_mean_error, their_variance_error = moments(theirs(smooth(), transforms))
    bound = DEVIATIONS * (mean_error + their_mean_error).sqrt() + 0.01
    assert ((mean - other[0]).abs() <= bound).all()
    bound = DEVIATIONS * (variance_error + their_variance_error).sqrt() + 0.01**2
    assert ((variance - other[1]).abs() <= bound).all()


def test_one_sampling_blurs_a_detailed_image_less_than_two() -> None:
    """Measured: 6 % more variance over views, 29 % more squared contrast of neighbours."""
    mine, other = ours(detailed(), PAPER), theirs(detailed(), GEOMETRY + LIGHT)
    mean, variance, mean_error, _ = moments(mine)
    their_mean, their_variance, their_error, _ = moments(other)
    bound = DEVIATIONS * (mean_error + their_error).sqrt() + 0.01
    assert ((mean - their_mean).abs() <= bound).all()
    assert 1.0 < float(variance.mean() / their_variance.mean()) < 1.25
    edges = [float(views.diff(dim=-1).square().mean()) for views in (mine, other)]
    assert 1.0 < edges[0] / edges[1] < 1.5


# --- the geometry, recovered from images whose pixels say where they are


class Maps(NamedTuple):
    """Where views look, for each draw: width and height of the crop as shares, angle in degrees,
    place of the crop's centre in pixels from the image's, and whether it is mirrored."""

    across: npt.NDArray[np.float64]
    down: npt.NDArray[np.float64]
    angle: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    below: npt.NDArray[np.float64]
    mirrored: npt.NDArray[np.bool_]


def positions(height: int = SIDE, width: int = SIDE) -> tuple[Tensor, Tensor]:
    """Return x and y of each pixel from the centre, both (H, W)."""
    x, y = torch.arange(width) + 0.5 - width / 2, torch.arange(height) + 0.5 - height / 2
    return x.expand(height, width), y[:, None].expand(height, width)


def ramps(height: int = SIDE, width: int = SIDE) -> Tensor:
    """An image of three channels: x, y, and ones that go black outside the crop."""
    x, y = positions(height, width)
    return torch.stack([x / 100 + 0.5, y / 100 + 0.5, torch.ones_like(x)])


def maps(views: Tensor) -> Maps:
    """Fit the affine map of each view of the ramps, by least squares about the centre."""
    height, width = views.shape[-2:]
    x, y = positions(height, width)
    inner = x.hypot(y) < 12  # no crop and no angle brings a border there
    design = torch.stack([x[inner], y[inner], torch.ones_like(x[inner])], 1).double()
    seen = (views[:, :2, inner].double() - 0.5) * 100
    fit = torch.linalg.lstsq(design, seen.flatten(0, 1).T)
    assert (design @ fit.solution - seen.flatten(0, 1).T).abs().max() < 1e-3
    a, b, right, d, e, below = fit.solution.T.reshape(len(views), 6).T.round(decimals=4).numpy()
    return Maps(
        np.hypot(a, b).round(3),
        np.hypot(d, e).round(3),
        np.degrees(np.arctan2(d, e)),
        right.round(2),
        below.round(2),
        a * e - b * d < 0,
    )


def area(found: Maps) -> npt.NDArray[np.float64]:
    return found.across * found.down


def ratio(found: Maps) -> npt.NDArray[np.float64]:
    return found.across / found.down


def test_the_geometry_is_distributed_as_torchvisions() -> None:
    mine, other = maps(ours(ramps(), PLACED)), maps(theirs(ramps(), GEOMETRY))
    for name in ("across", "down", "angle", "right", "below"):
        assert stats.ks_2samp(getattr(mine, name), getattr(other, name)).pvalue > UNLIKELY, name
    for figure in (area, ratio):
        assert stats.ks_2samp(figure(mine), figure(other)).pvalue > UNLIKELY
    assert stats.kstest(mine.angle, stats.uniform(-15, 30).cdf).pvalue > UNLIKELY
    for found in (mine, other):
        assert stats.binomtest(int(found.mirrored.sum()), DRAWS, 0.5).pvalue > UNLIKELY
    upright = [abs(np.corrcoef(mine.angle, m)[0, 1]) for m in (mine.across, mine.mirrored)]
    assert max(upright) < DEVIATIONS / math.sqrt(DRAWS)


def test_crops_stay_within_their_ranges() -> None:
    found = maps(ours(ramps(), PLACED))
    rounding = 1 / SIDE  # sides are whole pixels
    assert 0.8 - 2 * rounding <= area(found).min()
    assert area(found).max() <= 1
    least, most = ratio(found).min(), ratio(found).max()
    assert 3 / 4 - 2 * rounding <= least < 0.85 < 1.2 < most <= 4 / 3 + 2 * rounding
    assert np.allclose(found.across * SIDE, np.round(found.across * SIDE), atol=0.05)
    for place, share in ((found.right, found.across), (found.below, found.down)):
        assert (np.abs(place) <= SIDE * (1 - share) / 2 + 0.05).all()


def test_the_default_ratio_is_torchvisions_as_the_paper_names_none() -> None:
    assert Augmentation().ratio == v2.RandomResizedCrop(SIDE).ratio == (3 / 4, 4 / 3)
    square = maps(ours(ramps(), Views(scale=(0.8, 1.0)), 200))
    assert np.array_equal(square.across, square.down)
    assert square.across.min() < 0.92


def test_a_crop_that_never_fits_leaves_the_image_whole() -> None:
    views = ours(ramps(), Views(ratio=(9, 9)), 20)
    assert torch.allclose(views, ramps().expand_as(views), atol=1e-5)


# --- each option alone


def test_no_option_leaves_every_bit_and_draws_nothing() -> None:
    images = torch.rand(8, 1, SIDE, SIDE)
    stream = Stream(0)
    assert vary(images, Views(), stream) is images
    assert torch.equal(stream.uniform(3), Stream(0).uniform(3))


def test_a_flip_alone_mirrors_or_leaves() -> None:
    image = detailed()
    views = ours(image, Views(flip=0.5))
    same = (views - image).abs().amax((1, 2, 3)) < 1e-5
    mirrored = (views - image.flip(-1)).abs().amax((1, 2, 3)) < 1e-5
    assert (same ^ mirrored).all()
    assert stats.binomtest(int(mirrored.sum()), DRAWS, 0.5).pvalue > UNLIKELY
    assert torch.allclose(ours(image, Views(flip=1.0), 5), image.flip(-1), atol=1e-5)
    assert stats.binomtest(
        int(maps(ours(ramps(), Views(flip=0.2))).mirrored.sum()), DRAWS, 0.2
    ).pvalue > (UNLIKELY)


def test_a_rotation_alone_is_torchvisions_at_every_pixel() -> None:
    """The same angle, the same edge: bilinear sampling beside black."""
    image = detailed()
    angles = maps(ours(ramps(), Views(rotation=30), 40)).angle
    for angle, view in zip(angles, ours(image, Views(rotation=30), 40), strict=True):
        expected = reference.rotate(image, float(angle), BILINEAR, fill=None)
        assert (view - expected).abs().max() < 2e-3
    assert angles.min() < -20
    assert angles.max() > 20


def test_a_crop_alone_is_torchvisions_but_for_its_outermost_row() -> None:
    image, views = detailed(), Views(scale=(0.5, 1.0), ratio=(3 / 4, 4 / 3))
    found = maps(ours(ramps(), views, 40))
    assert np.allclose(found.angle, 0, atol=1e-2)
    assert not found.mirrored.any()
    for draw, view in enumerate(ours(image, views, 40)):
        width, height = round(found.across[draw] * SIDE), round(found.down[draw] * SIDE)
        left = round(found.right[draw] + (SIDE - width) / 2)
        top = round(found.below[draw] + (SIDE - height) / 2)
        expected = reference.resized_crop(image, top, left, height, width, [SIDE, SIDE], BILINEAR)
        assert (view - expected)[:, 1:-1, 1:-1].abs().max() < 1e-4


def test_a_rotation_of_an_oblong_image_turns_without_shearing() -> None:
    found = maps(ours(ramps(40, 64), Views(rotation=45), 100))
    for share in (found.across, found.down):
        assert np.allclose(share, 1, atol=2e-3)
    for place in (found.right, found.below):
        assert np.allclose(place, 0, atol=0.02)
    assert stats.kstest(found.angle, stats.uniform(-45, 90).cdf).pvalue > UNLIKELY


# --- light


def mid() -> Tensor:
    """An image that no factor here brings to 0 or 1."""
    return 0.4 + 0.2 * torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def factors(views: Tensor) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the brightness and the contrast factor of each view of :func:`mid`."""
    image, views = mid().double(), views.double()
    brightness = views.mean((1, 2, 3)) / image.mean()
    contrast = views.flatten(1).std(1) / image.std() / brightness
    return brightness.numpy(), contrast.numpy()


def test_brightness_and_contrast_are_uniform_as_torchvisions() -> None:
    light = Views(brightness=0.15, contrast=0.15)
    mine, other = factors(ours(mid(), light)), factors(theirs(mid(), LIGHT))
    for one, two in zip(mine, other, strict=True):
        assert stats.kstest(one, stats.uniform(0.85, 0.3).cdf).pvalue > UNLIKELY
        assert stats.ks_2samp(one, two).pvalue > UNLIKELY
    assert abs(np.corrcoef(*mine)[0, 1]) < DEVIATIONS / math.sqrt(DRAWS)


def test_brightness_comes_before_contrast_and_each_is_clamped() -> None:
    light = Views(brightness=0.6, contrast=0.6)
    image = torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    views = ours(image, light, 200)
    assert views.min() == 0
    assert views.max() == 1
    stream = Stream(7)
    brightness, contrast = 1 + 0.6 * (2 * stream.uniform(2, 200) - 1)
    for view, b, c in zip(views, brightness, contrast, strict=True):
        bright = (image * b).clamp(0, 1)
        assert torch.allclose(
            view, ((bright - bright.mean()) * c + bright.mean()).clamp(0, 1), atol=1e-5
        )
        expected = reference.adjust_contrast(reference.adjust_brightness(image, b), c)
        assert torch.allclose(view, expected, atol=1e-5)


def test_colours_keep_torchvisions_grey_in_contrast() -> None:
    image = torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(2))
    views = ours(image, Views(contrast=0.5), 20)
    contrast = 1 + 0.5 * (2 * Stream(7).uniform(2, 20)[1] - 1)
    for view, c in zip(views, contrast, strict=True):
        assert torch.allclose(view, reference.adjust_contrast(image, float(c)), atol=1e-5)


@pytest.mark.parametrize("alone", ["brightness", "contrast"])
def test_brightness_and_contrast_alone(alone: str) -> None:
    light = Views(brightness=0.15) if alone == "brightness" else Views(contrast=0.15)
    brightness, contrast = factors(ours(mid(), light, 200))
    drawn, still = (brightness, contrast) if alone == "brightness" else (contrast, brightness)
    assert np.allclose(still, 1, atol=1e-5)
    assert 0.85 <= drawn.min() < 0.87 < 1.13 < drawn.max() <= 1.15


# --- drawn for each image


def test_each_image_of_a_batch_has_a_view_of_its_own() -> None:
    views = ours(detailed(), PAPER, 64)
    assert len({view.numpy().tobytes() for view in views}) == 64


def test_equal_steps_give_equal_views_and_others_do_not() -> None:
    assert torch.equal(ours(detailed(), PAPER, 8, step=3), ours(detailed(), PAPER, 8, step=3))
    assert not torch.equal(ours(detailed(), PAPER, 8, step=3), ours(detailed(), PAPER, 8, step=4))


def test_a_view_depends_on_no_other_image_and_inputs_stay() -> None:
    images = torch.rand(16, 1, SIDE, SIDE)
    others = torch.rand(16, 1, SIDE, SIDE)
    others[5] = images[5]
    before = images.clone()
    assert torch.equal(vary(images, PAPER, Stream(1))[5], vary(others, PAPER, Stream(1))[5])
    assert torch.equal(images, before)


def test_channels_share_one_geometry() -> None:
    image = detailed()
    colour = ours(image.expand(3, SIDE, SIDE), PLACED, 20)
    assert torch.equal(colour[:, 0], colour[:, 1])
    assert torch.equal(colour[:, 0], colour[:, 2])
    assert torch.equal(colour[:, :1], ours(image, PLACED, 20))
