"""From a box on a picture to a small map of fixed size: RoI pooling and RoIAlign."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
import torchvision.ops
from torch import Tensor

from visus._errors import InputError

Boxes = Sequence[Tensor]
"""For each picture of the batch its boxes, ``(n, 4)`` in pixels."""

SAMPLES = 2
"""Along each side of a bin: four samples in all (He et al. 2017, section 3)."""


def pool(x: Tensor, boxes: Boxes, size: int | Sequence[int], *, scale: float = 1.0) -> Tensor:
    """RoI max pooling: edges are rounded to the cells of the map, and each bin gives its maximum.

    Girshick, "Fast R-CNN", ICCV 2015, section 2.1.

    Args:
        x: Maps ``(N, C, H, W)`` float.
        boxes: For each picture ``(n, 4)`` in pixels.
        size: Height and width of the result, or one number for both.
        scale: Cells of the map for one pixel: 1/16 where the stride is 16.

    Returns:
        ``(boxes, C, *size)`` of the dtype of the maps, those of the first picture first.

    Raises:
        InputError: There are not as many lists of boxes ``(n, 4)`` as maps ``(C, H, W)``, or a size is below 1.

    >>> x = torch.arange(16.0).view(1, 1, 4, 4)
    >>> pool(x, [torch.tensor([[0.0, 0.0, 3.0, 3.0]])], 2).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    return torchvision.ops.roi_pool(x, _checked(x, boxes), _pair(size), scale)


def align(
    x: Tensor,
    boxes: Boxes,
    size: int | Sequence[int],
    *,
    scale: float = 1.0,
    reduce: Literal["average", "maximum"] = "average",
    aligned: bool = True,
) -> Tensor:
    """RoIAlign: nothing is rounded; four bilinear samples in each bin.

    He, Gkioxari, Dollar and Girshick, "Mask R-CNN", ICCV 2017, section 3, which finds that average and maximum of the
    samples do equally well.

    Args:
        x: Maps ``(N, C, H, W)`` float.
        boxes: For each picture ``(n, 4)`` in pixels.
        size: Height and width of the result, or one number for both.
        scale: Cells of the map for one pixel.
        reduce: What a bin gives of its samples.
        aligned: Whether the middle of the first cell lies at half a cell, as pixels do; otherwise it lies at 0.

    Returns:
        ``(boxes, C, *size)`` of the dtype of the maps, those of the first picture first.

    Raises:
        InputError: There are not as many lists of boxes ``(n, 4)`` as maps ``(C, H, W)``, a size is below 1, or the
            reduction is unknown.

    >>> x = torch.arange(25.0).view(1, 1, 5, 5)
    >>> align(x, [torch.tensor([[1.0, 1.0, 3.0, 3.0]])], 4)[0, 0, 0].tolist()
    [4.5, 5.0, 5.5, 6.0]
    """
    height, width = _pair(size)
    places = _checked(x, boxes)
    if reduce == "average":
        return torchvision.ops.roi_align(x, places, (height, width), scale, SAMPLES, aligned)
    if reduce != "maximum":
        raise InputError(f"RoIAlign reduces by average or maximum, not by {reduce!r}.")
    # A bin for each sample, which lies in its middle.
    samples = torchvision.ops.roi_align(x, places, (SAMPLES * height, SAMPLES * width), scale, 1, aligned)
    return F.max_pool2d(samples, SAMPLES)


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if min(height, width) < 1:
        raise InputError(f"The size of a pooled box must be at least 1, not {size}.")
    return height, width


def _checked(x: Tensor, boxes: Boxes) -> list[Tensor]:
    if x.ndim != 4 or len(boxes) != len(x) or any(b.ndim != 2 or b.shape[1] != 4 for b in boxes):
        shapes = [tuple(b.shape) for b in boxes]
        raise InputError(f"Maps {tuple(x.shape)} need boxes (n, 4) for each picture, not {shapes}.")
    return [b.to(x) if len(b) else torch.zeros(0, 4, dtype=x.dtype, device=x.device) for b in boxes]
