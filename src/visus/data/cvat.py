"""CVAT's XML for images 1.1: one file for all pictures, with boxes, polygons and masks.

The format is described in CVAT's manual ("CVAT for image"). Points are edges of pixels, counted from 0; a rotated box
is turned clockwise about its middle; a mask is a list of run lengths, row by row, within its rectangle.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # the types; parsing is defusedxml's

import numpy as np

from visus._errors import FormatError
from visus.data.find import Finder
from visus.data.gather import Rows, note_unlabeled, placed, region
from visus.data.left_out import Notes, is_said
from visus.data.splits import files_in, split_of
from visus.images import MAX_PIXELS

_START = 4096
_ON_AN_ELLIPSE = 64


def is_cvat(root: Path) -> bool:
    """Whether a folder holds such a file."""
    return bool(_files(root))


def _files(root: Path) -> list[Path]:
    found = [path for path in files_in(root) if path.suffix.lower() == ".xml"]
    return [path for path in found if b"<annotations" in _start(path)]


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)


def read_cvat(root: Path, notes: Notes) -> tuple[tuple[str, ...] | None, dict[str, Rows]]:
    """The labels of the project, and pictures with their objects by subset.

    Args:
        root: The folder.
        notes: Told what was left out.

    Raises:
        FormatError: A file is damaged, or holds tracks of a video.
    """
    names: list[str] = []
    splits: dict[str, Rows] = {}
    finder = Finder(root)
    for path in _files(root):
        tree = _tree(path)
        if tree.find("track") is not None:
            raise FormatError(f"{path} holds tracks of a video (CVAT for video); export it as CVAT for images.")
        names += [own for entry in tree.iter("label") if (own := (entry.findtext("name") or "").strip())]
        for image in tree.iter("image"):
            _add(image, path, finder, splits, notes)
    note_unlabeled(root, {file for files, _ in splits.values() for file in files}, notes)
    return tuple(dict.fromkeys(names)) or None, splits


def cvat_images(root: Path) -> Iterator[tuple[Path, Element]]:
    """The file and the entry of each picture.

    Raises:
        FormatError: A file is damaged.
    """
    for path in _files(root):
        yield from ((path, image) for image in _tree(path).iter("image"))


def _tree(path: Path) -> Element:
    from defusedxml import DefusedXmlException, ElementTree

    try:
        tree = ElementTree.parse(path).getroot()
    except DefusedXmlException as error:
        raise FormatError(f"{path} declares entities, as an XML bomb does, and is not read; take them out.") from error
    except (ParseError, OSError, ValueError, LookupError) as error:
        raise FormatError(f"{path} is damaged ({error}); mend it.") from error
    assert tree is not None
    return tree


def _add(image: Element, path: Path, finder: Finder, splits: dict[str, Rows], notes: Notes) -> None:
    name, subset = image.get("name", ""), image.get("subset", "")
    picture = finder.find(name, path.parent / "images" / subset, path.parent / "images", split=split_of(subset) or "")
    if picture is None:
        notes.drop(path.parent / name, f"The picture {name} of {path.name} is not in {path.parent}; bring it.")
        return
    try:
        size = int(image.get("height", "0")), int(image.get("width", "0"))
        rows = [row for entry in image if (row := _object(entry, size, notes))]
    except (ValueError, TypeError, OverflowError) as error:
        notes.drop(picture, f"The annotation of {name} in {path.name} cannot be read ({error}); mend it.")
        return
    files, lists = splits.setdefault(split_of(subset) or "", ([], []))
    files.append(str(picture))
    lists.append([{**row, "size": size if min(size) > 0 else None} for row in rows])


def _object(entry: Element, size: tuple[int, int], notes: Notes) -> dict[str, Any] | None:
    """Name, box and shape, and whether it is a crowd or difficult; None of what has no area."""
    row = _shape(entry, size, notes)
    if row:
        notes.unread.update(_unread(entry))
    said = {own.get("name"): (own.text or "").strip().lower() == "true" for own in entry.iter("attribute")}
    return row and {**row, **{name: said.get(name, False) for name in _FLAGS}}


_FLAGS = ("crowd", "difficult")


def _unread(entry: Element) -> list[str]:
    """What an object says beside what is read, such as that it is occluded, or the names of its attributes."""
    own = {name: entry.get(name) for name in ("occluded", "z_order", "group_id")}
    own |= {each.get("name", "attribute"): each.text for each in entry.iter("attribute")}
    return [name for name, value in own.items() if name not in _FLAGS and is_said(value)]


def _shape(entry: Element, size: tuple[int, int], notes: Notes) -> dict[str, Any] | None:
    name = (entry.get("label") or "").strip()
    if entry.tag == "box":
        x0, y0, x1, y1 = (float(entry.get(key, "nan")) for key in ("xtl", "ytl", "xbr", "ybr"))
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        turned = float(entry.get("rotation", "0"))
        points = rotated(corners, ((x0 + x1) / 2, (y0 + y1) / 2), turned)
        notes.mends["a rotated box: the upright box around it is taken"] += bool(turned)
    elif entry.tag == "polygon":
        points = [(float(x), float(y)) for x, y in (own.split(",") for own in entry.get("points", "").split(";"))]
    elif entry.tag == "ellipse":
        points = _ellipse(*(float(entry.get(key, "nan")) for key in ("cx", "cy", "rx", "ry", "rotation")))
    elif entry.tag == "mask":
        return {"name": name, **_mask(entry, size)}
    else:
        if entry.tag in ("polyline", "points", "cuboid", "skeleton"):
            notes.mends["a line, point, cuboid or skeleton, left out"] += 1
        notes.unread["tag"] += entry.tag == "tag"
        return None
    if len(points) < 3:
        return None
    xs, ys = zip(*points, strict=True)
    shape = [[value for point in points for value in point]]
    box = [min(xs), min(ys), max(xs), max(ys)]
    return {"name": name, "box": box, "shape": shape, "rectangle": entry.tag == "box"}


def rotated(
    points: list[tuple[float, float]], middle: tuple[float, float], degrees: float
) -> list[tuple[float, float]]:
    """Points turned clockwise, as seen on a picture, about one of them or another.

    >>> [tuple(round(v) for v in p) for p in rotated([(2.0, 0.0)], (0.0, 0.0), 90)]
    [(0, 2)]
    """
    if not degrees:
        return points
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x0, y0 = middle
    return [(x0 + (x - x0) * cos - (y - y0) * sin, y0 + (x - x0) * sin + (y - y0) * cos) for x, y in points]


def _ellipse(x: float, y: float, a: float, b: float, degrees: float) -> list[tuple[float, float]]:
    turns = (2 * math.pi * k / _ON_AN_ELLIPSE for k in range(_ON_AN_ELLIPSE))
    points = [(x + a * math.cos(turn), y + b * math.sin(turn)) for turn in turns]
    return rotated(points, (x, y), 0.0 if math.isnan(degrees) else degrees)


def _mask(entry: Element, size: tuple[int, int]) -> dict[str, Any]:
    """A mask within its rectangle: lengths of what is outside and inside in turn, row by row.

    Raises:
        ValueError: They do not fill the rectangle, or it lies outside of the picture.
    """
    left, top, width, height = (int(float(entry.get(key, "-1"))) for key in ("left", "top", "width", "height"))
    runs = np.array([int(n) for n in entry.get("rle", "").split(",") if n.strip()], np.int64)
    fits = left >= 0 and top >= 0 and left + width <= size[1] and top + height <= size[0]
    if not fits or size[0] * size[1] > MAX_PIXELS or (runs < 0).any() or runs.sum() != width * height:
        raise ValueError("a mask does not fit its rectangle")
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return region(placed(inside, left, top, size))
