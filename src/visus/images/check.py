"""What functions on pictures ask of their arguments; the errors say what was got, what is expected, and the mend."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._errors import InputError


def picture_of(image: ArrayLike) -> NDArray[Any]:
    """An array that is a picture: ``(H, W)`` or ``(H, W, C)``, with pixels and numbers.

    Args:
        image: An array, or what NumPy makes one of.

    Returns:
        ``(H, W)`` or ``(H, W, C)``: bool, integer or float of at most 64 bits, in the machine's byte order. Not a copy
        unless one is needed.

    Raises:
        InputError: It is empty, has another number of dimensions, or holds no numbers, numbers wider than 64 bits, or
            NaN or infinite values.
    """
    try:
        array = np.asarray(image)
    except ValueError as error:
        raise InputError(f"This is no picture ({error}); give an array (H, W) or (H, W, C).") from error
    if array.ndim not in (2, 3):
        raise InputError(
            f"A picture must have the shape (H, W) or (H, W, C), not {array.shape}; "
            "filter the pictures of a batch one by one."
        )
    if not array.size:
        raise InputError(f"The picture is empty: its shape is {array.shape}; check how it was read or cut.")
    if array.dtype != np.bool_ and array.dtype.kind not in "uif":
        raise InputError(f"A picture must hold numbers or bool, not {array.dtype}; convert it first.")
    if array.dtype.itemsize > 8:
        raise InputError(f"{array.dtype} is too wide for a picture; convert it to float64.")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)  # TIFF and FITS hold the other order
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = array.size - np.count_nonzero(np.isfinite(array))
        raise InputError(f"The picture has {count:,} values that are NaN or infinite; fill them, say by np.nan_to_num.")
    return array


def colors_of(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture in colors as it is, ``(H, W, 3)`` uint8: what networks take.

    Raises:
        InputError: It has another shape or dtype, or no pixels.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(f"A picture must be (H, W, 3) uint8, not {picture.shape} {picture.dtype}.")
    return picture


def number(name: str, value: object) -> float:
    """A finite number as a float.

    Raises:
        InputError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(f"{name} must be a number, not {value!r}.")
    if not math.isfinite(value):
        raise InputError(f"{name} must be a finite number, not {value!r}.")
    return float(value)


def positive(name: str, value: float) -> float:
    """A finite number above 0.

    Raises:
        InputError: It is not.
    """
    known = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (known and math.isfinite(value) and value > 0):
        raise InputError(f"{name} must be a number above 0, not {value!r}.")
    return float(value)


def whole(name: str, value: int) -> int:
    """A whole number above 0.

    Raises:
        InputError: It is not.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} must be a whole number above 0, not {value!r}.")
    return int(value)


def odd(name: str, value: int) -> int:
    """An odd whole number above 0.

    Raises:
        InputError: It is not; the message proposes the next one.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1 or value % 2 == 0:
        near = max(1, int(value) | 1) if isinstance(value, (int, np.integer)) and not isinstance(value, bool) else 3
        raise InputError(f"{name} must be an odd whole number above 0, not {value!r}; take {near}.")
    return int(value)


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    """One of some words.

    Raises:
        InputError: It is another.
    """
    if value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}, not {value!r}.")
    return value
