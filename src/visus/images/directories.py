"""Directories of tags, as TIFF and EXIF have them (TIFF 6.0, 1992, section 2; BigTIFF), byte for byte.

Texts stay in whatever letters they were written, and numbers keep their type.
"""

import mmap
import struct
from collections.abc import Container, Iterable
from contextlib import suppress
from typing import BinaryIO, NamedTuple, Union

import numpy as np

EXIF, GPS = 0x8769, 0x8825
"""Tags that lead to a directory of their own."""

_INTEROP = 0xA005  # likewise, in that of EXIF
_DEEPEST = 2  # directories below one another
_MOST = 64 << 20  # bytes of the values of a directory
_CUT = (struct.error, OverflowError)  # of a place outside of the file
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 129: 1}
_NUMBERS = {5: 2, 10: 2}  # of one value, where it is more than one
_POINTER = 4  # type of a tag that leads to a directory


class Entry(NamedTuple):
    """A tag: the type of its values by number, and they in little-endian order."""

    kind: int
    value: bytes


Directory = dict[int, Union[Entry, "Directory"]]
"""Tags by their number; those that lead to a directory hold it."""


class _Layout(NamedTuple):
    """How a file numbers its places."""

    order: str
    is_big: bool

    @property
    def many(self) -> str:
        return self.order + ("Q" if self.is_big else "H")

    @property
    def place(self) -> str:
        return self.order + ("Q" if self.is_big else "I")

    @property
    def room(self) -> int:
        """Bytes of a value that stands in its entry."""
        return struct.calcsize(self.place)

    @property
    def entry(self) -> int:
        """Bytes of an entry: tag, type, how many, the value or its place."""
        return 4 + 2 * self.room


def _layout(head: bytes) -> _Layout:
    known = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
    if head[:4] not in known:
        raise ValueError("it does not begin as TIFF")
    return _Layout(*known[head[:4]])


def read(data: bytes | mmap.mmap, place: int | None = None, *, only: Container[int] | None = None) -> Directory:
    """A directory, with those that it leads to.

    Args:
        data: A TIFF file, or a block of EXIF without its six first letters.
        place: Where the directory is; by default the first.
        only: The tags that are wanted; by default all.

    Returns:
        What is whole of it: directories below, and values, that are not in the file or of unknown type are left out.

    Raises:
        ValueError: It is damaged.
    """
    layout = _layout(data[:4])
    try:
        first = struct.unpack_from(layout.place, data, layout.room)[0] if place is None else place
        return _read(data, first, layout, only, 0)
    except _CUT as error:
        raise ValueError("it ends too early") from error


def _read(data: bytes | mmap.mmap, place: int, layout: _Layout, only: Container[int] | None, depth: int) -> Directory:
    (count,) = struct.unpack_from(layout.many, data, place)
    start = place + struct.calcsize(layout.many)
    found: Directory = {}
    room = min(_MOST, len(data))  # values do not lie over one another
    for at in range(start, start + min(count, 4096) * layout.entry, layout.entry):
        tag, kind = struct.unpack_from(f"{layout.order}HH", data, at)
        (many,) = struct.unpack_from(layout.place, data, at + 4)
        if tag in found or (only is not None and tag not in only):
            continue
        if tag in (EXIF, GPS, _INTEROP) and depth < _DEEPEST:
            with suppress(*_CUT):
                (below,) = struct.unpack_from(layout.place, data, at + 4 + layout.room)
                found[tag] = _read(data, below, layout, None, depth + 1)
        elif kind in _SIZES:
            size = many * _SIZES[kind] * _NUMBERS.get(kind, 1)
            begin = at + 4 + layout.room
            if size > layout.room:
                (begin,) = struct.unpack_from(layout.place, data, begin)
            if size <= min(room, len(data) - begin):
                room -= size
                found[tag] = Entry(kind, _swapped(kind, bytes(data[begin : begin + size]), layout.order))
    return found


def _swapped(kind: int, value: bytes, order: str) -> bytes:
    """Values from little-endian into another order, or from it."""
    size = _SIZES[kind]
    return value if order == "<" or size == 1 else np.frombuffer(value, f"<u{size}").byteswap().tobytes()


def block(directory: Directory) -> bytes:
    """A block of EXIF with some tags, without its six first letters.

    >>> read(block({271: Entry(2, b"Zeiss"), EXIF: {0x9003: Entry(2, b"2020")}}))[271]
    Entry(kind=2, value=b'Zeiss')
    """
    return b"II*\0\x08\0\0\0" + _packed(directory, 8, _Layout("<", is_big=False))


