"""Results that are named as the annotation file names its pictures and categories."""

import json
from pathlib import Path

import numpy as np

from tests.support.boxed import CLASSES, coco_folder
from visus.data import load_boxes_whole
from visus.data.coco_boxes import numbers_of
from visus.runs.detect.coco_results import write_coco
from visus.tasks.box_metrics import Detections


def test_results_have_the_numbers_of_the_annotation_file(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a", {"train": 3, "val": 2})
    path = root / "val.json"
    content = json.loads(path.read_text())
    for entry in content["images"]:
        entry["id"] = 500 - entry["id"]
    for entry in content["annotations"]:
        entry |= {"image_id": 500 - entry["image_id"], "category_id": 70 + entry["category_id"]}
    for entry in content["categories"]:
        entry["id"] += 70
    path.write_text(json.dumps(content))
    shown = load_boxes_whole(root).splits["val"]
    found = [Detections(own.boxes, np.ones(len(own), np.float32), own.labels) for own in shown.objects]

    classes = ("another", *CLASSES)  # a network may know more than the file
    numbers = numbers_of(root, shown.files, classes)
    assert numbers is not None
    assert (numbers.pictures, numbers.classes) == ([500, 499], [73, 71, 72])

    numbers = numbers_of(root, shown.files, CLASSES)
    write_coco(tmp_path, shown.files, [(96, 128)] * 2, found, classes=CLASSES, truth=shown.objects, numbers=numbers)
    names = ("image_id", "category_id", "bbox")
    expected = [[entry[name] for name in names] for entry in content["annotations"]]
    assert [[row[name] for name in names] for row in json.loads((tmp_path / "results.json").read_text())] == expected
    pictures = json.loads((tmp_path / "pictures.json").read_text())
    assert [[row[name] for name in names] for row in pictures["annotations"]] == expected
    assert [entry["id"] for entry in pictures["images"]] == [500, 499]
    assert {entry["id"]: entry["name"] for entry in pictures["categories"]} == {71: "disc", 72: "square"}


def test_pictures_that_no_annotation_file_lists_have_no_numbers(tmp_path: Path) -> None:
    assert numbers_of(coco_folder(tmp_path / "a"), ["elsewhere.png"], CLASSES) is None
