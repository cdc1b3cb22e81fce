"""Canny's edge detector.

Canny (1986), A Computational Approach to Edge Detection, IEEE PAMI 8(6): a derivative of Gaussian, the maxima of its
magnitude along its direction, and two thresholds with hysteresis.
"""

import functools
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.filters import _native
from visus.filters._threads import bands, each
from visus.filters.convolve import with_borders
from visus.filters.gradient import Gradient, fits, padded_magnitude
from visus.filters.kernels import gaussian_1d
from visus.images.check import number, picture_of
from visus.images.color import full_scale

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Thresholds = Literal["contrast", "quantile"]

_FLAT = 1e-6  # of white; slopes below it are rounding errors
_BAND = 64  # rows that a core takes at least: it derives those around them too


class CannyStages(NamedTuple):
    """What the steps of Canny (1986) give, each ``(H, W)``: float32; ``weak``, ``strong`` and ``edges`` are bool."""

    gradient: Gradient
    """Derivatives, scaled so that a step of height h has the magnitude h."""
    magnitude: Floats
    maxima: Floats
    """The magnitude where it is a maximum along the gradient, 0 elsewhere."""
    weak: Mask
    """Maxima from the low threshold on."""
    strong: Mask
    """Maxima from the high threshold on."""
    edges: Mask
    """Weak maxima that are connected to a strong one."""


@overload
def canny(
    image: ArrayLike,
    *,
    sigma: float = ...,
    low: float = ...,
    high: float = ...,
    thresholds: Thresholds = ...,
    return_stages: Literal[False] = ...,
) -> Mask: ...


@overload
def canny(
    image: ArrayLike,
    *,
    sigma: float = ...,
    low: float = ...,
    high: float = ...,
    thresholds: Thresholds = ...,
    return_stages: Literal[True],
) -> CannyStages: ...


def canny(
    image: ArrayLike,
    *,
    sigma: float = 1.4,
    low: float = 0.1,
    high: float = 0.2,
    thresholds: Thresholds = "contrast",
    return_stages: bool = False,
) -> Mask | CannyStages:
    """Find edges one pixel wide (Canny 1986).

    The outermost rows and columns are answered too, where scikit-image leaves them empty.

    Args:
        image: ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``; uint8, uint16 or float in [0, 1]. Of a color picture each
            pixel takes the channel whose gradient is greatest.
        sigma: Standard deviation of the Gaussian in pixels; greater ones see fewer and coarser edges.
        low: An edge goes on while it is at least this strong.
        high: An edge must be this strong somewhere.
        thresholds: ``"contrast"``: the thresholds are heights of a step, as a share of white, whatever sigma is;
            ``"quantile"``: they are shares of the pixels, 0.9 is what nine of ten pixels' magnitude stays below.
        return_stages: Return every step's result.

    Returns:
        ``(H, W)`` bool, True on edges; or :class:`CannyStages`.

    Raises:
        InputError: The picture, sigma or a threshold cannot be used, or ``low`` is above ``high``.

    >>> step = np.repeat([[0.0, 0.0, 0.0, 0.3, 0.3, 0.3]], 3, axis=0)
    >>> [int(canny(step, sigma=1.0, high=high).sum()) for high in (0.29, 0.31)]
    [3, 0]
    """
    picture = picture_of(image)
    if picture.ndim == 3 and picture.shape[2] not in (1, 3):
        raise InputError(f"Edges are found in 1 or 3 channels, not {picture.shape[2]}; choose the channels first.")
    _check_thresholds(low, high, thresholds)
    derive = _Derivative(picture, sigma)
    if thresholds == "contrast":
        low, high = max(low, _FLAT), max(high, _FLAT)
    height, width = picture.shape[:2]
    if return_stages or thresholds == "quantile":
        return _in_steps(derive, low, high, thresholds, return_stages)

    # All steps but the last are done row by row, so that what lies between them never leaves the cache.
    classes = np.zeros((height + 2, width + 2), np.uint8)
    each(
        lambda band: derive.rows.classify(band, *derive.kernels, (low, high), classes),
        bands(height, max(_BAND, -(-height // cores()))),
    )
    _native.hysteresis(classes)
    return classes[1:-1, 1:-1] == 2


def _check_thresholds(low: float, high: float, kind: str) -> None:
    if kind not in ("contrast", "quantile"):
        raise InputError(f"thresholds must be 'contrast' or 'quantile', not {kind!r}.")
    for name, value in (("low", low), ("high", high)):
        if not 0 <= number(name, value) <= (1 if kind == "quantile" else np.inf):
            what = "a share of the pixels in [0, 1]" if kind == "quantile" else "a share of white, 0 or more"
            raise InputError(f"{name} must be {what}, not {value!r}.")
    if low > high:
        raise InputError(f"low ({low}) must not be above high ({high}); exchange them.")


class _Derivative:
    """Derivatives of a picture, as the compiled loops take them.

    The kernel's positive half sums to 1, so that a step of height h gives the magnitude h.
    """

    def __init__(self, picture: NDArray[Any], sigma: float) -> None:
        smooth, slope = _halves(fits(sigma, picture))
        self.kernels = smooth, np.asarray(slope / full_scale(picture.dtype), np.float32)
        kind = np.uint8 if picture.dtype == np.uint8 else np.float32
        self.rows = with_borders(np.ascontiguousarray(picture, kind), len(slope) - 1, "reflect")


@functools.lru_cache(maxsize=16)
def _halves(sigma: float) -> tuple[Floats, NDArray[np.float64]]:
    """A Gaussian and its slope, from the middle on."""
    slope = gaussian_1d(sigma, order=1)
    reach = len(slope) // 2
    ahead = abs(slope[reach:])
    return np.ascontiguousarray(gaussian_1d(sigma)[reach:], np.float32), ahead / ahead.sum()


def _in_steps(derive: _Derivative, low: float, high: float, thresholds: str, return_stages: bool) -> Mask | CannyStages:
    """The same steps over the whole picture, with everything that lies between them."""
    # 1. The gradient of the smoothed picture.
    gx, gy = derive.rows.derive(*derive.kernels)
    padded = padded_magnitude(gx, gy)
    magnitude = padded[1:-1, 1:-1]

    # 2. Its maxima along its direction.
    maxima = _native.suppress(gx, gy, padded)

    # 3. Two thresholds.
    if thresholds == "quantile":
        low, high = (max(float(q), _FLAT) for q in np.quantile(magnitude, [low, high]))
    weak, strong = (maxima >= np.float32(limit) for limit in (low, high))

    # 4. Hysteresis: strong edges draw the weak ones that they are connected with.
    classes = np.pad(weak.astype(np.uint8) + strong, 1)
    _native.hysteresis(classes)
    edges = classes[1:-1, 1:-1] == 2
    return CannyStages(Gradient(gx, gy), magnitude.copy(), maxima, weak, strong, edges) if return_stages else edges
