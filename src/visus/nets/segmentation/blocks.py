"""Cut a picture or volume into blocks that are answered one by one, each seen with what surrounds it.

The overlap-tile strategy of Ronneberger et al. 2015, figure 2: blocks lie side by side, windows overlap.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SIDE = {2: 1024, 3: 96}
"""Longest side of a block, for pictures and for volumes: what bounds the memory."""

CONTEXT = {2: 96, 3: 16}
"""How much is looked at beside a block."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a picture, and the window that is looked at for it (Ronneberger et al. 2015, figure 2).

    Attributes:
        place: Where it lies in the picture.
        window: The part of the picture that is looked at for it.
        inner: Where it lies in the window.
    """

    place: tuple[slice, ...]
    window: tuple[slice, ...]
    inner: tuple[slice, ...]


def blocks(size: Sequence[int], side: int, context: int, least: Sequence[int] = ()) -> Iterator[Block]:
    """All blocks of a picture (Ronneberger et al. 2015, figure 2).

    Args:
        size: Spatial size.
        side: Longest side of a block, unless a window of the least size has room for a longer one.
        context: How much is looked at on each side beside the block, where there is as much.
        least: Smallest size of a window, where the picture is as large.

    >>> [block.window for block in blocks([10], 6, 2)]
    [(slice(0, 7, None),), (slice(3, 10, None),)]
    >>> [block.window for block in blocks([10], 4, 1, [8])]
    [(slice(0, 8, None),), (slice(2, 10, None),)]
    """
    axes = []
    for length, window in zip(size, least or [1] * len(size), strict=True):
        longest = max(side, window - 2 * context)
        count = 1 if length <= window else -(-length // longest)
        axes.append([_cut(length, (k, count), context, window) for k in range(count)])
    for parts in itertools.product(*axes):
        place, window, inner = zip(*parts, strict=True)
        yield Block(place, window, inner)


def _cut(length: int, part: tuple[int, int], context: int, least: int) -> tuple[slice, slice, slice]:
    """One of several parts of about equal length, by its number, of so many."""
    number, count = part
    start, stop = length * number // count, length * (number + 1) // count
    first, last = max(0, start - context), min(length, stop + context)
    wanted = min(length, max(last - first, least))
    first = max(0, first - (wanted - (last - first)) // 2)
    last = min(length, first + wanted)
    first = last - wanted
    return slice(start, stop), slice(first, last), slice(start - first, stop - first)
