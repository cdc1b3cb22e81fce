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
    """A part of a picture.

    Attributes:
        place: Where it lies in the picture.
        window: The part of the picture that is looked at for it.
        inner: Where it lies in the window.
    """

    place: tuple[slice, ...]
    window: tuple[slice, ...]
    inner: tuple[slice, ...]


def blocks(size: Sequence[int], side: int, context: int) -> Iterator[Block]:
    """All blocks of a picture.

    Args:
        size: Spatial size.
        side: Longest side of a block.
        context: How much is looked at on each side beside the block, where there is as much.

    >>> [block.window for block in blocks([10], 6, 2)]
    [(slice(0, 7, None),), (slice(3, 10, None),)]
    """
    axes = [[_cut(length, k, -(-length // side), context) for k in range(-(-length // side))] for length in size]
    for parts in itertools.product(*axes):
        place, window, inner = zip(*parts, strict=True)
        yield Block(place, window, inner)


def _cut(length: int, number: int, count: int, context: int) -> tuple[slice, slice, slice]:
    """One of ``count`` parts of about equal length."""
    start, stop = length * number // count, length * (number + 1) // count
    first, last = max(0, start - context), min(length, stop + context)
    return slice(start, stop), slice(first, last), slice(start - first, stop - first)
