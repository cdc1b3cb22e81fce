"""Which pictures are worth comparing: those with similar vectors, and those whose gray thumbnails have alike hashes.

Vectors of turned, gray and framed copies differ much; their hashes hardly do. Both work block by block, so memory
grows with the number of pictures, not with that of pairs.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.search.describe import Floats
from visus.search.duplicates.looks import CARD, TURNS

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], Floats]
"""i, j and how alike they are, each ``(N,)``."""

_NONE: Pairs = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

MOST = 4
"""Candidates of one picture that are looked at."""

_LEADING = 128  # principal directions that bound a cosine
_SAMPLE = 2048  # vectors that these are computed from
_BLOCK = 2048
_DENSE = 0.1  # share of pairs above which a block is compared whole
_BITS = 64
_BAND = 16  # bits of a hash that must be equal for two to meet
_APART = 10  # bits of a hash in which copies may differ
_MEETINGS = 16  # contents that one meets in a band at most


def similar_pairs(vectors: NDArray[np.floating], threshold: float, *, most: int = MOST, block: int = _BLOCK) -> Pairs:
    """The pairs i < j of vectors with a similarity of at least the threshold, among the best of i or of j.

    With the vectors split by an orthonormal basis into a leading part p and a rest r, Cauchy-Schwarz gives
    a . b <= p_a . p_b + |r_a| |r_b|, so pairs whose bound is below the threshold are never compared in full, and none
    is lost.

    Args:
        vectors: ``(N, D)`` float16 or float32, each of length 1; zeros are alike to nothing.
        threshold: Least cosine.
        most: So many of the best of each are kept.
        block: Rows that are compared at once.
    """
    if not len(vectors):
        return _NONE
    work = _Blocks(vectors, *_split(vectors, block), threshold, most, block)
    return _once(*_together([work.of_rows(start) for start in range(0, len(vectors), block)]))


def _once(first: NDArray[np.int64], second: NDArray[np.int64], alike: Floats) -> Pairs:
    """Pairs with the lesser place first, each once."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    _, places = np.unique(low * (int(high.max(initial=0)) + 1) + high, return_index=True)
    return low[places], high[places], alike[places]


