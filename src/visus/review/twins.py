"""Pictures of a set that are the same: equal files, and equal but for size, quality, format or brightness.

Candidates are told by 64 bits (:func:`visus.images.facts.gray_hash`), and compared by cards: gray pictures of 16 x 16,
brought to the brightness of the one and the larger contrast of both, which then differ by a few levels anywhere. Where
light or contrast were raised so that white is cut off, or along a curve, one card is brought to the other by the curve
that keeps the order of its values.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Card = NDArray[np.uint8]
SIDE = 16

_BITS = 10  # by which the hashes of twins differ
_LEAST_SPREAD = 3.0  # standard deviation of a card, in gray levels, below which it says nothing
_MEAN, _MOST = 2.5, 12  # gray levels by which cards of twins differ: in the mean, and anywhere
_MOST_BY_CURVE = 16  # and where a curve leads from one to the other
_CORRELATION = 0.98  # at least
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Twins:
    """Two pictures that are the same.

    Attributes:
        first: Place of the one.
        second: Place of the other, a larger one.
        exact: Whether their files hold the same bytes.
    """

    first: int
    second: int
    exact: bool


def card_of(picture: NDArray[np.uint8]) -> Card:
    """What is compared of a picture ``(H, W, 3)`` uint8: ``(256,)`` uint8 gray values."""
    import cv2

    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8).ravel()


def twins(
    digests: list[bytes],
    hashes: NDArray[np.int64],
    cards: NDArray[np.uint8],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Twins]:
    """All pairs of pictures that are the same.

    Args:
        digests: Of each file's content.
        hashes: ``(N,)`` int64, see :func:`visus.images.facts.gray_hash`.
        cards: ``(N, 256)`` uint8, see :func:`card_of`.
        progress: Called with how many are done, of how many.
    """
    deviation = cards.std(1)
    plain = cards.astype(np.float32)
    even = (plain - plain.mean(1, keepdims=True)) / np.maximum(deviation, 1e-6)[:, None]
    says = deviation >= _LEAST_SPREAD
    bits = hashes.view(np.uint64)
    found = []
    for start in range(0, len(bits), _CHUNK):
        own = np.arange(start, min(start + _CHUNK, len(bits)))
        near = np.bitwise_count(bits[own][:, None] ^ bits[None, start:]) <= _BITS  # (n, N - start)
        near &= np.arange(start, len(bits))[None] > own[:, None]
        for row, column in zip(*(part.tolist() for part in np.nonzero(near)), strict=True):
            first, second = start + row, start + column
            exact = digests[first] == digests[second]
            contrast = max(deviation[first], deviation[second])
            if exact or (
                says[first]
                and says[second]
                and (_alike(even[first] - even[second], contrast) or _alike_by_curve(cards[first], cards[second]))
            ):
                found.append(Twins(first, second, exact))
        if progress:
            progress(int(own[-1]) + 1, len(bits))
    return found


def _alike(difference: NDArray[np.float32], contrast: float) -> bool:
    """Whether cards of mean 0 and deviation 1 are the same at some contrast, in gray levels."""
    apart = np.abs(difference)
    correlation = 1 - float((difference**2).mean()) / 2
    return bool(apart.mean() * contrast <= _MEAN and apart.max() * contrast <= _MOST and correlation >= _CORRELATION)


def _alike_by_curve(first: Card, second: Card) -> bool:
    """Whether a rising curve leads from the values of one card to those of the other."""
    return any(_is_led(*pair) for pair in ((first, second), (second, first)))


def _is_led(own: Card, other: Card) -> bool:
    values, places = np.unique(own, return_inverse=True)
    in_order = np.empty(len(own))
    in_order[np.argsort(own, kind="stable")] = np.sort(other)
    led = (np.bincount(places, in_order) / np.bincount(places, minlength=len(values)))[places]  # equal ones stay so
    apart = np.abs(led - other)
    if apart.mean() > _MEAN or apart.max() > _MOST_BY_CURVE or led.std() < _LEAST_SPREAD:
        return False
    return bool(np.corrcoef(led, other)[0, 1] >= _CORRELATION)
