"""Masks as COCO's compressed run lengths, without its library (Lin et al. 2014; ``rleToString`` of its C code).

The runs of zeros and ones, column by column, beginning with zeros. From the third on, each is written as the
difference to the one two before it: five bits a letter, the lowest first, the sixth bit says that more follow.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask as compressed run lengths.

    Args:
        mask: ``(H, W)`` bool.

    Returns:
        Its ``size`` and its ``counts``, as ``pycocotools.mask.encode`` gives them.

    >>> encode(np.array([[False, True], [False, True]]))
    {'size': [2, 2], 'counts': '22'}
    """
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    counts = np.diff(edges).tolist()
    if flat.size and flat[0]:
        counts.insert(0, 0)
    differences = [count - (counts[k - 2] if k > 2 else 0) for k, count in enumerate(counts)]
    return {"size": [int(n) for n in mask.shape], "counts": "".join(map(_letters, differences))}


def decode(shape: dict[str, Any]) -> NDArray[np.bool_]:
    """The mask that :func:`encode` made run lengths of, ``(H, W)`` bool.

    >>> decode({"size": [2, 2], "counts": "22"}).tolist()
    [[False, True], [False, True]]
    """
    height, width = shape["size"]
    counts: list[int] = []
    value, bits = 0, 0
    for letter in shape["counts"].encode():
        part = letter - 48
        value |= (part & 31) << bits
        bits += 5
        if part & 32:
            continue
        if part & 16:
            value -= 1 << bits
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, bits = 0, 0
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def _letters(value: int) -> str:
    """A whole number, which may be below zero."""
    letters = bytearray()
    while True:
        part, value = value & 31, value >> 5
        more = value != (-1 if part & 16 else 0)
        letters.append((part | 32 if more else part) + 48)
        if not more:
            return letters.decode()
