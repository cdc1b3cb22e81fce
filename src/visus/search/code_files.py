"""Files of codes, one beside each data file of the table's vectors, for each space in which these are compared.

What a data file holds never changes, and neither do its codes: a commit adds the codes of what it wrote, and every
version of the table finds its own. They are made again where one is missing.

A file is a line of JSON with its length and checksum before it, then the factors, then the codes (see
:class:`visus.search.codes.Codes`). The line says too where in the data file the vectors lie, if they lie there as plain
numbers: what a search compares in full is read from there. In a folder the codes are mapped: such files are replaced,
and never changed in place.
"""

import itertools
import json
import mmap
import os
import weakref
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from visus.search.checksums import TABLE
from visus.search.codes import Codes, encode, gather, shape_of
from visus.search.files import Files
from visus.search.place import Location
from visus.search.space import Space

FOLDER = "codes"
_MAGIC = b"visus codes 1\n\0\0"
_ALIGNED = 64

Vectors = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Page:
    """Vectors that lie one after the other in a data file.

    Attributes:
        first: Number of the first of them in the file.
        rows: How many.
        offset: Where they begin, in bytes.
    """

    first: int
    rows: int
    offset: int


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Coded:
    """What a file of codes holds.

    Attributes:
        codes: The codes.
        pages: Where the vectors lie; none where they must be asked of the table.
    """

    codes: Codes
    pages: tuple[Page, ...]


Content = mmap.mmap | bytes
"""Of a file, mapped or read."""

Parsed = TypeVar("Parsed")

_opened: "weakref.WeakValueDictionary[tuple[Path, int, int], Any]" = weakref.WeakValueDictionary()
"""What is in use, by place and entry of the file: each takes a handle, and threads of a server share them."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file of the table, and the vectors in it.

    Attributes:
        place: Of the index.
        name: Of the file.
        column: Name of the column of vectors.
        position: Which of the file's columns that is.
        rows: How many there are, deleted ones too.
        dtype: How vectors are stored.
        dimension: Their length.
    """

    place: Location
    name: str
    column: str
    position: int
    rows: int
    dtype: np.dtype[Any]
    dimension: int

    @property
    def path(self) -> Path | None:
        """The file; None on an object store, or where no part of a file can be read alone."""
        whole = not isinstance(self.place, Path) or not hasattr(os, "pread")
        return None if whole else Path(self.place) / TABLE / "data" / self.name

    def codes_in(self, space: Space) -> str:
        """The name of the file of their codes in a space."""
        return f"{FOLDER}/{Path(self.name).stem}-{self.column}-{Path(space.name).stem or 'plain'}.codes"


def write(files: Files, data: DataFile, blocks: Iterable[Vectors], space: Space) -> None:
    """Write the codes of the vectors of a data file.

    Args:
        files: Of the index.
        data: The data file.
        blocks: Its vectors in parts ``(N, D)`` as they are stored, each but the last of a multiple of 32; zeros for
            rows that have none.
        space: Where they are compared.
    """
    factors: list[bytes] = []
    codes: list[bytes] = []
    layout, first = Layout(data), 0
    for vectors in blocks:
        own = encode(space(vectors))
        factors.append(own.factors.tobytes())
        codes.append(own.codes.tobytes())
        layout.look(first, vectors)
        first += len(vectors)
    pages = [[page.first, page.rows, page.offset] for page in layout.pages]
    about = {"rows": data.rows, "dimension": space.dimension(data.dimension), "pages": pages}
    files.write(data.codes_in(space), b"".join([head_of(_MAGIC, about), *factors, *codes]))


def read(files: Files, data: DataFile, space: Space) -> Coded:
    """Open a file of codes; what is in a folder is mapped, not read.

    Args:
        files: Of the index.
        data: The data file.
        space: Where its vectors are compared.

    Raises:
        OSError: It is missing.
        ValueError: It is not whole, or of other vectors.
    """
    dimension = space.dimension(data.dimension)
    return opened(files, data.place, data.codes_in(space), lambda content: _read(content, data.rows, dimension))


def opened(files: Files, place: Location, name: str, parse: Callable[[Content], Parsed]) -> Parsed:
    """Open a file beside the table; what is in a folder is mapped, not read, and once for all that use it.

    Args:
        files: Of the index.
        place: Of the index.
        name: Of the file.
        parse: What makes of its content what it holds.

    Raises:
        OSError: It is missing.
        ValueError: It is not whole.
    """
    if not isinstance(place, Path):
        return parse(files.read(name))
    entry = (place / name).stat()
    key = (place / name, entry.st_ino, entry.st_mtime_ns)  # one that took the place of another is opened anew
    known = _opened.get(key)
    if known is None:
        known = _opened[key] = parse(_mapped(place / name))
    return known


def head_of(magic: bytes, about: Mapping[str, Any]) -> bytes:
    """The head of such a file: 16 bytes that say what it is, a line of JSON with its length and checksum before it."""
    line = json.dumps(about).encode()
    head = magic + len(line).to_bytes(4, "little") + zlib.crc32(line).to_bytes(4, "little") + line
    return head + b" " * (-len(head) % _ALIGNED)


