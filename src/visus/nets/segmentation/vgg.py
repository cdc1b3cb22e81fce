"""VGG16 as segmentation networks take it: thirteen convolutions in five groups, each followed by a pooling.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, column D.
"""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from visus._errors import InputError, WeightsError
from visus.nets import registry
from visus.ops import upsample

GROUPS: tuple[tuple[int, ...], ...] = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of the convolutions of each group."""

WIDTH = GROUPS[0][0]
"""Channels of the first group: a network of another width has all its channels in proportion."""

Weights = Literal["imagenet"] | str | None


def convolution(inputs: int, outputs: int, *, batch_norm: bool, dilation: int = 1) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, batch normalization if wanted, and its ReLU.

    Simonyan and Zisserman 2015; dilation: Chen et al. 2015.

    Args:
        inputs: Channels of what comes in.
        outputs: Channels of what goes out.
        batch_norm: Whether it is normalized.
        dilation: Distance between neighboring weights of the kernel.

    >>> [type(layer).__name__ for layer in convolution(3, 8, batch_norm=True)]
    ['Conv2d', 'BatchNorm2d', 'ReLU']
    """
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(outputs))
    return [*layers, nn.ReLU(True)]


def at_width(channels: int, width: int) -> int:
    """The channels of a layer where the first group has another width (Simonyan and Zisserman 2015, table 1).

    Args:
        channels: Of the layer in the paper's network, a multiple of 64.
        width: Channels of the first group.

    Raises:
        InputError: The width is less than 1.

    >>> at_width(512, 64), at_width(512, 8)
    (512, 64)
    """
    if width < 1:
        raise InputError(f"The width must be at least 1, not {width}.")
    return channels * width // WIDTH


def groups(channels: int, *, batch_norm: bool, width: int = WIDTH) -> list[nn.Sequential]:
    """The five groups, without the poolings (Simonyan and Zisserman 2015, table 1, column D).

    Args:
        channels: Channels of the picture.
        batch_norm: Whether each convolution is normalized.
        width: Channels of the first group.

    >>> with torch.device("meta"):
    ...     own = groups(3, batch_norm=False)
    >>> sum(p.numel() for group in own for p in group.parameters())
    14714688
    """
    built = []
    for widths in GROUPS:
        layers: list[nn.Module] = []
        for outputs in (at_width(own, width) for own in widths):
            layers += convolution(channels, outputs, batch_norm=batch_norm)
            channels = outputs
        built.append(nn.Sequential(*layers))
    return built


Remembered = list[tuple[Tensor, torch.Size]]
"""Where the maxima of each pooling were, and the size of the map that was pooled."""


def encode(own: Iterable[nn.Module], x: Tensor, *, round_up: bool = False) -> tuple[Tensor, Remembered]:
    """Go through groups, each followed by a 2x2 pooling whose positions are remembered.

    Badrinarayanan et al. 2017 (section 3) and Noh et al. 2015.

    Args:
        own: The groups.
        x: ``(N, C, H, W)`` float.
        round_up: Whether a map of odd size is pooled to the larger half.

    Returns:
        The last map, ``(N, C', h, w)`` float, and of each pooling the positions, int64, and the size of what it pooled.

    >>> x, remembered = encode([nn.Identity(), nn.Identity()], torch.arange(16.0).view(1, 1, 4, 4))
    >>> x.tolist(), [tuple(size) for _, size in remembered]
    ([[[[15.0]]]], [(4, 4), (2, 2)])
    """
    remembered: Remembered = []
    for group in own:
        x = group(x)
        size = x.shape[2:]
        x, positions = upsample.max_pool(x, 2, round_up=round_up)
        remembered.append((positions, size))
    return x, remembered


def decode(own: Iterable[nn.Module], x: Tensor, remembered: Remembered) -> Tensor:
    """Go through groups, each after the unpooling that mirrors a pooling, from the last one back.

    Badrinarayanan et al. 2017 (section 3) and Noh et al. 2015.

    Args:
        own: As many groups as were encoded.
        x: ``(N, C, h, w)`` float, of the size that :func:`encode` gave.
        remembered: What it remembered.

    Returns:
        ``(N, C', H, W)`` float, of the size that was encoded.

    >>> x, remembered = encode([nn.Identity()], torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]))
    >>> decode([nn.Identity()], x, remembered).tolist()
    [[[[0.0, 0.0], [4.0, 0.0]]]]
    """
    for group, (positions, size) in zip(own, reversed(remembered), strict=True):
        x = group(upsample.max_unpool(x, positions, size))
    return x


def fill_from_imagenet(own: list[nn.Sequential]) -> None:
    """Take the thirteen convolutions of torchvision's VGG16 (Simonyan and Zisserman 2015).

    Args:
        own: The five groups of :func:`groups`, for pictures of three channels; they are filled.

    Raises:
        WeightsError: Its weights are not at hand, or the groups have another width.
    """
    if (width := own[0][0].out_channels) != WIDTH:
        raise WeightsError(f"The weights of VGG16 are for a width of {WIDTH}, not {width}.")
    trained: Any = registry.create("vgg16", weights="imagenet").net
    theirs = [layer for layer in trained.features if isinstance(layer, nn.Conv2d)]
    mine = [layer for group in own for layer in group if isinstance(layer, nn.Conv2d)]
    for to, source in zip(mine, theirs, strict=True):
        to.load_state_dict(source.state_dict())


def initialize(net: nn.Module) -> None:
    """Random first weights for layers behind ReLUs (He et al. 2015), biases 0.

    >>> layer = nn.Conv2d(3, 8, 3)
    >>> initialize(layer)
    >>> layer.bias.tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Conv3d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Convolutional(nn.Module):
    """fc6 and fc7 as convolutions of 7x7 and 1x1, each with ReLU and dropout (Long et al. 2015, section 3.1).

    The weights of the linear layers are the same numbers, seen as kernels.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.fc6 = nn.Conv2d(512, 4096, 7, padding=3)
        self.fc7 = nn.Conv2d(4096, 4096, 1)
        self.dropout = nn.Dropout(0.5)
        initialize(self)
        if weights == "imagenet":
            trained: Any = registry.create("vgg16", weights="imagenet").net
            with torch.no_grad():
                for own, linear in ((self.fc6, trained.classifier[0]), (self.fc7, trained.classifier[3])):
                    own.weight.copy_(linear.weight.view_as(own.weight))
                    own.bias.copy_(linear.bias)  # pyright: ignore[reportOptionalMemberAccess]

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 512, h, w)`` float to ``(N, 4096, h, w)``."""
        x = self.dropout(self.fc6(x).relu())
        return self.dropout(self.fc7(x).relu())
