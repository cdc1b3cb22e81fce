"""The classes of a split whose pictures lie in one folder, told by a list, where train has folders of classes.

Read are Tiny ImageNet's ``val_annotations.txt``, Kaggle's ``LOC_val_solution.csv`` of ImageNet and the numbers of
``ILSVRC2012_validation_ground_truth.txt``, which ``map_clsloc.txt`` or ``meta.mat`` of its development kit names; of
GTSRB ``GT-final_test.csv`` and Kaggle's ``Test.csv``; and any list or table that has the split in its name.
"""

import os
import re
from collections import defaultdict
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
from visus.data.table_text import FILE, open_table, plain
from visus.data.texts import text_of
from visus.data.unused import is_foreign
from visus.images import is_picture_name

_CLASS = (*CLASS, "classid", "predictionstring")
_ENDINGS = (".txt", ".csv", ".tsv")
_BETWEEN = re.compile(r"[-_. ]")
_OF_GUESSES = re.compile(
    r"preds?|predict(?:ed|ions?)|(?:sample)?submissions?|samples?|outputs?|results?|answers?", re.IGNORECASE
)
_GUESSED = ("prediction", "predictions", "predicted", "score", "confidence", "probability")
_ENOUGH = 4  # pictures of one class that make a list doubtful
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?")
_PLACE = re.compile(r"[0-9]{1,9}")
_OF_IMAGENET = re.compile(r"ILSVRC\d{4}_\w+_(\d{8})")


@dataclass(frozen=True, slots=True)
class _List:
    """A list and what it says.

    Attributes:
        path: The file.
        rows: The name of each picture and its class, as the list calls them.
        guessed: Why it seems to be what a network or nobody said, not the truth; empty where it does not.
    """

    path: Path
    rows: list[tuple[str, str]]
    guessed: str = ""


def with_listed_splits(named: Named, place: Path, root: Path, notes: Notes) -> tuple[Named, set[Path]]:
    """Splits of folders of classes, and those beside them whose classes a list tells; and the lists that are used.

    Args:
        named: Pictures by split and class.
        place: The folder that holds those of splits.
        root: The folder of the data set.
        notes: Told of lists that are used, of what they name that is not there, and of what cannot be used.
    """
    classes = {name for own in named.get("train", ([], []))[1] for name in own}
    used: set[Path] = set()
    for folder, split in split_folders(place) if classes else ():
        pictures = [] if split in named else [str(own) for own in files_below(folder) if is_picture_name(own.name)]
        if split not in named and not pictures and not any(is_foreign(own.name) for own in files_below(folder)):
            notes.remarks.append(f"{folder} holds no pictures.")
        for path in _lists_of(split, folder, place, root) if pictures else ():
            listed = _read(path, pictures, classes, notes)
            if listed and (found := _named(listed, (split, folder), pictures, classes, notes)):
                named = {**named, split: found}
                used.add(path)
                break
    return named, used


def _lists_of(split: str, folder: Path, place: Path, root: Path) -> list[Path]:
    """Files that may list the classes of a split: in its folder, above it, and in folders beside such as a kit's."""
    above = [own for own in (place, *place.parents) if own.is_relative_to(root)]
    beside = [own for own in folders_in(root) if not split_of(own.name)]
    kits = [own for outer in beside for own in folders_in(outer)] if beside else []
    places = dict.fromkeys([folder, *folders_in(folder), *above, *beside, *kits])
    files = [own for folder in places for own in files_in(folder) if own.suffix.lower() in _ENDINGS]
    return [own for own in files if any(split_of(word) == split for word in _BETWEEN.split(own.stem))]


def _read(path: Path, pictures: list[str], classes: set[str], notes: Notes) -> _List | None:
    """What a file says of pictures; None where it is no such list."""
    guessed = "by its name" if any(map(_OF_GUESSES.fullmatch, _BETWEEN.split(path.stem))) else ""
    try:
        lines = [line.strip() for line in text_of(path).splitlines() if line.strip()]
        if lines and all(map(_PLACE.fullmatch, lines)):
            return _by_numbers(path, list(map(int, lines)), pictures, notes)
        pairs = [line.split(maxsplit=1) for line in lines]
        if pairs and all(len(own) > 1 and is_picture_name(own[0]) for own in pairs):
            return _List(path, [(file, _class_of(rest, classes)) for file, rest in pairs], guessed)
        table = open_table(path)
    except InputError:
        return None
    name, label = table.column(FILE), table.column(_CLASS)
    if not name or not label:
        return None
    guesses = table.column(_GUESSED)
    guessed = guessed or (f"by its column {guesses}" if guesses else "")
    with_boxes = plain(label) == "predictionstring"
    cells = [(row[name].strip(), row[label].strip()) for row in table.rows]
    rows = [(file, cell.partition(" ")[0] if with_boxes else cell) for file, cell in cells if file and cell]
    return _List(path, rows, guessed)


