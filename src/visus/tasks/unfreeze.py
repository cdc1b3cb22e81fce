"""Fine-tuning from the top down: lower layers learn later and more slowly.

Gradual unfreezing and discriminative rates are from Howard and Ruder, "Universal language model fine-tuning for text
classification" (ULMFiT), ACL 2018, sections 3.2 and 3.3; that low layers of picture networks are the general ones is
from Yosinski et al., "How transferable are features in deep neural networks?", NIPS 2014.
"""

from torch import nn

from visus.nets.backbones import Backbone

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

PARTS = 3
"""Into how many parts the body of a network is cut."""


def parts(net: Backbone) -> list[list[nn.Module]]:
    """The layers with parameters of the body, from the top part to the bottom part, of equal numbers of layers."""
    head = set(net.head.modules())
    layers = [m for m in net.net.modules() if next(m.parameters(recurse=False), None) is not None and m not in head]
    bounds = [round(k * len(layers) / PARTS) for k in range(PARTS + 1)]
    return [layers[bounds[k] : bounds[k + 1]] for k in reversed(range(PARTS))]


def rates(decay: float) -> list[float]:
    """The factor of the learning rate of each part, from the top down.

    >>> [round(rate, 3) for rate in rates(0.3)]
    [0.3, 0.09, 0.027]
    """
    return [decay ** (k + 1) for k in range(PARTS)]


def open_at(epoch: int, epochs: int, most: int = PARTS) -> int:
    """How many parts learn in an epoch: one at first, all that ever learn from a third of the training on.

    >>> [open_at(epoch, 6) for epoch in range(6)], [open_at(epoch, 6, most=2) for epoch in range(6)]
    ([1, 2, 3, 3, 3, 3], [1, 2, 2, 2, 2, 2])
    """
    return min(most, 1 + (2 * PARTS * epoch) // max(1, epochs))


def unfreeze(net: Backbone, count: int, *, keep_norms: bool = True) -> None:
    """Let the head and the ``count`` upper parts learn; the others keep their weights and running statistics.

    A layer that holds others, such as a block with a scale of its own, says nothing of those.

    Args:
        net: The network.
        count: How many parts learn.
        keep_norms: Whether batch normalization keeps its running statistics in the parts that learn too, where its
            scale and offset learn alone: a step of few pictures has other statistics than the pictures together.
    """
    net.train()
    for k, layers in enumerate(parts(net)):
        for layer in layers:
            layer.training = k < count and not (keep_norms and isinstance(layer, _NORMS))
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad_(k < count)
