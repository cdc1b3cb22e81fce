"""Which tables of classes lie in a folder: one of a usual name, one for each split, or Roboflow's ``_classes.csv``."""

from pathlib import Path

from visus._errors import InputError
from visus.data.left_out import Notes
from visus.data.own_splits import is_only_of_parts
from visus.data.splits import files_in, folders_in, split_of
from visus.data.table import CLASS, names_a_class
from visus.data.table_text import is_of_boxes, of_text, open_table, peek

ROBOFLOW = "_classes.csv"
_NAMES = ("labels.csv", "metadata.csv", "metadata.jsonl", "labels.tsv", "annotations.csv", "train.csv", "labels.txt")
_ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".json")
_FOLDERS = ("annotations", "annotation", "labels", "label", "csv", "csvs", "meta", "metadata", "splits", "tables")
_MOST = 40  # files that are looked into


def is_table(path: Path) -> bool:
    """Whether a file may be a table, by its ending."""
    return path.suffix.lower() in _ENDINGS


def roboflow_tables(root: Path) -> dict[str, Path]:
    """Roboflow's tables of zeros and ones, by split; others of this name list pixel values, or numbers of classes."""
    inner = {split_of(own.name) or "": own / ROBOFLOW for own in folders_in(root) if (own / ROBOFLOW).is_file()}
    found = inner or ({"": root / ROBOFLOW} if (root / ROBOFLOW).is_file() else {})
    return {split: path for split, path in found.items() if names_a_class(open_table(path))}


def tables_of_splits(root: Path) -> dict[str, Path]:
    """The tables of classes of each split: in its folder, as Hugging Face has them, or by name (``train.csv``)."""
    inner = {split: table_in(own) for own in folders_in(root) if (split := split_of(own.name))}
    found = {split: table for split, table in inner.items() if table}
    if found:
        return found
    for folder in _places(root):
        named = {split: path for path in _tables(folder) if (split := _split_of(path)) and _is_of_classes(path)}
        if "train" in named and len(named) > 1:
            return named
    return {}


def _split_of(path: Path) -> str | None:
    """The split that a table is of by its name: ``train.csv``, ``val_labels.csv``."""
    stem = path.stem.lower()
    for ending in ("_labels", "_label", "-labels", "_annotations", "_classes", "_df", "_metadata"):
        stem = stem.removesuffix(ending)
    return split_of(stem)


def table_in(root: Path, *, largest: int | None = None) -> Path | None:
    """The table of classes that lies in a folder or in one for tables in it: of a usual name, or the only one.

    Args:
        root: The folder.
        largest: Bytes of a table that is looked at; None for any.
    """
    for folder in _places(root):
        tables = [own for own in _tables(folder) if largest is None or own.stat().st_size <= largest]
        usual = [path for name in _NAMES for path in tables if path.name.lower() == name]
        for path in usual:
            if _is_of_classes(path):
                return path
        others = [path for path in tables if path not in usual and _is_of_classes(path)]
        if len(others) == 1:
            return others[0]
    return None


def why_none(root: Path) -> str:
    """What is said of tables that are there and list no classes; empty where there are none."""
    for path in _tables(root):
        if path.suffix.lower() in (".csv", ".tsv"):
            try:
                return f"; {of_text(open_table(path, Notes()), path)}, of which none is known to name a class"
            except InputError as error:
                return f"; {str(error).rstrip('.')}"
    return ""


def _places(root: Path) -> list[Path]:
    return [root, *(own for own in folders_in(root) if own.name.lower() in _FOLDERS)]


def _tables(folder: Path) -> list[Path]:
    found = [own for own in files_in(folder) if is_table(own) and own.name != ROBOFLOW][:_MOST]
    return [own for own in found if not is_only_of_parts(own)]


def _is_of_classes(path: Path) -> bool:
    try:
        table = peek(path)
        if table.column(CLASS) is None and names_a_class(table):  # ones for each class, which all lines must hold
            table = open_table(path)
    except InputError:
        return False
    return bool(table.rows) and names_a_class(table) and not is_of_boxes(table)
