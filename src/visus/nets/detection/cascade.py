"""Heads in stages, each of which refines the boxes of the one before and is trained at a higher IoU threshold.

Cai and Vasconcelos, "Cascade R-CNN: delving into high quality object detection", CVPR 2018. The boxes of a stage are
the proposals of the next one, whose samples must overlap the true box by more (an IoU of 0.5, 0.6, 0.7; section 4.2)
and whose offsets, which are smaller, count for more. Class probabilities are the mean over all stages, each asked about
the last boxes (section 4.3).

Deviations: the loss of a stage counts half as much as that of the stage before, as in the authors' later work; there is
one mask branch, behind the last stage.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.roi_heads import fastrcnn_loss
from torchvision.ops import clip_boxes_to_image

from visus.nets.detection.fast_rcnn import FOREGROUND, Heads

MOST = 3
"""Stages of the paper."""

_TIGHTER = 0.1  # IoU, from one stage to the next
_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the offsets of the first stage
_LEAST = 1e-9


class Seeing(nn.Module):
    """What sees the boxes of each stage: in training that of the last one alone, otherwise all, side by side.

    Args:
        stages: From a small map of each box to features ``(boxes, dimension)``.
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> Tensor:
        """``(boxes, C, size, size)`` float32 to ``(boxes, dimension)``, or as many times that as there are stages."""
        return self.stages[-1](x) if self.training else torch.cat([stage(x) for stage in self.stages], 1)


class Saying(nn.Module):
    """The last layers of each stage: in training those of the last one alone, otherwise the mean of what all say.

    Args:
        stages: From features to logits and offsets.
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What :class:`Seeing` gives to logits ``(boxes, classes)`` and the last offsets, both float32."""
        if self.training:
            return self.stages[-1](x)
        said = [stage(own) for stage, own in zip(self.stages, x.chunk(len(self.stages), 1), strict=True)]
        scores = torch.stack([logits.softmax(1) for logits, _ in said]).mean(0)
        return scores.clamp(min=_LEAST).log(), said[-1][1]


class CascadeHeads(Heads):
    """Heads of several stages, whose ``box_head`` is a :class:`Seeing` and ``box_predictor`` a :class:`Saying`."""

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
            As torchvision's ``RoIHeads``: rows of each picture, and the losses by name.
        """
        seeing: Any = self.box_head
        last = len(seeing.stages) - 1
        losses: dict[str, Tensor] = {}
        for stage in range(last):
            proposals, own = self._refined(stage, features, proposals, image_shapes, targets)
            losses |= _of_stage(own, stage)
        self._turn(last)
        rows, own = super().forward(features, proposals, image_shapes, targets)
        return rows, losses | _of_stage(own, last)

    def _turn(self, stage: int) -> None:
        """Sample boxes as tight as a stage does, and move them by its offsets."""
        self.foreground = FOREGROUND + _TIGHTER * stage
        self.box_coder = _coder(stage)

    def _refined(
        self,
        stage: int,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        sizes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """The boxes of a stage, clipped to the pictures, and in training its losses."""
        labels, wanted = None, None
        if self.training:
            self._turn(stage)
            proposals, _, labels, wanted = self.select_training_samples(list(proposals), targets)
        seeing, saying = (part.stages[stage] for part in (self.box_head, self.box_predictor))
        logits, offsets = saying(seeing(self.box_roi_pool(features, proposals, sizes)))
        losses: dict[str, Tensor] = {}
        if labels is not None and wanted is not None:
            losses["loss_classifier"], losses["loss_box_reg"] = fastrcnn_loss(logits, offsets, labels, wanted)
        moved = _coder(stage).decode(offsets.detach(), proposals).reshape(-1, logits.shape[1], 4)[:, 0]
        parts = moved.split([own.shape[0] for own in proposals])  # no len: a graph is made of this
        return [clip_boxes_to_image(own, size) for own, size in zip(parts, sizes, strict=True)], losses


def _coder(stage: int) -> BoxCoder:
    """From offsets of a stage to boxes; made anew, since several threads may ask one detector."""
    return BoxCoder([weight * (stage + 1) for weight in _WEIGHTS])  # pyright: ignore[reportArgumentType]


def _of_stage(losses: dict[str, Tensor], stage: int) -> dict[str, Tensor]:
    """Losses with the number of their stage, each counting half as much as in the stage before; shapes as they are."""
    return {
        name if name == "loss_mask" else f"{name}_{stage + 1}": loss if name == "loss_mask" else loss / 2**stage
        for name, loss in losses.items()
    }
