"""Fast R-CNN: one pass over the picture, then each proposed box from its part of the map.

Girshick, "Fast R-CNN", ICCV 2015. The map of the last convolution is pooled within each proposal to a fixed size
(section 2.1), goes through the fully connected layers, and gives a softmax over the classes and the background, and
four offsets for each class (section 2.2). A step sees 128 boxes of 2 pictures, 64 of each, a quarter of them objects
(IoU of at least 0.5), the others background with an IoU from 0.1 to 0.5 (section 2.3). The loss is cross-entropy and
smooth L1 of the offsets of the true class.

Losses, sampling and post-processing are torchvision's, but for the lower bound of the background.

Deviations: RoIAlign is at hand beside RoI max pooling; a true box is always among the proposals of a step; smooth L1
bends at 1/9 in place of 1; all layers learn, where the paper leaves the first ones of VGG16 alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
from torchvision.models.detection.roi_heads import RoIHeads

from visus._errors import InputError
from visus.nets.detection import detector
from visus.nets.detection.body import STRIDE, Halves, as_features, cut, preprocessing
from visus.nets.detection.detector import Detector, Found, Limits, Target
from visus.nets.segmentation.vgg import Weights
from visus.ops import boxes as _boxes
from visus.ops import roi

Pooling = Literal["pool", "align", "align_maximum"]
POOLINGS = ("pool", "align", "align_maximum")
BOXES_OF_A_STEP = 64  # of each picture
OBJECTS = 0.25  # of them
FOREGROUND, BACKGROUND = 0.5, 0.1


class RoIPooling(nn.Module):
    """From boxes on pictures to small maps (Girshick 2015, section 2.1; He et al. 2017, section 3).

    Args:
        how: ``"pool"`` (Fast R-CNN), ``"align"`` (Mask R-CNN) or ``"align_maximum"``.
        size: Side of the small maps.

    Raises:
        InputError: There is no such pooling.
    """

    def __init__(self, how: Pooling, size: int) -> None:
        super().__init__()
        if how not in POOLINGS:
            raise InputError(f"Boxes are pooled by one of {', '.join(POOLINGS)}, not by {how!r}.")
        self.how, self.size = how, size

    def forward(self, features: dict[str, Tensor], proposals: list[Tensor], _sizes: Any) -> Tensor:  # noqa: ANN401
        """Pool each box from the map of its picture.

        Args:
            features: One level, ``"0"``, of stride 16: ``(N, C, h, w)`` float32.
            proposals: For each picture ``(n, 4)`` float32 in its pixels.

        Returns:
            ``(boxes of all, C, size, size)`` float32, those of the first picture first.
        """
        x = features["0"]
        if self.how == "pool":
            return roi.pool(x, proposals, self.size, scale=1 / STRIDE)
        reduce = "average" if self.how == "align" else "maximum"
        return roi.align(x, proposals, self.size, scale=1 / STRIDE, reduce=reduce)


class Predictor(FastRCNNPredictor):
    """The last layers (section 2.3: begun with deviations of 0.01 and 0.001); their numbers have 32 bits.

    Args:
        dimension: Of what they see.
        classes: With the background.
    """

    def __init__(self, dimension: int, classes: int) -> None:
        super().__init__(dimension, classes)
        begin(self.cls_score, 0.01)
        begin(self.bbox_pred, 0.001)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(boxes, dimension)`` to logits ``(boxes, classes)`` and offsets ``(boxes, 4 classes)``, both float32."""
        logits, offsets = super().forward(x)
        return logits.float(), offsets.float()


def begin(layer: nn.Linear, deviation: float) -> None:
    """Give a layer normally distributed weights with some deviation, and a bias of 0 (Girshick 2015, section 2.3)."""
    nn.init.normal_(layer.weight, std=deviation)
    nn.init.zeros_(layer.bias)


