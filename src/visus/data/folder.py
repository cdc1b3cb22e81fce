"""Pictures in folders that are named after their classes: ``CLASS/*.jpg`` or ``{train,val,test}/CLASS/*.jpg``.

A folder is a class if it holds pictures and its name is not one that layouts use (``images``, ``masks``, ``train``).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visus._errors import InputError
from visus.data.left_out import Notes
from visus.data.samples import Pictures
from visus.data.splits import files_below, files_in, folders_in, seen_through, split_of
from visus.data.unused import is_foreign
from visus.images import is_picture_name

Named = dict[str, tuple[list[str], list[tuple[str, ...]]]]
"""Files and the names of the classes of each, by split; ``""`` where there are no splits."""

LAYOUT_WORDS = {
    "images", "image", "imgs", "img", "jpegimages", "pictures", "masks", "mask", "labels", "label", "annotations",
    "annotation", "segmentationclass", "segmentationobject", "imagesets", "obj_train_data", "obj_valid_data",
    "obj_test_data", "imagestr", "labelstr", "imagests", "leftimg8bit", "gtfine", "gtcoarse", "image_2", "image_3",
    "label_2", "ann",
}  # fmt: skip
"""Names of folders (lower case) that say what lies in them, not what is on the pictures."""

_OF_LABELS = {"ann", "annotations", "annotation", "masks", "mask", "labels", "label", "label_2", "segmentationclass"}


def splits_of(root: Path) -> dict[str, Path]:
    """The folders of a data set that hold its splits: those with such a name and with folders of classes in them.

    Raises:
        InputError: Two folders hold the same split.
    """
    found: dict[str, Path] = {}
    for folder in folders_in(root):
        split = split_of(folder.name)
        inner = seen_through(folder)
        if not split or not is_folder_of_classes(inner):
            continue
        if split in found:
            raise InputError(f"{found[split]} and {inner} both look like the split {split}; rename one of them.")
        found[split] = inner
    return found


def is_folder_of_classes(root: Path) -> bool:
    """Whether some folder in it holds pictures, and they are not all named as layouts name theirs."""
    return bool(classes_in(root))


def classes_in(root: Path) -> list[Path]:
    """The folders that stand for classes: none where all of them have names of layouts or splits."""
    found = [folder for folder in folders_in(root) if next(_pictures(folder), None) and not _is_part(folder)]
    if all(folder.name.lower() in LAYOUT_WORDS or split_of(folder.name) for folder in found):
        return []
    return found


def _is_part(folder: Path) -> bool:
    """Whether a folder is a part of a set with boxes or masks: it holds a folder of these, and no picture itself."""
    beside = any(own.name.lower() in _OF_LABELS for own in folders_in(folder))
    return beside and not any(is_picture_name(own.name) for own in files_in(folder))


def read_folder(root: Path, notes: Notes) -> Named:
    """Pictures by split and class, from the names of folders.

    Args:
        root: The folder.
        notes: Told of pictures of kinds that are not read.

    Raises:
        InputError: Two folders hold the same split.
    """
    splits = splits_of(root) or {"": root}
    return {split: _classes(splits[split], notes) for split in ("", "train", "val", "test") if split in splits}


def _classes(root: Path, notes: Notes) -> tuple[list[str], list[tuple[str, ...]]]:
    files: list[str] = []
    names: list[tuple[str, ...]] = []
    for folder in classes_in(root):
        found = list(_pictures(folder))
        files += found
        names += [(folder.name,)] * len(found)
    return files, names


def _pictures(folder: Path) -> Iterator[str]:
    """Paths of the picture files below a folder, sorted, without hidden ones; those of foreign kinds too."""
    for path in files_below(folder):
        if is_picture_name(path.name) or is_foreign(path.name):
            yield str(path)


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
