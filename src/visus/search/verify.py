"""Is every byte of an index what was written? And if not: mend it from the pictures.

Two kinds of checksums are looked at: of each file that the newest version is made of, as its commit left it, and of the
parts of each row, as they were before they were handed to the table's library.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import lance
import pyarrow as pa

from visus._errors import PictureIndexError
from visus.search import checksums, code_files, space
from visus.search.away import is_missing
from visus.search.checksums import TABLE
from visus.search.duplicates import decisions
from visus.search.place import explained
from visus.search.rows import checked_by, sound, totals_of
from visus.search.store import FORMAT, Store
from visus.search.upkeep import orphans, remove_orphans
from visus.search.versions import quiet

_ROWS = 256  # that are read at once
_DECISIONS = {decisions.FILE, decisions.COPY}


@dataclass(slots=True)
class Verified:
    """What a look at a whole index found.

    Attributes:
        files: Files that were read.
        rows: Rows that were read.
        damaged_files: Names of files below the index whose bytes are not those that were written, or are missing.
        damaged_rows: Paths of the pictures whose row is damaged; of rows that cannot be read, how many there are.
        unreadable: Rows that cannot be read at all, so that nobody knows their pictures.
        mended: Pictures that were described again.
        lost: Paths of damaged rows whose picture is not there to be described again; of rows that could not be read,
            how many more they were than pictures were described again.
        note: A sentence on damaged newer versions that were passed over, if there are some.
        was_mended: What was damaged has been taken out, and what could be described again is there.
        decisions_lost: The decisions on duplicates are damaged, and no sound copy brought them back.
    """

    files: int = 0
    rows: int = 0
    damaged_files: list[str] = field(default_factory=list)
    damaged_rows: list[str] = field(default_factory=list)
    unreadable: int = 0
    mended: int = 0
    lost: list[str] = field(default_factory=list)
    note: str | None = None
    was_mended: bool = False
    decisions_lost: bool = False

    @property
    def damaged(self) -> bool:
        """Whether something was found that is not as it was written."""
        return bool(self.damaged_files or self.damaged_rows or self.note)

    @property
    def sound(self) -> bool:
        """Whether the index is whole now: nothing was damaged, or all of it has been mended."""
        return not (self.lost or self.decisions_lost) if self.was_mended else not self.damaged

    @property
    def only_decisions(self) -> bool:
        """Whether nothing is damaged but the files of decisions, which no row hangs on."""
        return set(self.damaged_files) <= _DECISIONS and not (self.damaged_rows or self.note)

    @property
    def decisions_restored(self) -> bool:
        """Whether decisions on duplicates, or their copy, were damaged and have been written anew."""
        return self.was_mended and not self.decisions_lost and not _DECISIONS.isdisjoint(self.damaged_files)


def verify(
    store: Store, progress: Callable[[int, int], None] = lambda _done, _all: None, *, taken_out: int = 0
) -> Verified:
    """Read every file and every row of the version that is open.

    Args:
        store: The open table.
        progress: Called with the bytes that were read, and all that will be.
        taken_out: Rows whose files were missing, so that they were taken out just before.

    Raises:
        PictureIndexError: There are no checksums: the index is of 0.1, or their files are damaged or missing.
    """
    sums = store.sums
    if sums is None:
        why = "the files with its checksums are damaged or missing"
        if store.about["format"] < FORMAT:
            why = "it was made by visus 0.1, which noted no checksums"
        raise PictureIndexError(f"{store.location} cannot be verified: {why}; visus index FOLDER adds them.")
    notes = [note for note in (store.news(), store.note) if note]
    found = Verified(note=" ".join(notes) or None, unreadable=taken_out)
    if taken_out:
        found.damaged_rows.append(f"(rows whose files are missing or truncated: {taken_out:,})")
    total, done = 2 * sum(size for size, _ in sums.files.values()), 0
    with explained(store.location):
        for name, bad in checksums.damaged(store.files, sums):
            found.files += 1
            done += sums.files[name][0] if name in sums.files else 0
            progress(min(done, total), total)
            if bad:
                found.damaged_files.append(name)
    for fragment in store.table.get_fragments():
        for count, damaged in _rows_of(store, fragment, found):
            found.rows += count
            found.damaged_rows += damaged
        done += sum(file.file_size_bytes or 0 for file in fragment.metadata.files)
        progress(min(done, total), total)
    found.damaged_files += decisions.damaged(store.files)
    with contextlib.suppress(PictureIndexError):  # where they cannot be read, that has been said
        found.damaged_rows += [row["path"] for row in orphans(store)]
    return found


def _rows_of(store: Store, fragment: lance.LanceFragment, found: Verified) -> Iterator[tuple[int, list[str]]]:
    """How many rows were read, and the paths of those that are damaged."""
    read = 0
    totals = totals_of(store.schema.names)
    columns = sorted({"path", *checked_by(totals)})
    try:
        with explained(store.location), quiet() if _has_damaged_file(fragment, found) else contextlib.nullcontext():
            for batch in fragment.to_batches(columns=columns, batch_size=_ROWS):
                good = sound(batch, totals)
                read += batch.num_rows
                paths = batch.column("path").to_pylist() if not good.all() else []
                yield batch.num_rows, [path for path, fine in zip(paths, good, strict=False) if not fine]
    except PictureIndexError:
        left = checksums.rows_in(fragment) - read
        found.unreadable += left
        yield 0, [f"(rows of fragment {fragment.fragment_id} that cannot be read: {left:,})"]


def mend(store: Store, found: Verified) -> list[str]:
    """Take what is damaged out of an index; tells the paths of pictures that are to be described again.

    Of a fragment with damage, rows stay whose picture is not there, if their checksums hold; the others go, and so do
    copies that shared the vector of such a row.

    Args:
        store: The open table; the caller holds the writers' lock.
        found: What :func:`verify` found in it.
    """
    bad = {fragment.fragment_id for fragment in store.table.get_fragments() if _is_damaged(store, fragment, found)}
    again: list[str] = []
    kept: list[pa.RecordBatch] = []
    for fragment in store.table.get_fragments():
        if fragment.fragment_id in bad:
            for batch, good in _readable(store, fragment):
                away = [is_missing(path) for path in batch.column("real_path").to_pylist()]
                stay = pa.array([gone and bool(fine) for gone, fine in zip(away, good, strict=True)])
                kept.append(batch.filter(stay))
                paths = batch.column("real_path").to_pylist()
                again += [path for path, gone in zip(paths, away, strict=True) if not gone]
                found.lost += [p for p, gone, fine in zip(paths, away, good, strict=True) if gone and not fine]
    broken = [name for name in found.damaged_files if name.startswith(f"{TABLE}/_indices/")]
    codes = {name for name in found.damaged_files if name.startswith(f"{code_files.FOLDER}/")}
    for name in codes:
        store.files.remove(name)
    store.sums = store.sums and store.sums.without(codes)  # what is not known is made again
    with store.changing():
        if store.about.get(space.KEY, {}).get("file") in found.damaged_files:
            store.tell(**{space.KEY: {**store.about[space.KEY], "file": None}})  # the update that follows fits it
        if bad:
            store.take_out(bad)
            if rows := [batch for batch in kept if batch.num_rows]:
                store.append(pa.Table.from_batches(rows).cast(store.schema))
        if broken:
            for index in store.table.describe_indices():
                store.table.drop_index(index.name)
        again += [path for path in remove_orphans(store) if os.path.exists(path)]
        store.tell(mended=time.time_ns())  # a new version, whatever was damaged, with files of its own
    return again


def _is_damaged(store: Store, fragment: lance.LanceFragment, found: Verified) -> bool:
    return _has_damaged_file(fragment, found) or any(bad for _, bad in _rows_of(store, fragment, Verified()))


def _has_damaged_file(fragment: lance.LanceFragment, found: Verified) -> bool:
    return any(name in found.damaged_files for name, _ in checksums.parts_of(fragment))


def _readable(store: Store, fragment: lance.LanceFragment) -> Iterator[tuple[pa.RecordBatch, Any]]:
    """Whole rows of a fragment as far as they can be read, and which of them are sound."""
    try:
        with explained(store.location), quiet():
            for batch in fragment.to_batches(batch_size=_ROWS):
                yield batch, sound(batch, totals_of(store.schema.names))
    except PictureIndexError:
        return
