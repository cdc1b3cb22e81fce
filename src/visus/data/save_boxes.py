"""Write pictures with boxes in another format, without losing or shifting a box."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visus._errors import InputError
from visus._files import write_atomically
from visus.data import voc
from visus.data.boxes import BoxSet, Objects
from visus.data.copies import copied, size_of
from visus.data.crops import Crops
from visus.data.save_cvat import save_cvat
from visus.data.save_label_studio import save_label_studio
from visus.data.save_labelme import save_labelme
from visus.data.save_yolo import save_yolo, save_yolo_seg

Form = Literal["voc", "coco", "yolo", "yolo-seg", "labelme", "cvat", "label-studio"]


def save_boxes(dataset: BoxSet, path: str | os.PathLike[str], form: Form) -> Path:
    """Write a data set in the form of another format; pictures are copied.

    VOC has no shapes, and its crowds are difficult objects. COCO keeps everything but the numbers. YOLO has boxes, or
    one polygon for each object (``"yolo-seg"``), and crowds and difficult objects are plain ones, as in Label Studio.
    labelme and CVAT keep all. A shape that covers no pixel is left out where a format has no polygons for it.

    Args:
        dataset: What :func:`visus.data.load_boxes` gives.
        path: A folder, which must be new or empty.
        form: ``"voc"``, ``"coco"``, ``"yolo"``, ``"yolo-seg"``, ``"labelme"``, ``"cvat"`` or ``"label-studio"``.

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


def _rows(own: Objects, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": classes[label], "box": box, "difficult": hard or crowd}
        for label, box, hard, crowd in zip(
            own.labels.tolist(), own.boxes.tolist(), own.difficult.tolist(), own.crowd.tolist(), strict=True
        )
    ]


def _voc(dataset: BoxSet, root: Path) -> None:
    strange = [name for name in dataset.classes if not name.isprintable() or name != name.strip() or not name]
    if strange:
        raise InputError(f"VOC cannot hold the class name {strange[0]!r}; rename it.")
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (root / "Annotations").mkdir()
    taken: set[str] = set()
    for split, pictures in dataset.splits.items():
        copies = copied(pictures.files, root / "JPEGImages", taken)
        for copy, own in zip(copies, pictures.objects, strict=True):
            path = root / "Annotations" / f"{copy.stem}.xml"
            voc.write_annotation(path, copy.name, size_of(copy), _rows(own, dataset.classes))
        stems = "".join(f"{copy.stem}\n" for copy in copies)
        write_atomically(lists / f"{'train' if split == 'all' else split}.txt", stems.encode())


def _coco(dataset: BoxSet, root: Path) -> None:
    categories = [{"id": k, "name": name} for k, name in enumerate(dataset.classes, 1)]
    for split, pictures in dataset.splits.items():
        name = "train" if split == "all" else split
        images, annotations = [], []
        for number, copy in enumerate(copied(pictures.files, root / name, set())):
            height, width = size_of(copy)
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


WRITERS: dict[str, Callable[[BoxSet, Path], None]] = {
    "voc": _voc,
    "coco": _coco,
    "yolo": save_yolo,
    "yolo-seg": save_yolo_seg,
    "labelme": save_labelme,
    "cvat": save_cvat,
    "label-studio": save_label_studio,
}
