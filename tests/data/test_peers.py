"""What real packages write is read, and what is written for them they read: to the pixel."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.test_kinds import true_boxes
from tests.support import peers, tools
from visus.data import load_boxes_whole
from visus.data.coco import encode
from visus.data.save_boxes import save_boxes
from visus.review.exporting import export, export_objects

FIXTURES = Path(__file__).parents[1] / "fixtures" / "peers"
PLACES = {
    "coco_instances": "images/default",
    "kitti_detection": "default/image_2",
    "open_images": "images/default",
    "voc_detection": "JPEGImages",
    "yolo": "obj_train_data",
}
"""Where datumaro lays pictures; in ``images/default`` for the others."""


def with_pictures(root: Path, name: str) -> Path:
    tools.pictures(root / name / PLACES.get(name, "images/default"), range(3))
    return root / name


@pytest.mark.parametrize("name", peers.EXPORTS)
def test_what_datumaro_writes_is_read(tmp_path: Path, name: str) -> None:
    shutil.copytree(FIXTURES / name, tmp_path / name)
    found = load_boxes_whole(with_pictures(tmp_path, name))
    assert sum(map(len, found.splits.values())) == 3
    assert true_boxes(found)


def mixed(root: Path) -> Path:
    """COCO with a polygon, two polygons, a box alone, and run lengths."""
    content = tools.coco(root, range(3), folder="images")
    for entry in content["annotations"]:
        if entry["category_id"] == 2:
            entry["segmentation"] = encode(tools.mask(entry["image_id"]) == 2)
        elif entry["image_id"] == 1:
            x, y, w, h = entry["bbox"]
            left, right = (
                [x, y, x + 8, y, x + 8, y + h, x, y + h],
                [x + w - 8, y, x + w, y, x + w, y + h, x + w - 8, y + h],
            )
            entry["segmentation"] = [left, right]
        elif entry["image_id"] == 2:
            entry["segmentation"] = []
    (root / "annotations.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with the packages."""
    place = tmp_path_factory.mktemp("peers") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    own = str(place / "bin" / "python")
    subprocess.run([own, "-m", "pip", "install", "--quiet", *peers.PACKAGES], check=True)
    return own


def ask(python: str, *arguments: object) -> Any:
    found = subprocess.run([python, peers.__file__, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.strip().splitlines()[-1]) if found.stdout.strip() else None


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", list(peers.READERS))
def test_what_is_written_is_read_by_the_package(python: str, tmp_path: Path, form: Any) -> None:
    dataset = load_boxes_whole(mixed(tmp_path / "coco"))
    found = ask(python, "read", form, save_boxes(dataset, tmp_path / form, form))
    for file, own in zip(dataset.splits["all"].files, dataset.splits["all"].objects, strict=True):
        areas = own.masks(tools.SIZE).sum((1, 2)).tolist()
        names = [dataset.classes[k] for k in own.labels.tolist()]
        rows = found[Path(file).name]
        if len(rows[0]) == 2:
            assert_areas(rows, names, areas)
            continue
        for name, box in zip(names, own.boxes, strict=True):
            parts = np.array([row[1:] for row in rows if row[0] == name])
            hull = np.concatenate([parts[:, :2].min(0), parts[:, 2:].max(0)])
            np.testing.assert_allclose(hull, box, atol=1e-3)


def assert_areas(rows: list[Any], names: list[str], areas: list[float]) -> None:
    expected = sorted(zip(names, areas, strict=True))
    assert [name for name, _ in sorted(rows)] == [name for name, _ in expected]
    assert [area for _, area in sorted(rows)] == pytest.approx([area for _, area in expected])


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", list(peers.PROPOSED))
def test_what_is_proposed_is_taken_by_the_package(python: str, tmp_path: Path, form: Any) -> None:
    dataset = load_boxes_whole(mixed(tmp_path / "coco"))
    own = dataset.splits["all"]
    export_objects(own.files, own.objects, dataset.classes, tmp_path / form, form)
    found = ask(python, "proposed", form, tmp_path / form)
    for file, objects in zip(own.files, own.objects, strict=True):
        areas, names = objects.masks(tools.SIZE).sum((1, 2)).tolist(), objects.labels.tolist()
        assert_areas(found[Path(file).name], [dataset.classes[k] for k in names], areas)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", list(peers.SUGGESTED))
def test_what_is_suggested_is_taken_by_the_package(python: str, tmp_path: Path, form: Any) -> None:
    files = [str(path) for path in tools.pictures(tmp_path / "pictures", range(3))]
    labels = ["a rose", "玫瑰", "a rose"]
    rows = [(file, label, 0.6) for file, label in zip(files, labels, strict=True)]
    export(rows, ["a rose", "玫瑰"], tmp_path / form, form)
    found = ask(python, "suggested", form, tmp_path / form)
    assert {Path(name).stem: row[0][-1] for name, row in found.items()} == {
        Path(file).stem: label for file, label in zip(files, labels, strict=True)
    }


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_fixtures_are_what_datumaro_writes(python: str, tmp_path: Path) -> None:
    tools.coco(tmp_path / "in", range(3), name="annotations/instances_default.json", folder="images/default")
    ask(python, "write", tmp_path / "in", tmp_path / "out")
    for name in peers.EXPORTS:
        found = load_boxes_whole(with_pictures(tmp_path / "out", name))
        assert true_boxes(found)
