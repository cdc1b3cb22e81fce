"""Put aside what may go: files are moved, never deleted, and a journal undoes it.

Each move is noted in the journal, on the disk, before it is made; so whatever stops the work, every file is in one of
the two places that the journal names. A file that cannot be moved is left, and the others go on.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.search.duplicates.journal import Journal, JournalWriter, Noted
from visus.search.duplicates.members import Copy, DuplicateGroup, Member
from visus.search.duplicates.moving import FULL, NotMovedError, hash_of, move, unlink, why
from visus.search.duplicates.opened import entry, unchanged
from visus.search.walk import JOURNAL

_LOCK = ".visus-moved.lock"  # beside the journal

__all__ = ["JOURNAL", "Moved", "folder_for", "move_aside", "move_back"]


@dataclass(slots=True)
class Moved:
    """Which files were moved, and which were left.

    Attributes:
        files: Pairs of places, from and to.
        size: Bytes of these files.
        left: Sentences on what was left where it is, one for each file.
        notes: Sentences on files that were moved and are not what they were.
    """

    files: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        files = [{"from": a, "to": b} for a, b in self.files]
        return {"moved": files, "size": self.size, "left": self.left, "notes": self.notes}


def folder_for(folder: str | os.PathLike[str]) -> Path:
    """The folder that files are moved to; it may be missing, and is not made.

    Args:
        folder: As the user named it.

    Raises:
        InputError: It has no name, is a file, or cannot be made.
    """
    target = _named(folder)
    there = next(own for own in (target, *target.parents) if os.path.lexists(own))
    if there == target and not target.is_dir():
        raise InputError(f"{folder} is a file; name a folder that files can be moved to.")
    if not there.is_dir():
        raise _unmade(folder, os.strerror(errno.ENOTDIR))
    if there != target and not os.access(there, os.W_OK | os.X_OK):
        raise _unmade(folder, os.strerror(errno.EACCES))
    return target


def _named(folder: str | os.PathLike[str]) -> Path:
    if not os.fspath(folder):
        raise InputError("A folder that files are moved to has a name, not an empty one; the current one is '.'.")
    return Path(folder).expanduser().absolute()


def _unmade(folder: str | os.PathLike[str], reason: str | None) -> InputError:
    return InputError(f"The folder {folder} cannot be made ({reason}); choose another one.")


def move_aside(groups: Iterable[DuplicateGroup], folder: str | os.PathLike[str]) -> Moved:
    """Move the copies that may go into a folder, where they keep their paths.

    Before a file is moved, it and the one that is kept are read once more: both must hold what the index says. What
    cannot be moved is left; once the disk is full, so is the rest. Others may do the same at the same time: each file
    is moved once, and comes back where its kept one was taken away meanwhile.

    Args:
        groups: Groups of duplicates.
        folder: Where; made if it is missing and something is moved.

    Raises:
        InputError: The folder cannot be written, holds a picture that is to be kept, or others move files there now.
    """
    target = folder_for(folder)
    groups = list(groups)
    for group in groups:
        if Path(os.path.realpath(group.keep.path)).is_relative_to(os.path.realpath(target)):
            raise InputError(f"{group.keep.path} is to be kept and lies in {target} itself; choose another folder.")
    going = list(_may_go(groups))
    if not going:
        return Moved()
    with _made(target):
        try:
            with _alone(target), JournalWriter(target) as journal:
                return _all_aside(going, target, journal)
        except OSError as error:
            raise InputError(f"Files cannot be moved to {target}: {error.strerror}; choose another folder.") from error


@contextmanager
def _made(target: Path) -> Iterator[None]:
    """A folder, and those that it lies in, made where they are missing; what is empty afterwards goes again.

    Raises:
        InputError: It cannot be made.
    """
    missing = [own for own in (target, *target.parents) if not own.exists()]
    try:
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unmade(target, error.strerror) from error
        yield
    finally:
        with suppress(OSError):  # something was moved
            for own in missing:
                own.rmdir()


def _all_aside(going: Iterable[tuple[Member, Copy]], target: Path, journal: JournalWriter) -> Moved:
    moved, full = Moved(), ""
    for keep, copy in going:
        try:
            if full:
                raise NotMovedError(full)
            place = _put_aside(keep, copy, target, journal)
        except (OSError, InputError, NotMovedError) as error:
            moved.left.append(f"{copy.path} was left: {why(error)}")
            full = full or (why(error) if isinstance(error, OSError) and error.errno in FULL else "")
            continue
        moved.files.append((copy.path, str(place)))
        moved.size += copy.size
    return moved


def move_back(folder: str | os.PathLike[str]) -> Moved:
    """Move files back to where :func:`move_aside` took them from; the journal keeps what is not back.

    Args:
        folder: Where they are; it may have another name than it had.

    Raises:
        InputError: It has no name, there is no journal, or others move files there now.
    """
    target = _named(folder)
    Journal.read(target)  # a folder without one needs no lock
    try:
        with _alone(target):
            return _all_back(target)
    except OSError as error:
        raise InputError(f"Files cannot be moved from {target}: {error.strerror}; check its permissions.") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder's journal: of two who write it, one would take back what the other has noted.

    The lock's file goes with it.

    Raises:
        InputError: Another process holds it.
        OSError: The folder may not be written.
    """
    from filelock import FileLock, Timeout

    place = folder / _LOCK
    try:
        with FileLock(place, timeout=0) as lock:
            if not place.exists():  # who held it took it away
                raise Timeout(lock.lock_file)
            try:
                yield
            finally:
                with suppress(OSError):  # Windows takes no open file away
                    place.unlink()
    except Timeout:
        raise InputError(f"Another visus moves files to or from {folder}; say it again once that is done.") from None


