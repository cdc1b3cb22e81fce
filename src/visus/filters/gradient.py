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
    """The derivatives of a picture, each of its shape: ``x`` to the right and ``y`` downwards.

    Both are ``(H, W)`` or ``(H, W, C)``, float32 or float64.
    """

    x: Floats
    y: Floats

    @property
    def magnitude(self) -> Floats:
        """The length of the gradient, ``(H, W)`` or ``(H, W, C)``: float32 or float64 as its parts are."""
        return np.hypot(self.x, self.y)

    def direction(self, unit: Literal["degrees", "radians"] = "degrees") -> Floats:
        """Where it points to: from dark to light, in (-180, 180] or (-pi, pi].

        0 is to the right, 90 degrees downwards, 180 to the left, -90 upwards.

        Args:
            unit: ``"degrees"`` or ``"radians"``.

        Returns:
            ``(H, W)`` or ``(H, W, C)``, float32 or float64 as the parts are; 0 where the gradient is 0.

        Raises:
            InputError: The unit is another.

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
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, bool or float. Channels are derived one by one.
        sigma: Standard deviation of the Gaussian in pixels.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        Two parts of the picture's shape, in whites per pixel: float32, or float64 for a float64 picture.

    Raises:
        InputError: The picture, its dtype or sigma cannot be used.

    >>> round(float(gradient(np.tile(np.arange(9.0), (9, 1))).x[4, 4]), 3)  # a ramp of slope 1
    1.0
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

    Args:
        sigma: In pixels.
        picture: ``(H, W)`` or ``(H, W, C)`` of any dtype; only its shape counts.

    Returns:
        ``sigma`` as it is.

    Raises:
        InputError: It is above the picture's longer side and above 4, or is not above 0.

    >>> fits(2.0, np.zeros((6, 8)))
    2.0
    """
    largest = max(picture.shape[:2])
    if positive("sigma", sigma) > max(largest, 4):
        raise InputError(f"sigma {sigma} is larger than the picture of {picture.shape}; take at most {largest}.")
    return sigma


def _both(picture: Floats, pair: kernels.Derivatives, padding: Padding) -> Gradient:
    return Gradient(convolve(picture, pair.x, padding=padding), convolve(picture, pair.y, padding=padding))


def roberts(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Differences along the diagonals: ``x`` to the lower right and ``y`` to the lower left (Roberts 1963).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, bool or float.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        Two parts of the picture's shape, in whites per step along a diagonal: float32, or float64 for a float64
        picture. Their direction is turned by 45 degrees: 0 is to the lower right.

    >>> roberts([[0.0, 0.0], [0.0, 1.0]]).x[1].tolist()
    [0.0, 1.0]
    """
    return _both(to_float(picture_of(image)), kernels.roberts(), padding)


def prewitt(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Central differences, averaged over three rows or columns (Prewitt 1970).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, bool or float.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        Two parts of the picture's shape, in whites per pixel: float32, or float64 for a float64 picture.

    >>> prewitt(np.tile([0.0, 0.0, 1.0, 1.0], (3, 1))).x[1].round(3).tolist()
    [0.0, 0.5, 0.5, 0.0]
    """
    return _both(to_float(picture_of(image)), kernels.prewitt(), padding)


def sobel(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Central differences with the weights 1, 2, 1 across (Sobel and Feldman 1968).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, bool or float.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        Two parts of the picture's shape, in whites per pixel: float32, or float64 for a float64 picture.

    >>> sobel(np.tile(np.arange(4.0), (3, 1))).x[1].tolist()
    [0.5, 1.0, 1.0, 0.5]
    """
    return _both(to_float(picture_of(image)), kernels.sobel(), padding)


def scharr(image: ArrayLike, *, padding: Padding = "reflect") -> Gradient:
    """Central differences with the weights 3, 10, 3 across (Scharr 2000).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, bool or float.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        Two parts of the picture's shape, in whites per pixel: float32, or float64 for a float64 picture.

    >>> scharr(np.tile(np.arange(4.0), (3, 1)).T).y[:, 1].round(3).tolist()
    [0.5, 1.0, 1.0, 0.5]
    """
    return _both(to_float(picture_of(image)), kernels.scharr(), padding)


def laplacian_of_gaussian(image: ArrayLike, *, sigma: float = 1.4, padding: Padding = "reflect") -> Floats:
    """The Laplacian of the smoothed picture (Marr and Hildreth 1980); edges are where it passes through 0.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, bool or float. Channels are filtered one by one.
        sigma: Standard deviation of the Gaussian in pixels.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        The picture's shape, in whites per pixel squared: float32, or float64 for a float64 picture.

    >>> bowl = np.tile(np.arange(9.0) ** 2 / 2, (9, 1))
    >>> round(float(laplacian_of_gaussian(bowl, sigma=1.0)[4, 4]), 3)
    1.0
    """
    picture = to_float(picture_of(image))
    smooth, curve = (kernels.gaussian_1d(fits(sigma, picture), order=order) for order in (0, 2))
    one_of("padding", padding, PADDINGS)
    return by_column_and_row(picture, smooth, curve, padding) + by_column_and_row(picture, curve, smooth, padding)


def difference_of_gaussians(
    image: ArrayLike, *, sigma: float = 1.4, ratio: float = 1.6, padding: Padding = "reflect"
) -> Floats:
    """The picture smoothed a little less the picture smoothed ``ratio`` times as much (Marr and Hildreth 1980).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, bool or float. Channels are filtered one by one.
        sigma: Standard deviation of the narrower Gaussian in pixels.
        ratio: How many times wider the other is; above 1.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        The picture's shape, in shares of white: float32, or float64 for a float64 picture. Positive on bright spots.

    >>> values = difference_of_gaussians(np.pad([[1.0]], 8), sigma=1.0)  # of a single bright pixel
    >>> bool(values[8, 8] > 0), bool(values[8, 12] < 0)
    (True, True)
    """
    from visus.filters.smooth import gaussian

    kernels.wider(ratio)
    picture = to_float(picture_of(image))
    near, far = (gaussian(picture, sigma=s, padding=padding) for s in (sigma, sigma * ratio))
    return np.asarray(near - far)


def zero_crossings(values: ArrayLike, *, least: float = 0.0) -> NDArray[np.bool_]:
    """Where a signed picture such as :func:`laplacian_of_gaussian` changes its sign (Marr and Hildreth 1980).

    Args:
        values: ``(H, W)``, float or any other number.
        least: The two sides of a crossing must differ by more than this, in the unit of ``values``.

    Returns:
        ``(H, W)`` bool: True on the pixel before a crossing to the right or downwards.

    Raises:
        InputError: The picture cannot be used, or has channels.

    >>> zero_crossings([[-1.0, -2.0, 3.0, 4.0]]).tolist()
    [[False, True, False, False]]
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
        slope: The gradient, two parts ``(H, W)``; computed in float32.

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
    """The magnitude of a gradient, with 0 on a margin of one pixel.

    Args:
        gx: ``(H, W)`` float32, contiguous.
        gy: The same.

    Returns:
        ``(H + 2, W + 2)`` float32.

    >>> padded_magnitude(np.full((1, 1), 3, np.float32), np.full((1, 1), 4, np.float32)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]]
    """
    padded = np.zeros((gx.shape[0] + 2, gx.shape[1] + 2), np.float32)
    _native.magnitude(gx, gy, padded)
    return padded
