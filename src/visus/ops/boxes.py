"""Boxes: formats, overlap, coding against anchors, and suppression of all but the best.

A box is (x0, y0, x1, y1) in pixels: its left, upper, right and lower edge, so that its width is x1 - x0.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torchvision.ops
from torch import Tensor

from visus._errors import InputError

Format = Literal["xyxy", "xywh", "cxcywh"]
FORMATS = ("xyxy", "xywh", "cxcywh")
LARGEST_GROWTH = math.log(1000 / 16)
"""Of the logarithm of a side when offsets are decoded, as in torchvision: a box does not explode."""


def convert(boxes: Tensor, source: Format, target: Format) -> Tensor:
    """Between formats: edges (``xyxy``), corner and size (``xywh``), middle and size (``cxcywh``).

    Args:
        boxes: ``(..., 4)`` float in pixels.
        source: Their format.
        target: The wanted one.

    Returns:
        ``(..., 4)`` float in pixels.

    Raises:
        InputError: A format is unknown, or there are no four numbers.

    >>> convert(torch.tensor([[1.0, 2.0, 4.0, 8.0]]), "xyxy", "cxcywh").tolist()
    [[2.5, 5.0, 3.0, 6.0]]
    """
    for name in (source, target):
        if name not in FORMATS:
            raise InputError(f"The format of boxes must be one of {', '.join(FORMATS)}, not {name!r}.")
    return torchvision.ops.box_convert(_checked(boxes), source, target)


def _checked(boxes: Tensor) -> Tensor:
    if boxes.shape[-1:] != (4,):
        raise InputError(f"Boxes must be (..., 4), not {tuple(boxes.shape)}.")
    return boxes


def area(boxes: Tensor) -> Tensor:
    """The area of each box; 0 for a box whose edges are swapped.

    Args:
        boxes: ``(..., 4)`` float in pixels.

    Returns:
        ``(...)`` float in square pixels.

    >>> area(torch.tensor([[0.0, 0.0, 4.0, 3.0], [4.0, 0.0, 0.0, 3.0]])).tolist()
    [12.0, 0.0]
    """
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of each pair, the overlap of PASCAL VOC (Everingham et al., IJCV 2010).

    Args:
        first: ``(N, 4)`` in pixels; integers count as float32.
        second: ``(M, 4)``, the same.

    Returns:
        ``(N, M)`` float in [0, 1]; 0 where both boxes are empty.

    Raises:
        InputError: Boxes do not have four numbers.

    >>> iou(torch.tensor([[0, 0, 2, 2]]), torch.tensor([[0, 0, 2, 2], [0, 0, 2, 1], [5, 5, 6, 6]])).tolist()
    [[1.0, 0.5, 0.0]]
    """
    inner, union = _intersection_and_union(first, second)
    return torch.where(union > 0, inner / union.clamp(min=torch.finfo(union.dtype).tiny), 0)


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Generalized IoU of each pair (Rezatofighi et al., CVPR 2019): less the share of the hull that both leave empty.

    Args:
        first: ``(N, 4)`` in pixels; integers count as float32.
        second: ``(M, 4)``, the same.

    Returns:
        ``(N, M)`` float in [-1, 1].

    Raises:
        InputError: Boxes do not have four numbers.

    >>> giou(torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 0, 1, 1], [3, 0, 4, 1]])).tolist()
    [[1.0, -0.5]]
    """
    inner, union = _intersection_and_union(first, second)
    low = torch.minimum(first[:, None, :2], second[None, :, :2])
    high = torch.maximum(first[:, None, 2:], second[None, :, 2:])
    hull = (high - low).clamp(min=0).prod(-1)
    tiny = torch.finfo(union.dtype).tiny
    overlap = torch.where(union > 0, inner / union.clamp(min=tiny), 0)
    return overlap - torch.where(hull > 0, (hull - union) / hull.clamp(min=tiny), 0)


def _intersection_and_union(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    first, second = (_checked(b) if b.is_floating_point() else _checked(b).float() for b in (first, second))
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    inner = (high - low).clamp(min=0).prod(-1)
    return inner, area(first)[:, None] + area(second)[None] - inner


def clip(boxes: Tensor, size: Sequence[int]) -> Tensor:
    """Cut boxes to a picture, as Faster R-CNN cuts its proposals (Ren et al. 2015, section 3.3).

    Args:
        boxes: ``(..., 4)`` float in pixels.
        size: Height and width of the picture in pixels.

    Returns:
        ``(..., 4)`` of the same dtype.

    Raises:
        InputError: Boxes do not have four numbers.

    >>> clip(torch.tensor([[-3.0, 2.0, 9.0, 9.0]]), (4, 8)).tolist()
    [[0.0, 2.0, 8.0, 4.0]]
    """
    return torchvision.ops.clip_boxes_to_image(_checked(boxes), (int(size[0]), int(size[1])))


def encode(boxes: Tensor, anchors: Tensor, *, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """What leads from anchors to boxes: t_x = (G_x - P_x) / P_w, t_w = log(G_w / P_w), and so in y.

    Girshick et al., "Rich feature hierarchies", CVPR 2014, appendix C.

    Args:
        boxes: G, ``(N, 4)`` float in pixels, sides above 0.
        anchors: P, ``(N, 4)`` float in pixels, no side 0.
        weights: Factors of t_x, t_y, t_w, t_h.

    Returns:
        ``(N, 4)`` float without a unit.

    >>> encode(torch.tensor([[2.0, 0.0, 6.0, 4.0]]), torch.tensor([[0.0, 0.0, 4.0, 4.0]])).tolist()
    [[0.5, 0.0, 0.0, 0.0]]
    """
    box, anchor = (torchvision.ops.box_convert(b, "xyxy", "cxcywh") for b in (boxes, anchors))
    offsets = torch.cat([(box[:, :2] - anchor[:, :2]) / anchor[:, 2:], (box[:, 2:] / anchor[:, 2:]).log()], dim=1)
    return offsets * offsets.new_tensor(weights)


def decode(offsets: Tensor, anchors: Tensor, *, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """The boxes to which offsets lead from anchors: the inverse of :func:`encode` (Girshick et al. 2014, appendix C).

    Args:
        offsets: ``(N, 4)``, or ``(N, K, 4)`` for K boxes from each anchor; float.
        anchors: ``(N, 4)`` float in pixels.
        weights: As for :func:`encode`.

    Returns:
        Boxes in pixels, float, of the shape of the offsets; sides grow at most 62.5 times.

    >>> decode(torch.tensor([[0.5, 0.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 4.0, 4.0]])).tolist()
    [[2.0, 0.0, 6.0, 4.0]]
    """
    anchor = torchvision.ops.box_convert(anchors, "xyxy", "cxcywh")
    if offsets.ndim == 3:
        anchor = anchor[:, None]
    shift = offsets / offsets.new_tensor(weights)
    middle = anchor[..., :2] + shift[..., :2] * anchor[..., 2:]
    side = anchor[..., 2:] * shift[..., 2:].clamp(max=LARGEST_GROWTH).exp()
    return torch.cat([middle - side / 2, middle + side / 2], dim=-1)


def nms(boxes: Tensor, scores: Tensor, threshold: float, classes: Tensor | None = None) -> Tensor:
    """Greedy non-maximum suppression: a box goes if it overlaps a better one that stays by more than the threshold.

    Girshick et al., "Rich feature hierarchies", CVPR 2014, section 2.2, where each class is treated by itself.

    Args:
        boxes: ``(N, 4)`` in pixels.
        scores: ``(N,)`` float.
        threshold: IoU from 0 to 1.
        classes: ``(N,)`` integers, where only boxes of one class suppress each other; None for all.

    Returns:
        Places of those that stay, ``(kept,)`` int64, the best first.

    Raises:
        InputError: The threshold is not from 0 to 1, or there is not one score for each box.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.0], [8.0, 8.0, 9.0, 9.0]])
    >>> nms(boxes, torch.tensor([0.9, 0.8, 0.7]), threshold=0.5).tolist()
    [0, 2]
    """
    _check_scored(boxes, scores, threshold)
    if classes is None:
        return torchvision.ops.nms(boxes.float(), scores.float(), threshold)
    # It tells classes apart by moving them by more than the largest coordinate, which takes boxes that begin at 0.
    near = boxes.float() - (boxes.float().min() if len(boxes) else 0)
    return torchvision.ops.batched_nms(near, scores.float(), classes, threshold)


def _check_scored(boxes: Tensor, scores: Tensor, threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise InputError(f"The threshold of overlap must be from 0 to 1, not {threshold}.")
    if boxes.ndim != 2 or _checked(boxes).shape[0] != len(scores):
        raise InputError(f"There must be a score for each box, not {len(scores)} for {tuple(boxes.shape)}.")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the greedy suppression (Girshick et al. 2014): a box that stays, and those that it takes away.

    Attributes:
        kept: The place of the box that stays.
        removed: Places of the boxes that it takes away.
        overlaps: The IoU of each with it.
    """

    kept: int
    removed: list[int]
    overlaps: list[float]


