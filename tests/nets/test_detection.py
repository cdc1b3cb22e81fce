"""Detection networks against their papers, and what each of them must do."""

from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from tests.support.boxed import CLASSES, scene
from visus._errors import InputError, WeightsError
from visus.nets.detection import Detector, Found, Limits, create
from visus.nets.detection.body import cut, hold_chance
from visus.nets.detection.detector import softened
from visus.nets.detection.fast_rcnn import FastRCNN, RoIPooling, heads_of
from visus.nets.detection.faster_rcnn import FasterRCNN, SlidingWindow, proposing, within
from visus.nets.detection.fpn import MaskRCNNPyramid
from visus.nets.detection.mask_rcnn import MaskRCNN
from visus.nets.detection.rcnn import RCNN
from visus.ops import boxes

LITE: dict[str, Any] = {"classes": 2, "backbone": "efficientnet_lite0", "side": 96}


def batch(*seeds: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Pictures and their objects."""
    pictures, targets = [], []
    for seed in seeds:
        picture, rows = scene(seed)
        pictures.append(torch.from_numpy(picture.transpose(2, 0, 1).copy()).float() / 255)
        own = torch.tensor([row["box"] for row in rows]).float()
        random = np.random.default_rng(seed)
        shifts = torch.from_numpy(random.uniform(-12, 12, (40, 4))).float()
        proposals = own.repeat(40 // len(own) + 1, 1)[:40] + shifts
        targets.append({
            "boxes": own,
            "labels": torch.tensor([CLASSES.index(row["name"]) for row in rows]),
            "masks": torch.from_numpy(np.stack([row["mask"] for row in rows])).to(torch.uint8),
            "proposals": torch.cat([own, boxes.clip(proposals, (96, 128))]),
        })  # fmt: skip
    return pictures, targets


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_the_proposal_network_has_the_parameters_of_its_paper() -> None:
    assert count(SlidingWindow(512, 9)) == 2_387_510  # on VGG16


def test_it_keeps_a_tenth_of_the_anchors_and_anchors_have_the_sizes_that_are_asked_for() -> None:
    for side, kept in ((600, 2000), (300, 500), (100, 300)):
        own: Any = proposing(8, side)
        assert own._post_nms_top_n == {"training": kept, "testing": 300}
    other: Any = proposing(8, 300, (10, 20))
    (cells,) = other.anchor_generator.cell_anchors
    areas = ((cells[:, 2] - cells[:, 0]) * (cells[:, 3] - cells[:, 1])).sqrt()
    assert cells.shape == (6, 4)
    torch.testing.assert_close(areas.sort().values, torch.tensor([10.0] * 3 + [20.0] * 3), rtol=0.1, atol=0)
    assert other.head.object.out_channels == 12
    with pytest.raises(InputError, match="larger than 0"):
        proposing(8, 300, (0,))


def test_its_softmax_is_two_way() -> None:
    window = SlidingWindow(8, 3)
    x = torch.randn(2, 8, 4, 5)
    (logits,), (offsets,) = window([x])
    assert logits.shape == (2, 3, 4, 5)
    assert offsets.shape == (2, 12, 4, 5)
    scores = window.object(window.hidden(x).relu()).view(2, 2, 3, 4, 5)
    torch.testing.assert_close(logits.sigmoid(), scores.softmax(1)[:, 1])


@pytest.mark.parametrize(
    ("name", "channels", "dimension", "size"),
    [
        ("vgg16", 512, 4096, 7),
        ("zfnet", 256, 4096, 6),
        ("resnet18", 256, 512, 14),
        ("efficientnet_lite0", 112, 1280, 7),
    ],
)
def test_a_backbone_is_cut_at_stride_16(name: str, channels: int, dimension: int, size: int) -> None:
    halves = cut(name)
    assert (halves.channels, halves.dimension, halves.size) == (channels, dimension, size)
    with torch.inference_mode():
        x = halves.body(torch.zeros(1, 3, 224, 288))
        assert abs(x.shape[2] - 14) <= 1
        assert abs(x.shape[3] - 18) <= 1
        assert halves.head(torch.zeros(2, channels, size, size)).shape == (2, dimension)
    if name in ("resnet18", "efficientnet_lite0"):  # nothing is lost: both halves are the network
        from visus.nets import registry

        whole = registry.create(name)
        mine = cut(name)
        mine.body.load_state_dict(dict(zip(mine.body.state_dict(), _first(whole.net, mine.body), strict=True)))
        assert count(mine.body) + count(mine.head) == count(whole) - count(whole.head)


def _first(net: nn.Module, body: nn.Module) -> list[Tensor]:
    return list(net.state_dict().values())[: len(body.state_dict())]


def test_sizes_and_heads_are_those_of_the_paper() -> None:
    net = FastRCNN(classes=20, backbone="resnet18")
    assert (net.transform.min_size, net.transform.max_size) == ((600,), 1000)
    predictor: Any = net.heads.box_predictor
    assert (predictor.cls_score.out_features, predictor.bbox_pred.out_features) == (21, 84)
    assert float(predictor.cls_score.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
    assert float(predictor.bbox_pred.weight.detach().std()) == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize("kind", [FastRCNN, FasterRCNN, MaskRCNN, RCNN])
def test_zfnet_needs_no_weights_of_its_own(kind: Any) -> None:
    net = kind(classes=2, backbone="zfnet", side=96).eval()
    pictures, targets = batch(1)
    (found,) = net.detect(pictures, [targets[0]["proposals"]], Limits(score=0.0))
    assert found.boxes.shape[1] == 4


@pytest.mark.parametrize("pooling", ["pool", "align"])
def test_boxes_keep_their_32_bits_where_the_network_has_16(pooling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visus.nets.detection.faster_rcnn._TESTING", 10)  # 16 bits are slow on many a processor
    torch.manual_seed(0)
    net = FasterRCNN(classes=2, backbone="efficientnet_lite0", side=64, boxes=8, pooling=pooling).train()
    pictures, targets = batch(1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        losses = net.losses(pictures, targets)
        torch.stack(list(losses.values())).sum().backward()
        (found, _) = net.eval().detect(pictures, limits=Limits(score=0.0))
    assert all(torch.isfinite(value) for value in losses.values())
    assert found.boxes.dtype == torch.float32
    assert not torch.equal(found.boxes, found.boxes.bfloat16().float())


def test_an_object_that_no_anchor_touches_makes_none_of_them_an_object() -> None:
    network = proposing(8, 600)
    network._sizes = [(600, 800)]
    own = network.anchor_generator(ImageList(torch.zeros(1, 3, 608, 800), [(600, 800)]), [torch.zeros(1, 8, 38, 50)])
    sliver = torch.tensor([[100.0, 597.5, 400.0, 600.0]])
    (labels,), _ = network.assign_targets_to_anchors(own, [{"boxes": sliver}])
    assert int((labels == 1).sum()) == 0
    assert int((labels == 0).sum()) > 1000


def test_anchors_are_16_pixels_apart_whatever_the_map() -> None:
    own = proposing(8, 600).anchor_generator(
        ImageList(torch.zeros(1, 3, 96, 96), [(96, 96)]), [torch.zeros(1, 8, 5, 5)]
    )[0]
    middles = (own[:, :2] + own[:, 2:]) / 2
    assert sorted(set(middles[:, 0].round().int().tolist())) == [0, 16, 32, 48, 64]


def test_background_has_an_overlap_from_a_tenth_to_a_half() -> None:
    heads = heads_of(cut("efficientnet_lite0"), 2, "pool")
    truth = torch.tensor([[0.0, 0, 10, 10]])
    proposals = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5.1], [0, 0, 10, 4], [0, 0, 10, 0.9], [50, 50, 60, 60]])
    _, (labels,) = heads.assign_targets_to_proposals([proposals], [truth], [torch.tensor([2])])
    assert labels.tolist() == [2, 2, 0, -1, -1]
    _, (labels,) = heads.assign_targets_to_proposals([proposals], [torch.zeros(0, 4)], [torch.zeros(0).long()])
    assert labels.tolist() == [0] * 5
    torch.manual_seed(0)
    many = torch.cat([truth.repeat(500, 1), proposals[2:3].repeat(500, 1)])
    _, labels = heads.assign_targets_to_proposals([many], [truth], [torch.tensor([1])])
    (sampled,) = heads.subsample(labels)
    assert len(sampled) == 64
    assert int((labels[0][sampled] > 0).sum()) == 16  # a quarter


def test_anchors_that_cross_the_border_do_not_count() -> None:
    network = proposing(8, 600)
    network._sizes = [(600, 600)]
    crossing, inner, far = [-10.0, 0, 118, 128], [100.0, 100, 228, 228], [300.0, 300, 428, 428]
    (labels,), (matched,) = network.assign_targets_to_anchors(
        [torch.tensor([crossing, inner, far])], [{"boxes": torch.tensor([[105.0, 100, 228, 228]])}]
    )
    assert labels.tolist() == [-1, 1, 0]
    assert matched[1].tolist() == [105, 100, 228, 228]
    assert within(torch.tensor([crossing]), (600, 600)).tolist() == [True]  # where all cross, none is left out


@pytest.mark.parametrize("how", ["pool", "align", "align_maximum"])
def test_boxes_are_pooled_at_stride_16(how: Any) -> None:
    x = torch.arange(64.0).view(1, 1, 8, 8)
    found = RoIPooling(how, 2)({"0": x}, [torch.tensor([[0.0, 0, 128, 128]])], None)
    assert found.shape == (1, 1, 2, 2)
    assert found[0, 0, 1, 1] > found[0, 0, 0, 0]
    with pytest.raises(InputError, match="pooled by one of"):
        RoIPooling("crop", 2)  # pyright: ignore[reportArgumentType]


NETS: dict[str, Any] = {
    "fast_rcnn": lambda: FastRCNN(**LITE),
    "faster_rcnn": lambda: FasterRCNN(**LITE, pooling="align"),
    "mask_rcnn": lambda: MaskRCNN(**LITE, width=16),
    "mask_rcnn_fpn": lambda: MaskRCNNPyramid(**LITE, width=16),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_every_network_learns_and_answers_in_pixels_of_the_picture(name: str) -> None:
    torch.manual_seed(0)
    net: Detector = NETS[name]().train()
    assert not any(layer.training for layer in net.modules() if isinstance(layer, nn.BatchNorm2d))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-4)
    pictures, targets = batch(1, 2)

    def losses() -> dict[str, Tensor]:
        torch.manual_seed(1)  # the same boxes are sampled each time
        return net.losses(pictures, targets)

    before = losses()
    for _ in range(12):
        optimizer.zero_grad()
        torch.stack(list(losses().values())).sum().backward()
        optimizer.step()
    after = losses()
    assert all(p.grad is not None for p in net.parameters())
    assert ("loss_mask" in after) == net.has_masks
    assert sum(after.values()) < 0.8 * sum(before.values())
    net.eval()
    proposals = [target["proposals"] for target in targets] if net.needs_proposals else None
    for found, picture in zip(net.detect(pictures, proposals, Limits(score=0.0, most=7)), pictures, strict=True):
        assert len(found.boxes) == len(found.scores) == len(found.labels) <= 7
        assert (found.boxes >= 0).all()
        assert (found.boxes[:, 2] <= picture.shape[2] + 1e-3).all()
        assert set(found.labels.tolist()) <= {0, 1}
        assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
        if net.has_masks:
            assert found.masks is not None
            assert found.masks.shape == (len(found.boxes), 28, 28)
            outside = torch.stack(list(found.pasted(picture.shape[1:])))
            assert outside.shape == (len(found.boxes), *picture.shape[1:])
            for mask, (x0, y0, x1, y1) in zip(outside, found.boxes.round().int().tolist(), strict=True):
                edge = 2 + max(x1 - x0, y1 - y0) // 28  # a mask is laid on with half of a cell around it
                mask[max(0, y0 - edge) : y1 + edge, max(0, x0 - edge) : x1 + edge] = 0
            assert float(outside.max()) == 0
    assert all(not len(f.boxes) for f in net.detect(pictures, proposals, Limits(score=1.0)))


def test_a_picture_without_objects_can_be_learned_from() -> None:
    torch.manual_seed(0)
    pictures, targets = batch(1, 2)
    for key in ("boxes", "labels", "masks"):
        targets[0][key] = targets[0][key][:0]
    for build in NETS.values():
        losses = build().train().losses(pictures, targets)
        assert all(torch.isfinite(value) for value in losses.values())


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="cannot be cut"):
        cut("alexnet")
    net = FastRCNN(**LITE)
    with pytest.raises(InputError, match="needs proposed boxes"):
        net.detect([torch.rand(3, 64, 64)])
    with pytest.raises(InputError, match=r"float in \[0, 1\]"):
        net.detect([torch.zeros(3, 64, 64, dtype=torch.uint8)], [torch.zeros(1, 4)])
    with pytest.raises(InputError, match="at least 1"):
        Limits(most=0)
    for name in ("resnet26d", "mobilenetv3_small_100"):
        with pytest.raises(InputError, match="cannot be cut"):
            cut(name)
    with pytest.raises(InputError, match="too thin"):
        FasterRCNN(**LITE).detect([torch.rand(3, 2, 400)])


def test_rcnn_warps_a_box_with_its_context() -> None:
    net = RCNN(classes=1, backbone="resnet18", side=227)
    picture = torch.full((3, 300, 400), 0.5)
    picture[:, 100:200, 150:350] = 1.0  # the box
    (warped,) = net.warp(picture, torch.tensor([[150.0, 100, 350, 200]]))
    assert warped.shape == (3, 227, 227)
    inside = warped[0] > 0.75
    rows, columns = inside.any(1).nonzero(), inside.any(0).nonzero()
    assert (int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())) == (16, 210, 16, 210)
    (corner,) = net.warp(picture, torch.tensor([[0.0, 0, 40, 40]]))  # beyond the picture lies its mean
    assert corner[0, 2, 2].item() == pytest.approx(picture.mean().item(), abs=1e-3)
    assert net.features(picture, torch.zeros(0, 4)).shape == (0, 512)


def test_rcnns_score_matrix_and_its_answers() -> None:
    net = RCNN(classes=2, backbone="resnet18", side=64)
    net.svm_weight[0, 0], net.svm_weight[1, 1] = 1.0, 1.0
    features = torch.zeros(3, 512)
    features[0, 0], features[1, 0], features[2, 1] = 2.0, 1.0, 3.0
    assert net.score_matrix(features).tolist() == [[2, 0], [1, 0], [0, 3]]
    proposals = torch.tensor([[0.0, 0, 20, 20], [0, 0, 20, 19], [30, 30, 50, 50]])
    torch.testing.assert_close(net.moved(features, proposals), proposals[:, None].expand(3, 2, 4))
    found = net.found(features, proposals, (60, 60), Limits(score=0.6, overlap=0.3))
    assert found.labels.tolist() == [1, 0]
    assert found.boxes.tolist() == [[30, 30, 50, 50], [0, 0, 20, 20]]
    assert found.scores.tolist() == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-2))])
    with pytest.raises(InputError, match="no losses"):
        net.losses([], [])
    with pytest.raises(InputError, match="needs proposed boxes"):
        net.detect([torch.rand(3, 60, 60)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters"), [("fasterrcnn_resnet50_fpn", 41_755_286), ("maskrcnn_resnet50_fpn", 44_401_393)]
)
def test_networks_of_torchvision_have_its_parameters_and_its_answers(name: str, parameters: int) -> None:
    torch.manual_seed(0)
    net: Any = create(name, classes=90, side=64, boxes=8)
    assert count(net) == parameters
    pictures, targets = batch(1, 2)
    theirs: Any = torchvision.models.get_model(name, weights=None, weights_backbone=None, min_size=64, max_size=107)
    theirs.load_state_dict(net.net.state_dict(), strict=False)
    theirs.eval()
    limits = Limits(score=0.0, overlap=0.5, most=100)
    theirs.roi_heads.score_thresh = 0.0
    with torch.inference_mode():
        expected = theirs(pictures)
    for own, other in zip(net.detect(pictures, limits=limits), expected, strict=True):
        torch.testing.assert_close(own.boxes, other["boxes"])
        torch.testing.assert_close(own.scores, other["scores"])
        assert (own.masks is not None) == name.startswith("mask")
        if "masks" in other:
            size = pictures[0].shape[1:]
            torch.testing.assert_close(torch.stack(list(own.pasted(size))), other["masks"][:, 0])
    losses = net.losses(pictures, targets)
    assert ("loss_mask" in losses) == name.startswith("mask")
    assert all(torch.isfinite(value) for value in losses.values())
    assert not net.training


def test_weights_of_coco_that_cannot_be_had_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: (_ for _ in ()).throw(URLError("offline")))
    with pytest.raises(WeightsError, match=r"fasterrcnn_resnet50_fpn_coco-258fb6c6\.pth to .*checkpoints"):
        create("fasterrcnn_resnet50_fpn", weights="imagenet")
    trained: Any = create("fasterrcnn_resnet50_fpn", classes=90)
    tensors = trained.net.state_dict()
    tensors["roi_heads.box_head.fc6.bias"] += 7
    known = torchvision.models.get_model_weights("fasterrcnn_resnet50_fpn")["DEFAULT"]  # pyright: ignore
    monkeypatch.setattr(type(known), "get_state_dict", lambda *_, **__: tensors)
    begun: Any = create("fasterrcnn_resnet50_fpn", classes=3, weights="imagenet")
    own = begun.net.state_dict()
    renamed = {"rpn.head.conv.0.0.": "rpn.head.conv."}
    renamed |= {
        f"backbone.fpn.{kind}.{k}.0.": f"backbone.fpn.{kind}.{k}."
        for kind in ("inner_blocks", "layer_blocks")
        for k in range(4)
    }
    older = {}
    for name, tensor in tensors.items():
        new = next((name.replace(a, b) for a, b in renamed.items() if name.startswith(a)), name)
        older[new] = tensor + 1 if new != name else tensor
    monkeypatch.setattr(type(known), "get_state_dict", lambda *_, **__: older)
    from_older: Any = create("fasterrcnn_resnet50_fpn", classes=3, weights="imagenet")
    found = from_older.net.rpn.head.conv[0][0].weight
    torch.testing.assert_close(found, tensors["rpn.head.conv.0.0.weight"] + 1)
    del older["backbone.body.conv1.weight"]
    with pytest.raises(WeightsError, match=r"lack backbone\.body\.conv1"):
        create("fasterrcnn_resnet50_fpn", classes=3, weights="imagenet")
    torch.testing.assert_close(own["roi_heads.box_head.fc6.bias"], tensors["roi_heads.box_head.fc6.bias"])
    assert own["roi_heads.box_predictor.cls_score.bias"].shape == (4,)


def test_batch_normalization_keeps_means_that_were_learned_before() -> None:
    net = FastRCNN(**LITE)
    norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    net.train()
    assert norms
    assert not any(layer.training for layer in norms)
    net.keeps_norms = False  # nothing was learned before
    assert all(layer.training for layer in net.train().modules())
    hold_chance(net)
    assert not any(layer.training for layer in net.modules() if isinstance(layer, nn.BatchNorm2d | nn.Dropout))


def test_soft_suppression_looks_at_the_likeliest_boxes() -> None:
    random = torch.Generator().manual_seed(0)
    corners = 1000 * torch.rand(5000, 2, generator=random)
    scores, labels = torch.rand(5000, generator=random), torch.arange(5000) % 20
    found = Found(torch.cat([corners, corners + 1], 1), scores, labels)
    left = softened(Limits(score=0, most=4000, soft=True), found)
    assert len(left.boxes) == 1000
    assert left.scores.min() > 0.75
    torch.testing.assert_close(left.scores[:5], scores.topk(5).values)
