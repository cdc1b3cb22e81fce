"""Sets of more tools and collections: every box where it is, every shape as it was drawn."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.test_kinds import said, sizes, true_boxes
from tests.support import exports, tools
from visus import InputError
from visus.data import load, load_boxes, load_boxes_whole, load_masks, load_masks_whole

BOXES: dict[str, Callable[[Path], None]] = {
    "Supervisely": lambda root: exports.supervisely(root, range(6)),
    "Supervisely ": lambda root: exports.supervisely(root, range(6), kind="polygon"),
    "KITTI": lambda root: exports.kitti(root, range(6)),
    "Datumaro": lambda root: exports.datumaro(root, range(6)),
    "Hugging Face": lambda root: exports.hugging_face(root, range(6)),
    "Hugging Face ": lambda root: exports.hugging_face(root, range(6), csv=True),
    "COCO panoptic": lambda root: exports.panoptic(root, range(6)),
}


@pytest.mark.parametrize("name", list(BOXES))
def test_boxes_lie_where_they_were_drawn(tmp_path: Path, name: str) -> None:
    BOXES[name](tmp_path)
    found = load_boxes_whole(tmp_path)
    assert found.form.startswith(name.strip())
    assert sum(sizes(found).values()) == 6
    assert true_boxes(found, off=0.51 if name == "Supervisely " else 0.01)  # through the middles of pixels
    assert "not used" not in said(found)


def masks_are_true(root: Path, names: tuple[str, ...], *, ground: int = 0, void: int = 0) -> None:
    found = load_masks(root)
    assert found.classes == names
    for split in found.splits.values():
        for place, file in enumerate(split.files):
            number = int("".join(filter(str.isdigit, Path(file).stem.split("_000019")[0])))
            true, own = tools.mask(number), split.read(place)[1]
            lookup = np.array([ground, names.index("square"), names.index("disc")])
            np.testing.assert_array_equal(own[void:], lookup[true][void:])
            assert (own[:void] == 255).all()
    assert "not used" not in said(found)


def test_bitmaps_of_supervisely(tmp_path: Path) -> None:
    exports.supervisely(tmp_path, range(4), kind="bitmap", dataset="train")
    exports.supervisely(tmp_path, range(4, 6), kind="bitmap", dataset="val")
    assert sizes(load_boxes(tmp_path)) == {"train": 4, "val": 2}
    masks_are_true(tmp_path, ("background", "square", "disc"))


def test_a_hole_in_a_polygon_of_supervisely(tmp_path: Path) -> None:
    exports.supervisely(tmp_path, range(3))
    path = tmp_path / "ds0" / "ann" / "000.png.json"
    content = json.loads(path.read_text())
    square = {"exterior": [[10, 10], [50, 10], [50, 50], [10, 50]], "interior": [[[20, 20], [40, 20], [40, 40]]]}
    content["objects"] = [{"classTitle": "square", "geometryType": "polygon", "points": square}]
    path.write_text(json.dumps(content))
    found = load_masks_whole(tmp_path).splits["all"]
    assert Path(found.files[0]).name == "000.png"
    _, mask = found.read(0)
    assert (mask[12, 12], mask[25, 35], mask[48, 48]) == (1, 0, 1)


def test_a_damaged_annotation_of_supervisely_is_left_out(tmp_path: Path) -> None:
    exports.supervisely(tmp_path, range(12))
    path = tmp_path / "ds0" / "ann" / "000.png.json"
    path.write_text(path.read_text().replace("exterior", "outside"))
    assert "is no annotation of Supervisely ('exterior')" in load_boxes(tmp_path).left_out[0].reason
    bomb = {"origin": [0, 0], "data": exports.packed(np.zeros((2, 2), bool))[:-8]}
    content = json.loads(path.read_text())
    content["objects"] = [{"classTitle": "disc", "geometryType": "bitmap", "bitmap": bomb}]
    path.write_text(json.dumps(content))
    assert "a mask is" in load_boxes(tmp_path).left_out[0].reason


def test_regions_that_kitti_did_not_label_are_said(tmp_path: Path) -> None:
    exports.kitti(tmp_path, range(6))
    tools.pictures(tmp_path / "testing" / "image_2", range(6, 8))
    found = load_boxes(tmp_path)
    assert sizes(found) == {"train": 5, "val": 1}
    assert "6 objects are each a region that was not labeled (DontCare)" in said(found)
    assert "2 of 8 pictures have no annotation" in said(found)


@pytest.mark.parametrize("turn", [0, 30])
def test_rotated_boxes_of_yolo(tmp_path: Path, turn: int) -> None:
    root = tools.yolo(tmp_path, range(6), extra="train: images\n")
    for path in (root / "labels").iterdir():
        rows = enumerate(tools.boxes(int(path.stem)).values())
        path.write_text("\n".join(exports.obb_line(k, box, turn) for k, box in rows))
    found = load_boxes(root)
    assert ("12 objects are each a rotated box: the upright box around it is taken" in said(found)) == bool(turn)
    if not turn:
        assert true_boxes(found)


def test_key_points_of_yolo_are_no_polygons(tmp_path: Path) -> None:
    root = tools.yolo(tmp_path, range(6), extra="train: images\nval: images\nkpt_shape: [2, 3]\n")
    for path in (root / "labels").iterdir():
        path.write_text("\n".join(f"{line} 0.1 0.1 2 0.9 0.9 2" for line in path.read_text().splitlines()))
    found = load_boxes(root)
    assert "objects have key points, of which the box alone is taken" in said(found)
    assert true_boxes(found)


def test_segments_and_stuff_of_coco(tmp_path: Path) -> None:
    exports.panoptic(tmp_path, range(5))
    exports.panoptic(tmp_path, range(5, 7), "val")
    found = load_boxes(tmp_path)
    assert (found.classes, sizes(found)) == (("square", "disc"), {"train": 5, "val": 2})
    assert "7 objects are of what cannot be counted (stuff), left out" in said(found)
    masks_are_true(tmp_path, ("background", "ground", "square", "disc"), ground=1)


@pytest.mark.parametrize("train_ids", [False, True])
def test_cityscapes(tmp_path: Path, train_ids: bool) -> None:
    exports.cityscapes(tmp_path, range(5), train_ids=train_ids)
    exports.cityscapes(tmp_path, range(5, 7), "val", train_ids=train_ids)
    found = load_masks(tmp_path)
    assert (found.form, len(found.classes)) == ("Cityscapes", 19)
    assert sizes(found) == {"train": 5, "val": 2}
    _, mask = found.splits["train"].read(0)
    true = tools.mask(0)
    assert (mask[:2] == 255).all()
    np.testing.assert_array_equal(mask[2:] == found.classes.index("car"), (true == 1)[2:])
    np.testing.assert_array_equal(mask[2:] == found.classes.index("person"), (true == 2)[2:])
    assert "not used" not in said(found)
    with pytest.raises(InputError, match="say visus train segment"):
        load(tmp_path)


def test_ade20k(tmp_path: Path) -> None:
    exports.ade20k(tmp_path, range(5))
    exports.ade20k(tmp_path, range(5, 7), "validation")
    found = load_masks(tmp_path)
    assert (found.classes, sizes(found)) == (("square, box", "disc", "ground, floor"), {"train": 5, "val": 2})
    _, mask = found.splits["train"].read(0)
    assert (mask[:2] == 255).all()
    np.testing.assert_array_equal(mask[2:], np.array([2, 0, 1])[tools.mask(0)][2:])


def test_polygons_of_datumaro_are_one_object_with_their_box(tmp_path: Path) -> None:
    exports.datumaro(tmp_path, range(5))
    exports.datumaro(tmp_path, range(5, 7), "val")
    found = load_boxes(tmp_path)
    assert (found.classes, sizes(found)) == (("square", "disc"), {"train": 5, "val": 2})
    assert found.has_shapes


@pytest.mark.parametrize("place", ["images/train", "train/data", "data"])
def test_cocos_form_as_datumaro_and_fiftyone_lay_it_out(tmp_path: Path, place: str) -> None:
    name = "annotations/instances_train.json" if place.startswith("images") else "labels.json"
    root = tmp_path / "train" if place.startswith("train") else tmp_path
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    tools.coco(root, range(6), name=name, folder=place.removeprefix("train/"))
    found = load_boxes(tmp_path)
    assert found.form.startswith("COCO")
    assert true_boxes(found)
    assert "not used" not in said(found)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_hugging_faces_metadata_of_each_split(tmp_path: Path, ending: str) -> None:
    for split, numbers in (("train", range(8)), ("test", range(8, 12))):
        tools.pictures(tmp_path / split, numbers)
        rows = [(f"{n:03}.png", "ab"[n % 2]) for n in numbers]
        lines = [json.dumps({"file_name": file, "label": name}) for file, name in rows]
        if ending == "csv":
            lines = ["file_name,label", *(f"{file},{name}" for file, name in rows)]
        (tmp_path / split / f"metadata.{ending}").write_text("\n".join(lines))
    found = load(tmp_path)
    assert (found.classes, sizes(found)) == (("a", "b"), {"train": 6, "val": 2, "test": 4})


def test_the_label_that_nnunet_ignores_does_not_count(tmp_path: Path) -> None:
    import nibabel

    from tests.support.masked import folder_of_volumes

    folder_of_volumes(tmp_path, 4)
    for path in (tmp_path / "labelsTr").iterdir():
        image: Any = nibabel.load(str(path))
        values = np.asarray(image.dataobj).copy()
        values[0, 0] = 2
        nibabel.save(nibabel.Nifti1Image(values, image.affine), str(path))
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "tumor": 1, "ignore": 2}}))
    found = load_masks(tmp_path)
    assert found.classes == ("background", "tumor")
    assert set(np.unique(found.splits["train"].read(0)[1]).tolist()) == {0, 1, 255}


def test_parts_of_a_project_are_no_classes(tmp_path: Path) -> None:
    for dataset in ("ds0", "ds1"):
        exports.supervisely(tmp_path, range(4), dataset=dataset)
    with pytest.raises(InputError, match=r"\(Supervisely\); say visus train detect"):
        load(tmp_path)
