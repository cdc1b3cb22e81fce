"""Pictures changed by chance or by compression, each change by a root mean square that is asked for.

Noise and JPEG are two of the corruptions of Hendrycks and Dietterich, "Benchmarking neural network robustness to common
corruptions and perturbations", ICLR 2019. Beside attacks of the same size they are a control (Szegedy et al. 2014).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visus.data.masks import is_gray
from visus.images.decode import decode
from visus.images.io import encode_jpeg

Corruption = Literal["noise", "jpeg"]
CORRUPTIONS: tuple[Corruption, ...] = ("noise", "jpeg")

SIZES = tuple(k / 255 for k in (4, 8, 16))
"""Root mean squares, as shares of white, of which one sees the first hardly and the last plainly."""

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def unchanged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture itself, ``(H, W, 3)`` uint8."""
    return picture


def change_of(how: Corruption, deviation: float, seed: int = 0) -> Change:
    """What changes one picture after the other, ``(H, W, 3)`` uint8.

    Args:
        how: By noise, or by JPEG.
        deviation: The root mean square of the change, as a share of white.
        seed: Of the noise: the same pictures in the same order are changed alike.
    """
    if how == "jpeg":
        return lambda picture: jpeg(picture, deviation)
    random = np.random.default_rng(seed)
    return lambda picture: noise(picture, deviation, random)


def noise(picture: NDArray[np.uint8], deviation: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """A picture with independent noise of a normal distribution; one in gray stays gray.

    Args:
        picture: ``(H, W, 3)`` uint8.
        deviation: Of the noise, as a share of white.
        random: Where the noise comes from.

    Returns:
        ``(H, W, 3)`` uint8.

    >>> gray = np.full((64, 64, 3), 128, np.uint8)
    >>> found = noise(gray, 8 / 255, np.random.default_rng(0))
    >>> bool((found[..., :1] == found).all()), bool(7.5 < found[..., 0].std() < 8.5)
    (True, True)
    """
    values = random.standard_normal((*picture.shape[:2], 1 if is_gray(picture) else 3), np.float32)
    return np.clip(np.rint(picture + 255 * deviation * values), 0, 255).astype(np.uint8)


def jpeg(picture: NDArray[np.uint8], deviation: float) -> NDArray[np.uint8]:
    """A picture through JPEG (ISO/IEC 10918-1), at the quality whose change comes nearest to a root mean square.

    A picture without detail loses less than that at any quality.

    Args:
        picture: ``(H, W, 3)`` uint8.
        deviation: The root mean square of the change, as a share of white.

    Returns:
        ``(H, W, 3)`` uint8.
    """

    def at(quality: int) -> tuple[float, NDArray[np.uint8]]:
        found = decode(encode_jpeg(picture, quality=quality)).pixels
        return float(np.sqrt(np.mean((found.astype(np.float32) - picture) ** 2))) / 255, found

    low, high = 1, 100  # the change shrinks as the quality grows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at(middle)[0] > deviation else (low, middle)
    return min((at(low), at(high)), key=lambda pair: abs(pair[0] - deviation))[1]
