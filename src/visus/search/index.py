"""An index of pictures: add folders, search, find duplicates."""

import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError, PictureIndexError
from visus.cluster import Cluster
from visus.graphs.graph import full_name
from visus.graphs.runtime import Device, Precision
from visus.images import MAX_PIXELS, decode, draw
from visus.search import contents
from visus.search.away import emptied, is_missing
from visus.search.classical import DESCRIPTIONS, Classical
from visus.search.describe import Describing, Embedder
from visus.search.duplicates import THRESHOLD, DuplicateGroup, Member, Same, groups, similar_pairs
from visus.search.evaluate import Retrieval, read_labels, retrieval
from visus.search.fitting import Fitted, refresh_space
from visus.search.hits import Hit, Hits
from visus.search.ingest import Ingest
from visus.search.nearest import COLUMNS, Nearest, query_of, thumbnails
from visus.search.place import exists, place_of, writing
from visus.search.query import Box, Picture, as_list, cut, load, single
from visus.search.reading import Recipe
from visus.search.report import Progress, Report
from visus.search.rows import EMBEDDING, Dtype
from visus.search.store import Store
from visus.search.upgrade import upgrade
from visus.search.upkeep import compact
from visus.search.verify import Verified, verify
from visus.search.verify import mend as take_out
from visus.search.where import to_sql
from visus.search.why import Why, explain

Rerank = Literal["expansion", "geometry"]

MODEL = "efficientnet_lite0"

_DIGITS = 4  # of a score that count: stored vectors are rounded, and a picture would miss itself
_RERANKED = 50  # hits that are looked at a second time


