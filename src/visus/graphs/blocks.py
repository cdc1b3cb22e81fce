"""Cut a picture or volume into blocks that are answered one by one, each seen with what surrounds it.

The overlap-tile strategy of Ronneberger et al. 2015, figure 2: blocks lie side by side, windows overlap, and what a
network cannot take is mirrored at the borders.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SIDE = {2: 1024, 3: 96}
"""Longest side of a block, for pictures and for volumes: what bounds the memory."""

CONTEXT = {2: 96, 3: 16}
"""How much is looked at beside a block."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Which sizes a network takes that gives each position a class.

    Attributes:
        multiple: What each side, less :attr:`offset`, must be a multiple of.
        offset: See there.
        least: Smallest side.
        margin: Positions at each border of the input that get no answer.
        fixed: The only side that it takes, or None.
    """

    multiple: int = 1
    offset: int = 0
    least: int = 1
    margin: int = 0
    fixed: int | None = None

    def fit(self, side: int) -> int:
        """The smallest side, at least as large as one that is wanted, that the network takes.

        >>> Sides(multiple=16, offset=12, least=188).fit(200)
        204
        """
        if self.fixed is not None:
            return self.fixed
        steps = -(-(max(side, self.least) - self.offset) // self.multiple)
        return steps * self.multiple + self.offset

    def around(self, size: Sequence[int], window: Sequence[int] = ()) -> tuple[list[int], list[int]]:
        """How much must be mirrored before and behind each axis of a picture, so that all of it is answered.

        Args:
            size: Its spatial size.
            window: What the network was trained on: smaller pictures are mirrored up to that size, as in training.

        >>> Sides(multiple=32, least=32).around([40, 64])
        ([12, 0], [12, 0])
        """
        least = tuple(window) or size
        seen = [self.fit(max(n + 2 * self.margin, w)) for n, w in zip(size, least, strict=True)]
        before = [(s - n) // 2 for s, n in zip(seen, size, strict=True)]
        return before, [s - n - b for s, n, b in zip(seen, size, before, strict=True)]

    def blocks(self, size: Sequence[int], window: Sequence[int]) -> "list[Block]":
        """How a picture of any size is cut so that memory stays bounded.

        Args:
            size: Its spatial size.
            window: What the network was trained on; what is looked at is at least as large, where the picture is.
        """
        axes = len(size)
        least = [max(1, w - 2 * self.margin) for w in window]
        return list(blocks(size, SIDE[axes], max(CONTEXT[axes], self.margin), least))

    def windows(self, size: Sequence[int]) -> "list[Block]":
        """How a picture is cut for a network of one fixed size: windows of that size, which overlap by a quarter."""
        side = self.fixed or 0
        return list(blocks(size, side - 2 * (side // 8), side // 8, [side] * len(size)))


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

    Where there are three or more along an axis, windows at the border reach further inwards, so that all have one size:
    what is made ready for a size serves them all.

    Args:
        size: Spatial size.
        side: Longest side of a block, unless a window of the least size has room for a longer one.
        context: How much is looked at on each side beside the block, where there is as much.
        least: Smallest size of a window, where the picture is as large.

    >>> [block.window for block in blocks([10], 6, 2)]
    [(slice(0, 7, None),), (slice(3, 10, None),)]
    >>> [block.window for block in blocks([10], 4, 1, [8])]
    [(slice(0, 8, None),), (slice(2, 10, None),)]
    >>> [block.window for block in blocks([10], 4, 1)]
    [(slice(0, 6, None),), (slice(2, 8, None),), (slice(4, 10, None),)]
    """
    axes = []
    for length, window in zip(size, least or [1] * len(size), strict=True):
        longest = max(side, window - 2 * context)
        count = 1 if length <= window else -(-length // longest)
        size_of_all = -(-length // count) + 2 * context if count > 2 else 1
        axes.append([_cut(length, (k, count), context, max(window, size_of_all)) for k in range(count)])
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
