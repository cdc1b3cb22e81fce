"""Pictures over one another, in square blocks: how blocks correlate, and where they fit best.

The inner loops are in ``_blocks.c``.
"""

import ctypes
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus import _native
from visus.search.duplicates.alignment import Matrix
from visus.search.duplicates.looks import Floats, Gray

Corners = NDArray[np.int64]
"""``(N, 2)``: top and left of blocks, in pixels."""

_BLOCKS = 32  # along the longer side
_LEAST_SIDE = 12  # of a block, pixels
_FITS = 0.7  # correlation of a block where it fits
_EACH = 2  # blocks of each row and of each column whose best place is looked for
_FARTHEST = 4  # times the radius of the search that a corner of the picture may move
_STILL = 1.0  # pixels that a corner moves at most if one step is enough
_NEAR, _MOST_OF_TRIED = 3, 0.7  # pixels, and the share that must fit within these before others farther off are tried
_FARTHER = 2  # pixels that a block may move farther than those that were tried first
_LEAST_FITTING = 6
_TRIED, _LEAST_OF_TRIED = 16, 4  # blocks, of which so many must fit before further ones are tried
_BESIDE = 0.01  # pixels by which rounding may put a block beside a picture
_LINE = 5.0  # standard deviation beyond which a block's detail counts, in gray levels


def side_of(picture: Gray) -> int:
    """Side of the blocks of a picture, in pixels; a thin one has two rows of them too."""
    return max(_LEAST_SIDE, min(round(max(picture.shape) / _BLOCKS), min(picture.shape) // 2 - 1))


def soft(picture: Gray) -> Floats:
    """A picture ``(H, W)`` uint8 as float32 without its finest detail, in which encoders and scalers differ."""
    import cv2

    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.8), np.float32)


def laid_over(picture: NDArray, matrix: Matrix, shape: tuple[int, ...], *, goes_on: bool = False) -> NDArray:
    """A picture ``(H, W)`` in the frame of another one of a shape, of its own dtype.

    Args:
        picture: What is laid.
        matrix: Takes its points to points of the frame.
        shape: Of the frame.
        goes_on: Whether its last pixels go on where it is not; zeros else.
    """
    import cv2

    beyond = cv2.BORDER_REPLICATE if goes_on else cv2.BORDER_CONSTANT
    size = shape[1], shape[0]
    return np.asarray(cv2.warpAffine(picture, matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=beyond))


@functools.lru_cache(256)
def corners_of(shape: tuple[int, ...], side: int) -> Corners:
    """The corners of all blocks of a picture, row by row; what is left at the ends is in none. Not to be changed."""
    rows, columns = shape[0] // side, shape[1] // side
    found = np.ascontiguousarray(np.indices((rows, columns)).reshape(2, -1).T * side)
    found.setflags(write=False)  # all who ask share it
    return found


@functools.lru_cache(256)
def all_corners(shape: tuple[int, ...], side: int) -> Corners:
    """The corners of blocks that hold all of a picture: those at the ends overlap others. Not to be changed.

    >>> all_corners((16, 40), 16).tolist()
    [[0, 0], [0, 16], [0, 24]]
    """
    rows, columns = (sorted({*range(0, length - side + 1, side), length - side}) for length in shape)
    found = np.array([(row, column) for row in rows for column in columns], np.int64)
    found.setflags(write=False)
    return found


@functools.cache
def _library() -> ctypes.CDLL:
    library = _native.library(Path(__file__).parent, "_blocks")
    array, whole, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    library.compare_blocks.argtypes = [array, whole, array, array, whole, array, whole, whole, real, array]
    library.fit_blocks.argtypes = [array, array, whole, whole, array, whole, whole, whole, array]
    return library


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """How blocks of two pictures belong together.

    Attributes:
        means: ``(2, N)`` float32 of both, in gray levels.
        spreads: ``(2, N)`` float32, standard deviations of both.
        apart: ``(N,)`` float32, standard deviation of their difference.
        correlation: ``(N,)`` float32 in [-1, 1], the lesser of two: of the blocks as they are, and without the means of
            their rows and columns. Lines of text share these means whatever they say.
    """

    means: Floats
    spreads: Floats
    apart: Floats
    correlation: Floats


