"""Boxes, anchors and pooled boxes beside plain versions, the papers and what R-CNN's heirs compute."""

import math

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from visus._errors import InputError
from visus.ops import anchors, boxes, roi


def some(count: int, seed: int = 0, *, span: float = 40.0) -> Tensor:
    """Boxes at random."""
    random = np.random.default_rng(seed)
    low = random.uniform(0, span, (count, 2))
    return torch.from_numpy(np.concatenate([low, low + random.uniform(0.5, span / 2, (count, 2))], 1)).float()


corner = st.floats(-50, 50, width=32)
side = st.floats(0.125, 60, width=32)
box = st.builds(lambda x, y, w, h: [x, y, x + w, y + h], corner, corner, side, side)
many = st.lists(box, min_size=1, max_size=12).map(torch.tensor)


def plain_iou(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inner = max(0.0, width) * max(0.0, height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner
    return inner / union if union else 0.0


@given(first=many, second=many)
@settings(deadline=None)
def test_iou_is_that_of_each_pair(first: Tensor, second: Tensor) -> None:
    found = boxes.iou(first, second)
    expected = [[plain_iou(a, b) for b in second.tolist()] for a in first.tolist()]
    assert found.tolist() == [pytest.approx(row, abs=1e-4) for row in expected]
    torch.testing.assert_close(found, boxes.iou(second, first).T)
    general = boxes.giou(first, second)
    torch.testing.assert_close(general, torchvision.ops.generalized_box_iou(first, second), atol=1e-4, rtol=1e-3)
    assert (general <= found + 1e-5).all()
    torch.testing.assert_close(boxes.iou(first, first).diagonal(), torch.ones(len(first)))


def test_empty_boxes_overlap_nothing() -> None:
    empty = torch.tensor([[3.0, 3.0, 3.0, 3.0], [5.0, 5.0, 4.0, 9.0]])
    assert boxes.area(empty).tolist() == [0, 0]
    assert boxes.iou(empty, empty).tolist() == [[0, 0], [0, 0]]
    assert torch.isfinite(boxes.giou(empty, some(3))).all()


@given(rows=many)
@settings(deadline=None)
def test_formats_lead_back(rows: Tensor) -> None:
    for name in ("xywh", "cxcywh"):
        there = boxes.convert(rows, "xyxy", name)
        torch.testing.assert_close(boxes.convert(there, name, "xyxy"), rows, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(boxes.area(rows), there[:, 2] * there[:, 3], atol=0.05, rtol=1e-3)


@given(rows=many, seed=st.integers(0, 1000))
@settings(deadline=None)
def test_coding_has_an_inverse(rows: Tensor, seed: int) -> None:
    around = some(len(rows), seed) + torch.tensor([0.0, 0, 2, 2])  # no side grows more than is allowed
    weights = (10.0, 10.0, 5.0, 5.0)
    offsets = boxes.encode(rows.double(), around.double(), weights=weights)
    torch.testing.assert_close(
        boxes.decode(offsets, around.double(), weights=weights), rows.double(), atol=1e-6, rtol=0
    )
    several = torch.stack([offsets, offsets * 0], 1)
    found = boxes.decode(several, around.double(), weights=weights)
    torch.testing.assert_close(found[:, 1], around.double())


def test_coding_is_that_of_the_paper() -> None:
    """P = (0, 0, 10, 20), G = (5, 5, 25, 15): the middle moves by 10 of 10 and 0 of 20, the sides double and halve."""
    offsets = boxes.encode(torch.tensor([[5.0, 5.0, 25.0, 15.0]]), torch.tensor([[0.0, 0.0, 10.0, 20.0]]))
    assert offsets.tolist() == [pytest.approx([1.0, 0.0, math.log(2), -math.log(2)])]
    exploding = boxes.decode(torch.tensor([[0.0, 0.0, 99.0, 99.0]]), torch.tensor([[0.0, 0.0, 16.0, 16.0]]))
    assert boxes.convert(exploding, "xyxy", "xywh")[0, 2:].tolist() == pytest.approx([1000, 1000])


def plain_nms(rows: list[list[float]], scores: list[float], threshold: float) -> list[int]:
    left = sorted(range(len(rows)), key=lambda k: -scores[k])
    kept: list[int] = []
    for k in left:
        if all(plain_iou(rows[k], rows[j]) <= threshold for j in kept):
            kept.append(k)
    return kept


@given(rows=many, seed=st.integers(0, 1000), threshold=st.sampled_from([0.0, 0.3, 0.5, 0.7]))
@settings(deadline=None)
def test_nms_is_greedy_order_free_and_idempotent(rows: Tensor, seed: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    scores = torch.from_numpy(random.permutation(len(rows)) + 1.0).float()
    found = boxes.nms(rows, scores, threshold)
    # Where an overlap is the threshold to the last bit, both answers are right.
    overlaps = torch.tensor([[plain_iou(a, b) for b in rows.tolist()] for a in rows.tolist()])
    assume(not (threshold and ((overlaps - threshold).abs() < 1e-5).any()))
    assert found.tolist() == plain_nms(rows.tolist(), scores.tolist(), threshold)
    assert boxes.nms(rows[found], scores[found], threshold).tolist() == list(range(len(found)))
    order = torch.from_numpy(random.permutation(len(rows)))
    assert order[boxes.nms(rows[order], scores[order], threshold)].tolist() == found.tolist()
    steps = list(boxes.nms_steps(rows, scores, threshold))
    assert [step.kept for step in steps] == found.tolist()
    gone = [place for step in steps for place in step.removed]
    assert sorted([*gone, *found.tolist()]) == list(range(len(rows)))
    assert all(overlap > threshold for step in steps for overlap in step.overlaps)


def test_nms_of_each_class_leaves_the_others_alone() -> None:
    rows = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 10, 10]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert boxes.nms(rows, scores, 0.5).tolist() == [0]
    assert boxes.nms(rows, scores, 0.5, torch.tensor([0, 0, 1])).tolist() == [0, 2]
    below = torch.tensor([[-300.0, -300, 10, 10], [-311, -311, -1, -1]])
    assert boxes.nms(below, scores[:2], 0.5, torch.tensor([0, 1])).tolist() == [0, 1]
    assert boxes.nms(below[:0], scores[:0], 0.5, torch.tensor([])).tolist() == []


def test_soft_nms_lowers_scores() -> None:
    rows = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [50, 50, 60, 60]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    places, found = boxes.soft_nms(rows, scores)
    assert places.tolist() == [0, 2, 1]
    assert found.tolist() == pytest.approx([0.9, 0.7, 0.8 * math.exp(-(0.8**2) / 0.5)])
    places, found = boxes.soft_nms(rows, scores, threshold=0.3)
    assert found.tolist() == pytest.approx([0.9, 0.7, 0.8 * 0.2])
    hard, _ = boxes.soft_nms(rows, scores, sigma=1e-6)
    assert hard.tolist() == boxes.nms(rows, scores, 0.0).tolist()


def test_soft_nms_class_by_class() -> None:
    rows = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 9]])
    scores, classes = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 0])
    places, found = boxes.soft_nms(rows, scores, classes)
    assert places.tolist() == [0, 1, 2]
    assert found.tolist() == pytest.approx([0.9, 0.8, 0.7 * math.exp(-(0.9**2) / 0.5)])


