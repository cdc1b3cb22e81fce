"""The splits of a set whose format tells none: by lists of names beside it (``train.txt``), or by folders of splits."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from visus._errors import FormatError, InputError
from visus.data.find import shared_end, split_in
from visus.data.left_out import Notes
from visus.data.samples import counted
from visus.data.splits import files_in, folders_in, looks_like_a_split, split_of
from visus.data.table_text import FILE, SPLIT, open_table
from visus.data.texts import text_of

Label = TypeVar("Label")

_FOLDERS = ("imagesets", "main", "segmentation", "lists", "list", "splits", "split", "meta", "annotations")


def own_splits(files: Sequence[str], root: Path, notes: Notes) -> dict[str, list[int]]:
    """Places of pictures by split; one called ``""`` holds all where nothing tells more.

    Args:
        files: The pictures.
        root: The folder of the data set.
        notes: Told of what a list names that is not there, of pictures in no list, and of lists that are not used.
    """
    whole = {"": list(range(len(files)))}
    listed = by_lists(files, root, notes)
    if listed:
        return listed
    if told := _by_a_table(files, root, notes):
        return told
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


def lists_in(root: Path, notes: Notes) -> dict[str, Path]:
    """The lists of names in a folder and in those for lists, by split; others that look like such are told."""
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
                odd.append(path.name)
    if odd and not found:
        notes.remarks.append(
            f"Lists that are not used, for they are not those of one train and one val: {', '.join(odd[:4])}"
            f"{' …' if len(odd) > 4 else ''}; call the two that you want train.txt and val.txt."
        )
    return found


def _folders_of_lists(root: Path) -> list[Path]:
    inner = [own for own in folders_in(root) if own.name.lower() in _FOLDERS]
    deeper = [own for folder in inner for own in folders_in(folder) if own.name.lower() in _FOLDERS]
    return [root, *inner, *deeper]


def names_in(path: Path) -> list[tuple[str, str]]:
    """What the lines of a list name: the whole line, and its first word."""
    lines = [line.strip() for line in text_of(path).splitlines()]
    return [(line, line.split()[0]) for line in lines if line and not line.startswith("#")]


def by_lists(files: Sequence[str], root: Path, notes: Notes) -> dict[str, list[int]]:
    """Places of pictures by split, as lists of names beside them say; none where there are none.

    Args:
        files: The pictures.
        root: Where the lists lie.
        notes: As for :func:`own_splits`.
    """
    lists = lists_in(root, notes)
    by_stem: dict[str, list[int]] = defaultdict(list)
    for k, file in enumerate(files if lists else ()):
        by_stem[Path(file).stem.casefold()].append(k)
    found: dict[str, list[int]] = {}
    missing: list[tuple[Path, str]] = []
    for split, path in lists.items():
        try:
            names = names_in(path)
        except FormatError:
            continue
        places = [(line, _place(line, files, by_stem), _place(word, files, by_stem)) for line, word in names]
        own = [whole if whole is not None else first for _, whole, first in places]
        if 2 * sum(place is not None for place in own) > len(own):
            found[split] = sorted({place for place in own if place is not None})
            missing += [(path, line) for (line, *_), place in zip(places, own, strict=True) if place is None]
    if "train" not in found or len(found) < 2:  # alone it may be any list
        return {}
    for path, line in missing:
        notes.drop(root / Path(line.split()[0]).name, f"{path} names {line}, which is not there; bring it.")
    rest = sorted(set(range(len(files))).difference(*found.values()))
    if rest:
        notes.remarks.append(
            f"{counted(len(rest))} in none of the lists {', '.join(found)}, and not used, {Path(files[rest[0]]).name} "
            "for one."
        )
    return found


def _by_a_table(files: Sequence[str], root: Path, notes: Notes) -> dict[str, list[int]]:
    """Places of pictures by split, as a table of parts beside them says; none where there is none.

    ``list_eval_partition.csv`` of CelebA numbers them: 0, 1 and 2 are train, val and test.
    """
    paths = [own for folder in _folders_of_lists(root) for own in files_in(folder) if is_of_parts(own)]
    for path in paths:
        try:
            table = open_table(path)
        except InputError:
            continue
        name, part = table.column(FILE), table.column(SPLIT) or table.column(["class"])
        if not name or not part:
            continue
        by_name = {Path(file).name.casefold(): k for k, file in enumerate(files)}
        numbered = "partition" in path.stem.lower()
        found: dict[str, list[int]] = defaultdict(list)
        for row in table.rows:
            split = split_of(row[part]) or (numbered and _NUMBERED.get(row[part].strip()))
            if split and (place := by_name.get(row[name].strip().casefold())) is not None:
                found[split].append(place)
        if "train" in found and len(found) > 1:
            notes.remarks[:] = [own for own in notes.remarks if path.name not in own]
            notes.remarks.append(f"{path.name} says which pictures are for what.")
            return dict(found)
    return {}


_NUMBERED = {"0": "train", "1": "val", "2": "test"}
_OF_PARTS = re.compile(r"partition|split|fold", re.IGNORECASE)


def is_of_parts(path: Path) -> bool:
    """Whether a table says which pictures are for what, not what is on them, by its name.

    >>> is_of_parts(Path("list_eval_partition.csv")), is_of_parts(Path("labels.csv"))
    (True, False)
    """
    return path.suffix.lower() in (".csv", ".tsv", ".txt") and _OF_PARTS.search(path.stem) is not None


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
