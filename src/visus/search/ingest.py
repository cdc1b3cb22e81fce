"""Bring an index up to date with folders of pictures.

Threads, or the processes of a cluster, read and describe (:mod:`visus.search.reading`). The calling thread alone
writes: it commits what the others have done every few seconds.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visus._errors import InputError
from visus.cluster import Cluster
from visus.images import MAX_PIXELS
from visus.search.catalog import Catalog, Known
from visus.search.describe import Descriptor
from visus.search.reading import Answers, Done, Reader, Recipe, by_threads
from visus.search.rows import to_arrow, to_numpy
from visus.search.store import Store
from visus.search.walk import Failure, Found, walk
from visus.search.whiten import project

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
        unchanged: Pictures that were passed over, since nothing had changed.
        unreadable: Files that could not be used, and why.
        recall: Where an approximate index was built: the share of the ten nearest pictures that it finds.
        seconds: Duration.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    filled: int = 0
    gone: int = 0
    pruned: int = 0
    unchanged: int = 0
    unreadable: list[Failure] = field(default_factory=list)
    recall: float | None = None
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

    def run(self, roots: Sequence[str], exclude: Sequence[str] = ()) -> Report:
        """Bring the index up to date with what is below the roots.

        Raises:
            InputError: There is no picture below the roots.
            KeyboardInterrupt: The user stopped it; what was described until then is in the index.
        """
        began = time.monotonic()
        seen, work = self._look(roots, exclude)
        try:
            self._describe(work, seen)
            self._mark_gone(roots, seen)
        finally:
            self.report.seconds = time.monotonic() - began
        return self.report

    def _look(self, roots: Sequence[str], exclude: Sequence[str]) -> tuple[set[str], list[Found]]:
        """Walk; tell the known paths that are there, and the files that must be read."""
        seen: set[str] = set()
        work: list[Found] = []
        for found in walk(roots, exclude):
            if isinstance(found, Failure):
                self.report.unreadable.append(found)
                continue
            known = self.catalog.by_path.get(found.path)
            if known:
                seen.add(found.path)
            same = known and not known.gone and (known.mtime, known.size) == (found.mtime, found.size)
            if known and same and not any(known.hash in contents for contents in self.lacking.values()):
                self.report.unchanged += 1
            else:
                work.append(found)
        nothing = not work and not seen and not self.report.unreadable
        if nothing and not any(self._below(roots)):
            raise InputError(f"There are no pictures in {', '.join(roots)}; name a folder with .jpg, .png ... files.")
        return seen, work

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
            self.store.compact()
            if self.store.refresh_approximate():
                self.report.recall = self.store.recall()

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
        self._write_fresh([answer for answer in batch if "embedding" in answer.vectors])
        copies = [answer for answer in batch if "embedding" not in answer.vectors and not answer.failure]
        # A picture that was known by its content may have changed in the same breath: it is described after all.
        lost = [answer.found for answer in copies if answer.hash not in self.catalog.by_hash]
        copies = [answer for answer in copies if answer.hash in self.catalog.by_hash]
        again = self._reader()(lost) if lost else []
        self._write_fresh([answer for answer in again if "embedding" in answer.vectors])
        copies += [answer for answer in again if "embedding" not in answer.vectors and not answer.failure]
        self._write_copies(copies, seen)
        self._write_lacking([answer for answer in copies if answer.vectors])
        self.report.unreadable += [Failure(a.found.path, a.failure) for a in [*batch, *again] if a.failure]
        self._commits += 1
        if self._commits % _COMPACT_EVERY == 0:
            self.store.compact()

    def _write_fresh(self, fresh: list[Done]) -> None:
        if fresh:
            rows = [self._row(a, a.thumbnail, a.width, a.height) for a in fresh]
            self._write(rows, {name: [a.vectors[name] for a in fresh] for name in self.descriptors})

    def _write_lacking(self, answers: list[Done]) -> None:
        """Add the vectors of later descriptors to the rows of known contents."""
        for name in self.lacking:
            filled = [answer for answer in answers if name in answer.vectors]
            if filled:
                ids = pa.array([self.catalog.by_path[answer.found.path].id for answer in filled], pa.int64())
                vectors = to_arrow(np.stack([answer.vectors[name] for answer in filled]), self.store.dtype)
                self.store.merge(pa.table([ids, vectors], schema=pa.schema([self._field("id"), self._field(name)])))

    def _write_copies(self, copies: list[Done], seen: set[str]) -> None:
        """Deal with files whose content is known: touched, moved, or one more copy."""
        moved: list[dict[str, Any]] = []
        copied: list[tuple[Done, int]] = []
        for answer in copies:
            path, known = answer.found.path, self.catalog.by_path.get(answer.found.path)
            source = self.catalog.by_hash[answer.hash]
            if known and known.hash == answer.hash:  # only the time has changed, or it has come back
                self.report.added += known.gone
                self.report.unchanged += not known.gone and not answer.vectors
                self.report.filled += not known.gone and bool(answer.vectors)
                moved.append(self._place(path, known, answer.found))
            elif known is None and source not in seen and _missing(source):
                self.report.moved += 1
                moved.append(self._place(path, self.catalog.by_path.pop(source), answer.found))
                self.catalog.by_hash[answer.hash] = path
                seen.add(path)
            else:
                copied.append((answer, self.catalog.by_path[source].id))
        if moved:
            columns = {name: [row[name] for row in moved] for name in ("id", "path", "mtime", "size", "gone")}
            self.store.merge(pa.table(columns, schema=pa.schema([self._field(name) for name in columns])))
        if copied:
            self._write_copied(copied)

    def _write_copied(self, copied: list[tuple[Done, int]]) -> None:
        columns = ["embedding", *self.store.extras]
        sources = self.store.rows([k for _, k in copied], ["thumbnail", "width", "height", *columns])
        found = [sources[source] for _, source in copied]
        rows = [
            self._row(answer, row["thumbnail"], row["width"], row["height"])
            for (answer, _), row in zip(copied, found, strict=True)
        ]
        self._write(rows, {name: [row[name] for row in found] for name in columns})

    def _place(self, path: str, known: Known, found: Found) -> dict[str, Any]:
        """A row of a known picture at the place where it is now."""
        self.catalog.put(path, Known(known.id, found.mtime, found.size, known.hash, False))
        return {"id": known.id, "path": path, "mtime": found.mtime, "size": found.size, "gone": False}

    def _row(self, answer: Done, thumbnail: bytes, width: int, height: int) -> dict[str, Any]:
        known = self.catalog.by_path.get(answer.found.path)
        return {
            "id": known.id if known else secrets.randbits(63),
            "path": answer.found.path,
            "mtime": answer.found.mtime,
            "size": answer.found.size,
            "hash": answer.hash,
            "width": width,
            "height": height,
            "thumbnail": thumbnail,
            "seen": time.time_ns() // 1_000_000,
            "gone": False,
        }

    def _field(self, name: str) -> pa.Field:
        return self.store.schema.field(name)

    def _write(self, rows: list[dict[str, Any]], vectors: dict[str, list[Any]]) -> None:
        columns: dict[str, Any] = {
            name: pa.array([row[name] for row in rows], self._field(name).type) for name in rows[0]
        }
        for name, values in vectors.items():
            half = [None if value is None else np.asarray(value, self.store.dtype) for value in values]
            columns[name] = pa.array(half, self._field(name).type)
        for name in self.store.extras:  # one that this version does not know: no vector rather than an old one
            columns.setdefault(name, pa.nulls(len(rows), self._field(name).type))
        if self.store.whitening:
            white = project(np.array(vectors["embedding"], np.float32), *self.store.whitening)
            columns["whitened"] = to_arrow(white, self.store.dtype)
        table = pa.table(columns, schema=pa.schema([self._field(name) for name in columns]))
        old = pa.array([row["path"] in self.catalog.by_path for row in rows])
        if (new := table.filter(pa.compute.invert(old))).num_rows:  # pyright: ignore
            self.store.append(new)
        if (changed := table.filter(old)).num_rows:
            self.store.merge(changed)
        self.report.added += new.num_rows
        self.report.changed += changed.num_rows
        for row in rows:
            self.catalog.put(row["path"], Known(row["id"], row["mtime"], row["size"], row["hash"], False))

    def _below(self, roots: Sequence[str]) -> Iterator[tuple[str, Known]]:
        """What the index knows below the roots."""
        folders = tuple(os.path.join(root, "") for root in roots)
        for path, known in self.catalog.by_path.items():
            if path.startswith(folders) or path in roots:
                yield path, known

    def _mark_gone(self, roots: Sequence[str], seen: set[str]) -> None:
        """Mark the rows below the roots whose file is no longer there."""
        gone = [
            known.id for path, known in self._below(roots) if not known.gone and path not in seen and _missing(path)
        ]
        for start in range(0, len(gone), 10_000):
            part = gone[start : start + 10_000]
            self.store.merge(pa.table({"id": part, "gone": [True] * len(part)}, schema=_GONE))
        self.report.gone = len(gone)


def _missing(path: str) -> bool:
    """Whether a file is surely not there; one that cannot be looked at may well be."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


_GONE = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("gone", pa.bool_())])


def vectors_in_batches(store: Store, column: str) -> Iterator[NDArray[np.float32]]:
    """All vectors of a column, of the pictures that are there, in batches ``(N, D)`` float32."""
    for batch in store.scan([column], "NOT gone"):
        yield to_numpy(batch.column(column))
