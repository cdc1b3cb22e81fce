"""What a picture file says of itself beside its pixels, and two measures of these."""

import functools
import io
import operator
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visus.images import png, tiff
from visus.images.container import FIRST, kind_of, kind_of_file
from visus.images.jpeg import Segments, segments
from visus.images.lossless import keeps_numbers
from visus.images.metadata import Metadata, moment, of_exif_block, of_iptc, of_texts, of_tiff, of_xmp
from visus.images.metadata_words import Word
from visus.images.opened import bits_of, open_by
from visus.images.raws import exif_blocks

LOSSLESS = ("PNG", "TIFF", "BMP")
"""Formats that keep each number."""

_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_IN_XMP, _IN_IPTC = b"<x:xmpmeta", b"Photoshop 3.0\x008BIM\x04\x04"  # the beginnings of these blocks
_TEXTS_OF_PNG, _END_OF_PNG = (b"tEXt", b"zTXt", b"iTXt"), b"IEND\xae\x42\x60\x82"
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # of the pixels of a JPEG
_TRIED = 16  # places that may be the begin of a video
_AT_END, _PADDING = 64, 4096  # bytes at the end of a file, and those between a picture and what follows
_BEHIND = 1024  # bytes behind a picture that are more than what programs fill up
_TEXT = 1 << 10  # bytes of a text that are read
_LOSSY = ("JPEG", "MPO")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself.

    Attributes:
        container: Format: JPEG, PNG ...; MPO for JPEG with further pictures behind the first.
        depth: Bits of a channel.
        frames: Frames or pages.
        captured: When the photograph was taken, ms since 1970 in the camera's local time; None where it does not say.
        profile: Whether there is a color profile.
        compression: Mean step of the luma quantization of JPEG (ITU-T T.81, annex A.3.4), from 1 for the finest; 0 for
            formats that lose nothing or do not say.
        said: How many things its metadata say: tags of EXIF, records of IPTC, properties of XMP, texts of PNG.
        holds: Kinds of what they tell that pixels do not; see :class:`visus.images.metadata.Metadata`.
        words: What that is.
        places: Latitudes and longitudes, in degrees.
        camera: Whether they name the camera.
        edited: Whether they name a program by which pictures are edited.
        video: Whether a JPEG has a video behind it, as a motion photo.
        behind: Whether there is something else behind the end of a JPEG or PNG.
        colors: How many colors a palette or two tones allow; 0 for any number.
        further: Channels beside the colors and alpha.
        lossless: Whether each number is kept: in formats that always do, and in others whose header says so.
    """

    container: str
    depth: int = 8
    frames: int = 1
    captured: int | None = None
    profile: bool = False
    compression: float = 0.0
    said: int = 0
    holds: frozenset[str] = frozenset()
    words: frozenset[Word] = frozenset()
    places: frozenset[tuple[float, float]] = frozenset()
    camera: bool = False
    edited: bool = False
    video: bool = False
    behind: bool = False
    colors: int = 0
    further: int = 0
    lossless: bool = False


def texts_in(data: bytes) -> list[str]:
    """Which blocks of texts a file holds beside EXIF and the tags of TIFF."""
    texts = any(sign in data[: data.find(b"IDAT")] for sign in (b"tEXt", b"zTXt", b"iTXt"))
    is_png = data.startswith(b"\x89PNG")
    found = {"XMP": _IN_XMP in data, "IPTC": _IN_IPTC in data, "texts of PNG": is_png and texts}
    return [name for name, there in found.items() if there]


def facts_of(data: bytes, name: str = "") -> Facts:
    """What a file says of itself; of a damaged one, what can be told.

    Args:
        data: Its content.
        name: Of the file.
    """
    kind = kind_of(data[:FIRST], name)
    if kind == "JPEG":
        return _of_jpeg(data)
    if kind is None:
        return Facts("")
    try:
        if kind == "TIFF":
            return _of_tiff(data, of_tiff(data))
        if kind == "RAW":
            return Facts(kind, **_told([of_exif_block(block) for block in exif_blocks(data)]))
        with open_by(data, kind) as picture:
            return _of_other(picture, data, kind)
    except (
        Exception
    ):  # decoders of hostile files raise almost anything; what is not told is no reason to lose a picture
        return Facts(kind, lossless=_is_lossless(data, kind))


def facts_of_large(path: Path) -> Facts:
    """The same of a large PNG or TIFF file, most of which is not read."""
    from PIL import PngImagePlugin

    kind = kind_of_file(path) or ""
    try:
        if kind == "TIFF":
            return _of_tiff(path, Metadata())
        with path.open("rb") as file, PngImagePlugin.PngImageFile(path) as picture:
            return _of_other(picture, file.read(FIRST), kind)
    except Exception:  # as above
        return Facts(kind, lossless=kind in LOSSLESS)


def _of_tiff(data: bytes | Path, told: Metadata) -> Facts:
    page = tiff.look(data)
    told |= Metadata(moment(page.captured))
    more = {"colors": page.colors, "further": page.further, "lossless": True}
    return Facts("TIFF", page.depth, page.pages, profile=bool(page.profile), **more, **_told([told]))


def _of_other(picture: Image.Image, data: bytes, kind: str) -> Facts:
    frames = int(getattr(picture, "n_frames", 1))
    profile = bool(picture.info.get("icc_profile"))
    told = [of_exif_block(picture.info.get("exif") or b""), of_xmp(picture.info.get("xmp") or b"")]
    behind = False
    if kind == "PNG":
        told.append(of_texts(_texts_of_png(data)))
        behind = _has_more(data, _after(data, _END_OF_PNG))
    depth = bits_of(picture, data, kind)
    more = {"behind": behind, "colors": _colors(picture, depth), "lossless": _is_lossless(data, kind)}
    return Facts(kind, depth, frames, profile=profile, **more, **_told(told))


def _told(blocks: list[Metadata]) -> dict[str, Any]:
    """What some blocks of metadata tell, as fields of :class:`Facts`."""
    told = functools.reduce(operator.or_, blocks, Metadata())
    return asdict(told) | {"holds": told.holds}


def _texts_of_png(data: bytes) -> Iterator[tuple[str, str]]:
    """The keywords and the beginnings of the texts of a PNG file (PNG, third edition, section 11.3.3)."""
    for name, content in png.chunks(io.BytesIO(data)):
        if name not in _TEXTS_OF_PNG:
            continue
        keyword, _, text = content.partition(b"\0")
        packed = name == b"zTXt" or (name == b"iTXt" and text[:1] == b"\1")
        text = text[1:] if name == b"zTXt" else text[2:].split(b"\0", 2)[-1] if name == b"iTXt" else text
        with suppress(zlib.error):
            text = zlib.decompressobj().decompress(text, _TEXT) if packed else text[:_TEXT]
        yield keyword.decode("latin-1"), text.decode("utf-8", "replace")


def _is_lossless(data: bytes, kind: str) -> bool:
    return kind in LOSSLESS or keeps_numbers(data, kind)


def _colors(picture: Image.Image, depth: int) -> int:
    """How many colors a picture can have, if they are few."""
    if picture.mode == "P" and picture.palette is not None:
        return len(picture.palette.palette) // len(picture.palette.mode)
    return 2**depth if depth < 8 else 0


def _of_jpeg(data: bytes) -> Facts:
    """By the segments before the first scan (ITU-T T.81, annex B), without a decoder."""
    depth, profile, several, steps = 8, False, False, 0.0
    told: list[Metadata] = []
    found = segments(data)
    for marker, segment in found:
        if marker in (0xC0, 0xC1, 0xC2) and segment:
            depth = segment[0]
        elif marker == 0xDB and not steps:
            steps = _luma_steps(segment)
        elif marker == 0xE1 and segment.startswith(b"Exif\x00\x00"):
            told.append(of_exif_block(segment))
        elif marker == 0xE1 and segment.startswith(_XMP):
            told.append(of_xmp(segment))
        elif marker == 0xED:
            told.append(of_iptc(segment))
        elif marker == 0xFE:
            told.append(replace(of_texts([("comment", segment.decode("utf-8", "replace"))]), said=0))
        elif marker == 0xE2:
            profile = profile or segment.startswith(b"ICC_PROFILE\x00")
            several = several or segment.startswith(b"MPF\x00")
    frames = _frames_of_mpo(data) if several else 1
    kind = "MPO" if frames > 1 else "JPEG"
    video = _has_video(data)
    behind = frames == 1 and not video and _has_more(data, _end_of_jpeg(data, found))
    more = {"profile": profile, "compression": steps, "video": video, "behind": behind}
    return Facts(kind, depth, frames, **more, **_told(told))


def _end_of_jpeg(data: bytes, before: Segments) -> int:
    """Where a JPEG file ends: there is no such marker in what is coded (ITU-T T.81, annex B.1.1.5)."""
    place = data.find(_SCAN, 2 + sum(len(segment) + 4 for _, segment in before))
    return len(data) if place < 0 else _after(data, _END, place)


def _after(data: bytes, mark: bytes, start: int = 0) -> int:
    """Where a mark in a file ends; the end of the file where it is not there."""
    place = data.find(mark, start)
    return len(data) if place < 0 else place + len(mark)


def _has_more(data: bytes, end: int) -> bool:
    """Whether a file has something behind the end of the picture, and not only zeros."""
    return len(data) - end > _BEHIND and len(data[end:].strip(b"\0")) > _BEHIND


def _has_video(data: bytes) -> bool:
    """Whether a file in ISO's format for video (ISO/IEC 14496-12) follows soon after the end of a JPEG."""
    if _END in data[-_AT_END:]:
        return False  # nothing follows, as in most files
    place = data.find(b"ftyp", data.find(_SCAN))
    for _ in range(_TRIED):
        if place < 0 or data.rfind(_END, max(0, place - _PADDING), place) >= 0:
            break
        place = data.find(b"ftyp", place + 1)
    else:
        return False
    return place >= 0


