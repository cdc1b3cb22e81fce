"""Move one file so that nothing is lost: no other file is replaced, and the first name goes last."""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from visus._errors import InputError
from visus._files import sync
from visus.images import read_bytes
from visus.search.reading import content_hash

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors after which no other file can be moved either."""

_NO_COPY = (*FULL, errno.EEXIST, errno.ENOENT)  # errors of a link that a copy would meet too


class NotMovedError(Exception):
    """A file stays where it is; the message says why."""


def hash_of(path: Path) -> bytes:
    """The hash of a file's content.

    Raises:
        InputError: It cannot be read.
    """
    return content_hash(read_bytes(path))


def why(error: Exception) -> str:
    """Why a file was not moved, in a few words."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def move(origin: Path, place: Path, *, seen: os.stat_result, hash: bytes) -> None:
    """Move a file, by a hard link or, between disks, by a copy that is read again.

    The first name is taken away only while it is still the same file. Whoever is killed in between leaves both.

    Args:
        origin: The file.
        place: Where; its folders are made.
        seen: What the system said of the file (``os.lstat``) before its content was looked at.
        hash: Of its content; asked only between disks.

    Raises:
        NotMovedError: The file was changed meanwhile, and is where it was; or another program has moved it.
        InputError: It cannot be read; it is where it was.
        OSError: It cannot be moved; likewise.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    linked = _linked(origin, place)
    if not linked:
        _copy(origin, place, hash)
    try:
        sync([place.parent])
        if not linked and os.path.lexists(origin) and hash_of(origin) != hash:
            raise NotMovedError("it was changed meanwhile")
        if not unlink(origin, seen) and os.lstat(place).st_nlink > 1:  # of two who move it, one took the first name
            place.unlink()
            raise NotMovedError("another program has moved it meanwhile")
    except (OSError, InputError, NotMovedError):
        if os.path.lexists(origin):
            place.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # it is moved; if a power cut brings the first name back, there are two
        sync([origin.parent])


def unlink(path: Path, seen: os.stat_result) -> bool:
    """Take a name away while it is the file that was seen.

    Returns:
        Whether it was there.

    Raises:
        NotMovedError: It is another file, or was changed.
        OSError: It may not be taken away.
    """
    try:
        now = os.lstat(path)
        if _told(now) != _told(seen):
            raise NotMovedError("it was saved anew meanwhile")
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _told(seen: os.stat_result) -> tuple[int, int, int, int]:
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns


def _linked(origin: Path, place: Path) -> bool:
    """Give a file its second name; False on another disk, or where there are no hard links."""
    try:
        os.link(origin, place, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_COPY:
            raise
        return False
    return True


def _copy(origin: Path, place: Path, hash: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".visus-", dir=place.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        shutil.copy2(origin, temporary, follow_symlinks=False)
        if hash_of(temporary) != hash:
            raise NotMovedError("it was changed, and moves to another disk only unchanged")
        sync([temporary])
        if not _linked(temporary, place):  # a file system without hard links
            if os.path.lexists(place):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))
            os.replace(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)
