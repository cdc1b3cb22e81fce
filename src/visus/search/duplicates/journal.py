"""The journal of moves: a line of JSON for each, on the disk before the move is made.

``from`` is where the file was, ``to`` where it goes, relative to the folder of the journal, ``hash`` is of its content.
Journals of an earlier visus hold absolute places; what of such a place lies in the folder follows from ``from``.
"""

import io
import json
import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from visus._errors import InputError
from visus._files import sync, write_atomically
from visus.search.walk import JOURNAL


@dataclass(frozen=True, slots=True)
class Noted:
    """The move of one file, as a line of the journal says it.

    Attributes:
        number: Of its line, from 1.
        origin: Where the file was, absolute.
        place: Where it is, relative to the folder of the journal.
        hash: Of its content.
    """

    number: int
    origin: Path
    place: Path
    hash: bytes


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of a folder, as it was read.

    Attributes:
        path: The file.
        lines: All of its lines.
        moves: Those that can be understood.
        damaged: Numbers of the others, from 1.
    """

    path: Path
    lines: list[bytes]
    moves: list[Noted]
    damaged: list[int]

    @classmethod
    def read(cls, folder: Path) -> "Journal":
        """The journal of a folder.

        Raises:
            InputError: There is none.
        """
        path = folder / JOURNAL
        try:
            lines = path.read_bytes().split(b"\n")
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"There is no journal of moves ({JOURNAL}) in {folder}; name the folder of --move-to."
            ) from None
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
        moves: list[Noted] = []
        damaged: list[int] = []
        for number, line in enumerate(lines, 1):
            try:
                moves.extend([_noted(number, line)] if line.strip() else [])
            except (ValueError, KeyError, TypeError, RecursionError):
                damaged.append(number)
        return cls(path, lines, moves, damaged)

    def keep(self, numbers: Collection[int]) -> None:
        """Keep some lines alone; without any, the journal goes.

        Raises:
            OSError: It cannot be written.
        """
        if numbers:
            write_atomically(self.path, b"".join(self.lines[number - 1] + b"\n" for number in sorted(numbers)))
        else:
            self.path.unlink()


class JournalWriter:
    """Notes moves at the end of a journal.

    Args:
        folder: Of the journal.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        self._file = open(self._path, "a+b", buffering=0)  # noqa: SIM115 - closed by __exit__
        self._begin = 0
        sync([folder])

    def __enter__(self) -> "JournalWriter":
        return self

    def __exit__(self, *_: object) -> None:
        empty = not self._file.seek(0, io.SEEK_END)
        self._file.close()
        if empty:  # nothing was moved
            self._path.unlink(missing_ok=True)

    def note(self, origin: Path, place: Path, hash: bytes) -> None:
        """Note a move; it is on the disk afterwards, or not in the journal.

        Args:
            origin: Where the file is, absolute.
            place: Where it goes, relative to the folder.
            hash: Of its content.

        Raises:
            OSError: There is no room, or the disk fails.
        """
        line = json.dumps({"from": str(origin), "to": place.as_posix(), "hash": hash.hex()}) + "\n"
        self._begin = self._file.seek(0, io.SEEK_END)
        try:
            rest = memoryview(self._line_end() + line.encode())
            while rest:  # a disk that is nearly full takes a part
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            self.take_back()
            raise

    def take_back(self) -> None:
        """Take the last note back: its move was not made."""
        with suppress(OSError):  # if it stays: a note of a file that is where it was does no harm
            self._file.truncate(self._begin)
            os.fsync(self._file.fileno())

    def _line_end(self) -> bytes:
        """What ends a line that was cut off."""
        if not self._begin:
            return b""
        self._file.seek(-1, io.SEEK_END)
        return b"" if self._file.read(1) == b"\n" else b"\n"


def _noted(number: int, line: bytes) -> Noted:
    """A move from a line.

    Raises:
        ValueError: It is none; also KeyError, TypeError and RecursionError.
    """
    noted = json.loads(line)
    origin, place = (Path(os.fsdecode(os.fsencode(noted[name]))) for name in ("from", "to"))
    if place.is_absolute():
        place = Path(*place.parts[1 - len(origin.parts) :])
    if not origin.is_absolute() or place.is_absolute() or ".." in place.parts or "\0" in f"{origin}{place}":
        raise ValueError("places that are none")
    return Noted(number, origin, place, bytes.fromhex(noted["hash"]))
