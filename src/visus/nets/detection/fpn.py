"""Faster and Mask R-CNN on a pyramid of maps: fine ones for small objects and tight boxes, coarse ones for large ones.

Lin et al., "Feature pyramid networks for object detection", CVPR 2017. A map is brought to a common width by a 1x1
convolution, added to the coarser one, which was enlarged to twice its sides, and smoothed by a 3x3 convolution (section
3). The region proposal network slides over all of them, with anchors of one size on each (section 4.1); those that
cross the border count (section 5.1). A box of w x h pixels is taken from the map of stride 2^k, where k is the floor of
4 + log2(sqrt(wh) / 224), pooled to 7x7, and seen by two hidden layers (section 4.2).

Deviations: the maps have strides 8, 16 and 32, where the paper has five from 4 to 64: pictures of those who train on a
processor are smaller than its 800 pixels. Sides and the sampling of proposals are Faster R-CNN's here, boxes are moved
alike for all classes and learn by their overlap in place of their offsets (GIoU), and maps and layers can be narrower
than the paper's 256 and 1024.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.roi_heads import maskrcnn_loss
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign, generalized_box_iou_loss

from visus._errors import InputError
from visus.nets.detection import detector, fast_rcnn, faster_rcnn
from visus.nets.detection.body import preprocessing
from visus.nets.detection.mask_rcnn import SIDE, add_shapes
from visus.nets.segmentation.pyramid import STRIDES, Pyramid
from visus.nets.segmentation.vgg import Weights
from visus.ops import anchors, roi
from visus.ops import boxes as _boxes

_LEVELS = [str(place) for place in range(len(STRIDES))]
_WIDTH, _HIDDEN = 256, 1024  # of the paper
_BOX = 7
_GIOU = 5.0  # about as much as smooth L1 of the offsets comes to


class BoxesForAll(fast_rcnn.Predictor):
    """The last layers where a box is moved alike, whatever it holds: fewer numbers to learn from few objects.

    Args:
        dimension: Of what they see.
        classes: With the background.
    """

    def __init__(self, dimension: int, classes: int) -> None:
        super().__init__(dimension, classes)
        self.classes = classes
        self.bbox_pred = nn.Linear(dimension, 4)
        fast_rcnn.begin(self.bbox_pred, 0.001)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(boxes, dimension)`` to logits ``(boxes, classes)`` and offsets ``(boxes, 4 classes)``, both float32."""
        logits, offsets = super().forward(x)
        return logits, offsets.repeat(1, self.classes)


class TightHeads(fast_rcnn.Heads):
    """Heads that learn how far a box and the true one overlap, not how far their offsets differ.

    Rezatofighi et al., "Generalized intersection over union", CVPR 2019, section 4.
    """

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """What is in the proposed boxes, or in training the losses.

        Args:
            features: The maps by level, each ``(N, C, h, w)`` float32.
            proposals: For each picture ``(n, 4)`` float32 in pixels of the resized picture.
            image_shapes: Height and width of each resized picture.
            targets: In training the objects of each picture, with labels from 1 on.

        Returns:
            As torchvision's ``RoIHeads``: rows of each picture, and the losses by name; one of the two is empty.
        """
        if not self.training:
            return super().forward(features, proposals, image_shapes, targets)
        own, matched, labels, wanted = self.select_training_samples(proposals, targets)
        logits, offsets = self.box_predictor(self.box_head(self.box_roi_pool(features, own, image_shapes)))
        classes = torch.cat(labels)
        losses = {
            "loss_classifier": F.cross_entropy(logits, classes),
            "loss_box_reg": _GIOU * overlap_loss(offsets[:, :4], torch.cat(wanted), classes > 0),
        }
        if self.has_mask():
            there = [row > 0 for row in labels]
            held = [box[objects] for box, objects in zip(own, there, strict=True)]
            which = [place[objects] for place, objects in zip(matched, there, strict=True)]
            losses["loss_mask"] = self._mask_loss(features, image_shapes, targets or [], held, which)
        return [], losses

    def _mask_loss(
        self,
        features: dict[str, Tensor],
        sizes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]],
        held: list[Tensor],
        which: list[Tensor],
    ) -> Tensor:
        """Of the shapes in boxes that hold an object, and which object that is."""
        parts: Any = self
        maps = parts.mask_predictor(parts.mask_head(parts.mask_roi_pool(features, held, sizes)))
        masks, labels = ([target[name] for target in targets] for name in ("masks", "labels"))
        return maskrcnn_loss(maps, held, masks, labels, which)


