"""The splits of a set whose format tells none: by lists of names beside it (``train.txt``), or by folders of splits."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from visus._errors import FormatError, InputError
from visus.data.find import shared_end, split_in
from visus.data.left_out import Notes
from visus.data.samples import counted
from visus.data.splits import files_in, folders_in, looks_like_a_split, split_of
from visus.data.table_text import FILE, SPLIT, Table, open_table, peek
from visus.data.texts import text_of

Label = TypeVar("Label")

_Listed = tuple[Path, list[tuple[str, str]]]
"""A list, and what its lines name: the whole line, and its first word."""

_FOLDERS = ("imagesets", "main", "segmentation", "lists", "list", "splits", "split", "meta", "annotations")


def own_splits(files: Sequence[str], root: Path, notes: Notes) -> dict[str, list[int]]:
    """Places of pictures by split; one called ``""`` holds all where nothing tells more.

    Args:
        files: The pictures.
        root: The folder of the data set.
        notes: Told of what a list names that is not there, of pictures in no list, and of lists that are not used.
    """
    whole = {"": list(range(len(files)))}
    if listed := by_lists(files, root, notes):
        return listed
    inside: dict[str, list[int]] = defaultdict(list)
    for k, file in enumerate(files):
        path = Path(file)
        inside[split_in(path.relative_to(root).parts[:-1]) if path.is_relative_to(root) else ""].append(k)
    return dict(inside) if "train" in inside and len(inside) > 1 else whole


def parted(files: list[str], labels: list[Label], root: Path, notes: Notes) -> dict[str, tuple[list[str], list[Label]]]:
    """Pictures and what belongs to each by split; see :func:`own_splits`."""
    return taken(files, labels, own_splits(files, root, notes))


def taken(
    files: list[str], labels: list[Label], places: Mapping[str, list[int]]
) -> dict[str, tuple[list[str], list[Label]]]:
    """Pictures and what belongs to each at some places of each split."""
    return {split: ([files[k] for k in own], [labels[k] for k in own]) for split, own in places.items()}


def lists_in(root: Path) -> tuple[dict[str, Path], list[Path]]:
    """The lists of names in a folder and in those for lists, by split; and others that look like such."""
    found: dict[str, Path] = {}
    odd = []
    for folder in _folders_of_lists(root):
        texts = [path for path in files_in(folder) if path.suffix.lower() in ("", ".txt", ".lst")]
        for path in texts:
            split = split_of(path.stem)
            if split:
                found.setdefault(split, path)
            elif path.stem.lower() == "trainval" and not any(split_of(own.stem) == "train" for own in texts):
                found.setdefault("train", path)
            elif folder == root and looks_like_a_split(path.stem) and path.stem.lower() != "trainval":
                odd.append(path)
    return found, odd


def _folders_of_lists(root: Path) -> list[Path]:
    inner = [own for own in folders_in(root) if own.name.lower() in _FOLDERS]
    deeper = [own for folder in inner for own in folders_in(folder) if own.name.lower() in _FOLDERS]
    return [root, *inner, *deeper]


def names_in(path: Path) -> list[tuple[str, str]]:
    """What the lines of a list name: the whole line, and its first word."""
    lines = [line.strip() for line in text_of(path).splitlines()]
    return [(line, line.split()[0]) for line in lines if line and not line.startswith("#")]


def by_lists(files: Sequence[str], root: Path, notes: Notes, *, tables: bool = False) -> dict[str, list[int]]:
    """Places of pictures by split, as lists of names, or a table, beside them say; none where there are none.

    Args:
        files: The pictures.
        root: Where the lists lie.
        notes: As for :func:`own_splits`.
        tables: Whether a column of splits in a table of something else counts.
    """
    lists, odd = lists_in(root)
    named: dict[str, _Listed] = {}
    for split, path in lists.items():
        with suppress(FormatError):
            named[split] = path, names_in(path)
    if found := _placed(named, files, root, notes):
        return found
    numbered = _by_numbers(root, notes)
    if found := _placed(numbered, files, root, notes):
        return found
    if found := _by_a_table(files, root, notes, tables=tables):
        return found
    for path in dict.fromkeys(path for listed in (named, numbered) if "train" in listed for path, _ in listed.values()):
        notes.remarks.append(f"{path.name} is not used: most of its names are those of no picture here, or of several.")
    if odd and not lists:
        notes.remarks.append(
            "Lists that are not used, for they are not those of one train and one val: "
            f"{', '.join(path.name for path in odd[:4])}{' …' if len(odd) > 4 else ''}; call the two that you want "
            "train.txt and val.txt."
        )
    return {}


def _placed(named: Mapping[str, _Listed], files: Sequence[str], root: Path, notes: Notes) -> dict[str, list[int]]:
    """Places of the pictures that lists name, by split; none where they name no train and no other.

    A list most of whose names are those of no picture, or of several, is one of something else.
    """
    by_stem: dict[str, list[int]] = defaultdict(list)
    for k, file in enumerate(files if named else ()):
        by_stem[Path(file).stem.casefold()].append(k)
    found: dict[str, list[int]] = {}
    missing: list[tuple[Path, str, str]] = []
    for split, (path, names) in named.items():
        places = [(line, _place(line, files, by_stem), _place(word, files, by_stem)) for line, word in names]
        own = [whole if whole is not None else first for _, whole, first in places]
        if 2 * sum(place is not None for place in own) > len(own):
            found[split] = sorted({place for place in own if place is not None})
            missing += [(path, *name) for name, place in zip(names, own, strict=True) if place is None]
    if "train" not in found or len(found) < 2:  # alone it may be any list
        return {}
    for path, line, word in missing:
        notes.drop(root / Path(word).name, f"{path} names {line}, which is not there; bring it.")
    rest = sorted(set(range(len(files))).difference(*found.values()))
    if rest:
        lists = " or ".join(dict.fromkeys(named[split][0].name for split in found))
        notes.remarks.append(f"{counted(len(rest))} not in {lists}, and not used, {Path(files[rest[0]]).name} for one.")
    return found


def _by_numbers(root: Path, notes: Notes) -> dict[str, _Listed]:
    """What the lists of CUB-200 name: ``images.txt`` numbers pictures, ``train_test_split.txt`` has 1 for train.

    Raises:
        FormatError: They number lines, and a line is neither for train nor for test.
    """
    pictures, parts = root / "images.txt", root / "train_test_split.txt"
    if not (pictures.is_file() and parts.is_file()):
        return {}
    names, trains = ([line.split(maxsplit=1) for line in text_of(own).splitlines()] for own in (pictures, parts))
    pairs = [*filter(None, names), *filter(None, trains)]
    if not all(len(own) == 2 and own[0].isdigit() for own in pairs):
        notes.remarks.append(f"{parts.name} is not used: it and {pictures.name} do not number pictures line by line.")
        return {}
    try:
        split = {number: _OF_CUB[word.strip()] for number, word in filter(None, trains)}
        listed = [(split[number], name.strip()) for number, name in filter(None, names)]
    except KeyError as error:
        raise FormatError(
            f"{parts} must have a number of {pictures.name} and 0 or 1 on each line ({error!r}); mend it."
        ) from error
    return {own: (pictures, [(name, name) for part, name in listed if part == own]) for own in _OF_CUB.values()}


_OF_CUB = {"1": "train", "0": "test"}


def _by_a_table(files: Sequence[str], root: Path, notes: Notes, *, tables: bool) -> dict[str, list[int]]:
    """Places of pictures by split, as a table of parts beside them says; none where there is none.

    ``list_eval_partition.csv`` of CelebA numbers them: 0, 1 and 2 are train, val and test.
    """
    for path in (own for folder in _folders_of_lists(root) for own in files_in(folder)):
        of_parts = is_of_parts(path)
        if not (of_parts or (tables and path.suffix.lower() in (".csv", ".tsv"))):
            continue
        try:
            if not of_parts and not _column_of_splits(peek(path)):
                continue
            table = open_table(path)
        except InputError:
            continue
        name, part = table.column(FILE), _column_of_parts(table) if of_parts else _column_of_splits(table)
        if not name or not part or not table.rows:
            continue
        if not of_parts and all(row[name].strip().isdigit() for row in table.rows):
            notes.remarks.append(f"{path.name} is not used to split the pictures: its column {name} holds numbers, and "
                                 "no names of files.")  # fmt: skip
            continue
        words = {row[part].strip() for row in table.rows}
        numbered = "partition" in path.stem.lower() and words <= _NUMBERED.keys()
        named: dict[str, _Listed] = {}
        for row in table.rows:
            cell, word = row[name].strip(), row[part].strip()
            if split := _NUMBERED[word] if numbered else split_of(word):
                named.setdefault(split, (path, []))[1].append((cell, cell))
        if found := _placed(named, files, root, notes):
            notes.remarks.append(f"{path.name} says which pictures are for what.")
            return found
        if "train" in named and len(named) > 1:
            reason = "most of its names are those of no picture here, or of several; write them with their folders"
        else:
            reason = f"{part} is not train, val or test in it ({', '.join(sorted(words)[:4])})"
        notes.remarks.append(f"{path.name} is not used to split the pictures: {reason}.")
    return {}


def _column_of_splits(table: Table) -> str | None:
    """The column of splits of a table of something else, if all that it holds are words for splits."""
    found = table.column(SPLIT)
    return found if found and table.rows and all(split_of(row[found]) for row in table.rows) else None


def _column_of_parts(table: Table) -> str | None:
    """The column that says for what a picture is: of such a name, or the only one where it holds such words."""
    others = [name for name in table.columns if name != table.column(FILE)]
    words = {row[name].strip() for row in table.rows for name in others}
    alone = len(others) == 1 and (any(map(split_of, words)) or all(map(str.isdigit, words)))
    return table.column(SPLIT) or (others[0] if alone else None)


_NUMBERED = {"0": "train", "1": "val", "2": "test"}
_OF_PARTS = re.compile(r"partition|split|(?:^|[-_ ])k?folds?(?:[-_ \d]|$)", re.IGNORECASE)


def is_of_parts(path: Path) -> bool:
    """Whether a table says which pictures are for what, by its name; it may say what is on them too.

    >>> [is_of_parts(Path(name)) for name in ("list_eval_partition.csv", "train_folds.csv", "manifold.csv")]
    [True, True, False]
    """
    return path.suffix.lower() in (".csv", ".tsv", ".txt") and _OF_PARTS.search(path.stem) is not None


def is_only_of_parts(path: Path) -> bool:
    """Whether a table says which pictures are for what, and not what is on them: one column does, or one for each."""
    if not is_of_parts(path):
        return False
    try:
        table = open_table(path)
    except InputError:
        return True
    others = [name for name in table.columns if name != table.column(FILE)]
    alone = len(others) == 1 and _column_of_parts(table) is not None
    return alone or "partition" in path.stem.lower() or all(map(split_of, others))


def _place(name: str, files: Sequence[str], by_stem: dict[str, list[int]]) -> int | None:
    """Which file is meant by a name, with or without its ending and folders; None where none, or several, may be."""
    path = Path(name.replace("\\", "/"))
    fits = by_stem.get(path.name.casefold()) or by_stem.get(path.stem.casefold(), [])
    if len(fits) < 2:
        return fits[0] if fits else None
    folders = [part for part in path.parts[:-1] if part not in ("/", ".")]
    shared = [shared_end(folders, Path(files[k]).parts[:-1]) for k in fits]
    best = max(shared)
    return fits[shared.index(best)] if shared.count(best) == 1 else None
