"""A classification network as the body of another: its maps at strides 8, 16 and 32."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from visus._errors import InputError
from visus.nets import registry
from visus.nets.backbones import Backbone, TimmBackbone
from visus.nets.segmentation.vgg import Weights

STRIDES = (8, 16, 32)
_SIDE = 128  # of a picture that is tried


class Pyramid(nn.Module):
    """The maps of a backbone at strides 8, 16 and 32, those that FCN scores (Long et al. 2015); nothing follows them.

    Args:
        name: Name of a classification network that is a row of convolutions.
        weights: ``"imagenet"`` or None.

    Attributes:
        channels: Channels of each of the three maps.
        kept: How many layers, from the first on, stay as they are in a training (see :meth:`keep`).
        below: What runs these, for example compiled for this CPU; None for themselves.

    Raises:
        InputError: The network is unknown, or has no maps at these strides.
        WeightsError: The weights are not at hand.
    """

    def __init__(self, name: str, weights: Weights) -> None:
        super().__init__()
        backbone = registry.create(name, weights=weights)
        self._places, self.channels = _places(backbone)
        drop_classifier(backbone)
        self.net = backbone.net
        self._backbone = (backbone,)  # in a tuple, so that its layers are not registered twice
        self.kept = 0
        self.below: Callable[[Tensor], Tensor] | None = None

    def keep(self, stride: int) -> list[nn.Module]:
        """Let the layers whose maps have at most some stride stay as they are, their norms too.

        Returns:
            These layers; none where the network is no row of layers.
        """
        row, x = self._backbone[0].row(), torch.zeros(1, 3, _SIDE, _SIDE)
        self.kept = 0
        with torch.inference_mode():
            for place, layer in enumerate(row, 1):
                x = layer.eval()(x)
                self.kept = place if x.shape[-1] >= _SIDE // stride else self.kept
        for layer in row[: self.kept]:
            layer.requires_grad_(False)
        return row[: self.kept]

    def train(self, mode: bool = True) -> Self:
        """As every module, but what is kept stays in evaluation mode."""
        super().train(mode)
        for layer in self._backbone[0].row()[: self.kept] if self.kept else ():
            layer.eval()
        return self

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(N, 3, H, W)`` float, sides a multiple of 32, to the three maps.

        Returns:
            ``(N, channels[k], H/stride, W/stride)`` float for strides 8, 16 and 32.
        """
        if self.below is None:
            maps = self._backbone[0].features(x)
            return [maps[place] for place in self._places]
        with torch.no_grad():
            x = self.below(x)
        found: dict[int, Tensor] = {}  # the last map of each width
        for layer in self._backbone[0].row()[self.kept :]:
            x = layer(x)
            found[x.shape[-1]] = x
        return list(found.values())[-len(STRIDES) :]


def _places(backbone: Backbone) -> tuple[list[int], list[int]]:
    """Which of the maps have strides 8, 16, 32 (the last of each), and their channels."""
    side = _SIDE
    try:
        with torch.inference_mode():
            maps = backbone.eval().features(torch.zeros(1, 3, side, side))
    except (AssertionError, RuntimeError) as error:  # a network of fixed size
        raise InputError(f"{backbone.name} cannot be the body of another network ({error}).") from error
    at = {side // m.shape[-1]: place for place, m in enumerate(maps) if m.ndim == 4}
    if not all(stride in at for stride in STRIDES):
        raise InputError(
            f"{backbone.name} has no maps at strides 8, 16 and 32; choose another backbone, for example "
            "efficientnet_lite0 or resnet18."
        )
    places = [at[stride] for stride in STRIDES]
    return places, [maps[place].shape[1] for place in places]


def drop_classifier(backbone: Backbone) -> None:
    """Take away the layers that lead from the last map to the classes (Long et al. 2015, section 4.1).

    Args:
        backbone: The network, which is changed.

    >>> with torch.device("meta"):
    ...     backbone = registry.create("vgg16")
    >>> drop_classifier(backbone)
    >>> backbone.net.classifier
    Identity()
    """
    net: Any = backbone.net
    if isinstance(backbone, TimmBackbone):
        net.prune_intermediate_layers(prune_norm=True, prune_head=True)
    elif hasattr(net, "fc"):
        net.fc = nn.Identity()
    elif hasattr(net, "classifier"):
        net.classifier = nn.Identity()
