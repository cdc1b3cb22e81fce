"""Find the picture files below folders."""

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from visus._errors import InputError
from visus.images import is_picture_name


@dataclass(frozen=True, slots=True)
class Found:
    """A picture file as the walk saw it.

    Attributes:
        path: Absolute path.
        mtime: Time of the last change, in ns since 1970, UTC.
        size: Bytes.
    """

    path: str
    mtime: int
    size: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be used, and why.

    Attributes:
        path: Absolute path.
        message: One sentence: what, where, the mend.
    """

    path: str
    message: str


def roots_of(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Absolute forms of the files and folders that a user named.

    Raises:
        InputError: One of them does not exist. (A drive that is not mounted must not look like a deleted folder.)
    """
    roots = []
    for path in paths:
        absolute = os.path.abspath(os.path.expanduser(path))
        if not os.path.exists(absolute):
            raise InputError(f"{path} does not exist; check the spelling, or whether its drive is mounted.")
        roots.append(absolute)
    return roots


def walk(roots: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[Found | Failure]:
    """Find picture files, in a fixed order, each once.

    A symbolic link that leads to somewhere below the roots is passed over, since the walk comes there by itself; one
    that leads elsewhere is followed, but each folder is entered only once, so that loops end. Hidden files and folders
    and indexes of visus are passed over.

    Args:
        roots: Absolute paths of files and folders. A file that is named is taken whatever its ending.
        exclude: Patterns such as ``*.png`` or ``private/*``: what matches by its name, or by its path below
            the root, is passed over, folders with all that is in them.

    Yields:
        What was found, or why it cannot be used.
    """
    entered: set[tuple[int, int]] = set()
    given: set[str] = set()
    real = tuple(os.path.join(os.path.realpath(root), "") for root in roots)
    for root in roots:
        if os.path.isdir(root):
            yield from _walk_folder(root, exclude, real, entered, given)
        elif root not in given:
            given.add(root)
            yield _look(root)


def _walk_folder(
    root: str, exclude: Sequence[str], real: tuple[str, ...], entered: set[tuple[int, int]], given: set[str]
) -> Iterator[Found | Failure]:
    waiting = [root]
    while waiting:
        current = waiting.pop()
        try:
            about = os.stat(current)
            if (about.st_dev, about.st_ino) in entered:
                continue
            entered.add((about.st_dev, about.st_ino))
            with os.scandir(current) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Failure(current, f"{current} cannot be entered ({error.strerror}); change its permissions.")
            continue
        folders = []
        for entry in listed:
            if _hidden(entry.name) or _excluded(entry, root, exclude) or _leads_back(entry, real):
                continue
            if _is_folder(entry):
                folders.append(entry.path)
            elif is_picture_name(entry.name) and entry.path not in given:
                given.add(entry.path)
                yield _look(entry.path)
        waiting.extend(reversed(folders))


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.endswith(".visus")


def _excluded(entry: os.DirEntry[str], root: str, exclude: Sequence[str]) -> bool:
    below = os.path.relpath(entry.path, root)
    return any(fnmatch.fnmatch(entry.name, glob) or fnmatch.fnmatch(below, glob) for glob in exclude)


def _leads_back(entry: os.DirEntry[str], real: tuple[str, ...]) -> bool:
    """Whether an entry is a link to something that is there and lies below one of the real roots."""
    if not entry.is_symlink():
        return False
    target = os.path.realpath(entry.path)
    return os.path.exists(target) and os.path.join(target, "").startswith(real)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle of links
        return False


def _look(path: str) -> Found | Failure:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "backslashreplace").decode()
        return Failure(shown, f"{shown} has a name that is not UTF-8; rename it.")
    try:
        about = os.stat(path)
    except OSError as error:
        return Failure(path, f"{path} cannot be found ({error.strerror}); if it is a link, mend or delete it.")
    if not stat.S_ISREG(about.st_mode):
        return Failure(path, f"{path} is not a regular file; delete it or exclude it.")
    latest = 2**63 - 1  # of what the index can hold, in the year 2262
    return Found(path, min(about.st_mtime_ns, latest), about.st_size)
