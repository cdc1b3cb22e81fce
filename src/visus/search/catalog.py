"""Which files an index knows, by path, by inode and by content."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from visus.search.rows import PLACE, plain
from visus.search.store import Store


class Known(NamedTuple):
    """What an index knows of a file; see :data:`visus.search.rows.PLACE`.

    ``twin`` is the id of the row with the same content that has the vector; None where this row has it.
    """

    id: int
    hash: bytes
    twin: int | None
    path: str
    real_path: str
    mtime: int
    ctime: int | None
    size: int
    device: int | None
    inode: int | None
    gone: bool

    @property
    def seen_as(self) -> tuple[int, int, int | None, int | None]:
        """What is the same as long as nobody has touched the file."""
        return self.size, self.mtime, self.ctime, self.inode

    def place(self) -> dict[str, Any]:
        """The columns of :data:`visus.search.rows.PLACE`."""
        return {name: getattr(self, name) for name in PLACE}


class Catalog:
    """Which files an index knows, by their real path, by inode and by content.

    It takes about 600 bytes of memory a picture.

    Attributes:
        by_path: Files by their real path.
        by_inode: Real paths by inode, which hard links share; another file system may have the same number.
        by_hash: Real paths by content: the first is that of the row with the vector.
        doubles: Ids of rows of a file that another row is of too, as 0.1 had them for a link and its target.
    """

    def __init__(self, store: Store) -> None:
        self.by_path: dict[str, Known] = {}
        self.by_inode: dict[int, str] = {}
        self.by_hash: dict[bytes, list[str]] = {}
        self.doubles: list[int] = []
        for batch in store.scan(["id", "hash", "twin", *PLACE]):
            columns = [plain(batch.column(name)) for name in Known._fields]
            for row in zip(*columns, strict=True):
                self._take(Known(*row))

    def _take(self, known: Known) -> None:
        other = self.by_path.get(known.real_path)
        if other is None:
            self.put(known)
        elif (known.twin is None, known.path == known.real_path) > (other.twin is None, other.path == other.real_path):
            self.drop(other)  # the row with the vector stays, or that of the file itself
            self.doubles.append(other.id)
            self.put(known)
        else:
            self.doubles.append(known.id)

    def put(self, known: Known) -> None:
        """Remember a file, and forget what it held before."""
        old = self.by_path.get(known.real_path)
        if old is not None and old.hash != known.hash:
            self.drop(old)
        self.by_path[known.real_path] = known
        if known.inode:
            self.by_inode[known.inode] = known.real_path
        paths = self.by_hash.setdefault(known.hash, [])
        if known.real_path in paths[:1]:
            return
        if known.twin is None:
            paths[:] = [known.real_path, *(path for path in paths if path != known.real_path)]
        elif old is None or old.hash != known.hash:
            paths.append(known.real_path)

    def drop(self, known: Known) -> None:
        """Forget what is known of a file."""
        del self.by_path[known.real_path]
        paths = self.by_hash[known.hash]
        paths.remove(known.real_path)
        if not paths:
            del self.by_hash[known.hash]

    def bearer(self, hash: bytes) -> Known:
        """The row that has the vector of a content."""
        return self.by_path[self.by_hash[hash][0]]

    def holders(self, hash: bytes) -> Iterator[Known]:
        """The rows of a content."""
        return (self.by_path[path] for path in self.by_hash.get(hash, ()))
