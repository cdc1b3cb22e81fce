"""Hugging Face's image folders with objects: ``metadata.jsonl`` or ``.csv`` beside the pictures, or in each split.

The format is described in the manual of Hugging Face's ``datasets`` ("ImageFolder", object detection): ``file_name``,
and ``objects`` with ``bbox`` (left, top, width and height in pixels) and ``categories``.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.gather import DAMAGED, Entry, Rows, each_entry, gather
from visus.data.left_out import Notes, is_said
from visus.data.splits import folders_in, split_of
from visus.data.table_text import open_table
from visus.data.texts import text_of

_NAMES = ("metadata.jsonl", "metadata.csv")
_CATEGORIES = ("categories", "category", "labels", "label")
_READ = {*_CATEGORIES, "bbox", "area", "id", "image_id"}  # an area is that of the box


def is_hugging_face(root: Path) -> bool:
    """Whether a folder, or one of a split, holds such a file."""
    return bool(_files(root))


def _files(root: Path) -> list[tuple[Path, list[dict[str, Any]]]]:
    """The files that list objects, and their lines."""
    folders = (root, *(own for own in folders_in(root) if split_of(own.name)))
    places = [folder / name for folder in folders for name in _NAMES if (folder / name).is_file()]
    found = [(path, _lines(path)) for path in places]
    return [(path, lines) for path, lines in found if any(line.get("objects") for line in lines)]


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file; one that is damaged has the reason as ``damaged``."""
    try:
        if path.suffix == ".jsonl":
            return [_line(line) for line in text_of(path).splitlines() if line.strip()]
        table = open_table(path)
        if "objects" not in table.columns:
            return []
        return [{**row, **_line(f'{{"objects": {row["objects"] or "{}"}}}')} for row in table.rows]
    except (*DAMAGED, InputError):
        return []


def _line(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {"damaged": str(error)}
    return found if isinstance(found, dict) else {"damaged": "it is no object"}


def read_hugging_face(root: Path, notes: Notes) -> tuple[tuple[str, ...] | None, dict[str, Rows]]:
    """Pictures with their objects by split; the names of classes where numbers stand for them, else None.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A file is damaged.
    """
    files = _files(root)
    lists = [
        (path, each_entry(lines, partial(_entry, notes), lambda line: line.get("file_name"), path, notes))
        for path, lines in files
    ]
    splits = gather(lists, "lists no objects as Hugging Face does", root, notes)
    names = {row["name"] for _, lists in splits.values() for rows in lists for row in rows}
    if not names or not all(name.isdigit() for name in names):
        return None, splits
    notes.remarks.append("Nothing names the classes, so they are called by their numbers.")
    return tuple(sorted(names, key=int)), splits


def _entry(notes: Notes, line: dict[str, Any]) -> Entry:
    if "damaged" in line:
        raise ValueError(line["damaged"])
    objects = line.get("objects") or {}
    if isinstance(objects, list):  # an object each
        notes.unread.update(key for own in objects for key in own.keys() - _READ if is_said(own[key]))
        objects = {"bbox": [own["bbox"] for own in objects], "categories": [_category(own) for own in objects]}
    boxes = objects.get("bbox") or []
    for key in objects.keys() - _READ:
        notes.unread[key] += (
            sum(map(is_said, objects[key])) if isinstance(objects[key], list) else is_said(objects[key])
        )
    rows = []
    for (x, y, width, height), name in zip(boxes, _category(objects) if boxes else [], strict=True):
        box = [float(x), float(y), float(x) + float(width), float(y) + float(height)]
        rows.append({"name": str(name), "box": box})
    return str(line["file_name"]), "", rows


def _category(objects: dict[str, Any]) -> Any:  # noqa: ANN401 - from a file
    """The categories of objects, or the one of an object."""
    return next(objects[key] for key in _CATEGORIES if key in objects)
