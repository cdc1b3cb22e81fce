"""A detector as one module from the pixels of a picture of any size to its objects, to be exported as a graph.

Faster R-CNN and Mask R-CNN (Ren et al. 2015; He et al. 2017), with and without a pyramid, and the localizer. R-CNN
and Fast R-CNN take their boxes from outside of the network, by selective search, and so are no such graph.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import box_convert

from visus._errors import RunError
from visus.graphs.boxes import Limits
from visus.nets.detection import detector
from visus.nets.detection.detector import Detector
from visus.nets.detection.faster_rcnn import Proposes
from visus.nets.detection.localizer import Localizer
from visus.nets.detection.torchvision import FasterPyramid
from visus.nets.onnx import to_onnx, to_onnx_traced

_EXAMPLE = (96, 128)  # height and width; the graph takes any


class PixelsToObjects(nn.Module):
    """Faster or Mask R-CNN, whose thresholds are part of it.

    Args:
        net: The network.
        limits: Which answers it gives.
    """

    def __init__(self, net: Proposes | FasterPyramid, limits: Limits) -> None:
        super().__init__()
        whole: Any = net
        if isinstance(net, FasterPyramid):
            whole = net.net
            self.features, self.heads = whole.backbone, whole.roi_heads
        else:
            self.features, self.heads = _Maps(net), whole.heads
        self.transform, self.rpn = whole.transform, whole.rpn
        self.heads.score_thresh, self.heads.nms_thresh, self.heads.detections_per_img = detector.within_heads(limits)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The objects of a picture.

        Args:
            pixels: ``(H, W, 3)`` uint8.

        Returns:
            Boxes ``(n, 4)`` float32 in pixels, scores ``(n,)`` float32, labels ``(n,)`` int64 from 0 on, and where the
            network finds shapes ``(n, m, m)`` float32.
        """
        images, _ = self.transform([pixels.permute(2, 0, 1).float() / 255])
        features = self.features(images.tensors)
        proposed, _ = self.rpn(images, features)
        [row], _ = self.heads(features, proposed, images.image_sizes)
        before: Any = (pixels.shape[0], pixels.shape[1])
        boxes = resize_boxes(row["boxes"], list(images.image_sizes[0]), list(before))
        masks = (row["masks"][:, 0],) if "masks" in row else ()
        return boxes, row["scores"], row["labels"] - 1, *masks


class _Maps(nn.Module):
    def __init__(self, net: Proposes) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.net.maps(x)


class PixelsToObject(nn.Module):
    """The localizer: the one object of a picture (Sermanet et al. 2014).

    Args:
        net: The network.
    """

    def __init__(self, net: Localizer) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``(H, W, 3)`` uint8 to its box ``(1, 4)`` float32 in pixels, the score ``(1,)``, and the label ``(1,)``."""
        net = self.net
        values = pixels.permute(2, 0, 1).float() / 255
        rows, height = shares(values[0, :, 0], net.side)
        columns, width = shares(values[0, 0], net.side)
        square = rows @ values @ columns.T  # (3, side, side)
        logits, boxes = net.answers((square[None] - net.mean) / net.deviation)
        score, label = logits.softmax(1).max(1)
        size = boxes[:, 2:].clamp(min=0)
        corners = box_convert(torch.cat([boxes[:, :2], size], 1), "cxcywh", "xyxy").clamp(0, 1)
        return corners * torch.stack([width, height, width, height]), score, label


def shares(line: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """How much of each of n pixels goes into each of so many, where a line is resized by antialiased straight lines.

    As a matrix, which a graph can make for any n; the same numbers as PyTorch's and Pillow's.

    Args:
        line: ``(n,)`` float; only its length counts.
        side: How many pixels there are to be.

    Returns:
        ``(side, n)`` float32, and n as a scalar float32.

    >>> shares(torch.zeros(2), 4)[0].tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    ones = torch.ones_like(line)
    count = ones.sum()
    places = ones.cumsum(0) - 0.5
    scale = count / side
    middles = (torch.arange(side, device=line.device) + 0.5) * scale
    weights = (1 - (places - middles[:, None]).abs() / scale.clamp(min=1)).relu()
    return weights / weights.sum(1, keepdim=True), count


def export(net: Detector, limits: Limits, metadata: dict[str, str]) -> bytes:
    """The content of an ONNX file (see :mod:`visus.graphs.boxes`).

    Args:
        net: The network, in evaluation mode, on the CPU.
        limits: Which answers the graph gives; of a localizer only the score counts, and every answer is given.
        metadata: What the file says of itself.

    Raises:
        RunError: The network's boxes come from outside of it.
    """
    random = torch.Generator().manual_seed(0)
    example = torch.randint(0, 256, (*_EXAMPLE, 3), dtype=torch.uint8, generator=random)
    sides = {0: "height", 1: "width"}
    names = ["boxes", "scores", "labels"]
    if isinstance(net, Localizer):
        return to_onnx(PixelsToObject(net), example, names, dynamic=sides, metadata=metadata)
    if not isinstance(net, Proposes | FasterPyramid):
        raise RunError(
            f"{net.name} gets its boxes from selective search, outside of the network, and cannot be exported; "
            "Faster R-CNN, Mask R-CNN and the localizer can."
        )
    names += ["masks"] if net.has_masks else []
    whole = PixelsToObjects(net, limits)
    return to_onnx_traced(whole, example, names, dynamic=sides, metadata=metadata, length="objects")