def nms_steps(boxes: Tensor, scores: Tensor, threshold: float) -> Iterator[Step]:
    """The same as :func:`nms` (Girshick et al. 2014), step by step, to look at.

    Args:
        boxes: ``(N, 4)`` in pixels.
        scores: ``(N,)`` float.
        threshold: IoU from 0 to 1.

    Yields:
        Each box that stays, the best first, and those that it takes away.

    Raises:
        InputError: At the first step: the threshold is not from 0 to 1, or there is not one score for each box.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.0], [8.0, 8.0, 9.0, 9.0]])
    >>> [(step.kept, step.removed) for step in nms_steps(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)]
    [(0, [1]), (2, [])]
    """
    _check_scored(boxes, scores, threshold)
    left = scores.argsort(descending=True, stable=True)
    while len(left):
        best, others = left[0], left[1:]
        overlaps = iou(boxes[best : best + 1], boxes[others])[0]
        gone = overlaps > threshold
        yield Step(int(best), others[gone].tolist(), overlaps[gone].tolist())
        left = others[~gone]


def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    classes: Tensor | None = None,
    *,
    sigma: float = 0.5,
    threshold: float | None = None,
    least: float = 0.001,
) -> tuple[Tensor, Tensor]:
    """Lower the scores of overlapping boxes instead of taking the boxes away (Bodla et al., ICCV 2017).

    Args:
        boxes: ``(N, 4)`` in pixels.
        scores: ``(N,)`` float.
        classes: ``(N,)`` integers: boxes lower those of their own class only; None for all.
        sigma: Of the Gaussian penalty exp(-IoU^2 / sigma).
        threshold: Take the linear penalty 1 - IoU, above this IoU; None for the Gaussian one.
        least: Boxes whose score falls below are left out.

    Returns:
        Places of those that stay, ``(kept,)`` int64, and their new scores, ``(kept,)`` of the dtype of the scores, the
        best first; both on the device of the scores.

    Raises:
        InputError: The threshold is not from 0 to 1, sigma is not above 0, or there is not one score for each box.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.0], [8.0, 8.0, 9.0, 9.0]])
    >>> places, scores = soft_nms(boxes, torch.tensor([0.9, 0.8, 0.7]))
    >>> places.tolist(), [round(score, 3) for score in scores.tolist()]
    ([0, 2, 1], [0.9, 0.7, 0.26])
    """
    _check_scored(boxes, scores, 0 if threshold is None else threshold)
    if sigma <= 0:
        raise InputError(f"sigma of soft NMS must be above 0, not {sigma}.")
    current, left = scores.clone(), torch.ones_like(scores, dtype=torch.bool)
    places, found = [], []
    for _ in range(len(scores)):
        best = int(torch.where(left, current, -math.inf).argmax())
        if current[best] < least:
            break
        left[best] = False
        places.append(best)
        found.append(float(current[best]))
        overlaps = iou(boxes[best : best + 1], boxes)[0]
        if threshold is None:
            penalty = (-(overlaps**2) / sigma).exp()
        else:
            penalty = torch.where(overlaps > threshold, 1 - overlaps, 1)
        if classes is not None:
            penalty = torch.where(classes == classes[best], penalty, 1)
        current = torch.where(left, current * penalty, current)
    return scores.new_tensor(places, dtype=torch.int64), scores.new_tensor(found)
