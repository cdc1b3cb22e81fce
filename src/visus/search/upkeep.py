"""Upkeep of an index: joining small commits, removing what no version has any more."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.search import checksums, code_files
from visus.search.rows import EMBEDDING, to_numpy
from visus.search.store import Store

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
            sweep(store)


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


def sweep(store: Store) -> None:
    """Remove codes and spaces that no version has any more."""
    known: set[str] = set()
    for version in checksums.noted(store.files):
        sums = checksums.parsed(store.files, version)
        if sums is None:  # one cannot tell what it has
            return
        known |= sums.files.keys()
    for name in store.files.below(code_files.FOLDER):
        if name not in known:
            store.files.remove(name)
    for name in store.files.names(""):
        if name.startswith("space-") and name not in known:
            store.files.remove(name)


def recall(store: Store, *, k: int = 10, queries: int = 20) -> float:
    """Share of the k nearest rows that a search finds which looks at codes first, over some rows spread over the table.

    Args:
        store: The open table.
        k: How many are looked for.
        queries: How many rows ask.
    """
    segments = store.segments(EMBEDDING)
    asking = list(segments.spread(queries))
    if not asking:
        return 1.0
    found = [segments.nearest(query, k).scores for query in asking]
    least = segments.best_scores(asking, k)[:, -1:]
    # Of rows that score alike, any will do.
    return float(np.mean([(own >= worst - 1e-5).sum() / k for own, worst in zip(found, least, strict=True)]))


def vectors_in_batches(store: Store, column: str) -> Iterator[NDArray[np.float32]]:
    """All vectors of a column, of the pictures that are there, in batches ``(N, D)`` float32."""
    for batch in store.scan([column], "NOT gone"):
        yield to_numpy(batch.column(column).drop_null())
