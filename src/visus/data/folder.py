"""Pictures in folders that are named after their classes: ``CLASS/*.jpg`` or ``{train,val,test}/CLASS/*.jpg``."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visus._errors import InputError
from visus.data.samples import Pictures
from visus.images import is_picture_name

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Names of folders (lower case) that hold a split."""

Named = dict[str, tuple[list[str], list[str]]]
"""Files and the class name of each, by split; ``""`` where there are no splits."""


def splits_of(root: Path) -> dict[str, Path]:
    """The folders of a data set that hold its splits: those with such a name and with folders of classes in them.

    Raises:
        InputError: Two folders hold the same split.
    """
    found: dict[str, Path] = {}
    for folder in _folders(root):
        split = SPLITS.get(folder.name.lower())
        if not split or not is_folder_of_classes(folder):
            continue
        if split in found:
            raise InputError(f"{found[split]} and {folder} both look like the split {split}; rename one of them.")
        found[split] = folder
    return found


def is_folder_of_classes(root: Path) -> bool:
    """Whether some folder in it holds pictures."""
    return any(next(_pictures(folder), None) for folder in _folders(root))


def read_folder(root: Path) -> Named:
    """Pictures by split and class, from the names of folders.

    Raises:
        InputError: A folder of a class holds no pictures.
    """
    splits = splits_of(root) or {"": root}
    return {split: _classes(splits[split]) for split in ("", "train", "val", "test") if split in splits}


def _classes(root: Path) -> tuple[list[str], list[str]]:
    files: list[str] = []
    names: list[str] = []
    for folder in _folders(root):
        found = list(_pictures(folder))
        if not found:
            raise InputError(f"The class {folder.name} has no pictures in {folder}; put some there or delete it.")
        files += found
        names += [folder.name] * len(found)
    return files, names


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _pictures(folder: Path) -> Iterator[str]:
    """Paths of the picture files below a folder, sorted, without hidden ones."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if is_picture_name(name) and not name.startswith("."):
                yield os.path.join(place, name)


def to_pictures(named: tuple[list[str], list[str]], classes: tuple[str, ...]) -> Pictures:
    """Class names to positions in the list of classes."""
    place = {name: k for k, name in enumerate(classes)}
    files, names = named
    return Pictures(np.array([place[name] for name in names], dtype=np.int64), files)
