"""Upkeep of an index: joining small commits, and the approximate index of a large one."""

import itertools
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus.search import checksums
from visus.search import whiten as _whitening
from visus.search.place import explained
from visus.search.rows import EMBEDDING, stored, to_numpy, vector_type
from visus.search.store import WHITE, Store

EXACT_ROWS = 200_000
"""Up to this many rows every vector is compared; above, an approximate index is kept (docs/performance.md)."""

_ROWS_PER_FRAGMENT = 65_536
_KEEP = timedelta(minutes=10)  # how long readers of a superseded version may go on


def compact(store: Store) -> None:
    """Join small fragments, so that scans and commits stay fast as rows come in small commits."""
    if len(store.table.get_fragments()) < 2:
        return
    with store.changing():
        # Copying the encoded bytes takes less memory and time than reading the rows.
        store.table.optimize.compact_files(
            target_rows_per_fragment=_ROWS_PER_FRAGMENT, batch_size=1024, compaction_mode="try_binary_copy"
        )
    with store.changing():
        # Readers that opened a version before it was superseded may still be at work; and where the newest is damaged,
        # the one before it is used.
        last = checksums.noted(store.files)[:2]
        if old := superseded(store.table.versions(), datetime.now(), _KEEP, last):
            store.table.cleanup_old_versions(versions=old)
            checksums.forget(store.files)


def remove_orphans(store: Store) -> list[str]:
    """Remove copies whose row with the vector is not there, or has another content; tells their real paths."""
    lost = orphans(store)
    store.remove([row["id"] for row in lost])
    return [row["real_path"] for row in lost]


def orphans(store: Store) -> list[dict[str, Any]]:
    """Copies that name no row with their content and its vector: their ``id``, ``path`` and ``real_path``."""
    rows = store.read(["id", "twin", "hash", "path", "real_path"]).to_pylist()
    bearers = {row["id"]: row["hash"] for row in rows if row["twin"] is None}
    return [row for row in rows if row["twin"] is not None and bearers.get(row["twin"]) != row["hash"]]


def superseded(
    versions: Sequence[Mapping[str, Any]], now: datetime, keep: timedelta, never: Collection[int] = ()
) -> list[int]:
    """Versions that were followed by the next one longer ago than ``keep``.

    Args:
        versions: Number and time of each version, oldest first.
        now: The present.
        keep: How long readers of a version may go on after it was followed.
        never: Versions that stay in any case.
    """
    pairs = itertools.pairwise(versions)
    return [old["version"] for old, new in pairs if new["timestamp"] < now - keep and old["version"] not in never]


def refresh_approximate(store: Store) -> bool:
    """Build or refresh the approximate indices where there are enough rows; tells whether the first was built."""
    known = {name for index in store.table.describe_indices() for name in index.field_names}
    with store.changing():
        if known:
            store.table.optimize.optimize_indices()
        columns = [column for column in (store.vector_column, *store.extras) if column not in known]
        built = {column for column in columns if _build(store, column)}
    return store.vector_column in built


def _build(store: Store, column: str) -> bool:
    rows = store.count(f"{column} IS NOT NULL")
    if rows > EXACT_ROWS:
        dimension = store.schema.field(column).type.list_size
        store.table.create_index(
            column,
            "IVF_PQ",
            metric="cosine",
            num_partitions=max(1, rows // 1000),
            num_sub_vectors=_sub_vectors(dimension),
        )
    return rows > EXACT_ROWS


def whiten(store: Store, mean: NDArray[np.float32], projection: NDArray[np.float32]) -> None:
    """Keep a whitening and project every stored vector by it.

    Args:
        store: The open table; the caller holds the writers' lock.
        mean: ``(D,)`` float32.
        projection: ``(D, d)`` float32.
    """
    name = f"whitening-{secrets.token_hex(4)}.lance"
    field = pa.field(WHITE, vector_type(projection.shape[1], store.dtype))

    def projected(batch: pa.RecordBatch) -> pa.RecordBatch:
        vectors = stored(batch.column(EMBEDDING))
        white = [None if v is None else _whitening.project(v[None], mean, projection)[0] for v in vectors]
        rows = [None if v is None else v.astype(store.dtype) for v in white]
        return pa.record_batch([pa.array(rows, field.type)], schema=pa.schema([field]))

    old = store.about.get("whitening")
    with store.changing():
        _whitening.keep(f"{store.location}/{name}", mean, projection)
        if store.has(WHITE):
            store.table.drop_columns([WHITE])
        store.tell(whitening=name)
        store.table.add_columns(lance.batch_udf(output_schema=pa.schema([field]))(projected), read_columns=[EMBEDDING])
    if old:
        with explained(store.location):
            lance.LanceDataset.drop(f"{store.location}/{old}", {}, ignore_not_found=True)


def _sub_vectors(dimension: int) -> int:
    """Parts of a product quantizer: about 16 dimensions each (Jegou et al. 2011), dividing evenly."""
    parts = max(1, dimension // 16)
    while dimension % parts:
        parts -= 1
    return parts


def recall(store: Store, *, k: int = 10, queries: int = 20) -> float:
    """Share of the k nearest rows that the approximate index finds, over some rows spread over the table."""
    column = store.vector_column
    count = store.count()
    asked = store.table.take(list(range(0, count, max(1, count // queries)))[:queries], columns=[column])
    found = total = 0
    for query in to_numpy(asked.column(column).drop_null()):
        near, true = (
            set(store.nearest(query, k, ["id"], exact=exact).column("id").to_pylist()) for exact in (False, True)
        )
        found += len(near & true) / max(len(true), 1)
        total += 1
    return found / max(total, 1)


def vectors_in_batches(store: Store, column: str) -> Iterator[NDArray[np.float32]]:
    """All vectors of a column, of the pictures that are there, in batches ``(N, D)`` float32."""
    for batch in store.scan([column], "NOT gone"):
        yield to_numpy(batch.column(column).drop_null())
