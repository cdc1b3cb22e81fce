"""What is found hangs on no thread's pace."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from visus.search.duplicates.find import _screened


class Backwards:
    """Threads of which the last one is always the first to be done."""

    def map(self, work: Callable[[int], Any], parts: Iterable[int]) -> Iterator[Any]:
        """As ``Executor.map``."""
        return reversed([work(part) for part in reversed(list(parts))])


class Forwards:
    """One thread."""

    def map(self, work: Callable[[int], Any], parts: Iterable[int]) -> Iterator[Any]:
        """As ``Executor.map``."""
        return map(work, parts)


def test_the_same_pairs_are_kept_whichever_thread_is_first() -> None:
    chance = np.random.default_rng(0)
    alike = chance.integers(0, 4, 300)  # of which pictures there are versions
    pairs = {i: [(int(j), True) for j in sorted(chance.choice(300, 9)) if j > i] for i in range(299)}

    class Fake:
        def __call__(self, i: int, j: int, *, parts: bool) -> Any:
            return np.eye(3) if alike[i] == alike[j] else None

        def spent(self, positions: list[int]) -> None:
            """It remembers nothing."""

    pools: list[Any] = [Forwards(), Backwards()]
    one, other = (list(_screened(pairs, Fake(), 300, pool, lambda *_: None)) for pool in pools)  # pyright: ignore
    assert one == other
    assert len(one) > 20
    assert all(alike[i] == alike[j] for i, j in one)
