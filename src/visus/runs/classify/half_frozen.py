"""A network whose lower layers stay as they are while the upper ones learn.

Most of what a training step costs on a CPU is spent in the lowest layers, where maps are large. As long as they stay as
they are, nothing of them has to be kept for gradients, and OpenVINO runs them several times sooner than PyTorch; so
they run apart.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from visus.nets.backbones import Backbone
from visus.ops import Normalize
from visus.runs.engine.compiled import compiled

MANY = 400
"""Pictures from which on it pays to compile: it takes as long as PyTorch takes for about so many."""

Below = Callable[[Tensor], Tensor]


class HalfFrozen(nn.Module):
    """From bytes ``(N, C, H, W)`` to logits ``(N, classes)``, as a network that learns.

    What is closed (see :mod:`visus.tasks.unfreeze`) from the first layer on runs apart, in evaluation mode; call
    :meth:`settle` whenever layers were opened or closed.

    Args:
        backbone: The network; its :meth:`~visus.nets.backbones.Backbone.row` is not empty.
        normalize: From bytes to its input.
        can_compile: Whether it stays on the CPU.
    """

    def __init__(self, backbone: Backbone, normalize: Normalize, *, can_compile: bool) -> None:
        super().__init__()
        self.net = backbone.net  # alone, so that checkpoints and measures name its layers as ever
        self.normalize = normalize
        self._backbone = (backbone,)
        self._row = tuple(backbone.row())
        self._can_compile = can_compile
        self._depth = 0
        self._compiled: dict[int, Below] = {}

    def settle(self, pictures: int, example: Tensor) -> None:
        """Take note of what is closed now.

        Args:
            pictures: How many will be seen until layers are opened again.
            example: A picture as a loader gives it, ``(1, C, H, W)`` uint8.
        """
        self._depth = closed(self._row)
        layers = [self.normalize, *self._row[: self._depth]]
        for layer in layers:
            layer.eval()
        if self._can_compile and self._depth and pictures >= MANY and self._depth not in self._compiled:
            found = compiled(copy.deepcopy(nn.Sequential(*layers)).requires_grad_(False), example)
            if found:
                self._compiled[self._depth] = found

    def embed(self, x: Tensor) -> Tensor:
        """What the last linear layer sees: bytes ``(N, C, H, W)`` to ``(N, dimension)`` float."""
        start = max((depth for depth in self._compiled if depth <= self._depth), default=0)
        with torch.no_grad():
            x = self._compiled[start](x) if start else self.normalize(x)
            x = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
            for layer in self._row[start : self._depth]:
                x = layer(x)
        for layer in self._row[self._depth :]:
            x = layer(x)
        return self._backbone[0].pool(x)

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits of bytes ``(N, C, H, W)`` alone: such networks have no auxiliary classifiers."""
        return [self(x)]

    def forward(self, x: Tensor) -> Tensor:
        """Bytes ``(N, C, H, W)`` to logits ``(N, classes)`` float."""
        return self._backbone[0].head(self.embed(x))


def closed(row: Sequence[nn.Module]) -> int:
    """How many layers learn nothing, from the first on.

    >>> row = [nn.Linear(1, 1).requires_grad_(False), nn.ReLU(), nn.Linear(1, 1), nn.ReLU()]
    >>> closed(row)
    2
    """
    for place, layer in enumerate(row):
        if any(parameter.requires_grad for parameter in layer.parameters()):
            return place
    return len(row)
