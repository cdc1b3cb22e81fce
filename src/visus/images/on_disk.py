"""Arrays too large for the memory: they lie in a file without a name, and are mapped as far as they are looked at."""

import mmap
import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from visus._errors import InputError

Array = NDArray[Any]


def on_disk(parts: Iterable[Array], shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> Array:
    """An array that is written part by part to the folder of temporary files; it goes when nobody has it any more.

    Args:
        parts: Its parts in their order along the first axis, of its dtype.
        shape: Of the array.
        dtype: Of its numbers.

    Returns:
        The array, which can be written to.

    Raises:
        InputError: There is no room on the disk.

    >>> on_disk([np.zeros((1, 2), np.uint8), np.ones((1, 2), np.uint8)], (2, 2)).tolist()
    [[0, 0], [1, 1]]
    """
    try:
        with tempfile.TemporaryFile() as file:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
            file.flush()
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        raise InputError(
            f"{tempfile.gettempdir()} has no room for a large picture ({error.strerror}); make room, or let TMPDIR "
            "name another folder."
        ) from error


def is_on_disk(array: Array) -> bool:
    """Whether an array is one of :func:`on_disk`, or a part of it."""
    return _mapped(array) is not None


def let_go(array: Array) -> None:
    """Give back the memory of what was looked at of an array on the disk; its numbers stay. Others are left alone."""
    mapped = _mapped(array)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _mapped(array: Array) -> mmap.mmap | None:
    return getattr(array, "_mmap", None) if isinstance(array, np.memmap) else None
