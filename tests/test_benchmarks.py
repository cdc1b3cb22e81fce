"""The networks of the course train, are measured and print their row: on a few small pictures, for an epoch."""

import json
import sys
from pathlib import Path

import pytest
from benchmarks import course
from PIL import Image

from tests.support import boxed, labeled, masked
from visus import write


def street(root: Path) -> None:
    """``camvid`` with pictures of three classes, and a border that does not count."""
    number = 0
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for kind in ("images", "labels"):
            (root / split / kind).mkdir(parents=True)
        for _ in range(count):
            picture, mask = masked.scene(number, size=(240, 256))
            mask[:6] = 11
            write(root / split / "images" / f"{number}.png", picture)
            Image.fromarray(mask).save(root / split / "labels" / f"{number}.png")
            number += 1


def cells(root: Path) -> None:
    """``bccd``: objects in the form of Pascal VOC."""
    from visus.data import load_boxes
    from visus.data.save_boxes import save_boxes

    found = boxed.coco_folder(root.with_name("as-coco"), {"train": 6, "val": 2, "test": 2})
    save_boxes(load_boxes(found), root, "voc")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small data sets under the names that the benchmark knows."""
    root = tmp_path_factory.mktemp("data")
    labeled.splits(root / "flowers5", 6, 3, 3, side=128)
    street(root / "camvid")
    masked.folder_of_volumes(root / "hippocampus", 6)
    names = [path.name for path in sorted((root / "hippocampus" / "imagesTr").iterdir())]
    splits = {"train": names[:3], "val": names[3:5], "test": names[5:]}
    (root / "hippocampus" / "splits.json").write_text(json.dumps(splits))
    cells(root / "bccd")
    return root


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", course.TRAININGS)
def test_each_network_of_the_course_prints_its_row(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    epochs = "3" if name == "localizer" else "1"  # it learns in three stages
    command = ["course.py", name, "--data", str(data), "--epochs", epochs, "--threads", "1", "--keep", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    course.main()
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith(name)
    assert "nothing to measure" not in row
    assert f"{int(epochs) * len(course.TRAININGS[name].stages)} epochs" in row
    assert "to the end" in row
