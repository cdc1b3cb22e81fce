"""Pictures whose values fill a small part of their range, 10 or 12 bits of a camera in a file of 16, for networks.

What a network is trained on and what it is asked about are read here in the same way.
"""

import os

import numpy as np
from numpy.typing import NDArray

from visus.images.io import read

_NEARLY_BLACK = 16  # of 255: what 12 bits come to in 16


def read_wide(path: str | os.PathLike[str], *, min_side: int | None = None) -> NDArray[np.uint8]:
    """Read a picture as :func:`visus.read` does; one that would be nearly black is stretched to its own bits.

    Args:
        path: The file.
        min_side: See :func:`visus.read`.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        InputError: It cannot be read.
    """
    picture = read(path, min_side=min_side)
    found = stretched(path, picture)
    return picture if found is None else found


def stretched(path: str | os.PathLike[str], picture: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """A picture that is nearly black because its file leaves upper bits empty, stretched to those that it uses.

    Args:
        path: The file.
        picture: What :func:`visus.read` makes of it, ``(H, W, 3)`` uint8.

    Returns:
        ``(H, W, 3)`` uint8; None for any other picture.
    """
    if not picture.size or int(picture.max()) > _NEARLY_BLACK:
        return None
    exact = read(path, depth=None)
    if exact.dtype != np.uint16 or not exact.any():
        return None
    return read(path, range="own")
