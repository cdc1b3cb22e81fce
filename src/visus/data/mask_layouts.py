"""Where pictures and their masks lie: folders side by side, pairs in one folder, or Pascal VOC."""

from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.left_out import Notes
from visus.data.splits import files_in, folders_in, split_of
from visus.images import is_picture_name

Pairs = dict[str, tuple[list[str], list[Any]]]
"""Files of pictures and entries of masks, by split; ``""`` where there are none."""

_PICTURES = ("images", "image", "pictures", "imgs", "img", "jpegimages")
_MASKS = ("masks", "mask", "labels", "label", "annotations", "segmentations", "segmentationclass", "gt", "ground_truth")
_ENDINGS = ("", "_mask", "-mask", "_L", "_seg", "_gt", "_label", "_labels", "_segmentation")
"""What the name of a mask has behind that of its picture."""

LAYOUTS = (
    "{train,val,test}/images with {train,val,test}/masks, images with masks, JPEGImages with SegmentationClass (VOC), "
    "train with train.json (COCO), imagesTr with labelsTr (NIfTI), or as an annotation tool exports them"
)


def has_masks(root: Path) -> bool:
    """Whether a folder holds pictures with masks in one of these layouts."""
    return is_voc(root) or bool(_places(root))


def is_voc(root: Path) -> bool:
    """Whether a folder is laid out as Pascal VOC's segmentation."""
    return (root / "JPEGImages").is_dir() and (root / "SegmentationClass").is_dir()


def folder_pairs(root: Path, notes: Notes) -> Pairs:
    """``SPLIT/images`` with ``SPLIT/masks``, ``images/SPLIT`` with ``masks/SPLIT``, ``images`` with ``masks``; pairs.

    Args:
        root: The folder.
        notes: Told of pictures without a mask.

    Raises:
        InputError: There is nothing of the kind.
    """
    places = _places(root)
    if not places:
        raise InputError(f"{root} holds no pictures with masks; lay them out as {LAYOUTS}.")
    return {split: _matched(pictures, masks, split, notes) for split, (pictures, masks) in places.items()}


def _places(root: Path) -> dict[str, tuple[Path, Path]]:
    """The folders of pictures and of masks, by split."""
    inside = {split: _sides(folder) for folder in folders_in(root) if (split := split_of(folder.name))}
    inside = {split: _sides(folder) for folder in folders_in(root) if (split := split_of(folder.name))}
    own = {split: sides for split, sides in inside.items() if sides}
    if own:
        return own
    sides = _sides(root)
    if not sides:
        return {}
    pictures, masks = sides
    inner = {split: folder for folder in folders_in(pictures) if (split := split_of(folder.name))}
    beside = {split: folder for folder in folders_in(masks) if (split := split_of(folder.name))}
    both = {split: (folder, beside[split]) for split, folder in sorted(inner.items()) if split in beside}
    return both or {"": sides}


def _sides(folder: Path) -> tuple[Path, Path] | None:
    """The folders of pictures and of masks in one, or twice the folder itself where they lie as pairs."""
    named = {own.name.lower(): own for own in folders_in(folder)}
    pictures = next((named[name] for name in _PICTURES if name in named), None)
    masks = next((named[name] for name in _MASKS if name in named and _holds_pictures(named[name])), None)
    if pictures and masks:
        return pictures, masks
    stems = {path.stem for path in files_in(folder) if is_picture_name(path.name)}
    paired = any(f"{stem}{ending}" in stems for stem in stems for ending in _ENDINGS[1:3])
    return (folder, folder) if paired else None


def _holds_pictures(folder: Path) -> bool:
    return any(is_picture_name(path.name) for own in (folder, *folders_in(folder)) for path in files_in(own))


def _matched(pictures: Path, masks: Path, split: str, notes: Notes) -> tuple[list[str], list[str]]:
    """Pictures and the masks of the same name, or of that name with an ending behind it; the others are told."""
    by_stem = {path.stem: path for path in files_in(masks) if is_picture_name(path.name)}
    endings = _ENDINGS[1:] if pictures == masks else _ENDINGS
    if pictures == masks:
        taken = {f"{stem}{ending}" for stem in by_stem for ending in endings}
        files = [path for path in by_stem.values() if path.stem not in taken]
    else:
        files = [path for path in files_in(pictures) if is_picture_name(path.name)]
    found, kept = [], []
    for file in files:
        mask = next((by_stem[stem] for ending in endings if (stem := file.stem + ending) in by_stem), None)
        if mask is None:
            notes.unlabeled.append((split, str(file)))
            continue
        kept.append(str(file))
        found.append(str(mask))
    return kept, found


def voc_pairs(root: Path, notes: Notes) -> Pairs:
    """The lists of ``ImageSets/Segmentation``, or all that have a mask.

    Args:
        root: The folder.
        notes: Told of pictures and masks that are listed and missing.
    """
    lists = root / "ImageSets" / "Segmentation"
    listed = {split: path for path in (files_in(lists) if lists.is_dir() else []) if (split := split_of(path.stem))}
    pictures, masks = ({p.stem: p for p in files_in(root / name)} for name in ("JPEGImages", "SegmentationClass"))
    stems = {split: path.read_text(encoding="utf-8", errors="replace").split() for split, path in listed.items()}
    pairs: Pairs = {}
    for split, members in (stems or {"": sorted(masks)}).items():
        files, found = pairs.setdefault(split, ([], []))
        for stem in members:
            if stem not in pictures or stem not in masks:
                missing = root / ("SegmentationClass" if stem in pictures else "JPEGImages") / stem
                notes.drop(
                    missing, f"{missing}, which {listed.get(split, masks.get(stem))} names, does not exist; bring it."
                )
                continue
            files.append(str(pictures[stem]))
            found.append(str(masks[stem]))
    return pairs
