"""COCO's panoptic form: a PNG file for each picture whose colors number segments, and a JSON file with their classes.

Kirillov et al., "Panoptic segmentation", CVPR 2019. A color stands for red + 256 green + 65536 blue; 0 is nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visus._errors import InputError
from visus.data.coco import is_panoptic_content, picture_folder
from visus.data.gather import DAMAGED, Entry, Rows, gather, json_files, region
from visus.data.left_out import Notes
from visus.data.splits import split_of
from visus.images import MAX_PIXELS


def is_panoptic(root: Path) -> bool:
    """Whether a folder holds such a file."""
    return bool(_files(root))


def _files(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [(path, content) for path, content in json_files(root) if is_panoptic_content(content)]


def read_panoptic(root: Path, notes: Notes) -> tuple[tuple[str, ...], dict[str, Rows]]:
    """The categories, and pictures with their segments by split.

    Segments of categories that cannot be counted (sky, road) have ``stuff``.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A file is damaged.
    """
    names: list[str] = []
    lists = []
    for path, content in _files(root):
        lists.append((path, _entries(path, content, root, notes)))
        names += [str(entry["name"]) for entry in content.get("categories", [])]
    return tuple(dict.fromkeys(names)), gather(lists, "is no annotation of COCO's panoptic form", root, notes)


def _entries(path: Path, content: dict[str, Any], root: Path, notes: Notes) -> Iterator[Entry]:
    categories = {entry["id"]: entry for entry in content["categories"]}
    pictures = {entry["id"]: str(entry["file_name"]) for entry in content.get("images", [])}
    split = split_of(path.stem.split("_")[-1]) or ""
    folder = picture_folder(path, split, content.get("images", []))
    for entry in content["annotations"]:
        name = pictures.get(entry["image_id"], Path(entry["file_name"]).stem)
        if (folder / name).is_file():
            name = (folder / name).relative_to(root).as_posix()
        own = Path(entry["file_name"]).name
        mask = next((p / own for p in (path.with_suffix(""), path.parent) if (p / own).is_file()), path.parent / own)
        notes.beside.add(str(mask))
        try:
            rows = _rows(numbers_of(mask), entry["segments_info"], categories, notes)
        except (*DAMAGED, InputError) as error:
            notes.drop(mask, f"{mask} cannot be used ({error}); mend it.")
            continue
        yield name, split, rows


def _rows(
    numbers: NDArray[np.int64], segments: list[dict[str, Any]], categories: dict[Any, Any], notes: Notes
) -> list[dict[str, Any]]:
    rows = []
    size = numbers.shape
    for segment in segments:
        category = categories.get(segment["category_id"])
        inside = numbers == int(segment["id"])
        if category is None or not inside.any():
            notes.mends["of an unknown category, or not in its picture of segments, left out"] += 1
            continue
        stuff = not category.get("isthing", 1)
        crowd = bool(segment.get("iscrowd", 0))
        rows.append({"name": str(category["name"]), **region(inside), "size": size, "stuff": stuff, "crowd": crowd})
    return rows


def numbers_of(path: Path) -> NDArray[np.int64]:
    """The number of the segment that each position belongs to, ``(H, W)`` int64.

    Raises:
        ValueError: The file is damaged, or larger than any picture.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError("it is larger than any picture")
            return np.asarray(picture.convert("RGB"), np.int64) @ np.array([1, 256, 65536])
    except (SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"it is damaged: {error}") from error
