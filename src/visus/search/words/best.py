"""The best classes of each row, worked out once as it is indexed: where a search by words looks first.

A file beside each data file of vectors, as codes have one (:mod:`visus.search.code_files`), names for each class the
rows that have it among their best 16, and with which probability. What a word means is a few classes, so that a search
reads a few parts of it. Which rows come first is then told from their vectors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.search.code_files import FOLDER, Content, DataFile, Vectors, about_in, head_of, opened
from visus.search.describe import Floats, unit
from visus.search.files import Files
from visus.search.words.layer import Layer

MOST = 16
"""Classes of a row that are noted."""

_MAGIC = b"visus words 1\n\0\0"


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class BestClasses:
    """For each class, the rows of a data file that have it among their best.

    Attributes:
        rows: How many rows there are.
        starts: ``(C + 1,)`` int64: where the rows of each class begin.
        places: ``(N,)`` uint32: the rows of the first class, then of the next.
        probabilities: ``(N,)`` float32: of the class in the row.
    """

    rows: int
    starts: NDArray[np.int64]
    places: NDArray[np.uint32]
    probabilities: Floats

    def of_kinds(self, kinds: Sequence[int]) -> Floats:
        """The probability ``(rows,)`` float32 that a row is of one of some classes, as far as they are its best.

        Args:
            kinds: Numbers of classes, rising.

        Raises:
            ValueError: It is damaged.
        """
        total = np.zeros(self.rows, np.float64)
        for first, last in _runs(kinds):
            part = slice(self.starts[first], self.starts[last + 1])
            counted = np.bincount(self.places[part], self.probabilities[part], self.rows)
            if len(counted) != self.rows:
                raise ValueError("it names rows that are not there")
            total += counted
        return total.astype(np.float32)


def _runs(kinds: Sequence[int]) -> list[tuple[int, int]]:
    """Classes that follow on each other, as their first and last.

    >>> _runs([3, 4, 5, 9])
    [(3, 5), (9, 9)]
    """
    found: list[tuple[int, int]] = []
    for kind in kinds:
        if found and found[-1][1] == kind - 1:
            found[-1] = (found[-1][0], kind)
        else:
            found.append((kind, kind))
    return found


def name_of(data: DataFile, layer: Layer) -> str:
    """The name of the file for the vectors of a data file."""
    return f"{FOLDER}/{data.name.rpartition('/')[2].rpartition('.')[0]}-{data.column}-{layer.key}.words"


def write(files: Files, data: DataFile, blocks: Iterable[Vectors], layer: Layer) -> None:
    """Write the best classes of the vectors of a data file.

    Args:
        files: Of the index.
        data: The data file.
        blocks: Its vectors in parts ``(N, D)`` as they are stored; zeros for rows that have none.
        layer: From vectors to classes.
    """
    made = invert(blocks, layer)
    arrays = (made.starts, made.places, made.probabilities)
    head = head_of(_MAGIC, {"rows": data.rows, "classes": len(layer.bias), "noted": len(made.places)})
    files.write(name_of(data, layer), b"".join([head, *(own.tobytes() for own in arrays)]))


def invert(blocks: Iterable[Vectors], layer: Layer) -> BestClasses:
    """The best classes of vectors that come in parts ``(N, D)``; those of zeros have none."""
    places, classes, values = [], [], []
    first = 0
    for block in blocks:
        there = np.flatnonzero(block.any(axis=1))
        probabilities = layer.probabilities(unit(block[there]))
        most = min(MOST, probabilities.shape[1])
        best = np.argpartition(-probabilities, most - 1, axis=1)[:, :most]
        places.append(np.repeat(there + first, most))
        classes.append(best.ravel())
        values.append(np.take_along_axis(probabilities, best, axis=1).ravel())
        first += len(block)
    every = np.concatenate(classes) if classes else np.zeros(0, np.int64)
    order = np.argsort(every, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(every, minlength=len(layer.bias)))]).astype(np.int64)
    noted = (np.concatenate(own) if own else np.zeros(0) for own in (places, values))
    rows, chances = (own[order] for own in noted)
    return BestClasses(first, starts, rows.astype(np.uint32), chances.astype(np.float32))


def read(files: Files, data: DataFile, layer: Layer) -> BestClasses:
    """Open such a file; what is in a folder is mapped, not read.

    Raises:
        OSError: It is missing.
        ValueError: It is not whole, or of other vectors.
    """
    return opened(files, data.place, name_of(data, layer), lambda content: _parsed(content, data.rows, len(layer.bias)))


def _parsed(content: Content, rows: int, classes: int) -> BestClasses:
    about, start = about_in(content, _MAGIC)
    noted = int(about["noted"])
    if (about["rows"], about["classes"]) != (rows, classes) or len(content) != start + 8 * (classes + 1) + 8 * noted:
        raise ValueError("it is of other vectors")
    starts = np.frombuffer(content, np.int64, classes + 1, start)
    places = np.frombuffer(content, np.uint32, noted, start + 8 * (classes + 1))
    chances = np.frombuffer(content, np.float32, noted, start + 8 * (classes + 1) + 4 * noted)
    if starts[0] != 0 or starts[-1] != noted or (np.diff(starts) < 0).any():
        raise ValueError("its classes do not follow on each other")
    return BestClasses(rows, starts, places, chances)
