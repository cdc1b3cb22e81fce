"""Bring an index up to date with folders of pictures.

Threads, or the processes of a cluster, read and describe (:mod:`visus.search.reading`). The calling thread alone
writes: it commits what the others have done every few seconds.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from visus._errors import InputError
from visus.cluster import Cluster
from visus.images import MAX_PIXELS
from visus.images.decode import DECODER
from visus.images.older import CANDIDATES
from visus.search.away import away_because, drive_away, drives_away, is_away, is_missing, watched
from visus.search.catalog import Catalog, Known
from visus.search.describe import Descriptor
from visus.search.fitting import refresh_space
from visus.search.reading import Answers, Done, Reader, Recipe, by_threads
from visus.search.report import Progress, Report
from visus.search.stopping import stoppable
from visus.search.store import Store
from visus.search.upkeep import compact, remove_orphans
from visus.search.walk import Failure, Found, Passed, hint, walk
from visus.search.writer import Writer, leads_to

_BATCH = 8  # pictures that a thread describes at once
_COMMIT_ROWS = 1024
_COMMIT_SECONDS = 5.0
_NAMED = 10  # files of a kind that are passed over which the report names
_COMPACT_EVERY = 64  # commits


class Ingest:
    """One update of an index.

    Args:
        store: The open table; the caller holds the writers' lock.
        descriptors: What describes pictures, by the column that takes its vectors; ``embedding`` is one of them.
        threads: How many threads read and describe.
        elsewhere: A cluster that reads and describes in their place, and how its processes make their readers.
        max_pixels: Larger pictures count as unreadable.
        progress: Called now and then.
    """

    def __init__(
        self,
        store: Store,
        descriptors: Mapping[str, Descriptor],
        *,
        threads: int,
        elsewhere: tuple[Cluster, Recipe] | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.store = store
        self.descriptors = dict(descriptors)
        self.threads = threads
        self.elsewhere = elsewhere
        self.max_pixels = max_pixels
        self.progress = progress or (lambda _: None)
        self.report = Report()
        self.catalog = Catalog(store)
        # Contents whose rows lack the vector of a descriptor that came later.
        self.lacking = {name: store.contents_without(name) for name in self.descriptors if name in store.extras}
        # Contents that an earlier decoder may have read otherwise.
        self.older = store.contents_decoded_before(DECODER, CANDIDATES)
        self._commits = 0
        self._other_names: set[str] = set()  # of files that are known by another

    def run(
        self, roots: Sequence[str], exclude: Sequence[str] = (), *, rehash: bool = False, force: bool = False
    ) -> Report:
        """Bring the index up to date with what is below the roots.

        Args:
            roots: Absolute paths.
            exclude: See :func:`visus.search.walk.walk`.
            rehash: Read every file, whatever its entry says.
            force: Believe that all pictures of a folder are gone.

        Raises:
            InputError: There is no picture below the roots.
            KeyboardInterrupt: The user stopped it; what was described until then is in the index.
        """
        began = time.monotonic()
        self._remove_doubles()
        self.writer = Writer(
            self.store,
            self.catalog,
            self.report,
            lacking=self.lacking,
            older=self.older,
            describe=self._describe_again,
            has_left=self._has_left,
        )
        try:
            with stoppable() as self._may_stop:
                self._describe(self._look(roots, exclude, rehash))
                self._may_stop()
                self._mark_gone(roots, exclude, force)
                self._may_stop()
                self.report.fitted = refresh_space(self.store)
        finally:
            self.report.seconds = time.monotonic() - began
        return self.report

    def _look(self, roots: Sequence[str], exclude: Sequence[str], rehash: bool) -> list[Found]:
        """Walk; note the known files that are there, and tell those that must be read."""
        work: list[Found] = []
        renamed: list[Known] = []
        for entry in walk([root for root in roots if os.path.exists(root)], exclude):
            self._may_stop()
            if isinstance(entry, Failure):
                self.report.unreadable.append(entry)
                continue
            if isinstance(entry, Passed):
                self._pass(entry)
                continue
            found = self._by_its_known_name(entry)
            known = self.catalog.by_path.get(found.real_path)
            self.writer.seen.add(found.real_path)
            if known is None or rehash or not self._is_unchanged(known, found):
                work.append(found)
                continue
            self.report.unchanged += 1
            if not leads_to(known.path, known.real_path):  # the alias that it was found by is no longer there
                renamed.append(self.writer.place(known, found))
        if renamed:
            self.writer.merge_places(renamed)
        nothing = not work and not self.writer.seen and not self.report.unreadable
        if nothing and not any(self._below(root) for root in roots):
            raise InputError(self._no_pictures(roots))
        return work

    def _pass(self, passed: Passed) -> None:
        if passed.why == "link":
            self.report.links += 1
            self._other_names.add(passed.path)
            return
        count = self.report.passed[passed.what] = self.report.passed.get(passed.what, 0) + 1
        if count <= _NAMED:
            self.report.passed_names.setdefault(passed.what, []).append(passed.path)
        if passed.why in ("kind", "picture"):
            self.report.hints[passed.what] = hint(passed.what)

    def _no_pictures(self, roots: Sequence[str]) -> str:
        places = ", ".join(roots)
        if self.report.hints:
            kinds = "; ".join(f"{self.report.passed[kind]} {kind}: {way}" for kind, way in self.report.hints.items())
            return f"There are no pictures in {places} that can be read with what is installed ({kinds})."
        return f"There are no pictures in {places}; name a folder with .jpg, .png ... files."

    def _is_unchanged(self, known: Known, found: Found) -> bool:
        lacking = any(known.hash in contents for contents in self.lacking.values())
        settled = not lacking and known.hash not in self.older
        return not known.gone and settled and known.seen_as == found.seen_as

    def _by_its_known_name(self, found: Found) -> Found:
        """A file by the name that the index knows it by, if it is a further name (a hard link) of such a one."""
        name = self.catalog.by_inode.get(found.inode) if found.inode else None
        if name is None or name == found.real_path or found.real_path in self.catalog.by_path:
            return found
        try:
            about = os.lstat(name)
        except OSError:
            return found
        known = self.catalog.by_path.get(name)
        if known is None or (about.st_dev, about.st_ino) != (found.device, found.inode) or is_away(name):
            return found
        self.report.links += 1
        return replace(found, path=known.path, real_path=name)

    def _remove_doubles(self) -> None:
        """Of two rows of one file, as 0.1 had them for a link and its target, one stays."""
        doubles = self.catalog.doubles
        if not doubles:
            return
        with self.store.changing():
            self.store.remove(doubles)
            remove_orphans(self.store)
        self.report.links += len(doubles)
        self.catalog = Catalog(self.store)

    # Describing ----------------------------------------------------------------------------------------------

    def _describe(self, work: list[Found]) -> None:
        batches = (work[start : start + _BATCH] for start in range(0, len(work), _BATCH))
        pending: list[Done] = []
        answers = self._read(batches, len(work))
        try:
            self._collect(answers, len(work), pending)
        except KeyboardInterrupt:
            self._commit(pending)
            raise
        finally:
            answers.close()
        self._commit(pending)
        self.progress(Progress(len(work), len(work), self.report.described))
        if work:
            compact(self.store)

    def _read(self, batches: Iterator[list[Found]], count: int) -> Answers:
        if self.elsewhere and count:
            cluster, recipe = self.elsewhere
            lacking = {name: frozenset(contents) for name, contents in self.lacking.items()}
            known = frozenset(self.catalog.by_hash)
            recipe = replace(
                recipe, known=known, lacking=lacking, older=frozenset(self.older), max_pixels=self.max_pixels
            )
            return cluster.map(recipe, batches)
        return by_threads(self._reader, batches, min(self.threads, count))

    def _reader(self) -> Reader:
        return Reader(self.descriptors, self.catalog.by_hash, self.lacking, self.older, self.max_pixels)

    def _describe_again(self, lost: list[Found]) -> list[Done]:
        """Describe a few files in the calling thread; the reader is made at use, which is rare."""
        return self._reader()(lost)

    def _collect(self, answers: Iterator[list[Done]], total: int, pending: list[Done]) -> None:
        done, last = 0, time.monotonic()
        for answer in answers:
            pending.extend(answer)
            done += len(answer)
            self.report.notes.update(note for own in answer for note in own.notes)
            if len(pending) >= _COMMIT_ROWS or time.monotonic() - last > _COMMIT_SECONDS:
                self._commit(pending)
                last = time.monotonic()
            self.progress(Progress(done, total, self.report.described))
            self._may_stop()

    # Writing: the calling thread -----------------------------------------------------------------------------

    def _commit(self, pending: list[Done]) -> None:
        """Write what has been described; afterwards it is safe.

        What is pending is taken first: a commit that the user interrupts is whole or missing, and never tried again,
        since its rows would then be there twice.
        """
        batch = pending.copy()
        pending.clear()
        if not batch:
            return
        with self.store.changing():
            self.writer.write(batch)
        self._commits += 1
        if self._commits % _COMPACT_EVERY == 0:
            compact(self.store)

    # What is no longer there ---------------------------------------------------------------------------------

    def _has_left(self, path: str) -> bool:
        """Whether a file is no longer what the index knows by this real path."""
        return path in self._other_names or is_away(path)

    def _below(self, root: str) -> list[Known]:
        """What the index knows below a root, or of the file that it is."""
        real = os.path.realpath(root)
        if not os.path.isdir(real) and real in self.catalog.by_path:
            return [self.catalog.by_path[real]]
        folder = os.path.join(real, "")
        return [known for path, known in self.catalog.by_path.items() if path.startswith(folder)]

    def _on_drives_that_are_away(self, away: Sequence[Known], below: Sequence[Known]) -> set[int]:
        """Missing pictures below a root that lie on a drive which was mounted in it and is not now; they are told."""
        drives = drives_away(*([(own.real_path, own.device) for own in rows] for rows in (away, below)))
        told = {failure.path for failure in self.report.vanished}
        for paths in drives.values():
            folder = os.path.commonpath([os.path.dirname(path) for path in paths])
            if folder not in told:
                self.report.vanished.append(Failure(folder, drive_away(folder, len(paths))))
        return {own.id for own in away if own.device in drives}

    def _mark_gone(self, roots: Sequence[str], exclude: Sequence[str], force: bool) -> None:
        """Mark the rows below the roots whose file is no longer there; where all are away, only if that is meant."""
        remembered: dict[str, int] = dict(self.store.about.get("roots", {}))
        excludes: dict[str, list[str]] = dict(self.store.about.get("excludes", {}))
        gone: dict[int, Known] = {}
        spared: set[int] = set()
        passed: set[int] = set()
        for root in sorted(watched(roots, remembered)):
            every = self._below(root)
            below = [known for known in every if not known.gone]
            others = sum(known.gone and not is_missing(known.real_path) for known in every)  # files in their places
            away = [
                known for known in below if known.real_path not in self.writer.seen and self._has_left(known.real_path)
            ]
            known_there = len(below) + others
            reason = None if force or not away else away_because(root, len(away), known_there, remembered.get(root))
            if reason:
                self.report.vanished.append(Failure(root, reason))
                spared |= {known.id for known in below}
            elif not force:
                spared |= self._on_drives_that_are_away(away, below)
            gone |= {known.id: known for known in away}
            passed |= {known.id for known in below if known.real_path not in self.writer.seen} - gone.keys()
            if os.path.isdir(root) and len(away) < max(len(below), 1):
                remembered[root] = os.stat(root).st_dev
        self.report.unvisited = len(passed)
        for root in {os.path.realpath(root) for root in roots}:
            excludes[root] = list(exclude)
        kept = [known for key, known in gone.items() if key not in spared]
        for start in range(0, len(kept), 10_000):
            with self.store.changing():
                self.writer.mark_gone(kept[start : start + 10_000])
        excludes = {root: globs for root, globs in excludes.items() if root in remembered and globs}
        self.store.tell(roots=remembered, **({"excludes": excludes} if excludes else {}))