def compared(x: Floats, y: Floats, side: int, at: Corners, there: Corners | None = None) -> Compared:
    """Compare blocks of two pictures.

    Args:
        x: ``(h, w)`` float32.
        y: ``(H, W)`` float32.
        side: Of a block.
        at: Corners in the first picture.
        there: Corners in the second; None for the same.

    Raises:
        MemoryError: There is no room.
    """
    x, y = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
    at = np.ascontiguousarray(at, np.int64)
    there = at if there is None else np.ascontiguousarray(there, np.int64)
    found = np.empty((len(at), 6), np.float32)
    first, second = (x.ctypes.data, x.shape[1], at.ctypes.data), (y.ctypes.data, y.shape[1], there.ctypes.data)
    if _library().compare_blocks(*first, *second, len(at), side, _LINE, found.ctypes.data):
        raise MemoryError
    values = found.T
    return Compared(values[:2], values[2:4], values[4], values[5])


def best_places(x: Floats, y: Floats, side: int, at: Corners, radius: int) -> Floats:
    """Where blocks of a first picture fit best in a second one, near their own place.

    Args:
        x: ``(h, w)`` float32.
        y: The same.
        side: Of a block.
        at: Corners of the blocks.
        radius: How far beside its place a block is tried, in pixels.

    Returns:
        ``(N, 5)``: the correlation there, how many rows and columns that is off, and the same with the fraction of a
        pixel.

    Raises:
        MemoryError: There is no room.
    """
    x, y = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
    at = np.ascontiguousarray(at, np.int64)
    found = np.empty((len(at), 5), np.float32)
    places = at.ctypes.data, len(at), side, radius
    if _library().fit_blocks(x.ctypes.data, y.ctypes.data, *x.shape, *places, found.ctypes.data):
        raise MemoryError
    return found


def covered(
    corners: Corners,
    side: int,
    matrix: Matrix,
    shape: tuple[int, ...],
    *,
    margin: float = 0,
    frame: tuple[int, ...] | None = None,
) -> NDArray[np.bool_]:
    """Which blocks of a frame lie inside a picture that is laid over it.

    Args:
        corners: Of the blocks.
        side: Of a block.
        matrix: Takes points of the picture to points of the frame.
        shape: Of the picture.
        margin: So many pixels of the frame around a block must lie inside too.
        frame: The shape of the frame, whose outermost pixels need not; None for a frame without end.
    """
    back = np.linalg.inv(matrix)
    first, last = corners - margin, corners + (side - 1 + margin)
    if frame is not None:
        first, last = np.maximum(first, 1), np.minimum(last, np.array(frame) - 2)
    inside = np.ones(len(corners), bool)
    for y in (first[:, 0], last[:, 0]):
        for x in (first[:, 1], last[:, 1]):
            u, v = (back[k, 0] * x + back[k, 1] * y + back[k, 2] for k in range(2))
            inside &= (u > -_BESIDE) & (u < shape[1] - 1 + _BESIDE) & (v > -_BESIDE) & (v < shape[0] - 1 + _BESIDE)
    return inside


