"""``visus convert``: what is written is what was read, and what a format cannot hold is said."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.boxed import coco_folder
from tests.support.command import visus
from visus.data import load_boxes_whole

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
