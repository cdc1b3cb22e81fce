"""Faster and Mask R-CNN of torchvision, on a pyramid of maps, with its weights for the objects of COCO.

Lin et al., "Feature pyramid networks for object detection", CVPR 2017: the maps of four stages are joined from the top
down, and each box is taken from the map that suits its size.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection as _detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops.misc import FrozenBatchNorm2d

from visus._errors import WeightsError
from visus.nets import weights as _weights
from visus.nets.detection import detector
from visus.nets.detection.detector import Detector, Found, Limits, Target
from visus.nets.segmentation.vgg import Weights

SHORTER_SIDE, _LONGER_SIDE = 800, 1333
_BOXES = 512
_LAST = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.mask_fcn_logits.")  # as many as the classes


class FasterPyramid(Detector):
    """Faster R-CNN (Ren et al. 2015) of torchvision on ResNet-50 with a feature pyramid (Lin et al. 2017).

    Args:
        classes: Number of classes, without the background.
        weights: ``"imagenet"`` for weights trained on COCO, whose last layers start at random unless there are 90
            classes; or None.
        side: Length of the shorter side that pictures are brought to, in pixels.
        boxes: Of each picture that the second stage sees in a training step.

    Raises:
        WeightsError: The weights are not at hand.
    """

    name = "fasterrcnn_resnet50_fpn"
    designed_for = (800, 1066)
    license = "BSD-3-Clause"

    def __init__(self, *, classes: int, weights: Weights = None, side: int = SHORTER_SIDE, boxes: int = _BOXES) -> None:
        super().__init__()
        self.classes = classes
        backbone = resnet_fpn_backbone(
            backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d, trainable_layers=5
        )
        build: Any = _detection.MaskRCNN if self.has_masks else _detection.FasterRCNN
        longest = round(side * _LONGER_SIDE / SHORTER_SIDE)
        self.net: Any = build(backbone, classes + 1, min_size=side, max_size=longest, box_batch_size_per_image=boxes)
        if weights == "imagenet":
            self._fill()

    def _fill(self) -> None:
        """Take the weights of COCO, as far as they fit."""
        from torchvision.models import get_model_weights

        tensors = _weights.torchvision_tensors(get_model_weights(self.name)["DEFAULT"], self.name)
        own = self.net.state_dict()
        kept = {k: v for k, v in tensors.items() if not k.startswith(_LAST) or own[k].shape == v.shape}
        # torchvision itself gives the layers of its older files their new names.
        missing = [k for k in self.net.load_state_dict(kept, strict=False).missing_keys if not k.startswith(_LAST)]
        if missing:
            raise WeightsError(f"The weights of {self.name} lack {missing[0]}; update torchvision.")

    @property
    def transform(self) -> GeneralizedRCNNTransform:
        """What resizes and pads pictures."""
        return self.net.transform

    def body_modules(self) -> Iterator[nn.Module]:
        """The backbone with its pyramid."""
        yield self.net.backbone

    def losses(self, pictures: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """Of the anchors, and of the boxes that they became, in training mode as in evaluation mode.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            targets: The objects of each; a network that finds shapes needs their ``masks``.

        Returns:
            ``loss_objectness`` and ``loss_rpn_box_reg`` of the anchors, ``loss_classifier`` and ``loss_box_reg`` of the
            boxes, and ``loss_mask`` of shapes, each a scalar.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        detector.check_pictures(pictures, self.net.transform)
        training = self.net.training
        self.net.train()
        found = self.net(list(pictures), detector.targets_for(targets))
        self.net.train(training)
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
        net = self.net
        detector.check_pictures(pictures, net.transform)
        images, _ = net.transform(list(pictures))
        there = detector.resized(boxes, detector.sizes_of(pictures), images.image_sizes)
        return detector.class_scores(net.roi_heads, net.backbone(images.tensors), there, images.image_sizes)

    def detect(
        self, pictures: Sequence[Tensor], proposals: Sequence[Tensor] | None = None, limits: Limits | None = None
    ) -> list[Found]:
        """What is on some pictures; proposals are the network's own.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            proposals: Not looked at.
            limits: Which answers are given; None for the defaults.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        detector.check_pictures(pictures, self.net.transform)
        net, own = self.net, limits or Limits()
        heads = net.roi_heads
        heads.score_thresh, heads.nms_thresh, heads.detections_per_img = detector.within_heads(own)
        with torch.inference_mode():
            images, _ = net.transform(list(pictures))
            features = net.backbone(images.tensors)
            proposed, _ = net.rpn(images, features)
            rows, _ = heads(features, proposed, images.image_sizes)
            found = detector.found_of(rows, images.image_sizes, detector.sizes_of(pictures))
            return [detector.softened(own, each) for each in found]


class MaskPyramid(FasterPyramid):
    """Mask R-CNN (He et al. 2017) of torchvision: :class:`FasterPyramid` with shapes, and with the same arguments."""

    name = "maskrcnn_resnet50_fpn"
    has_masks = True
