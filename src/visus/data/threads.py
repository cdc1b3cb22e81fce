"""Look at many files in threads: decoders let go of the interpreter while they work."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from visus._cores import cores

_Answer = TypeVar("_Answer")
_AT_A_TIME = 16  # items for which a thread is asked once: asking takes as long as looking at a small picture


def in_threads(function: Callable[..., _Answer], *lists: Sequence[Any]) -> Iterator[_Answer]:
    """What a function answers for the items of some lists, in their order, from a thread on each core.

    Args:
        function: Takes one item of each list.
        lists: As many items each.

    >>> list(in_threads(lambda a, b: a + b, [1, 2, 3], [10, 20, 30]))
    [11, 22, 33]
    """

    def some(start: int) -> list[_Answer]:
        return [function(*own) for own in zip(*(items[start : start + _AT_A_TIME] for items in lists), strict=True)]

    with ThreadPoolExecutor(cores()) as pool:
        for answers in pool.map(some, range(0, len(lists[0]), _AT_A_TIME)):
            yield from answers
