"""Ordinary pictures to the shape that a model takes."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from bionic_core.base.files import check_file
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""Pillow's names of the kinds of these suffixes."""

LARGEST = 120_000_000
"""Pixels of a picture: a file of some kB can claim to have any number."""

Shape = tuple[int, int, int]

DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error, zlib.error),
    *(KeyError, TypeError, OverflowError, ZeroDivisionError, MemoryError, RuntimeError),
    *(AttributeError, NotImplementedError, AssertionError),
)
"""What Pillow raises on files that are cut off or are no pictures."""


def read_picture(file: Path | BinaryIO, image: Shape, name: str = "") -> npt.NDArray[np.uint8]:
    """Return a picture of any size and colour as uint8 (C, H, W), for ``image`` = (1 or 3, H, W).

    Turned as its EXIF orientation says; transparency over black; 16-bit greys scaled to 8; as
    grey (C = 1) or RGB (C = 3); cropped about its centre to the aspect ratio, then resized
    bilinearly with antialiasing. Of an animation, the first frame.

    Raises:
        RequestError: it is not a picture, is cut off, or has greys of more than 16 bits.
    """
    from PIL import ImageOps

    where = name or str(file)
    if isinstance(file, Path):
        try:
            check_file(file)
        except RequestError as error:
            raise RequestError(error.problems, where=where) from None
    try:
        with opened_picture(file) as opened:
            return _shaped(_plain(ImageOps.exif_transpose(opened), image[0]), image)
    except DAMAGE as error:
        raise RequestError(f"not a picture that can be read ({error})", where=where) from error


@contextmanager
def opened_picture(file: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open a picture of the kinds in :data:`SUFFIXES`, by what it is and not by its name.

    Pillow knows more kinds, and has a program of the machine draw one of them (PostScript).

    Raises:
        ValueError: it claims more than :data:`LARGEST` pixels.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            opened = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ValueError(str(error)) from error
    with opened:
        if opened.width * opened.height > LARGEST:
            raise ValueError(
                f"it is {opened.width:,} × {opened.height:,} pixels, more than {LARGEST:,}"
            )
        yield opened


def fit(images: npt.NDArray[np.uint8], image: Shape) -> npt.NDArray[np.uint8]:
    """Return images uint8 (N, C, H, W) in another shape, as :func:`read_picture` does."""
    if images.shape[1:] == image:
        return images
    from PIL import Image

    pictures = (
        Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2).copy())
        for pixels in images
    )
    fitted = [_shaped(_plain(picture, image[0]), image) for picture in pictures]
    return np.stack(fitted) if fitted else np.empty((0, *image), np.uint8)


def _plain(picture: Image.Image, channels: int) -> Image.Image:
    """Return the picture as 8-bit grey or RGB."""
    from PIL import Image

    if picture.mode.startswith("I"):  # Pillow's own conversion to "L" clips at 255
        picture = Image.fromarray(_eight_bits(np.asarray(picture, np.int64)))
    elif picture.mode == "F":
        raise ValueError("its greys are floats, of unknown range; save it with 8 or 16 bits")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("L" if channels == 1 else "RGB")


def _eight_bits(values: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Scale 16-bit greys; Pillow may hand them over as 32-bit integers."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ValueError(f"its greys go from {low} to {high}; save it with 8 or 16 bits")
    return ((values + 128) // 257).astype(np.uint8)


def _shaped(picture: Image.Image, image: Shape) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    _, height, width = image
    if picture.size != (width, height):
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
