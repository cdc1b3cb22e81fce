"""Pictures over one another, in square blocks: how blocks correlate, and where they fit best."""

import numpy as np
from numpy.typing import NDArray

from visus.search.duplicates.alignment import Matrix
from visus.search.duplicates.looks import Floats, Gray

_BLOCKS = 32  # along the longer side
_LEAST_SIDE = 12  # of a block, pixels
_FITS = 0.7  # correlation of a block where it fits
_EACH = 2  # blocks of each row and of each column whose best place is looked for
_FARTHEST = 4  # times the radius of the search that a corner of the picture may move
_LEAST_FITTING = 6
_TRIED, _LEAST_OF_TRIED = 16, 4  # blocks, of which so many must fit before further ones are tried
_LINE = 5.0  # standard deviation beyond which a block's detail counts, in gray levels


def side_of(picture: Gray) -> int:
    """Side of the blocks of a picture, in pixels."""
    return max(_LEAST_SIDE, round(max(picture.shape) / _BLOCKS))


def soft(picture: Gray) -> Floats:
    """A picture without its finest detail, in which encoders and scalers differ."""
    import cv2

    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.8), np.float32)


def blocks(values: NDArray, side: int) -> NDArray:
    """``(H, W)`` in blocks: ``(rows, columns, side, side)``; what is left at the ends is left out."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    return values[: rows * side, : columns * side].reshape(rows, side, columns, side).swapaxes(1, 2)


def laid_over(picture: Floats, matrix: Matrix, shape: tuple[int, ...]) -> tuple[Floats, NDArray[np.bool_]]:
    """A picture in the frame of another one of a shape, and where it is there."""
    import cv2

    size = shape[1], shape[0]
    over = np.asarray(cv2.warpAffine(picture, matrix[:2], size, flags=cv2.INTER_LINEAR), np.float32)
    return over, np.asarray(cv2.warpAffine(np.ones_like(picture), matrix[:2], size)) > 0.99


def correlation(x: Floats, y: Floats) -> Floats:
    """The lesser of two correlations of blocks: as they are, and without the means of their rows and columns.

    Lines of text share these means whatever they say.

    Args:
        x: ``(N, s, s)`` float32.
        y: The same.

    Returns:
        ``(N,)`` in [-1, 1].
    """
    x, y = x - x.mean(axis=(1, 2), keepdims=True), y - y.mean(axis=(1, 2), keepdims=True)
    plain = _cosine(x, y)
    u, v = _detail(x), _detail(y)
    tells = np.minimum(u.std(axis=(1, 2)), v.std(axis=(1, 2))) >= _LINE
    return np.where(tells, np.minimum(plain, _cosine(u, v)), plain)


def _detail(x: Floats) -> Floats:
    return x - x.mean(axis=1, keepdims=True) - x.mean(axis=2, keepdims=True)


def _cosine(x: Floats, y: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("nij,nij->n", x, x) * np.einsum("nij,nij->n", y, y))
    return np.einsum("nij,nij->n", x, y) / np.maximum(lengths, 1e-6)


def refined(picture: Floats, target: Floats, matrix: Matrix, side: int) -> Matrix | None:
    """A transform made exact: the busiest blocks are moved where they fit best, and an affine transform follows them.

    Args:
        picture: ``(h, w)`` float32.
        target: ``(H, W)`` float32.
        matrix: Takes points of the picture to points of the target, roughly.
        side: Of a block.

    Returns:
        None where hardly any block fits.
    """
    step = _step(*laid_over(picture, matrix, target.shape), target, side, side // 2)
    if step is None:
        return None
    matrix = step @ matrix
    step = _step(*laid_over(picture, matrix, target.shape), target, side, max(2, side // 6))
    return matrix if step is None else step @ matrix


def _step(over: Floats, covered: NDArray[np.bool_], target: Floats, side: int, radius: int) -> Matrix | None:
    import cv2

    busy = np.where(blocks(covered, side).all(axis=(2, 3)), blocks(over, side).std(axis=(2, 3)), 0)
    source, goal = [], []
    for tried, (row, column) in enumerate(_busiest(busy)):
        if tried == _TRIED and len(source) < _LEAST_OF_TRIED:
            return None
        top, left = int(row) * side, int(column) * side
        y, x = max(0, top - radius), max(0, left - radius)
        around = target[y : top + side + radius, x : left + side + radius]
        fits = np.asarray(cv2.matchTemplate(around, over[top : top + side, left : left + side], cv2.TM_CCOEFF_NORMED))
        dy, dx = np.unravel_index(int(fits.argmax()), fits.shape)
        if fits[dy, dx] >= _FITS:
            source.append((left, top))
            goal.append((x + dx + _peak(fits[dy], int(dx)), y + dy + _peak(fits[:, dx], int(dy))))
    if len(source) < _LEAST_FITTING:
        return None
    middle = (side - 1) / 2
    cv2.setRNGSeed(0)
    step, _ = cv2.estimateAffine2D(
        np.array(source, np.float32) + middle, np.array(goal, np.float32) + middle,
        method=cv2.RANSAC, ransacReprojThreshold=1.5,
    )  # fmt: skip
    if step is None:
        return None
    height, width = target.shape
    corners = np.array([(x, y, 1) for x in (0, width) for y in (0, height)], np.float64)
    moved = np.abs(corners @ np.asarray(step).T - corners[:, :2]).max()
    return np.vstack([step, [0, 0, 1]]) if moved <= _FARTHEST * radius else None


def _busiest(busy: Floats) -> list[tuple[int, int]]:
    """The busiest blocks of each row and of each column, so that they lie all over the picture, in any order."""
    wanted = np.zeros(busy.shape, bool)
    np.put_along_axis(wanted, np.argsort(-busy, axis=0)[:_EACH], True, axis=0)
    np.put_along_axis(wanted, np.argsort(-busy, axis=1)[:, :_EACH], True, axis=1)
    found = np.argwhere(wanted & (busy >= _LINE))
    found = found[np.random.default_rng(0).permutation(len(found))]
    return [(int(row), int(column)) for row, column in found]


def _peak(values: NDArray, place: int) -> float:
    """How far beside a place the top of the parabola through it and its neighbors lies, in [-0.5, 0.5]."""
    if not 0 < place < len(values) - 1:
        return 0.0
    before, here, after = (float(value) for value in values[place - 1 : place + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < -1e-9 else 0.0
