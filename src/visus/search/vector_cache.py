"""The vectors of a small index, held in memory for somebody who searches again and again: a server.

A scan of the table costs some milliseconds, however few rows there are; a product of matrices does not.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.search.contents import Checks
from visus.search.describe import Floats, unit
from visus.search.rows import to_numpy
from visus.search.store import Store

LIMIT = 256 << 20
"""Bytes that the vectors may take; larger indices are scanned."""


class VectorCache:
    """The rows of an index that are there; several threads may ask.

    Args:
        columns: What is told of the nearest rows.
        limit: Bytes that the vectors may take.

    Attributes:
        lost: Rows that are damaged in the table and left out.
    """

    def __init__(self, columns: tuple[str, ...], limit: int = LIMIT) -> None:
        self._columns, self._limit = columns, limit
        self._lock = threading.Lock()
        self._version = -1
        self.lost = 0
        self._rows: list[dict[str, Any]] | None = None
        self._vectors: Floats = np.zeros((0, 0), np.float32)

    def nearest(self, store: Store, vector: NDArray[np.floating], k: int) -> list[dict[str, Any]] | None:
        """The rows nearest to a vector with their ``score``, best first; None where the index is too large to hold.

        Args:
            store: The table of the index; its vectors are read again when it has changed.
            vector: ``(D,)`` float; it need not be of length 1.
            k: How many rows.
        """
        with self._lock:
            if self._version != store.version:
                self._read(store)
            rows, vectors = self._rows, self._vectors
        if rows is None:
            return None
        scores = np.einsum("nd,d->n", vectors, unit(vector))  # in this thread alone, unlike the product of a BLAS
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        best = best[np.argsort(-scores[best], kind="stable")]
        return [
            {**rows[place], "score": score} for place, score in zip(best.tolist(), scores[best].tolist(), strict=True)
        ]

    def _read(self, store: Store) -> None:
        version, self._rows = store.version, None
        column = store.vector_column
        dimension = store.schema.field(column).type.list_size
        if len(store) * dimension * 4 <= self._limit:
            own = " AND twin IS NULL" if store.has("twin") else ""
            checks = Checks(store, None)
            table = store.read(sorted({*self._columns, column, *checks.columns}), f"NOT gone{own}")
            table = checks.kept(table).select([*self._columns, column])
            self.lost = checks.lost
            self._vectors = unit(to_numpy(table.column(column)))
            self._rows = table.drop_columns([column]).to_pylist()
        self._version = version
