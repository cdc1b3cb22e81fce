"""Which network suits pictures and machine, and how long it would train."""

import dataclasses
import math
from typing import Any

import torch

from visus.data import MaskSet
from visus.nets import segmentation, trained
from visus.nets.file import is_trained, open_saved
from visus.nets.layers import summary
from visus.nets.segmentation import Segmenter
from visus.runs.engine.device import multiply_adds_per_second
from visus.runs.engine.progress import duration
from visus.runs.segment.settings import AUTO, NO_WEIGHTS, SegmentSettings

MINUTES = 10
"""How long a training without further wishes may take."""
_WIDTHS = (64, 32, 16, 8)
_STEPS = 100  # in an epoch of windows that cover all pictures, at most
_BACKWARD = 3  # a step costs as much as so many answers
_LITE = "efficientnet_lite0"


def with_net(settings: SegmentSettings, dataset: MaskSet) -> SegmentSettings:
    """The settings with a network that suits the pictures, where none is named.

    An earlier run's network goes on; otherwise it is the first in the order of preference that takes all options that
    are given.
    """
    if settings.net != AUTO:
        return settings
    if settings.weights is not None and is_trained(settings.weights):
        return dataclasses.replace(settings, net=trained.read_about(open_saved(settings.weights), "segmenter").net)
    thin = dataset.gray or len(dataset.classes) == 2
    order = ["unet", "fcn8s", "deeplab"] if thin else ["fcn8s", "unet", "deeplab"]
    order = ["vnet"] if dataset.axes == 3 else order
    if settings.weights == "imagenet":
        order = [name for name in order if segmentation.registry.has_weights(name)] or order
    takes = segmentation.registry.options_of
    net = next((name for name in order if settings.options.keys() <= takes(name)), order[0])
    usual: dict[str, Any] = {"backbone": settings.backbone or _LITE} if "backbone" in takes(net) else {}
    if net == "unet" and settings.padded is None:
        usual["padded"] = True
    return dataclasses.replace(settings, net=net, **usual)


def channels_of(settings: SegmentSettings, dataset: MaskSet) -> dict[str, int]:
    """The option ``channels``, where the network has it: 1 for volumes and gray pictures."""
    if "channels" not in segmentation.registry.options_of(settings.net):
        return {}
    of_colors = settings.weights == "imagenet" or (
        settings.weights is None and segmentation.registry.has_weights(settings.net)
    )
    return {"channels": 1 if (dataset.axes == 3 or dataset.gray) and not of_colors else 3}


def blueprint(settings: SegmentSettings, dataset: MaskSet) -> Segmenter:
    """The network without numbers in its weights."""
    options = {**settings.options, **channels_of(settings, dataset)}
    with torch.device("meta"):
        return segmentation.create(settings.net, classes=len(dataset.classes), **options)


def sides_of(dataset: MaskSet) -> tuple[int, ...]:
    """The median of each side of some training pictures."""
    train = dataset.splits["train"]
    shapes = [train.read(place)[1].shape for place in range(0, len(train), max(1, len(train) // 10))]
    return tuple(sorted(shape[axis] for shape in shapes)[len(shapes) // 2] for axis in range(dataset.axes))


def covering(net: Segmenter, window: tuple[int, ...], sides: tuple[int, ...]) -> int:
    """How many windows cover a picture of some sides."""
    return math.prod(math.ceil(side / max(1, seen - 2 * net.margin)) for side, seen in zip(sides, window, strict=True))


def windows_of(cover: int, pictures: int, batch_size: int) -> int:
    """Windows of each picture in an epoch: as many as cover it, but not more than make a hundred steps.

    >>> windows_of(16, 17, 8), windows_of(4, 367, 8), windows_of(4, 5000, 8)
    (16, 3, 1)
    """
    return max(1, min(cover, math.ceil(_STEPS * batch_size / pictures)))


def seconds_of(settings: SegmentSettings, dataset: MaskSet, sides: tuple[int, ...], speed: float) -> float:
    """How long a training takes, by its multiply-adds and how many of them the machine does in a second.

    Args:
        settings: With the window known.
        dataset: What it learns from.
        sides: Of its pictures, as :func:`sides_of` tells them; they are read for that, so it is asked once.
        speed: Multiply-adds in a second.
    """
    net = blueprint(settings, dataset)
    assert settings.window is not None
    macs = summary(net, (net.channels, *settings.window)).macs
    train, val = (len(dataset.splits[split]) for split in ("train", "val"))
    cover = covering(net, settings.window, sides)
    windows = _BACKWARD * train * (settings.windows or 1) + val * cover
    return (settings.epochs or 1) * windows * macs / speed


def fitting_width(settings: SegmentSettings, dataset: MaskSet, sides: tuple[int, ...], speed: float) -> int:
    """The largest width with which a training takes :data:`MINUTES`, or the smallest; see :func:`seconds_of`."""
    for width in _WIDTHS:
        if seconds_of(dataclasses.replace(settings, width=width), dataset, sides, speed) <= 60 * MINUTES:
            return width
    return _WIDTHS[-1]


def narrower(settings: SegmentSettings, dataset: MaskSet) -> str:
    """Advice to take a narrower network, where one is trained as its paper has it and takes long; empty otherwise."""
    free = settings.width is None and settings.weights == NO_WEIGHTS  # weights are for one width
    if not free or "width" not in segmentation.registry.options_of(settings.net):
        return ""
    sides, speed = sides_of(dataset), multiply_adds_per_second(settings.device)
    seconds = seconds_of(settings, dataset, sides, speed)
    if seconds <= 60 * MINUTES:
        return ""
    width = fitting_width(settings, dataset, sides, speed)
    least = seconds_of(dataclasses.replace(settings, width=width), dataset, sides, speed)
    return (
        f"{settings.net} as wide as in its paper trains about {duration(seconds)} here; --width {width} takes about "
        f"{duration(least)}."
    )
