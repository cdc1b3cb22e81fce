"""Which candidates agree as thumbnails: cheap, and lenient; the files decide."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from visus.search.duplicates.alignment import Matrix, by_cards, by_corners
from visus.search.duplicates.evidence import Evidence, compare
from visus.search.duplicates.looks import Look, look_at

_KEPT = 4096  # looks in memory, some 80 kB each


class Screen:
    """Compares thumbnails, from several threads at once.

    Args:
        thumbnail: Gives the small picture (JPEG) of a content, by its position.
    """

    def __init__(self, thumbnail: Callable[[int], bytes]) -> None:
        self._thumbnail = thumbnail
        self._looks: OrderedDict[int, Look] = OrderedDict()
        self._turn = threading.Lock()

    def __call__(self, i: int, j: int) -> Matrix | None:
        """How the thumbnail of i lies over that of j; None where they do not agree.

        Args:
            i: Position of a content.
            j: Of another.

        Returns:
            Takes points of i to points of j, in pixels of the thumbnails.
        """
        a, b = self.look(i), self.look(j)
        found = [compare(a.gray, b.gray, way) for way in by_cards(a, b)]
        best = _best(found)
        if best is None and (way := by_corners(a, b)) is not None:
            best = _best([compare(a.gray, b.gray, way)])
        return None if best is None else best.transform

    def look(self, position: int) -> Look:
        """A look at a content; the last ones are remembered."""
        with self._turn:
            if position in self._looks:
                self._looks.move_to_end(position)
                return self._looks[position]
        found = look_at(self._thumbnail(position))
        with self._turn:
            self._looks[position] = found
            while len(self._looks) > _KEPT:
                self._looks.popitem(last=False)
        return found


def _best(found: list[Evidence | None]) -> Evidence | None:
    """The evidence that says most for two pictures, of what speaks for them at all."""
    alike = [evidence for evidence in found if evidence is not None and evidence.alike]
    return max(alike, key=lambda evidence: (evidence.same, evidence.agreement), default=None)