def about_in(content: Content, magic: bytes) -> tuple[dict[str, Any], int]:
    """What a head says, and where what follows begins.

    Raises:
        ValueError: It is another head, or damaged.
    """
    if content[: len(magic)] != magic:
        raise ValueError("it is of another kind")
    begin = len(magic) + 8
    length = int.from_bytes(content[begin - 8 : begin - 4], "little")
    line = bytes(content[begin : begin + length])
    if len(line) != length or zlib.crc32(line) != int.from_bytes(content[begin - 4 : begin], "little"):
        raise ValueError("its head is damaged")
    return json.loads(line), -(-(begin + length) // _ALIGNED) * _ALIGNED


def _read(content: Content, rows: int, dimension: int) -> Coded:
    about, start = about_in(content, _MAGIC)
    factors, shape = shape_of(rows, dimension)
    size = start + 4 * factors + int(np.prod(shape))
    if (about["rows"], about["dimension"], len(content)) != (rows, dimension, size):
        raise ValueError("it is of other vectors")
    codes = np.frombuffer(content, np.uint8, int(np.prod(shape)), start + 4 * factors).reshape(shape)
    pages = tuple(Page(*(int(value) for value in page)) for page in about["pages"])
    starts = list(itertools.accumulate((page.rows for page in pages), initial=0))
    if [page.first for page in pages] != starts[:-1]:
        raise ValueError("its pages do not follow on each other")
    return Coded(Codes(rows, np.frombuffer(content, np.float32, factors, start), codes), pages)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


# Where vectors lie -----------------------------------------------------------------------------------------------


class Layout:
    """Where the vectors of a data file lie as plain numbers.

    Where the table's library says that they lie is looked at: it is only believed where the bytes agree.

    Args:
        data: The data file.

    Attributes:
        pages: Where they lie; none where they do not, or as soon as the bytes were others.
    """

    def __init__(self, data: DataFile) -> None:
        self.pages: tuple[Page, ...] = ()
        if data.path is None:
            return
        pages = _pages(data.path, data.position, data.dimension * data.dtype.itemsize)
        if sum(page.rows for page in pages) == data.rows:
            self.pages = pages
            self._reader = PagedVectors(data, pages)

    def look(self, first: int, vectors: Vectors) -> None:
        """Compare some vectors ``(N, D)`` with what lies there; zeros stand for rows that have none."""
        if not self.pages:
            return
        own, read = vectors.view(np.uint8), self._reader.block(first, len(vectors)).view(np.uint8)
        there = own.any(axis=1)
        if not np.array_equal(read[there], own[there]):
            self.pages = ()


def _pages(path: Path, column: int, stride: int) -> tuple[Page, ...]:
    """The pages of a column of a data file, as its own directory has them."""
    from lance.file import LanceFileReader

    found: list[Page] = []
    first = 0
    for page in LanceFileReader(str(path)).metadata().columns[column].pages:
        values = max(page.buffers, key=lambda buffer: buffer.size, default=None)
        if values is None or values.size % stride:
            return ()
        found.append(Page(first, values.size // stride, values.position))
        first += values.size // stride
    return tuple(found)


class PagedVectors:
    """Reads some vectors of a data file.

    Read, and not mapped: where the disk fails, that is an error and not the end of the process.

    Args:
        data: The data file.
        pages: Where its vectors lie.
    """

    def __init__(self, data: DataFile, pages: tuple[Page, ...]) -> None:
        assert data.path is not None
        self._path = data.path
        self._dtype, self._dimension, self._stride = data.dtype, data.dimension, data.dimension * data.dtype.itemsize
        self._firsts = np.array([page.first for page in pages], np.int64)
        self._offsets = np.array([page.offset for page in pages], np.int64)

    def __call__(self, places: NDArray[np.integer]) -> Vectors:
        """The vectors ``(N, D)``, as they are stored, of rows by their numbers in the file.

        Raises:
            OSError: The file is shorter than it was, or cannot be read.
        """
        with self._path.open("rb", buffering=0) as file:
            return self._vectors(gather(file.fileno(), self._offset(places), self._stride), len(places))

    def block(self, first: int, count: int) -> Vectors:
        """The vectors ``(N, D)`` of rows that follow on each other.

        Raises:
            OSError: The file is shorter than it was, or cannot be read.
        """
        ends = [int(end) for end in self._firsts if first < end < first + count]
        parts = []
        with self._path.open("rb", buffering=0) as file:
            for begin, end in itertools.pairwise([first, *ends, first + count]):
                offset = int(self._offset(np.array([begin]))[0])
                parts.append(os.pread(file.fileno(), (end - begin) * self._stride, offset))
        return self._vectors(b"".join(parts), count)

    def _offset(self, places: NDArray[np.integer]) -> NDArray[np.int64]:
        page = np.searchsorted(self._firsts, places, "right") - 1
        return self._offsets[page] + (places.astype(np.int64) - self._firsts[page]) * self._stride

    def _vectors(self, content: bytes | memoryview, count: int) -> Vectors:
        if len(content) != count * self._stride:
            raise OSError(f"{self._path} is shorter than it was")
        return np.frombuffer(content, self._dtype).reshape(count, self._dimension)
