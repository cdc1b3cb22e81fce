"""Networks of every task by name."""

from pathlib import Path
from typing import Any, Literal, overload

from visus.nets import detection, registry, segmentation
from visus.nets.backbones import Backbone

_Segmenters = Literal[
    "fcn32s",
    "fcn16s",
    "fcn8s",
    "segnet",
    "deconvnet",
    "deeplab",
    "unet",
    "vnet",
    "fcn_resnet50",
    "deeplabv3_resnet50",
    "deeplabv3_mobilenet_v3_large",
    "lraspp_mobilenet_v3_large",
]
_Detectors = Literal[
    "localizer",
    "rcnn",
    "fast_rcnn",
    "faster_rcnn",
    "mask_rcnn",
    "faster_rcnn_fpn",
    "mask_rcnn_fpn",
    "fasterrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
]


def names() -> list[str]:
    """The networks that visus knows by itself, of every task; any classification network of timm works too.

    >>> "resnet18" in names(), "unet" in names(), "faster_rcnn" in names()
    (True, True, True)
    """
    return sorted([*registry.names(), *segmentation.names(), *detection.names()])


@overload
def create(  # pyright: ignore[reportOverlappingOverload] - the names are apart from those of classifiers
    name: _Segmenters,
    *,
    classes: int = ...,
    weights: Path | str | None = ...,
    **options: Any,
) -> segmentation.Segmenter: ...


@overload
def create(  # pyright: ignore[reportOverlappingOverload] - the names are apart from those of classifiers
    name: _Detectors,
    *,
    classes: int = ...,
    weights: Path | str | None = ...,
    **options: Any,
) -> detection.Detector: ...


@overload
def create(
    name: str,
    *,
    classes: int = ...,
    weights: Path | str | None = ...,
    **options: Any,
) -> Backbone: ...


def create(
    name: str,
    *,
    classes: int | None = None,
    weights: Path | str | None = None,
    **options: Any,
) -> Backbone | segmentation.Segmenter | detection.Detector:
    """Build a network, in evaluation mode.

    Args:
        name: A name of :func:`names`, or that of a classification network of timm.
        classes: Number of classes; None for the 1000 of ImageNet (Russakovsky et al. 2015) of a classifier, and for
            those of Pascal VOC (Everingham et al. 2010) otherwise: 21 with the background of a segmenter, 20 of a
            detector.
        weights: ``"imagenet"`` (the best source at hand), a file (``.safetensors``, ``.pth``; not of a detector), or
            None for random weights.
        options: What the network takes, for example ``backbone`` of ``fcn8s``, ``channels`` of ``unet``.

    Raises:
        InputError: The name is unknown, there is no class, or the network does not take an option.
        WeightsError: The weights are not at hand or do not fit, or timm does not know the variant after the dot in the
            name.

    >>> import torch
    >>> with torch.device("meta"):
    ...     nets = [create(name, classes=2) for name in ("cnn", "unet")]
    >>> [type(net).__name__ for net in nets]
    ['StagedBackbone', 'UNet']
    """
    if name in segmentation.NETS:
        return segmentation.create(name, classes=21 if classes is None else classes, weights=weights, **options)
    if name in detection.NETS:
        return detection.create(name, classes=20 if classes is None else classes, weights=weights, **options)
    return registry.create(name, classes=1000 if classes is None else classes, weights=weights, **options)
