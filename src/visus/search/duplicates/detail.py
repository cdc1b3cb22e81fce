"""How much detail a picture really has: one that was blown up needs fewer pixels than it has."""

import math

import numpy as np
from numpy.typing import NDArray

from visus.images import shrink
from visus.search.duplicates.looks import Floats, Gray

_SCALES = (0.71, 0.5, 0.35, 0.25, 0.18, 0.125)
_LOSS = 2.0  # root mean square of what a picture loses, in gray levels, if it has no detail of that size
_LOSS_SHARE = 0.06  # the same, of the standard deviation of its gray levels
_SIDE = 4096
_EACH_ROW, _ROWS = 16, 32  # of so many rows one is looked at for steps, and of so many in all at most, about
_ROUNDING = 1.0  # of squares of gray levels, by single precision
_DOUBTFUL = 1.5  # times the loss that is allowed, beyond which nothing need be looked at closer


def contrast_of(gray: Gray) -> float:
    """The standard deviation of the gray levels of a picture, as NumPy's ``std`` and much sooner.

    Args:
        gray: ``(H, W)`` uint8.
    """
    import cv2

    return float(cv2.meanStdDev(gray)[1].item())


def roughness_of(blocks: Gray) -> float:
    """The mean difference of gray levels side by side, less where a picture was blurred; no encoder takes much of it.

    Args:
        blocks: ``(N, h, w)`` uint8.
    """
    return float(np.abs(np.diff(blocks.astype(np.int16), axis=2)).mean()) if blocks.size else 0.0


def needed_share(gray: Gray) -> float:
    """The share of its pixels that the detail of a picture needs.

    Args:
        gray: ``(H, W)`` uint8.

    >>> small = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    >>> needed_share(small), needed_share(small.repeat(2, axis=0).repeat(2, axis=1))
    (1.0, 0.25)
    """
    small = shrink(gray, _SIDE)
    whole = small.astype(np.float32)
    allowed = max(_LOSS, _LOSS_SHARE * contrast_of(small))
    needed = 1.0
    for scale in _SCALES:  # what is lost smoothly is more at each smaller scale, or hardly less
        loss = _loss(whole, scale, smooth=True)
        if loss > _DOUBTFUL * allowed:
            break
        needed = scale if loss <= allowed else needed
    for scale in _stepped(whole, [scale for scale in reversed(_SCALES) if scale < needed], _DOUBTFUL * allowed):
        if _loss(whole, scale, smooth=False) <= allowed:
            return scale**2
    return needed**2


def _loss(whole: Floats, scale: float, *, smooth: bool) -> float:
    """What is lost of a picture that is shrunk and blown up again, smoothly or pixel by pixel."""
    import cv2

    size = tuple(max(1, round(length * scale)) for length in whole.shape[::-1])
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    way = cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST
    return cv2.norm(cv2.resize(small, whole.shape[::-1], interpolation=way), whole) / math.sqrt(whole.size)


def _stepped(whole: Floats, scales: list[float], most: float) -> list[float]:
    """The scales from which a picture may have been blown up pixel by pixel, as some of its rows tell.

    Args:
        whole: The picture.
        scales: Which there are.
        most: Root mean square by which pixels of a row may differ that were one.
    """
    rows, width = np.ascontiguousarray(whole[:: max(_EACH_ROW, len(whole) // _ROWS)]), whole.shape[1]
    squares, found = float(np.vdot(rows, rows)), list[float]()
    for scale in scales:
        count = max(1, round(width * scale))
        begins: NDArray[np.int64] = -(-np.arange(count) * width // count)
        sums = np.add.reduceat(rows, begins, axis=1)
        within = squares - float(np.vdot(sums, sums / np.diff(begins, append=width)))
        if within <= (most**2 + _ROUNDING) * rows.size:
            found.append(scale)
    return found
