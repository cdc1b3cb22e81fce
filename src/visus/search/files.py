"""The files of an index, in a folder or on an object store: names, contents, checksums.

The table's own library reads and writes rows; this is for what stands beside them, and for looking at the library's
files as bytes.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from visus._files import sync, write_atomically
from visus.search.place import Location

Digest = tuple[int, str]
"""Bytes of a file, and its BLAKE2b-128 in hex."""

_BLOCK = 1 << 20


Stamp = tuple[int, ...] | bytes
"""What changes when another file takes the place of one."""


class Files(Protocol):
    """Files below the folder of an index; names have slashes and no leading one."""

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, without it; none where it is missing."""
        ...

    def below(self, folder: str) -> list[str]:
        """Names of all files in a folder and in the folders in it, from the index's folder on."""
        ...

    def read(self, name: str) -> bytes:
        """The content of a small file.

        Raises:
            FileNotFoundError: It is missing.
            OSError: It cannot be read.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a small file whole or not at all; in a folder it is on the disk afterwards."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file that may be missing."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes of a file, -1 where it is missing; None where asking costs as much as reading."""
        ...

    def stamp(self, name: str) -> Stamp | None:
        """What changes when another file takes the place of a small one; None where it is missing."""
        ...

    def digest(self, name: str) -> Digest:
        """Size and checksum of a file of any size.

        Raises:
            OSError: It is missing or cannot be read.
        """
        ...

    def sync(self, names: Iterable[str]) -> None:
        """Wait until files, and their names in their folders, are on the disk."""
        ...


class LocalFiles:
    """Files in a folder.

    Args:
        place: The folder of the index.
    """

    def __init__(self, place: Path) -> None:
        self._place = place

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, without it."""
        try:
            return os.listdir(self._place / folder)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def below(self, folder: str) -> list[str]:
        """Names of all files in a folder and below."""
        inside = self._place / folder
        return sorted(path.relative_to(self._place).as_posix() for path in inside.rglob("*") if path.is_file())

    def read(self, name: str) -> bytes:
        """The content of a small file."""
        return (self._place / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a small file whole or not at all."""
        target = self._place / name
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
            sync([target.parent.parent])
        write_atomically(target, content)

    def remove(self, name: str) -> None:
        """Remove a file that may be missing."""
        (self._place / name).unlink(missing_ok=True)

    def size(self, name: str) -> int | None:
        """Bytes of a file, -1 where it is missing."""
        try:
            return (self._place / name).stat().st_size
        except FileNotFoundError:
            return -1

    def stamp(self, name: str) -> Stamp | None:
        """Inode, time of change and size: nothing is read."""
        try:
            found = (self._place / name).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def digest(self, name: str) -> Digest:
        """Size and checksum of a file of any size."""
        return _digest(self._place / name)

    def sync(self, names: Iterable[str]) -> None:
        """Wait until files, and their names in their folders, are on the disk."""
        files = [self._place / name for name in names]
        folders = {folder for file in files for folder in file.parents if folder.is_relative_to(self._place)}
        sync([*files, *sorted(folders, reverse=True)])


class RemoteFiles:
    """Files on an object store, which keeps what it has taken: there is nothing to sync.

    Args:
        place: Address of the index.
    """

    def __init__(self, place: str) -> None:
        from lance.file import LanceFileSession

        self._session = LanceFileSession(place)

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, without it."""
        return [name.rpartition("/")[2] for name in self.below(folder)]

    def below(self, folder: str) -> list[str]:
        """Names of all files in a folder and below."""
        return sorted(self._session.list(folder))

    def read(self, name: str) -> bytes:
        """The content of a small file.

        Raises:
            FileNotFoundError: It is missing.
            OSError: It cannot be read.
        """
        try:
            with self._fetched(name) as local:
                return local.read_bytes()
        except OSError:
            if self._session.contains(name):
                raise
            raise FileNotFoundError(name) from None

    def write(self, name: str, content: bytes) -> None:
        """Write a small file whole or not at all."""
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "content"
            local.write_bytes(content)
            self._session.upload_file(local, name)

    def remove(self, name: str) -> None:
        """Remove a file that may be missing."""
        if self._session.contains(name):
            self._session.delete_file(name)

    def size(self, name: str) -> int | None:
        """Not known without reading the file: None."""
        return None

    def stamp(self, name: str) -> Stamp | None:
        """A checksum: an object store tells no more without reading."""
        try:
            return hashlib.blake2b(self.read(name), digest_size=16).digest()
        except OSError:
            return None

    def digest(self, name: str) -> Digest:
        """Size and checksum of a file of any size."""
        with self._fetched(name) as local:
            return _digest(local)

    def sync(self, names: Iterable[str]) -> None:
        """Nothing to do: an object store keeps what it has taken."""

    @contextlib.contextmanager
    def _fetched(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "content"
            self._session.download_file(name, local)
            yield local


def files_of(place: Location) -> Files:
    """The files of an index.

    Args:
        place: Its folder, or its address on an object store.
    """
    return LocalFiles(place) if isinstance(place, Path) else RemoteFiles(place)


def _digest(path: Path) -> Digest:
    state, size = hashlib.blake2b(digest_size=16), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
            size += len(block)
    return size, state.hexdigest()
