"""Which candidates agree as thumbnails: cheap, and lenient; the files decide."""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from visus.search.duplicates.alignment import Matrix, by_cards, by_corners
from visus.search.duplicates.evidence import glance
from visus.search.duplicates.looks import Gray, Look, decoded

_SURELY = 0.95  # correlation of the details of two cards with which nothing else need be looked at
_KEPT = 49_152  # looks in memory, some 14 kB each
_DECODED = 1024  # pictures in memory: a look asks several times


class Screen:
    """Compares thumbnails, from several threads at once.

    Args:
        thumbnail: Gives the small picture (JPEG) of a content, by its position.
    """

    def __init__(self, thumbnail: Callable[[int], bytes]) -> None:
        self._gray: Callable[[int], Gray] = functools.lru_cache(_DECODED)(lambda position: decoded(thumbnail(position)))
        self._looks: OrderedDict[int, Look] = OrderedDict()
        self._turn = threading.Lock()

    def __call__(self, i: int, j: int, *, parts: bool = True) -> Matrix | None:
        """How the thumbnail of i lies over that of j; None where they do not agree.

        Args:
            i: Position of a content.
            j: Of another.
            parts: Whether one may be a part of the other, or tilted; whole pictures are compared sooner.

        Returns:
            Takes points of i to points of j, in pixels of the thumbnails.
        """
        a, b = self.look(i), self.look(j)
        ways = by_cards(a, b)
        if ways and ways[0][0] >= _SURELY:
            return ways[0][1]
        found = [glance(a.gray, b.gray, way) for _, way in ways]
        if parts and not any(found) and (way := by_corners(a, b)) is not None:
            found = [glance(a.gray, b.gray, way)]
        best = max((own for own in found if own is not None), key=lambda own: own[0], default=None)
        return None if best is None else best[1]

    def spent(self, positions: Iterable[int]) -> None:
        """Say which contents are hardly looked at again: they are the first to be forgotten where room is wanted.

        Args:
            positions: Of contents.
        """
        with self._turn:
            for position in positions:
                if position in self._looks:
                    self._looks.move_to_end(position, last=False)

    def look(self, position: int) -> Look:
        """A look at a content; the last ones are remembered."""
        with self._turn:
            if position in self._looks:
                self._looks.move_to_end(position)
                return self._looks[position]
        found = Look(functools.partial(self._gray, position))
        with self._turn:
            self._looks[position] = found
            while len(self._looks) > _KEPT:
                self._looks.popitem(last=False)
        return found
