"""Files that are odd and valid, each as its standard has it."""

import contextlib
import io
import re
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.images.test_color_spaces import chunk, png
from tests.support.bad_files import png_of
from tests.support.command import visus
from tests.support.pictures import scene
from tests.support.profiles import ADOBE, gray_profile, rgb_profile
from visus import FormatError, InputError
from visus.images import decode
from visus.images.decode import layers_in, size_of
from visus.images.documents import look
from visus.images.jxl import bits_in, is_animated
from visus.images.older import reads_otherwise
from visus.images.samples import Layers

_RANDOM = np.random.default_rng(0)


def encoded(picture: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def over_white(colors: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[:, :, None] / 255
    return np.rint(colors * share + 255 * (1 - share))


# PNG -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_one_gray_of_any_depth_that_is_clear(depth: int) -> None:
    values = np.arange(16).reshape(2, 8) % (1 << depth)
    bits = (values[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits.reshape(2, -1).astype(np.uint8))
    found = decode(png_of(8, 2, rows, depth=depth, color=0, clear=struct.pack(">H", 1))).pixels[:, :, 0]
    right = np.where(values == 1, 255, np.rint(values * 255 / ((1 << depth) - 1)))
    np.testing.assert_array_equal(found, right)


def animation(frames: list[np.ndarray]) -> bytes:
    """An animated PNG of 16-bit gray."""
    height, width = frames[0].shape
    control = struct.pack(">4I2H2B", width, height, 0, 0, 1, 10, 0, 0)
    packed = [zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in frame)) for frame in frames]
    further = b"".join(
        chunk(b"fcTL", struct.pack(">I", 2 * k - 1) + control) + chunk(b"fdAT", struct.pack(">I", 2 * k) + content)
        for k, content in enumerate(packed[1:], 1)
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">2I5B", width, height, 16, 0, 0, 0, 0))
        + chunk(b"acTL", struct.pack(">2I", len(frames), 0))
        + chunk(b"fcTL", bytes(4) + control)
        + chunk(b"IDAT", packed[0])
        + further
        + chunk(b"IEND", b"")
    )


def test_frames_of_sixteen_bits() -> None:
    frames = [_RANDOM.integers(0, 65536, (5, 7)) for _ in range(2)]
    data = animation(frames)
    np.testing.assert_array_equal(decode(data, depth=16).pixels[:, :, 0], frames[0])
    found = decode(data, page=1)
    np.testing.assert_array_equal(found.pixels[:, :, 0], np.rint(frames[1] / 257))


def test_gray_of_sixteen_bits_with_alpha_and_a_profile_is_written_as_it_looks(tmp_path: Path) -> None:
    gray = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    half = np.full_like(gray, 40_000)
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(gray_profile(1.0)))
    (tmp_path / "a.png").write_bytes(png(np.dstack([gray, half]), profile, color=4))
    visus("filter", "box", tmp_path / "a.png", tmp_path / "b.png", "--size", "1")
    before, after = (decode((tmp_path / name).read_bytes()) for name in ("a.png", "b.png"))
    assert after.notes == ()
    assert np.abs(after.pixels.astype(int) - before.pixels).max() <= 1


