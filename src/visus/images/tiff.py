"""TIFF files (TIFF 6.0, 1992, and its later extensions), read page by page by tifffile.

Pillow reads the plain kinds of 8 bits, faxes, palettes and subsampled colors. All others come from here: more than 8
bits, planes, tiles, floats, numbers with a sign, channels beside the colors.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError, InputError
from visus._optional import is_installed
from visus.images import quiet
from visus.images.samples import Samples

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_CHANNELS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4}
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha
_MOST_CHANNELS = 16

# Compressions by their number: those of Pillow, and those that are read here.
_BY_PILLOW = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000}
_READ = {
    1, 5, 7, 8, 32773, 32946, 50013, 34925, 50000,  # none, LZW, JPEG, Deflate, PackBits, LZMA, Zstandard
    33003, 33004, 33005, 34712, 34887, 34927, 50001, 34933, 50002, 52546,  # JPEG 2000, LERC, WebP, PNG, JPEG XL
}  # fmt: skip
_WITHOUT_CODECS = {1, 8, 32773, 32946, 34925}  # of these, what tifffile reads alone
_OF_FLOATS = 3  # the predictor that only imagecodecs undoes


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a TIFF file, not yet decoded.

    Attributes:
        width: In pixels, as it is stored.
        height: Likewise.
        depth: Bits of a channel.
        orientation: As EXIF's.
        plain: Whether Pillow reads it, and reads it right.
        was_read_right: Whether decoder 1 read it right, if it is not plain.
        pages: How many pages the file has.
        profile: The color profile.
        captured: When it was taken or changed, as it is written there.
        dpi: Pixels per inch, across and down; None where it does not say.
        compression: By its number.
        colors: How many colors a palette or few bits allow; 0 for any number.
        further: Channels beside the colors and alpha.
    """

    width: int
    height: int
    depth: int
    orientation: int
    plain: bool
    was_read_right: bool
    pages: int
    profile: bytes | None
    captured: str | None
    dpi: tuple[float, float] | None
    compression: int
    colors: int
    further: int


@contextmanager
def _page(data: bytes | Path, number: int, name: str) -> Iterator[tuple[Any, int]]:
    """A page by tifffile, and how many there are."""
    with quiet.tifffile().TiffFile(io.BytesIO(data) if isinstance(data, bytes) else data) as file:
        if not len(file.pages):
            raise ValueError("it has no page")
        if number >= len(file.pages):
            raise InputError(f"{name} has {_pages(len(file.pages))}, from 0 on, and none has the number {number}.")
        yield file.pages[number].aspage(), len(file.pages)


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def look(data: bytes | Path, number: int = 0, name: str = "the picture") -> Page:
    """What a page says of itself.

    Args:
        data: The content of the file, or its place: only what is needed is read then.
        number: Of the page, from 0.
        name: What errors call the file.

    Raises:
        InputError: There is no such page.
        Exception: The file is damaged; tifffile raises almost anything then.
    """
    with _page(data, number, name) as (page, count):
        orientation = number_in(page, 274)
        return Page(
            int(page.imagewidth),
            int(page.imagelength),
            _depth(page),
            orientation if orientation in range(1, 9) else 1,
            _is_plain(page),
            _was_read_right(page),
            count,
            _profile(page),
            _captured(page),
            dpi_of(page),
            int(page.compression),
            2 ** _depth(page) if page.photometric == _PALETTE or _depth(page) < 8 else 0,
            _further(page),
        )


def samples_of(data: bytes, number: int, name: str) -> Samples:
    """Decode a page, as it is stored (not yet upright).

    Args:
        data: The content of the file.
        number: Of the page, from 0.
        name: What errors call the file.

    Raises:
        FormatError: It is of a kind that is not read.
        Exception: It is damaged; tifffile and its decoders raise almost anything then.
    """
    with _page(data, number, name) as (page, _):
        if page.photometric == _YCBCR and page.planarconfig == 1 and _is_bare_video(page):
            return Samples(_video(page, data), profile=_profile(page))
        _check(page, len(data), name)
        values = _values(page)
        if page.photometric == _PALETTE:
            colors = np.asarray(page.colormap) * np.uint16(257 if _palette_of_8_bits(page) else 1)
            values = np.moveaxis(colors, 0, -1)[values[:, :, 0].astype(np.intp)]
        channels = 3 if page.photometric == _PALETTE else _CHANNELS[page.photometric]
        if values.shape[2] < channels:
            raise ValueError(f"it has {values.shape[2]} channels of {channels}")
        alpha, kind, notes = _alpha(page, values, channels)
        return Samples(
            values[:, :, 0] if channels == 1 else values[:, :, :channels],
            16 if page.photometric == _PALETTE else _depth(page),
            alpha,
            kind == _ASSOCIATED,
            page.photometric == _WHITE_IS_ZERO,
            _told(page),
            _profile(page),
            notes,
        )


