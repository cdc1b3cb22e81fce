"""Heads that refine a box several times, against their paper (Cai and Vasconcelos 2018)."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from visus._errors import InputError
from visus.nets.detection import Limits, create
from visus.nets.detection.cascade import CascadeHeads

OPTIONS: dict[str, Any] = {
    "backbone": "efficientnet_lite0",
    "side": 64,
    "boxes": 32,
    "width": 16,
    "sizes": (16, 32, 48),
}


def _net(stages: int = 3, name: str = "faster_rcnn_fpn") -> Any:
    torch.manual_seed(0)
    return create(name, classes=2, stages=stages, **OPTIONS)


def test_each_stage_asks_for_a_tighter_box_and_its_loss_counts_half_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    net = _net().train()
    asked: list[tuple[float, tuple[float, ...]]] = []
    own = CascadeHeads.select_training_samples

    def watched(heads: CascadeHeads, *args: Any) -> Any:
        asked.append((round(heads.foreground, 2), tuple(heads.box_coder.weights)))
        return own(heads, *args)

    monkeypatch.setattr(CascadeHeads, "select_training_samples", watched)
    target = {"boxes": torch.tensor([[4.0, 4, 30, 40]]), "labels": torch.tensor([1])}
    losses = net.losses([torch.rand(3, 64, 64)], [target])
    assert asked == [(0.5, (10, 10, 5, 5)), (0.6, (20, 20, 10, 10)), (0.7, (30, 30, 15, 15))]
    told = [float(losses[f"loss_classifier_{stage}"].detach()) for stage in (1, 2, 3)]
    for before, after in itertools.pairwise(told):  # random layers: each is about as wrong as the next
        assert after == pytest.approx(before / 2, rel=0.5)
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@torch.inference_mode()
def test_what_a_box_holds_is_the_mean_over_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    net = _net()
    x = torch.rand(5, 16, 7, 7)
    seeing, saying = net.heads.box_head, net.heads.box_predictor
    each = [say(see(x))[0].softmax(1) for see, say in zip(seeing.stages, saying.stages, strict=True)]
    logits, _ = saying(seeing(x))
    torch.testing.assert_close(logits.softmax(1), torch.stack(each).mean(0))


@torch.inference_mode()
def test_a_stage_begins_where_the_one_before_left_a_box() -> None:
    net = _net()
    for stage, last in enumerate(
        net.heads.box_predictor.stages
    ):  # each moves a box to the right by a tenth of its width
        torch.nn.init.zeros_(last.bbox_pred.weight)
        last.bbox_pred.bias[:] = torch.tensor([10.0 * (stage + 1) * 0.1, 0, 0, 0])
    maps = net.maps(torch.rand(1, 3, 64, 64))
    net.heads.limit(Limits(score=0.0))
    [row], _ = net.heads(maps, [torch.tensor([[0.0, 8, 20, 40]])], [(64, 64)])
    torch.testing.assert_close(row["boxes"], torch.tensor([[6.0, 8, 26, 40]]).expand(2, 4))


@torch.inference_mode()
def test_without_a_proposal_nothing_is_found() -> None:
    net = _net()
    [row], _ = net.heads(net.maps(torch.rand(1, 3, 64, 64)), [torch.zeros(0, 4)], [(64, 64)])
    assert row["boxes"].shape == (0, 4)


def test_shapes_are_those_of_the_last_boxes() -> None:
    net = _net(2, "mask_rcnn_fpn")
    (found,) = net.detect([torch.rand(3, 64, 80)], limits=Limits(score=0.0))
    masks: Tensor = found.masks
    assert masks.shape == (len(found.boxes), 28, 28)


@pytest.mark.parametrize("stages", [0, 4])
def test_a_number_of_stages_that_cannot_be_is_named(stages: int) -> None:
    with pytest.raises(InputError, match=f"must be from 1 to 3, not {stages}"):
        _net(stages)
