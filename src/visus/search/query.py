"""What a search asks with: files, arrays, parts of pictures."""

import contextlib
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images import MAX_PIXELS, decode, read

Picture = str | os.PathLike[str] | NDArray[np.uint8]
"""A file, or an RGB array ``(H, W, 3)`` uint8."""

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels."""


def as_list(picture: Picture | Sequence[Picture]) -> list[Picture]:
    """One picture or several, as a list."""
    if isinstance(picture, str | os.PathLike | np.ndarray):
        return [picture]
    pictures = list(picture)
    if not pictures:
        raise InputError("A search needs at least one picture.")
    return pictures


def load(picture: Picture, least_side: int | None, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """The pixels ``(H, W, 3)`` uint8 of a picture; of a file perhaps at a reduced scale."""
    if not isinstance(picture, np.ndarray):
        return read(os.path.expanduser(picture), min_side=least_side, max_pixels=max_pixels)
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(
            f"A query array must be RGB uint8 of the shape (H, W, 3), not {picture.dtype} {picture.shape}."
        )
    return picture


def load_or_thumbnail(path: str, thumbnail: bytes) -> NDArray[np.uint8]:
    """The picture itself, or what the index keeps of it when the file has gone."""
    with contextlib.suppress(InputError):
        return read(path, min_side=512)
    return decode(thumbnail).pixels


def single(queries: list[NDArray[np.uint8]], what: str) -> NDArray[np.uint8]:
    """The only query; ``what`` names the option that takes no more."""
    if len(queries) != 1:
        raise InputError(f"{what} takes one query picture, not {len(queries)}.")
    return queries[0]


def cut(picture: NDArray[np.uint8], region: Box) -> NDArray[np.uint8]:
    """A part of a picture."""
    x0, y0, x1, y1 = region
    height, width = picture.shape[:2]
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise InputError(
            f"The region {x0},{y0},{x1},{y1} must be x0,y0,x1,y1 with x0 < x1 <= {width} and y0 < y1 <= {height}, "
            "the size of the picture."
        )
    return np.ascontiguousarray(picture[y0:y1, x0:x1])
