"""DeepLab: convolutions with holes, and a wide look around.

Chen et al., "Semantic image segmentation with deep convolutional nets and fully connected CRFs", ICLR 2015 (v1), and
"DeepLab: semantic image segmentation with deep convolutional nets, atrous convolution, and fully connected CRFs", PAMI
2018 (v2).

The last two poolings of the backbone keep their size, and the convolutions behind them are dilated instead, so that
maps have stride 8 and their receptive field stays (v1 section 3.1). The head looks far: one 3x3 convolution with
dilation 12 ("large field of view", DeepLab-LargeFOV of v1), or four of them side by side with dilations 6,
12, 18 and 24 whose scores are summed (atrous spatial pyramid pooling, v2 section 3.2, ASPP-L). The dense CRF that
follows both is :mod:`visus.ops.crf`.

On VGG16 a branch is fc6 of 1024 channels, fc7 and the scores; on other backbones a branch is the scores alone, as v2
does it on ResNet.

Deviations: poolings of VGG16 are 2x2 (the authors' release makes them 3x3), but for the two without stride, which are
3x3; fc6 and fc7 begin at random, not with weights picked from VGG16's; the loss is taken at the size of the picture,
not at an eighth of it; v2's maximum over scales is left to ``--scales``, which averages.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from visus._errors import InputError
from visus.nets import registry
from visus.nets.segmentation.pyramid import drop_classifier
from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.vgg import GROUPS, Weights, convolution, fill_from_imagenet, initialize
from visus.ops import upsample

STRIDE = 8
RATES = {"large_fov": (12,), "aspp": (6, 12, 18, 24)}


class DeepLab(Segmenter):
    """DeepLab without its CRF: 20,505,429 parameters on VGG16 with a large field of view and 21 classes.

    Chen et al. 2015 (v1) and 2018 (v2).

    Args:
        classes: Number of classes.
        head: ``"large_fov"`` or ``"aspp"``.
        backbone: ``"vgg16"``, as in v1, or a network of convolutions.
        weights: ``"imagenet"`` for the backbone, or None.

    Raises:
        InputError: There is no such head or backbone, or the backbone cannot be dilated.
        WeightsError: The weights are not at hand.
    """

    multiple = 8
    least = 32

    def __init__(
        self,
        *,
        classes: int,
        head: Literal["large_fov", "aspp"] = "large_fov",
        backbone: str = "vgg16",
        weights: Weights = None,
    ) -> None:
        super().__init__()
        if head not in RATES:
            raise InputError(f"The head of DeepLab must be one of {', '.join(RATES)}, not {head!r}.")
        self.name, self.classes, self.channels = "deeplab", classes, 3
        self.dense = registry.network_of(backbone).dense
        self.backbone = dilated_vgg16(weights) if backbone == "vgg16" else Dilated(backbone, weights)
        channels = 512 if isinstance(self.backbone, nn.Sequential) else self.backbone.channels
        build = _vgg_branch if backbone == "vgg16" else _branch
        self.branches = nn.ModuleList(build(channels, classes, rate) for rate in RATES[head])

    def body(self) -> Iterator[nn.Module]:
        """The backbone, which may hold trained weights."""
        yield self.backbone

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W)`` float, sides a multiple of 8, to logits ``(N, classes, H, W)``.

        Raises:
            InputError: A side is no multiple of 8, or less than 32.
        """
        self.check(x.shape[2:])
        x = self.backbone(x)  # (N, C, H/8, W/8)
        scores = self.branches[0](x)
        for branch in list(self.branches)[1:]:
            scores = scores + branch(x)  # (N, classes, H/8, W/8)
        return upsample.bilinear(scores, STRIDE)


def _vgg_branch(channels: int, classes: int, rate: int) -> nn.Sequential:
    """fc6, fc7 and the scores."""
    branch = nn.Sequential(
        nn.Conv2d(channels, 1024, 3, padding=rate, dilation=rate),
        nn.ReLU(True),
        nn.Dropout(0.5),
        nn.Conv2d(1024, 1024, 1),
        nn.ReLU(True),
        nn.Dropout(0.5),
        nn.Conv2d(1024, classes, 1),
    )
    initialize(branch)
    nn.init.normal_(branch[-1].weight, std=0.01)  # pyright: ignore[reportArgumentType]
    return branch


