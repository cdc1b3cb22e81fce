"""How one small picture may lie over another: as a whole, in one of eight turns, or as their corners say.

The inner loops are in ``_corners.c``.
"""

import ctypes
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus import _native
from visus.search.duplicates.looks import TURNS, Box, Corners, Look, turned

Matrix = NDArray[np.floating]
"""``(3, 3)``, takes points (x, y, 1) of the first picture to points of the second, in pixels; centers are whole."""

_CARDS_AGREE = 0.9  # correlation of two cards
_DETAILS_AGREE = 0.5  # of what they show beside large shapes
_NEAR = 60  # of 256 bits in which descriptions of one corner may differ
LEAST_VOTES = 6
"""Corners that must agree in one similarity."""

_LIMITS = np.array([0.5, 0.6, 40.0], np.float32)  # how far apart such votes may be: radians, octaves, pixels


def scaling(from_shape: tuple[int, ...], to_shape: tuple[int, ...]) -> Matrix:
    """The transform from points of a picture to points of the same picture in another size.

    Args:
        from_shape: Height and width in pixels.
        to_shape: Height and width in the other size.

    >>> scaling((10, 20), (20, 40)) @ [0, 0, 1]
    array([0.5, 0.5, 1. ])
    """
    x, y = to_shape[1] / from_shape[1], to_shape[0] / from_shape[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def by_cards(a: Look, b: Look) -> list[tuple[float, Matrix]]:
    """The ways in which two whole pictures agree, and how well their details do, the best first.

    Args:
        a: The first.
        b: The second.
    """
    found = a.turns @ b.cards.reshape(len(b.cards), -1).T
    agreed = found.reshape(len(a.boxes), len(TURNS), len(b.boxes))
    ways = []
    for m in range(len(a.boxes)):
        for n in range(len(b.boxes)):
            best = int(agreed[m, :, n].argmax())
            if agreed[m, best, n] < _CARDS_AGREE:
                continue
            details = float((turned(a.detail(m), TURNS[best]) * b.detail(n)).sum())
            if details >= _DETAILS_AGREE:
                ways.append((details, _box_to_box(a.boxes[m], b.boxes[n], TURNS[best])))
    return sorted(ways, key=lambda way: way[0], reverse=True)


def by_corners(a: Look, b: Look) -> Matrix | None:
    """The similarity in which most corners of two pictures agree, the first mirrored or not; None where few do.

    Args:
        a: The first.
        b: The second.
    """
    if (plain := _similarity(a.corners, b.corners)) is not None:
        return plain
    mirrored = _similarity(a.mirrored, b.corners)
    if mirrored is None:
        return None
    return mirrored @ np.array([[-1.0, 0, a.shape[1] - 1], [0, 1, 0], [0, 0, 1]])


def _similarity(a: Corners, b: Corners) -> Matrix | None:
    import cv2

    pairs = agreeing(a, b)
    if len(pairs) < LEAST_VOTES:
        return None
    source, goal = a.points[pairs[:, 0], :2], b.points[pairs[:, 1], :2]
    cv2.setRNGSeed(0)
    found, _ = cv2.estimateAffinePartial2D(source, goal, method=cv2.RANSAC, ransacReprojThreshold=5.0)
    return None if found is None else np.vstack([np.asarray(found, np.float64), [0, 0, 1]])


@functools.cache
def _library() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_corners")
    array, whole = ctypes.c_void_p, ctypes.c_int64
    library.agreeing_corners.argtypes = [array, array, whole, array, array, whole, whole, array, array]
    library.agreeing_corners.restype = whole
    return library


def agreeing(a: Corners, b: Corners) -> NDArray[np.int32]:
    """Corners that are each other's nearest, as far as they say the same of turn, scale and shift as most do.

    Args:
        a: Of one picture.
        b: Of another.

    Returns:
        ``(N, 2)``: the places of each pair.

    Raises:
        MemoryError: There is no room.
    """
    found = np.empty((len(a.points), 2), np.int32)
    first, second = ((own.points.ctypes.data, own.bits.ctypes.data, len(own.points)) for own in (a, b))
    count = _library().agreeing_corners(*first, *second, _NEAR, _LIMITS.ctypes.data, found.ctypes.data)
    if count < 0:
        raise MemoryError
    return found[:count]


def _box_to_box(a: Box, b: Box, turn: tuple[bool, int]) -> Matrix:
    """The transform that lays one box, turned, over another."""
    x0, y0, x1, y1 = a
    u0, v0, u1, v1 = b
    to_unit = np.array([[1 / (x1 - x0), 0, -x0 / (x1 - x0)], [0, 1 / (y1 - y0), -y0 / (y1 - y0)], [0, 0, 1]])
    from_unit = np.array([[u1 - u0, 0, u0], [0, v1 - v0, v0], [0, 0, 1.0]])
    mirrored, quarters = turn
    step = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) if mirrored else np.eye(3)
    for _ in range(quarters):
        step = np.array([[0, 1.0, 0], [-1, 0, 1], [0, 0, 1]]) @ step
    corner = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # pixels count from their centers, boxes from corners
    return np.linalg.inv(corner) @ from_unit @ step @ to_unit @ corner
