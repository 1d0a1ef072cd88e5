"""Pictures of any size, colour and orientation."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from bionic_core import RequestError
from bionic_core.pictures import fit, read_picture

IMAGE = (1, 16, 16)


def stored(picture: Image.Image, form: str = "PNG", **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, form, **options)
    file.seek(0)
    return file


def grey(file: io.BytesIO, size: int = 16) -> npt.NDArray[np.uint8]:
    return read_picture(file, (1, size, size), "it")


def ramp() -> npt.NDArray[np.uint8]:
    return np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.mark.parametrize(
    ("form", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("GIF", {}, 0),
        ("TIFF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 95}, 8),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_of_the_right_size_keep_their_pixels(
    form: str, options: dict[str, Any], tolerance: int, mode: str
) -> None:
    read = grey(stored(Image.fromarray(ramp()).convert(mode), form, **options))
    assert read.dtype == np.uint8
    assert read.shape == (1, 16, 16)
    assert abs(read[0].astype(int) - ramp()).max() <= tolerance


def test_grey_becomes_three_equal_channels_and_colours_stay_in_order() -> None:
    three = read_picture(stored(Image.fromarray(ramp())), (3, 16, 16))
    assert (three == ramp()).all()
    assert three.flags.c_contiguous
    red = read_picture(stored(Image.new("RGB", (16, 16), (200, 100, 0))), (3, 16, 16))
    assert red[:, 0, 0].tolist() == [200, 100, 0]


def test_sixteen_bits_are_scaled_alike_in_dark_and_bright_pictures() -> None:
    for deep, shallow in ((65535, 255), (32896, 128), (200, 1), (100, 0)):
        pixels = np.full((16, 16), deep, np.uint16)
        assert grey(stored(Image.fromarray(pixels))).max() == shallow


def test_greys_of_unknown_range_are_refused() -> None:
    for pixels, said in (
        (np.full((16, 16), 0.5, np.float32), "floats, of unknown range"),
        (np.full((16, 16), 70000, np.int32), "its greys go from 70000 to 70000"),
    ):
        with pytest.raises(RequestError, match=said):
            grey(stored(Image.fromarray(pixels), "TIFF"))


def test_transparency_is_over_black() -> None:
    clear = Image.new("RGBA", (16, 16), (255, 255, 255, 0))
    clear.paste((255, 255, 255, 255), (0, 0, 8, 16))
    half = Image.new("LA", (16, 16), (255, 128))
    assert grey(stored(clear))[0, 0].tolist() == [255] * 8 + [0] * 8
    assert set(grey(stored(half)).ravel().tolist()) == {128}


def test_palettes_with_and_without_transparency() -> None:
    palette = Image.fromarray(ramp() // 128).convert("P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    expected = ramp() // 128 * 255
    assert (grey(stored(palette))[0] == expected).all()
    assert (grey(stored(palette, transparency=1)) == 0).all()
    assert (grey(stored(palette, transparency=b"\xff\x00")) == 0).all()
    assert (grey(stored(palette, "GIF"))[0] == expected).all()


def test_one_bit_and_cmyk() -> None:
    assert set(grey(stored(Image.fromarray(ramp()).convert("1"))).ravel().tolist()) == {0, 255}
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    assert grey(stored(white, "JPEG")).min() > 250


def test_exif_orientation_is_respected() -> None:
    turned = Image.fromarray(np.rot90(ramp()).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    assert (grey(stored(turned, exif=exif))[0] == ramp()).all()


def test_the_aspect_ratio_is_kept_by_a_crop_about_the_centre() -> None:
    wide = np.zeros((32, 96), np.uint8)
    wide[:, 32:64] = 255
    for pixels in (wide, wide.T.copy()):
        read = grey(stored(Image.fromarray(pixels)))
        assert (read[:, 1:-1, 1:-1] == 255).all()
        assert (read > 200).all()  # the filter reaches a pixel beyond the crop


def test_shrinking_is_antialiased() -> None:
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    read = grey(stored(Image.fromarray(checks)), 8)
    assert abs(read.astype(int) - 127).max() <= 12


def test_of_an_animation_the_first_frame() -> None:
    frames = [Image.new("L", (16, 16), value) for value in (50, 200)]
    read = grey(stored(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert set(read.ravel().tolist()) == {50}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow warns, then gives up
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_pictures_cut_off_anywhere_are_refused(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    whole = stored(Image.fromarray(noise), form).getvalue()
    for end in (0, 5, 20, len(whole) // 2):
        with pytest.raises(RequestError, match=r"it: not a picture that can be read \("):
            grey(io.BytesIO(whole[:end]))


def test_a_missing_picture(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"gone\.png: no such file"):
        read_picture(tmp_path / "gone.png", IMAGE)
    with pytest.raises(RequestError, match="is a folder"):
        read_picture(tmp_path, IMAGE)


def test_fit_is_what_reading_does() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 3, 20, 30), dtype=np.uint8)
    files = [stored(Image.fromarray(np.moveaxis(image, 0, 2).copy())) for image in pixels]
    for image in ((1, 16, 16), (3, 16, 12), (3, 20, 30)):
        read = np.stack([read_picture(file, image) for file in files])
        assert np.array_equal(fit(pixels, image), read)
        for file in files:
            file.seek(0)
    assert fit(pixels, (3, 20, 30)) is pixels
    assert fit(pixels[:0], (1, 8, 8)).shape == (0, 1, 8, 8)


def png(depth: int, colour: int, row: bytes, clear: bytes = b"") -> io.BytesIO:
    """A PNG of 8 × 8 pixels, each row the same, ``clear`` being the grey or colour not seen."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))

    head = struct.pack(">IIBBBBB", 8, 8, depth, colour, 0, 0, 0)
    pixels = zlib.compress((b"\0" + row) * 8)
    parts = [(b"IHDR", head), (b"tRNS", clear), (b"IDAT", pixels), (b"IEND", b"")]
    chunks = [chunk(name, data) for name, data in parts if data or name == b"IEND"]
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.mark.parametrize(
    ("depth", "colour", "row", "clear", "right"),
    [
        (1, 0, b"\xf0", b"\0\1", 0),
        (1, 0, b"\x0f", b"\0\0", 255),
        (2, 0, b"\xff\x55", b"\0\3", 85),
        (4, 0, b"\xff\xff\x55\x55", b"\0\x0f", 85),
        (8, 0, b"\xff" * 4 + b"\x09" * 4, b"\0\xff", 9),
        (16, 0, b"\xff" * 8 + b"\x09" * 8, b"\xff\xff", 9),
        (8, 2, b"\xff" * 12 + b"\x09" * 12, b"\0\xff" * 3, 9),
        (16, 2, b"\xff" * 24 + b"\x09" * 24, b"\xff" * 6, 9),
        (16, 4, b"\xff\xff\0\0" * 4 + b"\x09\x09\xff\xff" * 4, b"", 9),
        (16, 6, (b"\xff" * 6 + b"\0\0") * 4 + (b"\x09" * 6 + b"\xff\xff") * 4, b"", 9),
    ],
)
def test_what_is_transparent_is_black_at_any_depth(
    depth: int, colour: int, row: bytes, clear: bytes, right: int
) -> None:
    read = grey(png(depth, colour, row, clear), 8)
    assert (read[0] == [0, 0, 0, 0, right, right, right, right]).all()


def test_damaged_exif_costs_no_picture_and_is_not_written_again() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "Maker", 72.0
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    whole, rng = exif.tobytes(), np.random.default_rng(1)
    turned = Image.fromarray(np.rot90(ramp()).copy())
    for _ in range(200):
        block = bytearray(whole)
        for place in rng.integers(6, len(block), rng.integers(1, 12)):
            block[place] = rng.integers(256)
        assert grey(stored(turned, exif=bytes(block))).shape == (1, 16, 16)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations(form: str, orientation: int) -> None:
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 1, 7: 3, 8: 3}
    pixels = np.fliplr(ramp()) if orientation in (2, 4, 5, 7) else ramp()
    stored_pixels = np.rot90(pixels, turns[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"exif": exif} | ({"lossless": True} if form == "WEBP" else {})
    file = stored(Image.fromarray(stored_pixels.copy()), form, **options)
    with Image.open(file) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("L"))
    file.seek(0)
    assert (grey(file)[0] == expected).all()