def overlap_loss(offsets: Tensor, wanted: Tensor, objects: Tensor) -> Tensor:
    """One minus the generalized IoU of boxes and the true ones, summed over objects, for each box that a step sees.

    Overlaps do not change where both boxes are moved and stretched alike, so that offsets tell enough.

    Args:
        offsets: ``(N, 4)`` float32 (see :func:`visus.ops.boxes.encode`), weighed by 10, 10, 5, 5.
        wanted: Those of the true boxes, likewise.
        objects: ``(N,)`` bool: which boxes hold an object.

    Returns:
        A scalar float32 from 0 to 2.

    >>> still, there = torch.zeros(2, 4), torch.tensor([True, False])
    >>> twice = torch.tensor([0.0, 0.0, 2.0, 2.0]).log().nan_to_num(neginf=0) * 5  # sides twice as long
    >>> [round(overlap_loss(still, still + by, there).item(), 3) for by in (0 * twice, twice)]
    [0.0, 0.375]
    """
    unit = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).to(offsets)
    found, true = (_boxes.decode(own[objects], unit, weights=(10, 10, 5, 5)) for own in (offsets, wanted))
    return generalized_box_iou_loss(found, true, reduction="sum") / max(1, len(objects))


class FasterRCNNPyramid(faster_rcnn.Proposes):
    """Faster R-CNN on a feature pyramid (Lin et al. 2017).

    Args:
        classes: Number of classes, without the background.
        backbone: A classification network that is a row of convolutions.
        weights: ``"imagenet"`` or None.
        side: Length of the shorter side that pictures are brought to, in pixels.
        boxes: Of each picture that the second stage sees in a training step.
        sizes: Of the anchors on the maps of stride 8, 16 and 32, as roots of their areas in pixels of resized pictures;
            None for eight strides, as in the paper.
        width: Channels of the maps, a quarter of those of the hidden layers that see a box.

    Raises:
        InputError: The backbone is unknown or has no such maps, or there is not one size for each map.
        WeightsError: The weights are not at hand.
    """

    name = "faster_rcnn_fpn"

    def __init__(
        self,
        *,
        classes: int,
        backbone: str = "resnet50",
        weights: Weights = None,
        side: int = detector.SHORTER_SIDE,
        boxes: int = fast_rcnn.BOXES_OF_A_STEP,
        sizes: Sequence[float] | None = None,
        width: int = 256,
    ) -> None:
        super().__init__()
        self.classes = classes
        known = preprocessing(backbone)
        self.transform = detector.transform_of(known.mean, known.deviation, side)
        self.body = Pyramid(backbone, weights)
        self.neck = FeaturePyramidNetwork(self.body.channels, width)
        self.rpn = _proposing(width, side, sizes)
        hidden = _HIDDEN * width // _WIDTH
        head = TwoMLPHead(width * _BOX**2, hidden)
        last = BoxesForAll(hidden, classes + 1)
        self.heads = fast_rcnn.heads_around(pool(_BOX), head, last, boxes, background=0.0, kind=TightHeads)
        if self.has_masks:
            add_shapes(self.heads, pool(SIDE), width, width)

    def body_modules(self) -> Iterator[nn.Module]:
        """The backbone."""
        yield self.body

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """The pyramid of resized pictures.

        Args:
            x: ``(N, 3, H, W)`` float, sides a multiple of 32.

        Returns:
            Three maps ``(N, width, H/stride, W/stride)`` float32, of strides 8, 16 and 32.
        """
        found = dict(zip(_LEVELS, self.body(x), strict=True))
        return {level: own.float() for level, own in self.neck(found).items()}


class MaskRCNNPyramid(FasterRCNNPyramid):
    """Mask R-CNN (He et al. 2017): :class:`FasterRCNNPyramid` with shapes, and with the same arguments."""

    name = "mask_rcnn_fpn"
    has_masks = True


def pool(size: int) -> MultiScaleRoIAlign:
    """RoIAlign of each box from the map that suits its size (Lin et al. 2017, section 4.2).

    Args:
        size: Side of the small maps.
    """
    return MultiScaleRoIAlign(_LEVELS, size, roi.SAMPLES)


def _proposing(width: int, side: int, sizes: Sequence[float] | None) -> RegionProposalNetwork:
    """The region proposal network, with anchors of one size on each map."""
    own = [8 * stride for stride in STRIDES] if sizes is None else list(sizes)
    if len(own) != len(STRIDES) or min(own) <= 0:
        raise InputError(f"A pyramid needs {len(STRIDES)} sizes of anchors above 0, one for each map, not {own}.")
    generator = AnchorGenerator(tuple((size,) for size in sorted(own)), (anchors.RATIOS,) * len(own))
    window = faster_rcnn.SlidingWindow(width, len(anchors.RATIOS))
    return faster_rcnn.sampling(RegionProposalNetwork, generator, window, side, (2000, 1000))
