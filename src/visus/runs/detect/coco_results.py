"""What a detector found, as COCO's list of results."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visus._files import write_atomically
from visus.graphs.boxes import Detections
from visus.runs.record.folder import write_json

if TYPE_CHECKING:
    from visus.data.boxes import Objects
    from visus.data.coco_boxes import Numbers


def write_coco(
    folder: Path,
    files: Sequence[str],
    sizes: Sequence[Sequence[int]],
    answers: Sequence[Detections],
    *,
    classes: tuple[str, ...],
    truth: "Sequence[Objects] | None" = None,
    numbers: "Numbers | None" = None,
) -> None:
    """Write ``results.json``, which is COCO's list of results, and ``pictures.json``, whose numbers it speaks of.

    ``COCO("pictures.json").loadRes("results.json")`` of pycocotools reads them.

    Args:
        folder: Where they go.
        files: The pictures.
        sizes: Height and width of each.
        answers: What was found on each.
        classes: Names of the classes.
        truth: The true objects of each, which become annotations.
        numbers: Of the pictures and the classes; None to count from 1 on.
    """
    of_pictures = numbers.pictures if numbers else list(range(1, len(files) + 1))
    of_classes = numbers.classes if numbers else list(range(1, len(classes) + 1))
    images = [
        {"id": number, "file_name": file, "height": int(size[0]), "width": int(size[1])}
        for number, file, size in zip(of_pictures, files, sizes, strict=True)
    ]
    categories = [{"id": number, "name": name} for number, name in zip(of_classes, classes, strict=True)]
    annotations: list[dict[str, Any]] = []
    if truth is not None:  # measures need the train half
        from visus.tasks.box_metrics import annotations_of

        annotations = annotations_of(truth, sizes, first=0)
    results = coco_results(answers)
    for row in (*annotations, *results):
        row["image_id"] = of_pictures[row["image_id"]]
        row["category_id"] = of_classes[row["category_id"]]
    write_json(folder / "pictures.json", {"images": images, "categories": categories, "annotations": annotations})
    write_atomically(folder / "results.json", json.dumps(results, ensure_ascii=False).encode())


def coco_results(answers: Sequence[Detections]) -> list[dict[str, Any]]:
    """Detections as COCO's list of results; pictures and classes are numbered from 0 on."""
    rows = []
    for number, own in enumerate(answers):
        for k, (x0, y0, x1, y1) in enumerate(own.boxes.astype(np.float64).tolist()):
            row: dict[str, Any] = {"image_id": number, "category_id": int(own.labels[k])}
            row |= {"bbox": [round(v, 3) for v in (x0, y0, x1 - x0, y1 - y0)], "score": round(float(own.scores[k]), 6)}
            if own.shapes is not None:
                row["segmentation"] = own.shapes[k]
            rows.append(row)
    return rows
