"""Apple's CreateML: a JSON list of pictures with boxes, each by its middle and size in pixels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visus.data.gather import Entry, Rows, gather, json_files
from visus.data.left_out import Notes


def is_createml(root: Path) -> bool:
    """Whether a folder holds such a list."""
    return bool(_files(root))


def _files(root: Path) -> list[tuple[Path, list[Any]]]:
    return [(path, own) for path, own in json_files(root) if isinstance(own, list) and own and all(map(_is_entry, own))]


def _is_entry(entry: Any) -> bool:  # noqa: ANN401 - from a file
    return (
        isinstance(entry, dict) and isinstance(entry.get("image"), str) and isinstance(entry.get("annotations"), list)
    )


def read_createml(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A list is damaged.
    """
    lists = [(path, _entries(content)) for path, content in _files(root)]
    return None, gather(lists, "is no list of CreateML", root, notes)


def _entries(content: list[dict[str, Any]]) -> Iterator[Entry]:
    for entry in content:
        rows = []
        for own in entry["annotations"]:
            at = own["coordinates"]
            x, y, w, h = (float(at[key]) for key in ("x", "y", "width", "height"))
            rows.append({"name": str(own["label"]), "box": [x - w / 2, y - h / 2, x + w / 2, y + h / 2]})
        yield entry["image"], "", rows
