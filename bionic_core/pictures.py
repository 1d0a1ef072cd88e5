"""Ordinary pictures to the shape that a model takes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from bionic_core.base.files import check_file
from bionic_core.base.memory import Budget
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pbm", ".pnm"),
)
"""How names of pictures end, in small letters."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""Pillow's names of the kinds of these suffixes."""

LARGEST = 120_000_000
"""Pixels of a picture: a file of some kB can claim to have any number."""

Shape = tuple[int, int, int]

Box = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of a picture, in pixels."""

ORIENTATION = 0x0112
"""The EXIF tag that says how a picture is to be turned."""


def read_picture(
    file: Path | BinaryIO, image: Shape, name: str = "", box: Box | None = None
) -> npt.NDArray[np.uint8]:
    """Return a picture of any size and colour as uint8 (C, H, W), for ``image`` = (1 or 3, H, W).

    Turned as its EXIF orientation says; transparency over black; 16-bit greys scaled to 8; as
    grey (C = 1) or RGB (C = 3); cropped about its centre to the aspect ratio, then resized
    bilinearly with antialiasing. Of an animation, the first frame. Of a picture with a ``box``,
    what lies in that.

    Raises:
        RequestError: it is not a picture, is cut off, or has greys of more than 16 bits.
    """

    where = name or str(file)
    if isinstance(file, Path):
        try:
            check_file(file)
        except RequestError as error:
            raise RequestError(error.problems, where=where) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of EXIF that is not used
            with opened_picture(file) as opened:
                tiles = getattr(opened, "tile", ())
                depth = str(getattr(tiles[0], "args", "")) if tiles else ""
                opened.load()
                upright = _upright(opened)
                part = upright if box is None else upright.crop(_within(box, upright.size))
                return _shaped(_plain(part, image[0], depth), image)
    except Exception as error:  # what Pillow raises on files that are damaged is anything
        words = str(error) or type(error).__name__
        raise RequestError(f"not a picture that can be read ({words})", where=where) from error


def _within(box: Box, size: tuple[int, int]) -> Box:
    """Return the part of a box that lies on a picture (width, height).

    Raises:
        ValueError: none does.
    """
    left, top, right, bottom = box
    cut = max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
    if cut[0] >= cut[2] or cut[1] >= cut[3]:
        raise ValueError(f"the box {box} does not lie on it; it is {size[0]} × {size[1]}")
    return cut


def _upright(picture: Image.Image) -> Image.Image:
    """Return a picture turned as its EXIF says, as it is where that cannot be read.

    Its other EXIF is neither read nor written again: it may be anything.
    """
    from PIL import Image

    try:
        turn = picture.getexif().get(ORIENTATION)
    except Exception:  # damaged EXIF raises anything, and the pixels may be fine
        return picture
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(turn if isinstance(turn, int) else 0)
    return picture if method is None else picture.transpose(method)


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


def check_room(count: int, image: Shape) -> None:
    """Check, before so many images (C, H, W) of bytes are read or drawn, that they fit into memory.

    Twice their size is taken, as they are put together at the end.

    Raises:
        RequestError: they do not.
    """
    size = " × ".join(f"{side:,}" for side in image)
    remedy = "Fewer images, or smaller ones (model.image), take less"
    Budget().take(2 * count * math.prod(image), f"{count:,} images of {size}", remedy)


def fit(images: npt.NDArray[np.uint8], image: Shape) -> npt.NDArray[np.uint8]:
    """Return images uint8 (N, C, H, W) in another shape, as :func:`read_picture` does."""
    if images.shape[1:] == image:
        return images
    check_room(len(images), image)
    from PIL import Image

    pictures = (
        Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2).copy())
        for pixels in images
    )
    fitted = [_shaped(_plain(picture, image[0]), image) for picture in pictures]
    return np.stack(fitted) if fitted else np.empty((0, *image), np.uint8)


def _plain(picture: Image.Image, channels: int, depth: str = "") -> Image.Image:
    """Return the picture as 8-bit grey or RGB.

    Args:
        picture: of any mode.
        channels: 1 or 3.
        depth: how the file's pixels are packed, in Pillow's words: ``L;4``, ``RGB;16B``.
    """
    from PIL import Image

    if picture.mode.startswith("I"):  # Pillow's own conversion to "L" clips at 255
        values = np.asarray(picture, np.int64)
        clear = picture.info.get("transparency")
        opaque = values if clear is None else np.where(values == clear, 0, values)
        picture = Image.fromarray(_eight_bits(opaque))
    elif picture.mode == "F":
        raise ValueError("its greys are floats, of unknown range; save it with 8 or 16 bits")
    if picture.has_transparency_data:
        picture.info |= {"transparency": _clear(picture, depth)} if _one_clear(picture) else {}
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("L" if channels == 1 else "RGB")


def _one_clear(picture: Image.Image) -> bool:
    """Return whether one grey or colour is transparent."""
    return picture.mode in ("1", "L", "RGB") and "transparency" in picture.info


def _clear(picture: Image.Image, depth: str) -> int | tuple[int, ...]:
    """Return the transparent grey or colour in 8 bits, which the file says in its own."""
    clear: int | tuple[int, ...] = picture.info["transparency"]
    if isinstance(clear, tuple):
        return tuple(value >> 8 for value in clear) if "16" in depth else clear
    bits = 1 if picture.mode == "1" else int(depth[-1]) if depth in ("L;2", "L;4") else 8
    return clear * (255 // (2**bits - 1)) if clear < 2**bits else clear


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
