"""The gradient of a picture: where and in which direction it becomes lighter.

Values count as shares of white, so a gradient is in whites per pixel. x grows to the right and y downwards.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._errors import InputError
from visus.filters import _native, kernels
from visus.filters.convolve import PADDINGS, Padding, by_column_and_row, convolve
from visus.images.check import one_of, picture_of, positive
from visus.images.color import to_float

Floats = NDArray[np.floating]


class Gradient(NamedTuple):
    """The derivatives of a picture, each of its shape: ``x`` to the right and ``y`` downwards."""

    x: Floats
    y: Floats

    @property
    def magnitude(self) -> Floats:
        """The gradient's length."""
        return np.hypot(self.x, self.y)

    def direction(self, unit: Literal["degrees", "radians"] = "degrees") -> Floats:
        """Where it points to: from dark to light, in (-180, 180] or (-pi, pi].

        0 is to the right, 90 degrees downwards, 180 to the left, -90 upwards.

        >>> downwards = np.repeat(np.linspace(0, 1, 9)[:, None], 9, axis=1)
        >>> gradient(downwards).direction()[4, 4].item()
        90.0
        """
        radians = np.arctan2(self.y, self.x)
        radians = np.where(radians == -np.pi, -radians, radians).astype(radians.dtype)  # of y = -0.0
        if unit == "radians":
            return radians
        if unit != "degrees":
            raise InputError(f"unit must be 'degrees' or 'radians', not {unit!r}.")
        return np.degrees(radians)


def gradient(image: ArrayLike, *, sigma: float = 1.0, padding: Padding = "reflect") -> Gradient:
    """The gradient of the picture smoothed by a Gaussian, by derivatives of Gaussians (Canny 1986, section III).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16 or float. Channels are derived one by one.
        sigma: Standard deviation of the Gaussian in pixels.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Raises:
        InputError: The picture, its dtype or sigma cannot be used.
    """
    picture = to_float(picture_of(image))
    smooth, slope = (kernels.gaussian_1d(fits(sigma, picture), order=order) for order in (0, 1))
    one_of("padding", padding, PADDINGS)
    return Gradient(
        by_column_and_row(picture, smooth, slope, padding),
        by_column_and_row(picture, slope, smooth, padding),
    )


def fits(sigma: float, picture: NDArray[Any]) -> float:
    """A standard deviation that is not larger than the picture.

    Raises:
        InputError: It is, or is not above 0.
    """
    largest = max(picture.shape[:2])
    if positive("sigma", sigma) > max(largest, 4):
        raise InputError(f"sigma {sigma} is larger than the picture of {picture.shape}; take at most {largest}.")
    return sigma


def _both(picture: Floats, pair: kernels.Derivatives, padding: Padding) -> Gradient:
    return Gradient(convolve(picture, pair.x, padding=padding), convolve(picture, pair.y, padding=padding))


def roberts(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Differences along the diagonals: ``x`` to the lower right and ``y`` to the lower left (Roberts 1963)."""
    return _both(to_float(picture_of(image)), kernels.roberts(), padding)


def prewitt(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Central differences, averaged over three rows or columns (Prewitt 1970)."""
    return _both(to_float(picture_of(image)), kernels.prewitt(), padding)


def sobel(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Central differences with the weights 1, 2, 1 across (Sobel and Feldman 1968).

    >>> sobel(np.tile(np.arange(4.0), (3, 1))).x[1].tolist()
    [0.5, 1.0, 1.0, 0.5]
    """
    return _both(to_float(picture_of(image)), kernels.sobel(), padding)


def scharr(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Central differences with the weights 3, 10, 3 across (Scharr 2000)."""
    return _both(to_float(picture_of(image)), kernels.scharr(), padding)


def laplacian_of_gaussian(image: ArrayLike, *, sigma: float = 1.4, padding: Padding = "reflect") -> Floats:
    """The Laplacian of the smoothed picture (Marr and Hildreth 1980); edges are where it passes through 0."""
    picture = to_float(picture_of(image))
    smooth, curve = (kernels.gaussian_1d(fits(sigma, picture), order=order) for order in (0, 2))
    one_of("padding", padding, PADDINGS)
    return by_column_and_row(picture, smooth, curve, padding) + by_column_and_row(picture, curve, smooth, padding)


def difference_of_gaussians(
    image: ArrayLike, *, sigma: float = 1.4, ratio: float = 1.6, padding: Padding = "reflect"
) -> Floats:
    """The picture smoothed a little less the picture smoothed ``ratio`` times as much (Marr and Hildreth 1980)."""
    from visus.filters.smooth import gaussian

    kernels.wider(ratio)
    picture = to_float(picture_of(image))
    near, far = (gaussian(picture, sigma=s, padding=padding) for s in (sigma, sigma * ratio))
    return np.asarray(near - far)


def zero_crossings(values: ArrayLike, *, least: float = 0.0) -> NDArray[np.bool_]:
    """Where a signed picture such as :func:`laplacian_of_gaussian` changes its sign (Marr and Hildreth 1980).

    Args:
        values: ``(H, W)``.
        least: How much the two sides of a crossing must differ.

    Returns:
        ``(H, W)`` bool: True on the pixel before a crossing to the right or downwards.
    """
    array = picture_of(values)
    if array.ndim != 2:
        raise InputError(f"Zero crossings are found in a picture of shape (H, W), not {array.shape}.")
    signed = array.astype(np.float64)
    found = np.zeros(signed.shape, np.bool_)
    found[:, :-1] |= _crosses(signed[:, :-1], signed[:, 1:], least)
    found[:-1] |= _crosses(signed[:-1], signed[1:], least)
    return found


def _crosses(one: Floats, other: Floats, least: float) -> NDArray[np.bool_]:
    return ((one < 0) != (other < 0)) & (abs(one - other) > least)


def non_maximum_suppression(slope: Gradient) -> NDArray[np.float32]:
    """Keep the magnitude of a gradient where it is greatest along its direction (Canny 1986, section IV).

    The two neighbors ahead and behind lie between pixels; they are interpolated linearly between the two pixels on
    either side of the gradient's line, not taken from the nearest of four directions. Beyond the border lies 0.

    Args:
        slope: The gradient ``(H, W)``.

    Returns:
        ``(H, W)`` float32: the magnitude of maxima, 0 elsewhere.

    Raises:
        InputError: The parts have different shapes, channels, or NaN.

    >>> step = np.repeat([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]], 3, axis=0)
    >>> (non_maximum_suppression(gradient(step))[1] > 0).tolist()
    [False, False, False, True, False, False]
    """
    x, y = picture_of(slope.x), picture_of(slope.y)
    if x.ndim != 2 or x.shape != y.shape:
        raise InputError(f"The parts of a gradient must have one shape (H, W), not {x.shape} and {y.shape}.")
    gx, gy = (np.ascontiguousarray(part, np.float32) for part in (x, y))
    return _native.suppress(gx, gy, padded_magnitude(gx, gy))


def padded_magnitude(gx: NDArray[np.float32], gy: NDArray[np.float32]) -> NDArray[np.float32]:
    """The magnitude ``(H + 2, W + 2)`` of a gradient, with 0 on its margin."""
    padded = np.zeros((gx.shape[0] + 2, gx.shape[1] + 2), np.float32)
    _native.magnitude(gx, gy, padded)
    return padded
