"""The script that turns pictures with boxes from one form into another."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.boxed import coco_folder
from visus.data import load_boxes_whole

SCRIPT = Path(__file__).parents[2] / "examples" / "convert_boxes.py"


def convert(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_folder_is_converted_without_loss(tmp_path: Path) -> None:
    before = load_boxes_whole(coco_folder(tmp_path / "Fötos"))
    answer = convert(tmp_path / "Fötos", tmp_path / "yolo", "yolo")
    assert answer.returncode == 0, answer.stderr
    count = sum(int(before.counts(split).sum()) for split in before.splits)
    assert f"as YOLO: {count} objects" in answer.stdout
    after = load_boxes_whole(tmp_path / "yolo")
    for split, pictures in before.splits.items():
        for own, other in zip(pictures.objects, after.splits[split].objects, strict=True):
            np.testing.assert_allclose(own.boxes, other.boxes, atol=1e-3)
            np.testing.assert_array_equal(own.labels, other.labels)


@pytest.mark.slow
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path) -> None:
    answer = convert(tmp_path / "nowhere", tmp_path / "out", "voc")
    assert answer.returncode == 2
    assert "is no folder of pictures with boxes" in answer.stderr
    assert "Traceback" not in answer.stderr
