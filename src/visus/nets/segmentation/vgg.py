"""VGG16 as segmentation networks take it: thirteen convolutions in five groups, each followed by a pooling.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, column D.
"""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from visus.nets import registry
from visus.ops import upsample

GROUPS: tuple[tuple[int, ...], ...] = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of the convolutions of each group."""

Weights = Literal["imagenet"] | str | None


def convolution(inputs: int, outputs: int, *, batch_norm: bool, dilation: int = 1) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, batch normalization if wanted, and its ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(outputs))
    return [*layers, nn.ReLU(True)]


def groups(channels: int, *, batch_norm: bool) -> list[nn.Sequential]:
    """The five groups, without the poolings."""
    built = []
    for widths in GROUPS:
        layers: list[nn.Module] = []
        for width in widths:
            layers += convolution(channels, width, batch_norm=batch_norm)
            channels = width
        built.append(nn.Sequential(*layers))
    return built


Remembered = list[tuple[Tensor, torch.Size]]
"""Where the maxima of each pooling were, and the size of the map that was pooled."""


def encode(own: Iterable[nn.Module], x: Tensor) -> tuple[Tensor, Remembered]:
    """Go through groups, each followed by a 2x2 pooling whose positions are remembered."""
    remembered: Remembered = []
    for group in own:
        x = group(x)
        size = x.shape[2:]
        x, positions = upsample.max_pool(x, 2)
        remembered.append((positions, size))
    return x, remembered


def decode(own: Iterable[nn.Module], x: Tensor, remembered: Remembered) -> Tensor:
    """Go through groups, each after the unpooling that mirrors a pooling, from the last one back."""
    for group, (positions, size) in zip(own, reversed(remembered), strict=True):
        x = group(upsample.max_unpool(x, positions, size))
    return x


def fill_from_imagenet(own: list[nn.Sequential]) -> None:
    """Take the thirteen convolutions of torchvision's VGG16.

    Raises:
        WeightsError: Its weights are not at hand.
    """
    trained: Any = registry.create("vgg16", weights="imagenet").net
    theirs = [layer for layer in trained.features if isinstance(layer, nn.Conv2d)]
    mine = [layer for group in own for layer in group if isinstance(layer, nn.Conv2d)]
    for to, source in zip(mine, theirs, strict=True):
        to.load_state_dict(source.state_dict())


def initialize(net: nn.Module) -> None:
    """Random first weights for layers behind ReLUs (He et al. 2015), biases 0."""
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
        """``(N, 512, h, w)`` to ``(N, 4096, h, w)``."""
        x = self.dropout(self.fc6(x).relu())
        return self.dropout(self.fc7(x).relu())
