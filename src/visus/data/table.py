"""Pictures listed in a table: CSV of any dialect, or JSON lines; a file and a class on each line, perhaps a split.

Read are the tables of many tools: a column of classes, or one of zeros and ones for each class (Roboflow's
``_classes.csv``); ``metadata.csv`` or ``.jsonl`` of Hugging Face's image folders. Commas, semicolons, tabs and bars
are told apart, and so are UTF-8, UTF-16 and GB 18030.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.find import Finder
from visus.data.folder import Named
from visus.data.left_out import Notes
from visus.data.splits import folders_in, split_of
from visus.images import is_picture_name

FILE = (
    "file", "path", "filename", "file_name", "file name", "image", "picture", "img", "image_id", "imageid",
    "image_path",    "img_path", "filepath", "filepaths", "image_name", "image name", "imagename", "id", "name",
)  # fmt: skip
"""Columns that name a picture, the first that is there."""

_CLASS = (
    "class", "label", "category", "labels", "class_name", "class_label", "target", "tags", "tag", "species", "breed",
    "diagnosis", "y",
)  # fmt: skip
_SPLIT = ("split", "subset", "partition", "set", "usage", "data set", "dataset")
_BOX = {"xmin", "ymin", "xmax", "ymax"}
_ENDINGS = (".csv", ".tsv", ".txt", ".jsonl")
NAMES = ("labels.csv", "metadata.csv", "metadata.jsonl", "labels.tsv", "annotations.csv", "train.csv")
"""What a table is called that lies with its pictures."""

ROBOFLOW = "_classes.csv"
_CELL = 1 << 20  # characters of a cell


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a table.

    Attributes:
        columns: Their names, as they stand.
        rows: The cells of each line, by column.
    """

    columns: list[str]
    rows: list[dict[str, str]]

    def column(self, names: Sequence[str]) -> str | None:
        """The first column that is called so, whatever the case."""
        known = {name.strip().lower(): name for name in reversed(self.columns)}
        return next((known[name] for name in names if name in known), None)


def is_table(path: Path) -> bool:
    """Whether a file may be a table, by its ending."""
    return path.suffix.lower() in _ENDINGS


def table_in(root: Path) -> Path | None:
    """The table of classes that lies in a folder, if there is one: of a usual name, or the only one."""
    usual = [root / name for name in NAMES if (root / name).is_file()]
    alone = sorted(path for path in root.glob("*.[ct]sv") if path.name != ROBOFLOW)
    for path in usual or (alone if len(alone) == 1 else []):
        try:
            table = open_table(path)
        except InputError:
            continue
        if table.column(FILE) and (table.column(_CLASS) or _one_hot(table)) and not is_of_boxes(table):
            return path
    return None


def roboflow_tables(root: Path) -> dict[str, Path]:
    """Roboflow's tables of zeros and ones, by split."""
    inner = {split_of(p.name) or "": p / ROBOFLOW for p in sorted(root.iterdir()) if (p / ROBOFLOW).is_file()}
    return inner or ({"": root / ROBOFLOW} if (root / ROBOFLOW).is_file() else {})


def tables_of_splits(root: Path) -> dict[str, Path]:
    """The tables of classes in the folders of splits, as Hugging Face's image folders have them."""
    inner = {split: table_in(p) for p in folders_in(root) if (split := split_of(p.name))}
    return {split: table for split, table in inner.items() if table}


def read_tables(tables: dict[str, Path], notes: Notes) -> Named:
    """Pictures by split and class, from a table for each split.

    Args:
        tables: Their files by split.
        notes: Told of lines that stand twice.

    Raises:
        InputError: A table is damaged, or a picture has several classes or none.
    """
    named: Named = {}
    for split, path in tables.items():
        for files, names in read_table(path, notes).values():
            named[split] = (files, names)
    return named


def read_table(path: Path, notes: Notes) -> Named:
    """Pictures by split; a file that is not where the table says is looked for by its name below the table's folder.

    Args:
        path: The table.
        notes: Told of lines that stand twice.

    Raises:
        InputError: The table has no such columns, an empty class or an unknown split, gives a picture several classes,
            or holds boxes.
    """
    table = open_table(path)
    file_column, class_column = table.column(FILE), table.column(_CLASS)
    one_hot = [] if class_column else _one_hot(table)
    if is_of_boxes(table):
        raise InputError(f"{path} lists boxes, not classes of pictures; say visus train detect {path.parent}.")
    if file_column is None or not (class_column or one_hot):
        raise InputError(f"{path} needs the columns file and class in its first line, not: {', '.join(table.columns)}.")
    if not table.rows:
        raise InputError(f"{path} lists no pictures; add lines with file and class.")
    split_column, finder = table.column(_SPLIT), Finder(path.parent)
    classes: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    for number, row in enumerate(table.rows, 2):
        name = row[file_column].strip()
        own = [row[class_column].strip()] if class_column else [k.strip() for k in one_hot if _one(row[k])]
        if not name or (class_column and not own[0]):
            raise InputError(f"Line {number} of {path} has no {'class' if name else 'file'}; fill it or delete it.")
        split = _split(row[split_column], path, number) if split_column else ""
        file = str(_found(name, finder, path.parent))
        if own and own[0] in classes.get(file, []):
            notes.mends["listed twice with the same class, counted once"] += 1
            continue
        classes.setdefault(file, []).extend(own)
        if splits.setdefault(file, split) != split:
            raise InputError(f"Line {number} of {path} gives {name} another split than a line before; delete one.")
    _refuse_several(classes, path, class_column)
    named: Named = {}
    for file, own in classes.items():
        files, names = named.setdefault(splits[file], ([], []))
        files.append(file)
        names.append(own[0])
    return {split: named[split] for split in ("", "train", "val", "test") if split in named}