def luma_table(data: bytes) -> NDArray[np.float32] | None:
    """The steps of the frequencies of luminance in a JPEG file, ``(8, 8)``; None where it has none.

    Args:
        data: The content of the file.
    """
    values = _first_table(next((segment for marker, segment in segments(data) if marker == 0xDB and segment), b""))
    if values is None:
        return None
    places = sorted(np.ndindex(8, 8), key=lambda own: (sum(own), own[sum(own) % 2 == 0]))  # in zigzag (figure A.6)
    table = np.ones((8, 8), np.float32)
    table[tuple(np.transpose(places))] = values
    return table


def _luma_steps(segment: bytes) -> float:
    """The mean step of the first table in a segment of quantization tables."""
    table = _first_table(segment)
    return 0.0 if table is None else float(table.mean())


def _first_table(segment: bytes) -> NDArray[Any] | None:
    """The steps of the first table in a segment of quantization tables, in zigzag; None where it is cut off."""
    if not segment:
        return None
    wide = segment[0] >> 4
    table = np.frombuffer(segment[1 : 1 + 64 * (1 + bool(wide))], ">u2" if wide else "u1")
    return table if len(table) == 64 else None


def _frames_of_mpo(data: bytes) -> int:
    from PIL import MpoImagePlugin

    try:
        with MpoImagePlugin.MpoImageFile(io.BytesIO(data)) as picture:
            return picture.n_frames
    except Exception:  # not what it says it is
        return 1


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of the gray picture, in gray levels squared: small for a blurred one.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000 (section 2).

    Args:
        picture: ``(H, W, 3)`` uint8.
    """
    import cv2

    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))
    return float(deviation[0, 0] ** 2)


def gray_hash(thumbnail: NDArray[np.uint8]) -> int:
    """64 bits of a gray thumbnail: the signs of its lowest frequencies against their median, without the mean.

    Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010 (section 3.2.1).

    Args:
        thumbnail: ``(H, W, 3)`` uint8.

    Returns:
        From -2**63 to 2**63 - 1.
    """
    import cv2

    gray = cv2.resize(cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(gray.astype(np.float32))[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).view(">i8")[0])