def _class_of(rest: str, classes: set[str]) -> str:
    """The class on a line behind the picture, without the numbers of a box, if these are not part of its name.

    >>> _class_of("black cat", {"black"}), _class_of("n01440764 0 0 9 9", set()), _class_of("area 51 0 9", {"area 51"})
    ('black cat', 'n01440764', 'area 51')
    """
    words = rest.partition("\t")[0].split()
    while len(words) > 1 and " ".join(words) not in classes and _NUMBER.fullmatch(words[-1]):
        words.pop()
    return " ".join(words)


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
    """Pictures of a split in its folder and the class of each; None where the list is not used."""
    split, folder = where
    names = sorted({name for _, name in listed.rows})
    called = _called(names, classes)
    told, missing = _placed(listed, folder, called)
    found = {place: next(iter(own)) for place, own in told.items() if len(own) == 1 and own <= classes}
    several = {place: own for place, own in told.items() if len(own) > 1}
    if why := _why_not(listed, called, found, several, classes):
        notes.remarks.append(f"{listed.path.name} is not used: {why}.")
        return None
    for file in missing:
        notes.drop(folder / Path(file).name, f"{listed.path} names {file}, which is not there; bring it.")
    for place, own in several.items():
        notes.drop(
            place, f"{listed.path} gives {Path(place).name} several classes ({', '.join(sorted(own))}); leave one."
        )
    if not found:
        return None
    notes.remarks.append(f"{listed.path.name} tells the classes of {counted(len(found))} of {split}.")
    others = sorted({name for own in told.values() if len(own) == 1 for name in own - classes})
    if count := len(told) - len(found) - len(several):
        notes.remarks.append(
            f"{counted(count)} of {split} {'is' if count == 1 else 'are'} of classes that train has not "
            f"({', '.join(others[:3])}), and left out."
        )
    if rest := len(set(map(os.path.normpath, pictures)) - told.keys()):
        notes.remarks.append(f"{counted(rest)} of {split} {'is' if rest == 1 else 'are'} not in {listed.path.name}, "
                             "and left out.")  # fmt: skip
    files = sorted(found)
    return files, [(found[file],) for file in files]


def _placed(listed: _List, folder: Path, called: dict[str, str]) -> tuple[dict[str, set[str]], list[str]]:
    """What a list says of each picture of a folder; and the names, with a class of train, of those not there."""
    finder, told = Finder(folder), defaultdict[str, set[str]](set)
    missing = []
    for file, name in listed.rows:
        place = finder.find(file, folder) or finder.find(Path(file).stem, folder)
        if place:
            told[str(place)].add(called.get(name, name))
        elif name in called:
            missing.append(file)
    return dict(told), missing


def _why_not(
    listed: _List, called: dict[str, str], found: dict[str, str], several: dict[str, set[str]], classes: set[str]
) -> str:
    """Why a list is not taken for the truth; empty where it is."""
    if not called:
        names = sorted({name for _, name in listed.rows})
        return f"its classes ({', '.join(names[:3])}) are none of train"
    if listed.guessed:
        return f"{listed.guessed} it holds what was predicted, not what is true; if it is true, call it otherwise"
    if len(several) > len(found):
        place, own = next(iter(several.items()))
        return f"it gives most pictures several classes ({Path(place).name}: {', '.join(sorted(own))})"
    if len(found) >= _ENOUGH and len(classes) > 1 and len({name for _, name in listed.rows}) == 1:
        return (
            f"it gives all pictures the class {listed.rows[0][1]}, as a list to be filled in does; if that is true, "
            "put them in a folder of this name"
        )
    return ""


def _called(names: Sequence[str], classes: set[str]) -> dict[str, str]:
    """The classes of train by what a list calls them: the same, or the same number (``14`` of a folder ``00014``)."""
    same = {name: name for name in names if name in classes}
    if same or not all(map(_PLACE.fullmatch, classes)):
        return same
    numbers = {int(name): name for name in classes}
    return {name: numbers[int(name)] for name in names if _PLACE.fullmatch(name) and int(name) in numbers}
