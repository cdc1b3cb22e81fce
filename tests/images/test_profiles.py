"""Colors of files with a profile come out in sRGB."""

import io
import sys
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.support.pictures import scene
from tests.support.profiles import ADOBE, SRGB, cmyk_profile, gray_profile, in_srgb, rgb_profile
from visus.images import decode
from visus.images.jpeg import profile_in, segments
from visus.images.profiles import LARGEST, is_foreign, to_srgb

SWAPPED = (ADOBE[1], ADOBE[0], ADOBE[2])
SAME = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("primaries", [ADOBE, SWAPPED], ids=["adobe", "swapped"])
@pytest.mark.parametrize(("kind", "options", "most"), [
    ("PNG", {}, 3), ("TIFF", {}, 3), ("WEBP", {"lossless": True}, 3), ("JPEG", {"quality": 100, "subsampling": 0}, 4),
])  # fmt: skip
def test_colors_of_a_screen(primaries: Any, kind: str, options: dict[str, Any], most: int) -> None:
    pixels = scene(3)
    data = encoded(Image.fromarray(pixels), kind, icc_profile=rgb_profile(primaries), **options)
    found = decode(data)
    assert found.notes == ()
    error = np.abs(found.pixels - 255 * in_srgb(pixels, primaries))
    assert error.mean() < 1
    assert np.quantile(error, 0.99) <= most
    assert np.abs(found.pixels.astype(int) - pixels).mean() > 5


def test_a_reduced_jpeg_is_converted_too() -> None:
    data = encoded(Image.fromarray(scene(3, 400, 300)), "JPEG", quality=95, icc_profile=rgb_profile(SWAPPED))
    plain = encoded(Image.fromarray(scene(3, 400, 300)), "JPEG", quality=95)
    small = decode(plain, min_side=100).pixels
    assert small.shape[0] < 300
    found = decode(data, min_side=100).pixels
    assert np.abs(found - 255 * in_srgb(small, SWAPPED)).mean() < 1


def test_sixteen_bits_keep_theirs() -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (20, 30, 3)).astype(np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="rgb", iccprofile=rgb_profile(ADOBE))
    found = decode(buffer.getvalue(), depth=16).pixels
    right = 65535 * in_srgb(pixels, ADOBE)
    light = right.min(axis=2) > 6000  # where the profile's own rounding does not show
    assert np.abs(found - right)[light].max() < 120
    assert len(np.unique(found)) > 1000


@pytest.mark.parametrize("profile", [SAME, rgb_profile(SRGB, 2.2)[:0]])
def test_srgb_stays_as_it_is(profile: bytes) -> None:
    data = encoded(Image.fromarray(scene(1)), "PNG", icc_profile=profile)
    assert np.array_equal(decode(data).pixels, scene(1))
    assert not is_foreign(profile)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_gray(kind: str) -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    data = encoded(Image.fromarray(gray), kind, icc_profile=gray_profile(1.0))
    linear = decode(encoded(Image.fromarray(gray), kind)).pixels[:, :, 0] / 255
    right = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    found = decode(data)
    assert found.notes == ()
    assert np.abs(found.pixels[:, :, 1] - right).max() <= 4
    assert (np.ptp(found.pixels.astype(int), axis=2) == 0).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_of_a_printer(kind: str) -> None:
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:, 8:] = 255  # L* 100 on the left, 0 on the right
    inks[8:, :8, 0] = 255  # and 75 below
    data = encoded(Image.fromarray(inks, "CMYK"), kind, icc_profile=cmyk_profile(), quality=100)
    found = decode(data).pixels.astype(int)
    assert found[2, 2].min() >= 254
    assert found[2, 12].max() <= 2
    assert np.abs(found[12, 2] - 185).max() <= 3  # L* 75 is a gray of 185 in sRGB
    assert np.abs(decode(encoded(Image.fromarray(inks, "CMYK"), kind, quality=100)).pixels[12, 2, 0]) <= 2


def test_a_profile_that_is_damaged_or_does_not_fit_is_said() -> None:
    pixels = scene(1)
    for profile in (b"no profile at all" * 20, cmyk_profile(), rgb_profile(ADOBE)[:200]):
        found = decode(encoded(Image.fromarray(pixels), "PNG", icc_profile=profile))
        assert np.array_equal(found.pixels, pixels)
        assert found.notes == ("color profile not understood, colors as they are",)
        assert not is_foreign(profile) or profile == cmyk_profile()
    with pytest.raises(ValueError, match="bytes"):
        to_srgb(pixels, bytes(LARGEST + 1))


def test_the_parts_of_a_profile_in_a_jpeg() -> None:
    profile = rgb_profile(ADOBE) + bytes(200_000)
    data = encoded(Image.fromarray(scene(1)), "JPEG", icc_profile=profile)
    assert profile_in(segments(data)) == profile
    start = data.index(b"ICC_PROFILE\x00") - 4
    size = int.from_bytes(data[start + 2 : start + 4], "big")
    assert profile_in(segments(data[:start] + data[start + 2 + size :])) is None  # the first part is missing
    assert profile_in(segments(encoded(Image.fromarray(scene(1)), "JPEG"))) is None


def test_transparent_pictures_are_laid_over_white_and_converted() -> None:
    rgba = np.dstack([scene(1), np.full(scene(1).shape[:2], 255, np.uint8)])
    rgba[:10] = 0
    found = decode(encoded(Image.fromarray(rgba), "PNG", icc_profile=rgb_profile(SWAPPED))).pixels
    assert (found[:10] >= 254).all()
    assert np.abs(found[10:] - 255 * in_srgb(scene(1)[10:], SWAPPED)).mean() < 1


def test_without_codecs_16_bits_are_converted_in_8_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = scene(3).astype(np.uint16) * 257
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, deep, photometric="rgb", iccprofile=rgb_profile(ADOBE))
    exact = decode(buffer.getvalue(), depth=None)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    found = decode(buffer.getvalue(), depth=None)
    assert exact.notes == ()
    assert found.notes == ("colors converted in 8 of 16 bits; in all with: pip install 'visus[codecs]'",)
    assert found.pixels.dtype == np.uint16
    assert np.abs(found.pixels / 257 - exact.pixels / 257).max() <= 2