def grown(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """A region with a rim of so many pixels more, or less."""
    import cv2

    rim = np.ones((2 * abs(pixels) + 1,) * 2, np.uint8)
    change = cv2.dilate if pixels > 0 else cv2.erode
    return np.asarray(change(region.astype(np.uint8), rim, borderType=cv2.BORDER_CONSTANT, borderValue=0)) > 0


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
    first = _step(picture, target, matrix, side, side // 2)
    if first is None or moved(first, target.shape) <= _STILL:
        return None if first is None else first @ matrix
    second = _step(picture, target, first @ matrix, side, max(2, side // 6))
    found = first @ matrix if second is None else second @ first @ matrix
    return found if _agreement(picture, target, found, side) > _agreement(picture, target, matrix, side) else matrix


def _agreement(picture: Floats, target: Floats, matrix: Matrix, side: int) -> float:
    """The mean correlation of the blocks with detail of a target with a picture that is laid over it."""
    corners = corners_of(target.shape, side)
    found = compared(laid_over(picture, matrix, target.shape), target, side, corners)
    wanted = covered(corners, side, matrix, picture.shape) & (found.spreads[1] >= _LINE)
    return float(found.correlation[wanted].mean()) if wanted.any() else -1.0


def _step(picture: Floats, target: Floats, matrix: Matrix, side: int, radius: int) -> Matrix | None:
    import cv2

    over = laid_over(picture, matrix, target.shape)
    corners = corners_of(target.shape, side)
    busy = _spreads(over, side)
    busy[~covered(corners, side, matrix, picture.shape).reshape(busy.shape)] = 0
    wanted = _busiest(busy) * side
    found = best_places(over, target, side, wanted[:_TRIED], min(radius, _NEAR))
    if (found[:, 0] >= _FITS).sum() < _MOST_OF_TRIED * len(found):
        found = best_places(over, target, side, wanted[:_TRIED], radius)
    tried = np.abs(found[found[:, 0] >= _FITS, 1:3])
    if len(tried) < _LEAST_OF_TRIED:
        return None
    near = min(radius, int(tried.max()) + _FARTHER)
    found = np.concatenate([found, best_places(over, target, side, wanted[_TRIED:], near)])
    fits = found[:, 0] >= _FITS
    source = wanted[fits, ::-1].astype(np.float32)
    goal = source + found[fits, :2:-1]
    if len(source) < _LEAST_FITTING:
        return None
    middle = (side - 1) / 2
    cv2.setRNGSeed(0)
    step, _ = cv2.estimateAffine2D(source + middle, goal + middle, method=cv2.RANSAC, ransacReprojThreshold=1.5)
    if step is None:
        return None
    whole = np.vstack([step, [0, 0, 1]])
    return whole if moved(whole, target.shape) <= _FARTHEST * radius else None


def _spreads(picture: Floats, side: int) -> Floats:
    """Standard deviations of all blocks, ``(rows, columns)`` float32, in gray levels."""
    import cv2

    rows, columns = picture.shape[0] // side, picture.shape[1] // side
    whole = picture[: rows * side, : columns * side]
    means = [cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA) for part in (whole, whole * whole)]
    return np.asarray(np.sqrt(np.maximum(means[1] - means[0] ** 2, 0)), np.float32)


def moved(step: Matrix, shape: tuple[int, ...]) -> float:
    """How far a transform moves the corners of a picture at most, in pixels.

    Args:
        step: Takes points of the picture to points of the same frame.
        shape: Of the picture.
    """
    height, width = shape
    corners = np.array([(x, y, 1) for x in (0, width) for y in (0, height)], np.float64)
    return float(np.abs(corners @ step.T - corners).max())


def _busiest(busy: Floats) -> Corners:
    """The busiest blocks of each row and of each column, so that they lie all over the picture, in any order."""
    rows, columns = np.ogrid[: busy.shape[0], : busy.shape[1]]
    wanted = np.zeros(busy.shape, bool)
    wanted[np.argsort(-busy, axis=0)[:_EACH], columns] = True
    wanted[rows, np.argsort(-busy, axis=1)[:, :_EACH]] = True
    found = np.argwhere(wanted & (busy >= _LINE))
    return found[_order(len(found))]


@functools.lru_cache(1024)
def _order(count: int) -> NDArray[np.int64]:
    """Some order that is always the same. Not to be changed."""
    return np.random.default_rng(0).permutation(count)
