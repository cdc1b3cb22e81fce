"""Detection networks by name."""

from pathlib import Path
from typing import Any

from visus._errors import WeightsError
from visus.nets import building
from visus.nets.detection import torchvision
from visus.nets.detection.detector import Detector
from visus.nets.detection.fast_rcnn import FastRCNN
from visus.nets.detection.faster_rcnn import FasterRCNN
from visus.nets.detection.fpn import FasterRCNNPyramid, MaskRCNNPyramid
from visus.nets.detection.localizer import Localizer
from visus.nets.detection.mask_rcnn import MaskRCNN
from visus.nets.detection.rcnn import RCNN

NETS: dict[str, type[Detector]] = {
    "localizer": Localizer,
    "rcnn": RCNN,
    "fast_rcnn": FastRCNN,
    "faster_rcnn": FasterRCNN,
    "mask_rcnn": MaskRCNN,
    "faster_rcnn_fpn": FasterRCNNPyramid,
    "mask_rcnn_fpn": MaskRCNNPyramid,
    "fasterrcnn_resnet50_fpn": torchvision.FasterPyramid,
    "maskrcnn_resnet50_fpn": torchvision.MaskPyramid,
}
"""The class of each network."""


def names() -> list[str]:
    """The names of the detection networks, in alphabetical order.

    >>> "faster_rcnn" in names()
    True
    """
    return sorted(NETS)


def options_of(name: str) -> set[str]:
    """The options that a network takes beside classes and weights.

    Raises:
        InputError: The name is unknown.

    >>> sorted(options_of("mask_rcnn"))
    ['backbone', 'boxes', 'side', 'sizes', 'width']
    """
    return building.options_in(NETS, "detection", name)


def create(
    name: str,
    *,
    classes: int = 20,
    weights: Path | str | None = None,
    **options: Any,
) -> Detector:
    """Build a detection network, in evaluation mode.

    Args:
        name: A name of :func:`names`.
        classes: Number of classes, without the background.
        weights: ``"imagenet"`` for the backbone, of a network of torchvision all layers (COCO); or None.
        options: What the network takes, for example ``backbone`` or ``side``.

    Raises:
        InputError: The name is unknown, there is no class, or the network does not take an option.
        WeightsError: The weights are not at hand, or a file is named: a trained detector is read by
            :func:`visus.nets.trained.read`.

    >>> import torch
    >>> with torch.device("meta"):
    ...     net = create("faster_rcnn", classes=3)
    >>> net.classes, net.needs_proposals, net.training
    (3, False, False)
    """
    if weights not in ("imagenet", None):
        raise WeightsError(f"{name} begins with weights='imagenet' or None, not with {weights}.")
    imagenet = weights == "imagenet"
    return building.build_from(NETS, "detection", name, classes=classes, imagenet=imagenet, options=options)
