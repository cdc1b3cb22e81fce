"""Label Studio's JSON and JSON-MIN: a list of tasks with rectangles, polygons and brushes, in percent of the sides.

The format is described in Label Studio's manual ("Export annotations"). A rectangle is turned clockwise about its upper
left corner. A brush is a picture of four channels in run lengths, of which the last tells what is covered.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.data.cvat import rotated
from visus.data.gather import Entry, Rows, each_entry, gather, json_files, polygon, rectangle, region
from visus.data.left_out import Notes
from visus.images import MAX_PIXELS

_KINDS = ("rectanglelabels", "polygonlabels", "brushlabels", "ellipselabels", "labels")
_OTHERS = ("keypointlabels", "vectorlabels", "timeserieslabels", "hypertextlabels", "videorectangle")
_ON_AN_ELLIPSE = 64


def is_label_studio(root: Path) -> bool:
    """Whether a folder holds such a file."""
    return bool(label_studio_files(root))


def label_studio_files(root: Path) -> list[tuple[Path, list[Any]]]:
    """Lists of tasks in a folder and in the folders in it."""
    return [(path, content) for path, content in json_files(root) if _is_export(content)]


def _is_export(content: Any) -> bool:  # noqa: ANN401 - from a file
    if not isinstance(content, list) or not content or not all(isinstance(task, dict) for task in content):
        return False
    full = all("annotations" in task and isinstance(task.get("data"), dict) for task in content)
    return full or all("annotator" in task or "annotation_id" in task for task in content)


def read_label_studio(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A file is damaged.
    """
    files = label_studio_files(root)
    guessed = sum(not own.get("annotations") and bool(own.get("predictions")) for _, tasks in files for own in tasks)
    if guessed:
        notes.remarks.append(f"{guessed:,} tasks have predictions of a network and no annotation; these are not read.")
    lists = [
        (path, each_entry(content, lambda task: _entry(task, notes), picture_of, path, notes))
        for path, content in files
    ]
    return None, gather(lists, "holds no annotations of Label Studio's form", root, notes)


def picture_of(task: dict[str, Any]) -> str:
    """What a task calls its picture."""
    values = task["data"] if "annotations" in task else task
    return str(values.get("image") or next(own for own in values.values() if isinstance(own, str) and "." in own))


def _entry(task: dict[str, Any], notes: Notes) -> Entry | None:
    """What a task says; None where nobody has annotated it."""
    kept = [own for own in task.get("annotations", []) if not own.get("was_cancelled")]
    results = kept[0].get("result", []) if kept else []
    if "annotations" not in task:
        results = [own for value in task.values() if isinstance(value, list) for own in value]
    elif not kept:
        return None
    notes.mends["of a second annotator, left out"] += sum(len(own.get("result", [])) for own in kept[1:])
    rows = [row for own in _without_bare(results) if isinstance(own, dict) for row in _objects(own, notes)]
    return picture_of(task), "", rows


def _objects(result: dict[str, Any], notes: Notes) -> list[dict[str, Any]]:
    """The object of a result, once for each of its labels."""
    value = result.get("value", result)
    if not isinstance(value, dict):
        return []
    kind = next((kind for kind in _KINDS if kind in value), None)
    if kind and kind != "labels" and not _is_shape(value):
        raise ValueError(f"a region of the kind {kind} has no numbers")
    if kind is None or not _is_shape(value):
        notes.mends["a point or a line, without area, left out"] += any(other in value for other in _OTHERS)
        notes.mends["without a class, left out"] += kind is None and _is_shape(value)
        others = (own for own in ("choices", "text", "rating", "taxonomy", "number") if kind is None and own in value)
        notes.unread.update(others)
        return []
    names = [str(name) for name in value[kind]]
    size = int(result["original_height"]), int(result["original_width"])
    sx, sy = size[1] / 100, size[0] / 100
    if "rle" in value:
        shape = _brush(value["rle"], size)
    elif "points" in value:
        shape = polygon([(x * sx, y * sy) for x, y in value["points"]])
    elif "radiusX" in value:
        turns = (2 * math.pi * k / _ON_AN_ELLIPSE for k in range(_ON_AN_ELLIPSE))
        middle = value["x"] * sx, value["y"] * sy
        a, b = value["radiusX"] * sx, value["radiusY"] * sy
        points = [(middle[0] + a * math.cos(turn), middle[1] + b * math.sin(turn)) for turn in turns]
        shape = polygon(rotated(points, middle, float(value.get("rotation") or 0)))
    else:
        x0, y0 = value["x"] * sx, value["y"] * sy
        x1, y1 = x0 + value["width"] * sx, y0 + value["height"] * sy
        turned = float(value.get("rotation") or 0)
        shape = rectangle(x0, y0, x1, y1)
        if turned:
            shape = polygon(rotated([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], (x0, y0), turned))
            notes.mends["a rotated box: the upright box around it is taken"] += 1
    return [{"name": name, "size": size, **shape} for name in names]


def _is_shape(value: dict[str, Any]) -> bool:
    """Whether a value is a rectangle, a polygon, an ellipse or a brush."""
    return "rle" in value or "points" in value or "radiusX" in value or {"x", "y", "width", "height"} <= value.keys()


def _without_bare(results: list[Any]) -> list[Any]:
    """Results without shapes that another result of the same region repeats with its class."""
    named = {own.get("id") for own in results if isinstance(own, dict) and "labels" in (own.get("value") or {})}
    return [
        own for own in results if not (isinstance(own, dict) and own.get("id") in named and own.get("type") in _BARE)
    ]


_BARE = ("rectangle", "polygon", "brush", "ellipse")


def _brush(rle: list[int], size: tuple[int, int]) -> dict[str, Any]:
    if size[0] * size[1] > MAX_PIXELS:
        raise ValueError("a brush is larger than any picture")
    return region(decode_brush(bytes(rle), size[0] * size[1] * 4).reshape(*size, 4)[..., 3] > 0)


def decode_brush(content: bytes, most: int) -> NDArray[np.uint8]:
    """The values of Label Studio's run lengths (those of the package ``@thi.ng/rle-pack``).

    After the count of values (32 bits), the bits of a value less 1 (5 bits) and four sizes of run lengths less 1 (4
    bits each) come blocks: whether it is a run (1 bit), which size its length has (2 bits), its length less 1, and the
    value, or as many values.

    Args:
        content: The run lengths.
        most: How many values there should be.

    Returns:
        ``(most,)`` uint8.

    Raises:
        ValueError: They are damaged, or there are not as many.
    """
    bits, place_in_bits = "".join(f"{byte:08b}" for byte in content), 0

    def take(count: int) -> int:
        nonlocal place_in_bits
        place_in_bits += count
        if place_in_bits > len(bits):
            raise ValueError("run lengths end early")
        return int(bits[place_in_bits - count : place_in_bits], 2)

    total, width = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if total != most or width > 8:
        raise ValueError(f"run lengths of {total} values, not {most}")
    found = np.zeros(total, np.uint8)
    place = 0
    while place < total:
        is_run = take(1)
        length = take(sizes[take(2)]) + 1
        if place + length > total:
            raise ValueError("run lengths are too long")
        found[place : place + length] = take(width) if is_run else [take(width) for _ in range(length)]
        place += length
    return found
