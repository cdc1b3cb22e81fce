"""Where pictures and their masks lie: folders side by side, pairs in one folder, or Pascal VOC."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from visus._errors import InputError
from visus.data.layout_words import MASKS, PICTURES, labels_of
from visus.data.left_out import Notes
from visus.data.splits import files_below, files_in, folders_in, paths_below, seen_through, split_of
from visus.images import is_picture_name

Pairs = dict[str, tuple[list[str], list[Any]]]
"""Files of pictures and entries of masks, by split; ``""`` where there are none."""

_ENDINGS = (
    "", "_mask", "-mask", "_L", "_seg", "_gt", "_label", "_labels", "_segmentation", "_groundtruth", "_matte", "_m",
    "_manual1", "_1stHO",
)  # fmt: skip
"""What the name of a mask has behind that of its picture."""

_BEGINNINGS = ("mask_", "mask-", "seg_", "gt_", "label_", "labels_")
_BESIDE = ("_mask", "-mask", "_1stHO")
_SECOND = ("_manual2", "_2ndHO")  # of another observer
_OF_SPLIT = re.compile(r"[-_](?:training|train|test)$", re.IGNORECASE)  # 21_training.tif has 21_manual1.gif
_MASK_NAME = re.compile(r"(.+?)[-_ ](mask|seg|segmentation|gt|groundtruth|label)(?:[-_ ]?\d+)?", re.IGNORECASE)
_OF_MASKS = re.compile(r"mask|segment|label|truth|annot|(?:^|[-_ ])gt(?:[-_ ]|$)", re.IGNORECASE)
_PHOTOS = (".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_LOOKED_AT = 3
_CHANNEL = "_0000"  # behind the name of a picture, as nnU-Net has it

LAYOUTS = (
    "{train,val,test}/images with {train,val,test}/masks, images with masks, JPEGImages with SegmentationClass (VOC), "
    "train with train.json (COCO), imagesTr with labelsTr (NIfTI), or as an annotation tool exports them"
)


def mask_of(file: str) -> str | None:
    """The name of the picture that a file beside it is the mask of, by its own name; None if it tells of none.

    A label may be that of a bottle: a file of this name is a mask only if it is gray.

    >>> mask_of("pets/cat (1)_mask_1.png"), mask_of("pets/cat.png")
    ('cat (1)', None)
    """
    match = _MASK_NAME.fullmatch(os.path.splitext(os.path.basename(file))[0])
    return match[1] if match and (match[2].lower() != "label" or _is_gray(Path(file))) else None


def has_masks(root: Path) -> bool:
    """Whether a folder holds pictures with masks in one of these layouts."""
    try:
        return is_voc(root) or bool(_places(root))
    except InputError:  # several folders of masks
        return True


def is_voc(root: Path) -> bool:
    """Whether a folder is laid out as Pascal VOC's segmentation."""
    return (root / "JPEGImages").is_dir() and _holds_pictures(root / "SegmentationClass")


def folder_pairs(root: Path, notes: Notes) -> Pairs:
    """``SPLIT/images`` with ``SPLIT/masks``, ``images/SPLIT`` with ``masks/SPLIT``, ``images`` with ``masks``; pairs.

    Args:
        root: The folder.
        notes: Told of pictures without a mask.

    Raises:
        InputError: There is nothing of the kind, or several folders hold the masks.
    """
    places = _places(root)
    if not places:
        raise InputError(f"{root} holds no pictures with masks; lay them out as {LAYOUTS}.")
    for folder in folders_in(root) if places.keys() - {""} else ():
        if (split := split_of(folder.name)) and split not in places:
            bare = [(split, str(own)) for own in files_below(folder) if is_picture_name(own.name)]
            notes.unlabeled += bare
            notes.remarks += [] if bare else [f"{folder} holds no pictures."]
    return {split: _matched(pictures, masks, split, notes) for split, (pictures, masks) in places.items()}


