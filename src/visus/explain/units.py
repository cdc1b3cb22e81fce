"""The pictures that excite a unit most, each cut to what the unit sees.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.1: for each channel the
strongest activations over a set of pictures, with the patches of the pictures that cause them. What a unit sees is its
receptive field (:func:`visus.nets.summary`).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError
from visus.explain.ascent import output_of
from visus.explain.subject import Picture, Subject, as_picture, asking
from visus.explain.subjects import Classifier, open_classifier
from visus.images import draw
from visus.nets.layers import Layer, summary

MOST = 9
_AT_A_TIME = 16
_LEAST_FIELD = 8  # pixels of a patch, so that it can be seen

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Exciting:
    """The patches that excite a channel most, the strongest first (Zeiler and Fergus 2014, figure 2).

    Attributes:
        layer: Name of the layer.
        channel: Number of the channel.
        patches: Each ``(h, w, 3)`` uint8: what the unit saw, cut to the picture.
        places: Position of each picture in the list that was looked at.
        values: The activations.
        field: Receptive field of the layer, in pixels.
    """

    layer: str
    channel: int
    patches: list[NDArray[np.uint8]]
    places: list[int]
    values: list[float]
    field: tuple[int, ...]

    def sheet(self) -> NDArray[np.uint8]:
        """All patches with their activations, ``(H, W, 3)`` uint8."""
        captions = [f"{value:.2f}" for value in self.values]
        size = "x".join(map(str, dict.fromkeys(self.field)))
        title = f"{self.layer}, channel {self.channel}, field {size}"
        return draw.contact_sheet(self.patches, captions, columns=3, tile=140, title=title)


def exciting(
    source: str | os.PathLike[str] | Subject,
    pictures: Sequence[Picture],
    layer: str,
    channel: int,
    *,
    most: int = MOST,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Exciting:
    """Find the pictures that excite a channel of a layer most; of each picture its strongest unit counts.

    Zeiler and Fergus 2014, figure 2.

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open subject.
        pictures: Files, or arrays ``(H, W, 3)`` uint8.
        layer: Its name in ``visus nets``.
        channel: Its number.
        most: How many patches.
        device: Where it works.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: There are no pictures, no such layer or channel, its positions have no meaning, or no patch is
            asked for.
    """
    subject = open_classifier(source, device=device)
    if not len(pictures) or most < 1:
        raise InputError(f"It takes at least one picture and one patch, not {len(pictures)} and {most}.")
    module, about = subject.layer_named(layer), _about(subject, layer)
    best: list[tuple[float, int, int, int]] = []  # activation, picture, row, column
    for start in range(0, len(pictures), _AT_A_TIME):
        part = pictures[start : start + _AT_A_TIME]
        x = torch.cat([subject.input_of(own) for own in part]).to(subject.device)
        with torch.inference_mode(), asking(subject):
            output = output_of(subject, module, x)
        if output.ndim == 2:
            output = output[:, :, None, None]  # a unit that sees the whole picture
        if output.ndim != 4:
            raise InputError(f"{layer} gives no maps (N, C, h, w) but {tuple(output.shape)}; choose another layer.")
        if not 0 <= channel < output.shape[1]:
            raise InputError(f"{layer} has channels 0 to {output.shape[1] - 1}, not {channel}.")
        values, places = output[:, channel].flatten(1).max(1)
        for k, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
            row, column = divmod(place, output.shape[3])
            best.append((value, start + k, row, column))
        best = sorted(best, key=lambda own: -own[0])[:most]
        if progress:
            progress(start + len(part), len(pictures))
    patches = [
        seen_by(as_picture(subject.input_of(pictures[place])), about, row, column) for _, place, row, column in best
    ]
    fields = about.receptive_field or ()
    return Exciting(layer, channel, patches, [own[1] for own in best], [own[0] for own in best], fields)


def seen_by(picture: NDArray[np.uint8], layer: Layer, row: int, column: int) -> NDArray[np.uint8]:
    """The part of the input that a unit of a layer sees: its receptive field, cut to the picture.

    The patches beside the maps in figure 2 of Zeiler and Fergus 2014.

    Args:
        picture: ``(H, W, 3)`` uint8, the input.
        layer: The layer, whose receptive field is known.
        row: Of the unit, in the map.
        column: The same.

    Returns:
        ``(h, w, 3)`` uint8; a field below 8 pixels is widened to 8, so that it can be seen.

    >>> layer = Layer("conv1", "Conv2d", (96, 55, 55), 0, 0, (11, 11), (4.0, 4.0), (-2.0, -2.0))
    >>> seen_by(np.zeros((224, 224, 3), np.uint8), layer, row=2, column=0).shape
    (11, 9, 3)
    """
    spans = []
    fields, strides, offsets = layer.receptive_field or (), layer.stride or (), layer.offset or ()
    for k, (place, length) in enumerate(zip((row, column), picture.shape[:2], strict=True)):
        first = offsets[k] + place * strides[k]
        last = first + fields[k]
        short = max(0.0, (_LEAST_FIELD - (last - first)) / 2)
        low = int(np.clip(round(first - short), 0, length - 1))
        spans.append(slice(low, int(np.clip(round(last + short), low + 1, length))))
    return np.ascontiguousarray(picture[spans[0], spans[1]])


def _about(subject: Classifier, layer: str) -> Layer:
    """The row of a layer in the table of its network; of a part with layers of its own that of the last one."""
    table = summary(subject.backbone, (subject.channels, subject.size, subject.size))
    own = f"net.{layer.removeprefix('net.')}"  # the network of its library lies in the backbone
    rows = [row for row in table.layers if row.name == own or row.name.startswith(f"{own}.")]
    if not rows or rows[-1].receptive_field is None or len(rows[-1].receptive_field) != 2:
        raise InputError(f"The units of {layer} have no place on the picture; choose a layer that gives maps.")
    return rows[-1]
