"""COCO's annotation files: where they lie, their pictures, and their shapes: polygons and run lengths.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.
"""

import json
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError, InputError
from visus.data.find import Finder
from visus.data.masks import Mask
from visus.data.splits import files_in, folders_in, split_of
from visus.data.texts import decoded

_USUAL = re.compile(r"(?:instances_)?([a-z]+)\d*", re.IGNORECASE)  # beside them lie captions and key points
_BETWEEN = re.compile(r"[_.\- ]")


BACKGROUND = "background"


def is_background(name: str) -> bool:
    """Whether a category stands for what no object covers.

    >>> is_background("_background_"), is_background("Background"), is_background("ground")
    (True, True, False)
    """
    return name.strip().strip("_").lower() in (BACKGROUND, "bg")


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one picture.

    Attributes:
        size: Height and width.
        classes: The class of each object, from 1 on; 255 where it does not count.
        shapes: Its polygons, or its run lengths, as COCO writes them.
    """

    size: tuple[int, int]
    classes: list[int]
    shapes: list[Any]


def annotation_files(root: Path) -> dict[str, Path]:
    """The annotation file of each split, or of ``""`` where there is one for all.

    They are ``train.json``, ``annotations/instances_train2017.json``, the only JSON file of the folder of a split
    (Roboflow), or the only one of the whole folder or of ``annotations`` (CVAT, Label Studio). Whatever has another
    name than the first two is looked into.
    """
    files = [path for folder in (root, *_annotations(root)) for path in _json_in(folder) if not _is_datumaros(path)]
    usual = _of_splits(files)
    if usual:
        return usual
    inner = {
        split: [path for place in (folder, *_annotations(folder)) for path in _json_in(place)]
        for folder in folders_in(root)
        if (split := split_of(folder.name))
    }
    alone = {split: own[0] for split, own in inner.items() if len(own) == 1 and is_coco(own[0])}
    if alone:
        return alone
    named_so = _with_a_word(files, root)
    if not named_so and len(files) == 1 and is_coco(files[0]):
        return {"": files[0]}
    return named_so


def _annotations(folder: Path) -> list[Path]:
    return [own for own in folders_in(folder) if own.name.lower() in ("annotations", "annotation", "labels")]


def _json_in(folder: Path) -> list[Path]:
    return [path for path in files_in(folder) if path.suffix.lower() == ".json"]


def _of_splits(files: list[Path]) -> dict[str, Path]:
    """The first file of each split that has a usual name."""
    found: dict[str, Path] = {}
    for path in files:
        match = _USUAL.fullmatch(path.stem)
        split = split_of(match[1]) if match else None
        if split:
            found.setdefault(split, path)
    return found


def _with_a_word(files: list[Path], root: Path) -> dict[str, Path]:
    """The file of each split that has a word for it in its name, such as ``train_annotations.json``.

    Raises:
        InputError: There are several for one split, such as those of folds.
    """
    found: dict[str, list[Path]] = {}
    for path in files:
        words = {split for word in _BETWEEN.split(path.stem) if (split := split_of(word.rstrip("0123456789")))}
        if len(words) == 1 and is_coco(path):
            found.setdefault(words.pop(), []).append(path)
    for split, paths in found.items():
        of_parts = [path for path in paths if "fold" in path.stem.lower()]
        if len(paths) > 1 and of_parts:
            named = ", ".join(path.name for path in paths[:3])
            raise InputError(
                f"{root} has several annotation files for {split} ({named}); leave the one of the fold that you want."
            )
    return {split: paths[0] for split, paths in found.items()}


def read_json(path: Path) -> Any:  # noqa: ANN401
    """What a JSON file holds; some tools of Windows begin it with a byte order mark, or write GB 18030."""
    return json.loads(decoded(path.read_bytes())[0])


def is_coco(path: Path) -> bool:
    """Whether a JSON file is of COCO's form for objects."""
    try:
        content = read_json(path)
    except (OSError, ValueError, RecursionError):
        return False
    known = isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()
    return known and not is_panoptic_content(content)


def is_panoptic_content(content: Any) -> bool:  # noqa: ANN401 - from a file
    """Whether the content of a JSON file is of COCO's panoptic form."""
    entries = content.get("annotations") if isinstance(content, dict) else None
    first = entries[0] if isinstance(entries, list) and entries else None
    return isinstance(first, dict) and "segments_info" in first


def _is_datumaros(path: Path) -> bool:
    """Whether a JSON file begins as those of Datumaro, whose categories are no list."""
    with path.open("rb") as file:
        return re.search(rb'"categories"\s*:\s*\{', file.read(_START)) is not None


_START = 1 << 16


