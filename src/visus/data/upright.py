"""Boxes and shapes that were drawn on a picture as its file holds it, turned with it until it is upright.

A camera notes in the EXIF block how it was held. Tools that do not look there draw on the raw pixels, and their
annotation gives the raw width and height.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)  # those whose sides change places

# From a point of the raw picture (x, y), of width w and height h, to the upright one (EXIF 2.32, section 4.6.4).
_POINTS: dict[int, Callable[[Any, Any, float, float], tuple[Any, Any]]] = {
    5: lambda x, y, w, h: (y, x),
    6: lambda x, y, w, h: (h - y, x),
    7: lambda x, y, w, h: (h - y, w - x),
    8: lambda x, y, w, h: (y, w - x),
}
_PIXELS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    5: lambda mask: mask.T,
    6: lambda mask: mask.T[:, ::-1],
    7: lambda mask: mask.T[::-1, ::-1],
    8: lambda mask: mask.T[::-1],
}


def sideways(file: str) -> int:
    """The orientation of a picture that lies on its side, 5 to 8; 0 of any other."""
    try:
        with Image.open(file) as picture:
            found = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block raises almost anything
        return 0
    return found if found in _SIDEWAYS else 0


def upright(mask: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A mask ``(H, W)`` of the raw picture, turned as the upright one is; see :func:`sideways`."""
    return np.ascontiguousarray(_PIXELS[orientation](mask)) if orientation in _PIXELS else mask


def turned(row: dict[str, Any], orientation: int, size: tuple[int, int]) -> dict[str, Any]:
    """An object on the upright picture.

    Args:
        row: ``box``, and perhaps ``shape``, on the raw picture.
        orientation: See :func:`sideways`.
        size: Height and width of the raw picture.

    Raises:
        FormatError: The shape cannot be read.
    """
    height, width = size
    point = _POINTS[orientation]
    x0, y0, x1, y1 = row["box"]
    (a, b), (c, d) = point(x0, y0, width, height), point(x1, y1, width, height)
    return {**row, "box": [min(a, c), min(b, d), max(a, c), max(b, d)], "shape": _shape(row, orientation, size)}


def _shape(row: dict[str, Any], orientation: int, size: tuple[int, int]) -> Any:  # noqa: ANN401 - COCO's
    from visus.data.coco import decode, encode

    shape = row.get("shape")
    if not shape:
        return None
    if isinstance(shape, dict):
        return encode(_PIXELS[orientation](decode(shape, size)))
    polygons = []
    for polygon in shape:
        corners = np.asarray(polygon, np.float64).reshape(-1, 2)
        x, y = _POINTS[orientation](corners[:, 0], corners[:, 1], size[1], size[0])
        polygons.append(np.stack([x, y], 1).ravel().tolist())
    return polygons
