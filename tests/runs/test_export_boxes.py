"""Detectors as graphs of any size: they answer as the network does, in ONNX Runtime and in OpenVINO."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from tests.support import learned
from tests.support.boxed import CLASSES, scene
from tests.support.command import visus
from tests.test_halves import visus as light
from visus import RunError, write
from visus.data import load_boxes
from visus.graphs.boxes import Detections, Limits
from visus.nets import trained
from visus.nets.detection import create, graph
from visus.nets.detection.trained import About, Trained
from visus.runs.detect.light import GraphDetector
from visus.runs.detect.predict import DetectPredictor
from visus.runs.detect.prediction import BoxPredictor
from visus.runs.export import export

LIMITS = Limits(score=0.002)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few proposals: what a box goes through costs most."""
    monkeypatch.setattr("visus.nets.detection.faster_rcnn._TESTING", 20)


def written(folder: Path, net: str, task: str = "detect", **options: Any) -> Path:
    """A network with random weights in a file."""
    torch.manual_seed(0)
    built = create(net, classes=2, **options).eval()
    place = folder / "best.safetensors"
    trained.write(place, Trained(About(net, options, CLASSES, task=task), built))
    return place


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "options"),
    [
        pytest.param("faster_rcnn", {"backbone": "resnet18", "side": 64}, marks=pytest.mark.long),
        pytest.param("fasterrcnn_resnet50_fpn", {"side": 64}, marks=pytest.mark.long),
        pytest.param("maskrcnn_resnet50_fpn", {"side": 64}, marks=pytest.mark.long),
        ("mask_rcnn", {"backbone": "efficientnet_lite0", "side": 64, "width": 8}),
        ("mask_rcnn_fpn", {"backbone": "efficientnet_lite0", "side": 64, "width": 8, "sizes": (16, 32, 48)}),
        ("faster_rcnn_fpn", {"backbone": "efficientnet_lite0", "side": 64, "width": 8, "stages": 2}),
    ],
)
def test_a_graph_answers_as_the_network_at_every_size(
    net: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "stages" in options:  # as many proposals as there are: their number must be no constant of the graph
        monkeypatch.setattr("visus.nets.detection.faster_rcnn._TESTING", 300)
    place = written(tmp_path, net, **options)
    path = export(place)
    about = json.loads({own.key: own.value for own in onnx.load(path).metadata_props}["visus"])
    assert about["classes"] == list(CLASSES)
    assert (about["score"], about["overlap"], about["most"], about["pixels"]) == (0.001, 0.5, 100, [None, None, 3])
    own = DetectPredictor(place, limits=LIMITS, device="cpu")
    by_graph = GraphDetector(place, limits=LIMITS)
    for size in ((96, 128), (60, 201), (150, 90)):
        picture = scene(3, size=size)[0]
        expected, found = own.answers(picture), by_graph.answers(picture)
        assert len(found) == len(expected) > 0
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.02)
        assert found.labels.tolist() == expected.labels.tolist()
        if own.network.net.has_masks:
            assert found.shapes is not None
            assert expected.shapes is not None
            assert (
                np.mean([a == b for a, b in zip(found.shapes, expected.shapes, strict=True)]) > 0.8
            )  # random masks hang in the balance
    xml = export(place, "openvino")
    assert xml.with_suffix(".bin").stat().st_size > 1e5
    assert _by_openvino(xml, picture)[: len(found)] == pytest.approx(found.scores, abs=1e-4)


@pytest.mark.slow
def test_objects_are_found_where_pytorch_is_not_installed(tmp_path: Path) -> None:
    place = written(tmp_path, "mask_rcnn", backbone="efficientnet_lite0", side=64, width=8)
    export(place)
    Image.fromarray(scene(3)[0]).save(tmp_path / "scene.png")
    asked = ("predict", str(place), "scene.png", "--conf", "0.002", "--json")
    answer = light(tmp_path, *asked)
    assert answer.returncode == 0, answer.stderr
    own = visus(*asked, "--engine", "onnx", "--out", "again", cwd=tmp_path)
    assert json.loads(own.stdout) == json.loads(answer.stdout)
    expected = DetectPredictor(place, limits=LIMITS, device="cpu").predict(tmp_path / "scene.png").to_dict()
    objects = json.loads(answer.stdout)["predictions"][0]["objects"]
    assert [row["class"] for row in objects] == [row["class"] for row in expected["objects"]]
    assert all(row["segmentation"]["size"] == [96, 128] for row in objects)
    results = json.loads((tmp_path / "predictions" / "results.json").read_text())
    assert len(results) == len(objects) > 0
    assert "has no graph" in light(tmp_path, "predict", str(_alone(place)), "scene.png").stderr


def _alone(place: Path) -> Path:
    """A copy of a network without its graph."""
    folder = place.parent / "alone"
    folder.mkdir()
    return Path(shutil.copy(place, folder))


def _by_openvino(path: Path, picture: np.ndarray) -> np.ndarray:
    """The scores of its intermediate representation."""
    from visus._openvino import core, hints

    model = core().read_model(path)
    assert json.loads(model.get_rt_info("visus").astype(str))["classes"] == list(CLASSES)
    return core().compile_model(model, "CPU", hints(1))([picture])["scores"]


@pytest.mark.slow
def test_the_localizer_is_exported_too(tmp_path: Path) -> None:
    place = written(tmp_path, "localizer", "localize", backbone="efficientnet_lite0", side=64)
    export(place)
    own, by_graph = DetectPredictor(place, device="cpu"), GraphDetector(place)
    for size in ((96, 128), (33, 20), (301, 40)):
        picture = scene(3, size=size)[0] if min(size) > 44 else np.zeros((*size, 3), np.uint8)
        expected, found = own.answers(picture), by_graph.answers(picture)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
        assert found.labels.tolist() == expected.labels.tolist()


@pytest.mark.parametrize("net", ["rcnn", "fast_rcnn"])
def test_networks_whose_boxes_come_from_outside_are_not_exported(net: str) -> None:
    built = create(net, classes=2, backbone="efficientnet_lite0")
    with pytest.raises(RunError, match=f"{net} gets its boxes from selective search, outside of the network"):
        graph.export(built, LIMITS, {})


class Shown(BoxPredictor):
    """Finds nothing, and keeps what it was shown."""

    classes, limits = ("disc",), Limits(score=0.5)

    def _within(self, picture: np.ndarray, limits: Limits) -> Detections:
        self.picture = picture
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), None)


def test_network_and_graph_are_shown_twelve_bits_in_the_same_way(tmp_path: Path) -> None:
    assert DetectPredictor.predict is GraphDetector.predict is BoxPredictor.predict
    write(tmp_path / "deep.png", np.linspace(0, 4095, 64 * 64 * 3).astype(np.uint16).reshape(64, 64, 3))
    shown = Shown()
    shown.predict(tmp_path / "deep.png")
    assert shown.picture.max() == 255


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_detector_that_has_learned_is_exported_to_a_tenth_of_a_point(tmp_path: Path) -> None:
    kept = learned.asked(run := learned.detector(tmp_path), load_boxes(tmp_path / "shapes"))
    learned.table(kept)
    network = learned.precision(kept, learned.NETWORK)
    assert network > 0.3
    assert learned.precision(kept, learned.GRAPH) == pytest.approx(network, abs=0.001)
    assert learned.precision(kept, learned.INT8) == pytest.approx(network, abs=0.02)
    assert network == pytest.approx(run.evaluate(split="val").ap, abs=0.001)
