"""Localizer: one backbone, two heads: what the one object of a picture is, and where.

Classification with localization, as in Sermanet et al., "OverFeat", ICLR 2014 (section 4), and Simonyan and Zisserman,
"Very deep convolutional networks", ICLR 2015 (appendix A). The whole picture is brought to a square. The class comes
from the backbone's own last layers; the box from fully connected layers on its map of stride 16, which still knows
where things are. The loss is the sum of the cross-entropy and of the smooth L1 of the box, which is weighed.

It is trained in three stages: the classes, with the backbone; then the box alone, the backbone held; then both.

Deviations: one box for all classes, as VGG's "single-class regression", behind a small head of its own; it is given by
its middle and its size, in shares of the picture.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_convert

from visus._errors import InputError
from visus.nets.detection import detector
from visus.nets.detection.body import cut, preprocessing
from visus.nets.detection.detector import Detector, Found, Limits, Target
from visus.nets.segmentation.vgg import Weights

Stage = Literal["class", "box", "both"]
_CHANNELS, _POOLED, _HIDDEN = 64, 7, 256
_BEND = 1 / 9  # where smooth L1 turns from a square into a line


class BoxHead(nn.Sequential):
    """A convolution, and two fully connected layers on its 7x7 positions; they begin with a box in the middle.

    Much smaller than the regression networks of Sermanet et al. 2014 (section 4) and Simonyan and Zisserman 2015
    (appendix A).

    Args:
        channels: Of the map.
    """

    def __init__(self, channels: int) -> None:
        last = nn.Linear(_HIDDEN, 4)
        super().__init__(
            nn.Conv2d(channels, _CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(_POOLED),
            nn.Flatten(),
            nn.Linear(_CHANNELS * _POOLED**2, _HIDDEN),
            nn.ReLU(),
            last,
        )
        nn.init.normal_(last.weight, std=0.001)
        nn.init.constant_(last.bias, 0.5)


class Localizer(Detector):
    """A class and a box for a picture with one object (Sermanet et al. 2014; Simonyan and Zisserman 2015, appendix A).

    Args:
        classes: Number of classes.
        backbone: See :func:`visus.nets.detection.body.cut`.
        weights: ``"imagenet"`` or None.
        side: Of the square that pictures are brought to, in pixels.
        box_weight: Of the box in the loss.

    Attributes:
        stage: What is learned: ``"class"``, ``"box"`` or ``"both"``.

    Raises:
        InputError: The side is less than 32 or the weight of the box not above 0, or the backbone cannot be cut.
        WeightsError: The weights are not at hand.
    """

    designed_for = (224, 224)
    least = 32
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        *,
        classes: int,
        backbone: str = "vgg16",
        weights: Weights = None,
        side: int = 224,
        box_weight: float = 5.0,
    ) -> None:
        super().__init__()
        if side < 32 or box_weight <= 0:
            raise InputError(f"The side must be at least 32 and the weight above 0, not {side} and {box_weight}.")
        self.name, self.classes, self.side, self.box_weight = "localizer", classes, side, box_weight
        self.stage: Stage = "both"
        halves = cut(backbone, weights)
        known = preprocessing(backbone)
        self.register_buffer("mean", torch.tensor(known.mean).view(-1, 1, 1))
        self.register_buffer("deviation", torch.tensor(known.deviation).view(-1, 1, 1))
        self.body = halves.body
        self.last = nn.Sequential(nn.AdaptiveMaxPool2d(halves.size), halves.head) if halves.fixed else halves.head
        self.class_head = nn.Linear(halves.dimension, classes)
        self.box_head = BoxHead(halves.channels)

    def body_modules(self) -> Iterator[nn.Module]:
        """The backbone with its last layers."""
        yield self.body
        yield self.last

    def learn(self, stage: Stage) -> None:
        """Let the parts of a stage learn, and hold the others."""
        self.stage = stage
        for part in (self.body, self.last, self.class_head):
            part.requires_grad_(stage != "box")
        self.box_head.requires_grad_(stage != "class")

    def forward(self, pictures: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits ``(N, classes)``, and boxes ``(N, 4)``: x and y of the middle, width, height in shares of the picture.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].

        Returns:
            Both float32; the boxes are not cut to the picture.
        """
        size = (self.side, self.side)
        square = [F.interpolate(p[None], size, mode="bilinear", antialias=True, align_corners=False) for p in pictures]
        x = ((torch.cat(square) - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)
        return self.answers(x)

    def answers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and boxes of prepared squares ``(N, 3, side, side)`` float; see :meth:`forward`."""
        found = self.body(x)
        return self.class_head(self.last(found)).float(), self.box_head(found).float()

    def losses(self, pictures: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """Of the class and of the box, as far as the stage learns them.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            targets: The one object of each: ``boxes`` ``(1, 4)`` float32 in pixels, ``labels`` ``(1,)`` int64.

        Returns:
            ``loss_class``, the cross-entropy, and ``loss_box``, the weighed smooth L1 in shares of the picture: means
            over the pictures, each a scalar.

        Raises:
            InputError: A picture has not exactly one object, or is none that a detector takes.
        """
        detector.check_pictures(pictures)
        if any(len(target["boxes"]) != 1 for target in targets):
            raise InputError("The localizer learns from pictures with one object each; take faster_rcnn_fpn for more.")
        logits, found = self(pictures)
        labels = torch.cat([target["labels"] for target in targets])
        truth = torch.cat([
            box_convert(target["boxes"], "xyxy", "cxcywh") / _scale(picture)
            for picture, target in zip(pictures, targets, strict=True)
        ])  # fmt: skip
        losses = {
            "loss_class": F.cross_entropy(logits, labels),
            "loss_box": self.box_weight * F.smooth_l1_loss(found, truth, beta=_BEND, reduction="none").sum(1).mean(),
        }
        skipped = {"class": "loss_box", "box": "loss_class", "both": ""}[self.stage]
        return {name: loss for name, loss in losses.items() if name != skipped}

    def detect(
        self, pictures: Sequence[Tensor], proposals: Sequence[Tensor] | None = None, limits: Limits | None = None
    ) -> list[Found]:
        """The likeliest class of each picture, its probability, and the box.

        Args:
            pictures: Each ``(3, H, W)`` float in [0, 1].
            proposals: Not looked at.
            limits: Only the least score counts; without limits it is 0.

        Returns:
            For each picture one box, cut to the picture, or none if its score is too low.

        Raises:
            InputError: A picture is none that a detector takes.
        """
        detector.check_pictures(pictures)
        least = (limits or Limits(score=0.0)).score
        with torch.inference_mode():
            logits, boxes = self(pictures)
            scores, labels = logits.softmax(1).max(1, keepdim=True)
        found = []
        for picture, box, score, label in zip(pictures, boxes, scores, labels, strict=True):
            scale = _scale(picture)
            size = box[None, 2:].clamp(min=0)
            corners = box_convert(torch.cat([box[None, :2], size], 1), "cxcywh", "xyxy").clamp(0, 1) * scale
            sure = score >= least
            found.append(Found(corners[sure], score[sure], label[sure]))
        return found


def _scale(picture: Tensor) -> Tensor:
    """Width and height, twice."""
    height, width = picture.shape[1:]
    return torch.tensor([width, height, width, height], dtype=torch.float32, device=picture.device)