def _refuse_several(classes: dict[str, list[str]], path: Path, column: str | None) -> None:
    """Refuse tables for several classes a picture: a classifier gives one.

    Raises:
        InputError: A picture has several classes, or none.
    """
    several = [file for file, own in classes.items() if len(own) > 1]
    joined = _joined(Counter(own[0] for own in classes.values() if own), column) if column else []
    none = sum(not own for own in classes.values())
    if several or joined:
        example = f"{Path(several[0]).name}: {', '.join(classes[several[0]])}" if several else joined[0]
        count = len(several) or sum(own[0] in joined for own in classes.values() if own)
        raise InputError(
            f"{path} gives {count:,} pictures several classes each ({example}); visus train classify learns one class "
            "a picture, so give each picture one."
        )
    if none:
        first = next(Path(file).name for file, own in classes.items() if not own)
        raise InputError(
            f"{path} gives {none:,} pictures no class at all, {first} for one; delete them, or give each one."
        )


def _joined(labels: Counter[str], column: str) -> list[str]:
    """Labels that are lists of others: of their parts, some stand alone elsewhere."""
    separators = ["|", ";", ","] + ([" "] if column.strip().lower() in ("tags", "labels") else [])
    for separator in separators:
        lists = [label for label in labels if separator in label.strip(separator)]
        alone = {label for label in labels if separator not in label}
        found = [label for label in lists if alone & {part.strip() for part in label.split(separator)}]
        if found:
            return lists
    return []


def _found(name: str, finder: Finder, base: Path) -> Path:
    """The picture of a line; where the table says, if it is nowhere."""
    place = base / name.replace("\\", "/")
    return place if place.is_file() else finder.find(name) or place


def _split(word: str, path: Path, number: int) -> str:
    split = split_of(word)
    if split is None:
        raise InputError(f"Line {number} of {path} has the split {word!r}; write train, val or test.")
    return split


def _one(cell: str) -> bool:
    return cell.strip() in ("1", "1.0", "True", "true")


def _one_hot(table: Table) -> list[str]:
    """Columns of zeros and ones, where all columns but those of the file and the split are such and there are two."""
    beside = {table.column(FILE), table.column(_SPLIT)}
    others = [name for name in table.columns if name not in beside]
    flags = {"0", "1", "0.0", "1.0", "True", "False", "true", "false"}
    plain = all(row[name].strip() in flags for row in table.rows for name in others)
    return others if len(others) > 1 and plain and table.rows else []


def is_of_boxes(table: Table) -> bool:
    """Whether a table lists boxes."""
    columns = {name.strip().lower() for name in table.columns}
    return columns >= _BOX or {"region_shape_attributes"} <= columns


def open_table(path: Path) -> Table:
    """The columns and lines of a table, whatever its dialect.

    Raises:
        InputError: It cannot be read.
    """
    try:
        text = _text(path.read_bytes(), path)
        if path.suffix.lower() == ".jsonl":
            return _of_json_lines(text)
        csv.field_size_limit(_CELL)
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)) if any(line)]
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table ({error}); save it as a CSV file in UTF-8.") from error
    if not lines:
        return Table([], [])
    if len(lines[0]) == 2 and is_picture_name(lines[0][0].strip()):  # no line of names
        lines = [["file", "class"], *lines]
    columns, rows = lines[0], lines[1:]
    return Table(columns, [dict(zip(columns, [*row, *[""] * len(columns)], strict=False)) for row in rows])


def _of_json_lines(text: str) -> Table:
    rows: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("each line must be an object")
    columns = list(dict.fromkeys(str(key) for row in rows for key in row))
    return Table(columns, [{key: "" if row.get(key) is None else str(row[key]) for key in columns} for row in rows])


def _text(content: bytes, path: Path) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, or what a Chinese Windows writes.

    Raises:
        InputError: It is none of these.
    """
    marks = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = [coding for mark, coding in marks if content.startswith(mark)]
    for coding in marked or ("utf-8-sig", "gb18030"):
        try:
            return content.decode(coding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path} is neither UTF-8, UTF-16 nor GB 18030; save it as a CSV file in UTF-8.")


def _delimiter(text: str) -> str:
    """What parts the first line most often."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    counts = {sign: first.count(sign) for sign in (",", ";", "\t", "|")}
    return max(counts, key=lambda sign: counts[sign])
