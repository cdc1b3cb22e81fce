"""Descriptors that need no training: how a picture's surface looks, and its colors.

They stand in an index beside the network's, each in a column of its own.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.images import shrink
from visus.search.describe import Floats, Pixels, unit

_TEXTURE_SIDE = 384  # pixels; larger pictures are shrunk, so that their texture is told at one scale
_COLOR_SIDE = 256
_FAINT = 1e-3  # responses below a thousandth of white hardly count


def texture(picture: Pixels) -> Floats:
    """How the 48 mean Leung-Malik responses differ from those of a natural picture without any texture.

    Differences of logarithms, so that they count in proportion.

    Args:
        picture: ``(H, W, 3)`` uint8.

    Returns:
        ``(48,)`` float32.
    """
    from visus.filters import mean_responses

    return np.log(mean_responses(shrink(picture, _TEXTURE_SIDE)) + np.float32(_FAINT)) - _plain()


@functools.cache
def _plain() -> Floats:
    """The logarithms for noise whose amplitude falls as 1 / frequency, as that of photographs does (Field 1987)."""
    from visus.filters import mean_responses

    frequency = np.hypot(np.fft.fftfreq(_TEXTURE_SIDE)[:, None], np.fft.rfftfreq(_TEXTURE_SIDE))
    frequency[0, 0] = 1
    white = np.random.default_rng(0).standard_normal((_TEXTURE_SIDE, _TEXTURE_SIDE))
    pink = np.fft.irfft2(np.fft.rfft2(white) / frequency, white.shape)
    gray = np.clip(0.45 + 0.22 * (pink - pink.mean()) / pink.std(), 0, 1)
    return np.log(mean_responses(gray) + np.float32(_FAINT))


def color(picture: Pixels) -> Floats:
    """Square roots of an HSV histogram, whose cosine is the Bhattacharyya coefficient.

    Args:
        picture: ``(H, W, 3)`` uint8.

    Returns:
        ``(120,)`` float32 of length 1, none below 0.
    """
    from visus.filters import hsv_histogram

    return np.sqrt(hsv_histogram(shrink(picture, _COLOR_SIDE)))


DESCRIPTIONS: dict[str, tuple[Callable[[Pixels], Floats], int, int]] = {
    "texture": (texture, 48, _TEXTURE_SIDE),
    "color": (color, 120, _COLOR_SIDE),
}
"""What describes a picture, the length of its vectors, and the longest side that it looks at."""


class Classical:
    """A descriptor without a network.

    Args:
        name: A name in :data:`DESCRIPTIONS`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._describe, self.dimension, self._side = DESCRIPTIONS[name]

    @property
    def least_side(self) -> int:
        """How many pixels both sides of a decoded JPEG must have at least."""
        return 2 * self._side

    def about(self) -> dict[str, Any]:
        """What tells this descriptor from others."""
        return {"descriptor": self.name, "version": 1, "dimension": self.dimension}

    def prepare(self, picture: Pixels) -> Floats:
        """The vector itself; there is nothing to gain from batches.

        Args:
            picture: ``(H, W, 3)`` uint8.

        Returns:
            ``(D,)`` float32, not yet scaled to length 1.
        """
        return self._describe(picture)

    def runner(self) -> "Classical":
        """Any thread may use the descriptor as it is."""
        return self

    def vectors(self, prepared: NDArray[np.floating]) -> Floats:
        """What is prepared are vectors already: ``(N, D)`` float32, as they came."""
        return np.asarray(prepared, np.float32)

    def __call__(self, pictures: Sequence[Pixels]) -> Floats:
        """Describe pictures: ``(N, D)`` float32, each row of length 1."""
        return unit(np.stack([self.prepare(picture) for picture in pictures]))
