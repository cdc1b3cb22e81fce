"""COCO's annotations as boxes: what each picture's objects are, with their shapes.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from visus._errors import FormatError, InputError
from visus.data.coco import annotation_files, categories_of, decode, inside_folder, picture_folder, read_json
from visus.images import MAX_PIXELS

Named = tuple[list[str], list[list[dict[str, Any]]]]
"""Files, and for each its objects: ``name``, ``box``, ``crowd`` and ``shape``."""


def read_coco_boxes(files: dict[str, Path], mends: Counter[str]) -> tuple[tuple[str, ...], dict[str, Named]]:
    """Classes, and pictures with their objects by split.

    Args:
        files: The annotation file of each split.
        mends: What was left out, counted by reason.

    Raises:
        InputError: An annotation file is damaged, or the splits differ in their categories.
    """
    classes: tuple[str, ...] = ()
    splits: dict[str, Named] = {}
    for split, path in files.items():
        try:
            names, pair = _split(read_json(path), path, split, mends)
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
                "shape": _shape(entry, mends),
                "area": float("nan") if entry.get("area") is None else float(entry["area"]),
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
        content = read_json(path)
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
    if entry.get("height") is None or entry.get("width") is None:
        return None
    return int(entry["height"]), int(entry["width"])


def _corners(entry: dict[str, Any]) -> list[float] | None:
    """A box by its edges, or that of its shape; None where it is not four numbers."""
    box = entry.get("bbox") or _around(entry.get("segmentation"))
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        return None
    x, y, width, height = (float(value) for value in box)
    return [x, y, x + width, y + height]


def _around(shape: Any) -> list[float] | None:  # noqa: ANN401 - from a file
    """The box (x, y, width, height) around a shape, of an object that has no other; None around none."""
    try:
        if isinstance(shape, dict):
            return _around_runs(shape)
        corners = [float(value) for polygon in shape or [] for value in polygon]
    except (FormatError, KeyError, TypeError, ValueError):
        return None
    if not corners:
        return None
    xs, ys = corners[0::2], corners[1::2]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _around_runs(shape: dict[str, Any]) -> list[float] | None:
    height, width = (int(side) for side in shape["size"])
    if height * width > MAX_PIXELS:
        return None
    covered = decode(shape, (height, width))
    xs, ys = (np.flatnonzero(covered.any(axis)).tolist() for axis in (0, 1))
    return [float(xs[0]), float(ys[0]), float(xs[-1] + 1 - xs[0]), float(ys[-1] + 1 - ys[0])] if xs else None


def _shape(entry: dict[str, Any], mends: Counter[str]) -> Any:  # noqa: ANN401 - as COCO has it
    """Polygons or run lengths; None where there are none."""
    shape = entry.get("segmentation") or None
    if not isinstance(shape, list) or not all(isinstance(polygon, list) for polygon in shape):
        return shape
    mends["with a polygon of less than three corners, which is left out"] += any(0 < len(own) < 6 for own in shape)
    return [polygon for polygon in shape if len(polygon) >= 6] or None
