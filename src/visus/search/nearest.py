"""One search of a table: the vector that asks, the rows nearest to it, and what a second look makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.search import contents, rerank
from visus.search.classical import Classical
from visus.search.contents import Checks, Contents
from visus.search.describe import Describing, Floats, unit
from visus.search.query import load_or_thumbnail
from visus.search.rows import EMBEDDING
from visus.search.store import Store
from visus.search.vector_cache import VectorCache
from visus.search.whiten import project

COLUMNS = ("id", "path", "width", "height", "size")
"""What an index tells of a hit."""

_EXPANDED = 5  # hits that join the query

Row = dict[str, Any]
"""A picture that was found: :data:`COLUMNS`, ``score`` and, after a second look, ``note``."""


def query_vector(
    describing: Describing | Classical,
    likes: list[NDArray[np.uint8]],
    unlikes: list[NDArray[np.uint8]],
    whitening: tuple[Floats, Floats] | None,
) -> Floats:
    """One vector of length 1 that asks for some pictures and against others.

    Args:
        describing: What describes pictures.
        likes: Pictures to find, each ``(H, W, 3)`` uint8; their mean vector asks.
        unlikes: Pictures to avoid, likewise; the mean of their vectors is taken away.
        whitening: Mean ``(D,)`` and projection ``(D, d)`` float32; None for none.

    Returns:
        ``(D,)`` float32, or ``(d,)`` with whitening.

    Raises:
        InputError: Both are the same.
    """
    vectors = describing([*likes, *unlikes])
    if whitening is not None:
        vectors = project(vectors, *whitening)
    total = vectors[: len(likes)].mean(axis=0)
    if unlikes:
        total = total - vectors[len(likes) :].mean(axis=0)
    if np.linalg.norm(total) < 1e-6:
        raise InputError("The pictures to find and the pictures to avoid are the same; leave one of them away.")
    return unit(total)


def thumbnails(store: Store, ids: list[int]) -> dict[int, bytes]:
    """The small pictures (JPEG) of rows by their id."""
    return {key: row["thumbnail"] for key, row in store.rows(ids, ["thumbnail"]).items()}


@dataclass(frozen=True, slots=True)
class Nearest:
    """What is nearest in a table.

    Attributes:
        store: The table.
        held: Its vectors in memory, where a server holds them.
        where: SQL condition on the columns, as :func:`visus.search.where.to_sql` gives it; None for none.
        exact: Whether every vector is compared even in a large table.
        by: Column of vectors; None for the network's.
        checks: What tells sound rows from damaged ones.
    """

    store: Store
    held: VectorCache | None
    where: str | None
    exact: bool
    by: str | None
    checks: Checks

    def rows(self, vector: Floats, k: int) -> list[Row]:
        """So many contents, nearest first; files with the same content are one answer.

        Args:
            vector: ``(D,)`` float32, in the space of the column.
            k: How many.
        """
        about = contents.about(self.store)
        condition = self._condition(about)
        found = self._scored(vector, k, condition)
        if self.by is None and about.squares:
            found = best_first([*found, *contents.by_squares(self.store, self.checks, vector, condition)], k)
        if about.blank:
            blank = f"blank LIKE '%{self.by or EMBEDDING}%'"
            found = best_first([*found, *self._at_no_angle(f"{blank} AND {condition}" if condition else blank, k)], k)
        return contents.with_copies(self.store, found, self.where, COLUMNS) if about.twins else found

    def _scored(self, vector: Floats, k: int, condition: str | None) -> list[Row]:
        if self.held and self.where is None and self.by is None:
            held = self.held.nearest(self.store, vector, k)
            if held is not None:
                self.checks.lost += self.held.lost
                return held
        if not vector.any():
            return self._at_no_angle(condition, k)
        columns = sorted({*COLUMNS, *self.checks.columns})
        table = self.store.nearest(vector, k, columns, where=condition, exact=self.exact, by=self.by)
        rows = self.checks.rows(table, [*COLUMNS, "_distance"])
        for row in rows:
            row["score"] = 1 - row.pop("_distance")
        return rows

    def _at_no_angle(self, condition: str | None, k: int) -> list[Row]:
        """Rows for a vector of zeros, on either side: no comparison of directions finds them, and their cosine is 0."""
        table = self.store.read(sorted({*COLUMNS, *self.checks.columns}), condition)
        return [row | {"score": 0.0} for row in self.checks.rows(table, COLUMNS)[:k]]

    def _condition(self, about: Contents) -> str | None:
        """Which rows may answer: of each content the one with the vector, if it or a copy fulfills the condition."""
        parts = ["NOT gone"] if about.gone else []
        parts += ["twin IS NULL"] if about.twins else []
        if self.by in self.store.extras:  # rows that were not described by it have no vector
            parts.append(f"{self.by} IS NOT NULL")
        if self.where:
            parts.append(f"({contents.widened(self.store, self.where) if about.twins else self.where})")
        return " AND ".join(parts) or None

    def expanded(self, vector: Floats, rows: list[Row]) -> list[Row]:
        """The best rows join the query, which asks again.

        Args:
            vector: ``(D,)`` float32, what asked.
            rows: What was found, nearest first.

        Returns:
            As many rows at most; their ``note`` says where they stood before.
        """
        if not rows:
            return rows
        column = self.by or self.store.vector_column
        found = self.store.rows([row["id"] for row in rows[:_EXPANDED]], [column])
        vectors = unit(np.array([found[row["id"]][column] for row in rows[:_EXPANDED]], np.float32))
        scores = np.array([row["score"] for row in rows[:_EXPANDED]])
        return _noted(self.rows(rerank.expand(vector, vectors, scores), len(rows)), rows)

    def verified(self, query: NDArray[np.uint8], rows: list[Row]) -> list[Row]:
        """Rows whose local features agree with the query's come first.

        Args:
            query: ``(H, W, 3)`` uint8.
            rows: What was found, nearest first.

        Returns:
            The same rows in the new order; their ``note`` says where they stood before and how many features agree.
        """
        small = thumbnails(self.store, [row["id"] for row in rows])
        pictures = [load_or_thumbnail(row["path"], small[row["id"]]) for row in rows]
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
