"""Bring an index of 0.1 to the present format, in one change and without describing anything anew."""

import mmap
import os
from typing import Any

import lance
import pyarrow as pa

from visus._errors import InputError
from visus.images import decode
from visus.images.facts import Facts, facts_of, gray_hash
from visus.search.filesystems import entry_of
from visus.search.reading import NOTHING
from visus.search.rows import (
    EMBEDDING,
    PLACE,
    content_sum,
    new_in_3,
    place_sum,
    plain,
    stored,
    thumbnail_sum,
    vector_sum,
)
from visus.search.store import FORMAT, Store

_OLD_DECODER = 1  # all versions of 0.1 decoded alike
_READ = ["id", "path", "mtime", "size", "hash", "width", "height", "thumbnail", "gone", EMBEDDING]


def upgrade(store: Store) -> int:
    """Add what the present format knows of each picture; tells how many rows were completed.

    A file whose size and time of change are what they were counts as the one that was read: its entry and the head of
    its content say the rest. Of any other, only what the row itself tells is filled in, and the file is read by the
    update that follows.

    Args:
        store: The open table; the caller holds the writers' lock.
    """
    if store.about["format"] >= FORMAT:
        return 0
    sums = [pa.field(f"{name}_sum", pa.int64()) for name in store.extras]
    fields = pa.schema([*new_in_3(), *sums])
    twins = _twins(store)

    def completed(batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = [_completed(row, twins) for row in _rows(batch)]
        columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in fields.names}
        hashes = batch.column("hash").to_pylist()
        for name in store.extras:
            vectors = stored(batch.column(name))
            columns[f"{name}_sum"] = [vector_sum(*pair) for pair in zip(hashes, vectors, strict=True)]
            zero = [name if v is not None and not v.any() else "" for v in vectors]
            columns["blank"] = [
                ",".join(filter(None, pair)) or None for pair in zip(columns["blank"], zero, strict=True)
            ]
        arrays = [pa.array(columns[field.name], field.type) for field in fields]
        return pa.record_batch(arrays, schema=fields)

    count = store.count()
    with store.changing():
        _drop_what_was_for_search(store)
        store.drop(fields.names)  # of an upgrade that was stopped
        udf = lance.batch_udf(output_schema=fields)(completed)
        store.table.add_columns(udf, read_columns=[*_READ, *store.extras])
        old = store.about.get("whitening")
        store.tell(format=FORMAT, whitening=None)
    if old:
        lance.LanceDataset.drop(f"{store.location}/{old}", {}, ignore_not_found=True)
    return count


def _drop_what_was_for_search(store: Store) -> None:
    """Take away whitened vectors, which found fewer pictures, and quantized ones, whose place codes have taken."""
    for index in store.table.describe_indices():
        store.table.drop_index(index.name)
    store.drop(["whitened"])


def _twins(store: Store) -> dict[int, int]:
    """For each row with the content of an earlier one: that row, which is there if any is."""
    first: dict[bytes, int] = {}
    found: dict[int, int] = {}
    for where in ("NOT gone", "gone"):
        for row in store.read(["id", "hash"], where).to_pylist():
            bearer = first.setdefault(row["hash"], row["id"])
            if bearer != row["id"]:
                found[row["id"]] = bearer
    return found


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    names = [name for name in _READ if name != EMBEDDING]
    columns = [plain(batch.column(name)) for name in names]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    for row, vector in zip(rows, stored(batch.column(EMBEDDING)), strict=True):
        row[EMBEDDING] = vector
    return rows


def _completed(row: dict[str, Any], twins: dict[int, int]) -> dict[str, Any]:
    """The new columns of a row."""
    vector = row[EMBEDDING]
    place = {name: row.get(name) for name in PLACE} | _entry(row)
    facts = _head(row["path"]) if place["ctime"] is not None else NOTHING
    told = facts.container != ""
    return place | {
        "container": facts.container or None,
        "depth": facts.depth if told else None,
        "frames": facts.frames if told else None,
        "captured": facts.captured,
        "profile": facts.profile if told else None,
        "compression": facts.compression if told else None,
        "gray_hash": _gray_hash(row["thumbnail"]),
        "decoder": _OLD_DECODER,
        "twin": twins.get(row["id"]),
        "blank": EMBEDDING if vector is not None and not vector.any() else None,
        "place_sum": place_sum(place),
        "content_sum": content_sum(row["hash"], row["width"], row["height"], vector, None),
        "thumbnail_sum": thumbnail_sum(row["hash"], row["thumbnail"]),
    }


def _gray_hash(thumbnail: bytes) -> int | None:
    try:
        return gray_hash(decode(thumbnail).pixels)
    except InputError:  # rotten since: found by --verify once it has a checksum
        return None


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    """What the entry of the row's file says, if the file is the one that was read."""
    none = {"real_path": _real_path(row["path"]), "ctime": None, "device": None, "inode": None}
    try:
        about = os.stat(row["path"])
    except OSError:
        return none
    entry = entry_of(about)
    if row["gone"] or (entry.size, entry.mtime) != (row["size"], row["mtime"]):
        return none
    return none | {"ctime": entry.ctime, "device": entry.device, "inode": entry.inode}


def _real_path(path: str) -> str:
    real = os.path.realpath(path)
    try:
        real.encode("utf-8")
    except UnicodeEncodeError:  # no column can hold it
        return path
    return real


def _head(path: str) -> Facts:
    """What a file says of itself; of most, only the first bytes are read."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return facts_of(content, path)  # pyright: ignore[reportArgumentType]
    except (OSError, ValueError):
        return NOTHING
