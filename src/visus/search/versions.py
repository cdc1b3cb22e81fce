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
from dataclasses import dataclass, replace

import lance

from visus._errors import PictureIndexError
from visus.search import checksums
from visus.search.checksums import TABLE, Checksums
from visus.search.files import Files
from visus.search.place import Location, explained, reason_of
from visus.search.rows import checked_by, columns_in, sound, totals_of

_ASIDE = "damaged"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open version of an index.

    Attributes:
        table: The table.
        sums: Its checksums, or those of an earlier version where its own must be noted anew; None for an index of 0.1,
            which has none.
        note: A sentence on what is wrong with newer versions, if something is.
        news: A sentence on what was mended, if something was.
        lost: Numbers of the fragments of which files are missing or truncated.
        lost_rows: How many rows they had.
    """

    table: lance.LanceDataset
    sums: Checksums | None
    note: str | None = None
    news: str | None = None
    lost: tuple[int, ...] = ()
    lost_rows: int = 0

    @property
    def rows(self) -> int:
        """Rows that can be read."""
        return sum(checksums.rows_in(fragment) for fragment in self.table.get_fragments()) - self.lost_rows


def newest(place: Location, files: Files) -> Opened:
    """Open the newest version that is sound as far as a glance tells.

    An older one is taken only where it has as many rows as those that are left of the newest.

    Args:
        place: Of the index.
        files: Of the index.

    Raises:
        PictureIndexError: There is none, or its manifest cannot be written again.
    """
    noted = checksums.noted(files)
    opened = _noted(place, files, noted)
    if opened is None and (restored := _restored(place, files)):
        opened = _noted(place, files, restored)
        opened = opened and replace(opened, news=_from_copies(place))
    return opened or _readable(place, files, lost=bool(noted))


def _noted(place: Location, files: Files, versions: list[int]) -> Opened | None:
    """The newest of some versions whose checksums agree, or what is left of one where that is more."""
    partial: Opened | None = None
    for version in versions:
        sums = checksums.load(files, version)
        if sums is None:
            continue
        table = _table(place, version)
        if bad := checksums.lost(files, sums):
            partial = partial or _partial(place, table, sums, bad)
            continue
        note = None if version == versions[0] else _stepped_back(place, versions[0], version)
        whole = Opened(table, sums, note)
        return partial if partial and (not whole.rows or partial.rows > whole.rows) else whole
    return partial


def _partial(place: Location, table: lance.LanceDataset, sums: Checksums, bad: set[str]) -> Opened:
    """A version of which some files are missing."""
    lost = [part for part in table.get_fragments() if any(name in bad for name, _ in checksums.parts_of(part))]
    rows = sum(checksums.rows_in(part) for part in lost)
    note = (
        f"Files of {place} with {rows:,} {'row' if rows == 1 else 'rows'} are missing or truncated; visus index "
        "--verify --mend takes them out and describes their pictures again."
    )
    return Opened(table, sums, note, lost=tuple(part.fragment_id for part in lost), lost_rows=rows)


def _restored(place: Location, files: Files) -> list[int]:
    """Versions whose damaged manifests were written anew."""
    try:
        return checksums.restore(files)
    except OSError as error:
        raise PictureIndexError(
            f"Manifests of {place} are damaged or missing, and cannot be written again from their copies "
            f"({error.strerror or error}); let this folder be written to, or copy the index to a place with room where "
            "you may write."
        ) from error


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
            note = f"The checksums of {place} are damaged; visus index FOLDER notes them anew."
            return Opened(table, checksums.parsed(files, version), note)
        return Opened(table, None, _stepped_back(place, versions[0], version) if failure else None)
    reason = f" ({reason_of(failure.__cause__ or failure)})" if failure else ""
    raise PictureIndexError(
        f"Every version of the index {place} is damaged or out of reach{reason}; try again; if that does not help, "
        "remove it and index the pictures again."
    ) from failure


def _table(place: Location, version: int) -> lance.LanceDataset:
    """The table at a version, if what it says of its columns and of itself can be read."""
    with explained(place):
        table = lance.dataset(f"{place}/{TABLE}", version=version)
        told = (table.schema.metadata or {}).get(b"visus")
        if told is not None:
            about = json.loads(told)
            if not {"format", "dtype", "model", "dimension"} <= about.keys():
                raise ValueError("it does not say what it was made with")
            if lacking := columns_in(about["format"]) - set(table.schema.names):
                raise ValueError(f"it lacks the column {min(lacking)}")
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


def _completed(place: Location, version: int) -> str:
    return f"The checksums of version {version} of {place} were lost; its rows are whole, and they are noted anew."


def _from_copies(place: Location) -> str:
    return f"Damaged or missing manifests of {place} were written again from their copies."


def recover(place: Location, files: Files) -> Opened:
    """Open the newest sound version for writing, so that the next commit follows on it.

    Args:
        place: Of the index; the caller holds its lock.
        files: Of the index.

    Raises:
        PictureIndexError: There is none.
    """
    restored = _restored(place, files)
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
        checksums.remove(files, version)
    for version in [version for version in there if version < opened.table.version]:
        # The table's library reads all of them where it cleans up.
        if checksums.load(files, version) is None if version in noted else not _opens(place, version):
            _put_aside(files, version)
    table = _table(place, opened.table.version)
    if opened.sums is not None and checksums.copy_of(table.version) not in files.below(checksums.FOLDER):
        checksums.keep_copy(files, table.version)
    told = [_from_copies(place)] if restored else []
    told += [_stepped_back(place, bad, table.version)] if bad else [opened.note] if opened.note else []
    return replace(opened, table=table, note=None, news=" ".join(told) or None)


def _opens(place: Location, version: int) -> bool:
    try:
        with quiet():
            _table(place, version)
    except PictureIndexError:
        return False
    return True


def _taken_over(place: Location, files: Files, version: int, before: Checksums | None) -> Opened | None:
    """A version that counted, of which nothing but its checksums is damaged; None where more is."""
    if before is None or checksums.parsed(files, version) is not None:  # noted, and not what was noted
        return None
    try:
        table = _table(place, version)
        if not _whole(table, files, before):
            return None
        return Opened(table, before, _completed(place, version))
    except Exception:  # what is torn makes the table's library, and what it is asked for, raise almost anything
        return None


def _whole(table: lance.LanceDataset, files: Files, before: Checksums) -> bool:
    """Whether the files of a version that an earlier one did not have hold what was written.

    Raises:
        OSError: One of them is shorter.
    """
    checksums.look_at_sizes(files, table, before.files)
    for fragment in table.get_fragments():
        new = [file for file in fragment.metadata.files if f"{TABLE}/data/{file.path}" not in before.files]
        totals = totals_of(table.schema.names)
        columns = sorted(checked_by(totals))
        if new and not all(sound(batch, totals).all() for batch in fragment.to_batches(columns=columns)):
            return False
    checksums.read_deletions(table, before.files)
    return True


def torn(table: lance.LanceDataset, files: Files) -> set[int]:
    """Numbers of the fragments that cannot be read whole, for a version whose checksums do not tell.

    Args:
        table: The table at that version.
        files: Of the index.
    """
    return {part.fragment_id for part in table.get_fragments() if not _is_readable(part, files)}


def _is_readable(fragment: lance.LanceFragment, files: Files) -> bool:
    if any(size is not None and files.size(name) not in (None, size) for name, size in checksums.parts_of(fragment)):
        return False
    try:
        with explained(""), quiet():
            return sum(batch.num_rows for batch in fragment.to_batches()) == checksums.rows_in(fragment)
    except PictureIndexError:
        return False


def _put_aside(files: Files, version: int) -> None:
    """Take a damaged version out of the table's sight, and keep it."""
    name = checksums.manifests(files)[version]
    files.write(f"{_ASIDE}/{version}.manifest", files.read(name))
    files.remove(name)
    checksums.remove(files, version)
