"""The vectors of one version of an index, ready to be searched: by their codes first, and some in full.

What the codes say of a row is wrong by little more than a known amount. So those rows are compared in full that may be
among the best: few where the best stand out, more where the table is large and much in it alike.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus.search import checksums, code_files
from visus.search.code_files import Coded, DataFile, PagedVectors, Vectors
from visus.search.codes import products, question
from visus.search.describe import Floats, unit
from visus.search.queries import Joined, Named, Query, soft_least
from visus.search.rows import EMBEDDING, vectors_or_zeros
from visus.search.space import Space
from visus.search.words import best
from visus.search.words.best import BestClasses
from visus.search.words.layer import Layer, default_layer, probability

if TYPE_CHECKING:
    from visus.search.store import Store

_MOST = 2000  # rows of a segment that are compared in full at most,
_MOST_FOR_EACH = 20  # and for each hit that is asked for, where they are many
_LIKELY = 100  # rows whose probability for a word is told from their vectors,
_LIKELY_FOR_EACH = 4  # and for each hit that is asked for, where they are many
_BLOCK = 4096  # vectors that are compared at once
_AT_ONCE = 1024  # vectors whose classes are worked out at once
_IN_FRAGMENT = np.uint64(0xFFFFFFFF)  # the bits of a row's address that are its number in its fragment
_SAMPLE = 1000  # vectors that tell how far cosines are spread
_MASKS = 4  # conditions whose rows are remembered

Masks = list[NDArray[np.bool_]]
"""For each segment, which of its rows may answer."""

Rows = tuple[NDArray[np.int64], Vectors]
"""The places of some rows among those of the table that are not deleted, and their vectors ``(N, D)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Rows, the best first.

    Attributes:
        rows: ``(N,)`` int64: their places among the rows of the table that are not deleted.
        scores: ``(N,)`` float32: their cosines with the query in the space, of a word their probabilities, of several
            that are all wanted the soft minimum of the cosines.
        cosines: ``(N,)`` float32: those of the vectors as they are.
    """

    rows: NDArray[np.int64]
    scores: Floats
    cosines: Floats

    def first(self, other: "Found", k: int) -> "Found":
        """The best ``k`` of both, best first; of equal ones, those that lie further ahead in the table."""
        rows = np.concatenate([self.rows, other.rows])
        scores = np.concatenate([self.scores, other.scores])
        cosines = np.concatenate([self.cosines, other.cosines])
        order = np.lexsort((rows, -scores))[:k]
        return Found(rows[order], scores[order], cosines[order])


NOTHING = Found(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))


class Segment:
    """The rows of a fragment of the table.

    Args:
        store: The open table.
        fragment: Of it.
        column: Of vectors.
        space: In which they are compared.
        start: How many rows of the table that are not deleted lie before it.

    Attributes:
        rows: How many the fragment has, deleted ones too.
        live: ``(N,)``: the numbers of those that are not deleted; None where none is.
        empty: Whether none of its rows has been described yet.
        coded: Their codes; None where there are none.
    """

    def __init__(self, store: "Store", fragment: lance.LanceFragment, column: str, space: Space, start: int) -> None:
        self.fragment, self.column, self.start = fragment, column, start
        self.rows = fragment.physical_rows
        self.number = fragment.fragment_id
        self.live = self._not_deleted() if fragment.num_deletions else None
        self._dtype = np.dtype(store.dtype)
        self.coded: Coded | None = None
        data = data_file(store, fragment, column)
        self._data, self._files, self._sums = data, store.files, store.sums
        self.empty = data is None
        if data and (store.sums is None or data.codes_in(space) in store.sums.files):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # else every vector is compared
                self.coded = code_files.read(store.files, data, space)
        pages = self.coded.pages if self.coded else ()
        self._paged = PagedVectors(data, pages) if data and data.path and pages else None

    @property
    def count(self) -> int:
        """How many rows are not deleted."""
        return self.rows if self.live is None else len(self.live)

    def _not_deleted(self) -> NDArray[np.int64]:
        table = self.fragment.to_table(columns=[], with_row_address=True)
        return np.sort(_places(table))

    def among_all(self, places: NDArray[np.integer]) -> NDArray[np.int64]:
        """The places ``(N,)`` int64 of rows of this fragment among all rows of the table that are not deleted."""
        own = places if self.live is None else np.searchsorted(self.live, places)
        return own.astype(np.int64) + self.start

    def best_classes(self, layer: Layer) -> BestClasses | None:
        """The best classes of its rows; None where they were not noted."""
        if self._data is None or (self._sums and best.name_of(self._data, layer) not in self._sums.files):
            return None
        try:
            return best.read(self._files, self._data, layer)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def vectors(self, places: NDArray[np.integer]) -> Vectors:
        """The vectors ``(N, D)`` float32 or float16 as they are stored; zeros for rows that have none.

        Raises:
            OSError: They cannot be read.
        """
        if self._paged:
            return self._paged(places)
        own = places if self.live is None else np.searchsorted(self.live, places)
        return vectors_or_zeros(
            self.fragment.take(own.tolist(), columns=[self.column]).column(self.column), self._dtype
        )

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        """All rows that are not deleted, by their numbers, with their vectors; zeros for rows that have none.

        Raises:
            OSError: They cannot be read.
        """
        return _blocks(self.fragment, self.column, self._dtype)


def _places(rows: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
    """The numbers of rows in their fragments, as their addresses tell."""
    return (rows.column("_rowaddr").to_numpy() & _IN_FRAGMENT).astype(np.int64)


def _blocks(
    fragment: lance.LanceFragment, column: str, dtype: np.dtype[Any]
) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
    """The rows of a fragment that are not deleted, by their numbers, with their vectors."""
    for batch in fragment.to_batches(columns=[column], with_row_address=True, batch_size=_BLOCK):
        yield _places(batch), vectors_or_zeros(batch.column(column), dtype)


def data_file(store: "Store", fragment: lance.LanceFragment, column: str) -> DataFile | None:
    """The data file that holds a column of a fragment; None where the column is empty there."""
    field = store.table.lance_schema.field(column)
    assert field is not None
    for file in fragment.metadata.files:
        if field.id() in file.fields:
            position = file.column_indices[file.fields.index(field.id())]
            dtype, dimension = np.dtype(store.dtype), store.schema.field(column).type.list_size
            return DataFile(store.location, file.path, column, position, fragment.physical_rows, dtype, dimension)
    return None


class Segments:
    """All vectors of a column of one version of the table; several threads may ask.

    Args:
        store: The open table.
        column: Of vectors.
        space: In which they are compared.

    Raises:
        OSError: The files cannot be read.
    """

    def __init__(self, store: "Store", column: str, space: Space) -> None:
        self._table, self.space = store.table, space
        self._segments: list[Segment] = []
        self._masks: dict[str, Masks] = {}
        self._best_classes: dict[str, list[BestClasses] | None] = {}  # by the key of a layer
        self._alone = threading.Lock()
        start = 0
        for fragment in store.table.get_fragments():
            segment = Segment(store, fragment, column, space, start)
            start += segment.count
            if not segment.empty:
                self._segments.append(segment)
        self.coded = all(segment.coded for segment in self._segments)

    def nearest(self, query: Query, k: int, where: str | None = None, *, exact: bool = False) -> Found:
        """The rows nearest to a query.

        Args:
            query: Not zero.
            k: How many.
            where: SQL condition on the rows; None for all.
            exact: Compare every vector in full.

        Raises:
            OSError: The files cannot be read.
        """
        masks = self._allowed(where)
        if isinstance(query, Named):
            likely = None if exact else self._likely_shown(query, masks, k)
            return self._showing(self._all(masks) if likely is None else likely, query, k)
        rows = self._all(masks) if exact or not self.coded else self._likely(query, masks, k)
        return self._having_all(rows, query, k) if isinstance(query, Joined) else self._best(rows, query, k)

    def count(self, where: str | None = None) -> int:
        """How many rows fulfill a condition.

        Raises:
            OSError: The files cannot be read.
        """
        masks = self._allowed(where)
        return sum(segment.count for segment in self._segments) if masks is None else sum(int(m.sum()) for m in masks)

    def _allowed(self, where: str | None) -> Masks | None:
        if where is None:
            return (
                [_mask(s.live, s.rows) for s in self._segments]
                if any(s.live is not None for s in self._segments)
                else None
            )
        with self._alone:
            masks = self._masks.get(where)
        if masks is None:
            masks = self._look_up(where)
            with self._alone:
                if len(self._masks) >= _MASKS:
                    self._masks.pop(next(iter(self._masks)))
                self._masks[where] = masks
        return masks

    def _look_up(self, where: str) -> Masks:
        scanner = self._table.scanner(columns=[], filter=where, with_row_address=True)
        found = scanner.to_table()
        fragments, offsets = found.column("_rowaddr").to_numpy() >> np.uint64(32), _places(found)
        return [_mask(offsets[fragments == segment.number], segment.rows) for segment in self._segments]

    def _likely(self, query: Query, masks: Masks | None, k: int) -> Iterator[Rows]:
        """The rows that may be among the best, as their codes tell."""
        if isinstance(query, Joined):
            yield from self._read(*self._candidates_of_all(query, masks, k))
        else:
            yield from self._read(*self._candidates(query, masks, k))

    def _read(self, numbers: NDArray[np.int64], places: NDArray[np.int64]) -> Iterator[Rows]:
        """The vectors of rows, by the numbers of their segments and their places in these."""
        found = [(self._segments[n], np.sort(places[numbers == n])) for n in sorted(set(numbers.tolist()))]
        if found:
            rows = np.concatenate([segment.among_all(own) for segment, own in found])
            yield rows, np.concatenate([segment.vectors(own) for segment, own in found])

    def _candidates(self, query: Query, masks: Masks | None, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those rows, as numbers of segments and places in them."""
        asked, above = question(query.moved), -np.inf
        numbers, places, scores = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
        for number, segment in enumerate(self._segments):
            assert segment.coded
            allowed = masks[number] if masks else None
            own, values = segment.coded.codes.nearest(asked, max(_MOST, _MOST_FOR_EACH * k), allowed, above=above)
            numbers = np.concatenate([numbers, np.full(len(own), number)])
            places, scores = np.concatenate([places, own.astype(np.int64)]), np.concatenate([scores, values])
            if len(scores) > k:
                above = asked.least(float(np.partition(scores, -k)[-k]))
                near = scores > above
                numbers, places, scores = numbers[near], places[near], scores[near]
        return numbers, places

    def _candidates_of_all(
        self, query: Joined, masks: Masks | None, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same for several queries of which rows are to have all: each row is compared with each by its codes."""
        asked, most = [question(part) for part in query.parts], max(_MOST, _MOST_FOR_EACH * k)
        numbers, places, scores = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
        for number, segment in enumerate(self._segments):
            assert segment.coded
            told = np.full((segment.rows, len(asked)), np.nan, np.float32)
            for column, own in enumerate(asked):
                near, values = segment.coded.codes.nearest(own, segment.rows, masks[number] if masks else None)
                told[near, column] = values
            rows = np.flatnonzero(~np.isnan(told[:, 0]))  # those that may answer: the same for each
            numbers, places = np.concatenate([numbers, np.full(len(rows), number)]), np.concatenate([places, rows])
            scores = np.concatenate([scores, soft_least(told[rows], query.weights, query.spreads)])
            if len(scores) > most:
                first = np.argpartition(-scores, most - 1)[:most]
                numbers, places, scores = numbers[first], places[first], scores[first]
        return numbers, places

    def _likely_shown(self, query: Named, masks: Masks | None, k: int) -> Iterator[Rows] | None:
        """The rows that most likely show what a word names, as their best classes tell; None where these do not."""
        noted = self._noted(query.layer)
        keep = max(_LIKELY, _LIKELY_FOR_EACH * k)
        numbers, places, chances = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
        for number, own in enumerate(noted or ()):
            try:
                values = own.of_kinds(query.kinds)
            except ValueError:  # it is damaged
                return None
            if masks:
                values *= masks[number]
            least = float(chances.min()) if len(chances) >= keep else 0.0
            near = np.flatnonzero(values > least)
            numbers = np.concatenate([numbers, np.full(len(near), number)])
            places, chances = np.concatenate([places, near]), np.concatenate([chances, values[near]])
            if len(chances) > keep:
                first = np.argpartition(-chances, keep - 1)[:keep]
                numbers, places, chances = numbers[first], places[first], chances[first]
        return self._read(numbers, places) if len(chances) >= k else None

    def _noted(self, layer: Layer) -> list[BestClasses] | None:
        """The best classes of all rows; None where some were not noted."""
        with self._alone:
            if layer.key not in self._best_classes:
                found = [segment.best_classes(layer) for segment in self._segments]
                self._best_classes[layer.key] = [own for own in found if own] if all(found) else None
            return self._best_classes[layer.key]

    def _showing(self, rows: Iterable[Rows], query: Named, k: int) -> Found:
        """The best of rows for a word, told from their vectors."""
        found = NOTHING  # scores are logarithms of odds first: many probabilities are 1
        for places, stored in rows:
            for first in range(0, len(stored), _AT_ONCE):
                vectors, own = stored[first : first + _AT_ONCE], places[first : first + _AT_ONCE]
                there = vectors.any(axis=1)  # rows without a vector never answer
                plain = unit(vectors[there])
                odds, cosines = query.layer.odds(plain, query.kinds), plain @ query.plain
                found = found.first(Found(own[there], odds, cosines), k)
        return Found(found.rows, probability(found.scores), found.cosines)

    def _having_all(self, rows: Iterable[Rows], query: Joined, k: int) -> Found:
        """The best of rows for several queries of which they are to have all, told from their vectors."""
        found = NOTHING
        for places, stored in rows:
            there = stored.any(axis=1)  # rows without a vector never answer
            plain = unit(stored[there])
            found = found.first(Found(places[there], query.scores(plain, self.space), plain @ query.plain), k)
        return found

    def _all(self, masks: Masks | None) -> Iterator[Rows]:
        """All rows that may answer; vectors of zeros for those that have none."""
        for number, segment in enumerate(self._segments):
            for places, vectors in segment.blocks():
                keep = masks[number][places] if masks else slice(None)
                yield segment.among_all(places[keep]), vectors[keep]

    def _best(self, rows: Iterable[Rows], query: Query, k: int) -> Found:
        """The best of rows, which are compared in full."""
        direction, less = self.space.back(query.moved)
        mean = self._mean(query)
        others = np.stack([query.plain, direction, mean]).astype(np.float32)
        found = NOTHING
        for places, vectors in rows:
            told = products(vectors, others)
            there = told[:, 3] > 0  # rows without a vector never answer
            plain, moved, middle, squares = told[there].T
            length = np.sqrt(squares)
            scores = (moved / length - less) / self._lengths(vectors[there], middle / length, float(mean @ mean))
            found = found.first(Found(places[there], scores, plain / length), k)
        return found

    def _mean(self, query: Query) -> Floats:
        return np.zeros_like(query.plain) if self.space.mean is None else self.space.mean

    def _lengths(self, vectors: Vectors, middle: Floats, mean: float) -> Floats:
        """How long vectors are in the space.

        Args:
            vectors: ``(N, D)``.
            middle: ``(N,)`` their products with the mean of the space, at length 1.
            mean: The product of the mean with itself.
        """
        if self.space.projection is not None:
            return np.maximum(np.linalg.norm(self.space.moved(unit(vectors)), axis=1), 1e-6)
        return np.sqrt(np.maximum(1 - 2 * middle + mean, 1e-12))

    def spread(self, count: int) -> Iterator[Query]:
        """Some vectors as queries, spread over the table.

        Raises:
            OSError: The files cannot be read.
        """
        total = sum(segment.rows for segment in self._segments)
        step, start = max(1, total // count), 0
        for segment in self._segments:
            places = np.arange(-start % step, segment.rows, step)
            live = places if segment.live is None else np.intersect1d(places, segment.live)
            vectors = unit(segment.vectors(live))
            yield from (Query(v, self.space(v)) for v in vectors[vectors.any(axis=1)])
            start += segment.rows

    @functools.cached_property
    def sample(self) -> Floats:
        """Some of the vectors in the space, ``(N, d)`` float32, spread over the table.

        Raises:
            OSError: They cannot be read.
        """
        found = [own.moved for own in self.spread(_SAMPLE)]
        return np.stack(found) if found else np.zeros((0, 1), np.float32)

    def best_scores(self, queries: Sequence[Query], k: int) -> Floats:
        """The scores ``(N, k)`` float32 of the nearest rows of one or more queries, every vector compared in full.

        Raises:
            OSError: The files cannot be read.
        """
        directions, less = (
            np.stack(column) for column in zip(*(self.space.back(q.moved) for q in queries), strict=True)
        )
        mean = self._mean(queries[0])
        best = np.full((len(queries), k), -np.inf, np.float32)
        for _, vectors in self._all(self._allowed(None)):
            plain = unit(vectors)
            plain = plain[plain.any(axis=1)]
            scores = (directions @ plain.T - less[:, None]) / self._lengths(plain, plain @ mean, float(mean @ mean))
            best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :k]
        return best

    def rows(self, found: Found, columns: Sequence[str]) -> pa.Table:
        """Columns of rows that were found, in their order.

        Raises:
            OSError: They cannot be read.
        """
        return self._table.take(found.rows.tolist(), columns=list(columns))


def _mask(places: NDArray[np.integer] | None, rows: int) -> NDArray[np.bool_]:
    mask = np.ones(rows, bool) if places is None else np.zeros(rows, bool)
    if places is not None:
        mask[places] = True
    return mask


def write_codes(store: "Store") -> dict[str, bool]:
    """Write the files of codes and of best classes that the version which is open lacks.

    Returns:
        The names of all that it has, and whether they were written now.

    Raises:
        OSError: They cannot be written.
    """
    written: dict[str, bool] = {}
    for name, write in _codes_of(store):
        written[name] = _is_missing(store, name)
        if written[name]:
            write()
    return written


def lacks_codes(store: "Store") -> bool:
    """Whether the version which is open lacks some of the files that :func:`write_codes` writes."""
    return any(_is_missing(store, name) for name, _ in _codes_of(store))


def _is_missing(store: "Store", name: str) -> bool:
    sums = store.sums
    return not sums or name not in sums.files or checksums.is_resized(store.files, sums, name)


def _codes_of(store: "Store") -> Iterator[tuple[str, Callable[[], None]]]:
    """The files of codes of all fragments, and of their best classes; of each its name, and what writes it."""
    layer = default_layer(store.about)
    for fragment in store.table.get_fragments():
        for column, space in store.compared.items():
            if data := data_file(store, fragment, column):
                blocks = _physical_blocks(fragment, data)
                yield data.codes_in(space), partial(code_files.write, store.files, data, blocks, space)
        if layer and (data := data_file(store, fragment, EMBEDDING)):
            blocks = _physical_blocks(fragment, data)
            yield best.name_of(data, layer), partial(best.write, store.files, data, blocks, layer)


def _physical_blocks(fragment: lance.LanceFragment, data: DataFile) -> Iterator[Vectors]:
    """All vectors of a fragment in blocks; zeros for rows that are deleted or have none."""
    rows, dimension, dtype = data.rows, data.dimension, data.dtype
    block, first = np.zeros((min(_BLOCK, rows), dimension), dtype), 0
    for read in _blocks(fragment, data.column, dtype):
        places, vectors = read
        while len(places):
            within = places < first + len(block)
            block[places[within] - first] = vectors[within]
            places, vectors = places[~within], vectors[~within]
            if len(places):
                yield block
                first += len(block)
                block = np.zeros((min(_BLOCK, rows - first), dimension), dtype)
    while first < rows:
        yield block
        first += len(block)
        block = np.zeros((min(_BLOCK, rows - first), dimension), dtype)
