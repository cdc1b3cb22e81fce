"""Calls of the compiled inner loops in ``_loops.c``, ``_gaussian.c``, ``_direct.c`` and ``_median.c``."""

import ctypes
import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus import _native

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Keys = NDArray[np.uint32]
Numbers = NDArray[np.int64]

LEAST_ROWS = 4
"""Rows that a kernel has at least, to be correlated by the compiled loop."""


_ROWS = [ctypes.c_void_p, ctypes.c_int, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3]
"""What :meth:`Rows._arguments` gives."""


@functools.cache
def _library() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_loops")
    array, whole, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    library.magnitude.argtypes = [array] * 3 + [whole] * 3
    library.suppress.argtypes = [array] * 4 + [whole] * 3
    library.hysteresis.argtypes = [array, whole, whole]
    library.derive_rows.argtypes = [*_ROWS, array, array, array, array]
    library.classify_rows.argtypes = [*_ROWS, array, array, whole, real, real, array]
    for name in ("magnitude", "suppress"):
        getattr(library, name).restype = None
    return library


@functools.cache
def _gaussian() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_gaussian")
    library.smooth_rows.argtypes = [*_ROWS, ctypes.c_void_p, ctypes.c_void_p]
    return library


@functools.cache
def _direct() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_direct")
    array, whole = ctypes.c_void_p, ctypes.c_int64
    library.correlate_rows.argtypes = [array, whole, whole, array, array, whole, array] + [whole] * 5 + [array]
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


def hysteresis(classes: Bytes) -> None:
    """Turn each 1 that is connected to a 2 through eight neighbors into a 2, in place.

    Args:
        classes: ``(H + 2, W + 2)`` with 0 on the margin.
    """
    height, width = classes.shape
    if _library().hysteresis(classes.ctypes.data, height - 2, width - 2):
        raise MemoryError


@dataclass(frozen=True, slots=True)
class Rows:
    """A picture that is summed over symmetric columns and rows.

    Attributes:
        picture: ``(H, W)`` or ``(H, W, C)`` uint8 or float32, contiguous.
        rows: Which row stands for each from ``reach`` above the first one to as many below the last, -1 for none.
        columns: Which value of a row likewise, ``reach * C`` more on both sides.
    """

    picture: NDArray[Any]
    rows: Numbers
    columns: Numbers

    def _arguments(self, band: tuple[int, int]) -> tuple[int, ...]:
        """Of the compiled loops."""
        shape = self.picture.shape
        channels = shape[2] if len(shape) == 3 else 1
        places = (own.ctypes.data for own in (self.rows, self.columns))
        reach = (len(self.rows) - shape[0]) // 2
        kind = int(self.picture.dtype == np.uint8)
        return (self.picture.ctypes.data, kind, shape[1] * channels, channels, *places, reach, *band)

    def smooth(self, band: tuple[int, int], weights: Floats, out: NDArray[Any]) -> None:
        """Write the rows of a band, smoothed.

        Args:
            band: First row, and the one behind the last.
            weights: ``(reach + 1,)`` of a symmetric kernel, from the middle on.
            out: As the picture is.
        """
        if _gaussian().smooth_rows(*self._arguments(band), weights.ctypes.data, out.ctypes.data):
            raise MemoryError

    def derive(self, smooth: Floats, slope: Floats) -> tuple[Floats, Floats]:
        """The derivatives along x and y, of each pixel's channel whose are greatest.

        Args:
            smooth: ``(reach + 1,)`` of a symmetric kernel, from the middle on.
            slope: The same of an antisymmetric one, its half ahead.

        Returns:
            Twice ``(H, W)``.
        """
        gx, gy = (np.empty(self.picture.shape[:2], np.float32) for _ in "xy")
        lines = (own.ctypes.data for own in (smooth, slope, gx, gy))
        if _library().derive_rows(*self._arguments((0, len(gx))), *lines):
            raise MemoryError
        return gx, gy

    def classify(
        self, band: tuple[int, int], smooth: Floats, slope: Floats, limits: tuple[float, float], classes: Bytes
    ) -> None:
        """Write which maxima of the gradient lie above limits: 0 none, 1 from the lower on, 2 from the higher on.

        Args:
            band: First row, and the one behind the last.
            smooth: As of :meth:`derive`.
            slope: Likewise.
            limits: Lower and higher threshold.
            classes: ``(H + 2, W + 2)``, whose inside is written.
        """
        lines = smooth.ctypes.data, slope.ctypes.data
        if _library().classify_rows(*self._arguments(band), *lines, len(self.picture), *limits, classes.ctypes.data):
            raise MemoryError


@dataclass(frozen=True, slots=True)
class Correlation:
    """A picture that is correlated with a kernel as it is.

    Attributes:
        picture: ``(H, W)`` or ``(H, W, C)`` float32, contiguous.
        kernel: ``(kh, kw)`` float32, contiguous, of at least :data:`LEAST_ROWS` rows.
        down: Which row stands for each of the picture with its borders, -1 for none.
        along: Which value of a row likewise.
        before: Columns before the border.
    """

    picture: Floats
    kernel: Floats
    down: Numbers
    along: Numbers
    before: int

    def write(self, band: tuple[int, int], out: Floats) -> None:
        """Write some rows of the result.

        Args:
            band: First row, and the one behind the last.
            out: ``(h, w)`` or ``(h, w, C)``, contiguous.
        """
        channels = math.prod(self.picture.shape[2:])
        line = self.picture[0].size, channels, self.down.ctypes.data, self.along.ctypes.data, self.before * channels
        kernel = self.kernel.ctypes.data, *self.kernel.shape
        place = self.picture.ctypes.data
        if _direct().correlate_rows(place, *line, *kernel, *band, out[0].size, out.ctypes.data):
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
