"""A file of DICOM with several frames, as enhanced MR is (PS3.3, C.7.6.16): no library here writes one."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_ENHANCED = b"1.2.840.10008.5.1.4.1.1.4.1\0"


def write(
    path: Path,
    values: NDArray[np.int16],
    places: Sequence[float],
    *,
    slopes: Sequence[float] | None = None,
    explicit: bool = True,
    cut: int = 0,
) -> None:
    """Write frames ``(N, H, W)``, 1.5 mm from row to row and 0.75 mm from column to column, at some heights in mm.

    Args:
        path: The file.
        values: What is stored; it means twice that, less 1000.
        places: How high each frame lies; none to say nothing of it.
        slopes: Of the frames' rescales, in place of 2 for all.
        explicit: Whether the header names the kind of each value.
        cut: Bytes that are missing at the end of the header, and all after it.
    """

    def one(group: int, element: int, kind: str, value: bytes, *, named: bool = explicit) -> bytes:
        value += b"" if len(value) % 2 == 0 else b"\0" if kind in ("UI", "OB") else b" "
        if not named:
            return struct.pack("<HHI", group, element, len(value)) + value
        if kind in ("OB", "OW", "SQ"):
            return struct.pack("<HH2sHI", group, element, kind.encode(), 0, len(value)) + value
        return struct.pack("<HH2sH", group, element, kind.encode(), len(value)) + value

    def sequence(group: int, element: int, *items: bytes) -> bytes:
        inner = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
        return one(group, element, "SQ", inner)

    def rescale(slope: float) -> bytes:
        return sequence(0x28, 0x9145, one(0x28, 0x1052, "DS", b"-1000") + one(0x28, 0x1053, "DS", b"%g" % slope))

    number = lambda value: struct.pack("<H", value)  # noqa: E731
    syntax = b"1.2.840.10008.1.2.1\0" if explicit else b"1.2.840.10008.1.2\0"
    meta = one(2, 2, "UI", _ENHANCED, named=True) + one(2, 3, "UI", b"1.2.3", named=True)
    meta += one(2, 0x10, "UI", syntax, named=True)
    image = b"".join([
        one(8, 0x16, "UI", _ENHANCED), one(8, 0x18, "UI", b"1.2.3"), one(8, 0x60, "CS", b"MR"),
        one(0x20, 0xD, "UI", b"1.2"), one(0x20, 0xE, "UI", b"1.2.4"),
        one(0x28, 2, "US", number(1)), one(0x28, 4, "CS", b"MONOCHROME2"),
        one(0x28, 8, "IS", b"%d" % len(values)), one(0x28, 0x10, "US", number(values.shape[1])),
        one(0x28, 0x11, "US", number(values.shape[2])), one(0x28, 0x100, "US", number(16)),
        one(0x28, 0x101, "US", number(16)), one(0x28, 0x102, "US", number(15)), one(0x28, 0x103, "US", number(1)),
    ])  # fmt: skip
    shared = sequence(0x28, 0x9110, one(0x18, 0x50, "DS", b"5") + one(0x28, 0x30, "DS", rb"1.5\0.75"))
    shared += sequence(0x20, 0x9116, one(0x20, 0x37, "DS", rb"1\0\0\0\1\0")) + (b"" if slopes else rescale(2))
    own = [sequence(0x20, 0x9113, one(0x20, 0x32, "DS", rb"-10\-20\%g" % place)) for place in places]
    own = [frame + rescale(slopes[k]) if slopes else frame for k, frame in enumerate(own)]
    image += (sequence(0x5200, 0x9229, shared) + sequence(0x5200, 0x9230, *own)) if places else b""
    start = one(2, 0, "UL", struct.pack("<I", len(meta)), named=True)
    whole = bytes(128) + b"DICM" + start + meta + image
    whole = whole[:-cut] if cut else whole + one(0x7FE0, 0x10, "OW", values.tobytes())
    path.write_bytes(whole)
