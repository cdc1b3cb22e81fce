"""The index that is served, and its pictures: what is known of each, its file, and all of them on the wall."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError, PictureIndexError
from visus.images import read_bytes, shrink
from visus.images.container import FIRST
from visus.images.decode import decode, size_of
from visus.images.io import encode_jpeg
from visus.search import Index
from visus.search.away import is_missing
from visus.search.describe import Embedder
from visus.search.place import Location, exists
from visus.search.reading import content_hash
from visus.server import wall
from visus.server.asked import Asked
from visus.server.batching import Batching
from visus.server.media import media_type
from visus.server.pixels import Budget
from visus.server.refusals import Missing
from visus.server.settings import Settings
from visus.server.untouched import at_rest, part_of
from visus.server.wall import Shown

_PREVIEW = 1600  # longest side of a picture as a page shows it


class Pictures:
    """The pictures of an index.

    Args:
        settings: How the server behaves.
        budget: Pixels that may be decoded at the same time.

    Attributes:
        location: Of the index; None without one.
        batching: What describes pictures for all threads; None without an index.

    Raises:
        VisusError: The index cannot be opened.
    """

    def __init__(self, settings: Settings, budget: Budget) -> None:
        self._settings, self._budget = settings, budget
        self._own = threading.local()
        self._wall = wall.Wall()
        self.location: Location | None = None
        self.batching: Batching | None = None
        if settings.index is not None:
            first = Index(settings.index, device=settings.device)  # pyright: ignore[reportArgumentType]
            _ = first.about  # says that there is none
            self.location = first.location
            self._embedder: Embedder = first.embedder(streams=cores())
            self.batching = Batching(self._embedder)

    def close(self) -> None:
        """End the threads that describe pictures."""
        if self.batching:
            self.batching.close()

    @property
    def least_side(self) -> int:
        """Pixels of the shorter side that the network of the index needs."""
        return self._embedder.least_side

    @property
    def index(self) -> Index:
        """The index, opened anew for each thread.

        Raises:
            Missing: None is served.
            PictureIndexError: It is gone, or another one with another network took its place.
        """
        if self._settings.index is None or self.batching is None:
            raise Missing("No index is served; start the server with --index.")
        own: Index | None = getattr(self._own, "index", None)
        if own is None:
            own = Index(self._settings.index)
            own.use(self.batching)
            self._own.index = own
        if isinstance(own.location, Path) and not exists(own.location):
            raise PictureIndexError(f"The index {self._settings.index} is gone; bring it back, it is looked for anew.")
        own.refresh()
        if own.about["digest"] != self._embedder.graph.digest:
            raise PictureIndexError(
                f"Another index is at {self._settings.index} now, made with another network; start the server again."
            )
        return own

    def count(self) -> int | None:
        """Pictures in the index; None without one."""
        return len(self.index) if self._settings.index is not None else None

    def row(self, number: int, *columns: str) -> dict[str, Any]:
        """What the index knows of a picture, by columns.

        Raises:
            Missing: It is not in the index.
        """
        return self.rows([number], *columns)[0]

    def rows(self, numbers: list[int], *columns: str) -> list[dict[str, Any]]:
        """The same of several pictures, in their order.

        Raises:
            Missing: One is not in the index.
        """
        found = self.index.rows(numbers, (*columns, "gone"))
        for number in numbers:
            if number not in found or found[number]["gone"]:
                raise Missing(f"There is no picture {number} in the index.")
        return [found[number] for number in numbers]

    def tag(self, number: int) -> tuple[str, int]:
        """What tells the content of an indexed picture from others, and the bytes of its file.

        Raises:
            Missing: It is not in the index.
        """
        row = self.row(number, "hash", "size")
        return row["hash"].hex(), row["size"]

    def part(self, number: int, first: int, last: int) -> tuple[bytes, str] | None:
        """Some bytes of the file of an indexed picture, and its media type, without reading the rest of it.

        Args:
            number: Id of the picture.
            first: Byte.
            last: Byte, included.

        Returns:
            None where the entry of the file does not show for certain that it is what was indexed.

        Raises:
            Missing: It is not in the index.
        """
        row = self.row(number, "path", "seen")
        entry = self.index.entries([number]).get(number)
        if entry is None or row["seen"] is None or not at_rest(entry, row["seen"]):
            return None
        start = part_of(row["path"], entry, 0, FIRST - 1)
        content = part_of(row["path"], entry, first, last)
        return None if start is None or content is None else (content, media_type(start))

    def content(self, number: int) -> tuple[bytes, str]:
        """The file of an indexed picture and its media type.

        What is served is what was indexed, to the byte: a file that has changed since, or a link that leads elsewhere
        now, has another hash.

        Raises:
            Missing: It is not in the index, or its file is no longer what was indexed.
        """
        row = self.row(number, "path", "hash")
        try:
            data = read_bytes(row["path"])
        except InputError:
            data = b""
        if content_hash(data) != row["hash"]:
            raise Missing(f"The file of picture {number} is gone or has changed; bring the index up to date.")
        return data, media_type(data)

    def thumbnail(self, number: int) -> bytes:
        """The small JPEG of an indexed picture.

        Raises:
            Missing: It is not in the index.
        """
        self.row(number, "path")
        return self.index.thumbnails([number])[number]

    def preview(self, number: int) -> bytes:
        """An indexed picture as a JPEG that any browser shows, its longest side at most 1600 pixels.

        Raises:
            Missing: It is not in the index, or its file is no longer what was indexed.
            InputError: It cannot be decoded.
            Busy: Too many pixels are being worked on.
        """
        return self.preview_of(Asked(number=number))

    def preview_of(self, asked: Asked) -> bytes:
        """The same of a picture that a request is about."""
        with self.picture(asked, min_side=_PREVIEW) as picture:
            return encode_jpeg(shrink(picture, _PREVIEW), quality=85)

    def facts(self, number: int) -> dict[str, Any]:
        """What is known of an indexed picture; of a file that is not there, ``missing`` is true.

        Raises:
            Missing: It is not in the index.
        """
        self.row(number, "path")
        found = wall.facts(self.index, [number])[0]
        return found | {"missing": is_missing(found["path"])}

    def layout(self, shown: Shown) -> dict[str, Any]:
        """All pictures as the wall shows them; see :meth:`visus.server.wall.Wall.layout`."""
        return self._wall.layout(self.index, shown)

    def shown(self, shown: Shown, offset: int, limit: int) -> dict[str, Any]:
        """Some of the wall's pictures; see :meth:`visus.server.wall.Wall.part`."""
        return self._wall.part(self.index, shown, offset, limit)

    def folders(self, limit: int) -> dict[str, Any]:
        """Folders that hold pictures; see :meth:`visus.server.wall.Wall.folders`."""
        return self._wall.folders(self.index, limit)

    @contextlib.contextmanager
    def picture(self, asked: Asked, *, min_side: int | None = None, whole: bool = False) -> Iterator[NDArray[np.uint8]]:
        """The picture that a request is about, while its pixels are reserved: ``(H, W, 3)`` uint8.

        Args:
            asked: Which one.
            min_side: A JPEG may come smaller (see :func:`visus.read`).
            whole: Reserve as much as the largest picture takes: others will be decoded for it.

        Raises:
            InputError: The request brought both or none, or what it brought is no picture.
            Missing: The picture is not in the index, or its file is no longer what was indexed.
            Busy: Too many pixels are being worked on.
        """
        if (asked.upload is None) == (asked.number is None):
            raise InputError("Send a picture or the id of one in the index, in a form: curl -F picture=@cat.jpg")
        data = asked.upload if asked.upload is not None else self.content(asked.number or 0)[0]
        most = self._settings.pixels
        width, height = size_of(data, name="the picture", max_pixels=most)
        with self._budget.reserve(most if whole else width * height):
            yield decode(data, name="the picture", min_side=min_side, max_pixels=most, range="own").pixels
