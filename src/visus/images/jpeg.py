"""JPEG files by their segments before the first scan (ITU-T T.81, annex B), and those that Pillow does not read."""

import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

import simplejpeg
from PIL import Image, JpegImagePlugin

from visus._errors import FormatError
from visus._optional import is_installed
from visus.images import quiet
from visus.images.cicp import ADOBE_RGB, profile_of
from visus.images.samples import Samples

_PROFILE = b"ICC_PROFILE\x00"
_EXIF = b"Exif\x00\x00"
_ORIENTATION = 0x0112
_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_START, _SCAN, _END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"  # markers
_BEGINNING = 1 << 18  # bytes in which the frame header of most files is
_LS = 0xF7  # the frame header of JPEG-LS (ITU-T T.87)
_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), _LS)
_OF_ADOBE = (b"\x00\x01\x00\x02\x00\x00\x00\x04R03\x00", b"\x01\x00\x02\x00\x04\x00\x00\x00R03\x00")
"""How a camera says that its colors are those of Adobe RGB (DCF 2.0, section 3.4.3): an entry of EXIF, either order."""


Segments = list[tuple[int, bytes]]
"""Markers and contents."""


def segments(data: bytes) -> Segments:
    """The segments before the first scan."""
    place = 2
    found: Segments = []
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a filling byte
            place += 1
            continue
        if marker in (0xDA, 0xD9):
            break
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        found.append((marker, data[place + 4 : place + 2 + size]))
        place += 2 + max(size, 2)
    return found


def profile_in(found: Segments) -> bytes | None:
    """The color profile in the segments of a JPEG file; None where there is none, or a part of it is missing.

    ICC.1:2022, annex B.4: each part has its number and how many there are. Where a camera names Adobe RGB by a word
    alone, it is the profile of that.
    """
    parts = {
        segment[12]: segment[14:]
        for marker, segment in found
        if marker == 0xE2 and segment.startswith(_PROFILE) and len(segment) > 14
    }
    if parts:
        whole = sorted(parts) == list(range(1, len(parts) + 1))
        return b"".join(parts[number] for number in sorted(parts)) if whole else None
    exif = exif_in(found)
    if any(entry in exif for entry in _OF_ADOBE):
        return profile_of(ADOBE_RGB, 563 / 256)
    return None


def exif_in(found: Segments) -> bytes:
    """The block of EXIF in the segments of a JPEG file with its six first letters; empty for none."""
    return next((segment for marker, segment in found if marker == 0xE1 and segment.startswith(_EXIF)), b"")


def orientation_in(found: Segments) -> int:
    """How a JPEG file lies, as EXIF says it or, where EXIF does not, XMP: 1 to 8, 1 for upright (Exif 2.3, tag 274)."""
    value = _entry(exif_in(found))
    if value is None:
        of_xmp = (_IN_XMP.search(own) for marker, own in found if marker == 0xE1)
        value = next((int(one[1]) for one in of_xmp if one), None)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _entry(block: bytes) -> Any:  # noqa: ANN401 - from a file
    if not block:
        return None
    quiet.without_warnings()
    exif = Image.Exif()
    try:
        exif.load(block)
        return exif.get(_ORIENTATION)
    except Exception:  # a damaged block raises almost anything and is no reason to lose the picture
        return None


class Frame(NamedTuple):
    """What a frame header says (ITU-T T.81, section B.2.2)."""

    marker: int
    bits: int
    height: int
    width: int

    @property
    def is_deep(self) -> bool:
        """Whether only imagecodecs decodes it: more than 8 bits a channel, or JPEG-LS."""
        return self.bits != 8 or self.marker == _LS


def frame_of(data: bytes) -> Frame:
    """The frame header of a JPEG file; where there is none, of a picture without pixels."""
    found = ((marker, segment) for marker, segment in segments(data) if marker in _FRAMES and len(segment) > 5)
    return next((Frame(marker, *struct.unpack(">BHH", segment[:5])) for marker, segment in found), Frame(0, 8, 0, 0))


def ended(data: bytes) -> bytes:
    """A JPEG file with its end marker, where only that is missing; all others as they are.

    All pixels are there where libjpeg decodes all of a scan before a marker that is put behind it. Only files with one
    scan are tried, as those that end before a further scan would pass.
    """
    if _END in data[-64:] or not (place := _only_scan(data)) or data.find(_END, place) >= 0:
        return data
    try:
        simplejpeg.decode_jpeg(data + _END, colorspace="RGB")
    except ValueError:
        return data
    return data + _END


def _only_scan(data: bytes) -> int:
    """Where the scan of a sequential frame is that has all components (ITU-T T.81, sections B.2.2 and B.2.3); or 0."""
    found = segments(data)
    frame = next((own for marker, own in found if marker in (0xC0, 0xC1) and len(own) > 5), None)
    place = 2 + sum(len(own) + 4 for _, own in found)
    scan = data[place : place + 5]
    return place if frame and len(scan) == 5 and scan[:2] == _SCAN and scan[4] == frame[5] else 0


def is_mpo(data: bytes) -> bool:
    """Whether a JPEG file says that further pictures stand behind the first (CIPA DC-007, section 5)."""
    return any(marker == 0xE2 and segment.startswith(b"MPF\x00") for marker, segment in segments(data))


def is_deep(path: Path) -> bool:
    """Whether a file is JPEG with more than 8 bits a channel, by its beginning; not for what cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_BEGINNING)
    except OSError:
        return False
    return data[:2] == _START and frame_of(data).bits > 8


def sampling_of(opened: Image.Image) -> int | None:
    """How the colors of a JPEG are sampled, by Pillow's number: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.

    What Pillow does not write counts as 4:4:4. None for gray, inks and other formats.
    """
    if not isinstance(opened, JpegImagePlugin.JpegImageFile) or opened.layers != 3:
        return None
    return max(0, JpegImagePlugin.get_sampling(opened))


def deep_samples(data: bytes, name: str) -> Samples:
    """Decode what has more than 8 bits a channel, or is JPEG-LS; as it is stored, not yet upright.

    Raises:
        FormatError: imagecodecs is not installed.
        Exception: It is damaged; the decoder raises almost anything then.
    """
    frame = frame_of(data)
    what = "JPEG-LS" if frame.marker == _LS else f"JPEG with {frame.bits} bits a channel"
    if not is_installed("imagecodecs"):
        raise FormatError(f"{name} is {what}, which visus reads with: pip install 'visus[codecs]'")
    import imagecodecs

    pixels = imagecodecs.jpegls_decode(data) if frame.marker == _LS else imagecodecs.jpeg8_decode(data)
    return Samples(pixels, frame.bits, profile=profile_in(segments(data)))
