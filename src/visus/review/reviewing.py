"""The table of ``visus check`` under review: what is decided on each line is kept in a table beside it."""

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from visus._errors import InputError
from visus._optional import require
from visus.review.findings import COLUMNS, PROBLEMS, save_rows

Decision = Literal["keep", "relabel", "leave out", "undecided"]
_REVIEWED = "-reviewed"


class Reviewing:
    """A table and what is decided on it.

    Decisions go to ``NAME-reviewed.csv`` beside ``NAME.csv`` at once, whole or not at all; where that is there already,
    it is gone on with. Neither the first table nor a picture is ever changed.

    Args:
        table: What ``visus check --out`` wrote.
        pictures: The folder that was checked, or the table that lists its pictures.

    Attributes:
        saved: The table that decisions go to.
        rows: The lines, each by column.
        classes: Names of the classes that a picture may get: those of the set, and of the table.

    Raises:
        InputError: The table cannot be read, or is not one of ``visus check``, or of another folder.
    """

    def __init__(self, table: Path, pictures: Path) -> None:
        self.root = pictures if pictures.is_dir() else pictures.parent
        self.saved = table if table.stem.endswith(_REVIEWED) else table.with_name(f"{table.stem}{_REVIEWED}.csv")
        self.rows = _rows_of(table)
        self._alone = threading.Lock()
        if self.saved != table and self.saved.exists():
            before = {_key(row): row for row in _rows_of(self.saved)}
            for row in self.rows:
                if old := before.get(_key(row)):
                    row |= {name: old[name] for name in ("decision", "new_label")}
        if self.rows and not any((self.root / row["file"]).exists() for row in self.rows):
            raise InputError(
                f"No picture of {table} is in {self.root} ({self.rows[0]['file']} for one); name the folder that was "
                "checked."
            )
        named = {row[name] for row in self.rows for name in ("given_label", "predicted_label", "new_label")}
        self.classes = sorted((named | _classes_of(pictures)) - {""}) if named - {""} else []

    def overview(self) -> dict[str, Any]:
        """Lines of each of the ``problems``, how many are ``decided``, the ``classes``, and the ``table``."""
        counts = Counter(row["problem"] for row in self.rows)
        names = [name for name in PROBLEMS if name in counts] + sorted(counts.keys() - PROBLEMS.keys())
        return {
            "problems": {name: counts[name] for name in names},
            "decided": sum(bool(row["decision"]) for row in self.rows),
            "classes": self.classes,
            "table": str(self.saved),
        }

    def part(self, problem: str | None, offset: int, limit: int, *, undecided: bool = False) -> dict[str, Any]:
        """Some lines, in the order of the table.

        Args:
            problem: Only lines of this problem; None for all.
            offset: Lines to pass over.
            limit: Lines at most.
            undecided: Whether decided lines are passed over.

        Returns:
            The ``total`` of such lines, and ``findings``, each with its ``id``.
        """
        places = [
            place
            for place, row in enumerate(self.rows)
            if problem in (None, row["problem"]) and not (undecided and row["decision"])
        ]
        found = [{"id": place, **self.rows[place]} for place in places[offset : offset + limit]]
        return {"total": len(places), "findings": found}

    def picture(self, place: int, *, other: bool = False) -> Path | None:
        """The picture of a line, or the other one that it is the same as; None where there is none.

        Only files in the folder that was checked are given, wherever the table or a link points.

        Args:
            place: Of the line.
            other: Whether the other picture is asked for.
        """
        name = self.rows[place]["other" if other else "file"] if 0 <= place < len(self.rows) else ""
        if not name:
            return None
        try:
            path = (self.root / name).resolve()
            return path if path.is_relative_to(self.root.resolve()) and path.is_file() else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def decide(self, places: Sequence[int], decision: Decision, label: str = "") -> int:
        """Decide on lines, and save the table.

        Args:
            places: Of the lines.
            decision: ``"undecided"`` takes an earlier one back.
            label: The new class, for ``"relabel"``.

        Returns:
            How many lines were decided otherwise before.

        Raises:
            InputError: There is no such line, a new class is missing or strange, or the table cannot be written.
        """
        if any(not 0 <= place < len(self.rows) for place in places):
            raise InputError(f"There is no line {max(places)} in the table; it has {len(self.rows)}.")
        if decision == "relabel" and label not in self.classes:
            raise InputError(f"There is no class {label[:60]!r} in the set; choose one of its classes.")
        if decision == "relabel" and any(not self.rows[place]["given_label"] for place in places):
            raise InputError("Only pictures with a class of their own can get another one.")
        new = {
            "decision": "" if decision == "undecided" else decision,
            "new_label": label if decision == "relabel" else "",
        }
        with self._alone:
            changed = sum(any(self.rows[place][name] != own for name, own in new.items()) for place in places)
            chosen = set(places)
            rows = [row | new if place in chosen else row for place, row in enumerate(self.rows)]
            save_rows(rows, self.saved)
            self.rows = rows
        return changed


def _rows_of(table: Path) -> list[dict[str, str]]:
    """The lines of a table of ``visus check``.

    Raises:
        InputError: It is none.
    """
    found = require("visus.data.table").open_table(table)
    missing = [name for name in ("file", "problem") if name not in found.columns]
    if missing:
        raise InputError(f"{table} has no column {missing[0]}; give the table that visus check --out wrote.")
    return [{name: row.get(name, "") for name in COLUMNS} for row in found.rows]


def _classes_of(pictures: Path) -> set[str]:
    """The classes of the set, also those that no line names; none where pictures have no class of their own."""
    try:
        return set(require("visus.data.load").classes_in(pictures))
    except InputError:
        return set()


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return row["file"], row["problem"], row["other"]
