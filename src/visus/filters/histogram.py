"""Color histograms.

Swain and Ballard (1991), Color Indexing, IJCV 7(1); in hue, saturation and value, as Smith and Chang (1996) have it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus.images.check import picture_of, whole
from visus.images.color import to_hsv


def hsv_histogram(image: ArrayLike, *, hues: int = 12, saturations: int = 3, values: int = 3) -> NDArray[np.float32]:
    """How often each color occurs: a joint histogram of hue, saturation and value, and one of grays.

    After Swain and Ballard (1991), in hue, saturation and value as Smith and Chang (1996) have it.

    A pixel's hue says the less the grayer or darker it is, so that each pixel is shared out: the share saturation *
    value counts for its color, the rest for its gray. Shares between neighboring bins are linear, hues go round.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1]; gray pictures have no color.
        hues: Bins of hue.
        saturations: Bins of saturation.
        values: Bins of value; grays take four times as many.

    Returns:
        ``(hues * saturations * values + 4 * values,)`` float32 that sums to 1.

    Raises:
        InputError: The picture or a number of bins cannot be used.

    >>> hsv_histogram(np.full((2, 2, 3), (255, 0, 0), np.uint8)).argmax().item()
    8
    """
    for name, bins in (("hues", hues), ("saturations", saturations), ("values", values)):
        whole(name, bins)
    hue, saturation, value = np.moveaxis(to_hsv(picture_of(image)), 2, 0).reshape(3, -1)
    color = saturation * value
    bins = np.zeros((hues, saturations, values))
    for h, h_share in _shares(hue * hues, hues, around=True):
        for s, s_share in _shares(saturation * (saturations - 1), saturations):
            for v, v_share in _shares(value * (values - 1), values):
                place = (h * saturations + s) * values + v
                weight = color * h_share * s_share * v_share
                bins += np.bincount(place, weight, bins.size).reshape(bins.shape)
    grays = np.zeros(4 * values)
    for v, v_share in _shares(value * (4 * values - 1), 4 * values):
        grays += np.bincount(v, (1 - color) * v_share, len(grays))
    counts = np.concatenate([bins.ravel(), grays])
    return (counts / counts.sum()).astype(np.float32)


def _shares(
    place: NDArray[np.float32], bins: int, *, around: bool = False
) -> list[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """The two bins that a place lies between, and the share of each."""
    lower = np.floor(place).astype(np.intp)
    rest = (place - lower).astype(np.float32)
    if around:
        return [(lower % bins, 1 - rest), ((lower + 1) % bins, rest)]
    return [(np.minimum(lower, bins - 1), 1 - rest), (np.minimum(lower + 1, bins - 1), rest)]