class Heads(RoIHeads):
    """Samples boxes, classifies them, moves them.

    Boxes with an IoU of at least ``foreground`` are positive; those below ``background`` do not count.

    Girshick 2015, sections 2.2 and 2.3.
    """

    foreground: float = FOREGROUND
    background: float = BACKGROUND

    def assign_targets_to_proposals(
        self, proposals: list[Tensor], gt_boxes: list[Tensor], gt_labels: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """For each proposal the true box that it overlaps most, and its class: 0 for background, -1 for neither.

        Args:
            proposals: For each picture ``(n, 4)`` float32 in pixels.
            gt_boxes: The true boxes of each picture, ``(m, 4)`` float32 in pixels.
            gt_labels: Their classes, ``(m,)`` int64 from 1 on.

        Returns:
            For each picture the places of the true boxes and the classes, both ``(n,)`` int64; all 0 where there are
            no true boxes.
        """
        matches, labels = [], []
        for own, truth, classes in zip(proposals, gt_boxes, gt_labels, strict=True):
            if not len(truth):
                matches.append(torch.zeros(len(own), dtype=torch.int64, device=own.device))
                labels.append(torch.zeros(len(own), dtype=torch.int64, device=own.device))
                continue
            overlap, match = _boxes.iou(own, truth).max(1)
            label = torch.where(overlap >= self.foreground, classes[match], 0)
            matches.append(match)
            labels.append(torch.where(overlap < self.background, -1, label))
        return matches, labels

    def limit(self, limits: Limits) -> None:
        """Which of its answers are given."""
        self.score_thresh, self.nms_thresh, self.detections_per_img = detector.within_heads(limits)


def heads_of(
    halves: Halves, classes: int, pooling: Pooling, boxes: int = BOXES_OF_A_STEP, background: float = BACKGROUND
) -> Heads:
    """The heads behind a map, for so many classes beside the background (Girshick 2015, section 2).

    Args:
        halves: The network.
        classes: Without the background.
        pooling: How boxes are pooled.
        boxes: Of each picture that a step sees.
        background: The least IoU that makes a box background.

    Raises:
        InputError: No box is seen, or there is no such pooling.

    >>> halves = Halves(nn.Identity(), nn.Flatten(), channels=8, dimension=8 * 7 * 7, size=7)
    >>> predictor = heads_of(halves, 3, "align").box_predictor
    >>> predictor.cls_score.out_features, predictor.bbox_pred.out_features
    (4, 16)
    """
    pooled, predictor = RoIPooling(pooling, halves.size), Predictor(halves.dimension, classes + 1)
    return heads_around(pooled, halves.head, predictor, boxes, background=background)


def heads_around(
    pool: nn.Module,
    head: nn.Module,
    predictor: nn.Module,
    boxes: int,
    background: float = BACKGROUND,
    *,
    kind: type[Heads] = Heads,
) -> Heads:
    """Heads of given parts, with the sampling and the losses of Girshick 2015, section 2.3.

    Args:
        pool: From maps and boxes to a small map of each box.
        head: From these to features ``(boxes, dimension)``.
        predictor: From these to logits and offsets.
        boxes: Of each picture that a step sees.
        background: The least IoU that makes a box background.
        kind: Of the heads.

    Raises:
        InputError: No box is seen.
    """
    if boxes < 1:
        raise InputError(f"A step must see at least 1 box of each picture, not {boxes}.")
    limits = Limits()
    heads = kind(
        pool,
        head,
        predictor,
        FOREGROUND,
        FOREGROUND,
        boxes,
        OBJECTS,
        None,  # offsets are weighed by 10, 10, 5, 5: about unit variance
        limits.score,
        limits.overlap,
        limits.most,
    )
    heads.background = background
    return heads


class FastRCNN(Detector):
    """Fast R-CNN (Girshick 2015) on one map of stride 16.

    Args:
        classes: Number of classes, without the background.
        backbone: See :func:`visus.nets.detection.body.cut`; VGG16 and ZFNet are the paper's.
        weights: ``"imagenet"`` or None.
        pooling: ``"pool"`` (the paper's), ``"align"`` or ``"align_maximum"``.
        side: Length of the shorter side that pictures are brought to, in pixels.
        boxes: Of each picture that a training step sees.
    """

    needs_proposals = True
    has_body = True

    def __init__(
        self,
        *,
        classes: int,
        backbone: str = "vgg16",
        weights: Weights = None,
        pooling: Pooling = "pool",
        side: int = detector.SHORTER_SIDE,
        boxes: int = BOXES_OF_A_STEP,
    ) -> None:
        super().__init__()
        self.name, self.classes = "fast_rcnn", classes
        halves = cut(backbone, weights)
        known = preprocessing(backbone)
        self.transform = detector.transform_of(known.mean, known.deviation, side)
        self.body = halves.body
        self.heads = heads_of(halves, classes, pooling, boxes)

    def body_modules(self) -> Iterator[nn.Module]:
        """Both halves of the backbone."""
        yield self.body
        yield self.heads.box_head

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """The map of resized pictures ``(N, 3, H, W)`` float: ``(N, C, H/16, W/16)`` float32, as the only level."""
        return as_features(self.body(x))

    def losses(self, pictures: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """Of the classes and of the boxes; the targets hold ``proposals``.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            targets: The objects of each, and its proposals ``(m, 4)`` float32 in pixels.

        Returns:
            In training mode ``loss_classifier`` and ``loss_box_reg``, each a scalar; in evaluation mode nothing.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        detector.check_pictures(pictures, self.transform)
        images, own = self.transform(list(pictures), detector.targets_for(targets))
        proposals = [target["proposals"] for target in targets]
        there = detector.resized(proposals, detector.sizes_of(pictures), images.image_sizes)
        _, found = self.heads(self.maps(images.tensors), there, images.image_sizes, own)
        return found

    def box_scores(self, pictures: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """The scores of given boxes, before the softmax.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            boxes: For each picture ``(n, 4)`` float32 in pixels.

        Returns:
            ``(boxes of all, 1 + classes)`` float32, background first.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        return box_scores(self, pictures, boxes)

    def detect(
        self, pictures: Sequence[Tensor], proposals: Sequence[Tensor] | None = None, limits: Limits | None = None
    ) -> list[Found]:
        """What is in the proposed boxes.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            proposals: For each picture ``(n, 4)`` float32 in pixels.
            limits: Which answers are given; None for the defaults.

        Raises:
            InputError: There are no proposals, or not for each picture; or a picture is none that a detector takes.
        """
        detector.check_pictures(pictures, self.transform)
        if proposals is None or len(proposals) != len(pictures):
            raise InputError("Fast R-CNN needs proposed boxes for each picture; see visus.ops.proposals.")
        limits = limits or Limits()
        self.heads.limit(limits)
        with torch.inference_mode():
            before = detector.sizes_of(pictures)
            images, _ = self.transform(list(pictures))
            there = detector.resized(proposals, before, images.image_sizes)
            rows, _ = self.heads(self.maps(images.tensors), there, images.image_sizes)
            return [detector.softened(limits, own) for own in detector.found_of(rows, images.image_sizes, before)]


def box_scores(net: Any, pictures: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:  # noqa: ANN401
    """The scores of given boxes by a network with the parts ``transform``, ``maps`` and ``heads``.

    Fast R-CNN (Girshick 2015, section 2) up to its softmax.

    Args:
        net: The network, for example a :class:`FastRCNN`.
        pictures: Each ``(3, H, W)`` float in [0, 1].
        boxes: For each picture ``(n, 4)`` float32 in pixels.

    Returns:
        ``(boxes of all, 1 + classes)`` float32, background first.

    Raises:
        InputError: A picture is none that a detector takes.
    """
    detector.check_pictures(pictures, net.transform)
    images, _ = net.transform(list(pictures))
    there = detector.resized(boxes, detector.sizes_of(pictures), images.image_sizes)
    return detector.class_scores(net.heads, net.maps(images.tensors), there, images.image_sizes)
