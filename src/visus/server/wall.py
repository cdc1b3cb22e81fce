"""The wall: all pictures of an index, newest first, as a page shows them that scrolls over a hundred thousand.

The page needs the shape of every picture to know where each lies, and names and times of those alone that are in sight.
So the order is answered with one byte a picture, and the rest in parts.
"""

import base64
import hashlib
import os
import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visus.search import Index, times

Order = Literal["newest", "oldest"]

_KEPT = 8  # orders that are kept: of so many filters at a time
_STEPS = 32  # of a byte's code for each doubling of width over height
_SQUARE = 128  # the code of a square
_FACTS = ("id", "path", "width", "height", "size")


@dataclass(frozen=True, slots=True)
class Shown:
    """Which pictures are wanted on the wall.

    Attributes:
        text: Words that must all be in the path, in any case; None for any path.
        where: A condition on the columns, see :mod:`visus.search.where`; None for none.
        order: By the time when a picture was taken, or where that is not known, when its file was changed.
    """

    text: str | None = None
    where: str | None = None
    order: Order = "newest"


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Pictures in their order.

    Attributes:
        version: What tells this state of the index from others.
        ids: ``(N,)`` int64.
        shapes: ``(N,)`` uint8, see :func:`codes`.
    """

    version: str
    ids: NDArray[np.int64]
    shapes: NDArray[np.uint8]


class Wall:
    """The orders of an index that were asked for last; several threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[Shown, _Ordered] = OrderedDict()
        self._folders: tuple[str, list[dict[str, Any]]] = ("", [])

    def layout(self, index: Index, shown: Shown) -> dict[str, Any]:
        """How many pictures there are, and the shape of each.

        Returns:
            ``version`` of the index, ``total``, and ``shapes``: base64 of one byte a picture (:func:`codes`).

        Raises:
            InputError: The condition is not understood.
        """
        own = self._ordered(index, shown)
        shapes = base64.b64encode(own.shapes.tobytes()).decode()
        return {"version": own.version, "total": len(own.ids), "shapes": shapes}

    def part(self, index: Index, shown: Shown, offset: int, limit: int) -> dict[str, Any]:
        """What is to be said of some pictures that follow each other.

        Args:
            index: To be asked.
            shown: Which pictures are on the wall.
            offset: Pictures to pass over.
            limit: Pictures at most.

        Returns:
            ``version``, ``total`` and ``pictures``.

        Raises:
            InputError: The condition is not understood.
        """
        own = self._ordered(index, shown)
        pictures = facts(index, own.ids[offset : offset + limit].tolist())
        return {"version": own.version, "total": len(own.ids), "pictures": pictures}

    def folders(self, index: Index, limit: int) -> dict[str, Any]:
        """Folders that hold pictures, those with most of them, by name.

        Args:
            index: To be asked.
            limit: Folders at most.

        Returns:
            ``folders``, each with ``path`` and ``pictures``, and ``total``: how many there are.
        """
        version = version_of(index)
        with self._lock:
            if self._folders[0] != version:
                paths = index.table(["path"]).column("path").to_pylist()
                counts = Counter(os.path.dirname(path) for path in paths).most_common()
                self._folders = (version, [{"path": path, "pictures": count} for path, count in counts])
            found = self._folders[1]
        return {"folders": sorted(found[:limit], key=lambda own: own["path"]), "total": len(found)}

    def _ordered(self, index: Index, shown: Shown) -> _Ordered:
        version = version_of(index)
        with self._lock:  # who asks for the same meanwhile waits for it
            known = self._orders.get(shown)
            if known is None or known.version != version:
                known = ordered(index, shown, version)
            self._orders[shown] = known
            self._orders.move_to_end(shown)
            if len(self._orders) > _KEPT:
                self._orders.popitem(last=False)
            return known


def version_of(index: Index) -> str:
    """A short name of the state of an index."""
    return hashlib.blake2b(index.identity.encode(), digest_size=8).hexdigest()


def ordered(index: Index, shown: Shown, version: str) -> _Ordered:
    """Sort the pictures that are wanted.

    Raises:
        InputError: The condition is not understood.
    """
    import pyarrow.compute as pc

    words = (shown.text or "").split()
    names = ["id", "width", "height", *times.COLUMNS, *(["path"] if words else [])]
    table = index.table(names, shown.where)
    for word in words:
        table = table.filter(pc.match_substring(table.column("path"), word, ignore_case=True))  # pyright: ignore
    ids = table.column("id").to_numpy()
    seconds, _ = times.times_of(table)
    place = np.lexsort((ids, seconds if shown.order == "oldest" else -seconds))
    widths, heights = (table.column(name).to_numpy()[place] for name in ("width", "height"))
    return _Ordered(version, ids[place], codes(widths, heights))


def codes(widths: NDArray[np.integer], heights: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The shape of each picture in one byte: 128 for a square, 32 more for each doubling of width over height.

    Args:
        widths: ``(N,)`` whole numbers.
        heights: Likewise.

    Returns:
        ``(N,)`` uint8; a code is off by 1.1 % of the ratio at most, from 1:16 to 15:1.

    >>> codes(np.array([100, 200, 50, 0]), np.array([100, 100, 100, 7])).tolist()
    [128, 160, 96, 128]
    """
    known = (widths > 0) & (heights > 0)
    ratios = np.where(known, widths, 1) / np.where(known, heights, 1)
    return np.clip(np.rint(_STEPS * np.log2(ratios)) + _SQUARE, 0, 255).astype(np.uint8)


def facts(index: Index, ids: list[int]) -> list[dict[str, Any]]:
    """What a page says of pictures, as plain values.

    Args:
        index: To be asked.
        ids: Which; those that have left the index meanwhile are left out.
    """
    rows, moments = index.rows(ids, _FACTS), index.times(ids)
    return [_fact(rows[number], *moments[number]) for number in ids if number in rows and number in moments]


def _fact(row: dict[str, Any], seconds: float, taken: bool) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "path": row["path"],
        "name": os.path.basename(row["path"]),
        "width": row["width"],
        "height": row["height"],
        "size": row["size"],
        "time": f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}",
        "taken": taken,
    }
