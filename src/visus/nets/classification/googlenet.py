"""GoogLeNet as its paper lays it out: Szegedy et al., "Going deeper with convolutions", CVPR 2015, table 1.

torchvision's ``googlenet`` has batch normalization and, by an old slip of TensorFlow's, 3x3 in place of the 5x5
branches.

Deviations: the auxiliary classifiers pool to 4x4 whatever the size of the map (at 224x224 the paper's 5x5 pool with
stride 3 gives 4x4 too); "sufficiently random" initial weights are those of He et al. 2015.
"""

import torch
from torch import Tensor, nn

from visus.nets.backbones import StagedBackbone

# Table 1: channels of 1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5; pool projection.
_3A, _3B = (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)
_4A, _4B, _4C = (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64)
_4D, _4E = (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)
_5A, _5B = (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)


def convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, and its ReLU (Szegedy et al. 2015, section 5).

    Args:
        inputs: Channels of what comes in.
        outputs: Channels of what goes out.
        kernel: Side of the kernel in pixels, odd.
        stride: Pixels from one output to the next.

    >>> tuple(convolution(3, 8, 7, stride=2)(torch.zeros(1, 3, 16, 16)).shape)
    (1, 8, 8, 8)
    """
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ReLU(True))


class Inception(nn.Module):
    """Figure 2b: four branches side by side, with 1x1 convolutions that reduce the channels first.

    Args:
        inputs: Channels of the input.
        widths: Channels as in a row of table 1.
    """

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, projection = widths
        self.one = convolution(inputs, one, 1)
        self.three = nn.Sequential(convolution(inputs, reduce3, 1), convolution(reduce3, three, 3))
        self.five = nn.Sequential(convolution(inputs, reduce5, 1), convolution(reduce5, five, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), convolution(inputs, projection, 1))
        self.channels = one + three + five + projection

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, H, W)`` float to ``(N, channels, H, W)``."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def auxiliary(inputs: int, classes: int) -> nn.Sequential:
    """A classifier on a middle layer, which only training sees (Szegedy et al. 2015, section 5).

    Args:
        inputs: Channels of the map that it looks at.
        classes: Number of classes.

    Returns:
        From ``(N, inputs, h, w)`` to ``(N, classes)``, both float.

    >>> tuple(auxiliary(8, 3)(torch.zeros(2, 8, 14, 14)).shape)
    (2, 3)
    """
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(4),  # (N, inputs, 4, 4)
        convolution(inputs, 128, 1),
        nn.Flatten(),
        nn.Linear(128 * 4 * 4, 1024),
        nn.ReLU(True),
        nn.Dropout(0.7),
        nn.Linear(1024, classes),
    )


class GoogLeNet(StagedBackbone):
    """The 22 layers of table 1, with both auxiliary classifiers: 13,378,280 parameters at 1000 classes.

    Without the auxiliary classifiers, which prediction does not use, it has 6,998,552.

    Args:
        classes: Number of classes.
        channels: Channels of the input.
    """

    def __init__(self, *, classes: int, channels: int = 3) -> None:
        norm = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
        # (N, 3, 224, 224) -> (N, 64, 112, 112)
        first = nn.Sequential(convolution(channels, 64, 7, stride=2))
        # -> (N, 192, 56, 56)
        second = nn.Sequential(
            nn.MaxPool2d(3, 2, ceil_mode=True), norm, convolution(64, 64, 1), convolution(64, 192, 3), norm
        )
        # -> (N, 480, 28, 28)
        third = nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), Inception(192, _3A), Inception(256, _3B))
        # -> (N, 512, 14, 14), where the first auxiliary classifier looks
        fourth_a = nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), Inception(480, _4A))
        # -> (N, 528, 14, 14), where the second one looks
        fourth_d = nn.Sequential(Inception(512, _4B), Inception(512, _4C), Inception(512, _4D))
        fourth_e = Inception(528, _4E)  # -> (N, 832, 14, 14)
        # -> (N, 1024, 7, 7)
        fifth = nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), Inception(832, _5A), Inception(832, _5B))
        hidden = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4))  # (N, 1024)
        head = nn.Linear(1024, classes)
        parts = {
            "first": first, "second": second, "third": third, "fourth_a": fourth_a, "fourth_d": fourth_d,
            "fourth_e": fourth_e, "fifth": fifth, "hidden": hidden, "head": head,
            "auxiliary1": auxiliary(512, classes), "auxiliary2": auxiliary(528, classes),
        }  # fmt: skip
        net = nn.ModuleDict(parts)
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        fourth = nn.Sequential(fourth_a, fourth_d, fourth_e)
        super().__init__("googlenet_paper", net, [first, second, third, fourth, fifth], hidden, head)

    def row(self) -> list[nn.Module]:
        """None: the auxiliary classifiers look at maps in between."""
        return []

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits of the network and of both auxiliary classifiers.

        Args:
            x: ``(N, channels, H, W)`` float.

        Returns:
            Three times ``(N, classes)`` float.
        """
        (first, second, third, fourth, fifth), hidden, head = self._parts
        fourth_a, fourth_d, fourth_e = fourth.children()
        after_a = fourth_a(third(second(first(x))))  # (N, 512, H/16, W/16)
        after_d = fourth_d(after_a)  # (N, 528, H/16, W/16)
        last = fifth(fourth_e(after_d))
        net: nn.ModuleDict = self.net  # pyright: ignore[reportAssignmentType]
        return [head(hidden(last)), net["auxiliary1"](after_a), net["auxiliary2"](after_d)]
