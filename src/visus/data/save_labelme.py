"""Write labelme's form: a JSON file beside each picture.

Several polygons of an object share a ``group_id``; run lengths become a mask within its box, whose points are its first
and its last pixel, as labelme has them.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from visus._files import write_atomically
from visus.data.boxes import BoxSet, Objects
from visus.data.coco import decode
from visus.data.copies import copied, size_of
from visus.images.io import encode_png

_VERSION = "5.5.0"  # of labelme, whose form this is


def save_labelme(dataset: BoxSet, root: Path) -> None:
    """Write a folder for each split, with pictures and JSON files side by side."""
    for split, pictures in dataset.splits.items():
        folder = root if split == "all" else root / split
        for copy, own in zip(copied(pictures.files, folder, set()), pictures.objects, strict=True):
            size = size_of(copy)
            content = {
                "version": _VERSION,
                "flags": {},
                "shapes": [shape for k in range(len(own)) for shape in _shapes(own, k, size, dataset.classes)],
                "imagePath": copy.name,
                "imageData": None,
                "imageHeight": size[0],
                "imageWidth": size[1],
            }
            write_atomically(copy.with_suffix(".json"), json.dumps(content, ensure_ascii=False, indent=1).encode())


def _shapes(own: Objects, k: int, size: tuple[int, int], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """The shapes of an object: one, or several of one group."""
    flags = {name: True for name in ("crowd", "difficult") if getattr(own, name)[k]}
    about = {"label": classes[int(own.labels[k])], "group_id": None, "description": "", "flags": flags, "mask": None}
    shape = own.shapes[k]
    if isinstance(shape, dict):
        inside = decode(shape, size)
        return [{**about, **_mask(inside)}] if inside.any() else []  # labelme has no mask without a pixel
    if not shape:
        x0, y0, x1, y1 = own.boxes[k].astype(np.float64).tolist()
        return [{**about, "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle"}]
    group = {"group_id": k} if len(shape) > 1 else {}
    points = [np.asarray(polygon, np.float64).reshape(-1, 2).tolist() for polygon in shape]
    return [{**about, **group, "points": own_points, "shape_type": "polygon"} for own_points in points]


def _mask(inside: np.ndarray) -> dict[str, Any]:
    ys, xs = np.nonzero(inside)
    x0, y0, x1, y1 = (int(value) for value in (xs.min(), ys.min(), xs.max(), ys.max()))
    content = encode_png(inside[y0 : y1 + 1, x0 : x1 + 1].astype(np.uint8) * 255)
    return {
        "points": [[x0, y0], [x1, y1]],
        "shape_type": "mask",
        "mask": base64.b64encode(content).decode(),
    }
