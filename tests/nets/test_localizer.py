"""The localizer: two heads, three stages."""

import dataclasses
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from visus._errors import InputError, RunError
from visus.nets import trained
from visus.nets.detection import Limits
from visus.nets.detection.localizer import Localizer
from visus.nets.detection.trained import About, Trained

LITE: dict[str, Any] = {"classes": 3, "backbone": "efficientnet_lite0", "side": 64}


def batch() -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    torch.manual_seed(0)
    pictures = [torch.rand(3, 40, 60), torch.rand(3, 80, 50)]
    targets = [
        {"boxes": torch.tensor([[6.0, 4, 36, 24]]), "labels": torch.tensor([2])},
        {"boxes": torch.tensor([[5.0, 8, 25, 72]]), "labels": torch.tensor([0])},
    ]
    return pictures, targets


def test_boxes_begin_in_the_middle_and_come_in_pixels() -> None:
    net = Localizer(**LITE).eval()
    pictures, _ = batch()
    logits, boxes = net(pictures)
    assert logits.shape == (2, 3)
    torch.testing.assert_close(boxes, torch.full((2, 4), 0.5), atol=0.1, rtol=0)
    found = net.detect(pictures)
    for answer, picture in zip(found, pictures, strict=True):
        height, width = picture.shape[1:]
        x0, y0, x1, y1 = answer.boxes[0].tolist()
        assert x0 == pytest.approx(width / 4, abs=width / 8)
        assert y1 == pytest.approx(3 * height / 4, abs=height / 8)
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert 1 / 3 <= float(answer.scores[0]) <= 1
    assert not len(net.detect(pictures, limits=Limits(score=1.0))[0].boxes)


def test_the_loss_of_a_box_is_smooth_l1_of_its_shares() -> None:
    net = Localizer(**LITE, box_weight=3.0).eval()
    pictures, targets = batch()
    with torch.no_grad():
        for layer in list(net.box_head)[-1:]:
            nn.init.zeros_(cast("nn.Linear", layer).weight)
    truth = torch.tensor([[21 / 60, 14 / 40, 0.5, 0.5], [15 / 50, 0.5, 0.4, 0.8]])
    error = (truth - 0.5).abs()
    expected = torch.where(error < 1 / 9, 4.5 * error**2, error - 1 / 18).sum(1).mean()
    torch.testing.assert_close(net.losses(pictures, targets)["loss_box"], 3 * expected)


def test_each_stage_learns_its_own_parts() -> None:
    net = Localizer(**LITE).train()
    pictures, targets = batch()
    stages: list[tuple[Any, set[str]]] = [
        ("class", {"loss_class"}), ("box", {"loss_box"}), ("both", {"loss_class", "loss_box"}),
    ]  # fmt: skip
    for stage, names in stages:
        net.learn(stage)
        net.zero_grad()
        losses = net.losses(pictures, targets)
        assert set(losses) == names
        torch.autograd.backward(list(losses.values()))
        moved = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None}
        assert moved == {
            "class": {"body", "last", "class_head"}, "box": {"box_head"},
            "both": {"body", "last", "class_head", "box_head"},
        }[stage]  # fmt: skip


@pytest.mark.parametrize("backbone", ["zfnet", "resnet18"])
def test_other_backbones(backbone: str) -> None:
    net = Localizer(classes=2, backbone=backbone, side=224).eval()
    assert net([torch.rand(3, 50, 50)])[0].shape == (1, 2)


def test_mistakes_are_named() -> None:
    pictures, targets = batch()
    targets[0]["boxes"] = targets[0]["boxes"].repeat(2, 1)
    with pytest.raises(InputError, match="one object each"):
        Localizer(**LITE).losses(pictures, targets)
    with pytest.raises(InputError, match="at least 32"):
        Localizer(classes=2, backbone="efficientnet_lite0", side=8)


def test_a_file_says_what_it_is_and_is_refused_where_that_cannot_be(tmp_path: Path) -> None:
    net = Localizer(**LITE).eval()
    about = About("localizer", {"backbone": "efficientnet_lite0", "side": 64}, ("a", "b", "c"), task="localize")
    path = tmp_path / "net.safetensors"
    trained.write(path, Trained(about, net))
    again = trained.read(path)
    assert again.about == about
    pictures, _ = batch()
    for own, other in zip(net.detect(pictures), again.net.detect(pictures), strict=True):
        torch.testing.assert_close(own.boxes, other.boxes, rtol=1e-3, atol=1e-2)
    for strange in (
        {"task": "detect"},
        {"classes": ("a", "a", "c")},
        {"net": "faster_rcnn", "task": "detect", "options": {**about.options, "sizes": [8] * 100_000}},
    ):
        trained.write(path, Trained(dataclasses.replace(about, **strange), net))
        with pytest.raises(RunError, match="damaged"):
            trained.read(path)