def categories_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The categories of an annotation file by their number.

    Roboflow's files begin with one that stands above all others and has no objects; it is left out.
    """
    entries = sorted(content["categories"], key=lambda entry: entry["id"])
    above = {entry.get("supercategory") for entry in entries}
    used = {entry.get("category_id") for entry in content["annotations"]}
    return [
        entry
        for entry in entries
        if entry.get("supercategory") != "none" or entry["name"] not in above or entry["id"] in used
    ]


def picture_folder(path: Path, split: str, images: list[dict[str, Any]]) -> Path:
    """Where the pictures of an annotation file lie: in a folder of its name or the split's, in images, or beside it."""
    root = path.parent if path.parent.name != "annotations" else path.parent.parent
    names = [path.stem.removeprefix("instances_").removeprefix("panoptic_"), split, "data"]
    named = {
        base / own.name.lower(): own for base in (root, root / "images") if base.is_dir() for own in folders_in(base)
    }
    places = [named.get(base / name, base / name) for base in (root, root / "images") for name in names]
    there = [place for place in [*places, root / "images"] if place.is_dir()] + [root]
    first = str(images[0]["file_name"]).replace("\\", "/") if images else ""
    return next((place for place in there if (place / first).is_file()), there[0])


def inside_folder(folder: Path, name: str, path: Path, finder: Finder, split: str) -> str:
    """The picture of a name, in its folder or, by what its path ends in, elsewhere in the data set.

    Raises:
        InputError: It lies outside of the folder.
    """
    if "\\" in name and not (folder / name).exists():  # written on Windows
        name = name.replace("\\", "/")
    place = folder / name
    absolute = name.startswith("/") or name[1:2] == ":"
    if absolute and (found := finder.find(name, split=split)):
        return str(found)
    if not _lies_in(folder, name):
        raise InputError(f"{path} names the picture {name!r}, which lies outside of {folder}; mend it.")
    return str(place if os.path.isfile(place) else finder.find(name, split=split) or place)


def _lies_in(folder: Path, name: str) -> bool:
    """Whether a name is that of a file in a folder; the system is asked where it is no plain one."""
    place = folder / name
    if name not in ("", ".", "..") and "/" not in name and not os.path.islink(place):
        return True
    return place.resolve().is_relative_to(folder.resolve())


def draw(objects: Objects) -> Mask:
    """The mask of a picture, ``(H, W)`` uint8: the class of each position, 0 where no object is.

    Where objects overlap, the smaller one lies on top.

    Raises:
        FormatError: A polygon or a run length cannot be read.
    """
    mask = np.zeros(objects.size, np.uint8)
    inside = [decode(shape, objects.size) for shape in objects.shapes]
    for k in sorted(range(len(inside)), key=lambda k: -int(inside[k].sum())):
        mask[inside[k]] = objects.classes[k]
    return mask


def decode(shape: Any, size: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ANN401 - from a file
    """The positions that an object covers, ``(H, W)`` bool.

    Args:
        shape: Polygons, or run lengths, compressed or not, as COCO writes them.
        size: Height and width.

    Raises:
        FormatError: It cannot be read.
    """
    from pycocotools import mask as runs

    height, width = size
    encoded: Any
    try:
        _check_shape(shape, height, width)
        if isinstance(shape, list):
            encoded = runs.merge(runs.frPyObjects(shape, height, width))
        elif isinstance(shape["counts"], list):
            encoded = runs.frPyObjects(shape, height, width)
        else:
            encoded = {"size": shape["size"], "counts": shape["counts"].encode()}
        if list(encoded["size"]) != [height, width]:
            raise ValueError(f"its size is {encoded['size']}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pycocotools speaks an older NumPy
            return runs.decode(encoded).astype(bool)
    except Exception as error:  # a compiled library, which raises what it likes on bad input
        raise FormatError(f"A segmentation cannot be read ({error}); mend the annotation file.") from error


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask ``(H, W)`` bool as compressed run lengths: its ``size`` and its ``counts``, as COCO writes them."""
    from pycocotools import mask as runs

    coded: Any = runs.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(n) for n in coded["size"]], "counts": bytes(coded["counts"]).decode()}


def _check_shape(shape: Any, height: int, width: int) -> None:  # noqa: ANN401 - from a file
    """Whether a shape can be handed to the compiled library, which trusts what it is given.

    Raises:
        ValueError: It cannot.
    """
    if isinstance(shape, list):
        if any(len(polygon) < 6 or len(polygon) % 2 for polygon in shape):
            raise ValueError("a polygon needs three corners at least, two numbers each")
        reach = 2 * max(height, width)
        values = [float(value) for polygon in shape for value in polygon]
        if not all(-reach <= value <= reach for value in values):  # NaN is not
            raise ValueError("a corner lies far outside of the picture")
        return
    counts = shape["counts"]
    numbers = [int(n) for n in counts] if isinstance(counts, list) else _run_lengths(str(counts))
    if min(numbers, default=0) < 0 or sum(numbers) != height * width:
        raise ValueError("its run lengths do not fill the picture")


def _run_lengths(text: str) -> list[int]:
    """The numbers of compressed run lengths.

    Each is written in groups of five bits, the lowest first; from the fourth number on it is the difference to the
    number before the last.

    Raises:
        ValueError: They are damaged.
    """
    numbers: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("its run lengths are damaged")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise ValueError("its run lengths are damaged")
    return numbers
