"""The nearest pictures of each picture, all compared with all; how far away they are, and which classes they have.

Far from all others: Kuan and Mueller, "Back to the basics: revisiting out-of-distribution detection baselines", 2022.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

COUNT = 20
"""Neighbors that vote."""

_CHUNK = 1024
_WIDTH = 0.1  # of cosine, by which a neighbor's vote falls to a third
_FAR = 10  # neighbors whose distance is measured


def nearest(
    vectors: Floats, count: int = COUNT, *, progress: Callable[[int, int], None] | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """The nearest others of each vector.

    Args:
        vectors: ``(N, D)`` float32, of length 1.
        count: How many, where there are as many.
        progress: Called with how many are done, of how many.

    Returns:
        Their places ``(N, count)`` int64 and cosines ``(N, count)`` float32, the nearest first.
    """
    count = min(count, len(vectors) - 1)
    places = np.empty((len(vectors), count), np.int64)
    cosines = np.empty((len(vectors), count), np.float32)
    for start in range(0, len(vectors), _CHUNK):
        own = slice(start, min(start + _CHUNK, len(vectors)))
        scores = vectors[own] @ vectors.T  # (n, N)
        rows = np.arange(len(scores))
        scores[rows, start + rows] = -np.inf
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count] if count else np.empty((len(rows), 0), np.int64)
        values = np.take_along_axis(scores, best, 1)
        order = np.argsort(-values, axis=1, kind="stable")
        places[own], cosines[own] = np.take_along_axis(best, order, 1), np.take_along_axis(values, order, 1)
        if progress:
            progress(own.stop, len(vectors))
    return places, cosines


def votes(places: NDArray[np.int64], cosines: Floats, labels: NDArray[np.int64], classes: int) -> Floats:
    """What the neighbors of each picture say of its class; a nearer one says more.

    Args:
        places: ``(N, k)`` int64, see :func:`nearest`.
        cosines: ``(N, k)`` float32.
        labels: ``(N,)`` int64.
        classes: How many there are.

    Returns:
        ``(N, classes)`` float32, rows of sum 1.
    """
    weight = np.exp((cosines - cosines[:, :1]) / _WIDTH)
    found = np.zeros((len(places), classes), np.float32)
    np.add.at(found, (np.arange(len(places))[:, None], labels[places]), weight)
    return found / found.sum(1, keepdims=True)


def votes_each(places: NDArray[np.int64], cosines: Floats, marks: NDArray[np.int64]) -> Floats:
    """What share of the neighbors of each picture has each class, where a picture may have several.

    Args:
        places: ``(N, k)`` int64, see :func:`nearest`.
        cosines: ``(N, k)`` float32.
        marks: ``(N, classes)`` int64, 1 for each class that a picture has.

    Returns:
        ``(N, classes)`` float32 in [0, 1].
    """
    weight = np.exp((cosines - cosines[:, :1]) / _WIDTH)
    weight /= weight.sum(1, keepdims=True)
    return np.stack([own @ marks[near] for own, near in zip(weight, places, strict=True)]).astype(np.float32)


def distances(cosines: Floats) -> Floats:
    """How far the nearest others are, in the mean: 1 less cosine, ``(N,)`` float32.

    Args:
        cosines: ``(N, k)`` float32, the nearest first.
    """
    return 1 - cosines[:, :_FAR].mean(1)
