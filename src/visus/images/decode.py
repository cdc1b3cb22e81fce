"""Decode the content of picture files.

Whatever the file holds (gray, palette, alpha, CMYK, 16 bits, any EXIF orientation), what comes out is RGB and the right
way up.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from visus._errors import DependencyError, FormatError, InputError
from visus._optional import require
from visus.images import jpeg, tiff
from visus.images.check import one_of
from visus.images.container import FIRST, kind_of, needs, readable
from visus.images.opened import layers_in as layers_of_opened
from visus.images.opened import open_by, seek, turned, upright
from visus.images.samples import Layers, Range, ends_of, flat, in_srgb, layers_of

MAX_PIXELS = 200_000_000
"""Pictures with more pixels than this are refused unless the caller allows them."""

DECODER = 3
"""Version of the decoding: raised when a file's pixels come out otherwise than before.

2 has color profiles, few bits in many, TIFF as it is written, and HEIC that only EXIF turns; 3 has colors by numbers
(HEIC, AVIF, PNG), profiles in JPEG 2000 and all its bits, transparency after colors, and frames of GIF beside nothing.
"""

Depth = Literal[8, 16] | None

_READS = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, JPEG 2000; HEIC, JPEG XL and raw by extras"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture and the size that it has in the file.

    Attributes:
        pixels: ``(H, W, 3)`` RGB, uint8 (or uint16 when asked for).
        width: Width of the picture in the file in pixels, upright.
        height: Height of the picture in the file in pixels, upright.
        notes: What must be said: what was stretched, left out, or not understood.
    """

    pixels: NDArray[Any]
    width: int
    height: int
    notes: tuple[str, ...] = ()


def decode(
    data: bytes,
    *,
    name: str = "the picture",
    min_side: int | None = None,
    depth: Depth = 8,
    max_pixels: int = MAX_PIXELS,
    range: Range = "type",
    page: int = 0,
) -> Decoded:
    """Decode the content of a picture file; see :func:`read`.

    Args:
        data: The content of the file.
        name: What errors call the file.
        min_side: As in :func:`read`.
        depth: As in :func:`read`.
        max_pixels: As in :func:`read`.
        range: As in :func:`read`.
        page: As in :func:`read`.

    Returns:
        The pixels and the size of the picture in the file.

    Raises:
        FormatError: The data is empty, damaged, truncated, or not a picture.
        InputError: The picture is larger than ``max_pixels``, there is no such page, or ``range`` or ``depth`` is
            something else.
    """
    one_of("range", range, ("type", "own"))
    if depth not in (8, 16, None):
        raise InputError(f"depth must be 8, 16 or None (what the file holds), not {depth!r}.")
    kind = _kind(data, name)
    if page < 0:
        raise InputError(f"A page must be a whole number from 0 on, not {page}.")
    if kind == "JPEG" and depth != 16 and page == 0:
        fast = _decode_jpeg(data, name, min_side, max_pixels)
        if fast is not None:
            return fast
    if kind == "RAW":
        return _decode_preview(data, name, min_side, max_pixels)
    pixels, notes = flat(layers_in(data, name, range=range, page=page, max_pixels=max_pixels))
    rgb = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
    return Decoded(_to_depth(rgb, depth), rgb.shape[1], rgb.shape[0], notes)


