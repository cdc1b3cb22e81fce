"""Vectors as one bit a dimension: what a search of many looks at first.

A vector of length 1 is turned by a fixed rotation and kept as the signs of its parts, with one factor: its product with
a query is told from these to about 1 / sqrt(width), without bias (Gao and Long, "RaBitQ", SIGMOD 2024). What may be
among the best then is compared in full. The inner loops are in ``_codes.c``.
"""

import ctypes
import functools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus import _native
from visus.search.describe import Floats

Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]

BLOCK = 32  # rows whose codes lie together; _codes.c has it too
_LEAST_WIDTH = 1024  # short vectors are turned in more dimensions than they have, so that as many signs tell them apart
_ROUNDS = 4
_MOST = 31  # that a set of signs can be worth; _codes.c sums eight in a byte,
_SUM = 65_535  # and all of them in 16 bits
_DEVIATIONS = 4  # of an estimate from the product; the estimates of two vectors differ by 1.4 times as much
_SIGNS = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(np.float32)  # of four dimensions, for each half byte


@functools.cache
def _library() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_codes")
    array, whole, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    library.turn.argtypes = [array, whole, whole, array, whole, whole]
    library.encode.argtypes = [array, whole, whole, array, array]
    library.encode.restype = None
    library.nearest.argtypes = [array] * 3 + [whole] * 2 + [array, real, real, ctypes.c_int, real, whole, array, array]
    library.nearest.restype = whole
    library.products.argtypes = [array, whole, whole, array, ctypes.c_int, array]
    library.products.restype = None
    library.alike.argtypes = [array] + [whole] * 5 + [array]
    if hasattr(library, "gather"):  # not on Windows
        library.gather.argtypes = [ctypes.c_int, array, whole, whole, array]
        library.gather.restype = whole
    return library


