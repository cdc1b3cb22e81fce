"""How the colors of two pictures that lie over one another differ."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.search.duplicates.alignment import Matrix, scaling
from visus.search.duplicates.blocks import laid_over
from visus.search.duplicates.evidence import Evidence, scale_of
from visus.search.duplicates.opened import Opened

RECOLORED = 8.0
"""Mean difference of colors, in levels of 255, from which a picture is recolored."""

_OTHER_COLOR, _COLORED = 45, 30  # levels by which a color is another one, and soft pixels that it must have
_LAMP = (90, 6)  # levels by which the color of something small is wholly another, and its pixels
_PRINT, _CELL = (50, 40), (30, 1500)  # the same of print in red, and of a pale yellow cell: where no mark lies over it
_CLEAN, _ONE_SCALE = 3.0, math.log(1.25)  # mean difference of colors, and scale, up to which both are as sharp
_GRAY = 24  # levels between red, green and blue that a gray picture may have somewhere
_SAME_COLOR, _MOSTLY = 8, 0.5  # levels by which a color may differ that is the same, and the share of such pixels
_COLORFUL, _OTHER_HUE = 45, 0.6  # levels of a color, and cosine of two hues that are others
_DARK = 40  # levels, from which a picture made brighter changes a pixel


@dataclass(frozen=True, slots=True)
class Colors:
    """How the colors of two pictures differ where both are, softly seen.

    Attributes:
        difference: Mean difference, in levels of 255.
        added: Something of the second has another color there, a date in orange perhaps or a shirt, and most of the
            rest has not: gray levels do not always tell.
        other_hues: Most of what is colorful in both has other hues, as the same shirt in red and in blue: no program
            that mends or fades colors makes that.
        still: Most of what both show has the same colors.
    """

    difference: float
    added: bool
    other_hues: bool = False
    still: bool = False


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
        return Colors(difference, bool(np.count_nonzero(more) >= _COLORED), still=True)
    hues = _have_other_hues(one[:, inside], two[:, inside])
    alike = (
        inside
        & (_brightest(np.asarray(cv2.absdiff(ours, theirs), np.uint8)) <= _SAME_COLOR)
        & (_brightest(ours) >= _DARK)
    )
    still = bool(np.count_nonzero(alike) >= _MOSTLY * np.count_nonzero(inside))
    if np.count_nonzero(other) < _COLORED:
        return Colors(difference, added=False, other_hues=hues, still=still)
    colored = min(int(_largest(np.abs(own))[inside].max(initial=0)) for own in (one, two)) > _GRAY
    return Colors(difference, colored and still, hues, still)


def _have_other_hues(one: NDArray[np.int16], two: NDArray[np.int16]) -> bool:
    """Whether most of what is colorful in both of two pictures has other hues.

    Args:
        one: ``(2, N)`` as :func:`_chroma` gives them, of pixels that both have.
        two: The same of the other.
    """
    colorful = (np.hypot(*one) >= _COLORFUL) & (np.hypot(*two) >= _COLORFUL)
    if np.count_nonzero(colorful) < _COLORED:
        return False
    first, second = one[:, colorful].astype(np.float32), two[:, colorful].astype(np.float32)
    cosines = (first * second).sum(axis=0) / (np.hypot(*first) * np.hypot(*second))
    return bool(np.count_nonzero(cosines < _OTHER_HUE) >= _MOSTLY * len(cosines))


def lamp_changed(keep: Opened, other: Opened, evidence: Evidence, difference: float) -> bool:
    """Whether something small has another color that it has nowhere near: a lamp that is green now, or red print.

    Args:
        keep: The one that would be kept.
        other: The other.
        evidence: How they agree.
        difference: Mean difference of their colors: strong compression leaves colors beside their place.
    """
    import cv2

    shape, near = other.gray.shape, np.ones((5, 5), np.uint8)
    laid = laid_over(keep.colors, evidence.transform, shape)
    covered = laid_over(np.full(keep.gray.shape, 255, np.uint8), evidence.transform, shape)
    inside = cv2.erode(covered, near, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 252
    clean = difference <= _CLEAN and evidence.mark is None and not keep.facts.colors and not other.facts.colors
    equally_sharp = abs(math.log(scale_of(evidence.transform))) <= _ONE_SCALE
    wanted = (_LAMP, _PRINT, _CELL) if clean and equally_sharp else (_LAMP,)
    for ours, theirs in zip(
        *(_chroma(np.asarray(cv2.blur(own, (3, 3)), np.uint8)) for own in (laid, other.colors)), strict=True
    ):
        if not _reach(cv2.absdiff(ours, theirs), wanted):
            continue  # what is beyond all that is near is beyond what is at its place
        for one, two in ((ours, theirs), (theirs, ours)):
            beyond = np.maximum(one - cv2.dilate(two, near), cv2.erode(two, near) - one)
            if _reach(beyond[inside], wanted):
                return True
    return False


def _reach(values: NDArray[np.int16], wanted: Sequence[tuple[int, int]]) -> bool:
    """Whether enough of some differences are as large as is wanted, of one pair of levels and pixels."""
    return any(np.count_nonzero(values >= levels) >= pixels for levels, pixels in wanted)


def _chroma(colors: NDArray[np.uint8]) -> NDArray[np.int16]:
    """How far red and blue are from green, ``(2, h, w)``."""
    import cv2

    red, green, blue = cv2.split(colors)
    return np.asarray(np.stack([cv2.subtract(color, green, dtype=cv2.CV_16S) for color in (red, blue)]), np.int16)


def _brightest(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest of red, green and blue at each place, ``(h, w)``; much sooner than NumPy's maximum along an axis."""
    import cv2

    red, green, blue = cv2.split(colors)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def _largest(both: NDArray[np.int16]) -> NDArray[np.int16]:
    """The larger of two numbers at each place; much sooner than NumPy's maximum along an axis of two."""
    return np.maximum(both[0], both[1])
