"""What the filters that go through the Fourier transform share, and calls of the compiled ones in ``_spectra.c``."""

import ctypes
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus import _native

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def fast_length(least: int) -> int:
    """The least length from some on that is quick to transform: a product of twos, threes and fives.

    >>> fast_length(509), fast_length(1)
    (512, 1)
    """
    best = 1 << (least - 1).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            twos = 1 << max(0, (-(-least // threes) - 1).bit_length())
            best = min(best, threes * twos)
            threes *= 3
        fives *= 5
    return best


@functools.cache
def _library() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_spectra")
    array, whole = ctypes.c_void_p, ctypes.c_int64
    library.fourier_spectrum.argtypes = [ctypes.POINTER(_Plan)] * 2 + [array] * 2
    library.fourier_answers.argtypes = [ctypes.POINTER(_Plan)] * 2 + [array] * 2 + [whole] * 3
    library.fourier_answers.argtypes += [array, array, whole, whole, array]
    return library


class _Plan(ctypes.Structure):
    """``Plan`` of ``_spectra.c``."""

    _fields_ = [
        ("n", ctypes.c_int64), ("cosine", ctypes.c_void_p), ("sine", ctypes.c_void_p), ("place", ctypes.c_void_p),
    ]  # fmt: skip


class _Lines:
    """What a transform of one length, a power of two from eight on, needs."""

    def __init__(self, length: int) -> None:
        turns = 2 * np.pi * np.arange(length) / length
        self.cosine, self.sine = np.cos(turns).astype(np.float32), np.sin(turns).astype(np.float32)
        self.place = np.argsort(_frequencies(length, 0, 1)).astype(np.int32)
        places = (own.ctypes.data for own in (self.cosine, self.sine, self.place))
        self.plan = _Plan(length, *places)


def _frequencies(length: int, first: int, step: int) -> list[int]:
    """Which frequency lies at each place after a transform that is decimated in frequency, four parts at a time."""
    if length == 1:
        return [first]
    parts = 4 if length >= 4 else 2
    each = (_frequencies(length // parts, first + k * step, step * parts) for k in range(parts))
    return [frequency for part in each for frequency in part]


_lines = functools.lru_cache(maxsize=16)(_Lines)


@dataclass(frozen=True, slots=True)
class Spectra:
    """A bank of real kernels as spectra, two by two as a + i b.

    Attributes:
        values: ``(ceil(N / 2), 2, columns / 8, rows, 8)`` float32, both sides powers of two from eight on; real parts,
            then imaginary ones, with the scale of the inverse transform.
        count: N.
    """

    values: Floats
    count: int

    def answers(self, tile: Floats, inside: tuple[int, int], grays: Floats, out: Floats) -> None:
        """Write each kernel's answer to a tile.

        Args:
            tile: ``(rows, columns)`` float32.
            inside: Rows and columns that count, from the first on.
            grays: ``(N,)`` float32, what is added to each answer.
            out: ``(N, *inside)`` float32, whose last axis is contiguous.
        """
        plane, stride, _ = (step // out.itemsize for step in out.strides)
        self._call(tile, inside, grays.ctypes.data, out.ctypes.data, plane, stride, None)

    def totals(self, tile: Floats, inside: tuple[int, int], grays: Floats) -> Doubles:
        """The sum of the absolute values of each kernel's answer, ``(N,)``; arguments are those of :meth:`answers`."""
        totals = np.zeros(self.count)
        self._call(tile, inside, grays.ctypes.data, None, 0, 0, totals.ctypes.data)
        return totals

    def _call(self, tile: Floats, inside: tuple[int, int], grays: int, *out: int | None) -> None:
        spectrum = spectrum_of(tile, np.zeros_like(tile))
        lines = [_lines(length) for length in tile.shape]  # held: threads that ask at once each get some of their own
        plans = (ctypes.byref(own.plan) for own in lines)
        places = (own.ctypes.data for own in (spectrum, self.values))
        if _library().fourier_answers(*plans, *places, self.count, *inside, grays, *out):
            raise MemoryError


def spectrum_of(real: NDArray[np.floating], imaginary: NDArray[np.floating]) -> Floats:
    """The spectrum of a + i b.

    Args:
        real: ``(rows, columns)``, both sides powers of two from eight on.
        imaginary: The same.

    Returns:
        ``(2, columns / 8, rows, 8)`` float32: real parts, then imaginary ones.

    >>> spectrum_of(np.ones((8, 8)), np.zeros((8, 8)))[0, 0, 0, :2].tolist()
    [64.0, 0.0]
    """
    tile = np.stack([real, imaginary]).astype(np.float32)
    rows, columns = real.shape
    spectrum = np.empty((2, columns // 8, rows, 8), np.float32)
    lines = [_lines(length) for length in real.shape]  # held until the call is over
    plans = (ctypes.byref(own.plan) for own in lines)
    if _library().fourier_spectrum(*plans, tile.ctypes.data, spectrum.ctypes.data):
        raise MemoryError
    return spectrum
