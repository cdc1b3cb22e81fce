"""What a picture file says of itself beside its pixels, and two measures of these."""

import io
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visus.images import quiet, tiff
from visus.images.container import FIRST, kind_of, kind_of_file
from visus.images.jpeg import segments
from visus.images.lossless import keeps_numbers
from visus.images.opened import bits_of, open_by

LOSSLESS = ("PNG", "TIFF", "BMP")
"""Formats that keep each number."""

_DATE, _DATE_TAKEN, _EXIF, _GPS = 0x0132, 0x9003, 0x8769, 0x8825
_PART, _PART_TAKEN = 0x9290, 0x9291  # of the second, of these dates
_DIGITS = re.compile(r"[0-9]+")
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_IN_XMP, _IN_IPTC = b"<x:xmpmeta", b"Photoshop 3.0\x008BIM\x04\x04"  # the beginnings of these blocks
_IPTC = b"\x1c\x02"  # begins a record that is said of the picture (IPTC-NAA IIM 4.2)
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # of the pixels of a JPEG
_TRIED = 16  # places that may be the begin of a video
_AT_END, _PADDING = 64, 4096  # bytes at the end of a file, and those between a picture and what follows
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
        video: Whether a JPEG has a video behind it, as a motion photo.
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
    video: bool = False
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
            return _of_tiff(data)
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
            return _of_tiff(path)
        with path.open("rb") as file, PngImagePlugin.PngImageFile(path) as picture:
            return _of_other(picture, file.read(FIRST), kind)
    except Exception:  # as above
        return Facts(kind, lossless=kind in LOSSLESS)


def _of_tiff(data: bytes | Path) -> Facts:
    page = tiff.look(data)
    captured, profile = _moment(page.captured), bool(page.profile)
    more = {"colors": page.colors, "further": page.further, "lossless": True}
    return Facts("TIFF", page.depth, page.pages, captured, profile, **more)


def _of_other(picture: Image.Image, data: bytes, kind: str) -> Facts:
    frames = int(getattr(picture, "n_frames", 1))
    profile = bool(picture.info.get("icc_profile"))
    exif = Image.Exif()
    exif.load(picture.info.get("exif") or b"")  # without decoding the pixels: Pillow's own getter would, for PNG
    texts = sum(isinstance(value, str) for value in picture.info.values())  # those of PNG before its pixels
    said = _tags(exif) + _properties(picture.info.get("xmp") or b"") + texts
    depth = bits_of(picture, data, kind)
    more = {"said": said, "colors": _colors(picture, depth), "lossless": _is_lossless(data, kind)}
    return Facts(kind, depth, frames, _captured(exif), profile, **more)


def _is_lossless(data: bytes, kind: str) -> bool:
    return kind in LOSSLESS or keeps_numbers(data, kind)


def _colors(picture: Image.Image, depth: int) -> int:
    """How many colors a picture can have, if they are few."""
    if picture.mode == "P" and picture.palette is not None:
        return len(picture.palette.palette) // len(picture.palette.mode)
    return 2**depth if depth < 8 else 0


def _of_jpeg(data: bytes) -> Facts:
    """By the segments before the first scan (ITU-T T.81, annex B), without a decoder."""
    depth, profile, several, captured, steps = 8, False, False, None, 0.0
    said = 0
    for marker, segment in segments(data):
        if marker in (0xC0, 0xC1, 0xC2) and segment:
            depth = segment[0]
        elif marker == 0xDB and not steps:
            steps = _luma_steps(segment)
        elif marker == 0xE1 and segment.startswith(b"Exif\x00\x00"):
            captured, tags = _told_in(segment)
            said += tags
        elif marker == 0xE1 and segment.startswith(_XMP):
            said += _properties(segment)
        elif marker == 0xED:
            said += segment.count(_IPTC)
        elif marker == 0xE2:
            profile = profile or segment.startswith(b"ICC_PROFILE\x00")
            several = several or segment.startswith(b"MPF\x00")
    frames = _frames_of_mpo(data) if several else 1
    kind = "MPO" if frames > 1 else "JPEG"
    return Facts(kind, depth, frames, captured, profile, steps, said, _has_video(data))


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


def _luma_steps(segment: bytes) -> float:
    """The mean step of the first table in a segment of quantization tables."""
    if not segment:
        return 0.0
    wide = segment[0] >> 4
    table = np.frombuffer(segment[1 : 1 + 64 * (1 + bool(wide))], ">u2" if wide else "u1")
    return float(table.mean()) if len(table) == 64 else 0.0


def _told_in(segment: bytes) -> tuple[int | None, int]:
    """When a photograph was taken, and how many tags EXIF has."""
    quiet.without_warnings()
    try:
        exif = Image.Exif()
        exif.load(segment)
        return _captured(exif), _tags(exif)
    except Exception:  # a damaged block raises almost anything
        return None, 0


def _tags(exif: Image.Exif) -> int:
    found = len(exif)
    for place in (_EXIF, _GPS):
        with suppress(Exception):  # a damaged block raises almost anything
            found += len(exif.get_ifd(place))
    return found


def _properties(xmp: bytes | str) -> int:
    """About how many properties XMP has: attributes, and items of lists."""
    text = xmp.encode("utf-8", "replace") if isinstance(xmp, str) else xmp
    return text.count(b'="') + text.count(b"<rdf:li")


def _captured(exif: Image.Exif) -> int | None:
    more = exif.get_ifd(_EXIF)
    if taken := more.get(_DATE_TAKEN):
        return _moment(taken, more.get(_PART_TAKEN))
    return _moment(exif.get(_DATE), more.get(_PART))


def _moment(text: Any, part: Any = None) -> int | None:  # noqa: ANN401 - from a file
    """A time, ms since 1970.

    Args:
        text: As EXIF writes it.
        part: The digits of the second's fraction, if there are any.
    """
    try:
        moment = datetime.strptime(str(text).strip("\x00 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    digits = str(part).strip("\x00 ")
    return int(moment.timestamp() * 1000) + (int(digits[:3].ljust(3, "0")) if _DIGITS.fullmatch(digits) else 0)


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
