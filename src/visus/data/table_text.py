"""The text of tables: CSV of any dialect, lists of pictures with a word each, and JSON lines.

Commas, semicolons, tabs and bars are told apart, and so are UTF-8, UTF-16 and GB 18030. Excel's ``sep=;`` and comments
before the first line are passed over.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visus._errors import FormatError
from visus.data.left_out import Notes
from visus.data.texts import decoded, text_of
from visus.images import is_picture_name

FILE = (
    "file", "path", "filename", "file name", "image", "picture", "img", "image id", "imageid", "image path", "img path",
    "filepath", "filepaths", "image name", "imagename", "image index", "image file", "img file", "photo", "id code",
    "image url", "url", "id", "name", "patientid",
)  # fmt: skip
"""Columns that name a picture, the first that is there."""

SPLIT = ("split", "subset", "partition", "set", "usage", "data set", "dataset", "phase")
"""Columns that name the split of a picture."""

_START = 1 << 16  # bytes of a table that are looked at
_CELL = 1 << 20  # characters of a cell
_OF_LISTS = "\x1f"  # what ASCII parts units with
_BETWEEN = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a table.

    Attributes:
        columns: Their names, as they stand.
        rows: The cells of each line, by column.
        separator: What parts the entries of a cell that is a list; empty where none is known to be one.
    """

    columns: list[str]
    rows: list[dict[str, str]]
    separator: str = ""

    def column(self, names: Sequence[str]) -> str | None:
        """The first column that is called so, whatever the case; ``image_id`` and ``Image ID`` are one name."""
        known = {plain(name): name for name in reversed(self.columns)}
        return next((known[plain(name)] for name in names if plain(name) in known), None)


def plain(name: str) -> str:
    """A name of a column without its spelling.

    >>> plain(" Image_ID")
    'image id'
    """
    return _BETWEEN.sub(" ", name).strip().lower()


def open_table(path: Path, notes: Notes | None = None) -> Table:
    """The columns and lines of a table, whatever its dialect.

    Args:
        path: The file.
        notes: Told where its coding is guessed.

    Raises:
        InputError: It cannot be read.
    """
    return _table(path, lambda: text_of(path, notes), notes)


