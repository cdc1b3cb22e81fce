"""Cityscapes: ``leftImg8bit`` beside ``gtFine``, each with splits, each of these with cities.

Cordts et al., "The Cityscapes dataset for semantic urban scene understanding", CVPR 2016. Masks are those that end in
``_labelIds.png``, or in ``_labelTrainIds.png`` where there are such.
"""

from pathlib import Path

from visus.data.left_out import Notes
from visus.data.splits import files_below, folders_in, split_of

CITYSCAPES = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26, "truck": 27,
    "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip
"""The classes that are measured, in the order of their training numbers, with their number in ``_labelIds``."""

MOST_LABEL = 33
_PICTURES, _MASKS, _COARSE = "leftImg8bit", "gtFine", "gtCoarse"
_TRAIN_IDS, _IDS = "_labelTrainIds.png", "_labelIds.png"


def is_cityscapes(root: Path) -> bool:
    """Whether a folder is laid out as Cityscapes."""
    return _pictures_of(root).is_dir() and _masks_of(root).is_dir()


def _pictures_of(root: Path) -> Path:
    """The folder of the pictures; CVAT and Datumaro put another around it."""
    return root / _PICTURES if (root / _PICTURES).is_dir() else root / "imgsFine" / _PICTURES


def _masks_of(root: Path) -> Path:
    return root / _MASKS if (root / _MASKS).is_dir() else root / _COARSE


def holds_train_ids(root: Path) -> bool:
    """Whether there are masks with the numbers 0 to 18 beside those with 0 to 33."""
    return any(path.name.endswith(_TRAIN_IDS) for path in files_below(_masks_of(root)))


def cityscapes_pairs(root: Path, notes: Notes) -> dict[str, tuple[list[str], list[str]]]:
    """Pictures and masks by split; of a city without a split as one part.

    Args:
        root: The folder.
        notes: Told of pictures without a mask, and of masks without a picture.
    """
    folder = _masks_of(root)
    ending = _TRAIN_IDS if holds_train_ids(root) else _IDS
    masks = {path.name.split(f"_{folder.name}")[0]: path for path in files_below(folder) if path.name.endswith(ending)}
    notes.beside |= {str(path) for path in files_below(folder)}
    pairs: dict[str, tuple[list[str], list[str]]] = {}
    for inner in folders_in(_pictures_of(root)):
        split = split_of(inner.name) or ""
        for path in files_below(inner):
            name = path.name.split(f"_{_PICTURES}")[0]
            if name not in masks:
                notes.unlabeled.append((split, str(path)))
                continue
            files, found = pairs.setdefault(split, ([], []))
            files.append(str(path))
            found.append(str(masks[name]))
    used = {mask for _, own in pairs.values() for mask in own}
    shown = {"", *(inner.name for inner in folders_in(_pictures_of(root)))}
    alone = sorted(path for path in masks.values() if str(path) not in used)
    for part in sorted({_part(path, folder) for path in alone} - shown):
        notes.remarks.append(f"There are masks of {part} and no pictures; they are not used.")
    for mask in (path for path in alone if _part(path, folder) in shown):
        notes.drop_alone(mask)
    return pairs


def _part(path: Path, folder: Path) -> str:
    """The folder of a split in which a file lies; empty where it lies in none."""
    first, *inner = path.relative_to(folder).parts
    return first if inner else ""
