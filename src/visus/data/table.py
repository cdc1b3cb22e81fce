"""Pictures listed in a CSV file: columns ``file`` and ``class``, and ``split`` if there are splits."""

import csv
from pathlib import Path

from visus._errors import InputError
from visus.data.folder import SPLITS, Named

_FILE = ("file", "path", "filename", "image", "picture")
_CLASS = ("class", "label", "category")


def read_table(path: Path) -> Named:
    """Pictures by split, from a table; file names are relative to the table's folder.

    Raises:
        InputError: The table has no such columns, an empty class, an unknown split, or names files that are missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV file in UTF-8 ({error}); save it as one.") from error
    file_column = next((columns[name] for name in _FILE if name in columns), None)
    class_column = next((columns[name] for name in _CLASS if name in columns), None)
    if file_column is None or class_column is None:
        raise InputError(f"{path} needs the columns file and class in its first line, not: {', '.join(columns)}.")
    split_column = columns.get("split")

    named: Named = {}
    missing: list[str] = []
    for number, row in enumerate(rows, 2):
        name, label = (row[file_column] or "").strip(), (row[class_column] or "").strip()
        if not name or not label:
            raise InputError(f"Line {number} of {path} has no {'class' if name else 'file'}; fill it or delete it.")
        split = _split(row[split_column] or "", path, number) if split_column else ""
        found = path.parent / name
        if not found.is_file():
            missing.append(name)
        files, names = named.setdefault(split, ([], []))
        files.append(str(found))
        names.append(label)
    if missing:
        raise InputError(
            f"{path} names files that are not there, {len(missing):,} in all, the first {path.parent / missing[0]}; "
            "names are relative to the table's folder."
        )
    if not rows:
        raise InputError(f"{path} lists no pictures; add lines with file and class.")
    return {split: named[split] for split in ("", "train", "val", "test") if split in named}


def _split(word: str, path: Path, number: int) -> str:
    split = SPLITS.get(word.strip().lower())
    if split is None:
        raise InputError(f"Line {number} of {path} has the split {word!r}; write train, val or test.")
    return split
