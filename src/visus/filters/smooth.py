"""Smoothing: Gaussian, box, median and bilateral.

Each takes a picture ``(H, W)`` or ``(H, W, C)`` and gives one of the same dtype; channels are smoothed one by one,
except by the bilateral filter, which compares colors.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.filters import _native
from visus.filters._threads import bands, corners, each
from visus.filters.convolve import PADDINGS, Padding, by_column_and_row, each_channel, pad, with_borders
from visus.filters.kernels import gaussian_1d
from visus.images.check import odd, one_of, picture_of, positive, whole
from visus.images.color import full_scale, like, to_float

Array = NDArray[Any]

_BAND = 1 << 18  # values of a band of rows that a core smooths
_LINES = 64  # that are transformed at once
LARGE_SIGMA = 14.0
"""Gaussians from so many pixels on are applied as a whole, in time that does not grow."""
_TILE = 256  # pixels; side of the tiles of the median
_COUNTED = 127  # pixels; medians of 8 bits up to here are counted by columns
_WIDEST = 64  # pixels; sigma of the bilateral filter
_MEDIAN = 0.6745  # of the absolute values of a normal distribution with deviation 1
_ALIKE = 2.5  # deviations of the noise by which pixels may differ and still be alike
_LEAST_TOLERANCE = 0.005  # where there is no noise
_GREATEST = 1e6  # whites; OpenCV's bilateral filter reads beyond its table where differences overflow


def gaussian(image: ArrayLike, *, sigma: float, padding: Padding = "reflect") -> Array:
    """Smooth by a Gaussian.

    Small ones are a column and a row that reach four standard deviations. From 14 pixels on the time does not grow with
    sigma: under reflection, cosines are what a Gaussian only scales, by exp(-(sigma * frequency)^2 / 2), so that two
    cosine transforms do it (Martucci 1994); with the other borders it is a product with one matrix for each axis.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float.
        sigma: Standard deviation in pixels.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture or sigma cannot be used.

    >>> gaussian(np.eye(3, dtype=np.uint8) * 255, sigma=0.5).tolist()
    [[206, 46, 3], [46, 164, 46], [3, 46, 206]]
    """
    picture = picture_of(image)
    positive("sigma", sigma)
    one_of("padding", padding, PADDINGS)
    if sigma < LARGE_SIGMA and picture.dtype in (np.uint8, np.float32):
        return _in_one_pass(np.ascontiguousarray(picture), _half(float(sigma)), padding)
    if sigma < LARGE_SIGMA:
        smooth = _by_opencv(picture, gaussian_1d(sigma), padding)
        return like(smooth, picture.dtype)
    values = _working(picture)
    if padding == "reflect":
        smooth = _by_cosines(values, sigma)
    else:
        down, along = (_gaussian_matrix(values.shape[axis], sigma, padding, values.dtype) for axis in (0, 1))
        smooth = np.einsum("ab,bw...->aw...", down, values, optimize=True)
        smooth = np.einsum("ab,hb...->ha...", along, smooth, optimize=True)
    return like(np.asarray(smooth), picture.dtype)


@functools.lru_cache(maxsize=16)
def _half(sigma: float) -> NDArray[np.float32]:
    """A Gaussian from the middle on."""
    line = gaussian_1d(sigma)
    return np.ascontiguousarray(line[len(line) // 2 :], np.float32)


def _in_one_pass(picture: Array, weights: NDArray[np.float32], padding: Padding) -> Array:
    """A picture of bytes or floats, smoothed along both axes by the compiled loop, bands of rows on several cores."""
    reach = len(weights) - 1
    rows, out = with_borders(picture, reach, padding), np.empty_like(picture)
    step = max(4 * reach, _BAND // picture[0].size, -(-len(picture) // cores()))
    each(lambda band: rows.smooth(band, weights, out), bands(len(picture), step))
    return out


def _working(picture: Array) -> NDArray[np.floating]:
    """The picture in its own scale as float32, or float64 where it was."""
    full_scale(picture.dtype)
    return picture.astype(np.float64 if picture.dtype == np.float64 else np.float32, copy=False)


def _by_opencv(picture: Array, row: NDArray[np.float64], padding: Padding) -> NDArray[np.floating]:
    import cv2

    borders = {
        "constant": cv2.BORDER_CONSTANT,
        "replicate": cv2.BORDER_REPLICATE,
        "reflect": cv2.BORDER_REFLECT,
        "mirror": cv2.BORDER_REFLECT_101,
    }
    if padding not in borders or (picture.ndim == 3 and picture.shape[2] > 4):
        return by_column_and_row(_working(picture), row, row, padding)
    values = np.ascontiguousarray(picture if picture.dtype == np.uint16 else _working(picture))
    depth = cv2.CV_64F if values.dtype == np.float64 else cv2.CV_32F
    smooth = cv2.sepFilter2D(values, depth, row, row, borderType=borders[padding])
    return np.asarray(smooth, np.float64 if depth == cv2.CV_64F else np.float32).reshape(picture.shape)


def _by_cosines(values: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    for axis in (0, 1):
        values = _along(values, axis, sigma)
    return values


def _along(values: NDArray[np.floating], axis: int, sigma: float) -> NDArray[np.floating]:
    """Smooth the lines along an axis: the transform of a line with its mirror image behind it is one of cosines."""
    lines = np.moveaxis(values, axis, -1)
    count, flat = lines.shape[-1], lines.reshape(-1, lines.shape[-1])
    gain = np.exp(-0.5 * (sigma * np.pi * np.arange(count + 1) / count) ** 2).astype(values.dtype)
    smooth = np.empty_like(flat)

    def work(band: tuple[int, int]) -> None:
        part = flat[slice(*band)]
        spectrum = np.fft.rfft(np.concatenate([part, part[:, ::-1]], axis=1), axis=1)
        smooth[slice(*band)] = np.fft.irfft(spectrum * gain, 2 * count, axis=1)[:, :count]

    each(work, bands(len(flat), _LINES))
    return np.moveaxis(smooth.reshape(lines.shape), -1, axis)


def _gaussian_matrix(length: int, sigma: float, padding: str, dtype: np.dtype) -> NDArray[np.floating]:
    """Weights ``(length, length)``: how much each sample of a line counts in each smoothed one.

    A sampled Gaussian as wide as this sums to sigma * sqrt(2 pi) to all digits (Poisson's summation).
    """
    place = np.arange(length)

    def weight(distance: NDArray[np.integer]) -> NDArray[np.float64]:
        return np.exp(-0.5 * (distance / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))

    matrix = weight(place[:, None] - place)
    if padding == "replicate":  # all that lies beyond the border counts for the border's pixel
        beyond = (1 + weight(np.array(0))) / 2 - np.cumsum(weight(place))
        matrix[:, 0] += beyond
        matrix[:, -1] += beyond[::-1]
    elif padding == "wrap":
        matrix = _periodic(sigma, length)[(place[:, None] - place) % length]
    elif padding == "mirror" and length > 1:  # a line, and back without its ends
        period = 2 * length - 2
        weights = _periodic(sigma, period)
        matrix = weights[(place[:, None] - place) % period]
        matrix[:, 1:-1] += weights[(place[:, None] + place[1:-1]) % period]
    elif padding == "mirror":
        matrix = np.ones((1, 1))
    matrix[abs(matrix) < 1e-15] = 0  # processors are slow on numbers near the smallest
    return np.asarray(matrix, dtype)


def _periodic(sigma: float, period: int) -> NDArray[np.float64]:
    """Weights by distance of a Gaussian on a line that comes again and again."""
    frequency = 2 * np.pi * np.fft.fftfreq(period)
    return np.fft.ifft(np.exp(-0.5 * (sigma * frequency) ** 2)).real


def box(image: ArrayLike, *, size: int, padding: Padding = "reflect") -> Array:
    """Smooth by the mean over ``size`` x ``size`` pixels, in time that does not grow with the size (McDonnell 1981).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float.
        size: Side of the window in pixels; an even one reaches one pixel further up and to the left.
        padding: What lies beyond the border; see :mod:`visus.filters.convolve`.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture or size cannot be used, or the window is larger than ``2 * max(H, W) + 1`` pixels.

    >>> box(np.array([[0, 9, 0]], np.uint8), size=3).tolist()
    [[3, 3, 3]]
    """
    import cv2

    picture = picture_of(image)
    _fits("box", whole("size", size), picture)
    one_of("padding", padding, PADDINGS)
    before, after = size // 2, (size - 1) // 2
    wide = pad(_working(picture), (before, before), (after, after), padding=padding)
    sides = (int(size), int(size))

    def mean(plane: Array) -> Array:
        plane = np.ascontiguousarray(plane)
        return np.asarray(cv2.boxFilter(plane, cv2.CV_64F, sides, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT))

    means = each_channel(mean, wide)[: picture.shape[0], : picture.shape[1]]
    return like(means, picture.dtype)


def _fits(name: str, size: int, picture: Array) -> None:
    """A window that is not much larger than the picture; of a larger one the border's repetition is all that counts."""
    largest = 2 * max(picture.shape[:2]) + 1
    if size > largest:
        raise InputError(f"A {name} over {size} pixels is too large for a picture of {picture.shape}; take {largest}.")


def median(image: ArrayLike, *, size: int) -> Array:
    """Replace each pixel by the median of the ``size`` x ``size`` pixels around it; the border goes on as it is.

    Sizes up to 5, and 8 bits from 129 to 255, go to OpenCV. 8 bits up to 127 are counted by columns, in time that does
    not grow with the size (Perreault and Hebert 2007). For the rest the pixels of a tile are numbered by rank and a
    window walks over them (Huang, Yang and Tang 1979), so that 16 bits and floats cost the same as each other.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, float or any other number.
        size: Odd side of the window in pixels.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture cannot be used, the size is even, or larger than ``2 * max(H, W) + 1`` pixels.

    >>> median([[1.0, 2.0, 9.0], [1.0, 7.0, 3.0], [2.0, 2.0, 2.0]], size=3)[1, 1].item()
    2.0
    """
    picture, size = picture_of(image), odd("size", size)
    _fits("median", size, picture)
    if size == 1:
        return picture.copy()
    return each_channel(lambda plane: _median(np.ascontiguousarray(plane), size), picture)


def _median(plane: Array, size: int) -> Array:
    import cv2

    if plane.dtype == np.uint8 and 5 < size <= _COUNTED:
        return _by_columns(plane, size)
    small = size <= 5 and plane.dtype in (np.uint16, np.float32)
    if small or (plane.dtype == np.uint8 and size < 256):
        return np.asarray(cv2.medianBlur(plane, size))
    if plane.dtype == np.bool_:
        return _median(plane.astype(np.uint8), size).astype(np.bool_)
    keys, values = _ordered(plane)
    reach = size // 2
    wide = np.ascontiguousarray(pad(keys, (reach, reach), (reach, reach), padding="replicate"))
    out = np.empty(plane.shape, np.uint32)
    step = max(_TILE - size, size)

    def work(corner: tuple[int, int]) -> None:
        top, left = corner
        target = out[top : top + step, left : left + step]
        tile = wide[top : top + target.shape[0] + size - 1, left : left + target.shape[1] + size - 1]
        _native.median_tile(tile, size, target)

    each(work, corners(plane.shape, (step, step)))
    if values is not None:
        return values[out]
    return _from_keys(out, plane.dtype)


def _by_columns(plane: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The median of bytes, a band of rows on each core; a band begins by counting as many rows as the window has."""
    out = np.empty_like(plane)
    step = max(4 * size, -(-len(plane) // cores()))
    each(lambda band: _native.median_bytes(plane, size, out, band), bands(len(plane), step))
    return out


def _ordered(plane: Array) -> tuple[NDArray[np.uint32], Array | None]:
    """Whole numbers in the order of the values; where these are too wide, places in a sorted list of them."""
    if plane.dtype in (np.uint8, np.uint16):
        return plane.astype(np.uint32), None
    if plane.dtype == np.float32:
        # IEEE 754: positive floats are ordered as whole numbers are, negative ones the other way round.
        bits = (plane + np.float32(0)).view(np.uint32)
        negative = (bits >> 31).astype(np.bool_)
        return np.where(negative, ~bits, bits | np.uint32(1 << 31)), None
    values, places = np.unique(plane, return_inverse=True)
    return places.reshape(plane.shape).astype(np.uint32), values


def _from_keys(keys: NDArray[np.uint32], dtype: np.dtype) -> Array:
    if dtype == np.float32:
        positive_ = (keys >> 31).astype(np.bool_)
        return np.where(positive_, keys & np.uint32(0x7FFFFFFF), ~keys).astype(np.uint32).view(np.float32)
    return keys.astype(dtype)


def noise_level(image: ArrayLike) -> float:
    """The standard deviation of the noise in a picture, as a share of white.

    Immerkaer, "Fast noise variance estimation", CVIU 1996: a difference of two Laplacians does not see what is linear,
    and so hardly anything but noise. Its median is taken in place of its mean, so that edges do not count.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].

    Returns:
        0 for a picture of less than 3 pixels in height or width.

    Raises:
        InputError: The picture cannot be used.

    >>> noisy = 0.5 + 0.1 * np.random.default_rng(0).standard_normal((200, 200))
    >>> round(noise_level(noisy), 2)
    0.1
    """
    values = to_float(picture_of(image)).astype(np.float32)
    if min(values.shape[:2]) < 3:
        return 0.0
    for axis in (0, 1):
        lines = np.moveaxis(values, axis, 0)
        values = np.moveaxis(lines[:-2] - 2 * lines[1:-1] + lines[2:], 0, axis)
    return float(np.median(np.abs(values))) / (_MEDIAN * 6)


def tolerance_for(image: ArrayLike) -> float:
    """The tolerance that suits the bilateral filter to the noise in a picture: 2.5 deviations, times the root of C.

    The filter sums the differences of C channels, which makes them larger than one of them by about the root of C.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].

    Returns:
        A share of white, at least 0.005.

    Raises:
        InputError: The picture cannot be used.

    >>> tolerance_for(np.zeros((8, 8)))
    0.005
    """
    picture = picture_of(image)
    channels = picture.shape[2] if picture.ndim == 3 else 1
    return max(_LEAST_TOLERANCE, _ALIKE * math.sqrt(channels) * noise_level(picture))


def bilateral(image: ArrayLike, *, sigma: float = 2.0, tolerance: float | None = None) -> Array:
    """Smooth among pixels that are near and alike (Tomasi and Manduchi 1998), so that edges stay.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)``: uint8, uint16, bool or float in [0, 1]; computed in float32.
        sigma: Standard deviation of the distance in pixels; the window is a disk that reaches twice as far, as
            OpenCV's is (scikit-image's is a square).
        tolerance: Standard deviation of the difference in value, as a share of white; of a color, the sum of
            its channels' differences. None for what suits the noise in the picture, :func:`tolerance_for`.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture or an option cannot be used.

    >>> bilateral(np.tile([0.0, 0.0, 1.0, 1.0], (3, 1)))[1].round(3).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    import cv2

    picture = picture_of(image)
    positive("sigma", sigma)
    if tolerance is not None:
        positive("tolerance", tolerance)
    if picture.ndim == 3 and picture.shape[2] not in (1, 3):
        raise InputError(f"The bilateral filter takes 1 or 3 channels, not {picture.shape[2]}; choose the channels.")
    values = to_float(picture)
    if abs(values).max() > _GREATEST:
        raise InputError(f"Values up to {abs(values).max():.3g} are no shares of white; scale it to [0, 1] first.")
    if values.shape[2:] == (1,):
        values = values[:, :, 0]
    if sigma > _WIDEST:
        raise InputError(f"sigma {sigma:g} is too large: time grows with its square; take at most {_WIDEST}.")
    tolerance = tolerance_for(picture) if tolerance is None else tolerance
    size = 2 * math.ceil(2 * sigma) + 1
    flat = np.ascontiguousarray(values, np.float32)
    smooth = cv2.bilateralFilter(flat, size, tolerance, sigma, borderType=cv2.BORDER_REFLECT)
    return like(np.asarray(smooth).reshape(picture.shape) * full_scale(picture.dtype), picture.dtype)
