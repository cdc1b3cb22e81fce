"""Gaussian filtering of points in a space of several axes, by the permutohedral lattice.

Adams, Baek and Davis, "Fast high-dimensional filtering using the permutohedral lattice", Eurographics 2010. For points
f_i with values v_i it gives about sum over j of exp(-|f_i - f_j|^2 / 2) v_j, up to one factor, in time and memory that
grow with the number of points and not with its square. The inner loops are in ``_lattice.c``.
"""

import ctypes
import functools
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus import _native
from visus._cores import cores
from visus._errors import InputError

MOST_AXES = 16
_FARTHEST = 1e6  # standard deviations; coordinates of corners are 32-bit numbers


@functools.cache
def _library() -> ctypes.CDLL:
    loaded = _native.library(Path(__file__).parent, "_lattice")
    pointer, whole, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    loaded.lattice_new.argtypes, loaded.lattice_new.restype = [pointer, whole, number], pointer
    loaded.lattice_free.argtypes, loaded.lattice_free.restype = [pointer], None
    loaded.lattice_corners.argtypes, loaded.lattice_corners.restype = [pointer], whole
    loaded.lattice_filter.argtypes = [pointer, pointer, pointer, number, number, number]
    return loaded


class Lattice:
    """A lattice around points, which filters their values (Adams, Baek and Davis 2010).

    Args:
        points: ``(N, axes)`` float, each axis divided by the standard deviation that is wanted along it.

    Raises:
        InputError: There are no points, too many axes, or values that are no numbers or too large.
        MemoryError: The lattice does not fit in memory.
    """

    def __init__(self, points: NDArray[np.floating]) -> None:
        own = np.ascontiguousarray(points, np.float32)
        if own.ndim != 2 or not len(own) or not 1 <= own.shape[1] <= MOST_AXES:
            raise InputError(f"Points must have the shape (N, axes) with up to {MOST_AXES} axes, not {own.shape}.")
        if not np.abs(own).max() < _FARTHEST:
            raise InputError(f"Points must be numbers below {_FARTHEST:g} standard deviations.")
        self.count = len(own)
        self._handle = _library().lattice_new(own.ctypes.data, *own.shape)
        if not self._handle:
            raise MemoryError
        weakref.finalize(self, _library().lattice_free, self._handle)

    @property
    def corners(self) -> int:
        """How many corners of the lattice are in use: what a filtering costs grows with them."""
        return _library().lattice_corners(self._handle)

    def filter(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Filter values, several channels at a time on several cores.

        Args:
            values: ``(N, channels)`` float.

        Returns:
            ``(N, channels)`` float32.

        Raises:
            InputError: There is not one row for each point.
            MemoryError: The corners' values do not fit in memory.
        """
        own = np.ascontiguousarray(values, np.float32)
        if own.ndim != 2 or len(own) != self.count:
            raise InputError(f"Values must have the shape ({self.count}, channels), not {own.shape}.")
        out = np.empty_like(own)
        channels = own.shape[1]
        parts = np.linspace(0, channels, min(cores(), channels) + 1).astype(int).tolist()

        def work(first: int, last: int) -> int:
            return _library().lattice_filter(self._handle, own.ctypes.data, out.ctypes.data, channels, first, last)

        if len(parts) == 2:
            done = [work(0, channels)]
        else:
            with ThreadPoolExecutor(len(parts) - 1) as pool:
                done = list(pool.map(work, parts[:-1], parts[1:]))
        if not all(done):
            raise MemoryError
        return out
