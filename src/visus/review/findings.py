"""What can be found in a set, and the table that it is written to."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus._files import write_atomically
from visus._optional import require

PROBLEMS: dict[str, str] = {
    "wrong-label": "the picture looks like another class",
    "leak": "the same picture is in another split",
    "twin-other-label": "the same picture has another class elsewhere",
    "twin": "the same picture is there twice",
    "outlier": "the picture looks like no other one",
    "blurred": "even the sharpest part is blurred",
    "dark": "nearly all is black",
    "blown-out": "nearly all is white",
    "low-information": "there is hardly anything to see",
    "odd-size": "much larger or smaller than the others",
    "odd-ratio": "much longer than wide, beside the others",
    "near-empty-mask": "the mask holds hardly anything but its first class",
    "small-box": "boxes are too small for the network",
    "unreadable": "the file cannot be used",
}
"""What each problem means, the gravest first."""

COLUMNS = (
    "file", "problem", "score", "certainty", "split", "given_label", "predicted_label", "other", "why", "decision",
    "new_label",
)  # fmt: skip
"""Of the table; the last two are for the user, see :mod:`visus.data.without`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one picture, or seems to be.

    Attributes:
        file: The picture, from the folder of the set on.
        problem: One of :data:`PROBLEMS`.
        score: How grave it is beside others of its kind; the larger, the graver.
        certainty: Of a wrong label, from 0.5 to 1: how probable the predicted label is beside the given one.
        split: Of the set; empty where there are none.
        given_label: The class of the picture; empty where it has not just one.
        predicted_label: The class that it looks like.
        other: The picture that it is the same as, named like it.
        why: One sentence.
    """

    file: str
    problem: str
    score: float
    why: str
    certainty: float | None = None
    split: str = ""
    given_label: str = ""
    predicted_label: str = ""
    other: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {
            "file": self.file,
            "problem": self.problem,
            "score": round(self.score, 4),
            "certainty": None if self.certainty is None else round(self.certainty, 4),
            "split": self.split,
            "given_label": self.given_label,
            "predicted_label": self.predicted_label,
            "other": self.other,
            "why": self.why,
        }


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The gravest problems first, and of each the gravest pictures."""
    place = {name: k for k, name in enumerate(PROBLEMS)}
    return sorted(findings, key=lambda own: (place[own.problem], -own.score, own.file))


def write_table(findings: Sequence[Finding], place: str | os.PathLike[str]) -> None:
    """Write findings as a CSV file, with two empty columns for what the user decides.

    Raises:
        InputError: The place cannot be written, or holds a table with decisions.
    """
    spare_decisions(place)
    save_rows([own.to_dict() for own in findings], place)


def spare_decisions(place: str | os.PathLike[str]) -> None:
    """See that no table is replaced in which a user decided something.

    Args:
        place: Where a new table will be written.

    Raises:
        InputError: A table with decisions is there.
    """
    file = Path(place).expanduser()
    if not file.is_file():
        return
    try:
        table = require("visus.data.table").open_table(file)
    except InputError:  # no table, so nothing is decided
        return
    columns = [name for name in map(table.column, (["decision"], ["new_label"])) if name]
    count = sum(any(row[name].strip() for name in columns) for row in table.rows)
    if count:
        lines = "a line" if count == 1 else f"{count:,} lines"
        raise InputError(
            f"{place} holds decisions on {lines}, which would be lost; write the new table to another name."
        )


def save_rows(rows: Sequence[dict[str, Any]], place: str | os.PathLike[str]) -> None:
    """Write rows of a table as a CSV file.

    Args:
        rows: Cells by column.
        place: Where.

    Raises:
        InputError: The place cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row.get(name, "") for name in COLUMNS] for row in rows)
    try:
        write_atomically(Path(place).expanduser(), text.getvalue().encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{place} cannot be written ({error.strerror}); choose another place.") from error
