"""How much two pictures differ: PSNR and SSIM."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._errors import InputError
from visus.filters.convolve import convolve
from visus.images.check import picture_of
from visus.images.color import full_scale, to_float


def _pair(image: ArrayLike, reference: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    one, other = picture_of(image), picture_of(reference)
    if one.shape != other.shape:
        raise InputError(f"The pictures must have one shape, not {one.shape} and {other.shape}; resize one of them.")
    if full_scale(one.dtype) != full_scale(other.dtype):
        raise InputError(f"The pictures must have one range of values, not {one.dtype} and {other.dtype}; convert one.")
    return to_float(one).astype(np.float64), to_float(other).astype(np.float64)


def psnr(image: ArrayLike, reference: ArrayLike) -> float:
    """Peak signal to noise ratio in decibel: 10 log10(white^2 / mean squared error); infinite for equal pictures.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].
        reference: The same shape and dtype.

    Raises:
        InputError: The shapes or ranges differ.

    >>> round(psnr(np.full((4, 4), 100, np.uint8), np.full((4, 4), 110, np.uint8)), 2)
    28.13
    """
    one, other = _pair(image, reference)
    error = float(np.mean((one - other) ** 2))
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(image: ArrayLike, reference: ArrayLike) -> float:
    """Structural similarity in [-1, 1] (Wang, Bovik, Sheikh and Simoncelli 2004): 1 for equal pictures.

    Windows are Gaussians of 1.5 pixels, K1 = 0.01, K2 = 0.03, as in the paper; of channels the mean counts.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, at least 11 x 11: uint8, uint16, bool or float in [0, 1].
        reference: The same shape and dtype.

    Raises:
        InputError: The shapes or ranges differ, or the picture is smaller than a window.
    """
    one, other = _pair(image, reference)
    if min(one.shape[:2]) < 11:
        raise InputError(f"SSIM needs pictures of at least 11 x 11 pixels, not {one.shape[:2]}.")
    bell = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(bell, bell) / bell.sum() ** 2
    mean_1, mean_2 = (convolve(values, window, output="valid") for values in (one, other))
    square_1, square_2, product = (convolve(v, window, output="valid") for v in (one**2, other**2, one * other))
    variances = square_1 - mean_1**2 + square_2 - mean_2**2
    covariance = product - mean_1 * mean_2
    c1, c2 = 0.01**2, 0.03**2  # of a range of 1
    light = (2 * mean_1 * mean_2 + c1) / (mean_1**2 + mean_2**2 + c1)
    return float((light * (2 * covariance + c2) / (variances + c2)).mean())
