"""Bring together what annotation files say of pictures, and the pictures, wherever they lie."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from visus.data.coco import read_json
from visus.data.find import Finder, split_in
from visus.data.left_out import Notes
from visus.data.splits import is_passed_over
from visus.images import is_picture_name

Rows = tuple[list[str], list[list[dict[str, Any]]]]
"""Files, and the objects of each."""

Entry = tuple[str, str, list[dict[str, Any]]]
"""What a picture is called, its split (empty for that of its folder), and its objects."""


def gather(entries: Iterable[Entry], source: Path, root: Path, notes: Notes) -> dict[str, Rows]:
    """Pictures and objects by split; entries of one picture are joined.

    Args:
        entries: What is said of pictures.
        source: The file that says it.
        root: The folder of the data set.
        notes: Told of pictures that are not there, and of those that no entry names.
    """
    finder = Finder(root)
    objects: dict[str, list[dict[str, Any]]] = {}
    splits: dict[str, str] = {}
    missing: set[str] = set()
    for name, split, rows in entries:
        found = finder.find(name, source.parent, source.parent / "images", split=split)
        if found is None:
            if name not in missing:
                notes.drop(source.parent / Path(name).name, f"The picture {name} of {source.name} is not in {root}.")
            missing.add(name)
            continue
        file = str(found)
        objects.setdefault(file, []).extend(rows)
        splits.setdefault(file, split or split_in(found.relative_to(root).parts[:-1]))
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_passed_over(name))
        for name in sorted(names):
            file = os.path.join(place, name)
            if is_picture_name(name) and not is_passed_over(name) and file not in objects:
                notes.unlabeled.append((split_in(Path(file).relative_to(root).parts[:-1]), file))
    result: dict[str, Rows] = {}
    for file in sorted(objects):
        files, lists = result.setdefault(splits[file], ([], []))
        files.append(file)
        lists.append(objects[file])
    return result


def json_files(root: Path) -> list[tuple[Path, Any]]:
    """The JSON files in a folder and in the folders in it that can be read, and what they hold."""
    found = []
    for path in sorted([*root.glob("*.json"), *root.glob("*/*.json")])[:_MOST]:
        if not is_passed_over(path.name):
            try:
                found.append((path, read_json(path)))
            except (OSError, ValueError, RecursionError):
                continue
    return found


_MOST = 12  # more are the files of a tool that writes one for each picture


def polygon(points: list[tuple[float, float]]) -> dict[str, Any]:
    """Box and shape of a polygon.

    Raises:
        ValueError: It has less than three corners.
    """
    if len(points) < 3:
        raise ValueError("a polygon needs three corners")
    xs, ys = zip(*points, strict=True)
    return {"box": [min(xs), min(ys), max(xs), max(ys)], "shape": [[value for point in points for value in point]]}


def rectangle(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    """Box of a rectangle, which is its shape too."""
    return {**polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), "rectangle": True}
