"""Make pictures smaller or larger."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resize(
    picture: NDArray[np.uint8], width: int, height: int, *, interpolation: Literal["bicubic", "bilinear"] = "bicubic"
) -> NDArray[np.uint8]:
    """Resize a picture by antialiased interpolation, as Pillow and torchvision do.

    Args:
        picture: ``(H, W)`` or ``(H, W, 3)`` uint8.
        width: New width in pixels, at least 1.
        height: New height in pixels, at least 1.
        interpolation: ``"bicubic"`` or ``"bilinear"``.

    Returns:
        ``(height, width)`` or ``(height, width, 3)`` uint8.
    """
    if picture.shape[:2] == (height, width):
        return picture
    kind = Image.Resampling.BICUBIC if interpolation == "bicubic" else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(picture).resize((width, height), kind))


def shrink(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Shrink a picture by area averaging until its longer side has ``side`` pixels; small ones stay.

    Args:
        picture: ``(H, W, 3)`` uint8.
        side: Longest side in pixels.

    Returns:
        ``(h, w, 3)`` uint8.
    """
    import cv2

    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def square(
    picture: NDArray[np.uint8],
    *,
    size: int,
    resize_to: int,
    interpolation: Literal["bicubic", "bilinear"] = "bilinear",
) -> NDArray[np.uint8]:
    """Bring the shorter side to a length and cut the square out of the middle, as networks are tested.

    Args:
        picture: ``(H, W)`` or ``(H, W, 3)`` uint8.
        size: Side of the square in pixels, at least 1.
        resize_to: Length of the shorter side before the cut in pixels, at least ``size``.
        interpolation: ``"bicubic"`` or ``"bilinear"``.

    Returns:
        ``(size, size)`` or ``(size, size, 3)`` uint8.
    """
    height, width = picture.shape[:2]
    scale = resize_to / min(height, width)
    if max(height, width) * scale > 8 * resize_to:  # a strip: only its middle is needed
        keep = min(height, width) * 4
        top, left = max(0, (height - keep) // 2), max(0, (width - keep) // 2)
        picture = picture[top : top + keep, left : left + keep]
        height, width = picture.shape[:2]
    resized = resize(picture, round(width * scale), round(height * scale), interpolation=interpolation)
    top, left = (resized.shape[0] - size) // 2, (resized.shape[1] - size) // 2
    return resized[top : top + size, left : left + size]
