"""The rows that an update writes, column by column, with their checksums."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus.images.decode import DECODER
from visus.search.reading import Done
from visus.search.rows import EMBEDDING, FACTS, content_sum, place_sum, thumbnail_sum, vector_sum
from visus.search.store import Store
from visus.search.walk import Found


def place_of(found: Found) -> dict[str, Any]:
    """The columns of :data:`visus.search.rows.PLACE` of a file that is there."""
    return {
        "path": found.path,
        "real_path": found.real_path,
        "mtime": found.mtime,
        "ctime": found.ctime,
        "size": found.size,
        "device": found.device,
        "inode": found.inode,
        "gone": False,
    }


def fresh_row(answer: Done) -> dict[str, Any]:
    """The plain columns of a picture that was described, but for its id."""
    facts = answer.facts
    zero = [name for name, vector in answer.vectors.items() if not vector.any()]
    return place_of(answer.found) | {
        "hash": answer.hash,
        "width": answer.width,
        "height": answer.height,
        "thumbnail": answer.thumbnail,
        "seen": _now(),
        "container": facts.container,
        "depth": facts.depth,
        "frames": facts.frames,
        "captured": facts.captured,
        "profile": facts.profile,
        "sharpness": answer.sharpness,
        "compression": facts.compression,
        "gray_hash": answer.gray_hash,
        "decoder": DECODER,
        "twin": None,
        "blank": joined(None, *zero),
    }


def copied_row(answer: Done, bearer: int, source: dict[str, Any]) -> dict[str, Any]:
    """The plain columns of one more file with a content, but for its id.

    Args:
        answer: The file.
        bearer: Id of the row that has the vector.
        source: Size and facts of that row.
    """
    own = {name: value for name, value in source.items() if name in ("width", "height", *FACTS)}
    shared = {"thumbnail": None, "seen": _now(), "twin": bearer, "blank": None}
    return place_of(answer.found) | own | shared | {"hash": answer.hash}


def inherited_row(answer: Done, source: dict[str, Any]) -> dict[str, Any]:
    """The plain columns of a file that takes over another row's content whole, but for its id."""
    return copied_row(answer, 0, source) | {"twin": None, "blank": source["blank"], "thumbnail": source["thumbnail"]}


def inherit(answer: Done, source: dict[str, Any], store: Store) -> None:
    """Give a file the vectors of another row with its content."""
    for name in (EMBEDDING, *store.extras):
        if source[name] is not None:
            answer.vectors[name] = np.asarray(source[name], np.float32)
    if source["squares"] is not None:
        answer.squares = np.asarray(source["squares"], np.float32).reshape(-1, store.about["dimension"])


def joined(names: str | None, *more: str) -> str | None:
    """Names of descriptors in one text, or None for none.

    >>> joined("embedding", "texture"), joined(None, "")
    ('embedding,texture', None)
    """
    return ",".join(filter(None, [names, *more])) or None


def _now() -> int:
    return time.time_ns() // 1_000_000


class Columns:
    """Makes tables that fit an index.

    Args:
        store: Of the index.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def table(self, rows: Sequence[dict[str, Any]], described: Sequence[Done] | None) -> pa.Table:
        """Whole rows with their checksums.

        Args:
            rows: Plain columns of each, ``id`` included.
            described: What has their vectors; None for rows that share another's.
        """
        columns: dict[str, Sequence[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
        columns |= self._vectors(len(rows), described)
        columns["place_sum"] = [place_sum(row) for row in rows]
        columns["thumbnail_sum"] = [thumbnail_sum(row["hash"], row["thumbnail"]) for row in rows]
        parts = zip(columns[EMBEDDING], columns["squares"], strict=True)
        columns["content_sum"] = [
            content_sum(row["hash"], row["width"], row["height"], *part) for row, part in zip(rows, parts, strict=True)
        ]
        for name in self._store.extras:
            columns[f"{name}_sum"] = [vector_sum(row["hash"], v) for row, v in zip(rows, columns[name], strict=True)]
        fields = [self._store.schema.field(name) for name in columns]
        arrays = [pa.array(values, own.type) for values, own in zip(columns.values(), fields, strict=True)]
        return pa.table(arrays, schema=pa.schema(fields))

    def _vectors(self, count: int, described: Sequence[Done] | None) -> dict[str, Sequence[Any]]:
        """The columns that one row has for all with its content."""
        names = [EMBEDDING, *self._store.extras]  # none of a descriptor that this version does not know: no old vector
        none: list[Any] = [None] * count
        if described is None:
            return dict.fromkeys([*names, "squares"], none)
        columns: dict[str, Sequence[Any]] = {
            name: [self._half(a.vectors.get(name)) for a in described] for name in names
        }
        columns["squares"] = [None if a.squares is None else a.squares.astype(np.float16).ravel() for a in described]
        return columns

    def _half(self, vector: NDArray[np.float32] | None) -> NDArray[np.floating] | None:
        """A vector as it is stored."""
        return None if vector is None else vector.astype(self._store.dtype)