# JPEG ------------------------------------------------------------------------------------------------------------


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def test_exif_behind_a_large_profile() -> None:
    data = encoded(scene(1), "JPEG", quality=95)
    profile = rgb_profile(ADOBE) + bytes(150_000)
    parts = [profile[k : k + 60_000] for k in range(0, len(profile), 60_000)]
    packed = b"".join(
        segment(0xE2, b"ICC_PROFILE\0" + bytes([k + 1, len(parts)]) + part) for k, part in enumerate(parts)
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(data[:2] + packed + segment(0xE1, exif.tobytes()) + data[2:])
    np.testing.assert_array_equal(turned.pixels, np.rot90(decode(data[:2] + packed + data[2:]).pixels, -1))
    assert (turned.width, turned.height) == (scene(1).shape[0], scene(1).shape[1])


def test_what_xmp_says_of_the_orientation_counts_where_exif_does_not() -> None:
    data = encoded(scene(1), "JPEG", quality=95)
    packet = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation="6"/>')
    exif = Image.Exif()
    exif[0x0112] = 3
    for depth in (8, 16):
        plain = decode(data, depth=depth).pixels
        found = decode(data[:2] + packet + data[2:], depth=depth).pixels
        assert np.abs(found.astype(int) - np.rot90(plain, -1)).max() <= (1 if depth == 8 else 257)
        both = decode(data[:2] + segment(0xE1, exif.tobytes()) + packet + data[2:], depth=depth).pixels
        assert np.abs(both.astype(int) - np.rot90(plain, 2)).max() <= (1 if depth == 8 else 257)


@pytest.mark.parametrize(
    "options", [{}, {"quality": 30}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}], ids=str
)
@pytest.mark.parametrize("gray", [False, True])
def test_only_the_end_marker_may_be_missing(options: dict[str, Any], gray: bool) -> None:
    whole = encoded(scene(1, 60, 50)[:, :, 0] if gray else scene(1, 60, 50), "JPEG", **options)
    pixels = layers_in(whole, "whole").colors
    cuts = [whole[:length] for length in range(len(whole) - 1, len(whole) // 2, -1)]
    found = [layers for cut in cuts if (layers := _whole(cut))]
    for layers in found:
        assert layers.notes == ("its end marker is missing, all pixels are there",)
        np.testing.assert_array_equal(layers.colors, pixels)
    assert len(found) in ((0,) if "progressive" in options else (2, 3))


def _whole(data: bytes) -> Layers | None:
    with contextlib.suppress(FormatError):
        return layers_in(data, "cut")
    return None


def test_jpeg_of_more_than_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    deep = scene(1).astype(np.uint16) * 16
    exif = Image.Exif()
    exif[0x0112] = 6
    data = imagecodecs.jpeg8_encode(deep, level=98, bitspersample=12, subsampling="444")
    data = data[:2] + segment(0xE1, exif.tobytes()) + data[2:]
    found = decode(data, depth=None).pixels
    assert found.dtype == np.uint16
    assert np.abs(np.rot90(found) / 65535 - deep / 4095).mean() < 0.01
    exact = scene(1).astype(np.uint16) * 257
    lossless = imagecodecs.jpeg8_encode(exact, lossless=True, bitspersample=16)
    np.testing.assert_array_equal(decode(lossless, depth=16).pixels, exact)
    np.testing.assert_array_equal(decode(imagecodecs.jpegls_encode(scene(1))).pixels, scene(1))
    assert size_of(data) == (scene(1).shape[1], scene(1).shape[0])
    assert look(data, "a.jpg").container == "JPEG"
    with pytest.raises(InputError, match="more than the limit"):
        decode(lossless, max_pixels=100)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    monkeypatch.setattr("visus.images.jpeg.is_installed", lambda _package: False)
    with pytest.raises(FormatError, match=r"12 bits a channel, which visus reads with: pip install 'visus\[codecs\]'"):
        decode(data)


def test_further_pictures_of_mpo_are_pages() -> None:
    data = encoded(scene(1), "MPO", save_all=True, append_images=[Image.fromarray(scene(2))], quality=95)
    assert np.abs(decode(data, page=1).pixels.astype(int) - scene(2)).mean() < 4
    with pytest.raises(InputError, match="2 frames"):
        decode(data, page=2)


# GIF, HEIC, JPEG XL, JPEG 2000 -------------------------------------------------------------------------------------


def gif(*frames: tuple[np.ndarray, int, int, int]) -> bytes:
    """Frames of one palette at places of a canvas of 20 x 16: pixels, x, y, and what becomes of each."""
    content = b"GIF89a" + struct.pack("<HHBBB", 20, 16, 0x70, 0, 0)
    for pixels, left, top, disposal in frames:
        opened = Image.fromarray(pixels, "P")
        opened.putpalette([k for k in range(256) for _ in range(3)])
        whole = encoded(opened, "GIF", interlace=0, optimize=False)
        height, width = pixels.shape
        place = whole.index(b"," + struct.pack("<HHHH", 0, 0, width, height)) + 10
        own = place + (3 << (whole[place - 1] & 7) + 1 if whole[place - 1] & 0x80 else 0)
        content += b"!\xf9\x04" + struct.pack("<BHBB", disposal << 2, 10, 0, 0)
        palette = bytes(k for k in range(256) for _ in range(3))
        content += b"," + struct.pack("<HHHHB", left, top, width, height, 0x87) + palette + whole[own:-1]
    return content + b";"


def test_where_no_frame_of_a_gif_has_painted_is_nothing() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    data = gif((every, 2, 0, 1), (every.T.copy()[:, :16], 4, 0, 1))
    first = np.full((16, 20), 255, np.uint8)
    first[:, 2:18] = every
    np.testing.assert_array_equal(decode(data).pixels[:, :, 0], first)
    second = first.copy()
    second[:, 4:20] = every.T
    np.testing.assert_array_equal(decode(data, page=1).pixels[:, :, 0], second)
    gone = gif((every, 2, 0, 2), (every.T.copy(), 4, 0, 1))
    alone = np.full((16, 20), 255, np.uint8)
    alone[:, 4:20] = every.T
    np.testing.assert_array_equal(decode(gone, page=1).pixels[:, :, 0], alone)
    assert reads_otherwise(data)
    assert not reads_otherwise(encoded(scene(1), "GIF"))


def test_the_main_picture_of_heic_is_its_first_page() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    several, buffer = pillow_heif.from_pillow(Image.fromarray(scene(1))), io.BytesIO()
    for number in (2, 3):
        several.add_from_pillow(Image.fromarray(scene(number)))
    several.save(buffer, quality=95, primary_index=1)
    for page, number in enumerate((2, 1, 3)):
        assert np.abs(decode(buffer.getvalue(), page=page).pixels.astype(int) - scene(number)).mean() < 4


def test_jpeg_xl_lies_as_its_codestream_says_whatever_exif_says() -> None:
    pytest.importorskip("pillow_jxl")
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(scene(1), "JXL", lossless=True, exif=exif.tobytes())
    np.testing.assert_array_equal(decode(data).pixels, scene(1))
    imagecodecs = pytest.importorskip("imagecodecs")
    packed = imagecodecs.jpegxl_encode_jpeg(encoded(scene(1), "JPEG", quality=95, exif=exif))
    assert decode(packed).pixels.shape == np.rot90(scene(1)).shape
    assert np.abs(decode(packed).pixels.astype(int) - np.rot90(scene(1), -1)).mean() < 6
    start = packed.index(b"jbrd") - 4  # without what makes a JPEG of it again
    size = int.from_bytes(packed[start : start + 4], "big")
    alone = packed[:start] + packed[start + size :]
    assert np.abs(decode(alone).pixels.astype(int) - np.rot90(scene(1), -1)).mean() < 6


def test_the_first_frame_of_jpeg_xl(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pillow_jxl")
    imagecodecs = pytest.importorskip("imagecodecs")
    data = imagecodecs.jpegxl_encode(np.stack([scene(number) for number in (1, 2, 3)]), lossless=True)
    found = decode(data)
    np.testing.assert_array_equal(found.pixels, scene(1))
    assert found.notes == ()
    for size in ((8, 8), (16, 24), (31, 47), (300, 7)):
        still = np.zeros((*size, 3), np.uint8)
        assert not is_animated(encoded(still, "JXL", lossless=True))
        assert not is_animated(imagecodecs.jpegxl_encode(still, usecontainer=True))
        moving = np.stack([still, still + 9])
        assert is_animated(imagecodecs.jpegxl_encode(moving, lossless=True))
        assert is_animated(imagecodecs.jpegxl_encode(moving, usecontainer=True))
    assert not is_animated(b"")
    monkeypatch.setattr("visus.images.opened.is_installed", lambda _package: False)
    assert "last frame" in decode(data).notes[0]


@pytest.mark.parametrize(("kind", "bits"), [(np.uint16, 16), (np.uint16, 12), (np.uint16, 10)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_bits_of_jpeg_2000(kind: type, bits: int, channels: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    most = (1 << bits) - 1
    values = _RANDOM.integers(0, most, (12, 15, channels), endpoint=True).astype(kind)
    values[:4] = most  # white, which is black by Pillow
    content = values[:, :, 0] if channels == 1 else values
    data = imagecodecs.jpeg2k_encode(content, level=0, reversible=True, codecformat="jp2", bitspersample=bits)
    share = values.astype(np.float64) / most
    right = share if channels < 4 else share[:, :, :3] * share[:, :, 3:] + 1 - share[:, :, 3:]
    found = decode(data, depth=16).pixels
    assert np.abs(found - 65535 * right).max() <= 1.5  # rounded for 16 bits, and again over white
    assert reads_otherwise(data)


# TIFF ------------------------------------------------------------------------------------------------------------


def tiff(
    width: int, height: int, bits: list[int], photometric: int, content: bytes, *more: tuple[int, list[int]]
) -> bytes:
    """A TIFF file of one strip, entry by entry (TIFF 6.0, section 2)."""
    entries = {256: [width], 257: [height], 258: bits, 259: [1], 262: [photometric], 273: [0], 277: [len(bits)],
               278: [height], 279: [len(content)], **dict(more)}  # fmt: skip
    start = 8 + 2 + 12 * len(entries) + 4
    behind = b"".join(struct.pack(f"<{len(v)}H", *v) for _, v in sorted(entries.items()) if len(v) > 2)
    entries[273] = [start + len(behind)]
    packed, place = b"", start
    for tag, values in sorted(entries.items()):
        own = struct.pack(f"<{len(values)}H", *values)
        packed += struct.pack("<HHI", tag, 3, len(values)) + (
            own.ljust(4, b"\0") if len(own) <= 4 else struct.pack("<I", place)
        )
        place += len(own) if len(own) > 4 else 0
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4) + behind + content


@pytest.mark.parametrize("bits", [2, 4, 6])
@pytest.mark.parametrize("channels", [1, 3])
def test_few_bits_a_channel(bits: int, channels: int) -> None:
    values = _RANDOM.integers(0, 1 << bits, (5, 7 * channels))
    packed = ((values[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(5, -1).astype(np.uint8)
    data = tiff(7, 5, [bits] * channels, 2 if channels == 3 else 1, np.packbits(packed, axis=1).tobytes())
    right = np.rint(values * 255 / ((1 << bits) - 1)).reshape(5, 7, channels)
    np.testing.assert_array_equal(decode(data).pixels[:, :, :channels], right)


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_palette_that_was_written_with_8_bits(bits: int) -> None:
    colors = _RANDOM.integers(0, 256, (3, 1 << bits))
    values = _RANDOM.integers(0, 1 << bits, (5, 8))
    packed = ((values[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(5, -1).astype(np.uint8)
    data = tiff(8, 5, [bits], 3, np.packbits(packed, axis=1).tobytes(), (320, colors.ravel().tolist()))
    np.testing.assert_array_equal(decode(data).pixels, colors.T[values])


@pytest.mark.parametrize(("wide", "high"), [(2, 1), (2, 2), (4, 2)])
def test_luma_and_chroma_without_compression(wide: int, high: int) -> None:
    """A picture whose chroma is the same everywhere, in units of lumas and one Cb and Cr."""
    luma = _RANDOM.integers(40, 200, (8, 12))
    units = luma.reshape(8 // high, high, 12 // wide, wide).swapaxes(1, 2).reshape(8 // high, 12 // wide, -1)
    chroma = np.broadcast_to([100, 150], (*units.shape[:2], 2))
    content = np.concatenate([units, chroma], axis=2).astype(np.uint8).tobytes()
    found = decode(tiff(12, 8, [8, 8, 8], 6, content, (530, [wide, high]))).pixels
    right = np.stack([luma + 1.402 * 22, luma - 0.344136 * -28 - 0.714136 * 22, luma + 1.772 * -28], axis=-1)
    assert np.abs(found - np.clip(right, 0, 255)).max() <= 1
    with pytest.raises(FormatError, match="damaged"):
        decode(tiff(12, 8, [8, 8, 8], 6, content[:-20], (530, [wide, high])))


@pytest.mark.parametrize(("bits", "more", "said"), [
    ([5, 6, 5], (), "channels of unequal depth (5, 6, 5)"),
    ([8, 8, 8, 8], ((332, [2]),), "inks that are not those of CMYK"),
])  # fmt: skip
def test_what_is_not_read_is_said_by_its_name(bits: list[int], more: Any, said: str) -> None:
    data = tiff(4, 4, bits, 5 if len(bits) == 4 else 2, bytes(64), *more)
    with pytest.raises(FormatError, match=re.escape(said)):
        decode(data)


def test_plain_palettes_and_inks_are_read_as_before() -> None:
    buffer = io.BytesIO()
    colors = _RANDOM.integers(0, 65536, (3, 256)).astype(np.uint16)
    values = _RANDOM.integers(0, 256, (9, 7)).astype(np.uint8)
    tifffile.imwrite(buffer, values, photometric="palette", colormap=colors)
    assert np.abs(decode(buffer.getvalue()).pixels - colors.T[values] / 257).max() <= 1


def test_a_png_of_plain_colors_is_not_read_otherwise() -> None:
    assert not reads_otherwise(png(scene(1)))
    assert reads_otherwise(png(scene(1), chunk(b"cICP", bytes([12, 13, 0, 1]))))
    assert not reads_otherwise(png(scene(1), chunk(b"gAMA", struct.pack(">I", 45_455))))


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 16), (np.float32, 32)])
def test_bits_of_jpeg_xl_that_are_left_out_are_said(dtype: type, bits: int) -> None:
    pytest.importorskip("pillow_jxl")
    codecs = pytest.importorskip("imagecodecs")
    picture = (scene(1) / (255 if dtype is np.float32 else 1)).astype(dtype)
    data = bytes(codecs.jpegxl_encode(picture, lossless=True))
    assert bits_in(data) == bits
    assert decode(data, depth=None).notes == ((f"8 of {bits} bits",) if bits > 8 else ())
