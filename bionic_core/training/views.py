"""Views of training images: crop, rotation, flip and light in one batched transform (§3.4.2 (6)).

The geometry is composed into one affine map for each image and sampled once, bilinearly. What
it draws has the distribution of torchvision's ``RandomResizedCrop``, ``RandomRotation`` and
``RandomHorizontalFlip`` in a row, with whole-pixel crops, then of ``ColorJitter``, brightness
before contrast (torchvision draws their order, which matters only where a value is clamped).

Three things differ from the same transforms in a row. One sampling blurs less than two: inside a
face, pixels vary about a tenth more. A crop's outermost row is blended with the image beside it,
where resizing a cut-out crop repeats it. What the rotation brings in from outside the crop is
black, with an edge weighted by the share of the pixel that is inside; torchvision does the same
with ``fill=None``, weights twice with ``fill=0`` on tensors, and cuts hard on PIL images.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from bionic_core.seeds import Stream
from bionic_core.training.recipe import Views

TRIES = 10
"""Crops are drawn until one fits the image, at most so often; else the image is left whole."""

AHEAD = 256
"""Views of at most so many images are made at once, unless a batch has more.

It decides what the views of small batches draw: raise the core's numerics with it.
"""


def ahead(batch_size: int) -> int:
    """Return the number of batches whose views are made at once, drawn with the step of the first.

    A view takes a hundred small operations, whose calls cost as much as their work on 32 images.
    """
    return max(1, AHEAD // batch_size)


def unit_range(images: Tensor) -> Tensor:
    """Return stored images, uint8 from 0 to 255, as models take them: float in [0, 1]."""
    return images.float() / 255


def vary(images: Tensor, views: Views, stream: Stream) -> Tensor:
    """Return a view of each image, drawn for each on its own.

    Args:
        images: float (B, C, H, W) in [0, 1], C 1 or 3; left unchanged.
        views: what is drawn.
        stream: where the numbers come from; equal steps give equal views.
    """
    if views.scale != (1, 1) or views.ratio != (1, 1) or views.rotation or views.flip:
        images = _geometry(images, views, stream)
    if views.brightness or views.contrast:
        images = _light(images, views, stream)
    return images


def _geometry(images: Tensor, views: Views, stream: Stream) -> Tensor:
    batch, _, height, width = images.shape
    device = images.device
    top, left, crop_height, crop_width = _crops(batch, height, width, views, stream, device)
    angle, mirror = stream.uniform(2, batch, device=device)
    angle = (2 * angle - 1) * math.radians(views.rotation)
    mirror = torch.where(mirror < views.flip, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    rotate = torch.stack([mirror * cos, -mirror * sin, sin, cos], 1).view(batch, 2, 2)
    # From pixels of the view, counted from its centre, to the image's -1 … 1 of grid_sample.
    zoom = torch.stack([crop_width * (2 / width**2), crop_height * (2 / height**2)], 1)
    centre = torch.stack(
        [(2 * left + crop_width) / width - 1, (2 * top + crop_height) / height - 1], 1
    )
    to_image = torch.cat([rotate * zoom[:, :, None], centre[:, :, None]], 2)
    x = (torch.arange(width, device=device) + 0.5 - width / 2).expand(height, width)
    y = (torch.arange(height, device=device) + 0.5 - height / 2)[:, None].expand(height, width)
    pixels = torch.stack([x, y, torch.ones_like(x)]).view(3, -1)
    # Made as B 2 H W and read as B H W 2, which is several times faster than made so.
    grid = (to_image.view(-1, 3) @ pixels).view(batch, 2, height, width).permute(0, 2, 3, 1)
    seen = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if not views.rotation:
        return seen
    # How much of each pixel lies inside the crop, as bilinear sampling beside black weights it.
    u, v = (rotate.view(-1, 2) @ pixels[:2]).view(batch, 2, 1, height, width).abs_().unbind(1)
    u.neg_().add_((width + 1) / 2).clamp_(0, 1)
    v.neg_().add_((height + 1) / 2).clamp_(0, 1)
    return seen.mul_(u.mul_(v))


def _crops(
    batch: int, height: int, width: int, views: Views, stream: Stream, device: torch.device
) -> tuple[Tensor, ...]:
    """Return top, left, height and width of each crop in whole pixels, float32 (B,)."""
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
    return tuple(t.float() for t in (top, left, crop_height, crop_width))


def _light(images: Tensor, views: Views, stream: Stream) -> Tensor:
    draws = 2 * stream.uniform(2, len(images), 1, 1, 1, device=images.device) - 1
    images = (images * (1 + views.brightness * draws[0])).clamp_(0, 1)
    grey = images.mean(dim=(2, 3), keepdim=True)
    if images.shape[1] == 3:  # luma, as torchvision weights colours (ITU-R 601-2)
        grey = (grey * _luma(images.device)).sum(1, keepdim=True)
    return torch.lerp(grey, images, 1 + views.contrast * draws[1]).clamp_(0, 1)


@cache
def _luma(device: torch.device) -> Tensor:
    """Return the share of each colour in grey, (1, 3, 1, 1); made once, as copying to it waits."""
    return torch.tensor([0.2989, 0.587, 0.114], device=device)[None, :, None, None]
