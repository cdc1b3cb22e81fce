"""A segmenter that OpenVINO has compiled for pictures of one size, to answer many of them on this CPU."""

from collections import Counter
from collections.abc import Callable

from torch import Tensor, nn

from visus.nets.segmentation.pyramid import STRIDES, Pyramid
from visus.nets.segmentation.trained import Trained
from visus.runs.engine.compiled import compiled, compiled_layers

FEW = 15
"""Pictures of a size up to which it does not pay to compile."""

TOLERANCE = 1e-3
"""By how much a probability may differ, since sums are rounded in another order."""

_KEPT = 4  # stride
_SIZES = 4  # that are tried at most

Answer = Callable[[Tensor], Tensor]


class _Probabilities(nn.Module):
    """A trained segmenter as one module, from pictures to probabilities."""

    def __init__(self, network: Trained) -> None:
        super().__init__()
        self.net, self.normalize, self.window = network.net, network.normalize, network.about.window

    def forward(self, x: Tensor) -> Tensor:
        return self.net.whole(self.normalize(x), self.window).softmax(1)


def keep_lower(backbone: Pyramid, *, can_compile: bool) -> None:
    """Let the lowest layers of a backbone stay as they are in a training, and OpenVINO run them, where it can.

    Args:
        backbone: On the CPU.
        can_compile: Whether it trains on the CPU.
    """
    layers = backbone.keep(_KEPT)
    if layers and can_compile:
        backbone.below = compiled_layers(layers, 2 * max(STRIDES))


class Hastened:
    """Answers as a trained segmenter does, and sooner once it has seen several pictures of a size.

    Args:
        network: The segmenter, on its device.
    """

    def __init__(self, network: Trained) -> None:
        self.network = network
        self._seen: Counter[tuple[int, ...]] = Counter()
        self._compiled: dict[tuple[int, ...], Answer] = {}
        self._tried: set[tuple[int, ...]] = set()

    def probabilities(self, x: Tensor) -> Tensor:
        """The softmax for every position, ``(N, classes, *spatial)`` float32, of ``(N, C, *spatial)`` on the device."""
        size = tuple(x.shape[1:])
        if size in self._compiled:
            return self._compiled[size](x)
        found = self.network.probabilities(x)
        self._seen[size] += len(x)
        fresh = size not in self._tried and len(self._tried) < _SIZES
        if fresh and self._seen[size] >= FEW and x.device.type == "cpu":
            self._compile(size, x[:1], found[:1])
        return found

    def _compile(self, size: tuple[int, ...], x: Tensor, expected: Tensor) -> None:
        """Use what is compiled, where it answers as the network did."""
        self._tried.add(size)
        answer = compiled(_Probabilities(self.network).eval(), x)
        if answer and agrees(answer(x), expected):
            self._compiled[size] = answer


def agrees(own: Tensor, other: Tensor) -> bool:
    """Whether two answers are equal but for rounding.

    >>> import torch
    >>> agrees(torch.tensor([0.5]), torch.tensor([0.5004])), agrees(torch.tensor([0.5]), torch.tensor([0.6]))
    (True, False)
    """
    return own.shape == other.shape and bool((own - other).abs().max() <= TOLERANCE)
