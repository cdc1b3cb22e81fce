"""Apple's CreateML: a JSON list of pictures with boxes, each by its middle and size in pixels."""

from functools import partial
from pathlib import Path
from typing import Any

from visus.data.gather import Entry, Rows, each_entry, gather, json_files
from visus.data.left_out import Notes, is_said


def is_createml(root: Path) -> bool:
    """Whether a folder holds such a list."""
    return bool(_files(root))


def _files(root: Path) -> list[tuple[Path, list[Any]]]:
    return [(path, own) for path, own in json_files(root) if isinstance(own, list) and own and all(map(_is_entry, own))]


def _is_entry(entry: Any) -> bool:  # noqa: ANN401 - from a file
    return isinstance(entry, dict) and any(
        isinstance(entry.get(name), str) and isinstance(entry.get(own), list) for name, own in _KEYS
    )


_KEYS = (("image", "annotations"), ("imagefilename", "annotation"))


def read_createml(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A list is damaged.
    """
    lists = [
        (path, each_entry(content, partial(_entry, notes), lambda own: _parts(own)[0], path, notes))
        for path, content in _files(root)
    ]
    return None, gather(lists, "is no list of CreateML", root, notes)


def _parts(entry: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The name of a picture and its annotations."""
    return next((entry[name], entry[own]) for name, own in _KEYS if name in entry and own in entry)


def _entry(notes: Notes, entry: dict[str, Any]) -> Entry:
    name, annotations = _parts(entry)
    rows = []
    for own in annotations:
        at = own["coordinates"]
        x, y, w, h = (float(at[key]) for key in ("x", "y", "width", "height"))
        notes.unread.update(key for key in own.keys() - {"label", "coordinates"} if is_said(own[key]))
        rows.append({"name": str(own["label"]), "box": [x - w / 2, y - h / 2, x + w / 2, y + h / 2]})
    return name, "", rows
