"""Calls of the compiled inner loops in ``_loops.c`` and ``_median.c``."""

import ctypes
import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus import _native

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Keys = NDArray[np.uint32]
Numbers = NDArray[np.int64]


@functools.cache
def _library() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_loops")
    array, whole, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    library.magnitude.argtypes = [array] * 3 + [whole] * 3
    library.suppress.argtypes = [array] * 4 + [whole] * 3
    library.classify.argtypes = [array] * 3 + [real] * 2 + [whole] * 4
    library.hysteresis.argtypes = [array, whole, whole]
    library.smooth_rows.argtypes = [array] * 2 + [ctypes.c_int] + [whole] * 2 + [array] * 3 + [whole] * 3
    for name in ("magnitude", "suppress"):
        getattr(library, name).restype = None
    return library


@functools.cache
def _medians() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_median")
    array, whole = ctypes.c_void_p, ctypes.c_int64
    library.median_bytes.argtypes = [array] * 2 + [whole] * 5
    library.median_tile.argtypes = [array] + [whole] * 4 + [array, whole]
    return library


def magnitude(gx: Floats, gy: Floats, padded: Floats) -> None:
    """Write the magnitude of a gradient ``(H, W)`` into the inside of ``padded`` ``(H + 2, W + 2)``."""
    height, width = gx.shape
    _library().magnitude(gx.ctypes.data, gy.ctypes.data, padded.ctypes.data, width, 0, height)


def suppress(gx: Floats, gy: Floats, padded: Floats) -> Floats:
    """Magnitudes ``(H, W)`` that are maxima along the gradient; 0 elsewhere.

    Args:
        gx: ``(H, W)``.
        gy: ``(H, W)``.
        padded: Magnitudes ``(H + 2, W + 2)``, with 0 on the margin.
    """
    height, width = gx.shape
    out = np.empty((height, width), np.float32)
    _library().suppress(gx.ctypes.data, gy.ctypes.data, padded.ctypes.data, out.ctypes.data, width, 0, height)
    return out


def classify(gx: Floats, gy: Floats, classes: Bytes, limits: tuple[float, float], rows: tuple[int, int]) -> None:
    """Write which maxima of some rows lie above the limits: 0 none, 1 from the lower on, 2 from the higher on.

    Args:
        gx: ``(H, W)``.
        gy: ``(H, W)``.
        classes: Padded, where row ``k + 1`` takes the classes of row k.
        limits: Lower and higher threshold.
        rows: First row, and the one behind the last.
    """
    failed = _library().classify(gx.ctypes.data, gy.ctypes.data, classes.ctypes.data, *limits, *gx.shape, *rows)
    if failed:
        raise MemoryError


def hysteresis(classes: Bytes) -> None:
    """Turn each 1 that is connected to a 2 through eight neighbors into a 2, in place.

    Args:
        classes: ``(H + 2, W + 2)`` with 0 on the margin.
    """
    height, width = classes.shape
    if _library().hysteresis(classes.ctypes.data, height - 2, width - 2):
        raise MemoryError


def smooth_rows(
    picture: NDArray[Any], out: NDArray[Any], weights: Floats, numbers: tuple[Numbers, Numbers], rows: tuple[int, int]
) -> None:
    """Write some rows of a picture, smoothed by a symmetric column and the same row.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)`` uint8 or float32, contiguous.
        out: The same.
        weights: ``(reach + 1,)``, from the middle on.
        numbers: Which row stands for each from ``reach`` above the first one to as many below the last, -1 for
            none; and which value of a row likewise, ``reach * C`` more on both sides.
        rows: First row, and the one behind the last.
    """
    height, channels = picture.shape[0], picture.shape[2] if picture.ndim == 3 else 1
    failed = _library().smooth_rows(
        picture.ctypes.data, out.ctypes.data, picture.dtype == np.uint8, picture.size // height, channels,
        *(own.ctypes.data for own in numbers), weights.ctypes.data, len(weights) - 1, *rows,
    )  # fmt: skip
    if failed:
        raise MemoryError


def median_bytes(plane: Bytes, size: int, out: Bytes, rows: tuple[int, int]) -> None:
    """Write the medians over ``size`` x ``size`` pixels of some rows; the border goes on as it is.

    Args:
        plane: ``(H, W)``, contiguous.
        size: Odd side of the window, at most 127.
        out: The same.
        rows: First row, and the one behind the last.
    """
    if _medians().median_bytes(plane.ctypes.data, out.ctypes.data, *plane.shape, size, *rows):
        raise MemoryError


def median_tile(keys: Keys, size: int, out: Keys) -> None:
    """Write the median of each ``size`` x ``size`` window of a tile.

    Args:
        keys: ``(h + size - 1, w + size - 1)``, a view whose rows are contiguous.
        size: Odd side of the window.
        out: ``(h, w)``, a view whose rows are contiguous.
    """
    height, width = keys.shape
    failed = _medians().median_tile(
        keys.ctypes.data, keys.strides[0] // 4, height, width, size, out.ctypes.data, out.strides[0] // 4
    )
    if failed:
        raise MemoryError