def test_anchors() -> None:
    found = anchors.grid((2, 3), 4, (32, 64), (0.25, 1, 4))
    assert found.shape == (2 * 3 * 6, 4)
    assert found[0].tolist() == [-32, -8, 32, 8]
    theirs = AnchorGenerator(((32, 64),), ((0.25, 1.0, 4.0),))
    pictures = ImageList(torch.zeros(1, 3, 8, 12), [(8, 12)])
    torch.testing.assert_close(theirs(pictures, [torch.zeros(1, 1, 2, 3)])[0], found, atol=0.5, rtol=0)
    paper = anchors.around_origin()
    assert len(paper) == 9
    assert boxes.area(paper).sqrt().tolist() == pytest.approx([128, 256, 512] * 3, rel=1e-5)
    # Section 3.3: a picture of 1000x600 has about 20,000 anchors, of which about 6,000 do not cross its border.
    everywhere = anchors.grid((38, 63), 16)
    assert 20_000 < len(everywhere) < 22_000
    assert 5_000 < int(anchors.inside(everywhere, (600, 1000)).sum()) < 9_000


def test_roi_align_is_that_of_the_reference() -> None:
    x = torch.arange(25.0).view(1, 1, 5, 5)
    where = [torch.tensor([[1.0, 1.0, 3.0, 3.0]])]
    assert roi.align(x, where, 4, aligned=True)[0, 0, 0].tolist() == pytest.approx([4.5, 5, 5.5, 6])
    assert roi.align(x, where, 4, aligned=False)[0, 0, 0].tolist() == pytest.approx([7.5, 8, 8.5, 9])