def _places(root: Path) -> dict[str, tuple[Path, Path]]:
    """The folders of pictures and of masks, by split."""
    inside = {split: _sides(seen_through(folder)) for folder in folders_in(root) if (split := split_of(folder.name))}
    own = {split: sides for split, sides in inside.items() if sides}
    if own:
        return own
    sides = _sides(root)
    if not sides:
        return _beside(root)
    pictures, masks = sides
    inner = {split: folder for folder in folders_in(pictures) if (split := split_of(folder.name))}
    beside = {split: folder for folder in folders_in(masks) if (split := split_of(folder.name))}
    both = {split: (folder, beside[split]) for split, folder in sorted(inner.items()) if split in beside}
    return both or {"": sides}


def _beside(root: Path) -> dict[str, tuple[Path, Path]]:
    """Folders such as ``train`` with ``train_masks`` or ``trainannot``, ``default`` with ``defaultannot``.

    Raises:
        InputError: Several folders hold masks of the same pictures.
    """
    folders = [own for own in folders_in(root) if _holds_pictures(own)]
    found: dict[str, list[tuple[Path, Path]]] = defaultdict(list)
    for masks in folders:
        of = labels_of(masks.name)
        alike = [own for own in folders if of and own != masks and labels_of(own.name) is None and _is_of(own.name, of)]
        if len(alike) == 1:
            found[split_of(alike[0].name) or ""].append((alike[0], masks))
    if not found and (sides := masks_among(folders)):
        found[""] = sides
    for (pictures, masks), *others in found.values():
        if same := [own.name for of, own in others if of == pictures]:
            names = ", ".join([masks.name, *same])
            raise InputError(f"{names} in {root} each hold masks for {pictures.name}; move away all but one.")
    return {split: sides[0] for split, sides in found.items()}