def _is_plain(page: Any) -> bool:  # noqa: ANN401 - of a library without types
    """Whether Pillow reads a page right: 8 bits or fewer, nothing beside the colors, no planes."""
    together = page.planarconfig == 1 or page.samplesperpixel == 1
    if not isinstance(page.bitspersample, int) or _depth(page) > 8 or number_in(page, 339, 1) != 1:
        return False
    if page.extrasamples or not together or page.compression not in _BY_PILLOW or _is_big_from_the_other_end(page):
        return False
    if _depth(page) < 8:
        few = page.samplesperpixel == 1 and _depth(page) in (1, 2, 4)
        return few and not (page.photometric == _PALETTE and _palette_of_8_bits(page))
    return _is_plain_of_8_bits(page)


def _is_big_from_the_other_end(page: Any) -> bool:  # noqa: ANN401
    """Whether it is BigTIFF in big-endian order, which Pillow does not open."""
    return page.parent.is_bigtiff and page.parent.byteorder == ">"


def _is_plain_of_8_bits(page: Any) -> bool:  # noqa: ANN401
    if page.photometric == _PALETTE:
        return not _palette_of_8_bits(page)
    if page.photometric == _YCBCR:
        return not _is_bare_video(page)
    if page.photometric == _CMYK:
        return page.samplesperpixel == 4 and not _is_of_other_inks(page)
    return page.photometric == _LAB or (_CHANNELS.get(page.photometric) == page.samplesperpixel and not page.is_tiled)


def _is_of_other_inks(page: Any) -> bool:  # noqa: ANN401
    """Whether inks are said to be others than those of CMYK (TIFF 6.0, section 16, InkSet)."""
    return number_in(page, 332, 1) != 1


def _palette_of_8_bits(page: Any) -> bool:  # noqa: ANN401
    """Whether a palette, which has 16 bits, was written with 8, as old programs did (libtiff has the same rule)."""
    return 0 < int(np.max(page.colormap)) < 256


def _is_bare_video(page: Any) -> bool:  # noqa: ANN401
    """Whether luma and chroma lie uncompressed, the chroma at fewer places, in strips: Pillow calls that damaged."""
    return page.compression == 1 and not page.is_tiled and tuple(page.subsampling or (1, 1)) != (1, 1)


def _video(page: Any, data: bytes) -> NDArray[np.uint8]:  # noqa: ANN401
    """RGB ``(H, W, 3)`` of luma and chroma that lie uncompressed.

    TIFF 6.0, section 21: a unit is so many lumas, row by row, and then Cb and Cr once.
    """
    import cv2

    wide, high = page.subsampling
    columns = -(-page.imagewidth // wide)
    unit = wide * high + 2
    rows = []
    for start, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        units = np.frombuffer(data[start : start + size], np.uint8)
        units = units[: len(units) // (columns * unit) * columns * unit].reshape(-1, columns, unit)
        luma = units[:, :, :-2].reshape(-1, columns, high, wide).swapaxes(1, 2).reshape(-1, columns * wide)
        chroma = units[:, :, -2:].repeat(high, axis=0).repeat(wide, axis=1)
        rows.append(np.dstack([luma, chroma[:, :, ::-1]])[: page.rowsperstrip])  # OpenCV takes Y, Cr, Cb
    whole = np.concatenate(rows)[: page.imagelength, : page.imagewidth]
    if len(whole) < page.imagelength:
        raise ValueError("pixels are missing at its end")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(whole), cv2.COLOR_YCrCb2RGB), np.uint8)


def _was_read_right(page: Any) -> bool:  # noqa: ANN401
    """Whether OpenCV (16 bits) or Pillow (one channel, floats) read a page right: only colors, together, black is 0."""
    alone = page.samplesperpixel == 1
    if page.extrasamples or page.photometric not in (_BLACK_IS_ZERO, _RGB) or _depth(page) < 16:
        return False
    return number_in(page, 339, 1) == 1 if _depth(page) == 16 and (alone or page.planarconfig == 1) else alone


