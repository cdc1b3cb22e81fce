"""Gaussian filtering of points in a space of several axes, by the permutohedral lattice.

Adams, Baek and Davis, "Fast high-dimensional filtering using the permutohedral lattice", Eurographics 2010. For points
f_i with values v_i it gives about sum over j of exp(-|f_i - f_j|^2 / 2) v_j, up to one factor, in time and memory that
grow with the number of points and not with its square. The inner loops are in ``_lattice.c``.
"""

import ctypes
import functools
import math
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus import _native
from visus._cores import cores
from visus._errors import InputError

MOST_AXES = 16
GROUP = 8
"""Channels that are filtered at a time: what one register of a processor holds."""

_LINE = 16  # numbers of a line of the cache
_MOST_PARTS = 8  # of a work: each may have its own copy of the corners
_FARTHEST = 1e6  # standard deviations; coordinates of corners are 32-bit numbers


@functools.cache
def _library() -> ctypes.CDLL:
    loaded = _native.library(Path(__file__).parent, "_lattice")
    pointer, whole, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    loaded.lattice_new.argtypes, loaded.lattice_new.restype = [pointer, whole, number, whole], pointer
    loaded.lattice_free.argtypes, loaded.lattice_free.restype = [pointer], None
    loaded.lattice_corners.argtypes, loaded.lattice_corners.restype = [pointer], whole
    loaded.lattice_splat.argtypes, loaded.lattice_splat.restype = [pointer] * 4 + [number], None
    loaded.lattice_blur.argtypes = [pointer, pointer, whole, pointer] + [number] * 3
    loaded.lattice_slice.argtypes = [pointer, pointer, ctypes.c_float, pointer, pointer, number]
    return loaded


class Lattice:
    """A lattice around points, which filters their values (Adams, Baek and Davis 2010).

    Args:
        points: ``(N, axes)`` float, each axis divided by the standard deviation that is wanted along it.
        row: Points that lie side by side, as those of a row of a picture do; None where there are no rows.

    Raises:
        InputError: There are no points, too many axes, or values that are no numbers or too large.
        MemoryError: The lattice does not fit in memory.
    """

    def __init__(self, points: NDArray[np.floating], row: int | None = None) -> None:
        own = np.ascontiguousarray(points, np.float32)
        if own.ndim != 2 or not len(own) or not 1 <= own.shape[1] <= MOST_AXES:
            raise InputError(f"Points must have the shape (N, axes) with up to {MOST_AXES} axes, not {own.shape}.")
        if not (own.min() > -_FARTHEST and own.max() < _FARTHEST):  # NaN is neither
            raise InputError(f"Points must be numbers below {_FARTHEST:g} standard deviations.")
        self.count = len(own)
        self.handle = _library().lattice_new(own.ctypes.data, *own.shape, row or self.count)
        if not self.handle:
            raise MemoryError
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
        corners, spare = self.buffers(2, values.shape[1])
        places = (array.ctypes.data for array in (weights, values, corners))
        _library().lattice_splat(self.handle, *places, values.shape[1])
        blurred = self.blur([corners], spare)
        places = (array.ctypes.data for array in (blurred, out))
        _library().lattice_slice(self.handle, weights.ctypes.data, factor, *places, values.shape[1])

    def buffers(self, count: int, channels: int) -> list[NDArray[np.float32]]:
        """Room for what the corners hold: arrays ``(corners + 1, channels)`` float32, whose last row is zero."""
        made = [aligned((self.corners + 1, channels)) for _ in range(count)]
        for buffer in made:
            buffer[-1] = 0
        return made

    def blur(self, parts: list[NDArray[np.float32]], spare: NDArray[np.float32]) -> NDArray[np.float32]:
        """The second step of a filtering, after the splat: groups of channels on several cores.

        Args:
            parts: ``(corners + 1, channels)`` float32 each, whose last row is zero: what some points have splat each.
                The first changes.
            spare: Another, which changes too.

        Returns:
            The first part, or ``spare``.
        """
        channels = spare.shape[1]
        places = (ctypes.c_void_p * len(parts))(*(part.ctypes.data for part in parts))

        def work(first: int, last: int) -> int:
            return _library().lattice_blur(self.handle, places, len(parts), spare.ctypes.data, channels, first, last)

        return spare if in_parts(work, channels // GROUP, GROUP)[0] else parts[0]


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An array of float32 whose values are not set yet, and begin where a line of the cache does.

    So no register's lies across two lines.

    >>> aligned((3, 8)).ctypes.data % 64
    0
    """
    count = math.prod(shape)
    room = np.empty(count + _LINE, np.float32)
    start = -room.ctypes.data // room.itemsize % _LINE
    return room[start : start + count].reshape(shape)


def parts_of(count: int) -> int:
    """In how many parts a work of some units is done."""
    return min(cores(), count, _MOST_PARTS)


def in_parts(
    work: Callable[..., int], count: int, unit: int = 1, *, beside: Sequence[tuple[Any, ...]] | None = None
) -> list[int]:
    """Do a work in parts on several cores.

    Args:
        work: Called with the start and the end of a part, and with what is beside it.
        count: How many units there are.
        unit: Length of one.
        beside: What each part is given, so that there are as many parts; None for nothing, and as many as there are
            cores.

    Returns:
        What the calls gave.
    """
    given = [()] * parts_of(count) if beside is None else beside
    ends = (np.linspace(0, count, len(given) + 1).astype(int) * unit).tolist()
    if len(given) == 1:
        return [work(0, count * unit, *given[0])]
    with ThreadPoolExecutor(len(given)) as pool:
        return list(pool.map(lambda first, last, own: work(first, last, *own), ends[:-1], ends[1:], given))
