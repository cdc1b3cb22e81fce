"""Segmentation networks by name."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from visus._errors import WeightsError
from visus.nets import building
from visus.nets import weights as _weights
from visus.nets.segmentation import torchvision
from visus.nets.segmentation.deconvnet import DeconvNet
from visus.nets.segmentation.deeplab import DeepLab
from visus.nets.segmentation.fcn import fcn8s, fcn16s, fcn32s
from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.segnet import SegNet
from visus.nets.segmentation.unet import UNet
from visus.nets.segmentation.vnet import VNet

NETS: dict[str, Callable[..., Segmenter]] = {
    "fcn32s": fcn32s,
    "fcn16s": fcn16s,
    "fcn8s": fcn8s,
    "segnet": SegNet,
    "deconvnet": DeconvNet,
    "deeplab": DeepLab,
    "unet": UNet,
    "vnet": VNet,
    **{name: functools.partial(torchvision.TorchvisionSegmenter, name) for name in torchvision.NAMES},
}
"""What builds each network."""


def names() -> list[str]:
    """The names of the segmentation networks, in alphabetical order.

    >>> "unet" in names()
    True
    """
    return sorted(NETS)


def options_of(name: str) -> set[str]:
    """The options that a network takes beside classes and weights.

    Raises:
        InputError: The name is unknown.

    >>> sorted(options_of("unet"))
    ['batch_norm', 'channels', 'padded', 'release', 'width']
    """
    return building.options_in(NETS, "segmentation", name)


def as_trained(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a network was trained with, from what its file or its settings say.

    Args:
        name: Of the network.
        options: What they say; files that are older than an option do not have it.

    >>> as_trained("segnet", {"channels": 3})
    {'round_up': False, 'channels': 3}
    """
    return {**getattr(NETS.get(name), "unsaid", {}), **options}


def has_weights(name: str) -> bool:
    """Whether a network, or its backbone, can begin with weights that were trained on other pictures.

    >>> has_weights("unet"), has_weights("segnet")
    (False, True)
    """
    options_of(name)  # says that there is none
    return building.takes_weights(NETS[name])


def create(
    name: str,
    *,
    classes: int = 21,
    weights: Literal["imagenet"] | Path | str | None = None,
    **options: Any,
) -> Segmenter:
    """Build a segmentation network, in evaluation mode.

    Args:
        name: A name of :func:`names`.
        classes: Number of classes.
        weights: ``"imagenet"`` for what has such weights: the backbone, or for a network of torchvision all layers;
            a file of weights; or None.
        options: What the network takes, for example ``backbone`` of ``fcn8s``.

    Raises:
        InputError: The name is unknown, there is no class, or the network does not take an option.
        WeightsError: The network has no such weights, or they are not at hand or do not fit.

    >>> import torch
    >>> with torch.device("meta"):
    ...     net = create("fcn32s", classes=3)
    >>> net.classes, net.multiple, net.training
    (3, 32, False)
    """
    imagenet = weights == "imagenet"
    if imagenet and name in NETS and not has_weights(name):
        raise WeightsError(f"There are no weights for {name}; give weights=None or weights=FILE.")
    net = building.build_from(NETS, "segmentation", name, classes=classes, imagenet=imagenet, options=options)
    if weights is not None and not imagenet:
        _weights.fill_from_file(net, weights)
    return net
