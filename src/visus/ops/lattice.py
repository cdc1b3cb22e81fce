"""Gaussian filtering of points in a space of several axes, by the permutohedral lattice.

Adams, Baek and Davis, "Fast high-dimensional filtering using the permutohedral lattice", Eurographics 2010. For points
f_i with values v_i it gives about sum over j of exp(-|f_i - f_j|^2 / 2) v_j, up to one factor, in time and memory that
grow with the number of points and not with its square. The inner loops are in ``_lattice.c``.
"""

import ctypes
import functools
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus import _native
from visus._cores import cores
from visus._errors import InputError

MOST_AXES = 16
GROUP = 8
"""Channels that are filtered at a time: what one register of a processor holds."""

_FARTHEST = 1e6  # standard deviations; coordinates of corners are 32-bit numbers


@functools.cache
def _library() -> ctypes.CDLL:
    loaded = _native.library(Path(__file__).parent, "_lattice")
    pointer, whole, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    loaded.lattice_new.argtypes, loaded.lattice_new.restype = [pointer, whole, number], pointer
    loaded.lattice_free.argtypes, loaded.lattice_free.restype = [pointer], None
    loaded.lattice_corners.argtypes, loaded.lattice_corners.restype = [pointer], whole
    loaded.lattice_spread.argtypes = [pointer] * 5 + [number] * 3
    loaded.lattice_slice.argtypes = [pointer, pointer, ctypes.c_float, pointer, pointer, number]
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
        self.handle = _library().lattice_new(own.ctypes.data, *own.shape)
        if not self.handle:
            raise MemoryError
        self._buffers: list[NDArray[np.float32]] = []
        weakref.finalize(self, _library().lattice_free, self.handle)

    @property
    def corners(self) -> int:
        """How many corners of the lattice are in use: what a filtering costs grows with them."""
        return _library().lattice_corners(self.handle)

    def filter(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Filter the values of the points, any number of channels.

        Args:
            values: ``(N, channels)`` float.

        Returns:
            ``(N, channels)`` float32.

        Raises:
            InputError: There is not one row for each point.
            MemoryError: The corners' values do not fit in memory.
        """
        if values.ndim != 2 or len(values) != self.count:
            raise InputError(f"Values must have the shape ({self.count}, channels), not {values.shape}.")
        channels = values.shape[1]
        wide = np.zeros((self.count, -(-channels // GROUP) * GROUP), np.float32)
        wide[:, :channels] = values
        out = np.zeros_like(wide)
        self.add(wide, np.ones(self.count, np.float32), 1.0, out)
        return np.ascontiguousarray(out[:, :channels])

    def add(
        self, values: NDArray[np.float32], weights: NDArray[np.float32], factor: float, out: NDArray[np.float32]
    ) -> None:
        """Filter values that are weighed before and after, and add them to others.

        Args:
            values: ``(N, channels)`` float32, whose channels are a multiple of :data:`GROUP`.
            weights: ``(N,)`` float32.
            factor: Multiplies what is added.
            out: ``(N, channels)`` float32, which is changed.
        """
        corners = self.spread(values, weights)
        _library().lattice_slice(
            self.handle, weights.ctypes.data, factor, corners.ctypes.data, out.ctypes.data, values.shape[1]
        )

    def spread(self, values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first two steps of a filtering: splat and blur; groups of channels on several cores.

        Args:
            values: ``(N, channels)`` float32, whose channels are a multiple of :data:`GROUP`.
            weights: ``(N,)`` float32, which the values are multiplied by.

        Returns:
            ``(corners + 1, channels)`` float32, which the next call overwrites; the last row is zero.
        """
        channels = values.shape[1]
        shape = self.corners + 1, channels
        if not self._buffers or self._buffers[0].shape != shape:
            self._buffers = [np.empty(shape, np.float32), np.empty(shape, np.float32)]
        one, two = self._buffers
        one[:] = 0
        two[-1] = 0

        def work(first: int, last: int) -> int:
            places = (array.ctypes.data for array in (weights, values, one, two))
            return _library().lattice_spread(self.handle, *places, channels, first, last)

        groups = channels // GROUP
        return self._buffers[in_parts(work, groups, GROUP)[0]]


def in_parts(work: Callable[[int, int], int], count: int, unit: int = 1) -> list[int]:
    """Do a work in parts on several cores.

    Args:
        work: Called with the start and the end of a part.
        count: How many units there are.
        unit: Length of one.

    Returns:
        What the calls gave.
    """
    ends = (np.linspace(0, count, min(cores(), count) + 1).astype(int) * unit).tolist()
    if len(ends) == 2:
        return [work(0, count * unit)]
    with ThreadPoolExecutor(len(ends) - 1) as pool:
        return list(pool.map(work, ends[:-1], ends[1:]))
