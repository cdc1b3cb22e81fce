"""A closer look at two pictures that agree block by block: a word, a digit, or eyes that are closed now."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visus.search.duplicates.blocks import grown, moved
from visus.search.duplicates.evidence import Evidence, Laid, cut, mark_over, strength, there
from visus.search.duplicates.looks import Floats
from visus.search.duplicates.marks import written

_VISIBLE = 30.0  # gray levels by which a small thing must differ
_AGAINST = 1.5  # times the standard deviation of the gray levels around it, by which it must differ too
_SAME_TONES = 3.0  # median difference, in gray levels, of pictures that are of one tone
_DRAWN = 30.0  # gray levels from the background
_PIXELS = 10  # near one another, that stand out
_SHARPER = 1.25  # times as sharp, beside which a picture is blurred
_RINGS = 0.15  # of the difference between the pixels around
_STILL = 0.15  # pixels by which a corner moves at most where a picture lies at its place
_KINDS, _KINDS_AN_OCTAVE = 24, 3  # of contrast
_PARTS, _LEVELS = 4, 1024  # of a gray level, and in all, in the histogram
_RIM = 3  # pixels beside the end of a picture that are not looked at


class Usual(NamedTuple):
    """How far pixels may be apart that encoders and scalers have moved.

    Attributes:
        share: Of the pixels of as much contrast, that are no farther apart than usual.
        least: What is usual at least, in gray levels.
        times: What is usual, beyond which a pixel stands out.
    """

    share: float
    least: float
    times: float


_ANYWHERE = Usual(0.998, 4.0, 3.2)  # edges may lie a pixel beside their place
_AT_THEIR_PLACE = Usual(0.8, 3.0, 5.0)


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
    x, y = laid.over, laid.target
    sharp, soft = _sharpness(x), _sharpness(y)
    if sharp < soft:  # what a blurred copy lacks has not changed
        x, y, sharp, soft = y, x, soft, sharp
    slope, offset, contrast, calm = _tones_around(x, y, where, laid.side)
    like_y = slope * x + offset
    whole = grown(where, -_RIM)
    visible = np.maximum(_VISIBLE * strength(float(y[where].std())), _AGAINST * contrast)
    at_most = np.asarray(cv2.blur(cv2.absdiff(like_y, y), (3, 3)), np.float32)
    if not (whole & (at_most >= np.minimum(visible, _ANYWHERE.least * _ANYWHERE.times))).any():
        return np.zeros_like(whole)  # no pixel is farther from those around its place than from the one at it
    apart = np.asarray(cv2.blur(np.maximum(_beyond(like_y, y), _beyond(y, like_y)), (3, 3)), np.float32)
    found = np.asarray(whole & (apart >= visible))
    if not _of_one_tone(x, y, whole):
        return found
    kinds = np.minimum(np.log2(calm) * _KINDS_AN_OCTAVE, _KINDS - 1).astype(np.int64)
    found |= _stands_out(apart, kinds, whole, laid.side, _ANYWHERE)
    if sharp > _SHARPER * soft or not _at_its_place(laid):
        return found
    shown = whole & (np.abs(y - np.median(y[whole])) > _DRAWN)  # of a drawing, most of which is background
    if not _of_one_tone(x, y, shown):
        return found
    ringing = _RINGS * np.minimum(_range_around(x), _range_around(y))  # that encoders leave beside edges
    return found | _stands_out(np.maximum(at_most - ringing, 0), kinds, whole, laid.side, _AT_THEIR_PLACE)


def _range_around(picture: Floats) -> Floats:
    """The difference between the brightest and the darkest of the pixels around each."""
    import cv2

    around = np.ones((5, 5), np.uint8)
    return np.asarray(cv2.dilate(picture, around)) - np.asarray(cv2.erode(picture, around))


def _of_one_tone(x: Floats, y: Floats, where: NDArray[np.bool_]) -> bool:
    """Whether most of some pixels have the same tone in both."""
    return not where.any() or float(np.median(np.abs(x - y)[where])) <= _SAME_TONES


def _at_its_place(laid: Laid) -> bool:
    """Whether each pixel of a picture lies where it does in the other one, so that edges need not lie beside it."""
    return laid.a.shape == laid.b.shape and moved(laid.matrix, laid.a.shape) <= _STILL


def _stands_out(
    apart: Floats, kinds: NDArray[np.int64], whole: NDArray[np.bool_], side: int, usual: Usual
) -> NDArray[np.bool_]:
    """Where several pixels near one another are farther apart than nearly all others of as much contrast, ``(H, W)``.

    How far encoders and scalers move pixels depends on what is around them, and is much the same all over a picture.

    Args:
        apart: ``(H, W)``, how far the pixels of two pictures are apart, in gray levels.
        kinds: ``(H, W)``, the kind of contrast around each.
        whole: ``(H, W)``, the pixels that both have.
        side: Of what counts as near, in pixels.
        usual: How far they may be apart.
    """
    import cv2

    levels = np.minimum(apart * _PARTS, _LEVELS - 1).astype(np.int64)
    counts = np.bincount((kinds * _LEVELS + levels)[whole], minlength=_KINDS * _LEVELS).reshape(_KINDS, _LEVELS)
    below = np.cumsum(counts, axis=1) < usual.share * counts.sum(axis=1, keepdims=True)
    limits = usual.times * np.maximum.accumulate(np.maximum(np.count_nonzero(below, axis=1) / _PARTS, usual.least))
    places = whole & (apart >= limits.astype(np.float32)[kinds])
    if np.count_nonzero(places) < _PIXELS:
        return np.zeros_like(whole)
    near = cv2.boxFilter(places.astype(np.float32), -1, (side + 1 - side % 2,) * 2, normalize=False)
    return places & (np.asarray(near) >= _PIXELS - 0.5)


def _sharpness(picture: Floats) -> float:
    import cv2

    return float(cv2.mean(cv2.absdiff(picture[:, 1:], picture[:, :-1]))[0])


def _tones_around(x: Floats, y: Floats, where: NDArray[np.bool_], side: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each pixel the line that takes tones of a first picture to a second's, and the contrast around it.

    Args:
        x: ``(H, W)`` float32.
        y: The same.
        where: ``(H, W)``, the pixels that both have.
        side: Of what counts as around, in pixels.

    Returns:
        Slope, offset, and standard deviations in gray levels, of the second and the lesser of both, ``(H, W)`` each.
        They change slowly, so a quarter of the pixels is enough to find them.
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
    usual = _slope(x, y, weights)  # with little to see around it, a pixel has the tones of the whole picture
    slope = (around(x * y) - mean_x * mean_y + usual * np.maximum(25 - spread_x, 0)) / np.maximum(spread_x, 25)
    contrast = np.sqrt(np.maximum(np.maximum(spread_y, slope**2 * spread_x), 64))
    calm = np.sqrt(np.maximum(np.minimum(spread_x, spread_y), 64))
    small = slope, mean_y - slope * mean_x, contrast, calm
    a, b, c, d = (np.asarray(cv2.resize(np.asarray(part), (width, height)), np.float32) for part in small)
    return a, b, c, d


def _slope(x: Floats, y: Floats, weights: Floats) -> float:
    """By how much tones of a second picture rise with those of a first, as all of what both have says."""
    total = max(float(weights.sum()), 1e-3)
    mean_x, mean_y = (float((values * weights).sum()) / total for values in (x, y))
    together = float(((x - mean_x) * (y - mean_y) * weights).sum())
    return together / max(float(((x - mean_x) ** 2 * weights).sum()), total)


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