def _packed(directory: "Directory | dict[int, Entry | Directory | bytes]", start: int, layout: _Layout) -> bytes:
    """A directory as it stands at a place, with its values behind it; bytes are entries as they stand."""
    head = struct.pack(layout.many, len(directory))
    behind = start + len(head) + len(directory) * layout.entry + layout.room
    values = b""
    for tag, entry in sorted(directory.items()):
        if isinstance(entry, bytes):
            head += entry
            continue
        place = behind + len(values)
        if isinstance(entry, dict):
            kind, count, value = _POINTER, 1, struct.pack(layout.order + "I", place)
            values += _even(_packed(entry, place, layout))
        else:
            kind, value = entry.kind, _swapped(entry.kind, entry.value, layout.order)
            count = len(value) // (_SIZES[kind] * _NUMBERS.get(kind, 1))
            if len(value) > layout.room:
                values, value = values + _even(value), struct.pack(layout.place, place)
        head += struct.pack(f"{layout.order}HH", tag, kind) + struct.pack(layout.place, count)
        head += value.ljust(layout.room, b"\0")
    return head + bytes(layout.room) + values


def _even(content: bytes) -> bytes:
    return content + bytes(len(content) % 2)


def add(file: BinaryIO, pages: Iterable[Directory]) -> None:
    """Write tags into the directories of a TIFF file, in the place of those of the same number.

    Args:
        file: The file, to read and write.
        pages: For each page its tags, from the first on.

    Raises:
        ValueError: There are more than the file has pages.
    """
    file.seek(0)
    layout = _layout(file.read(4))

    def number(what: str, place: int) -> int:
        file.seek(place)
        return struct.unpack(what, file.read(struct.calcsize(what)))[0]

    pointer = layout.room  # where the place of the next directory stands
    for tags in pages:
        if not (place := number(layout.place, pointer)):
            raise ValueError("there are fewer pages")
        count = number(layout.many, place)
        rest = [file.read(layout.entry) for _ in range(count)]
        if not tags:
            pointer = file.tell()
            continue
        following = file.read(layout.room)
        entries: dict[int, Entry | Directory | bytes] = {
            struct.unpack_from(f"{layout.order}H", entry)[0]: entry for entry in rest
        }
        end = file.seek(0, 2)
        file.write(bytes(end % 2))
        end += end % 2
        content = _packed(entries | tags, end, layout)
        after = struct.calcsize(layout.many) + layout.entry * len(entries | tags)
        file.write(content[:after] + following + content[after + layout.room :])
        file.seek(pointer)
        file.write(struct.pack(layout.place, end))
        pointer = end + after


def upright(exif: bytes) -> bytes:
    """A block of EXIF for a picture that has been turned and changed: without its orientation and small picture.

    All else stays where it is, as notes of makers count on it.

    Args:
        exif: With its six first letters, or without.

    Returns:
        With them; nothing where nothing is said.

    Raises:
        ValueError: It is damaged.
    """
    exif = exif.removeprefix(_LETTERS)
    if not exif:
        return b""
    layout = _layout(exif[:4])
    try:
        (place,) = struct.unpack_from(layout.place, exif, layout.room)
        (count,) = struct.unpack_from(layout.many, exif, place)
        start = place + struct.calcsize(layout.many)
        end = start + count * layout.entry
        exif = exif.ljust(end + layout.room, b"\0") if len(exif) >= end else exif  # some end with their last entry
        (following,) = struct.unpack_from(layout.place, exif, end)
    except _CUT as error:
        raise ValueError("it ends too early") from error
    entries = [exif[at : at + layout.entry] for at in range(start, end, layout.entry)]
    kept = [entry for entry in entries if struct.unpack_from(f"{layout.order}H", entry)[0] != _ORIENTATION]
    if not kept:
        return b""
    head = struct.pack(layout.many, len(kept)) + b"".join(kept)
    whole = bytearray(exif)
    whole[place : end + layout.room] = head.ljust(end + layout.room - place, b"\0")
    small = _small_picture(exif, following)
    whole[small] = bytes(len(whole[small]))
    return _LETTERS + bytes(whole)


def _small_picture(exif: bytes, place: int) -> slice:
    """Where the small picture is that the second directory leads to."""
    try:
        second = read(exif, place, only=_SMALL) if place else {}
    except ValueError:
        return slice(0, 0)
    found = (second.get(tag) for tag in _SMALL)
    begin, size = (int.from_bytes(one.value, "little") if isinstance(one, Entry) else 0 for one in found)
    return slice(begin, begin + size) if begin > place else slice(0, 0)


_LETTERS = b"Exif\0\0"
_ORIENTATION = 0x0112
_SMALL = (0x0201, 0x0202)  # where the small picture is, and how many bytes it has
