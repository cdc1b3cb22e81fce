"""A detector whose expensive parts are run by OpenVINO: its backbone, and what looks at each of its boxes."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from visus.nets.detection import Detector
from visus.nets.detection.body import as_features
from visus.nets.detection.cascade import Seeing
from visus.nets.detection.fast_rcnn import FastRCNN
from visus.nets.detection.faster_rcnn import Proposes
from visus.nets.detection.fpn import LEVELS, FasterRCNNPyramid
from visus.nets.segmentation.pyramid import STRIDES
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
    if not isinstance(net, FastRCNN | Proposes) or next(net.parameters()).device.type != "cpu":
        return net
    quick: Any = _copied(net)
    heads: Any = _copied(net.heads)
    maps = _compiled_maps(net)
    head = _compiled_head(net.heads.box_head, _example(net, net.heads.box_roi_pool))
    if maps is None or head is None:
        return net
    quick.maps, quick.heads, heads.box_head = maps, heads, head
    if net.has_masks:
        shapes = _compiled_head(heads.mask_head, _example(net, heads.mask_roi_pool))
        heads.mask_head = shapes or heads.mask_head
    return quick


def _compiled_head(head: nn.Module, example: Tensor) -> nn.Module | None:
    """What looks at boxes, on all cores, of a cascade each stage by itself; None where it cannot be compiled."""
    if isinstance(head, Seeing):
        stages = [_compiled_head(stage, example) for stage in head.stages]
        return None if None in stages else Seeing([stage for stage in stages if stage]).eval()
    run = compiled(head, example, group=_BOXES)
    return None if run is None else _Run(run)


def _compiled_maps(net: FastRCNN | Proposes) -> Callable[[Tensor], dict[str, Tensor]] | None:
    """The maps of a detector, on all cores; None where they cannot be compiled."""
    plain: Any = _copied(net)
    plain.body = _copied(net.body)
    plain.body.below = None
    run = compiled(_Maps(plain), torch.zeros(1, 3, _EXAMPLE, _EXAMPLE), free=(2, 3))
    if run is None:
        return None
    if not isinstance(net, FasterRCNNPyramid):
        return lambda x: as_features(run(x))

    def maps(x: Tensor) -> dict[str, Tensor]:
        sides = [(x.shape[2] // stride, x.shape[3] // stride) for stride in STRIDES]
        parts = run(x).split([height * width for height, width in sides], 2)
        return {name: part.unflatten(2, size) for name, part, size in zip(LEVELS, parts, sides, strict=True)}

    return maps


class _Maps(nn.Module):
    """The map of a detector, or all those of a pyramid in one tensor: ``(N, 3, H, W)`` to ``(N, C, positions)``."""

    def __init__(self, net: FastRCNN | Proposes) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.net.maps(x).values()
        return torch.cat([own.flatten(2) for own in (first, *others)], 2) if others else first


@torch.inference_mode()
def _example(net: FastRCNN | Proposes, pool: nn.Module) -> Tensor:
    """What a head is given of one box."""
    maps = net.maps(torch.zeros(1, 3, _EXAMPLE, _EXAMPLE))
    box = torch.tensor([[0.0, 0, _EXAMPLE, _EXAMPLE]])
    return pool(maps, [box], [(_EXAMPLE, _EXAMPLE)]).clone()


def keep_lower(net: FastRCNN | Proposes, *, can_compile: bool) -> None:
    """Let the lowest layers of a backbone stay as they are in a training, and OpenVINO run them, where it can.

    They are those up to stride 4, as in Girshick 2015 (section 4.5): where maps are largest, steps are dearest.

    Args:
        net: In evaluation mode, on the CPU.
        can_compile: Whether it trains on the CPU, and normalizes there as it does in evaluation.
    """
    layers = net.body.keep(_KEPT)
    if can_compile:
        net.body.below = compiled_layers(layers, _EXAMPLE)


def _copied(module: AnyModule) -> AnyModule:
    """A module that shares its parts with another, and whose parts can be exchanged."""
    own = copy.copy(module)
    own._modules = dict(module._modules)
    return own
