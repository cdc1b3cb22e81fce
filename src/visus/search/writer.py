"""Writes what an update found out about files: contents, their copies, and where they are now.

Of each content one row has the vector, and the others name it (:attr:`visus.search.catalog.Known.twin`). What is
written keeps that true: a row that leaves hands its vector over first.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from visus.images.decode import DECODER
from visus.search.catalog import Catalog, Known
from visus.search.reading import Done
from visus.search.report import Report
from visus.search.rows import EMBEDDING, FACTS, PLACE, place_sum, vector_sum
from visus.search.store import Store
from visus.search.walk import Failure, Found
from visus.search.written import Columns, copied_row, fresh_row, inherit, inherited_row, joined, place_of


class Writer:
    """Writes the rows of one update.

    Args:
        store: The open table; the caller holds the writers' lock.
        catalog: What the index knows; it is kept up to date.
        report: What is done is counted there.
        lacking: Contents without the vector of a descriptor that came later.
        older: Contents that an earlier decoder may have read otherwise; what is written is taken out of them.
        describe: Describes files whose content has been lost meanwhile.
        has_left: Whether a file is no longer what the index knows by a real path.

    Attributes:
        seen: Real paths of files that are there.
    """

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        report: Report,
        *,
        lacking: Mapping[str, set[bytes]],
        older: set[bytes],
        describe: Callable[[list[Found]], list[Done]],
        has_left: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._report = report
        self._lacking = lacking
        self._older = older
        self._settled: set[bytes] = set()  # what was among these
        self._redescribed: set[bytes] = set()  # and came out otherwise
        self._describe = describe
        self._has_left = has_left
        self._missing: dict[bytes, list[str]] = {}  # by content: rows that a found file may have moved from
        self.seen: set[str] = set()

    def write(self, batch: list[Done]) -> None:
        """Write what has been read and described; within a change of the table."""
        self._settle([answer for answer in batch if not answer.failure])
        copies = self._write_fresh([answer for answer in batch if EMBEDDING in answer.vectors])
        copies += [answer for answer in batch if EMBEDDING not in answer.vectors and not answer.failure]
        # A picture that was known by its content may have changed in the same breath: it is described after all.
        lost = [answer.found for answer in copies if answer.hash not in self._catalog.by_hash]
        copies = [answer for answer in copies if answer.hash in self._catalog.by_hash]
        again = self._describe(lost) if lost else []
        copies += self._write_fresh([answer for answer in again if EMBEDDING in answer.vectors])
        copies += [answer for answer in again if EMBEDDING not in answer.vectors and not answer.failure]
        self._write_copies(copies)
        self._revive({answer.hash for answer in copies})
        self._write_lacking([answer for answer in copies if answer.vectors])
        self._fail([answer for answer in [*batch, *again] if answer.failure])

    def _settle(self, answers: list[Done]) -> None:
        """Bring known contents that an earlier decoder had read up to date."""
        first = {a.hash: a for a in reversed(answers) if a.hash in self._older and a.hash in self._catalog.by_hash}
        anew = {hash: answer for hash, answer in first.items() if EMBEDDING in answer.vectors}
        if anew:
            self._describe_anew(list(anew.values()))
        if same := [known.id for hash in first if hash not in anew for known in self._catalog.holders(hash)]:
            self._merge({"id": same, "decoder": [DECODER] * len(same)})
        self._older -= first.keys()
        self._settled |= first.keys()
        self._redescribed |= anew.keys()
        for answer in answers:
            if answer.hash in self._redescribed:  # nothing is left to write of it but its place
                answer.vectors = {}

    def _describe_anew(self, answers: list[Done]) -> None:
        """Replace what is known of contents, in all rows that have them; these stay where they are."""
        columns = Columns(self._store)
        bearers, twins = [], []
        for answer in answers:
            bearer = self._catalog.bearer(answer.hash)
            row = fresh_row(answer) | bearer.place() | {"id": bearer.id}
            bearers.append(row)
            others = [known for known in self._catalog.holders(answer.hash) if known.id != bearer.id]
            twins += [copied_row(answer, bearer.id, row) | own.place() | {"id": own.id} for own in others]
        self._store.merge(columns.table(bearers, answers))
        if twins:
            self._store.merge(columns.table(twins, None))

    def _fail(self, failed: list[Done]) -> None:
        """Note files that cannot be used; a picture whose file holds something else now is gone."""
        lost = {a.found.path: known for a in failed if (known := self._lost(a))}
        self.mark_gone(list(lost.values()))
        for answer in failed:
            told = " (The picture that was there is marked as gone.)" if answer.found.path in lost else ""
            self._report.unreadable.append(Failure(answer.found.path, f"{answer.failure}{told}"))

    def _lost(self, answer: Done) -> Known | None:
        """The picture that an unusable file held before; None where there was none, or nobody could look into it."""
        known = self._catalog.by_path.get(answer.found.real_path)
        return known if known and not known.gone and answer.hash not in (b"", known.hash) else None

    def mark_gone(self, rows: Sequence[Known]) -> None:
        """Mark pictures as gone, which hand their vectors over; within a change of the table."""
        if not rows:
            return
        self.hand_over(rows, gone_too=False)
        now = [self._catalog.by_path[known.real_path]._replace(gone=True) for known in rows]
        self.merge_places(now)
        for known in now:
            self._catalog.put(known)
        self._report.gone += len(rows)

    def _write_fresh(self, fresh: list[Done]) -> list[Done]:
        """Write new contents; tells the files whose content another one has brought already."""
        first: dict[bytes, Done] = {}
        copies: list[Done] = []
        for answer in fresh:
            if answer.hash in first or answer.hash in self._catalog.by_hash:
                copies.append(answer)
            else:
                first[answer.hash] = answer
        if first:
            self.hand_over(self._leaving(first.values()), gone_too=True)
            self._put([fresh_row(a) for a in first.values()], list(first.values()))
        return copies

    def _write_lacking(self, answers: list[Done]) -> None:
        """Add the vectors of later descriptors to the rows of known contents."""
        for name in self._lacking:
            filled = {self._catalog.bearer(a.hash).id: a for a in answers if name in a.vectors}
            if filled:
                blank = self._store.rows(list(filled), ["blank"])
                vectors = [a.vectors[name].astype(self._store.dtype) for a in filled.values()]
                self._merge({
                    "id": list(filled),
                    name: vectors,
                    f"{name}_sum": [vector_sum(a.hash, v) for a, v in zip(filled.values(), vectors, strict=True)],
                    "blank": [
                        joined(blank[key]["blank"], name if not v.any() else "")
                        for key, v in zip(filled, vectors, strict=True)
                    ],
                })  # fmt: skip

    def _write_copies(self, copies: list[Done]) -> None:
        """Deal with files whose content is known: touched, moved, or one more copy."""
        placed: list[Known] = []
        copied: list[Done] = []
        for answer in copies:
            found = answer.found
            known = self._catalog.by_path.get(found.real_path)
            if known and known.hash == answer.hash:  # only its entry has changed, or it has come back
                self._count_known(known, answer)
                placed.append(self.place(known, found))
            elif known is None and (source := self._moved_from(answer)):
                self._report.moved += 1
                self._catalog.drop(source)
                placed.append(self.place(source, found))
                self.seen.add(found.real_path)
            else:
                copied.append(answer)
        if placed:
            self.merge_places(placed)
        if copied:
            self._write_copied(copied)

    def _count_known(self, known: Known, answer: Done) -> None:
        """Count a file whose content is the one that was known."""
        report = self._report
        if known.gone:
            report.added += 1
        elif answer.hash in self._redescribed:
            report.redescribed += 1
        elif answer.vectors:
            report.filled += 1
        else:
            report.unchanged += 1
            touched = known.seen_as != answer.found.seen_as
            report.reread += touched or answer.hash not in self._settled

    def _moved_from(self, answer: Done) -> Known | None:
        """A row with the same content whose file is no longer there."""
        if answer.hash not in self._missing:
            away = (known for known in self._catalog.holders(answer.hash) if known.real_path not in self.seen)
            self._missing[answer.hash] = [known.real_path for known in away if self._has_left(known.real_path)]
        left = self._missing[answer.hash]
        while left:
            known = self._catalog.by_path.get(left.pop())
            if known and known.hash == answer.hash:
                return known
        return None

    def _write_copied(self, copied: list[Done]) -> None:
        """One more row for a content that is there: it shares the vector of the row that has it."""
        leaving = self._leaving(copied)
        self.hand_over(leaving, gone_too=True)
        ids = {known.id for known in leaving}
        heirs = {a.hash: a for a in reversed(copied) if self._catalog.bearer(a.hash).id in ids}
        if heirs:
            self._inherit(list(heirs.values()))
        rest = [answer for answer in copied if heirs.get(answer.hash) is not answer]
        bearers = [self._catalog.bearer(answer.hash).id for answer in rest]
        sources = self._store.rows(bearers, ["width", "height", *FACTS])
        if rest:
            self._put([copied_row(a, k, sources[k]) for a, k in zip(rest, bearers, strict=True)], None)

    def _inherit(self, answers: list[Done]) -> None:
        """Write files whose content only rows had that change in the same breath, as when two swap their names."""
        bearers = [self._catalog.bearer(answer.hash).id for answer in answers]
        names = [*self._store.shared, "width", "height", "blank", *FACTS]
        sources = self._store.rows(bearers, [name for name in names if self._store.has(name)])
        rows = [inherited_row(a, sources[k]) for a, k in zip(answers, bearers, strict=True)]
        for answer, bearer in zip(answers, bearers, strict=True):
            inherit(answer, sources[bearer], self._store)
        self._put(rows, answers)

    def place(self, known: Known, found: Found) -> Known:
        """A known picture at the place where it is now."""
        stays = known.real_path == found.real_path and not known.gone and leads_to(known.path, known.real_path)
        path = known.path if stays else found.path
        now = known._replace(**place_of(found) | {"path": path})
        self._catalog.put(now)
        return now

    def merge_places(self, rows: Sequence[Known]) -> None:
        """Write where known pictures are now."""
        places = [row.place() for row in rows]
        columns: dict[str, list[Any]] = {"id": [row.id for row in rows]}
        columns |= {name: [place[name] for place in places] for name in PLACE}
        self._merge(columns | {"place_sum": [place_sum(place) for place in places]})

    def _merge(self, columns: Mapping[str, list[Any]]) -> None:
        """Replace some columns of rows; ``id`` tells which."""
        fields = [self._store.schema.field(name) for name in columns]
        arrays = [pa.array(values, own.type) for values, own in zip(columns.values(), fields, strict=True)]
        self._store.merge(pa.table(arrays, schema=pa.schema(fields)))

    def _put(self, rows: list[dict[str, Any]], described: list[Done] | None) -> None:
        """Write whole rows; what those that they replace had to hand over, they have handed over.

        Args:
            rows: Their plain columns.
            described: What has their vectors; None for rows that share another's.
        """
        for row in rows:
            known = self._catalog.by_path.get(row["real_path"])
            row["id"] = known.id if known else secrets.randbits(63)
        table = Columns(self._store).table(rows, described)
        old = pa.array([row["real_path"] in self._catalog.by_path for row in rows])
        if (new := table.filter(pa.compute.invert(old))).num_rows:  # pyright: ignore
            self._store.append(new)
        if (changed := table.filter(old)).num_rows:
            self._store.merge(changed)
        self._report.added += new.num_rows
        self._report.changed += changed.num_rows
        for row in rows:
            self._catalog.put(Known(*(row[name] for name in Known._fields)))

    def _leaving(self, answers: Iterable[Done]) -> list[Known]:
        """The rows that will hold another content."""
        return [known for a in answers if (known := self._catalog.by_path.get(a.found.real_path))]

    def hand_over(self, leaving: Sequence[Known], *, gone_too: bool) -> None:
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
            holders = list(self._catalog.holders(known.hash))
            others = [other for other in holders if other.id not in ids and (gone_too or not other.gone)]
            if others:
                heirs[known.id] = min(others, key=lambda other: other.gone)
                follow |= {own.id: heirs[known.id].id for own in holders if own.id != heirs[known.id].id}
        if not heirs:
            return
        names = [
            *self._store.shared,
            "blank",
            "content_sum",
            *(f"{x}_sum" for x in self._store.extras),
        ]
        names = [name for name in names if self._store.has(name)]
        sources = self._store.rows(list(heirs), names)
        columns: dict[str, list[Any]] = {"id": [heir.id for heir in heirs.values()], "twin": [None] * len(heirs)}
        self._merge(columns | {name: [sources[key][name] for key in heirs] for name in names})
        self._merge({"id": list(follow), "twin": list(follow.values())})
        for known in [k for heir in heirs.values() for k in list(self._catalog.holders(heir.hash))]:
            twin = None if known.id in {heir.id for heir in heirs.values()} else follow.get(known.id, known.twin)
            self._catalog.put(known._replace(twin=twin))

    def _revive(self, hashes: set[bytes]) -> None:
        """Where the row with a vector is gone and a copy is there (again), the copy gets the vector."""
        gone = [self._catalog.bearer(hash) for hash in hashes if hash in self._catalog.by_hash]
        self.hand_over([known for known in gone if known.gone], gone_too=False)


def leads_to(path: str, real: str) -> bool:
    """Whether a name, which may be a link, is that of the file with a real path.

    >>> leads_to("/photos/a.jpg", "/photos/a.jpg")
    True
    """
    return path == real or os.path.realpath(path) == real
