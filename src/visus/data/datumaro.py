"""Datumaro's own form: JSON files in ``annotations``, one a subset, with boxes, polygons and masks.

The format is described in Datumaro's manual ("Datumaro format"). Points are edges of pixels, counted from 0.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visus.data.coco import decode
from visus.data.gather import Entry, Rows, each_entry, gather, json_files, polygon, rectangle, region
from visus.data.left_out import Notes, is_said
from visus.data.splits import split_of
from visus.images import MAX_PIXELS


def is_datumaro(root: Path) -> bool:
    """Whether a folder holds such a file."""
    return bool(_files(root))


def _files(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [
        (path, content)
        for path, content in json_files(root)
        if isinstance(content, dict) and isinstance(content.get("items"), list) and "categories" in content
    ]


def read_datumaro(root: Path, notes: Notes) -> tuple[tuple[str, ...] | None, dict[str, Rows]]:
    """The labels, and pictures with their objects by subset.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A file is damaged.
    """
    names: list[str] = []
    lists = []
    for path, content in _files(root):
        lists.append((path, _entries(path, content, notes)))
        names += _labels(content)
    return tuple(dict.fromkeys(names)) or None, gather(lists, "is no annotation of Datumaro's form", root, notes)


def datumaro_items(root: Path) -> Iterator[tuple[Path, list[str], dict[str, Any]]]:
    """The file, the names of its labels and the entry of each picture."""
    for path, content in _files(root):
        yield from ((path, _labels(content), item) for item in content["items"])


def _labels(content: dict[str, Any]) -> list[str]:
    entries = content["categories"].get("label", {}).get("labels", [])
    return [str(entry["name"]) for entry in entries]


def _entries(path: Path, content: dict[str, Any], notes: Notes) -> Iterator[Entry]:
    names, split = _labels(content), split_of(path.stem) or ""

    def read(item: dict[str, Any]) -> Entry:
        return path_of(item), split, _rows(item, names, notes)

    return each_entry(content["items"], read, path_of, path, notes)


def path_of(item: dict[str, Any]) -> str:
    """What an item calls its picture."""
    image = item.get("image") or item.get("media") or {}
    return str(image.get("path") or item["id"])


def _rows(item: dict[str, Any], names: list[str], notes: Notes) -> list[dict[str, Any]]:
    image = item.get("image") or item.get("media") or {}
    size = tuple(int(side) for side in image["size"]) if image.get("size") else None
    rows: dict[Any, dict[str, Any]] = {}
    for k, entry in enumerate(item["annotations"]):
        shape = _shape(entry)
        if shape is None:
            notes.mends[f"a {entry['type']}, which is neither box, polygon nor mask, left out"] += 1
            continue
        attributes = entry.get("attributes") or {}
        crowd = bool(attributes.get("is_crowd", False))
        notes.unread.update(str(name) for name, value in attributes.items() if name != "is_crowd" and is_said(value))
        row = {"name": names[entry["label_id"]], "size": size, "crowd": crowd, **shape}
        key = (entry["label_id"], entry["group"]) if entry.get("group") else (None, k)
        rows[key] = _joined(rows[key], row) if key in rows else row
    return list(rows.values())


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """One object of two annotations of a group: its polygons together, or a shape in place of its box."""
    polygons = isinstance(first["shape"], list) and isinstance(second["shape"], list)
    if first.get("rectangle") or not polygons:
        return second
    if second.get("rectangle"):
        return first
    (a, b, c, d), (e, f, g, h) = first["box"], second["box"]
    box = [min(a, e), min(b, f), max(c, g), max(d, h)]
    return {**first, "box": box, "shape": [*first["shape"], *second["shape"]]}


def _shape(entry: dict[str, Any]) -> dict[str, Any] | None:
    kind = entry["type"]
    if kind == "bbox":
        x, y, width, height = (float(value) for value in entry["bbox"])
        return rectangle(x, y, x + width, y + height)
    if kind == "polygon":
        values = [float(value) for value in entry["points"]]
        return polygon(list(zip(values[0::2], values[1::2], strict=True)))
    return _mask(entry["rle"]) if kind == "mask" else None


def _mask(runs: dict[str, Any]) -> dict[str, Any]:
    size = int(runs["size"][0]), int(runs["size"][1])
    if size[0] * size[1] > MAX_PIXELS:
        raise ValueError("a mask is larger than any picture")
    return region(decode(runs, size))
