"""Tables of boxes: TensorFlow's object CSV (Roboflow's ``_annotations.csv``) in pixels, OpenImages' in shares.

Columns: ``filename``, ``class``, ``xmin``, ``ymin``, ``xmax``, ``ymax``, perhaps ``width``, ``height`` and ``split``;
of OpenImages ``ImageID``, ``LabelName``, ``XMin`` ... with ``IsGroupOf``, and names in a table without a first line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.gather import Entry, Rows, gather
from visus.data.left_out import Notes
from visus.data.splits import folders_in, split_of
from visus.data.table import FILE, Table, open_table

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_CLASS = ("class", "label", "labelname", "name", "category")


def is_table_of_boxes(root: Path) -> bool:
    """Whether a folder, or one of a split, holds such a table."""
    return bool(_tables(root))


def _tables(root: Path) -> list[tuple[Path, Table, str]]:
    """Tables with the split that their folder or their name tells."""
    found = []
    for folder in _folders(root):
        for path in sorted(folder.glob("*.csv")):
            try:
                table = open_table(path)
            except InputError:
                continue
            if all(table.column([name]) for name in _CORNERS) and table.column(_CLASS) and table.column(FILE):
                name = path.stem.split("-")[0].removesuffix("_labels")
                found.append((path, table, split_of(folder.name) or split_of(name) or ""))
    return found


def _folders(root: Path) -> list[Path]:
    """Where tables may lie: in the folder, in those of splits, or in one of annotations."""
    return [root, *(own for own in folders_in(root) if split_of(own.name) or own.name.lower() in _ASIDE)]


_ASIDE = ("annotations", "labels", "boxes")


def read_tables_of_boxes(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A table is damaged.
    """
    names = _names(root)
    lists = [(path, _entries(table, split, names)) for path, table, split in _tables(root)]
    return None, gather(lists, "holds a line that is no box", root, notes)


def _names(root: Path) -> dict[str, str]:
    """What OpenImages' codes such as /m/01g317 stand for."""
    names = {}
    for path in (own for folder in _folders(root) for own in sorted(folder.glob("*class-descriptions*.csv"))):
        for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
            code, _, name = line.partition(",")
            names[code.strip()] = name.strip().strip('"')
    return names


def _entries(table: Table, split: str, names: dict[str, str]) -> Iterator[Entry]:
    column = {name: table.column([name]) or "" for name in (*_CORNERS, "width", "height", "split", "isgroupof")}
    file, label = table.column(FILE) or "", table.column(_CLASS) or ""
    for row in table.rows:
        box = [float(row[column[name]]) for name in _CORNERS]
        code = row[label].strip()
        if not code:
            raise ValueError(f"{row[file]} has a box without a class")
        own: dict[str, Any] = {"name": names.get(code, code), "box": box, "relative": label == "LabelName"}
        if column["width"] and column["height"] and row[column["width"]]:
            own["size"] = int(float(row[column["height"]])), int(float(row[column["width"]]))
        own["crowd"] = bool(column["isgroupof"]) and row[column["isgroupof"]].strip() == "1"
        told = split_of(row[column["split"]]) if column["split"] else None
        yield row[file].strip(), told or split, [own]
