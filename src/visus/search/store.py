"""The table of an index: one row a picture, in the Lance format that LanceDB opens too.

Every change is one commit: a reader, or whoever opens the table after ``kill -9``, sees all of it or nothing.
"""

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus._errors import PictureIndexError
from visus.search.place import exists, explained, place_of, reason_of
from visus.search.rows import Dtype, schema, to_arrow, to_numpy, vector_type

FORMAT = 2
"""Version of the table's layout; a newer one is refused. 2 has further descriptors, which 1 would not keep up."""
_PLAIN_FORMAT = 1

EXACT_ROWS = 200_000
"""Up to this many rows every vector is compared; above, an approximate index is kept (docs/performance.md)."""

_ROWS_PER_FRAGMENT = 65_536
_STORAGE = "2.0"  # of Lance's file formats the one that scans vectors fastest in a fresh process
_SCAN_ROWS = 4096
_KEEP = timedelta(minutes=10)  # how long readers of a superseded version may go on
_SCAN_BUFFER = 32 << 20  # bytes that are read ahead of a scan; the library's own choice takes more memory
_REFINED = 200  # candidates of the approximate index that are compared in full, at least
_VECTORS = "embedding"
_WHITE = "whitened"


class Store:
    """The open table of an index.

    Args:
        location: Where the index lies.

    Raises:
        PictureIndexError: There is no index, or it is damaged or of a newer format.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.location = place_of(location)
        if not exists(self.location):
            raise PictureIndexError(f"There is no index at {self.location}; make one with: visus index FOLDER")
        self._table = self._open()
        self._gone = -1, False  # version, and whether rows of it are gone
        self._whitening: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._describe()

    @classmethod
    def create(cls, location: str | os.PathLike[str], about: dict[str, Any], dtype: Dtype) -> "Store":
        """Make an empty table, or finish making one that was interrupted.

        Args:
            location: Where the index will lie; the caller holds its lock.
            about: What tells the descriptor from others.
            dtype: How vectors are stored.
        """
        place = place_of(location)
        metadata = {"visus": json.dumps({"format": _PLAIN_FORMAT, "dtype": dtype, **about})}
        empty = schema(about["dimension"], dtype).with_metadata(metadata).empty_table()
        with explained(place):
            if isinstance(place, Path):
                place.mkdir(parents=True, exist_ok=True)
            lance.write_dataset(empty, f"{place}/pictures.lance", mode="create", data_storage_version=_STORAGE)
        return cls(place)

    def _open(self) -> lance.LanceDataset:
        with explained(self.location):
            return lance.dataset(f"{self.location}/pictures.lance")

    def _read_about(self) -> dict[str, Any]:
        raw = (self._table.schema.metadata or {}).get(b"visus")
        if raw is None:
            raise PictureIndexError(f"{self.location} was not made by visus; name another index.")
        about: dict[str, Any] = json.loads(raw)
        if about["format"] > FORMAT:
            raise PictureIndexError(
                f"{self.location} was made by a newer visus (format {about['format']}, this one reads {FORMAT}); "
                "say: pip install --upgrade visus"
            )
        return about

    def refresh(self) -> None:
        """See what other processes have committed."""
        with explained(self.location):
            self._table.checkout_latest()
        if self._table.version != self._described:
            self._describe()

    def _describe(self) -> None:
        """Read what the table says of itself, and remember at which version it said so."""
        self.about = self._read_about()
        self.extras = [name for name in self.about.get("extras", {}) if name in self._table.schema.names]
        self._whitening = None
        self._described = self._table.version

    # Reading -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Rows whose file is there."""
        return self.count("NOT gone")

    def count(self, where: str | None = None) -> int:
        """Rows that fulfill an SQL condition."""
        with explained(self.location):
            return self._table.count_rows(where)

    def scan(
        self, columns: Sequence[str], where: str | None = None, *, batch_rows: int = 8192
    ) -> Iterator[pa.RecordBatch]:
        """Rows in batches, with some columns."""
        with explained(self.location):
            yield from self._table.to_batches(columns=list(columns), filter=where, batch_size=batch_rows)

    def read(self, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """All rows that fulfill a condition, with some columns."""
        with explained(self.location):
            return self._table.to_table(columns=list(columns), filter=where)

    def rows(self, ids: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Some rows by their id."""
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(ids), 500):
            wanted = ", ".join(str(int(k)) for k in ids[start : start + 500])
            for row in self.read(["id", *columns], f"id IN ({wanted})").to_pylist():
                found[row["id"]] = row
        return found

    def contents_without(self, name: str) -> set[bytes]:
        """Hashes of the rows that one of :attr:`extras` has not described."""
        return set(self.read(["hash"], f"{name} IS NULL").column("hash").to_pylist())

    @property
    def version(self) -> int:
        """Of the table; every change makes a new one."""
        return self._table.version

    @property
    def schema(self) -> pa.Schema:
        """Names and types of all columns."""
        return self._table.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns that a condition may use."""
        hidden = ("thumbnail", _VECTORS, _WHITE, *self.extras)
        return [name for name in self._table.schema.names if name not in hidden]

    @property
    def vector_column(self) -> str:
        """The column that a search compares: the whitened vectors where there are some."""
        return _WHITE if _WHITE in self._table.schema.names else _VECTORS

    @property
    def dtype(self) -> Dtype:
        """How vectors are stored."""
        return self.about["dtype"]

    def nearest(
        self,
        vector: NDArray[np.floating],
        k: int,
        columns: Sequence[str],
        *,
        where: str | None = None,
        exact: bool = False,
        by: str | None = None,
    ) -> pa.Table:
        """The rows nearest to a vector, by cosine, best first.

        Args:
            vector: ``(D,)`` float, in the space of the column.
            k: How many rows.
            columns: Columns of the answer; ``_distance`` (1 - cosine) comes with them.
            where: SQL condition on the columns that is safe (see :mod:`visus.search.where`); only rows that fulfill
                it count.
            exact: Compare every vector even where there is an approximate index.
            by: Column of vectors; None takes :attr:`vector_column`.

        Raises:
            PictureIndexError: The table is damaged or out of reach.
        """
        condition = "NOT gone" if self._some_are_gone() else None
        if by in self.extras:  # rows that were not described by it have no vector
            condition = f"{by} IS NOT NULL" + (f" AND {condition}" if condition else "")
        if where:
            condition = f"({where})" + (f" AND {condition}" if condition else "")
        query = {
            "column": by or self.vector_column,
            "q": vector.astype(self.dtype),
            "k": k,
            "metric": "cosine",
            "use_index": not exact,
            "nprobes": 20,
            "refine_factor": max(10, -(-_REFINED // k)),
        }
        with explained(self.location):
            return self._table.to_table(
                columns=[*columns, "_distance"],
                nearest=query,
                filter=condition,
                prefilter=True,
                batch_size=_SCAN_ROWS,
                io_buffer_size=_SCAN_BUFFER,
            )

    def _some_are_gone(self) -> bool:
        """Whether there are rows to pass over; looked up once for each version of the table."""
        if self._gone[0] != self._table.version:
            self._gone = self._table.version, self.count("gone") > 0
        return self._gone[1]

    # Writing -----------------------------------------------------------------------------------------------

    def append(self, rows: pa.Table) -> None:
        """Add rows in one commit."""
        with explained(self.location):
            self._table = lance.write_dataset(rows, self._table, mode="append")

    def merge(self, rows: pa.Table) -> None:
        """Replace some columns of the rows with the same id, in one commit."""
        with explained(self.location):
            self._table.merge_insert("id").when_matched_update_all().execute(rows)
            self._table.checkout_latest()

    def delete(self, where: str) -> None:
        """Remove the rows that fulfill a condition, in one commit."""
        with explained(self.location):
            self._table.delete(where)

    # Further descriptors -----------------------------------------------------------------------------------

    def add_extra(self, name: str, about: dict[str, Any]) -> None:
        """Make room for the vectors of one more descriptor; no row has one yet."""
        if name in self.extras and self.about["extras"][name] == about:
            return
        with explained(self.location):
            if self.about.get("extras", {}).get(name, about) != about:  # described by another version
                self._table.drop_columns([name])
            if name not in self._table.schema.names:
                self._table.add_columns(pa.field(name, vector_type(about["dimension"], self.dtype)))
            told = {**self.about, "format": FORMAT, "extras": {**self.about.get("extras", {}), name: about}}
            self._table.update_schema_metadata({"visus": json.dumps(told)})
        self.refresh()

    # Whitening ---------------------------------------------------------------------------------------------

    @property
    def whitening(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Mean ``(D,)`` and projection ``(D, d)`` float32 of the whitened vectors, if there are some.

        Raises:
            PictureIndexError: They cannot be read; fitting anew mends it.
        """
        if self.vector_column != _WHITE:
            return None
        self._whitening = self._whitening or self._read_whitening()
        return self._whitening

    def _read_whitening(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        try:
            saved = lance.dataset(f"{self.location}/{self.about['whitening']}").to_table()
        except (OSError, ValueError, KeyError) as error:
            raise PictureIndexError(
                f"The whitening of {self.location} cannot be read ({reason_of(error)}); fit it again: visus index "
                "--whiten DIM"
            ) from error
        rows = to_numpy(saved.column("rows"))
        return rows[0], np.ascontiguousarray(rows[1:].T)

    def set_whitening(self, mean: NDArray[np.float32], projection: NDArray[np.float32]) -> None:
        """Keep a whitening and project every stored vector by it.

        Args:
            mean: ``(D,)`` float32.
            projection: ``(D, d)`` float32.
        """
        import secrets

        from visus.search.whiten import project

        name = f"whitening-{secrets.token_hex(4)}.lance"
        rows = np.concatenate([mean[None], projection.T]).astype(np.float32)
        saved = pa.table({"rows": to_arrow(rows, "float32")})
        dimension = projection.shape[1]
        field = pa.field(_WHITE, vector_type(dimension, self.dtype))

        def projected(batch: pa.RecordBatch) -> pa.RecordBatch:
            vectors = project(to_numpy(batch.column(_VECTORS)), mean, projection)
            return pa.record_batch([to_arrow(vectors, self.dtype)], schema=pa.schema([field]))

        with explained(self.location):
            lance.write_dataset(saved, f"{self.location}/{name}", mode="create")
            if self.vector_column == _WHITE:
                self._table.drop_columns([_WHITE])
            old = self.about.get("whitening")
            about = {**self.about, "whitening": name}
            self._table.update_schema_metadata({"visus": json.dumps(about)})
            self._table.add_columns(
                lance.batch_udf(output_schema=pa.schema([field]))(projected), read_columns=[_VECTORS]
            )
            if old:
                lance.LanceDataset.drop(f"{self.location}/{old}", {}, ignore_not_found=True)
        self.refresh()

    # Upkeep ------------------------------------------------------------------------------------------------

    def compact(self) -> None:
        """Join small fragments, so that scans and commits stay fast as rows come in small commits."""
        if len(self._table.get_fragments()) < 2:
            return
        with explained(self.location):
            # Copying the encoded bytes takes less memory and time than reading the rows.
            self._table.optimize.compact_files(
                target_rows_per_fragment=_ROWS_PER_FRAGMENT, batch_size=1024, compaction_mode="try_binary_copy"
            )
            self._table.checkout_latest()
            # Readers that opened a version before it was superseded may still be at work.
            if old := superseded(self._table.versions(), datetime.now(), _KEEP):
                self._table.cleanup_old_versions(versions=old)

    def refresh_approximate(self) -> bool:
        """Build or refresh the approximate indices where there are enough rows; tells whether the first was built."""
        with explained(self.location):
            known = {name for index in self._table.describe_indices() for name in index.field_names}
            if known:
                self._table.optimize.optimize_indices()
                self._table.checkout_latest()
        columns = [column for column in (self.vector_column, *self.extras) if column not in known]
        built = {column for column in columns if self._build_approximate(column)}
        return self.vector_column in built

    def _build_approximate(self, column: str) -> bool:
        rows = self._table.count_rows(f"{column} IS NOT NULL" if column in self.extras else None)
        with explained(self.location):
            if rows > EXACT_ROWS:
                dimension = self._table.schema.field(column).type.list_size
                self._table.create_index(
                    column,
                    "IVF_PQ",
                    metric="cosine",
                    num_partitions=max(1, rows // 1000),
                    num_sub_vectors=_sub_vectors(dimension),
                )
            self._table.checkout_latest()
        return rows > EXACT_ROWS

    def recall(self, *, k: int = 10, queries: int = 20) -> float:
        """Share of the k nearest rows that the approximate index finds, over some rows spread over the table."""
        column = self.vector_column
        with explained(self.location):
            count = self._table.count_rows()
            asked = self._table.take(list(range(0, count, max(1, count // queries)))[:queries], columns=[column])
        found = 0
        for query in to_numpy(asked.column(column)):
            near, true = (
                set(self.nearest(query, k, ["id"], exact=exact).column("id").to_pylist()) for exact in (False, True)
            )
            found += len(near & true) / max(len(true), 1)
        return found / max(len(asked), 1)


def _sub_vectors(dimension: int) -> int:
    """Parts of a product quantizer: about 16 dimensions each (Jegou et al. 2011), dividing evenly."""
    parts = max(1, dimension // 16)
    while dimension % parts:
        parts -= 1
    return parts


def superseded(versions: Sequence[Mapping[str, Any]], now: datetime, keep: timedelta) -> list[int]:
    """Versions that were followed by the next one longer ago than ``keep``.

    Args:
        versions: Number and time of each version, oldest first.
        now: The present.
        keep: How long readers of a version may go on after it was followed.
    """
    return [old["version"] for old, new in itertools.pairwise(versions) if new["timestamp"] < now - keep]