def size_of(data: bytes, *, name: str = "the picture", max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of a picture as its file holds them, from the header alone: nothing is decoded.

    Args:
        data: The content of the file.
        name: What errors call the file.
        max_pixels: As in :func:`read`.

    Returns:
        In pixels, before an EXIF orientation is applied.

    Raises:
        FormatError: The data is empty, damaged, or not a picture.
        InputError: The picture is larger than ``max_pixels``.
    """
    kind = _kind(data, name)
    try:
        if kind == "RAW":  # its preview is not larger
            with require("rawpy").imread(io.BytesIO(data)) as raw:
                width, height = raw.sizes.raw_width, raw.sizes.raw_height
        elif kind == "TIFF":
            about = tiff.look(data, 0, name)
            width, height = about.width, about.height
        elif kind == "JPEG" and (frame := jpeg.frame_of(data)).is_deep:
            width, height = frame.width, frame.height
        else:
            with open_by(data, kind) as picture:
                width, height = picture.size
    except InputError:
        raise
    except DependencyError as error:
        raise FormatError(f"{name} cannot be read here. {error}") from error
    except Exception as error:  # decoders of hostile files raise almost anything
        raise _damaged(name, error) from error
    _check_size(width, height, name, max_pixels)
    return width, height


def _kind(data: bytes, name: str) -> str:
    if not data:
        raise FormatError(f"{name} is empty (0 bytes); bring the file again or delete it.")
    kind = kind_of(data[:FIRST], name)
    if kind is None:
        raise FormatError(f"{name} is not a picture that visus reads ({_READS}); convert it to one of these.")
    if not readable(kind):
        raise FormatError(needs(kind, name))
    return kind


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise FormatError(f"{name} has no pixels ({width} x {height}); bring the file again.")
    if width * height > max_pixels:
        raise InputError(
            f"{name} has {width} x {height} pixels, more than the limit of {max_pixels / 1e6:g} megapixels; "
            "make it smaller or raise the limit (max_pixels, --max-pixels)."
        )


def _damaged(name: str, reason: object) -> FormatError:
    return FormatError(f"{name} is damaged or truncated ({reason}); bring the file again or delete it.")


def _decode_jpeg(data: bytes, name: str, min_side: int | None, max_pixels: int) -> Decoded | None:
    """Decode by libjpeg-turbo, at a reduced scale where that is enough; None where Pillow must decide."""
    try:
        rows, columns, space, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if space in ("CMYK", "YCCK"):
        return None
    height, width = int(rows), int(columns)
    _check_size(width, height, name, max_pixels)
    least = min_side or 0
    try:
        # Accurate transforms: the fast ones change which pictures are found (see docs/performance.md).
        pixels = simplejpeg.decode_jpeg(
            data, colorspace="RGB", fastdct=False, fastupsample=False, min_width=least, min_height=least
        )
    except ValueError:  # damaged, or only odd: Pillow tells which
        return None
    notes: list[str] = []
    segments = jpeg.segments(data)
    if profile := jpeg.profile_in(segments):
        colors = in_srgb(pixels[:, :, 0] if space == "Gray" else pixels, profile, notes)
        pixels = np.repeat(colors[:, :, None], 3, axis=2) if colors.ndim == 2 else colors
    orientation = jpeg.orientation_in(segments)
    if orientation >= 5:  # the sides change places
        width, height = height, width
    return Decoded(upright(pixels, orientation), width, height, tuple(notes))


def layers_in(
    data: bytes,
    name: str,
    *,
    range: Range = "type",
    page: int = 0,
    max_pixels: int = MAX_PIXELS,
    ends: tuple[float, float] | None = None,
) -> Layers:
    """A page or frame of a file as it holds it: with its alpha, in its own colors, but upright.

    Args:
        data: The content of the file.
        name: What errors call it.
        range: As in :func:`read`.
        page: As in :func:`read`.
        max_pixels: As in :func:`read`.
        ends: What becomes black and white in TIFF, where it is known; see :func:`common_range`.

    Raises:
        FormatError: The data is empty, damaged, truncated, or not a picture.
        InputError: The picture is larger than ``max_pixels``, or there is no such page.
    """
    kind = _kind(data, name)
    if kind == "RAW":
        return Layers(_decode_preview(data, name, None, max_pixels).pixels)
    try:
        if kind == "TIFF" and not (about := tiff.look(data, page, name)).plain:
            _check_size(about.width, about.height, name, max_pixels)
            return turned(layers_of(tiff.samples_of(data, page, name), range, name, ends), about.orientation)
        if kind == "JPEG" and not page and (frame := jpeg.frame_of(data)).is_deep:
            _check_size(frame.width, frame.height, name, max_pixels)
            orientation = jpeg.orientation_in(jpeg.segments(data))
            return turned(layers_of(jpeg.deep_samples(data, name), range, name), orientation)
        whole = jpeg.ended(data) if kind == "JPEG" and not page else data
        with open_by(whole, "MPO" if kind == "JPEG" and page and jpeg.is_mpo(data) else kind) as opened:
            _check_size(*opened.size, name, max_pixels)
            if page >= (frames := int(getattr(opened, "n_frames", 1))):
                what = "1 frame" if frames == 1 else f"{frames} frames"
                raise InputError(f"{name} has {what}, from 0 on, and none has the number {page}.")
            if page:
                seek(opened, kind, page)
                _check_size(*opened.size, name, max_pixels)
            layers = layers_of_opened(opened, data, kind, range, name)
            return layers if whole is data else replace(layers, notes=(*layers.notes, _NO_END))
    except InputError:
        raise
    except DependencyError as error:
        raise FormatError(f"{name} cannot be read here. {error}") from error
    except MemoryError as error:
        raise InputError(f"{name} needs more memory than there is; make it smaller or skip it.") from error
    except Exception as error:  # decoders of hostile files raise almost anything
        raise _damaged(name, error) from error


_NO_END = "its end marker is missing, all pixels are there"


def common_range(
    data: bytes, name: str, pages: Sequence[int], max_pixels: int = MAX_PIXELS
) -> tuple[float, float] | None:
    """The smallest and the largest number on pages of a TIFF file, where they are no picture's as such.

    Args:
        data: The content of the file.
        name: What errors call it.
        pages: By their numbers, from 0.
        max_pixels: As in :func:`read`.

    Returns:
        None where each page can be shown exactly, or one cannot be decoded; who reads that says why.
    """
    found = []
    try:
        for page in pages:
            about = tiff.look(data, page, name)
            _check_size(about.width, about.height, name, max_pixels)
            found.append(ends_of(tiff.samples_of(data, page, name), name))
    except Exception:  # decoders of hostile files raise almost anything
        return None
    return None if all(exact for *_, exact in found) else (min(low for low, *_ in found), max(f[1] for f in found))


def _decode_preview(data: bytes, name: str, min_side: int | None, max_pixels: int) -> Decoded:
    """The preview that a camera puts into its raw file, upright."""
    rawpy = require("rawpy")
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            preview, flip = raw.extract_thumb(), raw.sizes.flip
    except Exception as error:  # decoders of hostile files raise almost anything
        raise _damaged(name, f"no preview: {error}") from error
    if preview.format == rawpy.ThumbFormat.JPEG:
        found = decode(preview.data, name=name, min_side=min_side, max_pixels=max_pixels)
        if b"Exif\x00\x00" in preview.data[:65536]:  # it says itself how it lies
            return found
    else:
        found = Decoded(preview.data, preview.data.shape[1], preview.data.shape[0])
    orientation = {3: 3, 5: 8, 6: 6}.get(flip, 1)  # LibRaw's turns as EXIF's
    width, height = (found.height, found.width) if orientation > 4 else (found.width, found.height)
    return Decoded(upright(found.pixels, orientation), width, height)


def _to_depth(rgb: NDArray[Any], depth: Depth) -> NDArray[Any]:
    if depth == 8 and rgb.dtype == np.uint16:
        return ((rgb.astype(np.uint32) + 128) // 257).astype(np.uint8)  # rounds; 65535 -> 255
    if depth == 16 and rgb.dtype == np.uint8:
        return rgb.astype(np.uint16) * np.uint16(257)  # 255 -> 65535
    return rgb
