"""An open index: which network describes its pictures, and what it knows of each."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from visus._errors import InputError, PictureIndexError
from visus.graphs.graph import Graph, full_name, load
from visus.graphs.runtime import Device, Precision
from visus.graphs.towers import TABLE
from visus.images.check import one_of
from visus.search import times
from visus.search.classical import DESCRIPTIONS, Classical
from visus.search.describe import Describing, Embedder
from visus.search.filesystems import Entry
from visus.search.nearest import thumbnails
from visus.search.place import exists, place_of
from visus.search.rows import Dtype, plain
from visus.search.store import Store
from visus.search.where import to_sql

if TYPE_CHECKING:
    import pyarrow as pa

    from visus.search.exported import Exported
    from visus.search.words.engine import Words
    from visus.search.words.layer import Layer

MODEL = "efficientnet_lite0"


class OpenIndex:
    """An index of pictures in a folder, to be read; for its arguments see :class:`visus.search.index.Index`."""

    def __init__(
        self,
        location: str | os.PathLike[str],
        *,
        model: str | os.PathLike[str] | None = None,
        weights: str = "imagenet",
        dtype: Dtype = "float16",
        precision: Precision = "auto",
        device: Device = "auto",
    ) -> None:
        one_of("dtype", dtype, get_args(Dtype))
        one_of("precision", precision, get_args(Precision))
        one_of("device", device, get_args(Device))
        self.location = place_of(location)
        self._model = None if model is None else full_name(os.fspath(model))
        self._weights = weights
        self._dtype: Dtype = dtype
        self._precision: Precision = precision
        self._device: Device = device
        self._embedder: Embedder | None = None
        self._describing: Describing | None = None
        self._store = Store(self.location) if exists(self.location) else None
        if self._store is not None:
            self._check_model(self._store.about)

    def __len__(self) -> int:
        if self._store is None:
            return 0
        self._store.refresh()
        return len(self._store)

    @property
    def about(self) -> dict[str, Any]:
        """What the index says of itself: format, descriptor, model, weights, dimension."""
        return dict(self._opened().about)

    @property
    def identity(self) -> str:
        """What tells the present state of this index from all others, also from another index in its place."""
        self.refresh()
        return self._opened().identity

    def refresh(self) -> None:
        """See what other processes have committed, and whether another index was put in the place of this one.

        Raises:
            PictureIndexError: It is damaged.
        """
        self._opened().refresh()

    @property
    def descriptors(self) -> list[str]:
        """What the index's pictures are described by."""
        return ["embedding", *(classical(name).name for name in self._opened().extras if name in DESCRIPTIONS)]

    def news(self) -> str | None:
        """A sentence on what was damaged and has been mended, if something was; it is told once."""
        return None if self._store is None else self._store.news()

    def _opened(self) -> Store:
        if self._store is None:
            self._store = Store(self.location)  # says that there is none
        return self._store

    def _check_model(self, about: dict[str, Any]) -> None:
        if self._model is not None and self._model != about["model"]:
            raise PictureIndexError(
                f"{self.location} was made with {about['model']}, not {self._model}; leave --model away, or name "
                "another --index."
            )

    def embedder(self, *, streams: int | None = None) -> Embedder:
        """What describes pictures as this index wants it.

        Raises:
            PictureIndexError: The network is not there that the index was made with, or has other weights.
        """
        if self._embedder is not None and streams is None:
            return self._embedder
        about = None if self._store is None else self._store.about
        try:
            embedder = Embedder(
                about["model"] if about else (self._model or MODEL),
                weights=self._weights,
                streams=streams,
                precision=self._precision,
                device=self._device,
            )
        except InputError as error:
            if about is None:
                raise
            raise PictureIndexError(
                f"What {self.location} was made with is not there; bring it back, or index the pictures in a new "
                f"folder: {error}"
            ) from error
        if about:
            self._check_weights(embedder.graph)
        if streams is None:
            self._embedder = embedder
        return embedder

    def _check_weights(self, graph: Graph) -> None:
        about = self._opened().about
        if about["digest"] != graph.digest:
            raise PictureIndexError(
                f"{self.location} was made with other weights of {about['model']} ({about['weights']}) than those at "
                f"hand ({graph.weights}); name these weights, or index the pictures in a new folder."
            )

    def layer(self) -> "Layer":
        """The last layer of the network that described the pictures, with the words that it knows.

        Raises:
            InputError: The network knows no words.
            PictureIndexError: It has other weights than those at hand.
        """
        from visus.search.words.layer import layer_of

        about = self._opened().about
        graph = self._embedder.graph if self._embedder is not None else load(about["model"], self._weights)
        self._check_weights(graph)
        return layer_of(graph, self._weights)

    def words(self) -> "Words":
        """The words that can ask: the names of the network's classes, or, of a network of two towers, any sentence.

        Raises:
            InputError: The network knows no words.
            DependencyError: What reads sentences is not installed.
            PictureIndexError: It has other weights than those at hand.
        """
        about = self._opened().about
        if about["model"] not in TABLE:
            from visus.search.words.classes import ClassWords

            return ClassWords(self.layer())
        from visus.search.words.sentences import OpenWords

        graph = self._embedder.graph if self._embedder is not None else load(about["model"], self._weights)
        self._check_weights(graph)
        return OpenWords(graph, self._opened())

    def use(self, describing: Describing) -> None:
        """Let a server describe the pictures of several searches together.

        Args:
            describing: What stands before an embedder of this index (see :meth:`embedder`).
        """
        self._describing = describing

    def _extra(self, name: str) -> Classical:
        """One of the index's descriptors beside the network.

        Raises:
            PictureIndexError: The index does not have it, or was made with another version of it.
        """
        extra, about = classical(name), self._opened().about
        made = about.get("extras", {}).get(name)
        if made is None or name not in self._opened().extras:
            raise PictureIndexError(
                f"{self.location} is not described by {name}; say: visus index FOLDER --descriptor {name}"
            )
        if made != extra.about():
            raise PictureIndexError(
                f"{self.location} was described by another version of {name}; describe it again: visus index FOLDER "
                f"--descriptor {name}"
            )
        return extra

    def rows(self, ids: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """What the index knows of some pictures, by their ids; those that are gone have ``gone`` set.

        Args:
            ids: Ids as hits have them.
            columns: Names of columns, for example ``path``, ``hash``, ``thumbnail``, ``gone``.
        """
        store = self._opened()
        store.refresh()
        return store.rows(ids, columns)

    def table(self, columns: Sequence[str], where: str | None = None) -> "pa.Table":
        """Some columns of all pictures that are there, as an Arrow table; those that the index lacks are left out.

        Args:
            columns: Names of columns, for example ``id``, ``path``, ``width``, ``captured``.
            where: A condition on the columns; see :mod:`visus.search.where`.

        Raises:
            InputError: The condition is not understood.
            PictureIndexError: There is no index, or it is damaged.
        """
        store = self._opened()
        condition = "NOT gone" if where is None else f"NOT gone AND ({to_sql(where, store.columns)})"
        return store.read([name for name in columns if store.has(name)], condition)

    def export(self, path: str | os.PathLike[str], *, where: str | None = None) -> "Exported":
        """Write the pictures that are there as a Parquet file: paths, sizes, dates and vectors.

        A vector stands there as it is stored, of length 1, before it is moved to where vectors are compared.

        Args:
            path: Where to write.
            where: A condition on the columns; see :mod:`visus.search.where`.

        Returns:
            What was written (see :mod:`visus.search.exported` for the columns).

        Raises:
            InputError: The condition is not understood, or the place cannot be written.
            PictureIndexError: There is no index, or it is damaged.
        """
        from visus.search.exported import export

        store = self._opened()
        store.refresh()
        condition = "NOT gone" if where is None else f"NOT gone AND ({to_sql(where, store.columns)})"
        return export(store, path, condition)

    def times(self, ids: Sequence[int]) -> dict[int, tuple[float, bool]]:
        """When pictures were taken, or where that is not known, when their files were changed.

        Args:
            ids: Ids as hits have them; those that are not in the index are left out.

        Returns:
            For each id seconds since 1970, and whether the picture was taken then (see :mod:`visus.search.times`).
        """
        store = self._opened()
        names = [name for name in times.COLUMNS if store.has(name)]
        found: dict[int, tuple[float, bool]] = {}
        for part in store.some(ids, ["id", *names]):
            seconds, taken = times.times_of(part)
            pairs = zip(seconds.tolist(), taken.tolist(), strict=True)
            found |= dict(zip(part.column("id").to_pylist(), pairs, strict=True))
        return found

    def entries(self, ids: Sequence[int]) -> dict[int, Entry]:
        """The entries of the files of pictures as they were when these were described.

        Args:
            ids: Ids as hits have them; those that are not in the index, or were made by an earlier visus that did not
                note them all, are left out.
        """
        store = self._opened()
        if not all(store.has(name) for name in Entry._fields):
            return {}
        found: dict[int, Entry] = {}
        for part in store.some(ids, ["id", *Entry._fields]):
            columns = [plain(part.column(name)) for name in Entry._fields]
            found |= dict(zip(part.column("id").to_pylist(), map(Entry, *columns), strict=True))
        return found

    def thumbnails(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The small pictures that the index keeps, as JPEG, by the ids that hits have.

        Args:
            ids: Those that are not in the index are left out.

        Raises:
            PictureIndexError: One is damaged, and its file is not there.
        """
        return thumbnails(self._opened(), list(ids))

    def roots_of(self, paths: Sequence[str]) -> list[str]:
        """The folders that the index was made of in which some files lie or lay; none where a file is in none of them.

        Args:
            paths: Absolute paths of files.

        Raises:
            PictureIndexError: There is no index, or it is damaged.
        """
        known = self._opened().about.get("roots", {})
        found: set[str] = set()
        for path in (os.path.join(os.path.realpath(os.path.dirname(path)), "") for path in paths):
            above = [root for root in known if path.startswith(os.path.join(root, ""))]
            if not above:
                return []
            found.add(min(above, key=len))
        return sorted(found)

    def paths_below(self, folder: str | os.PathLike[str]) -> list[str]:
        """Absolute paths of the indexed pictures below a folder that are there."""
        start = os.path.join(os.path.abspath(os.path.expanduser(folder)), "")
        paths = self._opened().read(["path"], "NOT gone").column("path").to_pylist()
        return [path for path in paths if path.startswith(start)]


def classical(name: str) -> Classical:
    """What describes pictures beside the network.

    Raises:
        InputError: There is nothing of that name.
    """
    if name not in DESCRIPTIONS:
        raise InputError(f"There is no descriptor {name!r}; beside embedding there are {', '.join(DESCRIPTIONS)}.")
    return Classical(name)
