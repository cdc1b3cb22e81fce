"""The pyramid of maps against its paper (Lin et al. 2017)."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from visus._errors import InputError
from visus.nets.detection import create
from visus.nets.detection.faster_rcnn import within
from visus.nets.detection.fpn import BoxesForAll, FasterRCNNPyramid, pool
from visus.nets.detection.trained import about_of

SIZES = (16, 32, 48)


@pytest.fixture(scope="module")
def net() -> Any:
    torch.manual_seed(0)
    return create("faster_rcnn_fpn", classes=3, backbone="efficientnet_lite0", side=64, width=16, sizes=SIZES)


@torch.inference_mode()
def test_a_map_is_its_own_layer_and_the_coarser_map_enlarged_and_smoothed(net: Any) -> None:
    x = torch.rand(2, 3, 64, 96)
    fine, middle, coarse = net.body(x)
    inner, outer = net.neck.inner_blocks, net.neck.layer_blocks
    joined = [inner[2](coarse)]
    for place, own in ((1, middle), (0, fine)):
        joined.append(inner[place](own) + F.interpolate(joined[-1], scale_factor=2, mode="nearest"))
    found = list(net.maps(x).values())
    assert [tuple(own.shape) for own in found] == [(2, 16, 8, 12), (2, 16, 4, 6), (2, 16, 2, 3)]
    for place, own in enumerate(reversed(joined)):
        torch.testing.assert_close(found[place], outer[place](own))


def test_each_map_has_anchors_of_one_size_and_those_that_cross_the_border_count(net: Any) -> None:
    cells = net.rpn.anchor_generator.cell_anchors
    assert [len(own) for own in cells] == [3, 3, 3]
    for own, size in zip(cells, SIZES, strict=True):
        areas = (own[:, 2:] - own[:, :2]).prod(1).sqrt()
        torch.testing.assert_close(areas, torch.full((3,), float(size)), rtol=0.1, atol=0)
    anchor = torch.tensor([[-6.0, 0, 10, 16]])
    own = torch.cat([anchor, torch.tensor([[20.0, 20, 30, 30]])])
    assert within(own, (64, 64)).tolist() == [False, True]
    labels, _ = net.rpn.assign_targets_to_anchors([own], [{"boxes": torch.tensor([[0.0, 0, 10, 16]])}])
    assert labels[0].tolist() == [1, 0]


def test_a_box_is_taken_from_the_map_that_suits_its_size() -> None:
    own = pool(1)
    sides = (64, 32, 16)  # at strides 8, 16 and 32
    levels = {str(k): torch.full((1, 1, side, side), float(k)) for k, side in enumerate(sides)}
    boxes = torch.tensor([[0.0, 0, side, side] for side in (30, 220, 230, 440, 460, 512)])
    assert own(levels, [boxes], [(512, 512)]).flatten().tolist() == [0, 0, 1, 1, 2, 2]


def test_a_box_is_moved_alike_for_all_classes() -> None:
    logits, offsets = BoxesForAll(8, 4)(torch.rand(5, 8))
    assert (logits.shape, offsets.shape) == ((5, 4), (5, 16))
    assert torch.equal(offsets[:, :4], offsets[:, 12:])


def test_the_paper_has_256_channels_and_1024_hidden_units() -> None:
    with torch.device("meta"):
        head: Any = FasterRCNNPyramid(classes=20, backbone="resnet18").heads.box_head
    assert isinstance(head.fc6, nn.Linear)
    assert (head.fc6.in_features, head.fc6.out_features, head.fc7.out_features) == (256 * 49, 1024, 1024)


@pytest.mark.parametrize("sizes", [(16, 32), (0, 16, 32), ()])
def test_sizes_of_anchors_that_do_not_fit_are_named(sizes: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="3 sizes of anchors above 0, one for each map"):
        create("faster_rcnn_fpn", classes=3, backbone="efficientnet_lite0", sizes=sizes)


def test_a_backbone_without_such_maps_is_named() -> None:
    with pytest.raises(InputError, match="no maps at strides 8, 16 and 32"):
        create("faster_rcnn_fpn", classes=3, backbone="zfnet")


@pytest.mark.parametrize(
    "options", [{"width": 10**9}, {"stages": 10**6}, {"side": 0}, {"boxes": "many"}, {"width": True}]
)
def test_a_header_with_options_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    header = {"net": "faster_rcnn_fpn", "options": {"backbone": "resnet18", **options}, "classes": ["cell"]}
    with pytest.raises(ValueError, match="header cannot be true"):
        about_of(header)


def test_hidden_layers_have_dropout_in_training_alone() -> None:
    made: Any = create("faster_rcnn_fpn", classes=2, backbone="resnet18", side=64, width=16)
    x = torch.rand(40, 16, 7, 7)
    head = made.heads.box_head
    learning, answering = head.train()(x), head.eval()(x)
    share = ((learning == 0) & (answering > 0)).sum() / (answering > 0).sum()
    assert 0.2 < share < 0.4
    assert torch.equal(answering, head(x))
