"""What can be wrong with a picture itself: measures of it, and which of them are odd.

Blur: Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new no-reference
perceptual blur metric", SPIE 6492, 2007: how much of the differences between neighbors goes by blurring once more.
It is asked of parts of the picture, and the sharpest part counts: behind what is sharp, a background may be blurred.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SIDE = 256
"""Longest side at which a picture is measured, in pixels."""

_PARTS = 4  # of each side
_BOX = 9  # pixels in a row that blur once more
_LEAST = 2.0  # gray levels between neighbors, in the mean of a part, below which it says nothing of blur


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of a picture.

    Attributes:
        width: In pixels, of the upright picture.
        height: Likewise.
        high: Brightness that 99 % of the pixels do not exceed, in [0, 1].
        low: Brightness that 5 % of the pixels do not exceed, in [0, 1].
        clipped: Share of pixels that are white to within 2 of 255.
        blur: From 0, sharp, to 1.
        information: Bits a pixel needs, beside its neighbors, from 0 to 8.
    """

    width: int
    height: int
    high: float
    low: float
    clipped: float
    blur: float
    information: float

    @property
    def ratio(self) -> float:
        """The longer side by the shorter one."""
        return max(self.width, self.height) / max(1, min(self.width, self.height))

    @property
    def area(self) -> int:
        """Pixels of the whole picture."""
        return self.width * self.height


def measure(small: Pixels, width: int, height: int) -> Measures:
    """The measures of a picture.

    Args:
        small: ``(h, w, 3)`` uint8, shrunk to :data:`SIDE`.
        width: Of the whole picture, in pixels.
        height: Likewise.
    """
    import cv2

    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    shares = np.bincount(gray.ravel(), minlength=256).cumsum() / gray.size
    low, high = (int(np.searchsorted(shares, share)) / 255 for share in (0.05, 0.99))
    return Measures(width, height, high, low, 1 - float(shares[252]), blur(gray), information(gray))


def blur(gray: Pixels) -> float:
    """How blurred the sharpest part of a picture is, from 0 to 1; 0 where it is too flat to tell.

    Args:
        gray: ``(H, W)`` uint8.

    >>> from visus.filters import gaussian
    >>> sharp = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    >>> blur(sharp) < 0.3 < 0.5 < blur(gaussian(sharp, sigma=3))
    True
    """
    import cv2

    values = gray.astype(np.float32)
    parts = []
    for axis, kernel in ((1, (_BOX, 1)), (0, (1, _BOX))):
        own = np.abs(np.diff(values, axis=axis))
        if not own.size:
            return 0.0
        smooth = np.abs(np.diff(np.asarray(cv2.blur(values, kernel), np.float32), axis=axis))
        kept = np.maximum(own - smooth, 0)
        grid = (min(_PARTS, own.shape[1]), min(_PARTS, own.shape[0]))
        whole, left = (np.asarray(cv2.resize(part, grid, interpolation=cv2.INTER_AREA)) for part in (own, kept))
        parts.append(np.where(whole >= _LEAST, 1 - left / np.maximum(whole, 1e-6), np.nan))
    if all(np.isnan(part).all() for part in parts):
        return 0.0
    return float(max(np.nanmin(part) for part in parts if not np.isnan(part).all()))


def information(gray: Pixels) -> float:
    """Entropy of what a pixel adds to its left and upper neighbors, in bits: a ramp has as little as a plain picture.

    Shannon, "A mathematical theory of communication", 1948 (section 6), of the residuals of lossless JPEG's predictor.

    Args:
        gray: ``(H, W)`` uint8.

    >>> information(np.zeros((8, 8), np.uint8)), information(np.tile(np.arange(8, dtype=np.uint8), (8, 1)))
    (0.0, 0.0)
    """
    values = gray.astype(np.int16)
    residual = values[1:, 1:] - values[1:, :-1] - values[:-1, 1:] + values[:-1, :-1]
    if not residual.size:
        return 0.0
    counts = np.bincount(residual.ravel() + 510, minlength=1021)
    shares = counts[counts > 0] / residual.size
    return max(0.0, float(-(shares * np.log2(shares)).sum()))


def robust(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far values are from their median, in units of the deviation that most of them have, ``(N,)`` float64.

    Args:
        values: ``(N,)`` float.

    >>> robust(np.array([1.0, 2.0, 3.0, 4.0, 50.0])).round(1).tolist()
    [-1.3, -0.7, 0.0, 0.7, 31.7]
    """
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    return (np.asarray(values, np.float64) - middle) / max(spread, 1e-9)


def odd_areas(areas: NDArray[np.integer]) -> NDArray[np.float64]:
    """How odd the sizes of pictures are: octaves of the area beyond where most of a set lie, ``(N,)`` float64.

    Args:
        areas: ``(N,)`` integer, in pixels.
    """
    octaves = np.log2(np.maximum(areas, 1))
    first, third = np.percentile(octaves, (25, 75)).tolist()
    return np.abs(octaves - (first + third) / 2) - (third - first) / 2


def odd_ratio(measures: Measures, usual: float) -> float:
    """How odd the sides of a picture are beside those of its set: octaves of the longer by the shorter one.

    Args:
        measures: Of the picture.
        usual: The median of that ratio.
    """
    return math.log2(measures.ratio) - math.log2(usual)
