"""Write YOLO's form: boxes, or the polygons of shapes; a file never has both, since YOLO drops a picture with both."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from visus._files import write_atomically
from visus.data.boxes import BoxSet, Objects
from visus.data.coco import decode
from visus.data.copies import copied, size_of
from visus.data.outlines import Points, joined, outlines

Numbers = Callable[[Objects, int, int, int], list[float]]


def save_yolo(dataset: BoxSet, root: Path) -> None:
    """Write ``images`` with ``labels`` and ``data.yaml``: boxes alone."""
    _save(dataset, root, _box)


def save_yolo_seg(dataset: BoxSet, root: Path) -> None:
    """Write ``images`` with ``labels`` and ``data.yaml``: a polygon for each object.

    Several polygons of an object, and the outline of run lengths, are joined by ways without width; an object without a
    shape has the corners of its box.
    """
    _save(dataset, root, _polygon)


def _save(dataset: BoxSet, root: Path, numbers: Numbers) -> None:
    folders = {}
    for split, pictures in dataset.splits.items():
        name = "train" if split == "all" else split
        folders[name] = f"images/{name}"
        labels = root / "labels" / name
        labels.mkdir(parents=True)
        for copy, own in zip(copied(pictures.files, root / "images" / name, set()), pictures.objects, strict=True):
            size = size_of(copy)
            told = [(int(own.labels[k]), numbers(own, k, *size)) for k in range(len(own))]
            lines = [[label, *values] for label, values in told if values]
            text = "".join(" ".join(f"{value:.9g}" for value in line) + "\n" for line in lines)
            write_atomically(labels / f"{copy.stem}.txt", text.encode())
    content = {**folders, "names": dict(enumerate(dataset.classes))}
    write_atomically(root / "data.yaml", yaml.safe_dump(content, allow_unicode=True).encode())


def _box(own: Objects, k: int, height: int, width: int) -> list[float]:
    """Middle and size, as shares of the sides."""
    x0, y0, x1, y1 = own.boxes[k].astype(np.float64).tolist()
    return [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]


def _polygon(own: Objects, k: int, height: int, width: int) -> list[float]:
    """Corners, as shares of the sides; none of what covers no pixel."""
    points = _points(own, k, (height, width)) / (width, height)
    return np.clip(points, 0, 1).ravel().tolist()


def _points(own: Objects, k: int, size: tuple[int, int]) -> Points:
    """``(n, 2)``, the corners of an object in pixels."""
    shape = own.shapes[k]
    if isinstance(shape, dict):
        found = outlines(decode(shape, size))
    elif shape:
        found = [np.asarray(polygon, np.float64).reshape(-1, 2) for polygon in shape]
    else:
        x0, y0, x1, y1 = own.boxes[k].astype(np.float64).tolist()
        found = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])]
    return joined(found) if found else np.zeros((0, 2))
