"""Pictures listed in a table: a file and a class on each line, perhaps a split.

Read are the tables of many tools: a column of classes, or one of zeros and ones for each class (Roboflow's
``_classes.csv``); ``metadata.csv`` or ``.jsonl`` of Hugging Face's image folders; Label Studio's choices; lists of a
picture and a number on each line (``train.txt`` of ImageNet), named by ``classes.txt`` or its like.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from visus._errors import InputError
from visus.data.find import Finder
from visus.data.folder import Named
from visus.data.left_out import Notes
from visus.data.own_splits import parted
from visus.data.splits import split_of
from visus.data.table_text import FILE, SPLIT, Table, is_of_boxes, of_text, open_table, peek, plain
from visus.data.texts import text_of

CLASS = (
    "class", "label", "category", "labels", "class name", "class label", "label name", "classname", "target", "tags",
    "tag", "species", "breed", "diagnosis", "dx", "choice", "finding labels", "finding", "emotion", "class id",
    "label id", "y",
)  # fmt: skip
"""Columns that name a class, the first that is there."""

_WIDEST = 50  # columns
_NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:e[-+]?\d+)?", re.IGNORECASE)
_WHOLE = re.compile(r"\d+(\.0+)?")
_IS_VAL = ("is valid", "is val", "valid", "validation")
_FOLD = ("fold", "kfold", "folds", "fold id")
_NAMES = ("classes.txt", "class_names.txt", "labels.txt", "synsets.txt", "label_map.txt", "names.txt")
_TRUE, _FALSE = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no", "")


def names_a_class(table: Table) -> bool:
    """Whether a table has a column of files, and one of classes or one of zeros and ones for each class."""
    return bool(table.column(FILE) and (table.column(CLASS) or _one_hot(table)))


def read_tables(tables: dict[str, Path], root: Path, notes: Notes, *, multilabel: bool = False) -> Named:
    """Pictures by split and class, from a table for each split; see :func:`read_table`.

    Args:
        tables: Their files by split.
        root: The folder of the data set.
        notes: Told of lines that stand twice or cannot be used, and whether pictures have several classes.
        multilabel: Whether pictures may have several classes, or none.

    Raises:
        InputError: A table is damaged, or a picture has several classes where it should have one.
    """
    listings = {split: _listing(path, notes, multilabel) for split, path in tables.items()}
    several = _several(list(listings.values()), notes, multilabel)
    named: Named = {}
    for split, listing in listings.items():
        files, names = named.setdefault(split, ([], []))
        for own_files, own_names in _by_split(listing, root, notes, several).values():
            files += own_files
            names += own_names
    return named


def read_table(path: Path, root: Path, notes: Notes, *, multilabel: bool = False) -> Named:
    """Pictures by split; a file that is not where the table says is looked for by its name in the data set's folder.

    A line may have several classes: several ones, or a list such as ``red|round`` some part of which stands alone
    elsewhere. Then all pictures may have several, or none. Without a column of splits, lists of names beside the table
    and folders of splits tell them.

    Args:
        path: The table.
        root: The folder of the data set.
        notes: Told of lines that stand twice or cannot be used, and whether pictures have several classes.
        multilabel: Whether pictures may have several classes, or none, even if no line plainly says so.

    Raises:
        InputError: The table has no such columns, gives a picture several classes on several lines, or holds boxes.
    """
    listing = _listing(path, notes, multilabel)
    found = _by_split(listing, root, notes, _several([listing], notes, multilabel))
    if set(found) == {""}:
        found = parted(*found[""], root, notes)
    return {split: found[split] for split in ("", "train", "val", "test") if split in found}


def says_otherwise(path: Path, named: Named) -> bool:
    """Whether a table gives most pictures other classes than those by which they are named; numbers tell none.

    One of very many columns holds measurements, and tells none either.

    Args:
        path: The table.
        named: Pictures by split and class.
    """
    known: dict[str, set[str]] = defaultdict(set)
    for files, lists in named.values():
        for file, names in zip(files, lists, strict=True):
            known[Path(file).stem] |= {name.casefold() for name in names}
    try:
        if len(peek(path).columns) > _WIDEST:
            return False
        rows = _listing(path, Notes(), multilabel=False).rows
    except InputError:
        return False
    told = [(Path(file.replace("\\", "/")).stem, names) for _, file, _, names in rows]
    others = sum(
        file in known and not {own.casefold() for own in names if not _NUMBER.fullmatch(own)} <= known[file]
        for file, names in told
    )
    return 2 * others > len(rows)


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


def _listing(path: Path, notes: Notes, multilabel: bool) -> _Listing:
    """What a table says.

    Raises:
        InputError: It has no such columns, lists nothing, or holds boxes.
    """
    table = open_table(path, notes)
    file_column, class_column = table.column(FILE), _class_column(table)
    one_hot = [] if class_column else _one_hot(table)
    if is_of_boxes(table):
        raise InputError(f"{path} lists boxes, not classes of pictures; say visus train detect {path.parent}.")
    if file_column is None or not (class_column or one_hot):
        raise InputError(f"{of_text(table, path)}; it needs the columns file and class in its first line.")
    if not table.rows:
        raise InputError(f"{path} lists no pictures; add lines with file and class.")
    table = _whole(_with_choices(table, class_column, path), class_column, notes)
    sign = _separator(table, class_column, forced=multilabel) if class_column else ""
    if class_column and not sign:
        _say_whole(table, class_column, notes)
    split_of_row = _splits(table, notes)
    rows = []
    for number, row in enumerate(table.rows, 2):
        cells = (row[class_column].split(sign) if sign else [row[class_column]]) if class_column else []
        names = [cell.strip() for cell in cells] + [
            name.strip() for name in one_hot if row[name].strip().lower() in _TRUE
        ]
        rows.append((number, row[file_column].strip(), split_of_row(row), tuple(dict.fromkeys(filter(None, names)))))
    return _named(_Listing(path, rows, any(len(names) > 1 for *_, names in rows)), notes)


def _class_column(table: Table) -> str | None:
    """The column of classes; where it holds numbers and another their names, the latter."""
    found = [own for name in CLASS if (own := table.column([name]))]
    if not found or not table.rows:
        return found[0] if found else None
    first = [row[found[0]].strip() for row in table.rows]
    if all(value.isdigit() for value in first):
        for other in found[1:]:
            values = [row[other].strip() for row in table.rows]
            pairs = len(set(zip(first, values, strict=True)))
            if pairs == len(set(first)) == len(set(values)) and not any(value.isdigit() for value in values):
                return other
    return found[0]


def _splits(table: Table, notes: Notes):  # noqa: ANN202 - a function from a row to its split
    """From a row to the word for its split; None where no column tells one."""
    column = table.column(SPLIT)
    flag = None if column else table.column(_IS_VAL)
    if flag and not all(row[flag].strip().lower() in (*_TRUE, *_FALSE) for row in table.rows):
        flag = None
    fold = table.column(_FOLD)
    if fold and not column and not flag:
        notes.remarks.append(
            f"The column {fold} is not used: the pictures are split anew; a column split with train, val and test says "
            "otherwise."
        )

    def of(row: dict[str, str]) -> str | None:
        if column:
            return row[column]
        return None if flag is None else ("val" if row[flag].strip().lower() in _TRUE else "train")

    return of


def _with_choices(table: Table, column: str | None, path: Path) -> Table:
    """Label Studio's choices as lists of words.

    Raises:
        InputError: The cells hold regions, which its CSV tells too briefly.
    """
    if column is None or not any(row[column].strip().startswith(('{"choices"', "[{")) for row in table.rows):
        return table
    rows = []
    for row in table.rows:
        cell = row[column].strip()
        if cell.startswith("[{"):
            raise InputError(f"{path} is a table of Label Studio with regions, not classes; export it as JSON.")
        chosen = json.loads(cell)["choices"] if cell.startswith('{"choices"') else [cell]
        rows.append({**row, column: _OF_CHOICES.join(map(str, chosen))})
    return replace(table, rows=rows, separator=_OF_CHOICES)


_OF_CHOICES = "\x1f"


def _whole(table: Table, column: str | None, notes: Notes) -> Table:
    """Numbers of classes without the decimals that a table with gaps gives them."""
    labels = _labels(table, column) if column else set[str]()
    decimal = sorted(label for label in labels if "." in label)
    if column is None or not decimal or not all(_WHOLE.fullmatch(label) for label in labels):
        return table
    first = decimal[0]
    notes.remarks.append(f"The classes are whole numbers: {first} is {first.partition('.')[0]}.")
    return replace(table, rows=[{**row, column: row[column].strip().partition(".")[0]} for row in table.rows])


def _named(listing: _Listing, notes: Notes) -> _Listing:
    """Names in place of numbers, where a list beside the table has a name for each."""
    numbers = {name for *_, names in listing.rows for name in names}
    if not numbers or not all(name.isdigit() for name in numbers):
        return listing
    places = [listing.path.parent / name for name in _NAMES] + [listing.path.parent.parent / name for name in _NAMES]
    place = next((own for own in places if own.is_file() and own != listing.path), None)
    if place is None:
        return listing
    names = _of_list(text_of(place, notes))
    if max(map(int, numbers)) >= len(names):
        notes.remarks.append(f"{place.name} has {len(names)} names, too few for the class {max(map(int, numbers))}.")
        return listing
    rows = [(n, file, split, tuple(names[int(k)] for k in own)) for n, file, split, own in listing.rows]
    return replace(listing, rows=rows)


def _of_list(text: str) -> list[str]:
    """The names in a list, each on its line, perhaps behind its number."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [line.split(maxsplit=1) for line in lines]
    if all(len(own) == 2 and own[0] == str(k) for k, own in enumerate(numbered)):
        return [own[1] for own in numbered]
    return lines


