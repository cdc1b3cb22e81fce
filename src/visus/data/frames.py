"""What the header of a file of DICOM with several frames says of each; SimpleITK takes the first one's word for all.

Enhanced CT, MR and PET hold a whole volume: where a frame lies and what its numbers mean stands in sequences, one that
all frames share and one for each (DICOM PS3.3, C.7.6.16). How a header is coded is told in PS3.5, section 7.
"""

import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np

from visus._errors import FormatError
from visus.data.slices import Slice, numbers_in

Tag = tuple[int, int]
Elements = dict[Tag, Any]
"""Of a header: bytes, or of a sequence the elements of each of its items."""

_HEADER, _LONG = 132, (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_SYNTAX, _IMPLICIT = (0x0002, 0x0010), "1.2.840.10008.1.2"
_OTHER = ("1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")  # of big numbers first, and deflated
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_UNDEFINED, _PIXELS, _DEEPEST = 0xFFFFFFFF, (0x7FE0, 0x0010), 16
_ROWS, _COLUMNS = (0x0028, 0x0010), (0x0028, 0x0011)
_SHARED, _EACH = (0x5200, 0x9229), (0x5200, 0x9230)
_PLACE = (0x0020, 0x9113), (0x0020, 0x0032)  # PlanePositionSequence, ImagePositionPatient
_AXES = (0x0020, 0x9116), (0x0020, 0x0037)  # PlaneOrientationSequence, ImageOrientationPatient
_SPACING = (0x0028, 0x9110), (0x0028, 0x0030)  # PixelMeasuresSequence, PixelSpacing
_SLOPE = (0x0028, 0x9145), (0x0028, 0x1053)  # PixelValueTransformationSequence, RescaleSlope
_INTERCEPT = (0x0028, 0x9145), (0x0028, 0x1052)
_SEQUENCES = {_SHARED, _EACH, _PLACE[0], _AXES[0], _SPACING[0], _SLOPE[0]}


def frames_of(path: Path) -> list[Slice]:
    """What a file of several frames says of each, in their order.

    Raises:
        FormatError: It does not say where its frames lie, is damaged, or coded as hardly any is.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            header = _header(content)
    except (ValueError, struct.error, OSError) as error:
        raise FormatError(f"The header of {path} is damaged ({error}); bring the file again.") from error
    shared = next(iter(header.get(_SHARED) or []), {})
    size = tuple(int.from_bytes(header.get(tag, b""), "little") for tag in (_COLUMNS, _ROWS))
    found = []
    for number, own in enumerate(header.get(_EACH) or [], 1):
        told = {**shared, **own}
        try:
            down, right = numbers_in(_text(told, _SPACING))
            found.append(
                Slice(
                    f"{path}/frame {number}",
                    numbers_in(_text(told, _PLACE)),
                    numbers_in(_text(told, _AXES)),
                    np.array([right, down]),
                    (size[0], size[1]),
                    (float(_text(told, _SLOPE, "1")), float(_text(told, _INTERCEPT, "0"))),
                )
            )
        except (KeyError, ValueError):
            found.clear()
            break
    if len(found) < 2 or any(own.place.shape != (3,) or own.axes.shape != (6,) for own in found):
        raise FormatError(
            f"{path} holds several frames and does not say where each of them lies; make a volume of it first, for "
            "example with dcm2niix."
        )
    return found


def _text(told: Elements, where: tuple[Tag, Tag], default: str | None = None) -> str:
    """A value in the first item of a sequence.

    Raises:
        KeyError: It is not there, and there is no default.
    """
    sequence, tag = where
    value = next(iter(told.get(sequence) or []), {}).get(tag)
    if value is None:
        if default is None:
            raise KeyError(tag)
        return default
    return value.decode("ascii", "replace").strip(" \0")


def _header(content: mmap.mmap) -> Elements:
    """The elements of a file before its pixels.

    Raises:
        ValueError: It is damaged, or of a coding that is not read.
        struct.error: It ends too early.
    """
    about, start = _elements(content, _HEADER, len(content), explicit=True, until=0x0002)
    syntax = about.get(_SYNTAX, b"").decode("ascii", "replace").strip(" \0")
    if syntax in _OTHER:
        raise ValueError(f"its transfer syntax {syntax} is not read")
    return _elements(content, start, len(content), explicit=syntax != _IMPLICIT)[0]


def _elements(
    content: mmap.mmap, start: int, end: int, *, explicit: bool, until: int = 0xFFFF, depth: int = 0
) -> tuple[Elements, int]:
    """The elements from a place on, up to an end, the end of an item, the pixels, or a later group; and where it is."""
    if depth > _DEEPEST:
        raise ValueError("its sequences are too deep")
    found: Elements = {}
    while start < end:
        tag = struct.unpack_from("<HH", content, start)
        if tag == _END_OF_ITEM:
            return found, start + 8
        if tag >= _PIXELS or tag[0] > until:
            return found, start
        own = explicit
        if explicit:
            kind = content[start + 4 : start + 6]
            wide = kind in _LONG
            length = struct.unpack_from("<I" if wide else "<H", content, start + (8 if wide else 6))[0]
            start += 12 if wide else 8
            own = kind != b"UN"  # what is unknown is coded without kinds
        else:
            length = struct.unpack_from("<I", content, start + 4)[0]
            start += 8
        if tag in _SEQUENCES or length == _UNDEFINED:
            stop = end if length == _UNDEFINED else start + length
            found[tag], start = _items(content, start, stop, explicit=own, depth=depth + 1)
        else:
            found[tag], start = content[start : min(start + length, start + _LONGEST)], start + length
        if start > end:
            raise ValueError("it ends too early")
    return found, start


_LONGEST = 256  # bytes of a value that is looked at


def _items(content: mmap.mmap, start: int, end: int, *, explicit: bool, depth: int) -> tuple[list[Elements], int]:
    """The items of a sequence, and where it ends."""
    found = []
    while start < end:
        group, element, length = struct.unpack_from("<HHI", content, start)
        start += 8
        if (group, element) == _END_OF_SEQUENCE:
            break
        if (group, element) != _ITEM:
            raise ValueError("a sequence holds what is no item")
        stop = end if length == _UNDEFINED else start + length
        if stop > end:
            raise ValueError("it ends too early")
        own, start = _elements(content, start, stop, explicit=explicit, depth=depth)
        found.append(own)
    return found, start
