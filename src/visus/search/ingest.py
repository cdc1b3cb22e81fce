"""Bring an index up to date with folders of pictures.

Threads, or the processes of a cluster, read and describe (:mod:`visus.search.reading`). The calling thread alone
writes: it commits what the others have done every few seconds.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus._errors import InputError
from visus.cluster import Cluster
from visus.images import MAX_PIXELS
from visus.search.away import away_because, is_away, watched
from visus.search.catalog import Catalog, Known
from visus.search.describe import Descriptor
from visus.search.reading import Answers, Done, Reader, Recipe, by_threads
from visus.search.rows import EMBEDDING, FACTS, PLACE, place_sum, to_numpy, vector_sum
from visus.search.store import Store
from visus.search.upkeep import compact, recall, refresh_approximate, remove_orphans
from visus.search.walk import Failure, Found, Passed, hint, walk
from visus.search.written import Columns, copied_row, fresh_row, inherit, inherited_row, joined, place_of

_BATCH = 8  # pictures that a thread describes at once
_COMMIT_ROWS = 1024
_COMMIT_SECONDS = 5.0
_COMPACT_EVERY = 64  # commits


@dataclass(slots=True)
class Report:
    """What an update of an index did.

    Attributes:
        added: Pictures that were new.
        changed: Pictures whose content had changed.
        moved: Pictures that were found under another path, and kept their vector.
        filled: Pictures that were known, and have now been described by a further descriptor.
        gone: Pictures that are no longer there.
        pruned: Rows of pictures no longer there that were removed.
        unchanged: Pictures whose content is what it was.
        reread: How many of these were read again to know, since time, size or place of their entry had changed.
        completed: Rows of an index of 0.1 that were brought to the present format.
        links: Further names, by links, of files that were looked at.
        passed: Files and folders that were passed over: how many by their ending, kind or name.
        hints: How pictures among these can be read, by kind.
        vanished: Folders whose pictures are all away, and why nothing was marked as gone there.
        unreadable: Files that could not be used, and why.
        recall: Where an approximate index was built: the share of the ten nearest pictures that it finds.
        note: A sentence on what an earlier process had left unfinished, if something.
        seconds: Duration.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    filled: int = 0
    gone: int = 0
    pruned: int = 0
    unchanged: int = 0
    reread: int = 0
    completed: int = 0
    links: int = 0
    passed: dict[str, int] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    vanished: list[Failure] = field(default_factory=list)
    unreadable: list[Failure] = field(default_factory=list)
    recall: float | None = None
    note: str | None = None
    seconds: float = 0.0

    @property
    def described(self) -> int:
        """Pictures that were added, changed or filled."""
        return self.added + self.changed + self.filled


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an update is.

    Attributes:
        done: Files that were dealt with, of those that are new or changed.
        total: Files that are new or changed.
        committed: Pictures that are safe in the index.
    """

    done: int
    total: int
    committed: int


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
        self._commits = 0
        self._other_names: set[str] = set()  # of files that are known by another
        self._missing: dict[bytes, list[str]] = {}  # by content: rows that a found file may have moved from

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
        seen, work = self._look(roots, exclude, rehash)
        try:
            self._describe(work, seen)
            self._mark_gone(roots, exclude, seen, force)
        finally:
            self.report.seconds = time.monotonic() - began
        return self.report

    def _look(self, roots: Sequence[str], exclude: Sequence[str], rehash: bool) -> tuple[set[str], list[Found]]:
        """Walk; tell the known real paths that are there, and the files that must be read."""
        seen: set[str] = set()
        work: list[Found] = []
        renamed: list[Known] = []
        for entry in walk(roots, exclude):
            if isinstance(entry, Failure):
                self.report.unreadable.append(entry)
                continue
            if isinstance(entry, Passed):
                self._pass(entry)
                continue
            found = self._by_its_known_name(entry)
            known = self.catalog.by_path.get(found.real_path)
            if known:
                seen.add(found.real_path)
            if known is None or rehash or not self._is_unchanged(known, found):
                work.append(found)
                continue
            self.report.unchanged += 1
            if not _leads_to(known.path, known.real_path):  # the alias that it was found by is no longer there
                renamed.append(self._place(known, found))
        if renamed:
            self._merge_places(renamed)
        nothing = not work and not seen and not self.report.unreadable
        if nothing and not any(self._below(root) for root in roots):
            raise InputError(self._no_pictures(roots))
        return seen, work

    def _pass(self, passed: Passed) -> None:
        if passed.why == "link":
            self.report.links += 1
            self._other_names.add(passed.path)
            return
        self.report.passed[passed.what] = self.report.passed.get(passed.what, 0) + 1
        if passed.why == "kind":
            self.report.hints[passed.what] = hint(passed.what)

    def _no_pictures(self, roots: Sequence[str]) -> str:
        places = ", ".join(roots)
        if self.report.hints:
            kinds = "; ".join(f"{self.report.passed[kind]} {kind}: {way}" for kind, way in self.report.hints.items())
            return f"There are no pictures in {places} that can be read with what is installed ({kinds})."
        return f"There are no pictures in {places}; name a folder with .jpg, .png ... files."

    def _is_unchanged(self, known: Known, found: Found) -> bool:
        lacking = any(known.hash in contents for contents in self.lacking.values())
        return not known.gone and not lacking and known.seen_as == found.seen_as

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

    def _describe(self, work: list[Found], seen: set[str]) -> None:
        batches = (work[start : start + _BATCH] for start in range(0, len(work), _BATCH))
        pending: list[Done] = []
        answers = self._read(batches, len(work))
        try:
            self._collect(answers, len(work), pending, seen)
        except KeyboardInterrupt:
            self._commit(pending, seen)
            raise
        finally:
            answers.close()
        self._commit(pending, seen)
        self.progress(Progress(len(work), len(work), self.report.described))
        if work:
            compact(self.store)
            if refresh_approximate(self.store):
                self.report.recall = recall(self.store)

    def _read(self, batches: Iterator[list[Found]], count: int) -> Answers:
        if self.elsewhere and count:
            cluster, recipe = self.elsewhere
            lacking = {name: frozenset(contents) for name, contents in self.lacking.items()}
            known = frozenset(self.catalog.by_hash)
            return cluster.map(replace(recipe, known=known, lacking=lacking, max_pixels=self.max_pixels), batches)
        return by_threads(self._reader, batches, min(self.threads, count))

    def _reader(self) -> Reader:
        return Reader(self.descriptors, self.catalog.by_hash, self.lacking, self.max_pixels)

    def _collect(self, answers: Iterator[list[Done]], total: int, pending: list[Done], seen: set[str]) -> None:
        done, last = 0, time.monotonic()
        for answer in answers:
            pending.extend(answer)
            done += len(answer)
            if len(pending) >= _COMMIT_ROWS or time.monotonic() - last > _COMMIT_SECONDS:
                self._commit(pending, seen)
                last = time.monotonic()
            self.progress(Progress(done, total, self.report.described))

    # Writing: the calling thread -----------------------------------------------------------------------------

    def _commit(self, pending: list[Done], seen: set[str]) -> None:
        """Write what has been described; afterwards it is safe.

        What is pending is taken first: a commit that the user interrupts is whole or missing, and never tried again,
        since its rows would then be there twice.
        """
        batch = pending.copy()
        pending.clear()
        if not batch:
            return
        with self.store.changing():
            self._write_batch(batch, seen)
        self._commits += 1
        if self._commits % _COMPACT_EVERY == 0:
            compact(self.store)

    def _write_batch(self, batch: list[Done], seen: set[str]) -> None:
        copies = self._write_fresh([answer for answer in batch if EMBEDDING in answer.vectors])
        copies += [answer for answer in batch if EMBEDDING not in answer.vectors and not answer.failure]
        # A picture that was known by its content may have changed in the same breath: it is described after all.
        lost = [answer.found for answer in copies if answer.hash not in self.catalog.by_hash]
        copies = [answer for answer in copies if answer.hash in self.catalog.by_hash]
        again = self._reader()(lost) if lost else []
        copies += self._write_fresh([answer for answer in again if EMBEDDING in answer.vectors])
        copies += [answer for answer in again if EMBEDDING not in answer.vectors and not answer.failure]
        self._write_copies(copies, seen)
        self._revive({answer.hash for answer in copies})
        self._write_lacking([answer for answer in copies if answer.vectors])
        self.report.unreadable += [Failure(a.found.path, a.failure) for a in [*batch, *again] if a.failure]

    def _write_fresh(self, fresh: list[Done]) -> list[Done]:
        """Write new contents; tells the files whose content another one has brought already."""
        first: dict[bytes, Done] = {}
        copies: list[Done] = []
        for answer in fresh:
            if answer.hash in first or answer.hash in self.catalog.by_hash:
                copies.append(answer)
            else:
                first[answer.hash] = answer
        if first:
            self._hand_over(self._leaving(first.values()), gone_too=True)
            self._write([fresh_row(a) for a in first.values()], list(first.values()))
        return copies

    def _write_lacking(self, answers: list[Done]) -> None:
        """Add the vectors of later descriptors to the rows of known contents."""
        for name in self.lacking:
            filled = {self.catalog.bearer(a.hash).id: a for a in answers if name in a.vectors}
            if filled:
                blank = self.store.rows(list(filled), ["blank"])
                vectors = [a.vectors[name].astype(self.store.dtype) for a in filled.values()]
                self._merge({
                    "id": list(filled),
                    name: vectors,
                    f"{name}_sum": [vector_sum(a.hash, v) for a, v in zip(filled.values(), vectors, strict=True)],
                    "blank": [
                        joined(blank[key]["blank"], name if not v.any() else "")
                        for key, v in zip(filled, vectors, strict=True)
                    ],
                })  # fmt: skip

    def _write_copies(self, copies: list[Done], seen: set[str]) -> None:
        """Deal with files whose content is known: touched, moved, or one more copy."""
        placed: list[Known] = []
        copied: list[Done] = []
        for answer in copies:
            found = answer.found
            known = self.catalog.by_path.get(found.real_path)
            if known and known.hash == answer.hash:  # only its entry has changed, or it has come back
                self.report.added += known.gone
                self.report.unchanged += not known.gone and not answer.vectors
                self.report.reread += not known.gone and not answer.vectors
                self.report.filled += not known.gone and bool(answer.vectors)
                placed.append(self._place(known, found))
            elif known is None and (source := self._moved_from(answer, seen)):
                self.report.moved += 1
                self.catalog.drop(source)
                placed.append(self._place(source, found))
                seen.add(found.real_path)
            else:
                copied.append(answer)
        if placed:
            self._merge_places(placed)
        if copied:
            self._write_copied(copied)

    def _moved_from(self, answer: Done, seen: set[str]) -> Known | None:
        """A row with the same content whose file is no longer there."""
        if answer.hash not in self._missing:
            away = (known for known in self.catalog.holders(answer.hash) if known.real_path not in seen)
            self._missing[answer.hash] = [known.real_path for known in away if self._has_left(known.real_path)]
        left = self._missing[answer.hash]
        while left:
            known = self.catalog.by_path.get(left.pop())
            if known and known.hash == answer.hash:
                return known
        return None

    def _write_copied(self, copied: list[Done]) -> None:
        """One more row for a content that is there: it shares the vector of the row that has it."""
        leaving = self._leaving(copied)
        self._hand_over(leaving, gone_too=True)
        ids = {known.id for known in leaving}
        heirs = {a.hash: a for a in reversed(copied) if self.catalog.bearer(a.hash).id in ids}
        if heirs:
            self._inherit(list(heirs.values()))
        rest = [answer for answer in copied if heirs.get(answer.hash) is not answer]
        bearers = [self.catalog.bearer(answer.hash).id for answer in rest]
        sources = self.store.rows(bearers, ["width", "height", *FACTS])
        if rest:
            self._write([copied_row(a, k, sources[k]) for a, k in zip(rest, bearers, strict=True)], None)

    def _inherit(self, answers: list[Done]) -> None:
        """Write files whose content only rows had that change in the same breath, as when two swap their names."""
        bearers = [self.catalog.bearer(answer.hash).id for answer in answers]
        names = [*self.store.shared, "width", "height", "blank", *FACTS]
        sources = self.store.rows(bearers, [name for name in names if self.store.has(name)])
        rows = [inherited_row(a, sources[k]) for a, k in zip(answers, bearers, strict=True)]
        for answer, bearer in zip(answers, bearers, strict=True):
            inherit(answer, sources[bearer], self.store)
        self._write(rows, answers)

    def _place(self, known: Known, found: Found) -> Known:
        """A known picture at the place where it is now."""
        stays = known.real_path == found.real_path and not known.gone and _leads_to(known.path, known.real_path)
        path = known.path if stays else found.path
        now = known._replace(**place_of(found) | {"path": path})
        self.catalog.put(now)
        return now

    def _merge_places(self, rows: Sequence[Known]) -> None:
        places = [row.place() for row in rows]
        columns: dict[str, list[Any]] = {"id": [row.id for row in rows]}
        columns |= {name: [place[name] for place in places] for name in PLACE}
        self._merge(columns | {"place_sum": [place_sum(place) for place in places]})

    def _merge(self, columns: Mapping[str, list[Any]]) -> None:
        """Replace some columns of rows; ``id`` tells which."""
        fields = [self.store.schema.field(name) for name in columns]
        arrays = [pa.array(values, own.type) for values, own in zip(columns.values(), fields, strict=True)]
        self.store.merge(pa.table(arrays, schema=pa.schema(fields)))

    def _write(self, rows: list[dict[str, Any]], described: list[Done] | None) -> None:
        """Write whole rows; what those that they replace had to hand over, they have handed over.

        Args:
            rows: Their plain columns.
            described: What has their vectors; None for rows that share another's.
        """
        for row in rows:
            known = self.catalog.by_path.get(row["real_path"])
            row["id"] = known.id if known else secrets.randbits(63)
        table = Columns(self.store).table(rows, described)
        old = pa.array([row["real_path"] in self.catalog.by_path for row in rows])
        if (new := table.filter(pa.compute.invert(old))).num_rows:  # pyright: ignore
            self.store.append(new)
        if (changed := table.filter(old)).num_rows:
            self.store.merge(changed)
        self.report.added += new.num_rows
        self.report.changed += changed.num_rows
        for row in rows:
            self.catalog.put(Known(*(row[name] for name in Known._fields)))

    def _leaving(self, answers: Iterable[Done]) -> list[Known]:
        """The rows that will hold another content."""
        return [known for a in answers if (known := self.catalog.by_path.get(a.found.real_path))]

    def _hand_over(self, leaving: Sequence[Known], *, gone_too: bool) -> None:
        """Give the vector of a content to another row with it, where the row that has it leaves.

        Args:
            leaving: Rows whose content changes, or whose file is gone.
            gone_too: Whether a row whose file is gone may be the heir.
        """
        ids = {known.id for known in leaving}
        heirs: dict[int, Known] = {}  # by the row that leaves
        follow: dict[int, int] = {}  # further rows with the content: whom they share the vector of
        for known in leaving:
            if known.twin is not None:
                continue
            holders = list(self.catalog.holders(known.hash))
            others = [other for other in holders if other.id not in ids and (gone_too or not other.gone)]
            if others:
                heirs[known.id] = min(others, key=lambda other: other.gone)
                follow |= {own.id: heirs[known.id].id for own in holders if own.id != heirs[known.id].id}
        if not heirs:
            return
        names = [*self.store.shared, "blank", "content_sum", "thumbnail_sum", *(f"{x}_sum" for x in self.store.extras)]
        names = [name for name in names if self.store.has(name)]
        sources = self.store.rows(list(heirs), names)
        columns: dict[str, list[Any]] = {"id": [heir.id for heir in heirs.values()], "twin": [None] * len(heirs)}
        self._merge(columns | {name: [sources[key][name] for key in heirs] for name in names})
        self._merge({"id": list(follow), "twin": list(follow.values())})
        for known in [k for heir in heirs.values() for k in list(self.catalog.holders(heir.hash))]:
            twin = None if known.id in {heir.id for heir in heirs.values()} else follow.get(known.id, known.twin)
            self.catalog.put(known._replace(twin=twin))

    def _revive(self, hashes: set[bytes]) -> None:
        """Where the row with a vector is gone and a copy is there (again), the copy gets the vector."""
        gone = [self.catalog.bearer(hash) for hash in hashes if hash in self.catalog.by_hash]
        self._hand_over([known for known in gone if known.gone], gone_too=False)

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

    def _mark_gone(self, roots: Sequence[str], exclude: Sequence[str], seen: set[str], force: bool) -> None:
        """Mark the rows below the roots whose file is no longer there; where all are away, only if that is meant."""
        remembered: dict[str, int] = dict(self.store.about.get("roots", {}))
        excludes: dict[str, list[str]] = dict(self.store.about.get("excludes", {}))
        gone: dict[int, Known] = {}
        spared: set[int] = set()
        for root in sorted(watched(roots, remembered)):
            below = [known for known in self._below(root) if not known.gone]
            away = [known for known in below if known.real_path not in seen and self._has_left(known.real_path)]
            reason = None if force or not away else away_because(root, len(away), len(below), remembered.get(root))
            if reason:
                self.report.vanished.append(Failure(root, reason))
                spared |= {known.id for known in below}
            gone |= {known.id: known for known in away}
            if os.path.isdir(root) and len(away) < max(len(below), 1):
                remembered[root] = os.stat(root).st_dev
        for root in {os.path.realpath(root) for root in roots}:
            excludes[root] = list(exclude)
        kept = [known for key, known in gone.items() if key not in spared]
        for start in range(0, len(kept), 10_000):
            part = kept[start : start + 10_000]
            with self.store.changing():
                self._hand_over(part, gone_too=False)
                now = [self.catalog.by_path[known.real_path]._replace(gone=True) for known in part]
                self._merge_places(now)
                for known in now:
                    self.catalog.put(known)
        self.report.gone = len(kept)
        excludes = {root: globs for root, globs in excludes.items() if root in remembered and globs}
        self.store.tell(roots=remembered, **({"excludes": excludes} if excludes else {}))


def _leads_to(path: str, real: str) -> bool:
    return path == real or os.path.realpath(path) == real


def vectors_in_batches(store: Store, column: str) -> Iterator[NDArray[np.float32]]:
    """All vectors of a column, of the pictures that are there, in batches ``(N, D)`` float32."""
    for batch in store.scan([column], "NOT gone"):
        yield to_numpy(batch.column(column).drop_null())
