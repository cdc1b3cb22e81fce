"""The VGG Image Annotator's projects: JSON or CSV with regions of pixels, of versions 1, 2 and 3.

Dutta and Zisserman, "The VIA annotation software for images, audio and video", ACM MM 2019. A region has attributes,
one of which is its class: the one with a usual name, else the first that tells regions apart.
"""

import json
import math
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.gather import DAMAGED, Entry, Rows, each_entry, gather, json_files, polygon, rectangle
from visus.data.left_out import Notes
from visus.data.splits import files_in, folders_in, split_of
from visus.data.table_text import open_table

_ON_AN_ELLIPSE = 64
_USUAL = ("label", "class", "name", "type", "category", "kind", "object", "species")
_ALL = "object"  # what regions are called where none has a class

Picture = dict[str, Any]
"""``filename``, ``regions`` (``shape_attributes`` and ``region_attributes`` of each) and ``file_attributes``."""


def is_via(root: Path) -> bool:
    """Whether a folder holds such a project."""
    return bool(via_projects(root))


def via_projects(root: Path) -> list[tuple[Path, list[Picture]]]:
    """Projects in a folder and in those of splits, and what they say of each picture."""
    found = []
    for path, content in json_files(root):
        try:
            pictures = _pictures_in(content)
        except DAMAGED:
            continue
        if pictures:
            found.append((path, pictures))
    for folder in (root, *(own for own in folders_in(root) if split_of(own.name))):
        for path in files_in(folder):
            if path.suffix.lower() == ".csv" and (rows := _rows_of(path)):
                found.append((path, rows))
    return found


def _pictures_in(content: Any) -> list[Picture]:  # noqa: ANN401 - from a file
    if not isinstance(content, dict):
        return []
    if {"file", "metadata", "view"} <= content.keys():
        return _of_version_3(content)
    entries = content.get("_via_img_metadata", content)
    if not isinstance(entries, dict) or not entries or not all(map(_is_entry, entries.values())):
        return []
    return [{**own, "regions": _listed(own["regions"])} for own in entries.values()]


def _listed(regions: Any) -> list[Any]:  # noqa: ANN401 - from a file
    return list(regions.values()) if isinstance(regions, dict) else regions


def _is_entry(own: Any) -> bool:  # noqa: ANN401 - from a file
    return isinstance(own, dict) and "filename" in own and "regions" in own


def _rows_of(path: Path) -> list[Picture]:
    """The lines of a table, a region each; none if it is another table."""
    try:
        table = open_table(path)
    except InputError:
        return []
    columns = {name.lstrip("#"): name for name in table.columns}
    if not {"filename", "region_shape_attributes", "region_attributes"} <= columns.keys():
        return []
    rows = []
    for row in table.rows:
        shape, attributes, of_file = (
            json.loads(row.get(columns.get(name, ""), "") or "{}")
            for name in ("region_shape_attributes", "region_attributes", "file_attributes")
        )
        regions = [{"shape_attributes": shape, "region_attributes": attributes}] if shape else []
        rows.append({"filename": row[columns["filename"]], "regions": regions, "file_attributes": of_file})
    return rows


def _of_version_3(content: dict[str, Any]) -> list[Picture]:
    """Version 3 numbers attributes, their options, files and views."""
    names = {key: (own["aname"], own.get("options") or {}) for key, own in content["attribute"].items()}
    files = {key: str(own["fname"]) for key, own in content["file"].items()}
    views = {key: [files[str(file)] for file in own["fid_list"]] for key, own in content["view"].items()}
    pictures = {name: {"filename": name, "regions": [], "file_attributes": {}} for name in files.values()}
    for entry in content["metadata"].values():
        attributes = {}
        for key, value in (entry.get("av") or {}).items():
            name, options = names[key]
            attributes[name] = str(options.get(value, value))
        own = pictures[views[str(entry["vid"])][0]]
        if entry["xy"]:
            own["regions"].append({"shape_attributes": _shape_3(entry["xy"]), "region_attributes": attributes})
        else:
            own["file_attributes"].update(attributes)
    return list(pictures.values())


def _shape_3(numbers: list[float]) -> dict[str, Any]:
    kind, values = int(numbers[0]), numbers[1:]
    if kind == 2:
        return {"name": "rect", **dict(zip(("x", "y", "width", "height"), values, strict=True))}
    if kind == 3:
        return {"name": "circle", **dict(zip(("cx", "cy", "r"), values, strict=True))}
    if kind == 4:
        return {"name": "ellipse", **dict(zip(("cx", "cy", "rx", "ry"), values, strict=True))}
    return {"name": "polygon" if kind == 7 else "line", "all_points_x": values[0::2], "all_points_y": values[1::2]}


def read_via(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out, and which attribute is the class where there are several.

    Raises:
        FormatError: A project is damaged.
    """
    projects = via_projects(root)
    regions = [own for _, pictures in projects for picture in pictures for own in picture["regions"]]
    name = class_attribute([own.get("region_attributes") or {} for own in regions], notes)
    if name is None and regions:
        notes.remarks.append(f"No region has an attribute that could be its class; all are called {_ALL}.")
    lists = [
        (path, each_entry(pictures, lambda own: _entry(own, name, notes), lambda own: own["filename"], path, notes))
        for path, pictures in projects
    ]
    return None, gather(lists, "is no project of VIA", root, notes)


def class_attribute(attributes: list[dict[str, Any]], notes: Notes) -> str | None:
    """The attribute that is the class; None where nothing has one.

    Args:
        attributes: Those of each region, or of each picture.
        notes: Told where several might be it.
    """
    values: dict[str, set[str]] = {}
    for own in attributes:
        for key, value in own.items():
            if text := _text(value):
                values.setdefault(key, set()).add(text)
    if not values:
        return None
    usual = next((key for word in _USUAL for key in values if key.lower() == word), None)
    chosen = usual or next((key for key in values if len(values[key]) > 1), next(iter(values)))
    if len(values) > 1:
        others = ", ".join(key for key in values if key != chosen)
        notes.remarks.append(f"The attribute {chosen} is taken as the class; not used: {others}.")
    return chosen


def _text(value: Any) -> str:  # noqa: ANN401 - from a file
    """The text of an attribute, or the one box that is ticked."""
    own = next((key for key, ticked in value.items() if ticked), "") if isinstance(value, dict) else value
    return str(own).strip() if own is not None else ""


def _entry(picture: Picture, attribute: str | None, notes: Notes) -> Entry:
    rows = [row for own in picture["regions"] if own["shape_attributes"] and (row := _object(own, attribute, notes))]
    return str(picture["filename"]), "", rows


def _object(region: dict[str, Any], attribute: str | None, notes: Notes) -> dict[str, Any] | None:
    shape = region["shape_attributes"]
    name = _ALL if attribute is None else _text(region["region_attributes"].get(attribute))
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
