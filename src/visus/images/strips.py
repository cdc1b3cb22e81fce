"""Large pictures read strip by strip, so that they are never in memory as a whole.

libvips (``visus[large]``) decodes JPEG, PNG and TIFF from the top down. What has to be seen as a whole, as progressive
JPEG and interlaced PNG, is not read so.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin, PngImagePlugin

from visus._errors import FormatError, InputError
from visus._optional import is_installed, require
from visus.images import quiet
from visus.images.container import kind_of_file
from visus.images.decode import MAX_PIXELS
from visus.images.on_disk import on_disk
from visus.images.plain import why_not_plain
from visus.images.samples import Layers, flat, in_srgb, over_white

Array = NDArray[Any]

LARGE = 25_000_000
"""Pictures from so many pixels on are taken in strips."""

CUT_SHORT = "libvips does not read it to its end"
"""Why a picture is decoded as a whole in the end."""

_SMALL_FILE = 1 << 20  # bytes; pictures in smaller files are decoded as a whole
_STRIP = 1 << 21  # numbers of a strip
_MEANINGS = ("b-w", "grey16", "srgb", "rgb16")
_FAIL_ON = {"JPEG": "truncated", "PNG": "warning", "TIFF": "error"}
"""What ends the reading; of TIFF also a compression that libvips lacks, in whose place it gives black."""

TYPES = {"uchar": np.uint8, "ushort": np.uint16}
"""What libvips calls the types of numbers that are taken in strips."""


def pixels_of(path: Path) -> int:
    """How many pixels a JPEG, PNG or TIFF file says it has, from its header alone; 0 for all others.

    Args:
        path: The file.
    """
    quiet.without_warnings()
    try:
        kind = kind_of_file(path)
        if kind == "TIFF":
            with quiet.tifffile().TiffFile(path) as file:
                first: Any = file.pages[0]
                ends = map(sum, zip(first.dataoffsets, first.databytecounts, strict=True))
                is_all_there = max(ends) <= path.stat().st_size  # libtiff makes up what is missing
                return int(first.imagewidth) * int(first.imagelength) * is_all_there
        plugin = {"JPEG": JpegImagePlugin.JpegImageFile, "PNG": PngImagePlugin.PngImageFile}.get(kind or "")
        if plugin is None:
            return 0
        with plugin(path) as opened:
            return opened.width * opened.height
    except Exception:  # damaged: who reads the file says so
        return 0


@dataclass(frozen=True, slots=True)
class Large:
    """A picture that can be taken in strips.

    Attributes:
        path: The file.
        opened: What libvips knows of it.
        colors: Channels that are colors: 1 or 3; one more is alpha.
    """

    path: Path
    opened: Any
    colors: int

    @property
    def profile(self) -> bytes | None:
        """What the file says of its colors: an ICC profile, or None for sRGB."""
        return self.opened.get("icc-profile-data") if self.opened.get_typeof("icc-profile-data") else None

    def height(self, reach: int) -> int:
        """Rows of a strip, each of whose results depends on so many above and below."""
        return max(2 * reach, 64, _STRIP // (self.opened.width * self.opened.bands))

    def strips(self, reach: int) -> Iterator[tuple[Array, slice]]:
        """Strips from the top down, each with the rows above and below that its result depends on.

        Args:
            reach: So many of them.

        Yields:
            Rows ``(h, W, C)`` uint8 or uint16, and which of them are the strip's own.

        Raises:
            FormatError: The file is damaged.
        """
        image = self.opened
        region, dtype = require("pyvips").Region.new(image), np.dtype(TYPES[image.format])
        height = self.height(reach)
        held = np.empty((0, image.width, image.bands), dtype)  # rows from `start` on
        start = read = 0
        for top in range(0, image.height, height):
            end = min(top + height, image.height)
            below = min(end + reach, image.height)
            try:
                more = region.fetch(0, read, image.width, below - read) if below > read else b""
            except require("pyvips").Error as error:
                reason = " ".join(str(error).split())
                raise FormatError(
                    f"{self.path} is damaged or truncated ({reason}); bring the file again or delete it."
                ) from error
            rows = np.frombuffer(more, dtype).reshape(-1, image.width, image.bands)
            first = max(top - reach, 0)
            held = np.concatenate([held[first - start :], rows])
            start, read = first, below
            yield held, slice(top - start, end - start)


def open_large(path: Path, max_pixels: int) -> Large | str:
    """A large picture for strips; or why it has to be decoded as a whole.

    Args:
        path: The file: JPEG, PNG or TIFF.
        max_pixels: Larger ones are refused.

    Raises:
        InputError: It is larger than ``max_pixels``.
    """
    if not is_installed("pyvips"):
        return "in strips with: pip install 'visus[large]'"
    try:
        pyvips = require("pyvips")
    except (OSError, ImportError):  # the package is there, and the library that it calls is not
        return "libvips does not load"
    pyvips.cache_set_max(0)
    logging.getLogger("pyvips").addHandler(logging.NullHandler())  # what it finds odd is no business of the terminal
    kind = kind_of_file(path)
    load = {"JPEG": pyvips.Image.jpegload, "PNG": pyvips.Image.pngload, "TIFF": pyvips.Image.tiffload}[kind or ""]
    try:
        image = load(str(path), access="sequential", fail_on=_FAIL_ON[kind or ""])
    except pyvips.Error:
        return "libvips does not open it"
    if image.width * image.height > max_pixels:
        raise InputError(
            f"{path} has {image.width} x {image.height} pixels, more than the limit of {max_pixels / 1e6:g} "
            "megapixels; make it smaller or raise the limit (max_pixels, --max-pixels)."
        )
    odd = why_not_plain(path, kind or "", has_profile=bool(image.get_typeof("icc-profile-data")))
    reason = odd or _why_whole(image)
    return reason or Large(path, image, 1 if image.bands < 3 else 3)


def _why_whole(image: Any) -> str | None:  # noqa: ANN401 - of a library without types
    def told(name: str) -> Any:  # noqa: ANN401
        return image.get(name) if image.get_typeof(name) else None

    plain = image.format in TYPES and image.bands <= 4 and image.interpretation in _MEANINGS
    reasons = {
        "its rows do not come from the top down": told("jpeg-multiscan") or told("interlaced"),
        "it is turned": (told("orientation") or 1) != 1,
        "it has several pages": (told("n-pages") or 1) != 1,
        "its numbers are others than 8 or 16 bits of gray or RGB": not plain,
        "it has a palette, or fewer than 8 bits": told("palette") or (told("bits-per-sample") or 8) not in (8, 16),
    }
    return next((reason for reason, counts in reasons.items() if counts), None)


def read_large(path: Path, max_pixels: int = MAX_PIXELS) -> Array | str | None:
    """A large picture as :func:`visus.read` gives it, on the disk; it is never in memory as a whole.

    Args:
        path: The file.
        max_pixels: Larger ones are refused.

    Returns:
        ``(H, W, 3)`` uint8 (see :mod:`visus.images.on_disk`); why it is decoded as a whole; or None where it is no
        large JPEG, PNG or TIFF file.

    Raises:
        InputError: It is larger than ``max_pixels``, or there is no room on the disk.
    """
    if pixels_of(path) < LARGE:
        return None
    large = open_large(path, max_pixels)
    if isinstance(large, str):
        return large
    if large.opened.format != "uchar":
        return "it has 16 bits"
    try:
        return on_disk(_shown(large), (large.opened.height, large.opened.width, 3))
    except FormatError:  # decoded as a whole, it is there, or tells what is wrong
        return CUT_SHORT


def _shown(large: Large) -> Iterator[Array]:
    """Strips ``(h, W, 3)`` uint8 over white and in sRGB."""
    profile = large.profile
    for rows, _ in large.strips(0):
        colors = np.ascontiguousarray(rows[:, :, 0] if large.colors == 1 else rows[:, :, :3])
        alpha = rows[:, :, large.colors] if rows.shape[2] > large.colors else None
        plain, _ = flat(Layers(colors, alpha, profile=profile))
        yield np.repeat(plain[:, :, None], 3, axis=2) if plain.ndim == 2 else plain


def open_to_shrink(path: Path, max_pixels: int) -> Large | None:
    """A large PNG or TIFF file of 8 bits that is shrunk strip by strip; None for all that is decoded as a whole.

    Args:
        path: The file.
        max_pixels: Larger ones are refused.

    Raises:
        InputError: It is larger than ``max_pixels``.
    """
    if path.suffix.lower() not in (".png", ".tif", ".tiff") or not is_installed("pyvips"):
        return None
    try:
        if path.stat().st_size < _SMALL_FILE or kind_of_file(path) == "JPEG" or pixels_of(path) < LARGE:
            return None
        large = open_large(path, max_pixels)
    except (OSError, KeyError, ValueError):  # who reads it as a whole says why
        return None
    return large if isinstance(large, Large) and large.opened.format == "uchar" else None


def shrunk(large: Large, least: int) -> tuple[Array, tuple[str, ...]]:
    """A large picture by the mean of squares, as small as leaves both sides a least length; over white and in sRGB.

    Args:
        large: The picture, of 8 bits.
        least: So many pixels.

    Returns:
        ``(h, w, 3)`` uint8, and what must be said.

    Raises:
        FormatError: The file is damaged.
    """
    import cv2

    image, parts = large.opened, []
    side = max(1, min(image.width, image.height) // least)
    width, held = max(1, image.width // side), np.empty((0, image.width, large.colors), np.uint8)
    for rows, _ in large.strips(0):
        held = np.concatenate([held, _over_white(rows, large.colors)])
        count = len(held) // side
        if count:
            parts.append(cv2.resize(held[: count * side], (width, count), interpolation=cv2.INTER_AREA))
        held = held[count * side :]
    if len(held):  # the last rows are fewer
        parts.append(cv2.resize(held, (width, 1), interpolation=cv2.INTER_AREA))
    notes: list[str] = []
    colors = in_srgb(np.concatenate(parts), large.profile, notes)
    colors = colors if colors.ndim == 3 else np.repeat(colors[:, :, None], 3, axis=2)
    return colors, tuple(notes)


def _over_white(rows: Array, colors: int) -> Array:
    """Rows ``(h, W, C)`` of which the first channels are colors, and one more may be alpha, over white."""
    if rows.shape[2] == colors:
        return rows
    flat = rows[:, :, 0] if colors == 1 else rows[:, :, :3]
    return over_white(Layers(flat, rows[:, :, colors])).reshape(*rows.shape[:2], colors)
