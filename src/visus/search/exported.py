"""An index as a table for other programs: a Parquet file with paths, sizes, dates and vectors."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus._errors import InputError
from visus._files import write_atomically
from visus.images.result import Result
from visus.search.contents import Checks
from visus.search.rows import EMBEDDING, stored
from visus.search.store import Store

FACTS = (
    "id", "path", "width", "height", "size", "container", "depth", "frames", "captured", "mtime", "seen", "hash",
)  # fmt: skip
"""Columns beside the vectors, where the index has them: ``mtime`` and ``seen`` are UTC, ``captured`` is local time,
``hash`` is the BLAKE2b-128 of the file's content as digits of base 16."""


@dataclass(frozen=True, slots=True, repr=False)
class Exported(Result):
    """The table that was written of an index.

    Attributes:
        path: The file.
        pictures: Its rows.
        vectors: The length of the vectors of each descriptor, by its name, which is the name of the column.
        left_out: Rows that are damaged in the index.
    """

    path: Path
    pictures: int
    vectors: dict[str, int]
    left_out: int

    def __repr__(self) -> str:
        return f"Exported({str(self.path)!r}, {self.pictures} pictures)"

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "path": str(self.path), "pictures": self.pictures, "vectors": self.vectors, "left_out": self.left_out,
        }  # fmt: skip


def export(store: Store, path: str | os.PathLike[str], condition: str) -> Exported:
    """Write the rows that fulfill a condition; the file appears whole or not at all.

    Args:
        store: The table of the index.
        path: Where to write; the name ends in ``.parquet``.
        condition: SQL.

    Raises:
        InputError: The name ends otherwise, or the place cannot be written or holds a file of another kind.
        PictureIndexError: The index is damaged.
    """
    from pyarrow import parquet

    target = Path(path).expanduser()
    if target.suffix.lower() != ".parquet":
        raise InputError(f"An index is written as a Parquet file: {target} must end in .parquet.")
    if target.is_file() and not _is_parquet(target):
        raise InputError(f"{target} is there and is no Parquet file; name another place with --out.")
    facts = [name for name in FACTS if store.has(name)]
    vectors = [EMBEDDING, *store.extras]
    checks = {name: Checks(store, None if name == EMBEDDING else name) for name in vectors}
    schema = _schema(store, facts, vectors)
    count = 0

    def write(file: BinaryIO) -> None:
        nonlocal count
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for part in _parts(store, facts, vectors, checks, condition):
                writer.write_table(part.cast(schema))
                count += len(part)

    try:
        write_atomically(target, write)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written ({error.strerror or error}); name another place with --out."
        ) from error
    lost = sum(own.lost for own in checks.values())
    return Exported(target, count, {name: schema.field(name).type.list_size for name in vectors}, lost)


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) in (b"PAR1", b"")


def _schema(store: Store, facts: Sequence[str], vectors: Sequence[str]) -> pa.Schema:
    """The columns of the file; what described the pictures stands in its metadata."""
    types = {name: store.schema.field(name).type for name in facts} | {"hash": pa.string()}
    fields = [pa.field(name, types[name]) for name in facts]
    fields += [pa.field(name, pa.list_(pa.float32(), store.schema.field(name).type.list_size)) for name in vectors]
    told = {name: store.about.get(name) for name in ("model", "weights", "digest", "extras")}
    return pa.schema(fields, metadata={"visus": json.dumps(told)})


def _parts(
    store: Store, facts: Sequence[str], vectors: Sequence[str], checks: dict[str, Checks], condition: str
) -> Iterator[pa.Table]:
    """The sound rows, some thousands at a time."""
    twin = ["twin"] if store.has("twin") else []
    read = sorted({*facts, *vectors, *twin, *(name for own in checks.values() for name in own.columns)})
    for batch in store.scan(read, condition):
        table = pa.Table.from_batches([batch])
        for own in checks.values():
            table = own.kept(table)
        columns = [table.column(name) for name in facts]
        columns[facts.index("hash")] = pa.array([value.hex() for value in table.column("hash").to_pylist()])
        columns += [_vectors(store, table, name) for name in vectors]
        yield pa.table(columns, names=[*facts, *vectors])


def _vectors(store: Store, table: pa.Table, name: str) -> pa.Array:
    """The vectors of rows; a copy has that of the row that it shares it with, a row that was not described has none."""
    own = stored(table.column(name))
    if "twin" in table.schema.names:
        twins = table.column("twin").to_pylist()
        shared: dict[int, NDArray[np.floating] | None] = {}
        for part in store.some({twin for twin in twins if twin is not None}, ["id", name]):
            shared |= dict(zip(part.column("id").to_pylist(), stored(part.column(name)), strict=True))
        own = [shared.get(twin) if vector is None else vector for vector, twin in zip(own, twins, strict=True)]
    plain = [None if vector is None else vector.astype(np.float32) for vector in own]
    return pa.array(plain, pa.list_(pa.float32(), table.schema.field(name).type.list_size))