def _check(page: Any, size: int, name: str) -> None:  # noqa: ANN401
    """Refuse what would be read wrongly, or not at all."""
    if page.photometric not in _CHANNELS:
        what = getattr(page.photometric, "name", page.photometric)
        raise FormatError(f"{name} holds TIFF colors that visus does not read ({what}); save it as RGB.")
    if page.photometric == _CMYK and _is_of_other_inks(page):
        raise FormatError(f"{name} holds inks that are not those of CMYK; save it as RGB.")
    if not isinstance(page.bitspersample, int):
        raise FormatError(
            f"{name} has channels of unequal depth {tuple(page.bitspersample)}; save it with 8 or 16 bits."
        )
    if page.compression not in _READ:
        what = getattr(page.compression, "name", page.compression)
        raise FormatError(f"{name} is compressed in a way that visus does not read ({what}); save it with Deflate.")
    alone = page.compression in _WITHOUT_CODECS and page.predictor != _OF_FLOATS
    if not alone and not is_installed("imagecodecs"):
        what = getattr(page.compression, "name", page.compression)
        raise FormatError(
            f"{name} is TIFF that Pillow does not read, compressed with {what}, which visus reads with: "
            "pip install 'visus[codecs]'"
        )
    if page.dtype is None or np.dtype(page.dtype).kind not in "buif" or page.imagedepth != 1:
        what = f"{page.dtype}, depth {page.imagedepth}"
        raise FormatError(f"{name} holds numbers that are no picture ({what}); save it with 8 or 16 bits a channel.")
    if page.samplesperpixel > _MOST_CHANNELS:
        raise FormatError(f"{name} has {page.samplesperpixel} channels; save those that are colors.")
    places = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(count and offset + count > size for offset, count in places):
        raise ValueError("pixels are missing at its end")


def _alpha(page: Any, values: NDArray[Any], channels: int) -> tuple[NDArray[Any] | None, int, tuple[str, ...]]:  # noqa: ANN401
    """Alpha, its kind, and what is said of the channels that nobody has named."""
    kinds = [int(kind) for kind in page.extrasamples or ()]
    found = next((k for k, kind in enumerate(kinds) if kind in (_ASSOCIATED, _UNASSOCIATED)), None)
    rest = values.shape[2] - channels - (found is not None)
    notes = (f"{rest} of {values.shape[2]} channels left out",) if rest else ()
    if found is None or channels + found >= values.shape[2]:
        return None, 0, notes
    return values[:, :, channels + found], kinds[found], notes


def _further(page: Any) -> int:  # noqa: ANN401
    """How many channels are neither colors nor alpha."""
    kinds = [int(kind) for kind in page.extrasamples or ()]
    alpha = any(kind in (_ASSOCIATED, _UNASSOCIATED) for kind in kinds)
    colors = 1 if page.photometric == _PALETTE else _CHANNELS.get(page.photometric, int(page.samplesperpixel))
    return max(0, int(page.samplesperpixel) - colors - alpha)


def values_of(data: bytes, name: str, number: int = 0) -> NDArray[Any]:
    """The numbers of a page as they are stored, all channels.

    Args:
        data: The content of the file.
        name: What errors call the file.
        number: Of the page, from 0.

    Returns:
        ``(H, W, C)`` of the file's own dtype.

    Raises:
        FormatError: It is of a kind that is not read.
        Exception: It is damaged; tifffile and its decoders raise almost anything then.
    """
    with _page(data, number, name) as (page, _):
        _check(page, len(data), name)
        return _values(page)


def _values(page: Any) -> NDArray[Any]:  # noqa: ANN401
    pixels = page.asarray(squeeze=False)  # (planes, 1, H, W, channels)
    return np.moveaxis(pixels[:, 0], 0, 2).reshape(*pixels.shape[2:4], -1)


def _depth(page: Any) -> int:  # noqa: ANN401
    bits = page.bitspersample
    return int(bits) if isinstance(bits, int) else max(bits)


def number_in(page: Any, tag: int, otherwise: int = 0) -> int:  # noqa: ANN401
    """A tag's value, or the largest of several."""
    value = page.tags.valueof(tag, otherwise)
    try:
        return int(max(value) if isinstance(value, tuple) else value)
    except (TypeError, ValueError):
        return otherwise


def _told(page: Any) -> tuple[float, float] | None:  # noqa: ANN401
    """The range of the numbers, where the file tells it: SMinSampleValue and SMaxSampleValue, or the older two."""
    for least, most in ((340, 341), (280, 281)):
        ends = page.tags.valueof(least), page.tags.valueof(most)
        if ends[1] is not None:
            low, high = np.min(ends[0] or 0), np.max(ends[1])
            return (float(low), float(high)) if np.isfinite([low, high]).all() and low < high else None
    return None


def _profile(page: Any) -> bytes | None:  # noqa: ANN401
    value = page.tags.valueof(34675)
    return bytes(value) if isinstance(value, bytes) else None


def dpi_of(page: Any) -> tuple[float, float] | None:  # noqa: ANN401
    """By XResolution and YResolution, which are per inch (unit 2) or per centimeter (3)."""
    unit = {2: 1.0, 3: 2.54}.get(number_in(page, 296, 2))
    try:
        (across, a), (down, b) = page.tags.valueof(282), page.tags.valueof(283)
        return (across / a * unit, down / b * unit) if unit and across > 0 and down > 0 else None
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def _captured(page: Any) -> str | None:  # noqa: ANN401
    exif = page.tags.valueof(34665)
    taken = exif.get("DateTimeOriginal") if isinstance(exif, dict) else None
    value = taken or page.tags.valueof(306)
    return str(value) if value else None
