"""A classification network cut in two: a map at stride 16 of the whole picture, and what follows it for each box.

VGG16 and ZFNet are cut as in Fast and Faster R-CNN: behind the last convolution, whose boxes go through fc6 and fc7. A
ResNet is cut as in He et al. (CVPR 2016, appendix A), "C4": the stage behind stride 16 and the mean over its positions
serve each box; an EfficientNet likewise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from visus._errors import InputError, WeightsError
from visus.nets import registry
from visus.nets import weights as _weights
from visus.nets.backbones import TimmBackbone
from visus.nets.segmentation.vgg import Weights

STRIDE = 16
_SIDE = 224


class Body(nn.Sequential):
    """Layers up to a map, the first of which can stay as they are.

    Girshick 2015 (section 4.5) lets VGG16 learn from conv3_1 on, and He et al. 2016 leave the first stage alone.

    Attributes:
        kept: How many layers stay as they are.
        below: What runs these, for example compiled for this CPU; None for themselves.
    """

    kept: int = 0
    below: Callable[[Tensor], Tensor] | None = None

    def keep(self, stride: int) -> list[nn.Module]:
        """Let the layers whose maps have at most some stride stay as they are.

        Returns:
            These layers.

        >>> body = Body(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1))
        >>> len(body.keep(4))
        3
        >>> body.kept, body[2].weight.requires_grad, body[3].weight.requires_grad
        (3, False, True)
        """
        self.kept = _last_at_stride(list(self), stride) + 1
        kept = list(self)[: self.kept]
        for layer in kept:
            layer.requires_grad_(False)
        return kept

    def forward(self, input: Tensor) -> Tensor:
        """``(N, 3, H, W)`` float to the map."""
        x, start = input, 0
        if self.below is not None:
            with torch.no_grad():
                x, start = self.below(x), self.kept
        for layer in list(self)[start:]:
            x = layer(x)
        return x


@dataclass(frozen=True, slots=True)
class Halves:
    """A network cut in two (VGG16 and ZFNet as in Girshick 2015, a ResNet as in He et al. 2016, appendix A).

    Attributes:
        body: ``(N, 3, H, W)`` to ``(N, channels, H/16, W/16)``.
        head: ``(boxes, channels, size, size)`` to ``(boxes, dimension)``.
        channels: Of the map.
        dimension: Of what the head gives.
        size: Side of a pooled box.
        fixed: Whether the head takes maps of no other size.
    """

    body: Body
    head: nn.Module
    channels: int
    dimension: int
    size: int
    fixed: bool = False


def cut(name: str, weights: Weights = None) -> Halves:
    """Cut a classification network in two, at stride 16 (Girshick 2015; He et al. 2016, appendix A).

    Args:
        name: ``vgg16``, ``zfnet``, a ResNet of torchvision, or an EfficientNet of timm.
        weights: ``"imagenet"`` or None.

    Raises:
        InputError: The network is unknown, or cannot be cut.
        WeightsError: The weights are not at hand.

    >>> with torch.device("meta"):
    ...     halves = cut("vgg16")
    >>> halves.channels, halves.size, halves.dimension
    (512, 7, 4096)
    """
    backbone = registry.create(name, weights=weights)
    net: Any = backbone.net
    if name == "vgg16":
        head = nn.Sequential(nn.Flatten(), *net.classifier[:-1])
        return Halves(Body(*net.features[:30]), head, 512, 4096, 7, fixed=True)
    if name == "zfnet":
        return Halves(Body(*net["stages"][:3]), net["hidden"], 256, 4096, 6, fixed=True)
    if all(hasattr(net, part) for part in ("conv1", "bn1", "relu", "maxpool", "layer4", "avgpool")):
        body = Body(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3)
        head = nn.Sequential(net.layer4, net.avgpool, nn.Flatten())
        return _measured(body, head, 14)
    of_timm = all(hasattr(net, part) for part in ("conv_stem", "bn1", "blocks", "conv_head", "bn2"))
    if isinstance(backbone, TimmBackbone) and of_timm:
        stages = [nn.Sequential(net.conv_stem, net.bn1), *net.blocks]
        place = _last_at_stride(stages)
        tail = nn.Sequential(net.conv_head, net.bn2, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return _measured(Body(*stages[: place + 1]), nn.Sequential(*stages[place + 1 :], tail), 7)
    raise InputError(
        f"{name} cannot be cut at stride {STRIDE}; take vgg16, zfnet, resnet18, resnet34, resnet50 or an EfficientNet."
    )


def preprocessing(name: str) -> _weights.Preprocessing:
    """What a backbone expects of a picture; one for which there are no weights gets ImageNet's mean and deviation.

    >>> preprocessing("googlenet").mean, preprocessing("resnet18").mean
    ((0.5, 0.5, 0.5), (0.485, 0.456, 0.406))
    """
    try:
        return _weights.preprocessing(name)
    except WeightsError:
        return _weights.Preprocessing()


def _last_at_stride(stages: Sequence[nn.Module], stride: int = STRIDE) -> int:
    """The last stage whose map has at most some stride."""
    x, at = torch.zeros(1, 3, _SIDE, _SIDE), -1
    with torch.inference_mode():
        for place, stage in enumerate(stages):
            x = stage.eval()(x)
            at = place if x.shape[-1] >= _SIDE // stride else at
    return at


def _measured(body: Body, head: nn.Module, size: int) -> Halves:
    """Find out how many channels the halves have."""
    with torch.inference_mode():
        found = body.eval()(torch.zeros(1, 3, _SIDE, _SIDE))
        dimension = head.eval()(torch.zeros(1, found.shape[1], size, size)).shape[1]
    return Halves(body, head, found.shape[1], dimension, size)


def hold_norms(net: nn.Module) -> None:
    """Let batch normalization keep the means that it came with: a step sees too few pictures for its own.

    He et al. 2016 (appendix A) hold them too.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    >>> hold_norms(net)
    >>> [layer.training for layer in net]
    [True, False, True]
    """
    _hold(net, nn.BatchNorm2d)


def hold_chance(net: nn.Module) -> None:
    """Let a network give its losses without dropout and with the means that it has; boxes are still drawn by chance.

    Dropout: Srivastava et al. 2014. Batch normalization: Ioffe and Szegedy 2015.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    >>> hold_chance(net)
    >>> [layer.training for layer in net]
    [True, False, False]
    """
    _hold(net, nn.BatchNorm2d, nn.Dropout)


def _hold(net: nn.Module, *kinds: type[nn.Module]) -> None:
    for layer in net.modules():
        if isinstance(layer, kinds):
            layer.eval()


def as_features(x: Tensor) -> dict[str, Tensor]:
    """A map as torchvision's parts take it: they know several levels. Boxes need 32 bits, and so does their map.

    Args:
        x: ``(N, C, h, w)`` of any float dtype.

    Returns:
        The map, float32, as the only level of a pyramid (Lin et al. 2017).

    >>> {level: tuple(x.shape) for level, x in as_features(torch.zeros(1, 8, 4, 4)).items()}
    {'0': (1, 8, 4, 4)}
    """
    return {"0": x.float()}
