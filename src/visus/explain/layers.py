"""What a network's first filters look like, and what its layers make of a picture.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, figure 2 and 5: filters of the
first layer are pictures themselves; those of later layers show in the maps that they give.
"""

import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._errors import InputError
from visus.explain.ascent import output_of
from visus.explain.subject import Picture, Subject, asking
from visus.explain.subjects import Classifier, open_subject
from visus.images import draw

_TILE = 40  # pixels of a drawn filter
_GAP = 2
_MOST = 64  # maps on one sheet


def first_filters(source: str | os.PathLike[str] | Subject, *, tile: int = _TILE) -> NDArray[np.uint8]:
    """The filters of the first layer as a picture, each at its own contrast, gray for 0.

    Those of a perceptron are as large as its pictures: what a hidden unit looks for, or a class where there is none.

    Krizhevsky, Sutskever and Hinton 2012, figure 3, and Zeiler and Fergus 2014 show them so.

    Args:
        source: A run, a file of a trained network, the name of a network with ImageNet weights, or an open subject.
        tile: Side of each, in pixels.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        InputError: The network has neither a convolution of two axes nor a linear layer that sees the pixels.

    >>> from visus import explain, nets, ops
    >>> net, normalize = nets.create("cnn", classes=2, widths=[4, 4]), ops.Normalize.of_channels([0.5] * 3, [0.25] * 3)
    >>> subject = explain.Classifier("mine", net, normalize, ("cat", "dog"), size=8, resize_to=8)
    >>> first_filters(subject, tile=8).shape  # four filters in two rows, with gaps of 2 pixels
    (22, 22, 3)
    """
    subject = open_subject(source)
    first = next((module for module in subject.modules() if isinstance(module, nn.Conv2d | nn.Linear)), None)
    if isinstance(first, nn.Conv2d):
        weight = first.weight.detach().float()  # (filters, channels, h, w)
    elif isinstance(first, nn.Linear) and isinstance(subject, Classifier) and first.in_features == _values_of(subject):
        weight = _on_pixels(subject, first.weight.detach().float())  # (units, channels, size, size)
    else:
        raise InputError(f"{subject.name} has no first layer whose filters could be drawn.")
    return tiled([as_gray_zero(own) for own in weight.cpu().numpy()], tile)


def _values_of(subject: Classifier) -> int:
    """How many numbers an input has."""
    return subject.channels * subject.size**2


def _on_pixels(subject: Classifier, weight: Tensor) -> Tensor:
    """Rows of weights as pictures ``(rows, channels, size, size)``; where whitening lies before them, through it."""
    if subject.normalize.matrix is not None:
        weight = weight @ subject.normalize.matrix
    return weight.view(-1, subject.channels, subject.size, subject.size)


def maps(
    source: str | os.PathLike[str] | Subject, picture: Picture, layer: str, *, most: int = _MOST
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """What a layer makes of a picture: all its maps, and the strongest of them drawn (Zeiler and Fergus 2014).

    Args:
        source: See :func:`first_filters`.
        picture: A file, or ``(H, W, 3)`` uint8.
        layer: Its name in ``visus nets``.
        most: Maps on the sheet; those with the largest values.

    Returns:
        All maps ``(channels, h, w)`` float32, and the sheet ``(H, W, 3)`` uint8.

    Raises:
        InputError: There is no such layer, or it gives no maps.
    """
    subject = open_subject(source)
    module = subject.layer_named(layer)
    x = subject.input_of(picture).to(subject.device)
    with torch.inference_mode(), asking(subject):
        output: Any = output_of(subject, module, x)
    if output.ndim != 4:
        raise InputError(f"{layer} gives no maps (N, C, h, w) but {tuple(output.shape)}; choose another layer.")
    found = output[0].float().cpu().numpy()
    order = np.argsort(-found.max((1, 2)), kind="stable")[:most]
    captions = [f"{k}: {found[k].max():.2f}" for k in order]
    pictures = [draw.heat_colors(np.maximum(found[k], 0) / max(float(found[k].max()), 1e-12)) for k in order]
    return found, draw.contact_sheet(pictures, captions, columns=8, tile=96)


def tiled(pictures: list[NDArray[np.uint8]], tile: int) -> NDArray[np.uint8]:
    """Small pictures side by side on a white square, their pixels enlarged without smoothing.

    Args:
        pictures: Each ``(h, w, 3)`` uint8.
        tile: Side of each on the sheet, in pixels.

    Returns:
        ``(H, W, 3)`` uint8.

    >>> tiled([np.zeros((2, 2, 3), np.uint8)] * 3, tile=4).shape
    (14, 14, 3)
    """
    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (tile + _GAP) + _GAP, columns * (tile + _GAP) + _GAP, 3), 255, np.uint8)
    for k, own in enumerate(pictures):
        y, x = (_GAP + n * (tile + _GAP) for n in divmod(k, columns))
        place = np.arange(tile)
        sheet[y : y + tile, x : x + tile] = own[place[:, None] * own.shape[0] // tile, place * own.shape[1] // tile]
    return sheet


def as_gray_zero(weight: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Weights as a picture, gray for 0 (Krizhevsky et al. 2012, figure 3).

    Args:
        weight: ``(channels, h, w)`` float32; other than three channels are shown by their mean.

    Returns:
        ``(h, w, 3)`` uint8.

    >>> as_gray_zero(np.array([[[-1.0, 0.0, 1.0]]], np.float32))[0, :, 0].tolist()
    [0, 128, 255]
    """
    values = weight if len(weight) == 3 else np.repeat(weight.mean(0, keepdims=True), 3, axis=0)
    scale = max(float(np.abs(values).max()), 1e-12)
    return np.rint(127.5 + 127.5 * values / scale).astype(np.uint8).transpose(1, 2, 0)
