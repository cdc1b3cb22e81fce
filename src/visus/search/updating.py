"""Bringing an index up to date: adding folders, removing what is gone, verifying, fitting how vectors are compared."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from visus._cores import cores
from visus._errors import InputError
from visus.images import MAX_PIXELS
from visus.search.away import emptied, is_missing, is_replaced
from visus.search.describe import Embedder
from visus.search.opened import OpenIndex, classical
from visus.search.place import exists, remove_made, writing
from visus.search.rows import plain
from visus.search.store import Store

if TYPE_CHECKING:
    from visus.cluster import Cluster
    from visus.search.fitting import Fitted
    from visus.search.report import Progress, Report
    from visus.search.verify import Verified


class UpdatedIndex(OpenIndex):
    """An index that can be written to; see :class:`visus.search.index.Index`.

    What writes is imported at use: a search needs none of it.
    """

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
        progress: "Callable[[Progress], None] | None" = None,
        descriptors: Sequence[str] = (),
        cluster: "Cluster | None" = None,
    ) -> "Report":
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
        from visus.search.ingest import Ingest
        from visus.search.reading import Recipe
        from visus.search.walk import roots_of

        exclude, descriptors = ([own] if isinstance(own, str) else own for own in (exclude, descriptors))
        roots = roots_of(paths, self._knows if force else lambda _path: False)
        threads = threads or cores()
        extras = {name: classical(name) for name in descriptors}
        with writing(self.location, wait, on_wait), self._unmade_if_empty():
            if self._store is None and exists(self.location):  # another process has made it meanwhile
                self._store = Store(self.location)
                self._check_model(self._store.about)
            if cluster:
                cluster.connect()
            embedder = self.embedder(streams=1 if cluster else threads)
            if self._store is None:
                self._store = Store.create(self.location, embedder.about(), self._dtype)
            completed = self._prepare(self._store)
            extras |= {name: classical(name) for name in self.descriptors[1:]}
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
            ingest.report.completed = completed
            try:
                report = ingest.run(roots, exclude, rehash=rehash, force=force)
            except KeyboardInterrupt:
                raise Interrupted(ingest.report) from None
            finally:
                ingest.report.note = self._store.news()
            self._note(embedder, report)
            if prune:
                report.pruned = self._prune(force)
        return report

    @contextlib.contextmanager
    def _unmade_if_empty(self) -> Iterator[None]:
        """Take an index away again that is made in a block which brings no row: it would fix a network."""
        before = exists(self.location)
        try:
            yield
        finally:
            if not before and self._store is not None and not self._store.count():
                self._store = None
                remove_made(self.location)

    def _knows(self, path: str) -> bool:
        """Whether pictures below a path that does not exist are in the index."""
        return self._store is not None and bool(self.paths_below(path))

    def _note(self, embedder: Embedder, report: "Report") -> None:
        """Write down in which precision pictures were described; say so where it is not the one that was asked for."""
        report.precision = embedder.runtime.precision
        if report.described and self._precision == "bf16" != report.precision:
            told = (
                f"The pictures were described in {report.precision}, not in bf16, since {embedder.runtime.name} ran "
                "the network; OpenVINO on the CPU runs it in bf16: pip install 'visus[fast]'"
            )
            report.note = f"{report.note} {told}" if report.note else told
        before = self._opened().about.get("precisions", ["f32"] if len(self) > report.described else [])
        if report.described and report.precision not in before:
            self._opened().tell(precisions=[*before, report.precision])

    def _prepare(self, store: Store) -> int:
        """Make an index ready to be written to; tells how many rows of 0.1 were completed."""
        from visus.search.upgrade import upgrade

        store.recover()
        return upgrade(store)

    def prune(self, *, force: bool = False) -> int:
        """Remove the rows of pictures that are gone; tells how many.

        A picture that is there again as it was stays, and so do those of a folder from which all are gone.

        Args:
            force: Remove these too.
        """
        with writing(self.location):
            self._prepare(self._opened())
            return self._prune(force)

    def _prune(self, force: bool) -> int:
        from visus.search.upkeep import compact

        store = self._opened()
        table = store.read(["id", "real_path", "size", "mtime"], "gone")
        rows = list(zip(*(plain(column) for column in table.columns), strict=True))
        if not rows:
            return 0
        there = store.read(["real_path"], "NOT gone").column("real_path").to_pylist()
        there += [path for _, path, _, _ in rows if not is_missing(path)]  # other files lie there now
        empty = () if force else emptied(store.about.get("roots", {}), there)
        kept = tuple(os.path.join(root, "") for root in empty)
        ids = {
            key
            for key, path, size, mtime in rows
            if (is_missing(path) or is_replaced(path, size, mtime)) and not path.startswith(kept)
        }
        twins = store.read(["id", "twin"], "twin IS NOT NULL").to_pylist()
        gone = sorted(ids - {row["twin"] for row in twins if row["id"] not in ids})
        store.remove(gone)
        if gone:
            compact(store)
        return len(gone)

    def verify(self, *, mend: bool = False, progress: Callable[[int, int], None] | None = None) -> "Verified":
        """Read the whole index, and tell what is not as it was written.

        Args:
            mend: Describe the pictures anew whose rows are damaged, and bring decisions back from their copy.
            progress: Called with the bytes that were read, and all that will be.

        Raises:
            PictureIndexError: There is no index, or it was made by visus 0.1, which noted no checksums.
        """
        from visus.search import verify as own
        from visus.search.duplicates import decisions
        from visus.search.upgrade import upgrade

        store = self._opened()
        show = progress or (lambda _done, _all: None)
        if not mend:
            store.refresh()
            return own.verify(store, show)
        with writing(self.location):
            taken_out = store.recover()
            upgrade(store)
            found = own.verify(store, show, taken_out=taken_out)
            if not found.damaged:
                return found
            found.decisions_lost = not decisions.mend(store.files)
            if found.only_decisions:
                found.was_mended = True
                return found
            again = own.mend(store, found)
        found.mended, found.was_mended = self._described_again(again), True
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

    def rotate(self, dimension: int) -> "Fitted | None":
        """Compare vectors along so many directions from now on: those along which the pictures differ most.

        The directions are fitted anew as the index grows. Measure before and after with :meth:`evaluate`.

        Args:
            dimension: How many; 0 for all.

        Returns:
            What came of it; None in an empty index.

        Raises:
            InputError: There are too few pictures, or the dimension is out of range.
        """
        from visus.search.fitting import refresh_space

        if isinstance(dimension, bool) or not isinstance(dimension, int | np.integer) or dimension < 0:
            raise InputError(f"The directions must be a whole number from 0 (all) on, not {dimension!r}.")
        dimension = int(dimension)

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


class Interrupted(KeyboardInterrupt):
    """The user stopped an update.

    Attributes:
        report: What is safe in the index.
    """

    def __init__(self, report: "Report") -> None:
        super().__init__()
        self.report = report