def width_of(dimension: int) -> int:
    """Bits of a code for vectors of so many dimensions.

    >>> width_of(1280), width_of(48), width_of(1300)
    (1280, 1024, 1344)
    """
    return max(_LEAST_WIDTH, -(-dimension // 64) * 64)


@functools.cache
def _signs(width: int) -> Floats:
    """Signs ``(rounds, width)`` of the rotation: the same for ever, since codes in files were turned by them."""
    words = np.random.PCG64(width).random_raw(_ROUNDS * width // 64)
    bits = np.unpackbits(np.asarray(words, "<u8").view(np.uint8), bitorder="little")
    return (2 * bits.reshape(_ROUNDS, width).astype(np.float32) - 1).astype(np.float32)


def turned(vectors: Floats) -> Floats:
    """Vectors ``(N, D)`` turned in ``width_of(D)`` dimensions; lengths and angles stay.

    Raises:
        MemoryError: There is no room.
    """
    count, dimension = vectors.shape
    width = width_of(dimension)
    padded = np.zeros((count, width), np.float32)
    padded[:, :dimension] = vectors
    signs, size = _signs(width), 1 << (width.bit_length() - 1)
    if _library().turn(padded.ctypes.data, count, width, signs.ctypes.data, len(signs), size):
        raise MemoryError
    return padded


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A query, ready to be compared with codes.

    Attributes:
        table: ``(width / 4, 16)`` uint8: what each set of four signs is worth.
        base: What the sum of all lowest values is worth.
        step: What 1 in the table is worth.
        deviation: Standard deviation of an estimate from the product, for a vector at a right angle to the query.
        rounding: What the table adds to that, for every vector.
    """

    table: Bytes
    base: float
    step: float
    deviation: float
    rounding: float

    def least(self, best: float) -> float:
        """What is estimated at least of a vector that is nearer than one of which ``best`` is estimated.

        Missed is one of several hundred that are only just nearer. Query and vectors have length 1.
        """
        sine = math.sqrt(max(0.0, 1 - best**2))
        return min(best, 1.0) - _DEVIATIONS * math.hypot(sine * self.deviation, self.rounding)


def question(vector: Floats) -> Question:
    """A query ``(D,)`` of any length, ready to be compared with codes."""
    asked = turned(vector[None])[0]
    sums = asked.reshape(-1, 4) @ _SIGNS.T
    least = sums.min(axis=1, keepdims=True)
    spread = (sums - least).max(axis=1)
    step = max(float(spread.max()) / min(_MOST, _SUM // len(sums)), 1e-30)
    table = np.rint((sums - least) / step).astype(np.uint8)
    # Theorem 3.2 of the paper, for what the signs of many values have in common with these: 2 / pi of their squares.
    deviation = math.sqrt((math.pi / 2 - 1) / len(asked))
    rounding = step * math.sqrt(math.pi / 24)  # an even error within one step, for each four dimensions
    return Question(table, float(2 * least.sum() - asked.sum()), 2 * step, deviation, rounding)


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """The codes of some rows.

    Attributes:
        rows: How many there are.
        factors: ``(blocks * 32,)`` float32; NaN for a row without a vector, or with one of zeros, which never answers.
        codes: ``(blocks, width / 4, 16)`` uint8.
    """

    rows: int
    factors: Floats
    codes: Bytes

    def nearest(
        self,
        asked: Question,
        keep: int,
        allowed: NDArray[np.bool_] | None = None,
        *,
        above: float = -math.inf,
        plain: bool = False,
    ) -> tuple[Places, Floats]:
        """The rows that a query has most in common with, and about how much, in no order.

        Args:
            asked: The query.
            keep: How many rows at most.
            allowed: ``(rows,)``: which may answer; None for all.
            above: Only those that have more than this in common with it.
            plain: Do without the processor's wide instructions; the answer is the same.

        Raises:
            MemoryError: There is no room.
        """
        keep = max(1, min(keep, self.rows))
        scores, places = np.empty(keep, np.float32), np.empty(keep, np.int32)
        mask = None if allowed is None else np.ascontiguousarray(allowed, bool)
        assert mask is None or len(mask) == self.rows
        found = _library().nearest(
            self.codes.ctypes.data,
            self.factors.ctypes.data,
            None if mask is None else mask.ctypes.data,
            self.rows,
            4 * self.codes.shape[1],
            asked.table.ctypes.data,
            asked.base,
            asked.step,
            plain,
            above,
            keep,
            scores.ctypes.data,
            places.ctypes.data,
        )
        if found < 0:
            raise MemoryError
        return places[:found], scores[:found]


def encode(vectors: Floats) -> Codes:
    """The codes of vectors ``(N, D)`` float32 of any length."""
    made = turned(vectors)
    rows, width = made.shape
    blocks = -(-rows // BLOCK)
    codes = np.zeros((blocks, width // 4, 16), np.uint8)
    factors = np.full(blocks * BLOCK, np.nan, np.float32)
    _library().encode(made.ctypes.data, rows, width, codes.ctypes.data, factors.ctypes.data)
    return Codes(rows, factors, codes)


def products(vectors: NDArray[np.floating], others: Floats, *, plain: bool = False) -> Floats:
    """Products of vectors with three others and with themselves, in this thread alone.

    Args:
        vectors: ``(N, D)`` float16 or float32.
        others: ``(3, D)`` float32.
        plain: Do without the processor's wide instructions.

    Returns:
        ``(N, 4)`` float32.
    """
    if vectors.dtype != np.float16:
        squares = np.einsum("nd,nd->n", vectors, vectors)
        return np.concatenate([np.einsum("nd,kd->nk", vectors, others), squares[:, None]], axis=1).astype(np.float32)
    rows, others = np.ascontiguousarray(vectors), np.ascontiguousarray(others, np.float32)
    out = np.empty((len(rows), 4), np.float32)
    _library().products(rows.ctypes.data, *rows.shape, others.ctypes.data, plain, out.ctypes.data)
    return out


def signs(vectors: Floats) -> NDArray[np.uint64]:
    """The signs of vectors ``(N, D)``, turned, 64 to a word: ``(N, width / 64)``."""
    return np.packbits(turned(vectors) >= 0, axis=1).view(np.uint64)


def alike(words: NDArray[np.uint64], keep: int, start: int, stop: int) -> NDArray[np.int32]:
    """Of some rows, the others whose bits differ least, the best first.

    A row is left out early where its first bits differ much more; one of several thousand is missed by that.

    Args:
        words: ``(N, words)`` of 64 bits.
        keep: How many others.
        start: The first of the rows.
        stop: The row after the last; those beyond the end are left out.

    Returns:
        ``(rows, keep)`` places; -1 where there are no more others.

    Raises:
        MemoryError: There is no room.
    """
    stop = min(stop, len(words))
    words = np.ascontiguousarray(words, np.uint64)
    places = np.empty((stop - start, keep), np.int32)
    if _library().alike(words.ctypes.data, *words.shape, start, stop, keep, places.ctypes.data):
        raise MemoryError
    return places


def gather(file: int, offsets: NDArray[np.int64], size: int) -> bytes | memoryview:
    """Parts of an open file, each of ``size`` bytes, one after the other; less where it ends before.

    Args:
        file: Its number.
        offsets: ``(N,)`` where they begin.
        size: Of each.
    """
    out = np.empty(len(offsets) * size, np.uint8)
    begin = np.ascontiguousarray(offsets, np.int64)
    count = _library().gather(file, begin.ctypes.data, len(begin), size, out.ctypes.data)
    return out[: count * size].data


def shape_of(rows: int, dimension: int) -> tuple[int, tuple[int, int, int]]:
    """How many factors, and which shape of codes, so many vectors have.

    >>> shape_of(33, 1280)
    (64, (2, 320, 16))
    """
    blocks = -(-rows // BLOCK)
    return blocks * BLOCK, (blocks, width_of(dimension) // 4, 16)
