"""Mask R-CNN: Faster R-CNN with RoIAlign and a third branch, which gives each box a shape.

He, Gkioxari, Dollar and Girshick, "Mask R-CNN", ICCV 2017. The mask branch is a small fully convolutional network on
each box: four 3x3 convolutions on 14x14, a transposed one to 28x28, and a sigmoid for each class (figure 4, right, and
section 3). Its loss is the binary cross-entropy of the true class's map; classes do not compete. The answer is resized
to the box and laid on the picture.

Deviations: on one map of stride 16 the branch has its own RoIAlign and convolutions, as with a feature pyramid, in
place of sharing the fifth stage. ``width`` makes it narrower than the paper's 256 channels. Sides, anchors and the
sampling of boxes are Faster R-CNN's (600 pixels, three sizes), where the paper takes 800 pixels and five.
"""

from collections.abc import Sequence

from torch import nn
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

from visus.nets.detection import detector, fast_rcnn
from visus.nets.detection.faster_rcnn import FasterRCNN
from visus.nets.segmentation.vgg import Weights

SIDE = 14
_CONVOLUTIONS = 4


class MaskRCNN(FasterRCNN):
    """Mask R-CNN (He et al. 2017) on one map of stride 16.

    Args:
        classes: Number of classes, without the background.
        backbone: See :func:`visus.nets.detection.body.cut`.
        weights: ``"imagenet"`` or None.
        side: Length of the shorter side that pictures are brought to, in pixels.
        boxes: Of each picture that the second stage sees in a training step.
        sizes: Of the anchors; see :func:`visus.nets.detection.faster_rcnn.proposing`.
        width: Channels of the mask branch.
    """

    has_masks = True

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
        super().__init__(
            classes=classes, backbone=backbone, weights=weights, pooling="align", side=side, boxes=boxes, sizes=sizes
        )
        self.name = "mask_rcnn"
        add_shapes(self.heads, fast_rcnn.RoIPooling("align", SIDE), self.channels, width, classes)


def add_shapes(heads: fast_rcnn.Heads, pool: nn.Module, channels: int, width: int, classes: int) -> None:
    """Give heads the mask branch (He et al. 2017, figure 4).

    Args:
        heads: Without it.
        pool: From maps and boxes to a map ``(channels, 14, 14)`` of each box.
        channels: Of these maps.
        width: Channels of the branch.
        classes: Without the background.
    """
    heads.mask_roi_pool = pool
    heads.mask_head = MaskRCNNHeads(channels, (width,) * _CONVOLUTIONS, 1)
    heads.mask_predictor = MaskRCNNPredictor(width, width, classes + 1)
