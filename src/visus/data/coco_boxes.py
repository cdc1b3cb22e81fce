"""COCO's annotations as boxes: what each picture's objects are, with their shapes.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from visus._errors import FormatError, InputError
from visus.data.coco import annotation_files, categories_of, inside_folder, picture_folder

Named = tuple[list[str], list[list[dict[str, Any]]]]
"""Files, and for each its objects: ``name``, ``box``, ``crowd`` and ``shape``."""


def read_coco_boxes(root: Path, mends: Counter[str]) -> tuple[tuple[str, ...], dict[str, Named]]:
    """Classes, and pictures with their objects by split.

    Args:
        root: The folder.
        mends: What was left out, counted by reason.

    Raises:
        InputError: An annotation file is damaged, or the splits differ in their categories.
    """
    classes: tuple[str, ...] = ()
    splits: dict[str, Named] = {}
    for split, path in annotation_files(root).items():
        try:
            names, pair = _split(json.loads(path.read_text(encoding="utf-8")), path, split, mends)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise FormatError(f"{path} holds no annotations of COCO's form ({error!r}); mend it.") from error
        if classes and names != classes:
            raise InputError(f"{path} has other categories than the split before it; give all splits the same.")
        classes, splits[split] = names, pair
    return classes, splits


def _split(content: dict[str, Any], path: Path, split: str, mends: Counter[str]) -> tuple[tuple[str, ...], Named]:
    categories = categories_of(content)
    names = {entry["id"]: str(entry["name"]) for entry in categories}
    if len(set(names.values())) < len(categories):
        raise InputError(f"{path} has two categories of one name or number; rename one.")
    rows: dict[Any, list[dict[str, Any]]] = {entry["id"]: [] for entry in content["images"]}
    if len(rows) < len(content["images"]):
        raise InputError(f"{path} has two pictures of one number; number them anew.")
    sizes = {entry["id"]: _size(entry) for entry in content["images"]}
    for entry in content["annotations"]:
        if entry["category_id"] not in names:
            mends["of an unknown category, left out"] += 1
        elif entry["image_id"] not in rows:
            mends["on a picture that is not listed, left out"] += 1
        elif (corners := _corners(entry)) is None:
            mends["with a malformed box, left out"] += 1
        else:
            own = {
                "name": names[entry["category_id"]],
                "box": corners,
                "crowd": bool(entry.get("iscrowd", 0)),
                "difficult": bool(entry.get("difficult", 0)),
                "shape": entry.get("segmentation") or None,
                "area": float(entry.get("area", "nan")),
                "size": sizes[entry["image_id"]],
            }
            rows[entry["image_id"]].append(own)
    folder = picture_folder(path, split, content["images"])
    files = [inside_folder(folder, entry["file_name"], path) for entry in content["images"]]
    return tuple(names.values()), (files, list(rows.values()))


@dataclass(frozen=True, slots=True)
class Numbers:
    """What COCO's results call pictures and classes.

    Attributes:
        pictures: Number of each picture.
        classes: Number of each class.
    """

    pictures: list[Any]
    classes: list[Any]


def numbers_of(root: Path, files: Sequence[str], classes: Sequence[str]) -> Numbers | None:
    """The numbers that an annotation file gives some pictures, and the classes; None if no file lists all of them.

    A class that it does not have gets a number that is free.
    """
    for split, path in annotation_files(root).items():
        content = json.loads(path.read_text(encoding="utf-8"))
        folder = picture_folder(path, split, content["images"])
        own = {inside_folder(folder, entry["file_name"], path): entry["id"] for entry in content["images"]}
        if not own.keys() >= set(files):
            continue
        known = {str(entry["name"]): entry["id"] for entry in content["categories"]}
        free = count(1 + max((number for number in known.values() if isinstance(number, int)), default=0))
        return Numbers([own[file] for file in files], [known[n] if n in known else next(free) for n in classes])
    return None


def _size(entry: dict[str, Any]) -> tuple[int, int] | None:
    """Height and width of a picture, where they are said."""
    if "height" not in entry or "width" not in entry:
        return None
    return int(entry["height"]), int(entry["width"])


def _corners(entry: dict[str, Any]) -> list[float] | None:
    """A box by its edges; None where it is not four numbers."""
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        return None
    x, y, width, height = (float(value) for value in box)
    return [x, y, x + width, y + height]
