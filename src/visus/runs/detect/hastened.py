"""A detector whose expensive parts are run by OpenVINO: its backbone, and what looks at each of its boxes."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from visus.nets.detection import Detector
from visus.nets.detection.body import Body
from visus.nets.detection.fast_rcnn import FastRCNN
from visus.nets.detection.faster_rcnn import FasterRCNN
from visus.runs.engine.compiled import compiled, compiled_layers

FEW = 20
"""Pictures up to which it does not pay to compile."""

AnyModule = TypeVar("AnyModule", bound=nn.Module)

_BOXES = 30  # of a group that one core looks at
_KEPT = 4  # stride
_EXAMPLE = 128  # side of a picture that the backbone is traced with


class _Run(nn.Module):
    """A function in the place of a module."""

    def __init__(self, answer: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(x)


def hastened(net: Detector) -> Detector:
    """The same detector, in evaluation mode, to answer many pictures on this CPU; the one that is given stays.

    Scores differ by at most 0.001 and corners by a tenth of a pixel, since sums are rounded in another order.

    Args:
        net: A detector.

    Returns:
        The detector itself where nothing of it can be compiled: on a GPU, without OpenVINO, or of another kind.
    """
    if not isinstance(net, FastRCNN | FasterRCNN) or next(net.parameters()).device.type != "cpu":
        return net
    size, quick = net.heads.box_roi_pool.size, _copied(net)
    whole = Body(*net.body)
    channels = _channels(whole)
    whole.kept = len(whole)
    whole.below = compiled(nn.Sequential(*net.body), torch.zeros(1, 3, _EXAMPLE, _EXAMPLE), free=(2, 3))
    head = compiled(net.heads.box_head, torch.zeros(1, channels, size, size), group=_BOXES)
    if whole.below is None or head is None:
        return net
    heads: Any = _copied(net.heads)
    quick.body, quick.heads, heads.box_head = whole, heads, _Run(head)
    if net.has_masks:
        side = heads.mask_roi_pool.size
        shapes = compiled(heads.mask_head, torch.zeros(1, channels, side, side), group=_BOXES)
        heads.mask_head = _Run(shapes) if shapes else heads.mask_head
    return quick


def keep_lower(net: FastRCNN | FasterRCNN, *, can_compile: bool) -> None:
    """Let the lowest layers of a backbone stay as they are in a training, and OpenVINO run them, where it can.

    They are those up to stride 4, as in Girshick 2015 (section 4.5): where maps are largest, steps are dearest.

    Args:
        net: In evaluation mode, on the CPU.
        can_compile: Whether it trains on the CPU, and normalizes there as it does in evaluation.
    """
    net.body.keep(_KEPT)
    if can_compile:
        net.body.below = compiled_layers(list(net.body)[: net.body.kept], _EXAMPLE)


def _copied(module: AnyModule) -> AnyModule:
    """A module that shares its parts with another, and whose parts can be exchanged."""
    own = copy.copy(module)
    own._modules = dict(module._modules)
    return own


@torch.inference_mode()
def _channels(body: nn.Module) -> int:
    return int(body(torch.zeros(1, 3, _EXAMPLE, _EXAMPLE)).shape[1])
