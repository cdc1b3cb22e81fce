"""One search of a table: the vector that asks, the rows nearest to it, and what a second look makes of them."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus._errors import InputError, PictureIndexError
from visus.images import decode, read_bytes, shrink
from visus.search import contents, rerank
from visus.search.contents import Checks, Contents
from visus.search.describe import unit
from visus.search.place import explained
from visus.search.queries import Joined, Query
from visus.search.rows import EMBEDDING, thumbnail_sum
from visus.search.store import Store

COLUMNS = ("id", "path", "width", "height", "size")
"""What an index tells of a hit."""

_EXPANDED = 5  # hits that join the query

Row = dict[str, Any]
"""A picture that was found: :data:`COLUMNS`, ``score``, ``cosine`` and, after a second look, ``note``."""


def thumbnails(store: Store, ids: list[int]) -> dict[int, bytes]:
    """The small pictures (JPEG) of rows by their id; a damaged one is made again from the file.

    Raises:
        PictureIndexError: A damaged one belongs to a file that is not there, or has changed.
    """
    names = [name for name in ("path", "hash", "thumbnail", "thumbnail_sum") if store.has(name)]
    return {key: sound_thumbnail(store, row) for key, row in store.rows(ids, names).items()}


def sound_thumbnail(store: Store, row: Row) -> bytes:
    """The small picture of a row; a damaged one is made again from the file.

    Args:
        store: The table.
        row: ``path``, ``hash``, ``thumbnail`` and, where the table has it, ``thumbnail_sum``.

    Raises:
        PictureIndexError: It is damaged, and the file is not there or has changed.
    """
    from visus.search.reading import THUMBNAIL_SIDE, as_thumbnail, content_hash

    if row.get("thumbnail_sum") in (None, thumbnail_sum(row["hash"], row["thumbnail"])):
        return row["thumbnail"]
    with contextlib.suppress(InputError):
        data = read_bytes(row["path"])
        if content_hash(data) == row["hash"]:
            return as_thumbnail(shrink(decode(data, range="own").pixels, THUMBNAIL_SIDE))
    raise PictureIndexError(
        f"What {store.location} keeps of {row['path']} to show is damaged; run: visus index --verify --mend"
    )


def picture_of(store: Store, row: Row, max_pixels: int) -> NDArray[np.uint8]:
    """The picture of a row, or its thumbnail where the file is gone, is another one now, or too large.

    Args:
        store: The table.
        row: As :func:`sound_thumbnail` takes it.
        max_pixels: Larger files are not decoded.

    Returns:
        ``(H, W, 3)`` uint8, the longest side at most 512.
    """
    from visus.search.reading import content_hash

    with contextlib.suppress(InputError):
        data = read_bytes(row["path"])
        if content_hash(data) == row["hash"]:
            return shrink(decode(data, min_side=rerank.SIDE, max_pixels=max_pixels, range="own").pixels, rerank.SIDE)
    return decode(sound_thumbnail(store, row)).pixels


@dataclass(frozen=True, slots=True)
class Nearest:
    """What is nearest in a table.

    Attributes:
        store: The table.
        where: SQL condition on the columns, as :func:`visus.search.where.to_sql` gives it; None for none.
        exact: Whether every vector is compared even in a large table.
        by: Column of vectors; None for the network's.
        checks: What tells sound rows from damaged ones.
    """

    store: Store
    where: str | None
    exact: bool
    by: str | None
    checks: Checks

    def rows(self, query: Query, k: int) -> list[Row]:
        """So many contents, nearest first; files with the same content are one answer.

        Args:
            query: In the space of the column.
            k: How many.
        """
        about = contents.about(self.store)
        condition = self._condition(about)
        found = self._scored(query, k, condition)
        if self.by is None and about.squares:
            found = best_first([*found, *contents.by_squares(self.store, self.checks, query, condition)], k)
        if about.blank:
            blank = f"blank LIKE '%{self.by or EMBEDDING}%'"
            found = best_first([*found, *self._at_no_angle(f"{blank} AND {condition}" if condition else blank, k)], k)
        return contents.with_copies(self.store, found, self.where, COLUMNS) if about.twins else found

    def searched(self) -> int:
        """How many rows may answer."""
        with explained(self.store.location):
            return self.store.segments(self.by or EMBEDDING).count(self._condition(contents.about(self.store)))

    def _scored(self, query: Query, k: int, condition: str | None) -> list[Row]:
        if not query.plain.any():
            return self._at_no_angle(condition, k)
        segments = self.store.segments(self.by or EMBEDDING)
        with explained(self.store.location):
            found = segments.nearest(query, k, condition, exact=self.exact)
            table = segments.rows(found, sorted({*COLUMNS, *self.checks.columns}))
        for name, values in (("score", found.scores), ("cosine", found.cosines)):
            table = table.append_column(
                name, pa.array(values.tolist(), pa.float64())
            )  # of an array would load numpy.ma
        return self.checks.rows(table, [*COLUMNS, "score", "cosine"])

    def _at_no_angle(self, condition: str | None, k: int) -> list[Row]:
        """Rows for a vector of zeros, on either side: no comparison of directions finds them, and their cosine is 0."""
        table = self.store.read(sorted({*COLUMNS, *self.checks.columns}), condition)
        return [row | {"score": 0.0, "cosine": 0.0} for row in self.checks.rows(table, COLUMNS)[:k]]

    def _condition(self, about: Contents) -> str | None:
        """Which rows may answer: of each content the one with the vector, if it or a copy fulfills the condition."""
        parts = ["NOT gone"] if about.gone else []
        parts += ["twin IS NULL"] if about.twins else []
        if self.by in self.store.extras:  # rows that were not described by it have no vector
            parts.append(f"{self.by} IS NOT NULL")
        if self.where:
            parts.append(f"({contents.widened(self.store, self.where) if about.twins else self.where})")
        return " AND ".join(parts) or None

    def expanded(self, query: Query, rows: list[Row]) -> list[Row]:
        """The best rows join the query, which asks again.

        Args:
            query: What asked.
            rows: What was found, nearest first.

        Returns:
            As many rows at most; their ``note`` says where they stood before.
        """
        if not rows:
            return rows
        column = self.by or EMBEDDING
        found = self.store.rows([row["id"] for row in rows[:_EXPANDED]], [column])
        vectors = unit(np.array([found[row["id"]][column] for row in rows[:_EXPANDED]], np.float32))
        scores, compared = np.array([row["score"] for row in rows[:_EXPANDED]]), self.store.compared[column](vectors)
        if isinstance(query, Joined):  # a picture is to have all of it still
            parts = [rerank.expand(part, compared, compared @ part) for part in query.parts]
            asks: Query = replace(query, parts=np.stack(parts))
        else:
            asks = Query(rerank.expand(query.plain, vectors, scores), rerank.expand(query.moved, compared, scores))
        return _noted(self.rows(asks, len(rows)), rows)

    def verified(self, query: NDArray[np.uint8], rows: list[Row], max_pixels: int) -> list[Row]:
        """Rows whose local features agree with the query's come first.

        Args:
            query: ``(H, W, 3)`` uint8.
            rows: What was found, nearest first.
            max_pixels: Of larger files, what the index keeps is looked at.

        Returns:
            The same rows in the new order; their ``note`` says where they stood before and how many features agree.
        """
        names = [name for name in ("path", "hash", "thumbnail", "thumbnail_sum") if self.store.has(name)]
        known = self.store.rows([row["id"] for row in rows], names)
        pictures = (picture_of(self.store, known[row["id"]], max_pixels) for row in rows)  # one at a time
        for row, count in zip(rows, rerank.geometry(query, pictures), strict=True):
            row["inliers"] = count
        agreeing = [row for row in rows if row["inliers"] >= rerank.LEAST_INLIERS]
        others = [row for row in rows if row["inliers"] < rerank.LEAST_INLIERS]
        for row in agreeing:
            row["note"] = f"{row['inliers']} features agree"
        return _noted(sorted(agreeing, key=lambda row: -row["inliers"]) + others, rows)


def best_first(rows: Iterable[Row], k: int) -> list[Row]:
    """So many rows, best first, each once with its best score."""
    best: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: -row["score"]):
        best.setdefault(row["id"], row)
    return list(best.values())[:k]


def _noted(ranked: list[Row], before: list[Row]) -> list[Row]:
    """Say of each row where it stood before."""
    places = {row["id"]: place for place, row in enumerate(before, 1)}
    for place, row in enumerate(ranked, 1):
        old = places.get(row["id"])
        moved = "new" if old is None else f"was {old}" if old != place else ""
        row["note"] = ", ".join(part for part in (moved, row.get("note", "")) if part)
    return ranked
