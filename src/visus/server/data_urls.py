"""Pictures and colors in answers, as a page writes them."""

import base64

import numpy as np
from numpy.typing import NDArray

from visus.images import draw
from visus.images.io import encode_jpeg


def data_url(picture: NDArray[np.uint8]) -> str:
    """A picture ``(H, W, 3)`` uint8 as text that a page can show: a JPEG in a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(picture, quality=88)).decode()


def scale() -> list[str]:
    """The colors of heat maps from nothing to the most, as a page writes them."""
    return [hexadecimal(color) for color in draw.heat_colors(np.linspace(0, 1, 9)[None])[0]]


def hexadecimal(color: NDArray[np.uint8]) -> str:
    """A color ``(3,)`` uint8 as a page writes it.

    >>> hexadecimal(np.array([255, 0, 10], np.uint8))
    '#ff000a'
    """
    return "#" + bytes(color.tolist()).hex()
