"""The table of an index: one row a picture, in the Lance format that LanceDB opens too.

Every change counts whole or not at all: for a reader, after ``kill -9`` and after a power cut
(:mod:`visus.search.versions`).
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa

from visus._errors import PictureIndexError
from visus.search import checksums, space, versions
from visus.search.files import Stamp, files_of
from visus.search.place import exists, explained, place_of
from visus.search.rows import EMBEDDING, Dtype, schema, vector_type
from visus.search.segments import Segments, lacks_codes, write_codes
from visus.search.space import PLAIN, Space
from visus.search.where import COLUMNS

FORMAT = 3
"""Version of the table's layout; a newer one is refused. 2 had further descriptors; 3 knows files by their inode,
checks what it reads, and lets equal contents share one vector."""

_STORAGE = "2.0"  # of Lance's file formats the one that scans vectors fastest in a fresh process


class Store:
    """The open table of an index.

    Args:
        location: Where the index lies.

    Attributes:
        location: Likewise.
        files: The files of the index.
        table: The table at the version that is read.
        about: What it says of itself.
        extras: Names of the columns of further descriptors.
        sums: Checksums of the files of the version that is open; None for an index of 0.1.

    Raises:
        PictureIndexError: There is no index, or it is damaged or of a newer format.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.location = place_of(location)
        if not exists(self.location):
            raise PictureIndexError(f"There is no index at {self.location}; make one with: visus index FOLDER")
        self.files = files_of(self.location)
        self._changes = 0  # that are under way, one in another
        self._alone = threading.Lock()
        with explained(self.location):
            self._use(versions.newest(self.location, self.files))

    @classmethod
    def create(cls, location: str | os.PathLike[str], about: dict[str, Any], dtype: Dtype) -> "Store":
        """Make an empty table, or finish making one that was interrupted.

        Args:
            location: Where the index will lie; the caller holds its lock.
            about: What tells the descriptor from others.
            dtype: How vectors are stored.
        """
        place = place_of(location)
        metadata = {"visus": json.dumps({"format": FORMAT, "dtype": dtype, **about})}
        empty = schema(about["dimension"], dtype).with_metadata(metadata).empty_table()
        with explained(place):
            if isinstance(place, Path):
                place.mkdir(parents=True, exist_ok=True)
            table = lance.write_dataset(
                empty, f"{place}/{checksums.TABLE}", mode="create", data_storage_version=_STORAGE
            )
            checksums.write(files_of(place), table, None)
        return cls(place)

    def _use(self, opened: versions.Opened) -> None:
        self.table, self.sums, self._note, self._news = opened.table, opened.sums, opened.note, opened.news
        self._stamp = self._stamped()
        self._describe()

    def _stamped(self) -> Stamp | None:
        """What tells the checksums of the open version from those of another index that was put in its place."""
        return self.files.stamp(self.sums.name) if self.sums else None

    def _describe(self) -> None:
        """Read what the table says of itself."""
        raw = (self.table.schema.metadata or {}).get(b"visus")
        if raw is None:
            raise PictureIndexError(f"{self.location} was not made by visus; name another index.")
        self.about: dict[str, Any] = json.loads(raw)
        if self.about["format"] > FORMAT:
            raise PictureIndexError(
                f"{self.location} was made by a newer visus (format {self.about['format']}, this one reads {FORMAT}); "
                "say: pip install --upgrade visus"
            )
        self.extras = [name for name in self.about.get("extras", {}) if name in self.table.schema.names]
        self._space: Space | None = None
        self._without_space: str | None = None
        self._segments: dict[str, Segments] = {}

    def refresh(self) -> None:
        """See what other processes have committed."""
        with self._alone, explained(self.location):
            noted = checksums.noted(self.files)
            if noted and (noted[0] != self.version or self._stamped() != self._stamp):
                self._use(versions.newest(self.location, self.files))

    def recover(self) -> int:
        """Bring what a stopped process left behind to an end; the caller holds the lock and goes on to write.

        Returns:
            Rows that were taken out since their files are missing or cannot be read.
        """
        with explained(self.location):
            opened = versions.recover(self.location, self.files)
            self._use(opened)
            unnoted = self.about["format"] == FORMAT and checksums.load(self.files, self.version) is None
            lost = {*opened.lost, *(versions.torn(self.table, self.files) if unnoted else ())}
            rows = sum(checksums.rows_in(part) for part in self.table.get_fragments() if part.fragment_id in lost)
            if lost:
                told = (
                    f"Files of {self.location} with {rows:,} {'row' if rows == 1 else 'rows'} were missing or damaged; "
                    "what they held is taken out, and its pictures are described again where they are found."
                )
                self._news = f"{opened.news} {told}" if opened.news and not opened.lost else told
            elif unnoted and self.sums is None:
                self._news = self._news or (
                    f"The checksums of {self.location} were missing, and have been noted anew from the files as they "
                    "are; visus index --verify still checks each row by its own."
                )
            if lost or unnoted:
                with self.changing():
                    self.take_out(lost)
                    self.tell(mended=time.time_ns())  # a new version, with a manifest and a transaction of its own
            elif self.sums is not None and lacks_codes(self) and not self._without_space:  # which is mended first
                self._count()
            return rows

    @property
    def note(self) -> str | None:
        """A sentence on what is wrong with newer versions, and on how vectors are compared, if something is."""
        return " ".join(filter(None, (self._note, self._without_space))) or None

    def news(self) -> str | None:
        """A sentence on what was mended as the index was opened; it is forgotten, so that nobody says it again."""
        news, self._news = self._news, None
        return news

    # Reading -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Rows whose file is there."""
        return self.count("NOT gone")

    def count(self, where: str | None = None) -> int:
        """Rows that fulfill an SQL condition."""
        with explained(self.location):
            return self.table.count_rows(where)

    def scan(
        self, columns: Sequence[str], where: str | None = None, *, batch_rows: int = 8192
    ) -> Iterator[pa.RecordBatch]:
        """Rows in batches, with some columns."""
        with explained(self.location):
            yield from self.table.to_batches(columns=list(columns), filter=where, batch_size=batch_rows)

    def read(self, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """All rows that fulfill a condition, with some columns."""
        with explained(self.location):
            return self.table.to_table(columns=list(columns), filter=where)

    def some(self, ids: Iterable[int], columns: Sequence[str], column: str = "id") -> Iterator[pa.Table]:
        """Rows in tables, by their id or by another column of whole numbers.

        Args:
            ids: Which.
            columns: What is read of them.
            column: What ``ids`` are compared with.
        """
        wanted = sorted({int(k) for k in ids})
        for start in range(0, len(wanted), 500):
            yield self.read(columns, f"{column} IN ({', '.join(map(str, wanted[start : start + 500]))})")

    def rows(self, ids: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Some rows by their id; vector and thumbnail of a copy are those of the row that has them."""
        twin = [name for name in ("twin",) if self.has(name)]
        found: dict[int, dict[str, Any]] = {}
        for part in self.some(ids, list(dict.fromkeys(["id", *columns, *twin]))):
            found |= {row["id"]: row for row in part.to_pylist()}
        shared = [name for name in columns if name in self.shared]
        twins = {key: row["twin"] for key, row in found.items() if twin and row["twin"] is not None}
        if shared and twins:
            sources = self.rows(list(twins.values()), shared)
            for key, source in twins.items():
                found[key] |= {name: sources[source][name] for name in shared if source in sources}
        return found

    @property
    def shared(self) -> tuple[str, ...]:
        """Columns that one row has for all rows with its content."""
        return ("thumbnail", "thumbnail_sum", EMBEDDING, "squares", *self.extras)

    def contents_without(self, name: str) -> set[bytes]:
        """Hashes of the rows that one of :attr:`extras` has not described."""
        own = " AND twin IS NULL" if self.has("twin") else ""
        return set(self.read(["hash"], f"{name} IS NULL{own}").column("hash").to_pylist())

    def contents_decoded_before(self, decoder: int, candidates: str) -> set[bytes]:
        """Hashes of rows that fulfill a condition and were described by an earlier decoder."""
        if not self.has("decoder"):
            return set()
        return set(self.read(["hash"], f"decoder < {decoder} AND ({candidates})").column("hash").to_pylist())

    def has(self, column: str) -> bool:
        """Whether there is such a column; indexes of 0.1 lack some until the next ``visus index``."""
        return column in self.table.schema.names

    @property
    def version(self) -> int:
        """Of the table; every change makes a new one."""
        return self.table.version

    @property
    def identity(self) -> str:
        """What tells this state of this index from all others, also from another index in its place.

        The version, the checksum of its manifest, and the digest of the network that described the pictures.
        """
        sums = self.sums.files if self.sums else {}
        manifest = next((own[1] for name, own in sums.items() if name.endswith(".manifest")), "")
        return f"{self.version}-{manifest}-{self.about['digest']}"

    @property
    def schema(self) -> pa.Schema:
        """Names and types of all columns."""
        return self.table.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns that a condition may use."""
        return [name for name in COLUMNS if self.has(name)]

    @property
    def space(self) -> Space:
        """In which the network's vectors are compared; as they are, and :attr:`note` says so, where it is damaged."""
        if self._space is None:
            try:
                self._space = space.read(self)
            except PictureIndexError as error:
                self._space = PLAIN
                self._without_space = str(error)
        return self._space

    @property
    def compared(self) -> dict[str, Space]:
        """The columns of vectors that a search can compare, and in which space."""
        return {EMBEDDING: self.space, **dict.fromkeys(self.extras, PLAIN)}

    def segments(self, column: str) -> Segments:
        """The vectors of a column, ready to be searched.

        Raises:
            PictureIndexError: The table is damaged or out of reach.
        """
        with self._alone, explained(self.location):
            if column not in self._segments:
                self._segments[column] = Segments(self, column, self.compared[column])
            return self._segments[column]

    @property
    def dtype(self) -> Dtype:
        """How vectors are stored."""
        return self.about["dtype"]

    # Writing -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """One change, of as many commits of the library as it takes.

        When the block ends, its files are on the disk and the change counts. One in another is a part of that.
        """
        self._changes += 1
        try:
            with explained(self.location):
                yield
                self.table.checkout_latest()
                if self._changes == 1 and (self.sums is None or self.version != self.sums.version):
                    self._count()
        finally:
            self._changes -= 1

    def _count(self) -> None:
        """Write the codes and the checksums of the version that is open: from now on it is the newest."""
        self._describe()
        own = self.space.name
        others = [own] if own.endswith(".npy") else self.files.below(own) if own else []
        checksums.look_at_sizes(self.files, self.table, self.sums.files if self.sums else ())
        codes = write_codes(self)
        before = self.sums and self.sums.without({name for name, fresh in codes.items() if fresh})
        self.sums = checksums.write(self.files, self.table, before, [*others, *codes])
        self._stamp = self._stamped()

    def append(self, rows: pa.Table) -> None:
        """Add rows to the table, in one change."""
        with self.changing():
            self.table = lance.write_dataset(rows, self.table, mode="append")

    def merge(self, rows: pa.Table) -> None:
        """Replace some columns of the rows with the same id."""
        with self.changing():
            self.table.merge_insert("id").when_matched_update_all().execute(rows)

    def delete(self, where: str) -> None:
        """Remove the rows that fulfill a condition."""
        with self.changing():
            self.table.delete(where)

    def take_out(self, fragments: Collection[int]) -> None:
        """Remove whole fragments, if there are some, whatever state their files are in; within a change."""
        if not fragments:
            return
        operation = lance.LanceOperation.Delete([], sorted(fragments), "damaged")
        self.table = lance.LanceDataset.commit(self.table.uri, operation, read_version=self.version)

    def remove(self, ids: Sequence[int]) -> None:
        """Remove rows by their ids, in one change."""
        with self.changing():
            for start in range(0, len(ids), 1000):
                self.delete(f"id IN ({', '.join(map(str, ids[start : start + 1000]))})")

    def tell(self, **about: Any) -> None:
        """Change what the table says of itself."""
        told = {**self.about, **about}
        if told != self.about:
            with self.changing():
                self.table.update_schema_metadata({"visus": json.dumps(told)})
                self._describe()

    def drop(self, names: Sequence[str]) -> None:
        """Drop those of some columns that are there; within a change."""
        if there := [name for name in names if self.has(name)]:
            self.table.drop_columns(there)

    def add_extra(self, name: str, about: dict[str, Any]) -> None:
        """Make room for the vectors of one more descriptor; no row has one yet."""
        if name in self.extras and self.about["extras"][name] == about:
            return
        with self.changing():
            if self.about.get("extras", {}).get(name, about) != about:  # described by another version
                self.drop([name, f"{name}_sum"])
            if not self.has(name):
                self.drop([f"{name}_sum"])
                vectors = pa.field(name, vector_type(about["dimension"], self.dtype))
                self.table.add_columns(pa.schema([vectors, pa.field(f"{name}_sum", pa.int64())]))
            self.tell(extras={**self.about.get("extras", {}), name: about})
