"""Segmenters are asked about a pixel, detectors about a box, localizers about their picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.boxed import CLASSES, scene
from tests.support.subjects import everything_as_it_was
from visus import InputError
from visus.explain import METHODS, fool, open_classifier, open_subject, saliency, sanity
from visus.explain.attribution import attribute
from visus.nets import detection, segmentation, trained
from visus.nets.detection.trained import About as DetectorAbout
from visus.nets.detection.trained import Trained as TrainedDetector
from visus.nets.segmentation.trained import About as SegmenterAbout
from visus.nets.segmentation.trained import Trained as TrainedSegmenter
from visus.ops import Normalize


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("s") / "net.safetensors"
    net = segmentation.create("fcn8s", classes=3, backbone="efficientnet_lite0", weights="imagenet")
    options = {"backbone": "efficientnet_lite0"}
    about = SegmenterAbout("fcn8s", options, ("ground", "disc", "square"), (64, 64), ((0, 0, 0),) * 3)
    trained.write(path, TrainedSegmenter(about, net, Normalize.of_channels((0.5,) * 3, (0.25,) * 3)))
    return path


def detector(name: str, folder: Path) -> Path:
    torch.manual_seed(0)
    options: dict[str, Any] = {"side": 96} if "fpn" in name else {"backbone": "efficientnet_lite0", "side": 96}
    net = detection.create(name, classes=2, **options)
    path = folder / f"{name}.safetensors"
    task = "localize" if name == "localizer" else "detect"
    trained.write(path, TrainedDetector(DetectorAbout(name, options, CLASSES, task=task), net))
    return path


@pytest.mark.slow
def test_a_pixel_is_explained_by_what_lies_around_it(segmenter: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (700, 800, 3), dtype=np.uint8)
    subject = open_subject(segmenter, at=(120, 640))
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    found = saliency(subject, picture, method="saliency", target="disc")
    assert found.name == "disc"
    np.testing.assert_array_equal(found.picture, picture[384:700, :376])  # 256 pixels to each side
    assert not np.array_equal(found.marked, found.picture)
    heat = found.heat()
    rows, columns = np.indices(heat.shape)
    near = np.hypot(rows - 256, columns - 120) < 60
    assert heat[near].mean() > 3 * heat[~near].mean()
    everything_as_it_was(subject, before)
    small = picture[:96, :96]
    for method in METHODS:
        own = saliency(segmenter, small, method=method, at=(40, 50))
        assert own.heat().shape == (96, 96)
    with pytest.raises(InputError, match="no pixel 900,3"):
        saliency(segmenter, picture, at=(900, 3))
    with pytest.raises(InputError, match="is no classifier"):
        open_classifier(segmenter)


def test_the_score_of_a_pixel_is_that_of_the_whole_answer(segmenter: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (80, 96, 3), dtype=np.uint8)
    network = trained.read(segmenter)
    x = torch.from_numpy(picture.transpose(2, 0, 1).copy())[None]
    expected = network.probabilities(x)[0, :, 20, 70]
    found = saliency(segmenter, picture, at=(70, 20))
    assert found.probability == pytest.approx(float(expected.max()), abs=1e-4)
    assert found.target == int(expected.argmax())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fast_rcnn", "mask_rcnn", "faster_rcnn_fpn", "fasterrcnn_resnet50_fpn"])
def test_the_class_of_a_box_is_explained(name: str, tmp_path: Path) -> None:
    picture, rows = scene(3)
    box = rows[0]["box"]
    path = detector(name, tmp_path)
    subject = open_subject(path, box=box)
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    found = saliency(subject, picture, method="saliency", target="square")
    assert found.values.shape == (3, *picture.shape[:2])
    assert np.abs(found.values).max() > 0
    camera = saliency(subject, picture, target="square")
    assert camera.heat().shape == picture.shape[:2]
    assert not np.array_equal(found.marked, picture)
    everything_as_it_was(subject, before)
    with pytest.raises(InputError, match="does not lie on the picture"):
        saliency(path, picture, box=(0, 0, 1000, 10))
    if name == "fast_rcnn":
        with pytest.raises(InputError, match="say which box"):
            saliency(path, picture)


def test_the_scores_of_a_box_are_those_of_the_network(tmp_path: Path) -> None:
    picture, rows = scene(3)
    path = detector("fast_rcnn", tmp_path)
    box = torch.tensor([rows[0]["box"]], dtype=torch.float32)
    net = trained.read(path).net
    x = torch.from_numpy(picture.transpose(2, 0, 1).copy()).float() / 255
    (found,) = net.detect([x], [box], detection.Limits(score=0.0, overlap=1.0))
    scores = torch.zeros(2)
    scores[found.labels] = found.scores
    with torch.inference_mode():
        ours = net.box_scores([x], [box]).softmax(1)[0, 1:]
    torch.testing.assert_close(ours, scores, rtol=1e-3, atol=1e-4)


def test_networks_that_see_no_boxes_on_a_map_say_so(tmp_path: Path) -> None:
    picture, rows = scene(3)
    with pytest.raises(InputError, match="ask a classifier"):
        saliency(detector("rcnn", tmp_path), picture, box=rows[0]["box"])
    found = saliency(detector("localizer", tmp_path), picture, target="disc")
    assert found.name == "disc"
    with pytest.raises(InputError, match="box does nothing"):
        open_subject("efficientnet_lite0", box=(0, 0, 1, 1))
    with pytest.raises(InputError, match="at does nothing"):
        open_subject("efficientnet_lite0", at=(0, 1))


def test_a_pixel_and_a_box_are_fooled(segmenter: Path, tmp_path: Path) -> None:
    picture, rows = scene(3)
    found = fool(segmenter, picture, target="disc", epsilon=8 / 255, at=(40, 50))
    assert found.fooled
    path = detector("faster_rcnn", tmp_path)
    box = fool(path, picture, target="square", epsilon=8 / 255, box=rows[0]["box"])
    assert box.names[1] == "square"


def test_grad_cam_of_a_segmenter_looks_at_the_coarsest_map(segmenter: Path) -> None:
    subject = open_subject(segmenter, at=(10, 10))
    x = subject.input_of(np.zeros((96, 96, 3), np.uint8))
    seen: list[tuple[int, ...]] = []
    layer = subject.layer_of(None, x)
    hook = layer.register_forward_hook(lambda _m, _i, output: seen.append(tuple(output.shape)))
    with torch.inference_mode():
        subject(x)
    hook.remove()
    assert seen[0][2:] == (3, 3)
    assert seen[0][1] > 3
    assert isinstance(layer, nn.Module)
    assert attribute(subject, x, [1], "gradcam").shape == (1, 1, 96, 96)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unet", {"width": 4, "padded": False, "channels": 3}),
        ("deconvnet", {"width": 4}),
    ],
)
def test_grad_cam_lies_on_the_picture_where_a_network_pads_or_is_fixed(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    net = segmentation.create(name, classes=2, **options)
    window = (224, 224) if name == "deconvnet" else (64, 64)
    about = SegmenterAbout(name, options, ("ground", "disc"), window, ((0, 0, 0),) * 2)
    path = tmp_path / "net.safetensors"
    trained.write(path, TrainedSegmenter(about, net, Normalize.of_channels((0.5,) * 3, (0.25,) * 3)))
    picture = np.random.default_rng(0).integers(0, 255, (300, 320, 3), dtype=np.uint8)
    subject = open_subject(path, at=(150, 150))
    x = subject.input_of(picture)
    height, width, top, left = subject.extent(x)
    assert height >= top + x.shape[2]
    assert width >= left + x.shape[3]
    if name == "unet":
        assert top >= 92  # what the network pads nothing for is mirrored
    found = saliency(subject, picture, target="disc")
    assert found.values.shape[1:] == found.picture.shape[:2]
    assert saliency(subject, picture, method="saliency", target="disc").values.any()


def test_the_check_of_a_detector_stays_with_its_box(tmp_path: Path) -> None:
    picture, rows = scene(3)
    subject = open_subject(detector("faster_rcnn", tmp_path), box=rows[0]["box"])
    subject.settle()
    checked = sanity(subject, picture, method="saliency", target="disc")
    assert len(checked.similarity) == len(checked.layers) > 2
