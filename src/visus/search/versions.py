"""The newest sound version of an index: which one a reader opens, and what a writer makes of one that is not whole.

A commit of the table is a new version, and a change may take several. It counts once its checksums are written
(:mod:`visus.search.checksums`). What a killed process or a power cut left unfinished is put aside by the next writer:
the version before is the newest again. One that counted, and of which only the checksums have been damaged since, is
looked at: if every new row is as it was written, it stays.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import lance

from visus._errors import PictureIndexError
from visus.search import checksums
from visus.search.checksums import TABLE, Checksums
from visus.search.files import Files
from visus.search.place import Location, explained
from visus.search.rows import checked_by, sound, totals_of

_ASIDE = "damaged"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open version of an index.

    Attributes:
        table: The table.
        sums: Its checksums; None for an index of 0.1, which has none.
        note: A sentence on what was wrong with newer versions, if something was.
    """

    table: lance.LanceDataset
    sums: Checksums | None
    note: str | None = None


def newest(place: Location, files: Files) -> Opened:
    """Open the newest version that is sound as far as a glance tells.

    Args:
        place: Of the index.
        files: Of the index.

    Raises:
        PictureIndexError: There is none.
    """
    noted = checksums.noted(files)
    for version in noted:
        sums = checksums.load(files, version)
        if sums is not None:
            note = None if version == noted[0] else _stepped_back(place, noted[0], version)
            return Opened(_table(place, version), sums, note)
    return _readable(place, files, lost=bool(noted))


def _readable(place: Location, files: Files, *, lost: bool) -> Opened:
    """The newest version that the table's library opens, where there are no checksums, or none that agree."""
    versions = list(checksums.manifests(files))
    failure: PictureIndexError | None = None
    for version in versions:
        try:
            with quiet():
                table = _table(place, version)
        except PictureIndexError as error:
            failure = failure or error
            continue
        if lost:
            note = f"Files of {place} are missing or truncated; run: visus index --verify --mend"
            return Opened(table, checksums.parsed(files, version), note)
        return Opened(table, None, _stepped_back(place, versions[0], version) if failure else None)
    raise failure or PictureIndexError(f"{place} is damaged: it has no version; index the pictures in a new folder.")


def _table(place: Location, version: int) -> lance.LanceDataset:
    """The table at a version, if what it says of its columns and of itself can be read."""
    with explained(place):
        table = lance.dataset(f"{place}/{TABLE}", version=version)
        told = (table.schema.metadata or {}).get(b"visus")
        if told is not None and not {"format", "dtype", "model", "dimension"} <= json.loads(told).keys():
            raise ValueError("it does not say what it was made with")
        return table


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what a panic of the table's library prints from the terminal: it becomes an error, which is one sentence."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _stepped_back(place: Location, bad: int, good: int) -> str:
    return (
        f"Version {bad} of {place} is damaged or incomplete; version {good} is used instead, and the next visus "
        "index FOLDER adds what is missing."
    )


def recover(place: Location, files: Files) -> Opened:
    """Open the newest sound version for writing, so that the next commit follows on it.

    Args:
        place: Of the index; the caller holds its lock.
        files: Of the index.

    Raises:
        PictureIndexError: There is none.
    """
    opened = newest(place, files)
    noted = checksums.noted(files)
    bad: int | None = None  # the newest version that counted and had to be put aside
    for version in [version for version in checksums.manifests(files) if version > opened.table.version]:
        taken = _taken_over(place, files, version, opened.sums) if version in noted else None
        if taken is not None:
            opened = taken
            break
        if version in noted or opened.sums is None:
            bad = bad or version
        _put_aside(files, version)
    there = checksums.manifests(files)
    for version in [version for version in noted if version not in there]:  # its manifest was removed
        if version > opened.table.version:
            bad = bad or version
        files.remove(f"{checksums.FOLDER}/{version}.json")
    table = _table(place, opened.table.version)
    return Opened(table, opened.sums, _stepped_back(place, bad, table.version) if bad else opened.note)


def _taken_over(place: Location, files: Files, version: int, before: Checksums | None) -> Opened | None:
    """A version that counted, of which nothing but its checksums is damaged; None where more is."""
    if before is None or checksums.parsed(files, version) is not None:  # noted, and not what was noted
        return None
    try:
        table = _table(place, version)
        if not _whole(table, files, before):
            return None
        return Opened(table, checksums.write(files, table, before))
    except Exception:  # what is torn makes the table's library, and what it is asked for, raise almost anything
        return None


def _whole(table: lance.LanceDataset, files: Files, before: Checksums) -> bool:
    """Whether the files of a version that an earlier one did not have hold what was written."""
    for fragment in table.get_fragments():
        new = [file for file in fragment.metadata.files if f"{TABLE}/data/{file.path}" not in before.files]
        if any(files.size(f"{TABLE}/data/{file.path}") not in (None, file.file_size_bytes) for file in new):
            return False
        totals = totals_of(table.schema.names)
        columns = sorted(checked_by(totals))
        if new and not all(sound(batch, totals).all() for batch in fragment.to_batches(columns=columns)):
            return False
    checksums.read_deletions(table, before.files)
    return True


def _put_aside(files: Files, version: int) -> None:
    """Take a damaged version out of the table's sight, and keep it."""
    name = checksums.manifests(files)[version]
    files.write(f"{_ASIDE}/{version}.manifest", files.read(name))
    files.remove(name)
    files.remove(f"{checksums.FOLDER}/{version}.json")
