"""Classification networks seen as backbones: stages, embedding, classifier.

Each backbone answers three questions about a batch ``(N, 3, H, W)``:

* ``features(x)``: the output of every stage, from fine to coarse, as a list of ``(N, C, h, w)``;
* ``embed(x)``: what the last linear layer sees, ``(N, dimension)``;
* ``forward(x)``: the logits, ``(N, classes)``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from visus._errors import InputError


class Backbone(nn.Module, ABC):
    """A classification network with its stages in view.

    What its hidden layers give serves other tasks than the one that it was trained for (Donahue et al. 2014).

    Attributes:
        name: Name of the network.
        net: The network itself, as its library built it.
        dimension: Length of the embedding.
        classes: Number of classes of the classifier.
    """

    name: str
    net: nn.Module
    dimension: int
    classes: int

    @property
    @abstractmethod
    def head(self) -> nn.Linear:
        """The last linear layer, from the embedding to the logits."""

    @abstractmethod
    def features(self, x: Tensor, stages: int | None = None) -> list[Tensor]:
        """The output of every stage, from fine to coarse.

        Args:
            x: ``(N, C, H, W)`` float, prepared as the network expects it.
            stages: How many, the finest ones; what comes behind them does not run. None for all.

        Returns:
            Of each stage ``(N, C', h, w)`` float.
        """

    @abstractmethod
    def last(self, x: Tensor) -> Tensor:
        """The last feature map before pooling.

        Args:
            x: ``(N, C, H, W)`` float, prepared as the network expects it.

        Returns:
            Usually ``(N, C', h, w)`` float.
        """

    @abstractmethod
    def pool(self, last: Tensor) -> Tensor:
        """From the last feature map to the embedding.

        Args:
            last: What :meth:`last` gives, usually ``(N, C', h, w)`` float.

        Returns:
            ``(N, dimension)`` float.
        """

    def row(self) -> list[nn.Module]:
        """Its layers one after the other, from the picture to the last map; empty where it is no such row.

        On the last map follow :meth:`pool` and :attr:`head`, and nothing else.
        """
        return []

    def embed(self, x: Tensor) -> Tensor:
        """What the last linear layer sees.

        Args:
            x: ``(N, C, H, W)`` float, prepared as the network expects it.

        Returns:
            ``(N, dimension)`` float.
        """
        return self.pool(self.last(x))

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits that training looks at: those of the network, then those of its auxiliary classifiers.

        Args:
            x: ``(N, C, H, W)`` float, prepared as the network expects it.

        Returns:
            Of each classifier ``(N, classes)`` float.
        """
        return [self(x)]

    def pools_by_average(self, size: int, *, channels: int = 3) -> bool:
        """Whether the embedding is the mean of the last map over its positions, found by trying.

        Only then does the similarity of two pictures split into parts that their positions contribute.

        Args:
            size: Side of the square input in pixels.
            channels: Channels of the input.

        Returns:
            False too where the last map is not four-dimensional, or has its channels last.
        """
        parameter = next(self.parameters())
        picture = torch.rand(1, channels, size, size, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            last = self.last(picture.to(parameter))
            if last.ndim != 4:
                return False
            mean = last.mean(dim=(2, 3))
            pooled = self.pool(last)
        return mean.shape == pooled.shape and torch.allclose(mean, pooled, rtol=1e-4, atol=1e-5)


# torchvision's networks cut into stages, each ending where the picture is about to be halved.
_STAGES: dict[str, Callable[[Any], list[nn.Module]]] = {
    "alexnet": lambda n: [n.features[:2], n.features[2:5], n.features[5:12], n.features[12:]],
    # conv1_2, conv2_2, conv3_3, conv4_3, conv5_3, pool5
    "vgg16": lambda n: [
        n.features[:4],
        n.features[4:9],
        n.features[9:16],
        n.features[16:23],
        n.features[23:30],
        n.features[30:],
    ],
    "googlenet": lambda n: [
        n.conv1,
        nn.Sequential(n.maxpool1, n.conv2, n.conv3),
        nn.Sequential(n.maxpool2, n.inception3a, n.inception3b),
        nn.Sequential(n.maxpool3, n.inception4a, n.inception4b, n.inception4c, n.inception4d, n.inception4e),
        nn.Sequential(n.maxpool4, n.inception5a, n.inception5b),
    ],
    "resnet": lambda n: [
        nn.Sequential(n.conv1, n.bn1, n.relu),
        nn.Sequential(n.maxpool, n.layer1),
        n.layer2,
        n.layer3,
        n.layer4,
    ],
}


class StagedBackbone(Backbone):
    """A network that is a row of stages, hidden layers on the flattened map, and one linear layer.

    The maps within a stage are of one size, as in conv1 to conv5_x of a ResNet (He et al. 2016, table 1).

    Args:
        name: Name of the network.
        net: The network itself.
        stages: Its stages; each ends where the picture is about to be halved.
        hidden: From the last map to the embedding.
        head: From the embedding to the logits.
    """

    def __init__(
        self, name: str, net: nn.Module, stages: Sequence[nn.Module], hidden: nn.Module, head: nn.Linear
    ) -> None:
        super().__init__()
        self.name = name
        self.net = net
        self.dimension, self.classes = head.in_features, head.out_features
        # The same layers once more under other names: held in a tuple, they are not registered twice.
        self._parts = (list(stages), hidden, head)

    @property
    def head(self) -> nn.Linear:
        """The last linear layer."""
        return self._parts[2]

    def features(self, x: Tensor, stages: int | None = None) -> list[Tensor]:
        """The output of every stage, from fine to coarse.

        Args:
            x: ``(N, C, H, W)`` float.
            stages: How many, the finest ones; None for all.

        Returns:
            Of each stage ``(N, C', h, w)`` float.
        """
        outputs = []
        for stage in list(self._parts[0])[:stages]:
            x = stage(x)
            outputs.append(x)
        return outputs

    def row(self) -> list[nn.Module]:
        """The layers and blocks of all stages."""
        return list(_flat(self._parts[0]))

    def last(self, x: Tensor) -> Tensor:
        """The last feature map before pooling: ``(N, C, H, W)`` float to ``(N, C', h, w)``."""
        return self.features(x)[-1]

    def pool(self, last: Tensor) -> Tensor:
        """From the last feature map, ``(N, C', h, w)`` float, to the embedding, ``(N, dimension)``."""
        return self._parts[1](last)

    def forward(self, x: Tensor) -> Tensor:
        """From pictures, ``(N, C, H, W)`` float, to the logits, ``(N, classes)``."""
        return self._parts[2](self.embed(x))


def _flat(layers: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """Layers and blocks, without what only holds them in a row."""
    for layer in layers:
        if type(layer) is nn.Sequential:
            yield from _flat(layer)
        else:
            yield layer


def of_torchvision(name: str, net: nn.Module) -> StagedBackbone:
    """AlexNet, VGG16, GoogLeNet or a ResNet of torchvision, as their library defines them.

    AlexNet is that of Krizhevsky 2014; the others are those of Simonyan and Zisserman 2015, Szegedy et al. 2015 and
    He et al. 2016. The embedding of AlexNet and VGG16 is fc7 after its ReLU (4096 values), that of the others the
    globally averaged last map.

    Args:
        name: ``alexnet``, ``vgg16``, ``googlenet``, ``resnet18``, ``resnet34`` or ``resnet50``.
        net: The network of torchvision, without auxiliary heads.
    """
    whole: Any = net
    if hasattr(net, "classifier"):  # AlexNet, VGG: linear layers after the convolutions
        hidden = nn.Sequential(whole.avgpool, nn.Flatten(), *whole.classifier[:-1])
        head: nn.Linear = whole.classifier[-1]
    else:
        hidden = nn.Sequential(whole.avgpool, nn.Flatten(), getattr(whole, "dropout", nn.Identity()))
        head = whole.fc
    return StagedBackbone(name, net, _STAGES[name if name in _STAGES else "resnet"](net), hidden, head)


class TimmBackbone(Backbone):
    """Any classification network of timm (Wightman 2019); EfficientNet-Lite is one of them.

    Args:
        name: Name in visus or in timm.
        net: The network of timm.

    Raises:
        InputError: The network does not give its stages.
    """

    def __init__(self, name: str, net: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.net = net
        self._timm: Any = (net,)  # untyped and unregistered, since timm's methods are not on nn.Module
        timm_net = self._timm[0]
        if not hasattr(timm_net, "forward_intermediates"):
            raise InputError(f"timm's {name} does not give its stages; choose another network.")
        self.dimension = getattr(timm_net, "head_hidden_size", timm_net.num_features)
        self.classes = timm_net.num_classes

    @property
    def head(self) -> nn.Linear:
        """The last linear layer."""
        return self._timm[0].get_classifier()

    def features(self, x: Tensor, stages: int | None = None) -> list[Tensor]:
        """The output of every stage (CNN) or block (transformer).

        Args:
            x: ``(N, C, H, W)`` float.
            stages: How many, the finest ones; None for all.

        Returns:
            Of each stage or block ``(N, C', h, w)`` float.
        """
        wanted = None if stages is None else list(range(stages))
        return self._timm[0].forward_intermediates(x, indices=wanted, stop_early=True, intermediates_only=True)

    def row(self) -> list[nn.Module]:
        """The layers and blocks of an EfficientNet; other networks of timm are not known to be rows."""
        from timm.models.efficientnet import EfficientNet

        net = self._timm[0]
        if not isinstance(net, EfficientNet):
            return []
        return list(_flat([net.conv_stem, net.bn1, net.blocks, net.conv_head, net.bn2]))

    def last(self, x: Tensor) -> Tensor:
        """The last feature map before pooling.

        Args:
            x: ``(N, C, H, W)`` float.

        Returns:
            ``(N, C', h, w)`` float; of transformers ``(N, tokens, C')``, or ``(N, h, w, C')`` of those with windows,
            for example Swin.
        """
        return self._timm[0].forward_features(x)

    def pool(self, last: Tensor) -> Tensor:
        """From the last feature map, laid out as :meth:`last` gives it, to the embedding, ``(N, dimension)`` float."""
        return self._timm[0].forward_head(last, pre_logits=True)

    def forward(self, x: Tensor) -> Tensor:
        """From pictures, ``(N, C, H, W)`` float, to the logits, ``(N, classes)``."""
        return self.net(x)
