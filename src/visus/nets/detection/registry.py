"""Detection networks by name."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visus._errors import InputError, WeightsError
from visus.nets.detection import torchvision
from visus.nets.detection.detector import Detector
from visus.nets.detection.fast_rcnn import FastRCNN
from visus.nets.detection.faster_rcnn import FasterRCNN
from visus.nets.detection.localizer import Localizer
from visus.nets.detection.mask_rcnn import MaskRCNN
from visus.nets.detection.rcnn import RCNN

NETS: dict[str, Callable[..., Detector]] = {
    "localizer": Localizer,
    "rcnn": RCNN,
    "fast_rcnn": FastRCNN,
    "faster_rcnn": FasterRCNN,
    "mask_rcnn": MaskRCNN,
    **{name: functools.partial(torchvision.Pyramid, name) for name in torchvision.NAMES},
}
"""What builds each network."""


def names() -> list[str]:
    """The detection networks.

    >>> "faster_rcnn" in names()
    True
    """
    return sorted(NETS)


def options_of(name: str) -> set[str]:
    """The options that a network takes beside classes and weights.

    Raises:
        InputError: The name is unknown.
    """
    if name not in NETS:
        raise InputError(f"There is no detection network {name!r}; there are {', '.join(names())}.")
    return set(inspect.signature(NETS[name]).parameters) - {"classes", "weights", "name"}


def create(
    name: str,
    *,
    classes: int = 20,
    weights: Path | str | None = None,
    **options: Any,  # noqa: ANN401 - what the network's own function takes
) -> Detector:
    """Build a detection network, in evaluation mode.

    Args:
        name: A name of :func:`names`.
        classes: Number of classes, without the background.
        weights: ``"imagenet"`` for the backbone, of a network of torchvision all layers (COCO); or None.
        options: What the network takes, for example ``backbone`` or ``side``.

    Raises:
        InputError: The name is unknown, or the network does not take an option.
        WeightsError: The weights are not at hand, or a file is named: a trained detector is read by
            :func:`visus.nets.detection.trained.read`.
    """
    if weights not in ("imagenet", None):
        raise WeightsError(f"{name} begins with weights='imagenet' or None, not with {weights}.")
    if classes < 1:
        raise InputError(f"classes must be at least 1, not {classes}.")
    known = options_of(name)
    strange = sorted(options.keys() - known)
    if strange:
        raise InputError(f"{name} takes no {strange[0]}; it takes {', '.join(sorted(known))}.")
    return NETS[name](classes=classes, weights=weights, **options).eval()
