"""Detectors and segmenters that are compiled answer as they did before."""

from typing import Any

import numpy as np
import pytest
import torch

from visus.nets import detection, segmentation
from visus.nets.detection import Limits
from visus.nets.detection.trained import About as BoxAbout
from visus.nets.detection.trained import Trained as BoxTrained
from visus.nets.segmentation.trained import About as MaskAbout
from visus.nets.segmentation.trained import Trained as MaskTrained
from visus.ops import Normalize
from visus.runs.detect import hastened as detectors
from visus.runs.detect.predict import DetectPredictor
from visus.runs.segment import hastened as segmenters
from visus.runs.segment.predict import SegmentPredictor

BOXES = [torch.tensor([[4.0, 5, 60, 40], [10, 10, 30, 60], [0, 0, 90, 64]])]
OPTIONS = {"backbone": "efficientnet_lite0", "side": 64, "sizes": (16, 32, 48)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("faster_rcnn", {}),
        ("mask_rcnn", {}),
        ("mask_rcnn_fpn", {"width": 32}),
        ("faster_rcnn_fpn", {"width": 32, "stages": 3}),
        ("faster_rcnn", {"backbone": "zfnet", "weights": None}),  # whose map is not a sixteenth of the picture
    ],
)
def test_a_compiled_detector_scores_boxes_as_the_network_does(name: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    net: Any = detection.create(name, classes=3, **{"weights": "imagenet", **OPTIONS, **options})
    quick: Any = detectors.hastened(net)
    assert quick is not net
    pictures = [torch.rand(3, 64, 96)]
    with torch.inference_mode():
        own, other = net.box_scores(pictures, BOXES), quick.box_scores(pictures, BOXES)
        torch.testing.assert_close(other, own, rtol=1e-3, atol=1e-3)
        limits = Limits(score=0.0, most=5)
        found, expected = (each.detect(pictures, limits=limits)[0] for each in (quick, net))
        torch.testing.assert_close(found.scores, expected.scores, rtol=1e-2, atol=1e-3)
        if net.has_masks:
            x = torch.rand(7, *net.heads.mask_head[0][0].weight.shape[1:2], 14, 14)
            maps = [each.heads.mask_head(x) for each in (net, quick)]
            torch.testing.assert_close(maps[1], maps[0], rtol=1e-3, atol=1e-3)
    assert not any(isinstance(part, detectors._Run) for part in net.modules())  # it is what it was


def test_other_detectors_stay_as_they_are() -> None:
    net = detection.create("localizer", classes=2)
    assert detectors.hastened(net) is net


def test_many_pictures_are_answered_by_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("visus.runs.detect.predict.FEW", 2)
    monkeypatch.setattr("visus.runs.detect.predict.hastened", lambda net: asked.append(net) or net)
    net = detection.create("faster_rcnn", classes=3, **OPTIONS)
    predictor = DetectPredictor(BoxTrained(BoxAbout("faster_rcnn", OPTIONS, ("a", "b", "c")), net), device="cpu")
    picture = np.zeros((64, 64, 3), np.uint8)
    counts = []
    for _ in range(3):
        predictor.answers(picture)
        counts.append(len(asked))
    assert counts == [0, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("faster_rcnn", ("body.0.", "body.1.", "body.2.")),
        ("faster_rcnn_fpn", ("body.net.conv_stem", "body.net.bn1", "body.net.blocks.0.", "body.net.blocks.1.")),
    ],
)
def test_the_lowest_layers_of_a_detector_stay_and_the_others_get_the_same_gradients(
    name: str, kept: tuple[str, ...]
) -> None:
    gradients = []
    for can_compile in (False, True):
        torch.manual_seed(0)
        net = detection.create(name, classes=3, weights="imagenet", **OPTIONS)
        net.requires_grad_(True)
        detectors.keep_lower(net, can_compile=can_compile)  # pyright: ignore[reportArgumentType]
        net.train()
        torch.manual_seed(1)
        target = {"boxes": BOXES[0], "labels": torch.tensor([0, 1, 2])}
        losses = net.losses([torch.rand(3, 64, 96)], [target])
        torch.stack(list(losses.values())).sum().backward()
        gradients.append({name: p.grad for name, p in net.named_parameters() if p.grad is not None})
    own, other = gradients
    assert own.keys() == other.keys()
    assert not any(layer.startswith(kept) for layer in own)  # up to stride 4
    assert any(layer.startswith(("body.3.", "body.net.blocks.2.")) for layer in own)
    torch.testing.assert_close(other["rpn.head.hidden.weight"], own["rpn.head.hidden.weight"], rtol=1e-2, atol=1e-4)


def _segmenter() -> MaskTrained:
    torch.manual_seed(0)
    net = segmentation.create("unet", classes=2, channels=3, width=4, padded=True)
    about = MaskAbout(
        "unet", {"channels": 3, "width": 4, "padded": True}, ("a", "b"), (32, 32), ((0, 0, 0), (255, 0, 0))
    )
    return MaskTrained(about, net.requires_grad_(False), Normalize(torch.zeros(3, 1, 1)).eval())


def test_a_segmenter_is_compiled_for_a_size_that_comes_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenters, "FEW", 2)
    network, picture = _segmenter(), np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    predictor = SegmentPredictor(network, device="cpu")
    answers = [predictor.raw_probabilities(picture) for _ in range(3)]
    assert list(predictor._quick._compiled) == [(3, 40, 56)]
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])  # it was another who answered
    np.testing.assert_allclose(answers[0], answers[2], atol=segmenters.TOLERANCE)
    predictor.raw_probabilities(picture[:20])
    assert len(predictor._quick._compiled) == 1


def test_what_answers_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenters, "FEW", 1)
    monkeypatch.setattr(segmenters, "compiled", lambda *_: torch.zeros_like)
    quick = segmenters.Hastened(_segmenter())
    x = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    assert torch.equal(quick.probabilities(x), quick.probabilities(x))
    assert not quick._compiled
