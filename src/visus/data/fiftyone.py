"""FiftyOne's boxes of pictures: ``labels.json`` beside ``data``, with boxes as shares of the width and the height.

The form is described in FiftyOne's manual ("FiftyOneImageDetectionDataset"): ``classes``, and under ``labels`` for the
name of each picture a list of ``label`` (a name, or a position in the classes) and ``bounding_box`` (left, top, width,
height).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visus.data.gather import Entry, Rows, gather, json_files
from visus.data.left_out import Notes, is_said


def is_fiftyone(root: Path) -> bool:
    """Whether a folder holds such a file with boxes."""
    return any(any(isinstance(own, list) for own in content["labels"].values()) for _, content in fiftyone_files(root))


def fiftyone_files(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Such files, with boxes or with classes of pictures."""
    return [
        (path, content)
        for path, content in json_files(root)
        if isinstance(content, dict) and "classes" in content and isinstance(content.get("labels"), dict)
    ]


def named(label: Any, classes: list[Any] | None) -> str:  # noqa: ANN401 - from a file
    """The name of a label that may be a position in a list of names."""
    return str(classes[label]) if isinstance(label, int) and classes else str(label)


def read_fiftyone(root: Path, notes: Notes) -> tuple[tuple[str, ...] | None, dict[str, Rows]]:
    """The classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A file is damaged.
    """
    files = fiftyone_files(root)
    names = dict.fromkeys(str(name) for _, content in files for name in content["classes"] or [])
    lists = [(path, _entries(content, notes)) for path, content in files]
    return tuple(names) or None, gather(lists, "is no list of FiftyOne", root, notes)


def _entries(content: dict[str, Any], notes: Notes) -> Iterator[Entry]:
    for name, objects in content["labels"].items():
        rows = []
        for own in objects or []:
            x, y, width, height = (float(value) for value in own["bounding_box"])
            box = [x, y, x + width, y + height]
            notes.unread.update(key for key in own.keys() - {"label", "bounding_box"} if is_said(own[key]))
            rows.append({"name": named(own["label"], content["classes"]), "box": box, "relative": True})
        yield str(name), "", rows
