"""A closer look at two pictures that agree block by block: a word, a digit, or eyes that are closed now."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from visus.search.duplicates.blocks import grown
from visus.search.duplicates.evidence import Evidence, Laid, cut, mark_over, strength, there
from visus.search.duplicates.looks import Floats
from visus.search.duplicates.marks import written

_VISIBLE = 30.0  # gray levels by which a small thing must differ
_AGAINST = 1.5  # times the standard deviation of the gray levels around it, by which it must differ too
_RIM = 3  # pixels beside the end of a picture that are not looked at


def closer(laid: Laid, evidence: Evidence) -> Evidence:
    """Evidence that minds small things too.

    Args:
        laid: Both pictures, large enough for small things.
        evidence: What larger blocks say: that both are the same.

    Returns:
        The evidence, which may say now that something has changed, or that one has a mark.
    """
    changed = laid.inside & _blocks_of(_differs(laid), laid)
    if not changed.any():
        return evidence
    if (mark := mark_over(laid, changed)) is not None:
        return replace(evidence, mark=mark)
    return replace(evidence, changed=int(changed.sum()), written=written(*cut(laid, changed)))


def _differs(laid: Laid) -> NDArray[np.bool_]:
    """Where a few pixels of one picture are nowhere around their place in the other, ``(H, W)``.

    Around each pixel the tones of the sharper one are brought to those of the other, by a straight line; edges may be a
    pixel beside their place.
    """
    import cv2

    edge = np.ones((3, 3), np.uint8)  # pixels at the end of the first are mixed with what lies outside of it
    where = cv2.erode(there(laid.b.shape, laid.matrix, laid.a.shape).astype(np.uint8), edge) > 0
    x, y = sorted((laid.over, laid.target), key=_sharpness, reverse=True)  # what a blurred copy lacks has not changed
    slope, offset, contrast = _tones_around(x, y, where, laid.side)
    like_y = slope * x + offset
    whole = grown(where, -_RIM)
    visible = np.maximum(_VISIBLE * strength(float(y[where].std())), _AGAINST * contrast)
    if not (whole & (cv2.blur(cv2.absdiff(like_y, y), (3, 3)) >= visible)).any():
        return np.zeros_like(whole)  # no pixel is farther from those around its place than from the one at it
    apart = cv2.blur(np.maximum(_beyond(like_y, y), _beyond(y, like_y)), (3, 3))
    return np.asarray(whole & (apart >= visible))


def _sharpness(picture: Floats) -> float:
    return float(np.abs(np.diff(picture, axis=1)).mean())


def _tones_around(x: Floats, y: Floats, where: NDArray[np.bool_], side: int) -> tuple[Floats, Floats, Floats]:
    """Of each pixel the line that takes tones of a first picture to a second's, and the contrast around it.

    Args:
        x: ``(H, W)`` float32.
        y: The same.
        where: ``(H, W)``, the pixels that both have.
        side: Of what counts as around, in pixels.

    Returns:
        Slope, offset, and standard deviation in gray levels, ``(H, W)`` each. They change slowly, so a quarter of the
        pixels is enough to find them.
    """
    import cv2

    height, width = where.shape
    half = (width + 1) // 2, (height + 1) // 2
    weights, x, y = (_resized(part, half) for part in (where.astype(np.float32), x, y))
    size = (side + 1 - side % 2,) * 2
    total = np.maximum(cv2.blur(weights, size), 1e-3)

    def around(values: Floats) -> Floats:
        return np.asarray(cv2.blur(values * weights, size) / total, np.float32)

    mean_x, mean_y = around(x), around(y)
    spread_x, spread_y = around(x * x) - mean_x**2, around(y * y) - mean_y**2
    slope = (around(x * y) - mean_x * mean_y) / np.maximum(spread_x, 25)
    contrast = np.sqrt(np.maximum(np.maximum(spread_y, slope**2 * spread_x), 64))
    small = np.asarray(slope), np.asarray(mean_y - slope * mean_x), np.asarray(contrast)
    first, second, third = (np.asarray(cv2.resize(part, (width, height)), np.float32) for part in small)
    return first, second, third


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    import cv2

    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _beyond(values: Floats, others: Floats) -> Floats:
    """How far values are outside of what the others have beside their place."""
    import cv2

    beside = np.ones((3, 3), np.uint8)
    low, high = np.asarray(cv2.erode(others, beside)), np.asarray(cv2.dilate(others, beside))
    return np.maximum(np.maximum(values - high, low - values), 0)


def _blocks_of(places: NDArray[np.bool_], laid: Laid) -> NDArray[np.bool_]:
    """Which blocks hold such a place."""
    import cv2

    sums = np.asarray(cv2.integral(places.astype(np.uint8)))
    (top, left), (bottom, right) = laid.corners.T, (laid.corners + laid.side).T
    return sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left] > 0
