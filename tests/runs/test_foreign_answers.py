"""Answers as supervision and FiftyOne take them."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support import tools_of_answers
from tests.support.boxed import CLASSES, scene
from tests.support.command import visus
from tests.support.untrained import finder, painter
from visus import DependencyError, InputError, Run
from visus.data.coco import encode
from visus.graphs.boxes import Detections
from visus.runs.classify.prediction import ClassPrediction
from visus.runs.detect.prediction import BoxPrediction
from visus.runs.fiftyone import box_labels, class_label, write
from visus.runs.segment.predict import MaskPrediction


def found_in_scene(*, shapes: bool = True) -> BoxPrediction:
    """The objects of a scene, as a network would find them."""
    picture, rows = scene(3)
    boxes = np.array([row["box"] for row in rows], np.float32)
    labels = np.array([CLASSES.index(row["name"]) for row in rows])
    scores = np.linspace(0.9, 0.6, len(rows), dtype=np.float32)
    coded = [encode(row["mask"]) for row in rows] if shapes else None
    return BoxPrediction("a.png", Detections(boxes, scores, labels, coded), CLASSES, picture)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that keeps what it is given."""
    made: Any = ModuleType("supervision")
    made.Detections = SimpleNamespace
    monkeypatch.setitem(sys.modules, "supervision", made)


@pytest.mark.usefixtures("package")
def test_objects_become_detections() -> None:
    answer = found_in_scene()
    own = answer.to_supervision()
    assert own.data["class_name"].tolist() == answer.names
    np.testing.assert_array_equal(own.xyxy, answer.boxes)
    np.testing.assert_array_equal(own.mask, answer.masks())
    assert (own.confidence.dtype, own.class_id.dtype) == (np.float32, np.int64)
    assert found_in_scene(shapes=False).to_supervision().mask is None
    nothing = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert BoxPrediction("", nothing, CLASSES, answer.picture).to_supervision().xyxy.shape == (0, 4)


@pytest.mark.usefixtures("package")
def test_classes_of_pixels_become_detections() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 3:7] = 2
    palette = np.zeros((3, 3), np.uint8)
    own = MaskPrediction("", mask, ("ground", "sky", "tree"), palette, np.zeros((6, 8, 3), np.uint8)).to_supervision()
    assert own.data["class_name"].tolist() == ["ground", "tree"]
    assert own.xyxy.tolist() == [[0, 0, 8, 6], [3, 2, 7, 4]]
    np.testing.assert_array_equal(own.mask[1], mask == 2)
    with pytest.raises(InputError, match="no volumes"):
        MaskPrediction("", np.zeros((2, 2, 2), np.uint8), ("a",), palette, np.zeros((2, 2, 2))).to_supervision()


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(DependencyError, match="pip install 'supervision'"):
        found_in_scene().to_supervision()


def test_the_layout_of_fiftyone(tmp_path: Path) -> None:
    answer = found_in_scene()
    (first, *_) = labels = box_labels(answer)
    x0, y0, x1, y1 = answer.boxes[0].tolist()
    assert first["label"] == answer.names[0]
    assert first["bounding_box"] == pytest.approx([x0 / 128, y0 / 96, (x1 - x0) / 128, (y1 - y0) / 96], abs=1e-5)
    assert first["confidence"] == pytest.approx(0.9)
    write(tmp_path / "f" / "g", ["a.png"], [labels])
    pictures, content = (json.loads((tmp_path / "f" / "g" / name).read_text()) for name in ("data.json", "labels.json"))
    assert pictures == {"000000": str(Path.cwd() / "a.png")}
    assert content["labels"] == {"000000": labels}
    assert class_label(ClassPrediction("", ("a", "b"), (0.7, 0.3))) == {"label": "a", "confidence": 0.7}
    several = ClassPrediction("", ("a", "b", "c"), (0.9, 0.6, 0.1), multilabel=True)
    assert class_label(several) == [{"label": "a", "confidence": 0.9}, {"label": "b", "confidence": 0.6}]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "file", [], [])


def test_the_command_writes_it(trained_run: Run, tmp_path: Path) -> None:
    pictures = sorted((trained_run.folder.parents[2] / "textures" / "test").rglob("*.png"))[:3]
    answer = visus("predict", trained_run.folder, *pictures, "--fiftyone", tmp_path / "f", "-k", 1)
    assert answer.stderr == f"Wrote {tmp_path / 'f'}\n"
    content = json.loads((tmp_path / "f" / "labels.json").read_text())
    assert len(content["labels"]) == 3
    assert {own["label"] for own in content["labels"].values()} <= {"blob", "checks", "stripes"}


@pytest.mark.slow
def test_the_command_writes_objects(tmp_path: Path) -> None:
    Image.fromarray(scene(3)[0]).save(tmp_path / "one.png")
    answer = visus("predict", finder(tmp_path / "finder"), "one.png", "--out", "o", "--fiftyone", "f", cwd=tmp_path)
    assert answer.stderr == "Wrote o and f\n"
    (objects,) = json.loads((tmp_path / "f" / "labels.json").read_text())["labels"].values()
    assert len(objects) == len(json.loads((tmp_path / "o" / "results.json").read_text())) > 0
    refused = visus("predict", painter(tmp_path / "painter"), "one.png", "--fiftyone", "f", cwd=tmp_path, code=2)
    assert "--fiftyone is for classifiers and detectors" in refused.stderr


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with the packages."""
    place = tmp_path_factory.mktemp("answers") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    own = str(place / "bin" / "python")
    subprocess.run([own, "-m", "pip", "install", "--quiet", *tools_of_answers.PACKAGES], check=True)
    return own


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("package")
def test_the_real_packages_read_it(python: str, trained_run: Run, tmp_path: Path) -> None:
    pictures = sorted((trained_run.folder.parents[2] / "textures" / "test").rglob("*.png"))[:3]
    visus("predict", trained_run.folder, *pictures, "--fiftyone", tmp_path / "classes")
    Image.fromarray(scene(3)[0]).save(tmp_path / "one.png")
    run = finder(tmp_path / "finder")
    visus("predict", run, "one.png", "--out", "o", "--fiftyone", "boxes", cwd=tmp_path)

    def ask(*arguments: object) -> Any:
        command = [python, tools_of_answers.__file__, *map(str, arguments)]
        told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout.strip().splitlines()[-1])

    classes = ask("classes", "classes")
    labels = json.loads((tmp_path / "classes" / "labels.json").read_text())["labels"]
    assert [own[1] for own in classes] == [own["label"] for own in labels.values()]
    assert [own[0] for own in classes] == [str(path) for path in pictures]
    objects = json.loads((tmp_path / "boxes" / "labels.json").read_text())["labels"]["000000"]
    assert ask("boxes", "boxes") == [[own["label"], own["bounding_box"], own["confidence"]] for own in objects]
    answer = found_in_scene()
    given = vars(answer.to_supervision())  # what the package is asked to make
    given["class_name"] = given.pop("data")["class_name"]
    np.savez(tmp_path / "given.npz", picture=answer.picture, **given)
    drawn = ask("supervision", "given.npz")
    assert [own[0] for own in drawn] == answer.names
    np.testing.assert_allclose([own[1] for own in drawn], answer.boxes)
    assert [own[2] for own in drawn] == answer.masks().sum((1, 2)).tolist()
