"""Parts of one picture on all cores; OpenCV, NumPy and the compiled loops let go of the interpreter's lock."""

import contextlib
import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from visus._cores import cores

Part = TypeVar("Part")


@functools.cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="visus-filters")


if hasattr(os, "register_at_fork"):  # a forked process has none of the threads
    os.register_at_fork(after_in_child=_helpers.cache_clear)


def each(work: Callable[[Part], object], parts: Iterable[Part]) -> None:
    """Do some work for each part, on several cores; the first error is raised once all have ended.

    The calling thread works too, and helpers that are still busy elsewhere by the end are not waited for.
    """
    waiting = deque(parts)

    def drain() -> None:
        while True:
            try:
                part = waiting.popleft()
            except IndexError:
                return
            work(part)

    futures: list[Future[None]] = []
    with contextlib.suppress(RuntimeError):  # helpers are gone once the main thread has ended
        futures += [_helpers().submit(drain) for _ in range(min(cores(), len(waiting)) - 1)]
    try:
        drain()
    finally:
        waiting.clear()
        begun = [future for future in futures if not future.cancel()]
        wait(begun)
    for future in begun:
        future.result()


def bands(length: int, size: int) -> list[tuple[int, int]]:
    """Cut a length into parts of about equal size: first and behind the last.

    >>> bands(10, 4)
    [(0, 4), (4, 7), (7, 10)]
    """
    count = max(1, -(-length // max(1, size)))
    short, longer = divmod(length, count)
    ends = [k * short + min(k, longer) for k in range(count + 1)]
    return list(itertools.pairwise(ends))


def corners(shape: tuple[int, ...], step: tuple[int, int]) -> list[tuple[int, int]]:
    """The upper left corners of the tiles that cover a picture.

    >>> corners((5, 3), (4, 4))
    [(0, 0), (4, 0)]
    """
    return [(top, left) for top in range(0, shape[0], step[0]) for left in range(0, shape[1], step[1])]
