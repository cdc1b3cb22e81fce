"""labelme's annotations: beside each picture a JSON file with its shapes.

Russell et al., "LabelMe: a database and web-based tool for image annotation", IJCV 2008; the files are those of the
program labelme (github.com/wkentaro/labelme). Points are edges of pixels, counted from 0. Shapes of one ``group_id``
and label are one object.
"""

import base64
import binascii
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from visus._errors import FormatError, InputError
from visus.data.coco import read_json
from visus.data.find import Finder, split_in
from visus.data.gather import DAMAGED, Rows, note_unlabeled, placed, region
from visus.data.left_out import Notes, is_said
from visus.data.splits import files_below
from visus.images import MAX_PIXELS

_LOOKED_AT = 20
_ON_A_CIRCLE = 64  # corners of the polygon that stands for a circle


def is_labelme(root: Path) -> bool:
    """Whether one of the first JSON files below a folder is labelme's."""
    return any(_is_labelme(path) for path in _files(root)[:_LOOKED_AT])


def _is_labelme(path: Path) -> bool:
    try:
        content = read_json(path)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def _files(root: Path) -> list[Path]:
    return [path for path in files_below(root) if path.name.endswith(".json")]


def read_labelme(root: Path, notes: Notes) -> tuple[None, dict[str, Rows]]:
    """No list of classes, and pictures and objects by split: that of a folder on the way to the annotation.

    Args:
        root: The folder.
        notes: Told of annotations that cannot be read, and of pictures without one.
    """
    finder = Finder(root)
    splits: dict[str, Rows] = {}
    known: set[str] = set()
    for path in _files(root):
        split = split_in(path.relative_to(root).parts[:-1])
        try:
            content = read_json(path)
            if not isinstance(content, dict) or "shapes" not in content:
                continue  # another tool's
            rows = _rows(content, notes)
            picture = finder.find(str(content["imagePath"]), path.parent, split=split)
        except (*DAMAGED, InputError) as error:
            notes.drop(path, f"{path} is no annotation of labelme's form ({error}); mend it.")
            continue
        if picture is None:
            inside = ", only inside the annotation; save it as a file" if content.get("imageData") else "; bring it"
            notes.drop(path, f"The picture {content['imagePath']} of {path} is not there{inside}.")
            continue
        if str(picture) in known:
            notes.drop(path, f"{path} annotates {picture.name} a second time; delete one of the two.")
            continue
        known.add(str(picture))
        files, lists = splits.setdefault(split, ([], []))
        files.append(str(picture))
        lists.append(rows)
    note_unlabeled(root, known, notes)
    return None, splits


def _rows(content: dict[str, Any], notes: Notes) -> list[dict[str, Any]]:
    """The objects of a picture; shapes of one group and label are one."""
    size = _size(content)
    groups: dict[Any, dict[str, Any]] = {}
    for k, shape in enumerate(content["shapes"]):
        label = str(shape["label"])
        row = _object(shape, size)
        if row is None:
            notes.mends["a point or a line, without area, left out"] += 1
            continue
        group = shape.get("group_id")
        key = k if group is None or isinstance(row["shape"], dict) else (label, str(group))
        flags = shape.get("flags") or {}
        said = {name: bool(flags.get(name)) for name in ("crowd", "difficult")}
        more = {"description": shape.get("description"), **flags}
        notes.unread.update(str(name) for name, value in more.items() if name not in said and is_said(value))
        first = groups.setdefault(key, {"name": label, "size": size, **said, **row})
        if first["shape"] is not row["shape"]:
            first["shape"] += row["shape"]
            first["box"] = [min(a, b) for a, b in zip(first["box"][:2], row["box"][:2], strict=True)] + [
                max(a, b) for a, b in zip(first["box"][2:], row["box"][2:], strict=True)
            ]
    return list(groups.values())


def _size(content: dict[str, Any]) -> tuple[int, int] | None:
    height, width = content.get("imageHeight"), content.get("imageWidth")
    return (int(height), int(width)) if height and width else None


def _object(shape: dict[str, Any], size: tuple[int, int] | None) -> dict[str, Any] | None:
    """Box and shape; None of what has no area.

    Raises:
        FormatError: A mask cannot be read.
    """
    points = [(float(x), float(y)) for x, y in shape["points"]]
    kind = shape.get("shape_type") or "polygon"
    if kind == "mask":
        return _mask(shape, points, size)
    if kind == "circle" and len(points) == 2:
        (x, y), (a, b) = points
        radius = math.hypot(a - x, b - y)
        turns = [2 * math.pi * k / _ON_A_CIRCLE for k in range(_ON_A_CIRCLE)]
        points = [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
    elif kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    elif kind not in ("polygon", "rectangle", "oriented_rectangle") or len(points) < 3:
        return None
    xs, ys = zip(*points, strict=True)
    corners = [[value for point in points for value in point]]
    return {"box": [min(xs), min(ys), max(xs), max(ys)], "shape": corners, "rectangle": kind == "rectangle"}


def _mask(shape: dict[str, Any], points: list[tuple[float, float]], size: tuple[int, int] | None) -> dict[str, Any]:
    """A mask that is drawn into its box: a picture in base64."""
    if size is None or size[0] * size[1] > MAX_PIXELS:
        raise FormatError("a mask needs the height and width of its picture")
    try:
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"])), formats=["PNG"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise FormatError("a mask is larger than any picture")
            inside = np.asarray(picture.convert("L")) > 0
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError) as error:
        raise FormatError(f"a mask is damaged ({error})") from error
    x, y = (round(value) for value in points[0])
    return region(placed(inside, x, y, size))
