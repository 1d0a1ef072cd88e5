"""Views of training images: crop, rotation, flip and light in one batched transform (§3.4.2 (6)).

The geometry is composed into one affine map for each image and sampled once, bilinearly. What
it draws has the distribution of torchvision's ``RandomResizedCrop``, ``RandomRotation`` and
``RandomHorizontalFlip`` in a row (whole-pixel crops; what the rotation brings in from outside
the crop is black), then ``ColorJitter`` with brightness before contrast.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from bionic_core.recipe import Views
from bionic_core.seeds import Stream

TRIES = 10
"""Crops are drawn until one fits the image, at most so often; else the image is left whole."""


def vary(images: Tensor, views: Views, stream: Stream) -> Tensor:
    """Return a view of each image, BCHW in [0, 1]; drawn for each image on its own."""
    if views.identity:
        return images
    return _light(_geometry(images, views, stream), views, stream)


def _geometry(images: Tensor, views: Views, stream: Stream) -> Tensor:
    batch, _, height, width = images.shape
    device = images.device
    top, left, crop_height, crop_width = _crops(batch, height, width, views, stream, device)
    angle, mirror = stream.uniform(2, batch, device=device)
    angle = (2 * angle - 1) * math.radians(views.rotation)
    mirror = torch.where(mirror < views.flip, -1.0, 1.0)
    x = (torch.arange(width, device=device) + 0.5 - width / 2)[None, None, :]  # pixels from centre
    y = (torch.arange(height, device=device) + 0.5 - height / 2)[None, :, None]
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    u = (cos * x - sin * y) * mirror[:, None, None] * (2 / width)  # in the crop's frame, B H W
    v = (sin * x + cos * y) * (2 / height)
    outside = (u.abs() > 1) | (v.abs() > 1)
    grid = torch.stack(
        [
            (u * crop_width + 2 * left + crop_width) / width - 1,
            (v * crop_height + 2 * top + crop_height) / height - 1,
        ],
        dim=-1,
    )
    seen = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return seen.masked_fill_(outside[:, None], 0.0)


def _crops(
    batch: int, height: int, width: int, views: Views, stream: Stream, device: torch.device
) -> tuple[Tensor, ...]:
    """Return top, left, height and width of each crop in whole pixels, each (B, 1, 1)."""
    draws = stream.uniform(2, TRIES, batch, device=device)
    low, high = views.scale
    area = (low + (high - low) * draws[0]) * (height * width)
    low, high = math.log(views.ratio[0]), math.log(views.ratio[1])
    ratio = torch.exp(low + (high - low) * draws[1])
    widths, heights = torch.sqrt(area * ratio).round(), torch.sqrt(area / ratio).round()
    fits = (widths >= 1) & (widths <= width) & (heights >= 1) & (heights <= height)
    first = fits.int().argmax(0, keepdim=True)
    whole = ~fits.any(0)
    crop_width = torch.where(whole, width, widths.gather(0, first)[0])
    crop_height = torch.where(whole, height, heights.gather(0, first)[0])
    place = stream.uniform(2, batch, device=device)
    top = (place[0] * (height - crop_height + 1)).floor()
    left = (place[1] * (width - crop_width + 1)).floor()
    return tuple(t.float()[:, None, None] for t in (top, left, crop_height, crop_width))


def _light(images: Tensor, views: Views, stream: Stream) -> Tensor:
    if not (views.brightness or views.contrast):
        return images
    draws = 2 * stream.uniform(2, len(images), 1, 1, 1, device=images.device) - 1
    images = (images * (1 + views.brightness * draws[0])).clamp_(0, 1)
    grey = images.mean(dim=(2, 3), keepdim=True)
    if images.shape[1] == 3:  # luma, as torchvision weights colours (ITU-R 601-2)
        weights = torch.tensor([0.2989, 0.587, 0.114], device=images.device)
        grey = (grey * weights[None, :, None, None]).sum(1, keepdim=True)
    return torch.lerp(grey, images, 1 + views.contrast * draws[1]).clamp_(0, 1)
