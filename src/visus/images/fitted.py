"""Pages made such that a format can hold them; what is lost is told."""

import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.images.png import SIGNATURE, chunk
from visus.images.profiles import is_foreign
from visus.images.samples import Layers, in_srgb, over_white, straight

_WITHOUT_PROFILE = ("BMP", "GIF")
_WITHOUT_ALPHA = ("JPEG", "BMP")
_COLOR_TYPES = {1: 0, 3: 2, 2: 4, 4: 6}  # of PNG, by the number of channels
_UP = 2  # the filter of a row that is its difference from the one above
_EFFORT = 4  # of zlib


def fitted(page: Layers, container: str, notes: dict[str, None]) -> Layers:
    """A page that a format can hold.

    Args:
        page: The page.
        container: The format: JPEG, PNG, WEBP, BMP or GIF.
        notes: What must be said is added here.

    Returns:
        With colors that are not multiplied by alpha, in sRGB where the format has no profiles, and over white where it
        has no alpha.
    """
    page = straight(page)
    if page.profile and container in _WITHOUT_PROFILE:
        if is_foreign(page.profile):
            notes[f"colors converted to sRGB, as {container} has no color profiles"] = None
        said: list[str] = []
        page = replace(page, colors=in_srgb(page.colors, page.profile, said), profile=None)
        notes |= dict.fromkeys(said)
    if page.alpha is None:
        return page
    most = np.iinfo(page.alpha.dtype).max
    if container in _WITHOUT_ALPHA:
        if (page.alpha != most).any():
            notes[f"laid over white, as {container} has no alpha"] = None
        return Layers(over_white(page), profile=page.profile)
    if container == "GIF" and ((page.alpha > 0) & (page.alpha < most)).any():
        notes["alpha is all or nothing, as GIF has it"] = None
    return page


def png_of_sixteen(page: Layers, options: dict[str, Any]) -> bytes:
    """A PNG with 16 bits, for which Pillow has no modes (PNG, third edition, sections 5.3, 7.2, 9.2 and 11).

    Args:
        page: Gray or RGB, with alpha or without, uint16.
        options: What is said beside it, as Pillow calls it: ``icc_profile``, ``dpi``, ``exif``.
    """
    pixels = page.colors if page.alpha is None else np.dstack([page.colors, page.alpha])
    height, width, channels = (*pixels.shape, 1)[:3]
    content = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPES[channels], 0, 0, 0))
    if "icc_profile" in options:
        content += chunk(b"iCCP", b"profile\0\0" + zlib.compress(options["icc_profile"]))
    if "dpi" in options:
        content += chunk(b"pHYs", struct.pack(">IIB", *(round(n / 0.0254) for n in options["dpi"]), 1))
    if "exif" in options:
        content += chunk(b"eXIf", options["exif"].removeprefix(b"Exif\0\0"))
    return content + chunk(b"IDAT", zlib.compress(_rows(pixels), _EFFORT)) + chunk(b"IEND", b"")


def _rows(pixels: NDArray[Any]) -> bytes:
    """The rows as differences from those above, each behind the number of its filter."""
    rows = pixels.reshape(len(pixels), -1).astype(">u2").view(np.uint8)
    filtered = np.full((len(rows), 1 + rows.shape[1]), _UP, np.uint8)
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered.tobytes()
