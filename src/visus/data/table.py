"""Pictures listed in a table: CSV of any dialect, or JSON lines; a file and a class on each line, perhaps a split.

Read are the tables of many tools: a column of classes, or one of zeros and ones for each class (Roboflow's
``_classes.csv``); ``metadata.csv`` or ``.jsonl`` of Hugging Face's image folders. Commas, semicolons, tabs and bars
are told apart, and so are UTF-8, UTF-16 and GB 18030.
"""

import csv
import io
import json
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
        separator: What parts the entries of a cell that is a list; empty where none is known to be one.
    """

    columns: list[str]
    rows: list[dict[str, str]]
    separator: str = ""

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


def read_tables(tables: dict[str, Path], notes: Notes, *, multilabel: bool = False) -> Named:
    """Pictures by split and class, from a table for each split; see :func:`read_table`.

    Args:
        tables: Their files by split.
        notes: Told of lines that stand twice, and whether pictures have several classes.
        multilabel: Whether pictures may have several classes, or none.

    Raises:
        InputError: A table is damaged, or a picture has several classes or none where it should have one.
    """
    listings = {split: _listing(path, multilabel) for split, path in tables.items()}
    several = _several(list(listings.values()), notes, multilabel)
    named: Named = {}
    for split, listing in listings.items():
        files, names = named.setdefault(split, ([], []))
        for own_files, own_names in _by_split(listing, notes, several).values():
            files += own_files
            names += own_names
    return named


def read_table(path: Path, notes: Notes, *, multilabel: bool = False) -> Named:
    """Pictures by split; a file that is not where the table says is looked for by its name below the table's folder.

    A line may have several classes: several ones, or a list such as ``red|round`` some part of which stands alone
    elsewhere. Then all pictures may have several, or none.

    Args:
        path: The table.
        notes: Told of lines that stand twice, and whether pictures have several classes.
        multilabel: Whether pictures may have several classes, or none, even if no line plainly says so.

    Raises:
        InputError: The table has no such columns, an empty class or an unknown split, gives a picture several classes
            on several lines, or holds boxes.
    """
    listing = _listing(path, multilabel)
    found = _by_split(listing, notes, _several([listing], notes, multilabel))
    return {split: found[split] for split in ("", "train", "val", "test") if split in found}


@dataclass(frozen=True, slots=True)
class _Listing:
    """The lines of a table of classes.

    Attributes:
        path: The table.
        rows: Number of the line, file, split (a word; None without such a column) and classes of each.
        plain: Whether a line plainly has several classes.
    """

    path: Path
    rows: list[tuple[int, str, str | None, tuple[str, ...]]]
    plain: bool


def _listing(path: Path, multilabel: bool) -> _Listing:
    """What a table says.

    Raises:
        InputError: It has no such columns, lists nothing, or holds boxes.
    """
    table = open_table(path)
    file_column, class_column, split_column = table.column(FILE), table.column(_CLASS), table.column(_SPLIT)
    one_hot = [] if class_column else _one_hot(table)
    if is_of_boxes(table):
        raise InputError(f"{path} lists boxes, not classes of pictures; say visus train detect {path.parent}.")
    if file_column is None or not (class_column or one_hot):
        raise InputError(f"{path} needs the columns file and class in its first line, not: {', '.join(table.columns)}.")
    if not table.rows:
        raise InputError(f"{path} lists no pictures; add lines with file and class.")
    sign = _separator(table, class_column, forced=multilabel) if class_column else ""
    rows = []
    for number, row in enumerate(table.rows, 2):
        cells = (row[class_column].split(sign) if sign else [row[class_column]]) if class_column else []
        names = [cell.strip() for cell in cells] + [name.strip() for name in one_hot if _one(row[name])]
        split = row[split_column] if split_column else None
        rows.append((number, row[file_column].strip(), split, tuple(dict.fromkeys(filter(None, names)))))
    return _Listing(path, rows, any(len(names) > 1 for *_, names in rows))


def _several(listings: Sequence[_Listing], notes: Notes, multilabel: bool) -> bool:
    """Whether pictures may have several classes: asked for, or plain; the latter is said."""
    plain = [own for own in listings if own.plain]
    notes.multilabel = multilabel or bool(plain)
    if plain and not multilabel:
        _, file, _, names = next(row for row in plain[0].rows if len(row[3]) > 1)
        count = sum(len(row[3]) > 1 for own in plain for row in own.rows)
        notes.remarks.append(
            f"{count:,} {'line has' if count == 1 else 'lines have'} several classes ({Path(file).name}: "
            f"{', '.join(names)}), so each picture may have several, or none; that is --multilabel."
        )
    return notes.multilabel


def _by_split(listing: _Listing, notes: Notes, several: bool) -> Named:
    """Files and their classes by split.

    Raises:
        InputError: A line has no file, or no class where it needs one; or a picture has several where it should not.
    """
    path, finder = listing.path, Finder(listing.path.parent)
    classes: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    for number, name, word, own in listing.rows:
        if not name or not (own or several):
            raise InputError(
                f"Line {number} of {path} has no {'class' if name else 'file'}; fill it or delete it"
                + ("; --multilabel allows pictures without a class." if name else ".")
            )
        split = "" if word is None else _split(word, path, number)
        file = str(_found(name, finder, path.parent))
        known = classes.setdefault(file, [])
        if known and set(own) <= set(known):
            notes.mends["listed twice with the same class, counted once"] += 1
        known.extend(label for label in own if label not in known)
        if splits.setdefault(file, split) != split:
            raise InputError(f"Line {number} of {path} gives {name} another split than a line before; delete one.")
    twice = [file for file, own in classes.items() if len(own) > 1]
    if twice and not several:
        raise InputError(
            f"{path} gives {len(twice):,} pictures several classes each ({Path(twice[0]).name}: "
            f"{', '.join(classes[twice[0]])}); delete the wrong lines, or say --multilabel "
            "if pictures may have several."
        )
    named: Named = {}
    for file, own in classes.items():
        files, names = named.setdefault(splits[file], ([], []))
        files.append(file)
        names.append(tuple(own))
    return named


def _separator(table: Table, column: str, *, forced: bool) -> str:
    """What parts several classes in a cell; empty where cells plainly hold one class each.

    A cell is a list if some of its parts stand alone elsewhere, or where lists are asked for, if its parts are fewer
    than the cells that they make up.
    """
    if table.separator:
        return table.separator
    labels = {row[column].strip() for row in table.rows} - {""}
    for sign in ["|", ";", ",", *([" "] if column.strip().lower() in ("tags", "labels") else [])]:
        lists = [label for label in labels if sign in label.strip(sign)]
        parts = {part.strip() for label in lists for part in label.split(sign)}
        if parts & (labels - set(lists)) or (lists and forced and (sign in "|;" or len(parts) < len(labels))):
            return sign
    return ""


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
    lists = any(isinstance(value, list) for row in rows for value in row.values())
    return Table(columns, [{key: _cell(row.get(key)) for key in columns} for row in rows], _OF_LISTS if lists else "")


_OF_LISTS = "\x1f"  # what ASCII parts units with


def _cell(value: Any) -> str:  # noqa: ANN401 - from a file
    if isinstance(value, list):
        return _OF_LISTS.join(map(str, value))
    return "" if value is None else str(value)


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
