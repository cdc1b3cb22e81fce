"""What the table of ``visus check`` decides on the pictures of a set: they are left out, stay, or get another class.

A table has a line for each thing that was found: the picture in ``file``, from the folder of the set on, and what was
decided on it in ``decision``: ``leave out`` (or nothing), ``keep``, or ``relabel``, with the class in ``new_label``; a
class there and no decision is ``relabel``, too. A table with the column ``file`` alone leaves out all that it names.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visus._errors import InputError
from visus.data.samples import counted
from visus.data.table import FILE, open_table

LEAVE_OUT, KEEP, RELABEL = "leave out", "keep", "relabel"
DECISIONS = (LEAVE_OUT, KEEP, RELABEL)
"""What may be decided; nothing stands for the first, and beside a new class for the last."""

DECISION, NEW_LABEL = "decision", "new_label"
"""Columns of a table."""


def name_of(file: str | os.PathLike[str], root: str | os.PathLike[str]) -> str:
    """What a table calls a picture: its path from the folder of the set on.

    Args:
        file: The picture.
        root: The folder, or the table that lists the pictures.

    >>> name_of("/sets/flowers/rose/1.jpg", "/sets/flowers")
    'rose/1.jpg'
    """
    base = os.path.abspath(root)
    base = os.path.dirname(base) if os.path.isfile(base) else base
    return Path(os.path.relpath(os.path.abspath(file), base)).as_posix()


@dataclass(frozen=True, slots=True)
class Decided:
    """What a table decides.

    Attributes:
        table: The file.
        root: The folder of the set, or the table that lists its pictures.
        left_out: Names of pictures that are left out.
        labels: New classes by the names of pictures.
        kept: Names of pictures that stay as they are.
    """

    table: Path
    root: Path
    left_out: frozenset[str]
    labels: dict[str, str]
    kept: frozenset[str]

    def stays(self, files: Sequence[str]) -> list[bool]:
        """Which of some pictures are not left out."""
        return [name_of(file, self.root) not in self.left_out for file in files]

    def said(self, files: Sequence[str], *, classes: bool = False) -> list[str]:
        """What the table does to a set, one sentence each.

        Args:
            files: All pictures of the set.
            classes: Whether pictures have classes that it may change.

        Raises:
            InputError: It names no picture of the set, or gives new classes where pictures have none.
        """
        known = {name_of(file, self.root) for file in files}
        named = self.left_out | self.labels.keys() | self.kept
        if named and not named & known:
            raise InputError(
                f"{self.table} names no picture of {self.root} ({min(named)} for one); give the table that visus check "
                "wrote of this very folder."
            )
        if self.labels and not classes:
            raise InputError(
                f"{self.table} gives {counted(len(self.labels))} another class, and pictures of {self.root} have no "
                f"class of their own; take away the decision {RELABEL} and what stands in {NEW_LABEL}."
            )
        gone, new, strange = (len(part) for part in (self.left_out & known, self.labels.keys() & known, named - known))
        parts = [f"{counted(gone)} {'is' if gone == 1 else 'are'} left out"]
        parts += [f"{counted(new)} {'has' if new == 1 else 'have'} another class"] if new else []
        parts += [f"{counted(strange)} that it names {'is' if strange == 1 else 'are'} not there"] if strange else []
        return [f"By {self.table.name}: {', '.join(parts)}."]


def read_decided(table: str | os.PathLike[str], root: str | os.PathLike[str]) -> Decided:
    """What a table decides on the pictures of a set.

    A picture that stands on several lines is left out if one of them says so.

    Args:
        table: The CSV file.
        root: The folder of the set, or the table that lists its pictures.

    Raises:
        InputError: It cannot be read, has no column ``file``, or a line has a strange decision or lacks a class.
    """
    place = Path(table).expanduser()
    found = open_table(place)
    file_column, decision, new_label = found.column(FILE), found.column([DECISION]), found.column([NEW_LABEL])
    if file_column is None:
        raise InputError(f"{place} needs the column file in its first line; give the table that visus check wrote.")
    out: set[str] = set()
    kept: set[str] = set()
    labels: dict[str, str] = {}
    for number, row in enumerate(found.rows, 2):
        name, said = row[file_column].strip(), row[decision].strip().lower() if decision else ""
        if not name:
            continue
        label = row[new_label].strip() if new_label else ""
        said = said or (RELABEL if label else LEAVE_OUT)
        own = name_of(Path(root).parent / name if Path(root).is_file() else Path(root, name), root)
        if said not in DECISIONS:
            raise InputError(f"Line {number} of {place} decides {said!r}; write one of: {', '.join(DECISIONS)}.")
        if said == RELABEL:
            if not label or labels.get(own, label) != label:
                wrong = "two new classes" if label else f"no class in {NEW_LABEL}"
                raise InputError(f"Line {number} of {place} relabels {name} with {wrong}; write one.")
            labels[own] = label
        else:
            (kept if said == KEEP else out).add(own)
    new = {name: label for name, label in labels.items() if name not in out}
    return Decided(place, Path(root), frozenset(out), new, frozenset(kept - out))
