"""Colors of files with a color profile (ICC.1:2022), brought to sRGB by Little CMS.

Colors are mapped relative to the white of both, and blacks are brought to one another, as image editors do it.
"""

import functools
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from visus._optional import is_installed

LARGEST = 8 << 20
"""Larger profiles, in bytes, count as damaged: those of printers have 0.5 to 3 MB."""

_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # color space of the profile: mode of Pillow
_SAME = 2  # levels of 255 within which a profile's colors count as those of sRGB


def is_foreign(profile: bytes | None) -> bool:
    """Whether a profile says other colors than sRGB; not for one that is damaged."""
    try:
        return bool(profile) and _transform(profile) is not None
    except ValueError:
        return False


def keeps_16_bits() -> bool:
    """Whether colors of 16 bits are converted in 16 bits, by imagecodecs, and not in 8."""
    return is_installed("imagecodecs")


def to_srgb(pixels: NDArray[Any], profile: bytes) -> NDArray[Any] | None:
    """The colors of a picture in sRGB.

    Args:
        pixels: ``(H, W)`` gray, ``(H, W, 3)`` RGB or ``(H, W, 4)`` CMYK (0 is no ink), uint8 or uint16.
        profile: What the values mean. One of another color space than the picture's counts as damaged, but gray
            pictures may have that of RGB.

    Returns:
        ``(H, W, 3)`` RGB of the same dtype, precise to 8 bits unless :func:`keeps_16_bits`; None where the profile is
        that of sRGB, and the values stay.

    Raises:
        ValueError: The profile is damaged, or does not fit.
    """
    transform = _transform(profile)
    if transform is None:
        return None
    mode = "L" if pixels.ndim == 2 else "RGB" if pixels.shape[2] == 3 else "CMYK"
    if mode == "L" and transform.input_mode == "RGB":
        pixels, mode = np.repeat(pixels[:, :, None], 3, axis=2), "RGB"
    if mode != transform.input_mode:
        raise ValueError(f"it is one of {transform.input_mode}, and the picture has {mode}")
    if pixels.dtype != np.uint16:
        return _eight_bits(pixels, transform, mode)
    if keeps_16_bits():
        return _sixteen_bits(pixels, profile, mode)
    rounded = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return _eight_bits(rounded, transform, mode).astype(np.uint16) * 257


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """What brings 8-bit colors to sRGB; None where they are that already."""
    if len(profile) > LARGEST:
        raise ValueError(f"it has {len(profile):,} bytes")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        about: Any = source.profile
        mode = _MODES[about.xcolor_space]
        transform = ImageCms.ImageCmsTransform(
            source,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            "RGB",
            intent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # Optimized, gray is off by up to 16 levels in its shadows, and colors by less than one.
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | (ImageCms.Flags.NOOPTIMIZE if mode == "L" else 0),
        )
    except (OSError, KeyError, ValueError, ImageCms.PyCMSError) as error:  # KeyError: a space of no picture
        raise ValueError(f"it is damaged: {error}") from error
    return None if mode != "CMYK" and _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    if mode == "L":
        given = np.repeat(steps[None, :, None], 3, axis=2)
        found = transform.apply(Image.fromarray(steps[None]))
    else:
        given = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(1, -1, 3)
        found = transform.apply(Image.fromarray(given))
    return bool(np.abs(np.asarray(found).astype(int) - given).max() <= _SAME)


def _eight_bits(pixels: NDArray[np.uint8], transform: ImageCms.ImageCmsTransform, mode: str) -> NDArray[np.uint8]:
    return np.asarray(transform.apply(Image.fromarray(np.ascontiguousarray(pixels), mode)))


def _sixteen_bits(pixels: NDArray[np.uint16], profile: bytes, mode: str) -> NDArray[np.uint16]:
    """As the transform of 8 bits, by the same library from another package: Pillow has no pictures of 16 bits."""
    import imagecodecs

    space = {"L": "gray", "RGB": "rgb", "CMYK": "cmyk"}[mode]
    return imagecodecs.cms_transform(
        np.ascontiguousarray(pixels),
        profile,
        imagecodecs.cms_profile("srgb"),
        colorspace=space,
        outcolorspace="rgb",
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
        # Optimized, it would be off by up to 2,600 of 65,535.
        flags=imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION | imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )
