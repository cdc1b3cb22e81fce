"""What the server can do, without HTTP: everything here runs in threads that may wait."""

import base64
import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError, PictureIndexError
from visus.images import draw, read_bytes, shrink
from visus.images.container import FIRST, kind_of
from visus.images.decode import decode, size_of
from visus.images.io import encode_jpeg
from visus.search import Index
from visus.search.away import is_missing
from visus.search.describe import Embedder
from visus.search.duplicates.decisions import Decision
from visus.search.place import exists
from visus.search.query import Box, cut
from visus.search.reading import content_hash
from visus.server import moving, trainings, wall
from visus.server.batching import Batching
from visus.server.looking import Looking
from visus.server.pixels import Budget
from visus.server.settings import Settings
from visus.server.turns import Busy, Places, go_on
from visus.server.untouched import at_rest, part_of
from visus.server.wall import Shown
from visus.server.wanted import Wanted

Pixels = NDArray[np.uint8]
_OVERLAY = 1024  # longest side of pictures in answers, in pixels
_SHOWN = 512  # longest side of heat maps
_PREVIEW = 1600  # longest side of a picture as a page shows it


class Missing(InputError):
    """There is no such thing here."""


class Forbidden(InputError):
    """This server was not started for that."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The picture that a request is about.

    Attributes:
        upload: A file that it brought; None for none.
        number: Id of a picture in the index; None for none.
    """

    upload: bytes | None = None
    number: int | None = None


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
        self.heavy = Places(max(1, cores() // 2), settings.line)  # what runs on torch has threads of its own
        self.budget = Budget(settings.budget)
        self._networks: dict[str, Any] = {}
        self._loading = threading.Lock()
        self.looking: Looking | None = None
        self._wall = wall.Wall()
        self._listing = Places(1, settings.line)  # many groups take a while to be looked at
        self.batching: Batching | None = None
        if settings.index is not None:
            first = Index(settings.index, device=settings.device)  # pyright: ignore[reportArgumentType]
            _ = first.about  # says that there is none
            self._embedder: Embedder = first.embedder(streams=cores())
            self.batching = Batching(self._embedder)
            self.looking = Looking(first.location)
        self.runs = {_name(folder): folder for folder in settings.runs}
        if len(self.runs) < len(settings.runs):
            raise InputError("Two runs have the same name; serve one of them, or rename its folder.")
        self._saved = {name: open_saved(folder) for name, folder in self.runs.items()}

    def close(self) -> None:
        """End the threads that describe pictures, and the search for duplicates."""
        if self.batching:
            self.batching.close()
        if self.looking:
            self.looking.close()

    # The index ---------------------------------------------------------------------------------------------------

    @property
    def index(self) -> Index:
        """The index, opened anew for each thread.

        Raises:
            Missing: None is served.
            PictureIndexError: It is gone, or another one with another network took its place.
        """
        if self.settings.index is None or self.batching is None:
            raise Missing("No index is served; start the server with --index.")
        own: Index | None = getattr(self._own, "index", None)
        if own is None:
            own = Index(self.settings.index)
            own.use(self.batching)
            self._own.index = own
        if isinstance(own.location, Path) and not exists(own.location):
            raise PictureIndexError(f"The index {self.settings.index} is gone; bring it back, it is looked for anew.")
        own.refresh()
        if own.about["digest"] != self._embedder.graph.digest:
            raise PictureIndexError(
                f"Another index is at {self.settings.index} now, made with another network; start the server again."
            )
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
        with self.picture(Asked(number=number), min_side=_PREVIEW) as picture:
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

    def abilities(self) -> dict[str, Any]:
        """What can be asked of this server, for its page."""
        about = [self.about(name) for name in self.runs]
        with_index = self.settings.index is not None
        return {
            "pictures": self.count(),
            "descriptors": self.index.descriptors if with_index else [],
            "words": with_index and self._knows_words(),
            "runs": about,
            "moves": self.settings.move is not None,
            "trainings": self.settings.trainings is not None,
        }

    def _knows_words(self) -> bool:
        """Whether pictures can be searched by words: the network's classes have names."""
        try:
            return bool(self.index.layer().vocabulary.names)
        except InputError:
            return False

    @contextlib.contextmanager
    def picture(self, asked: Asked, *, min_side: int | None = None, whole: bool = False) -> Iterator[Pixels]:
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
        most = self.settings.pixels
        width, height = size_of(data, name="the picture", max_pixels=most)
        with self.budget.reserve(most if whole else width * height):
            yield decode(data, name="the picture", min_side=min_side, max_pixels=most, range="own").pixels

    def search(
        self,
        asked: Asked,
        also: Sequence[int] = (),
        unlike: Sequence[int] = (),
        *,
        words: str | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The hits for a picture, for words, or for both; ids are texts, since numbers of JavaScript have 53 bits only.

        Args:
            asked: The picture; of words alone none.
            also: Ids of pictures in the index that ask together with it.
            unlike: Ids of pictures that hits are to be unlike.
            words: Words, or several with signs and weights; none of them names a file.
            options: Of :meth:`visus.Index.search`; ``region`` and ``by`` must be among them.

        Raises:
            InputError: There is no such picture, a word is not known, or an option cannot be.
            Missing: The picture is not in the index, or its file is no longer what was indexed.
            PictureIndexError: The index is gone or damaged.
            Busy: Too many pixels are being worked on.
        """
        index = self.index
        full = options["region"] or options["by"] != "embedding"
        verified = options.get("rerank") == "geometry"  # opens the files of hits, one after the other
        joined, avoided = ([self._small(number) for number in ids] for ids in (also, unlike))
        with self._asking(asked, words, None if full else self._embedder.least_side, whole=verified) as first:
            left = max(1, self.settings.pixels - sum(own.shape[0] * own.shape[1] for own in first))
            said = [words] if words else []
            try:
                hits = index.search([*first, *joined, *said], unlike=avoided, max_pixels=left, files=False, **options)
            except PictureIndexError as error:
                if options["by"] in index.descriptors:
                    raise
                raise InputError(str(error)) from error  # the index is sound, and does not have what was asked for
        rows = [{"id": str(hit.id), **hit.to_dict(), "name": os.path.basename(hit.path)} for hit in hits]
        for row in rows:
            if self._is_asked(row, asked):
                row["asked"] = True
        return {"hits": rows, "words": hits.words, "notes": hits.notes}

    @contextlib.contextmanager
    def _asking(
        self, asked: Asked, words: str | None, min_side: int | None = None, *, whole: bool = False
    ) -> Iterator[list[Pixels]]:
        """The picture that a request is about, where it is not about words alone; see :meth:`picture`."""
        if words and asked.upload is None and asked.number is None:
            yield []
            return
        with self.picture(asked, min_side=min_side, whole=whole) as picture:
            yield [picture]

    def _small(self, number: int) -> Pixels:
        """A picture of the index that asks beside another: shrunk, so that one large picture is held at a time."""
        with self.picture(Asked(number=number), min_side=2 * _SHOWN) as picture:
            return shrink(picture, 2 * _SHOWN)

    def _is_asked(self, hit: dict[str, Any], asked: Asked) -> bool:
        """Whether a hit is the picture that asks: the same row, a copy of it, or the same bytes."""
        if asked.number is not None:
            return str(asked.number) == hit["id"] or self.row(asked.number, "path")["path"] in hit.get("copies", ())
        if asked.upload is None or len(asked.upload) != hit["size"]:
            return False
        return self.row(int(hit["id"]), "hash")["hash"] == content_hash(asked.upload)

    def why(self, asked: Asked, number: int, region: Box | None = None, words: str | None = None) -> dict[str, Any]:
        """Where a picture, or a part of it, and one of the index agree; or where the latter shows words.

        Args:
            asked: The picture.
            number: Id of the other in the index.
            region: x0, y0, x1, y1 in pixels of the part; None for the whole picture.
            words: That ask, alone or with the picture.

        Returns:
            The ``score``, ``query`` (null where words ask) and ``hit`` under their heat maps as data URLs, and the
            ``scale`` of these.

        Raises:
            Missing: The other is not in the index, or its file is no longer what was indexed.
            InputError: The region reaches beyond the picture, or the network does not pool by average.
            Busy: Too many pixels are being worked on.
        """
        hit = self._small(number)
        with self._asking(asked, words) as first:
            parts = [cut(own, region) if region else own for own in first]
            found = self.index.why([*parts, words] if words else parts, hit, files=False)
            *query, shown = (data_url(own) for own in found.overlays(side=_SHOWN))
        return {"score": found.score, "query": query[0] if query else None, "hit": shown, "scale": scale()}

    def duplicates(self, wanted: Wanted, offset: int, limit: int) -> dict[str, Any] | None:
        """Groups of duplicates, and stacks of pictures that are none; None while they are looked for.

        Args:
            wanted: Which of them.
            offset: Groups to pass over, and stacks.
            limit: Groups at most, and stacks.

        Raises:
            Missing: No index is served.
            PictureIndexError: The search before ended with an error.
            Busy: Too many ask for them.
        """
        index = self.index
        assert self.looking
        if self.looking.is_running:
            return None
        with self._listing.turn():
            found = self.looking.found(index)
            return None if found is None else wanted(found, offset, limit)

    @property
    def progress(self) -> dict[str, Any]:
        """How far the search for duplicates is: ``what``, ``done`` and ``total``."""
        return self.looking.progress if self.looking else {}

    def decide(self, numbers: list[int], decision: Decision | Literal["undecided"] | None) -> int:
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

    def move(self, numbers: list[int]) -> dict[str, Any]:
        """Move copies that may go to where the server was allowed to; see :func:`visus.server.moving.move`.

        Raises:
            Forbidden: It was not.
            Busy: Duplicates are being looked for.
            InputError: The folder cannot be written.
        """
        if self.settings.move is None:
            raise Forbidden("Nothing is moved here; start the server with --allow-move FOLDER.")
        index = self.index
        assert self.looking
        found = None if self.looking.is_running else self.looking.found(index)
        if found is None:
            raise Busy("Duplicates are being looked for; come again in a moment.", seconds=5)
        return moving.move(index, found["groups"], numbers, self.settings.move)

    # Trainings ---------------------------------------------------------------------------------------------------

    def trainings(self) -> list[dict[str, Any]]:
        """Trainings and studies as they are now; see :func:`visus.server.trainings.trainings`.

        Raises:
            Missing: None are shown.
        """
        return trainings.trainings(self._trainings())

    def training(self, name: str) -> dict[str, Any]:
        """One of them with its table; see :func:`visus.server.trainings.training`.

        Raises:
            Missing: There is none.
        """
        try:
            return trainings.training(self._trainings(), name)
        except trainings.NoTraining as error:
            raise Missing(str(error)) from error

    def _trainings(self) -> Path:
        if self.settings.trainings is None:
            raise Missing("No trainings are shown; start the server with --trainings runs.")
        return self.settings.trainings

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

    def metrics(self, name: str) -> dict[str, Any]:
        """How a run learned, as numbers: ``columns``, and ``rows``, one an epoch.

        Raises:
            Missing: It does not say.
        """
        found = trainings.metrics(self.folder(name))
        if not found["rows"]:
            raise Missing(f"The run {name} has no metrics.")
        return found

    def predict(self, name: str, asked: Asked, *, k: int = 5, overlay: bool = False) -> dict[str, Any]:
        """What a run says of a picture.

        Args:
            name: Name of the run.
            asked: The picture.
            k: Of a classifier: how many classes.
            overlay: Whether the answer is drawn on the picture too, where the task can.

        Raises:
            Missing: The run is not served.
        """
        network, task = self._network(name), self.task(name)
        with self._turn(task), self.picture(asked) as picture:
            found = network.predict(picture, k=k) if task == "classify" else network.predict(picture)
            values = {**found.to_dict(), "run": name, "task": task}
            values.pop("file", None)
            if overlay and hasattr(found, "overlay"):
                values["overlay"] = data_url(draw.fit(found.overlay(), min(_OVERLAY, max(picture.shape[:2]))))
            if task == "segment":
                values["colors"] = {name: hexadecimal(found.palette[k]) for k, name in enumerate(found.classes)}
        return values

    def _turn(self, task: str) -> contextlib.AbstractContextManager[None]:
        """A place for a prediction; a classifier's takes as long as a search, and needs none."""
        return contextlib.nullcontext() if task == "classify" else self.heavy.turn()

    def _network(self, name: str) -> Any:  # noqa: ANN401 - of its task
        from visus.runs.registry import task_of

        with self._loading:
            if name not in self._networks:
                self._networks[name] = task_of(self.task(name)).predictor(
                    self._saved[name], device=self.settings.device
                )
            return self._networks[name]

    def explain(self, name: str, asked: Asked, method: str, **options: Any) -> dict[str, Any]:
        """Which pixels speak for a class of a run.

        Args:
            name: Name of the run.
            asked: The picture.
            method: See :func:`visus.explain.saliency`, as the options.
            options: ``target``, ``at`` and ``box``.

        Raises:
            Missing: The run is not served.
            InputError: There is no such method or class, or ``at`` or ``box`` does not fit the network or the picture.
        """
        from visus.explain import saliency

        self.folder(name)
        with self.heavy.turn(), self.picture(asked) as picture:
            found = saliency(self._subject(name, options), picture, method=method, **options)  # pyright: ignore
        return {
            "run": name,
            "method": method,
            "class": found.name,
            "probability": found.probability,
            "gap": found.gap,
            "picture": data_url(found.marked),
            "overlay": data_url(found.overlay()),
            "scale": scale(),
        }

    def fool(self, name: str, asked: Asked, **options: Any) -> dict[str, Any]:
        """A change too small to see that changes the answer of a run.

        Args:
            name: Name of the run.
            asked: The picture.
            options: ``target``, ``epsilon`` and ``steps`` of :func:`visus.explain.fool`.

        Raises:
            Missing: The run is not served.
            InputError: There is no such class, or the run takes the picture for it already.
        """
        from visus.explain import fool

        self.folder(name)
        with self.heavy.turn(), self.picture(asked) as picture:
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


def scale() -> list[str]:
    """The colors of heat maps from nothing to the most, as a page writes them."""
    return [hexadecimal(color) for color in draw.heat_colors(np.linspace(0, 1, 9)[None])[0]]


def hexadecimal(color: NDArray[np.uint8]) -> str:
    """A color ``(3,)`` uint8 as a page writes it.

    >>> hexadecimal(np.array([255, 0, 10], np.uint8))
    '#ff000a'
    """
    return "#" + bytes(color.tolist()).hex()


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
