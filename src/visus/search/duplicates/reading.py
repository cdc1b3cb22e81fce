"""What a search for duplicates reads of an index: each content once, with all its files."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus._errors import InputError, PictureIndexError
from visus.images import read_bytes
from visus.search.duplicates.find import Thumbnails
from visus.search.duplicates.members import Member
from visus.search.duplicates.opened import entry
from visus.search.nearest import sound_thumbnail
from visus.search.reading import content_hash
from visus.search.rows import EMBEDDING, stored
from visus.search.store import Store

_MEMBER = ("id", "path", "width", "height", "size", "mtime", "hash")
_BATCH = 512


@dataclass(slots=True)
class Contents:
    """The contents of an index.

    Attributes:
        files: Of each content, its files.
        vectors: ``(N, D)`` float16; zeros for a picture about which the network says nothing.
        thumbnails: Of each.
        notes: Sentences on what is damaged.
    """

    files: list[list[Member]]
    vectors: NDArray[np.float16]
    thumbnails: Thumbnails
    notes: list[str] = field(default_factory=list)


def contents_of(store: Store) -> Contents:
    """Read the contents of an index of which some file is there.

    Args:
        store: The table.
    """
    there = store.read(_MEMBER, "NOT gone")
    table = there.set_column(there.schema.get_field_index("mtime"), "mtime", there.column("mtime").cast(pa.int64()))
    files: dict[bytes, list[Member]] = {}
    for row in table.to_pylist():
        files.setdefault(row["hash"], []).append(Member(**row))
    places = {content: place for place, content in enumerate(files)}
    vectors = np.zeros((len(files), store.about["dimension"]), np.float16)
    pictures = _Pictures(store, places, vectors)
    thumbnails = Thumbnails(len(files), pictures.read())
    return Contents(list(files.values()), vectors, thumbnails, pictures.notes())


class _Pictures:
    """Reads thumbnails and vectors, in whatever order the rows come."""

    def __init__(self, store: Store, places: dict[bytes, int], vectors: NDArray[np.float16]) -> None:
        self._store = store
        self._places = places
        self._vectors = vectors
        self._damaged = 0

    def read(self) -> Iterator[tuple[int, bytes]]:
        """The place of each content and its thumbnail."""
        names = [name for name in ("path", "hash", "thumbnail", "thumbnail_sum", EMBEDDING) if self._store.has(name)]
        seen: set[int] = set()
        for batch in self._store.scan(names, "thumbnail IS NOT NULL", batch_rows=_BATCH):
            vectors = stored(batch.column(EMBEDDING))
            for row, vector in zip(batch.drop_columns([EMBEDDING]).to_pylist(), vectors, strict=True):
                place = self._places.get(row["hash"])
                if place is None or place in seen:
                    continue
                seen.add(place)
                if vector is not None:
                    self._vectors[place] = vector
                yield place, self._thumbnail(row)

    def _thumbnail(self, row: dict[str, Any]) -> bytes:
        try:
            return sound_thumbnail(self._store, row)
        except PictureIndexError:
            self._damaged += 1
            return b""

    def notes(self) -> list[str]:
        """A sentence on damaged thumbnails, if there are some."""
        if not self._damaged:
            return []
        those = "1 picture is" if self._damaged == 1 else f"{self._damaged:,} pictures are"
        return [f"{those} damaged in the index and compared by content alone; say: visus index --verify --mend"]


def check_distinct(paths: Iterable[str]) -> None:
    """See that no two paths are one file, by links perhaps.

    Raises:
        InputError: Two are.
    """
    known: dict[tuple[int, int], str] = {}
    for path in paths:
        file = entry(path)
        if file is not None and known.setdefault(file, path) != path:
            raise InputError(
                f"{path} is the same file as {known[file]} by another name; a decision is about several files."
            )


def content_in(store: Store, path: str) -> bytes:
    """The hash of a file of an index, by any of its names: hard links and symbolic ones are the file itself.

    Raises:
        InputError: Neither the file nor its content is in the index.
    """
    found = content_at(store, path)
    if found is None and not _is_text(path):
        raise InputError(f"{path} is not in the index {store.location}: its name is not UTF-8; rename it and index it.")
    if found is None:
        raise InputError(f"{path} is not in the index {store.location}; index its folder first.")
    return found


def content_at(store: Store, path: str) -> bytes | None:
    """The same; None where neither the file nor its content is in the index."""
    names = {"path": path, "real_path": os.path.realpath(path)}
    asked = [f"{name} = '{_quoted(own)}'" for name, own in names.items() if _is_text(own)]  # an index has no others
    named = store.read(["hash"], f"({' OR '.join(asked)}) AND NOT gone").column("hash").to_pylist() if asked else []
    if named:
        return named[0]
    try:
        content = content_hash(read_bytes(path))
    except InputError:
        return None
    return content if content in set(store.read(["hash"], "NOT gone").column("hash").to_pylist()) else None


def _is_text(name: str) -> bool:
    """Whether a file's name is UTF-8, as all names in an index are."""
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def _quoted(name: str) -> str:
    return name.replace("'", "''")
