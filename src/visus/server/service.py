"""What the server can do, without HTTP: everything here runs in threads that may wait."""

import base64
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.images import draw, read_bytes
from visus.images.container import FIRST, kind_of
from visus.images.decode import decode
from visus.images.io import encode_jpeg
from visus.search import Index
from visus.search.describe import Embedder
from visus.search.duplicates.decisions import Decision
from visus.search.query import Box, cut
from visus.search.reading import content_hash
from visus.server.batching import Batching
from visus.server.settings import Settings
from visus.server.turns import go_on, turn

Pixels = NDArray[np.uint8]
_OVERLAY = 1024  # longest side of pictures in answers, in pixels


class Missing(InputError):
    """There is no such thing here."""


class Service:
    """The index and the runs that are served.

    Args:
        settings: How the server behaves.

    Raises:
        VisusError: The index or a run cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        from visus.graphs.saved import open_saved

        self.settings = settings
        self._own = threading.local()
        self._heavy = threading.Semaphore(max(1, cores() // 2))  # what runs on torch has threads of its own
        self._networks: dict[str, Any] = {}
        self._loading = threading.Lock()
        self._searching = threading.Lock()  # for duplicates
        self.batching: Batching | None = None
        if settings.index is not None:
            first = Index(settings.index, device=settings.device)  # pyright: ignore[reportArgumentType]
            _ = first.about  # says that there is none
            self._embedder: Embedder = first.embedder(streams=cores())
            self.batching = Batching(self._embedder)
        self.runs = {_name(folder): folder for folder in settings.runs}
        if len(self.runs) < len(settings.runs):
            raise InputError("Two runs have the same name; serve one of them, or rename its folder.")
        self._saved = {name: open_saved(folder) for name, folder in self.runs.items()}

    def close(self) -> None:
        """End the threads that describe pictures."""
        if self.batching:
            self.batching.close()

    # The index ---------------------------------------------------------------------------------------------------

    @property
    def index(self) -> Index:
        """The index, opened anew for each thread.

        Raises:
            Missing: None is served.
        """
        if self.settings.index is None or self.batching is None:
            raise Missing("No index is served; start the server with --index.")
        own: Index | None = getattr(self._own, "index", None)
        if own is None:
            own = Index(self.settings.index)
            own.use(self.batching)
            self._own.index = own
        return own

    def count(self) -> int | None:
        """Pictures in the index; None without one."""
        return len(self.index) if self.settings.index is not None else None

    def row(self, number: int, *columns: str) -> dict[str, Any]:
        """What the index knows of a picture, by columns.

        Raises:
            Missing: It is not in the index.
        """
        rows = self.index.rows([number], (*columns, "gone"))
        if number not in rows or rows[number]["gone"]:
            raise Missing(f"There is no picture {number} in the index.")
        return rows[number]

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

    def picture(self, upload: bytes | None, number: int | None, min_side: int | None = None) -> Pixels:
        """The picture that a request is about: one that it brought, or one of the index.

        Args:
            upload: A file.
            number: Id of a picture in the index.
            min_side: A JPEG may come smaller (see :func:`visus.read`).

        Returns:
            ``(H, W, 3)`` uint8.

        Raises:
            InputError: It brought both or none, or what it brought is no picture.
            Missing: The picture is not in the index, or its file is no longer what was indexed.
        """
        if (upload is None) == (number is None):
            raise InputError("Send a picture or the id of one in the index, in a form: curl -F picture=@cat.jpg")
        data = upload if upload is not None else self.content(number or 0)[0]
        return decode(data, name="the picture", min_side=min_side, max_pixels=self.settings.pixels, range="own").pixels

    def search(self, upload: bytes | None, number: int | None, **options: Any) -> dict[str, Any]:
        """The hits for a picture; ids are texts, since numbers of JavaScript have 53 bits only."""
        index = self.index
        whole = options["region"] or options["by"] != "embedding"
        picture = self.picture(upload, number, None if whole else self._embedder.least_side)
        hits = index.search(picture, **options)
        rows = [{"id": str(hit.id), **hit.to_dict(), "name": os.path.basename(hit.path)} for hit in hits]
        return {"hits": rows, "notes": hits.notes}

    def why(self, picture: Pixels, number: int, region: Box | None = None) -> dict[str, Any]:
        """Where a picture, or a part of it, and one of the index agree.

        Args:
            picture: ``(H, W, 3)`` uint8.
            number: Id of the other in the index.
            region: x0, y0, x1, y1 in pixels of the part; None for the whole picture.

        Returns:
            The ``score``, and ``query`` and ``hit`` under their heat maps as data URLs.

        Raises:
            Missing: The other is not in the index, or its file is no longer what was indexed.
            InputError: The region reaches beyond the picture, or the network does not pool by average.
        """
        own = self.picture(None, number)
        found = self.index.why(cut(picture, region) if region else picture, own)
        query, hit = (data_url(own) for own in found.overlays(side=512))
        return {"score": found.score, "query": query, "hit": hit}

    def duplicates(self, threshold: float) -> dict[str, Any]:
        """Groups of duplicates, and stacks of pictures that are none; kept until the index changes.

        One request at a time looks for them.
        """
        with self._searching:
            return self.index.duplicates_kept(threshold=threshold)

    def decide(self, numbers: list[int], decision: Decision | None) -> int:
        """Note what someone decided about pictures.

        Args:
            numbers: Ids of at least two pictures in the index.
            decision: See :meth:`visus.Index.decide`.

        Returns:
            How many pairs were decided otherwise before.

        Raises:
            Missing: A picture is not in the index.
        """
        return self.index.decide([self.row(number, "path")["path"] for number in numbers], decision)

    # Runs --------------------------------------------------------------------------------------------------------

    def folder(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            Missing: It is not served.
        """
        if name not in self.runs:
            raise Missing(f"There is no run {name!r} here; there are: {', '.join(self.runs) or 'none'}.")
        return self.runs[name]

    def task(self, name: str) -> str:
        """The task of a run.

        Raises:
            Missing: It is not served.
        """
        self.folder(name)
        return self._saved[name].task

    def about(self, name: str) -> dict[str, Any]:
        """What a run is."""
        self.folder(name)
        header = self._saved[name].header
        return {
            "name": name,
            "task": self.task(name),
            "net": header.get("net"),
            "classes": list(header.get("classes", ())),
            "curves": (self.folder(name) / "curves.png").is_file(),
        }

    def curves(self, name: str) -> bytes:
        """The learning curves of a run, PNG.

        Raises:
            Missing: It has none.
        """
        file = self.folder(name) / "curves.png"
        if not file.is_file():
            raise Missing(f"The run {name} has no learning curves.")
        return file.read_bytes()

    def predict(self, name: str, picture: Pixels, *, k: int = 5, overlay: bool = False) -> dict[str, Any]:
        """What a run says of a picture.

        Args:
            name: Name of the run.
            picture: ``(H, W, 3)`` uint8.
            k: Of a classifier: how many classes.
            overlay: Whether the answer is drawn on the picture too, where the task can.

        Raises:
            Missing: The run is not served.
        """
        network = self._network(name)
        with turn(self._heavy):
            found = network.predict(picture, k=k) if self.task(name) == "classify" else network.predict(picture)
        values = {**found.to_dict(), "run": name, "task": self.task(name)}
        values.pop("file", None)
        if overlay and hasattr(found, "overlay"):
            values["overlay"] = data_url(draw.fit(found.overlay(), min(_OVERLAY, max(picture.shape[:2]))))
        return values

    def _network(self, name: str) -> Any:  # noqa: ANN401 - of its task
        from visus.runs.registry import task_of

        with self._loading:
            if name not in self._networks:
                self._networks[name] = task_of(self.task(name)).predictor(
                    self._saved[name], device=self.settings.device
                )
            return self._networks[name]

    def explain(self, name: str, picture: Pixels, method: str, **options: Any) -> dict[str, Any]:
        """Which pixels speak for a class of a run.

        Args:
            name: Name of the run.
            picture: ``(H, W, 3)`` uint8.
            method: See :func:`visus.explain.saliency`, as the options.
            options: ``target``, ``at`` and ``box``.

        Raises:
            Missing: The run is not served.
            InputError: There is no such method or class, or ``at`` or ``box`` does not fit the network or the picture.
        """
        from visus.explain import saliency

        with turn(self._heavy):
            found = saliency(self._subject(name, options), picture, method=method, **options)  # pyright: ignore
        return {
            "run": name,
            "method": method,
            "class": found.name,
            "probability": found.probability,
            "picture": data_url(found.marked),
            "overlay": data_url(found.overlay()),
        }

    def fool(self, name: str, picture: Pixels, **options: Any) -> dict[str, Any]:
        """A change too small to see that changes the answer of a run.

        Args:
            name: Name of the run.
            picture: ``(H, W, 3)`` uint8.
            options: ``target``, ``epsilon`` and ``steps`` of :func:`visus.explain.fool`.

        Raises:
            Missing: The run is not served.
            InputError: There is no such class, or the run takes the picture for it already.
        """
        from visus.explain import fool

        with turn(self._heavy):
            found = fool(self._subject(name, options), picture, **options)
        return {
            "run": name,
            "names": found.names,
            "probabilities": found.probabilities,
            "fooled": found.fooled,
            "linf": found.linf,
            "l2": found.l2,
            "before": data_url(found.before),
            "change": data_url(found.change()),
            "after": data_url(found.after),
        }

    def _subject(self, name: str, options: dict[str, Any]) -> Any:  # noqa: ANN401 - a Subject, imported at use
        """A network to ask; made anew, since it knows the pixel or the box that it is asked about."""
        from visus.explain import open_subject

        subject = open_subject(self.folder(name), at=options.pop("at", None), box=options.pop("box", None))
        subject.register_forward_pre_hook(go_on)  # some methods ask the network hundreds of times
        return subject


def _name(folder: Path) -> str:
    """What requests call a run: the name of its folder."""
    return (folder if folder.is_dir() else folder.parent).resolve().name


def data_url(picture: Pixels) -> str:
    """A picture ``(H, W, 3)`` uint8 as text that a page can show: a JPEG in a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(picture, quality=88)).decode()


_MEDIA = {
    "JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp", "TIFF": "image/tiff",
    "BMP": "image/bmp", "AVIF": "image/avif", "HEIC": "image/heic", "JPEG2000": "image/jp2", "JXL": "image/jxl",
}  # fmt: skip
_ANY = "application/octet-stream"
MEDIA = (*_MEDIA.values(), _ANY)
"""What the files of an index may be called on the web."""


def media_type(data: bytes) -> str:
    """What the content of a picture file is called on the web.

    >>> media_type(b"GIF89a"), media_type(b"?")
    ('image/gif', 'application/octet-stream')
    """
    return _MEDIA.get(kind_of(data[:FIRST]) or "", _ANY)
