"""SegNet: an encoder, and a decoder that remembers where the maxima were.

Badrinarayanan, Kendall and Cipolla, "SegNet: a deep convolutional encoder-decoder architecture for image segmentation",
PAMI 2017.

The thirteen convolutions of VGG16 go down; the same in reverse go up. Each pooling remembers where its maxima were,
and the unpooling that mirrors it puts the values back there (section 3, figure 3). Poolings of odd maps round up, as
in the authors' release: 360x480 becomes 12x15.

Deviations: the input is normalized channel by channel, where the paper has local contrast normalization; biases learn
at the rate of the weights, where the release has twice the rate. ``round_up=False`` leaves out the last row or column
of an odd map, which is then zero behind the unpooling: visus 0.1 trained so.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import Tensor, nn

from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.vgg import (
    GROUPS,
    WIDTH,
    Weights,
    at_width,
    convolution,
    decode,
    encode,
    fill_from_imagenet,
    groups,
    initialize,
)


class SegNet(Segmenter):
    """SegNet (Badrinarayanan et al. 2017): 29,455,125 parameters with 21 classes.

    Args:
        classes: Number of classes.
        channels: Channels of the input.
        batch_norm: Whether each convolution is normalized, as in the paper.
        width: Channels of the first group, 64 in the paper; those of the others in proportion.
        round_up: Whether a map of odd size is pooled to the larger half.
        weights: ``"imagenet"`` for the encoder, or None.

    Raises:
        InputError: The width is less than 1.
        WeightsError: The weights are not at hand, or are for another width.
    """

    multiple = 1
    least = 32
    dense = True
    unsaid: ClassVar[dict[str, Any]] = {"round_up": False}

    def __init__(
        self,
        *,
        classes: int,
        channels: int = 3,
        batch_norm: bool = True,
        width: int = WIDTH,
        round_up: bool = True,
        weights: Weights = None,
    ) -> None:
        super().__init__()
        self.name, self.classes, self.channels, self.round_up = "segnet", classes, channels, round_up
        encoder = groups(channels, batch_norm=batch_norm, width=width)
        decoder = [_mirror(level, batch_norm=batch_norm, width=width) for level in range(len(GROUPS))]
        self.encoder, self.decoder = nn.ModuleList(encoder), nn.ModuleList(decoder)
        self.score = nn.Conv2d(width, classes, 3, padding=1)
        initialize(self)
        if weights == "imagenet":
            fill_from_imagenet(encoder)

    def body(self) -> Iterator[nn.Module]:
        """The encoder, which may hold trained weights."""
        yield self.encoder

    def forward(self, x: Tensor) -> Tensor:
        """``(N, channels, H, W)`` float to logits ``(N, classes, H, W)``.

        Raises:
            InputError: A side is less than 32.
        """
        self.check(x.shape[2:])
        x, remembered = encode(self.encoder, x, round_up=self.round_up)  # (N, 512, H/32, W/32)
        return self.score(decode(reversed(self.decoder), x, remembered))


def _mirror(level: int, *, batch_norm: bool, width: int) -> nn.Sequential:
    """A group of the decoder: as many convolutions as the encoder's, the last to the channels of the group below.

    In the lowest group that last one is the layer of scores.
    """
    widths = GROUPS[level]
    outputs = [*widths[1:], GROUPS[level - 1][-1]] if level else list(widths[1:])
    layers: list[nn.Module] = []
    for own in outputs:
        layers += convolution(at_width(widths[0], width), at_width(own, width), batch_norm=batch_norm)
    return nn.Sequential(*layers)
