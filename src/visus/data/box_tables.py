"""Tables of boxes: TensorFlow's object CSV (Roboflow's ``_annotations.csv``) in pixels, OpenImages' in shares.

Columns: ``filename``, ``class``, ``xmin``, ``ymin``, ``xmax``, ``ymax`` (or ``x1`` ...; or ``bbox``: left, top, width,
height; or these as ``x``, ``y``, ``width``, ``height``), perhaps ``width``, ``height`` and ``split``; of OpenImages
``ImageID``, ``LabelName``, ``XMin`` ... with ``IsGroupOf``, and names in a table without a first line. Without a first
line: file, edges, class (RetinaNet in Keras).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.gather import Entry, Rows, gather
from visus.data.left_out import Notes, is_said
from visus.data.splits import files_in, folders_in, split_of
from visus.data.table_text import FILE, Table, edges_in, open_table, sides_in
from visus.data.texts import text_of

_CLASS = ("class", "label", "labelname", "name", "category", "class name", "label name", "class id", "target")
_ASIDE = ("annotations", "annotation", "labels", "boxes", "csv", "data")
_WHOLE = 1.001  # with what rounding adds
_ALL = "object"  # what objects are called where no column names their class


def is_table_of_boxes(root: Path) -> bool:
    """Whether a folder, or one of a split, holds such a table."""
    return bool(_tables(root))


def _tables(root: Path) -> list[tuple[Path, Table, str]]:
    """Tables with the split that their folder or their name tells."""
    found = []
    for folder, split in _folders(root):
        for path in files_in(folder):
            if path.suffix.lower() not in (".csv", ".tsv") or path.name == "_classes.csv":
                continue
            try:
                table = open_table(path)
            except InputError:
                continue
            if table.column(FILE) and (edges_in(table) or sides_in(table) or table.column(["bbox"])):
                words = re.split(r"[-_. ]", path.stem)
                found.append((path, table, split or next((own for word in words if (own := split_of(word))), "")))
    return found


def _folders(root: Path) -> list[tuple[Path, str]]:
    """Where tables may lie, and for which split: in the folder, in those of splits, or in one for tables in either."""
    parts = [(root, ""), *((own, split) for own in folders_in(root) if (split := split_of(own.name)))]
    aside = [(own, split) for part, split in parts for own in folders_in(part) if own.name.lower() in _ASIDE]
    return [*parts, *aside]


def read_tables_of_boxes(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A table is damaged.
        InputError: It gives the middles of boxes, it seems.
    """
    names = _names(root)
    lists = [(path, _entries(table, split, names, path, notes)) for path, table, split in _tables(root)]
    return None, gather(lists, "holds a line that is no box", root, notes)


def _names(root: Path) -> dict[str, str]:
    """What OpenImages' codes such as /m/01g317 stand for."""
    folders = [own for part, _ in _folders(root) for own in (part, part / "metadata") if own.is_dir()]
    paths = [own for folder in folders for own in files_in(folder) if own.suffix.lower() == ".csv"]
    names = {}
    for path in paths:
        if "class-descriptions" in path.name or path.name == "classes.csv":
            for line in text_of(path).splitlines():
                code, _, name = line.partition(",")
                names[code.strip()] = name.strip().strip('"')
    return names


def _entries(table: Table, split: str, names: dict[str, str], path: Path, notes: Notes) -> Iterator[Entry]:
    column = {name: table.column([name]) or "" for name in ("width", "height", "split", "isgroupof")}
    file, label = table.column(FILE) or "", table.column(_CLASS)
    if label is None:
        notes.remarks.append(f"No column of {path.name} names a class; all objects are called {_ALL}.")
    edges, corner_and_sides = edges_in(table), table.column(["bbox"]) or ""
    sides = sides_in(table)
    relative = label == "LabelName" or _are_shares(table, edges or sides)
    if relative and label != "LabelName":
        notes.remarks.append(f"The boxes of {path.name} are shares of the width and the height: none is beyond 1.")
    if sides:
        if relative and _are_middles(table, sides):
            raise InputError(
                f"{sides[0]} and {sides[1]} of {path} are the middle of a box, it seems, for the box would reach out "
                "of the picture; give its edges as xmin, ymin, xmax and ymax."
            )
        notes.remarks.append(f"{sides[0]} and {sides[1]} of {path.name} are taken as the left upper corner of a box.")
    read = {file, label, corner_and_sides, *(edges or ()), *(sides or ()), *column.values()}
    for number, row in enumerate(table.rows, 2):
        name, told = row[file].strip(), split_of(row[column["split"]]) if column["split"] else None
        try:
            box = _box(row, edges, corner_and_sides, sides)
            code = row[label].strip() if label else _ALL
            if box and not code:
                raise ValueError("has a box without a class")
        except ValueError as error:
            notes.drop(path.parent / name, f"Line {number} of {path} is no box ({error}); mend it.")
            continue
        if box is None:  # a picture without objects
            yield name, told or split, []
            continue
        own: dict[str, Any] = {"name": names.get(code, code), "box": box, "relative": relative}
        if column["width"] and column["height"] and row[column["width"]] and not sides:
            own["size"] = int(float(row[column["height"]])), int(float(row[column["width"]]))
        notes.unread.update(name for name in table.columns if name not in read and is_said(row[name]))
        own["crowd"] = bool(column["isgroupof"]) and row[column["isgroupof"]].strip() == "1"
        yield name, told or split, [own]


def _are_shares(table: Table, columns: list[str] | None) -> bool:
    """Whether boxes are shares of the width and the height: some number is broken, and none is beyond 1."""
    cells = [row[name].strip() for row in table.rows for name in columns or ()]
    try:
        values = [float(cell) for cell in cells if cell]
    except ValueError:
        return False
    return bool(values) and max(values) <= 1 and any(0 < value < 1 for value in values)


def _are_middles(table: Table, sides: list[str]) -> bool:
    """Whether some box of shares reaches out of its picture, if it begins at a corner."""
    boxes = [[float(row[name]) for name in sides] for row in table.rows if all(row[name].strip() for name in sides)]
    return any(x + width > _WHOLE or y + height > _WHOLE for x, y, width, height in boxes)


def _box(
    row: dict[str, str], edges: list[str] | None, corner_and_sides: str, sides: list[str] | None
) -> list[float] | None:
    """The edges of a box, of their columns, of those of a corner and sides or of one for all; None of a line without.

    Raises:
        ValueError: They are no numbers.
    """
    if edges:
        cells = [row[name].strip() for name in edges]
        return [float(cell) for cell in cells] if any(cells) else None
    if corner_and_sides:
        cell = row[corner_and_sides].strip()
        told = [float(value) for value in json.loads(cell)] if cell else []
    else:
        cells = [row[name].strip() for name in sides or ()]
        told = [float(cell) for cell in cells] if any(cells) else []
    if not told:
        return None
    x, y, width, height = told
    return [x, y, x + width, y + height]