def _several(listings: Sequence[_Listing], notes: Notes, multilabel: bool) -> bool:
    """Whether pictures may have several classes: asked for, or plain; the latter is said."""
    plainly = [own for own in listings if own.plain]
    notes.multilabel = multilabel or bool(plainly)
    if plainly and not multilabel:
        _, file, _, names = next(row for row in plainly[0].rows if len(row[3]) > 1)
        count = sum(len(row[3]) > 1 for own in plainly for row in own.rows)
        notes.remarks.append(
            f"{count:,} {'line has' if count == 1 else 'lines have'} several classes ({Path(file).name}: "
            f"{', '.join(names)}), so each picture may have several, or none; that is --multilabel."
        )
    return notes.multilabel


def _by_split(listing: _Listing, root: Path, notes: Notes, several: bool) -> Named:
    """Files and their classes by split; lines that cannot be used are left out and told.

    Raises:
        InputError: A picture has several classes or splits where it should not.
    """
    path, finder = listing.path, Finder(root)
    classes: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    bare: list[str] = []
    for number, name, word, own in listing.rows:
        split = "" if word is None else split_of(word)
        if not name or split is None:
            what = "no file" if not name else f"the split {word!r}; write train, val or test"
            notes.drop(path.parent / name if name else path, f"Line {number} of {path} has {what}.")
            continue
        if not own and not several:
            bare.append(name)
            continue
        file = str(_found(name, finder, path.parent))
        known = classes.setdefault(file, [])
        if known and set(own) <= set(known):
            notes.mends["listed twice with the same class, counted once"] += 1
        known.extend(label for label in own if label not in known)
        if splits.setdefault(file, split) != split:
            raise InputError(f"Line {number} of {path} gives {name} another split than a line before; delete one.")
    if bare and not classes:
        raise InputError(f"No line of {path} names a class, that of {bare[0]} for one; fill the column of classes.")
    _say_bare(bare, len(listing.rows), notes)
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


