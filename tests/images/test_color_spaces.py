"""Colors that a file gives by numbers come out in sRGB, or it is said that they do not."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.pictures import scene
from tests.support.profiles import ADOBE, cmyk_profile, gray_profile, in_srgb, rgb_profile
from visus.images import decode
from visus.images.boxes import properties
from visus.images.cicp import SRGB, CodePoints, Space, meaning_of, profile_of
from visus.images.profiles import is_foreign, to_srgb

P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))


def of_p3(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Colors of Display P3 in sRGB, by its definition: linear by the curve of sRGB, and then the matrix."""
    share = np.arange(256) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    as_power = np.rint(255 * linear ** (256 / round(2.2 * 256))).astype(np.uint8)  # in_srgb knows powers alone
    return 255 * in_srgb(as_power[pixels], P3)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(pixels: NDArray[Any], *chunks: bytes, color: int = 2) -> bytes:
    """A PNG of any depth with chunks behind its header."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{pixels.dtype.itemsize}").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.dtype.itemsize, color, 0, 0, 0)
    body = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize("primaries", [1, 4, 5, 6, 8, 9, 10, 11, 12, 22])
def test_the_profile_of_code_points_keeps_white_and_gray(primaries: int) -> None:
    profile, notes = meaning_of(CodePoints(primaries, 13))
    assert notes == ()
    assert (profile is None) == (primaries == 1)
    grays = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    if profile:
        assert is_foreign(profile)
        found = to_srgb(grays, profile)
        assert found is not None
        assert np.abs(found.astype(int) - grays).max() <= 1


def test_what_is_not_converted_is_said() -> None:
    assert "PQ" in meaning_of(CodePoints(9, 16))[1][0]
    assert "HLG" in meaning_of(CodePoints(9, 18))[1][0]
    assert "3/13" in meaning_of(CodePoints(3, 13))[1][0]
    assert "1/9" in meaning_of(CodePoints(1, 9))[1][0]
    assert meaning_of(CodePoints(2, 2)) == (None, ())
    assert meaning_of(CodePoints(1, 1)) == (None, ())
    with pytest.raises(ValueError, match="no color space"):
        profile_of(Space((0.3, 0.3), (0.3, 0.3), (0.3, 0.3)))


def test_png_tells_colors_by_code_points_before_all_else() -> None:
    pixels = scene(3)
    points = chunk(b"cICP", bytes([12, 13, 0, 1]))
    adobe = chunk(b"iCCP", b"x\0\0" + zlib.compress(rgb_profile(ADOBE)))
    found = decode(png(pixels, points, adobe))
    assert found.notes == ()
    assert np.abs(found.pixels - of_p3(pixels)).mean() < 1
    assert np.abs(found.pixels.astype(int) - pixels).mean() > 3
    high = decode(png(pixels, chunk(b"cICP", bytes([9, 16, 0, 1]))))
    np.testing.assert_array_equal(high.pixels, pixels)
    assert "PQ" in high.notes[0]
    assert "narrow" in decode(png(pixels, chunk(b"cICP", bytes([1, 13, 0, 0])))).notes[0]


def test_png_tells_colors_by_a_gamma_where_nothing_else_does() -> None:
    pixels = scene(3)
    linear = pixels / 255
    right = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    assert np.abs(decode(png(pixels, gamma)).pixels - right).max() <= 1
    usual = chunk(b"gAMA", struct.pack(">I", 45_455))
    for chunks in ((usual,), (chunk(b"sRGB", b"\0"), gamma), (chunk(b"gAMA", bytes(4)),)):
        np.testing.assert_array_equal(decode(png(pixels, *chunks)).pixels, pixels)
    numbers = [n for point in ((0.3127, 0.3290), *ADOBE) for n in point]
    wide = chunk(b"cHRM", struct.pack(">8I", *(round(n * 100_000) for n in numbers)))
    power = chunk(b"gAMA", struct.pack(">I", round(100_000 * 256 / 512)))
    assert np.abs(decode(png(pixels, power, wide)).pixels - 255 * in_srgb(pixels, ADOBE, 2.0)).mean() < 1
    none = chunk(b"cHRM", bytes(32))
    assert decode(png(pixels, power, none)).notes == ("chromaticities not understood, colors as they are",)


def test_avif_and_heic_tell_colors_by_code_points() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    smooth = np.asarray(Image.fromarray(scene(3)).resize((8, 6)).resize((64, 48), Image.Resampling.BICUBIC))
    for primaries, transfer in ((1, 13), (12, 13), (9, 16)):
        data = imagecodecs.avif_encode(
            smooth, level=98, primaries=primaries, transfer=transfer, matrix=1, pixelformat="444"
        )
        assert any(name == b"colr" for name, _ in properties(data))
        found = decode(data)
        right = of_p3(smooth) if primaries == 12 else smooth
        assert np.abs(found.pixels - right.astype(float)).mean() < 2, primaries
        assert bool(found.notes) == (transfer == 16)
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    own = pillow_heif.from_pillow(Image.fromarray(smooth))
    own.save(buffer, quality=98, chroma=444, color_primaries=12, transfer_characteristics=13, matrix_coefficients=6)
    assert np.abs(decode(buffer.getvalue()).pixels - of_p3(smooth)).mean() < 2


def test_a_profile_goes_before_code_points() -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene(3)).save(
        buffer, "AVIF", quality=98, subsampling="4:4:4", icc_profile=rgb_profile((ADOBE[1], ADOBE[0], ADOBE[2]))
    )
    right = 255 * in_srgb(scene(3), (ADOBE[1], ADOBE[0], ADOBE[2]))
    assert np.abs(decode(buffer.getvalue()).pixels - right).mean() < 2


def test_the_profile_in_jpeg_2000() -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene(3)).save(buffer, "JPEG2000", irreversible=False)
    data, profile = buffer.getvalue(), rgb_profile(ADOBE)
    colors, header = data.index(b"colr") - 4, data.index(b"jp2h") - 4
    size = int.from_bytes(data[colors : colors + 4], "big")
    own = struct.pack(">I", 11 + len(profile)) + b"colr\x02\0\0" + profile
    longer = int.from_bytes(data[header : header + 4], "big") - size + len(own)
    data = data[:header] + struct.pack(">I", longer) + data[header + 4 : colors] + own + data[colors + size :]
    assert np.abs(decode(data).pixels - 255 * in_srgb(scene(3), ADOBE)).mean() < 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_camera_that_names_adobe_rgb_by_a_word(order: str) -> None:
    """DCF 2.0: no profile, but the interoperability index R03."""
    entry = struct.pack(f"{order}HHI4s", 1, 2, 4, b"R03\0")
    block = b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IHI", 8, 0, 0) + entry
    buffer = io.BytesIO()
    Image.fromarray(scene(3)).save(buffer, "JPEG", quality=98, subsampling=0, exif=block)
    assert np.abs(decode(buffer.getvalue()).pixels - 255 * in_srgb(scene(3), ADOBE)).mean() < 1.5


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_gray_with_alpha_and_a_profile_of_gray(kind: type) -> None:
    gray = np.arange(256).reshape(16, 16).astype(kind) * kind(np.iinfo(kind).max // 255)
    full = np.full_like(gray, np.iinfo(kind).max)
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(gray_profile(1.0)))
    found = decode(png(np.dstack([gray, full]), profile, color=4))
    assert found.notes == ()
    np.testing.assert_array_equal(found.pixels, decode(png(gray, profile, color=0)).pixels)
    assert found.pixels[4, 4, 0] > 120  # a linear gray of 68


def test_transparency_lies_over_white_after_colors_are_in_srgb() -> None:
    """As browsers do it: half of a color over white is half of the color that is seen."""
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[..., 1], pixels[..., 3] = 200, 128
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(rgb_profile(ADOBE, 1.0)))
    seen = 255 * in_srgb(pixels[:1, :1, :3], ADOBE, 1.0)
    right = seen * 128 / 255 + 255 * (1 - 128 / 255)
    assert np.abs(decode(png(pixels, profile, color=6)).pixels[0, 0] - right[0, 0]).max() <= 2


def test_inks_with_alpha_lie_over_white_after_they_are_colors() -> None:
    import tifffile

    buffer = io.BytesIO()
    inks = np.zeros((8, 8, 5), np.uint8)  # no ink, half there: white
    inks[..., 4] = 128
    tifffile.imwrite(buffer, inks, photometric="separated", extrasamples=["unassalpha"], iccprofile=cmyk_profile())
    assert decode(buffer.getvalue()).pixels.min() >= 253


def test_srgb_by_numbers_is_what_it_is() -> None:
    assert not is_foreign(profile_of(SRGB))
