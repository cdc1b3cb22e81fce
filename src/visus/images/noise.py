"""Noise models: what sensors, transmissions and speckled light do to a picture.

Gonzalez and Woods, Digital Image Processing, section "Noise models". Each takes the seed that repeats it, and gives a
picture of the same dtype and range.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images.check import number, picture_of
from visus.images.color import full_scale, like, to_float

Array = NDArray[Any]


def generator(seed: int | None) -> np.random.Generator:
    """What draws random numbers, from a seed or from none.

    Raises:
        InputError: The seed is no whole number from 0 on.
    """
    if seed is not None and (not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0):
        raise InputError(f"seed must be a whole number from 0 on, not {seed!r}.")
    return np.random.default_rng(seed)


def gaussian(picture: Array, *, sigma: float = 0.1, seed: int | None = None) -> Array:
    """Add normally distributed noise, independent in each pixel and channel; then clip to the range.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].
        sigma: Standard deviation as a share of white; 25 gray levels of 255 are 25 / 255.
        seed: Repeats the same noise; None takes another each time.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture's dtype or sigma is out of range.

    >>> gaussian(np.full((2, 2), 128, np.uint8), sigma=0.1, seed=0).tolist()
    [[156, 93], [117, 108]]
    """
    if not number("sigma", sigma) >= 0:
        raise InputError(f"sigma must be 0 or more, a share of white, not {sigma}; 0.1 is strong noise.")
    picture, draw = picture_of(picture), generator(seed)
    noise = draw.standard_normal(picture.shape, np.float32)
    return _clipped(to_float(picture) + sigma * noise, picture.dtype)


def salt_and_pepper(picture: Array, *, amount: float = 0.05, salt: float = 0.5, seed: int | None = None) -> Array:
    """Turn single pixels, in all their channels, black or white.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].
        amount: Share of pixels that are hit, in [0, 1].
        salt: Share of white among them, in [0, 1].
        seed: Repeats the same noise; None takes another each time.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture's dtype or a share is out of range.

    >>> salt_and_pepper(np.full((1, 6), 128, np.uint8), amount=0.5, seed=1).tolist()
    [[128, 128, 0, 128, 0, 0]]
    """
    for name, value in (("amount", amount), ("salt", salt)):
        if not 0 <= number(name, value) <= 1:
            raise InputError(f"{name} must be a share in [0, 1], not {value}.")
    picture, draw = picture_of(picture), generator(seed)
    white = full_scale(picture.dtype)
    noisy = np.array(picture)
    hit = draw.random(picture.shape[:2]) < amount
    salted = draw.random(picture.shape[:2]) < salt
    noisy[hit & salted] = white
    noisy[hit & ~salted] = 0
    return noisy


def impulse(picture: Array, *, amount: float = 0.05, seed: int | None = None) -> Array:
    """Turn single pixels white: salt without pepper.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].
        amount: Share of pixels that are hit, in [0, 1].
        seed: Repeats the same noise; None takes another each time.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture's dtype or the share is out of range.
    """
    return salt_and_pepper(picture, amount=amount, salt=1.0, seed=seed)


def poisson(picture: Array, *, peak: float = 30.0, seed: int | None = None) -> Array:
    """Count photons: each value becomes a Poisson variable around itself, so that bright places are noisier.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].
        peak: Photons that a white pixel counts on average; fewer are noisier.
        seed: Repeats the same noise; None takes another each time.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture's dtype, its values or peak are out of range.
    """
    if not 0 < number("peak", peak) <= 1e9:
        raise InputError(f"peak must be a number of photons in (0, 1e9], not {peak}; 30 is a dark scene.")
    picture, draw = picture_of(picture), generator(seed)
    values = to_float(picture)
    if values.min() < 0 or values.max() > 1:
        raise InputError(
            f"Photons are counted from 0 to {peak:g}: the picture must be within [0, 1], not {values.min():.3g} to "
            f"{values.max():.3g}; scale it first."
        )
    counts = draw.poisson(values.astype(np.float64) * peak)
    return _clipped((counts / peak).astype(values.dtype), picture.dtype)


def speckle(picture: Array, *, sigma: float = 0.2, seed: int | None = None) -> Array:
    """Multiply each value by 1 + noise, as in radar, ultrasound and laser pictures; then clip to the range.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float in [0, 1].
        sigma: Standard deviation of the factor.
        seed: Repeats the same noise; None takes another each time.

    Returns:
        The same shape and dtype.

    Raises:
        InputError: The picture's dtype or sigma is out of range.
    """
    if not number("sigma", sigma) >= 0:
        raise InputError(f"sigma must be 0 or more, not {sigma}.")
    picture, draw = picture_of(picture), generator(seed)
    noise = draw.standard_normal(picture.shape, np.float32)
    return _clipped(to_float(picture) * (1 + sigma * noise), picture.dtype)


def _clipped(values: NDArray[np.floating], dtype: np.dtype) -> Array:
    return like(np.clip(values, 0, 1) * full_scale(dtype), dtype)
