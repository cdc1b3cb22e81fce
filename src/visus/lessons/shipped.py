"""The photographs that come with visus, by name."""

import numpy as np
from numpy.typing import NDArray

from visus.images import read
from visus.search.demo import photographs


def photograph(name: str) -> NDArray[np.uint8]:
    """A photograph by its name without ending, ``(H, W, 3)`` uint8."""
    return read(photographs()[name])