def _together(parts: Sequence[Pairs]) -> Pairs:
    first, second, alike = zip(_NONE, *parts, strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(alike)


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Compares vectors block by block; see :func:`similar_pairs`."""

    vectors: NDArray[np.floating]
    leading: Floats
    rest: Floats
    threshold: float
    most: int
    block: int

    def of_rows(self, i: int) -> Pairs:
        """The best pairs of the rows from i with all others."""
        best = _NONE
        for j in range(0, len(self.vectors), self.block):
            a, b = slice(i, i + self.block), slice(j, j + self.block)
            bound = self.leading[a] @ self.leading[b].T
            bound += np.outer(self.rest[a], self.rest[b])
            possible = bound >= self.threshold - 1e-5
            if possible.mean() > _DENSE:
                found = self._whole(i, j)
            else:
                rows, columns = np.nonzero(possible)
                others = rows + i != columns + j
                found = self._compared(rows[others] + i, columns[others] + j)
            best = _foremost(*_together([best, found]), self.most)
        return best

    def _compared(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Pairs:
        """Those of some pairs that are alike enough."""
        cosines = np.empty(len(rows), np.float32)
        for k in range(0, len(rows), _BLOCK):
            part = slice(k, k + _BLOCK)
            pair = _full(self.vectors[rows[part]]), _full(self.vectors[columns[part]])
            cosines[part] = np.einsum("nd,nd->n", *pair)
        alike = cosines >= self.threshold
        return rows[alike], columns[alike], cosines[alike]

    def _whole(self, i: int, j: int) -> Pairs:
        """The best pairs of a block in which many are alike."""
        a, b = _full(self.vectors[i : i + self.block]), _full(self.vectors[j : j + self.block])
        cosines = a @ b.T
        cosines[np.arange(i, i + len(a))[:, None] == np.arange(j, j + len(b))] = -2
        columns = np.argpartition(cosines, -min(self.most, len(b)), axis=1)[:, -self.most :]
        values = np.take_along_axis(cosines, columns, axis=1)
        rows, places = np.nonzero(values >= self.threshold)
        return rows + i, columns[rows, places] + j, values[rows, places]


def _full(vectors: NDArray[np.floating]) -> Floats:
    return vectors.astype(np.float32, copy=False)


def _foremost(first: NDArray[np.int64], second: NDArray[np.int64], alike: Floats, most: int) -> Pairs:
    """Of each first one the best pairs."""
    order = np.lexsort((second, -alike, first))
    first, second, alike = first[order], second[order], alike[order]
    kept = np.arange(len(first)) - np.searchsorted(first, first) < most
    return first[kept], second[kept], alike[kept]


def _split(vectors: NDArray[np.floating], block: int) -> tuple[Floats, Floats]:
    """The part of each vector in the leading principal directions, and the length of its rest."""
    sample = _full(vectors[:: max(1, len(vectors) // _SAMPLE)])
    count = min(_LEADING, *sample.shape)
    # Any orthonormal basis loses nothing; two steps of subspace iteration come near the best one (Halko et al.,
    # "Finding structure with randomness", SIAM Review 2011, algorithm 4.4).
    basis = np.random.default_rng(0).normal(size=(count, sample.shape[0])).astype(np.float32) @ sample
    for _ in range(2):
        basis = np.linalg.qr(basis.T)[0].T
        basis = (basis @ sample.T) @ sample
    axes = np.linalg.qr(basis.T)[0]  # (D, count)
    leading, rest = np.empty((len(vectors), count), np.float32), np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), block):
        part = slice(start, start + block)
        own = _full(vectors[part])
        leading[part] = own @ axes
        rest[part] = np.sqrt(np.maximum((own**2).sum(axis=1) - (leading[part] ** 2).sum(axis=1), 0)) + 1e-4  # rounding
    return leading, rest


# Hashes ----------------------------------------------------------------------------------------------------------


@functools.cache
def _waves() -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """The lowest cosine waves of a card, and the vertical and horizontal frequency of each bit, the lowest first."""
    frequencies = np.arange(11)
    waves = np.cos(np.pi * np.outer(frequencies, np.arange(CARD) + 0.5) / CARD).astype(np.float32)
    both = [(u, v) for u in frequencies for v in frequencies if 0 < u + v <= 10 and (u, v) != (5, 5)]
    both.sort(key=lambda pair: (pair[0] + pair[1], pair))
    rows, columns = np.array(both).T
    return waves, rows, columns


def hashes_of(cards: Floats) -> NDArray[np.uint64]:
    """A hash of each card in each of the eight turns: the signs of its 64 lowest frequencies.

    After Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010 (section 3.2.1); the turns
    cost nothing, since a turn of a picture exchanges frequencies and changes signs.

    Args:
        cards: ``(N, 32, 32)`` float32 with mean 0.

    Returns:
        ``(N, 8)`` uint64, in the order of :data:`visus.search.duplicates.looks.TURNS`.
    """
    waves, rows, columns = _waves()
    low = waves @ cards @ waves.T  # (N, 11, 11)
    odd = (-1.0) ** np.arange(len(waves), dtype=np.float32)
    found = np.empty((len(cards), len(TURNS)), np.uint64)
    for place, (mirrored, quarters) in enumerate(TURNS):
        values = low * odd if mirrored else low
        for _ in range(quarters):  # a quarter turn counterclockwise: exchange both axes, then turn upside down
            values = values.transpose(0, 2, 1) * odd[:, None]
        bits = np.packbits(np.ascontiguousarray(values[:, rows, columns] > 0), axis=1)
        found[:, place] = bits.view(">u8")[:, 0]
    return found


def hash_pairs(owners: NDArray[np.int64], hashes: NDArray[np.uint64]) -> Pairs:
    """Pairs i < j of pictures with alike hashes in some turn, with the share of equal bits.

    Two meet where a quarter of their bits is the same, and are kept where nearly all are.

    Args:
        owners: ``(N,)`` the picture of each hash.
        hashes: ``(N, 8)`` as :func:`hashes_of` gives them.
    """
    plain = hashes[:, 0]
    found = [
        _meetings(plain, hashes[:, turn], band) for turn in range(hashes.shape[1]) for band in range(_BITS // _BAND)
    ]
    asking, met, apart = (np.concatenate([part[k] for part in found]) for k in range(3))
    first, second = np.minimum(owners[asking], owners[met]), np.maximum(owners[asking], owners[met])
    keys = first * (int(owners.max(initial=0)) + 1) + second
    order = np.lexsort((apart, keys))
    once = order[np.concatenate([[True], np.diff(keys[order]) != 0])] if len(order) else order
    once = once[first[once] < second[once]]
    return first[once], second[once], (1 - apart[once] / _BITS).astype(np.float32)


def _meetings(plain: NDArray[np.uint64], asking: NDArray[np.uint64], band: int) -> tuple[NDArray[np.int64], ...]:
    """Hashes that share a band of bits and most of the others: places of both, and how many bits differ."""
    shift = np.uint64(band * _BAND)
    mask = np.uint64(2**_BAND - 1)
    own = (plain >> shift) & mask
    order = np.argsort(own, kind="stable")
    keys, wanted = own[order], (asking >> shift) & mask
    begins = np.searchsorted(keys, wanted)
    counts = np.minimum(np.searchsorted(keys, wanted, side="right") - begins, _MEETINGS)
    rows = np.repeat(np.arange(len(asking)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    met = order[begins[rows] + within]
    apart = np.bitwise_count(plain[met] ^ asking[rows]).astype(np.int64)
    near = (apart <= _APART) & (rows != met)
    return rows[near], met[near], apart[near]