def peek(path: Path) -> Table:
    """The columns and first lines of a table, of which no more than the start is read, or of JSON the whole.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            start, more = file.read(_START), file.read(1)
        end = start.rfind(b"\n") + 1
        end += end % 2 if b"\0" in start else 0  # UTF-16 has two bytes a letter
        if more and path.suffix.lower() != ".json" and start.count(b"\n") > 2:
            return _table(path, lambda: decoded(start[:end])[0], None)
    except OSError as error:
        raise FormatError(f"{path} cannot be read as a table ({error.strerror}); mend it.") from error
    return open_table(path)


def _table(path: Path, text_of_it: Callable[[], str], notes: Notes | None) -> Table:
    try:
        text = text_of_it()
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            return _of_json_lines(text, path, notes)
        if path.suffix.lower() == ".json":
            return _of_json(text)
        if listed := _of_words(text):
            return Table(["file", "class"], listed)
        csv.field_size_limit(_CELL)
        lines = _lines(text)
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise FormatError(f"{path} cannot be read as a table ({error}); save it as a CSV file in UTF-8.") from error
    if not lines:
        return Table([], [])
    if len(lines[0]) == 2 and is_picture_name(lines[0][0].strip()):  # no line of names
        lines = [["file", "class"], *lines]
    elif len(lines[0]) in (6, 8) and is_picture_name(lines[0][0].strip()) and all(map(_is_edge, lines[0][1:5])):
        lines = [[*_OF_BOXES[: len(lines[0])]], *lines]
    columns, rows = [name.strip() for name in lines[0]], lines[1:]
    return Table(columns, [dict(zip(columns, [*row, *[""] * len(columns)], strict=False)) for row in rows])


_OF_BOXES = ("file", "xmin", "ymin", "xmax", "ymax", "class", "width", "height")
"""The columns of a table of boxes without a line of names, as RetinaNet in Keras reads it."""


def _is_edge(cell: str) -> bool:
    return re.fullmatch(r"-?\d*(?:\.\d+)?", cell.strip()) is not None


def _lines(text: str) -> list[list[str]]:
    """The cells of each line."""
    kept = text.splitlines(keepends=True)
    while kept and (not kept[0].strip() or kept[0].startswith("# ") or kept[0].lower().startswith("sep=")):
        kept = kept[1:]
    if not kept:
        return []
    delimiter = _delimiter(kept[0])
    head = [cell.strip() for cell in kept[0].split(delimiter)]
    single = all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in head)
    reader = csv.reader(
        io.StringIO("".join(kept), newline=""),
        delimiter=delimiter,
        quotechar="'" if single else '"',
        skipinitialspace=True,
    )
    return [line for line in reader if any(line)]


def _delimiter(first: str) -> str:
    """What parts the first line most often."""
    counts = {sign: first.count(sign) for sign in (",", ";", "\t", "|")}
    return max(counts, key=lambda sign: counts[sign])


def _of_words(text: str) -> list[dict[str, str]]:
    """Lines of a picture and, behind a space or a tab, its class; none where some line is something else."""
    rows = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        file, _, name = line.strip().replace("\t", " ").rpartition(" ")
        if not is_picture_name(file.strip()) or is_picture_name(name) or "," in line or ";" in line:
            return []  # a picture and its mask, or something else
        rows.append({"file": file.strip(), "class": name})
    return rows


def _of_json_lines(text: str, path: Path, notes: Notes | None) -> Table:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            entries += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            if not notes:
                continue
            notes.drop(path, f"Line {number} of {path} is no JSON ({error}); mend it.")
    return _of_entries(entries)


def _of_json(text: str) -> Table:
    """A list of objects, or one object from pictures to classes."""
    content = json.loads(text)
    if isinstance(content, dict):
        if not content or not all(is_picture_name(key) and isinstance(own, str | int) for key, own in content.items()):
            raise ValueError("it is no list of pictures")
        content = [{"file": key, "class": own} for key, own in content.items()]
    if not isinstance(content, list):
        raise ValueError("it is no list of pictures")
    return _of_entries(content)


def _of_entries(entries: list[Any]) -> Table:
    if not all(isinstance(row, dict) for row in entries):
        raise ValueError("each line must be an object")
    columns = list(dict.fromkeys(str(key) for row in entries for key in row))
    lists = any(isinstance(value, list) for row in entries for value in row.values())
    return Table(
        columns, [{key: _cell(row.get(key)) for key in columns} for row in entries], _OF_LISTS if lists else ""
    )


def _cell(value: Any) -> str:  # noqa: ANN401 - from a file
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return _OF_LISTS.join(_cell(own) for own in value)
    return "" if value is None else str(value)


_EDGES = (
    ("xmin", "x min", "x1", "x0", "left", "xtl"),
    ("ymin", "y min", "y1", "y0", "top", "ytl"),
    ("xmax", "x max", "x2", "right", "xbr"),
    ("ymax", "y max", "y2", "bottom", "ybr"),
)


def edges_in(table: Table) -> list[str] | None:
    """The columns of the left, upper, right and lower edge of boxes; None where there are none."""
    found = [table.column(names) for names in _EDGES]
    return [name for name in found if name] if all(found) else None


def sides_in(table: Table) -> list[str] | None:
    """The columns of the left and upper edge, the width and the height of boxes; None where there are none.

    They stand side by side: elsewhere the width and the height are those of the picture.
    """
    for names in (("x", "y", "width", "height"), ("x", "y", "w", "h")):
        found = [name for own in names if (name := table.column([own]))]
        first = table.columns.index(found[0]) if found else 0
        if len(found) == 4 and table.columns[first : first + 4] == found and not edges_in(table):
            return found
    return None


def is_of_boxes(table: Table) -> bool:
    """Whether a table lists boxes."""
    return bool(edges_in(table) or sides_in(table) or table.column(["region_shape_attributes", "bbox"]))


def of_text(table: Table, path: Path) -> str:
    """The columns of a table in words, for a sentence."""
    return f"{path} has the columns {', '.join(table.columns[:8])}{' …' if len(table.columns) > 8 else ''}"
