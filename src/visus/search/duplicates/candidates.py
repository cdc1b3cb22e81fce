"""Which pictures are worth comparing: those with similar vectors, and those whose gray thumbnails have alike hashes.

Vectors of turned, gray and framed copies differ much; their hashes hardly do. Both work block by block, so memory
grows with the number of pictures, not with that of pairs.
"""

import functools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from visus.search import codes
from visus.search.describe import Floats
from visus.search.duplicates.looks import CARD, TURNS

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], Floats]
"""i, j and how alike they are, each ``(N,)``."""

Each = Callable[[Callable[[int], NDArray[np.int32]], range], Iterable[NDArray[np.int32]]]
"""Works through parts, in order, as ``map`` does; in several threads, perhaps."""

MOST = 2
"""Candidates of one picture that are looked at."""

_BLOCK = 2048  # vectors at work at once
_BITS = 64
_BAND = 16  # bits of a hash that must be equal for two to meet
_APART = 10  # bits of a hash in which copies may differ
_MEETINGS = 16  # contents that one meets in a band at most


def similar_pairs(vectors: NDArray[np.floating], threshold: float, *, most: int = MOST, each: Each = map) -> Pairs:
    """The pairs i < j of vectors with a similarity of at least the threshold, among the best of i or of j.

    Compared in full are twice as many as are kept: those whose signs, one a dimension, differ least. Few of the best
    are not among these.

    Args:
        vectors: ``(N, D)`` float16 or float32, each of length 1; zeros are alike to nothing.
        threshold: Least cosine.
        most: So many of the best of each are kept.
        each: Works through the parts.
    """
    tells = np.flatnonzero(vectors.any(axis=1))
    signs = _signs(vectors, tells)
    parts = each(lambda start: codes.alike(signs, 2 * most, start, start + _BLOCK), range(0, len(tells), _BLOCK))
    others = np.concatenate([np.zeros((0, 2 * most), np.int32), *parts])
    rows, columns = np.nonzero(others >= 0)
    first, second = tells[rows], tells[others[rows, columns]]
    cosines = np.concatenate([np.zeros(0, np.float32), *_cosines(vectors, first, second)])
    near = cosines >= threshold
    return _once(*_foremost(first[near], second[near], cosines[near], most))


def _signs(vectors: NDArray[np.floating], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The signs of some vectors without their mean, turned at random: ``(len(rows), width / 64)``."""
    parts = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    total = sum((_full(vectors[part]).sum(axis=0) for part in parts), np.zeros(vectors.shape[1], np.float32))
    mean = np.asarray(total / max(1, len(rows)), np.float32)
    none = np.zeros((0, codes.width_of(vectors.shape[1]) // 64), np.uint64)
    return np.concatenate([none, *(codes.signs(_full(vectors[part]) - mean) for part in parts)])


def _cosines(vectors: NDArray[np.floating], first: NDArray[np.int64], second: NDArray[np.int64]) -> Iterator[Floats]:
    for start in range(0, len(first), _BLOCK):
        part = slice(start, start + _BLOCK)
        yield np.einsum("nd,nd->n", _full(vectors[first[part]]), _full(vectors[second[part]]))


def _full(vectors: NDArray[np.floating]) -> Floats:
    return vectors.astype(np.float32, copy=False)


def _foremost(first: NDArray[np.int64], second: NDArray[np.int64], alike: Floats, most: int) -> Pairs:
    """Of each first one the best pairs."""
    order = np.lexsort((second, -alike, first))
    first, second, alike = first[order], second[order], alike[order]
    kept = np.arange(len(first)) - np.searchsorted(first, first) < most
    return first[kept], second[kept], alike[kept]


def _once(first: NDArray[np.int64], second: NDArray[np.int64], alike: Floats) -> Pairs:
    """Pairs with the lesser place first, each once."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    _, places = np.unique(low * (int(high.max(initial=0)) + 1) + high, return_index=True)
    return low[places], high[places], alike[places]


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
