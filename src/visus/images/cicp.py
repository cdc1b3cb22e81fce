"""Color spaces by numbers: the code points of ITU-T H.273 (2021), and profiles of such spaces (ICC.1:2022).

HEIC, AVIF and PNG say by three numbers what their colors mean: which primaries, which curve, and a matrix that decoders
undo themselves. A space of a matrix and a curve becomes a profile here, so that one converter serves all files.
"""

import functools
import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
"""x and y of a color (CIE 1931)."""

_D65, _C, _E, _DCI = (0.3127, 0.3290), (0.310, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
_PCS = np.array([0.9642, 1.0, 0.8249])  # the white of profiles (ICC.1:2022, section 7.2.16)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


class Space(NamedTuple):
    """Red, green, blue and white of a color space."""

    red: Point
    green: Point
    blue: Point
    white: Point = _D65


SRGB = Space((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
ADOBE_RGB = Space((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))

_UNSAID = 2
_PRIMARIES = {  # H.273, table 2
    1: SRGB,
    4: Space((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Space((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: Space((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: Space((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: Space((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: Space((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: Space((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), _E),
    11: Space((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: Space((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Space((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_OF_SRGB = {1, 6, 7, 11, 12, 13, 14, 15}
"""Curves (H.273, table 3) that are shown as that of sRGB: its own, and those of cameras for video, as browsers do."""
_POWERS = {4: 2.2, 5: 2.8, 8: 1.0}
_HIGH_RANGE = {16: "PQ", 18: "HLG"}


class CodePoints(NamedTuple):
    """What a file says of its colors: H.273, tables 2 and 3, and whether the numbers go from black to white."""

    primaries: int
    transfer: int
    full_range: bool = True


def meaning_of(points: CodePoints) -> tuple[bytes | None, tuple[str, ...]]:
    """A profile of the color space, None for sRGB and where nothing is said; and what must be told.

    >>> meaning_of(CodePoints(1, 13))
    (None, ())
    >>> meaning_of(CodePoints(9, 16))
    (None, ('colors of high dynamic range (PQ) are not converted to sRGB',))
    """
    if points.transfer in _HIGH_RANGE:
        return None, (f"colors of high dynamic range ({_HIGH_RANGE[points.transfer]}) are not converted to sRGB",)
    space = SRGB if points.primaries == _UNSAID else _PRIMARIES.get(points.primaries)
    power = None if points.transfer in _OF_SRGB or points.transfer == _UNSAID else _POWERS.get(points.transfer, 0.0)
    if space is None or power == 0:
        return None, (f"colors of the code points {points.primaries}/{points.transfer} are not converted to sRGB",)
    notes = () if points.full_range else ("colors in the narrow range of video are taken as they are",)
    return (None if space == SRGB and power is None else profile_of(space, power)), notes


@functools.lru_cache(maxsize=32)
def profile_of(space: Space, power: float | None = None) -> bytes:
    """A profile of RGB colors with a matrix and a curve (ICC.1:2022, sections 7 to 10).

    Args:
        space: Its primaries and white.
        power: Of the curve; None for the curve of sRGB.

    Raises:
        ValueError: The primaries span no colors.
    """
    matrix = _to_pcs(space)
    kind, numbers = (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)) if power is None else (0, (power,))
    curve = b"para" + bytes(4) + struct.pack(f">HH{len(numbers)}i", kind, 0, *map(_fixed, numbers))
    text = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 6, 28) + "RGB".encode("utf-16-be")
    tags = {b"desc": text, b"cprt": text, b"wtpt": _xyz(_PCS)}
    tags |= {name: _xyz(matrix[:, k]) for k, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _assembled(tags)


def _to_pcs(space: Space) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ, adapted to the white of profiles by Bradford's method."""
    if min(y for _, y in (*space[:3], space.white)) < 0 or space.white[1] <= 0:
        raise ValueError(f"{space} is no color space")
    columns = np.array([[x, y, 1 - x - y] for x, y in space[:3]]).T
    x, y = space.white
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    if abs(np.linalg.det(columns)) < 1e-4:
        raise ValueError(f"{space} is no color space")
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _PCS) / (_BRADFORD @ white)) @ _BRADFORD
    return adapted @ (columns * np.linalg.solve(columns, white))


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    start = 128 + 4 + 12 * len(tags)
    places, content = b"", b""
    for name, value in tags.items():
        places += name + struct.pack(">II", start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(content), bytes(4), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2022, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_PCS)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + places + content


def _fixed(number: float) -> int:
    """As a fixed-point number with 16 bits behind the point."""
    return round(number * 65536)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *map(_fixed, values))