def plain_align(x: np.ndarray, where: list[float], size: int, scale: float, maximum: bool) -> np.ndarray:
    """One channel, bin by bin and sample by sample."""
    x0, y0, x1, y1 = (value * scale - 0.5 for value in where)
    found = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            samples = []
            for i in range(2):
                for j in range(2):
                    y = y0 + (row + (i + 0.5) / 2) * (y1 - y0) / size
                    across = x0 + (column + (j + 0.5) / 2) * (x1 - x0) / size
                    samples.append(_bilinear(x, y, across))
            found[row, column] = max(samples) if maximum else sum(samples) / 4
    return found


def _bilinear(x: np.ndarray, y: float, across: float) -> float:
    height, width = x.shape
    if not (-1 <= y <= height and -1 <= across <= width):
        return 0.0
    y, across = min(max(y, 0), height - 1), min(max(across, 0), width - 1)
    top, left = min(int(y), height - 2), min(int(across), width - 2)
    down, right = y - top, across - left
    rows = x[top : top + 2, left : left + 2]
    return float(
        (1 - down) * ((1 - right) * rows[0, 0] + right * rows[0, 1])
        + down * ((1 - right) * rows[1, 0] + right * rows[1, 1])
    )


@given(seed=st.integers(0, 1000), size=st.integers(1, 5), scale=st.sampled_from([1.0, 0.5, 0.25]))
@settings(deadline=None, max_examples=40)
def test_roi_align_takes_four_samples_of_each_bin(seed: int, size: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(size=(9, 11))
    low = random.uniform(0, 20, 2)
    where = [*low, *(low + random.uniform(1, 20, 2))]
    for reduce in ("average", "maximum"):
        found = roi.align(
            torch.from_numpy(x)[None, None], [torch.tensor([where]).double()], size, scale=scale, reduce=reduce
        )
        expected = plain_align(x, where, size, scale, reduce == "maximum")
        np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("reduce", ["average", "maximum"])
def test_roi_align_has_the_gradient_of_its_numbers(reduce: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    where = [torch.tensor([[1.3, 0.7, 9.1, 8.2]]), torch.tensor([[0.0, 2.0, 11.0, 10.0], [3.0, 3.0, 5.0, 6.0]])]
    assert torch.autograd.gradcheck(lambda x: roi.align(x, where, (2, 3), scale=0.5, reduce=reduce), (x,))  # pyright: ignore


def test_pooling_loses_shifts_below_a_cell_and_align_does_not() -> None:
    """On a ramp, a shift by a quarter of a cell changes the answer of RoIAlign by a quarter, that of RoIPool not at all
    or by a whole cell."""
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    shifts = torch.arange(0, 16.0, 4)  # pixels, cells of 16
    where = torch.stack([torch.tensor([64.0, 64, 128, 128]) + torch.tensor([s, 0, s, 0]) for s in shifts])
    aligned = roi.align(ramp, [where], 2, scale=1 / 16)[:, 0, 0, 0]
    pooled = roi.pool(ramp, [where], 2, scale=1 / 16)[:, 0, 0, 0]
    torch.testing.assert_close(aligned - aligned[0], shifts / 16)
    assert set((pooled - pooled[0]).tolist()) <= {0.0, 1.0}
    assert (pooled - pooled[0] - shifts / 16).abs().max() >= 0.5


def test_pictures_without_boxes_and_bad_input() -> None:
    x = torch.rand(2, 3, 8, 8)
    assert roi.align(x, [torch.zeros(0, 4), torch.zeros(0, 4)], 2).shape == (0, 3, 2, 2)
    assert roi.pool(x, [torch.tensor([[0.0, 0, 4, 4]]), torch.zeros(0, 4)], (2, 3)).shape == (1, 3, 2, 3)
    with pytest.raises(InputError, match="need boxes"):
        roi.align(x, [torch.zeros(0, 4)], 2)
    with pytest.raises(InputError, match="average or maximum"):
        roi.align(x, [torch.zeros(0, 4)] * 2, 2, reduce="median")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="at least 1"):
        roi.pool(x, [torch.zeros(0, 4)] * 2, 0)
    with pytest.raises(InputError, match="score for each box"):
        boxes.nms(some(3), torch.ones(2), 0.5)
    with pytest.raises(InputError, match="from 0 to 1"):
        boxes.nms(some(3), torch.ones(3), 1.5)
    with pytest.raises(InputError, match="format of boxes"):
        boxes.convert(some(1), "xyxy", "yolo")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"Boxes must be \(\.\.\., 4\)"):
        boxes.iou(torch.zeros(3, 5), some(1))
    with pytest.raises(InputError, match="sigma"):
        boxes.soft_nms(some(3), torch.ones(3), sigma=0)
    with pytest.raises(InputError, match="ratios"):
        anchors.around_origin((32,), (0,))
