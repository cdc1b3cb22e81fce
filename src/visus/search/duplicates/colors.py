"""How the colors of two pictures that lie over one another differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.search.duplicates.alignment import Matrix, scaling
from visus.search.duplicates.blocks import laid_over
from visus.search.duplicates.evidence import Evidence
from visus.search.duplicates.opened import Opened

RECOLORED = 8.0
"""Mean difference of colors, in levels of 255, from which a picture is recolored."""

_OTHER_COLOR, _COLORED = 45, 30  # levels by which a color is another one, and soft pixels that it must have
_VIVID, _LAMP = 90, 6  # levels by which the color of something small is wholly another, and its pixels
_GRAY = 24  # levels between red, green and blue that a gray picture may have somewhere
_SAME_COLOR, _MOSTLY = 8, 0.5  # levels by which a color may differ that is the same, and the share of such pixels
_DARK = 40  # levels, from which a picture made brighter changes a pixel


@dataclass(frozen=True, slots=True)
class Colors:
    """How the colors of two pictures differ where both are, softly seen.

    Attributes:
        difference: Mean difference, in levels of 255.
        added: Something of the second has another color there, a date in orange perhaps or a shirt, and most of the
            rest has not: gray levels do not always tell.
    """

    difference: float
    added: bool


def colors_of(keep: Opened, other: Opened, evidence: Evidence) -> Colors:
    """How far the colors of two opened pictures are apart."""
    first, second = keep.soft, other.soft
    larger, smaller = scaling(other.gray.shape, second.shape), scaling(first.shape, keep.gray.shape)
    return apart(first, second, larger @ evidence.transform @ smaller)


def apart(first: NDArray[np.uint8], second: NDArray[np.uint8], way: Matrix) -> Colors:
    """How far the colors of two small pictures are apart.

    Args:
        first: ``(h, w, 3)`` uint8.
        second: ``(H, W, 3)`` uint8.
        way: Takes points of the first to points of the second.
    """
    import cv2

    laid = laid_over(first, way, second.shape)
    covered = laid_over(np.full(first.shape[:2], 255, np.uint8), way, second.shape)
    there = np.where(covered > 252, np.uint8(255), np.uint8(0))
    ours, theirs = (np.asarray(cv2.blur(colors, (3, 3)), np.uint8) for colors in (laid, second))
    difference = float(np.mean(cv2.mean(cv2.absdiff(ours, theirs), there)[:3]))
    inside = cv2.erode(there, np.ones((7, 7), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    one, two = _chroma(ours), _chroma(theirs)
    distance = _largest(np.abs(one - two))
    other = inside & (distance >= _OTHER_COLOR)
    more = other & (_largest(np.abs(two)) >= _largest(np.abs(one)))
    if difference <= RECOLORED:
        return Colors(difference, bool(np.count_nonzero(more) >= _COLORED))
    colored = min(int(_largest(np.abs(own))[inside].max(initial=0)) for own in (one, two)) > _GRAY
    alike = inside & (cv2.absdiff(ours, theirs).max(axis=2) <= _SAME_COLOR) & (ours.max(axis=2) >= _DARK)
    still = np.count_nonzero(alike) >= _MOSTLY * np.count_nonzero(inside)
    return Colors(difference, bool(colored and still and np.count_nonzero(other) >= _COLORED))


def lamp_changed(keep: Opened, other: Opened, evidence: Evidence) -> bool:
    """Whether something small has a wholly other color, a lamp that is green now, and has it nowhere near."""
    import cv2

    shape, near = other.gray.shape, np.ones((5, 5), np.uint8)
    laid = laid_over(keep.colors, evidence.transform, shape)
    covered = laid_over(np.full(keep.gray.shape, 255, np.uint8), evidence.transform, shape)
    inside = cv2.erode(covered, near, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 252
    for ours, theirs in zip(
        *(_chroma(np.asarray(cv2.blur(own, (3, 3)), np.uint8)) for own in (laid, other.colors)), strict=True
    ):
        for one, two in ((ours, theirs), (theirs, ours)):
            beyond = np.maximum(one - cv2.dilate(two, near), cv2.erode(two, near) - one)
            if np.count_nonzero(inside & (beyond >= _VIVID)) >= _LAMP:
                return True
    return False


def _chroma(colors: NDArray[np.uint8]) -> NDArray[np.int16]:
    """How far red and blue are from green, ``(2, h, w)``."""
    import cv2

    red, green, blue = cv2.split(colors)
    return np.asarray(np.stack([cv2.subtract(color, green, dtype=cv2.CV_16S) for color in (red, blue)]), np.int16)


def _largest(both: NDArray[np.int16]) -> NDArray[np.int16]:
    """The larger of two numbers at each place; much sooner than NumPy's maximum along an axis of two."""
    return np.maximum(both[0], both[1])
