"""Color profiles made on the spot (ICC.1:2022), and what their colors are in sRGB."""

import struct

import numpy as np
from numpy.typing import NDArray

# Chromaticities of the primaries, each x and y; the white is D65.
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_D65, _D50 = np.array([0.95047, 1.0, 1.08883]), np.array([0.9642, 1.0, 0.82491])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ under D65."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    return columns * np.linalg.solve(columns, _D65)


def rgb_profile(primaries: tuple[tuple[float, float], ...], gamma: float = 2.2) -> bytes:
    """A profile of a screen: a matrix and a power."""
    adapt = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ _D65)) @ _BRADFORD
    matrix = adapt @ _to_xyz(primaries)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": _xyz(_D50)}
    tags |= {name: _xyz(matrix[:, k]) for k, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def gray_profile(gamma: float) -> bytes:
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(_D50), b"kTRC": curve})


def cmyk_profile(lightness: int = 100) -> bytes:
    """A profile of a printer in which every ink only darkens: L* falls by the share of the ink, a* and b* are 0."""
    corners = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), axis=-1).reshape(16, 4)
    light = np.rint(255 * (1 - corners.mean(axis=1)) * lightness / 100)
    table = np.stack([light, np.full(16, 128), np.full(16, 128)], axis=1).astype(np.uint8)
    straight = bytes(range(256))
    unit = struct.pack(">9i", *(65536 if k % 4 == 0 else 0 for k in range(9)))
    content = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + unit + straight * 4 + table.tobytes() + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(_D50), b"A2B0": content})


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    places, content = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        places += name + struct.pack(">II", start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(content), b"lcms", 0x02400000, kind, space, connection)
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(v * 65536) for v in _D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + places + content


def in_srgb(
    pixels: NDArray[np.generic], primaries: tuple[tuple[float, float], ...], gamma: float = 2.2
) -> NDArray[np.float64]:
    """Colors of such a screen in sRGB (IEC 61966-2-1), in [0, 1]; those that it cannot show are clipped."""
    most = 255 if pixels.dtype.itemsize == 1 else 65535
    linear = (pixels.astype(np.float64) / most) ** (round(gamma * 256) / 256)
    found = np.clip(linear @ np.linalg.solve(_to_xyz(SRGB), _to_xyz(primaries)).T, 0, 1)
    return np.where(found <= 0.0031308, 12.92 * found, 1.055 * found ** (1 / 2.4) - 0.055)
