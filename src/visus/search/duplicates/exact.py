"""Two files of one size, number by number: of lossless files, an edit changes some places and no others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.images import read_bytes, tiff
from visus.images.container import FIRST, kind_of
from visus.images.decode import layers_in
from visus.search.duplicates.looks import Floats
from visus.search.duplicates.members import Member
from visus.search.duplicates.opened import Opened

LOSSLESS = ("PNG", "TIFF", "BMP")
"""Formats that keep each number."""

_SIDE = 16  # of a block, pixels
_BAND = 1024  # rows that are compared at once, a multiple of that
_NEARLY = 0.5  # mean difference of the small gray pictures beyond which nothing is compared number by number
_TEXTURE = 8  # levels between the pixels of a block that an encoder would not keep as they are
_STILL = 1  # levels by which a pixel may differ that is the same
_VISIBLE = 16  # levels by which one differs that is another
_MOST = 0.5  # of the blocks with texture, that are the same around an edit
_PLAIN = ("u1", "u2")  # dtypes of pictures


def nearly(one: Opened, two: Opened) -> bool:
    """Whether two files have one size and hardly differ, so that they are worth comparing number by number."""
    if (one.member.width, one.member.height) != (two.member.width, two.member.height):
        return False
    if one.gray.shape != two.gray.shape or one.facts.frames > 1 or two.facts.frames > 1:
        return False  # of several frames more than the first would have to be looked at
    return float(np.abs(one.gray.astype(np.int16) - two.gray).mean()) <= _NEARLY


def same_numbers(one: Opened, two: Opened) -> bool:
    """Whether two files hold the same numbers in all their channels, whatever is shown of them."""
    first, second = _numbers(one.member), _numbers(two.member)
    return len(first) == len(second) and all(map(_equal, first, second))


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    floats = one.dtype.kind == other.dtype.kind == "f"
    return np.array_equal(one, other, equal_nan=floats)  # what a map does not know is the same in both


def deep(one: Opened, two: Opened) -> bool:
    """Whether both lose nothing and hold more than can be shown: finer numbers, or further channels."""
    return one.facts.depth == two.facts.depth and all(
        own.facts.container in LOSSLESS and (own.facts.depth > 8 or own.facts.further) for own in (one, two)
    )


def _numbers(member: Member) -> tuple[NDArray[Any], ...]:
    """What a file holds: colors, and alpha where there is any; of odd TIFF files what is stored."""
    data = read_bytes(member.path)
    if kind_of(data[:FIRST], member.path) == "TIFF" and (values := _odd(data, member.path)) is not None:
        return (values,)
    layers = layers_in(data, name=member.path, range="own")
    colors = layers.colors if layers.colors.ndim == 3 else np.repeat(layers.colors[:, :, None], 3, axis=2)
    alpha = layers.alpha
    return (colors,) if alpha is None or alpha.min() == np.iinfo(alpha.dtype).max else (colors, alpha)


def _odd(data: bytes, name: str) -> NDArray[Any] | None:
    """The numbers of a TIFF file that are no plain picture: of another type, or with further channels."""
    try:
        page = tiff.look(data)
        values = tiff.values_of(data, name)
    except Exception:  # tifffile raises almost anything; what shows the picture has read it, perhaps another reader
        return None
    plain = values.dtype.str[1:] in _PLAIN and page.depth in (1, 2, 4, 8, 16) and not page.further
    return None if plain else values


def edit_between(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> Floats | None:
    """The blocks that were edited, where most others with texture are exactly the same; None where none was.

    Args:
        ours: All pixels of a file, ``(H, W, 3)``.
        theirs: Of one that is :func:`nearly` the same.

    Returns:
        How far the pixels of these blocks are apart, in the channel that tells most, ``(N, 16, 16)`` float32.
    """
    if ours.shape != theirs.shape:
        return None
    textured, still = 0, 0
    changed = [np.zeros((0, _SIDE, _SIDE), np.uint8)]
    for top in range(0, len(ours), _BAND):
        blocks = _blocks(ours[top : top + _BAND])
        apart = _apart(blocks, _blocks(theirs[top : top + _BAND]))
        most = apart.max(axis=(1, 2))
        busy = np.ptp(blocks.max(axis=3), axis=(1, 2)) >= _TEXTURE
        textured += np.count_nonzero(busy)
        still += np.count_nonzero(busy & (most <= _STILL))
        changed.append(apart[most >= _VISIBLE])
    found = np.concatenate(changed)
    return found.astype(np.float32) if len(found) and still >= _MOST * textured else None


def _apart(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far pixels are apart in the channel that tells most, ``(N, 16, 16)``."""
    return (np.maximum(ours, theirs) - np.minimum(ours, theirs)).max(axis=3)


def _blocks(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture ``(H, W, 3)`` in blocks ``(N, 16, 16, 3)``; the last pixels go on where a block is not full."""
    height, width = pixels.shape[:2]
    whole = np.pad(pixels, ((0, -height % _SIDE), (0, -width % _SIDE), (0, 0)), mode="edge")
    rows, columns = whole.shape[0] // _SIDE, whole.shape[1] // _SIDE
    return whole.reshape(rows, _SIDE, columns, _SIDE, 3).swapaxes(1, 2).reshape(-1, _SIDE, _SIDE, 3)