def _branch(channels: int, classes: int, rate: int) -> nn.Conv2d:
    """The scores."""
    layer = nn.Conv2d(channels, classes, 3, padding=rate, dilation=rate)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer


def dilated_vgg16(weights: Weights) -> nn.Sequential:
    """VGG16 whose fourth and fifth pooling keep their size; the fifth group is dilated by 2.

    Chen et al. 2015, section 3.1.

    Args:
        weights: ``"imagenet"`` or None.

    Raises:
        WeightsError: The weights are not at hand.

    >>> with torch.device("meta"):
    ...     x = dilated_vgg16(None)(torch.zeros(1, 3, 64, 96))
    >>> tuple(x.shape)
    (1, 512, 8, 12)
    """
    own, channels = [], 3
    for level, widths in enumerate(GROUPS):
        layers: list[nn.Module] = []
        for width in widths:
            layers += convolution(channels, width, batch_norm=False, dilation=2 if level == 4 else 1)
            channels = width
        own.append(nn.Sequential(*layers))
    if weights == "imagenet":
        fill_from_imagenet(own)
    else:
        for group in own:
            initialize(group)
    layers = []
    for level, group in enumerate(own):
        layers += [group, nn.MaxPool2d(2) if level < 3 else nn.MaxPool2d(3, 1, padding=1)]
    return nn.Sequential(*layers)


class Dilated(nn.Module):
    """A backbone whose last map has stride 8 (Chen et al. 2015, section 3.1).

    Args:
        name: Name of a classification network that is a row of convolutions.
        weights: ``"imagenet"`` or None.

    Attributes:
        channels: Channels of the map.

    Raises:
        InputError: The network is unknown, or cannot be dilated.
        WeightsError: The weights are not at hand.
    """

    def __init__(self, name: str, weights: Weights) -> None:
        super().__init__()
        backbone = registry.create(name, weights=weights)
        drop_classifier(backbone)
        dilate(backbone.net)
        side = 128
        with torch.inference_mode():
            last = backbone.features(torch.zeros(1, 3, side, side))[-1]
        if last.shape[-1] * STRIDE != side:
            raise InputError(
                f"{name} cannot be dilated to stride 8; choose for example efficientnet_lite0 or resnet50."
            )
        self.channels = int(last.shape[1])
        self.net = backbone.net
        self._backbone = (backbone,)  # in a tuple, so that its layers are not registered twice

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W)`` float to ``(N, channels, H/8, W/8)``."""
        return self._backbone[0].features(x)[-1]


def dilate(net: nn.Module) -> None:
    """Take the stride from every layer that would go beyond 8, and dilate the convolutions behind it instead.

    The weights stay as they are, and so does what each convolution sees (v1 section 3.1, "hole algorithm").

    Args:
        net: The network, which is changed; its layers must stand in the order in which they follow each other.

    >>> halves = [nn.Conv2d(3, 3, 3, stride=2, padding=1) for _ in range(4)]
    >>> net = nn.Sequential(*halves, nn.Conv2d(3, 3, 3, padding=1))
    >>> dilate(net)
    >>> [(layer.stride[0], layer.dilation[0]) for layer in net]
    [(2, 1), (2, 1), (2, 1), (1, 1), (1, 2)]
    """
    stride, rate, kept = 1, 1, True
    for layer in net.modules():
        if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            continue
        kernel, step = _pair(layer.kernel_size)[0], _pair(layer.stride)[0]
        before = rate
        if step > 1:
            if kernel > 1:  # a 1x1 convolution with stride is the shortcut beside a layer that was just seen
                kept = stride * step <= STRIDE
                stride, rate = (stride * step, rate) if kept else (stride, rate * step)
            if not kept:
                layer.stride = (1, 1)
        if isinstance(layer, nn.Conv2d) and kernel > 1 and before > 1:
            layer.dilation = (before, before)
            padding = layer.padding
            if not isinstance(padding, str) and padding[0] == kernel // 2:
                layer.padding = (before * padding[0],) * 2


def _pair(value: int | tuple[int, ...] | None) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value or 1,) * 2
