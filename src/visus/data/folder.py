"""Pictures in folders that are named after their classes: ``CLASS/*.jpg`` or ``{train,val,test}/CLASS/*.jpg``.

A folder is a class if it holds pictures and its name is not one that layouts use (``images``, ``masks``, ``train``).
``CLASS/{train,val,test}/*.jpg`` is read too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visus._errors import InputError
from visus.data.layout_words import PICTURES, is_layout, stands_beside_labels
from visus.data.left_out import Notes
from visus.data.mask_layouts import mask_of, masks_among
from visus.data.own_splits import by_lists, taken
from visus.data.samples import Pictures
from visus.data.splits import (
    files_below,
    files_in,
    folders_in,
    looks_like_a_split,
    paths_below,
    seen_through,
    split_of,
)
from visus.data.unused import is_foreign
from visus.images import is_picture_name

Named = dict[str, tuple[list[str], list[tuple[str, ...]]]]
"""Files and the names of the classes of each, by split; ``""`` where there are no splits."""

_NO_CLASS = {"unlabeled", "unlabelled", "unannotated", "unsorted"}
_OF_LABELS = {"ann", "annotations", "annotation", "masks", "mask", "labels", "label", "label_2", "segmentationclass"}


def splits_of(root: Path) -> dict[str, Path]:
    """The folders of a data set that hold its splits: those with such a name and with folders of classes in them.

    ``cars_train`` beside ``cars_test`` are such names too, and ``trainval`` where there is no ``train``.

    Raises:
        InputError: Two folders hold the same split.
    """
    found: dict[str, Path] = {}
    for folder, split in split_folders(root):
        inner = seen_through(folder)
        if not is_folder_of_classes(inner):
            continue
        if split in found:
            raise InputError(f"{found[split]} and {inner} both look like the split {split}; rename one of them.")
        found[split] = inner
    return found


def split_folders(root: Path) -> list[tuple[Path, str]]:
    """Folders whose names are those of splits, as they stand or behind a word that they share, and their splits."""
    folders = folders_in(root)
    plain = [(folder, split) for folder in folders if (split := split_of(folder.name))]
    if any(split == "train" for _, split in plain):
        return plain
    both = [folder for folder in folders if folder.name.lower() in ("trainval", "train_val", "train-val")]
    if plain and both:
        return [*plain, (both[0], "train")]
    shared: dict[str, list[tuple[Path, str]]] = {}
    for folder in folders:
        for sign in "_- ":
            before, _, last = folder.name.rpartition(sign)
            if before and (split := split_of(last)):
                shared.setdefault(before.lower(), []).append((folder, split))
    whole = [own for own in shared.values() if len({split for _, split in own}) > 1]
    return plain or (whole[0] if len(whole) == 1 else [])


def is_folder_of_classes(root: Path) -> bool:
    """Whether some folder in it holds pictures, and they are not all named as layouts name theirs."""
    return bool(classes_in(root))


def classes_in(root: Path) -> list[Path]:
    """The folders that stand for classes: none where all have names of layouts or splits, or pictures lie beside masks.

    Raises:
        InputError: Several folders hold the same folders, so that it is not known which are the classes.
    """
    found = [
        folder
        for folder in folders_in(root)
        if folder.name.lower() not in _NO_CLASS and next(_pictures(folder), None) and not _is_part(folder)
    ]
    names = [folder.name for folder in found]
    inner = {folder: _inner(folder) for folder in found}
    if all(is_layout(name) or looks_like_a_split(name) for name in names) or stands_beside_labels(names):
        _refuse_parts(inner)
        return []
    if masks_among(found):
        return []
    known = {name.lower() for name in names}
    kept = {folder: own for folder, own in inner.items() if not _holds_again(folder, own, known)}
    _refuse_parts(kept)
    _refuse_a_split_beside(kept)
    return list(kept)


def _is_part(folder: Path) -> bool:
    """Whether a folder is a part of a set with boxes or masks: it holds a folder of these, and no picture itself."""
    beside = any(own.name.lower() in _OF_LABELS for own in folders_in(folder))
    return beside and not any(is_picture_name(own.name) for own in files_in(folder))


def _inner(folder: Path) -> list[str]:
    """The names of the folders with pictures in a folder that holds no pictures itself, lower case."""
    if not folders_in(folder):
        return []
    whole = seen_through(folder)
    folders = folders_in(whole)
    if not folders or any(is_picture_name(own.name) for own in files_in(whole)):
        return []
    return [own.name.lower() for own in folders if next(_pictures(own), None)]


def _holds_again(folder: Path, inner: list[str], names: set[str]) -> bool:
    """Whether a folder holds the folders beside it once more, as a set that was unpacked twice."""
    own = set(inner)
    return len((own & names) - {folder.name.lower()}) > 1 and own <= names


def _refuse_parts(found: dict[Path, list[str]]) -> None:
    """Refuse folders that each hold the same folders: folds, or cameras, each with all classes.

    Raises:
        InputError: They are such.
    """
    named = [folder for folder in found if split_of(folder.name) is None and not is_layout(folder.name)]
    inner = {folder: {name for name in found[folder] if not split_of(name)} for folder in named}
    holders: dict[str, list[Path]] = defaultdict(list)
    for second in named:
        met = Counter(first for name in sorted(inner[second]) for first in holders[name])
        for name in inner[second]:
            holders[name].append(second)
        for first in (own for own, count in met.items() if count > 1):
            shared = sorted(inner[first] & inner[second])
            if not all(map(is_layout, shared)):
                raise InputError(
                    f"{first.name} and {second.name} in {first.parent} each hold the folders {', '.join(shared[:4])}, "
                    "so that it is not known which are the classes; name one of them, or lay the pictures out as "
                    "train/CLASS/*.jpg."
                )


def _refuse_a_split_beside(found: dict[Path, list[str]]) -> None:
    """Refuse a folder of folders beside one that is named as a split: it may hold the classes.

    Raises:
        InputError: There are such.
    """
    split = next((folder for folder in found if looks_like_a_split(folder.name)), None)
    whole = next((folder for folder, inner in found.items() if folder != split and len(inner) > 1), None)
    if split and whole:
        raise InputError(
            f"{whole.name} in {whole.parent} holds folders itself ({', '.join(found[whole][:3])}) and {split.name} is "
            f"called as a split, so that it is not known which are the classes; name {whole}, or lay the pictures out "
            "as train/CLASS/*.jpg."
        )


def names_of_classes(root: Path) -> list[str]:
    """The names of the folders of classes in a folder, or of those in its splits; none where there are none.

    Raises:
        InputError: It is not known which folders are the classes, or two hold the same split.
    """
    places = [*splits_of(root).values()] or [root]
    return sorted({folder.name for place in places for folder in classes_in(place)})


def inner_folder_of_classes(root: Path) -> Path | None:
    """The folder below one that holds folders of classes, or splits of these, beside other files and folders.

    It is looked for in the one folder that holds pictures, and in the one that is called as one of pictures.

    Raises:
        InputError: It is not known which folders are the classes.
    """
    holding = [own for own in folders_in(root) if next(_pictures(own), None)]
    inner = holding if len(holding) == 1 else [own for own in holding if own.name.lower() in PICTURES]
    if len(inner) != 1 or split_of(inner[0].name):
        return None
    return inner[0] if names_of_classes(inner[0]) else inner_folder_of_classes(inner[0])


def unwrapped(root: Path) -> Path:
    """The folder itself or, where all lies in one folder that holds folders, the one that holds those of classes."""
    place = root
    while not splits_of(place) and len(found := classes_in(place)) == 1 and _inner(found[0]):
        place = seen_through(found[0])
    inner = None if names_of_classes(place) else inner_folder_of_classes(place)
    return unwrapped(inner) if inner else place


def read_folder(place: Path, root: Path, notes: Notes) -> Named:
    """Pictures by split and class, from the names of folders; lists of names beside them may part them.

    Args:
        place: The folder that holds those of classes, or of splits.
        root: The folder of the data set.
        notes: Told of folders in those of classes, of masks beside pictures, and of empty folders.

    Raises:
        InputError: Two folders hold the same split.
    """
    splits = splits_of(place)
    if splits:
        return {
            split: _classes(splits[split], classes_in(splits[split]), notes)
            for split in ("train", "val", "test")
            if split in splits
        }
    folders = classes_in(place)
    if len(folders) > 1 and all((inner := _inner(folder)) and all(map(split_of, inner)) for folder in folders):
        return _split_within(folders, notes)
    files, names = _classes(place, folders, notes)
    for own in (place, *place.parents):
        if own.is_relative_to(root) and (found := by_lists(files, own, notes, tables=True)):
            return taken(files, names, found)
    return {"": (files, names)}


def _split_within(folders: list[Path], notes: Notes) -> Named:
    """Pictures of classes whose folders hold those of splits."""
    named: Named = {}
    for folder in folders:
        for inner in folders_in(seen_through(folder)):
            if split := split_of(inner.name):
                files, names = named.setdefault(split, ([], []))
                found = _without_masks(list(_pictures(inner)), notes)
                files += found
                names += [(folder.name,)] * len(found)
    return named


def _classes(root: Path, folders: list[Path], notes: Notes) -> tuple[list[str], list[tuple[str, ...]]]:
    files: list[str] = []
    names: list[tuple[str, ...]] = []
    outer = []
    for folder in folders:
        found = _without_masks(list(_pictures(folder)), notes)
        files += found
        names += [(folder.name,)] * len(found)
        outer += [folder] if len(_inner(folder)) > 1 else []
    odd = [folder.name for folder in folders if split_of(folder.name)]
    if odd:
        notes.remarks.append(
            f"{' and '.join(odd)} in {root} {'is' if len(odd) == 1 else 'are'} called as a split and taken as a class; "
            "move the folder away if it is none."
        )
    empty = [own.name for own in folders_in(root) if not is_layout(own.name) and not next(files_below(own), None)]
    if empty:
        notes.remarks.append(f"Empty, and so no class: {', '.join(empty)}.")
    if outer:
        inner = ", ".join(folder.name for folder in folders_in(seen_through(outer[0]))[:3])
        notes.remarks.append(
            f"{outer[0].name} holds folders itself ({inner}); all that lies in it is of the class {outer[0].name}."
        )
    return files, names


def _without_masks(files: list[str], notes: Notes) -> list[str]:
    """Pictures without the masks of others that lie beside them, which are told."""
    named = {file: own for file in files if (own := mask_of(file))}
    there = {Path(file).with_suffix("") for file in files} if named else set()
    masks = {file for file, own in named.items() if any(place / own in there for place in _picture_folders(Path(file)))}
    if masks:
        notes.mends["a mask of another beside it, and not learned from"] += len(masks)
    return [file for file in files if file not in masks]


def _picture_folders(mask: Path) -> list[Path]:
    """Where the picture of a mask may lie: beside it, or above the folder of masks."""
    return [mask.parent, *([mask.parent.parent] if mask.parent.name.lower() in _OF_LABELS else [])]


def _pictures(folder: Path) -> Iterator[str]:
    """Paths of the picture files below a folder, sorted, without hidden ones; those of foreign kinds too."""
    for path in paths_below(folder):
        if is_picture_name(path) or is_foreign(path):
            yield path


def to_pictures(
    named: tuple[list[str], list[tuple[str, ...]]], classes: tuple[str, ...], *, multilabel: bool = False
) -> Pictures:
    """Class names to positions in the list of classes, or to a row of zeros and ones where there may be several."""
    place = {name: k for k, name in enumerate(classes)}
    files, names = named
    if not multilabel:
        return Pictures(np.array([place[own[0]] for own in names], dtype=np.int64), files)
    labels = np.zeros((len(files), len(classes)), np.int64)
    for row, own in zip(labels, names, strict=True):
        row[[place[name] for name in own]] = 1
    return Pictures(labels, files)
