"""Kernels: small arrays that a picture is convolved with.

The Gaussian and its derivatives follow Lindeberg (1994), Scale-Space Theory in Computer Vision, sampled at the pixels'
centers. x counts columns to the right and y rows downwards. Every kernel is float64.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._errors import InputError
from visus.images.check import number, odd, positive, whole

Kernel = NDArray[np.float64]

_LARGEST = 8191  # pixels; side of the largest kernel that is made by itself
TRUNCATE = 4.0  # standard deviations that a sampled Gaussian reaches: 6e-5 of its weight lies beyond


def size_of(sigma: float, *, truncate: float = TRUNCATE) -> int:
    """The odd size that holds a Gaussian of a standard deviation up to ``truncate`` times that on each side.

    Raises:
        InputError: ``sigma`` or ``truncate`` is not above 0, or the kernel would be larger than 8191 pixels.

    >>> size_of(1.0), size_of(2.5)
    (9, 21)
    """
    reach = positive("truncate", truncate) * positive("sigma", sigma)
    if reach > _LARGEST // 2:
        raise InputError(f"sigma {sigma} needs a kernel of more than {_LARGEST} pixels; smooth by filters.gaussian.")
    return 2 * max(1, math.ceil(reach)) + 1


def sigma_of(size: int, *, truncate: float = TRUNCATE) -> float:
    """The standard deviation whose Gaussian an odd size holds; the inverse of :func:`size_of`.

    Raises:
        InputError: The size is even or below 3, or ``truncate`` is not above 0.

    >>> sigma_of(9)
    1.0
    """
    if odd("size", size) < 3:
        raise InputError(f"A Gaussian needs a size of at least 3, not {size}.")
    return (size // 2) / positive("truncate", truncate)


def box(size: int) -> Kernel:
    """The mean over ``size`` x ``size`` pixels, even sizes too (Gonzalez and Woods 2008, section 3.5).

    >>> box(2).tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    """
    return np.full((whole("size", size), size), 1 / size**2)


def gaussian_1d(sigma: float, *, size: int | None = None, order: Literal[0, 1, 2] = 0) -> Kernel:
    """A sampled Gaussian or its derivative: ``(size,)`` (Lindeberg 1994).

    Order 0 sums to 1. The derivatives are scaled so that they are exact on polynomials: order 1, convolved with the
    ramp x, gives 1; order 2, convolved with x^2 / 2, gives 1; both give 0 on a constant.

    Args:
        sigma: Standard deviation in pixels.
        size: Odd number of samples; None takes :func:`size_of` sigma.
        order: 0, 1 or 2.

    Raises:
        InputError: ``sigma``, ``size`` or ``order`` cannot be used; a derivative needs 3 samples or more, and a sigma
            that is not too small for them.

    >>> gaussian_1d(1.0, size=3).round(3).tolist()
    [0.274, 0.452, 0.274]
    >>> gaussian_1d(1.0, size=3, order=2).round(3).tolist()
    [1.0, -2.0, 1.0]
    """
    positive("sigma", sigma)
    size = size_of(sigma) if size is None else odd("size", size)
    x = np.arange(size) - size // 2.0
    weight = np.exp(-0.5 * (x / sigma) ** 2)
    weight /= weight.sum()
    if order == 0:
        return weight
    if size < 3:
        raise InputError(f"A derivative needs a size of at least 3, not {size}.")
    if order == 1:
        slope = -x * weight
        return _scaled(slope, -(slope @ x), sigma)
    if order == 2:
        curve = (x**2 - (x**2 @ weight)) * weight
        return _scaled(curve, (curve @ x**2) / 2, sigma)
    raise InputError(f"order must be 0, 1 or 2, not {order!r}.")


def _scaled(kernel: Kernel, response: float, sigma: float) -> Kernel:
    if not response > np.finfo(float).tiny * 1e20:
        raise InputError(f"sigma {sigma} is too small for a sampled derivative; take at least 0.3.")
    return kernel / response


def gaussian(sigma: float | None = None, *, size: int | None = None) -> Kernel:
    """The Gaussian ``(size, size)``; its sum is 1 (Lindeberg 1994).

    Args:
        sigma: Standard deviation in pixels; None takes :func:`sigma_of` size.
        size: Odd; None takes :func:`size_of` sigma.

    Raises:
        InputError: Neither is given, or one of them cannot be used.

    >>> gaussian(1.0, size=3).round(3).tolist()
    [[0.075, 0.124, 0.075], [0.124, 0.204, 0.124], [0.075, 0.124, 0.075]]
    """
    if sigma is None:
        if size is None:
            raise InputError("A Gaussian needs sigma, size or both; give sigma=1.0, for example.")
        sigma = sigma_of(size)
    row = gaussian_1d(sigma, size=size)
    return np.outer(row, row)


def gaussian_derivative(
    sigma: float, *, order: Literal[1, 2] = 1, angle: float = 0.0, elongation: float = 1.0, size: int | None = None
) -> Kernel:
    """The first or second derivative of a Gaussian along a direction, at any angle and elongation.

    Derivatives as Lindeberg (1994) has them; elongated ones make up most of the bank of Leung and Malik (2001).

    Convolving by it gives the derivative of the smoothed picture along ``angle``. Scaled as :func:`gaussian_1d`:
    order 1 gives 1 on a ramp of slope 1 along the angle, order 2 gives 1 on half its square.

    Args:
        sigma: Standard deviation along the derivative, in pixels.
        order: 1 (an edge detector) or 2 (a bar detector).
        angle: Direction of the derivative in degrees: 0 to the right, 90 downwards.
        elongation: How many times longer the Gaussian is across the derivative.
        size: Odd; None takes what holds the longer side.

    Returns:
        ``(size, size)`` float64 with the sum 0.

    Raises:
        InputError: ``sigma``, ``order``, ``angle``, ``elongation`` or ``size`` cannot be used; a derivative needs a
            size of 3 or more, and a sigma that is not too small for it.

    >>> gaussian_derivative(2.0, elongation=3.0).shape
    (49, 49)
    """
    positive("sigma", sigma)
    positive("elongation", elongation)
    size = size_of(sigma * max(1.0, elongation)) if size is None else odd("size", size)
    if size < 3:
        raise InputError(f"A derivative needs a size of at least 3, not {size}.")
    along, across = _turned(size, angle)
    weight = np.exp(-0.5 * ((along / sigma) ** 2 + (across / (sigma * elongation)) ** 2))
    weight /= weight.sum()
    if order == 1:
        slope = -along * weight
        return _scaled(slope - slope.mean(), -(slope * along).sum(), sigma)
    if order == 2:
        curve = (along**2 - (along**2 * weight).sum()) * weight
        return _scaled(curve, (curve * along**2).sum() / 2, sigma)
    raise InputError(f"order must be 1 or 2, not {order!r}.")


def _turned(size: int, angle: float) -> tuple[Kernel, Kernel]:
    """Coordinates of the samples along a direction and across it."""
    number("angle in degrees", angle)
    y, x = np.mgrid[:size, :size] - size // 2.0
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def laplacian_of_gaussian(sigma: float, *, size: int | None = None) -> Kernel:
    """The Laplacian of a Gaussian (Marr and Hildreth 1980): d2/dx2 + d2/dy2, negative in the middle, sum 0.

    >>> bool(abs(laplacian_of_gaussian(1.4).sum()) < 1e-12)
    True
    """
    size = size_of(sigma) if size is None else odd("size", size)
    smooth, curve = gaussian_1d(sigma, size=size), gaussian_1d(sigma, size=size, order=2)
    return np.outer(smooth, curve) + np.outer(curve, smooth)


def difference_of_gaussians(sigma: float, *, ratio: float = 1.6, size: int | None = None) -> Kernel:
    """A Gaussian less a wider one (Marr and Hildreth 1980): a band of scales, positive in the middle, sum 0.

    Args:
        sigma: Standard deviation of the narrower Gaussian.
        ratio: How many times wider the other is; 1.6 comes nearest to the Laplacian of Gaussian.
        size: Odd; None takes what holds the wider one.

    >>> difference_of_gaussians(1.0).shape
    (15, 15)
    """
    outer = sigma * wider(ratio)
    size = size_of(outer) if size is None else odd("size", size)
    return gaussian(sigma, size=size) - gaussian(outer, size=size)


def wider(ratio: float) -> float:
    """A ratio above 1; Marr and Hildreth (1980) take 1.6.

    Raises:
        InputError: It is not.
    """
    if not (number("ratio", ratio) > 1):
        raise InputError(f"ratio must be above 1, not {ratio!r}; 1.6 is usual.")
    return ratio


class Derivatives(NamedTuple):
    """Two kernels, for the derivatives along ``x`` (to the right) and along ``y`` (downwards), float64 of one shape."""

    x: Kernel
    y: Kernel


def roberts() -> Derivatives:
    """Roberts (1963): differences along the two diagonals, 2 x 2: ``x`` to the lower right, ``y`` to the lower left.

    >>> roberts().x.tolist()
    [[1.0, 0.0], [0.0, -1.0]]
    """
    return Derivatives(np.array([[1.0, 0], [0, -1]]), np.array([[0, 1.0], [-1, 0]]))


def prewitt() -> Derivatives:
    """Prewitt (1970): central differences, averaged over three rows or columns; 1 on a ramp of slope 1.

    >>> (6 * prewitt().x[0]).tolist()
    [1.0, 0.0, -1.0]
    """
    return _central([1, 1, 1])


def sobel() -> Derivatives:
    """Sobel (1968): central differences, weighted 1, 2, 1 across; 1 on a ramp of slope 1.

    >>> (8 * sobel().x).tolist()
    [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]
    """
    return _central([1, 2, 1])


def scharr() -> Derivatives:
    """Scharr (2000): central differences, weighted 3, 10, 3 across: the truest direction of the 3 x 3 kernels.

    >>> (32 * scharr().x).tolist()
    [[3.0, 0.0, -3.0], [10.0, 0.0, -10.0], [3.0, 0.0, -3.0]]
    """
    return _central([3, 10, 3])


def _central(weights: list[float]) -> Derivatives:
    across = np.array(weights, float) / sum(weights)
    x = np.outer(across, [0.5, 0, -0.5])  # a convolution turns it round: right less left
    return Derivatives(x, x.T)


def as_kernel(kernel: ArrayLike) -> Kernel:
    """A kernel ``(kh, kw)`` of finite numbers.

    Args:
        kernel: Rows of numbers.

    Returns:
        ``(kh, kw)`` float64.

    Raises:
        InputError: It is empty, of other dimensions, not of numbers, or not finite.

    >>> as_kernel([[1, 2]]).tolist()
    [[1.0, 2.0]]
    """
    try:
        array = np.asarray(kernel, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"A kernel must be an array of numbers ({error}).") from error
    if array.ndim != 2 or not array.size:
        raise InputError(f"A kernel must have the shape (rows, columns), not {array.shape}.")
    if not np.isfinite(array).all():
        raise InputError("The kernel has values that are NaN or infinite; mend them.")
    return array


def separate(kernel: ArrayLike, *, tolerance: float = 1e-7) -> tuple[Kernel, Kernel]:
    """The column and the row whose outer product is the kernel.

    Args:
        kernel: ``(kh, kw)``.
        tolerance: How far the product may be from the kernel, as a share of its greatest value.

    Returns:
        Column ``(kh,)`` and row ``(kw,)``, float64.

    Raises:
        InputError: It is not a kernel, or its rank is not 1; the message tells the rank.

    >>> column, row = separate([[1, 2, 1], [2, 4, 2]])
    >>> np.outer(column, row).round(6).tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0]]
    """
    factors = rank_one(as_kernel(kernel), tolerance)
    if factors is None:
        values = np.linalg.svd(as_kernel(kernel), compute_uv=False)
        rank = np.count_nonzero(values > tolerance * values[0])
        raise InputError(
            f"The kernel has rank {rank}, so it is not the product of one column and one row; "
            "convolve with it as it is: convolve() chooses the FFT where that is faster."
        )
    return factors


def rank_one(kernel: Kernel, tolerance: float = 1e-7) -> tuple[Kernel, Kernel] | None:
    """The column and the row of a kernel that is their product, else None.

    Of such a kernel every column is a multiple of the one with its greatest value, and every row likewise.

    Args:
        kernel: ``(kh, kw)`` float64.
        tolerance: How far the product may be from the kernel, as a share of its greatest value.

    Returns:
        Column ``(kh,)`` and row ``(kw,)``, float64; None also for a kernel of zeros.

    >>> rank_one(np.eye(2)) is None
    True
    """
    top, left = np.unravel_index(np.argmax(abs(kernel)), kernel.shape)
    greatest = kernel[top, left]
    if greatest == 0:
        return None
    column, row = kernel[:, left], kernel[top] / greatest
    if abs(kernel - np.outer(column, row)).max() > tolerance * abs(greatest):
        return None
    scale = math.sqrt(abs(greatest))  # equal shares
    return column / scale, row * scale
