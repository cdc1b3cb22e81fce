"""Write pictures with boxes in another format, without losing or shifting a box."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from visus._errors import InputError
from visus._files import write_atomically
from visus.data import voc
from visus.data.boxes import Boxed, BoxSet, Objects
from visus.data.crops import Crops
from visus.images import read

Form = Literal["voc", "coco", "yolo"]


def save_boxes(dataset: BoxSet, path: str | os.PathLike[str], form: Form) -> Path:
    """Write a data set in the form of Pascal VOC, COCO or YOLO; pictures are copied.

    VOC has no shapes, and its crowds are difficult objects. COCO keeps everything but the numbers. YOLO has a box or
    one polygon for each object: run lengths and several polygons become their box, crowds and difficult objects plain
    ones.

    Args:
        dataset: What :func:`visus.data.load_boxes` gives.
        path: A folder, which must be new or empty.
        form: ``"voc"``, ``"coco"`` or ``"yolo"``.

    Returns:
        The folder.

    Raises:
        InputError: The form is unknown, or the folder holds something.
    """
    root = Path(path)
    if form not in WRITERS:
        raise InputError(f"The form must be one of {', '.join(WRITERS)}, not {form!r}.")
    if root.is_dir() and any(root.iterdir()):
        raise InputError(f"{root} is not empty; give a new folder.")
    if any(isinstance(pictures, Crops) for pictures in dataset.splits.values()):
        raise InputError("The objects were cut out of their pictures; save the data as it was before they were.")
    try:
        root.mkdir(parents=True, exist_ok=True)
        WRITERS[form](dataset, root)
    except OSError as error:
        raise InputError(f"{root} cannot be written ({error.strerror}); choose another place.") from error
    return root


def _copied(pictures: Boxed, folder: Path, taken: set[str]) -> list[Path]:
    """Copies of the pictures in one folder, under names of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for file in pictures.files:
        source = Path(file)
        stem, number = source.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{source.stem}-{number}"
        taken.add(stem.casefold())
        copies.append(folder / f"{stem}{source.suffix}")
        write_atomically(copies[-1], source.read_bytes())
    return copies


def _rows(own: Objects, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": classes[label], "box": box, "difficult": hard or crowd}
        for label, box, hard, crowd in zip(
            own.labels.tolist(), own.boxes.tolist(), own.difficult.tolist(), own.crowd.tolist(), strict=True
        )
    ]


def _size(path: Path) -> tuple[int, int]:
    height, width = read(path).shape[:2]
    return height, width


def _voc(dataset: BoxSet, root: Path) -> None:
    strange = [name for name in dataset.classes if not name.isprintable() or name != name.strip() or not name]
    if strange:
        raise InputError(f"VOC cannot hold the class name {strange[0]!r}; rename it.")
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (root / "Annotations").mkdir()
    taken: set[str] = set()
    for split, pictures in dataset.splits.items():
        copies = _copied(pictures, root / "JPEGImages", taken)
        for copy, own in zip(copies, pictures.objects, strict=True):
            path = root / "Annotations" / f"{copy.stem}.xml"
            voc.write_annotation(path, copy.name, _size(copy), _rows(own, dataset.classes))
        stems = "".join(f"{copy.stem}\n" for copy in copies)
        write_atomically(lists / f"{'train' if split == 'all' else split}.txt", stems.encode())


def _coco(dataset: BoxSet, root: Path) -> None:
    categories = [{"id": k, "name": name} for k, name in enumerate(dataset.classes, 1)]
    for split, pictures in dataset.splits.items():
        name = "train" if split == "all" else split
        images, annotations = [], []
        for number, copy in enumerate(_copied(pictures, root / name, set())):
            height, width = _size(copy)
            images.append({"id": number, "file_name": copy.name, "width": width, "height": height})
            annotations += _annotations(pictures.objects[number], number, (height, width), len(annotations))
        content = {"images": images, "annotations": annotations, "categories": categories}
        write_atomically(root / f"{name}.json", json.dumps(content, ensure_ascii=False).encode())


def _annotations(own: Objects, picture: int, size: tuple[int, int], before: int) -> list[dict[str, Any]]:
    """The objects of a picture as COCO writes them."""
    rows = []
    for k, (x0, y0, x1, y1) in enumerate(own.boxes.astype(np.float64).tolist()):
        shape = own.shapes[k]
        area = float(own.areas[k])  # what COCO says itself
        if not np.isfinite(area):
            area = int(own.take([k]).masks(size).sum()) if shape else (x1 - x0) * (y1 - y0)
        rows.append({
            "id": before + k + 1,
            "image_id": picture,
            "category_id": int(own.labels[k]) + 1,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": area,
            "iscrowd": int(own.crowd[k]),
            "difficult": int(own.difficult[k]),
            "segmentation": shape or [],
        })  # fmt: skip
    return rows


def _yolo(dataset: BoxSet, root: Path) -> None:
    folders = {}
    for split, pictures in dataset.splits.items():
        name = "train" if split == "all" else split
        folders[name] = f"images/{name}"
        labels = root / "labels" / name
        labels.mkdir(parents=True)
        for copy, own in zip(_copied(pictures, root / "images" / name, set()), pictures.objects, strict=True):
            height, width = _size(copy)
            lines = "".join(_line(own, k, height, width) for k in range(len(own)))
            write_atomically(labels / f"{copy.stem}.txt", lines.encode())
    content = {**folders, "names": dict(enumerate(dataset.classes))}
    write_atomically(root / "data.yaml", yaml.safe_dump(content, allow_unicode=True).encode())


def _line(own: Objects, k: int, height: int, width: int) -> str:
    shape = own.shapes[k]
    x0, y0, x1, y1 = own.boxes[k].astype(np.float64).tolist()
    corners = shape[0] if isinstance(shape, list) and len(shape) == 1 else []
    hull = [min(corners[0::2]), min(corners[1::2]), max(corners[0::2]), max(corners[1::2])] if corners else []
    if corners and np.allclose(hull, [x0, y0, x1, y1], atol=0.01):  # its box is that of the polygon
        numbers = [value / side for value, side in zip(corners, [width, height] * (len(corners) // 2), strict=True)]
    else:
        numbers = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]
    return " ".join([str(int(own.labels[k])), *(f"{value:.9g}" for value in numbers)]) + "\n"


WRITERS: dict[str, Callable[[BoxSet, Path], None]] = {"voc": _voc, "coco": _coco, "yolo": _yolo}
