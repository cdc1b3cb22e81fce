"""COCO's annotations as masks: polygons and run lengths of objects, laid into one mask for each picture.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014. Class 0 is what no object covers. Where objects
overlap, the smaller one lies on top.
"""

import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError, InputError
from visus.data.folder import SPLITS
from visus.data.masks import MOST_CLASSES, Mask
from visus.images import MAX_PIXELS

BACKGROUND = "background"
_SPLITS = "|".join(SPLITS)
_USUAL = re.compile(rf"(?:instances_)?({_SPLITS})\d*\.json", re.IGNORECASE)  # beside them lie captions and key points
_OTHER = re.compile(rf".+[_.-]({_SPLITS})\d*\.json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one picture.

    Attributes:
        size: Height and width.
        classes: The class of each object, from 1 on.
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
    folders = [folder for folder in (root, root / "annotations") if folder.is_dir()]
    files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    usual = _of_splits(files, _USUAL)
    if usual:
        return usual
    inner = {p.name.lower(): sorted(p.glob("*.json")) for p in sorted(root.iterdir()) if p.name.lower() in SPLITS}
    alone = {SPLITS[name]: own[0] for name, own in inner.items() if len(own) == 1 and _is_coco(own[0])}
    if alone:
        return alone
    named = _of_splits([path for path in files if _OTHER.fullmatch(path.name) and _is_coco(path)], _OTHER)
    if not named and len(files) == 1 and _is_coco(files[0]):
        return {"": files[0]}
    return named


def _of_splits(files: list[Path], pattern: re.Pattern[str]) -> dict[str, Path]:
    """The first file of each split by its name."""
    found: dict[str, Path] = {}
    for path in files:
        match = pattern.fullmatch(path.name)
        if match:
            found.setdefault(SPLITS[match[1].lower()], path)
    return found


def read_json(path: Path) -> Any:  # noqa: ANN401
    """What a JSON file holds; some tools of Windows begin it with a byte order mark."""
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _is_coco(path: Path) -> bool:
    try:
        content = read_json(path)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def read_coco(files: dict[str, Path]) -> tuple[tuple[str, ...], dict[str, tuple[list[str], list[Objects]]]]:
    """Classes, and the files and objects of each split, from its annotation file.

    Raises:
        InputError: An annotation file is damaged, or the splits differ in their categories.
    """
    classes: tuple[str, ...] = ()
    splits: dict[str, tuple[list[str], list[Objects]]] = {}
    for split, path in files.items():
        try:
            content = read_json(path)
            names, pair = _split(content, path, split)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise FormatError(f"{path} holds no annotations of COCO's form ({error!r}); mend it.") from error
        if classes and names != classes:
            raise InputError(f"{path} has other categories than the split before it; give all splits the same.")
        classes, splits[split] = names, pair
    return classes, splits


def _split(content: dict[str, Any], path: Path, split: str) -> tuple[tuple[str, ...], tuple[list[str], list[Objects]]]:
    categories = categories_of(content)
    if len(categories) >= MOST_CLASSES:
        raise InputError(f"{path} has {len(categories)} categories; a mask holds up to {MOST_CLASSES - 1}.")
    number = {entry["id"]: k for k, entry in enumerate(categories, 1)}
    folder = picture_folder(path, split, content["images"])
    objects = {entry["id"]: Objects(_size(entry, path), [], []) for entry in content["images"]}
    for entry in sorted(content["annotations"], key=lambda entry: -float(entry.get("area", 0))):
        at = objects.get(entry["image_id"])
        if at is None or entry["category_id"] not in number:
            raise InputError(
                f"{path}: annotation {entry.get('id')} names a picture or a category that is not there; mend it."
            )
        if entry["segmentation"]:  # an object without a shape covers nothing
            at.classes.append(number[entry["category_id"]])
            at.shapes.append(entry["segmentation"])
    files = [inside_folder(folder, entry["file_name"], path) for entry in content["images"]]
    names = (BACKGROUND, *(str(entry["name"]) for entry in categories))
    if len(set(names)) < len(names) or len(number) < len(categories):
        raise InputError(f"{path} has two categories of one name or number, or one called {BACKGROUND}; rename it.")
    return names, (files, [objects[entry["id"]] for entry in content["images"]])


def _size(entry: dict[str, Any], path: Path) -> tuple[int, int]:
    """Height and width of a picture, if they can be.

    Raises:
        InputError: They cannot.
    """
    height, width = int(entry["height"]), int(entry["width"])
    if min(height, width) < 1 or height * width > MAX_PIXELS:
        raise InputError(f"{path} gives {entry.get('file_name')} the size {width}x{height}, which cannot be; mend it.")
    return height, width


def categories_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The categories of an annotation file by their number.

    Roboflow's files begin with one that stands above all others and has no objects; it is left out.
    """
    entries = sorted(content["categories"], key=lambda entry: entry["id"])
    above = {entry.get("supercategory") for entry in entries}
    used = {entry["category_id"] for entry in content["annotations"]}
    return [
        entry
        for entry in entries
        if entry.get("supercategory") != "none" or entry["name"] not in above or entry["id"] in used
    ]


def picture_folder(path: Path, split: str, images: list[dict[str, Any]]) -> Path:
    """Where the pictures of an annotation file lie: in a folder of its name or the split's, in images, or beside it."""
    root = path.parent if path.parent.name != "annotations" else path.parent.parent
    names = [path.stem.removeprefix("instances_"), split]
    places = [base / name for base in (root, root / "images") for name in names]
    there = [place for place in [*places, root / "images"] if place.is_dir()] + [root]
    first = str(images[0]["file_name"]).replace("\\", "/") if images else ""
    return next((place for place in there if (place / first).is_file()), there[0])


def inside_folder(folder: Path, name: str, path: Path) -> str:
    """The picture of a name.

    Raises:
        InputError: It lies outside of the folder.
    """
    if "\\" in name and not (folder / name).exists():  # written on Windows
        name = name.replace("\\", "/")
    place = (folder / name).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise InputError(f"{path} names the picture {name!r}, which lies outside of {folder}; mend it.")
    return str(folder / name)


def draw(objects: Objects) -> Mask:
    """The mask of a picture, ``(H, W)`` uint8: the class of each position, 0 where no object is.

    Raises:
        FormatError: A polygon or a run length cannot be read.
    """
    mask = np.zeros(objects.size, np.uint8)
    for label, shape in zip(objects.classes, objects.shapes, strict=True):
        mask[decode(shape, objects.size)] = label
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
