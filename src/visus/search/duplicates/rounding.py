"""How coarsely a picture was rounded by JPEG at some time, as its pixels tell: a later, finer encoding hides nothing.

After Fan and de Queiroz, "Identification of bitmap compression history", IEEE Transactions on Image Processing 2003:
the cosine coefficients of blocks of 8 x 8 pixels lie near multiples of the step they were rounded to.
"""

import functools
import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_SIDE = 8  # of a block
_MOST_BLOCKS = 4096
_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Steps of the frequencies of luminance in the example of ITU-T T.81, annex K."""

_WAVES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1))
"""Rows and columns of the low frequencies that are looked at."""

_COARSEST = 255  # step
_LEAST_LEVELS = 32  # gray levels that a decoded photograph has at least
_DRAWN = 0.35  # of the pixels of a block that equal those beside and below, from which it was drawn and not decoded
_PARTS = 8  # of a step of 1 in the histogram
_LEAST_STEP, _MOST_STEP = 3, 120
_MULTIPLES = 4  # that are looked at
_NEAR = 3.0  # times as many coefficients near multiples as beside them
_LEAST_NEAR = 60  # coefficients that must tell
_LEAST_WAVES = 3  # frequencies that must tell
_ONE_TABLE = 1.5  # times the steps of the example, compared with each other, that are of one table
_ROUNDED = 0.75  # of a step that rounding moves a coefficient at most; half of it, and tables differ
_DECODED = 1.5  # that it is moved as pixels are whole numbers
_EXPLAINED = 0.95  # of the coefficients that tell
_SMALL = (0.5, 3.5)  # steps between which a coefficient tells how near another one is to it
_FOLLOWS = 0.25  # of a step, root mean square: rounding alone makes 0.29
_MIDDLE = 1024  # pixels along a side that are compared so
_LEAST_TELLING, _LARGE_STEPS = 500, 0.8  # coefficients that must tell, and quantile of their steps
_CROWDED = 0.4  # with which a picture follows a JPEG: enlarged ones have from 0.6 on, sources 0 or less
_LEAST_GAIN = 0.3  # with which a frequency may have been weakened

Level = TypeVar("Level", np.uint8, np.float32)

Blocks = NDArray[np.uint8]
"""``(N, 8, 8)``: some blocks of the gray levels of a picture."""

Waves = NDArray[np.float32]
"""``(7, N)``: of some low frequencies, the cosine coefficients in blocks."""


def mean_step(blocks: Blocks) -> float:
    """The mean step of the luminance to which a picture was rounded, where its blocks still lie at multiples of 8.

    What was drawn does not tell: the same few shapes again and again look like rounding.

    Args:
        blocks: Of the picture, as :func:`blocks_of` gives them.

    Returns:
        0 where nothing tells of it: no JPEG, one of very fine steps, or shrunk, turned by an angle or cut since.
    """
    if np.count_nonzero(np.bincount(blocks.ravel(), minlength=256)) < _LEAST_LEVELS:
        return 0.0
    waves = np.abs(_waves(blocks[~_drawn(blocks)]))
    found = np.array([step / usual for own, usual in zip(waves, _usual(), strict=True) if (step := _step(own))])
    if len(found) < _LEAST_WAVES:
        return 0.0
    middle = float(np.median(found))
    of_one_table = np.count_nonzero((found * _ONE_TABLE >= middle) & (found <= _ONE_TABLE * middle))
    return float(_table(middle).mean()) if of_one_table >= _LEAST_WAVES else 0.0


def _drawn(blocks: Blocks) -> NDArray[np.bool_]:
    """Which blocks were drawn: most of their pixels equal those beside and below. Of a decoded one hardly any do."""
    corner = blocks[:, :-1, :-1]
    equal = (corner == blocks[:, 1:, :-1]) & (corner == blocks[:, :-1, 1:])
    return np.asarray(np.count_nonzero(equal, axis=(1, 2)) > _DRAWN * (_SIDE - 1) ** 2)


def explains(fine: Blocks, coarse: Blocks, step: float) -> bool:
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
    ours, theirs = _waves(fine), _waves(coarse)
    steps = _table(_times(step))
    limits = np.array([[steps[row, column] * _ROUNDED + _DECODED] for row, column in _WAVES], np.float32)
    telling = np.maximum(np.abs(ours), np.abs(theirs)) > limits
    near = np.abs(ours - theirs) <= limits + _cut_off(fine, steps)
    return bool(np.count_nonzero(near & telling) >= _EXPLAINED * np.count_nonzero(telling))


def crowding(own: Blocks | NDArray[np.float32], rounded: Blocks, steps: NDArray[np.float32]) -> float:
    """How much the coefficients of a picture crowd around those of a JPEG of the same size, as if it was made of it.

    Those of a source lie anywhere within a step around it. What a later encoder adds blurs that least where steps are
    large, so only these are looked at.

    Args:
        own: ``(N, 8, 8)`` uint8 or float32, blocks of the one.
        rounded: ``(N, 8, 8)`` uint8, those of the JPEG.
        steps: ``(8, 8)`` float32, of its frequencies.

    Returns:
        The mean cosine of the distances, in steps: 1 for none, 0 or less for a source, NaN where nothing tells.
    """
    if own.shape != rounded.shape:
        return math.nan
    waves = _cosines(_SIDE)
    ours, theirs = (waves @ blocks.astype(np.float32) @ waves.T for blocks in (own, rounded))
    times = np.rint(theirs / steps)
    apart = ours / steps - times
    telling = (times != 0) & (np.abs(times) <= _MULTIPLES) & (np.abs(apart) <= 0.5)
    telling[:, 0, 0] = False  # the mean is often moved
    if np.count_nonzero(telling) < _LEAST_TELLING:
        return math.nan
    all_steps = np.broadcast_to(steps, telling.shape)
    telling &= all_steps >= np.quantile(all_steps[telling], _LARGE_STEPS)
    return float(np.cos(2 * np.pi * apart[telling]).mean())


def _cut_off(blocks: Blocks, steps: NDArray[np.float32]) -> Waves:
    """How much further rounding moves coefficients since what it lifts above white or below black is cut off there."""
    if not steps.any():
        return np.zeros((len(_WAVES), len(blocks)), np.float32)
    waves = _cosines(_SIDE)
    rounded = np.rint(waves @ (blocks.astype(np.float32) - 128) @ waves.T / steps) * steps
    decoded = waves.T @ rounded @ waves + 128
    return np.abs(_waves((decoded - decoded.clip(0, 255)).astype(np.float32)))


def follows(picture: NDArray[np.uint8], rounded: NDArray[np.uint8], steps: NDArray[np.float32] | None = None) -> bool:
    """Whether a picture was made of a smaller, rounded one: it lies nearer to what was rounded than a source would.

    Rounding moves a coefficient by 0.29 of a step on average (one over the root of 12), and no filter takes that back.
    What was made larger afterwards hardly differs from what was rounded, once it is brought back to that size.

    Args:
        picture: ``(H, W)`` uint8.
        rounded: ``(h, w)`` uint8.
        steps: To which that was rounded, ``(8, 8)``, if a file tells them: finer ones are seen, too.

    Returns:
        False too where steps do not show.
    """
    found: list[float] = []
    middle = _middle(rounded)
    brought, goals = blocks_of(_brought_to(rounded, picture, middle)), blocks_of(rounded[middle])
    if steps is not None and crowding(brought, goals, steps) >= _CROWDED:
        return True
    for own, goal in zip(_waves(brought), _waves(goals), strict=True):
        step = _step(np.abs(goal))
        small = (np.abs(goal) >= _SMALL[0] * step) & (np.abs(goal) <= _SMALL[1] * step)
        if step and np.count_nonzero(small) >= _LEAST_NEAR:
            x, y = own[small], goal[small]
            gain = max(float(x @ y) / float(y @ y), _LEAST_GAIN)
            found.append(float(np.mean((x / gain - y) ** 2)) / step**2)
    return len(found) >= _LEAST_WAVES and float(np.median(found)) <= _FOLLOWS**2


def _middle(gray: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The middle of a picture, from the corner of a block on."""
    tops = [max(0, length - _MIDDLE) // 2 // _SIDE * _SIDE for length in gray.shape]
    return slice(tops[0], tops[0] + _MIDDLE), slice(tops[1], tops[1] + _MIDDLE)


def _brought_to(
    goal: NDArray[np.uint8], picture: NDArray[np.uint8], middle: tuple[slice, slice]
) -> NDArray[np.float32]:
    """The middle of a picture in the size of another one, by the filter that brings it nearest to that."""
    import cv2

    size, near = (goal.shape[1], goal.shape[0]), goal[middle]
    parts = [np.ones(near.shape, np.float32)]
    for way in (cv2.INTER_AREA, cv2.INTER_CUBIC):
        small = np.asarray(cv2.resize(picture.astype(np.float32), size, interpolation=way))[middle]
        parts += [small, cv2.blur(small, (3, 3)), cv2.GaussianBlur(small, (0, 0), 1.5)]
    columns = np.stack([np.ravel(part) for part in parts], axis=1).astype(np.float64)
    weights = np.linalg.lstsq(columns.T @ columns, columns.T @ near.ravel(), rcond=None)[0]
    return (columns @ weights).reshape(near.shape).astype(np.float32)


def blocks_of(gray: NDArray[Level]) -> NDArray[Level]:
    """Some blocks of a picture, ``(N, 8, 8)``, spread evenly.

    Args:
        gray: ``(H, W)`` uint8 or float32, all pixels of the picture.
    """
    rows, columns = gray.shape[0] // _SIDE, gray.shape[1] // _SIDE
    blocks = gray[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE).swapaxes(1, 2)
    blocks = blocks.reshape(-1, _SIDE, _SIDE)
    return blocks[:: max(1, len(blocks) // _MOST_BLOCKS)]


def _waves(blocks: Blocks | NDArray[np.float32]) -> Waves:
    some = _cosines(3)
    found = some @ blocks.astype(np.float32) @ some.T
    return np.stack([found[:, row, column] for row, column in _WAVES], dtype=np.float32)


@functools.cache
def _cosines(count: int) -> NDArray[np.float32]:
    """The lowest waves of a block, ``(count, 8)``."""
    waves = np.cos(np.pi * np.outer(np.arange(count), np.arange(_SIDE) + 0.5) / _SIDE).astype(np.float32) / 2
    waves[0] /= np.sqrt(np.float32(2))
    return waves.astype(np.float32)


def _table(times: float) -> NDArray[np.float32]:
    """The steps of the example, made coarser, as encoders do it: ``(8, 8)``."""
    return (np.array(_TABLE, np.float32) * np.float32(times)).clip(max=_COARSEST)


def _times(mean: float) -> float:
    """How much coarser than the example a table of some mean step is."""
    means, times = _means()
    return float(np.interp(mean, means, times))


@functools.cache
def _means() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The mean steps of tables, and how much coarser than the example each table is."""
    some = np.linspace(0, 16, 321)
    return np.array([_table(times).mean() for times in some]), some


def _usual() -> NDArray[np.float32]:
    """The steps of the frequencies that are looked at in the example."""
    return np.array([_TABLE[row][column] for row, column in _WAVES], np.float32)


def _step(values: NDArray[np.float32]) -> int:
    """The largest step of which most values are near multiples; 0 where there is none.

    Halfway between multiples of the step there are few values then. Without a step there are fewer near a multiple than
    halfway before and behind it on average, since the numbers fall about exponentially.
    """
    steps, edges = _edges()
    width = (_MULTIPLES + 1) * _MOST_STEP * _PARTS
    counts = np.bincount((values * _PARTS).astype(np.int64).clip(max=width), minlength=width + 1)[:width]
    until = np.concatenate([[0], np.cumsum(counts)])
    between = np.diff(until[edges])  # of each step: halfway, near one, halfway, near two, ..., halfway
    near, halfway = between[:, 1::2].sum(axis=1), (between[:, :-2:2] + between[:, 2::2]).sum(axis=1) / 2
    found = steps[(near >= _LEAST_NEAR) & (near >= _NEAR * halfway)]
    return int(found.max(initial=0))


@functools.cache
def _edges() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All steps, and of each a quarter, three quarters, and so on, in parts."""
    steps = np.arange(_LEAST_STEP, _MOST_STEP + 1)
    return steps, np.outer(steps, np.arange(1, 4 * _MULTIPLES + 4, 2)) * _PARTS // 4
