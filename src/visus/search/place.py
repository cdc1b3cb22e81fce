"""Where an index lies: a folder or a place on an object store, who may write there, and what can be wrong with it.

Writers in a folder hold a lock that the system gives back when a process dies; an object store (``s3://``) has no such
lock, and one process at a time should write there.
"""

import contextlib
import errno
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import lance

from visus._errors import InputError, PictureIndexError

if TYPE_CHECKING:
    from filelock import BaseFileLock

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_LOCK = "writer.lock"
_MADE = ("pictures.lance", "whitening-", "space-", "codes", "checksums", "damaged")
_OWN_FILES = (*_MADE, _LOCK, ".")

_THREADS = threading.Lock()

Location = Path | str
"""A folder, or the address of a place on an object store."""


def place_of(location: str | os.PathLike[str]) -> Location:
    """A folder as a path, an address such as ``s3://bucket/photos.visus`` as text.

    Raises:
        InputError: The name is no UTF-8 text.

    >>> place_of("s3://bucket/photos.visus/"), place_of("photos.visus").name
    ('s3://bucket/photos.visus', 'photos.visus')
    """
    text = os.fspath(location)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The name of an index must be UTF-8 text, not {text!r}.") from error
    remote = re.match(r"(s3|gs|az):/+(?=[^/])", text)  # a path object has one slash where an address has two
    if remote:
        return f"{remote[1]}://{text[remote.end() :].rstrip('/')}"
    return Path(os.path.expanduser(text))


@contextlib.contextmanager
def writing(
    location: str | os.PathLike[str], wait: float = -1, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock that writers of an index share; it is free again when the process ends, however it ends.

    Args:
        location: The folder of the index, made if it is missing, and taken away again if nothing came into it; on an
            object store there is no lock.
        wait: Seconds to wait for another writer; negative waits without end, 0 not at all.
        on_wait: Called once if another process is writing and there is a wait.

    Raises:
        PictureIndexError: Another process is writing.
    """
    from filelock import FileLock, Timeout

    place = place_of(location)
    if isinstance(place, str):
        yield
        return
    _check_place(place)
    with explained(place):
        made = [folder for folder in (place, *place.parents) if not folder.exists()]
        _make(place)
        lock = FileLock(place / _LOCK)
    try:
        try:
            _acquire(lock, place, 0)
        except Timeout:
            if wait and on_wait:
                on_wait()
            _acquire(lock, place, wait)
    except Timeout as error:
        raise PictureIndexError(f"Another process is writing to {place}; wait until it is done, or stop it.") from error
    except OSError as error:
        raise sentence_of(place, error) from error
    try:
        yield
    finally:
        _remove_empty(made)
        lock.release()


@contextlib.contextmanager
def alone(location: Location, name: str) -> Iterator[None]:
    """Hold a lock of an index for a moment: of two who change a small file, neither undoes what the other did.

    Args:
        location: The folder of the index; on an object store threads of one process wait for each other.
        name: Of the lock.

    Raises:
        PictureIndexError: The folder may not be written.
    """
    from filelock import FileLock

    if isinstance(location, str):
        with _THREADS:
            yield
        return
    lock = FileLock(location / name)
    with explained(location):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: "BaseFileLock", place: Path, wait: float) -> None:
    """Take a lock, though the one who holds it may take the empty folder away with it.

    Raises:
        Timeout: Another process holds it.
        OSError: There is no room, or it is forbidden.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            lock.acquire(timeout=wait)
            if (place / _LOCK).exists():
                return
            lock.release()  # it is the lock of a folder that is gone
        _make(place)


def _make(folder: Path) -> None:
    """Make the folder of an index, where it is missing.

    Raises:
        PictureIndexError: There can be none.
        OSError: The disk is full, or it is forbidden.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in (*_FULL, *_FORBIDDEN):
            raise
        raise PictureIndexError(
            f"An index cannot be written at {folder} ({reason_of(error)}); name a place in a folder of yours: --index."
        ) from error


def _remove_empty(folders: Sequence[Path]) -> None:
    """Take away folders, the innermost first, of which that of the index holds its lock alone; its lock is held."""
    with contextlib.suppress(OSError):  # somebody else has put something there, or taken it
        if folders and [entry.name for entry in folders[0].iterdir()] == [_LOCK]:
            (folders[0] / _LOCK).unlink()
            for folder in folders:
                folder.rmdir()


def remove_made(location: Location) -> None:
    """Take away a table that was made and got no rows, and what belongs to it; the caller holds the lock.

    Args:
        location: The folder of the index; on an object store the table stays.
    """
    if isinstance(location, str):
        return
    for entry in location.iterdir():
        if entry.is_dir() and entry.name.startswith(_MADE):
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name.startswith(_MADE):
            entry.unlink(missing_ok=True)


def _check_place(folder: Path) -> None:
    """Refuse a folder that holds something else than an index, before anything is written there."""
    with explained(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; name a folder for the index.")
        if exists(folder) or not folder.is_dir():
            return
        foreign = [entry for entry in folder.iterdir() if not entry.name.startswith(_OWN_FILES)]
    if foreign:
        raise InputError(f"{folder} holds other files; name a new folder for the index, for example photos.visus.")


def exists(location: str | os.PathLike[str]) -> bool:
    """Whether a table was made there: the making ends with its first manifest.

    Raises:
        PictureIndexError: There are rows, but no manifest that tells of them; or the object store is out of reach.
    """
    place = place_of(location)
    if isinstance(place, Path):
        with explained(place):
            table = place / "pictures.lance"
            # beside the table: copies, from which the manifests are written again
            there = any(any(folder.glob("*.manifest")) for folder in (table / "_versions", place / "checksums"))
            if not there and any((table / "_transactions").glob("*.txn")) and any((table / "data").glob("*.lance")):
                raise PictureIndexError(
                    f"{place} has lost all manifests in pictures.lance/_versions and their copies in checksums, and "
                    "its rows cannot be read without; bring one of these folders back from a backup, or remove the "
                    "index and index the pictures again."
                )
            return there
    try:
        lance.dataset(f"{place}/pictures.lance")
    except (ValueError, OSError) as error:
        if "was not found" in str(error):
            return False
        raise sentence_of(place, error) from error
    return True


@contextlib.contextmanager
def explained(location: Location) -> Iterator[None]:
    """Turn the storage library's errors into one sentence; a panic in it is an error too, though Python's is none."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, OSError | RuntimeError | ValueError) or type(error).__name__ == "PanicException":
            raise sentence_of(location, error) from error
        raise


def reason_of(error: BaseException) -> str:
    """The first line of an error, without the place in the storage library's source."""
    text = str(error).split(", /")[0].strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def sentence_of(location: Location, error: BaseException) -> PictureIndexError:
    """What went wrong there, in one sentence with the mend."""
    text = str(error)
    found = re.search(r"os error (\d+)", text)
    number = int(found[1]) if found else getattr(error, "errno", None)
    if number in _FULL or "No space left" in text:
        return PictureIndexError(
            f"There is no room left on the disk of {location}; what was added so far is safe: make room and run the "
            "command again."
        )
    if number in _FORBIDDEN:
        return PictureIndexError(
            f"{location} cannot be read or written ({reason_of(error)}); change its permissions or name another index."
        )
    return PictureIndexError(
        f"The index {location} is damaged or out of reach ({reason_of(error)}); try again, then run: visus index "
        "--verify --mend; if that ends here too, remove the index and index the pictures again."
    )
