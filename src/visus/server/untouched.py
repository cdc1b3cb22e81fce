"""Parts of files that are surely what was indexed, though the whole file is not read again."""

import os
from datetime import UTC, datetime

from visus.search.filesystems import Entry, entry_of

_SURE = 2.0  # seconds that a file had been at rest when it was read: a change in the same tick would not show


def at_rest(entry: Entry, seen: datetime) -> bool:
    """Whether a file had not been touched for a while when it was read, so that a later change shows in its entry.

    Args:
        entry: Of the file when it was read.
        seen: When that was, UTC.
    """
    read = seen.replace(tzinfo=UTC).timestamp()
    return bool(entry.inode) and max(entry.mtime, entry.ctime) / 1e9 < read - _SURE


def part_of(path: str, entry: Entry, first: int, last: int) -> bytes | None:
    """Some bytes of a file; None where it is not the very file, untouched, that had an entry.

    Args:
        path: Where it lies.
        entry: As it was when the file was read.
        first: Byte.
        last: Byte, included.
    """
    try:
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with open(opened, "rb") as file:
        if entry_of(os.fstat(opened)) != entry:
            return None
        try:
            file.seek(first)
            content = file.read(last - first + 1)
        except OSError:
            return None
        return content if entry_of(os.fstat(opened)) == entry else None
