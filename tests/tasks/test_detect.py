"""Large pictures of a detector learn in pieces of a batch, and what is learned is the same."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from visus.data.boxes import Boxed, objects
from visus.nets.detection import Detector, create
from visus.tasks import detect
from visus.tasks.box_metrics import Detections
from visus.tasks.detect import Detect, Sums, piece_of
from visus.tasks.learner import Recipe

OPTIONS: dict[str, Any] = {"backbone": "efficientnet_lite0", "side": 64, "boxes": 512, "width": 8, "sizes": (8, 16, 32)}


def _step(net: Detector, batch: Any) -> tuple[float, float, list[Tensor], list[int]]:
    """A step: its loss, the mean loss that is told, the gradients, and how many pictures were asked at a time."""
    learner = Detect(net.train(), Recipe(1e-3), [(list(net.parameters()), 1.0)], Boxed([], []))
    asked: list[int] = []
    own = learner.batch_loss
    learner.batch_loss = lambda batch: asked.append(len(batch[0])) or own(batch)  # pyright: ignore
    loss = learner.training_step(batch, 0)
    loss.backward()
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    return loss.item(), learner.train_sums.mean_loss(), gradients, asked


@pytest.mark.parametrize("name", ["faster_rcnn_fpn", "mask_rcnn_fpn"])
def test_pieces_learn_what_the_whole_batch_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    whole = create(name, classes=2, **OPTIONS)
    whole.heads.box_head.chance.p = 0.0  # pyright: ignore
    parts = copy.deepcopy(whole)
    # One picture twice: of each as many anchors and boxes count, all of them, and chance has no say.
    picture = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    target = {"boxes": torch.tensor([[4.0, 4, 30, 40]]), "labels": torch.tensor([1]), "place": torch.tensor(0)}
    target["masks"] = torch.ones(1, 64, 64, dtype=torch.uint8)
    batch = [picture] * 4, [target] * 4
    expected = _step(whole, batch)
    monkeypatch.setattr(detect, "_PIXELS", 64 * 64)
    found = _step(parts, batch)
    assert (expected[3], found[3]) == ([4], [1, 1, 1, 1])
    assert found[:2] == pytest.approx(expected[:2], rel=1e-4)
    assert len(found[2]) == len(list(whole.parameters()))
    for one, other in zip(found[2], expected[2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_a_loose_box_counts_less_for_ap_than_for_ap50() -> None:
    found = {}
    for name in ("ap", "ap50"):
        sums = Sums(1, name)
        one = np.zeros(1, np.int64)
        sums.truth.append(objects([{"box": [10.0, 10, 50, 50], "label": 0}]))
        sums.answers.append(Detections(np.array([[10.0, 10, 50, 37]], np.float32), np.ones(1, np.float32), one, None))
        sums.sizes.append((64, 64))
        found[name] = sums.score()
    assert found["ap50"] == pytest.approx(1.0)
    assert found["ap"] == pytest.approx(0.4)  # an IoU of 0.675: right at 0.5, 0.55, 0.6 and 0.65


def test_a_batch_whose_means_count_stays_whole() -> None:
    net = create("faster_rcnn_fpn", classes=2, backbone="efficientnet_lite0", side=600)
    assert piece_of(net) == 1
    net.keeps_norms = False
    assert piece_of(net) > 1000
    assert piece_of(create("localizer", classes=2)) > 1000
