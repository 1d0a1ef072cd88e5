"""Ordinary pictures to the shape that a model takes."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from bionic_core import RequestError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")

Shape = tuple[int, int, int]


def read_picture(file: Path | BinaryIO, image: Shape, name: str = "") -> npt.NDArray[np.uint8]:
    """Return a picture of any size and colour as uint8 (C, H, W).

    Turned as its EXIF orientation says; transparency over black; cropped about its centre to
    the aspect ratio, then resized bilinearly with antialiasing; 16-bit greys scaled to 8.

    Raises:
        RequestError: it is not a picture, or is cut off.
    """
    try:
        with Image.open(file) as opened:
            picture = ImageOps.exif_transpose(opened)
            return _shaped(_plain(picture, image[0]), image)
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError(
            f"not a picture that can be read ({error})", where=name or str(file)
        ) from error


def fit(images: npt.NDArray[np.uint8], image: Shape) -> npt.NDArray[np.uint8]:
    """Return images uint8 (N, C, H, W) in another shape, as :func:`read_picture` does."""
    if images.shape[1:] == image:
        return images
    pictures = (
        Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2))
        for pixels in images
    )
    return np.stack([_shaped(_plain(picture, image[0]), image) for picture in pictures])


def _plain(picture: Image.Image, channels: int) -> Image.Image:
    """Return the picture as 8-bit grey or RGB."""
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, np.float64)
        most = 65535.0 if values.max() > 255 else 255.0
        picture = Image.fromarray(np.round(255 * np.clip(values / most, 0, 1)).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("L" if channels == 1 else "RGB")


def _shaped(picture: Image.Image, image: Shape) -> npt.NDArray[np.uint8]:
    _, height, width = image
    if picture.size != (width, height):
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