def _all_back(target: Path) -> Moved:
    journal = Journal.read(target)
    moved = Moved()
    for number in journal.damaged:
        moved.left.append(
            f"Line {number} of {journal.path} cannot be understood; look for its file in {target}, then delete the line"
        )
    left = set(journal.damaged)
    for noted in reversed(journal.moves):
        try:
            _bring_back(noted, target / noted.place, moved)
        except (OSError, InputError, NotMovedError) as error:
            moved.left.append(f"{noted.origin} is not back: {why(error)}")
            left.add(noted.number)
    try:
        journal.keep(left)
    except OSError as error:
        moved.left.append(f"The journal {journal.path} could not be brought up to date: {why(error)}")
    return moved


def _may_go(groups: Iterable[DuplicateGroup]) -> Iterator[tuple[Member, Copy]]:
    for group in groups:
        yield from ((group.keep, copy) for copy in group.others if copy.may_go)


def _put_aside(keep: Member, copy: Copy, target: Path, journal: JournalWriter) -> Path:
    """Move a copy; returns where it is."""
    origin = Path(copy.path)
    try:
        seen = os.lstat(origin)
    except FileNotFoundError:
        raise NotMovedError("it is no longer there") from None
    if reason := _why_not(keep, copy):
        raise NotMovedError(reason)
    place = _free(target / origin.relative_to(origin.anchor))
    journal.note(origin, place.relative_to(target), copy.hash)
    try:
        move(origin, place, seen=seen, hash=copy.hash)
    except (OSError, InputError, NotMovedError):
        if os.path.lexists(origin) or not os.path.lexists(place):
            journal.take_back()
        raise
    if not os.path.lexists(keep.path):  # another program has put it aside as a copy of this one
        move(place, origin, seen=os.lstat(place), hash=copy.hash)
        journal.take_back()
        raise NotMovedError("the file that is kept is no longer there, so it is back")
    return place


def _why_not(keep: Member, copy: Copy) -> str:
    """What speaks against moving a file; empty for nothing."""
    if os.path.islink(copy.path):
        return "it is a link"
    if entry(keep.path) == entry(copy.path):
        return "it is the very file that is kept"
    for member, name in ((keep, "the file that is kept"), (copy, "it")):
        if not unchanged(member):
            return f"{name} is no longer what the index says"
    return ""


def _free(place: Path) -> Path:
    """A place that no file has yet."""
    number, found = 1, place
    while _is_there(found):
        number += 1
        found = place.with_name(f"{place.stem} ({number}){place.suffix}")
    return found


def _is_there(path: Path) -> bool:
    """Whether there is a file, or a link to nothing.

    Raises:
        OSError: There cannot be one: the name is too long, perhaps.
    """
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _is_entry(place: Path, origin: Path) -> bool:
    """Whether two paths are one name, by links between folders: there is nothing to take away."""
    one, two = os.lstat(place), os.lstat(origin)
    return os.path.realpath(place) == os.path.realpath(origin) or (os.path.samestat(one, two) and one.st_nlink == 1)


def _is_same(place: Path, origin: Path, hash: bytes) -> bool:
    """Whether a file still has both names, or was copied, and so may lose the one."""
    if os.path.samestat(os.lstat(place), os.lstat(origin)):
        return True
    return not origin.is_symlink() and hash_of(place) == hash_of(origin) == hash


def _bring_back(noted: Noted, place: Path, moved: Moved) -> None:
    """Move a file back, or finish a move that was cut off between its two names."""
    origin = noted.origin
    if not _is_there(place):
        if _is_there(origin) and hash_of(origin) == noted.hash:
            return  # it was never moved, or is back already
        raise NotMovedError(f"nothing is at {place}")
    seen = os.lstat(place)
    if place.is_symlink():
        raise NotMovedError(f"{place} is a link")
    changed = hash_of(place) != noted.hash
    if not _is_there(origin):
        if not origin.parent.exists():  # taken away since, or on a disk that is not mounted
            moved.notes.append(f"{origin.parent} was missing and is made anew")
        move(place, origin, seen=seen, hash=noted.hash)
    elif _is_entry(place, origin):
        return
    elif _is_same(place, origin, noted.hash):
        unlink(place, seen)
    else:
        raise NotMovedError(f"there is another file there; the one that was moved is {place}")
    moved.files.append((str(place), str(origin)))
    moved.size += seen.st_size
    if changed:
        moved.notes.append(f"{origin} is back; it was changed after it was moved aside")
