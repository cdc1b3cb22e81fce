"""Where pictures and their masks lie: folders side by side, or Pascal VOC."""

from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.folder import SPLITS
from visus.images import is_picture_name

Pairs = dict[str, tuple[list[str], list[Any]]]
"""Files of pictures and entries of masks, by split; ``""`` where there are none."""

_PICTURES = ("images", "image", "pictures")
_MASKS = ("masks", "labels", "annotations", "mask", "label")
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
LAYOUTS = (
    "{train,val,test}/images with {train,val,test}/masks, images with masks, JPEGImages with SegmentationClass (VOC), "
    "train with train.json (COCO), or imagesTr with labelsTr (NIfTI)"
)


def folder_pairs(root: Path) -> Pairs:
    """``SPLIT/images`` with ``SPLIT/masks``, ``images/SPLIT`` with ``masks/SPLIT``, or ``images`` with ``masks``.

    Raises:
        InputError: There is nothing of the kind.
    """
    pairs: Pairs = {}
    for folder in sorted(root.iterdir()):
        split = SPLITS.get(folder.name.lower())
        if split and folder.is_dir() and _both(folder):
            pairs[split] = _matched(*_sides(folder))
    if not pairs and _both(root):
        pictures, masks = _sides(root)
        inner = {SPLITS[p.name.lower()]: p.name for p in pictures.iterdir() if p.is_dir() and p.name.lower() in SPLITS}
        if inner:
            pairs = {split: _matched(pictures / name, masks / name) for split, name in sorted(inner.items())}
        else:
            pairs[""] = _matched(pictures, masks)
    if not pairs:
        raise InputError(f"{root} holds no pictures with masks; lay them out as {LAYOUTS}.")
    return pairs


def _both(folder: Path) -> bool:
    return any((folder / n).is_dir() for n in _PICTURES) and any((folder / n).is_dir() for n in _MASKS)


def _sides(folder: Path) -> tuple[Path, Path]:
    pictures = next(folder / n for n in _PICTURES if (folder / n).is_dir())
    return pictures, next(folder / n for n in _MASKS if (folder / n).is_dir())


def _matched(pictures: Path, masks: Path) -> tuple[list[str], list[str]]:
    """Pictures and the masks of the same name, or of that name with ``_mask`` or ``_L`` behind it.

    Raises:
        InputError: A picture has no mask, or a folder is missing.
    """
    if not masks.is_dir():
        raise InputError(f"{pictures} has no masks beside it in {masks}; bring them.")
    by_stem = {p.stem: str(p) for p in sorted(masks.iterdir()) if is_picture_name(p.name) and p.name[0] != "."}
    files = sorted(p for p in pictures.iterdir() if is_picture_name(p.name) and p.name[0] != ".")
    found = []
    for file in files:
        mask = next((by_stem[s] for s in (file.stem, f"{file.stem}_mask", f"{file.stem}_L") if s in by_stem), None)
        if mask is None:
            raise InputError(f"{file} has no mask {masks / file.stem}.png; bring it, or take the picture away.")
        found.append(mask)
    return [str(file) for file in files], found


def voc_pairs(root: Path) -> Pairs:
    """The lists of ``ImageSets/Segmentation``, or all that have a mask.

    Raises:
        InputError: A picture or a mask that is listed is missing.
    """
    pictures, masks, lists = root / "JPEGImages", root / "SegmentationClass", root / "ImageSets" / "Segmentation"
    named = {SPLITS[p.stem]: p for p in sorted(lists.glob("*.txt")) if p.stem in SPLITS} if lists.is_dir() else {}
    stems = {split: path.read_text(encoding="utf-8", errors="replace").split() for split, path in named.items()}
    stems = stems or {"": sorted(p.stem for p in masks.glob("*.png"))}
    pairs: Pairs = {}
    for split, members in stems.items():
        for stem in members:
            for place in (pictures / f"{stem}.jpg", masks / f"{stem}.png"):
                if not place.is_file():
                    raise InputError(f"{place}, which {named.get(split, masks)} names, does not exist; bring it.")
        pairs[split] = [str(pictures / f"{s}.jpg") for s in members], [str(masks / f"{s}.png") for s in members]
    return pairs