def masks_among(folders: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Pairs of some folders that hold pictures and masks by the same names: of each folder of masks.

    One has a word for labels in its name, and most of its files are called as one of the other with a word for masks
    behind, or are gray and called the same, or the same with anything behind.
    """
    found = []
    for masks in folders:
        others = [own for own in folders if own != masks and not _OF_MASKS.search(own.name)]
        if len(others) != 1 or not _OF_MASKS.search(masks.name):
            continue
        known = {Path(path).stem for path in paths_below(others[0]) if is_picture_name(path)}
        files = [Path(path) for path in paths_below(masks) if is_picture_name(path)]
        same = sum(path.stem in known for path in files)
        longer = sum(
            any(path.stem.endswith(own) and path.stem.removesuffix(own) in known for own in _ENDINGS[1:])
            for path in files
        )
        named = sum(any(part in known for part in _beginnings(path.stem)) for path in files) - same
        if 2 * longer > len(files) or (2 * max(same, named) > len(files) and all(map(_is_gray, files[:_LOOKED_AT]))):
            found.append((others[0], masks))
    return found


def _is_of(name: str, of: str) -> bool:
    """Whether a folder of pictures has the name that one of masks tells: the same, or the same split."""
    return name.lower() == of or (split_of(of) is not None and split_of(name) == split_of(of))


def _sides(folder: Path) -> tuple[Path, Path] | None:
    """The folders of pictures and of masks in one, or twice the folder itself where they lie as pairs."""
    named = {own.name.lower(): own for own in folders_in(folder)}
    masks = next((named[name] for name in MASKS if name in named and _holds_pictures(named[name])), None)
    pictures = next((named[name] for name in PICTURES if name in named and named[name] != masks), None)
    if pictures and masks:
        return pictures, masks
    files = [path for path in files_in(folder) if is_picture_name(path.name)]
    stems = {path.stem for path in files}
    paired = any(f"{stem}{ending}" in stems for stem in stems for ending in _BESIDE)
    return (folder, folder) if paired or _twins(files) else None


def _twins(files: Sequence[Path]) -> dict[Path, Path]:
    """Photographs and the PNG files of their names beside them, if every one has such and they are gray: masks."""
    photos = {path.stem: path for path in files if path.suffix.lower() in _PHOTOS}
    masks = {path.stem: path for path in files if path.suffix.lower() == ".png"}
    if not photos or photos.keys() != masks.keys() or len(photos) + len(masks) != len(files):
        return {}
    gray = all(_is_gray(masks[stem]) and not _is_gray(photos[stem]) for stem in sorted(photos)[:_LOOKED_AT])
    return {photos[stem]: masks[stem] for stem in sorted(photos)} if gray else {}


def _is_gray(path: Path) -> bool:
    """Whether a file holds one channel or numbers, by its header; not one that cannot be read."""
    try:
        with Image.open(path) as picture:
            return picture.mode in ("1", "L", "P", "I", "I;16")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _holds_pictures(folder: Path) -> bool:
    return folder.is_dir() and any(is_picture_name(path.name) for path in files_below(folder))


def _matched(pictures: Path, masks: Path, split: str, notes: Notes) -> tuple[list[str], list[str]]:
    """Pictures and the masks of the same name, or of that name with an ending behind it; the others are told."""
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in files_below(masks):
        if is_picture_name(path.name):
            by_stem[path.stem].append(path)
    same = pictures == masks
    if same and (twins := _twins([path for path in files_in(masks) if is_picture_name(path.name)])):
        return [str(path) for path in twins], [str(path) for path in twins.values()]
    if same:
        taken = {f"{stem}{ending}" for stem in by_stem for ending in (*_ENDINGS[1:], *_SECOND)}
        files = [path for own in by_stem.values() for path in own if path.stem not in taken]
    else:
        files = [path for path in files_below(pictures) if is_picture_name(path.name)]
    found, kept = [], []
    for file in files:
        mask = _mask_for(file, pictures, masks, by_stem, _ENDINGS[1:] if same else _ENDINGS)
        if mask is None:
            notes.unlabeled.append((split, str(file)))
            continue
        kept.append(str(file))
        found.append(str(mask))
    _tell_alone({path for own in by_stem.values() for path in own} - {*map(Path, found)}, files, notes)
    return kept, found


def _tell_alone(masks: set[Path], pictures: Sequence[Path], notes: Notes) -> None:
    """Leave out masks whose picture is missing; further masks of a picture are only not used."""
    whole = {picture.stem for picture in pictures}
    begins = {part for stem in whole for part in _beginnings(stem)}
    for mask in sorted(masks - {*pictures}):
        plain = next((mask.stem.removeprefix(own) for own in _BEGINNINGS if mask.stem.startswith(own)), mask.stem)
        short = next((plain.removesuffix(own) for own in _ENDINGS[1:] if plain.endswith(own)), plain)
        if not whole & {*_beginnings(plain)} and short not in begins:
            notes.drop_alone(mask)


def _beginnings(stem: str) -> Iterator[str]:
    """A name, and what stands before each of its separators."""
    yield stem
    yield from (stem[: own.start()] for own in _BETWEEN.finditer(stem) if own.start())


_BETWEEN = re.compile(r"[-_. ]")


def _mask_for(
    file: Path, pictures: Path, masks: Path, by_stem: dict[str, list[Path]], endings: tuple[str, ...]
) -> Path | None:
    """The mask of a picture: the only one of a name that fits, or the one in the folder of the same name."""
    stem = file.stem
    names = [stem + ending for ending in endings] + [own + stem for own in _BEGINNINGS] + [file.name]
    names += [stem.removesuffix(_CHANNEL)] if stem.endswith(_CHANNEL) else []
    names += [_OF_SPLIT.sub("", stem) + "_manual1"]
    inside = file.parent.relative_to(pictures)
    for name in names:
        fits = by_stem.get(name, [])
        there = [path for path in fits if path.parent.relative_to(masks) == inside]
        if len(there) == 1 or len(fits) == 1:
            return (there or fits)[0]
    return None


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
