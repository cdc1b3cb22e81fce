"""KITTI's boxes: beside each picture a text file with a class, a box and what is known of it in space.

Geiger et al., "Are we ready for autonomous driving? The KITTI vision benchmark suite", CVPR 2012. A line has 15 numbers
and words: the class, whether it is truncated or occluded, an angle, the box (left, top, right, bottom, in pixels from
0), and seven numbers in space; a score may follow.
"""

from pathlib import Path
from typing import Any

from visus.data.foreign import start_of
from visus.data.gather import Entry, Rows, each_file, gather
from visus.data.left_out import Notes
from visus.data.splits import files_below

_FOLDERS = ("label_2", "labels", "label")
_NOT_LABELED = "dontcare"
_LOOKED_AT = 20


def is_kitti(root: Path) -> bool:
    """Whether one of the first text files in folders of labels has such lines."""
    starts = (start_of(path).splitlines() for path in _files(root)[:_LOOKED_AT])
    return any(lines and _is_line(lines[0]) for lines in starts)


def _files(root: Path) -> list[Path]:
    return [path for path in files_below(root) if path.suffix == ".txt" and path.parent.name.lower() in _FOLDERS]


def _is_line(line: str) -> bool:
    parts = line.split()
    if len(parts) not in (15, 16):
        return False
    try:
        [float(part) for part in parts[1:]]
    except ValueError:
        return False
    return not parts[0].replace(".", "").isdigit()


def read_kitti(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.
    """

    def read(path: Path) -> Entry:
        return path.stem, "", _rows(path.read_text(encoding="utf-8"), notes)

    lists = each_file(_files(root), read, "is no annotation of KITTI", notes)
    return None, gather(lists, "is no annotation of KITTI", root, notes)


def _rows(text: str, notes: Notes) -> list[dict[str, Any]]:
    rows = []
    for line in text.splitlines():
        if not line.strip():
            continue
        if not _is_line(line):
            raise ValueError(f"not a class and 14 numbers: {line[:60]!r}")
        name, *numbers = line.split()
        if name.lower() == _NOT_LABELED:
            notes.mends["a region that was not labeled (DontCare), left out: what lies there counts as ground"] += 1
        else:
            rows.append({"name": name, "box": [float(value) for value in numbers[3:7]]})
            more = {"truncated": numbers[0], "occluded": numbers[1], "size in space": numbers[7]}
            notes.unread.update(kind for kind, value in more.items() if float(value) > 0)
            notes.unread["score"] += len(numbers) > 14
    return rows
