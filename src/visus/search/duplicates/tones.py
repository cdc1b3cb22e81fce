"""What an edit took from the shadows of a picture: levels that were apart and are one black now."""

import numpy as np
from numpy.typing import NDArray

_BLACK = 2  # gray levels up to which a pixel is black
_LEAST = 0.02  # of the pixels that must be black
_APART = 12  # gray levels between which most of them were
_EDGES = 0.2  # of the pixels of a drawing that may be neither black nor white

Levels = NDArray[np.int64]
"""``(256,)``: how many pixels have each gray level."""


def two_toned(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is drawn in black and white: between them are but the edges.

    Args:
        pixels: ``(...)`` uint8, gray levels of full size.
    """
    between = np.count_nonzero((pixels > _BLACK) & (pixels < 255 - _BLACK))
    return bool(between <= _EDGES * pixels.size)


def crushed(own: Levels, other: Levels) -> float:
    """The share of a picture that is black where another one, of the same scene, has shades.

    A curve keeps the order of the levels: what is black of the one is the darkest part of the other.

    Args:
        own: Of the one.
        other: Of the other.

    Returns:
        0 too for what is dark in both, as night is.

    >>> even = np.full(256, 100)
    >>> hard = np.concatenate([[6000], np.zeros(59, int), np.full(196, 100)])
    >>> round(crushed(hard, even), 2), crushed(even, hard), crushed(hard, hard)
    (0.22, 0.0, 0.0)
    """
    black = float(own[: _BLACK + 1].sum() / own.sum())
    until = np.cumsum(other) / other.sum()
    more = black - float(until[_BLACK])
    darkest, lightest = np.searchsorted(until, (0.1 * black, 0.9 * black))
    return more if more >= _LEAST and lightest - darkest >= _APART else 0.0
