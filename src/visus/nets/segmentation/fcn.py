"""FCN: Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015.

Three networks, each trained from the one before (section 4.2): FCN-32s scores the last map and upsamples 32 times;
FCN-16s adds scores of pool4 to those of the last map, upsampled twice; FCN-8s adds scores of pool3 in the same way.

Deviations: the borders are padded where they are needed (by 1 in conv1, by 3 in fc6), in place of 100 pixels around
the picture, so that all maps lie on top of each other; pool3 and pool4 are not scaled by 0.0001 and 0.01 before they
are scored, since the learning rate of Adam does not depend on it; the scores of the last map begin at random, not at
zero; the upsamplings by 2 are learned, as the paper has it (section 3.3), where the authors' release keeps them
bilinear, as ``release=True`` does; biases learn at the rate of the weights, where the release has twice the rate and no
decay (decay is left away here too). On another backbone than VGG16 the last map is scored directly, without fc6 and
fc7.
"""

from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from visus._errors import InputError
from visus.nets import registry
from visus.nets.segmentation.pyramid import Pyramid
from visus.nets.segmentation.segmenter import Segmenter
from visus.nets.segmentation.vgg import Convolutional, Weights, fill_from_imagenet, groups
from visus.ops import upsample


class Vgg16(nn.Module):
    """VGG16 turned convolutional (section 3.1): pool3, pool4, and the map behind fc7.

    Attributes:
        channels: Channels of the three maps.
    """

    channels = (256, 512, 4096)

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        own = groups(3, batch_norm=False)
        if weights == "imagenet":
            fill_from_imagenet(own)
        self.groups = nn.ModuleList(own)
        self.pool = nn.MaxPool2d(2)
        self.fc = Convolutional(weights)

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(N, 3, H, W)`` float to ``(N, 256, H/8, W/8)``, ``(N, 512, H/16, W/16)``, ``(N, 4096, H/32, W/32)``."""
        maps = []
        for group in self.groups:
            x = self.pool(group(x))
            maps.append(x)
        return [maps[2], maps[3], self.fc(maps[4])]


class Fcn(Segmenter):
    """FCN-32s, FCN-16s or FCN-8s (Long et al. 2015, section 4.2).

    Args:
        classes: Number of classes.
        stride: 32, 16 or 8: of the finest map that is scored.
        backbone: ``"vgg16"``, as in the paper, or any with maps at strides 8, 16 and 32.
        release: Whether the upsamplings by 2 are fixed, as in the authors' release.
        weights: ``"imagenet"`` for the backbone, or None.

    Raises:
        InputError: The stride is another, or the backbone is unknown or has no maps at these strides.
        WeightsError: The weights are not at hand.
    """

    multiple = 32
    least = 32

    def __init__(
        self, *, classes: int, stride: int, backbone: str = "vgg16", release: bool = False, weights: Weights = None
    ) -> None:
        super().__init__()
        if stride not in (8, 16, 32):
            raise InputError(f"The stride of FCN must be 8, 16 or 32, not {stride}.")
        self.name, self.classes, self.channels, self.stride = f"fcn{stride}s", classes, 3, stride
        self.dense = registry.network_of(backbone).dense
        self.backbone = Vgg16(weights) if backbone == "vgg16" else Pyramid(backbone, weights)
        third, fourth, last = self.backbone.channels
        self.score = nn.Conv2d(last, classes, 1)
        nn.init.zeros_(self.score.bias)  # pyright: ignore[reportArgumentType]
        # Section 4.2: the new layers begin at zero, so that the network begins with the answers of the one before.
        if stride <= 16:
            self.up2, self.score_pool4 = _twice(classes, release), _zero(fourth, classes)
        if stride <= 8:
            self.up4, self.score_pool3 = _twice(classes, release), _zero(third, classes)

    def body(self) -> Iterator[nn.Module]:
        """The backbone, which may hold trained weights."""
        yield self.backbone

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W)`` float, sides a multiple of 32, to logits ``(N, classes, H, W)``.

        Raises:
            InputError: A side is no multiple of 32.
        """
        self.check(x.shape[2:])
        return self.scored(self.backbone(x))

    def scored(self, maps: Sequence[Tensor]) -> Tensor:
        """The scores of the maps of the backbone, added from coarse to fine (Long et al. 2015, section 4.2).

        Args:
            maps: Float, ``(N, channels, H/8, W/8)``, then at strides 16 and 32.

        Returns:
            Logits ``(N, classes, H, W)`` float.
        """
        pool3, pool4, last = maps
        scores = self.score(last)  # (N, classes, H/32, W/32)
        if self.stride <= 16:
            scores = self.up2(scores) + self.score_pool4(pool4)  # (N, classes, H/16, W/16)
        if self.stride <= 8:
            scores = self.up4(scores) + self.score_pool3(pool3)  # (N, classes, H/8, W/8)
        return upsample.bilinear(scores, self.stride)  # section 4.3: the last upsampling is fixed


def fcn32s(*, classes: int, backbone: str = "vgg16", weights: Weights = None) -> Fcn:
    """FCN-32s: the scores of the last map, upsampled 32 times (Long et al. 2015, section 4.2).

    Its arguments, and those of the others, are described with :class:`Fcn`.

    >>> import torch
    >>> with torch.device("meta"):
    ...     net = fcn32s(classes=21)
    >>> sum(p.numel() for p in net.parameters())
    134346581
    """
    return Fcn(classes=classes, stride=32, backbone=backbone, weights=weights)


def fcn16s(*, classes: int, backbone: str = "vgg16", release: bool = False, weights: Weights = None) -> Fcn:
    """FCN-16s: with the scores of pool4 (Long et al. 2015, section 4.2).

    >>> import torch
    >>> with torch.device("meta"):
    ...     net = fcn16s(classes=21)
    >>> net.score.in_channels, net.score_pool4.in_channels
    (4096, 512)
    """
    return Fcn(classes=classes, stride=16, backbone=backbone, release=release, weights=weights)


def fcn8s(*, classes: int, backbone: str = "vgg16", release: bool = False, weights: Weights = None) -> Fcn:
    """FCN-8s: with the scores of pool4 and pool3 (Long et al. 2015, section 4.2).

    >>> import torch
    >>> with torch.device("meta"):
    ...     logits = fcn8s(classes=21)(torch.zeros(1, 3, 64, 96))
    >>> tuple(logits.shape)
    (1, 21, 64, 96)
    """
    return Fcn(classes=classes, stride=8, backbone=backbone, release=release, weights=weights)


class _Twice(nn.Module):
    """The fixed upsampling by 2."""

    def forward(self, x: Tensor) -> Tensor:
        return upsample.bilinear(x, 2)


def _twice(classes: int, release: bool) -> nn.Module:
    """An upsampling by 2: fixed, or learned from bilinear interpolation on (section 3.3)."""
    if release:
        return _Twice()
    layer = nn.ConvTranspose2d(classes, classes, 4, stride=2, padding=upsample.bilinear_padding(2), bias=False)
    layer.weight.data.copy_(upsample.bilinear_kernel(classes, 2))
    return layer


def _zero(channels: int, classes: int) -> nn.Conv2d:
    """A score layer that begins at zero."""
    layer = nn.Conv2d(channels, classes, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer
