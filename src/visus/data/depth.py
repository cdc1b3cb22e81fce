"""Pictures whose values fill a small part of their file's range: 10 or 12 bits of a camera in a file of 16."""

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError
from visus.images import read

_NEARLY_BLACK = 16  # of 255: what 12 bits come to in 16
_RANGE = 65535


def refuse_narrow(file: str, picture: NDArray[np.uint8]) -> None:
    """Refuse a picture that is nearly black because its file has 16 bits and its values 12 or fewer.

    Args:
        file: The file.
        picture: What it holds, ``(H, W, 3)`` uint8.

    Raises:
        FormatError: It is such a one.
    """
    if not picture.size or int(picture.max()) > _NEARLY_BLACK:
        return
    exact = read(file, depth=None)
    most = int(exact.max()) if exact.dtype == np.uint16 else 0
    if not most:
        return
    bits = most.bit_length()
    raise FormatError(
        f"{file} holds values up to {most:,} of {_RANGE:,} ({bits} bits in a file of 16) and would be nearly black; "
        f"multiply its values by {1 << 16 - max(bits, 8)} and save it again."
    )
