"""Contents and their copies: one vector for all files that hold the same, and what else a search must not lose.

Of the rows with one content a single one has the vector; the others name it as their twin. A long picture has vectors
of its squares beside that of the whole. A picture about which a descriptor says nothing has a vector of zeros, which is
at no angle to any other.
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from visus.search.away import is_missing
from visus.search.describe import Floats, unit
from visus.search.queries import Query
from visus.search.rows import checked_by, sound, stored
from visus.search.store import Store

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contents:
    """What kinds of rows a version of a table has.

    Attributes:
        gone: Rows whose file is gone.
        twins: Rows that share another's vector.
        squares: Long pictures.
        blank: Pictures that some descriptor says nothing about.
    """

    gone: bool
    twins: bool
    squares: bool
    blank: bool


_known: "weakref.WeakKeyDictionary[Store, tuple[int, Contents]]" = weakref.WeakKeyDictionary()


def about(store: Store) -> Contents:
    """What kinds of rows there are; looked up once for each version of the table."""
    version, known = _known.get(store, (-1, Contents(False, False, False, False)))
    if version != store.version:
        kinds = {"gone": "gone"} | {n: f"{n} IS NOT NULL" for n in ("twin", "squares", "blank") if store.has(n)}
        plain = store.count(" OR ".join(kinds.values())) == 0  # of most indices, one look tells
        counts = {name: not plain and store.count(where) > 0 for name, where in kinds.items()}
        known = Contents(*(counts.get(name, False) for name in ("gone", "twin", "squares", "blank")))
        _known[store] = store.version, known
    return known


def widened(store: Store, where: str) -> str:
    """A condition that the row with the vector fulfills if one of its copies does."""
    found = store.read(["twin"], f"({where}) AND NOT gone AND twin IS NOT NULL").column("twin").to_pylist()
    if not found:
        return where
    return f"({where}) OR id IN ({', '.join(str(k) for k in sorted(set(found)))})"


def with_copies(store: Store, rows: list[Row], where: str | None, columns: tuple[str, ...]) -> list[Row]:
    """Rows with their ``copies``: the paths of further files with the content that are there.

    Where only a copy fulfills the condition, or only a copy is there, it stands in the row's place. ``absent`` counts
    the files with the content that were left out, since they are not there though the index has them.

    Args:
        store: The table.
        rows: Of the pictures that were found.
        where: The condition; None for none.
        columns: What a row tells.
    """
    ids = [row["id"] for row in rows]
    copies: dict[int, list[Row]] = {}
    for part in store.some(ids, [*columns, "twin", "gone"], "twin"):
        for row in part.to_pylist():
            if not row["gone"]:
                copies.setdefault(row["twin"], []).append(row)
    meant = _meant(store, [*ids, *(row["id"] for own in copies.values() for row in own)], where)
    answer = []
    for row in rows:
        files = [row, *copies.get(row["id"], [])]
        files = [own for own in files if meant is None or own["id"] in meant] or [row]
        there = [own for own in files if not is_missing(own["path"])]
        absent = len(files) - len(there) if there else 0
        files = there or files
        first = row | {name: files[0][name] for name in columns}
        answer.append(first | {"copies": [own["path"] for own in files[1:]], "absent": absent})
    return answer


def _meant(store: Store, ids: list[int], where: str | None) -> set[int] | None:
    """Which rows fulfill a condition; None where there is none."""
    if where is None:
        return None
    listed = ", ".join(str(k) for k in ids)
    return set(store.read(["id"], f"id IN ({listed}) AND ({where})").column("id").to_pylist()) if ids else set()


class Checks:
    """What a search reads of each row to know that it is sound, and how many were not.

    Args:
        store: The table.
        by: Column of vectors that is compared; None for the network's.

    Attributes:
        columns: What must be read beside the columns of an answer.
        lost: Rows that were left out.
    """

    def __init__(self, store: Store, by: str | None) -> None:
        further = [f"{by}_sum"] if by in store.extras else []
        self._totals = ["place_sum", "content_sum", *further] if store.has("content_sum") else []
        self.columns = sorted(checked_by(self._totals))
        self.lost = 0

    def rows(self, table: pa.Table, told: Sequence[str]) -> list[Row]:
        """The sound rows of a table.

        Args:
            table: With :attr:`columns`.
            told: Columns of the answer.
        """
        return self.kept(table).select(list(told)).to_pylist()

    def kept(self, table: pa.Table) -> pa.Table:
        """The sound rows of a table, as a table."""
        good = sound(table, self._totals)
        self.lost += int((~good).sum())
        return table.filter(pa.array(good.tolist(), pa.bool_()))  # of an array would load numpy.ma

    @property
    def notes(self) -> list[str]:
        """A sentence on what was left out, if something was."""
        if not self.lost:
            return []
        hits = "1 hit is" if self.lost == 1 else f"{self.lost} hits are"
        return [f"{hits} damaged in the index and left out; say: visus index --verify --mend"]


def vectors_of(table: pa.Table, column: str) -> Floats:
    """The vectors ``(N, D)`` float32 of rows, each of length 1; a copy has that of the row that it shares it with.

    Args:
        table: Rows with ``id``, ``twin`` and the column of vectors; of each content the row with the vector is among
            them.
        column: Of vectors.
    """
    own = dict(zip(table.column("id").to_pylist(), stored(table.column(column)), strict=True))
    twins = table.column("twin").to_pylist() if "twin" in table.schema.names else [None] * len(table)
    bearers = [key if twin is None else twin for key, twin in zip(own, twins, strict=True)]
    nothing = np.zeros(table.schema.field(column).type.list_size, np.float32)
    found = [own.get(bearer) for bearer in bearers]
    rows = [nothing if vector is None else vector for vector in found]
    return unit(np.array(rows, np.float32).reshape(len(rows), len(nothing)))


def by_squares(store: Store, checks: Checks, query: Query, where: str | None) -> list[Row]:
    """Long pictures, each with the score of its best square.

    Args:
        store: The table.
        checks: Of the search.
        query: What asks.
        where: SQL condition on the rows; None for none.
    """
    condition = "squares IS NOT NULL" + (f" AND {where}" if where else "")
    told = ["id", "path", "width", "height", "size", "squares"]
    rows = checks.rows(store.read(sorted({*told, *checks.columns}), condition), told)
    for row in rows:
        squares = np.asarray(row.pop("squares"), np.float32).reshape(-1, store.about["dimension"])
        scores = query.scores(unit(squares), store.space)
        best = int(scores.argmax())
        row |= {"score": float(scores[best]), "cosine": float(unit(squares[best]) @ query.plain)}
    return rows
