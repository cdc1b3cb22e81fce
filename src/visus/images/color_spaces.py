"""What the colors in a file mean: its color profile, or a profile of what it says in numbers."""

import io
import itertools

from PIL import Image

from visus.images.boxes import boxes, find, properties
from visus.images.cicp import SRGB, CodePoints, Space, meaning_of, profile_of
from visus.images.jpeg import profile_in, segments
from visus.images.png import chunks

Meaning = tuple[bytes | None, tuple[str, ...]]
"""A profile, None for sRGB and where nothing is said, and what must be told."""

_PIXELS = (b"IDAT", b"IEND")
_AS_SRGB = range(44_000, 47_001)  # hundred thousandths; programs write 45,455 beside the colors of sRGB
_NOT_UNDERSTOOD = ("chromaticities not understood, colors as they are",)


def meaning_in(opened: Image.Image, data: bytes, kind: str) -> Meaning:
    """What the colors of a file mean.

    Args:
        opened: The file, opened by Pillow.
        data: Its content.
        kind: Its format.
    """
    profile = opened.info.get("icc_profile")
    if kind == "JPEG":
        return profile_in(segments(data)), ()
    if kind == "PNG":
        return _of_png(data, profile)
    if profile is None and kind in ("HEIC", "AVIF"):
        return _of_boxes(data)
    if kind == "JPEG2000":
        return _of_jp2(data), ()
    return profile, ()


def _of_png(data: bytes, profile: bytes | None) -> Meaning:
    """The first of cICP, iCCP, sRGB, and gAMA with cHRM that is there (PNG, third edition, section 4.3)."""
    told = dict(itertools.takewhile(lambda chunk: chunk[0] not in _PIXELS, chunks(io.BytesIO(data))))
    if len(points := told.get(b"cICP", b"")) == 4:
        return meaning_of(CodePoints(points[0], points[1], points[3] == 1))
    gamma = int.from_bytes(told.get(b"gAMA", b"")[:4], "big")
    if profile is not None or b"sRGB" in told or not gamma:
        return profile, ()
    power = None if gamma in _AS_SRGB else 100_000 / gamma
    chromaticities = told.get(b"cHRM", b"")
    if len(chromaticities) != 32:
        return (None if power is None else profile_of(SRGB, power)), ()
    x = [int.from_bytes(chromaticities[k : k + 4], "big") / 100_000 for k in range(0, 32, 4)]
    try:
        return profile_of(Space((x[2], x[3]), (x[4], x[5]), (x[6], x[7]), (x[0], x[1])), power), ()
    except ValueError:
        return None, _NOT_UNDERSTOOD


def _of_boxes(data: bytes) -> Meaning:
    """By the code points of the main picture (ISO/IEC 14496-12, section 12.1.5)."""
    for name, content in properties(data):
        if name == b"colr" and content[:4] == b"nclx" and len(content) >= 11:
            primaries, transfer = (int.from_bytes(content[k : k + 2], "big") for k in (4, 6))
            return meaning_of(CodePoints(primaries, transfer))  # decoders have widened a narrow range
    return None, ()


def _of_jp2(data: bytes) -> bytes | None:
    """The profile in the header of a JPEG 2000 file (ISO/IEC 15444-1, section I.5.3.3)."""
    header = find(data, b"jp2h") if data[4:8] == b"jP  " else None
    if header is None:
        return None
    colors = [data[start:end] for name, start, end in boxes(data, *header) if name == b"colr"]
    return next((own[3:] for own in colors if own[:1] in (b"\x02", b"\x03")), None)
