"""The VGG Image Annotator's projects: JSON or CSV with regions of pixels.

Dutta and Zisserman, "The VIA annotation software for images, audio and video", ACM MM 2019. A region's class is the
first of its attributes that has a value.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.gather import Entry, Rows, gather, json_files, polygon, rectangle
from visus.data.left_out import Notes
from visus.data.table import open_table

_ON_AN_ELLIPSE = 64
_USUAL = ("label", "class", "name", "type", "category")


def is_via(root: Path) -> bool:
    """Whether a folder holds such a project."""
    return bool(_files(root))


def _files(root: Path) -> list[tuple[Path, list[dict[str, Any]]]]:
    """Projects, and what they say of each picture: ``filename`` and ``regions``."""
    found = []
    for path, content in json_files(root):
        entries = content.get("_via_img_metadata", content) if isinstance(content, dict) else None
        if isinstance(entries, dict) and entries and all(_is_entry(own) for own in entries.values()):
            found.append((path, list(entries.values())))
    for path in sorted(root.glob("*.csv")):
        try:
            table = open_table(path)
        except InputError:
            continue
        if {"filename", "region_shape_attributes", "region_attributes"} <= set(table.columns):
            found.append((path, [dict(row) for row in table.rows]))
    return found


def _is_entry(own: Any) -> bool:  # noqa: ANN401 - from a file
    return isinstance(own, dict) and "filename" in own and "regions" in own


def read_via(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A project is damaged.
    """
    lists = [(path, _entries(content, notes)) for path, content in _files(root)]
    return None, gather(lists, "is no project of VIA", root, notes)


def _entries(content: list[dict[str, Any]], notes: Notes) -> Iterator[Entry]:
    for entry in content:
        if "regions" in entry:
            regions = entry["regions"]
            regions = list(regions.values()) if isinstance(regions, dict) else regions
        else:  # a line of a table
            shape = json.loads(entry["region_shape_attributes"] or "{}")
            regions = [{"shape_attributes": shape, "region_attributes": json.loads(entry["region_attributes"] or "{}")}]
        rows = [row for own in regions if own["shape_attributes"] and (row := _object(own, notes))]
        yield str(entry["filename"]), "", rows


def _object(region: dict[str, Any], notes: Notes) -> dict[str, Any] | None:
    shape, name = region["shape_attributes"], _name(region["region_attributes"])
    if not name:
        notes.mends["without a class, left out"] += 1
        return None
    kind = shape["name"]
    if kind == "rect":
        x, y = float(shape["x"]), float(shape["y"])
        return {"name": name, **rectangle(x, y, x + float(shape["width"]), y + float(shape["height"]))}
    if kind == "polygon":
        points = zip(shape["all_points_x"], shape["all_points_y"], strict=True)
        return {"name": name, **polygon([(float(x), float(y)) for x, y in points])}
    if kind in ("circle", "ellipse"):
        a, b = (float(shape.get(key, shape.get("r", 0))) for key in ("rx", "ry"))
        turns = (2 * math.pi * k / _ON_AN_ELLIPSE for k in range(_ON_AN_ELLIPSE))
        x, y = float(shape["cx"]), float(shape["cy"])
        return {"name": name, **polygon([(x + a * math.cos(turn), y + b * math.sin(turn)) for turn in turns])}
    notes.mends["a point or a line, without area, left out"] += 1
    return None


def _name(attributes: dict[str, Any]) -> str:
    """The class of a region: text, or the one box that is ticked."""
    known = {key.lower(): value for key, value in attributes.items()}
    for own in (*(known.get(key) for key in _USUAL), *known.values()):
        value = next((key for key, ticked in own.items() if ticked), "") if isinstance(own, dict) else own
        if value:
            return str(value).strip()
    return ""
