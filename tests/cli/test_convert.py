"""``visus convert``: what is written is what was read, and what a format cannot hold is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.boxed import coco_folder
from tests.support.command import visus
from visus.data import load_boxes_whole
from visus.images import write

FORMS = ("voc", "coco", "yolo", "yolo-seg", "labelme", "cvat", "label-studio")


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_is_converted_without_loss(tmp_path: Path, form: str) -> None:
    before = load_boxes_whole(coco_folder(tmp_path / "Fötos"))
    answer = visus("convert", tmp_path / "Fötos", tmp_path / "out", "--to", form)
    count = sum(int(before.counts(split).sum()) for split in before.splits)
    assert f"as {form}: {count} objects" in answer.stdout
    assert ("shapes are gone" in answer.stdout) == (form in ("voc", "yolo"))
    after = load_boxes_whole(tmp_path / "out")
    for split, pictures in before.splits.items():
        for own, other in zip(pictures.objects, after.splits[split].objects, strict=True):
            np.testing.assert_allclose(own.boxes, other.boxes, atol=1e-3)
            names = [before.classes[k] for k in own.labels.tolist()]
            assert names == [after.classes[k] for k in other.labels.tolist()]
            if form not in ("voc", "yolo"):
                np.testing.assert_array_equal(own.masks((96, 128)), other.masks((96, 128)))


def test_what_cannot_be_done_is_one_sentence(tmp_path: Path) -> None:
    assert "is no folder" in visus("convert", tmp_path / "nowhere", tmp_path / "out", "--to", "voc", code=2).stderr
    source = coco_folder(tmp_path / "a")
    assert "is not empty" in visus("convert", source, source, "--to", "coco", code=2).stderr


def coco(root: Path, *objects: dict[str, Any]) -> Path:
    """Two pictures of 40 x 30 pixels, one with a plain object, one with these."""
    (root / "train").mkdir(parents=True)
    for name in "ab":
        write(root / "train" / f"{name}.png", np.random.default_rng(ord(name)).integers(0, 255, (30, 40, 3), np.uint8))
    plain = {"bbox": [2, 2, 9, 9], "segmentation": [[2, 2, 11, 2, 11, 11]]}
    rows = [
        {"id": k, "image_id": k > 0, "category_id": 1, "area": 9, "iscrowd": 0, **own}
        for k, own in enumerate((plain, *objects))
    ]
    images = [{"id": k, "file_name": f"{name}.png", "width": 40, "height": 30} for k, name in enumerate("ab")]
    content = {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "cell"}]}
    (root / "train.json").write_text(json.dumps(content))
    return root


@pytest.mark.parametrize("form", ["cvat", "labelme", "yolo-seg", "label-studio"])
def test_what_covers_no_pixel_is_left_out_and_counted(tmp_path: Path, form: str) -> None:
    nothing = {"bbox": [5, 5, 4, 4], "segmentation": {"size": [30, 40], "counts": [1200]}}
    answer = visus("convert", coco(tmp_path / "a", nothing), tmp_path / "out", "--to", form, "--json")
    assert json.loads(answer.stdout)["dropped"] == {"objects": 1, "shapes": 1}
    assert "1 of 2 objects is gone, since the format cannot hold it." in answer.stderr
    assert f"as {form}: 1 object." in answer.stderr


def test_two_slivers_of_one_object_are_left_out_by_cvat(tmp_path: Path) -> None:
    slivers = [[10.1, 10.1, 10.3, 10.1, 10.2, 10.3], [10.6, 10.6, 10.9, 10.6, 10.8, 10.8]]
    source = coco(tmp_path / "a", {"bbox": [10, 10, 1, 1], "segmentation": slivers})
    assert "1 of 2 objects is gone" in visus("convert", source, tmp_path / "out", "--to", "cvat").stdout


def dropped(source: Path, target: Path) -> dict[str, int]:
    """What is told, which text and JSON must tell alike."""
    answer = visus("convert", source, target, "--to", "labelme", "--json")
    told = json.loads(answer.stdout)["dropped"]
    for kind, count in told.items():
        assert f"What {count} annotation{'s say' if count > 1 else ' says'} of {kind} is not written." in answer.stderr
    return told


def test_what_coco_says_beside_shapes_is_counted(tmp_path: Path) -> None:
    said = {"bbox": [3, 3, 8, 8], "keypoints": [4, 4, 2], "num_keypoints": 1, "attributes": {"wet": True, "old": False}}
    silent = {"bbox": [3, 3, 5, 5], "keypoints": [0, 0, 0], "attributes": {}, "track_id": 0}
    source = coco(tmp_path / "a", said, silent, {"bbox": [1, 1, 9, 9], "keypoints": [5, 5, 1]})
    assert dropped(source, tmp_path / "out") == {"keypoints": 2, "wet": 1}


def test_what_voc_says_beside_boxes_is_counted(tmp_path: Path) -> None:
    visus("convert", coco(tmp_path / "a", {"bbox": [3, 3, 8, 8]}), tmp_path / "voc", "--to", "voc")
    assert dropped(tmp_path / "voc", tmp_path / "plain") == {}
    for file, more in (
        ("a.xml", "<pose>Left</pose><truncated>1</truncated><occluded>0</occluded>"),
        ("b.xml", "<pose>Unspecified</pose><truncated>1</truncated><part><name>head</name></part>"
                  "<attributes><attribute><name>color</name><value>red</value></attribute></attributes>"),
    ):  # fmt: skip
        path = tmp_path / "voc/Annotations" / file
        path.write_text(path.read_text().replace("<difficult>", more + "<difficult>"))
    assert dropped(tmp_path / "voc", tmp_path / "out") == {"truncated": 2, "pose": 1, "part": 1, "color": 1}


def test_what_cvat_says_beside_shapes_is_counted(tmp_path: Path) -> None:
    visus("convert", coco(tmp_path / "a", {"bbox": [3, 3, 8, 8], "iscrowd": 1}), tmp_path / "cvat", "--to", "cvat")
    assert dropped(tmp_path / "cvat", tmp_path / "plain") == {}
    path = tmp_path / "cvat/annotations.xml"
    text = path.read_text().replace('occluded="0"', 'occluded="1"')
    path.write_text(text.replace("</image>", '<tag label="cell"/></image>').replace(
        '<attribute name="crowd">', '<attribute name="color">red</attribute><attribute name="crowd">'))  # fmt: skip
    assert dropped(tmp_path / "cvat", tmp_path / "out") == {"occluded": 2, "tag": 2, "color": 1}
