"""What a search asks with: files, arrays, parts of pictures."""

import os
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images import MAX_PIXELS, read

Picture = str | os.PathLike[str] | NDArray[np.uint8]
"""A file, or an RGB array ``(H, W, 3)`` uint8."""

Box = Sequence[int] | NDArray[np.integer] | NDArray[np.floating]
"""x0, y0, x1, y1 in pixels."""


def several(picture: Picture | Sequence[Picture]) -> list[Picture]:
    """One picture, several, or none, as a list.

    Args:
        picture: Files, or arrays ``(H, W, 3)`` uint8.

    Raises:
        InputError: It is something else.
    """
    if isinstance(picture, str | os.PathLike | np.ndarray):
        return [picture]
    if not isinstance(picture, Iterable):
        raise _no_picture(picture)
    pictures = list(picture)
    for own in pictures:
        if not isinstance(own, str | os.PathLike | np.ndarray):
            raise _no_picture(own)
    return pictures


def _no_picture(what: object) -> InputError:
    return InputError(f"A picture is a file, or an array (H, W, 3) uint8, not {type(what).__name__}.")


def load(picture: Picture, least_side: int | None, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """The pixels ``(H, W, 3)`` uint8 of a picture; of a file perhaps at a reduced scale.

    Args:
        picture: A file, or an array ``(H, W, 3)`` or ``(H, W)`` uint8.
        least_side: How many pixels both sides of a decoded JPEG must have at least; None for its full size.
        max_pixels: Files with more pixels are refused.

    Raises:
        InputError: The file cannot be read, or the array is of another shape or dtype, or empty.
    """
    if isinstance(picture, str | os.PathLike):
        return read(os.path.expanduser(picture), min_side=least_side, max_pixels=max_pixels, range="own")
    if not isinstance(picture, np.ndarray):
        raise _no_picture(picture)
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(
            f"A query array must be RGB uint8 of the shape (H, W, 3), not {picture.dtype} {picture.shape}."
        )
    return picture


def single(queries: list[NDArray[np.uint8]], what: str) -> NDArray[np.uint8]:
    """The query, which must be the only one.

    Args:
        queries: Pictures ``(H, W, 3)`` uint8.
        what: The option that takes no more than one, for the message.

    Raises:
        InputError: There are several, or none.
    """
    if len(queries) != 1:
        raise InputError(f"{what} takes one query picture, not {len(queries)}.")
    return queries[0]


def cut(picture: NDArray[np.uint8], region: Box) -> NDArray[np.uint8]:
    """A part of a picture.

    Args:
        picture: ``(H, W, 3)`` uint8.
        region: x0, y0, x1, y1 in pixels.

    Returns:
        ``(y1 - y0, x1 - x0, 3)`` uint8.

    Raises:
        InputError: The region is empty, reaches beyond the picture, or is not four whole numbers.
    """
    x0, y0, x1, y1 = _corners(region)
    height, width = picture.shape[:2]
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise InputError(
            f"The region {x0},{y0},{x1},{y1} must be x0,y0,x1,y1 with x0 < x1 <= {width} and y0 < y1 <= {height}, "
            "the size of the picture."
        )
    return np.ascontiguousarray(picture[y0:y1, x0:x1])


def _corners(region: Box) -> list[int]:
    """The four numbers of a region; floats that are whole are taken too."""
    try:
        values = np.asarray(region, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (4,) or not np.isfinite(values).all() or (values % 1).any() or isinstance(region, str):
        raise InputError(f"A region is four whole numbers x0, y0, x1, y1 in pixels, not {region!r}.")
    return [int(value) for value in values]
