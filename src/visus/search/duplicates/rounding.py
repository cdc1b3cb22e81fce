"""How coarsely a picture was rounded by JPEG at some time, as its pixels tell: a later, finer encoding hides nothing.

After Fan and de Queiroz, "Identification of bitmap compression history", IEEE Transactions on Image Processing 2003:
the cosine coefficients of blocks of 8 x 8 pixels lie near multiples of the step they were rounded to.
"""

import numpy as np
from numpy.typing import NDArray

_SIDE = 8  # of a block
_MOST_BLOCKS = 4096
_WAVES = ((0, 1, 11), (1, 0, 12), (1, 1, 12), (0, 2, 10), (2, 0, 14), (1, 2, 14), (2, 1, 13))
"""Rows, columns and steps of some low frequencies in the example table of ITU-T T.81, annex K."""

_MEAN = 57.625  # mean step of that table
_LEAST_LEVELS = 32  # gray levels that a decoded photograph has at least
_PARTS = 8  # of a step of 1 in the histogram
_LEAST_STEP, _MOST_STEP = 3, 120
_MULTIPLES = 4  # that are looked at
_NEAR = 3.0  # times as many coefficients near multiples as beside them
_LEAST_NEAR = 60  # coefficients that must tell
_LEAST_WAVES = 3  # frequencies that must tell
_ROUNDED = 0.75  # of a step that rounding moves a coefficient at most; half of it, and tables differ
_DECODED = 1.5  # that it is moved as pixels are whole numbers
_EXPLAINED = 0.95  # of the coefficients that tell

Waves = NDArray[np.float32]
"""``(7, N)``: of some low frequencies, the cosine coefficients in some blocks of a picture."""


def mean_step(waves: Waves) -> float:
    """The mean step of the luminance to which a picture was rounded, where its blocks still lie at multiples of 8.

    Args:
        waves: Of the picture, as :func:`waves_of` gives them.

    Returns:
        0 where nothing tells of it: no JPEG, one of very fine steps, or shrunk, turned by an angle or cut since.
    """
    found = [step / usual for own, (_, _, usual) in zip(np.abs(waves), _WAVES, strict=True) if (step := _step(own))]
    return float(np.median(found)) * _MEAN if len(found) >= _LEAST_WAVES else 0.0


def explains(fine: Waves, coarse: Waves, step: float) -> bool:
    """Whether a picture may be what a coarser one of the same size was encoded from: rounding alone makes them differ.

    A copy that was blurred, sharpened, or had noise or a mark laid over it does not explain its original, however
    finely it was encoded.

    Args:
        fine: Of the one.
        coarse: Of the other.
        step: The mean step to which the coarser one was rounded.

    Returns:
        True too where they cannot be compared.
    """
    if fine.shape != coarse.shape:
        return True
    limits = np.array([[usual * step / _MEAN * _ROUNDED + _DECODED] for _, _, usual in _WAVES], np.float32)
    telling = np.maximum(np.abs(fine), np.abs(coarse)) > limits
    near = np.abs(fine - coarse) <= limits
    return bool(np.count_nonzero(near & telling) >= _EXPLAINED * np.count_nonzero(telling))


def waves_of(gray: NDArray[np.uint8]) -> Waves:
    """The coefficients of a picture; none of one that is drawn or of two tones, where they are few numbers anyway.

    Args:
        gray: ``(H, W)`` uint8, all pixels of the picture.
    """
    if np.count_nonzero(np.bincount(gray.ravel(), minlength=256)) < _LEAST_LEVELS:
        return np.zeros((len(_WAVES), 0), np.float32)
    rows, columns = gray.shape[0] // _SIDE, gray.shape[1] // _SIDE
    blocks = gray[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE).swapaxes(1, 2)
    blocks = blocks.reshape(-1, _SIDE, _SIDE)
    some = blocks[:: max(1, len(blocks) // _MOST_BLOCKS)].astype(np.float32)
    waves = np.cos(np.pi * np.outer(np.arange(3), np.arange(_SIDE) + 0.5) / _SIDE).astype(np.float32) / 2
    waves[0] /= np.sqrt(np.float32(2))
    found = waves @ some @ waves.T
    return np.stack([found[:, row, column] for row, column, _ in _WAVES], dtype=np.float32)


def _step(values: NDArray[np.float32]) -> int:
    """The largest step of which most values are near multiples; 0 where there is none.

    Halfway between multiples of the step there are few values then. Without a step there are fewer near a multiple than
    halfway before and behind it on average, since the numbers fall about exponentially.
    """
    steps = np.arange(_LEAST_STEP, _MOST_STEP + 1)
    width = (_MULTIPLES + 1) * _MOST_STEP * _PARTS
    counts = np.bincount((values * _PARTS).astype(np.int64).clip(max=width), minlength=width + 1)[:width]
    until = np.concatenate([[0], np.cumsum(counts)])
    edges = np.outer(steps, np.arange(1, 4 * _MULTIPLES + 4, 2)) * _PARTS // 4  # a quarter, three quarters, ...
    between = np.diff(until[edges])  # of each step: halfway, near one, halfway, near two, ..., halfway
    near, halfway = between[:, 1::2].sum(axis=1), (between[:, :-2:2] + between[:, 2::2]).sum(axis=1) / 2
    found = steps[(near >= _LEAST_NEAR) & (near >= _NEAR * halfway)]
    return int(found.max(initial=0))