class Index:
    """An index of pictures in a folder.

    Args:
        location: Folder of the index, for example ``photos.visus``, or a place on an object store, for example
            ``s3://bucket/photos.visus``; made at the first :meth:`add`.
        model: The network that describes pictures, or the folder of a run; None takes the index's own, for a
            new one EfficientNet-Lite0.
        weights: ``"imagenet"`` or a file of weights.
        dtype: How vectors are stored in a new index; float16 takes half the disk, and scans faster.
        precision: ``"f32"``, or ``"bf16"``: faster on some processors, slightly different vectors; ``"auto"`` takes
            what this one is fast with. Rows of both are compared with each other.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        PictureIndexError: The index is damaged, of a newer format, or was made with another model.
    """

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
    def descriptors(self) -> list[str]:
        """What the index's pictures are described by."""
        return ["embedding", *(_classical(name).name for name in self._opened().extras if name in DESCRIPTIONS)]

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
            PictureIndexError: The weights at hand are not those that the index was made with.
        """
        if self._embedder is not None and streams is None:
            return self._embedder
        about = None if self._store is None else self._store.about
        embedder = Embedder(
            about["model"] if about else (self._model or MODEL),
            weights=self._weights,
            streams=streams,
            precision=self._precision,
            device=self._device,
        )
        if about and about["digest"] != embedder.graph.digest:
            raise PictureIndexError(
                f"{self.location} was made with other weights of {about['model']} ({about['weights']}) than those at "
                f"hand ({embedder.graph.weights}); name these weights, or index the pictures in a new folder."
            )
        if streams is None:
            self._embedder = embedder
        return embedder

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
        extra, about = _classical(name), self._opened().about
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

    # Adding --------------------------------------------------------------------------------------------------

    def add(
        self,
        *paths: str | os.PathLike[str],
        exclude: Sequence[str] = (),
        prune: bool = False,
        rehash: bool = False,
        force: bool = False,
        max_pixels: int = MAX_PIXELS,
        threads: int | None = None,
        wait: float = -1,
        on_wait: Callable[[], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
        descriptors: Sequence[str] = (),
        cluster: Cluster | None = None,
    ) -> Report:
        """Bring the index up to date with folders or files.

        New and changed pictures are described, moved ones keep their vector, missing ones are marked as gone and
        no longer found. What has been committed is safe, whatever happens to the process.

        Args:
            paths: Folders and files.
            exclude: Patterns of names or paths below a folder to pass over, for example ``*.png``.
            prune: Remove the rows of pictures that are gone.
            rehash: Read every file anew; what its entry says (size, times, inode) is not believed.
            force: Believe that all pictures of a folder are gone, where an empty mount point looks the same.
            max_pixels: Larger pictures count as unreadable.
            threads: How many threads read and describe; None takes all cores.
            wait: Seconds to wait for another process that is writing; negative waits without end.
            on_wait: Called once if another process is writing and there is a wait.
            progress: Called now and then.
            descriptors: ``"texture"``, ``"color"``: describe the pictures by these too, beside the network. The index
                remembers them; pictures that it knows already are described when their folder is looked through.
            cluster: Describe in the processes of a Ray cluster, whose machines must see the same files under the same
                paths; None for threads of this process.

        Raises:
            InputError: A path does not exist, there are no pictures, or a descriptor is unknown.
            PictureIndexError: The disk is full, or another process is writing.
        """
        from visus.search.walk import roots_of

        roots = roots_of(paths, self._knows if force else lambda _path: False)
        threads = threads or cores()
        extras = {name: _classical(name) for name in descriptors}
        with writing(self.location, wait, on_wait):
            if self._store is None and exists(self.location):  # another process has made it meanwhile
                self._store = Store(self.location)
                self._check_model(self._store.about)
            embedder = self.embedder(streams=1 if cluster else threads)
            if self._store is None:
                self._store = Store.create(self.location, embedder.about(), self._dtype)
            completed = self._prepare(self._store)
            extras |= {name: _classical(name) for name in self.descriptors[1:]}
            for name, extra in extras.items():
                self._store.add_extra(name, extra.about())
            every = {"embedding": embedder, **extras}
            graph = embedder.graph
            made = Recipe(graph.model, graph.digest, self._weights, self._precision, self._device, tuple(extras))
            ingest = Ingest(
                self._store,
                every,
                threads=threads,
                elsewhere=(cluster, made) if cluster else None,
                max_pixels=max_pixels,
                progress=progress,
            )
            ingest.report.completed, ingest.report.note = completed, self._store.note
            try:
                report = ingest.run(roots, exclude, rehash=rehash, force=force)
            except KeyboardInterrupt:
                raise Interrupted(ingest.report) from None
            self._note(embedder, report)
            if prune:
                report.pruned = self._prune(force)
        return report

    def _knows(self, path: str) -> bool:
        """Whether pictures below a path that does not exist are in the index."""
        return self._store is not None and bool(self.paths_below(path))

    def _note(self, embedder: Embedder, report: Report) -> None:
        """Write down in which precision pictures were described."""
        report.precision = embedder.runtime.precision
        before = self._opened().about.get("precisions", ["f32"] if len(self) > report.described else [])
        if report.described and report.precision not in before:
            self._opened().tell(precisions=[*before, report.precision])

    def _prepare(self, store: Store) -> int:
        """Make an index ready to be written to; tells how many rows of 0.1 were completed."""
        store.recover()
        return upgrade(store)

    def prune(self, *, force: bool = False) -> int:
        """Remove the rows of pictures that are gone; tells how many.

        A picture that is there again stays, and so do those of a folder from which all are gone.

        Args:
            force: Remove these too.
        """
        with writing(self.location):
            self._prepare(self._opened())
            return self._prune(force)

    def _prune(self, force: bool) -> int:
        store = self._opened()
        rows = store.read(["id", "real_path"], "gone").to_pylist()
        if not rows:
            return 0
        there = store.read(["real_path"], "NOT gone").column("real_path").to_pylist()
        empty = () if force else emptied(store.about.get("roots", {}), there)
        kept = tuple(os.path.join(root, "") for root in empty)
        ids = {row["id"] for row in rows if is_missing(row["real_path"]) and not row["real_path"].startswith(kept)}
        twins = store.read(["id", "twin"], "twin IS NOT NULL").to_pylist()
        gone = sorted(ids - {row["twin"] for row in twins if row["id"] not in ids})
        store.remove(gone)
        if gone:
            compact(store)
        return len(gone)

    def verify(self, *, mend: bool = False, progress: Callable[[int, int], None] | None = None) -> Verified:
        """Read the whole index, and tell what is not as it was written.

        Args:
            mend: Describe the pictures anew whose rows are damaged.
            progress: Called with the bytes that were read, and all that will be.

        Raises:
            PictureIndexError: There is no index, or it was made by visus 0.1, which noted no checksums.
        """
        store = self._opened()
        show = progress or (lambda _done, _all: None)
        if not mend:
            store.refresh()
            return verify(store, show)
        with writing(self.location):
            self._prepare(store)
            found = verify(store, show)
            again = [] if found.sound else take_out(store, found)
        if not found.sound:
            found.mended = self._described_again(again)
        if found.unreadable > found.mended:
            found.lost.append(f"(rows that cannot be read: {found.unreadable - found.mended:,})")
        return found

    def _described_again(self, paths: Sequence[str]) -> int:
        """Bring the index up to date with the folders that it was made of, and with further files."""
        about = self._opened().about
        roots = [root for root in about.get("roots", {}) if os.path.isdir(root)]
        below = tuple(os.path.join(root, "") for root in roots)
        count = 0
        for root in roots:
            count += self.add(root, exclude=about.get("excludes", {}).get(root, ())).described
        others = [path for path in paths if os.path.exists(path) and not path.startswith(below)]
        return count + (self.add(*others).described if others else 0)

    def rotate(self, dimension: int) -> Fitted | None:
        """Compare vectors along so many directions from now on: those along which the pictures differ most.

        The directions are fitted anew as the index grows. Measure before and after with :meth:`evaluate`.

        Args:
            dimension: How many; 0 for all.

        Returns:
            What came of it; None in an empty index.

        Raises:
            InputError: There are too few pictures, or the dimension is out of range.
        """
        with writing(self.location):
            store = self._opened()
            self._prepare(store)
            return refresh_space(store, dimension)

    def whiten(self, dimension: int) -> None:
        """Deprecated: :meth:`rotate`, which does not divide by how far the pictures spread.

        Args:
            dimension: How many directions.

        Raises:
            InputError: See :meth:`rotate`.
        """
        warnings.warn("Index.whiten is now Index.rotate, and divides no more", DeprecationWarning, stacklevel=2)
        self.rotate(dimension)

    # Searching -----------------------------------------------------------------------------------------------

    def search(
        self,
        picture: Picture | Sequence[Picture],
        *,
        k: int = 12,
        unlike: Sequence[Picture] = (),
        region: Box | None = None,
        min_score: float | None = None,
        where: str | None = None,
        rerank: Rerank | None = None,
        exact: bool = False,
        max_pixels: int = MAX_PIXELS,
        by: str = "embedding",
    ) -> Hits:
        """Find the pictures that look most like one picture, or like several at once.

        Args:
            picture: A file, an RGB array ``(H, W, 3)`` uint8, or several of them (the mean vector asks).
            k: How many hits at most.
            unlike: Pictures whose vectors are taken away from the query.
            region: x0, y0, x1, y1 in pixels: only this part of the query picture asks.
            min_score: Least score of a hit, in [-1, 1] (not of its ``cosine``, which is higher); scores count with four
                digits.
            where: A condition on the columns, for example ``"width > 1000 AND path LIKE '%2024%'"``; see
                :mod:`visus.search.where`.
            rerank: ``"expansion"``: the best hits join the query, which asks again; ``"geometry"``: hits whose
                local features agree with the query's come first.
            exact: Compare every vector in full, not only those that the codes find.
            max_pixels: Larger query pictures are refused.
            by: Which description is compared: the network's, or one that :meth:`add` was asked for.

        Returns:
            The hits, best first.

        Raises:
            InputError: A picture cannot be read, or an argument is out of range.
            PictureIndexError: There is no index, or it is damaged.
        """
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}.")
        if min_score is not None and not -1 <= min_score <= 1:
            raise InputError(f"The least score must be within -1 and 1, not {min_score}.")
        store = self._opened()
        store.refresh()
        pictures = as_list(picture)
        embedder = (self._describing or self.embedder()) if by == "embedding" else self._extra(by)
        column = None if by == "embedding" else by
        least = None if region else embedder.least_side
        queries = [load(p, least, max_pixels) for p in pictures]
        if region:
            queries = [cut(single(queries, "region"), region)]
        against = [load(p, embedder.least_side, max_pixels) for p in unlike]
        asked = query_of(embedder, queries, against, store.compared[column or EMBEDDING])

        condition = None if where is None else to_sql(where, store.columns)
        nearest = Nearest(store, condition, exact, column, contents.Checks(store, column))
        rows = nearest.rows(asked, max(k, _RERANKED) if rerank else k)
        if rerank == "expansion":
            rows = nearest.expanded(asked, rows)
        elif rerank == "geometry":
            rows = nearest.verified(single(queries, "rerank geometry"), rows)
        if min_score is not None:
            rows = [row for row in rows if round(row["score"], _DIGITS) >= min_score]

        def why(hit: Hit) -> Why:
            if against or rerank == "expansion":
                raise InputError("why explains a search without --unlike and --rerank expansion; leave them away.")
            if isinstance(embedder, Classical):
                raise InputError(f"why explains a search by the network, not by {by}; leave --by away.")
            found = load(hit.path, embedder.least_side, max_pixels)
            return explain(embedder, single(queries, "why"), found, store.space)

        rows = [row | {"missing": is_missing(row["path"])} for row in rows[:k]]
        notes = [*([store.note] if store.note else []), *nearest.checks.notes]
        return Hits(rows, queries=queries, thumbnails=partial(thumbnails, store), explain=why, notes=notes)

    def why(self, query: Picture, hit: Picture) -> Why:
        """Where two pictures agree: two heat maps whose values add up to their similarity.

        Args:
            query: A file, or an RGB array ``(H, W, 3)`` uint8.
            hit: The same.

        Raises:
            InputError: A picture cannot be read, or the network does not pool by average.
        """
        describing = self._describing or self.embedder()
        first, second = (load(picture, describing.least_side, MAX_PIXELS) for picture in (query, hit))
        return explain(describing, first, second, self._opened().space)

    def rows(self, ids: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """What the index knows of some pictures, by their ids; those that are gone have ``gone`` set.

        Args:
            ids: Ids as hits have them.
            columns: Names of columns, for example ``path``, ``hash``, ``thumbnail``, ``gone``.
        """
        store = self._opened()
        store.refresh()
        return store.rows(ids, columns)

    def thumbnails(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The small pictures that the index keeps, as JPEG, by the ids that hits have.

        Args:
            ids: Those that are not in the index are left out.

        Raises:
            PictureIndexError: One is damaged, and its file is not there.
        """
        return thumbnails(self._opened(), list(ids))

    def paths_below(self, folder: str | os.PathLike[str]) -> list[str]:
        """Absolute paths of the indexed pictures below a folder that are there."""
        start = os.path.join(os.path.abspath(os.path.expanduser(folder)), "")
        paths = self._opened().read(["path"], "NOT gone").column("path").to_pylist()
        return [path for path in paths if path.startswith(start)]

    # Looking at the whole ------------------------------------------------------------------------------------

    def duplicates(self, *, threshold: float = THRESHOLD, verify: bool = True) -> list[DuplicateGroup]:
        """Groups of near duplicates: re-encoded, resized, cropped or mirrored versions of one picture.

        Nothing is deleted.

        Args:
            threshold: Least similarity of pictures that are compared, in [-1, 1].
            verify: Compare the pictures themselves too; False trusts the similarity alone.

        Returns:
            Groups, the largest first; each says which picture to keep.

        Raises:
            InputError: The threshold lies outside [-1, 1].
            PictureIndexError: There is no index, or it is damaged.
        """
        if not -1 <= threshold <= 1:
            raise InputError(f"The threshold must be within -1 and 1, not {threshold}.")
        store = self._opened()
        store.refresh()
        twin = ["twin"] if store.has("twin") else []
        table = store.read([*COLUMNS, *twin, "mtime", "hash", "embedding"], "NOT gone")
        vectors = contents.vectors_of(table, "embedding")
        mtimes = table.column("mtime").cast(pa.int64()).to_pylist()
        named = table.select([*COLUMNS]).to_pylist()
        members = [Member(**row, mtime=mtime) for row, mtime in zip(named, mtimes, strict=True)]
        hashes = table.column("hash").to_pylist()

        def thumbnail(position: int) -> bytes:
            return thumbnails(store, [members[position].id])[members[position].id]

        same = Same(thumbnail) if verify else (lambda _i, _j: True)
        return groups(members, hashes, similar_pairs(vectors, threshold), same)

    def sheet_of(self, found: Sequence[DuplicateGroup], *, limit: int = 60) -> NDArray[np.uint8]:
        """A contact sheet ``(H, W, 3)`` uint8 of groups of duplicates; what to keep has a red frame.

        Args:
            found: The answer of :meth:`duplicates`.
            limit: How many pictures at most.

        Raises:
            InputError: A picture has left the index meanwhile.
        """
        members = [(m, m is group.keep) for group in found for m in (group.keep, *group.others)][:limit]
        small = thumbnails(self._opened(), [member.id for member, _ in members])
        missing = [member.path for member, _ in members if member.id not in small]
        if missing:
            raise InputError(f"{missing[0]} has left the index meanwhile; look for duplicates again.")
        pictures = [decode(small[member.id]).pixels for member, _ in members]
        captions = [f"{'keep ' if keep else ''}{Path(m.path).name}\n{m.width}x{m.height}" for m, keep in members]
        marked = [place for place, (_, keep) in enumerate(members) if keep]
        return draw.contact_sheet(pictures, captions, columns=6, tile=160, marked=marked)

    def evaluate(
        self,
        labels: str | os.PathLike[str],
        *,
        ks: Sequence[int] = (1, 10, 20),
        by: str = "embedding",
    ) -> Retrieval:
        """Measure the search: every labeled picture asks for the others of its label.

        Args:
            labels: CSV file with the columns ``file`` and ``class``; files relative to the CSV file's folder.
            ks: At which numbers of answers precision and recall are measured.
            by: Which description is compared.

        Raises:
            InputError: The labels cannot be read, or none of their files is in the index.
        """
        known = read_labels(labels)
        store = self._opened()
        store.refresh()
        column = EMBEDDING if by == "embedding" else self._extra(by).name
        twin = ["twin"] if store.has("twin") else []
        described = f" AND ({column} IS NOT NULL{' OR twin IS NOT NULL' if twin else ''})"
        table = store.read(["id", "path", *twin, column], f"NOT gone{'' if by == 'embedding' else described}")
        paths = table.column("path").to_pylist()
        rows = [row for row, path in enumerate(paths) if path in known]
        if not rows:
            described = "" if by == "embedding" else f" with {by}"
            raise InputError(
                f"None of the files in {labels} is in {self.location}{described}; index their folder, or check the "
                "column file."
            )
        vectors = store.compared[column](contents.vectors_of(table, column)[rows])
        return retrieval(vectors, [known[paths[row]] for row in rows], ks=ks)


def _classical(name: str) -> Classical:
    if name not in DESCRIPTIONS:
        raise InputError(f"There is no descriptor {name!r}; beside embedding there are {', '.join(DESCRIPTIONS)}.")
    return Classical(name)


class Interrupted(KeyboardInterrupt):
    """The user stopped an update.

    Attributes:
        report: What is safe in the index.
    """

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def duplicates_in(
    place: str | os.PathLike[str], *, threshold: float = THRESHOLD, verify: bool = True
) -> list[DuplicateGroup]:
    """Groups of near duplicates of an index, or of a folder of pictures.

    Args:
        place: An index, or a folder whose pictures are described for this one question; to ask again and again, make an
            :class:`Index` of it.
        threshold: See :meth:`Index.duplicates`.
        verify: See there.

    Returns:
        Groups, the largest first; each says which picture to keep.

    Raises:
        InputError: There are no pictures, or the threshold cannot be.
        PictureIndexError: The index is damaged.
    """
    if exists(place):
        return Index(place).duplicates(threshold=threshold, verify=verify)
    with tempfile.TemporaryDirectory() as folder:
        index = Index(Path(folder) / "pictures.visus")
        index.add(place)
        return index.duplicates(threshold=threshold, verify=verify)