def _say_bare(bare: list[str], total: int, notes: Notes) -> None:
    if bare:
        notes.remarks.append(
            f"{len(bare):,} of {total:,} lines name no class and are left out, {bare[0]} for one; --multilabel takes "
            "such as pictures without a class."
        )


def _separator(table: Table, column: str, *, forced: bool) -> str:
    """What parts several classes in a cell; empty where cells plainly hold one class each.

    A cell is a list if some of its parts stand alone elsewhere, or stand between | or ; in other lists too; or where
    lists are asked for, if its parts are fewer than the cells that they make up.
    """
    if table.separator:
        return table.separator
    labels = _labels(table, column)
    for sign in ["|", ";", ",", *([" "] if column.strip().lower() in ("tags", "labels") else [])]:
        lists = _lists(labels, sign)
        parts = {part.strip() for label in lists for part in label.split(sign)}
        if parts & (labels - set(lists)) or (sign in "|;" and _recurs(lists, sign)):
            return sign
        if lists and forced and (sign in "|;" or len(parts) < len(labels)):
            return sign
    return ""


def _labels(table: Table, column: str) -> set[str]:
    """What the cells of a column say."""
    return {row[column].strip() for row in table.rows} - {""}


def _lists(labels: Iterable[str], sign: str) -> list[str]:
    """The cells that may be lists, parted by a sign."""
    return [label for label in labels if sign in label.strip(sign)]


def _recurs(lists: Iterable[str], sign: str) -> bool:
    """Whether a part stands in several lists."""
    parts = [part for label in lists for part in {own.strip() for own in label.split(sign)} - {""}]
    return len(set(parts)) < len(parts)


def _say_whole(table: Table, column: str, notes: Notes) -> None:
    """Say which names look like lists and are taken as one class each."""
    labels = sorted(_labels(table, column))
    for sign in "|;,":
        lists = _lists(labels, sign)
        if lists and (sign in "|;" or _recurs(lists, sign)):
            notes.remarks.append(
                f"{lists[0]!r} is taken as one class, as is each name with {sign!r}; --multilabel takes it as several."
            )
            return


def _found(name: str, finder: Finder, base: Path) -> Path:
    """The picture of a line; where the table says, if it is nowhere."""
    place = base / name.replace("\\", "/")
    return place if place.is_file() else finder.find(name) or place


def _one_hot(table: Table) -> list[str]:
    """Columns of zeros and ones, where all columns but those of the file, the split and numbers of lines are such."""
    beside = {table.column(FILE), table.column(SPLIT)}
    others = [name for name in table.columns if name not in beside and not _counts_lines(table, name)]
    cells = {row[name].strip().lower() for row in table.rows for name in others}
    flags = cells <= {*_TRUE, *_FALSE} - {"", "yes", "no"} or cells == {"1", "-1"}  # the latter of CelebA
    return others if len(others) > 1 and flags and table.rows else []


def _counts_lines(table: Table, name: str) -> bool:
    """Whether a column without a name only counts the lines, as pandas writes it."""
    return plain(name) in ("", "unnamed: 0", "index") and all(
        row[name].strip() == str(k) for k, row in enumerate(table.rows)
    )
