"""The classes of a split whose pictures lie in one folder, told by a list, where train has folders of classes.

Read are Tiny ImageNet's ``val_annotations.txt``, Kaggle's ``LOC_val_solution.csv`` of ImageNet and the numbers of
``ILSVRC2012_validation_ground_truth.txt``, which ``map_clsloc.txt`` or ``meta.mat`` of its development kit names; of
GTSRB ``GT-final_test.csv`` and Kaggle's ``Test.csv``; and any list or table that has the split in its name.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visus._errors import InputError
from visus.data.find import Finder
from visus.data.folder import Named, split_folders
from visus.data.left_out import Notes
from visus.data.samples import counted
from visus.data.splits import files_below, files_in, folders_in, split_of
from visus.data.synsets import codes_by_number
from visus.data.table import CLASS
from visus.data.table_text import FILE, open_table
from visus.data.texts import text_of
from visus.data.unused import is_foreign
from visus.images import is_picture_name

_CLASS = (*CLASS, "classid", "predictionstring")
_ENDINGS = (".txt", ".csv", ".tsv")
_BETWEEN = re.compile(r"[-_. ]")
_OF_IMAGENET = re.compile(r"ILSVRC\d{4}_\w+_(\d{8})")


@dataclass(frozen=True, slots=True)
class _List:
    """A list and what it says.

    Attributes:
        path: The file.
        rows: The name of each picture and its class, as the list calls them.
    """

    path: Path
    rows: list[tuple[str, str]]


def with_listed_splits(named: Named, place: Path, root: Path, notes: Notes) -> Named:
    """Splits of folders of classes, and those beside them whose classes a list tells.

    Args:
        named: Pictures by split and class.
        place: The folder that holds those of splits.
        root: The folder of the data set.
        notes: Told of lists that are used, of what they name that is not there, and of what cannot be used.
    """
    classes = {name for own in named.get("train", ([], []))[1] for name in own}
    for folder, split in split_folders(place) if classes else ():
        pictures = [] if split in named else [str(own) for own in files_below(folder) if is_picture_name(own.name)]
        if split not in named and not pictures and not any(is_foreign(own.name) for own in files_below(folder)):
            notes.remarks.append(f"{folder} holds no pictures.")
        for path in _lists_of(split, folder, place, root) if pictures else ():
            listed = _read(path, pictures, notes)
            if listed and (found := _named(listed, (split, folder), pictures, classes, notes)):
                named = {**named, split: found}
                break
    return named


def _lists_of(split: str, folder: Path, place: Path, root: Path) -> list[Path]:
    """Files that may list the classes of a split: in its folder, above it, and in folders beside such as a kit's."""
    above = [own for own in (place, *place.parents) if own.is_relative_to(root)]
    beside = [own for own in folders_in(root) if not split_of(own.name)]
    kits = [own for outer in beside for own in folders_in(outer)] if beside else []
    places = dict.fromkeys([folder, *folders_in(folder), *above, *beside, *kits])
    files = [own for folder in places for own in files_in(folder) if own.suffix.lower() in _ENDINGS]
    return [own for own in files if any(split_of(word) == split for word in _BETWEEN.split(own.stem))]


def _read(path: Path, pictures: list[str], notes: Notes) -> _List | None:
    """What a file says of pictures; None where it is no such list."""
    try:
        lines = [line.split() for line in text_of(path).splitlines() if line.strip()]
        if lines and all(len(own) == 1 and own[0].isdigit() for own in lines):
            return _by_numbers(path, [int(own[0]) for own in lines], pictures, notes)
        if lines and all(len(own) > 1 and is_picture_name(own[0]) for own in lines):
            return _List(path, [(own[0], own[1]) for own in lines])
        table = open_table(path)
    except InputError:
        return None
    name, label = table.column(FILE), table.column(_CLASS)
    if not name or not label:
        return None
    rows = [(row[name].strip(), row[label].strip().partition(" ")[0]) for row in table.rows]
    return _List(path, [row for row in rows if all(row)])


def _by_numbers(path: Path, numbers: list[int], pictures: list[str], notes: Notes) -> _List | None:
    """ImageNet's ground truth: the line of a picture is the number in its name, the number there that of a class."""
    places = {file: int(match[1]) for file in pictures if (match := _OF_IMAGENET.fullmatch(Path(file).stem))}
    own = {file: place for file, place in places.items() if 0 < place <= len(numbers)}
    if not own:
        return None
    codes = codes_by_number(path.parent)
    if not codes:
        notes.remarks.append(
            f"{path.name} has numbers of classes, which map_clsloc.txt or meta.mat of the same kit names; without, it "
            "is not used. Bring one of them."
        )
        return None
    return _List(path, [(Path(file).name, codes.get(numbers[place - 1], "")) for file, place in own.items()])


def _named(
    listed: _List, where: tuple[str, Path], pictures: list[str], classes: set[str], notes: Notes
) -> tuple[list[str], list[tuple[str, ...]]] | None:
    """Pictures of a split in its folder and the class of each; None where the list has no class of train."""
    split, folder = where
    names = sorted({name for _, name in listed.rows})
    called = _called(names, classes)
    if not called:
        notes.remarks.append(f"{listed.path.name} is not used: its classes ({', '.join(names[:3])}) are none of train.")
        return None
    finder, found = Finder(folder), {}
    others: Counter[str] = Counter()
    for file, name in listed.rows:
        place = finder.find(file, folder) or finder.find(Path(file).stem, folder)
        if name not in called:
            others[name] += place is not None
        elif place is None:
            notes.drop(folder / Path(file).name, f"{listed.path} names {file}, which is not there; bring it.")
        else:
            found[str(place)] = called[name]
    if not found:
        return None
    notes.remarks.append(f"{listed.path.name} tells the classes of {counted(len(found))} of {split}.")
    if count := others.total():
        notes.remarks.append(
            f"{counted(count)} of {split} {'is' if count == 1 else 'are'} of classes that train has not "
            f"({', '.join(sorted(+others)[:3])}), and left out."
        )
    if rest := len(pictures) - len(found) - count:
        notes.remarks.append(f"{counted(rest)} of {split} {'is' if rest == 1 else 'are'} not in {listed.path.name}, "
                             "and left out.")  # fmt: skip
    files = sorted(found)
    return files, [(found[file],) for file in files]


def _called(names: Sequence[str], classes: set[str]) -> dict[str, str]:
    """The classes of train by what a list calls them: the same, or the same number (``14`` of a folder ``00014``)."""
    same = {name: name for name in names if name in classes}
    if same or not all(map(str.isdigit, classes)):
        return same
    numbers = {int(name): name for name in classes}
    return {name: numbers[int(name)] for name in names if name.isdigit() and int(name) in numbers}
