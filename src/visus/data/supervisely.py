"""Supervisely's projects of pictures: ``meta.json``, and in each data set ``img`` beside ``ann`` with a JSON file each.

The format is described in Supervisely's developer portal ("Supervisely annotation format"). Whole numbers are positions
of pixels, as its tools write them: a rectangle ends with its last pixel, and a polygon runs through the middles of
pixels. Broken numbers are edges.
"""

import base64
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visus._errors import FormatError
from visus.data.coco import decode, read_json
from visus.data.gather import DAMAGED, Entry, Rows, each_file, gather, placed, polygon, rectangle, region
from visus.data.left_out import Notes, is_said
from visus.data.splits import files_below
from visus.images import MAX_PIXELS

_LOOKED_AT = 20
_MOST_BYTES = 64 << 20  # of a packed mask


def is_supervisely(root: Path) -> bool:
    """Whether a folder holds a project of Supervisely, or data sets of one."""
    return any(_is_annotation(path) for path in _files(root)[:_LOOKED_AT])


def _files(root: Path) -> list[Path]:
    return [path for path in files_below(root) if path.suffix == ".json" and path.parent.name == "ann"]


def _is_annotation(path: Path) -> bool:
    try:
        content = read_json(path)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"objects", "size"} <= content.keys() and "framesCount" not in content


def read_supervisely(root: Path, notes: Notes) -> tuple[tuple[str, ...] | None, dict[str, Rows]]:
    """The classes of the project, and pictures with their objects by split.

    Args:
        root: The folder.
        notes: Told what was left out.
    """

    def read(path: Path) -> Entry:
        name = path.parent.parent.relative_to(root) / "img" / path.name.removesuffix(".json")
        return name.as_posix(), "", _rows(read_json(path), notes)

    lists = each_file(_files(root), read, "is no annotation of Supervisely", notes)
    return _classes(root), gather(lists, "is no annotation of Supervisely", root, notes)


def _classes(root: Path) -> tuple[str, ...] | None:
    """The names in ``meta.json``, which lies in the project's folder; None where it is not there."""
    path = root / "meta.json"
    if not path.is_file():
        return None
    try:
        return tuple(dict.fromkeys(str(entry["title"]) for entry in read_json(path)["classes"])) or None
    except DAMAGED as error:
        raise FormatError(f"{path} names no classes as Supervisely does ({error!r}); mend it.") from error


def _rows(content: dict[str, Any], notes: Notes) -> list[dict[str, Any]]:
    size = int(content["size"]["height"]), int(content["size"]["width"])
    rows = []
    for entry in content["objects"]:
        shape = _shape(entry, size)
        if shape is None:
            notes.mends["a line, point, cuboid or skeleton, left out"] += 1
        else:
            tags = [str(own.get("name", "tag")) for own in entry.get("tags") or []]
            notes.unread.update([*tags, *(["description"] if is_said(entry.get("description")) else [])])
            rows.append({"name": str(entry["classTitle"]), "size": size, **shape})
    return rows


def _shape(entry: dict[str, Any], size: tuple[int, int]) -> dict[str, Any] | None:
    """Box and shape of an object; None of what has no area.

    Raises:
        ValueError: It is damaged.
    """
    kind = entry.get("geometryType") or ("bitmap" if entry.get("bitmap") else "polygon")
    if kind == "bitmap":
        x, y = (int(value) for value in entry["bitmap"]["origin"])
        return region(placed(_bitmap(entry["bitmap"]["data"]), x, y, _checked(size)))
    if kind not in ("rectangle", "polygon"):
        return None
    outer = [(float(x), float(y)) for x, y in entry["points"]["exterior"]]
    whole = all(value == round(value) for point in outer for value in point)
    if kind == "rectangle":
        xs, ys = zip(*outer, strict=True)
        last = 1.0 if whole else 0.0  # the last pixel lies inside
        return rectangle(min(xs), min(ys), max(xs) + last, max(ys) + last)
    middle = 0.5 if whole else 0.0
    found = polygon([(x + middle, y + middle) for x, y in outer])
    holes = entry["points"].get("interior") or []
    return found if not holes else _with_holes(found, holes, middle, _checked(size))


def _with_holes(
    found: dict[str, Any], holes: list[list[list[float]]], middle: float, size: tuple[int, int]
) -> dict[str, Any]:
    """A polygon without what lies inside of others, as run lengths: COCO's polygons have no holes."""
    inside = decode(found["shape"], size)
    for hole in holes:
        inside &= ~decode([[float(value) + middle for point in hole for value in point]], size)
    return region(inside)


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    """A size that a picture can have.

    Raises:
        ValueError: It is none.
    """
    if min(size) < 1 or size[0] * size[1] > MAX_PIXELS:
        raise ValueError(f"the size {size[1]}x{size[0]} cannot be")
    return size


def _bitmap(text: str) -> NDArray[np.bool_]:
    """A mask ``(h, w)`` bool from a packed PNG in base64.

    Raises:
        ValueError: It is damaged, or larger than any picture.
    """
    unpacked = zlib.decompressobj()
    try:
        content = unpacked.decompress(base64.b64decode(text), _MOST_BYTES)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError("a mask is larger than any picture")
            clear = "A" in picture.mode or "transparency" in picture.info
            return np.asarray(picture.convert("RGBA").getchannel("A") if clear else picture.convert("L")) > 0
    except (zlib.error, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"a mask is damaged ({error})") from error
